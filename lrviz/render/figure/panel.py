"""One panel of a figure: its lines, limits and ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, cast

import numpy
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT

from lrviz.arrays import Values
from lrviz.experiment.experiment import Experiment
from lrviz.positions import TITLES, Position, step_at
from lrviz.render.figure.curve import COLUMNS_PER_INCH, HUGE, Curve, curve, loss_curve, metric_curve
from lrviz.render.figure.layout import LINE, Layout
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.theme import Theme
from lrviz.render.ticks import Ticks, epoch_ticks, level_ticks, log_ticks, step_ticks, unit_ticks
from lrviz.render.words import clean, inches, wrapped
from lrviz.trace import Trace

HEADROOM = 1.1  # of the highest learning rate, as the article has it
SMALL = 0.75  # size of the letters above a panel, of the font's
SMALLEST_MARKER = 2.5  # points
LABEL = 1.25  # ems between a panel and its label, beside the numbers: a tick and air
FAR = 50.0  # times the least loss, from which on a logarithmic axis shows more
MILLIONS = 1e7  # samples from which on the axis counts them so
TOY = "a toy problem: a line fitted to 100 points"
FLAT = 1e-280  # below, matplotlib takes an axis to have no extent
DASHES: tuple[Any, ...] = (
    "solid",
    (0, (5, 2)),
    (0, (1.2, 1.5)),
    (0, (7, 2, 1.2, 2)),
    (0, (3, 1.2)),
    (0, (7, 2, 1.2, 2, 1.2, 2)),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def draw_lr(
    axes: Axes, trace: Trace, experiment: Experiment, theme: Theme, *, log_y: bool = False, high: float = 0.0
) -> list[Curve]:
    """Draw every group's learning rate and return the lines.

    The axis runs from 0 to 1.1 x the highest that the learning rate is or is meant to be, or `high`.
    """
    stride, columns = experiment.stride, columns_of(axes)
    curves = [curve(group.name, group.lr, stride, columns) for group in trace.groups]
    curves = fit_lr(axes, curves, max(target(experiment), high), log_y=log_y)
    return plot(axes, curves, "Learning Rate", theme)


def fit_lr(axes: Axes, curves: list[Curve], high: float, *, log_y: bool) -> list[Curve]:
    """Give a panel an axis for these learning rates, and at least up to `high`; return the lines for it."""
    low = min((each.low for each in curves), default=0.0)
    high = max(max((each.high for each in curves), default=0.0), high)
    if log_y:
        return _draw_log(axes, curves, high)
    top = min(HUGE, max(HEADROOM * high, FLAT)) if high > 0 or low < 0 else 1.0
    bottom = low - 0.1 * (top - low) if low < 0 else 0.0
    set_linear_ylim(axes, max(-HUGE, bottom), top)
    return curves


def draw_momentum(axes: Axes, trace: Trace, experiment: Experiment, theme: Theme) -> list[Curve]:
    """Draw every group's momentum, or beta1, and return the lines."""
    stride, columns = experiment.stride, columns_of(axes)
    momenta = [(group.name, group.momentum) for group in trace.groups if group.momentum is not None]
    curves = [curve(name, values, stride, columns) for name, values in momenta]
    set_linear_ylim(axes, *padded(curves))
    return plot(axes, curves, "beta1" if trace.momentum_name == "beta1" else "Momentum", theme)


def draw_metric(axes: Axes, metric: Values, stride: int, theme: Theme) -> list[Curve]:
    """Draw what a plateau watched, which it was given every `stride` steps, and return the line."""
    curves = [metric_curve(metric, stride, columns_of(axes))]
    set_linear_ylim(axes, *padded(curves))
    return plot(axes, curves, "Metric", replace(theme, ink=theme.metric))


def draw_loss(axes: Axes, loss: Values, theme: Theme) -> list[Curve]:
    """Draw the loss of the toy training, saying whose it is, and return the line.

    A loss that stays above zero and falls or rises far has a logarithmic axis.
    """
    line = loss_curve(loss, columns_of(axes))
    curves = [line]
    if line.low > FLAT and line.high > FAR * line.low:
        curves = _draw_log(axes, curves, line.high)
    else:
        set_linear_ylim(axes, *padded(curves))
    add_caption(axes, TOY, theme, "toy")
    return plot(axes, curves, "Loss", replace(theme, ink=theme.metric))


def add_caption(axes: Axes, text: str, theme: Theme, gid: str, *, line: int = 0) -> None:
    """Write a small line above a panel's right end, on the `line`-th line from it."""
    points = rcParams["font.size"]
    beside = axes.get_position().x0 * figure_of(axes).get_size_inches()[0] - 0.1
    is_top = axes is figure_of(axes).axes[0]  # where no other panel's numbers stand left of the line
    message = wrapped(text, inches_of(axes)[0] + (beside if is_top else 0.0), SMALL * points, lines=1)
    offset = 0, 3 + line * LINE * points
    axes.annotate(message, (1.0, 1.0), offset, xycoords="axes fraction", ha="right", gid=gid, **_small(theme))


