"""The light engine equals torch, to the bit, for arguments that nobody thought of, and says what it cannot do."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st

from lrviz.engine.compare import difference
from lrviz.engine.engine import TorchEngine
from lrviz.engine.light import LightEngine, Unavailable
from lrviz.engine.record import record
from lrviz.errors import SpecError
from lrviz.experiment import argtypes as kinds
from lrviz.experiment.argtypes import ArgType, Formula
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import OPTIMIZERS, WITHOUT_WEIGHT_DECAY, Group, OptimizerSpec, momentum_name
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import (
    ChainedScheduler,
    CosineAnnealingLR,
    Custom,
    LambdaLR,
    LinearLR,
    Manual,
    OneCycleLR,
    ReduceLROnPlateau,
    SchedulerArg,
    SchedulerSpec,
    SequentialLR,
    StepLR,
    catalogue,
)

REAL = TorchEngine()
AVAILABLE = [name for name in OPTIMIZERS if hasattr(REAL.torch.optim, name)]
LEAVES = [spec for spec in catalogue().values() if spec is not Custom and spec.on_command_line]
FORMULAS = {
    Formula("").names: (
        "0.9 ** epoch",
        "1 / (1 + step)",
        "1 / (epoch - 5)",
        "1 - step / total",
        "1e308 * epoch",
        "0.9 ** (epoch // steps_per_epoch)",
        "(start + step) * base_lr",
    ),
    ("epoch", "step"): ("exp(-step / 9)", "sin(step)", "1 / (step - 11)", "3"),
    ("x",): ("1 / (1 + x)", "0.5 ** x", "1 / (x - 4)"),
}
MOST = 45  # more than the longest run has steps
COUNTS = st.integers(0, MOST)


def _reals(kind: kinds.Real) -> st.SearchStrategy[float]:
    """Return a number within a kind's bounds: mostly one that people write, sometimes any at all."""
    low = kind.minimum if kind.minimum is not None else kind.above
    high = kind.maximum if kind.maximum is not None else kind.below
    usual = st.sampled_from((0.0, 1e-5, 1e-3, 0.1, 1 / 3, 0.5, 0.95, 1.0, 10.0))
    any_at_all = st.floats(
        low,
        high,
        exclude_min=kind.above is not None,
        exclude_max=kind.below is not None,
        allow_nan=False,
        allow_infinity=False,
    )
    return (usual | any_at_all).filter(kind._within)


def _arguments(kind: ArgType, groups: int) -> st.SearchStrategy[Any]:
    """Return the values that a kind of argument takes."""
    if not isinstance(kind, kinds.PerGroup):
        return _one(kind)
    one = _one(kind.item)
    return one | st.tuples(*[one] * groups)


def _one(kind: ArgType) -> st.SearchStrategy[Any]:
    match kind:
        case kinds.CsvColumn():
            return st.none()
        case kinds.ListOf():
            return st.lists(_one(kind.item), max_size=4).map(tuple)
        case kinds.Count():
            return st.integers(kind.minimum, MOST)
        case kinds.Real():
            return _reals(kind)
        case kinds.OneOf():
            return st.sampled_from(kind.options)
        case kinds.Bool():
            return st.booleans()
        case kinds.Formula():
            return st.sampled_from(FORMULAS[kind.names])
        case kinds.Metric():
            values = st.lists(st.floats(-10, 10), min_size=MOST, max_size=MOST).map(tuple)
            return st.sampled_from(FORMULAS["epoch", "step"]) | values
        case kinds.MappingOf():
            return st.dictionaries(COUNTS, st.floats(0, 1), min_size=1, max_size=4)
    assert isinstance(kind, SchedulerArg), f"no values known for {kind}"
    return st.none() | st.builds(LinearLR, total_iters=st.integers(1, MOST))


@st.composite
def leaves(draw: st.DrawFn, groups: int) -> SchedulerSpec:
    spec = draw(st.sampled_from(LEAVES))
    names = arg_types(spec)
    defaults = {entry.name: entry.default for entry in dataclasses.fields(spec)}
    given = {}
    for name, kind in names.items():
        if defaults[name] is dataclasses.MISSING or name == "metric" or draw(st.booleans()):
            given[name] = draw(_arguments(kind, groups))
    if spec is OneCycleLR and not {"epochs", "steps_per_epoch"} <= given.keys():
        given = {name: value for name, value in given.items() if name not in ("epochs", "steps_per_epoch")}
    return _made(spec, given)


@st.composite
def containers(draw: st.DrawFn, groups: int, children: st.SearchStrategy[SchedulerSpec]) -> SchedulerSpec:
    inside = tuple(draw(st.lists(children, min_size=1, max_size=3)))
    if draw(st.booleans()):
        return _made(ChainedScheduler, {"schedulers": inside})
    milestones = draw(st.lists(COUNTS, min_size=len(inside) - 1, max_size=len(inside) - 1))
    in_order = draw(st.booleans())
    return _made(
        SequentialLR, {"schedulers": inside, "milestones": tuple(sorted(milestones) if in_order else milestones)}
    )


