"""What a figure of several subjects draws, whether on one panel or in facets: lines, limits, and the x axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from lrviz.render.figure.annotation.callouts import own_marks
from lrviz.render.figure.curve import Curve
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.palette import DOT, Look
from lrviz.render.figure.panel import (
    columns_of,
    draw_steps,
    draw_units,
    fit_lr,
    inches_of,
    padded,
    set_linear_ylim,
)
from lrviz.render.figure.series import Series, momentum_title
from lrviz.render.figure.theme import Theme
from lrviz.render.words import clean

DOTS_APART = 6.0  # points between two dots of a log
CROSS = 8.0  # points: where a replay stopped


@dataclass(frozen=True)
class Picture:
    """What a figure is to show, and how."""

    series: Sequence[Series]
    names: Sequence[str]  # of the panels, from top to bottom
    note: str
    groups: Sequence[str]  # the parameter groups that are told apart; none where each subject has one
    title: str
    options: FigureOptions
    theme: Theme

    @property
    def end(self) -> float:
        """Where the x axis ends."""
        return max(each.end for each in self.series) or 1.0

    @property
    def steps_per_epoch(self) -> int | None:
        """How many steps an epoch has, where the axis counts steps and all have epochs of the same length."""
        found = {each.subject.trace.steps_per_epoch for each in self.series}
        return found.pop() if self.options.x == "step" and len(found) == 1 else None

    def label(self, name: str) -> str:
        """Return the label of a panel's values."""
        if self.options.ylabel is not None and name == self.names[0]:
            return clean(self.options.ylabel)
        return "Learning Rate" if name == "lr" else momentum_title(self.series)

    def draw_x(self, axes: Axes) -> None:
        """Lay out the x axis."""
        if self.options.x == "step":
            draw_steps(axes, max(1, round(self.end)), self.steps_per_epoch)
        else:
            draw_units(axes, self.end, self.options.x)

    def fitted(self, axes: Axes, name: str, shown: Sequence[Series]) -> list[list[Curve]]:
        """Give a panel limits for all series, and return the lines of those that it shows."""
        columns = columns_of(axes)
        own = [each.curves(name, columns) for each in shown]
        lines = [line for each in own for line in each]
        if name == "lr":
            high = max(each.target for each in self.series)
            lines = fit_lr(axes, lines, high, log_y=self.options.log_y)
        else:
            set_linear_ylim(axes, *padded(lines))
        axes.set_ylabel(self.label(name))
        left = iter(lines)
        return [list(islice(left, len(each))) for each in own]

    def marks(self, series: Series, lines: Sequence[Curve], given: Sequence[Mark]) -> list[Mark]:
        """Return what is to be pointed out of a series, where it lies on the x axis."""
        found = [*given, *own_marks(lines, given)]
        return [replace(mark, step=series.position(mark.step)) for mark in found]


def add_lines(axes: Axes, series: Series, lines: Sequence[Curve], looks: Sequence[Look], panel: str) -> None:
    """Add a series' lines to a panel, a log's with dots, and a cross where its replay stopped."""
    dots = series.dots(panel, int(inches_of(axes)[0] * 72 / DOTS_APART)) if looks[0].marker else []
    for line, look in zip(lines, looks, strict=True):
        style: dict[str, Any] = {"color": look.color, "clip_on": False, "zorder": look.zorder}
        label = series.label if len(lines) == 1 else f"{series.label}, {line.name}"
        drawn = Line2D(
            line.x, line.y, linestyle=look.dash, linewidth=look.width, alpha=look.alpha, label=label, **style
        )
        drawn.set_gid("line")
        axes.add_line(drawn)
        if series.subject.trace.failure is not None and len(line.x):
            cross = Line2D(line.x[-1:], line.y[-1:], marker="x", markersize=CROSS, markeredgewidth=1.6, **style)
            cross.set_gid("stopped")
            axes.add_artist(cross)
    for (x, y), look in zip(dots, looks, strict=False):
        points = Line2D(x, y, linestyle="none", marker=look.marker, markersize=DOT, color=look.color)
        points.set(clip_on=False, zorder=look.zorder, gid="dots")
        axes.add_artist(points)
