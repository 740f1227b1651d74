"""Columns of text beside names, fitted into a terminal's width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from lrviz.errors import counted
from lrviz.render.text.screen import GAP, Line, wrapped

SPARE = 1  # what a column matters that goes before the names go above their lines


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its title, the cell of every line, and how much it matters; what matters least goes first."""

    title: str
    cells: Sequence[str]
    matters: int
    left: bool = False
    styles: Sequence[str] = ()
    least: int = 0  # cells that it is wide at least

    @property
    def width(self) -> int:
        return max(self.least, *map(cell_len, (self.title, *self.cells)))

    def piece(self, place: int | None) -> tuple[str, str]:
        """Return the cell of a line at its full width, or the title for None, with its style."""
        text = self.title if place is None else self.cells[place]
        style = "bold" if place is None else self.styles[place] if self.styles else ""
        blanks = " " * (self.width - cell_len(text))
        return " " * GAP + (text + blanks if self.left else blanks + text), style


@dataclass(frozen=True)
class Grid:
    """Named lines of columns: the names stand before the columns, or above each line where that has no room."""

    names: Sequence[str]
    columns: Sequence[Column]

    def fits(self, width: int, *, beside: bool = True, whole: bool = True) -> bool:
        """Return whether the columns, all or those that are not spare, have room beside the names or below them."""
        return self._breadth(self.columns if whole else self._important, beside=beside) <= width

    @property
    def _important(self) -> list[Column]:
        return [column for column in self.columns if column.matters > SPARE]

    def lines(self, width: int) -> Iterator[Line]:
        """Yield the title line and the others, none wider than `width` cells, and what had to be left out."""
        is_beside = self.fits(width, whole=False)
        columns = list(self.columns if self.fits(width) or not is_beside else self._important)
        while len(columns) > 1 and self._breadth(columns, beside=is_beside) > width:
            columns.remove(min(columns, key=lambda column: column.matters))
        indent = max(map(cell_len, self.names)) if is_beside else 0
        yield [(" " * indent, ""), *(column.piece(None) for column in columns)]
        for place, name in enumerate(self.names):
            if not is_beside:
                lead = name[: len(name) - len(name.lstrip())]
                yield from ([(lead, ""), *line] for line in wrapped(name, width - len(lead), "bold"))
            start = name if is_beside else ""
            blanks = " " * (indent - cell_len(start))
            yield [(start + blanks, "bold"), *(column.piece(place) for column in columns)]
        if len(columns) < len(self.columns):
            more = counted(len(self.columns) - len(columns), "more column")
            yield from wrapped(f"{more} would not fit; --format csv has all", width, "dim")

    def _breadth(self, columns: Sequence[Column], *, beside: bool = True) -> int:
        return beside * max(map(cell_len, self.names)) + sum(GAP + column.width for column in columns)
