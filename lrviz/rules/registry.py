"""The rules by name, and the decorator that enters them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrviz.experiment.experiment import Experiment
from lrviz.rules.finding import Finding, Severity
from lrviz.trace import Trace

__all__ = ["RULES", "Case", "Hit", "Rule", "rule"]

Case = Mapping[str, Any]
"""An experiment as a document says it."""


@dataclass(frozen=True)
class Hit:
    """What a rule found, before it has the rule's name; `severity` is the rule's own unless given.

    `explains_failure` says that torch raises because of it, so that torch's own words need not be message.
    """

    message: str
    fix: str
    step: int | None = None
    snippet: str = ""
    severity: Severity | None = None
    explains_failure: bool = False


Examiner = Callable[[Experiment, Trace | None], Iterator[Hit]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that `lrviz check` looks for.

    `example` triggers it (when its replay is looked at), `near_miss` is what to write instead and
    does not.
    """

    name: str
    severity: Severity
    summary: str
    why: str
    instead: str
    example: Case
    near_miss: Case
    examiner: Examiner

    def examine(self, experiment: Experiment, trace: Trace | None) -> Iterator[Finding]:
        """Yield what the rule finds; without a trace, what the experiment alone shows."""
        last = experiment.run.clock.steps - 1
        for hit in self.examiner(experiment, trace):
            yield Finding(
                rule=self.name,
                severity=hit.severity or self.severity,
                message=hit.message,
                fix=hit.fix,
                snippet=hit.snippet,
                step=None if hit.step is None else min(hit.step, last),
                explains_failure=hit.explains_failure,
            )


RULES: dict[str, Rule] = {}
"""Every rule by name, in the order of `lrviz check --list`."""


def rule(
    name: str,
    severity: Severity,
    summary: str,
    *,
    why: str,
    instead: str,
    example: Case,
    near_miss: Case,
) -> Callable[[Examiner], Examiner]:
    """Enter a function of an experiment and its trace as the rule `name`."""

    def enter(examiner: Examiner) -> Examiner:
        assert name not in RULES, f"two rules named {name}"
        RULES[name] = Rule(
            name=name,
            severity=severity,
            summary=summary,
            why=why,
            instead=instead,
            example=example,
            near_miss=near_miss,
            examiner=examiner,
        )
        return examiner

    return enter
