"""Metrics read from a log: one column of a CSV file."""

from __future__ import annotations

import csv
import io
import math
import stat
from collections.abc import Collection
from pathlib import Path

from lrviz.errors import Problem, SpecError, listed, nearest, shown

MAX_CSV_BYTES = 50_000_000
MAX_HEADER = 100_000  # characters
MAX_LINES = 1_000_000
SOUGHT = 1000  # columns that are compared with a missing one, for what it may be meant for


def read_column(source: str, folder: Path | None = None, within: Collection[Path] | None = None) -> tuple[float, ...]:
    """Return the numbers of `FILE:COLUMN`, empty cells left out (loggers write them between epochs).

    A relative FILE starts at `folder`. Where a document names it, which may be somebody else's, it must lie
    at or below one of the folders `within`, links followed, and no message quotes what it holds. Raises
    SpecError for a file that cannot be read, is no ordinary one or beyond the limits, for a column it has
    not, and for a cell that is not a finite number, with its line.
    """
    file, colon, column = source.rpartition(":")
    if not colon or not file or not column:
        raise _refuse(f"must be FILE:COLUMN, such as log.csv:val_loss, not {shown(source)}")
    path = (folder or Path()) / file
    text = io.TextIOWrapper(io.BytesIO(_read(path, within)), "utf-8-sig", newline="")
    try:
        values = _column(text, str(path), column, is_own=within is None)
    except UnicodeDecodeError:
        raise _refuse(f"{path} is not a CSV file in UTF-8") from None
    if not values:
        raise _refuse(f"{path} has no values in column {shown(column)}")
    return values


def _read(path: Path, within: Collection[Path] | None) -> bytes:
    """Return the bytes of an ordinary file; the path that is looked at is the one that is opened."""
    try:
        real = path.resolve()
        if within is not None and not any(real.is_relative_to(folder.resolve()) for folder in within):
            raise _refuse(f"{path} lies outside the document's folder; --allow-files FOLDER allows another")
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _refuse(f"cannot read {shown(str(path))}: not an ordinary file")
        if status.st_size > MAX_CSV_BYTES:
            raise _refuse(f"{path} has {status.st_size:,} bytes, more than {MAX_CSV_BYTES:,}")
        with real.open("rb") as file:
            return file.read(MAX_CSV_BYTES)
    except (OSError, ValueError, RuntimeError) as error:  # no path at all: a null character, links in a circle
        raise _refuse(f"cannot read {shown(str(path))}: {getattr(error, 'strerror', None) or error}") from None


def _column(file: io.TextIOWrapper, name: str, column: str, *, is_own: bool) -> tuple[float, ...]:
    """Return the numbers in a column of CSV; where the file is the user's `own`, messages list its columns."""
    first = file.readline(MAX_HEADER + 1)
    if len(first) > MAX_HEADER:
        raise _refuse(f"{name}: its first line, the names of the columns, is longer than {MAX_HEADER:,} characters")
    header = next(csv.reader([first]), [])
    if header.count(column) != 1:
        raise _refuse(_no_column(header, name, column, is_own=is_own))
    index, values, rows = header.index(column), [], csv.reader(file)
    try:
        for row in rows:
            cell = row[index].strip() if index < len(row) else ""
            if cell:
                values.append(_number(cell, f"{name}:{rows.line_num + 1}", column))
            if rows.line_num >= MAX_LINES:
                raise _refuse(f"{name} has more than {MAX_LINES:,} lines")
    except csv.Error:
        limit = f"a cell of more than {csv.field_size_limit():,} characters"
        raise _refuse(f"{name}:{rows.line_num + 1}: not CSV, or {limit}") from None
    return tuple(values)


def _no_column(header: list[str], name: str, column: str, *, is_own: bool) -> str:
    if column in header:
        return f"{name} has {header.count(column)} columns {shown(column)}"
    message = f"{name} has no column {shown(column)}"
    if not is_own:
        return message
    known = listed([shown(entry)[1:-1] for entry in header]) or "none"
    return f"{message}; it has {known}{nearest(column, header[:SOUGHT])}"


def _number(cell: str, place: str, column: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _refuse(f"{place}: no finite number in column {shown(column)}")
    return value


def _refuse(message: str) -> SpecError:
    return SpecError(Problem(field="metric_csv", message=message))
