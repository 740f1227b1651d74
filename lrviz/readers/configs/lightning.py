"""Lightning CLI's YAML.

Keys and rounding as in lightning 2.6.6 (cli.py, trainer/trainer.py, loops/utilities.py). The schedulers that the CLI
builds step once an epoch, always: an argument that counts steps counts epochs. What stands among the model's arguments
the module's configure_optimizers builds, whose interval no file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.errors import ELSEWHERE, counted, nearest, shown
from lrviz.experiment.frameworks import FRAMEWORKS, Framework, Loading, ceil
from lrviz.experiment.optimizers import momentum_name
from lrviz.experiment.origin import KeyRead
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import ReduceLROnPlateau, SchedulerSpec
from lrviz.experiment.schedulers.catalogue import CORE
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import OR_STEPS, Config, Entries, entries

LABEL = "Lightning CLI"
ARGUMENTS = "init_args"
COUNTS_STEPS = ("total_steps", "steps_per_epoch")
TORCH = ("", "torch.optim.lr_scheduler", "torch.optim.swa_utils")
OWN = ("", "lightning.pytorch.cli", "pytorch_lightning.cli")  # where the CLI's ReduceLROnPlateau is, with a monitor
CONTAINERS = ("SequentialLR", "ChainedScheduler")
FUNCTIONS = ("LambdaLR", "MultiplicativeLR")
LENGTHS = {"CosineAnnealingLR": ("T_max",), "OneCycleLR": ("total_steps", "epochs")}
ENDLESS = 1000  # epochs of a Trainer that is told no end
CLASS = ("class_path", "init_args")
READ = {
    "": ("trainer", "optimizer", "lr_scheduler"),
    "trainer": ("max_epochs", "max_steps", "accumulate_grad_batches", "devices", "num_nodes", "limit_train_batches"),
    "optimizer": CLASS,
    "lr_scheduler": CLASS,
}
CUTS = ("overfit_batches", "limit_train_batches")  # the first goes before the second


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is Lightning CLI's."""
    trainer = keys.get("trainer", Value(None)).data
    return isinstance(trainer, dict) and bool({"model", "data", "lr_scheduler"} & keys.keys())


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a LightningCLI run comes to."""
    return {"run": _run(config), "optimizer": _optimizer(config), "scheduler": _scheduler(config)}


def _run(config: Config) -> Value:
    """Return Lightning's clock: as many epochs, or as many steps, as end first."""
    found: dict[str, Any] = {"framework": "lightning"}
    updates = _epoch(config, found)
    steps, epochs = config.number("trainer.max_steps", "run.steps", -1), config.find("trainer.max_epochs")
    has_steps = steps is not None and steps > 0
    if epochs.data is None and not has_steps:
        if config.has("trainer.max_time"):
            config.need("epochs", "trainer.max_time decides them")
        epochs = config.take("trainer.max_epochs", "run.epochs", ENDLESS)
    total = config.number("trainer.max_epochs", "run.epochs") if config.has("trainer.max_epochs") else ENDLESS
    if total == -1 and not has_steps:
        config.refuse("trainer.max_epochs", "-1 has no end; give max_epochs or max_steps")
    elif has_steps and (total in (None, -1) or (updates and (steps or 0) < (total or 0) * updates)):
        found["steps"] = config.find("trainer.max_steps")
        config.ignore("trainer.max_epochs", f"max_steps, {steps:g}, ends the run first")
    else:
        found["epochs"] = epochs
        if has_steps:
            config.ignore("trainer.max_steps", "max_epochs ends the run first")
    return entries(found, config.name)


def _epoch(config: Config, found: dict[str, Any]) -> int | None:
    """Take what an epoch has, and return how many optimizer steps that is, None where the file cannot know it."""
    if "steps_per_epoch" in config.given:
        return config.said("steps_per_epoch")
    batch = next((key for key in ("data.init_args.batch_size", "data.batch_size") if config.has(key)), "")
    if not batch:
        config.need("steps_per_epoch", "nor data.batch_size to count them from")
        return None
    found["batch_size"] = config.take(batch, "run.batch_size")
    found["grad_accum"] = config.take("trainer.accumulate_grad_batches", "run.grad_accum", 1)
    config.need("dataset_size", OR_STEPS)
    devices = _devices(config, found)
    loop = _loop(config.said("dataset_size"), found["batch_size"].data, found["grad_accum"].data, devices)
    cut = _cut(config)
    if loop is None or loop.batches is None:
        return None
    if not cut:
        return loop.updates
    return _cut_epoch(config, cut, loop.batches, loop.gathers, found)


