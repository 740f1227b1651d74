"""nanoGPT's config/*.py: assignments over the globals of its train.py.

Keys, defaults and the count of updates as in nanoGPT's train.py of December 2024 (`get_lr`, and a loop that ends
where `iter_num > max_iters`): everything that decides the schedule stands in the file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, constant, entries

LABEL = "nanoGPT config"
SCHEDULE = {"max_iters": 600_000, "lr_decay_iters": 600_000, "warmup_iters": 2000, "decay_lr": True, "min_lr": 6e-5}
READ = {"": (*SCHEDULE, "learning_rate", "beta1", "beta2", "weight_decay")}
OTHERS = {
    *("learning_rate", "beta1", "beta2", "grad_clip", "eval_interval", "eval_iters", "log_interval", "init_from"),
    *("block_size", "n_layer", "n_head", "n_embd", "always_save_checkpoint", "gradient_accumulation_steps"),
    *("wandb_run_name", "wandb_log"),
}
WITHOUT_EPOCHS = ("epochs", "dataset_size", "batch_size", "drop_last", "grad_accum", "world_size", "split_batches")


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is nanoGPT's."""
    own = SCHEDULE.keys() & keys.keys()
    return bool(own) and len(own) + len(OTHERS & keys.keys()) >= 3


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that train.py with this config comes to."""
    config.unreadable("*")
    config.idle(WITHOUT_EPOCHS, "nanoGPT counts iterations (max_iters), whatever the data are")
    config.ignore("gradient_accumulation_steps", "an iteration is an update, however many batches it gathers")
    if config.find("eval_only").data is True:
        config.refuse("eval_only", "True: nothing is trained")
    if config.find("init_from").data == "resume":
        config.ignore("init_from", "this is the whole run, not what is left of one that is resumed")
    return {"run": _run(config), "optimizer": _optimizer(config), "scheduler": _scheduler(config)}


def _run(config: Config) -> Value:
    """Return the run, which has an update more than max_iters."""
    last = _number(config, "max_iters", "run.steps")
    if not isinstance(last.data, (int, float)):
        return entries({}, config.name)
    return entries({"steps": Value(math.floor(last.data) + 1, last.place)}, config.name)


def _optimizer(config: Config) -> Value:
    betas = [_number(config, key, "optimizer.betas", default) for key, default in (("beta1", 0.9), ("beta2", 0.95))]
    found: dict[str, Any] = {"name": "AdamW", "lr": _number(config, "learning_rate", "optimizer.lr", 6e-4)}
    found["betas"] = Value([*betas], betas[0].place)
    found["weight_decay"] = _number(config, "weight_decay", "optimizer.weight_decay", 0.1)
    return entries(found, config.name)


def _scheduler(config: Config) -> Value:
    """Return the warmup and the cosine, or a constant learning rate."""
    decays = config.take("decay_lr", "scheduler.name", SCHEDULE["decay_lr"])
    if not isinstance(decays.data, bool):
        config.refuse("decay_lr", "must be True or False")
    if decays.data is False:
        if config.find("warmup_iters").data:
            message = "decay_lr = False holds the learning rate: there is no warmup"
            config.trap("warmup-ignored", "warmup_iters", message, "remove warmup_iters, or set decay_lr = True")
        return constant(decays.place)
    found: dict[str, Any] = {"name": Value("warmup-cosine", decays.place), "preset": "nanogpt"}
    for key, field in (("warmup_iters", "warmup_steps"), ("lr_decay_iters", "total_steps"), ("min_lr", "min_lr")):
        found[field] = _number(config, key, f"scheduler.{field}")
    return entries(found, config.name)


def _number(config: Config, key: str, became: str, default: float | None = None) -> Value:
    """Return a number with its line; one that a division made whole is whole."""
    number = config.number(key, became, SCHEDULE.get(key, default))
    whole = isinstance(number, float) and number.is_integer() and key.endswith("iters")
    return Value(int(number) if whole and number is not None else number, config.find(key).place or config.name)
