"""A replay that goes on from a checkpoint equals a plain loop that saves with torch and loads, to the bit.

Run this file to print how much is compared.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t
from torch.optim.swa_utils import SWALR

import lrviz
from lrviz import Experiment, ReplayError, SpecError, Trace
from lrviz.engine.select import choose, replay
from lrviz.experiment.schedulers import catalogue

RUNS = {"step": (3, 8), "epoch": (24, 2)}
SEAMS = {"step": (1, 8, 13, 23), "epoch": (1, 16, 27, 47)}  # at an epoch's end, and inside one
MODES = ("load", "restart", "last-epoch")
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"name": "SGD", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4},
    "AdamW": {
        "name": "AdamW",
        "lr": 2e-3,
        "groups": [{"name": "backbone", "lr": 1e-4}, {"name": "head", "lr": 3e-3, "weight_decay": 0.05}],
    },
}


@dataclass
class Loop:
    """What a plain loop saw: for each optimizer step, every group's lr, momentum (or beta1) and weight decay."""

    records: list[list[tuple[float, float | None, float | None]]] = field(default_factory=list)
    failure: tuple[int, str, str] | None = None
    warnings: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Case:
    """A scheduler as lrviz reads it, and as a training script writes it; `last_epoch` is torch's."""

    id: str
    spec: dict[str, Any]
    make: Callable[..., Any]
    metric: Callable[[int], float] | None = None
    takes_last_epoch: bool = True


def same(id: str, cls: Any, takes_last_epoch: bool = True, /, **arguments: Any) -> Case:
    """Return the case of a class whose arguments lrviz and torch write alike."""
    spec = {"name": cls.__name__, **arguments}
    return Case(id, spec, lambda opt, **rest: cls(opt, **arguments, **rest), None, takes_last_epoch)


def plateau(id: str, metric: str, value: Callable[[int], float], **arguments: Any) -> Case:
    spec = {"name": "plateau", "metric": metric, **arguments}
    return Case(id, spec, lambda opt: t.ReduceLROnPlateau(opt, **arguments), value, takes_last_epoch=False)


def container(id: str, spec: dict[str, Any], make: Callable[[Any], Any]) -> Case:
    return Case(id, spec, make, takes_last_epoch=False)


LINEAR = {"name": "linear", "start_factor": 0.1, "total_iters": 6}
CYCLE: dict[str, Any] = {"base_lr": 1e-3, "max_lr": 0.1, "step_size_up": 5}

CASES = [
    same("step", t.StepLR, step_size=4, gamma=0.3),
    same("multistep", t.MultiStepLR, milestones=[3, 8, 8, 20], gamma=0.5),
    same("constant", t.ConstantLR, factor=0.25, total_iters=8),
    same("linear", t.LinearLR, start_factor=0.1, total_iters=11),
    same("exponential", t.ExponentialLR, gamma=0.9),
    same("polynomial", t.PolynomialLR, total_iters=20, power=0.9),
    same("cosine", t.CosineAnnealingLR, T_max=24),
    same("cosine-rebound", t.CosineAnnealingLR, T_max=8, eta_min=1e-5),
    same("cosine-restarts", t.CosineAnnealingWarmRestarts, T_0=5, T_mult=2, eta_min=1e-5),
    same("cyclic", t.CyclicLR, **CYCLE),
    same("cyclic-range", t.CyclicLR, **CYCLE, step_size_down=3, mode="exp_range", gamma=0.9, cycle_momentum=False),
    same("onecycle", t.OneCycleLR, max_lr=0.1, total_steps=24),
    same("onecycle-short", t.OneCycleLR, max_lr=0.1, total_steps=20, anneal_strategy="linear"),
    same("onecycle-phases", t.OneCycleLR, max_lr=0.1, total_steps=24, three_phase=True, cycle_momentum=False),
    same("swa", SWALR, swa_lr=0.01, anneal_epochs=9),
    Case(
        "lambda",
        {"name": "lambda", "lr_lambda": "0.95 ** epoch"},
        lambda opt, **rest: t.LambdaLR(opt, lambda epoch: 0.95**epoch, **rest),
    ),
    Case(
        "multiplicative",
        {"name": "multiplicative", "lr_lambda": "0.9"},
        lambda opt, **rest: t.MultiplicativeLR(opt, lambda epoch: 0.9, **rest),
    ),
    Case(
        "warmup",
        {"name": "warmup", "total_iters": 10},
        lambda opt, **rest: t.LambdaLR(opt, lambda i: i / 10 if i < 10 else 1.0, **rest),
    ),
    plateau("plateau", "0.5", lambda step: 0.5, patience=2, cooldown=1, factor=0.5),
    plateau("plateau-moving", "exp(-step / 4) + step / 100", lambda step: math.exp(-step / 4) + step / 100, patience=1),
    container(
        "sequential",
        {"name": "sequential", "schedulers": [LINEAR, {"name": "cosine", "T_max": 18}], "milestones": [6]},
        lambda opt: t.SequentialLR(
            opt,
            [t.LinearLR(opt, start_factor=0.1, total_iters=6), t.CosineAnnealingLR(opt, T_max=18)],
            milestones=[6],
        ),
    ),
    container(
        "chained",
        {"name": "chained", "schedulers": [LINEAR, {"name": "exponential", "gamma": 0.9}]},
        lambda opt: t.ChainedScheduler(
            [t.LinearLR(opt, start_factor=0.1, total_iters=6), t.ExponentialLR(opt, gamma=0.9)]
        ),
    ),
]
BY_ID = {case.id: case for case in CASES}


