"""What a notebook shows of a trace and an experiment: a picture, a line on what it does, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrviz.comparison import Comparison
from lrviz.engine.select import replay
from lrviz.errors import LrvizError
from lrviz.experiment.experiment import Experiment
from lrviz.render.figure.draw import draw
from lrviz.render.figure.notebook import png
from lrviz.render.figure.options import FigureOptions, marks_of
from lrviz.render.text.html import page
from lrviz.render.text.sentences import summary_line
from lrviz.subject import Subject
from lrviz.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 2_000_000  # changes of a learning rate that a cell waits for


def html(value: Trace | Experiment | Comparison) -> str | None:
    """Return what a notebook shows; None, for its repr, where it cannot be replayed or takes too long.

    A trace that does not know its experiment has a repr alone.
    """
    if isinstance(value, Comparison):
        return _page(value, value.figure())
    if isinstance(value, Trace):
        return None if value.experiment is None or not value.steps else _of_one(value, value.experiment)
    if value.changes > MOST:
        return None
    try:
        return _of_one(replay(value, partial=True), value)
    except LrvizError:
        return None


def _of_one(trace: Trace, experiment: Experiment) -> str:
    subject = Subject(name=experiment.name, trace=trace, experiment=experiment)
    comparison = Comparison(subjects=[subject], labels=[""])
    figure = draw(trace, experiment, FigureOptions(), marks_of(comparison.findings()[0]))
    lines = [trace.failure.description] if trace.failure else experiment.lines()
    return _page(comparison, figure, lines)


def _page(comparison: Comparison, figure: Figure, more: Sequence[str] = ()) -> str:
    """Return a picture, a line on what each parameter group does, and the findings of all."""
    lines, said = [], []
    for label, subject, found in zip(comparison.labels, comparison.subjects, comparison.findings(), strict=True):
        lines += [summary_line(subject.trace, group, label) for group in subject.trace.groups]
        who = f"{label}: " if label else ""
        said += [(finding.severity, finding.rule, f"{who}{finding.message}") for finding in found]
    return page(png(figure), ", ".join(subject.name for subject in comparison.subjects), [*lines, *more], said)
