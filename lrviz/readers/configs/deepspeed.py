"""DeepSpeed's JSON, alone or beside the TrainingArguments whose values fill its "auto".

Keys and defaults as in deepspeed 0.19.8 (runtime/config.py, runtime/lr_schedules.py); "auto" as transformers
5.23.0 fills it (integrations/deepspeed.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.errors import ELSEWHERE, nearest, shown
from lrviz.experiment.origin import KeyRead
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import lookup
from lrviz.experiment.schedulers.catalogue import find
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "DeepSpeed JSON"
AUTO = "auto"
OWN = {
    "WarmupLR": "deepspeed-warmup",
    "WarmupDecayLR": "deepspeed-warmup-decay",
    "WarmupCosineLR": "deepspeed-warmup-cosine",
    "OneCycle": "deepspeed-one-cycle",
    "LRRangeTest": "deepspeed-lr-range-test",
}
LOGARITHMIC = ("WarmupLR", "WarmupDecayLR", "WarmupCosineLR")
KEYS = {"zero_optimization", "train_micro_batch_size_per_gpu", "train_batch_size", "fp16", "bf16", "steps_per_print"}
TYPE = ("type", "params")
READ = {"": ("optimizer", "scheduler", "gradient_accumulation_steps", *KEYS), "optimizer": TYPE, "scheduler": TYPE}
FILLED = {"warmup_min_lr": None, "warmup_max_lr": "lr", "total_num_steps": "steps", "warmup_num_steps": "warmup"}
"""What the Trainer puts where "auto" stands, and what of the run that is here; 0 for the lowest learning rate."""

MATCHED = {
    "train_micro_batch_size_per_gpu": "per_device_train_batch_size",
    "gradient_accumulation_steps": "gradient_accumulation_steps",
    "train_batch_size": "train_batch_size",
    "optimizer.params.lr": "learning_rate",
    "optimizer.params.betas": "betas",
    "optimizer.params.weight_decay": "weight_decay",
    "scheduler.params.warmup_max_lr": "learning_rate",
    "scheduler.params.total_num_steps": "max_steps",
    "scheduler.params.warmup_num_steps": "warmup_steps",
}
"""The keys that the Trainer compares, and with which of its arguments."""


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is DeepSpeed's."""
    return len(KEYS & keys.keys()) >= 2


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a DeepSpeed engine comes to."""
    if not config.has("scheduler"):
        message = "the file has none: the Trainer's own decides; --beside FILE names its arguments"
        config.refuse("scheduler", message, ELSEWHERE)
    filling = {name: config.given[name] for name in ("lr", "steps") if name in config.given}
    found = scheduler(config, filling)
    return {"run": _run(config), "optimizer": optimizer(config), "scheduler": found}


def beside(trainer: Config, own: Config, optimizer: Value, arguments: Mapping[str, Any]) -> dict[str, Value]:
    """Return what a DeepSpeed config changes in a Trainer's document; `arguments` are the Trainer's, by name.

    A scheduler of DeepSpeed's takes the place of the Trainer's. What the two say differently is refused, as
    the Trainer does; what is None or left out of the arguments is not known.
    """
    found = {}
    _refuse_mismatches(own, arguments)
    if own.has("optimizer.type"):
        target = own.take("optimizer.type", "optimizer.name")
        name = Value(own.optimizer(str(target.data)), target.place)
        found["optimizer"] = Value(_entries(optimizer) | {"name": name}, optimizer.place)
    if own.has("scheduler"):
        _overridden(trainer, str(own.find("scheduler.type").data))
        names = {"lr": "learning_rate", "steps": "max_steps", "warmup": "warmup_steps"}
        filling = {ours: arguments.get(theirs) for ours, theirs in names.items()}
        found["scheduler"] = scheduler(own, filling)
    trainer.join(own)
    return found


def _overridden(trainer: Config, kind: str) -> None:
    """Note what of a Trainer's arguments says nothing, because the DeepSpeed config has a scheduler."""
    for key in ("lr_scheduler_type", "lr_scheduler_kwargs"):
        if trainer.has(key):
            message = f"{key} has no effect: the DeepSpeed config has a scheduler, {kind}, and that one runs"
            fix = f"remove {key}, or the scheduler of the DeepSpeed config"
            trainer.trap("scheduler-block-overrides", key, message, fix)


def _entries(value: Value) -> Entries:
    return value.data if isinstance(value.data, dict) else {}


def _refuse_mismatches(config: Config, arguments: Mapping[str, Any]) -> None:
    """Note every number that is another one in the Trainer's arguments."""
    for key, name in MATCHED.items():
        value, theirs = config.find(key).plain(), arguments.get(name)
        if value not in (None, AUTO) and theirs is not None and value != theirs:
            message = f"{shown(value)} contradicts {name} of the Trainer, {shown(theirs)}, which stops with an error"
            config.refuse(key, f'{message}; write "auto"')


