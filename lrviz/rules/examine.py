"""The examination: an experiment and its trace in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lrviz.errors import Problem, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.rules.case import parts_of
from lrviz.rules.failures import REPLAY_FAILED
from lrviz.rules.finding import SEVERITIES, Finding
from lrviz.rules.registry import RULES
from lrviz.rules.settings import CheckSettings
from lrviz.trace import Trace

__all__ = ["examine", "from_problems"]


def examine(experiment: Experiment, trace: Trace, ignore: Collection[str] = ()) -> list[Finding]:
    """Return what the rules find, the worst first, without those in `ignore` or the document's own list.

    `trace` is the experiment's replay with `partial=True`. What torch raised is left out where a finding
    says why. Raises SpecError for an ignored rule that there is not.
    """
    silent = {*_known(ignore), *experiment.section(CheckSettings).ignore}
    parts = parts_of(experiment)
    wanted = (rule for rule in RULES.values() if rule.name not in silent)
    findings = [finding for rule in wanted for finding in rule.examine(experiment, trace, parts)]
    is_explained = any(finding.explains_failure for finding in findings)
    return _sorted(finding for finding in findings if not is_explained or finding.rule != REPLAY_FAILED)


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
