"""The figure of a learning-rate range test: the toy loss against the learning rate, with the suggested points."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.scalars import short
from lrviz.experiment.schedulers.notes import Annotation, Point
from lrviz.render.figure.annotation.callouts import call_out
from lrviz.render.figure.curve import Curve, range_test_curve
from lrviz.render.figure.fonts import fonts_of
from lrviz.render.figure.layout import Layout
from lrviz.render.figure.notebook import NotebookFigure
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.panel import (
    TOY,
    add_caption,
    align_labels,
    columns_of,
    inches_of,
    plot,
    relabel,
    set_linear_ylim,
)
from lrviz.render.figure.theme import Theme, styled_as
from lrviz.render.ticks import log_ticks
from lrviz.trace import Trace

HEADROOM = 1.25  # of the highest loss before it diverges, for the rising end and the labels
FAR = 10.0  # times the frame's height: as good as any loss that is higher
NARROW = 2.0  # inches of a panel in which a label has a line for each word
DIVERGED = 4.0  # times the best loss: where fastai's `lr_find` stops
AROUND = 10**0.5  # times a single learning rate and its share: the ends of the axis then


@dataclass(frozen=True)
class Suggestion:
    """A learning rate that a range test suggests, the loss there, and its index in the run."""

    index: int
    rate: float
    loss: float


def draw_range_test(trace: Trace, experiment: Experiment, options: FigureOptions) -> Figure:
    """Draw the loss of a range test that trained against its learning rate, on a logarithmic axis.

    The line leaves the frame where the loss diverges. The steepest and the valley point before that
    are marked, where the loss falls at all.
    """
    with styled_as(options, fonts_of(experiment, options).names) as theme:
        figure = NotebookFigure(figsize=options.size, dpi=options.dpi)
        layout = Layout.around(options.size, rcParams["font.size"], experiment.heading, epochs=False, notes=1, rows=0)
        axes = figure.add_axes(layout.rectangles(1)[0], label="range test")
        axes.set_title(layout.title, pad=layout.pad)
        losses = list(trace.loss or ())
        calm = losses[: usable(losses)]
        line = _line(axes, range_test_curve(trace, columns_of(axes)), max(calm, default=0.0) or 1.0, theme)
        relabel(axes, axes, options)
        align_labels([axes], layout)
        add_caption(axes, TOY, theme, "toy")
        rates = list(trace.groups[0].lr[: len(calm)]) if calm else []
        found = {"steepest": steepest(rates, calm), "valley": valley(rates, calm)}
        call_out(axes, [line], _marked(axes, found, theme), [], None, theme)
    return figure


def _line(axes: Axes, curve: Curve, high: float, theme: Theme) -> Curve:
    """Draw the loss in a frame for losses up to `high`, and return the line as it is drawn."""
    low, last = (float(curve.x[0]), float(curve.x[-1])) if len(curve.x) else (0.1, 1.0)
    axes.set_xscale("log")
    axes.set_xlim(*((low, last) if last > low else (low / AROUND, low * AROUND)))
    ticks = log_ticks(*axes.get_xlim(), max(2, int(inches_of(axes)[0])))
    axes.set_xticks(ticks.places, ticks.labels)
    axes.set_xticks(ticks.minor, [""] * len(ticks.minor), minor=True)
    axes.set_xlabel("Learning Rate")
    top = HEADROOM * high
    set_linear_ylim(axes, 0.0, top)
    shown = replace(curve, y=numpy.minimum(curve.y, FAR * top), high=high)
    plot(axes, [shown], "Loss", theme)
    below_top = Rectangle((-0.1, -0.1), 1.2, 1.1, transform=axes.transAxes)  # markers on the other sides stay whole
    for line in axes.get_lines():
        line.set_clip_path(below_top)
        line.set_clip_on(True)
    return shown


def _marked(axes: Axes, found: dict[str, Suggestion | None], theme: Theme) -> Sequence[Annotation]:
    """Mark the points and return their labels; two at one place share a label."""
    names: dict[Suggestion, list[str]] = {}
    looks = {"steepest": (theme.annotation, "s", 8), "valley": (theme.warning, "^", 6)}
    for name, point in found.items():
        if point is None:
            continue
        names.setdefault(point, []).append(name)
        color, marker, size = looks[name]
        line = Line2D([point.rate], [point.loss], color=color, marker=marker, markersize=size, zorder=4, gid=name)
        axes.add_line(line)
        line.set_clip_on(False)
    labels = [(each, f"{', '.join(who)}: {short(each.rate)}") for each, who in names.items()]
    narrow = inches_of(axes)[0] < NARROW
    return [Point(each.rate, each.loss, text.replace(" ", "\n") if narrow else text) for each, text in labels]


def usable(losses: Sequence[float]) -> int:
    """Return how many losses come before the range test diverges: is not finite, or over four times its best."""
    best = math.inf
    for index, loss in enumerate(losses):
        if not math.isfinite(loss) or loss > DIVERGED * best:
            return index
        best = min(best, loss)
    return len(losses)


def steepest(rates: Sequence[float], losses: Sequence[float]) -> Suggestion | None:
    """Return where the loss falls fastest per unit of log learning rate (fastai's `steep`), or None."""
    slopes = [
        (losses[i + 1] - losses[i]) / math.log(rates[i + 1] / rates[i]) if rates[i + 1] > rates[i] > 0 else 0.0
        for i in range(len(losses) - 1)
    ]
    if not slopes or min(slopes) >= 0:
        return None
    index = slopes.index(min(slopes))
    return Suggestion(index, rates[index], losses[index])


def valley(rates: Sequence[float], losses: Sequence[float]) -> Suggestion | None:
    """Return the middle of the longest run of falling losses (fastai's `valley`), or None where they never fall.

    The run is the longest decreasing subsequence, so that noise does not end it.
    """
    lowest: list[float] = []  # the last, negated loss of the best subsequence of each length
    longest, end = 1, 0
    for index, loss in enumerate(losses):
        place = bisect_left(lowest, -loss)
        lowest[place : place + 1] = [-loss]
        if place + 1 > longest:
            longest, end = place + 1, index
    if longest < 2:
        return None
    start = max(0, end - longest)
    third = (end - start) / 3
    index = start + int(third) + int(third / 2)
    return Suggestion(index, rates[index], losses[index])
