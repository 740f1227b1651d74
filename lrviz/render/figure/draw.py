"""The figure: a trace drawn, in one call."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrviz.errors import Problem, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import RangeTest
from lrviz.positions import position
from lrviz.render.figure.annotation.callouts import annotate, call_out, own_marks, seam_mark
from lrviz.render.figure.curve import Curve
from lrviz.render.figure.fonts import fonts_of
from lrviz.render.figure.layout import Layout, Legend, legend_of
from lrviz.render.figure.notebook import NotebookFigure
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.panel import (
    add_caption,
    align_labels,
    draw_epochs,
    draw_loss,
    draw_lr,
    draw_metric,
    draw_momentum,
    draw_steps,
    draw_units,
    relabel,
)
from lrviz.render.figure.range_test import draw_range_test
from lrviz.render.figure.theme import Theme, styled_as
from lrviz.render.text.rows import constant
from lrviz.render.words import clean, clipped
from lrviz.subject import Subject
from lrviz.trace import Trace

LONGEST_NAME = 30  # characters of a group's name in the legend


def draw(
    trace: Trace,
    experiment: Experiment,
    options: FigureOptions = FigureOptions(),  # noqa: B008  frozen
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw a trace and return the figure, which belongs to no window and no pyplot.

    Of a range test that trained to its end it shows the loss against the rate. Raises SpecError where
    `options.show` asks for momentum and the optimizer has none, `options.x` for what the run has not, and
    `options.annotate` of a run that goes on from a checkpoint.
    """
    own, trace = trace, trace.side_by_side()
    is_range_test = trace.loss is not None and trace.failure is None and isinstance(experiment.scheduler, RangeTest)
    _refuse_options(options, experiment, is_range_test=is_range_test)
    if is_range_test:
        return draw_range_test(trace, experiment, options)
    names, note = _panels(trace, experiment, options)
    with styled_as(options, fonts_of(experiment, options).names) as theme:
        figure = NotebookFigure(figsize=options.size, dpi=options.dpi)
        points = rcParams["font.size"]
        epochs = options.epoch_axis and options.x == "step" and trace.steps_per_epoch is not None
        groups = [clipped(clean(group.name), LONGEST_NAME) for group in trace.groups]
        legend = legend_of(groups, options.size, points)
        layout = Layout.around(
            options.size, points, experiment.heading, epochs=epochs, notes=1 if note else 0, rows=legend.rows
        )
        panels = _place(figure, names, layout)
        curves = {name: _draw(name, axes, trace, experiment, theme, options) for name, axes in panels.items()}
        _dress(panels, layout, trace, experiment, theme if epochs else None, options)
        first, lines = next(iter(panels.values())), next(iter(curves.values()))
        first.set_title(layout.title, pad=layout.pad)
        if note:
            add_caption(first, note, theme, "note", line=1 if epochs else 0)
        _name_lines(figure, first, groups, legend)
        notes = annotate(experiment, own) if options.annotate and "lr" in panels else []
        marks = [*marks, *own_marks(lines, marks), *seam_mark(trace)]
        call_out(first, lines, notes, marks, trace.failure, theme)
    return figure


def _refuse_options(options: FigureOptions, experiment: Experiment, *, is_range_test: bool) -> None:
    """Raise SpecError for an option that a figure of one schedule would not follow."""
    if options.facets:
        raise SpecError(Problem(field="facets", message="a single schedule has no facets; draw it with others"))
    if options.annotate and experiment.resume is not None:
        message = "points at one schedule; a run that goes on from a checkpoint has two"
        raise SpecError(Problem(field="annotate", message=message))
    if is_range_test and options.x != "step":
        message = f"{options.x} cannot be shown: a range test is drawn over its learning rate"
        raise SpecError(Problem(field="x", message=message))


def _panels(trace: Trace, experiment: Experiment, options: FigureOptions) -> tuple[list[str], str]:
    """Return the names of the panels, from top to bottom, and what is said instead of one that would not move.

    A plateau's metric stands below its rate. A momentum that stays as it is has a panel only where that
    is all that was asked for.
    """
    momenta = [group.momentum for group in trace.groups if group.momentum is not None]
    if "momentum" in options.show and trace.groups and not momenta:
        message = f"momentum cannot be drawn: {experiment.optimizer.label} has neither momentum nor betas"
        raise SpecError(Problem(field="show", message=message))
    names, note = list(options.show), ""
    if len(names) > 1 and all(map(constant, momenta)):
        names.remove("momentum")
        levels = dict.fromkeys(f"{values[0]:.4g}" for values in momenta if len(values))
        note = f"{trace.momentum_name} stays at {', '.join(levels)}" if levels else ""
    if "lr" in names:  # a loss that a plateau watches is drawn once
        below = "loss" if trace.loss else "metric" if trace.metric is not None else None
        names[1:1] = [below] if below else []
    return names, note


def _place(figure: Figure, names: Sequence[str], layout: Layout) -> dict[str, Axes]:
    """Add a panel for each name, all on the first one's x axis."""
    panels: dict[str, Axes] = {}
    for name, rectangle in zip(names, layout.rectangles(len(names)), strict=True):
        above = next(iter(panels.values()), None)
        panels[name] = figure.add_axes(rectangle, sharex=above, label=name)
    return panels


def _draw(
    name: str, axes: Axes, trace: Trace, experiment: Experiment, theme: Theme, options: FigureOptions
) -> list[Curve]:
    if name == "momentum":
        return draw_momentum(axes, trace, experiment, theme)
    if name == "loss" and trace.loss is not None:
        return draw_loss(axes, trace.loss, theme)
    if name == "metric" and trace.metric is not None:
        return draw_metric(axes, trace.metric, experiment.metric_stride, theme)
    return draw_lr(axes, trace, experiment, theme, log_y=options.log_y)


def _dress(
    panels: dict[str, Axes],
    layout: Layout,
    trace: Trace,
    experiment: Experiment,
    theme: Theme | None,
    options: FigureOptions,
) -> None:
    """Lay out the shared step axis, and the epoch axis where there is a theme for it."""
    steps = max(1, experiment.run.clock.steps)
    top, *lower = panels.values()
    bottom = lower[-1] if lower else top
    if options.x == "step":
        draw_steps(bottom, steps, trace.steps_per_epoch)
    else:
        subject = Subject(name=experiment.name, trace=trace, experiment=experiment)
        along = position(subject, options.x, experiment.name)
        draw_units(bottom, along(steps), options.x, along, steps)
    for axes in panels.values():
        axes.tick_params(axis="x", which="both", labelbottom=axes is bottom)
    relabel(top, bottom, options)
    align_labels(list(panels.values()), layout)
    if theme is not None and trace.steps_per_epoch is not None:
        draw_epochs(top, steps, trace.steps_per_epoch, theme)


def _name_lines(figure: Figure, axes: Axes, groups: Sequence[str], legend: Legend) -> None:
    """Name the lines below the panels, where there is nothing to cover."""
    if not legend.shown:
        return
    lines = [line for line in axes.get_lines() if (line.get_gid() or "").startswith("line-")][: legend.shown]
    labels = list(groups[: legend.shown])
    if legend.shown < len(groups):
        labels[-1] += f"  (and {len(groups) - legend.shown} more)"
    blank = [" "] * len(lines)  # matplotlib leaves out a name that begins with an underscore
    named = figure.legend(lines, blank, loc="lower center", ncols=legend.columns, borderaxespad=0.3, columnspacing=1.6)
    for text, label in zip(named.get_texts(), labels, strict=True):
        text.set_text(label)
