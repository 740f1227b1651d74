"""`lrviz plot`: a picture of a schedule."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.flags import FlagSet, choice, option, read_value
from lrviz.cli.replaying import REPLAY_OPTIONS, finish, shown_trace
from lrviz.cli.report import describe_schedule
from lrviz.cli.targets import Source, Verb
from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import OneOf
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.output import FORMATS, format_of, write

if TYPE_CHECKING:
    from lrviz.rules import Finding

__all__ = ["VERB"]

PANEL = "Figure"
FORMAT = OneOf(FORMATS, "format of what goes to a pipe")
FIGURE = FlagSet(FigureOptions, "figure", PANEL)


def _plot(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    target = sources[0].load(given)
    options = FIGURE.build(given)
    output, file_format = _destination(given["output"], given["format"], target.stem)
    trace, findings = shown_trace(target.experiment, given)
    from lrviz.render.figure.draw import draw

    figure = draw(trace, target.experiment, options, _marks(findings))
    write(figure, sys.stdout.buffer if output is None else output, file_format, options.dpi)
    wrote = [f"wrote {output}"] if output else []
    for line in [*wrote, *describe_schedule(target.experiment, trace), *target.experiment.run.lines()]:
        typer.echo(line, err=output is None)
    finish(trace)


def _destination(output: str | None, file_format: str | None, stem: str) -> tuple[Path | None, str]:
    """Return where to write, None for standard output, and in which format; raises SpecError."""
    if file_format is not None:
        read_value(FORMAT, file_format, "--format")
    if output == "-":
        if file_format is None:
            raise SpecError(Problem(place="-o", message="- needs --format png, svg or pdf"))
        return None, file_format
    path = Path(output or f"{stem}.{file_format or 'png'}")
    if file_format not in (None, format_of(path)):
        raise SpecError(Problem(place="--format", message=f"{file_format} contradicts the suffix of {path}"))
    return path, format_of(path)


def _marks(findings: Sequence[Finding]) -> list[Mark]:
    """Return the places of the findings that have one."""
    return [
        Mark(step=finding.step, label=finding.rule, severity=finding.severity)
        for finding in findings
        if finding.step is not None and finding.severity != "info"
    ]


VERB = Verb(
    options=(
        option("output", str | None, None, "-o", "--output", metavar="PATH", rich_help_panel=PANEL,
               help="where to write: the suffix decides (.png, .svg, .pdf); - for a pipe, with --format; "
               "default the scheduler's name .png", show_default=False),
        choice("format", FORMAT.options, None, PANEL, FORMAT.help),
        option("title", str | None, None, "--title", metavar="TEXT", rich_help_panel=PANEL,
               help="title of the figure; default the scheduler's name", show_default=False),
        *FIGURE.options(),
        *REPLAY_OPTIONS,
    ),
    run=_plot,
)  # fmt: skip
