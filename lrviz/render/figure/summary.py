"""Many schedules on one sheet: small multiples, grouped by family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrviz.experiment.experiment import Experiment
from lrviz.render.figure.notebook import NotebookFigure
from lrviz.render.figure.panel import draw_lr, draw_steps, inches_of, peak
from lrviz.render.figure.theme import Theme, styled
from lrviz.render.words import wrapped
from lrviz.trace import Trace

Entry = tuple[str, Trace, Experiment]
Sheet = Literal["wide", "tall"]

BLOCK_ROWS = 5  # of a family on a wide sheet, before it takes another column
WIDE_COLUMNS = 8  # of a wide sheet, before the next family starts below
TALL_COLUMNS = 2
TALL_ROWS = 10  # of a tall sheet, from which on it has more columns
COMPARABLE = 10.0  # times the lower of two peaks that one axis shows both of
DPI = 100


@dataclass(frozen=True)
class Cell:
    """Where an entry stands: row and column, both from 0; a family's first cell carries its name."""

    row: int
    column: int
    family: str | None


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """A sheet's sizes in inches and points: a cell, and what of it is margin around the panel."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    points: float
    marker: float


MEASURES = {
    "wide": _Measure(width=2.85, height=2.3, left=0.62, right=0.18, top=0.32, bottom=0.42, points=9.5, marker=3.2),
    "tall": _Measure(width=5.0, height=2.45, left=0.72, right=0.28, top=0.34, bottom=0.62, points=11.0, marker=4.5),
}
HEADING = 0.3  # inches above a family's first cell
GUTTER = 0.3  # inches left of the first column, for the axis's label, and half of it all around


def draw_summary(entries: Sequence[Entry], sheet: Sheet = "wide", theme: str = "light") -> Figure:
    """Draw every (family, trace, experiment) as a small panel and return the figure, 100 dots per inch.

    "wide" sets the families side by side, in order of first appearance, each in a column or, where it is
    long, a block of them; "tall" has two columns, more for many entries, and starts each family on a row
    of its own. In a family, schedules whose peaks are comparable share the axis of the learning rate.
    Raises ValueError without entries.
    """
    if not entries:
        raise ValueError("a summary needs at least one entry")
    families = [family for family, _, _ in entries]
    places = cells(families, sheet)
    measure = MEASURES[sheet]
    rows, columns = max(cell.row for cell in places) + 1, max(cell.column for cell in places) + 1
    tops = _tops(places, rows, measure)
    lowest = {(family, cell.column): cell.row for family, cell in sorted(zip(families, places, strict=True), key=_row)}
    highs = _shared_highs(entries)
    size = (columns * measure.width + 1.2 * GUTTER, tops[-1] + GUTTER)
    with styled(theme) as look, rc_context(_small(measure)):
        figure = NotebookFigure(figsize=size, dpi=DPI)
        for cell, (family, trace, experiment), high in zip(places, entries, highs, strict=True):
            axes = figure.add_axes(_rectangle(cell, tops[cell.row], size, measure))
            draw_lr(axes, trace, experiment, look, high=high)
            last = sheet == "tall" or cell.row == lowest[family, cell.column]
            _dress_cell(axes, trace, experiment, measure, first=cell.column == 0, last=last)
            if cell.family is not None:
                _head(figure, cell, tops[cell.row], size, measure, look)
    return figure


def _row(placed: tuple[str, Cell]) -> int:
    return placed[1].row


def cells(families: Sequence[str], sheet: Sheet) -> list[Cell]:
    """Return the place of every entry, given the family of each."""
    members = {family: [i for i, name in enumerate(families) if name == family] for family in dict.fromkeys(families)}
    columns = (
        WIDE_COLUMNS if sheet == "wide" else max(TALL_COLUMNS, math.ceil(math.sqrt(len(families) / TALL_ROWS * 2)))
    )
    found: dict[int, Cell] = {}
    left = top = below = 0
    for family, indices in members.items():
        width = columns if sheet == "tall" else min(columns, math.ceil(len(indices) / BLOCK_ROWS))
        if left + width > columns:
            left, top = 0, below
        for place, index in enumerate(indices):
            found[index] = Cell(top + place // width, left + place % width, None if place else family)
        left += width
        below = max(below, top + math.ceil(len(indices) / width))
    return [found[index] for index in range(len(families))]


def _shared_highs(entries: Sequence[Entry]) -> list[float]:
    """Return the learning rate that each panel's axis reaches: the highest comparable peak of its family."""
    peaks = [peak(trace, experiment) for _, trace, experiment in entries]
    highs = peaks.copy()
    for family in {family for family, _, _ in entries}:
        high = math.inf
        members = [index for index, entry in enumerate(entries) if entry[0] == family]
        for index in sorted(members, key=peaks.__getitem__, reverse=True):
            if peaks[index] * COMPARABLE < high:
                high = peaks[index]
            highs[index] = high
    return highs


def _small(measure: _Measure) -> dict[Any, Any]:
    return {
        "font.size": measure.points,
        "lines.markersize": measure.marker,
        "lines.linewidth": 1.2,
        "axes.titlepad": 5.0,
        "axes.labelpad": 3.0,
        "xtick.major.size": 3.0,
        "ytick.major.size": 3.0,
        "xtick.minor.size": 1.5,
    }


def _tops(places: Sequence[Cell], rows: int, measure: _Measure) -> list[float]:
    """Return the distance of every row's top from the sheet's, and last the whole height, in inches."""
    tops, edge = [], GUTTER / 2
    for row in range(rows):
        if any(cell.row == row and cell.family is not None for cell in places):
            edge += HEADING
        tops.append(edge)
        edge += measure.height
    return [*tops, edge]


def _rectangle(
    cell: Cell, top: float, size: tuple[float, float], measure: _Measure
) -> tuple[float, float, float, float]:
    width, height = measure.width - measure.left - measure.right, measure.height - measure.top - measure.bottom
    left = GUTTER + cell.column * measure.width + measure.left
    bottom = size[1] - top - measure.top - height
    return left / size[0], bottom / size[1], width / size[0], height / size[1]


def _dress_cell(
    axes: Axes, trace: Trace, experiment: Experiment, measure: _Measure, *, first: bool, last: bool
) -> None:
    points = rcParams["font.size"]
    draw_steps(axes, max(1, experiment.run.clock.steps), trace.steps_per_epoch)
    axes.set_xlabel("Steps" if last else "")
    axes.set_ylabel("Learning Rate" if first else "")
    axes.yaxis.set_label_coords(-(measure.left + 0.02) / inches_of(axes)[0], 0.5)
    width = inches_of(axes)[0] + 0.55
    axes.set_title(wrapped(experiment.name, width, 1.1 * points), fontsize=1.1 * points)


def _head(figure: Figure, cell: Cell, top: float, size: tuple[float, float], measure: _Measure, theme: Theme) -> None:
    """Write the family's name above its first cell, at the cell's left edge."""
    figure.text(
        (GUTTER + cell.column * measure.width) / size[0],
        1 - (top - HEADING / 3) / size[1],
        wrapped(cell.family or "", measure.width - 0.2, measure.points, lines=1).upper(),
        color=theme.quiet,
        fontsize=0.85 * measure.points,
        fontweight="bold",
        va="bottom",
        gid="family",
    )
