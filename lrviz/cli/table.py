"""`lrviz table`: a schedule in the terminal, or as CSV, JSON or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lrviz.cli.report import console, plain_blocks, print_line
from lrviz.cli.subjects import Shown, finish, lines_of, subjects_of
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError
from lrviz.render.text.formats import Format, lines

FORMATS = tuple(member.value for member in Format)


def table(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the schedules in the form that is asked for: all there is to say of one, or a line for each of several."""
    wanted, every = Format(given["format"]), given["every"]
    shown = subjects_of(sources, given, "table", has_column=True)
    if len(shown) == 1:
        trace, experiment = shown[0].subject.trace, shown[0].experiment
        text = lines(wanted, trace, experiment, every=every, console=console(), ascii=plain_blocks())
    else:
        text = _several(shown, wanted, given)
    sys.stdout.writelines(text)
    for line in lines_of(shown, given):
        print_line(line, err=wanted is not Format.TABLE)
    finish(shown)


def _several(shown: Sequence[Shown], wanted: Format, given: Mapping[str, Any]) -> Iterator[str]:
    """Return a line for each schedule, in the form that is asked for; raises SpecError for a flag that has no place."""
    from lrviz.render.text import entries
    from lrviz.render.text.comparison import Entry

    if given["every"] is not None and wanted is not Format.JSON:
        raise SpecError(Problem(place="--every", message="is for one schedule, or for --format json"))
    is_known = not (given["no_check"] or given["quiet"])
    found = [
        Entry(
            subject=each.subject,
            label=each.label,
            findings=[(finding.severity, finding.rule) for finding in each.findings] if is_known else None,
        )
        for each in shown
    ]
    title = given["title"] or ""
    return entries.lines(wanted, found, every=given["every"], console=console(), title=title, ascii=plain_blocks())
