"""The comparison of the light engine with torch: what is replayed on both, and what differs.

`experiments` is the list: torch's schedulers, containers, every optimizer, and where torch raises.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from lrviz.arrays import Values
from lrviz.engine.engine import Engine, TorchEngine
from lrviz.engine.light import LightEngine
from lrviz.engine.record import record
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.expression import Expression
from lrviz.experiment.optimizers import OPTIMIZERS, Group, OptimizerSpec
from lrviz.experiment.schedulers import (
    CORE,
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SchedulerSpec,
    SequentialLR,
    StepLR,
)
from lrviz.trace import Trace

SHOWN = 10  # mismatches that a result keeps
RUN = Run(epochs=5, steps_per_epoch=8)
MOMENTUM = OptimizerSpec(name="SGD", momentum=0.9, weight_decay=1e-4)
TWO = (Group(name="backbone", lr=1e-4), Group(name="head", lr=3e-3, weight_decay=0.01))


@dataclasses.dataclass(frozen=True, kw_only=True)
class EngineCheck:
    """What a comparison found: traces are equal when their rates, momenta, warnings and failures are, bit for bit."""

    torch_version: str
    schedulers: int  # containers included
    optimizers: int
    replays: int
    steps: int  # of all replays together
    failures: int  # replays that end where torch raises
    warnings: int  # of torch
    mismatches: tuple[str, ...]  # the first few

    @property
    def passed(self) -> bool:
        """Whether the light engine may answer for this torch."""
        return bool(self.replays) and not self.mismatches


def compare() -> EngineCheck:
    """Replay every experiment on both engines and return what differs. Imports torch."""
    real, light = TorchEngine(), LightEngine()
    optimizers = [name for name in OPTIMIZERS if hasattr(real.torch.optim, name)]  # an older torch has fewer
    mismatches = list(_optimizers(optimizers, real, light))
    compared = list(experiments(optimizers))
    traces = [record(experiment, real) for experiment in compared]
    for experiment, trace in zip(compared, traces, strict=True):
        message = _difference_on(light, experiment, trace)
        if message:
            mismatches.append(f"{experiment.name} with {experiment.optimizer.name}: {message}"[:200])
    return EngineCheck(
        torch_version=real.version,
        schedulers=len({experiment.scheduler.name for experiment in compared}),
        optimizers=len(optimizers),
        replays=len(traces),
        steps=sum(trace.steps for trace in traces),
        failures=sum(trace.failure is not None for trace in traces),
        warnings=sum(len(trace.warnings) for trace in traces),
        mismatches=tuple(mismatches[:SHOWN]),
    )


def _difference_on(engine: Engine, experiment: Experiment, trace: Trace) -> str:
    try:
        return difference(trace, record(experiment, engine))
    except Exception as error:  # noqa: BLE001  whatever it is, it is a mismatch
        return f"the {engine.name} engine raised {type(error).__name__}"


def difference(real: Trace, other: Trace) -> str:
    """Return the first thing in which two traces are not the same to the bit, else an empty string."""
    for name in ("failure", "warnings", "steps", "steps_per_epoch", "momentum_name", "torch_version"):
        if getattr(real, name) != getattr(other, name):
            return f"{name}: {getattr(other, name)!r}, not {getattr(real, name)!r}"
    if [group.name for group in real.groups] != [group.name for group in other.groups]:
        return "the parameter groups"
    for group, same in zip(real.groups, other.groups, strict=True):
        for name in ("lr", "momentum", "weight_decay"):
            if _bytes(getattr(group, name)) != _bytes(getattr(same, name)):
                return f"{name} of group {group.name!r}"
    return "" if _bytes(real.metric) == _bytes(other.metric) else "metric"


def _bytes(values: Values | None) -> bytes | None:
    return None if values is None else values.tobytes()


def _optimizers(names: Iterable[str], real: Engine, light: Engine) -> Iterator[str]:
    """Yield every optimizer whose defaults, groups or refusal are not the same."""
    for name in names:
        for spec in (*_grouped(name), OptimizerSpec(name=name, lr=0.0)):
            if _settings(real, spec) != _settings(light, spec):
                yield f"the settings of {name}, {len(spec.resolved_groups)} groups"


def _settings(engine: Engine, spec: OptimizerSpec) -> str:
    """Return all that a scheduler can see of a fresh optimizer, or why there is none."""
    try:
        optimizer = engine.optimizer(spec)
        groups = [{key: value for key, value in group.items() if key != "params"} for group in optimizer.param_groups]
        return f"{type(optimizer).__name__} {optimizer.defaults} {groups}"
    except Exception as error:  # noqa: BLE001  a refusal is torch's word as well
        return f"{type(error).__name__}: {error}"


def experiments(optimizers: Iterable[str] = tuple(OPTIMIZERS)) -> Iterator[Experiment]:
    """Yield what is compared, with those optimizers that the installed torch has."""
    for spec in (*_examples(), *_corners()):
        yield from (_experiment(spec, optimizer) for optimizer in (MOMENTUM, *_grouped("AdamW")))
    for spec in _composites():
        yield from (_experiment(spec, optimizer) for optimizer in (MOMENTUM, _grouped("Adam")[-1]))
    for spec, name in itertools.product(_cycles(), optimizers):
        yield from (_experiment(spec, optimizer) for optimizer in _grouped(name))
    yield from _two_rates()


def _experiment(spec: SchedulerSpec, optimizer: OptimizerSpec) -> Experiment:
    return Experiment(scheduler=spec, optimizer=optimizer, run=RUN)


def _grouped(name: str) -> tuple[OptimizerSpec, ...]:
    """Return an optimizer with one group, and with two where it takes two."""
    one = OptimizerSpec(name=name)
    if name == "LBFGS":
        return (one,)
    groups = TWO if name not in ("Rprop", "SparseAdam") else tuple(Group(name=group.name, lr=group.lr) for group in TWO)
    return one, OptimizerSpec(name=name, lr=2e-3, groups=groups)


def _examples() -> list[SchedulerSpec]:
    """Return what the light engine takes of torch's and lrviz's, each with its own example; the containers have none.

    Those of other libraries run no code of torch's but LambdaLR's.
    """
    examples = [spec(**spec.example) for spec in CORE if spec.on_command_line]
    return [spec for spec in examples if spec.unsupported_reason() is None]


def _corners() -> list[SchedulerSpec]:
    """Return the arguments that take another way through torch's code, some of which raise."""
    metric = tuple(abs(step % 9 - 4) - 0.5 for step in range(RUN.clock.settings))
    return [
        MultiStepLR(milestones=(3, 3, 0, 17)),
        ConstantLR(factor=0.0, total_iters=6),
        LinearLR(start_factor=1e-4, end_factor=0.3, total_iters=1),
        PolynomialLR(total_iters=40, power=0.5),
        CosineAnnealingLR(T_max=3, eta_min=0.5),
        CosineAnnealingWarmRestarts(T_0=3, T_mult=2),
        OneCycleLR(max_lr=0.1, epochs=5, steps_per_epoch=8, anneal_strategy="linear", final_div_factor=0.5),
        OneCycleLR(max_lr=0.1, total_steps=40, pct_start=0.45, three_phase=True, cycle_momentum=False),
        OneCycleLR(max_lr=0.1, total_steps=12, anneal_strategy="linear"),
        OneCycleLR(max_lr=0.1, total_steps=10, pct_start=0.1),
        OneCycleLR(max_lr=0.1, pct_start=1.0),
        ReduceLROnPlateau(metric=metric, patience=0, mode="max", threshold=0.5, threshold_mode="abs", factor=0.5),
        ReduceLROnPlateau(metric=metric, patience=1, cooldown=3, min_lr=1e-4, factor=0.3, eps=1e-6),
        ReduceLROnPlateau(metric="1 / (step - 20)", patience=2),
        LambdaLR(lr_lambda="1 / (epoch - 7)"),
        MultiplicativeLR(lr_lambda="1e300"),
        SWALR(swa_lr=0.5, anneal_epochs=7, anneal_strategy="linear"),
        SWALR(swa_lr=0.0, anneal_epochs=0, swa_start=3),
    ]


