"""The examination: an experiment and its trace in, findings out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lrviz.errors import Problem
from lrviz.experiment.experiment import Experiment
from lrviz.rules.case import parts_of
from lrviz.rules.failures import REPLAY_FAILED
from lrviz.rules.finding import SEVERITIES, Finding
from lrviz.rules.registry import RULES
from lrviz.rules.settings import CheckSettings, Verdict, verdict
from lrviz.trace import Trace

__all__ = ["examine", "from_problems", "raised"]

NO_SETTINGS = CheckSettings()


def examine(
    experiment: Experiment, trace: Trace, over: CheckSettings = NO_SETTINGS, under: CheckSettings = NO_SETTINGS
) -> list[Finding]:
    """Return what the rules find, the worst first, without those that are ignored.

    `trace` is the experiment's replay with `partial=True`. What torch raised is left out where a finding
    says why. What the document says of a rule gives way to `over`, and goes before `under`.
    """
    layers = (over, experiment.section(CheckSettings), under)
    verdicts = {name: verdict(name, layers) for name in RULES}
    parts = parts_of(experiment)
    wanted = (rule for rule in RULES.values() if verdicts[rule.name] != "silent")
    findings = [finding for rule in wanted for finding in rule.examine(experiment, trace, parts)]
    is_explained = any(finding.explains_failure for finding in findings)
    return _sorted(
        raised(finding, verdicts[finding.rule])
        for finding in findings
        if not is_explained or finding.rule != REPLAY_FAILED
    )


def raised(finding: Finding, verdict: Verdict) -> Finding:
    """Return a finding with the severity that a verdict gives it."""
    return replace(finding, severity="error") if verdict == "error" else finding


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
