"""Several schedules in any form: a table of a line each, CSV, JSON or Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, assert_never

from lrviz.render.text.comparison import ComparisonTable, Entry, Row, counts, named_rows, number
from lrviz.render.text.formats import Format, escaped, json_lines
from lrviz.render.text.screen import printed
from lrviz.render.text.spark import scale_of, sparkline
from lrviz.render.words import clean
from lrviz.trace import GroupTrace

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = (
    "name", "target", "group", "steps", "first", "peak", "peak_step", "peak_epoch", "last", "mean", "errors",
    "warnings",
)  # fmt: skip


def lines(
    format: Format, entries: Sequence[Entry], *, every: int | None, console: Console, title: str, ascii: bool
) -> Iterator[str]:
    """Return several schedules in any form as pieces of text; `console`, `title` and `ascii` are for the table."""
    match format:
        case Format.TABLE:
            return printed(ComparisonTable(entries, title, ascii).lines, console)
        case Format.CSV:
            return _csv_lines(entries)
        case Format.JSON:
            return _json_lines(entries, every)
        case Format.MARKDOWN:
            return _markdown_lines(entries)
        case _:
            assert_never(format)


def _csv_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield CSV: a header, then a row for every group of every schedule, its numbers with all their digits.

    The counts of errors and warnings are empty where nobody looked for any.
    """
    rows = (_cells(entry, group) for entry in entries for group in entry.subject.trace.groups)
    for row in chain([COLUMNS], rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()


def _cells(entry: Entry, group: GroupTrace) -> list[Any]:
    """Return the cells of a row of CSV, in the order of `COLUMNS`."""
    trace = entry.subject.trace
    summary, found = group.summary, counts(entry)
    peak = trace.step_at(summary.peak_step)
    numbers = [
        repr(summary.first),
        repr(summary.peak),
        peak,
        trace.epoch_of(peak),
        repr(summary.last),
        repr(group.mean),
    ]
    kinds = ["", ""] if entry.findings is None else [found["error"], found["warning"]]
    texts = [clean(entry.label), clean(entry.subject.target), clean(group.name)]
    return [*texts, entry.subject.steps, *numbers, *kinds]


def _json_lines(entries: Sequence[Entry], every: int | None) -> Iterator[str]:
    """Yield one JSON object: `subjects`, of which each is what one schedule alone gives, with its name and findings."""
    yield '{"subjects": ['
    for place, entry in enumerate(entries):
        subject, found = entry.subject, entry.findings
        findings = None if found is None else [{"severity": severity, "rule": rule} for severity, rule in found]
        named = {"name": entry.label, "target": subject.target, "findings": findings}
        yield ",\n" if place else "\n"
        yield from json_lines(subject.trace, subject.experiment, every=every, named=named)
    yield "]}\n"


def _markdown_lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield a Markdown table with a row for each line of the table in a terminal."""
    rows = named_rows(entries)
    scale = scale_of(group.lr for _, _, group in rows)
    yield "| schedule | curve | first | peak | at step | last | mean | findings |\n"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
    for row in rows:
        yield f"| {' | '.join(_markdown_cells(row, scale))} |\n"


def _markdown_cells(row: Row, scale: tuple[float, float]) -> Iterator[str]:
    name, entry, group = row
    summary = group.summary
    yield escaped(name)
    yield sparkline(group.lr, scale=scale)
    yield from (number(value) for value in (summary.first, summary.peak))
    yield f"{entry.subject.trace.step_at(summary.peak_step):,}"
    yield from (number(value) for value in (summary.last, group.mean))
    yield ", ".join(f"{severity} {rule}" for severity, rule in entry.findings or ())
