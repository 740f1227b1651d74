"""What a scheduler's parameters are on its curve: lengths along the steps, and single points.

Pure data, made from the experiment and its trace, in torch's own names. A feature that the run is too
short for is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, singledispatch
from itertools import pairwise

import numpy
from numpy.typing import NDArray

from lrviz.experiment.clock import Clock
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers import (
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    Manual,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    RangeTest,
    ReduceLROnPlateau,
    SchedulerSpec,
    SequentialLR,
    StepLR,
    of_group,
)
from lrviz.render.figure.thinning import Points
from lrviz.render.figure.ticks import short
from lrviz.trace import Trace

__all__ = ["Annotation", "Point", "Span", "annotate"]

BASE = "LEARNING_RATE"  # what the article calls the optimizer's rate
DECAYED = "lr_(t-1) * gamma"
MOST = 4  # of one kind, on one figure
NEAR = 0.15  # of a curve's height
LONGEST = 32  # characters of an expression that is written out


@dataclass(frozen=True)
class Span:
    """A length along the steps, from `x0` to `x1`, at the height `y`."""

    x0: float
    x1: float
    y: float
    label: str


@dataclass(frozen=True)
class Point:
    """A place on the curve, or a level that it comes down to."""

    x: float
    y: float
    label: str


Annotation = Span | Point


@dataclass(frozen=True)
class _Line:
    """The rates of the group that is pointed at, by the scheduler's own count of steps."""

    trace: Trace
    lr: memoryview
    group: int
    clock: Clock

    def at(self, scheduler_step: float) -> float:
        """Return the optimizer step of a scheduler step; a fraction lies between two."""
        whole = math.floor(scheduler_step)
        start = self.clock.step_of(whole)
        return start + (scheduler_step - whole) * (self.clock.step_of(whole + 1) - start)

    def reaches(self, scheduler_step: float) -> bool:
        """Return whether the run trains with what this scheduler step sets."""
        return scheduler_step >= 0 and self.at(scheduler_step) < self.trace.steps

    def covers(self, scheduler_step: float) -> bool:
        """Return whether the run lasts until a scheduler step, which may be its end."""
        return self.at(scheduler_step) <= self.trace.steps

    def rate(self, scheduler_step: float) -> float:
        """Return the rate that a scheduler step sets, the last of the run for later ones."""
        index = int(self.at(scheduler_step))
        return self.lr[max(0, min(index, len(self.lr) - 1))]

    def point(self, scheduler_step: float, label: str, y: float | None = None) -> Iterator[Point]:
        """Yield a point on the curve, or at the height `y`, if the run reaches it."""
        if self.reaches(scheduler_step):
            yield Point(self.at(scheduler_step), self.rate(scheduler_step) if y is None else y, label)

    def span(self, start: float, stop: float, label: str, y: float | None = None) -> Iterator[Span]:
        """Yield a length, at the height where it begins or `y`, if it is one and the run lasts so long."""
        if start < stop and self.covers(stop):
            yield Span(self.at(start), self.at(stop), self.rate(start) if y is None else y, label)

    @property
    def last(self) -> int:
        """The scheduler step that sets the last rate."""
        low, high = 0, len(self.lr) * 10
        while low < high:  # step_of ascends, and need not have an inverse
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.reaches(middle) else (low, middle - 1)
        return low

    @cached_property
    def rates(self) -> Points:
        """The rates as an array, without a copy."""
        return numpy.asarray(self.lr)

    @cached_property
    def peak(self) -> float:
        """The highest rate that is one."""
        return float(self.rates.max(where=numpy.isfinite(self.rates), initial=0.0))

    def first(self, true: NDArray[numpy.bool_]) -> int | None:
        """Return the first index at which something is so, None where it never is."""
        index = int(true.argmax()) if len(true) else 0
        return index if len(true) and true[index] else None


def annotate(experiment: Experiment, trace: Trace) -> list[Annotation]:
    """Return what there is to point at, on the group with the highest rate; empty for an empty trace."""
    if not trace.groups or not trace.steps:
        return []
    lines = [_Line(trace, group.lr, number, experiment.run.clock) for number, group in enumerate(trace.groups)]
    found = _of(experiment.resolved, max(lines, key=lambda line: line.peak))
    return [each for each in found if math.isfinite(each.y)]


