"""Runs that really had a mistake, made by plain loops of torch, and what lrviz says of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearLR, LRScheduler, SequentialLR, StepLR

from .conftest import log_of

EPOCHS, PER_EPOCH = 10, 20
STEPS = EPOCHS * PER_EPOCH
RUN = {"epochs": EPOCHS, "steps_per_epoch": PER_EPOCH}
LR = {"lr": 0.1}
COSINE = {"name": "cosine"}
WARM: dict[str, Any] = {"run": RUN, "optimizer": LR, "warmup": 5, "scheduler": COSINE}
BY_DATA = {
    "run": {"dataset_size": 1600, "batch_size": 4, "epochs": 2, "world_size": 4}, "optimizer": LR, "scheduler": COSINE,
}  # fmt: skip


def sgd(lr: float = 0.1) -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def trained(optimizer: torch.optim.Optimizer, scheduler: LRScheduler, steps: int, calls: int = 1) -> list[float]:
    """Return what so many steps train with, the scheduler stepped so often after each."""
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for _ in range(calls):
            scheduler.step()
    return rates


def cosine(steps: int, lr: float = 0.1, length: int | None = None, calls: int = 1) -> list[float]:
    optimizer = sgd(lr)
    return trained(optimizer, CosineAnnealingLR(optimizer, length or steps), steps, calls)


def warm_cosine(warmup: int, steps: int = STEPS) -> list[float]:
    optimizer = sgd()
    parts = [LinearLR(optimizer, 0.01, 1.0, warmup), CosineAnnealingLR(optimizer, steps - warmup)]
    return trained(optimizer, SequentialLR(optimizer, parts, [warmup]), steps)


def by_step() -> list[float]:
    optimizer = sgd()
    return trained(optimizer, StepLR(optimizer, 3, 0.5), STEPS)


def changes(found: Any) -> list[dict[str, Any]]:
    return [dict(each.changes) for each in found.explanations]


PLAIN = {"run": RUN, "optimizer": LR, "scheduler": COSINE}
IN_STEPS = {"run": {"steps": 400}, "optimizer": LR, "scheduler": COSINE}
BY_EPOCH = {
    "run": {**RUN, "interval": "epoch"},
    "optimizer": LR,
    "scheduler": {"name": "step", "step_size": 3, "gamma": 0.5},
}
ACCELERATE = {"run.framework": "accelerate", "run.world_size": 4, "scheduler.T_max": STEPS}

MISTAKES: dict[str, tuple[Any, Callable[[], list[float]], dict[str, Any]]] = {
    "another world size": (BY_DATA, lambda: cosine(2 * 50), {"run.world_size": 8}),
    "accumulation": (BY_DATA, lambda: cosine(2 * 25), {"run.grad_accum": 4}),
    "warmup in epochs": (WARM, lambda: warm_cosine(5 * PER_EPOCH), {"warmup": 100}),
    "warmup left out": (WARM, lambda: cosine(STEPS), {"warmup": 0}),
    "a shorter run": (IN_STEPS, lambda: cosine(100), {"run.steps": 100}),
    "more epochs": (PLAIN, lambda: cosine(20 * PER_EPOCH), {"run.epochs": 20}),
    "another learning rate": (PLAIN, lambda: cosine(STEPS, 0.4), {"optimizer.lr": 0.4}),
    "accelerate": (PLAIN, lambda: cosine(STEPS, length=STEPS, calls=4), ACCELERATE),
    "stepped at every step": (BY_EPOCH, by_step, {"run.interval": "step"}),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_by_the_setting_that_makes_it(name, followed):
    document, run, expected = MISTAKES[name]
    found = followed(document, log_of(run()))
    assert not found.is_followed
    assert expected in changes(found)


def test_a_run_without_a_mistake_followed_its_plan(followed):
    found = followed(WARM, log_of(warm_cosine(5)))
    assert (found.is_followed, found.compared, found.fits, found.explanations, found.tried) == (
        True,
        STEPS,
        STEPS,
        (),
        0,
    )


def test_a_resume_without_the_schedulers_state_is_named(followed):
    rates = warm_cosine(5)
    found = followed(WARM, log_of([*rates[:120], *rates[:80]]))
    assert (found.left.step, found.left.last_fit) == (120, 119)
    assert {"--resume-at": 120, "--resume-as": "restart"} in changes(found)


def test_a_scheduler_built_anew_over_the_optimizers_state_is_named(followed):
    optimizer = sgd()
    rates = trained(optimizer, CosineAnnealingLR(optimizer, STEPS), 80)
    again = sgd()
    again.load_state_dict(optimizer.state_dict())
    rates += trained(again, CosineAnnealingLR(again, STEPS), STEPS - 80)
    found = followed(PLAIN, log_of(rates))
    assert {"--resume-at": 80, "--resume-as": "restart"} in changes(found)


def test_a_restart_between_two_records_is_found(followed):
    rates = warm_cosine(5)
    run = [*rates[:123], *rates[:77]]
    found = followed(WARM, log_of(run[::10], range(0, STEPS, 10)))
    assert {"--resume-at": 123, "--resume-as": "restart"} in changes(found)


@pytest.mark.parametrize("every", [1, 10])
def test_a_resume_without_any_state_is_named(every, followed):
    rates = cosine(STEPS)
    run = [*rates[:123], *rates[:77]]
    found = followed(PLAIN, log_of(run[::every], range(0, STEPS, every)))
    first = 123 if every == 1 else 130
    assert [(each.since, "starts again" in each.what) for each in found.explanations] == [(first, True)]


@pytest.mark.parametrize(("start", "word"), [(60, "behind"), (150, "ahead")])
def test_a_resume_from_another_state_is_named(start, word, followed):
    rates = warm_cosine(5)
    found = followed(WARM, log_of([*rates[:100], *rates[start : start + 50]]))
    assert [(each.since, word in each.what) for each in found.explanations] == [(100, True)]


def test_a_log_of_batches_is_told_from_one_of_steps(followed):
    rates = [rate for rate in warm_cosine(5) for _ in range(4)]
    found = followed(WARM, log_of(rates))
    assert ["counts 4 steps" in each.what for each in found.explanations] == [True]


def test_a_scheduler_that_is_stepped_at_every_batch_is_told(followed):
    optimizer = sgd()
    parts = [LinearLR(optimizer, 0.01, 1.0, 5), CosineAnnealingLR(optimizer, STEPS - 5)]
    rates = trained(optimizer, SequentialLR(optimizer, parts, [5]), STEPS, calls=4)
    found = followed(WARM, log_of(rates))
    assert ["is stepped 4 times" in each.what for each in found.explanations] == [True]


def test_settings_of_the_rest_are_named_where_the_start_is_the_plans(followed):
    plan = {"run": {"steps": 200}, "optimizer": LR, "warmup": 50, "scheduler": COSINE}
    found = followed(plan, log_of([*warm_cosine(50, 200)[:120], *warm_cosine(50, 400)[120:200]]))
    assert ({"run.steps": 400}, 120) in [(dict(each.changes), each.since) for each in found.explanations]


def test_where_several_settings_fit_all_are_named(followed):
    found = followed(BY_DATA, log_of(cosine(2 * 25)))
    assert {"run.world_size": 16} in changes(found)
    assert {"run.grad_accum": 4} in changes(found)


def test_nothing_is_named_where_nothing_explains(followed):
    optimizer = sgd()
    odd = LambdaLR(optimizer, lambda step: 0.3 + 0.2 * math.sin(step / 7))
    found = followed(WARM, log_of(trained(optimizer, odd, STEPS)))
    assert found.explanations == ()
    assert found.tried >= 20
