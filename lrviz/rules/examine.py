"""The examination: an experiment and its trace in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.experiment import Experiment
from lrviz.rules.failures import REPLAY_FAILED
from lrviz.rules.finding import SEVERITIES, Finding
from lrviz.rules.registry import RULES
from lrviz.trace import Trace

__all__ = ["examine", "from_problems"]


def examine(experiment: Experiment, trace: Trace | None, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what the rules find, the worst first, without those in `ignore` or the document's own list.

    `trace` is the experiment's replay with `partial=True`; without one only what the experiment alone
    shows is found. What torch raised is left out where a finding says why. Raises SpecError for an
    ignored rule that there is not.
    """
    _check_names(ignore, "ignore")
    _check_names(experiment.ignore, "check.ignore")
    silent = {*ignore, *experiment.ignore}
    wanted = (rule for rule in RULES.values() if rule.name not in silent)
    findings = [finding for rule in wanted for finding in rule.examine(experiment, trace)]
    is_explained = any(finding.explains_failure for finding in findings)
    return _sorted(finding for finding in findings if not is_explained or finding.rule != REPLAY_FAILED)


def from_problems(problems: Iterable[Problem]) -> tuple[list[Finding], list[Problem]]:
    """Return a refused document's problems as findings where a rule explains them, and those left.

    A spec refuses what torch would take and trip over, such as a count of 0; `lrviz check` tells it as
    the rule does.
    """
    findings, left = [], []
    for problem in problems:
        rule = RULES.get(problem.rule or "")
        if rule is None:
            left.append(problem)
        else:
            findings.append(
                Finding(rule=rule.name, severity=rule.severity, message=str(problem), fix=rule.instead.rstrip("."))
            )
    return _sorted(findings), left


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _check_names(names: Collection[str], field: str) -> None:
    unknown: Sequence[str] = [name for name in names if name not in RULES]
    if unknown:
        raise SpecError(
            [Problem(field=field, message=f"unknown rule {shown(name)}{nearest(name, RULES)}") for name in unknown]
        )
