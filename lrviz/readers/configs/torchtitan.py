"""torchtitan's TOML files: releases 0.1 to 0.2; from 0.3 on it has no config files.

Keys and defaults as in torchtitan 0.2.0 (config/job_config.py): everything that decides the schedule stands
in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.errors import listed, nearest
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "torchtitan TOML"
WITHOUT_EPOCHS = ("epochs", "dataset_size", "batch_size", "drop_last", "grad_accum", "world_size", "split_batches")
OPTIMIZERS = ("Adam", "AdamW")
READ = {
    "": ("training", "optimizer", "lr_scheduler"),
    "training": ("steps",),
    "optimizer": ("name", "lr", "beta1", "beta2", "weight_decay"),
}
KEYS = ("warmup_steps", "total_steps", "decay_ratio", "decay_type", "min_lr_factor")


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is torchtitan's."""
    training = keys.get("training", Value(None)).data
    if not isinstance(training, dict):
        return False
    own = {"lr_scheduler", "parallelism", "job"} & keys.keys()
    return len(own) >= (1 if "steps" in training else 2)


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a torchtitan run comes to."""
    config.idle(WITHOUT_EPOCHS, "torchtitan counts steps (training.steps), whatever the data are")
    config.ignore("validation.steps", "it counts the steps of a validation")
    run = entries({"steps": config.take("training.steps", "run.steps", 10_000)}, config.name)
    place = config.find("lr_scheduler").place or config.name
    return {"run": run, "optimizer": _optimizer(config), "scheduler": entries(_scheduler(config), place)}


def _scheduler(config: Config) -> dict[str, Any]:
    """Return the arguments of the schedule; lr_min is what 0.1.0 calls min_lr_factor, and was a factor, too."""
    found: dict[str, Any] = {"name": "torchtitan"}
    found["warmup_steps"] = config.take("lr_scheduler.warmup_steps", "scheduler.warmup_steps", 200)
    if config.has("lr_scheduler.lr_min") and config.has("lr_scheduler.min_lr_factor"):
        config.refuse("lr_scheduler.lr_min", "is min_lr_factor's name in torchtitan 0.1.0: give one of them")
    for key in config.keys("lr_scheduler"):
        name = "min_lr_factor" if key == "lr_min" else key
        if name not in KEYS:
            config.refuse(f"lr_scheduler.{key}", f"unknown key{nearest(key, KEYS) or f'; known are {listed(KEYS)}'}")
        elif name != "warmup_steps":
            found[name] = config.take(f"lr_scheduler.{key}", f"scheduler.{name}")
    return found


def _optimizer(config: Config) -> Value:
    name = config.word("optimizer.name", "optimizer.name", OPTIMIZERS, "AdamW")
    lr = config.take("optimizer.lr", "optimizer.lr", 8e-4)
    betas = [config.take(f"optimizer.beta{number}", "optimizer.betas", one) for number, one in ((1, 0.9), (2, 0.95))]
    found: dict[str, Any] = {"name": name, "lr": lr, "betas": Value([*betas], betas[0].place)}
    found["weight_decay"] = config.take("optimizer.weight_decay", "optimizer.weight_decay", 0.1)
    return entries(found, config.name)
