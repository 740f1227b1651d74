"""`lrviz check`: what is wrong with schedules, in numbers, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import typer

from lrviz.cli.findings import Checked, Found, Place, place_of, print_text
from lrviz.cli.folders import expanded
from lrviz.cli.formats import print_github, print_json, print_sarif
from lrviz.cli.replaying import run
from lrviz.cli.report import print_note
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.rules import RULES, SEVERITIES, Finding, examine, from_problems

__all__ = ["FORMATS", "check"]


def check(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the findings on every target; exits with 1 where there is an error, 2 where one cannot be read."""
    ignored = _ignored(given["ignore"])
    targets, passed_over = expanded(sources)
    checked = [_checked(target, given, ignored) for target in targets]
    if given["format"] == "json":
        print_json(checked, passed_over)
    else:
        _PRINTERS[given["format"]](checked)
    if passed_over:
        files = "1 file that is no schedule" if passed_over == 1 else f"{passed_over} files that are no schedules"
        print_note(f"passed over {files}")
    problems = [problem for one in checked for problem in one.problems]
    if problems:
        raise SpecError(problems)
    if any(_fails(one, is_strict=given["strict"]) for one in checked):
        raise typer.Exit(1)


def _fails(one: Checked, *, is_strict: bool) -> bool:
    """Return whether a target makes check exit with 1; one without a run is what plot and table refuse."""
    return one.run is None or one.counts("error") > 0 or (is_strict and one.counts("warning") > 0)


def _ignored(given: Sequence[str]) -> list[str]:
    """Return the rules to leave out; raises SpecError for those that there are not."""
    names = [name for text in given for name in text.split(",")]
    messages = [
        f"unknown rule {shown(name)}{nearest(name, RULES)}; lrviz check --list shows them"
        for name in names
        if name not in RULES
    ]
    if messages:
        raise SpecError([Problem(place="--ignore", message=message) for message in messages])
    return names


def _checked(source: Source, given: Mapping[str, Any], ignored: Sequence[str]) -> Checked:
    try:
        experiment = source.load(given)
    except SpecError as error:
        return _refused(source.name, error.problems, ignored)
    findings = examine(experiment, run(experiment, given), ignore=ignored)
    found = [Found(_worded(finding, source), place_of(finding, experiment.document)) for finding in findings]
    return Checked(source.name, found, experiment.run)


def _worded(finding: Finding, source: Source) -> Finding:
    """Return a finding in the words that the target was given in."""
    return replace(finding, message=source.worded(finding.message), fix=source.worded(finding.fix))


def _refused(name: str, problems: Sequence[Problem], ignored: Sequence[str]) -> Checked:
    """Return what is wrong with a document that cannot be replayed: findings, where rules explain all of it."""
    _, left = from_problems(problems)
    if left:
        return Checked(name, problems=left)
    found = [
        Found(finding, Place.of(problem.place))
        for problem in problems
        for finding in from_problems([replace(problem, place="")])[0]
        if finding.rule not in ignored
    ]
    return Checked(name, sorted(found, key=lambda each: SEVERITIES.index(each.finding.severity)))


_PRINTERS: Mapping[str, Callable[[Sequence[Checked]], None]] = {
    "text": print_text,
    "github": print_github,
    "sarif": print_sarif,
}
FORMATS = ("text", "json", "github", "sarif")
