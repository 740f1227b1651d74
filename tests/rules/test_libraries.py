"""Ordinary uses of training libraries' schedulers come out without a warning, and their mistakes are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Examined = Callable[[dict[str, Any]], list[Any]]

COSINE = {"name": "deepspeed-warmup-cosine", "warmup_num_steps": 10}
SHORT_COSINE = {**COSINE, "total_num_steps": 60}


def document(version: str | None = None, **scheduler: Any) -> dict[str, Any]:
    run = {"steps": 100} | ({} if version is None else {"deepspeed": version})
    return {"run": run, "optimizer": {"name": "adamw", "lr": 1e-3}, "scheduler": scheduler}


@pytest.mark.parametrize(
    "scheduler",
    [
        {"name": "deepspeed-warmup", "warmup_num_steps": 10},
        {"name": "deepspeed-warmup-decay", "warmup_num_steps": 10},
        COSINE,
        {"name": "deepspeed-lr-range-test", "lr_range_test_step_size": 10},
        {"name": "deepspeed-one-cycle", "cycle_min_lr": 1e-4, "cycle_max_lr": 1e-3, "cycle_first_step_size": 45},
        {"name": "megatron", "lr_warmup_steps": 10, "lr_decay_style": "cosine"},
        {"name": "megatron", "lr_warmup_steps": 10, "lr_decay_style": "constant"},
        {"name": "megatron", "lr_warmup_steps": 5120, "lr_decay_style": "linear", "increment": 512},
        {"name": "torchtitan", "warmup_steps": 10, "decay_ratio": 0.3},
        {"name": "detectron2-warmup-multistep", "warmup_iters": 10, "milestones": [60, 80]},
        {"name": "detectron2-warmup-cosine", "warmup_iters": 10},
    ],
    ids=lambda scheduler: scheduler["name"],
)
def test_an_ordinary_use_has_no_warning(scheduler: dict[str, Any], examined: Examined) -> None:
    assert [finding.rule for finding in examined(document(**scheduler)) if finding.severity != "info"] == []


@pytest.mark.parametrize(
    ("version", "scheduler", "rules"),
    [
        (None, {"name": "deepspeed-warmup-decay"}, {"still-rising"}),
        (None, {**COSINE, "total_num_steps": 300}, {"unfinished"}),
        ("0.17.0", SHORT_COSINE, {"rises-again"}),
        ("0.15.2", COSINE, {"high-first-step"}),
        (None, {"name": "torchtitan", "warmup_steps": 10, "total_steps": 60}, {"lr-negative"}),
        (None, {"name": "torchtitan", "total_steps": 60, "decay_ratio": 0.0, "warmup_steps": 9}, {"replay-failed"}),
        (None, {"name": "megatron", "lr_decay_steps": 500}, {"unfinished"}),
        (None, {"name": "detectron2-warmup-cosine", "warmup_iters": 10, "max_iter": 60}, {"rises-again"}),
        (None, {"name": "detectron2-warmup-multistep", "warmup_iters": 9}, {"milestone-unreached"}),
    ],
)
def test_a_mistake_is_told(version: str | None, scheduler: dict[str, Any], rules: set[str], examined: Examined) -> None:
    found = examined(document(version, **scheduler))
    assert {finding.rule for finding in found if finding.severity != "info"} == rules


def test_two_steps_at_0_are_worth_knowing_and_one_is_not(examined: Examined) -> None:
    assert [(finding.rule, finding.severity) for finding in examined(document(**COSINE))] == [
        ("zero-first-step", "info")
    ]
    assert examined(document(name="megatron", lr_warmup_steps=10)) == []


@pytest.mark.parametrize("scheduler", [{"name": "hf-linear", "num_warmup_steps": 2}, {"name": "deepspeed-warmup"}])
def test_the_zero_that_a_warmup_starts_with_is_no_dead_step_of_a_short_run(
    scheduler: dict[str, Any], examined: Examined
) -> None:
    found = examined({**document(**scheduler), "run": {"steps": 10}})
    assert "lr-dead" not in [finding.rule for finding in found]
