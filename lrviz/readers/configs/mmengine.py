"""mmengine's .py configs, those of mmdetection, mmsegmentation and mmpretrain among them.

Keys, defaults and order as in mmengine 0.10.7 (runner/runner.py, runner/loops.py, hooks/param_scheduler_hook.py):
a schedule counts epochs or iterations, never optimizer steps, and ends with the run where it does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrviz.errors import listed, nearest, shown
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import lookup
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import UNSET, Config, Entries, constant, entries

LABEL = "mmengine config"
OWN = {"param_scheduler", "optim_wrapper", "train_cfg", "_base_", "train_dataloader", "default_scope"}
OLD = {"lr_config", "runner", "optimizer_config", "total_epochs"}  # mmcv 1's
TYPES = {
    "LinearLR": "mmengine-linear",
    "ConstantLR": "mmengine-constant",
    "StepLR": "mmengine-step",
    "MultiStepLR": "mmengine-multistep",
    "ExponentialLR": "mmengine-exponential",
    "CosineAnnealingLR": "mmengine-cosine",
    "PolyLR": "mmengine-poly",
    "CosineRestartLR": "mmengine-restart",
    "OneCycleLR": "mmengine-onecycle",
}
READ = {
    "": ("param_scheduler", "optim_wrapper", "train_cfg", "train_dataloader"),
    "train_cfg": ("type", "by_epoch", "max_epochs", "max_iters"),
    "optim_wrapper": ("type", "optimizer", "accumulative_counts"),
    "optim_wrapper.optimizer": ("type", "lr", "betas", "momentum", "weight_decay"),
}
OTHERS = ("Momentum", "ParamScheduler")
LOOPS = {"EpochBasedTrainLoop": True, "IterBasedTrainLoop": False}
COUNTS = ("begin", "end", "T_max", "milestones", "step_size", "total_steps", "periods")
LOADING = ("epochs", "dataset_size", "batch_size", "drop_last", "steps_per_epoch")
ACCUMULATED = "optim_wrapper.accumulative_counts"


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is mmengine's, or mmcv's."""
    return len((OWN | OLD) & keys.keys()) >= 2 or bool({"param_scheduler", "lr_config", "_base_"} & keys.keys())


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a Runner with this config comes to."""
    config.unreadable("*")
    config.unreadable("_base_")
    if config.has("lr_config"):
        config.refuse("lr_config", "it is mmcv 1's, another language than mmengine's param_scheduler, and not read")
    for block in ("optim_wrapper", "train_cfg", "train_dataloader"):
        config.keys(block)
    by_epoch = _by_epoch(config)
    if config.problems:
        return {}
    schedulers = list(_schedulers(config))
    run = _epochs(config) if by_epoch else _iterations(config, schedulers)
    _count(config, schedulers)
    place = config.find("param_scheduler").place or config.name
    found = entries({"name": "mmengine", "schedulers": Value([*schedulers], place)}, place)
    if not schedulers:
        config.assumed.append(("param_scheduler", "none: the learning rate is constant"))
        found = constant(config.name)
    return {"run": entries(run, config.name), "optimizer": _optimizer(config), "scheduler": found}


def _by_epoch(config: Config) -> bool:
    """Return whether the training loop counts epochs; one of another's making does if it has max_epochs."""
    config.unreadable("train_cfg.type")
    config.unreadable("train_cfg.by_epoch")
    kind = config.find("train_cfg.type").data
    if config.problems:
        return True
    if kind is not None and config.has("train_cfg.by_epoch"):
        config.refuse("train_cfg", "says type and by_epoch, of which mmengine takes one")
    elif kind is not None:
        return LOOPS.get(str(kind).rpartition(".")[2], config.has("train_cfg.max_epochs"))
    elif not config.has("train_cfg"):
        config.refuse("train_cfg", "missing: it says for how long the run is, max_epochs or max_iters")
    elif not config.has("train_cfg.by_epoch"):
        config.refuse("train_cfg", "needs by_epoch or type, to say what it counts")
    return config.find("train_cfg.by_epoch").data is not False


