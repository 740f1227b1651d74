"""The comparison of the engines: what it holds, and that it sees a difference."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import lrviz
from lrviz import Trace
from lrviz.arrays import column
from lrviz.engine import light
from lrviz.engine.compare import EngineCheck, compare, difference, experiments
from lrviz.engine.engine import TorchEngine
from lrviz.engine.record import record
from lrviz.experiment.optimizers import OPTIMIZERS
from lrviz.experiment.schedulers import CORE, Custom, SchedulerSpec
from lrviz.trace import Failure, TorchWarning

REAL = TorchEngine()


@pytest.fixture(scope="module")
def trace() -> Trace:
    optimizer = {"name": "sgd", "momentum": 0.9, "groups": [{"name": "a"}, {"name": "b"}]}
    return record(lrviz.load({"optimizer": optimizer, "scheduler": {"name": "plateau", "metric": "1"}}), REAL)


def test_torchs_schedulers_and_every_optimizer_are_compared_and_do_not_differ() -> None:
    check = compare()
    assert check.mismatches == ()
    assert check.passed
    assert check.schedulers == len(set(CORE) - {Custom})
    assert check.optimizers == sum(hasattr(REAL.torch.optim, name) for name in OPTIMIZERS)
    assert check.failures > 0
    assert check.warnings > 0
    assert check.replays > check.failures + 200
    assert check.steps > check.replays


def test_a_comparison_of_nothing_has_not_passed() -> None:
    counts = dict.fromkeys(("schedulers", "optimizers", "replays", "steps", "failures", "warnings"), 0)
    assert not EngineCheck(torch_version="2", mismatches=(), **counts).passed


def test_a_changed_file_differs(edit: Any) -> None:
    edit('group["lr"] * self.gamma for group', 'group["lr"] * self.gamma * 0.999 for group')
    check = compare()
    assert not check.passed
    assert any(message.startswith("StepLR with") for message in check.mismatches)


@pytest.mark.usefixtures("edit")
def test_a_stand_in_that_lacks_an_attribute_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    make = light._Optimizer.__init__

    def without_defaults(self: Any, *arguments: Any) -> None:
        make(self, *arguments)
        del self.defaults

    monkeypatch.setattr(light._Optimizer, "__init__", without_defaults)
    assert not compare().passed


def test_a_scheduler_from_outside_torch_is_not_compared(outside: type[SchedulerSpec]) -> None:
    assert "Outside" not in {experiment.name for experiment in experiments()}


def test_a_trace_is_like_itself(trace: Trace) -> None:
    assert difference(trace, dataclasses.replace(trace)) == ""


CHANGES: dict[str, dict[str, Any]] = {
    "failure": {"failure": Failure(step=32, epoch=3, kind="ValueError", message="no")},
    "warnings": {"warnings": (TorchWarning(step=1, epoch=0, message="careful"),)},
    "steps": {"steps": 31},
    "steps_per_epoch": {"steps_per_epoch": 9},
    "momentum_name": {"momentum_name": None},
    "torch_version": {"torch_version": "1"},
    "metric": {"metric": column([-0.0])},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_difference_is_named(trace: Trace, name: str) -> None:
    assert difference(trace, dataclasses.replace(trace, **CHANGES[name])).startswith(name)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("lr", column([0.5] * 32), "lr of group 'b'"),
        ("momentum", column([0.5] * 32), "momentum of group 'b'"),
        ("weight_decay", column([-0.0] * 32), "weight_decay of group 'b'"),
        ("name", "c", "the parameter groups"),
    ],
)
def test_a_difference_of_one_group_is_named(trace: Trace, name: str, value: Any, message: str) -> None:
    first, second = trace.groups
    changed = dataclasses.replace(trace, groups=(first, dataclasses.replace(second, **{name: value})))
    assert difference(trace, changed) == message
