"""torchtitan's TOML files: releases 0.1 to 0.2; from 0.3 on it has no config files.

Keys and defaults as in torchtitan 0.2.0 (config/job_config.py): everything that decides the schedule stands
in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "torchtitan TOML"
WITHOUT_EPOCHS = ("epochs", "dataset_size", "batch_size", "drop_last", "grad_accum", "world_size", "split_batches")
OPTIMIZERS = ("Adam", "AdamW")


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is torchtitan's."""
    training = keys.get("training", Value(None)).data
    is_titan = isinstance(training, dict) and "steps" in training
    return is_titan and bool({"lr_scheduler", "parallelism", "job"} & keys.keys())


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a torchtitan run comes to."""
    config.idle(WITHOUT_EPOCHS, "torchtitan counts steps (training.steps), whatever the data are")
    config.ignore("validation.steps", "it counts the steps of a validation")
    run = entries({"steps": config.take("training.steps", "run.steps", 10_000)}, config.name)
    found: dict[str, Any] = {"name": "torchtitan"}
    found["warmup_steps"] = config.take("lr_scheduler.warmup_steps", "scheduler.warmup_steps", 200)
    for key in ("total_steps", "decay_ratio", "decay_type", "min_lr_factor"):
        if config.has(f"lr_scheduler.{key}"):
            found[key] = config.take(f"lr_scheduler.{key}", f"scheduler.{key}")
    if config.has("lr_scheduler.lr_min"):  # what 0.1.0 calls it
        found["min_lr_factor"] = config.take("lr_scheduler.lr_min", "scheduler.min_lr_factor")
    place = config.find("lr_scheduler").place or config.name
    return {"run": run, "optimizer": _optimizer(config), "scheduler": entries(found, place)}


def _optimizer(config: Config) -> Value:
    name = config.word("optimizer.name", "optimizer.name", OPTIMIZERS, "AdamW")
    lr = config.take("optimizer.lr", "optimizer.lr", 8e-4)
    betas = [config.take(f"optimizer.beta{number}", "optimizer.betas", one) for number, one in ((1, 0.9), (2, 0.95))]
    found: dict[str, Any] = {"name": name, "lr": lr, "betas": Value([*betas], betas[0].place)}
    found["weight_decay"] = config.take("optimizer.weight_decay", "optimizer.weight_decay", 0.1)
    return entries(found, config.name)
