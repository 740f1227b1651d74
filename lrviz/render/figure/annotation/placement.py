"""Where labels go: positions tried and scored against the curve, the frame and each other.

All in points (1/72 inch) from the panel's lower left corner, so that a figure is laid out alike at
every resolution. Nothing is random: the same input has the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy
from numpy.typing import NDArray

from lrviz.render.figure.curve import Points

CELL = 1.5  # points a side: the grain at which what is taken is known
PAD = 3.0  # air around a label
MARGIN = 5.0  # between a label and the axes
HEADROOM = 1.0  # between a label and the frame's top, where no axis is drawn
TAIL = 4.0  # between a label and its arrow
ENDS = 6.0  # of a ruler, where it may meet what it measures
STUMP = 11.0  # of an arrow on either side of a label in its gap, at least
OVERHANG = 8.0  # of a label over or under its ruler, beyond the ruler's ends
ASIDE = 6.0  # between a vertical line and its label
SPARED = 7.0  # before its tip an arrow may come near the curve that it points at
LANE = 3.0  # what an arrow keeps free on either side
PREFERRED_ARROW = 38.0  # the length of arrow that looks best

CROSSED = 30.0  # scores: an arrow over a cell that is taken
NEARBY = 0.15  # a cell taken in the air around a label
RISE = 1.2  # a point between a ruler and what it measures
NOT_IN_GAP, OUTSIDE = 4.0, 16.0  # a ruler's label over or under it, and one beyond its ends
REACH = 9.0  # how far that air goes
ROUNDS = 3

DISTANCES = (22.0, 28.0, 38.0, 50.0, 66.0, 86.0, 112.0, 146.0, 190.0, 240.0)  # of a label from what it points at
DIRECTIONS = 24
HEIGHTS = (14.5, 18.0, 24.0, 32.0, 42.0, 56.0, 74.0, 98.0, 128.0, 168.0, 220.0)  # of a ruler over or under its y

Place = tuple[float, float]
Line = tuple[Place, Place]


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
    def centre(self) -> Place:
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2


class Layer:
    """Which cells of a panel are taken."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.taken = numpy.zeros(shape, dtype=bool)
        self.sums: NDArray[numpy.int64] | None = None

    def stroke(self, vertices: Points, radius: float) -> None:
        """Take the cells along a polyline, and those around them up to a radius."""
        cells = self._cells(_sampled(vertices))
        span = round(radius / CELL)
        for across, down in product(range(-span, span + 1), repeat=2):
            rows = numpy.clip(cells[:, 0] + down, 0, self.taken.shape[0] - 1)
            columns = numpy.clip(cells[:, 1] + across, 0, self.taken.shape[1] - 1)
            self.taken[rows, columns] = True
        self.sums = None

    def fill(self, box: Box) -> None:
        """Take the cells of a box."""
        self.taken[self._slices(box)] = True
        self.sums = None

    def count(self, box: Box) -> int:
        """Return how many cells of a box are taken."""
        if self.sums is None:
            self.sums = numpy.pad(self.taken.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        rows, columns = self._slices(box)
        sums = self.sums
        corners = sums[rows.stop, columns.stop] - sums[rows.start, columns.stop]
        return int(corners - sums[rows.stop, columns.start] + sums[rows.start, columns.start])

    def crossings(self, start: Place, stop: Place) -> int:
        """Return how many samples on and along both sides of a straight line lie on cells that are taken."""
        length = math.dist(start, stop)
        if not length:
            return 0
        aside = numpy.array([start[1] - stop[1], stop[0] - start[0]]) * (LANE / length)
        middle = _sampled(numpy.array([start, stop]))
        cells = self._cells(numpy.concatenate([middle - aside, middle, middle + aside]))
        return int(self.taken[cells[:, 0], cells[:, 1]].sum())

    def _cells(self, points: Points) -> NDArray[numpy.intp]:
        limits = numpy.array(self.taken.shape) - 1
        return numpy.clip((points[:, ::-1] / CELL).astype(numpy.intp), 0, limits)

    def _slices(self, box: Box) -> tuple[slice, slice]:
        high, wide = self.taken.shape
        rows = slice(*(int(min(max(edge // CELL, 0), high - 1)) for edge in (box.bottom, box.top + CELL)))
        columns = slice(*(int(min(max(edge // CELL, 0), wide - 1)) for edge in (box.left, box.right + CELL)))
        return rows, columns


class Board:
    """A panel of a width and height: where its lines run, and where labels and arrows are already."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        shape = math.ceil(height / CELL) + 1, math.ceil(width / CELL) + 1
        self.curves = Layer(shape)
        self.lines = Layer(shape)  # vertical, with labels of their own
        self.labels = Layer(shape)  # with their arrows

    def take(self, label: Label, placed: Placed) -> None:
        """Take the room of a label and its arrow; a ruler's ends may touch the next one's."""
        self.labels.fill(placed.box)
        match label:
            case Pointer():
                self.labels.stroke(numpy.array(placed.line), CELL)
            case Ruler():
                self.labels.stroke(numpy.array(label.inner(placed.line)), 2 * CELL)

    def free(self, box: Box) -> bool:
        """Return whether a label may stand in a box: inside the frame, with air around, on no curve and no label."""
        inside = box.left >= MARGIN and box.right <= self.width - MARGIN
        inside = inside and box.bottom >= MARGIN and box.top <= self.height - HEADROOM
        return inside and not self.curves.count(box.grown(PAD)) and not self.labels.count(box.grown(PAD))

    def best(self, label: Label) -> Placed | None:
        """Return the best place for a label; None where every one is on something."""
        best, lowest = None, math.inf
        over_lines = isinstance(label, LineLabel)  # where there is no other way
        for rank, (least, box, line) in enumerate(label.tries(self)):
            if least >= lowest or not self.free(box) or (self.lines.count(box.grown(PAD)) and not over_lines):
                continue
            crossings = label.crossings(self, box, line)
            around = box.grown(REACH / 2 if isinstance(label, Ruler) else REACH)
            crowd = NEARBY * (self.curves.count(around) + self.labels.count(around))
            score = CROSSED * crossings + crowd + least + rank * 1e-6
            if score < lowest:
                best, lowest = Placed(box, line, crossings > 0), score
        return best


@dataclass(frozen=True)
class Placed:
    """Where a label stands, its line from end to end, and whether anything is under the two."""

    box: Box
    line: Line
    crossed: bool


Tries = Iterator[tuple[float, Box, Line]]  # the least score that a place can have, the place, the line to it


@dataclass(frozen=True)
class Pointer:
    """A label of a size that an arrow ties to a place, ending `gap` before it."""

    x: float
    y: float
    size: tuple[float, float]
    gap: float = 7.0

    def tries(self, board: Board) -> Tries:
        """Yield boxes around the place, near ones first."""
        width, height = self.size
        for distance, number in product(DISTANCES, range(DIRECTIONS)):
            angle = 2 * math.pi * (number + 0.5) / DIRECTIONS
            across, up = math.cos(angle), math.sin(angle)
            x = self.x + across * distance + max(-1.0, min(1.0, 1.5 * across)) * width / 2
            y = self.y + up * distance + max(-1.0, min(1.0, 1.5 * up)) * height / 2
            box = Box.around(x, y, self.size)
            tail = _nearest(box.grown(TAIL), self.x, self.y)
            stretch = abs(math.dist(tail, (self.x, self.y)) - PREFERRED_ARROW)
            yield stretch, box, (tail, _short_of(tail, (self.x, self.y), self.gap))

    def crossings(self, board: Board, box: Box, arrow: Line) -> int:
        tail, tip = arrow
        crossed = board.curves.crossings(tail, _short_of(tail, tip, SPARED))
        return crossed + board.lines.crossings(tail, tip) + 2 * board.labels.crossings(tail, tip)


@dataclass(frozen=True)
class Ruler:
    """A length from x0 to x1 near the height y, which a double arrow measures, and its label's size."""

    x0: float
    x1: float
    y: float
    size: tuple[float, float]

    def tries(self, board: Board) -> Tries:
        """Yield boxes in a gap of the double arrow, over, under and beside it, at heights near y first."""
        width, height = self.size
        middle = (self.x0 + self.x1) / 2
        for rise, sign in product(HEIGHTS, (1, -1)):
            y = self.y + sign * rise
            if not MARGIN < y < board.height - MARGIN:
                continue
            line, least = ((self.x0, y), (self.x1, y)), RISE * abs(y - self.y)
            if self.x1 - self.x0 >= width + 2 * STUMP:
                yield least, Box.around(middle, y, self.size), line
            for x, side in product((middle, self.x0 + width / 2, self.x1 - width / 2), (sign, -sign)):
                box = Box.around(x, y + side * (height / 2 + 4), self.size)
                is_within = self.x0 - OVERHANG <= box.left and box.right <= self.x1 + OVERHANG
                yield least + (NOT_IN_GAP if is_within else OUTSIDE), box, line
            for x in (self.x1 + OVERHANG + width / 2, self.x0 - OVERHANG - width / 2):
                yield least + OUTSIDE, Box.around(x, y, self.size), line

    def crossings(self, board: Board, box: Box, line: Line) -> int:
        return board.curves.crossings(*self.inner(line)) + 2 * board.labels.crossings(*line)

    def inner(self, line: Line) -> Line:
        """Return a line at the ruler's length without the ends that may meet what it measures."""
        inset, y = min(ENDS, (self.x1 - self.x0) / 4), line[0][1]
        return (self.x0 + inset, y), (self.x1 - inset, y)


@dataclass(frozen=True)
class LineLabel:
    """A label of a size beside the vertical line at x."""

    x: float
    size: tuple[float, float]

    def tries(self, board: Board) -> Tries:
        """Yield boxes on both sides of the line, from the top down."""
        width, height = self.size
        edges = numpy.arange(board.height - HEADROOM, height, -height / 2).tolist()
        for rank, (edge, left) in enumerate(product(edges, (self.x + ASIDE, self.x - ASIDE - width))):
            yield rank, Box(left, edge - height, left + width, edge), ((self.x, 0.0), (self.x, board.height))

    def crossings(self, board: Board, box: Box, line: Line) -> int:
        return board.lines.count(box)


Label = Pointer | Ruler | LineLabel


def place(board: Board, labels: Sequence[Label]) -> list[Placed | None]:
    """Return a place for each, None where there is none.

    They are placed one after another; then each again, now that it knows of the later ones.
    """
    placed: list[Placed | None] = [None] * len(labels)
    for _ in range(ROUNDS):
        before = list(placed)
        for index, label in enumerate(labels):
            board.labels = Layer(board.curves.taken.shape)
            for other, (rest, where) in enumerate(zip(labels, placed, strict=True)):
                if other != index and where is not None:
                    board.take(rest, where)
            placed[index] = board.best(label)
        if placed == before:
            break
    return placed


def _sampled(vertices: Points) -> Points:
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
