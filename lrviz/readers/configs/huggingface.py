"""Hugging Face TrainingArguments as YAML or JSON: the Trainer's own, TRL's, alignment-handbook's.

Keys, defaults, precedence and rounding as in transformers 5.23.0 (training_args.py, trainer.py); what changed
between versions is picked by the version that the user names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lrviz.errors import shown
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "Hugging Face TrainingArguments"

KEYS = {
    "learning_rate",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_steps",
    "warmup_ratio",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
}
TYPES = (
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
    "reduce_lr_on_plateau", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay", "greedy",
)  # fmt: skip
WITHOUT_WARMUP = ("constant", "reduce_lr_on_plateau", "greedy")
DROPS_KWARGS = ("constant", "constant_with_warmup")
WITHOUT_LENGTH = (*WITHOUT_WARMUP, "constant_with_warmup", "inverse_sqrt")
LAST_WITH_RATIO = (5, 14)
"""The last version of transformers that takes warmup_ratio."""


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is a Trainer's."""
    return len(KEYS & keys.keys()) >= 2


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a Trainer's arguments come to."""
    return {"run": run(config), "optimizer": optimizer(config), "scheduler": scheduler(config)}


def run(config: Config) -> Value:
    """Return the Trainer's clock, as far as the file knows it."""
    found: dict[str, Any] = {"framework": "transformers", "transformers": _version(config)}
    steps = config.number("max_steps", "run.steps", -1)
    if steps is not None and steps > 0:
        found["steps"] = config.find("max_steps")
        config.ignore("num_train_epochs", f"max_steps, {steps:g}, decides")
        return entries(found, config.name)
    found["epochs"] = config.take("num_train_epochs", "run.epochs", 3)
    found["batch_size"] = config.take("per_device_train_batch_size", "run.batch_size", 8)
    found["grad_accum"] = config.take("gradient_accumulation_steps", "run.grad_accum", 1)
    if config.has("dataloader_drop_last"):
        found["drop_last"] = config.take("dataloader_drop_last", "run.drop_last")
    if config.has("accelerator_config.split_batches"):
        found["split_batches"] = config.take("accelerator_config.split_batches", "run.split_batches")
    if "steps_per_epoch" not in config.given:
        is_packed = config.find("packing").data is True
        config.need("dataset_size", "packing is on: packed sequences, not rows" if is_packed else "")
        config.need("world_size")
    return entries(found, config.name)


def optimizer(config: Config) -> Value:
    """Return the optimizer; the Trainer's two groups, with and without weight decay, have one learning rate."""
    lr = config.take("learning_rate", "optimizer.lr")
    if lr.data is None:
        config.need("lr", "the default depends on the trainer: 5e-5 in Trainer, 2e-5 in TRL's SFTTrainer")
    known = config.optimizer(str(config.find("optim").data or "adamw_torch"))
    found: dict[str, Any] = {"name": known, "lr": lr}
    if config.has("weight_decay"):
        found["weight_decay"] = config.take("weight_decay", "optimizer.weight_decay")
    if known == "AdamW" and (config.has("adam_beta1") or config.has("adam_beta2")):
        first = config.take("adam_beta1", "optimizer.betas", 0.9)
        second = config.take("adam_beta2", "optimizer.betas", 0.999)
        found["betas"] = Value([first, second], first.place)
    return entries(found, config.name)


def scheduler(config: Config) -> Value:
    """Return the scheduler with its warmup and its own arguments."""
    kind = config.word("lr_scheduler_type", "scheduler.name", TYPES, "linear") or "linear"
    place = config.find("lr_scheduler_type").place or config.name
    found: dict[str, Any] = {"name": Value(f"hf-{kind.replace('_', '-')}", place)}
    warmup = _warmup(config)
    if kind in WITHOUT_WARMUP:
        _warmup_ignored(config, kind, warmup)
    elif warmup is not None:
        found["num_warmup_steps"] = warmup
    if kind in DROPS_KWARGS:
        config.ignore("lr_scheduler_kwargs", f"{kind} takes none, and drops them without a word")
    else:
        found |= _kwargs(config)
    return entries(found, place)