def _epochs(config: Config) -> Entries:
    """Return the run of a loop that counts epochs."""
    found: dict[str, Any] = {"framework": "mmengine"}
    found["epochs"] = config.take("train_cfg.max_epochs", "run.epochs")
    if not config.has("train_cfg.max_epochs"):
        config.refuse("train_cfg", "needs max_epochs")
    return found | _loading(config)


def _loading(config: Config) -> dict[str, Any]:
    """Return what says how many iterations an epoch has, as far as the file knows it."""
    found: dict[str, Any] = {}
    if config.has(ACCUMULATED):
        found["grad_accum"] = config.take(ACCUMULATED, "run.grad_accum")
    if "steps_per_epoch" in config.given:
        return found
    if config.has("train_dataloader.batch_size"):
        found["batch_size"] = config.take("train_dataloader.batch_size", "run.batch_size")
    else:
        config.need("batch_size")
    if config.has("train_dataloader.drop_last"):
        found["drop_last"] = config.take("train_dataloader.drop_last", "run.drop_last")
    config.need("dataset_size", _repeated(config))
    config.need("world_size")
    return found


def _repeated(config: Config) -> str:
    kind, times = config.find("train_dataloader.dataset.type").data, config.find("train_dataloader.dataset.times").data
    return f"a RepeatDataset: {times} times its rows" if kind == "RepeatDataset" and times else ""


def _iterations(config: Config, schedulers: list[Value]) -> Entries:
    """Return the run of a loop that counts iterations: to its schedules, it is one epoch."""
    found: dict[str, Any] = {"framework": "mmengine"}
    found["steps"] = config.take("train_cfg.max_iters", "run.steps")
    if not config.has("train_cfg.max_iters"):
        config.refuse("train_cfg", "needs max_iters")
    converted = [each for each in schedulers if _is(each, "convert_to_iter_based", False)]
    waiting = [each for each in schedulers if _is(each, "by_epoch", True) and each not in converted]
    if converted and waiting:
        config.refuse("param_scheduler", "some schedules count epochs and some convert them, in a loop without epochs")
    if converted:
        for each in converted:
            _fields(each).setdefault("end", Value(1, each.place))
        return found | _loading(config)
    config.idle(LOADING, "the run counts iterations (train_cfg.max_iters), whatever the data are")
    if config.has(ACCUMULATED):
        found["grad_accum"] = config.take(ACCUMULATED, "run.grad_accum")
    if waiting:
        found["steps_per_epoch"] = config.find("train_cfg.max_iters")
    for each in waiting:
        message = "it counts epochs, by_epoch's default, and a loop of iterations is one epoch: it never moves on"
        config.trap_at(each, "epoch-never-ends", message, "write by_epoch=False, and its lengths in iterations")
    return found


def _is(scheduler: Value, key: str, default: bool) -> bool:
    return bool(_fields(scheduler).get(key, Value(default)).data)


def _fields(scheduler: Value) -> Entries:
    return scheduler.data if isinstance(scheduler.data, dict) else {}


def _count(config: Config, schedulers: list[Value]) -> None:
    """Note schedules that count iterations where several of them make an optimizer step."""
    accumulated = config.find(ACCUMULATED).data
    for each in schedulers if isinstance(accumulated, int) and accumulated > 1 else ():
        fields = _fields(each)
        key = next((key for key in COUNTS if fields.get(key, UNSET).data), None)
        if key and not _is(each, "by_epoch", True):
            message = f"its {key} counts iterations, of which {accumulated:,} make one optimizer step"
            fix = f"write it {accumulated:,} times as long where optimizer steps are meant"
            config.trap_at(fields[key], "accumulation-not-counted", message, fix)


