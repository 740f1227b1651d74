"""A chart for the terminal: the learning rates of one schedule, or of several, drawn in characters."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from lrviz.arrays import Values
from lrviz.errors import Problem, SpecError, shown
from lrviz.positions import Position, position
from lrviz.render.text.canvas import Canvas, Piece
from lrviz.render.ticks import Ticks, epoch_ticks, level_ticks, log_ticks, step_ticks, unit_ticks
from lrviz.render.words import clipped, one_line
from lrviz.subject import Subject

STYLES = ("blue", "orange", "green", "purple", "yellow", "sky", "grey")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BETWEEN = 18  # characters from one of a curve's letters to its next
LEAST = 4  # rows of a chart
APART = 2.2  # rows from one number of the axis to the next, at the least
LONGEST = 40  # characters of a name in the legend
HEADROOM = 1.04  # of the highest learning rate
FLAT = 1e-280  # below, a learning rate has no place on a logarithmic axis
HUGE = 1e300
UNITS = {"step": "step", "epoch": "epoch", "progress": "%", "samples": "samples"}
SMALL, LARGE = 0.01, 1e6  # between them, the highest number on an axis is written without an exponent

Line = list[Piece]
Point = tuple[float, float]


class Sign(NamedTuple):
    """A place to point out: the optimizer step, a few words, and how bad it is."""

    step: float
    label: str
    severity: str


class _Column(NamedTuple):
    """What a curve is drawn from."""

    name: str
    style: str
    letter: str
    subject: Subject
    position: Position  # of its steps on the x axis
    values: Values


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart of `what` of one or several subjects, `width` characters wide, with `height` rows for the curves.

    Without `color`, curves carry letters that the legend names. `ascii` leaves out all other characters.
    Raises SpecError for an axis in a unit that a subject does not have, and where there is nothing to draw of
    `what`.
    """

    subjects: Sequence[Subject]
    labels: Sequence[str]
    width: int
    height: int
    what: str = "lr"  # or "momentum"
    x: str = "step"  # or another unit of `lrviz.positions`
    log_y: bool = False
    color: bool = False
    ascii: bool = False
    signs: Sequence[Sign] = field(default=())
    caption: str = ""  # above it
    _positions: Sequence[Position] = field(init=False, repr=False)

    def lines(self) -> Iterator[Line]:
        """Yield the chart, none of its lines wider than `width`."""
        canvas = Canvas(self._columns, self._rows)
        for number, curve in enumerate(self._curves):
            self._draw(canvas, curve, number)
        if self.caption:
            yield [(self.caption, "dim")]
        yield from self._above()
        gutter = {self._row(place): label for place, label in zip(self._ticks.places, self._ticks.labels, strict=True)}
        tick, wall = ("+", "|") if self.ascii else ("\N{BOX DRAWINGS LIGHT VERTICAL AND LEFT}", "│")
        for row, drawn in enumerate(canvas.lines(ascii=self.ascii)):
            label = gutter.get(row, "")
            yield [(f"{label:>{self._gutter}} ", ""), (tick if label else wall, "dim"), *drawn]
        yield from self._below()
        yield from self._legend()
        for number, sign in enumerate(self._placed, 1):
            where = f"step {sign.step:,.0f}" + self._epoch(sign.step)
            text = f"{number} {sign.severity}: {sign.label} at {where}"
            yield [(clipped(self._plain(text), self.width), sign.severity)]

    def __post_init__(self) -> None:
        pairs = zip(self.subjects, self.labels, strict=True)
        object.__setattr__(self, "_positions", [position(subject, self.x, label) for subject, label in pairs])
        if self.what == "momentum" and self.subjects and not self._curves:
            raise SpecError(Problem(field="show", message="momentum cannot be drawn: no optimizer has any"))

    @property
    def frame(self) -> int:
        """How many lines there are beside the rows for the curves."""
        around = (self._above(), self._below(), self._legend())
        return bool(self.caption) + sum(len(list(lines)) for lines in around) + len(self._placed)

    @cached_property
    def _curves(self) -> list[_Column]:
        """What is drawn, in the order of the subjects and their groups."""
        found: list[_Column] = []
        for subject, label, place in zip(self.subjects, self.labels, self._positions, strict=True):
            groups = subject.trace.groups
            for group in groups:
                values = group.lr if self.what == "lr" else group.momentum
                parts = [label] * (len(self.subjects) > 1) + [group.name] * (len(groups) > 1 or len(self.subjects) == 1)
                number = len(found)
                if values is not None and len(values):
                    style, letter = STYLES[number % len(STYLES)], LETTERS[number % len(LETTERS)]
                    found.append(_Column(" ".join(parts), style, letter, subject, place, values))
        return found

    @cached_property
    def _end(self) -> float:
        """Where the x axis ends, in its unit."""
        ends = (place(subject.steps) for subject, place in zip(self.subjects, self._positions, strict=True))
        return max(ends, default=0.0) or 1.0

    @cached_property
    def _steps(self) -> int:
        """The steps of the longest."""
        return max([1, *(subject.steps for subject in self.subjects)])

    @cached_property
    def _per_epoch(self) -> int | None:
        """The steps of an epoch, where the axis counts steps, all subjects have the same and there is more than one."""
        if self.x != "step":
            return None
        found = {subject.trace.steps_per_epoch for subject in self.subjects}
        (first, *others) = found or {None}
        return first if first and not others and 1 < first < self._steps else None

    @property
    def _rows(self) -> int:
        return max(LEAST, self.height)

    @cached_property
    def _gutter(self) -> int:
        return max(map(len, [*self._ticks.labels, "epoch" if self._per_epoch else ""]))

    @cached_property
    def _columns(self) -> int:
        return max(8, self.width - self._gutter - 2)

    @cached_property
    def _range(self) -> tuple[float, float]:
        """The lowest and the highest value that can be drawn."""
        low, high = math.inf, -math.inf
        for curve in self._curves:
            least, most = float(min(curve.values)), float(max(curve.values))
            if not (abs(least) <= HUGE and abs(most) <= HUGE):
                finite = [float(value) for value in curve.values if abs(value) <= HUGE]
                least, most = min(finite, default=math.inf), max(finite, default=-math.inf)
            low, high = min(low, least), max(high, most)
        return (low, high) if low <= high else (0.0, 0.0)

    @cached_property
    def _limits(self) -> tuple[float, float]:
        """The values at the lower and the upper end of the axis; of a logarithmic one, their logarithms."""
        low, high = self._range
        if self.log_y:
            high = high if high > FLAT else 1.0
            positive = [value for curve in self._curves for value in curve.values if FLAT < value <= HUGE]
            least = min(positive, default=high)
            floor = 10.0 ** (math.floor(math.log10(least)) - 1) if low <= FLAT else least / 1.3
            floor = min(floor, high / 10)
            return math.log10(floor), math.log10(high) + 0.02 * (math.log10(high) - math.log10(floor))
        if self.what != "lr":
            air = 0.1 * (high - low) or 0.1 * abs(high) or 1.0
            return low - air, high + air
        top = high * HEADROOM if high > 0 else 1.0 if low >= 0 else -0.1 * low
        return (low - 0.04 * (top - low) if low < 0 else 0.0), max(top, FLAT)

    @cached_property
    def _ticks(self) -> Ticks:
        low, high = self._limits
        if not self.log_y:
            room = HEADROOM if self.what == "lr" else 1.0  # what lies over the highest takes no number of its own
            ticks = level_ticks(low, high, max(2.0, self._rows / APART) * room)
            is_plain = SMALL <= max(map(abs, ticks.places)) < LARGE
            return ticks if is_plain else Ticks(ticks.places, [*map(_scientific, ticks.places)])
        sunk = self._range[0] <= FLAT
        ticks = log_ticks(10.0**low * (1.5 if sunk else 1), 10.0**high, max(2, self._rows // 3))
        if not sunk:
            return ticks
        below = ("<= 0" if self.ascii else "≤ 0") if self._range[0] < 0 else "0"
        return Ticks([10.0**low, *ticks.places], [below, *ticks.labels])

    def _y(self, value: float) -> int:
        """Return the dot of a value, from the lowest up."""
        low, high = self._limits
        if self.log_y:
            value = math.log10(value) if value > FLAT else low
        return round((value - low) / (high - low) * (self._rows * 4 - 1))

    def _x(self, place: float) -> int:
        """Return the dot of a place on the axis, from the left."""
        return round(place / self._end * (self._columns * 2 - 1))

    def _row(self, value: float) -> int:
        return self._rows - 1 - self._y(value) // 4

    def _draw(self, canvas: Canvas, curve: _Column, number: int) -> None:
        """Draw a curve, and its letters where there are no colours; a log over a plan is dots."""
        trace = curve.subject.trace
        points = _points(curve.values, curve.subject.stride, trace.at, self._columns * 2, curve.subject.steps)
        dots = [(self._x(curve.position(x)), self._y(y)) if y == y else None for x, y in points]  # noqa: PLR0124  NaN: a gap
        for start, end in pairwise([*dots, None]):
            if start is not None and self._is_dotted(curve):
                self._letter(canvas, start, "o" if self.ascii else "•", curve.style)
            elif start is not None:
                canvas.line(start, end or start, curve.style)
        if self.color or len(self._curves) < 2 or self._is_dotted(curve):
            return
        offset = BETWEEN * number // len(self._curves)
        for place in filter(None, dots):
            if place[0] // 2 >= offset:
                self._letter(canvas, place, curve.letter, curve.style)
                offset = place[0] // 2 + BETWEEN

    def _letter(self, canvas: Canvas, dot: tuple[int, int], letter: str, style: str) -> None:
        canvas.letter(dot[0] // 2, self._rows - 1 - dot[1] // 4, letter, style)

    def _is_dotted(self, curve: _Column) -> bool:
        """Return whether a curve is drawn as dots: a log over a plan is."""
        return len(self.subjects) > 1 and curve.subject.experiment is None

    def _above(self) -> Iterator[Line]:
        """Yield the epochs, and under them a number for each place that is pointed out."""
        if self._per_epoch:
            widest = len(f"{self._steps // self._per_epoch:,}") + 4
            ticks = epoch_ticks(self._steps, self._per_epoch, self._columns // widest)
            yield [(f"{'epoch':>{self._gutter}}  {self._labels(ticks)}".rstrip(), "dim")]
        if self._placed:
            line = [" "] * self._columns
            for number, sign in enumerate(self._placed, 1):
                for place, letter in enumerate(str(number)):
                    column = min(self._x(self._positions[0](sign.step)) // 2, self._columns - len(str(number))) + place
                    line[column] = letter
            yield [(" " * (self._gutter + 2) + "".join(line).rstrip(), self._placed[0].severity)]

    @cached_property
    def _placed(self) -> list[Sign]:
        """What is pointed out, in the order of its steps."""
        return sorted(sign for sign in self.signs if 0 <= sign.step <= self._steps)

    def _below(self) -> Iterator[Line]:
        """Yield the axis of steps and its labels."""
        widest = len(f"{self._steps:,}") + 3
        ticks = step_ticks(self._steps, self._per_epoch, max(2, self._columns // widest))
        if self.x != "step":
            ticks = unit_ticks(self._end, max(2, self._columns // widest))
        corner, flat, mark = ("+", "-", "+") if self.ascii else ("└", "─", "┬")
        line = [flat] * self._columns
        for step in ticks.places:
            line[self._x(step) // 2] = mark
        yield [(" " * (self._gutter + 1), ""), (corner + "".join(line), "dim")]
        labels = self._labels(ticks)
        end = UNITS[self.x]
        room = self._columns - len(end) - 1
        labels = labels[: labels.rfind(" ", 0, room) + 1] if len(labels.rstrip()) > room else labels
        yield [(f"{' ' * (self._gutter + 2)}{labels.rstrip():<{room + 1}}{end}", "")]

    def _labels(self, ticks: Ticks) -> str:
        """Return labels in a line, each with its middle at its place, as many as fit."""
        line = ""
        for place, label in zip(ticks.places, ticks.labels, strict=True):
            start = max(0, min(self._x(place) // 2 - (len(label) - 1) // 2, self._columns - len(label)))
            if not line or start > len(line):
                line = line.ljust(start) + label
        return line

    def _legend(self) -> Iterator[Line]:
        """Yield the curves' names, as many beside each other as fit; none of a lone curve."""
        row: Line = []
        used = 0
        for number, curve in enumerate(self._curves if len(self._curves) > 1 else ()):
            name = clipped(self._plain(curve.name), LONGEST) + self._same(number)
            sign = self._sign(curve)
            needed = len(sign) + 1 + len(name) + 3
            if row and used + needed - 3 > self.width:
                yield row
                row, used = [], 0
            row += [(sign, curve.style), (f" {name}   ", "")]
            used += needed
        if row:
            yield row

    def _sign(self, curve: _Column) -> str:
        """Return how the legend shows a curve."""
        if self._is_dotted(curve):
            return "o" if self.ascii else "•"
        return ("--" if self.ascii else "──") if self.color else curve.letter

    def _same(self, number: int) -> str:
        """Return which curve before has the very same values, in words."""
        bits = self._curves[number].values.bits
        other = next((curve for curve in self._curves[:number] if curve.values.bits == bits), None)
        if other is None:
            return ""
        return f" (same as {shown(other.name) if self.color else other.letter})"

    def _epoch(self, step: float) -> str:
        return f" (epoch {step // self._per_epoch:,.0f})" if self._per_epoch else ""

    def _plain(self, text: str) -> str:
        text = one_line(text)
        return text.encode("ascii", "backslashreplace").decode() if self.ascii else text


def _points(values: Values, stride: int, at: Sequence[int] | None, columns: int, steps: int) -> Sequence[Point]:
    """Return the corners of a curve in steps and values, thinned where there are more than show.

    Of every column of dots the lowest, the highest and the last value are kept. What holds for a stride of
    steps is drawn held and then changed at once.
    """
    places: Sequence[int] = range(0, len(values), stride) if at is None else at
    rates = values[::stride] if at is None else values
    if len(rates) > 2 * columns:
        return list(_thinned(places, rates, columns, steps))
    if stride == 1:
        return [(place, _drawable(rate)) for place, rate in zip(places, rates, strict=True)]
    ends = [*places[1:], len(values)]
    held = zip(places, ends, rates, strict=True)
    return [(x, _drawable(rate)) for place, end, rate in held for x in (place, end)]


def _thinned(places: Sequence[int], rates: Values, columns: int, steps: int) -> Iterator[Point]:
    """Yield a curve's extremes in each column of dots, in an order that joins one column to the next."""
    start, last = 0, float(rates[0])
    for column in range(columns):
        end = bisect_left(places, (column + 1) * steps / columns)
        part = rates[start:end]
        if not len(part):
            continue
        low, high = float(min(part)), float(max(part))
        if low != low or high != high or abs(low) > HUGE or abs(high) > HUGE:  # noqa: PLR0124  a NaN among them
            drawn = [float(value) for value in part if abs(value) <= HUGE]
            low, high = min(drawn, default=math.nan), max(drawn, default=math.nan)
        x = float(places[start])
        for value in (low, high) if abs(last - low) <= abs(high - last) else (high, low):
            yield x, value
        last = part[-1]
        yield x, _drawable(last)
        start = end


def _scientific(value: float) -> str:
    """Return a number with as many digits as it has, and its power of ten: 2.5e-4."""
    mantissa, exponent = f"{value:.6e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}" if value else "0"


def _drawable(value: float) -> float:
    return value if abs(value) <= HUGE else math.nan
