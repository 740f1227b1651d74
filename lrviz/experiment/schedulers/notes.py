"""What a scheduler points at on its curve: lengths along the steps and single points, in torch's own names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from lrviz.arrays import Values
from lrviz.experiment.clock import Clock

__all__ = ["BASE", "DECAYED", "MOST", "WARMUP", "Annotation", "Point", "Span", "View"]

BASE = "LEARNING_RATE"  # what the article calls the optimizer's learning rate
DECAYED = "lr_(t-1) * gamma"
WARMUP = "warmup"  # what a document calls it
MOST = 4  # of one sort, on one figure


@dataclass(frozen=True)
class Span:
    """A length along the optimizer steps, from `x0` to `x1`, at the height `y`."""

    x0: float
    x1: float
    y: float
    label: str


@dataclass(frozen=True)
class Point:
    """A place on the curve, or a height that it comes down to."""

    x: float
    y: float
    label: str


Annotation = Span | Point


@dataclass(frozen=True)
class View:
    """The curve that is pointed at: one parameter group's learning rates, by the scheduler's own count of steps.

    What the run is too short for is left out.
    """

    group: int  # the parameter group's number
    lr: Values  # what each optimizer step trains with
    peak: float  # the highest that is a number
    clock: Clock
    has_warmup: bool = False  # that the document writes as `warmup:`, before the scheduler

    def at(self, step: float) -> float:
        """Return the optimizer step of a scheduler step; a fraction lies between two."""
        whole = math.floor(step)
        start = self.clock.step_of(whole)
        return start + (step - whole) * (self.clock.step_of(whole + 1) - start)

    @property
    def last(self) -> int:
        """The scheduler step that sets the last learning rate."""
        return self._scheduler_step(len(self.lr) - 1)

    def reaches(self, step: float) -> bool:
        """Return whether the run trains with what this scheduler step sets."""
        return step >= 0 and self.at(step) < len(self.lr)

    def covers(self, step: float) -> bool:
        """Return whether the run lasts until a scheduler step, which may be its end."""
        return self.at(step) <= len(self.lr)

    def rate(self, step: float) -> float:
        """Return the learning rate that a scheduler step sets, the last of the run for later ones."""
        return self.lr[max(0, min(int(self.at(step)), len(self.lr) - 1))]

    def first_drop(self) -> int | None:
        """Return the first scheduler step that lowers the learning rate, None where none does."""
        return self._first(after < before for before, after in pairwise(chain((-math.inf,), self.lr)))

    def first_rise(self) -> int | None:
        """Return the first scheduler step that raises the learning rate, None where none does."""
        return self._first(after > before for before, after in pairwise(chain((math.inf,), self.lr)))

    def first_at(self, rate: float) -> int | None:
        """Return the first scheduler step that sets exactly this learning rate, None where none does."""
        return self._first(each == rate for each in self.lr)

    def point(self, step: float, label: str, y: float | None = None) -> Iterator[Point]:
        """Yield a point on the curve, or at the height `y`, if the run reaches it."""
        if self.reaches(step):
            yield Point(self.at(step), self.rate(step) if y is None else y, label)

    def span(self, start: float, stop: float, label: str, y: float | None = None) -> Iterator[Span]:
        """Yield a length, at the height where it begins or `y`, if it is one and the run lasts so long."""
        if start < stop and self.covers(stop):
            yield Span(self.at(start), self.at(stop), self.rate(start) if y is None else y, label)

    def _first(self, true: Iterable[bool]) -> int | None:
        """Return the scheduler step of the first optimizer step at which something is so, None where it never is."""
        return next((self._scheduler_step(index) for index, is_so in enumerate(true) if is_so), None)

    def _scheduler_step(self, index: int) -> int:
        return index // self.clock.stride * self.clock.calls
