"""Several subjects, each in a small panel of its own, all with the same axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrviz.errors import Problem, SpecError
from lrviz.positions import TITLES
from lrviz.render.figure import key as keys
from lrviz.render.figure.annotation.callouts import call_out
from lrviz.render.figure.layout import TITLE
from lrviz.render.figure.options import Mark
from lrviz.render.figure.palette import Look
from lrviz.render.figure.panel import DASHES, inches_of
from lrviz.render.figure.picture import Picture, add_lines
from lrviz.render.figure.series import Series
from lrviz.render.words import clean, inches, wrapped

FACETS_WIDTH = 10.0  # inches of a figure of facets whose size nobody gave
FACET_WIDTH = 1.75  # inches of a facet, at least
FACET_HEIGHT = 1.6  # inches of a facet in such a figure, and half as much more with momentum
LEAST = 0.85  # inches of a facet's height, with its title
SMALLER = 0.75  # of the font's size, for a title that is long
LETTERS = 9.5  # points, where nobody gave a size of them
LOWER = 0.45  # height of a facet's lower panel, of the upper one's


def facets_size(count: int, panels: int) -> tuple[float, float]:
    """Return the size of a figure in which so many facets of one or two panels stand well."""
    columns = _columns(count, FACETS_WIDTH)
    return FACETS_WIDTH, round(1.1 + math.ceil(count / columns) * FACET_HEIGHT * (1.0 if panels == 1 else 1.5), 1)


def _columns(count: int, width: float) -> int:
    """Return in how many columns so many facets stand, with as few unused cells as may be."""
    most = max(1, min(count, int((width - 0.9) / FACET_WIDTH)))
    return math.ceil(count / math.ceil(count / most))


@dataclass(frozen=True)
class _Grid:
    """The places of facets in a figure, in inches."""

    count: int
    columns: int
    size: tuple[float, float]
    points: float
    top: float  # of the figure, for its title
    bottom: float  # for the axis and a legend
    lines: int  # of a facet's title

    @property
    def rows(self) -> int:
        return math.ceil(self.count / self.columns)

    @property
    def left(self) -> float:
        return 6.6 * self.points / 72

    @property
    def cell(self) -> tuple[float, float]:
        """Width and height of a facet, its title and the gap before the next one included."""
        width, height = self.size[0] - self.left - 0.4 * self.gap, self.size[1] - self.top - self.bottom
        return width / self.columns, height / self.rows

    @property
    def gap(self) -> float:
        """Inches between two columns."""
        return 1.9 * self.points / 72

    @property
    def head(self) -> float:
        """Inches of a facet's title."""
        return (0.9 + 1.25 * self.lines) * self.points / 72

    def rectangles(self, number: int, panels: int) -> list[tuple[float, float, float, float]]:
        """Return left, bottom, width and height of a facet's panels, from top to bottom, as shares of the figure."""
        row, column = divmod(number, self.columns)
        (width, height), (whole, tall) = self.cell, self.size
        left, top = self.left + column * width, tall - self.top - row * height - self.head
        room, between = height - self.head, 0.5 * self.points / 72
        upper = room if panels == 1 else (room - between) / (1 + LOWER)
        found = [(left, top - upper, width - self.gap, upper)]
        if panels > 1:
            found.append((left, top - room, width - self.gap, upper * LOWER))
        return [(x / whole, y / tall, w / whole, h / tall) for x, y, w, h in found]


def draw_facets(figure: Figure, picture: Picture, marks: Sequence[Sequence[Mark]]) -> None:
    """Draw each series in a facet under its label; raises SpecError where the figure is too small for them."""
    points = picture.options.font_size or min(LETTERS, rcParams["font.size"])
    style: dict[Any, Any] = {"font.size": points, "lines.linewidth": 1.3}
    with rc_context(style):
        looks = _looks(picture)
        named = [keys.group_entries(picture.groups, looks)]
        key = keys.below(named, "", picture.options.size, points)
        grid = _grid(picture, key.rows if key else 0, points)
        panels = {name: _column(figure, grid, picture, name) for name in picture.names}
        for name, column in panels.items():
            _fill(column, name, picture, looks, marks)
        _dress(figure, grid, picture, list(panels.values()))
        if key:
            keys.draw(figure, key, [], [])


def _looks(picture: Picture) -> list[Look]:
    """Return how each parameter group is drawn."""
    width = rcParams["lines.linewidth"]
    if not picture.groups:
        return [Look(color=picture.theme.ink, width=width)]
    colors = rcParams["axes.prop_cycle"].by_key()["color"]
    pairs = ((colors[place % len(colors)], DASHES[place % len(DASHES)]) for place in range(len(picture.groups)))
    return [Look(color=color, dash=dash, width=width, zorder=2.5 + place / 100)
            for place, (color, dash) in enumerate(pairs)]  # fmt: skip


def _grid(picture: Picture, rows: int, points: float) -> _Grid:
    count, size, em = len(picture.series), picture.options.size, points / 72
    columns = _columns(count, size[0])
    title = wrapped(picture.title, size[0] - 0.5, TITLE * points)
    lines = len(title.split("\n")) if title else 0
    small = 1 if picture.note else 0
    width = (size[0] - 6.6 * em) / columns - 0.8 * em
    named = max(_named(each, width, points)[0].count("\n") + 1 for each in picture.series)
    grid = _Grid(
        count=count, columns=columns, size=size, points=points, top=(1.1 + 1.5 * lines + 1.2 * small) * em,
        bottom=(3.9 + 1.6 * rows) * em, lines=named,
    )  # fmt: skip
    least = grid.head + LEAST * len(picture.names) - 0.2
    if grid.cell[1] < least or grid.cell[0] < 1.0:
        tall = math.ceil(10 * (grid.top + grid.bottom + grid.rows * least)) / 10
        message = f"leaves no room for {count} facets; {max(2.9, size[0]):g}x{tall:g} does"
        raise SpecError(Problem(field="size", message=f"{size[0]:g}x{size[1]:g} {message}"))
    return grid


