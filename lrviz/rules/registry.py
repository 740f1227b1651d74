"""The rules by name, and the decorators that enter them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrviz.experiment.experiment import Experiment
from lrviz.rules.case import Case, Part
from lrviz.rules.finding import Finding, Severity
from lrviz.trace import Trace

__all__ = ["RULES", "Document", "Rule", "part_rule", "rule"]

Document = Mapping[str, Any]
"""An experiment as a document says it."""

Examiner = Callable[[Case], Iterator[Finding]]
PartExaminer = Callable[[Case, Part], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that `lrviz check` looks for.

    `example` triggers it (when its replay is looked at), `near_miss` is what to write instead and
    does not. `causes` are the refusals of a spec, which torch would have taken, that it explains.
    """

    name: str
    severity: Severity
    summary: str
    why: str
    instead: str
    example: Document
    near_miss: Document
    examiner: Examiner
    causes: tuple[str, ...] = ()

    def examine(self, experiment: Experiment, trace: Trace, parts: Sequence[Part]) -> Iterator[Finding]:
        """Yield what the rule finds."""
        case = Case(rule=self.name, severity=self.severity, experiment=experiment, trace=trace, parts=parts)
        yield from self.examiner(case)


RULES: dict[str, Rule] = {}
"""Every rule by name, in the order of `lrviz check --list`."""


def rule(name: str, severity: Severity, summary: str, **rest: Any) -> Callable[[Examiner], Examiner]:
    """Enter a function of a case as the rule `name`; `rest` are the other fields of `Rule`."""

    def enter(examiner: Examiner) -> Examiner:
        assert name not in RULES, f"two rules named {name}"
        RULES[name] = Rule(name=name, severity=severity, summary=summary, examiner=examiner, **rest)
        return examiner

    return enter


def part_rule(name: str, severity: Severity, summary: str, **rest: Any) -> Callable[[PartExaminer], PartExaminer]:
    """Enter a function of a case and one of its schedulers, which is called for each, as the rule `name`."""

    def enter(examiner: PartExaminer) -> PartExaminer:
        rule(name, severity, summary, **rest)(
            lambda case: (finding for part in case.parts for finding in examiner(case, part))
        )
        return examiner

    return enter
