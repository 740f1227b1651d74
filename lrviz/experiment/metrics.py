"""Metrics read from a log: one column of a CSV file."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from lrviz.errors import Problem, SpecError, nearest, shown

__all__ = ["MAX_CSV_BYTES", "read_column"]

MAX_CSV_BYTES = 50_000_000


def read_column(source: str, folder: Path | None = None) -> tuple[float, ...]:
    """Return the numbers of `FILE:COLUMN`, empty cells left out (loggers write them between epochs).

    A relative FILE starts at `folder`. Raises SpecError for a file that cannot be read or is larger
    than `MAX_CSV_BYTES`, a column it has not, and a cell that is not a finite number, with its line.
    """
    file, colon, column = source.rpartition(":")
    if not colon or not file or not column:
        raise _refuse(f"must be FILE:COLUMN, such as log.csv:val_loss, not {shown(source)}")
    path = (folder or Path()) / file
    data = _read(path)
    try:
        values = _column(io.StringIO(data.decode("utf-8-sig"), newline=""), str(path), column)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refuse(f"{path} is not a CSV file in UTF-8: {error}") from None
    if not values:
        raise _refuse(f"{path} has no values in column {shown(column)}")
    return values


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CSV_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with a null character
        raise _refuse(f"cannot read {shown(str(path))}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_CSV_BYTES:
        raise _refuse(f"{path} is larger than {MAX_CSV_BYTES:,} bytes")
    return data


def _column(file: io.StringIO, name: str, column: str) -> tuple[float, ...]:
    rows = csv.DictReader(file)
    known = rows.fieldnames or []
    if column not in known:
        message = f"{name} has no column {shown(column)}; it has {', '.join(known) or 'none'}"
        raise _refuse(message + nearest(column, known))
    return tuple(_number(row[column], f"{name}:{rows.line_num}") for row in rows if (row[column] or "").strip())


def _number(cell: str, place: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _refuse(f"{place}: {shown(cell)} is not a finite number")
    return value


def _refuse(message: str) -> SpecError:
    return SpecError(Problem(field="metric_csv", message=message))
