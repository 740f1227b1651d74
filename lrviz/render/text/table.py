"""A trace as a table for the terminal: what happens when, at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult

from lrviz.arrays import Values
from lrviz.errors import counted
from lrviz.experiment.experiment import Experiment
from lrviz.render.text.rows import Row, Selection, constant, folded, round_up, sampled
from lrviz.render.text.screen import GAP, Line, cleaned, segments, wrapped
from lrviz.render.text.sentences import PICTURED, log_extent, made_by, summary_line
from lrviz.render.text.spark import bar, sparkline
from lrviz.trace import GroupTrace, Trace

WIDEST = 100
NAME = 16  # cells of a group's name
BAR = (6, 32)  # cells of the narrowest and the widest bar
ROUNDING = 1e-9  # of a ratio of two rates, on the way there


class Column(NamedTuple):
    """A column's title and its text for every row."""

    title: str
    cells: Sequence[str]
    style: str = ""
    left: bool = False

    @property
    def width(self) -> int:
        return max(cell_len(self.title), max(map(len, self.cells), default=0))

    def padded(self) -> Iterator[tuple[str, str]]:
        """Yield the title and the cells at their full width, with their styles."""
        width, style = self.width, "bold"
        for text in (self.title, *self.cells):
            blanks = " " * (width - cell_len(text))
            yield (text + blanks if self.left else blanks + text) + " " * GAP, style
            style = self.style