def _cycles() -> list[SchedulerSpec]:
    """Return the schedulers that move momentum, for every optimizer to take or refuse."""
    cyclic: dict[str, Any] = {"base_lr": 1e-4, "max_lr": 1e-2, "step_size_up": 5}
    return [
        OneCycleLR(max_lr=0.1, base_momentum=0.7),
        CyclicLR(**cyclic, mode="triangular2"),
        CyclicLR(**cyclic, step_size_down=3, mode="exp_range", gamma=0.9),
        CyclicLR(**cyclic, scale_fn=Expression("1 / (1 + x)", ("x",)), scale_mode="iterations"),
    ]


def _two_rates() -> Iterator[Experiment]:
    """Yield what takes one value for each group."""
    for spec in (
        OneCycleLR(max_lr=(0.1, 0.02), base_momentum=(0.8, 0.7), max_momentum=(0.9, 0.99)),
        CyclicLR(base_lr=(1e-4, 1e-3), max_lr=(0.1, 0.02), step_size_up=4),
        SWALR(swa_lr=(0.5, 0.01)),
        ReduceLROnPlateau(metric="1", patience=2, min_lr=(1e-6, 1e-3)),
        LambdaLR(lr_lambda=("0.9 ** epoch", "1 / (1 + epoch)")),
        MultiplicativeLR(lr_lambda=("0.9", "0.99")),
    ):
        yield _experiment(spec, _grouped("AdamW")[-1])


def _composites() -> Iterator[SchedulerSpec]:
    """Yield containers: every scheduler as each child, products, and those that torch refuses or breaks on."""
    warmup, cosine = LinearLR(start_factor=0.1, total_iters=8), CosineAnnealingLR(T_max=32)
    for spec in (_as_child(spec) for spec in _examples() if not spec.sets_rate_by_hand):
        yield SequentialLR(schedulers=(warmup, spec), milestones=(8,))
        yield SequentialLR(schedulers=(spec, StepLR(step_size=5)), milestones=(20,))
        yield ChainedScheduler(schedulers=(spec, ExponentialLR(gamma=0.9)))
    nested = SequentialLR(schedulers=(warmup, cosine), milestones=(8,))
    yield SequentialLR(schedulers=(warmup, cosine, ExponentialLR(gamma=0.9)), milestones=(20, 10))
    yield SequentialLR(schedulers=(warmup, cosine, ExponentialLR(gamma=0.9)), milestones=(8, 8))
    yield SequentialLR(schedulers=(nested, StepLR(step_size=3)), milestones=(20,))
    yield SequentialLR(schedulers=(warmup, nested), milestones=(8,))
    yield ChainedScheduler(schedulers=(nested, cosine))
    yield ChainedScheduler(schedulers=(cosine, ChainedScheduler(schedulers=(warmup,))))


def _as_child(spec: SchedulerSpec) -> SchedulerSpec:
    """Return a scheduler as a container takes it: containers do not know of swa_start."""
    return dataclasses.replace(spec, swa_start=0) if isinstance(spec, SWALR) else spec
