"""Where labels go: positions tried and scored against the curve, the frame and each other.

All in points (1/72 inch) from the panel's lower left corner, so that a figure is laid out alike at
every resolution. Nothing is random: the same input has the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeVar

import numpy
from numpy.typing import NDArray

__all__ = ["Board", "Box", "Flag", "Flagged", "Pointed", "Pointer", "Ruled", "Ruler", "place"]

CELL = 1.5  # points a side: the grain at which what is taken is known
PAD = 3.0  # air around a label
MARGIN = 5.0  # between a label and the axes
HEADROOM = 1.0  # between a label and the frame's top, where no axis is drawn
TAIL = 4.0  # between a label and its arrow
ENDS = 6.0  # of a ruler, where it may meet what it measures
ASIDE = 6.0  # between a vertical line and its label
SPARED = 7.0  # before its tip an arrow may come near the curve that it points at
LANE = 3.0  # what an arrow keeps free on either side
PREFERRED_ARROW = 38.0  # the length of arrow that looks best

CROSSED = 30.0  # scores: an arrow over a cell that is taken
NEARBY = 0.15  # a cell taken in the air around a label
RISE = 1.2  # a point between a ruler and what it measures
REACH = 9.0  # how far that air goes
ROUNDS = 3

Vertices = NDArray[numpy.float64]


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(cls, x: float, y: float, size: tuple[float, float]) -> Box:
        """Return the box of a size with its centre at a place."""
        return cls(x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2)

    def grown(self, by: float) -> Box:
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2


@dataclass(frozen=True)
class Pointer:
    """A label of a size that an arrow ties to a place, ending `gap` before it."""

    x: float
    y: float
    size: tuple[float, float]
    gap: float = 7.0


@dataclass(frozen=True)
class Pointed:
    """Where a pointer's label stands, where its arrow leaves it and where that ends."""

    box: Box
    tail: tuple[float, float]
    tip: tuple[float, float]
    score: float


@dataclass(frozen=True)
class Ruler:
    """A length from x0 to x1 near the height y, and its label's size."""

    x0: float
    x1: float
    y: float
    size: tuple[float, float]


@dataclass(frozen=True)
class Ruled:
    """The height at which a ruler's double arrow lies, and where its label stands: beside it, or in a gap of it."""

    y: float
    box: Box
    split: bool
    crossed: bool
    score: float


@dataclass(frozen=True)
class Flag:
    """A label beside a vertical line at x."""

    x: float
    size: tuple[float, float]


@dataclass(frozen=True)
class Flagged:
    """Where a flag's label stands, and whether another flag's line runs behind it."""

    box: Box
    crosses: bool
    score: float


