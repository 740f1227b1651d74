"""What a rule looks at: an experiment, its trace, and every scheduler in it with where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lrviz.experiment.clock import Clock
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.writer import as_document, in_flow
from lrviz.rules.finding import Finding, Severity
from lrviz.trace import GroupTrace, Trace

__all__ = ["DEAD", "Case", "Part", "first_with", "flow", "parts_of", "rounded"]

DEAD = 1e-4  # of the peak: a learning rate that moves nothing


@dataclass(frozen=True)
class Part:
    """A scheduler where it stands: from scheduler step `start` until `end` of the run."""

    spec: SchedulerSpec  # its horizon filled in
    given: SchedulerSpec  # as the document has it
    field: str  # "scheduler.schedulers[1]"
    start: int
    end: int
    container: SchedulerSpec | None = None
    is_last: bool = True  # nothing takes over from it before the run ends

    @property
    def steps(self) -> int:
        return self.end - self.start

    @property
    def name(self) -> str:
        """What a message calls it: torch's class, and where it stands in a container."""
        own = self.spec.label
        return f"{own} ({self.field.removeprefix('scheduler.')})" if self.container else own

    def snippet(self, **changes: Any) -> str:
        """Return YAML for it with some arguments changed, None for left out, to paste in its place."""
        text = flow(self.given, **changes)
        return f"- {text}" if self.container else f"scheduler: {text}"


def parts_of(experiment: Experiment) -> list[Part]:
    """Return every scheduler of an experiment, containers before what they hold, in order."""
    spec, end = experiment.resolved, experiment.run.clock.scheduler_steps
    return list(_parts(Part(spec, experiment.scheduler, "scheduler", spec.first_step, end)))


def _parts(part: Part) -> Iterator[Part]:
    yield part
    segments = part.spec.segments(part.start, part.end)
    for number, (segment, given) in enumerate(zip(segments, part.given.children(), strict=True)):
        start, end = min(segment.start, part.end), min(segment.end, part.end)
        field = f"{part.field}.schedulers[{number}]"
        is_last = part.is_last and (segment.start, segment.end) == (segments[-1].start, segments[-1].end)
        yield from _parts(Part(segment.spec, given, field, start, end, part.spec, is_last))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one rule looks at; an empty trace is of a scheduler that could not be built."""

    rule: str
    severity: Severity
    experiment: Experiment
    trace: Trace
    parts: Sequence[Part]

    @property
    def clock(self) -> Clock:
        return self.experiment.run.clock

    @property
    def scheduler(self) -> SchedulerSpec:
        """The whole scheduler, its horizons filled in."""
        return self.experiment.resolved

    def groups(self) -> Iterator[tuple[int, float, GroupTrace]]:
        """Yield each parameter group's number, base rate and values; none of an empty trace."""
        if self.trace.steps:
            specs = self.experiment.optimizer.resolved_groups
            for number, (spec, group) in enumerate(zip(specs, self.trace.groups, strict=False)):
                yield number, spec.lr, group

    def of_group(self, name: str) -> str:
        """Return which group a message is about, where there are several."""
        return f" (group {name})" if len(self.trace.groups) > 1 else ""

    def rates(self, part: Part) -> Iterator[memoryview]:
        """Yield for each parameter group the learning rates trained with while a part was active."""
        first, last = self.clock.step_of(part.start), self.clock.step_of(part.end)
        yield from (group.lr[first:last] for group in self.trace.groups)

    def finding(
        self,
        message: str,
        fix: str,
        step: int | None = None,
        snippet: str = "",
        severity: Severity | None = None,
        *,
        explains_failure: bool = False,
    ) -> Finding:
        """Return what the rule found; `severity` is the rule's own unless given."""
        return Finding(
            rule=self.rule,
            severity=severity or self.severity,
            message=message,
            fix=fix,
            snippet=snippet,
            step=None if step is None else min(step, self.clock.steps - 1),
            explains_failure=explains_failure,
        )


def first_with(values: memoryview, wanted: Callable[[float], bool]) -> int | None:
    """Return the index of the first value for which `wanted` is true."""
    return next((index for index, value in enumerate(values) if wanted(value)), None)


def flow(spec: SchedulerSpec, **changes: Any) -> str:
    """Return a scheduler as YAML on one line: what is not its default, with `changes` laid over it."""
    given = as_document(spec) | changes
    return in_flow({name: value for name, value in given.items() if value is not None})


def rounded(rate: float) -> float:
    """Return a computed rate with the digits that somebody would write."""
    return float(f"{rate:.4g}")
