"""Ultralytics' args.yaml: what its trainer writes beside a run, or is given by cfg=.

Keys and defaults as in Ultralytics 8.4.190 (cfg/default.yaml, engine/trainer.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lrviz.errors import nearest, shown
from lrviz.experiment.frameworks import NBS
from lrviz.experiment.optimizers import momentum_name
from lrviz.experiment.schedulers.ultralytics import MANY, Ultralytics
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import OR_STEPS, Config, Entries, entries

LABEL = "Ultralytics args.yaml"

KEYS = {"lr0", "lrf", "cos_lr", "warmup_bias_lr", "warmup_momentum", "close_mosaic", "imgsz", "nbs"}
YOLOV5 = {"anchor_t", "obj_pw"}  # what a file of its hyperparameters has, and Ultralytics has not
SCHEDULE = ("lr0", "lrf", "cos_lr", "warmup_epochs", "warmup_momentum", "warmup_bias_lr", "momentum")
READ = {"": (*SCHEDULE, "epochs", "batch", "optimizer", "time")}
PREFIXES = ("lr", "warmup_", "cos_")
OPTIMIZERS = ("SGD", "MuSGD", "Adam", "Adamax", "AdamW", "NAdam", "RAdam", "RMSprop", "auto")
GROUPS = ("weights", "norms", "biases")
LR0 = 0.01
MUON = (8, 4, 0)  # since when there is MuSGD, and the biases are the last group, not the first
LONG_MUON = (8, 4, 3)  # since when auto takes it for many updates
SHORT_ADAM = (8, 4, 8)  # since when auto takes AdamW for few again
NEWEST = Ultralytics.newest


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is Ultralytics'."""
    return len(KEYS & keys.keys()) >= 2 and not YOLOV5 & keys.keys()


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that Ultralytics' trainer comes to."""
    for key in config.keys():  # noqa: SIM118  # a method
        if key.startswith(PREFIXES) and key not in SCHEDULE:
            config.refuse(key, f"unknown key{nearest(key, SCHEDULE)}")
    run = _Run(config)
    name = _optimizer_name(config)
    scheduler: dict[str, Any] = {"name": "ultralytics"}
    for key in ("lrf", "warmup_epochs", "warmup_momentum", "warmup_bias_lr"):
        if config.has(key) and not (name == "auto" and key == "warmup_bias_lr"):
            config.number(key, f"scheduler.{key}")
            scheduler[key] = config.find(key)
    if config.has("cos_lr"):
        config.flag("cos_lr", "scheduler.cos_lr", False)
        scheduler["cos_lr"] = config.find("cos_lr")
    if name == "auto":
        scheduler |= _auto(config, run)
        name = _chosen(config, run.iterations > MANY)
    _left_out(config)
    return {"run": run.read(), "optimizer": _optimizer(config, name, "optimizer" in scheduler),
            "scheduler": entries(scheduler, config.name)}  # fmt: skip


