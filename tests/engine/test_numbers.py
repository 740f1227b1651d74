"""Numbers that a training script has at hand: the base rate, the epoch's length, and shares of a learning rate.

Each is held to the line of torch that closes over the same number, to the bit.
"""

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
from lrviz.rules import examine

N, PER_EPOCH, WARMUP = 24, 8, 6
RUN = {"epochs": 3, "steps_per_epoch": PER_EPOCH}
BASES = (0.05, 0.3)


def optimizer() -> Any:
    models = [torch.nn.Linear(2, 1) for _ in BASES]
    groups = [{"params": model.parameters(), "lr": lr} for model, lr in zip(models, BASES, strict=True)]
    return torch.optim.SGD(groups, lr=0.3)


def experiment(scheduler: dict[str, Any], **rest: Any) -> lrviz.Experiment:
    groups = [{"name": "backbone", "lr": 0.05}, {"name": "head"}]
    return lrviz.load({"run": RUN, "optimizer": {"lr": 0.3, "groups": groups}, "scheduler": scheduler, **rest})


@pytest.fixture
def holds(torch_loop: Any, assert_same: Any) -> Callable[..., None]:
    """Hold the replay of an experiment to a plain loop."""

    def holds(experiment: lrviz.Experiment, make: Callable[[Any], Any], make_optimizer: Any = optimizer) -> None:
        run = experiment.run
        loop = torch_loop(
            make_optimizer, make, epochs=3, steps_per_epoch=run.clock.steps // 3, interval=run.clock.interval
        )
        assert_same(replay(experiment, engine=TorchEngine()), loop)

    return holds