def experiment(spec: dict[str, Any], optimizer: str, interval: str, **run: Any) -> Experiment:
    epochs, per_epoch = RUNS[interval]
    length = {"epochs": epochs, "steps_per_epoch": per_epoch, "interval": interval, **run}
    return lrviz.load({"run": length, "optimizer": OPTIMIZERS[optimizer], "scheduler": spec})


def make_optimizer(name: str) -> Any:
    settings = {key: value for key, value in OPTIMIZERS[name].items() if key not in ("name", "groups")}
    groups = OPTIMIZERS[name].get("groups", [{"name": "default"}])
    own = [{key: value for key, value in group.items() if key != "name"} for group in groups]
    params = [{"params": list(torch.nn.Linear(2, 1).parameters()), **group} for group in own]
    return getattr(torch.optim, name)(params, **settings)


def torch_resumes(
    before: Case, after: Case, optimizer: str, interval: str, seam: int, mode: str, steps: int | None = None
) -> Loop:
    """Train, save, build anew, load and train on, as a script does; whatever torch raises ends it."""
    epochs, per_epoch = RUNS[interval]
    loop, every = Loop(), per_epoch if interval == "epoch" else 1
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_: loop.warnings.setdefault(str(message), len(loop.records))
        try:
            live = make_optimizer(optimizer)
            scheduler = before.make(live)
            train(loop, live, scheduler, range(seam), every, before.metric, None)
            file = BytesIO()
            torch.save({"optimizer": live.state_dict(), "scheduler": scheduler.state_dict()}, file)
            file.seek(0)
            live = make_optimizer(optimizer)
            scheduler = load(torch.load(file, weights_only=False), live, after, mode)
            last = steps or epochs * per_epoch
            train(loop, live, scheduler, range(seam, last), every, after.metric, last - 1)
        except Exception as error:  # noqa: BLE001  whatever torch raises
            loop.failure = (len(loop.records), type(error).__name__, str(error))
    return loop


def load(saved: Any, optimizer: Any, case: Case, mode: str) -> Any:
    if mode == "load":
        scheduler = case.make(optimizer)
        optimizer.load_state_dict(saved["optimizer"])
        scheduler.load_state_dict(saved["scheduler"])
        return scheduler
    optimizer.load_state_dict(saved["optimizer"])
    rest = {"last_epoch": saved["scheduler"]["last_epoch"] - 1} if mode == "last-epoch" else {}
    return case.make(optimizer, **rest)


def train(loop: Loop, optimizer: Any, scheduler: Any, steps: range, every: int, metric: Any, last: int | None) -> None:
    for step in steps:
        loop.records.append([_record(group) for group in optimizer.param_groups])
        optimizer.step()
        if (step + 1) % every == 0 and step != last:
            scheduler.step(*([] if metric is None else [metric(step)]))


def _record(group: dict[str, Any]) -> tuple[float, float | None, float | None]:
    momentum = group["momentum"] if "momentum" in group else group["betas"][0]
    return group["lr"], momentum, group["weight_decay"]


def grid() -> Iterator[tuple[Case, str, str, int, str]]:
    for case in CASES:
        for mode in MODES if case.takes_last_epoch else MODES[:2]:
            for interval, seams in SEAMS.items():
                for seam in seams:
                    yield from ((case, mode, interval, seam, optimizer) for optimizer in OPTIMIZERS)


GRID = list(grid())


@pytest.mark.parametrize(("case", "mode"), dict.fromkeys(row[:2] for row in GRID), ids=lambda it: getattr(it, "id", it))
def test_it_goes_on_as_torch_does(case: Case, mode: str, assert_same: Any) -> None:
    rows = [row for row in GRID if row[:2] == (case, mode)]
    for _, _, interval, seam, optimizer in rows:
        run = experiment(case.spec, optimizer, interval)
        trace = replay(lrviz.resumed(run, seam, mode), partial=True)
        assert_same(trace, torch_resumes(case, case, optimizer, interval, seam, mode))