def _run(config: Config) -> Value:
    """Return the run: a file of DeepSpeed's knows batches, but neither the data nor the epochs."""
    found: dict[str, Any] = {"framework": "deepspeed"}
    if config.versions.get("deepspeed"):
        found["deepspeed"] = ".".join(map(str, config.versions["deepspeed"]))
    if "dataset_size" in config.given:
        found |= _loading(config)
    total = config.find("scheduler.params.total_num_steps")
    if isinstance(total.data, int) and not {"steps", "epochs"} & config.given.keys():
        return entries({**found, "steps": total}, config.name)
    if "steps" not in config.given and "epochs" not in config.given:
        config.need("steps")
    return entries(found, config.name)


def _loading(config: Config) -> dict[str, Any]:
    """Return how the engine makes batches of the data."""
    keys = {"train_micro_batch_size_per_gpu": "batch_size", "gradient_accumulation_steps": "grad_accum"}
    known = {key: field for key, field in keys.items() if type(config.find(key).data) is int}
    if "train_micro_batch_size_per_gpu" not in known:
        config.need("batch_size")
    return {field: config.take(key, f"run.{field}") for key, field in known.items()}


def optimizer(config: Config) -> Value:
    """Return the optimizer, whose learning rate may be the Trainer's."""
    config.keys("optimizer")
    target = config.take("optimizer.type", "optimizer.name", "AdamW")
    found: dict[str, Any] = {"name": Value(config.optimizer(str(target.data)), target.place)}
    for name in ("lr", "betas", "weight_decay"):
        value = config.find(f"optimizer.params.{name}")
        if value.data == AUTO:
            config.ignore(f"optimizer.params.{name}", "auto: the Trainer's own")
        elif value.data is not None:
            found[name] = config.take(f"optimizer.params.{name}", f"optimizer.{name}")
    if "lr" not in found:
        config.need("lr")
    return entries(found, target.place)


def scheduler(config: Config, filling: Mapping[str, Any]) -> Value:
    """Return the scheduler of the block: one of DeepSpeed's, or torch's of that name.

    `filling` is what the Trainer puts for "auto", as far as it is known: `lr`, `steps` and `warmup`.
    """
    block = config.find("scheduler")
    config.keys("scheduler")
    if block.data is None:
        return Value({}, config.name)
    kind = str(config.take("scheduler.type", "scheduler.name").data)
    name = OWN.get(kind) or _torch(config, kind)
    if name is None:
        return Value({}, block.place)
    known = arg_types(lookup(name))
    found: dict[str, Any] = {"name": Value(name, config.find("scheduler.type").place)}
    for key, value in config.keys("scheduler.params").items():
        if key == "last_batch_iteration":
            config.ignore(f"scheduler.params.{key}", "it is where a resumed run goes on")
        elif key not in known:
            config.refuse(f"scheduler.params.{key}", f"{kind} has no {key}{nearest(key, known)}")
        elif value.data == AUTO:
            found |= _filled(config, kind, key, filling)
        else:
            found[key] = config.take(f"scheduler.params.{key}", f"scheduler.{key}")
    if kind in LOGARITHMIC and not config.has("scheduler.params.warmup_type"):
        _logarithmic(config, kind)
    return entries(found, block.place)


def _torch(config: Config, kind: str) -> str | None:
    spec = find(kind)
    if spec is None or spec.module is None or spec.__name__ != kind:
        hint = nearest(kind, OWN) or f"; it is one of {', '.join(OWN)}, or torch's"
        config.refuse("scheduler.type", f"unknown {shown(kind)}{hint}")
        return None
    return spec.name


def _filled(config: Config, kind: str, key: str, filling: Mapping[str, Any]) -> Entries:
    """Return what the Trainer puts for an "auto" of the scheduler."""
    place = config.find(f"scheduler.params.{key}").place
    if key not in FILLED:
        config.refuse(f"scheduler.params.{key}", f"the Trainer does not fill {key}: {kind} would get the text 'auto'")
        return {}
    source = FILLED[key]
    if source is None:
        return {key: Value(0, place)}
    if source in filling:
        value = Value.of(filling[source], place)
        text = f"{AUTO}, {shown(filling[source])}"
        config.read.append(KeyRead(f"scheduler.params.{key}", text, place, f"scheduler.{key}"))
        return {key: value}
    if source == "warmup":
        message = "auto: the Trainer's warmup steps; --beside FILE names its arguments"
        config.refuse(f"scheduler.params.{key}", message, ELSEWHERE)
        return {}
    config.need(source)
    return {}


def _logarithmic(config: Config, kind: str) -> None:
    message = f"{kind} without warmup_type warms up along a logarithm, most of it in the first few steps"
    fix = 'write "warmup_type": "linear", or "log" where that is meant'
    config.trap("log-warmup-default", "scheduler.type", message, fix)
