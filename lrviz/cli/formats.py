"""What `lrviz check` found, for programs: JSON, GitHub's annotations, SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer

import lrviz
from lrviz.cli.findings import Checked, Edit, Found, Place, summary
from lrviz.errors import Problem
from lrviz.rules import RULES, SEVERITIES, Finding, Rule
from lrviz.rules.docs import section

VERSION = 1
"""Of the JSON's shape."""

_GITHUB = {"error": "error", "warning": "warning", "info": "notice"}
_SARIF = {"error": "error", "warning": "warning", "info": "note"}


def print_json(checked: Sequence[Checked], passed_over: int) -> None:
    """Print one object, whether one target was checked or many."""
    report = {
        "version": VERSION,
        "targets": [_target(one) for one in checked],
        "summary": _counts(checked, passed_over),
    }
    typer.echo(json.dumps(report, indent=2))


def _target(one: Checked) -> dict[str, Any]:
    if one.problems:
        problems = [_problem(problem) for problem in one.problems]
        return {"target": one.name, "error": {"message": "\n".join(map(str, one.problems)), "problems": problems}}
    found = [_finding(each) for each in one.found]
    return {"target": one.name, "findings": found, "run": one.run.clock.as_dict() if one.run else None}


def _problem(problem: Problem) -> dict[str, Any]:
    place = Place.of(problem.place)
    return {"message": problem.message, "field": problem.field or None, "file": place.file, "line": place.line}


def _finding(found: Found) -> dict[str, Any]:
    finding = found.finding
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "file": found.place.file,
        "line": found.place.line,
        "step": finding.step,
        "fix": {"message": finding.fix, "changes": _changes(finding)},
        "page": finding.page,
    }


def _changes(finding: Finding) -> list[dict[str, Any]]:
    return [
        {"field": change.field, "remove": True} if change.remove else {"field": change.field, "value": change.value}
        for change in finding.changes
    ]


def _counts(checked: Sequence[Checked], passed_over: int) -> dict[str, int]:
    return {
        "targets": len(checked),
        "with_findings": sum(bool(one.found) for one in checked),
        "unreadable": sum(bool(one.problems) for one in checked),
        "passed_over": passed_over,
        **{severity: sum(one.counts(severity) for one in checked) for severity in SEVERITIES},
    }


def print_github(checked: Sequence[Checked]) -> None:
    """Print a workflow command for each finding and each problem, which GitHub shows at its line, and the summary."""
    for one in checked:
        for problem in one.problems:
            message = f"{problem.field}: {problem.message}" if problem.field else problem.message
            typer.echo(_annotation("error", Place.of(problem.place), "lrviz", message))
        for each in one.found:
            kind, title = _GITHUB[each.finding.severity], f"lrviz {each.finding.rule}"
            typer.echo(_annotation(kind, each.place, title, _advice(each.finding)))
    typer.echo(summary(checked))


def _annotation(kind: str, place: Place, title: str, message: str) -> str:
    properties: dict[str, Any] = {"file": place.file, "line": place.line, "title": title}
    given = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items() if value)
    return f"::{kind} {given}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """Return a text as a workflow command may hold it."""
    for letter in "%\r\n" + more:
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def _advice(finding: Finding) -> str:
    lines = [finding.message, f"Instead: {finding.fix}", *([finding.snippet] if finding.snippet else [])]
    return "\n".join(lines)


def print_sarif(checked: Sequence[Checked]) -> None:
    """Print a log of SARIF 2.1.0: a result for each finding, and a notification for what cannot be read."""
    problems = [problem for one in checked for problem in one.problems]
    run = {
        "tool": {
            "driver": {
                "name": "lrviz",
                "semanticVersion": lrviz.__version__,
                "rules": [_rule(rule) for rule in RULES.values()],
            }
        },
        "invocations": [
            {"executionSuccessful": not problems, "toolExecutionNotifications": [*map(_notification, problems)]}
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each) for one in checked for each in one.found],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    typer.echo(json.dumps(log, indent=2))


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n{rule.instead}", "markdown": section(rule)},
        "defaultConfiguration": {"level": _SARIF[rule.severity]},
    }


def _result(found: Found) -> dict[str, Any]:
    finding = found.finding
    result = {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": _SARIF[finding.severity],
        "message": {"text": _advice(finding)},
        "locations": [*_locations(found.place)],
        "properties": {"step": finding.step, "changes": _changes(finding)},
    }
    return result | ({"fixes": [_fix(found, found.edit)]} if found.edit else {})


def _fix(found: Found, edit: Edit) -> dict[str, Any]:
    region = {"startLine": edit.first, "startColumn": 1, "endLine": edit.last, "endColumn": edit.width + 1}
    replacement = {"deletedRegion": region, "insertedContent": {"text": edit.text}}
    change = {"artifactLocation": _artifact(str(found.place.file)), "replacements": [replacement]}
    return {"description": {"text": found.finding.fix}, "artifactChanges": [change]}


def _notification(problem: Problem) -> dict[str, Any]:
    return {
        "level": "error",
        "message": {"text": str(problem)},
        "locations": [*_locations(Place.of(problem.place))],
    }


def _locations(place: Place) -> Iterator[Mapping[str, Any]]:
    if place.file:
        location: dict[str, Any] = {"artifactLocation": _artifact(place.file)}
        if place.line:
            location["region"] = {"startLine": place.line}
        yield {"physicalLocation": location}


def _artifact(file: str) -> dict[str, str]:
    path = Path(file)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