@singledispatch
def _of(spec: SchedulerSpec, line: _Line) -> Iterator[Annotation]:
    """Yield a scheduler's annotations; none for one of the user's own, whose arguments could mean anything."""
    yield from ()


@_of.register
def _step(spec: StepLR, line: _Line) -> Iterator[Annotation]:
    length = spec.step_size
    yield from (
        line.span(length, 2 * length, "step_size") if line.covers(2 * length) else line.span(0, length, "step_size")
    )
    yield from line.point(length, DECAYED)


@_of.register
def _multistep(spec: MultiStepLR, line: _Line) -> Iterator[Annotation]:
    first_two = sorted(dict.fromkeys(milestone for milestone in spec.milestones if milestone > 0))[:2]
    for milestone in first_two:
        yield from line.point(milestone, f"{DECAYED},\nmilestones[{spec.milestones.index(milestone)}]")


@_of.register
def _constant(spec: ConstantLR, line: _Line) -> Iterator[Annotation]:
    yield from line.span(0, spec.total_iters, "total_iters")
    yield from line.point(0, f"{BASE} * factor")
    yield from line.point(spec.total_iters, BASE)


@_of.register
def _linear(spec: LinearLR, line: _Line) -> Iterator[Annotation]:
    end = BASE if spec.end_factor == 1 else f"{BASE} * end_factor"
    start = BASE if spec.start_factor == 1 else f"{BASE} * start_factor"
    yield from line.span(0, spec.total_iters, "total_iters", max(line.rate(0), line.rate(spec.total_iters)))
    yield from line.point(0, start)
    yield from line.point(spec.total_iters, end)


@_of.register
def _exponential(spec: ExponentialLR, line: _Line) -> Iterator[Annotation]:
    yield from line.point(1, DECAYED)


@_of.register
def _polynomial(spec: PolynomialLR, line: _Line) -> Iterator[Annotation]:
    yield from line.span(0, spec.total_iters, "total_iters")


@_of.register
def _cosine(spec: CosineAnnealingLR, line: _Line) -> Iterator[Annotation]:
    assert spec.T_max is not None, "horizons are filled in"
    yield from line.span(0, spec.T_max, "T_max")
    if line.covers(spec.T_max):
        yield from _low(line, min(spec.T_max, line.last), spec.eta_min)


@_of.register
def _restarts(spec: CosineAnnealingWarmRestarts, line: _Line) -> Iterator[Annotation]:
    first, second = spec.T_0, spec.T_0 * (1 + spec.T_mult)
    yield from line.span(0, first, "T_0")
    yield from line.span(first, second, "T_1 = T_0 * T_mult")
    yield from _low(line, first - 1, spec.eta_min)


def _low(line: _Line, scheduler_step: int, eta_min: float) -> Iterator[Point]:
    """Yield eta_min where the rate comes down to it, or nearly: a restart comes one step before."""
    if abs(line.rate(scheduler_step) - eta_min) <= NEAR * abs(line.peak - eta_min):
        yield from line.point(scheduler_step, "eta_min", eta_min)


@_of.register
def _cyclic(spec: CyclicLR, line: _Line) -> Iterator[Annotation]:
    up = spec.step_size_up
    down = spec.step_size_down or up
    shrinks = spec.mode == "exp_range" or spec.scale_fn is not None
    yield from line.span(0, up, "step_size_up", line.rate(up))
    if spec.step_size_down is not None and spec.step_size_down != up:
        yield from line.span(up, up + down, "step_size_down", line.rate(up))
    if not shrinks:
        yield from line.point(up, "max_lr")
    yield from line.point(up + down if line.reaches(up + down) else 0, "base_lr")


@_of.register
def _onecycle(spec: OneCycleLR, line: _Line) -> Iterator[Annotation]:
    total = spec.total_steps or (spec.epochs or 0) * (spec.steps_per_epoch or 0)
    top = spec.pct_start * total - 1  # where torch ends the first phase, between two steps
    yield from line.point(0, "max_lr / div_factor")
    if top > 0:
        yield from line.span(0, top, "pct_start * total_steps", line.rate(round(top)))
        yield from line.point(round(top), "max_lr")
    yield from line.point(total - 1, "max_lr / div_factor\n/ final_div_factor")


