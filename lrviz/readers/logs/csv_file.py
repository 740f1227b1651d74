"""CSV files of trainers and loggers, read row by row and within limits."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrviz.errors import Problem, SpecError, counted, shown
from lrviz.readers.logs.files import content
from lrviz.readers.logs.names import Layout, quoted
from lrviz.readers.logs.records import MAX_BYTES, Records, printed

MAX_HEADER = 100_000  # characters
MAX_LINES = 1_000_000
LONGEST = 60  # characters of a number
MOST_TEXTS = 100_000  # of numbers that are looked at for how they were printed
DELIMITERS = ",;\t"


class Table:
    """A CSV file: the names of its columns, and its rows."""

    def __init__(self, path: Path, limit: int = MAX_BYTES) -> None:
        self.file = str(path)
        self.text = io.TextIOWrapper(io.BytesIO(content(path, limit)), "utf-8-sig", newline="")
        try:
            first = self.text.readline(MAX_HEADER + 1)
        except UnicodeDecodeError:
            raise self.refuse("not a CSV file in UTF-8") from None
        if len(first) > MAX_HEADER:
            raise self.refuse(f"its first line, the names of the columns, is longer than {MAX_HEADER:,} characters")
        self.delimiter = max(DELIMITERS, key=first.count)
        try:
            self.names = [name.strip() for name in next(csv.reader([first], delimiter=self.delimiter), [])]
        except csv.Error as error:
            raise self.refuse(f"not CSV: {error}") from None

    def refuse(self, message: str, line: int | None = None) -> SpecError:
        return SpecError(Problem(place=f"{self.file}:{line}" if line else self.file, message=message))

    def cells(self, names: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield the line of each row and its cells of these columns, empty ones where it is shorter."""
        indices = [self.names.index(name) for name in names]
        rows = csv.reader(self.text, delimiter=self.delimiter)
        try:
            for row in rows:
                if rows.line_num >= MAX_LINES:
                    raise self.refuse(f"more than {MAX_LINES:,} lines")
                yield rows.line_num + 1, [row[index].strip() if index < len(row) else "" for index in indices]
        except csv.Error as error:
            raise self.refuse(f"not CSV: {error}", rows.line_num + 1) from None
        except UnicodeDecodeError:
            raise self.refuse("not a CSV file in UTF-8", rows.line_num + 1) from None

    def number(self, cell: str, name: str, line: int) -> float:
        """Return the number in a cell, NaN in an empty one; raises SpecError where it is none."""
        try:
            if not cell:
                return math.nan
            if len(cell) <= LONGEST:
                return float(cell)
        except ValueError:
            pass
        raise self.refuse(f"{name}: not a number: {shown(cell)}", line)


def read(path: Path, table: Table, layout: Layout, label: str) -> Records:
    """Return the records of a table: its rows with a step and a learning rate.

    Raises SpecError for a step or a learning rate that is no number, with its line.
    """
    records = Records(layout, str(path), label)
    names, rates = layout.columns, [group.lr for group in layout.groups]
    places = [names.index(rate) for rate in rates]
    texts: set[str] = set()
    partial = 0
    for line, cells in table.cells(names):
        given = [cells[place] for place in places]
        if not cells[0] or not any(given):
            continue
        if not all(given):
            partial += 1
            continue
        step, *values = (table.number(cell, name, line) for cell, name in zip(cells, names, strict=True))
        records.add(step, values, f"{path}:{line}")
        if len(texts) < MOST_TEXTS:
            texts.update(given)
    records.precision = printed(texts, layout.digits)
    if partial:
        records.notes.append(f"left out {counted(partial, 'row')} with the learning rate of some groups only")
    return records


def unknown(table: Table) -> SpecError:
    """Return why a CSV cannot be read without being told its columns."""
    message = "which of its columns are the step and the learning rate? Say it: --log-columns STEP,LR; it has "
    return table.refuse(message + quoted(table.names))
