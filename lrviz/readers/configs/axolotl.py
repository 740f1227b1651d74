"""axolotl's YAML.

Keys, defaults and rounding as in axolotl 0.19.0 (core/builders/base.py, core/trainers/mixins/scheduler.py,
utils/trainer.py): it counts the steps over all epochs together, and gives the Trainer their number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lrviz.errors import nearest
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import lookup
from lrviz.experiment.values import Value
from lrviz.readers.configs import deepspeed, huggingface
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "axolotl"

OWN = {"micro_batch_size", "num_epochs", "datasets", "pretraining_dataset", "lr_scheduler", "sequence_len", "adapter"}
TYPES = (*huggingface.TYPES, "one_cycle", "rex")
OF_COSINE = ("cosine_min_lr_ratio", "cosine_constant_lr_ratio", "lr_quadratic_warmup")
READ = {
    "": (
        "learning_rate",
        "lr_scheduler",
        "lr_scheduler_kwargs",
        "warmup_steps",
        "warmup_ratio",
        "num_epochs",
        "max_steps",
        "micro_batch_size",
        "gradient_accumulation_steps",
        "batch_size",
        "optimizer",
        "sample_packing",
        "adam_beta1",
        "adam_beta2",
        *OF_COSINE,
    )
}
OTHER_GROUPS = ("lr_groups", "embedding_lr", "embedding_lr_scale", "loraplus_lr_ratio", "loraplus_lr_embedding")


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is axolotl's."""
    return "base_model" in keys and bool(OWN & keys.keys())


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a training comes to."""
    for key in OTHER_GROUPS:
        config.ignore(key, "it gives some parameters a learning rate of their own; the others have this one")
    if config.has("jagged_restart_steps"):
        config.refuse("jagged_restart_steps", "restarts within a schedule are not replayed")
    batch, accum = _batch(config)
    steps, total = _steps(config, batch * accum)
    warmup = _warmup(config, total)
    found: dict[str, Any] = {"framework": "transformers", "steps": steps, "batch_size": batch, "grad_accum": accum}
    document = {"run": entries(found, config.name), "optimizer": _optimizer(config)}
    beside = huggingface.deepspeed_config(config)
    if beside is not None:
        values = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accum, "max_steps": steps.data}
        values["learning_rate"] = config.given.get("lr", config.find("learning_rate").data)
        document |= deepspeed.beside(config, beside, document["optimizer"], values | {"warmup_steps": max(1, warmup)})
    if "scheduler" not in document:
        document["scheduler"] = _scheduler(config, warmup, steps)
    return document


def _batch(config: Config) -> tuple[int, int]:
    """Return how many samples a device takes at a time, and how many such batches make a step."""
    batch = config.count("micro_batch_size", "run.batch_size", 1) or 1
    if not config.has("batch_size"):
        return batch, config.count("gradient_accumulation_steps", "run.grad_accum", 1) or 1
    if config.has("gradient_accumulation_steps"):
        config.refuse("batch_size", "contradicts gradient_accumulation_steps: axolotl takes one of the two")
    return batch, max(1, (config.count("batch_size", "run.grad_accum") or 1) // batch)


def _steps(config: Config, batch: int) -> tuple[Value, int]:
    """Return the steps of the run, and those that the warmup is a share of; 0 and a need where they are not known."""
    most = max(0, int(config.number("max_steps", "run.steps") or 0))
    given = _said(config, "steps")
    data = 0 if given else _data_steps(config, batch, is_needed=most == 0 and "steps" not in config.given)
    if given or most:
        if most and not data:
            config.assumed.append(("the steps of the data", f"at least {given or most}"))
        config.ignore("num_epochs", f"{'steps' if given else 'max_steps'}, {given or most}, decides")
        steps = Value(given, "--steps") if given else config.find("max_steps")
        return steps, min(data, given or most) if data else given or most
    return Value(data or None, config.name), data


def _data_steps(config: Config, batch: int, *, is_needed: bool) -> int:
    """Return the steps of all epochs together, 0 where they are not known."""
    epochs = _said(config, "epochs") or config.number("num_epochs", "run.steps", 1) or 1
    if config.find("sample_packing").data is True:
        if is_needed:
            config.need("steps", "sample_packing is on, and only axolotl knows how the samples pack: its log says it")
        return 0
    if is_needed:
        is_split = bool(config.find("val_set_size").data)
        config.need("dataset_size", "without those that val_set_size takes" if is_split else "")
        config.need("world_size")
    size, devices = _said(config, "dataset_size"), _said(config, "world_size")
    return math.ceil(size * epochs / (batch * devices)) if size and devices else 0


def _said(config: Config, name: str) -> int:
    """Return a count that is given beside the file, 0 where there is none; what is no count is refused later."""
    count = config.given.get(name)
    return count if type(count) is int and count > 0 else 0


def _warmup(config: Config, total: int) -> int:
    """Return the steps of the warmup: given, or a share of the run, rounded down; of one step it makes two."""
    if config.find("warmup_steps").data and config.find("warmup_ratio").data:
        config.refuse("warmup_ratio", "contradicts warmup_steps: axolotl stops with an error; give one of the two")
    if config.has("warmup_steps"):
        steps = config.number("warmup_steps", "scheduler.num_warmup_steps", 0) or 0
        if steps != int(steps) or steps < 0:
            config.refuse("warmup_steps", f"must be a whole number >= 0, not {steps:g}: write warmup_ratio")
        found = int(steps)
    elif config.has("warmup_ratio"):
        ratio = config.number("warmup_ratio", "scheduler.num_warmup_steps", 0) or 0
        if not 0 <= ratio <= 1:
            config.refuse("warmup_ratio", f"must be between 0 and 1, not {ratio:g}")
        found = max(int(ratio * total), 0)
    else:
        found = min(int(0.03 * total), 100)
        config.assumed.append(("warmup_steps", f"{found}, 3% of the run and at most 100,"))
    return 2 if found == 1 else found


def _optimizer(config: Config) -> Value:
    target = config.take("optimizer", "optimizer.name", "adamw_torch_fused")
    known = config.optimizer(str(target.data))
    found: dict[str, Any] = {"name": Value(known, target.place)}
    found["lr"] = config.take("learning_rate", "optimizer.lr")
    if not config.has("learning_rate"):
        config.need("lr")
    if config.has("weight_decay"):
        found["weight_decay"] = config.take("weight_decay", "optimizer.weight_decay")
    if known == "AdamW" and config.has("adam_beta1") and config.has("adam_beta2"):
        betas = [config.take(f"adam_beta{number}", "optimizer.betas") for number in (1, 2)]
        found["betas"] = Value([*betas], betas[0].place)
    return entries(found, config.name)


def _scheduler(config: Config, warmup: int, steps: Value) -> Value:
    """Return the scheduler, which may be one of axolotl's own."""
    kind = config.word("lr_scheduler", "scheduler.name", TYPES, "cosine") or "cosine"
    place = config.find("lr_scheduler").place or config.name
    if kind == "one_cycle":
        return entries(_one_cycle(config, warmup, steps), place)
    if kind in ("cosine", "rex"):
        found = _own(config, kind, warmup)
        if found:
            config.ignore("lr_scheduler_kwargs", "axolotl's own schedule takes none")
            return entries({**found, "warmup_steps": warmup}, place)
    else:
        for key in OF_COSINE:
            config.ignore(key, f"it is for lr_scheduler: cosine, not {kind}")
    if kind in huggingface.WATCHING and not config.has("eval_steps"):
        config.refuse("lr_scheduler", f"{kind} is stepped after evaluations: write eval_steps")
    count = Value(warmup, config.find("warmup_steps").place or config.find("warmup_ratio").place) if warmup else None
    return huggingface.scheduler(config, kind, count, place)