def _version(config: Config) -> str | None:
    """Return the version to follow: the one that the user names, or the last that takes the keys of the file."""
    named = config.versions.get("transformers")
    if named is None and config.has("warmup_ratio"):
        return ".".join(map(str, LAST_WITH_RATIO))
    return None if named is None else ".".join(map(str, named))


def _warmup(config: Config) -> Value | None:
    """Return the warmup as a count or a share of the run, by the rules of the version."""
    named = config.versions.get("transformers")
    is_old = named is not None and named < (5,)
    steps = config.number("warmup_steps", "scheduler.num_warmup_steps", 0) or 0
    if config.has("warmup_ratio") and _ratio_decides(config, named, steps):
        return _share(config, "warmup_ratio", config.number("warmup_ratio", "scheduler.num_warmup_steps"))
    if steps < 1 and is_old and steps:
        message = f"must be a whole number in transformers 4, not {steps:g}: write warmup_ratio"
        config.refuse("warmup_steps", message)
    if steps < 1:
        return _share(config, "warmup_steps", steps)
    value = config.find("warmup_steps")
    if steps == 1 and isinstance(value.data, float):
        message = "warmup_steps: 1.0 is one step, not the whole run"
        config.trap("ratio-of-one", "warmup_steps", message, "write a ratio below 1, or the number of steps")
    return Value(int(steps), value.place)


def _ratio_decides(config: Config, named: tuple[int, ...] | None, steps: float) -> bool:
    """Return whether warmup_ratio, which is there, is what counts; say what becomes of the other."""
    if named is not None and named > LAST_WITH_RATIO:
        version = ".".join(map(str, named))
        config.refuse(
            "warmup_ratio", f"transformers {version} has none (removed in 5.15): write warmup_steps: the ratio"
        )
        return False
    if named is not None and named < (5,) and steps:
        config.ignore("warmup_ratio", "warmup_steps overrides it in transformers 4")
        return False
    config.ignore("warmup_steps", "warmup_ratio overrides it in transformers 5.0 to 5.14")
    if named is None:
        message = "transformers 5.15 and later refuse warmup_ratio; the file is read as 5.14 and before have it"
        ratio = config.find("warmup_ratio").plain()
        fix = f"write warmup_steps: {ratio} for transformers 5, where a number below 1 is a ratio"
        config.trap("warmup-key-removed", "warmup_ratio", message, fix)
    return True


def _share(config: Config, key: str, ratio: float | None) -> Value | None:
    """Return a ratio of the run as a document writes it, digit for digit."""
    place = config.find(key).place
    if ratio is None:
        return None
    if not 0 <= ratio <= 1:
        config.refuse(key, f"must be between 0 and 1, not {ratio:g}")
        return None
    percent = (Decimal(repr(ratio)) * 100).normalize()
    return Value(f"{percent:f}%", place) if ratio else None


def _warmup_ignored(config: Config, kind: str, warmup: Value | None) -> None:
    key = "warmup_ratio" if config.has("warmup_ratio") else "warmup_steps"
    config.ignore(key, f"{kind} has no warmup")
    if warmup is not None:
        message = f"lr_scheduler_type {kind} ignores {key} without a word: step 0 trains with the full learning rate"
        fix = "write lr_scheduler_type: constant_with_warmup" if kind == "constant" else f"remove {key}"
        config.trap("warmup-ignored", key, message, fix)


def _kwargs(config: Config) -> Entries:
    """Return the scheduler's own arguments: a mapping, or JSON in a string as the command line has it."""
    value = config.take("lr_scheduler_kwargs", "scheduler")
    if isinstance(value.data, str):
        try:
            value = Value.of(json.loads(value.data), value.place)
        except (json.JSONDecodeError, RecursionError):
            wanted = """must be a mapping, or JSON such as '{"min_lr": 1e-6}'"""
            config.refuse("lr_scheduler_kwargs", f"{wanted}, not {shown(value.data)}")
            return {}
    if value.data is None:
        return {}
    if not isinstance(value.data, dict):
        config.refuse("lr_scheduler_kwargs", f"must be a mapping such as {{min_lr: 1e-6}}, not {shown(value.plain())}")
        return {}
    for name in value.data:
        if name in ("num_warmup_steps", "num_training_steps"):
            config.refuse("lr_scheduler_kwargs", f"the Trainer gives {name} itself: TypeError for a second one")
    return dict(value.data)
