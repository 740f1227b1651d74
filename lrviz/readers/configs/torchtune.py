"""torchtune's YAML recipes.

Keys, defaults and rounding as in torchtune 0.6.1 (recipes/full_finetune_single_device.py): an epoch has
len(dataloader) // gradient_accumulation_steps optimizer steps, at most max_steps_per_epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "torchtune recipe"
COMPONENT = "_component_"
COSINE = "get_cosine_schedule_with_warmup"


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is a recipe of torchtune's."""
    optimizer = keys.get("optimizer", Value(None)).data
    return isinstance(optimizer, dict) and COMPONENT in optimizer


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a recipe comes to."""
    for key in ("warmup_steps", "num_cycles"):
        config.ignore(f"profiler.{key}", "it is the profiler's")
    return {"run": _run(config), "optimizer": _optimizer(config), "scheduler": _scheduler(config)}


def _run(config: Config) -> Value:
    """Return the recipe's clock: the rounding of a plain loop."""
    found: dict[str, Any] = {"epochs": config.take("epochs", "run.epochs", 1), "drop_last": True}
    cap = config.number("max_steps_per_epoch", "run.steps_per_epoch")
    if cap is not None:
        why = f"an epoch ends after {cap:g} optimizer steps, if its data do not end before"
        config.need("steps_per_epoch", why)
    else:
        found["batch_size"] = config.take("batch_size", "run.batch_size")
        found["grad_accum"] = config.take("gradient_accumulation_steps", "run.grad_accum", 1)
        if "steps_per_epoch" not in config.given:
            is_packed = config.find("dataset.packed").data is True
            config.need("dataset_size", "the dataset is packed: packed sequences, not rows" if is_packed else "")
            config.need("world_size")
    return entries(found, config.name)


def _optimizer(config: Config) -> Value:
    target = str(config.take(f"optimizer.{COMPONENT}", "optimizer.name").data)
    found: dict[str, Any] = {"name": config.optimizer(target), "lr": config.take("optimizer.lr", "optimizer.lr")}
    if not config.has("optimizer.lr"):
        config.need("lr")
    if config.has("optimizer.weight_decay"):
        found["weight_decay"] = config.take("optimizer.weight_decay", "optimizer.weight_decay")
    return entries(found, config.name)


def _scheduler(config: Config) -> Value:
    """Return the cosine of the recipe, or a constant learning rate where it has no scheduler."""
    if not config.has("lr_scheduler"):
        config.assumed.append(("lr_scheduler", "none: the learning rate is constant"))
        return entries({"name": "hf-constant"}, config.name)
    target = str(config.take(f"lr_scheduler.{COMPONENT}", "scheduler.name").data)
    place = config.find("lr_scheduler").place
    if not target.endswith(COSINE):
        message = (
            f"the recipe calls it with num_training_steps, which {target.rpartition('.')[2]} does not take: TypeError"
        )
        config.refuse(f"lr_scheduler.{COMPONENT}", f"{message}; torchtune has {COSINE}")
    found: dict[str, Any] = {"name": "hf-cosine"}
    for key in config.keys("lr_scheduler"):
        if key in ("num_warmup_steps", "num_cycles"):
            found[key] = config.take(f"lr_scheduler.{key}", f"scheduler.{key}")
        elif key != COMPONENT:
            config.refuse(f"lr_scheduler.{key}", f"{COSINE} has no {key}; it has num_warmup_steps and num_cycles")
    if "num_warmup_steps" not in found:
        config.refuse("lr_scheduler", f"{COSINE} needs num_warmup_steps")
    return entries(found, place)
