"""The figure of a learning-rate range test: the toy loss against the rate, with what finders suggest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lrviz.render.finder import Suggestion, steepest, usable, valley
from lrviz.render.layout import NO_LEGEND, Layout
from lrviz.render.options import FigureOptions
from lrviz.render.panel import inches_of, say_toy, set_ticks
from lrviz.render.theme import Theme, styled
from lrviz.render.ticks import level_ticks, log_ticks, short
from lrviz.render.words import inches, wrapped
from lrviz.replay.trace import Trace
from lrviz.spec.experiment import Experiment

__all__ = ["draw_sweep"]

HEADROOM = 1.25  # of the highest loss before it diverges, for the rising end and the labels


def draw_sweep(trace: Trace, experiment: Experiment, options: FigureOptions) -> Figure:
    """Draw the loss of a range test that trained against its rate, on a logarithmic axis.

    The line leaves the frame where the loss diverges. The steepest and the valley point before that
    are marked, where the loss falls at all.
    """
    with styled(options.theme, options.size) as theme:
        figure = Figure(figsize=options.size, dpi=options.dpi)
        points = rcParams["font.size"]
        title = wrapped(experiment.name, options.size[0] - 0.3, 1.2 * points)
        layout = Layout.around(options.size, points, titles=title.count("\n") + 1, epochs=False, legend=NO_LEGEND)
        axes = figure.add_axes(layout.rectangles(1)[0], label="sweep")
        axes.set_title(title, pad=4 + 1.2 * points)
        rates, losses = _sweep(trace)
        _line(axes, rates, losses, theme)
        _suggestions(axes, rates, losses, theme)
        say_toy(axes, theme)
    return figure


def _sweep(trace: Trace) -> tuple[list[float], list[float]]:
    """Return the rate and the loss of every step, as far as the losses are numbers."""
    assert trace.loss is not None, "a sweep has trained"
    losses: list[float] = list(takewhile(math.isfinite, trace.loss))
    rates = trace.expand(trace.tracks[0].lr) if trace.tracks else iter(())
    return [rate for rate, _ in zip(rates, losses, strict=False)], losses


def _line(axes: Axes, rates: Sequence[float], losses: Sequence[float], theme: Theme) -> None:
    calm = losses[: usable(losses)]
    low, high = min(rates, default=0.1), max(rates, default=1.0)
    top = HEADROOM * max(calm, default=1.0) or 1.0
    axes.set_xscale("log")
    axes.set_xlim(low, high if high > low else low * 10)
    axes.set_ylim(0.0, top)
    ticks = log_ticks(*axes.get_xlim(), max(2, int(inches_of(axes)[0])))
    axes.set_xticks(ticks.places, ticks.labels)
    axes.set_xticks(ticks.minor, [""] * len(ticks.minor), minor=True)
    set_ticks(axes, level_ticks(0.0, top, max(3, round(inches_of(axes)[1] / (2.9 * rcParams["font.size"] / 72)))))
    shown = [min(loss, 10 * top) for loss in losses]  # the rest is far above the frame
    axes.add_line(Line2D(rates, shown, color=theme.ink, gid="line-0"))
    axes.set_xlabel("Learning Rate")
    axes.set_ylabel("Loss")


def _suggestions(axes: Axes, rates: Sequence[float], losses: Sequence[float], theme: Theme) -> None:
    """Mark what finders suggest, each with a line up to its name; the names stand in lanes, so that none is crossed."""
    kept = usable(losses)
    found = {"steepest": steepest(rates[:kept], losses[:kept]), "valley": valley(rates[:kept], losses[:kept])}
    labels = [(point, f"{name}: {short(point.rate)}", name) for name, point in found.items() if point is not None]
    points = rcParams["font.size"]
    width, height = inches_of(axes)
    reach = max((_share(axes, point) + (0.2 + inches(label, points)) / width for point, label, _ in labels), default=0)
    leftward = reach > 1
    labels.sort(key=lambda each: each[0].rate, reverse=leftward)  # the outer one above the other
    for lane, (point, label, name) in enumerate(labels):
        top = 0.96 - lane * 1.5 * points / 72 / height
        color, marker = (theme.annotation, "s") if name == "steepest" else (theme.warning, "^")
        place = _share(axes, point)
        foot = point.loss / axes.get_ylim()[1]
        above: dict[str, Any] = {"transform": axes.transAxes, "color": color}
        axes.add_line(Line2D([place, place], [foot, top], linewidth=1.0, gid=f"{name}-line", **above))
        axes.add_line(Line2D([place], [foot], marker=marker, markersize=8 - 2 * lane, zorder=4, gid=name, **above))
        side: dict[str, Any] = {"ha": "right" if leftward else "left", "va": "center"}
        axes.text(place + (-0.01 if leftward else 0.01), top, label, gid=f"{name}-label", **side, **above)


def _share(axes: Axes, point: Suggestion) -> float:
    """Return where a rate lies between the ends of the axis."""
    low, high = axes.get_xlim()
    return math.log(point.rate / low) / math.log(high / low)
