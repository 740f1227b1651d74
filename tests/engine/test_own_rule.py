"""A rule of its own, such as a library's that is no LRScheduler: what it sets is what the steps train with."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pytest

from lrviz import Experiment, replay
from lrviz.experiment.clock import Run
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.schedulers import GroupStart, OwnRule, Release
from lrviz.experiment.schedulers.base import LOADED


@pytest.fixture(autouse=True)
def loaded() -> Iterator[None]:
    """Take the schedulers of a test out of the catalogue again."""
    before = dict(LOADED)
    yield
    LOADED.clear()
    LOADED.update(before)


def trace(spec: OwnRule, engine: str = "torch", **optimizer: Any) -> Any:
    return replay(Experiment(scheduler=spec, run=Run(steps=4), optimizer=OptimizerSpec(**optimizer)), engine=engine)


class _Everything(OwnRule):
    """Set all that can be set."""

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        for step in range(10):
            yield {"lr": start.lr + step, "momentum": step / 8, "beta1": step / 16, "weight_decay": start.group + step}

    def moves_momentum(self) -> bool:
        return True

    def moves_weight_decay(self) -> bool:
        return True


@pytest.mark.parametrize("engine", ["torch", "light"])
def test_it_sets_what_each_group_has(engine: str) -> None:
    groups = (Group(name="a", lr=0.5), Group(name="b", lr=2.0))
    first, second = trace(_Everything(), engine, groups=groups, momentum=0.9).groups
    assert (list(first.lr), list(second.lr)) == ([0.5, 1.5, 2.5, 3.5], [2.0, 3.0, 4.0, 5.0])
    assert list(second.momentum) == [0, 0.125, 0.25, 0.375]
    assert (list(first.weight_decay), list(second.weight_decay)) == ([0, 1, 2, 3], [1, 2, 3, 4])


def test_beta1_is_the_first_of_the_betas() -> None:
    (group,) = trace(_Everything(), name="AdamW").groups
    assert list(group.momentum) == [0, 0.0625, 0.125, 0.1875]


def test_a_rule_may_go_on_from_its_last_value_and_is_sent_the_metric() -> None:
    class Greedy(OwnRule):
        """Halve where the metric is high."""

        def stepped_with(self) -> Any:
            return (1.0, 9.0, 1.0)

        def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
            lr = start.default_lr
            while True:
                metric = yield {"lr": lr}
                assert metric is not None
                lr = lr / 2 if metric > 5 else lr

    (group,) = trace(Greedy(), lr=8.0).groups
    assert list(group.lr) == [8, 8, 4, 4]


def test_the_version_that_the_run_names_reaches_the_scheduler_of_its_library() -> None:
    class Changed(OwnRule):
        """Do what the version did."""

        library = "transformers"
        release: Release | None = None

        def lr_at(self, step: int, start: GroupStart) -> float:
            return 1.0 if self.release is None else float(self.release[1])

    run = Run(steps=2, transformers="4.44")
    assert list(replay(Experiment(scheduler=Changed(), run=run)).groups[0].lr) == [44.0, 44.0]
    assert list(replay(Experiment(scheduler=Changed(), run=Run(steps=2))).groups[0].lr) == [1.0, 1.0]
