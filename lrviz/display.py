"""What a notebook shows of a trace and an experiment: a picture, a line on what it does, and what is wrong with it."""

from __future__ import annotations

from lrviz.engine.select import replay
from lrviz.errors import LrvizError
from lrviz.experiment.experiment import Experiment
from lrviz.render.figure.draw import draw
from lrviz.render.figure.notebook import png
from lrviz.render.figure.options import FigureOptions, marks_of
from lrviz.render.text.html import page
from lrviz.render.text.sentences import summary_line
from lrviz.rules import examine
from lrviz.trace import Trace

MOST = 2_000_000  # changes of a learning rate that a cell waits for


def html(value: Trace | Experiment) -> str | None:
    """Return a trace or an experiment as HTML; None, for its repr, where it cannot be replayed or takes too long.

    A trace that does not know its experiment has a repr alone.
    """
    if isinstance(value, Trace):
        return None if value.experiment is None or not value.steps else _page(value, value.experiment)
    if value.changes > MOST:
        return None
    try:
        return _page(replay(value, partial=True), value)
    except LrvizError:
        return None


def _page(trace: Trace, experiment: Experiment) -> str:
    findings = examine(experiment, trace)
    figure = draw(trace, experiment, FigureOptions(), marks_of(findings))
    lines = [summary_line(trace, group) for group in trace.groups]
    lines += [trace.failure.description] if trace.failure else experiment.lines()
    said = [(finding.severity, finding.rule, finding.message) for finding in findings]
    return page(png(figure), experiment.name, lines, said)
