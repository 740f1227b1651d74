"""`lrviz table`: a schedule in the terminal, or as CSV, JSON or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from lrviz.cli.flags import option
from lrviz.cli.replaying import REPLAY_OPTIONS, finish, shown_trace
from lrviz.cli.report import console, describe_run, plain_blocks
from lrviz.cli.targets import Source, Verb
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.render.text import Format, lines
from lrviz.spec.kinds import Count, Invalid
from lrviz.spec.scalars import scalar

__all__ = ["VERB"]

PANEL = "Table"
FORMATS = [member.value for member in Format]


def _table(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    target = sources[0].load(given)
    wanted = given["format"] or "table"
    if wanted not in FORMATS:
        told = f"must be one of {', '.join(FORMATS)}, not {shown(wanted)}{nearest(wanted, FORMATS)}"
        raise SpecError(Problem(place="--format", message=told))
    every = _every(given["every"])
    trace, _ = shown_trace(target.experiment, given)
    text = lines(Format(wanted), trace, target.experiment, every=every, console=console(), ascii=plain_blocks())
    sys.stdout.writelines(text)
    for line in describe_run(target.experiment.run.clock):
        typer.echo(line, err=wanted != "table")
    finish(trace)


def _every(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return Count("").convert(scalar(text))
    except Invalid as error:
        raise SpecError(Problem(place="--every", message=str(error))) from None


VERB = Verb(
    options=(
        option("every", str | None, None, "--every", metavar="INTEGER", rich_help_panel=PANEL,
               help="show every Nth step, and the last", show_default=False),
        option("format", str | None, None, "--format", metavar="|".join(FORMATS), rich_help_panel=PANEL,
               help="csv, json and markdown have one row for every step", show_default="table"),
        option("title", str | None, None, "--title", metavar="TEXT", rich_help_panel=PANEL,
               help="title of the table", show_default="the scheduler's name"),
        *REPLAY_OPTIONS,
    ),
    run=_table,
)  # fmt: skip
