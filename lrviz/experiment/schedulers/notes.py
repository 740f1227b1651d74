"""What a scheduler points at on its curve: lengths along the steps and single points, in torch's own names.

Pure data in scheduler steps; a figure says where they lie, and leaves out what the run is too short for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["BASE", "DECAYED", "MOST", "Annotation", "Point", "Span", "View"]

BASE = "LEARNING_RATE"  # what the article calls the optimizer's learning rate
DECAYED = "lr_(t-1) * gamma"
MOST = 4  # of one kind, on one figure


@dataclass(frozen=True)
class Span:
    """A length along the steps, from `x0` to `x1`, at the height `y`."""

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


class View(Protocol):
    """The curve that is pointed at, one parameter group's learning rates by the scheduler's own count of steps."""

    @property
    def group(self) -> int:
        """The number of the parameter group."""
        ...

    @property
    def last(self) -> int:
        """The scheduler step that sets the last learning rate."""
        ...

    @property
    def peak(self) -> float:
        """The highest learning rate that is a number."""
        ...

    def reaches(self, step: float) -> bool:
        """Return whether the run trains with what this scheduler step sets."""
        ...

    def covers(self, step: float) -> bool:
        """Return whether the run lasts until a scheduler step, which may be its end."""
        ...

    def rate(self, step: float) -> float:
        """Return the learning rate that a scheduler step sets, the last of the run for later ones."""
        ...

    def first_drop(self) -> int | None:
        """Return the first scheduler step that lowers the learning rate, None where none does."""
        ...

    def first_at(self, rate: float) -> int | None:
        """Return the first scheduler step that sets exactly this learning rate, None where none does."""
        ...

    def point(self, step: float, label: str, y: float | None = None) -> Iterator[Point]:
        """Yield a point on the curve, or at the height `y`, if the run reaches it."""
        ...

    def span(self, start: float, stop: float, label: str, y: float | None = None) -> Iterator[Span]:
        """Yield a length, at the height where it begins or `y`, if it is one and the run lasts so long."""
        ...