def _small(theme: Theme) -> dict[str, Any]:
    """Return the style of what is written above a panel, at an offset."""
    size = SMALL * rcParams["font.size"]
    return {"textcoords": "offset points", "va": "bottom", "color": theme.quiet, "fontsize": size}


def peak(trace: Trace, experiment: Experiment) -> float:
    """Return the highest that any parameter group's learning rate is or is meant to be, as far as it can be drawn."""
    rates = [numpy.asarray(group.lr) for group in trace.groups]
    drawn = [float(each[numpy.abs(each) < HUGE].max(initial=0.0)) for each in rates]
    return max(*drawn, min(HUGE, target(experiment)), 0.0)


def target(experiment: Experiment) -> float:
    """Return the highest learning rate that any parameter group is meant to reach."""
    groups = experiment.optimizer.resolved_groups
    return max(experiment.resolved.target_lr(group.lr, index) for index, group in enumerate(groups))


def draw_steps(axes: Axes, steps: int, steps_per_epoch: int | None) -> None:
    """Lay out the axis of optimizer steps."""
    ticks = step_ticks(steps, steps_per_epoch, _labels(axes, f"{steps:,}"))
    axes.set_xlim(0, steps)
    axes.set_xticks(ticks.places, ticks.labels)
    _minor_ticks(axes, ticks.minor, "x")
    axes.set_xlabel("Steps")


def draw_units(axes: Axes, end: float, unit: str, position: Position | None = None, steps: int = 0) -> None:
    """Lay out an axis from 0 to `end` in a unit of `TITLES`; of a panel whose lines are in steps, by their position."""
    millions = unit == "samples" and end >= MILLIONS
    scale, title = (1e6, "Samples (millions)") if millions else (1.0, TITLES[unit])
    ticks = unit_ticks(end / scale, _labels(axes, f"{end / scale:,.0f}"))
    places, minor = ([place * scale for place in each] for each in (ticks.places, ticks.minor))
    if position is not None:
        places, minor = ([step_at(place, position, steps) for place in each] for each in (places, minor))
    axes.set_xlim(0, steps if position is not None else end)
    axes.set_xticks(places, ticks.labels)
    _minor_ticks(axes, minor, "x")
    axes.set_xlabel(title)


def draw_epochs(axes: Axes, steps: int, steps_per_epoch: int, theme: Theme) -> None:
    """Draw an epoch axis above the panel: numbers of epochs behind, small and grey."""
    ticks = epoch_ticks(steps, steps_per_epoch, _labels(axes, f"{steps // steps_per_epoch:,}"))
    above, style = axes.get_xaxis_transform(), _small(theme)
    for place, label in zip(ticks.places, ticks.labels, strict=True):
        axes.annotate(label, (place, 1.0), (0, 3), xycoords=above, ha="center", gid="epoch", **style)
    beside = (1.1 + 0.31 * len(ticks.labels[-1])) * style["fontsize"]
    axes.annotate("Epoch", (1.0, 1.0), (beside, 3), xycoords="axes fraction", ha="left", gid="epoch-label", **style)


def raise_ylim(axes: Axes, high: float, room: float) -> None:
    """Raise a panel's upper limit until `room` inches are free above the value `high`."""
    share = min(0.5, room / inches_of(axes)[1])
    bottom, top = axes.get_ylim()
    if axes.get_yscale() == "log":
        axes.set_ylim(bottom, max(top, min(HUGE, high * (high / bottom) ** (share / (1 - share)))))
    else:
        axes.set_ylim(bottom, max(top, min(HUGE, bottom + (high - bottom) / (1 - share))))


def align_labels(panels: Sequence[Axes], layout: Layout) -> None:
    """Set the panels' labels in one line, left of the longest number, and no longer than a panel is high."""
    longest = max(inches(label.get_text(), layout.points) for axes in panels for label in axes.get_yticklabels())
    for axes in panels:
        axes.yaxis.set_label_coords(-(longest + LABEL * layout.points / 72) / layout.width, 0.5)
        length = inches(axes.get_ylabel(), layout.points) or 1.0
        axes.yaxis.label.set_fontsize(layout.points * min(1.0, inches_of(axes)[1] / length))


def relabel(top: Axes, bottom: Axes, options: FigureOptions) -> None:
    """Give the axes of values and of steps the labels that were asked for."""
    if options.ylabel is not None:
        top.set_ylabel(clean(options.ylabel))
    if options.xlabel is not None:
        bottom.set_xlabel(wrapped(options.xlabel, inches_of(bottom)[0], rcParams["font.size"], lines=1))


def figure_of(axes: Axes) -> Figure:
    """Return the figure that a panel is on."""
    return cast("Figure", axes.figure)


def inches_of(axes: Axes) -> tuple[float, float]:
    """Return a panel's width and height."""
    box = axes.get_position()
    width, height = figure_of(axes).get_size_inches()
    return float(box.width * width), float(box.height * height)


