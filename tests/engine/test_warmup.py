"""`warmup:` in a document equals the lines of torch that the README names, to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t

import lrviz
from lrviz.engine.engine import TorchEngine
from lrviz.engine.select import replay

N = 24
RUN = {"epochs": 3, "steps_per_epoch": 8}
LENGTH = 6

WARMUPS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "linear": ({}, lambda opt: t.LinearLR(opt, 0.01, 1.0, LENGTH)),
    "linear from 0.2": ({"warmup_start": 0.2}, lambda opt: t.LinearLR(opt, 0.2, 1.0, LENGTH)),
    "linear from 0": ({"warmup_start": 0}, lambda opt: t.LambdaLR(opt, lambda i: min(1.0, i / LENGTH))),
    "quadratic": (
        {"warmup_shape": "quadratic"},
        lambda opt: t.LambdaLR(opt, lambda i: 1.0 if i >= LENGTH else 0.01 + (1 - 0.01) * (i / LENGTH) ** 2),
    ),
    "quadratic from 0": (
        {"warmup_shape": "quadratic", "warmup_start": 0},
        lambda opt: t.LambdaLR(opt, lambda i: min(1.0, (i / LENGTH) ** 2)),
    ),
    "exponential": (
        {"warmup_shape": "exponential"},
        lambda opt: t.LambdaLR(opt, lambda i: 0.01 ** (1 - min(1.0, i / LENGTH))),
    ),
}
FOLLOWERS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "cosine": ({"name": "cosine"}, lambda opt: t.CosineAnnealingLR(opt, N - LENGTH)),
    "step": ({"name": "step", "step_size": 4, "gamma": 0.5}, lambda opt: t.StepLR(opt, 4, 0.5)),
    "polynomial": ({"name": "polynomial", "total_iters": 9}, lambda opt: t.PolynomialLR(opt, 9)),
    "lambda": ({"name": "lambda", "lr_lambda": "0.9 ** epoch"}, lambda opt: t.LambdaLR(opt, lambda i: 0.9**i)),
}
METRICS = [1.0, 0.9, 0.95, 0.95, 0.95, 0.95, 0.9, 0.9, 0.9, 0.8, 0.81, 0.81, 0.81, 0.81, 0.81, *[0.7] * 9]


def optimizer() -> Any:
    first, second = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    return torch.optim.SGD([{"params": first.parameters(), "lr": 0.05}, {"params": second.parameters()}], lr=0.3)


def trace_of(document: dict[str, Any], *, run: dict[str, Any] = RUN) -> lrviz.Trace:
    groups = [{"name": "backbone", "lr": 0.05}, {"name": "head"}]
    document = {"run": run, "optimizer": {"lr": 0.3, "groups": groups}, **document}
    return replay(lrviz.load(document), engine=TorchEngine())


@pytest.fixture
def loop_of(torch_loop: Any) -> Callable[..., Any]:
    def loop_of(make: Callable[[Any], Any], advance: Callable[[Any, int], None]) -> Any:
        return torch_loop(
            optimizer, make, **RUN, advance=lambda schedulers, epoch, step, count: advance(schedulers, count)
        )

    return loop_of


@pytest.mark.parametrize("follower", FOLLOWERS)
@pytest.mark.parametrize("name", WARMUPS)
def test_a_warmup_is_a_sequence_of_two(name: str, follower: str, loop_of: Any, assert_same: Any) -> None:
    (given, warmup), (scheduler, make) = WARMUPS[name], FOLLOWERS[follower]
    trace = trace_of({"warmup": LENGTH, **given, "scheduler": scheduler})
    loop = loop_of(lambda opt: t.SequentialLR(opt, [warmup(opt), make(opt)], [LENGTH]), lambda s, _: s.step())
    assert_same(trace, loop)


@pytest.mark.parametrize("metric", [METRICS, "exp(-step / 4)"], ids=["list", "expression"])
@pytest.mark.parametrize("name", WARMUPS)
@pytest.mark.parametrize("calls", [1, 4])
def test_a_warmup_before_a_plateau_is_stepped_beside_it(
    name: str, metric: Any, calls: int, loop_of: Any, assert_same: Any
) -> None:
    given, warmup = WARMUPS[name]
    plateau = {"name": "plateau", "metric": metric, "patience": 2, "factor": 0.5}
    run = RUN if calls == 1 else {**RUN, "framework": "accelerate", "world_size": calls}
    trace = trace_of({"warmup": LENGTH, **given, "scheduler": plateau}, run=run)

    def advance(schedulers: tuple[Any, Any], count: int) -> None:
        rising, falling = schedulers
        if count * calls < LENGTH:
            for _ in range(calls):
                rising.step()
        for _ in range(calls):
            falling.step(METRICS[count] if metric is METRICS else math.exp(-count / 4))

    assert_same(trace, loop_of(lambda opt: (warmup(opt), t.ReduceLROnPlateau(opt, patience=2, factor=0.5)), advance))


def test_a_warmup_from_0_starts_at_0_and_ends_at_the_full_rate() -> None:
    trace = trace_of({"warmup": 4, "warmup_start": 0, "scheduler": {"name": "constant", "factor": 1}})
    assert list(trace.groups[1].lr)[:6] == [0.0, 0.3 * 0.25, 0.3 * 0.5, 0.3 * 0.75, 0.3, 0.3]


@pytest.mark.parametrize(
    ("shape", "start"), [("linear", 0), ("quadratic", 0), ("quadratic", 0.7), ("exponential", 0.01), ("exponential", 1)]
)
def test_a_warmup_in_closed_form_ends_exactly_at_the_full_rate(shape: str, start: float) -> None:
    document = {"warmup": 7, "warmup_start": start, "warmup_shape": shape}
    trace = trace_of({**document, "scheduler": {"name": "step", "step_size": 99}})
    assert set(trace.groups[1].lr[7:]) == {0.3}
