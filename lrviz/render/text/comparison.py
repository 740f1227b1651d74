"""Several schedules as a table for the terminal: a line each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lrviz.errors import counted
from lrviz.experiment.scalars import short
from lrviz.render.text.grid import Column, Grid
from lrviz.render.text.screen import Line, cleaned, wrapped
from lrviz.render.text.sentences import telling
from lrviz.render.text.spark import scale_of, sparkline
from lrviz.subject import Subject
from lrviz.trace import GroupTrace

CURVES = (32, 16, 8, 6)  # cells of a curve, from what one would like to what will do
COLORS = {"error": "red", "warning": "yellow"}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A subject in a table of several: its label, and each finding's severity and rule, None if nobody looked."""

    subject: Subject
    label: str
    findings: Sequence[tuple[str, str]] | None = None


@dataclass(frozen=True)
class ComparisonTable:
    """Several schedules as the lines of a terminal.

    A line each: its label, its curve on a scale that all share, the first, the peak, the last and the mean
    learning rate, and what was found. Groups whose learning rates differ have a line each. `ascii` leaves
    out all other letters.
    """

    entries: Sequence[Entry]
    title: str = ""
    ascii: bool = False

    def lines(self, width: int) -> Iterator[Line]:
        """Yield the lines of the table, none of them wider than `width` cells."""
        if self.title:
            yield from wrapped(cleaned(self.title, ascii=self.ascii), width, "bold")
            yield []
        rows = named_rows(self.entries)
        names = [cleaned(name, ascii=self.ascii) for name, _, _ in rows]
        texts = [*_texts(rows)]
        choices = [(cells, in_words) for in_words in (True, False) for cells in CURVES[not in_words :]]
        grids = {
            (cells, in_words): Grid(names, [_room(rows, cells), *texts, *_found(rows, in_words=in_words)])
            for cells, in_words in choices
        }
        ways = [{"beside": True}, {"beside": True, "whole": False}, {"beside": False}]
        fitting = (choice for way in ways for choice in choices if grids[choice].fits(width, **way))
        chosen = next(fitting, choices[-1])
        columns = list(grids[chosen].columns)
        scale = scale_of(group.lr for _, _, group in rows)
        curves = [sparkline(group.lr, chosen[0], ascii=self.ascii, scale=scale) for _, _, group in rows]
        columns[0] = Column(title="", cells=curves, matters=9, left=True, styles=["cyan"] * len(rows))
        yield from Grid(names, columns).lines(width)
        yield []
        for remark in self._remarks(scale):
            yield from wrapped(remark, width, "dim")

    def _remarks(self, scale: tuple[float, float]) -> Iterator[str]:
        low, high = min(0.0, scale[0]), scale[1]
        lengths = {entry.subject.steps for entry in self.entries}
        each = "" if len(lengths) == 1 else ", each over its own run"
        length = f" of {counted(lengths.pop(), 'step')}" if len(lengths) == 1 else ""
        yield f"{len(self.entries)} schedules{length}; all curves on one scale, {number(low)} to {number(high)}{each}"
        hidden = [entry for entry in self.entries if len(entry.subject.trace.groups) > len(_groups(entry))]
        if hidden:
            yield "groups with the same learning rates have one line, and a schedule at most 4"


Row = tuple[str, Entry, GroupTrace]


def _groups(entry: Entry) -> Sequence[GroupTrace]:
    return telling(entry.subject.trace).groups


def named_rows(entries: Sequence[Entry]) -> list[Row]:
    """Return the name of each line with its schedule and its group: several groups stand under the first's name."""
    found: list[Row] = []
    for entry in entries:
        groups = _groups(entry)
        several = len(groups) > 1
        names = [f"{entry.label}, {group.name}" if several else entry.label for group in groups]
        found += [(name, entry, group) for name, group in zip(names, groups, strict=True)]
    return found


def _room(rows: Sequence[Row], cells: int) -> Column:
    """Return a column as wide as the curves will be."""
    return Column(title="", cells=[""] * len(rows), matters=9, least=cells)


def _texts(rows: Sequence[Row]) -> Iterator[Column]:
    """Yield the columns of numbers; how long a run is, and its epochs, only where they tell something."""
    traces = [entry.subject.trace for _, entry, _ in rows]
    summaries = [group.summary for _, _, group in rows]
    peaks = [trace.step_at(summary.peak_step) for trace, summary in zip(traces, summaries, strict=True)]
    epochs = [trace.epoch_of(peak) for trace, peak in zip(traces, peaks, strict=True)]
    if len({entry.subject.steps for _, entry, _ in rows}) > 1:
        yield Column(title="steps", cells=[f"{entry.subject.steps:,}" for _, entry, _ in rows], matters=2)
    yield Column(title="first", cells=[number(summary.first) for summary in summaries], matters=4)
    yield Column(title="peak", cells=[number(summary.peak) for summary in summaries], matters=8)
    yield Column(title="at step", cells=[f"{peak:,}" for peak in peaks], matters=5)
    if any(trace.steps_per_epoch not in (None, 1) for trace in traces):
        cells = ["" if epoch is None else f"{epoch:,}" for epoch in epochs]
        yield Column(title="epoch", cells=cells, matters=1)
    yield Column(title="last", cells=[number(summary.last) for summary in summaries], matters=7)
    yield Column(title="mean", cells=[number(group.mean) for _, _, group in rows], matters=3)


def _found(rows: Sequence[Row], *, in_words: bool) -> Iterator[Column]:
    """Yield what was found, in words or counted, at the first line of each schedule."""
    entries = [entry for _, entry, _ in rows]
    first = [place == 0 or entries[place - 1] is not entry for place, entry in enumerate(entries)]
    cells = [
        _verdict(entry, in_words=in_words) if is_first else "" for entry, is_first in zip(entries, first, strict=True)
    ]
    if not any(cells):
        return
    styles = [next((COLORS[word] for word in COLORS if word in cell), "") for cell in cells]
    yield Column(title="findings", cells=cells, matters=6, left=True, styles=styles)


def _verdict(entry: Entry, *, in_words: bool) -> str:
    """Return what was found in a schedule, the worst first."""
    failure = entry.subject.trace.failure
    if failure is not None:
        return f"error: stopped {failure.where}" if in_words else "error: stopped"
    found = [(severity, rule) for wanted in COLORS for severity, rule in entry.findings or () if severity == wanted]
    if in_words:
        return ", ".join(f"{severity} {rule}" for severity, rule in found)
    return ", ".join(counted(count, severity) for severity, count in counts(entry).items())


def counts(entry: Entry) -> Counter[str]:
    """Return how many findings of each severity there are, the worst first."""
    found = Counter(severity for severity, _ in entry.findings or ())
    return Counter({severity: found[severity] for severity in COLORS if found[severity]})


def number(value: float) -> str:
    """Return a learning rate in three digits."""
    return short(value) if math.isfinite(value) else str(value)
