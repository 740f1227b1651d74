"""The examination: an experiment and its trace in, findings out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from lrviz.errors import Problem
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.resume import changes
from lrviz.experiment.schedulers import ConstantLR
from lrviz.rules.case import Case
from lrviz.rules.changes import Change, contradict
from lrviz.rules.finding import SEVERITIES, Finding
from lrviz.rules.registry import CURVES, RESUMED, RULES, Rule
from lrviz.rules.settings import CheckSettings, Verdict, verdict
from lrviz.trace import GroupTrace, Trace

NO_SETTINGS = CheckSettings()


def examine(
    experiment: Experiment, trace: Trace, over: CheckSettings = NO_SETTINGS, under: CheckSettings = NO_SETTINGS
) -> list[Finding]:
    """Return what the rules find, the worst first, without those that are ignored.

    `trace` is the experiment's replay with `partial=True`. One cause is one finding: what another finding
    explains, torch's exception among it, is left out unless it is worse. What is ignored is not told again
    by the rules of the curve. What the document says of a rule gives way to `over`, and goes before `under`.
    """
    layers = (over, experiment.section(CheckSettings), under)
    case = Case.of(experiment, trace)
    return _told(case, _resumed_rules(case) if _is_broken(experiment) else RULES.values(), layers)


def _resumed_rules(case: Case) -> Iterator[Rule]:
    """Yield the rules for a run that changes its schedule at a checkpoint: its own, and those of the curve alone."""
    assert case.experiment.resume is not None
    before = Case.of(case.experiment.resume.before, case.trace)
    for name, rule in RULES.items():
        if name in RESUMED:
            yield rule
        elif rule.of_logs:
            yield replace(rule, examiner=partial(_examined_twice, rule, before))


def _examined_twice(rule: Rule, before: Case, case: Case) -> Iterator[Finding]:
    """Yield what a rule finds in a curve that two schedules made, unless the one before excuses it.

    What to change is left open: the loaded state may override it.
    """
    if any(rule.examiner(before)):
        yield from (replace(finding, changes=(), snippet="") for finding in rule.examiner(case))


def examine_log(trace: Trace, over: CheckSettings = NO_SETTINGS, under: CheckSettings = NO_SETTINGS) -> list[Finding]:
    """Return what the rules find that look at a curve alone, in the log of a run, the worst first.

    The schedule that made it is not known: to these rules it is as one that holds, and that nobody gave arguments.
    """
    groups = [Group(name=f"{n}", lr=_base(group)) for n, group in enumerate(trace.groups)]
    optimizer = OptimizerSpec(groups=tuple(groups)) if len(groups) > 1 else OptimizerSpec(lr=_base(trace.groups[0]))
    unknown = Experiment(scheduler=ConstantLR(factor=1.0), optimizer=optimizer, run=Run(steps=trace.steps))
    case = replace(Case.of(unknown, trace), parts=())
    return _told(case, [rule for rule in RULES.values() if rule.of_logs], (over, under))


def _base(group: GroupTrace) -> float:
    """Return the learning rate that a group may have been given: its peak, where that is one."""
    peak = group.summary.peak
    return peak if 0 <= peak < math.inf else 0.0


def _told(case: Case, rules: Iterable[Rule], layers: Sequence[CheckSettings]) -> list[Finding]:
    """Return what rules find in a case, without what is ignored or explained."""
    verdicts = {name: verdict(name, layers) for name in RULES}
    silent = {name for name, given in verdicts.items() if given == "silent"}
    findings = [finding for rule in rules for finding in rule.examine(case)]
    explained: dict[str, int] = {}
    for finding in findings:
        rank = SEVERITIES.index(finding.severity)
        names = [name for name in finding.explains if finding.rule not in silent or name in CURVES]
        explained |= {name: min(rank, explained.get(name, rank)) for name in names}
    explained |= dict.fromkeys(silent, -1)
    no_rank = len(SEVERITIES)
    kept = [each for each in findings if SEVERITIES.index(each.severity) < explained.get(each.rule, no_rank)]
    return _compatible(_sorted(raised(finding, verdicts[finding.rule]) for finding in kept))


def _is_broken(experiment: Experiment) -> bool:
    """Return whether a run goes on from a checkpoint otherwise than it would have without."""
    return experiment.resume is not None and (experiment.resume.mode != "load" or bool(changes(experiment)))


def raised(finding: Finding, verdict: Verdict) -> Finding:
    """Return a finding with the severity that a verdict gives it."""
    return replace(finding, severity="error") if verdict == "error" else finding


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