@dataclass
class _Layer:
    """Which cells of a panel are taken."""

    shape: tuple[int, int]
    taken: NDArray[numpy.bool_] = field(init=False)
    sums: NDArray[numpy.int64] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.taken = numpy.zeros(self.shape, dtype=bool)

    def stroke(self, vertices: Vertices, radius: float) -> None:
        """Take the cells along a polyline, and those around them up to a radius."""
        cells = self._cells(_sampled(vertices))
        span = round(radius / CELL)
        for across, down in product(range(-span, span + 1), repeat=2):
            rows = numpy.clip(cells[:, 0] + down, 0, self.shape[0] - 1)
            columns = numpy.clip(cells[:, 1] + across, 0, self.shape[1] - 1)
            self.taken[rows, columns] = True
        self.sums = None

    def fill(self, box: Box) -> None:
        """Take the cells of a box."""
        rows, columns = self._slices(box)
        self.taken[rows, columns] = True
        self.sums = None

    def count(self, box: Box) -> int:
        """Return how many cells of a box are taken."""
        if self.sums is None:
            self.sums = numpy.zeros((self.shape[0] + 1, self.shape[1] + 1), dtype=numpy.int64)
            self.sums[1:, 1:] = self.taken.cumsum(axis=0).cumsum(axis=1)
        rows, columns = self._slices(box)
        sums = self.sums
        corners = sums[rows.stop, columns.stop] - sums[rows.start, columns.stop]
        return int(corners - sums[rows.stop, columns.start] + sums[rows.start, columns.start])

    def crossings(self, start: tuple[float, float], stop: tuple[float, float]) -> int:
        """Return how many samples on and along both sides of a straight line lie on cells that are taken."""
        length = math.dist(start, stop)
        if not length:
            return 0
        aside = numpy.array([start[1] - stop[1], stop[0] - start[0]]) * (LANE / length)
        middle = _sampled(numpy.array([start, stop]))
        cells = self._cells(numpy.concatenate([middle - aside, middle, middle + aside]))
        return int(self.taken[cells[:, 0], cells[:, 1]].sum())

    def _cells(self, points: Vertices) -> NDArray[numpy.intp]:
        limits = numpy.array(self.shape) - 1
        return numpy.clip((points[:, ::-1] / CELL).astype(numpy.intp), 0, limits)

    def _slices(self, box: Box) -> tuple[slice, slice]:
        high, wide = self.shape
        rows = slice(*(int(min(max(edge // CELL, 0), high - 1)) for edge in (box.bottom, box.top + CELL)))
        columns = slice(*(int(min(max(edge // CELL, 0), wide - 1)) for edge in (box.left, box.right + CELL)))
        return rows, columns


@dataclass
class Board:
    """A panel of a width and height: where its lines run, and where labels and arrows are already."""

    width: float
    height: float
    lines: _Layer = field(init=False)
    rules: _Layer = field(init=False)  # the vertical lines that flags stand at
    labels: _Layer = field(init=False)

    def __post_init__(self) -> None:
        self.lines = _Layer((math.ceil(self.height / CELL) + 1, math.ceil(self.width / CELL) + 1))
        self.rules = _Layer(self.lines.shape)
        self.clear()

    def clear(self) -> None:
        """Forget the labels and arrows."""
        self.labels = _Layer(self.lines.shape)

    def stroke(self, vertices: Vertices, radius: float) -> None:
        """Take the room of a line."""
        self.lines.stroke(vertices, radius)

    def rule_off(self, x: float) -> None:
        """Take the room of a vertical line; another flag may stand on it where there is no other way."""
        self.rules.stroke(numpy.array([(x, 0.0), (x, self.height)]), 0.0)

    def mark(self, vertices: Vertices, radius: float) -> None:
        """Take the room of markers."""
        for x, y in vertices[numpy.isfinite(vertices).all(axis=1)].tolist():
            self.lines.fill(Box.around(x, y, (2 * radius, 2 * radius)))

    def take(self, wanted: Pointer | Ruler | Flag, placed: Pointed | Ruled | Flagged) -> None:
        """Take the room of a label and its arrow; a ruler's ends may touch the next one's."""
        self.labels.fill(placed.box)
        match placed:
            case Pointed():
                self.labels.stroke(numpy.array([placed.tail, placed.tip]), CELL)
            case Ruled() if isinstance(wanted, Ruler):
                inset = min(ENDS, (wanted.x1 - wanted.x0) / 4)
                ends = [(wanted.x0 + inset, placed.y), (wanted.x1 - inset, placed.y)]
                self.labels.stroke(numpy.array(ends), 2 * CELL)

    def best(self, wanted: Pointer | Ruler | Flag) -> Pointed | Ruled | Flagged | None:
        """Return the best place for a label; None where every one is on something."""
        match wanted:
            case Pointer():
                return self._point(wanted)
            case Ruler():
                return self._rule(wanted)
            case Flag():
                return self._flag(wanted)

    def free(self, box: Box) -> bool:
        """Return whether a label may stand in a box: inside the frame, with air around, on nothing."""
        return self._clear(box) and not self.rules.count(box.grown(PAD))

    def _clear(self, box: Box) -> bool:
        inside = box.left >= MARGIN and box.right <= self.width - MARGIN
        inside = inside and box.bottom >= MARGIN and box.top <= self.height - HEADROOM
        return inside and not self.lines.count(box.grown(PAD)) and not self.labels.count(box.grown(PAD))

    def _flagged(self, rank: int, box: Box) -> Flagged:
        behind = self.rules.count(box)
        return Flagged(box, behind > 0, CROSSED * behind + self._crowd(box, REACH) + rank)

    def _point(self, pointer: Pointer) -> Pointed | None:
        best = None
        for rank, box in enumerate(_around(pointer)):
            if (best is None or _stretch(pointer, box) < best.score) and self.free(box):
                best = _better(best, self._pointed(pointer, rank, box))
        return best

    def _rule(self, ruler: Ruler) -> Ruled | None:
        best = None
        for rank, (y, box) in enumerate(_along(ruler)):
            if best is not None and RISE * abs(y - ruler.y) >= best.score:
                break  # they come nearest first
            if MARGIN < y < self.height - MARGIN and self.free(box):
                best = _better(best, self._ruled(ruler, rank, y, box))
        return best

    def _flag(self, flag: Flag) -> Flagged | None:
        best = None
        for rank, box in enumerate(_beside(flag, self.height - HEADROOM)):
            if best is not None and rank >= best.score:
                break
            if self._clear(box):
                best = _better(best, self._flagged(rank, box))
        return best

    def _crowd(self, box: Box, reach: float) -> float:
        around = box.grown(reach)
        return NEARBY * (self.lines.count(around) + self.labels.count(around))

    def _pointed(self, pointer: Pointer, rank: int, box: Box) -> Pointed:
        target = (pointer.x, pointer.y)
        tail = _nearest(box.grown(TAIL), *target)
        tip = _short_of(tail, target, pointer.gap)
        crossed = self.lines.crossings(tail, _short_of(tail, tip, SPARED))
        crossed += self.rules.crossings(tail, tip) + 2 * self.labels.crossings(tail, tip)
        score = CROSSED * crossed + self._crowd(box, REACH) + _stretch(pointer, box) + rank * 1e-6
        return Pointed(box, tail, tip, score)

    def _ruled(self, ruler: Ruler, rank: int, y: float, box: Box) -> Ruled:
        inset = min(ENDS, (ruler.x1 - ruler.x0) / 4)
        crossed = self.lines.crossings((ruler.x0 + inset, y), (ruler.x1 - inset, y))
        crossed += 2 * self.labels.crossings((ruler.x0, y), (ruler.x1, y))
        split = box.bottom < y < box.top and ruler.x0 < box.left and box.right < ruler.x1
        off = 0.0 if split else 4.0 if ruler.x0 - 8 <= box.left and box.right <= ruler.x1 + 8 else 16.0
        crowd = self._crowd(box, REACH / 2)
        return Ruled(
            y, box, split, crossed > 0, CROSSED * crossed + crowd + RISE * abs(y - ruler.y) + off + rank * 1e-6
        )


Placed = TypeVar("Placed", Pointed, Ruled, Flagged)


def _better(best: Placed | None, other: Placed) -> Placed:
    return other if best is None or other.score < best.score else best


def _stretch(pointer: Pointer, box: Box) -> float:
    """Return how far an arrow's length is from the one that looks best."""
    target = (pointer.x, pointer.y)
    return abs(math.dist(_nearest(box.grown(TAIL), *target), target) - PREFERRED_ARROW)


def place(board: Board, wanted: Sequence[Pointer | Ruler | Flag]) -> list[Pointed | Ruled | Flagged | None]:
    """Return a place for each, None where there is none.

    They are placed one after another; then each again, now that it knows of the later ones.
    """
    placed: list[Pointed | Ruled | Flagged | None] = [None] * len(wanted)
    for _ in range(ROUNDS):
        before = list(placed)
        for index, each in enumerate(wanted):
            board.clear()
            for other, (rest, where) in enumerate(zip(wanted, placed, strict=True)):
                if other != index and where is not None:
                    board.take(rest, where)
            placed[index] = board.best(each)
        if placed == before:
            break
    return placed


def _sampled(vertices: Vertices) -> Vertices:
    """Return points along a polyline no further apart than a cell; gaps (NaN) stay gaps."""
    starts, moves = vertices[:-1], numpy.diff(vertices, axis=0)
    whole = numpy.isfinite(starts).all(axis=1) & numpy.isfinite(moves).all(axis=1)
    starts, moves = starts[whole], moves[whole]
    counts = numpy.ceil(numpy.hypot(moves[:, 0], moves[:, 1]) / CELL).astype(numpy.intp) + 1
    index = numpy.repeat(numpy.arange(len(counts)), counts)
    share = (numpy.arange(len(index)) - numpy.repeat(counts.cumsum() - counts, counts)) / numpy.repeat(
        numpy.maximum(counts - 1, 1), counts
    )
    return numpy.concatenate((starts[index] + share[:, None] * moves[index], vertices[numpy.isfinite(vertices).all(1)]))


STUMP = 11.0  # of an arrow on either side of a label in its gap, at least
DISTANCES = (22.0, 28.0, 38.0, 50.0, 66.0, 86.0, 112.0, 146.0, 190.0, 240.0)
DIRECTIONS = 24
HEIGHTS = (14.5, 18.0, 24.0, 32.0, 42.0, 56.0, 74.0, 98.0, 128.0, 168.0, 220.0)


def _around(pointer: Pointer) -> Iterator[Box]:
    """Yield boxes around a place, near ones first."""
    width, height = pointer.size
    for distance, number in product(DISTANCES, range(DIRECTIONS)):
        angle = 2 * math.pi * (number + 0.5) / DIRECTIONS
        across, up = math.cos(angle), math.sin(angle)
        x = pointer.x + across * distance + max(-1.0, min(1.0, 1.5 * across)) * width / 2
        y = pointer.y + up * distance + max(-1.0, min(1.0, 1.5 * up)) * height / 2
        yield Box.around(x, y, pointer.size)


def _along(ruler: Ruler) -> Iterator[tuple[float, Box]]:
    """Yield heights for a ruler, each with boxes in a gap of its arrow, over, under and beside it."""
    width, height = ruler.size
    middle = (ruler.x0 + ruler.x1) / 2
    for rise, sign in product(HEIGHTS, (1, -1)):
        y = ruler.y + sign * rise
        if ruler.x1 - ruler.x0 >= width + 2 * STUMP:
            yield y, Box.around(middle, y, ruler.size)
        for x in (middle, ruler.x0 + width / 2, ruler.x1 - width / 2):
            for side in (sign, -sign):
                yield y, Box.around(x, y + side * (height / 2 + 4), ruler.size)
        yield y, Box.around(ruler.x1 + 8 + width / 2, y, ruler.size)
        yield y, Box.around(ruler.x0 - 8 - width / 2, y, ruler.size)


def _beside(flag: Flag, top: float) -> Iterator[Box]:
    """Yield boxes on both sides of a vertical line, from the top down."""
    width, height = flag.size
    for edge in numpy.arange(top, height, -height / 2).tolist():
        for left in (flag.x + ASIDE, flag.x - ASIDE - width):
            yield Box(left, edge - height, left + width, edge)


def _nearest(box: Box, x: float, y: float) -> tuple[float, float]:
    """Return where an arrow leaves a box for a place: the nearest point, but not a corner."""
    inset = min(8.0, (box.right - box.left) / 3)
    across = min(max(x, box.left + inset), box.right - inset)
    middle = (box.bottom + box.top) / 2
    if box.bottom <= y <= box.top:
        return (box.left if x < box.left else box.right), min(max(y, middle - 3), middle + 3)
    if box.left <= x <= box.right or abs(y - middle) > abs(x - across):
        return across, (box.bottom if y < box.bottom else box.top)
    return (box.left if x < box.left else box.right), middle


def _short_of(start: tuple[float, float], stop: tuple[float, float], gap: float) -> tuple[float, float]:
    """Return the point of a straight line so far before its end."""
    length = math.dist(start, stop)
    share = max(0.0, 1 - gap / length) if length else 0.0
    return start[0] + share * (stop[0] - start[0]), start[1] + share * (stop[1] - start[1])