def _loop(samples: Any, batch: Any, accum: Any, devices: Any) -> Framework | None:
    """Return Lightning's loop over the data, None where one of the sizes is not known."""
    if not all(type(size) is int and size > 0 for size in (samples, batch, accum, devices)):
        return None
    data = Loading(samples=samples, batch=batch, accum=accum, devices=devices, drop_last=False, split=False, release=())
    return FRAMEWORKS["lightning"](data)


def _cut(config: Config) -> str:
    """Return the key that cuts the epochs, empty where none does; a problem where it is no count and no share."""
    cut = next((key for key in CUTS if config.find(f"trainer.{key}").data not in (None, 0)), "")
    key = f"trainer.{cut or CUTS[1]}"
    limit: Any = config.find(key).data
    if not cut:
        if limit is not None:
            config.refuse(key, f"{limit}: nothing is trained")
        return ""
    if type(limit) not in (int, float) or limit < 0 or (limit > 1 and limit != int(limit)):
        config.refuse(key, f"must be a number of batches, or a share from 0.0 to 1.0, not {shown(limit)}")
        return ""
    return "" if type(limit) is float and limit == 1 else key


def _cut_epoch(config: Config, key: str, batches: int, gathers: int, found: dict[str, Any]) -> int | None:
    """Put the optimizer steps of an epoch that is cut in place of the data that they are counted from."""
    limit: Any = config.find(key).data
    left = int(batches * limit) if type(limit) is float and limit < 1 else min(batches, int(limit))
    if not left:
        config.refuse(key, f"{limit} of {counted(batches, 'batch', 'batches')} is none: Lightning stops with an error")
        return None
    text = f"{limit}, {left:,} of {counted(batches, 'batch', 'batches')}"
    config.read.append(KeyRead(key, text, config.find(key).place, "run.steps_per_epoch"))
    for name in ("batch_size", "grad_accum", "world_size"):
        found.pop(name, None)
    config.used |= {"dataset_size", "world_size"}
    found["steps_per_epoch"] = Value(ceil(left, gathers), config.find(key).place)
    return ceil(left, gathers)


def _devices(config: Config, found: dict[str, Any]) -> int | None:
    """Take the number of devices where the file says it."""
    devices, nodes = config.find("trainer.devices"), config.number("trainer.num_nodes", "run.world_size", 1) or 1
    if "world_size" in config.given:
        return config.said("world_size")
    count = _count(devices)
    if count is None:
        config.need("world_size", f"trainer.devices is {shown(devices.plain())}" if devices.data is not None else "")
        return None
    config.take("trainer.devices", "run.world_size")
    found["world_size"] = Value(int(count * nodes), devices.place)
    return int(count * nodes)


def _count(devices: Value) -> int | None:
    """Return how many devices `2`, `[0, 1]` or `"0,1"` are; None for `auto` and -1, which take what is there."""
    if isinstance(devices.data, list):
        return len(devices.data) or None
    if isinstance(devices.data, str) and "," in devices.data:
        return len([part for part in devices.data.split(",") if part.strip()]) or None
    return devices.data if type(devices.data) is int and devices.data > 0 else None


def _block(config: Config, *names: str) -> str:
    """Return the key of a class's block: at the top, or among the model's arguments."""
    keys = [*names[:1], *(f"model.{ARGUMENTS}.{name}" for name in names), *(f"model.{name}" for name in names)]
    return next((key for key in keys if isinstance(config.find(key).data, (dict, list, str))), "")


def _class(config: Config, key: str, became: str) -> Value:
    """Return the path of a block's class, which may be all that the block is; UNSET where there is none."""
    block = config.find(key)
    if isinstance(block.data, list):
        config.refuse(key, "must be one class: LightningCLI takes no list")
        return Value(None)
    path = key if isinstance(block.data, str) else f"{key}.class_path"
    found = config.take(path, became)
    if found.data is not None and not isinstance(found.data, str):
        config.refuse(path, f"must be the name of a class, not {shown(found.plain())}")
        return Value(None)
    return found


def _optimizer(config: Config) -> Value:
    key = _block(config, "optimizer")
    found: dict[str, Any] = {}
    target = _class(config, key, "optimizer.name") if key else Value(None)
    arguments = f"{key}.{ARGUMENTS}" if target.data is not None else key  # a program may fix the class
    if target.data is not None:
        name = config.optimizer(str(target.data))
        found["name"] = Value(name, target.place)
        has = {
            "weight_decay": True,
            "momentum": momentum_name(name) == "momentum",
            "betas": momentum_name(name) == "beta1",
        }
        for argument in (argument for argument in has if has[argument] and config.has(f"{arguments}.{argument}")):
            found[argument] = config.take(f"{arguments}.{argument}", f"optimizer.{argument}")
    inner = () if key == "optimizer" else ("model.init_args.lr", "model.init_args.learning_rate", "model.lr")
    lr = next((each for each in (f"{arguments}.lr", *inner) if config.has(each)), "")
    if lr:
        config.number(lr, "optimizer.lr")
        found["lr"] = config.find(lr)
    else:
        config.need("lr")
    return entries(found, config.find(key).place if key else config.name)