@dataclass(frozen=True)
class TraceTable:
    """A trace as something that a rich Console prints, within its width or 100 columns.

    Stretches without a change are one row; a run with over 40 of them shows a choice, and says so.
    With `every`, every Nth step and the last have a row each. `ascii` leaves out all other letters. A log
    has no experiment, and a row for every record.
    """

    trace: Trace
    experiment: Experiment | None
    every: int | None = None
    ascii: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from segments(self.lines(min(options.max_width, WIDEST)), console)

    def lines(self, width: int) -> Iterator[Line]:
        """Yield the lines of the table, none of them wider than `width` cells."""
        trace = self.trace
        counted_by = trace if trace.log is None else replace(trace, steps_per_epoch=None)
        chosen = folded(counted_by, self._stride) if self.every is None else sampled(trace, self.every)
        yield from self._wrapped(self._heading(), width, "bold")
        if trace.steps:
            yield from self._pictures(width)
            yield []
            yield from self._body(chosen, width)
        if trace.failure is not None:
            stopped = f"stopped {trace.failure.where}: {trace.failure.words}"
            yield from self._wrapped(stopped, width, "bold red")
        yield []
        for group in trace.groups[:PICTURED]:
            yield from self._wrapped(summary_line(trace, group), width, "")
        if len(trace.groups) > PICTURED:
            yield from self._wrapped(f"and {len(trace.groups) - PICTURED} more groups", width, "")
        yield from self._wrapped(made_by(trace, self.experiment), width, "")

    @property
    def _stride(self) -> int:
        """How many optimizer steps there are to a step of the scheduler."""
        return 1 if self.experiment is None else self.experiment.stride

    def _wrapped(self, text: str, width: int, style: str) -> Iterator[Line]:
        return wrapped(self._clean(text), width, style)

    def _clean(self, text: str) -> str:
        return cleaned(text, ascii=self.ascii)

    def _heading(self) -> str:
        trace, experiment = self.trace, self.experiment
        if experiment is None:
            assert trace.log is not None
            return f"{trace.log.file}: {log_extent(trace)}"
        name = experiment.name
        scheduler = experiment.schedule if experiment.warmup else experiment.scheduler.label
        title = name if scheduler == name else f"{name} ({scheduler})"
        length = counted(trace.steps, "step")
        if trace.steps_per_epoch and trace.steps > trace.steps_per_epoch > 1:
            length += f", {trace.steps_per_epoch:,} to an epoch"
        stride = experiment.run.clock.stride
        if stride > 1:
            often = "epoch" if stride == trace.steps_per_epoch else f"{stride:,} steps"
            length += f"; the scheduler steps every {often}"
        return f"{title}: {length}"

    def _pictures(self, width: int) -> Iterator[Line]:
        """Yield the curve of each group, over a ruler."""
        groups = self.trace.groups[:PICTURED]
        names = [self._name(group) for group in groups] if len(self.trace.groups) > 1 else [""]
        indent = max(map(cell_len, names)) + GAP * (len(names) > 1)
        for name, group in zip(names, groups, strict=True):
            curve = sparkline(group.lr[:: self._stride], width - indent, ascii=self.ascii)
            yield [(set_cell_size(name, indent), "bold"), (curve, "cyan")]
        yield [(" " * indent + ruler(self.trace, width - indent), "dim")]

    def _name(self, group: GroupTrace) -> str:
        name = self._clean(group.name)
        return name if cell_len(name) <= NAME else set_cell_size(name, NAME)

    def _body(self, chosen: Selection, width: int) -> Iterator[Line]:
        columns, left_out = self._columns(chosen.rows, width)
        lines = zip(*(column.padded() for column in columns), strict=True)
        yield list(next(lines))
        for row, pieces in zip(chosen.rows, lines, strict=True):
            if self.trace.seam is not None and row.start == self.trace.seam.step:
                yield from self._wrapped(f"-- resumed, {self.trace.seam.mode} --", width, "dim")
            yield list(pieces)
        if chosen.rule:
            steps = counted(self.trace.steps, "step")
            message = f"{len(chosen.rows):,} rows of {steps}: {chosen.rule} (--every 1: all)"
            if self.trace.log is not None:
                message = message.replace("steps", "records")
            yield from self._wrapped(message, width, "dim")
        if left_out:
            message = f"{counted(left_out, 'more column')} would not fit; --format csv has all"
            yield from self._wrapped(message, width, "dim")
        if len({group.summary.peak for group in self.trace.groups}) > 1:
            yield from self._wrapped("each group's curve and bars have a scale of their own", width, "dim")

    def _columns(self, rows: Sequence[Row], width: int) -> tuple[list[Column], int]:
        """Return the columns that fit, and how many did not."""
        places, wanted = [*self._places(rows)], [*self._values(rows)]
        room = width - sum(column.width + GAP for column in places)
        shown: list[Column] = []
        while len(shown) < len(wanted) and room >= wanted[len(shown)].width:
            shown.append(wanted[len(shown)])
            room -= shown[-1].width + GAP
        groups = self.trace.groups[: len(shown)]
        breadth = min((room + GAP) // max(len(groups), 1) - GAP, BAR[1])
        bars = [self._bars(group, rows, breadth) for group in groups] if breadth >= BAR[0] else []
        left_out = len(wanted) - len(shown)
        if len(groups) == 1:
            return [*places, *shown, *bars], left_out
        pairs = [column for index in range(len(groups)) for column in (shown[index], *bars[index : index + 1])]
        return [*places, *pairs, *shown[len(groups) :]], left_out

    def _values(self, rows: Sequence[Row]) -> Iterator[Column]:
        """Yield what a row can show, the learning rates first and then what matters most."""
        groups = self.trace.groups
        yield from (self._rates(group, rows) for group in groups)
        if len(groups) == 1:
            yield from _changes(groups[0].lr, rows)
        yield from self._moving(f"{self.trace.momentum_name}", [group.momentum for group in groups], rows)
        yield from self._moving("weight_decay", [group.weight_decay for group in groups], rows)
        yield from self._metric(rows) if self.trace.loss is None else self._loss(rows)
        if len(groups) == 1:
            yield from _between(groups[0].lr, rows)

    def _places(self, rows: Sequence[Row]) -> Iterator[Column]:
        dash = "-" if self.ascii else "\N{EN DASH}"
        if self.trace.steps_per_epoch:
            cells, last = [], -1
            for row in rows:
                first, end = (self.trace.step_at(record) // self.trace.steps_per_epoch for record in row)
                cells.append(f"{first}{dash}{end}" if first < end else f"{first}" if first != last else "")
                last = end
            yield Column("epoch", cells, "bold")
        if self.trace.log is not None and self.trace.log.unit == "epoch":
            return
        ends = [(self.trace.step_at(row.start), self.trace.step_at(row.end)) for row in rows]
        steps = [f"{start:,}" + (f"{dash}{end:,}" if end > start else "") for start, end in ends]
        yield Column("step", steps)

    def _rates(self, group: GroupTrace, rows: Sequence[Row]) -> Column:
        title = f"lr.{self._name(group)}" if len(self.trace.groups) > 1 else "lr"
        return Column(title, _aligned([group.lr[row.start] for row in rows]))

    def _moving(self, title: str, columns: Sequence[Values | None], rows: Sequence[Row]) -> Iterator[Column]:
        """Yield what moves of the columns, one for each group: a single one where all groups share it."""
        named = zip(self.trace.groups, columns, strict=True)
        moving = [(group, column) for group, column in named if column is not None and not constant(column)]
        shared = len(moving) == len(columns) and all(column == moving[0][1] for _, column in moving)
        for group, column in moving[:1] if shared else moving:
            own = "" if shared else f".{self._name(group)}"
            yield Column(f"{title}{own}", _aligned([column[row.start] for row in rows], digits=3))

    def _metric(self, rows: Sequence[Row]) -> Iterator[Column]:
        """Yield the first and the last that a plateau was given in a row."""
        metric = self.trace.metric
        if metric is None or self.experiment is None:
            return
        stride = self.experiment.metric_stride
        cells = []
        for row in rows:
            given = metric[row.start // stride : (row.end + 1) // stride]
            ends = dict.fromkeys(f"{value:.4g}" for value in (given[0], given[-1])) if given else ()
            cells.append(" to ".join(ends))
        yield Column("metric after", cells)

    def _loss(self, rows: Sequence[Row]) -> Iterator[Column]:
        """Yield the toy loss before the first step of a row; a plateau that watches it was given the same."""
        loss = self.trace.loss or ()
        yield Column("toy loss", [f"{loss[row.start]:.4g}" if row.start < len(loss) else "" for row in rows])

    def _bars(self, group: GroupTrace, rows: Sequence[Row], width: int) -> Column:
        rates = [group.lr[row.start] for row in rows]
        finite = [0.0, *filter(math.isfinite, rates)]
        low, spread = min(finite), max(finite) - min(finite)
        shares = [(rate - low) / spread if spread else 0.0 for rate in rates]
        cells = [bar(share, width, ascii=self.ascii) for share in shares]
        return Column("", cells, "cyan", left=True)


def ruler(trace: Trace, width: int) -> str:
    """Return the epochs, or else the steps, as they lie under a curve of `width` cells."""
    per_epoch = trace.steps_per_epoch
    by_epoch = trace.log is not None and trace.log.unit == "epoch"
    unit, name = (per_epoch, "epoch") if per_epoch and (by_epoch or trace.end > per_epoch) else (1, "step")
    count = trace.end / unit
    spacing = len(f"{count:.0f}") + 4
    line, room = "", width - len(name) - 1
    for mark in range(0, math.ceil(count), round_up(count * spacing / width)):
        longer = line.ljust(int(mark * width / count)) + f"{mark}"
        line = longer if len(longer) <= room else line
    return line.ljust(room + 1) + name


def _changes(rates: Values, rows: Sequence[Row]) -> Iterator[Column]:
    """Yield each learning rate's change from the row before it, as a percentage or a factor, if any changes."""
    pairs = pairwise([math.nan, *(rates[row.start] for row in rows)])
    cells = [_change(before, after) for before, after in pairs]
    if any(cells):
        yield Column("change", cells, "dim")


def _change(before: float, after: float) -> str:
    ratio = after / before if before else math.nan
    if not math.isfinite(ratio) or ratio <= 0 or ratio == 1:
        return ""
    if not 0.1 + ROUNDING < ratio < 10 - ROUNDING:
        return f"x{ratio:.2g}"
    percent = (ratio - 1) * 100
    return f"{percent:+.1f}%" if abs(percent) >= 0.05 else f"{percent:+.1g}%"


def _between(rates: Values, rows: Sequence[Row]) -> Iterator[Column]:
    """Yield where a learning rate goes between one row and the next, if anywhere beyond what they show."""
    values = [rates[row.start] for row in rows]
    slack = 0.02 * (max(values) - min(values))
    cells = []
    for (row, after), ends in zip(pairwise(rows), pairwise(values), strict=True):
        part = rates[row.start : after.start] or ends
        low, high = min(part), max(part)
        is_beyond = low < min(ends) - slack or high > max(ends) + slack
        cells.append(f"{low:.3g} to {high:.3g}" if is_beyond else "")
    if any(cells):
        yield Column("between rows", [*cells, ""], "dim")


def _aligned(values: Sequence[float], digits: int = 4) -> list[str]:
    """Return numbers as texts of one form, with as many digits as tell neighbours apart, at most 8."""
    finite = [value for value in values if math.isfinite(value)]
    while digits < 8 and not _differ(finite, digits):
        digits += 1
    split = [_split(value, digits) for value in finite if value]
    mantissa = max((length for length, _ in split), default=1)
    whole = max((exponent for _, exponent in split), default=0)
    decimals = max((length - 1 - exponent for length, exponent in split), default=0)
    is_fixed = max(whole, 0) + 2 + max(decimals, 0) <= max(mantissa + 5, 9)
    form = f".{max(decimals, 0)}f" if is_fixed else f".{mantissa - 1}e"
    zero = "0" + " " * (decimals + 1 if is_fixed and decimals > 0 else 0)  # its point under the others'
    return [f"{value:{form}}" if value else zero for value in values]


def _differ(values: Sequence[float], digits: int) -> bool:
    return all(a == b or f"{a:.{digits - 1}e}" != f"{b:.{digits - 1}e}" for a, b in pairwise(values))


def _split(value: float, digits: int) -> tuple[int, int]:
    """Return how many significant digits a number has, of at most so many, and its exponent."""
    mantissa, _, exponent = f"{abs(value):.{digits - 1}e}".partition("e")
    return len(mantissa.replace(".", "").rstrip("0")), int(exponent)