CHANGED = [
    ("cosine", same("longer", t.CosineAnnealingLR, T_max=48)),
    ("step", same("other", t.StepLR, step_size=3, gamma=0.5)),
    ("multistep", same("other", t.MultiStepLR, milestones=[15, 18], gamma=0.1)),
    ("onecycle", same("longer", t.OneCycleLR, max_lr=0.2, total_steps=48, cycle_momentum=False)),
    ("onecycle-phases", same("momentum", t.OneCycleLR, max_lr=0.1, total_steps=24)),
    ("cyclic-range", same("momentum", t.CyclicLR, **CYCLE)),
    ("step", same("another-class", t.ExponentialLR, gamma=0.9)),
    ("cosine", same("another-class", t.LinearLR, start_factor=0.5, total_iters=30)),
    ("step", BY_ID["lambda"]),
    ("exponential", BY_ID["sequential"]),
    ("sequential", BY_ID["exponential"]),
    ("lambda", Case("other", {"name": "lambda", "lr_lambda": "0.5"}, lambda opt: t.LambdaLR(opt, lambda epoch: 0.5))),
]


@pytest.mark.parametrize("interval", RUNS)
@pytest.mark.parametrize(("before", "after"), CHANGED, ids=lambda case: getattr(case, "id", case))
def test_a_changed_schedule_goes_on_as_torch_does(before: str, after: Case, interval: str, assert_same: Any) -> None:
    epochs, per_epoch = RUNS[interval]
    seam, first = 10 if interval == "step" else 20, BY_ID[before]
    for optimizer in OPTIMIZERS:
        longer = experiment(after.spec, optimizer, interval, epochs=2 * epochs)
        run = lrviz.resumed(experiment(first.spec, optimizer, interval), seam, after=longer)
        loop = torch_resumes(first, after, optimizer, interval, seam, "load", 2 * epochs * per_epoch)
        assert_same(replay(run, partial=True), loop)


def test_a_run_that_ended_goes_on(assert_same: Any) -> None:
    case = BY_ID["cosine"]
    run = lrviz.resumed(experiment(case.spec, "SGD", "step"), 24, after=experiment(case.spec, "SGD", "step", epochs=5))
    assert_same(replay(run), torch_resumes(case, case, "SGD", "step", 24, "load", 40))


def test_a_warmup_beside_a_plateau_goes_on(assert_same: Any) -> None:
    spec = {"name": "plateau", "metric": "0.5", "patience": 3, "warmup": LINEAR}

    class Beside:
        def __init__(self, optimizer: Any) -> None:
            self.count = 0
            self.warmup = t.LinearLR(optimizer, start_factor=0.1, total_iters=6)
            self.plateau = t.ReduceLROnPlateau(optimizer, patience=3)

        def step(self, metric: float) -> None:
            self.count += 1
            if self.count <= 6:
                self.warmup.step()
            self.plateau.step(metric)

        def state_dict(self) -> Any:
            return [self.count, self.warmup.state_dict(), self.plateau.state_dict()]

        def load_state_dict(self, state: Any) -> None:
            self.count = state[0]
            self.warmup.load_state_dict(state[1])
            self.plateau.load_state_dict(state[2])

    case = Case("beside", spec, Beside, lambda step: 0.5)
    for seam in (3, 8, 13):
        trace = replay(lrviz.resumed(experiment(spec, "SGD", "step"), seam))
        assert_same(trace, torch_resumes(case, case, "SGD", "step", seam, "load"))


def rates(trace: Trace) -> list[float]:
    return list(trace.groups[0].lr)


def test_what_is_loaded_unchanged_changes_nothing() -> None:
    run = experiment(BY_ID["onecycle"].spec, "SGD", "step")
    trace = replay(lrviz.resumed(run, "1ep"))
    assert rates(trace) == rates(replay(run))
    assert trace.seam is not None
    assert (trace.seam.step, trace.seam.where) == (8, "after step 7 (epoch 0)")


@pytest.mark.parametrize("name", [name for name, spec in catalogue().items() if spec.loads and spec.name != "custom"])
def test_every_scheduler_of_which_it_is_known_goes_on_as_if_nothing_was(name: str) -> None:
    for seam in (5, 8, 21):
        document = {"scheduler": {"name": name, **catalogue()[name].example}}
        run = lrviz.load({**document, "optimizer": {"lr": 0.1, "momentum": 0.9}})
        whole, trace = replay(run, partial=True), replay(lrviz.resumed(run, seam), partial=True)
        assert rates(trace) == rates(whole)
        assert list(trace.groups[0].momentum or ()) == list(whole.groups[0].momentum or ())