def columns_of(axes: Axes) -> int:
    """Return how many vertices a line may have across a panel."""
    return max(50, round(inches_of(axes)[0] * COLUMNS_PER_INCH))


def _labels(axes: Axes, widest: str) -> int:
    """Return how many labels as wide as this stand side by side under a panel with air between them."""
    em = rcParams["font.size"] / 72
    return max(2, int(inches_of(axes)[0] / ((len(widest) * 0.62 + 1.6) * em)))


def set_linear_ylim(axes: Axes, low: float, high: float) -> None:
    """Give a panel a linear axis of values from `low` to `high`, and ticks as its height takes."""
    count = round(inches_of(axes)[1] / (2.9 * rcParams["font.size"] / 72))
    axes.set_ylim(low, high)
    _set_ticks(axes, level_ticks(low, high, max(3, count)))


def padded(curves: Sequence[Curve]) -> tuple[float, float]:
    """Return limits with air above and below the lines; a flat line lies in the middle."""
    low, high = min((each.low for each in curves), default=0.0), max((each.high for each in curves), default=0.0)
    air = 0.12 * (high - low) or 0.1 * abs(high)
    if air < FLAT:
        return (-0.1, 1.0)
    return max(-HUGE, low - air), min(HUGE, high + air)


def _draw_log(axes: Axes, curves: Sequence[Curve], high: float) -> list[Curve]:
    """Give a panel a logarithmic axis and return the lines for it.

    What has no logarithm lies on the axis's floor, whose tick says so, rather than nowhere.
    """
    high = min(high, HUGE)
    positive = [each.y[each.y > FLAT] for each in curves]
    lowest = min((float(values.min()) for values in positive if len(values)), default=high if high > FLAT else 0.1)
    high = high if high > FLAT else 1.0
    sunk = any(bool((each.y <= FLAT).any()) for each in curves)
    floor = 10.0 ** (math.floor(math.log10(lowest)) - 1) if sunk else lowest / 1.3
    floor = min(floor, high / 10)
    axes.set_yscale("log")
    axes.set_ylim(floor, min(HUGE, high * (high / floor) ** 0.05))
    ticks = log_ticks(floor * 1.5 if sunk else floor, axes.get_ylim()[1], 6)
    if sunk:
        below = any(each.low < 0 for each in curves)
        ticks = Ticks([floor, *ticks.places], ["≤ 0" if below else "0", *ticks.labels], ticks.minor)
    _set_ticks(axes, ticks)
    return [replace(each, y=numpy.where(each.y <= FLAT, floor, each.y)) for each in curves]


def _set_ticks(axes: Axes, ticks: Ticks) -> None:
    """Set the ticks of a panel's values."""
    axes.set_yticks(ticks.places, ticks.labels)
    axes.minorticks_off()
    _minor_ticks(axes, ticks.minor, "y")


def _minor_ticks(axes: Axes, places: Sequence[float], along: Literal["x", "y"]) -> None:
    """Draw minor ticks as one line of markers: as ticks of matplotlib's they took a quarter of a figure's time."""
    if not places:
        return
    ends, style = [0.0] * len(places), cast("dict[str, Any]", rcParams)
    marker: Any = TICKDOWN if along == "x" else TICKLEFT
    marks = Line2D(
        *((places, ends) if along == "x" else (ends, places)),
        transform=axes.get_xaxis_transform() if along == "x" else axes.get_yaxis_transform(),
        linestyle="none",
        marker=marker,
        markersize=style[f"{along}tick.minor.size"],
        markeredgewidth=style[f"{along}tick.minor.width"],
        color=style[f"{along}tick.color"],
        clip_on=False,
        gid=f"{along}-minor-ticks",
    )
    axes.add_artist(marks)


def _marker_size(axes: Axes, curve: Curve) -> float:
    """Return the style's size of a marker in points, smaller where markers would touch."""
    count = len(curve.x[curve.marked]) if curve.marked is not None else 1
    apart = inches_of(axes)[0] * 72 / count
    return float(min(rcParams["lines.markersize"], max(SMALLEST_MARKER, 0.5 * apart)))


def plot(axes: Axes, curves: list[Curve], label: str, theme: Theme) -> list[Curve]:
    """Add the lines and return them: one in the theme's ink, several each in its own colour, dash and marker."""
    axes.set_ylabel(label)
    colors = [theme.ink] if len(curves) == 1 else rcParams["axes.prop_cycle"].by_key()["color"]
    for number, each in enumerate(curves):
        line = Line2D(
            each.x,
            each.y,
            color=colors[number % len(colors)],
            linestyle=DASHES[number % len(DASHES)],
            marker=None if each.marked is None else MARKERS[number % len(MARKERS)],
            markevery=each.marked,
            markersize=_marker_size(axes, each),
            label=each.name,
            gid=f"line-{number}",
            clip_on=False,  # markers on the frame stay whole; the limits hold every value
            zorder=2.5 + number / 100,
        )
        axes.add_line(line)
    return curves
