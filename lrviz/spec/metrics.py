"""Metrics read from a log: one column of a CSV file."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from lrviz.errors import Problem, SpecError, nearest, shown

__all__ = ["read_column"]


def read_column(source: str) -> tuple[float, ...]:
    """Return the numbers of `FILE:COLUMN`, empty cells left out (loggers write them between epochs).

    Raises SpecError for a file that cannot be read, a column it has not, and a cell that is not a
    finite number, with its line.
    """
    name, colon, column = source.rpartition(":")
    if not colon or not name or not column:
        raise _refuse(f"must be FILE:COLUMN, such as log.csv:val_loss, not {shown(source)}")
    try:
        with Path(name).open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if column not in (rows.fieldnames or ()):
                known = rows.fieldnames or []
                raise _refuse(
                    f"{name} has no column {shown(column)}; it has {', '.join(known) or 'none'}{nearest(column, known)}"
                )
            values = [_number(row[column], f"{name}:{rows.line_num}") for row in rows if (row[column] or "").strip()]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refuse(f"{name} is not a CSV file in UTF-8: {error}") from None
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with a null character
        raise _refuse(f"cannot read {shown(name)}: {getattr(error, 'strerror', None) or error}") from None
    if not values:
        raise _refuse(f"{name} has no values in column {shown(column)}")
    return tuple(values)


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
