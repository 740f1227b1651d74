"""What tests of the engines share.

The truth that a replay is held to is a plain training loop over torch, written in the dumbest way.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from lrviz import Trace
from lrviz.engine import certify, light, select
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.schedulers.base import LOADED


@dataclass
class Loop:
    """What a plain loop saw: for each optimizer step, every group's lr, momentum (or beta1) and weight decay."""

    records: list[list[tuple[float, float | None, float | None]]] = field(default_factory=list)
    failure: tuple[int, str, str] | None = None  # after how many steps, and in whose words
    warnings: dict[str, int] = field(default_factory=dict)  # a warning, and after how many steps it first came


def _step(scheduler: Any, epoch: int, step: int, count: int) -> None:
    scheduler.step()


def torch_loop(
    make_optimizer: Callable[[], Any],
    make_scheduler: Callable[[Any], Any],
    *,
    epochs: int,
    steps_per_epoch: int,
    interval: str = "step",
    advance: Callable[[Any, int, int, int], None] = _step,
) -> Loop:
    """Train for so many steps; `advance(scheduler, epoch, step, count)` is the call of scheduler.step()."""
    loop = Loop()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: loop.warnings.setdefault(str(message), len(loop.records))
        try:
            optimizer = make_optimizer()
            _train(loop, optimizer, make_scheduler(optimizer), epochs, steps_per_epoch, interval, advance)
        except Exception as error:  # noqa: BLE001  whatever torch raises
            loop.failure = (len(loop.records), type(error).__name__, str(error))
    return loop


def _train(
    loop: Loop, optimizer: Any, scheduler: Any, epochs: int, steps_per_epoch: int, interval: str, advance: Any
) -> None:
    count = 0
    for epoch in range(epochs):
        for batch in range(steps_per_epoch):
            step = len(loop.records)
            loop.records.append([_record(group) for group in optimizer.param_groups])
            if type(optimizer).__name__ == "LBFGS":
                optimizer.step(lambda: 0.0)
            else:
                optimizer.step()
            last_of_epoch = batch == steps_per_epoch - 1
            last_of_run = last_of_epoch and epoch == epochs - 1
            if (interval == "step" or last_of_epoch) and not last_of_run:
                advance(scheduler, epoch, step, count)
                count += 1


def _record(group: dict[str, Any]) -> tuple[float, float | None, float | None]:
    momentum = group["momentum"] if "momentum" in group else group["betas"][0] if "betas" in group else None
    return group["lr"], momentum, group.get("weight_decay")


def assert_same(trace: Trace, loop: Loop) -> None:
    """Hold a trace to a loop: every number to the last bit, every warning, and where and why it stopped."""
    failure = trace.failure and (trace.failure.step, trace.failure.kind, trace.failure.message)
    assert failure == loop.failure
    assert {warning.message: warning.step for warning in trace.warnings} == loop.warnings
    assert trace.steps == len(loop.records)
    for index, group in enumerate(trace.groups):
        columns = zip(*(record[index] for record in loop.records), strict=True)
        for values, expected in zip((group.lr, group.momentum, group.weight_decay), columns, strict=True):
            assert _bits(() if values is None else values) == _bits(expected)


def _bits(values: Iterable[float | None]) -> list[str]:
    return [float(value).hex() for value in values if value is not None]


@pytest.fixture(name="torch_loop")
def _torch_loop() -> Callable[..., Loop]:
    return torch_loop


@pytest.fixture(name="assert_same")
def _assert_same() -> Callable[[Trace, Loop], None]:
    return assert_same


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in what passes for a fresh process."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LRVIZ_CACHE_DIR", str(folder))
    monkeypatch.setattr(select, "torch_is_loaded", lambda: False)
    return folder


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a copy of torch's files in the light engine's way, and return what edits its lr_scheduler.py."""
    installed, copy = light.torch_folder(), tmp_path / "torch"
    for path in light.files(installed):
        target = copy / path.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for module in (light, certify):
        monkeypatch.setattr(module, "torch_folder", lambda: copy)

    def edit(old: str, new: str) -> None:
        path = copy / "optim" / "lr_scheduler.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> type[SchedulerSpec]:
    """Put a scheduler into the catalogue whose class comes from another package than torch."""
    package = ModuleType("lrviz_test_package")
    package.Outside = type("Outside", (torch.optim.lr_scheduler.ConstantLR,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(LOADED, "outside", SchedulerSpec)  # taken out again after the test

    class Outside(SchedulerSpec):
        """Hold the rate."""

        name = "outside"
        module = package.__name__

    return Outside