def _optimizer(config: Config) -> Value:
    block = "optim_wrapper.optimizer"
    if config.has("optim_wrapper.constructor") and not config.has(block):
        names = [key for key, value in config.keys("optim_wrapper").items() if isinstance(value.data, dict)]
        config.refuse("optim_wrapper", f"has several optimizers ({listed(names)}), of which lrviz replays one")
        return Value({}, config.name)
    found: dict[str, Any] = {}
    if config.has(f"{block}.type"):
        target = config.take(f"{block}.type", "optimizer.name")
        found["name"] = Value(config.optimizer(str(target.data)), target.place)
    for name in ("momentum", "betas", "weight_decay"):
        if config.has(f"{block}.{name}"):
            found[name] = config.take(f"{block}.{name}", f"optimizer.{name}")
    config.ignore("optim_wrapper.paramwise_cfg", "its multiples of the learning rate have the same schedule")
    found["lr"] = _scaled(config, config.number(f"{block}.lr", "optimizer.lr"), config.find(f"{block}.lr").place)
    if not config.has(f"{block}.lr"):
        config.need("lr")
    return entries(found, config.find(block).place or config.name)


def _scaled(config: Config, lr: float | None, place: str) -> Value:
    """Return the learning rate that the batch of all devices makes of the one in the file."""
    if config.find("auto_scale_lr.enable").data is not True:
        config.ignore("auto_scale_lr", "enable is not True, unless the command that trains says --auto-scale-lr")
        return Value(lr, place)
    base = config.number("auto_scale_lr.base_batch_size", "optimizer.lr")
    batch: Any = config.given.get("batch_size") or config.find("train_dataloader.batch_size").data
    config.need("world_size", "auto_scale_lr multiplies the learning rate by it")
    world: Any = config.given.get("world_size")
    if base is None:
        config.refuse("auto_scale_lr", "needs base_batch_size")
    if batch is None:
        config.need("batch_size")
    if lr is None or not base or not all(isinstance(each, int) for each in (batch, world)):
        return Value(lr, place)
    return Value(lr * (float(world * batch) / float(base)), place)


def _schedulers(config: Config) -> Iterator[Value]:
    """Yield the schedules of the learning rate, in order."""
    config.unreadable("param_scheduler")
    block = config.find("param_scheduler")
    if isinstance(block.data, dict) and "type" not in block.data and block.data:
        config.refuse("param_scheduler", f"is of several optimizers ({listed(list(block.data))}); lrviz replays one")
        return
    several = block.data if isinstance(block.data, list) else [block] if block.data is not None else []
    for number, each in enumerate(several):
        key = "param_scheduler" if each is block else f"param_scheduler[{number}]"
        if isinstance(each.data, dict):
            yield from _scheduler(config, key, each)
        elif not each.problems:
            config.refuse_at(each, key, f"must be a schedule, dict(type=...), not {shown(each.plain())}")


def _scheduler(config: Config, at: str, block: Value) -> Iterator[Value]:
    """Yield a schedule of the learning rate as lrviz has it; none for what sets something else."""
    fields = _fields(block)
    if not isinstance(fields.get("type", UNSET).data, str):
        config.refuse_at(block, at, "needs a type, the name of a schedule")
        return
    kind = str(fields.get("type", UNSET).data)
    word = kind.rpartition(".")[2]
    of = fields.get("param_name", UNSET).data
    if word.endswith(OTHERS) and of != "lr":
        config.ignored.append((f"{at} {word}", f"it sets {shown(of) if of else 'the momentum'}"))
        return
    word = word.replace("ParamScheduler", "LR")
    if word not in TYPES:
        if word == "ReduceOnPlateauLR":
            message = "ReduceOnPlateauLR watches a metric, which the file has not; lrviz plot plateau replays torch's"
            config.refuse_at(fields["type"], f"{at}.type", message)
            return
        hint = nearest(word, TYPES) or f"; lrviz replays {', '.join(TYPES)}"
        config.refuse_at(fields.get("type", block), f"{at}.type", f"unknown {shown(kind)}{hint}")
        return
    known = arg_types(lookup(TYPES[word]))
    found: Entries = {"name": Value(TYPES[word], fields["type"].place)}
    config.reads(fields["type"], f"{at}.type", "scheduler.name")
    for key, value in fields.items():
        if key in known:
            config.reads(value, f"{at}.{key}", f"scheduler.{key}")
            found[key] = value
        elif key not in ("type", "verbose", "last_step", "param_name", "_scope_"):
            config.refuse_at(value, f"{at}.{key}", f"{word} has no {key}{nearest(key, known)}")
    yield Value({key: value for key, value in found.items() if value.data is not None}, block.place)
