"""The formats of logs: which one a file has, what a run's folder holds, and how to read it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from lrviz.errors import Problem, SpecError, listed
from lrviz.readers.logs import LOG_MARK, csv_file, huggingface, lightning, plain, tensorboard, timm, ultralytics, wandb
from lrviz.readers.logs.files import refuse
from lrviz.readers.logs.names import Layout, chosen, groups_in
from lrviz.readers.logs.records import with_notes
from lrviz.trace import Trace

DEPTH = 3  # folders below a run's
MAX_ENTRIES = 20_000  # of a run's folder, those below included
HEAD = 1_000_000  # bytes by which a file is recognised


class CsvFormat(Protocol):
    """What the module of a format that is CSV has."""

    LABEL: str

    def layout(self, names: Sequence[str]) -> Layout | None:
        """Return the layout of a file with these columns, None where it is of another format."""
        ...


KNOWN: tuple[CsvFormat, ...] = (ultralytics, lightning, timm, wandb)
TABLES: tuple[CsvFormat, ...] = (*KNOWN, plain)
"""The formats that are CSV, the more particular first."""


class Found(NamedTuple):
    """Where a log is: its files, of one format, and what there is to say of the choice."""

    kind: str  # "json", "events" or "csv"
    paths: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def is_log(path: Path) -> bool:
    """Return whether a file is a log, or a folder that of a run, rather than a document or a trainer's config."""
    try:
        return bool(_in_folders(path)) if path.is_dir() else _kind(path) is not None
    except (OSError, ValueError, SpecError):
        return False


def read(path: Path, columns: str | None = None) -> Trace:
    """Return the trace of a log: a file, or the folder of a run that holds one.

    `columns` is what `--log-columns` says. Raises SpecError for what is no log, cannot be read, or holds
    several runs.
    """
    found = _found(path, columns)
    first = found.paths[0]
    if found.kind == "csv":
        return with_notes(_read_csv(first, columns), *found.notes)
    if found.kind == "events":
        return with_notes(tensorboard.read(found.paths, columns).trace(), *found.notes)
    if columns:
        message = f"is for CSV and TensorBoard files; the columns of a {huggingface.NAME} are known"
        raise SpecError(Problem(place="--log-columns", message=message))
    return with_notes(huggingface.read(first).trace(), *found.notes)


def _found(path: Path, columns: str | None) -> Found:
    """Return the log that a path is, or holds; raises SpecError."""
    if path.is_dir():
        return _chosen(path, _in_folders(path))
    kind = _kind(path)
    if kind is None and columns is None:
        known = f"{huggingface.NAME}, an event file of TensorBoard, or a CSV such as metrics.csv and results.csv"
        raise refuse(path, f"no log of a run, such as {known}")
    return Found(kind or "csv", (path,))


def _kind(path: Path) -> str | None:
    """Return the kind of a log that a file is by its name and its first bytes, None for what is none."""
    if path.suffix.lower() in (".csv", ".tsv"):
        return "csv"
    head = _head(path)
    if LOG_MARK in path.name or tensorboard.is_events(head):
        return "events"
    is_state = path.name == huggingface.NAME or f'"{huggingface.KEY}"'.encode() in head
    return "json" if path.suffix.lower() == ".json" and is_state else None


def _head(path: Path) -> bytes:
    """Return the first bytes of an ordinary file; raises SpecError where there is none."""
    if path.exists() and not path.is_file():
        raise refuse(path, "not an ordinary file")
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except (OSError, ValueError) as error:
        raise refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _in_folders(run: Path) -> list[Found]:
    """Return the logs in a run's folder, one for each folder in it that holds any, the surest format first."""
    found: list[Found] = []
    for parent, names in _folders(run):
        state, events = parent / huggingface.NAME, [parent / name for name in names if LOG_MARK in name]
        tables = [parent / name for name in names if name.endswith(".csv") and _is_known(parent / name)]
        if huggingface.NAME in names:
            found.append(Found("json", (state,)))
        elif tables:
            found += [Found("csv", (table,)) for table in tables]
        elif events:
            found.append(Found("events", tuple(events)))
    return found


def _folders(run: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folders of a run, itself first, with the names of their files, without what is hidden."""
    left = MAX_ENTRIES
    for parent, folders, files in os.walk(run):
        depth = len(Path(parent).relative_to(run).parts)
        left -= len(folders) + len(files)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < DEPTH and left > 0 else []
        yield Path(parent), sorted(files)


def _is_known(path: Path) -> bool:
    """Return whether a CSV has the columns of a format that is known."""
    try:
        names = csv_file.Table(path).names
    except SpecError:
        return False
    return any(each.layout(names) is not None for each in KNOWN)


def _chosen(run: Path, logs: Sequence[Found]) -> Found:
    """Return the log of a run among those in its folder: its own, or that of its last checkpoint."""
    if not logs:
        raise refuse(run, f"the folder holds no log of a run: no {huggingface.NAME}, event file, metrics.csv and so on")
    here = [found for found in logs if found.paths[0].parent == run]
    states = [found for found in logs if found.kind == "json"]
    wanted = here or states or logs
    if not here and states:
        wanted = sorted(states, key=lambda found: _checkpoint(found.paths[0]))[-1:]
    if len(wanted) > 1:
        names = listed([str(found.paths[0].relative_to(run)) for found in wanted])
        raise refuse(run, f"the folder holds {len(wanted)} logs, {names}; name one")
    found = wanted[0]
    if here:
        return found
    where = found.paths[0].parent if found.kind == "events" else found.paths[0]
    return found._replace(notes=(f"read {where.relative_to(run)}",))


def _checkpoint(state: Path) -> tuple[int, str]:
    """Return the step of the checkpoint that a file lies in, which the folder's name says."""
    found = re.fullmatch(r"checkpoint-(\d+)", state.parent.name)
    return int(found[1]) if found else 0, str(state)


def _read_csv(path: Path, columns: str | None) -> Trace:
    table = csv_file.Table(path)
    if columns:
        return csv_file.read(path, table, chosen(columns, table.names, str(path)), plain.LABEL).trace()
    for form in TABLES:
        layout = form.layout(table.names)
        if layout is None:
            continue
        if form is wandb:
            _refuse_several(table)
        if layout.groups:
            return csv_file.read(path, table, layout, form.LABEL).trace()
    raise csv_file.unknown(table)


def _refuse_several(table: csv_file.Table) -> None:
    """Raise SpecError for a chart of several runs."""
    runs = wandb.runs(table.names)
    if len(runs) > 1:
        columns = f"{table.names[0]},{groups_in(table.names)[0].lr}"
        message = f"holds {len(runs)} runs: {listed(runs)}; name one: --log-columns '{columns}'"
        raise table.refuse(message)
