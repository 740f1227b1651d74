"""Experiments that are read off live schedulers: their arguments, and that they are held to what was previewed."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t
from torch.optim.swa_utils import SWALR

from lrviz.engine.preview import preview
from lrviz.engine.recover import recovered
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.writer import as_document


def sgd(groups: int = 1, **rest: Any) -> Any:
    parts = [{"params": [torch.nn.Parameter(torch.ones(2))], "lr": 0.1 * (1 + each)} for each in range(groups)]
    return torch.optim.SGD(parts, **rest)


def found(scheduler: Any, position: int = 0, metric: Any = None) -> Experiment | None:
    for _ in range(position):
        scheduler.optimizer.step()
        scheduler.step()
    pair = recovered(scheduler, preview(scheduler, steps=9, metric=metric))
    return None if pair is None else pair[0]


def double(step: int) -> float:
    return 2.0


def in_turn(optimizer: Any) -> Any:
    return t.SequentialLR(optimizer, [t.LinearLR(optimizer, 0.1), t.StepLR(optimizer, 2)], milestones=[4])


def in_a_chain(optimizer: Any) -> Any:
    return t.ChainedScheduler([t.ConstantLR(optimizer, 0.25, 3), t.ExponentialLR(optimizer, 0.9)])


@pytest.mark.parametrize("position", [0, 3])
@pytest.mark.parametrize(
    ("make", "written"),
    [
        (partial(t.StepLR, step_size=3), {"name": "step", "step_size": 3}),
        (
            partial(t.MultiStepLR, milestones=[9, 2, 9]),
            {"name": "multistep", "milestones": [2, 9, 9]},
        ),
        (partial(t.ConstantLR, factor=0.25), {"name": "constant", "factor": 0.25}),
        (partial(t.LinearLR, start_factor=0.1), {"name": "linear", "start_factor": 0.1}),
        (partial(t.ExponentialLR, gamma=0.9), {"name": "exponential", "gamma": 0.9}),
        (partial(t.PolynomialLR, power=2.0), {"name": "polynomial", "power": 2.0}),
        (
            partial(t.CosineAnnealingLR, T_max=7, eta_min=0.01),
            {"name": "cosine", "T_max": 7, "eta_min": 0.01},
        ),
        (
            partial(t.CosineAnnealingWarmRestarts, T_0=3, T_mult=2),
            {"name": "cosine-restarts", "T_0": 3, "T_mult": 2},
        ),
        (
            partial(t.CyclicLR, base_lr=0.01, max_lr=0.3, step_size_up=3, step_size_down=4, cycle_momentum=False),
            {
                "name": "cyclic",
                "base_lr": 0.01,
                "max_lr": 0.3,
                "step_size_up": 3,
                "step_size_down": 4,
                "cycle_momentum": False,
            },
        ),
        (
            partial(t.OneCycleLR, max_lr=[0.3, 0.7], total_steps=21, pct_start=0.17, div_factor=7, final_div_factor=30),
            {
                "name": "onecycle",
                "max_lr": [0.3, 0.7],
                "total_steps": 21,
                "pct_start": 0.17,
                "div_factor": 7.0,
                "final_div_factor": 30.0,
            },
        ),
        (
            partial(t.OneCycleLR, max_lr=0.3, total_steps=30, three_phase=True, anneal_strategy="linear"),
            {"name": "onecycle", "max_lr": 0.3, "total_steps": 30, "three_phase": True, "anneal_strategy": "linear"},
        ),
        (partial(t.LambdaLR, lr_lambda=double), {"name": "lambda", "lr_lambda": "double"}),
        (partial(t.MultiplicativeLR, lr_lambda=[double, double]), {"name": "multiplicative", "lr_lambda": "double"}),
        (
            partial(SWALR, swa_lr=[0.01, 0.02], anneal_epochs=4, anneal_strategy="linear"),
            {"name": "swa", "swa_lr": [0.01, 0.02], "anneal_epochs": 4, "anneal_strategy": "linear"},
        ),
        (
            in_turn,
            {
                "name": "sequential",
                "milestones": [4],
                "schedulers": [{"name": "linear", "start_factor": 0.1}, {"name": "step", "step_size": 2}],
            },
        ),
        (
            in_a_chain,
            {
                "name": "chained",
                "schedulers": [
                    {"name": "constant", "factor": 0.25, "total_iters": 3},
                    {"name": "exponential", "gamma": 0.9},
                ],
            },
        ),
    ],
)
def test_torchs_arguments_are_read_off(make: Any, written: Any, position: int) -> None:
    experiment = found(make(sgd(2, momentum=0.9)), position)
    assert experiment is not None
    assert as_document(experiment.scheduler) == written
    assert experiment.run.steps == 9 + position


def test_a_plateau_is_read_off_where_it_starts_and_not_in_the_middle_of_what_it_watched() -> None:
    plateau = t.ReduceLROnPlateau(sgd(), patience=1, min_lr=0.01)
    experiment = found(plateau, metric="0.5")
    assert experiment is not None
    assert as_document(experiment.scheduler) == {"name": "plateau", "patience": 1, "min_lr": 0.01, "metric": "0.5"}
    plateau.step(0.5)
    assert found(plateau, metric="0.5") is None


def test_the_momentum_that_an_optimizer_was_made_with_is_known_where_a_cycle_has_set_another() -> None:
    experiment = found(t.OneCycleLR(sgd(momentum=0.5), 0.1, 20))
    assert experiment is not None
    assert experiment.optimizer.momentum == 0.5


class Inherited(t.StepLR):
    pass


def with_another_rate(optimizer: Any) -> Any:
    scheduler = t.StepLR(optimizer, 2)
    optimizer.param_groups[0]["lr"] = 0.7
    return scheduler


def that_counts(optimizer: Any) -> Any:
    numbers = iter(range(1, 99))
    return t.LambdaLR(optimizer, lambda step: float(next(numbers)))


@pytest.mark.parametrize("make", [lambda o: Inherited(o, 2), with_another_rate, that_counts])
def test_what_may_do_something_else_is_not_taken_for_torchs(make: Any) -> None:
    assert found(make(sgd())) is None


def test_an_argument_that_lrviz_refuses_is_nobodys_experiment() -> None:
    scheduler = t.StepLR(sgd(), 2)
    scheduler.gamma = -1.0
    assert found(scheduler) is None
