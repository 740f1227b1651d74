"""LLaMA-Factory's YAML, in both layouts.

The older one takes TrainingArguments, with keys of its own beside them: defaults and rounding as in
LLaMA-Factory 0.9.5 (train/trainer_utils.py), which pins transformers to 4.55 up to 5.6. The newer one, v1,
has a loop of its own (v1/core/base_trainer.py), whose learning rate is constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.experiment.values import Value
from lrviz.readers.configs import huggingface
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "LLaMA-Factory"

OWN = {"stage", "finetuning_type", "template", "cutoff_len", "dataset_dir"}
READ = huggingface.READ
OWN_V1 = {"model_class", "dist_config", "kernel_config", "batching_strategy", "lr_scheduler_config", "train_dataset"}
DEFAULTS = huggingface.Defaults(lr=5e-5)
COUNTED = ("dataset_size", "batch_size", "drop_last", "grad_accum", "world_size", "split_batches")
NEWEST = (5, 6)
"""The newest version of transformers that it takes."""


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is LLaMA-Factory's."""
    is_trainer = len(huggingface.KEYS & keys.keys()) >= 1
    return is_trainer and (len(OWN & keys.keys()) >= 2 or _is_v1(keys))


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a training comes to."""
    if _is_v1(config.keys()):
        return {"run": _run(config), "optimizer": _optimizer(config), "scheduler": _constant(config)}
    config.versions = {"transformers": NEWEST, **config.versions}
    if config.find("streaming").data is True and not config.has("max_steps"):
        config.refuse("streaming", "needs max_steps: the length of streamed data is not known")
    config.ignore("max_samples", "it cuts each data set; --dataset-size is what is left, without val_size's share")
    found = huggingface.document(config, DEFAULTS)
    if found["scheduler"].plain().get("name") == "hf-warmup-stable-decay":
        found["scheduler"] = _filled(config, found["run"], found["scheduler"])
    return found


def _is_v1(keys: Entries) -> bool:
    return bool(OWN_V1 & keys.keys()) and not OWN & (keys.keys() - {"cutoff_len", "template"})


def _filled(config: Config, run: Value, scheduler: Value) -> Value:
    """Return warmup_stable_decay with its lengths, if left out: a third of what the warmup leaves, and the rest."""
    assert isinstance(scheduler.data, dict)
    steps = huggingface.length(config, run)
    if steps is None:
        return scheduler
    left = steps - huggingface.warmup_steps(scheduler.data.get("num_warmup_steps"), steps)
    stable = left // 3
    lengths = {"num_stable_steps": stable, "num_decay_steps": left - stable}
    for name, count in lengths.items():
        if name not in scheduler.data:
            config.assumed.append((f"lr_scheduler_kwargs.{name}", f"{count}"))
    return entries({**lengths, **scheduler.data}, scheduler.place)


def _run(config: Config) -> Value:
    """Return the clock of v1, in whose epochs every step has a whole batch of all devices."""
    steps = config.number("max_steps", "run.steps")
    if steps is not None and steps > 0:
        config.idle(COUNTED, f"max_steps, {steps:g}, decides")
        config.ignore("num_train_epochs", f"max_steps, {steps:g}, decides")
        return entries({"steps": config.find("max_steps")}, config.name)
    config.idle(COUNTED, "its loader counts the steps of an epoch from the lengths of the samples")
    if not {"steps", "steps_per_epoch"} & config.given.keys():
        config.need("steps_per_epoch", "its loader counts them from the lengths of the samples")
    if not config.has("num_train_epochs"):
        config.need("epochs")
    return entries({"epochs": config.take("num_train_epochs", "run.epochs")}, config.name)


def _optimizer(config: Config) -> Value:
    if config.has("optim_config"):
        name = config.find("optim_config.name").data
        config.ignore("optim_config", f"AdamW stands for the plugin {name}, which may have another learning rate")
    lr = config.take("learning_rate", "optimizer.lr", 1e-4)
    return entries({"name": "AdamW", "lr": lr}, config.name)


def _constant(config: Config) -> Value:
    if config.has("lr_scheduler_config"):
        config.refuse("lr_scheduler_config", "names a plugin of one's own, whose learning rates only it knows")
    config.assumed.append(("lr_scheduler_config", "none: the learning rate is constant"))
    return entries({"name": "hf-constant"}, config.name)
