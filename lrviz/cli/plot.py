"""`lrviz plot`: a picture of a schedule."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from lrviz.cli.flags import FlagSet
from lrviz.cli.replaying import finish, run_lines, shown_trace
from lrviz.cli.targets import Source, only
from lrviz.errors import Problem, SpecError
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.output import FORMATS, format_of, write
from lrviz.render.figure.standalone import import_matplotlib

__all__ = ["FIGURE", "FORMATS", "plot"]

FIGURE = FlagSet(FigureOptions, "figure", "Figure")


def plot(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Draw the schedule, and print a line on what it does for each parameter group."""
    source = only(sources, "plot")
    experiment = source.load(given)
    options = FIGURE.build(given)
    output, file_format = _destination(given["output"], given["format"], source.stem)
    trace, findings = shown_trace(source, experiment, given)
    import_matplotlib()
    from lrviz.render.figure.draw import draw
    from lrviz.render.text.sentences import summary_line

    marks = [
        Mark(step=finding.step, label=finding.rule, severity=finding.severity)
        for finding in findings
        if finding.step is not None and finding.severity != "info"
    ]
    figure = draw(trace, experiment, options, marks)
    write(figure, sys.stdout.buffer if output is None else output, file_format, options.dpi)
    lines = [f"wrote {output}"] if output else []
    for group in trace.groups:
        does = summary_line(trace, group, experiment.name)
        lines.append(f"{does}; {trace.steps:,} steps, torch {trace.torch_version}")
    for line in [*lines, *run_lines(experiment, given)]:
        typer.echo(line, err=output is None)
    finish(trace)


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
