"""A trace as CSV, JSON or Markdown: one row for every optimizer step.

Each form is an iterator of pieces of text, so that a reader who closes the pipe early is not kept
waiting for the rest. Rates are written with `repr`, and so read back to the same bits.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, assert_never

from lrviz.arrays import Values
from lrviz.errors import counted
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.writer import as_document
from lrviz.render.text.rows import constant, picked
from lrviz.render.text.sentences import log_extent, made_by
from lrviz.render.words import clean, one_line
from lrviz.trace import GroupTrace, Trace

if TYPE_CHECKING:
    from rich.console import Console

BLOCK = 500  # rows to a piece


class Format(Enum):
    """The forms in which `lrviz table` prints a trace."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


def lines(
    format: Format,
    trace: Trace,
    experiment: Experiment | None,
    *,
    every: int | None = None,
    console: Console | None = None,
    ascii: bool = False,
) -> Iterator[str]:
    """Return a trace in any form as pieces of text; `console` and `ascii` are for the table alone.

    Without a console the table is plain text for 80 columns.
    """
    trace = trace.side_by_side()
    match format:
        case Format.TABLE:
            return _table_lines(trace, experiment, every, console, ascii)
        case Format.CSV:
            return csv_lines(trace, experiment, every=every)
        case Format.JSON:
            return json_lines(trace, experiment, every=every)
        case Format.MARKDOWN:
            return markdown_lines(trace, experiment, every=every)
        case _:
            assert_never(format)


def csv_lines(trace: Trace, experiment: Experiment | None, *, every: int | None = None) -> Iterator[str]:
    """Yield CSV: a header, then a row for every optimizer step, or every Nth and the last.

    The columns are step, epoch (from 0; empty where the run has none), lr, then momentum or beta1
    where the optimizer has it, weight_decay where it moves, and for a plateau the metric that it was
    given after that step. Several groups have a column each: `lr.<group>`.
    """
    names = _names(trace)
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(names)
    yield header.getvalue()
    yield from _rows(trace, experiment, ",".join(["%s"] * len(names)) + "\n", every)


def markdown_lines(trace: Trace, experiment: Experiment | None, *, every: int | None = None) -> Iterator[str]:
    """Yield a Markdown table with the columns of `csv_lines`, under a line that says what it is."""
    names = _names(trace)
    name = experiment.name if experiment else trace.log.file if trace.log else ""
    what = f"{name}: {log_extent(trace) if trace.log else counted(trace.steps, 'step')}"
    yield f"{escaped(what)}, {made_by(trace, experiment)}\n\n"
    yield f"| {' | '.join(map(escaped, names))} |\n|{' ---: |' * len(names)}\n"
    yield from _rows(trace, experiment, f"| {' | '.join(['%s'] * len(names))} |\n", every)
    if trace.seam is not None:
        yield f"\nResumed {trace.seam.where}, as {trace.seam.mode}.\n"
    if trace.failure is not None:
        yield f"\nStopped {trace.failure.where}: {escaped(trace.failure.words)}\n"


