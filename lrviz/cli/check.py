"""`lrviz check`: what is wrong with a schedule, in numbers, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.replaying import run
from lrviz.cli.report import COLORS, console
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.clock import Run
from lrviz.rules import RULES, SEVERITIES, Finding, examine, from_problems

if TYPE_CHECKING:
    from rich.panel import Panel

__all__ = ["check"]


@dataclass(frozen=True)
class _Examined:
    """One target's findings, and its run where it could be read."""

    name: str
    findings: Sequence[Finding]
    run: Run | None


def check(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the findings on every target; exits with 1 where there is an error."""
    ignored = _ignored(given["ignore"])
    examined: list[_Examined] = []
    problems: list[Problem] = []  # of all that cannot be read
    for source in sources:
        try:
            examined.append(_examine(source, given, ignored))
        except SpecError as error:
            problems.extend(error.problems)
    if examined or not problems:
        _print_json(examined) if given["format"] == "json" else _print(examined)
    if problems:
        raise SpecError(problems)
    worst = {finding.severity for one in examined for finding in one.findings}
    refused = any(one.run is None for one in examined)  # what plot and table would not replay
    if refused or "error" in worst or (given["strict"] and "warning" in worst):
        raise typer.Exit(1)


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


def _examine(source: Source, given: Mapping[str, Any], ignored: Sequence[str]) -> _Examined:
    try:
        experiment = source.load(given)
    except SpecError as error:
        findings, left = from_problems(error.problems)
        if left:
            raise SpecError(left) from None
        return _Examined(source.name, [finding for finding in findings if finding.rule not in ignored], None)
    return _Examined(source.name, examine(experiment, run(experiment, given), ignore=ignored), experiment.run)


def _print_json(examined: Sequence[_Examined]) -> None:
    reports = [
        {
            "target": one.name,
            "findings": [finding.as_dict() for finding in one.findings],
            "run": one.run.clock.as_dict() if one.run else None,
        }
        for one in examined
    ]
    typer.echo(json.dumps(reports[0] if len(reports) == 1 else {"targets": reports}, indent=2))


def _print(examined: Sequence[_Examined]) -> None:
    screen = console()
    for one in examined:
        for finding in one.findings:
            screen.print(_panel(finding, one.name if len(examined) > 1 else ""))
    screen.print(_summary(examined))


def _panel(finding: Finding, target: str) -> Panel:
    from rich.box import ROUNDED
    from rich.console import Group
    from rich.panel import Panel
    from rich.syntax import Syntax
    from rich.text import Text

    color = COLORS[finding.severity]
    parts: list[Any] = [Text(finding.message), Text(""), Text(f"Instead: {finding.fix}")]
    if finding.snippet:
        parts += [
            Text(""),
            Syntax(finding.snippet, "yaml", background_color="default", theme="ansi_light", word_wrap=True),
        ]
    title = Text.assemble((finding.severity, f"bold {color}"), " ", (finding.rule, "bold"))
    subtitle = Text(target, "dim") if target else None
    return Panel(
        Group(*parts), title=title, subtitle=subtitle, title_align="left", subtitle_align="right",
        border_style=color, box=ROUNDED, padding=(0, 1),
    )  # fmt: skip


def _summary(examined: Sequence[_Examined]) -> str:
    counts = [
        (sum(f.severity == severity for one in examined for f in one.findings), severity) for severity in SEVERITIES
    ]
    message = ", ".join(_counted(count, severity) for count, severity in counts if count) or "nothing to report"
    return f"{message} in {_counted(len(examined), 'schedule')}" if len(examined) > 1 else message


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 or noun == 'info' else noun + 's'}"
