"""`lrviz check`: what is wrong with a schedule, in numbers, and what to write instead."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.flags import choice, option, read_value
from lrviz.cli.replaying import ENGINE, run
from lrviz.cli.report import COLORS, console
from lrviz.cli.targets import Source, Verb
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.argtypes import OneOf
from lrviz.experiment.clock import Run
from lrviz.rules import RULES, SEVERITIES, Finding, examine, from_problems

if TYPE_CHECKING:
    from rich.panel import Panel

__all__ = ["VERB", "show_rules"]

PANEL = "Check"
FORMAT = OneOf(("text", "json"), "panels to read, or JSON")


@dataclass(frozen=True)
class _Examined:
    """One target's findings, and its run where it could be read."""

    name: str
    findings: Sequence[Finding]
    run: Run | None


def _check(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    wanted = read_value(FORMAT, given["format"], "--format")
    ignored = [name for text in given["ignore"] for name in text.split(",")]
    unknown = [name for name in ignored if name not in RULES]
    if unknown:
        raise SpecError([Problem(place="--ignore", message=_unknown_rule(name)) for name in unknown])
    examined, problems = _examine_all(sources, {**given, "ignore": ignored})
    if examined or not problems:
        _print_json(examined) if wanted == "json" else _print(examined)
    if problems:
        raise SpecError(problems)
    worst = {finding.severity for one in examined for finding in one.findings}
    refused = any(one.run is None for one in examined)  # what plot and table would not replay
    if refused or "error" in worst or (given["strict"] and "warning" in worst):
        raise typer.Exit(1)


def _unknown_rule(name: str) -> str:
    return f"unknown rule {shown(name)}{nearest(name, RULES)}; lrviz check --list shows them"


def _examine_all(sources: Sequence[Source], given: Mapping[str, Any]) -> tuple[list[_Examined], list[Problem]]:
    """Examine every target; returns the findings, and the problems of all that cannot be read."""
    examined: list[_Examined] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            examined.append(_examine(source, given))
        except SpecError as error:
            problems.extend(error.problems)
    return examined, problems


def _examine(source: Source, given: Mapping[str, Any]) -> _Examined:
    try:
        experiment = source.load(given).experiment
    except SpecError as error:
        findings, left = from_problems(error.problems)
        if left:
            raise SpecError(left) from None
        kept = [finding for finding in findings if finding.rule not in given["ignore"]]
        return _Examined(source.name, kept, None)
    trace = run(experiment, engine=given["engine"])
    return _Examined(source.name, examine(experiment, trace, ignore=given["ignore"]), experiment.run)


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


def show_rules() -> None:
    """Print every rule with its severity and one line on what it finds."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column()
    for rule in RULES.values():
        table.add_row(rule.name, f"[{COLORS[rule.severity]}]{rule.severity}[/]", rule.summary)
    console().print(table)


VERB = Verb(
    options=(
        option("strict", bool, False, "--strict", metavar=" ", rich_help_panel=PANEL, show_default=False,
               help="exit with 1 for a warning, too"),
        option("ignore", list[str], [], "--ignore", metavar="RULE", rich_help_panel=PANEL, show_default=False,
               help="rules to leave out, with commas between them or the flag repeated"),
        choice("format", FORMAT.options, "text", PANEL, f"{FORMAT.help}; default text"),
        ENGINE,
    ),
    run=_check,
    many=True,
)  # fmt: skip