def _named(series: Series, width: float, points: float) -> tuple[str, float]:
    """Return a facet's title and the size of its letters, smaller ones where it has one line of them."""
    letters = min(points, max(SMALLER * points, points * width / (inches(series.name, points) or 1.0)))
    return wrapped(series.name, width, letters), letters


def _column(figure: Figure, grid: _Grid, picture: Picture, name: str) -> list[Axes]:
    """Add a panel of every facet, all with the first one's axes."""
    panels: list[Axes] = []
    for number in range(grid.count):
        rectangle = grid.rectangles(number, len(picture.names))[picture.names.index(name)]
        first = panels[0] if panels else None
        panels.append(figure.add_axes(rectangle, sharex=first, sharey=first, label=f"{name} {number}"))
    return panels


def _fill(
    panels: Sequence[Axes], name: str, picture: Picture, looks: Sequence[Look], marks: Sequence[Sequence[Mark]]
) -> None:
    """Draw what a panel of each facet shows."""
    lines = picture.fitted(panels[0], name, picture.series)
    picture.draw_x(panels[0])
    for line in [line for line in panels[0].lines if str(line.get_gid()).endswith("minor-ticks")]:
        line.remove()  # the other facets have none
    for axes, series, own, given in zip(panels, picture.series, lines, marks, strict=True):
        axes.set_xlabel("")
        axes.set_ylabel("")
        by_name = dict(zip(picture.groups, looks, strict=False))
        shown = [by_name.get(line.name, looks[0]) for line in own]
        if own:
            add_lines(axes, series, own, _with_dots(shown, series), name)
        found = picture.marks(series, own, given)
        if name == "lr" and found:
            call_out(axes, own, [], found, None, picture.theme)


def _with_dots(looks: Sequence[Look], series: Series) -> list[Look]:
    return [replace(look, marker="o" if series.is_log else "") for look in looks]


def _dress(figure: Figure, grid: _Grid, picture: Picture, panels: Sequence[Sequence[Axes]]) -> None:
    """Write the titles of the facets and of the figure, and the axes' labels and numbers at its edges only."""
    for place, row in enumerate(panels):
        for number, axes in enumerate(row):
            is_lowest = place == len(panels) - 1 and number + grid.columns >= grid.count
            axes.tick_params(axis="x", labelbottom=is_lowest)
            axes.tick_params(axis="y", labelleft=number % grid.columns == 0)
            if is_lowest and grid.columns > 1:
                _keep_within(axes)
    for series, axes in zip(picture.series, panels[0], strict=True):
        label, letters = _named(series, inches_of(axes)[0] + 0.6 * grid.gap, grid.points)
        axes.set_title(label, fontsize=letters, loc="left", pad=0.35 * grid.points)
    _write(figure, grid, picture, panels)


def _keep_within(axes: Axes) -> None:
    """Set the last number of an x axis within its end, where the next facet's first one is near."""
    last = axes.get_xticklabels()[-1]
    if last.get_position()[0] > 0.9 * axes.get_xlim()[1]:
        last.set_horizontalalignment("right")


def _write(figure: Figure, grid: _Grid, picture: Picture, panels: Sequence[Sequence[Axes]]) -> None:
    """Write the figure's title, its note, and the axes' labels, each once."""
    (wide, tall), em, points, options = grid.size, grid.points / 72, grid.points, picture.options
    middle = (grid.left + wide) / 2 / wide
    centred: dict[str, Any] = {"ha": "center", "va": "top"}
    title = wrapped(picture.title, wide - 0.5, TITLE * points)
    figure.text(middle, 1 - 0.8 * em / tall, title, fontsize=TITLE * points, gid="title", **centred)
    if picture.note:
        place = 1 - (grid.top - 1.1 * em) / tall
        figure.text(
            middle, place, picture.note, fontsize=0.9 * points, color=picture.theme.quiet, gid="note", **centred
        )
    label = TITLES[options.x] if options.xlabel is None else clean(options.xlabel)
    figure.text(middle, (grid.bottom - 2.2 * em) / tall, label, fontsize=points, gid="xlabel", **centred)
    for name, row in zip(picture.names, panels, strict=True):
        boxes = [axes.get_position() for axes in row[:: grid.columns]]
        spans = [(box.y0, box.y1) for box in boxes] if len(panels) > 1 else [(boxes[-1].y0, boxes[0].y1)]
        for low, high in spans:
            _write_upright(figure, grid, picture.label(name), low, high)


def _write_upright(figure: Figure, grid: _Grid, label: str, low: float, high: float) -> None:
    """Write a label along the left edge, between two heights, as large as it fits."""
    points, (wide, tall) = grid.points, grid.size
    letters = points * min(1.0, (high - low) * tall / (inches(label, points) or 1.0))
    style: dict[str, Any] = {"rotation": 90, "ha": "left", "va": "center", "gid": "ylabel"}
    figure.text(0.5 * points / 72 / wide, (low + high) / 2, label, fontsize=letters, **style)