def _scheduler(config: Config) -> Value:
    key = _block(config, "lr_scheduler", "scheduler")
    optimizer = _block(config, "optimizer")
    if not key and optimizer:
        config.assumed.append(("lr_scheduler", "none: the learning rate is constant"))
        return entries({"name": "constant", "factor": 1.0}, config.name)
    if not key:
        message = "the file has no lr_scheduler and no optimizer: the module's code makes them"
        config.refuse("model", message, ELSEWHERE)
        return Value({}, config.name)
    if key == "lr_scheduler" and not optimizer:
        message = "LightningCLI takes no lr_scheduler without an optimizer: the module's code makes both"
        config.refuse(key, message, ELSEWHERE)
    if key != "lr_scheduler":
        config.assumed.append(("interval", "epoch; where the module's configure_optimizers says step: --interval step"))
    target = _class(config, key, "scheduler.name")
    spec = _spec(config, key, target)
    if spec is None:
        return Value({}, config.find(key).place)
    found: dict[str, Any] = {"name": Value(spec.name, target.place)}
    for name in config.keys(f"{key}.{ARGUMENTS}"):
        _argument(config, spec, f"{key}.{ARGUMENTS}", name, found)
    lengths = LENGTHS.get(spec.__name__, ())
    if lengths and not found.keys() & set(lengths):
        config.refuse(key, f"{spec.__name__} needs {lengths[0]}: torch has no default for it")
    return entries(found, config.find(key).place)


def _spec(config: Config, key: str, target: Value) -> type[SchedulerSpec] | None:
    """Return the scheduler of a class's path, which the CLI can build; None, and a problem, for what is none."""
    if target.data is None:
        if not config.problems:
            config.refuse(key, "has no class_path: the program fixes the class; write it, such as CosineAnnealingLR")
        return None
    module, _, name = str(target.data).rpartition(".")
    known = {spec.__name__: spec for spec in CORE if spec.module}
    place = key if isinstance(config.find(key).data, str) else f"{key}.class_path"
    if module not in (*TORCH, *OWN):
        message = f"{shown(target.data)} is not torch's; lrviz plot MODULE:CLASS replays a scheduler of your own"
    elif name not in known:
        hint = nearest(name, known) or "; it is no scheduler of torch's"
        message = f"unknown {shown(name)}{hint}"
    elif name in CONTAINERS:
        message = f"LightningCLI cannot build a {name} from a file: what is in it needs the optimizer"
    elif name in FUNCTIONS:
        message = f"{name} takes a function, which no file holds"
    elif name == ReduceLROnPlateau.__name__ and module not in OWN:
        message = "torch's own has no monitor, without which Lightning stops: write class_path: ReduceLROnPlateau"
    elif name == ReduceLROnPlateau.__name__ and not config.has(f"{key}.{ARGUMENTS}.monitor"):
        message = "ReduceLROnPlateau needs a monitor in its init_args"
    else:
        if name == ReduceLROnPlateau.__name__:
            config.need("metric", f"monitor is {shown(config.find(f'{key}.{ARGUMENTS}.monitor').plain())}")
        return known[name]
    config.refuse(place, message)
    return None


def _argument(config: Config, spec: type[SchedulerSpec], block: str, name: str, found: dict[str, Any]) -> None:
    """Take an argument of the scheduler, and say where it counts steps."""
    if spec is ReduceLROnPlateau and name == "monitor":
        config.ignore(f"{block}.{name}", "scheduler.metric says what it has")
        return
    if name in ("last_epoch", "verbose"):
        config.ignore(f"{block}.{name}", "it changes no learning rate")
        return
    known = [each for each, kind in arg_types(spec).items() if not kind.extra]
    if name not in known:
        config.refuse(f"{block}.{name}", f"{spec.__name__} has no argument {shown(name)}{nearest(name, known)}")
        return
    found[name] = config.take(f"{block}.{name}", f"scheduler.{name}")
    if name in COUNTS_STEPS and block.startswith("lr_scheduler"):
        message = f"the CLI steps a scheduler once an epoch, always: {name} counts epochs here, not steps"
        fix = "write it in epochs, or configure the scheduler in the module with interval: step"
        config.trap("cli-interval-epoch", f"{block}.{name}", message, fix)
