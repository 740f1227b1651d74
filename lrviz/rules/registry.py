"""The rules by name, and the decorators that enter them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from lrviz.rules.case import REPLAY_FAILED, Case, Part
from lrviz.rules.curve import Curve
from lrviz.rules.finding import Finding, Severity

LENGTHS = ("cosine-rebound", "cycle-overrun", "unfinished", "off-by-one-steps", "never-peaks")
CURVES = ("still-rising", "rises-again", "starts-again", "ends-high", "never-moves", "far-below-base")
RATES = ("lr-not-finite", "lr-negative", "lr-dead", "lr-above-peak")
"""Rules that often find the consequences of others."""

RESUMED = ("resume-jump", "resume-length", "resume-overridden", "lr-not-finite", "lr-negative", REPLAY_FAILED)
"""Rules that hold for a run that changes its schedule at a checkpoint, beside those of the curve alone."""

Document = Mapping[str, Any]
"""An experiment as a document says it."""

Examiner = Callable[[Case], Iterator[Finding]]
PartExaminer = Callable[[Case, Part], Iterator[Finding]]
CurveExaminer = Callable[[Case, Curve], Finding | None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that `lrviz check` looks for.

    `example` triggers it (when its replay is looked at), `near_miss` is what to write instead and
    does not; `given` is what flags say beside them, of the run of a trainer's config or of a checkpoint, and
    `given_instead` beside the near miss where that is something else.
    `causes` are the refusals of a spec, which torch would have taken, that it explains, and
    `explains` the rules that find its consequences, and are silent where it speaks. A rule `of_logs` looks at
    the curve alone, and so at a run's log, too.
    """

    name: str
    severity: Severity
    summary: str
    why: str
    instead: str
    example: Document
    near_miss: Document
    examiner: Examiner
    given: Mapping[str, Any] = field(default_factory=dict)
    given_instead: Mapping[str, Any] | None = None
    causes: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    of_logs: bool = False

    def examine(self, case: Case) -> Iterator[Finding]:
        """Yield what the rule finds."""
        yield from self.examiner(replace(case, rule=self.name, severity=self.severity, explains=self.explains))


RULES: dict[str, Rule] = {}
"""Every rule by name, in the order of `lrviz check --list`."""


def toy(name: str, *, run: Any = None, optimizer: Any = None, warmup: Any = None, **arguments: Any) -> Document:
    """Return the document of a scheduler, for an example: of 4 epochs of 8 steps unless `run` says more."""
    parts = {"run": run, "optimizer": optimizer, "warmup": warmup, "scheduler": {"name": name, **arguments}}
    return {key: part for key, part in parts.items() if part is not None}


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
            lambda case: (
                replace(finding, field=part.place or "warmup")
                for part in case.parts
                for finding in examiner(case, part)
            )
        )
        return examiner

    return enter


def curve_rule(name: str, severity: Severity, summary: str, **rest: Any) -> Callable[[CurveExaminer], CurveExaminer]:
    """Enter a function of a case and a parameter group's curve, whose first finding counts, as the rule `name`."""

    def enter(examiner: CurveExaminer) -> CurveExaminer:
        rule(name, severity, summary, **rest)(
            lambda case: islice(filter(None, (examiner(case, curve) for curve in case.curves)), 1)
        )
        return examiner

    return enter