@_of.register
def _plateau(spec: ReduceLROnPlateau, line: _Line) -> Iterator[Annotation]:
    before_drop = line.first(line.rates[1:] < line.rates[:-1])
    if before_drop is None:
        return
    drop = before_drop + 1
    before, after = line.lr[drop - 1], line.lr[drop]
    patience, cooldown = (count * line.clock.stride for count in (spec.patience, spec.cooldown))
    if patience and drop > patience:
        yield Span(drop - patience, drop, before, "patience")
    floored = after > before * spec.factor * (1 + 1e-9)
    yield Point(drop, after, "min_lr" if floored else "lr_(t-1) * factor")
    if cooldown and drop + cooldown < len(line.lr):
        yield Span(drop, drop + cooldown, after, "cooldown")
    floor = of_group(spec.min_lr, line.group)
    at_floor = line.first(line.rates == floor)
    if floor and at_floor is not None and at_floor != drop:
        yield Point(at_floor, floor, "min_lr")


@_of.register
def _lambda(spec: LambdaLR, line: _Line) -> Iterator[Annotation]:
    yield from line.point(line.last // 3, f"lr_0 * lambda(t){_written(spec.lr_lambda, line.group)}")


@_of.register
def _multiplicative(spec: MultiplicativeLR, line: _Line) -> Iterator[Annotation]:
    step = max(1, line.last // 5)
    yield from line.point(step, f"lr_(t-1) * lambda(t){_written(spec.lr_lambda, line.group)}")


def _written(function: object, group: int) -> str:
    """Return a second line with the group's expression, if it is one and short."""
    own = of_group(function, group)
    text = own.text if isinstance(own, Expression) else ""
    return f",\nlambda: {text}" if text and len(text) <= LONGEST else ""


@_of.register
def _swa(spec: SWALR, line: _Line) -> Iterator[Annotation]:
    start, end = spec.swa_start, spec.swa_start + spec.anneal_epochs
    if spec.swa_start:
        yield from line.point(start, "swa_start")
    yield from line.span(start, end, "anneal_epochs")
    yield from line.point(end, "swa_lr")


@_of.register
def _manual(spec: Manual, line: _Line) -> Iterator[Annotation]:
    for step, rate in spec.values[:MOST]:
        yield from line.point(step, f"lr = {short(rate)}")


@_of.register
def _range_test(spec: RangeTest, line: _Line) -> Iterator[Annotation]:
    yield from line.point(0, "min_lr")
    yield from line.point(line.last, "max_lr")


@_of.register
def _sequential(spec: SequentialLR, line: _Line) -> Iterator[Annotation]:
    edges = [0, *spec.milestones, line.last + 1]
    if edges != sorted(edges) or len(edges) > MOST + 2:
        edges = [0, *edges[1:2], line.last + 1] if edges[1] <= line.last else edges[:1]
    for child, (start, stop) in zip(spec.schedulers, pairwise(edges), strict=False):
        yield from line.span(start, stop, type(child).__name__, line.peak)
    for index, milestone in enumerate(edges[1:-1]):
        yield from line.point(milestone, f"milestones[{index}]")


@_of.register
def _chained(spec: ChainedScheduler, line: _Line) -> Iterator[Annotation]:
    names = [type(child).__name__ for child in spec.schedulers]
    for child, name in zip(spec.schedulers, names, strict=True):
        match child:
            case ConstantLR() | LinearLR() | PolynomialLR():
                yield from line.span(0, child.total_iters, f"{name}: total_iters", line.peak)
            case StepLR():
                yield from line.span(0, child.step_size, f"{name}: step_size", line.peak)
            case CosineAnnealingLR() if child.T_max:
                yield from line.span(0, child.T_max, f"{name}: T_max", line.peak)
    if len(names) <= MOST:
        yield from line.point(line.last // 3, " * ".join(names))