LAMBDAS: dict[str, tuple[str, Callable[..., float]]] = {
    "by epoch": ("0.5 ** (step // steps_per_epoch)", lambda i, **_: 0.5 ** (i // PER_EPOCH)),
    "fractional epochs": ("1 / (1 + epoch / steps_per_epoch)", lambda i, **_: 1 / (1 + i / PER_EPOCH)),
    "to an end rate": (
        "(1e-3 / base_lr) ** (step / total)",
        lambda i, base, total, **_: (1e-3 / base) ** (i / total),
    ),
    "floor": ("max(0.01 / base_lr, 0.8 ** step)", lambda i, base, **_: max(0.01 / base, 0.8**i)),
    "the run's step": ("1 / sqrt(1 + start + step)", lambda i, start, **_: 1 / math.sqrt(1 + start + i)),
    "two clocks": (
        "min(1, (step + 1) / 4) * 0.7 ** ((start + step) // steps_per_epoch)",
        lambda i, start, **_: min(1, (i + 1) / 4) * 0.7 ** ((start + i) // PER_EPOCH),
    ),
}


@pytest.mark.parametrize("name", LAMBDAS)
def test_a_lambda_knows_what_a_closure_knows(name: str, holds: Any) -> None:
    text, function = LAMBDAS[name]

    def make(opt: Any) -> Any:
        return t.LambdaLR(opt, [lambda i, base=base: function(i, base=base, total=N, start=0) for base in BASES])

    holds(experiment({"name": "lambda", "lr_lambda": text}), make)


@pytest.mark.parametrize("name", LAMBDAS)
def test_after_a_warmup_it_counts_from_its_own_start(name: str, holds: Any) -> None:
    text, function = LAMBDAS[name]

    def make(opt: Any) -> Any:
        own = [lambda i, base=base: function(i, base=base, total=N - WARMUP, start=WARMUP) for base in BASES]
        return t.SequentialLR(opt, [t.LinearLR(opt, 0.01, 1.0, WARMUP), t.LambdaLR(opt, own)], [WARMUP])

    holds(experiment({"name": "lambda", "lr_lambda": text}, warmup=WARMUP), make)


def test_a_list_of_lambdas_has_the_base_rate_of_each_group(holds: Any) -> None:
    def make(opt: Any) -> Any:
        return t.LambdaLR(opt, [lambda i: 0.01 / BASES[0], lambda i: 0.9**i * BASES[1]])

    holds(experiment({"name": "lambda", "lr_lambda": ["0.01 / base_lr", "0.9 ** epoch * base_lr"]}), make)


def test_a_multiplicative_lambda_knows_it_too(holds: Any) -> None:
    def make(opt: Any) -> Any:
        return t.MultiplicativeLR(opt, lambda i: 0.5 if i % PER_EPOCH == 0 else 1)

    holds(experiment({"name": "multiplicative", "lr_lambda": "0.5 if step % steps_per_epoch == 0 else 1"}), make)


def test_an_epoch_is_one_step_of_a_scheduler_that_steps_once_an_epoch() -> None:
    run = {"run": {**RUN, "interval": "epoch"}}
    trace = lrviz.replay(
        lrviz.load({**run, "scheduler": {"name": "lambda", "lr_lambda": "0.5 ** (epoch / steps_per_epoch)"}})
    )
    assert list(trace.groups[0].lr)[::PER_EPOCH] == [1e-3, 0.5e-3, 0.25e-3]


def test_a_nested_sequence_starts_where_the_outer_one_has_come_to() -> None:
    inner = {
        "name": "sequential",
        "milestones": [3],
        "schedulers": [{"name": "constant"}, {"name": "lambda", "lr_lambda": "start"}],
    }
    outer = {"name": "sequential", "milestones": [4], "schedulers": [{"name": "constant"}, inner]}
    resolved = lrviz.load({"scheduler": outer}).resolved
    assert resolved.children()[1].children()[1].lr_lambda.known == (("start", 7),)


def cosine_to(low: float, length: int) -> Callable[[int], float]:
    return lambda i: low + (1 - low) * (1 + math.cos(math.pi * i / length)) / 2


COSINES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "a number": (0.01, lambda opt: t.CosineAnnealingLR(opt, N, eta_min=0.01)),
    "a list of one number": ([0.01, 0.01], lambda opt: t.CosineAnnealingLR(opt, N, eta_min=0.01)),
    "shares that come to one number": (
        ["20%", 0.05 * 0.2],
        lambda opt: t.CosineAnnealingLR(opt, N, eta_min=0.05 * 0.2),
    ),
    "a share": ("10%", lambda opt: t.LambdaLR(opt, cosine_to(0.1, N))),
    "a factor": ("0.25x", lambda opt: t.LambdaLR(opt, cosine_to(0.25, N))),
    "one for each group": (
        [0.001, 0.02],
        lambda opt: t.LambdaLR(opt, [cosine_to(low / base, N) for low, base in zip((0.001, 0.02), BASES, strict=True)]),
    ),
    "a number and a share": ([0, "2.5%"], lambda opt: t.LambdaLR(opt, [cosine_to(0, N), cosine_to(0.025, N)])),
}


@pytest.mark.parametrize("name", COSINES)
def test_eta_min_is_torchs_number_or_where_the_groups_differ_a_lambda(name: str, holds: Any) -> None:
    eta_min, make = COSINES[name]
    found = experiment({"name": "cosine", "eta_min": eta_min})
    holds(found, make)
    assert examine(found, lrviz.replay(found)) == []


def test_a_share_of_one_base_rate_is_torchs_number(holds: Any) -> None:
    document = {"run": RUN, "optimizer": {"lr": 0.3}, "scheduler": {"name": "cosine", "eta_min": "10%"}}
    found = lrviz.load(document)
    assert type(found.resolved).__name__ == "CosineAnnealingLR"
    model = torch.nn.Linear(2, 1)
    one = lambda: torch.optim.SGD(model.parameters(), lr=0.3)  # noqa: E731
    holds(found, lambda opt: t.CosineAnnealingLR(opt, N, eta_min=0.3 * 0.1), one)


def test_after_a_warmup_the_lambda_takes_over_at_its_end(holds: Any) -> None:
    def make(opt: Any) -> Any:
        falling = t.LambdaLR(opt, cosine_to(0.1, N - WARMUP))
        return t.SequentialLR(opt, [t.LinearLR(opt, 0.01, 1.0, WARMUP), falling], [WARMUP])

    holds(experiment({"name": "cosine", "eta_min": "10%"}, warmup=WARMUP), make)


@pytest.mark.parametrize("T_mult", [1, 2, 3, 5])
@pytest.mark.parametrize("T_0", [1, 3, 7])
def test_restarts_with_an_eta_min_for_each_group_are_those_of_each_group_alone(T_0: int, T_mult: int) -> None:
    restarts = {"name": "cosine-restarts", "T_0": T_0, "T_mult": T_mult}
    groups = [{"name": "a", "lr": 0.05}, {"name": "b", "lr": 0.3}]
    steps = {"steps": 2000}
    both = lrviz.load({"run": steps, "optimizer": {"groups": groups}, "scheduler": {**restarts, "eta_min": "10%"}})
    traces = [
        lrviz.replay(
            lrviz.load({"run": steps, "optimizer": {"lr": lr}, "scheduler": {**restarts, "eta_min": lr * 0.1}})
        )
        for lr in BASES
    ]
    for group, alone in zip(lrviz.replay(both).groups, traces, strict=True):
        assert list(group.lr) == pytest.approx(list(alone.groups[0].lr), rel=1e-9)


@pytest.mark.parametrize(
    ("written", "lr"),
    [("0.75x", 0.3 * 0.75), ("75%", 0.3 * 0.75), ("0.75**3x", 0.3 * 0.75**3), ("(1/3) x", 0.3 * (1 / 3))],
)
def test_a_group_may_have_a_share_of_the_rate(written: str, lr: float, holds: Any) -> None:
    def make() -> Any:
        first, second = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
        return torch.optim.SGD([{"params": first.parameters(), "lr": lr}, {"params": second.parameters()}], lr=0.3)

    groups = [{"name": "backbone", "lr": written}, {"name": "head"}]
    document = {"run": RUN, "optimizer": {"lr": 0.3, "groups": groups}, "scheduler": {"name": "cosine"}}
    holds(lrviz.load(document), lambda opt: t.CosineAnnealingLR(opt, N), make)
