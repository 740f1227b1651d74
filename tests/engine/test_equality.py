"""The replay equals a plain loop over torch, to the bit: every scheduler, optimizer, group and interval.

Run this file to print how much is compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t
from torch.optim.swa_utils import SWALR

import lrviz
from lrviz.engine.engine import TorchEngine
from lrviz.engine.select import replay
from lrviz.experiment.optimizers import OPTIMIZERS
from lrviz.experiment.schedulers import SchedulerSpec, catalogue

N = 24  # how many settings a run has: 3 epochs of 8 steps, or 24 epochs of 2 where the scheduler steps by epoch
RUNS = {"step": (3, 8), "epoch": (24, 2)}
LAYOUTS = (1, 2)  # parameter groups
MOMENTUM = ("SGD", "RMSprop", "Muon")
BETAS = ("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "SparseAdam")
WITHOUT_DECAY = ("LBFGS", "Rprop", "SparseAdam")
AVAILABLE = [name for name in OPTIMIZERS if hasattr(torch.optim, name)]


@dataclass(frozen=True)
class Case:
    """A scheduler as lrviz reads it, and as a training script writes it."""

    id: str
    spec: dict[str, Any]
    make: Callable[[Any], Any]
    advance: Callable[[Any, int, int, int], None] = lambda scheduler, epoch, step, count: scheduler.step()
    two_groups_only: bool = False

    @property
    def layouts(self) -> tuple[int, ...]:
        return (2,) if self.two_groups_only else LAYOUTS


class ByHand:
    """`for group in optimizer.param_groups: group["lr"] = rate`, as training loops have it."""

    def __init__(self, optimizer: Any, rate_at: Callable[[int], float | None]) -> None:
        self.optimizer, self.rate_at, self.count = optimizer, rate_at, -1
        self.step()

    def step(self) -> None:
        self.count += 1
        rate = self.rate_at(self.count)
        if rate is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate


def same(id: str, cls: Any, groups_only: int = 1, /, **arguments: Any) -> Case:
    """Return the case of a class whose arguments lrviz and torch write alike."""
    return Case(
        id, {"name": cls.__name__, **arguments}, lambda opt: cls(opt, **arguments), two_groups_only=groups_only == 2
    )


def plateau(id: str, watched: tuple[Any, Callable[[int, int, int], float]], **arguments: Any) -> Case:
    metric, value = watched
    return Case(
        id,
        {"name": "plateau", "metric": metric, **arguments},
        lambda opt: t.ReduceLROnPlateau(opt, **arguments),
        lambda scheduler, epoch, step, count: scheduler.step(value(epoch, step, count)),
        two_groups_only=isinstance(arguments.get("min_lr"), list),
    )


def swa_from(start: int, **arguments: Any) -> Case:
    def advance(scheduler: Any, epoch: int, step: int, count: int) -> None:
        if count >= start:
            scheduler.step()

    return Case(
        f"swa-from-{start}",
        {"name": "swa", "swa_start": start, **arguments},
        lambda opt: SWALR(opt, **arguments),
        advance,
    )


def sequential(id: str, milestones: list[int], *children: tuple[dict[str, Any], Callable[[Any], Any]]) -> Case:
    return Case(
        f"sequential-{id}",
        {"name": "sequential", "schedulers": [spec for spec, _ in children], "milestones": milestones},
        lambda opt: t.SequentialLR(opt, [make(opt) for _, make in children], milestones=milestones),
    )


def chained(id: str, *children: tuple[dict[str, Any], Callable[[Any], Any]]) -> Case:
    return Case(
        f"chained-{id}",
        {"name": "chained", "schedulers": [spec for spec, _ in children]},
        lambda opt: t.ChainedScheduler([make(opt) for _, make in children]),
    )


def inner(case: Case) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    return case.spec, case.make


def child(cls: Any, **arguments: Any) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    return {"name": cls.__name__, **arguments}, lambda opt: cls(opt, **arguments)


def from_zero(length: int) -> Callable[[int], float]:
    return lambda step: step / length if step < length else 1.0


LOSSES = [1.0, 0.9, 0.9, 0.91, 0.95, 0.8, 0.81, 0.81, 0.81, 0.81, 0.81, 0.81, 0.7, *[0.7 + i / 100 for i in range(11)]]
LOGGED = (LOSSES, lambda epoch, step, count: LOSSES[count])
FALLING = ("exp(-step / 4)", lambda epoch, step, count: math.exp(-step / 4))
JUMPING = ("0.5 if epoch < 2 else 1", lambda epoch, step, count: 0.5 if epoch < 2 else 1.0)
FLAT = (0.25, lambda epoch, step, count: 0.25)

SINGLE = [
    same("step", t.StepLR, step_size=5, gamma=0.3),
    same("step-every", t.StepLR, step_size=1),
    same("multistep", t.MultiStepLR, milestones=[3, 9, 20]),
    Case("warmup", {"name": "warmup", "total_iters": 7}, lambda opt: t.LambdaLR(opt, from_zero(7))),
    Case(
        "warmup-quadratic",
        {"name": "warmup", "total_iters": 7, "start_factor": 0.3, "mode": "quadratic"},
        lambda opt: t.LambdaLR(opt, lambda i: 0.3 + (1 - 0.3) * (i / 7) ** 2 if i < 7 else 1.0),
    ),
    Case(
        "warmup-exponential",
        {"name": "warmup", "total_iters": 40, "start_factor": 0.05, "mode": "exponential"},
        lambda opt: t.LambdaLR(opt, lambda i: 0.05 ** (1 - i / 40)),
    ),
    same("multistep-duplicate-unsorted-zero", t.MultiStepLR, milestones=[9, 3, 9, 0], gamma=0.7),
    same("multistep-beyond-the-run", t.MultiStepLR, milestones=[6, 1000]),
    same("constant", t.ConstantLR),
    same("constant-quarter", t.ConstantLR, factor=0.25, total_iters=7),
    same("constant-zero", t.ConstantLR, factor=0.0, total_iters=7),
    same("linear", t.LinearLR),
    same("linear-up", t.LinearLR, start_factor=0.2, end_factor=0.9, total_iters=9),
    same("linear-down", t.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=40),
    same("exponential", t.ExponentialLR, gamma=0.9),
    same("exponential-up", t.ExponentialLR, gamma=1.3),
    same("polynomial", t.PolynomialLR),
    same("polynomial-power", t.PolynomialLR, total_iters=11, power=2.5),
    Case("cosine", {"name": "cosine"}, lambda opt: t.CosineAnnealingLR(opt, T_max=N)),
    same("cosine-rebound", t.CosineAnnealingLR, T_max=7, eta_min=0.01),
    same("cosine-eta-min-above", t.CosineAnnealingLR, T_max=16, eta_min=0.5),
    same("restarts", t.CosineAnnealingWarmRestarts, T_0=5),
    same("restarts-mult", t.CosineAnnealingWarmRestarts, T_0=3, T_mult=2, eta_min=0.02),
    same("cyclic", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=3),
    same("cyclic-down", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=3, step_size_down=5),
    same("cyclic-2", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=3, mode="triangular2"),
    same("cyclic-exp", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=4, mode="exp_range", gamma=0.93),
    same("cyclic-momentum", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=4, base_momentum=0.6, max_momentum=0.99),
    same("cyclic-no-momentum", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=4, cycle_momentum=False),
    same("cyclic-long", t.CyclicLR, base_lr=0.01, max_lr=0.2),
    same("cyclic-lists", t.CyclicLR, 2, base_lr=[0.01, 0.02], max_lr=[0.2, 0.3], step_size_up=3),
    Case(
        "cyclic-scale-cycle",
        {"name": "cyclic", "base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3, "scale_fn": "1 / (5 ** (x * 0.0001))"},
        lambda opt: t.CyclicLR(opt, 0.01, 0.2, 3, scale_fn=lambda x: 1 / (5 ** (x * 0.0001))),
    ),
    Case(
        "cyclic-scale-iterations",
        {
            "name": "CyclicLR",
            "base_lr": 0.01,
            "max_lr": 0.2,
            "step_size_up": 3,
            "scale_mode": "iterations",
            "scale_fn": "0.5 * (1 + sin(x * pi / 2))",
        },
        lambda opt: t.CyclicLR(
            opt, 0.01, 0.2, 3, scale_fn=lambda x: 0.5 * (1 + math.sin(x * math.pi / 2)), scale_mode="iterations"
        ),
    ),
    Case("onecycle", {"name": "onecycle", "max_lr": 0.4}, lambda opt: t.OneCycleLR(opt, max_lr=0.4, total_steps=N)),
    same("onecycle-epochs", t.OneCycleLR, max_lr=0.4, epochs=6, steps_per_epoch=4),
    same("onecycle-linear", t.OneCycleLR, max_lr=0.4, total_steps=N, anneal_strategy="linear"),
    same("onecycle-three", t.OneCycleLR, max_lr=0.4, total_steps=N, three_phase=True),
    same("onecycle-three-linear", t.OneCycleLR, max_lr=0.4, total_steps=N, three_phase=True, anneal_strategy="linear"),
    same(
        "onecycle-shape", t.OneCycleLR, max_lr=0.4, total_steps=N, pct_start=0.1, div_factor=7.0, final_div_factor=30.0
    ),
    same("onecycle-momentum", t.OneCycleLR, max_lr=0.4, total_steps=N, base_momentum=0.5, max_momentum=0.97),
    same("onecycle-momentum-above-1", t.OneCycleLR, max_lr=0.4, total_steps=N, base_momentum=1.0, max_momentum=1.5),
    same("cyclic-momentum-of-1", t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=4, max_momentum=1.0),
    same("onecycle-no-momentum", t.OneCycleLR, max_lr=0.4, total_steps=N, cycle_momentum=False),
    same(
        "onecycle-lists",
        t.OneCycleLR,
        2,
        max_lr=[0.4, 0.2],
        total_steps=N,
        base_momentum=[0.8, 0.7],
        max_momentum=[0.9, 0.95],
    ),
    same("onecycle-pct-0", t.OneCycleLR, max_lr=0.4, total_steps=N, pct_start=0.0),
    same("onecycle-pct-1", t.OneCycleLR, max_lr=0.4, total_steps=N, pct_start=1.0),
    same("onecycle-divides-by-zero", t.OneCycleLR, max_lr=0.4, total_steps=10, pct_start=0.1),
    same("onecycle-one-past", t.OneCycleLR, max_lr=0.4, total_steps=N - 1),
    same("onecycle-one-past-linear", t.OneCycleLR, max_lr=0.4, total_steps=N - 1, anneal_strategy="linear"),
    same("onecycle-overrun", t.OneCycleLR, max_lr=0.4, total_steps=15),
    plateau("plateau", LOGGED, patience=2),
    plateau("plateau-expression", FALLING, patience=0, threshold=0.5),
    plateau("plateau-epoch", JUMPING, patience=1),
    plateau("plateau-flat", FLAT, patience=2),
    plateau("plateau-max-abs", LOGGED, mode="max", threshold_mode="abs", threshold=0.05, patience=1),
    plateau("plateau-cooldown", LOGGED, patience=1, cooldown=3, factor=0.5),
    plateau("plateau-floor", LOGGED, patience=0, min_lr=0.02, factor=0.3, eps=0.01),
    plateau("plateau-floors", LOGGED, patience=1, min_lr=[0.001, 0.1], factor=0.3),
    Case(
        "lambda",
        {"name": "lambda", "lr_lambda": "0.95 ** epoch"},
        lambda opt: t.LambdaLR(opt, lambda epoch: 0.95**epoch),
    ),
    Case(
        "lambda-branches",
        {"name": "lambda", "lr_lambda": "step / 4 if step < 4 else max(0, (total - step) / (total - 4))"},
        lambda opt: t.LambdaLR(opt, lambda step: step / 4 if step < 4 else max(0, (N - step) / (N - 4))),
    ),
    Case(
        "lambda-list",
        {"name": "lambda", "lr_lambda": ["epoch // 3", "1 / sqrt(epoch + 1)"]},
        lambda opt: t.LambdaLR(opt, [lambda epoch: epoch // 3, lambda epoch: 1 / math.sqrt(epoch + 1)]),
        two_groups_only=True,
    ),
    Case(
        "multiplicative",
        {"name": "multiplicative", "lr_lambda": "0.93"},
        lambda opt: t.MultiplicativeLR(opt, lambda _: 0.93),
    ),
    Case(
        "multiplicative-list",
        {"name": "multiplicative", "lr_lambda": ["0.5 if epoch == 9 else 1", "1 - epoch / 100"]},
        lambda opt: t.MultiplicativeLR(opt, [lambda epoch: 0.5 if epoch == 9 else 1, lambda epoch: 1 - epoch / 100]),
        two_groups_only=True,
    ),
    same("swa", SWALR, swa_lr=0.05),
    same("swa-linear", SWALR, swa_lr=0.5, anneal_epochs=6, anneal_strategy="linear"),
    same("swa-at-once", SWALR, swa_lr=0.05, anneal_epochs=0),
    same("swa-list", SWALR, 2, swa_lr=[0.05, 0.02], anneal_epochs=5),
    swa_from(8, swa_lr=0.05, anneal_epochs=4),
    swa_from(1000, swa_lr=0.05),
    Case(
        "manual",
        {"name": "manual", "values": {0: 0.1, 5: 0.02, 11: 0.5}},
        lambda opt: ByHand(opt, {0: 0.1, 5: 0.02, 11: 0.5}.get),
    ),
    Case(
        "manual-late",
        {"name": "manual", "values": {6: 0.2}},
        lambda opt: ByHand(opt, lambda i: 0.2 if i == 6 else None),
    ),
    Case(
        "range-test",
        {"name": "range-test", "min_lr": 1e-4, "max_lr": 2.0},
        lambda opt: ByHand(opt, lambda i: 2.0 if i == N - 1 else 1e-4 * (2.0 / 1e-4) ** (i / (N - 1))),
    ),
    Case(
        "range-test-linear",
        {"name": "range-test", "min_lr": 1e-4, "max_lr": 2.0, "mode": "linear"},
        lambda opt: ByHand(opt, lambda i: 2.0 if i == N - 1 else 1e-4 + i / (N - 1) * (2.0 - 1e-4)),
    ),
]

RISE = {"name": "warmup", "total_iters": 6}, lambda opt: t.LambdaLR(opt, from_zero(6))
STEP = child(t.StepLR, step_size=2, gamma=0.5)
DECAY = child(t.ExponentialLR, gamma=0.8)
WARMUP = child(t.LinearLR, start_factor=0.1, total_iters=6)
CYCLE = child(t.CyclicLR, base_lr=0.01, max_lr=0.2, step_size_up=3)
SHRINK = {"name": "multiplicative", "lr_lambda": "0.9"}, lambda opt: t.MultiplicativeLR(opt, lambda _: 0.9)
GROW = {"name": "lambda", "lr_lambda": "1 + epoch"}, lambda opt: t.LambdaLR(opt, lambda epoch: 1 + epoch)
FADE = {"name": "lambda", "lr_lambda": "1 - step / total"}, lambda opt: t.LambdaLR(opt, lambda step: 1 - step / (N - 7))
PLATEAU = {"name": "plateau", "metric": 1}, t.ReduceLROnPlateau


def cosine(length: int) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """Return a cosine that lrviz gives the length of its segment, and a script that many steps."""
    return {"name": "cosine"}, lambda opt: t.CosineAnnealingLR(opt, T_max=length)


def one_cycle(length: int) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    return {"name": "onecycle", "max_lr": 0.4}, lambda opt: t.OneCycleLR(opt, max_lr=0.4, total_steps=length)


CONTAINERS = [
    sequential("warmup-cosine", [6], WARMUP, cosine(N - 6)),
    sequential("alone", [], cosine(N)),
    sequential("from-zero", [6], RISE, cosine(N - 6)),
    sequential("from-zero-multiplicative", [1], RISE, SHRINK),
    chained("from-zero", RISE, DECAY),
    sequential("cosine-cosine", [10], cosine(10), cosine(N - 10)),
    sequential("constant-step-exponential", [5, 11], child(t.ConstantLR, total_iters=5), STEP, DECAY),
    sequential("lambda-multiplicative", [7], GROW, SHRINK),
    sequential("lambda-total", [7], GROW, FADE),
    sequential("cosine-swa", [12], cosine(12), child(SWALR, swa_lr=0.05, anneal_epochs=4)),
    sequential("step-cyclic", [4], STEP, CYCLE),
    sequential("onecycle-first", [12], one_cycle(12), DECAY),
    sequential("onecycle-second", [8], WARMUP, one_cycle(N - 8)),
    sequential(
        "restarts-polynomial-multistep",
        [6, 13],
        child(t.CosineAnnealingWarmRestarts, T_0=4),
        child(t.PolynomialLR, total_iters=5, power=2.0),
        child(t.MultiStepLR, milestones=[3, 6]),
    ),
    sequential("warmup-mismatch", [3], WARMUP, DECAY),
    sequential("milestone-zero", [0], WARMUP, DECAY),
    sequential("milestone-twice", [5, 5], WARMUP, STEP, DECAY),
    sequential("unsorted", [12, 5], WARMUP, STEP, DECAY),
    sequential("beyond-the-run", [9, 500], WARMUP, cosine(491), cosine(1)),
    sequential("nested-later", [6], WARMUP, inner(sequential("", [4], STEP, DECAY))),
    sequential("nested-first", [9], inner(sequential("", [4], WARMUP, cosine(5))), DECAY),
    sequential("chained-later", [6], WARMUP, inner(chained("", STEP, DECAY))),
    sequential("chained-first", [6], inner(chained("", STEP, DECAY)), cosine(N - 6)),
    sequential("plateau", [6], WARMUP, PLATEAU),
    chained("warmup-exponential", WARMUP, DECAY),
    chained(
        "constant-step-multistep-multiplicative",
        child(t.ConstantLR),
        STEP,
        child(t.MultiStepLR, milestones=[4, 8]),
        SHRINK,
    ),
    chained("polynomial-cosine", child(t.PolynomialLR, total_iters=20), cosine(N)),
    chained("closed-form-last", DECAY, GROW),
    chained("closed-form-first", GROW, DECAY),
    chained("restarts", child(t.CosineAnnealingWarmRestarts, T_0=4), DECAY),
    chained("cyclic", WARMUP, CYCLE),
    chained("onecycle", WARMUP, one_cycle(N)),
    chained("swa", DECAY, child(SWALR, swa_lr=0.05)),
    chained("alone", DECAY),
    chained("plateau", DECAY, PLATEAU),
    chained("nested", inner(chained("", STEP, DECAY)), WARMUP),
    chained("sequential", inner(sequential("", [6], WARMUP, cosine(N - 6))), DECAY),
]

CASES = SINGLE + CONTAINERS


def fresh_optimizer(name: str, groups: int) -> Any:
    """Return the optimizer as a training script makes it."""
    cls = getattr(torch.optim, name)
    models = [torch.nn.Linear(2, 1, bias=name != "Muon") for _ in range(groups)]
    if groups == 1:
        return cls(models[0].parameters(), lr=0.3)
    return cls(
        [{"params": models[0].parameters(), "lr": 0.05}, {"params": models[1].parameters(), **own(name)}], lr=0.3
    )


def own(name: str) -> dict[str, Any]:
    """Return what the second of two groups sets for itself."""
    moved = {"momentum": 0.7} if name in MOMENTUM else {"betas": (0.8, 0.95)} if name in BETAS else {}
    return moved if name in WITHOUT_DECAY else moved | {"weight_decay": 0.02}


def experiment(case: Case, name: str, groups: int, interval: str) -> lrviz.Experiment:
    epochs, steps_per_epoch = RUNS[interval]
    optimizer: dict[str, Any] = {"name": name, "lr": 0.3}
    if groups == 2:
        optimizer["groups"] = [{"name": "backbone", "lr": 0.05}, {"name": "head", **own(name)}]
    run = {"epochs": epochs, "steps_per_epoch": steps_per_epoch, "interval": interval}
    return lrviz.load({"run": run, "optimizer": optimizer, "scheduler": case.spec})


def layouts(case: Case, name: str) -> list[tuple[int, str]]:
    """Return the (groups, interval) that a scheduler and an optimizer can have; LBFGS takes one group."""
    return [(groups, interval) for groups in case.layouts if groups == 1 or name != "LBFGS" for interval in RUNS]


def classes(case: dict[str, Any]) -> Iterator[type[SchedulerSpec]]:
    yield next(spec for spec in catalogue().values() if case["name"] in (spec.name, spec.__name__))
    for inner in case.get("schedulers", ()):
        yield from classes(inner)


SCHEDULERS = {spec for case in CASES for spec in classes(case.spec)}
COMPARED = sum(len(layouts(case, name)) for case in CASES for name in AVAILABLE)
SUMMARY = (
    f"{len(SCHEDULERS)} schedulers in {len(CASES)} forms x {len(AVAILABLE)} optimizers x one and two groups "
    f"x {len(RUNS)} intervals: {COMPARED:,} replays compared to the bit with torch {torch.__version__}"
)


@pytest.mark.parametrize("name", AVAILABLE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_replay_equals_a_plain_loop(case: Case, name: str, torch_loop: Any, assert_same: Any) -> None:
    for groups, interval in layouts(case, name):
        epochs, steps_per_epoch = RUNS[interval]
        loop = torch_loop(
            lambda groups=groups: fresh_optimizer(name, groups),
            case.make,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            interval=interval,
            advance=case.advance,
        )
        trace = replay(experiment(case, name, groups, interval), engine=TorchEngine(), partial=True)
        assert_same(trace, loop)


def test_every_scheduler_of_the_catalogue_is_compared() -> None:
    own = [spec for spec in catalogue().values() if not spec.library]  # what a library has is held to recordings
    torchs = {spec.name for spec in own if not spec.presets}  # and so are the forms that libraries share
    assert torchs - {spec.name for spec in SCHEDULERS} == {"custom"}


def test_how_much_is_compared() -> None:
    given = [(groups, name) for case in CASES for groups in case.layouts for name in AVAILABLE]
    together = [pair for pair in given if pair != (2, "LBFGS")]
    assert len(SCHEDULERS) == 19
    assert len(RUNS) * len(together) == COMPARED


if __name__ == "__main__":
    print(SUMMARY)  # noqa: T201
