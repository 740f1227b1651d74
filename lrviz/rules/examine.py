"""The examination: an experiment and its trace in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from lrviz.errors import Problem, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.rules.case import Case
from lrviz.rules.changes import Change, contradict
from lrviz.rules.finding import SEVERITIES, Finding
from lrviz.rules.registry import CURVES, RULES
from lrviz.rules.settings import CheckSettings
from lrviz.trace import Trace

__all__ = ["examine", "from_problems"]


def examine(experiment: Experiment, trace: Trace, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what the rules find, the worst first, without those in `ignore` or the document's own list.

    `trace` is the experiment's replay with `partial=True`. One cause is one finding: what another finding
    explains, torch's exception among it, is left out unless it is worse. What is ignored is not told again
    by the rules of the curve. Raises SpecError for an ignored rule that there is not.
    """
    silent = {*_known(ignore), *experiment.section(CheckSettings).ignore}
    case = Case.of(experiment, trace)
    findings = [finding for rule in RULES.values() for finding in rule.examine(case)]
    explained: dict[str, int] = {}
    for finding in findings:
        rank = SEVERITIES.index(finding.severity)
        names = [name for name in finding.explains if finding.rule not in silent or name in CURVES]
        explained |= {name: min(rank, explained.get(name, rank)) for name in names}
    explained |= dict.fromkeys(silent, -1)
    no_rank = len(SEVERITIES)
    return _compatible(
        _sorted(
            finding for finding in findings if SEVERITIES.index(finding.severity) < explained.get(finding.rule, no_rank)
        )
    )


def _compatible(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without the changes that contradict those of one before: they wait for its own."""
    made: list[Change] = []
    compatible = []
    for finding in findings:
        is_late = any(contradict(change, other) for change in finding.changes for other in made)
        compatible.append(replace(finding, changes=(), snippet="") if is_late else finding)
        made += compatible[-1].changes
    return compatible


def from_problems(problems: Iterable[Problem]) -> tuple[list[Finding], list[Problem]]:
    """Return a refused document's problems as findings where a rule explains them, and those left.

    A spec refuses what torch would take and trip over, such as a count of 0; `lrviz check` tells it as
    the rule does.
    """
    findings, left = [], []
    explained = {cause: rule for rule in RULES.values() for cause in rule.causes}
    for problem in problems:
        rule = explained.get(problem.cause)
        if rule is None:
            left.append(problem)
        else:
            fix = rule.instead.rstrip(".")
            findings.append(Finding(rule=rule.name, severity=rule.severity, message=str(problem), fix=fix))
    return _sorted(findings), left


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _known(names: Collection[str]) -> Collection[str]:
    try:
        CheckSettings(ignore=tuple(names))
    except SpecError as error:
        raise SpecError([problem.at("ignore") for problem in error.problems]) from None
    return names