def json_lines(
    trace: Trace, experiment: Experiment | None, *, every: int | None = None, named: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Yield one JSON object: what was replayed, and `rows` with one object to a line.

    A row has the columns of `csv_lines`; with several groups `lr` is an object by group, so that
    jq's `.rows[].lr.head` and pandas' `json_normalize` find the same names. `run`, `optimizer` and
    `scheduler` read back as a document, the horizons filled in; `clock` is what the run comes to, and
    `steps` how many were recorded. What JSON has no number for is a string: "NaN", "Infinity",
    "-Infinity". `named` is said first.
    """
    head = {name: plain(value) for name, value in {**(named or {}), **_header(trace, experiment)}.items()}
    for place, (name, value) in enumerate(head.items()):
        yield f"{',' if place else '{'}\n  {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
    yield ',\n  "rows": ['
    comma = ""
    for block in _rows(trace, experiment, ",\n    " + _json_row(trace), every, _json_number, "null"):
        yield block if comma else block[1:]
        comma = ","
    yield "\n  ]\n}\n" if comma else "]\n}\n"


def _table_lines(
    trace: Trace, experiment: Experiment | None, every: int | None, console: Console | None, ascii: bool
) -> Iterator[str]:
    from rich.console import Console

    from lrviz.render.text.table import TraceTable

    console = console or Console(width=80, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(TraceTable(trace, experiment, every, ascii))
    yield captured.get()


def _columns(trace: Trace) -> dict[str, list[Values]]:
    """Return what every row holds, by name: a column of floats for each group."""
    momenta = [group.momentum for group in trace.groups if group.momentum is not None]
    decays = [group.weight_decay for group in trace.groups if group.weight_decay is not None]
    columns = {"lr": [group.lr for group in trace.groups]}
    if momenta and trace.momentum_name:
        columns[trace.momentum_name] = momenta
    return columns if all(map(constant, decays)) else columns | {"weight_decay": decays}


def _names(trace: Trace) -> list[str]:
    """Return the names of the columns."""
    several = len(trace.groups) > 1
    groups = [f".{clean(group.name)}" if several else "" for group in trace.groups] or [""]
    floats = [f"{name}{group}" for name in _columns(trace) for group in groups]
    return ["step", "epoch", *floats, *_watched(trace)]


def _watched(trace: Trace) -> dict[str, Values]:
    """Return what else a row holds, by name."""
    watched = {"metric": trace.metric, "loss": trace.loss}
    return {name: values for name, values in watched.items() if values is not None}


def _rows(
    trace: Trace,
    experiment: Experiment | None,
    template: str,
    every: int | None,
    number: Callable[[float], str] = repr,
    absent: str = "",
) -> Iterator[str]:
    """Yield blocks of rows, `template` filled with step, epoch and numbers; `absent` is for none.

    A value that holds is formatted once, however long.
    """
    columns = [column for group in _columns(trace).values() for column in group]
    watched = [
        (values, experiment.metric_stride if name == "metric" and experiment else 1)
        for name, values in _watched(trace).items()
    ]
    per_epoch = trace.steps_per_epoch
    has_steps = trace.log is None or trace.log.unit == "step"
    held: list[float] = [math.nan] * len(columns)
    cells: list[str] = [""] * len(columns)

    def row(step: int) -> str:
        for index, column in enumerate(columns):
            value = column[step]
            if value != held[index] or not value:  # 0.0 equals -0.0
                held[index] = value
                cells[index] = number(value)
        place = trace.step_at(step)
        epoch = place // per_epoch if per_epoch else absent
        others = [
            number(values[step // often]) if (step + 1) % often == 0 and step // often < len(values) else absent
            for values, often in watched
        ]
        return template % (place if has_steps else absent, epoch, *cells, *others)

    rows = map(row, picked(trace, every or 1))
    while block := "".join(islice(rows, BLOCK)):
        yield block


def escaped(text: str) -> str:
    """Return text as a cell of a Markdown table may have it."""
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _header(trace: Trace, experiment: Experiment | None) -> dict[str, Any]:
    """Return all that JSON says before its rows."""
    summary = [_summary(trace, group) for group in trace.groups if trace.steps]
    if experiment is None:
        assert trace.log is not None
        return {"log": dataclasses.asdict(trace.log), "records": trace.steps, "summary": summary}
    return {
        "title": experiment.name,
        "engine": "upstream" if trace.engine == "upstream" else "torch",  # light has torch's numbers to the bit
        "torch": trace.torch_version,
        "libraries": dict(trace.libraries),
        "steps": trace.steps,
        "run": as_document(experiment.run, defaults=True),
        "clock": experiment.run.clock.as_dict(),
        "optimizer": as_document(experiment.optimizer, defaults=True),
        "scheduler": as_document(experiment.resolved, defaults=True),
        "summary": summary,
        "resume": _resume(trace, experiment),
        "warnings": [dataclasses.asdict(warning) for warning in trace.warnings],
        "failure": None if trace.failure is None else dataclasses.asdict(trace.failure),
    }


def _resume(trace: Trace, experiment: Experiment) -> dict[str, Any] | None:
    """Return what JSON says of the checkpoint that the run goes on from: what was loaded, and where."""
    if experiment.resume is None:
        return None
    before = experiment.resume.before
    documents = {name: as_document(getattr(before, name), defaults=True) for name in ("run", "optimizer")}
    return {
        "step": experiment.resume.step,
        "epoch": before.run.clock.epoch_of(experiment.resume.step - 1),
        "mode": experiment.resume.mode,
        "reached": trace.seam is not None,
        "before": {**documents, "scheduler": as_document(before.resolved, defaults=True)},
    }


def _summary(trace: Trace, group: GroupTrace) -> dict[str, Any]:
    own = dataclasses.asdict(group.summary) | {"mean": group.mean}
    return {"group": group.name, **own, "peak_step": trace.step_at(group.summary.peak_step)}


def plain(value: Any) -> Any:
    """Return ordinary data as JSON has it."""
    if isinstance(value, float) and not math.isfinite(value):
        return _word(value)
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _json_number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'"{_word(value)}"'


def _json_row(trace: Trace) -> str:
    """Return the template of a row: the groups, where there are several, inside an object for each name."""
    keys = [json.dumps(group.name, ensure_ascii=False).replace("%", "%%") for group in trace.groups]
    value = f"{{{', '.join(f'{key}: %s' for key in keys)}}}" if len(keys) > 1 else "%s"
    floats = [f'"{name}": {value}' for name in _columns(trace)]
    others = [f'"{name}": %s' for name in _watched(trace)]
    return "{" + ", ".join(['"step": %s', '"epoch": %s', *floats, *others]) + "}"
