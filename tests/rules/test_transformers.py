"""What is found in schedules of transformers: nothing in their ordinary uses, and their well-known mistakes."""

from __future__ import annotations

from typing import Any

import pytest

RUN = {"steps": 1000}
FALLING = "0.3 + exp(-step / 100)"
ORDINARY: list[dict[str, Any]] = [
    {"name": "hf-linear"},
    {"name": "hf-linear", "num_warmup_steps": "10%"},
    {"name": "hf-cosine", "num_warmup_steps": "3%"},
    {"name": "hf-cosine-with-restarts", "num_warmup_steps": 20, "num_cycles": 3},
    {"name": "hf-polynomial", "num_warmup_steps": 20, "power": 2.0, "lr_end": 1e-5},
    {"name": "hf-constant"},
    {"name": "hf-constant-with-warmup"},
    {"name": "hf-constant-with-warmup", "num_warmup_steps": 50},
    {"name": "hf-inverse-sqrt", "num_warmup_steps": 100},
    {"name": "hf-inverse-sqrt"},
    {"name": "hf-cosine-with-min-lr", "num_warmup_steps": 20, "min_lr_rate": 0.1},
    {"name": "hf-cosine-warmup-with-min-lr", "num_warmup_steps": 20, "min_lr": 1e-5},
    {"name": "hf-warmup-stable-decay", "num_warmup_steps": 20, "num_decay_steps": "20%"},
    {"name": "hf-warmup-stable-decay", "num_decay_steps": 100, "num_stable_steps": 900, "min_lr_ratio": 0.1},
    {"name": "hf-greedy", "metric": FALLING, "eval_steps": 50, "patience": 2, "min_lr": 1e-6},
    {"name": "hf-reduce-lr-on-plateau", "metric": "max(0.4, 1 - step / 500)", "eval_steps": 50, "patience": 3},
]
MISTAKES: list[tuple[str, dict[str, Any]]] = [
    ("cosine-rebound", {"name": "hf-cosine", "num_training_steps": 500}),
    ("rises-again", {"name": "hf-cosine", "num_cycles": 1}),
    ("unfinished", {"name": "hf-linear", "num_training_steps": 2000}),
    ("still-rising", {"name": "hf-linear", "num_warmup_steps": 1000}),
    ("never-peaks", {"name": "hf-constant-with-warmup", "num_warmup_steps": 2000}),
    ("lr-dead", {"name": "hf-warmup-stable-decay", "num_decay_steps": 100, "num_stable_steps": 200}),
    ("lr-above-peak", {"name": "hf-cosine-with-min-lr", "min_lr": 0.01}),
    ("plateau-patience", {"name": "hf-reduce-lr-on-plateau", "metric": "1", "eval_steps": 100}),
    ("min-lr-above-lr", {"name": "hf-greedy", "metric": FALLING, "eval_steps": 50}),
    ("replay-failed", {"name": "hf-polynomial", "num_warmup_steps": 500, "num_training_steps": 500}),
]


def rules(examined: Any, scheduler: dict[str, Any], **run: Any) -> list[str]:
    return [finding.rule for finding in examined({"run": run or RUN, "scheduler": scheduler})]


@pytest.mark.parametrize("scheduler", ORDINARY, ids=str)
def test_ordinary_uses_are_clean(examined: Any, scheduler: dict[str, Any]) -> None:
    assert rules(examined, scheduler) == []


@pytest.mark.parametrize(("rule", "scheduler"), MISTAKES, ids=[rule for rule, _ in MISTAKES])
def test_a_mistake_is_found_once(examined: Any, rule: str, scheduler: dict[str, Any]) -> None:
    assert rules(examined, scheduler) == [rule]


def test_a_stable_phase_beyond_the_run_is_made_shorter(examined: Any) -> None:
    stable = {"name": "hf-warmup-stable-decay", "num_decay_steps": 100, "num_stable_steps": 2000}
    (finding,) = examined({"run": RUN, "scheduler": stable})
    assert [(change.field, change.value) for change in finding.changes] == [("scheduler.num_stable_steps", 900)]


def test_a_plateau_stepped_at_evaluations_is_not_taken_for_one_that_counts_epochs(examined: Any) -> None:
    run = {"epochs": 10, "steps_per_epoch": 100}
    plateau = {"name": "hf-reduce-lr-on-plateau", "metric": "1", "patience": 2}
    assert rules(examined, plateau, **run) == ["unit-mismatch"]
    assert "unit-mismatch" not in rules(examined, {**plateau, "eval_steps": "1ep"}, **run)
