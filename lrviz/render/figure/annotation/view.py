"""Where a scheduler's annotations lie on the curve: scheduler steps as optimizer steps, at the trained learning rates.

What there is to say is the schedulers' own (`SchedulerSpec.annotations`); what the run is too short for
is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy
from numpy.typing import NDArray

from lrviz.experiment.clock import Clock
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers.notes import Annotation, Point, Span
from lrviz.render.figure.curve import HUGE
from lrviz.render.figure.thinning import Points
from lrviz.trace import Trace

__all__ = ["annotate"]

MOST = 40  # annotations that are looked for a place; one has it for fewer


def annotate(experiment: Experiment, trace: Trace) -> list[Annotation]:
    """Return what there is to point at, on the group with the highest learning rate; empty for an empty trace."""
    if not trace.steps:
        return []
    views = [_View(number, group.lr, experiment.run.clock) for number, group in enumerate(trace.groups)]
    found = experiment.resolved.annotations(max(views, key=lambda view: view.peak))
    return list(islice((each for each in found if abs(each.y) <= HUGE), MOST))


@dataclass(frozen=True)
class _View:
    """The learning rates of the group that is pointed at, by the scheduler's own count of steps."""

    group: int
    lr: memoryview
    clock: Clock

    def at(self, step: float) -> float:
        """Return the optimizer step of a scheduler step; a fraction lies between two."""
        whole = math.floor(step)
        start = self.clock.step_of(whole)
        return start + (step - whole) * (self.clock.step_of(whole + 1) - start)

    def reaches(self, step: float) -> bool:
        return step >= 0 and self.at(step) < len(self.lr)

    def covers(self, step: float) -> bool:
        return self.at(step) <= len(self.lr)

    def rate(self, step: float) -> float:
        return self.lr[max(0, min(int(self.at(step)), len(self.lr) - 1))]

    def point(self, step: float, label: str, y: float | None = None) -> Iterator[Point]:
        if self.reaches(step):
            yield Point(self.at(step), self.rate(step) if y is None else y, label)

    def span(self, start: float, stop: float, label: str, y: float | None = None) -> Iterator[Span]:
        if start < stop and self.covers(stop):
            yield Span(self.at(start), self.at(stop), self.rate(start) if y is None else y, label)

    @property
    def last(self) -> int:
        return (len(self.lr) - 1) // self.clock.stride * self.clock.calls

    @cached_property
    def peak(self) -> float:
        return float(self.rates.max(where=numpy.isfinite(self.rates), initial=0.0))

    def first_drop(self) -> int | None:
        return self._first(numpy.concatenate(([False], self.rates[1:] < self.rates[:-1])))

    def first_at(self, rate: float) -> int | None:
        return self._first(self.rates == rate)

    @cached_property
    def rates(self) -> Points:
        """The learning rates as an array, without a copy."""
        return numpy.asarray(self.lr)

    def _first(self, true: NDArray[numpy.bool_]) -> int | None:
        """Return the scheduler step of the first optimizer step at which something is so, None where it never is."""
        index = int(true.argmax())
        return index // self.clock.stride * self.clock.calls if true[index] else None
