"""Lightning CLI's YAML.

Keys and rounding as in lightning 2.6.6 (cli.py, trainer/trainer.py). The schedulers that the CLI builds step
once an epoch, always: an argument that counts steps counts epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.errors import SpecError, shown
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import ReduceLROnPlateau, SchedulerSpec, lookup
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "Lightning CLI"
ARGUMENTS = "init_args"
COUNTS_STEPS = ("total_steps", "steps_per_epoch")


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is Lightning CLI's."""
    trainer = keys.get("trainer", Value(None)).data
    return isinstance(trainer, dict) and bool({"model", "data", "lr_scheduler"} & keys.keys())


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a LightningCLI run comes to."""
    return {"run": _run(config), "optimizer": _optimizer(config), "scheduler": _scheduler(config)}


def _run(config: Config) -> Value:
    found: dict[str, Any] = {"framework": "lightning"}
    steps = config.number("trainer.max_steps", "run.steps", -1)
    epochs = config.number("trainer.max_epochs", "run.epochs")
    if steps is not None and steps > 0 and epochs is None:
        found["steps"] = config.find("trainer.max_steps")
    elif epochs is None:
        config.refuse("trainer", "says neither max_epochs nor max_steps")
    else:
        found["epochs"] = config.find("trainer.max_epochs")
        if steps is not None and steps > 0:
            config.ignore("trainer.max_steps", "the run ends at max_epochs here; --steps shows the other end")
    found["grad_accum"] = config.take("trainer.accumulate_grad_batches", "run.grad_accum", 1)
    if "steps_per_epoch" in config.given:
        del found["grad_accum"]
        return entries(found, config.name)
    batch = next((key for key in ("data.init_args.batch_size", "data.batch_size") if config.has(key)), "")
    if not batch:
        config.need("steps_per_epoch")
        del found["grad_accum"]
        return entries(found, config.name)
    found["batch_size"] = config.take(batch, "run.batch_size")
    config.need("dataset_size")
    _devices(config, found)
    return entries(found, config.name)


def _devices(config: Config, found: dict[str, Any]) -> None:
    """Take the number of devices where the file says it."""
    devices, nodes = config.find("trainer.devices"), config.number("trainer.num_nodes", "run.world_size", 1) or 1
    if "world_size" in config.given:
        return
    if type(devices.data) is int and devices.data > 0:
        config.take("trainer.devices", "run.world_size")
        found["world_size"] = Value(int(devices.data * nodes), devices.place)
    else:
        config.need("world_size", f"trainer.devices is {shown(devices.plain())}" if devices.data is not None else "")


def _block(config: Config, name: str) -> str:
    """Return the key of a class's block: at the top, or among the model's arguments."""
    return next((key for key in (name, f"model.{ARGUMENTS}.{name}") if config.has(key)), "")


def _optimizer(config: Config) -> Value:
    key = _block(config, "optimizer")
    found: dict[str, Any] = {}
    lr = f"{key}.{ARGUMENTS}.lr" if key else ""
    lr = next((each for each in (lr, "model.init_args.lr", "model.lr") if each and config.has(each)), "")
    if key:
        target = config.take(f"{key}.class_path", "optimizer.name")
        target = config.find(key) if isinstance(config.find(key).data, str) else target
        found["name"] = Value(config.optimizer(str(target.data)), target.place)
        for name in ("momentum", "betas", "weight_decay"):
            if config.has(f"{key}.{ARGUMENTS}.{name}"):
                found[name] = config.take(f"{key}.{ARGUMENTS}.{name}", f"optimizer.{name}")
    if lr:
        found["lr"] = config.take(lr, "optimizer.lr")
    else:
        config.need("lr")
    return entries(found, config.find(key).place if key else config.name)


def _scheduler(config: Config) -> Value:
    key = _block(config, "lr_scheduler")
    if not key:
        config.assumed.append(("lr_scheduler", "none: the learning rate is constant"))
        return entries({"name": "constant", "factor": 1.0}, config.name)
    block = config.find(key)
    target = block if isinstance(block.data, str) else config.find(f"{key}.class_path")
    word = str(target.data).rpartition(".")[2]
    config.take(key if target is block else f"{key}.class_path", "scheduler.name")
    try:
        spec = lookup("ReduceLROnPlateau" if word == "ReduceLROnPlateau" else word)
    except SpecError as error:
        config.refuse(f"{key}.class_path", str(error))
        return Value({}, block.place)
    found: dict[str, Any] = {"name": Value(spec.name, target.place)}
    for name in config.keys(f"{key}.{ARGUMENTS}"):
        _argument(config, spec, f"{key}.{ARGUMENTS}", name, found)
    if spec is ReduceLROnPlateau:
        config.need("metric")
    return entries(found, block.place)


def _argument(config: Config, spec: type[SchedulerSpec], block: str, name: str, found: dict[str, Any]) -> None:
    """Take an argument of the scheduler, and say where it counts steps."""
    if name in ("last_epoch", "verbose") or (spec is ReduceLROnPlateau and name == "monitor"):
        config.ignore(f"{block}.{name}", "it changes no learning rate")
        return
    if name not in arg_types(spec):
        config.refuse(f"{block}.{name}", f"{spec.__name__} has no argument {name}")
        return
    found[name] = config.take(f"{block}.{name}", f"scheduler.{name}")
    if name in COUNTS_STEPS:
        message = f"the CLI steps a scheduler once an epoch, always: {name} counts epochs here, not steps"
        fix = "write it in epochs, or configure the scheduler in the module with interval: step"
        config.trap("cli-interval-epoch", f"{block}.{name}", message, fix)
