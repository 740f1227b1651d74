"""`lrviz table`: a schedule in the terminal, or as CSV, JSON or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lrviz.cli.report import console, plain_blocks, print_line
from lrviz.cli.subjects import Shown, finish, lines_of, subjects_of
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Invalid
from lrviz.experiment.places import Place, places
from lrviz.render.text.formats import Format, lines

FORMATS = tuple(member.value for member in Format)


def table(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the schedules in the form that is asked for: all there is to say of one, or a line for each of several."""
    wanted, every, wished = Format(given["format"]), given["every"], _places(given)
    shown = subjects_of(sources, given, "table", has_column=wished is None)
    if wished is not None:
        text = _at(shown, wished, wanted, given)
    elif len(shown) > 1:
        text = _several(shown, wanted, given)
    else:
        trace, experiment = shown[0].subject.trace, shown[0].experiment
        text = lines(wanted, trace, experiment, every=every, console=console(), ascii=plain_blocks())
    sys.stdout.writelines(text)
    for line in lines_of(shown, given):
        print_line(line, err=wanted is not Format.TABLE)
    finish(shown)


def _places(given: Mapping[str, Any]) -> list[Place] | None:
    """Return the places of --at, None where it is not given; raises SpecError."""
    if given["at"] is None:
        return None
    if given["every"] is not None:
        raise SpecError(Problem(place="--at", message="contradicts --every"))
    try:
        return places(given["at"])
    except Invalid as error:
        raise SpecError(Problem(place="--at", message=str(error))) from None


def _at(shown: Sequence[Shown], wished: Sequence[Place], wanted: Format, given: Mapping[str, Any]) -> Iterator[str]:
    """Return the learning rates at places, in the form that is asked for; raises SpecError for one past an end."""
    from lrviz.render.text import at

    problems: list[Problem] = []
    placed = []
    for each in shown:
        try:
            placed.append(at.Placed.of(each.subject, each.label, wished))
        except SpecError as error:
            who = f"{each.label}: " if len(shown) > 1 else ""
            problems += [replace(problem, message=f"{who}{problem.message}") for problem in error.problems]
    if problems:
        raise SpecError(problems)
    title = given["title"] or "" if len(shown) > 1 else ""  # which one schedule is called by
    return at.lines(wanted, placed, console=console(), title=title, ascii=plain_blocks())


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
