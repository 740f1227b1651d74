"""The learning rates of schedules at chosen places: a table, CSV, JSON or Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, assert_never

from lrviz.arrays import Values
from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Invalid
from lrviz.experiment.places import Place
from lrviz.experiment.scalars import short
from lrviz.render.text.formats import Format, escaped, plain
from lrviz.render.text.grid import SPARE, Column, Grid
from lrviz.render.text.rows import constant
from lrviz.render.text.screen import Line, cleaned, printed, wrapped
from lrviz.render.text.sentences import telling
from lrviz.render.words import clean
from lrviz.subject import Subject
from lrviz.trace import GroupTrace, Trace

if TYPE_CHECKING:
    from rich.console import Console

DIGITS = 4
MOMENTA = ("momentum", "beta1")
COLUMNS = ("name", "target", "group", "at", "step", "epoch", "lr", *MOMENTA, "weight_decay")


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A subject, its label, and the optimizer step that each place comes to in its run."""

    subject: Subject
    label: str
    places: Sequence[Place]
    steps: Sequence[int]

    @classmethod
    def of(cls, subject: Subject, label: str, places: Sequence[Place]) -> Placed:
        """Return a subject with its steps; raises SpecError with every place that its run does not have."""
        experiment, per_epoch = subject.experiment, subject.trace.steps_per_epoch
        why = "the log has no epochs" if experiment is None else experiment.run.clock.why_no_epochs
        steps, problems = [], []
        for place in places:
            try:
                steps.append(place.step(subject.steps, per_epoch, why))
            except Invalid as error:
                problems.append(Problem(place="--at", message=str(error)))
        if problems:
            raise SpecError(problems)
        return cls(subject=subject, label=label, places=places, steps=steps)

    def values(self, column: Values) -> list[float | None]:
        """Return what a column holds at each place: of a log the last record before it, None where nothing ran."""
        at = self.subject.trace.at
        indices = self.steps if at is None else [bisect_right(at, step) - 1 for step in self.steps]
        return [column[index] if 0 <= index < len(column) else None for index in indices]


def lines(format: Format, placed: Sequence[Placed], *, console: Console, title: str, ascii: bool) -> Iterator[str]:
    """Return the learning rates at places in any form; `console`, `title` and `ascii` are for the table alone."""
    match format:
        case Format.TABLE:
            return _table_lines(placed, console, title, ascii)
        case Format.CSV:
            return _csv_lines(placed)
        case Format.JSON:
            return _json_lines(placed)
        case Format.MARKDOWN:
            return _markdown_lines(placed)
        case _:
            assert_never(format)


def _rows(placed: Placed) -> Iterator[tuple[str, list[float | None]]]:
    """Yield the name and the values of each line: the learning rates of each group, and under them what else moves."""
    trace = telling(placed.subject.trace)
    for group in trace.groups:
        name = f"{placed.label}, {group.name}" if len(trace.groups) > 1 else placed.label
        yield name, placed.values(group.lr)
        yield from (
            (f"  {what}", placed.values(column)) for what, column in _beside(trace, group) if not constant(column)
        )


def _beside(trace: Trace, group: GroupTrace) -> Iterator[tuple[str, Values]]:
    """Yield what else a group trains with, by name."""
    if group.momentum is not None:
        yield str(trace.momentum_name), group.momentum
    if group.weight_decay is not None:
        yield "weight_decay", group.weight_decay


def _titles(placed: Sequence[Placed]) -> list[str]:
    """Return what each place is called: as it was written, with its step where that is the same for all."""
    titles = []
    for index, place in enumerate(placed[0].places):
        steps = {each.steps[index] for each in placed}
        step = f"step {max(steps):,}" if len(steps) == 1 else ""
        titles.append(f"{place.text} ({step})" if place.unit and step else step or place.text)
    return titles


def _number(value: float | None) -> str:
    return "" if value is None else short(value, DIGITS) if math.isfinite(value) else str(value)


def _table_lines(placed: Sequence[Placed], console: Console, title: str, ascii: bool) -> Iterator[str]:
    def table(width: int) -> Iterator[Line]:
        if title:
            yield from wrapped(cleaned(title, ascii=ascii), width, "bold")
            yield []
        rows = [row for each in placed for row in _rows(each)]
        indents = [" " * (len(name) - len(name.lstrip())) for name, _ in rows]
        names = [indent + cleaned(name, ascii=ascii) for indent, (name, _) in zip(indents, rows, strict=True)]
        cells = zip(*(map(_number, values) for _, values in rows), strict=True)
        columns = [
            Column(title=title, cells=column, matters=len(placed[0].places) - place + SPARE)
            for place, (title, column) in enumerate(zip(_titles(placed), cells, strict=True))
        ]
        yield from Grid(names, columns).lines(width)

    return printed(table, console)


def _csv_lines(placed: Sequence[Placed]) -> Iterator[str]:
    """Yield CSV: a header, then a row for every place of every group of every schedule."""
    for row in chain([COLUMNS], (row for each in placed for row in _csv_rows(each))):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()


def _csv_rows(placed: Placed) -> Iterator[list[Any]]:
    subject = placed.subject
    for group in subject.trace.groups:
        columns = {"lr": group.lr, **dict(_beside(subject.trace, group))}
        values = {name: placed.values(column) for name, column in columns.items()}
        for index, (place, step) in enumerate(zip(placed.places, placed.steps, strict=True)):
            where = [place.text, step, subject.trace.epoch_of(step)]
            numbers = [values[name][index] if name in values else None for name in COLUMNS[6:]]
            texts = ["" if value is None else repr(value) for value in numbers]
            yield [*map(clean, (placed.label, subject.target, group.name)), *where, *texts]


def _json_lines(placed: Sequence[Placed]) -> Iterator[str]:
    """Yield one JSON object: `subjects`, each with its `places`; a value of several groups is an object by group."""
    subjects = [
        {
            "name": each.label,
            "target": each.subject.target,
            "steps": each.subject.steps,
            "places": [*_json_places(each)],
        }
        for each in placed
    ]
    yield f"{json.dumps(plain({'subjects': subjects}), ensure_ascii=False, indent=1)}\n"


def _json_places(placed: Placed) -> Iterator[dict[str, Any]]:
    trace = placed.subject.trace
    columns = [
        (name, group.name, column)
        for group in trace.groups
        for name, column in [("lr", group.lr), *_beside(trace, group)]
    ]
    values = [(name, group, placed.values(column)) for name, group, column in columns]
    for index, (place, step) in enumerate(zip(placed.places, placed.steps, strict=True)):
        found: dict[str, Any] = {"at": place.text, "step": step, "epoch": trace.epoch_of(step)}
        for name, group, own in values:
            found[name] = own[index] if len(trace.groups) == 1 else {**found.get(name, {}), group: own[index]}
        yield found


def _markdown_lines(placed: Sequence[Placed]) -> Iterator[str]:
    """Yield a Markdown table with a column for each place."""
    titles = _titles(placed)
    yield f"| schedule | {' | '.join(map(escaped, titles))} |\n"
    yield f"| --- |{' ---: |' * len(titles)}\n"
    for name, values in (row for each in placed for row in _rows(each)):
        yield f"| {escaped(name)} | {' | '.join(map(_number, values))} |\n"
