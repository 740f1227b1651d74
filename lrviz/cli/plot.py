"""`lrviz plot`: a picture of a schedule."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.cli.flags import FlagSet
from lrviz.cli.replaying import finish, run_lines, shown_trace
from lrviz.cli.report import print_line, print_note
from lrviz.cli.resuming import loaded
from lrviz.cli.targets import Source, only
from lrviz.errors import Problem, SpecError, counted
from lrviz.experiment.values import Value, located
from lrviz.render.figure.options import FigureOptions, marks_of
from lrviz.render.figure.output import format_of, write
from lrviz.render.figure.standalone import import_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE = FlagSet(FigureOptions, "figure", "Figure")


def plot(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Draw the schedule, and print a line on what it does for each parameter group."""
    source = only(sources, "plot")
    experiment = loaded(source, given)
    options = FIGURE.build(given)
    output, file_format = _destination(given["output"], given["format"], source.stem)
    trace, findings = shown_trace(source, experiment, given)
    import_matplotlib()
    from lrviz.render.figure.draw import draw
    from lrviz.render.figure.fonts import fonts_of
    from lrviz.render.text.sentences import summary_line

    marks = marks_of(findings)
    figure = _drawn(lambda: draw(trace, experiment, options, marks), given)
    note = fonts_of(experiment, options).note
    if note and not given["quiet"]:
        print_note(note)
    write(figure, sys.stdout.buffer if output is None else output, file_format, options.dpi)
    lines = [f"wrote {output}"] if output else []
    both = trace.side_by_side()
    for group in both.groups:
        does = summary_line(both, group, experiment.name)
        lines.append(f"{does}; {counted(trace.steps, 'step')}, torch {trace.torch_version}")
    for line in [*lines, *run_lines(experiment, trace, given)]:
        print_line(line, err=output is None)
    finish(trace)


def _drawn(draw: Callable[[], Figure], given: Mapping[str, Any]) -> Figure:
    """Return the figure; what it cannot show has the name of its flag."""
    try:
        return draw()
    except SpecError as error:
        raise SpecError(located(error.problems, Value(dict(FIGURE.values(given))))) from None


def _destination(output: str | None, file_format: str | None, stem: str) -> tuple[Path | None, str]:
    """Return where to write, None for standard output, and in which format; raises SpecError."""
    if output == "-":
        if file_format is None:
            raise SpecError(Problem(place="-o", message="- needs --format png, svg or pdf"))
        return None, file_format
    path = Path(output or f"{stem}.{file_format or 'png'}")
    if file_format not in (None, format_of(path)):
        raise SpecError(Problem(place="--format", message=f"{file_format} contradicts the suffix of {path}"))
    return path, format_of(path)