class _Run:
    """The run under reading: how many images are in a batch of all devices, and in how many epochs."""

    def __init__(self, config: Config) -> None:
        self.config = config
        epochs = None if config.has("time") else config.said("epochs")  # hours decide the length, not auto's choice
        self.epochs = epochs or config.number("epochs", "run.epochs", 100) or 0
        self.devices = config.said("world_size") or _devices(config)
        self.batch = (config.said("batch_size") or 0) * self.devices
        if "batch_size" not in config.given:
            self._take_batch(config.number("batch", "run.batch_size", 16) or 0)

    def _take_batch(self, batch: float) -> None:
        """Take the batch of all devices, which the GPU's memory may decide."""
        config = self.config
        if batch > 0 and batch == int(batch):
            self.batch = int(batch)
            if self.batch % self.devices:
                config.refuse("batch", f"must be a multiple of the {self.devices} devices, not {self.batch}")
        elif "steps_per_epoch" not in config.given or str(config.find("optimizer").data or "auto") == "auto":
            config.need("batch_size", f"batch: {batch:g} leaves it to the memory of the GPU")

    @cached_property
    def iterations(self) -> int:
        """What optimizer auto chooses by; 0 where nobody knows."""
        given, size = self.config.said("iterations"), self.config.said("dataset_size")
        if given or not size or not self.batch:
            return given or 0
        nbs = self.config.number("nbs", "scheduler.iterations", NBS) or NBS
        updates: int = math.ceil(size / max(self.batch, nbs))
        return updates * int(self.epochs)

    def read(self) -> Value:
        """Return Ultralytics' clock."""
        config = self.config
        found: dict[str, Any] = {"framework": "ultralytics", "epochs": config.find("epochs")}
        if found["epochs"].data is None:
            found["epochs"] = self.epochs
        hours = config.number("time", "run.epochs")
        if hours is not None and "epochs" not in config.given:
            config.need("epochs", f"time: {hours:g} hours decide, whatever epochs says")
        if "steps_per_epoch" in config.given and "dataset_size" not in config.given:
            return entries(found, config.name)
        if self.batch and "batch_size" not in config.given:
            found["batch_size"] = Value(self.batch // self.devices, config.find("batch").place or config.name)
        if self.devices > 1:
            found["world_size"] = Value(self.devices, config.find("device").place or config.name)
        if config.find("compile").data:
            found["drop_last"] = Value(True, config.find("compile").place)
        part = config.find("fraction").data
        config.need("dataset_size", OR_STEPS if part in (None, 1) else f"those of fraction {shown(part)} alone")
        return entries(found, config.name)


def _devices(config: Config) -> int:
    """Return the number of devices that `device` names: 0,1 or [0, 1] are two, everything else is one."""
    device = config.find("device").data
    count = len(device) if isinstance(device, list) else str(device).count(",") + 1
    if count > 1:
        config.take("device", "run.world_size")
    return max(count, 1)


def _optimizer_name(config: Config) -> str:
    value = config.take("optimizer", "optimizer.name", "auto")
    found = {name.lower(): name for name in OPTIMIZERS}.get(str(value.data).lower())
    if found is None:
        known = nearest(str(value.data), OPTIMIZERS) or f"; known are {', '.join(OPTIMIZERS)}"
        config.refuse("optimizer", f"unknown {shown(value.plain())}{known}")
    return found or "SGD"


def _auto(config: Config, run: _Run) -> dict[str, Any]:
    """Return what optimizer auto chooses the learning rate by, which is not lr0."""
    config.ignore("lr0", "optimizer auto chooses the learning rate")
    config.ignore("warmup_bias_lr", "with optimizer auto the biases start at 0")
    lr0 = config.find("lr0").data
    if lr0 not in (None, LR0):
        message = f"lr0, {shown(lr0)}, is not used: optimizer auto chooses the learning rate, and the optimizer"
        config.trap("lr-ignored", "lr0", message, "name the optimizer, such as optimizer: SGD, or remove lr0")
    found: dict[str, Any] = {"optimizer": Value("auto", config.find("optimizer").place or config.name)}
    if config.has("momentum"):
        found["momentum"] = config.take("momentum", "scheduler.momentum")
    if "iterations" not in config.given:
        is_counted = "steps_per_epoch" in config.given and "dataset_size" not in config.given
        config.need("iterations" if is_counted else "dataset_size", "optimizer auto chooses by it")
        found["iterations"] = Value(run.iterations or None, config.name)
    if config.find("single_cls").data is True:
        found["nc"] = Value(1, config.find("single_cls").place)
    elif run.iterations <= MANY:
        config.need("nc", "optimizer auto chooses by it")
    return found


def _optimizer(config: Config, name: str, is_auto: bool) -> Value:
    """Return the optimizer with the groups that Ultralytics makes."""
    place = config.find("optimizer").place or config.name
    found: dict[str, Any] = {"name": Value("SGD" if name == "MuSGD" else name, place)}
    if name == "MuSGD":
        config.ignored.append(("MuSGD", "not torch's own; SGD stands for it, which has the same learning rate"))
    momentum = momentum_name(str(found["name"].data))
    if not is_auto:
        config.number("lr0", "optimizer.lr", LR0)
        found["lr"] = config.find("lr0") if config.has("lr0") else LR0
        first = config.number("momentum", "optimizer.momentum", 0.937)
        given = Value(first, config.find("momentum").place or config.name)
        found |= {"momentum": given} if momentum == "momentum" else {}
        found |= {"betas": Value([given, Value(0.999, config.name)], given.place)} if momentum == "beta1" else {}
    found["groups"] = _groups(name, config.versions.get("ultralytics", NEWEST))
    return entries(found, config.name)


def _chosen(config: Config, is_long: bool) -> str:
    """Return the optimizer that auto comes to, by the version and by whether there are many updates."""
    version = config.versions.get("ultralytics", NEWEST)
    if is_long:
        return "SGD" if version < LONG_MUON else "MuSGD"
    return "MuSGD" if MUON <= version < SHORT_ADAM else "AdamW"


def _groups(name: str, version: tuple[int, ...]) -> list[dict[str, str]]:
    """Return the parameter groups: MuSGD's in two, of which the head's has three times the learning rate."""
    if name == "MuSGD":
        pairs = (({"name": f"{each} of the head", "lr": "3x"}, {"name": each}) for each in (*GROUPS, "muon"))
        return [group for pair in pairs for group in pair]
    names = GROUPS if version >= MUON else (GROUPS[2], *GROUPS[:2])
    return [{"name": each} for each in names]


def _left_out(config: Config) -> None:
    """Say which keys change what is trained, and not the schedule."""
    patience, epochs = config.find("patience").data, config.find("epochs").data
    if isinstance(patience, int) and isinstance(epochs, int) and 0 < patience < epochs:
        config.ignore("patience", "the run may end early; shown is the whole of it")
    if config.find("resume").data:
        config.ignore("resume", "the run went on from a checkpoint, with its arguments; shown is the whole schedule")
    if config.find("nbs").data not in (None, NBS):
        config.ignore("nbs", f"it says how often the optimizer is stepped, which is reported for {NBS}")
    if "ultralytics" not in config.versions:
        config.assumed.append(("ultralytics", ".".join(map(str, NEWEST))))
