"""torchtune's YAML recipes.

Keys, defaults and rounding as in torchtune 0.6.1 (recipes/full_finetune_single_device.py): an epoch has
len(dataloader) // gradient_accumulation_steps optimizer steps, at most max_steps_per_epoch; the dataloader
drops the last, partial batch, always.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lrviz.errors import nearest, shown
from lrviz.experiment.frameworks import FRAMEWORKS, Loading
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, constant, entries

LABEL = "torchtune recipe"
COMPONENT = "_component_"
COSINE = "get_cosine_schedule_with_warmup"
ARGUMENTS = {"num_warmup_steps": "warmup_steps", "num_cycles": "num_cycles"}
READ = {
    "": (
        *("optimizer", "lr_scheduler", "epochs", "max_steps_per_epoch", "batch_size", "gradient_accumulation_steps"),
        "optimizer_in_bwd",
    ),
    "optimizer": ("_component_", "lr", "betas", "momentum", "weight_decay"),
}
REQUIRED = ("batch_size", "gradient_accumulation_steps")
MOST = 20  # names that stand for names

_NAME = re.compile(r"\$\{([\w.]+)\}")


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is a recipe of torchtune's."""
    optimizer = keys.get("optimizer", Value(None)).data
    return isinstance(optimizer, dict) and COMPONENT in optimizer


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a recipe comes to."""
    config.root = _interpolated(config, config.root)
    for key in ("warmup_steps", "num_cycles"):
        config.ignore(f"profiler.{key}", "it is the profiler's")
    if config.find("optimizer_in_bwd").data is True:
        _in_backward(config)
    return {"run": _run(config), "optimizer": _optimizer(config), "scheduler": _scheduler(config)}


def _interpolated(config: Config, value: Value) -> Value:
    """Return a tree with the scalars that OmegaConf's ${key} stands for; what is none stays a text."""
    if isinstance(value.data, dict):
        return Value({key: _interpolated(config, each) for key, each in value.data.items()}, value.place)
    if isinstance(value.data, list):
        return Value([_interpolated(config, each) for each in value.data], value.place)
    found, left = value, MOST
    while left and isinstance(found.data, str) and (match := _NAME.fullmatch(found.data)):
        found, left = config.find(match[1]), left - 1
    is_read = left and found.data is not None and not isinstance(found.data, (dict, list))
    return Value(found.data, value.place) if is_read else value


def _in_backward(config: Config) -> None:
    """Refuse what an optimizer in the backward pass does not take."""
    accumulated = config.find("gradient_accumulation_steps").data
    if isinstance(accumulated, int) and accumulated > 1:
        message = "optimizer_in_bwd needs 1: the recipe raises RuntimeError"
        config.refuse("gradient_accumulation_steps", message)
    if config.has("clip_grad_norm"):
        config.refuse("clip_grad_norm", "optimizer_in_bwd needs null: the recipe raises RuntimeError")


def _run(config: Config) -> Value:
    """Return the recipe's clock: the rounding of a plain loop."""
    found: dict[str, Any] = {}
    epochs = config.count("epochs", "run.epochs")
    if not config.has("epochs"):
        config.need("epochs")
    else:
        found["epochs"] = config.find("epochs")
    cap = config.count("max_steps_per_epoch", "run.steps")
    said = config.given.get("steps_per_epoch")
    if said is not None:
        if cap is not None and said > cap:
            message = f"an epoch ends after {cap:g} optimizer steps, and --steps-per-epoch is {said}"
            config.refuse("max_steps_per_epoch", message)
        return entries(found, config.name)
    for key, field in zip(REQUIRED, ("batch_size", "grad_accum"), strict=True):
        config.count(key, f"run.{field}")
        if config.has(key):
            found[field] = config.find(key)
        elif field not in config.given:
            config.refuse(key, "missing: the recipe needs it")
    found["drop_last"] = True
    config.need("dataset_size", _why(config, cap))
    config.need("world_size", _replicas(config))
    if cap is not None and epochs is not None and _counted(config, found) > cap:
        del found["epochs"]
        found["steps"] = Value(int(epochs * cap), config.find("max_steps_per_epoch").place)
    return entries(found, config.name)


def _why(config: Config, cap: float | None) -> str:
    if config.find("dataset.packed").data is True:
        return "the dataset is packed: packed sequences, not rows"
    return "" if cap is None else f"an epoch ends after {cap:g} optimizer steps, if its data do not end before"


def _replicas(config: Config) -> str:
    parallel = config.find("tensor_parallel_dim").data
    return f"without the {parallel} of tensor_parallel_dim" if isinstance(parallel, int) and parallel > 1 else ""


def _counted(config: Config, found: Mapping[str, Any]) -> int:
    """Return how many optimizer steps the data of an epoch have, 0 where that is not known."""
    plain = {name: value.data for name, value in found.items() if isinstance(value, Value)}
    known = [{**plain, **config.given}.get(name) for name in ("dataset_size", "batch_size", "grad_accum", "world_size")]
    sizes = [each for each in known if isinstance(each, int) and each > 0]
    if len(sizes) < len(known):
        return 0
    samples, batch, accum, devices = sizes
    loading = Loading(
        samples=samples, batch=batch, drop_last=True, accum=accum, devices=devices, split=False, release=()
    )
    return FRAMEWORKS["plain"](loading).updates or 0


def _optimizer(config: Config) -> Value:
    target = config.take(f"optimizer.{COMPONENT}", "optimizer.name")
    found: dict[str, Any] = {"name": Value(config.optimizer(str(target.data)), target.place)}
    config.number("optimizer.lr", "optimizer.lr")
    if not config.has("optimizer.lr"):
        config.need("lr")
    found["lr"] = config.find("optimizer.lr")
    for name in ("betas", "momentum", "weight_decay"):
        if config.has(f"optimizer.{name}"):
            found[name] = config.take(f"optimizer.{name}", f"optimizer.{name}")
    return entries(found, config.name)


def _scheduler(config: Config) -> Value:
    """Return the cosine of the recipe, or a constant learning rate where it has no scheduler."""
    if not config.has("lr_scheduler"):
        config.assumed.append(("lr_scheduler", "none: the learning rate is constant"))
        return constant(config.name)
    place = config.find("lr_scheduler").place
    target = config.take(f"lr_scheduler.{COMPONENT}", "scheduler.name")
    word = str(target.data).rpartition(".")[2]
    if word != COSINE:
        is_torch = str(target.data).startswith("torch.")
        own = f"; torchtune has {COSINE}"
        unknown = f"unknown {shown(target.plain())}{nearest(word, [COSINE]) or own}"
        typed = f"the recipe calls it with num_training_steps, which {word} does not take: TypeError{own}"
        config.refuse(f"lr_scheduler.{COMPONENT}", typed if is_torch else unknown)
        return Value({}, place)
    found: dict[str, Any] = {"name": Value("warmup-cosine", target.place), "preset": "torchtune"}
    for key in config.keys("lr_scheduler"):
        if key in ARGUMENTS:
            name = ARGUMENTS[key]
            found[name] = config.take(f"lr_scheduler.{key}", f"scheduler.{name}")
        elif key != COMPONENT:
            hint = nearest(key, ARGUMENTS) or f"; it has {' and '.join(ARGUMENTS)}"
            config.refuse(f"lr_scheduler.{key}", f"{COSINE} has no {key}{hint}")
    if "warmup_steps" not in found:
        config.refuse("lr_scheduler", f"{COSINE} needs num_warmup_steps")
    return entries(found, place)
