"""`lrviz table`: a schedule in the terminal, or as CSV, JSON or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from lrviz.cli.flags import choice, option, read_value
from lrviz.cli.replaying import REPLAY_OPTIONS, finish, shown_trace
from lrviz.cli.report import console, plain_blocks
from lrviz.cli.targets import Source, Verb
from lrviz.experiment.argtypes import Count, OneOf
from lrviz.render.text.formats import Format, lines

__all__ = ["VERB"]

PANEL = "Table"
FORMAT = OneOf(tuple(member.value for member in Format), "csv, json and markdown have one row for every step")


def _table(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    target = sources[0].load(given)
    wanted = read_value(FORMAT, given["format"], "--format")
    every = read_value(Count(""), given["every"], "--every") if given["every"] else None
    trace, _ = shown_trace(target.experiment, given)
    text = lines(Format(wanted), trace, target.experiment, every=every, console=console(), ascii=plain_blocks())
    sys.stdout.writelines(text)
    for line in target.experiment.run.lines():
        typer.echo(line, err=wanted != "table")
    finish(trace)


VERB = Verb(
    options=(
        option("every", str | None, None, "--every", metavar="INTEGER", rich_help_panel=PANEL,
               help="show every Nth step, and the last", show_default=False),
        choice("format", FORMAT.options, "table", PANEL, f"{FORMAT.help}; default table"),
        option("title", str | None, None, "--title", metavar="TEXT", rich_help_panel=PANEL,
               help="title of the table; default the scheduler's name", show_default=False),
        *REPLAY_OPTIONS,
    ),
    run=_table,
)  # fmt: skip