def _own(config: Config, kind: str, warmup: int) -> Entries | dict[str, Any]:
    """Return the schedule that takes the place of transformers' cosine; nothing where that is taken."""
    low = _ratio(config, "cosine_min_lr_ratio")
    if kind == "rex":
        return {"name": "rex", "preset": "axolotl", **({"min_lr": low} if low else {})}
    if config.find("lr_quadratic_warmup").data is True:
        config.take("lr_quadratic_warmup", "scheduler.preset")
        config.ignore("cosine_min_lr_ratio", "with lr_quadratic_warmup the cosine ends at 0")
        return {"name": "warmup-cosine", "preset": "axolotl-quadratic"}
    until = _ratio(config, "cosine_constant_lr_ratio")
    if not low or not config.find("cosine_min_lr_ratio").data:
        config.ignore("cosine_constant_lr_ratio", "without cosine_min_lr_ratio it is not looked at")
        return {}
    if until and config.find("cosine_constant_lr_ratio").data:
        share = config.find("cosine_constant_lr_ratio")
        return {"name": "warmup-cosine", "preset": "axolotl-constant", "min_lr": low, "decay_until": share}
    return {"name": "warmup-cosine", "preset": "axolotl", "min_lr": low}


def _ratio(config: Config, key: str) -> Value | None:
    """Return a share of the learning rate as a document writes one."""
    ratio = config.number(key, "scheduler.min_lr")
    if ratio is None:
        return None
    if not 0 <= ratio <= 1:
        config.refuse(key, f"must be between 0 and 1, not {ratio:g}")
        return None
    return Value(f"{ratio!r}x" if "e" not in repr(ratio) else f"{ratio:.20f}x", config.find(key).place)


def _one_cycle(config: Config, warmup: int, steps: Value) -> dict[str, Any]:
    """Return OneCycleLR as axolotl calls it: the warmup is its first part."""
    known = arg_types(lookup("onecycle"))
    found: dict[str, Any] = {"name": "onecycle", "max_lr": config.find("learning_rate")}
    if isinstance(steps.data, int) and steps.data:
        found["pct_start"] = warmup / steps.data
    for key, value in config.keys("lr_scheduler_kwargs").items():
        if key in ("max_lr", "total_steps"):
            config.refuse("lr_scheduler_kwargs", f"axolotl gives {key} itself: TypeError for a second one")
        elif key not in known:
            config.refuse("lr_scheduler_kwargs", f"OneCycleLR has no {key}{nearest(key, known)}")
        else:
            found[key] = value
    return found
