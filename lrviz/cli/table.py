"""`lrviz table`: a schedule in the terminal, or as CSV, JSON or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lrviz.cli.replaying import finish, run_lines, shown_trace
from lrviz.cli.report import console, plain_blocks, print_line
from lrviz.cli.resuming import loaded
from lrviz.cli.targets import Source, only
from lrviz.render.text.formats import Format, lines

FORMATS = tuple(member.value for member in Format)


def table(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the schedule in the form that is asked for."""
    source = only(sources, "table")
    experiment = loaded(source, given)
    wanted = Format(given["format"])
    trace, _ = shown_trace(source, experiment, given)
    sys.stdout.writelines(
        lines(wanted, trace, experiment, every=given["every"], console=console(), ascii=plain_blocks())
    )
    for line in run_lines(experiment, trace, given):
        print_line(line, err=wanted is not Format.TABLE)
    finish(trace)