@st.composite
def optimizers(draw: st.DrawFn) -> OptimizerSpec:
    name = draw(st.sampled_from(AVAILABLE))
    own: dict[str, Any] = {"lr": draw(st.none() | st.sampled_from((0.0, 1e-3, 0.5)) | st.floats(0, 1e300))}
    beta = st.floats(0, 1, exclude_max=True)
    if momentum_name(name) == "momentum":
        own["momentum"] = draw(st.none() | beta)
    elif momentum_name(name) == "beta1":
        own["betas"] = draw(st.none() | st.tuples(beta, beta))
    if name not in WITHOUT_WEIGHT_DECAY:
        own["weight_decay"] = draw(st.none() | st.floats(0, 1))
    if name == "LBFGS" or draw(st.booleans()):
        return OptimizerSpec(name=name, **{key: value for key, value in own.items() if value is not None})
    return OptimizerSpec(name=name, groups=(Group(name="backbone", **own), Group(name="head", lr=3e-3)))


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    optimizer = draw(optimizers())
    groups = len(optimizer.resolved_groups)
    children = leaves(groups)
    scheduler = draw(children | containers(groups, children | containers(groups, children)))
    run = Run(
        epochs=draw(st.integers(1, 6)),
        steps_per_epoch=draw(st.integers(1, 7)),
        interval=draw(st.sampled_from(("step", "epoch"))),
    )
    if scheduler.unsupported_reason() is not None:  # torch alone runs it
        reject()
    try:
        return Experiment(scheduler=scheduler, optimizer=optimizer, run=run)
    except SpecError:
        reject()


def _made(spec: type[SchedulerSpec], given: dict[str, Any]) -> SchedulerSpec:
    try:
        return spec(**given)
    except SpecError:
        reject()


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(experiment=experiments())
def test_light_equals_torch_failures_and_warnings_included(experiment: Experiment) -> None:
    try:
        real = record(experiment, REAL)
    except SpecError:
        reject()
    note(f"{real.failure}")
    assert difference(real, record(experiment, LightEngine())) == ""


@pytest.mark.parametrize("name", AVAILABLE)
def test_a_fresh_optimizer_looks_the_same_to_a_scheduler(name: str) -> None:
    real, light = (engine.optimizer(OptimizerSpec(name=name)) for engine in (REAL, LightEngine()))
    assert light.defaults == real.defaults
    assert [set(group) for group in light.param_groups] == [set(group) for group in real.param_groups]


@pytest.mark.parametrize(
    "spec",
    [
        StepLR(step_size=3),
        LambdaLR(lr_lambda=("0.9 ** epoch", "1")),
        ReduceLROnPlateau(metric="1 / (1 + step)"),
        Manual(values={0: 0.1}),
        SequentialLR(schedulers=(StepLR(step_size=3), CosineAnnealingLR()), milestones=(8,)),
    ],
    ids=lambda spec: spec.name,
)
def test_it_takes_what_is_compared(spec: SchedulerSpec) -> None:
    assert spec.unsupported_reason() is None


@pytest.mark.parametrize(
    "spec",
    [
        LambdaLR(lr_lambda=lambda epoch: 0.9**epoch),
        SequentialLR(schedulers=(StepLR(step_size=3), LambdaLR(lr_lambda=(lambda epoch: 0.5,))), milestones=(8,)),
        ReduceLROnPlateau(metric=lambda epoch, step: 1.0),
        ReduceLROnPlateau(metric="train"),
        Custom(target="some.module:Scheduler"),
        ChainedScheduler(schedulers=(Custom(target="some.module:Scheduler"),)),
    ],
    ids=["function", "function-inside", "metric-function", "metric-train", "custom", "custom-inside"],
)
def test_it_leaves_to_torch_what_may_look_at_anything(spec: SchedulerSpec) -> None:
    assert spec.unsupported_reason() is not None


def test_it_leaves_to_torch_what_comes_from_elsewhere(outside: type[SchedulerSpec]) -> None:
    assert outside().unsupported_reason() == "Outside is not torch's own"
    assert ChainedScheduler(schedulers=(StepLR(step_size=3), outside())).unsupported_reason() is not None


def test_it_executes_files_of_torch_only() -> None:
    with pytest.raises(Unavailable, match="json is not torch's own"):
        LightEngine().scheduler("json", "JSONDecoder")


def test_it_imports_nothing_of_torchs() -> None:
    script = """
import sys, lrviz
experiment = lrviz.load({"optimizer": {"name": "adamw"}, "scheduler": {"name": "swa", "swa_lr": 0.1}})
import lrviz.engine.select
before = set(sys.modules)
assert lrviz.replay(experiment, engine="light").engine == "light"
added = {name for name in set(sys.modules) - before if not name.startswith("lrviz.")}
print(*sorted(name for name in added if name.partition(".")[0] not in sys.stdlib_module_names))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""