def test_a_late_swa_counts_the_steps_of_the_run() -> None:
    run = experiment({"name": "swa", "swa_lr": 0.01, "swa_start": 12, "anneal_epochs": 5}, "SGD", "step")
    assert rates(replay(lrviz.resumed(run, 9))) == rates(replay(run))
    assert rates(replay(lrviz.resumed(run, 14))) == rates(replay(run))


def test_a_list_of_metrics_is_that_of_the_whole_run() -> None:
    metric = [1.0 - abs(step - 12) / 100 for step in range(24)]
    run = experiment({"name": "plateau", "metric": metric, "patience": 1}, "SGD", "step")
    trace, whole = replay(lrviz.resumed(run, 14)), replay(run)
    assert rates(trace) == rates(whole)
    assert list(trace.metric or ()) == list(whole.metric or ())


def test_what_a_checkpoint_cannot_load_is_told_at_the_seam() -> None:
    before, after = (experiment(BY_ID[name].spec, "SGD", "step") for name in ("step", "lambda"))
    with pytest.raises(ReplayError) as error:
        replay(lrviz.resumed(before, 10, after=after))
    assert str(error.value) == "scheduler.load_state_dict() failed after step 9 (epoch 1): KeyError: 'lr_lambdas'"


OWN = """
from torch.optim.lr_scheduler import LRScheduler


class Halving(LRScheduler):
    def __init__(self, optimizer, every=2, last_epoch=-1):
        self.every = every
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * 0.5 ** (self.last_epoch // self.every) for base in self.base_lrs]


class Stateless:
    def __init__(self, optimizer):
        self.group = optimizer.param_groups[0]
        self.group["lr"] = 1.0

    def step(self):
        self.group["lr"] *= 0.5
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Experiment]:
    """Return what makes an experiment of 2 epochs of 4 steps under a scheduler of one's own."""
    (tmp_path / "own_schedulers.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)

    def made(name: str, **arguments: Any) -> Experiment:
        scheduler = {"name": f"own_schedulers:{name}", "args": arguments}
        document = {"run": {"epochs": 2, "steps_per_epoch": 4}, "optimizer": {"lr": 1.0}, "scheduler": scheduler}
        return lrviz.load(document, allow_import=["own_schedulers"])

    return made


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("load", [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125]),
        ("restart", [1, 1, 0.5, 0.5, 0.25, 1, 1, 1]),
        ("last-epoch", [1, 1, 0.5, 0.5, 0.25, 0.5, 0.25, 0.25]),
    ],
)
def test_a_scheduler_of_ones_own_goes_on_by_its_own_state(own: Any, mode: str, expected: list[float]) -> None:
    run = lrviz.resumed(own("Halving", every=2), 5, mode, own("Halving", every=3))
    assert rates(replay(run)) == expected


def test_a_scheduler_without_a_state_can_only_begin_anew(own: Any) -> None:
    assert rates(replay(lrviz.resumed(own("Stateless"), 3, "restart"))) == [1, 0.5, 0.25, 1, 0.5, 0.25, 0.125, 0.0625]
    with pytest.raises(ReplayError) as error:
        replay(lrviz.resumed(own("Stateless"), 3))
    words = "AttributeError: 'Stateless' object has no attribute 'state_dict'"
    assert str(error.value) == f"scheduler.state_dict() failed after step 2 (epoch 0): {words}"


def test_a_first_part_that_raises_ends_before_the_seam() -> None:
    run = experiment(BY_ID["onecycle-short"].spec, "SGD", "step")
    trace = replay(lrviz.resumed(run, 23), partial=True)
    assert (trace.seam, trace.experiment and trace.experiment.resume is not None) == (None, True)
    assert trace.failure is not None
    assert (trace.steps, trace.failure.message) == (
        21,
        "Tried to step 21 times. The specified number of total steps is 20",
    )


def test_torch_itself_replays_it() -> None:
    run = lrviz.resumed(experiment(BY_ID["cosine"].spec, "SGD", "step"), 8)
    assert replay(run, engine="light").engine == "torch"
    assert choose(run, "light").reason == "a checkpoint holds torch's own state"


@pytest.mark.parametrize(("options", "field"), [({"engine": "upstream"}, "engine"), ({"train": True}, "train")])
def test_what_cannot_go_on_from_a_checkpoint_is_refused(options: dict[str, Any], field: str) -> None:
    run = lrviz.resumed(experiment(BY_ID["cosine"].spec, "SGD", "step"), 8)
    with pytest.raises(SpecError) as error:
        replay(run, **options)
    assert [problem.field for problem in error.value.problems] == [field]


if __name__ == "__main__":
    changed = len(CHANGED) * len(RUNS) * len(OPTIMIZERS)
    print(f"{len(GRID)} replays of {len(CASES)} schedulers, {changed} with another after the checkpoint")  # noqa: T201
