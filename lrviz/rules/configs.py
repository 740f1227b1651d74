"""Rules about trainers' configs: keys that will not do what they seem to say. Their readers find them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lrviz.rules.case import Case
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import rule


def _traps(case: Case) -> Iterator[Finding]:
    """Yield what the reader of the config noted under the rule's name."""
    for trap in case.experiment.origin.traps if case.experiment.origin else ():
        if trap.rule == case.rule:
            yield replace(case.finding(trap.message, trap.fix), place=trap.place)


def config_rule(name: str, severity: Severity, summary: str, **rest: Any) -> None:
    """Enter a rule for a trap that readers of configs note."""
    rule(name, severity, summary, **rest)(_traps)


TRAINER = {"max_steps": 1000, "learning_rate": 2e-5}

config_rule(
    "warmup-ignored",
    "error",
    "a warmup beside a schedule that has none",
    why="`lr_scheduler_type: constant` drops the warmup without a word: the first steps train with the full learning "
    "rate, where a warmup was meant to tame them.",
    instead="Take the schedule that warms up, or remove the key.",
    example={**TRAINER, "lr_scheduler_type": "constant", "warmup_steps": 100},
    near_miss={**TRAINER, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 100},
)

config_rule(
    "warmup-key-removed",
    "warning",
    "a key for the warmup that newer versions of the library refuse",
    why="transformers 5.15 removed warmup_ratio: the same file stops with an error after an upgrade.",
    instead="Write `warmup_steps` with a number below 1, which transformers 5 takes for a ratio.",
    example={**TRAINER, "lr_scheduler_type": "cosine", "warmup_ratio": 0.03},
    near_miss={**TRAINER, "lr_scheduler_type": "cosine", "warmup_steps": 0.03},
)

config_rule(
    "ratio-of-one",
    "error",
    "a warmup of 1.0, which is one step",
    why="A number below 1 is a ratio of the run and one from 1 on a count: 1.0 is a single step of warmup.",
    instead="Write a ratio below 1, or the number of steps.",
    example={**TRAINER, "lr_scheduler_type": "cosine", "warmup_steps": 1.0},
    near_miss={**TRAINER, "lr_scheduler_type": "cosine", "warmup_steps": 0.1},
)

config_rule(
    "string-number",
    "warning",
    "a number of a YAML file that the Trainer gets as text",
    why="YAML 1.1, which PyYAML reads, wants a point and a sign in a number with an exponent: `1e-4` and `5e-5` are "
    "text. HfArgumentParser hands them on as they are, and the run stops at the first comparison with a number. TRL's "
    "parser makes numbers of those at the top of the file, but not of those in lr_scheduler_kwargs.",
    instead="Write `1.0e-4`.",
    example={"max_steps": 1000, "learning_rate": "2e-5"},
    near_miss={"max_steps": 1000, "learning_rate": 2e-5},
)

DEEPSPEED_BLOCK = {"type": "WarmupLR", "params": {"warmup_num_steps": 100, "warmup_type": "linear"}}

config_rule(
    "scheduler-block-overrides",
    "warning",
    "a schedule of the Trainer's that a DeepSpeed config takes the place of",
    why="With a `scheduler` in the DeepSpeed config the Trainer makes none of its own: lr_scheduler_type and "
    "lr_scheduler_kwargs are read, and nothing comes of them.",
    instead="Remove the scheduler of the DeepSpeed config, or the keys of the Trainer's.",
    example={
        **TRAINER,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 100,
        "deepspeed": {"scheduler": DEEPSPEED_BLOCK},
    },
    near_miss={**TRAINER, "warmup_steps": 100, "deepspeed": {"scheduler": DEEPSPEED_BLOCK}},
)


def _torch(name: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": name, "init_args": arguments}


LIGHTNING = {
    "trainer": {"max_epochs": 10, "devices": 1},
    "data": {"batch_size": 10},
    "optimizer": _torch("SGD", lr=0.1, momentum=0.9),
}

config_rule(
    "cli-interval-epoch",
    "error",
    "a count of steps for a scheduler that Lightning CLI steps once an epoch",
    why="LightningCLI returns its schedulers without an interval, and Lightning's default is an epoch: of a OneCycleLR "
    "over the run's steps, only the first few are ever reached.",
    instead="Write the length in epochs, or return the scheduler from configure_optimizers with interval: step.",
    given={"dataset_size": 100},
    example={**LIGHTNING, "lr_scheduler": _torch("OneCycleLR", max_lr=0.1, total_steps=100)},
    near_miss={**LIGHTNING, "lr_scheduler": _torch("CosineAnnealingLR", T_max=10)},
)

DEEPSPEED = {"train_batch_size": 32, "fp16": {"enabled": True}, "optimizer": {"type": "AdamW", "params": {"lr": 1e-3}}}


def _warmup(**arguments: Any) -> dict[str, Any]:
    params = {"total_num_steps": 1000, "warmup_num_steps": 100, **arguments}
    return {**DEEPSPEED, "scheduler": {"type": "WarmupDecayLR", "params": params}}


config_rule(
    "log-warmup-default",
    "warning",
    "a warmup along a logarithm that nobody asked for",
    why="DeepSpeed's WarmupLR, WarmupDecayLR and WarmupCosineLR warm up along a logarithm unless warmup_type says "
    "linear: most of the rise is over after the first few steps.",
    instead="Write `warmup_type`: linear, or log where that is meant.",
    example=_warmup(),
    near_miss=_warmup(warmup_type="linear"),
)

ULTRALYTICS = {"epochs": 10, "single_cls": True, "lr0": 0.001, "lrf": 0.01}

config_rule(
    "lr-ignored",
    "warning",
    "a learning rate that nothing trains with",
    why="With `optimizer: auto`, which is the default, Ultralytics chooses the optimizer and its learning rate by the "
    "number of updates and of classes; lr0 is read, written to args.yaml, and not used.",
    instead="Name the optimizer, or remove lr0.",
    given={"dataset_size": 640},
    example={**ULTRALYTICS, "optimizer": "auto"},
    near_miss={**ULTRALYTICS, "optimizer": "AdamW"},
)

MMENGINE = {
    "optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.1}, "accumulative_counts": 4},
    "train_cfg": {"type": "IterBasedTrainLoop", "max_iters": 1000},
}


def _counting(**arguments: Any) -> dict[str, Any]:
    return {**MMENGINE, "param_scheduler": [{"type": "PolyLR", **arguments}]}


config_rule(
    "accumulation-not-counted",
    "warning",
    "a length in iterations where several make an optimizer step",
    why="mmengine steps its schedules after every iteration, whatever is accumulated: a warmup of 500 with "
    "accumulative_counts=4 is over after 125 updates.",
    instead="Write lengths in iterations: optimizer steps times accumulative_counts.",
    example=_counting(end=500, by_epoch=False),
    near_miss=_counting(by_epoch=False),
)

config_rule(
    "epoch-never-ends",
    "error",
    "a schedule that counts epochs in a loop that has none",
    why="by_epoch is true unless a schedule says otherwise, and an IterBasedTrainLoop is one epoch from its first "
    "iteration to its last: the schedule makes its first step and no other.",
    instead="Write `by_epoch=False` and lengths in iterations.",
    example=_counting(end=12),
    near_miss=_counting(by_epoch=False),
)
