"""The schedulers of an experiment, each with where it stands and the scheduler steps it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import (
    SWALR,
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    SchedulerSpec,
    SequentialLR,
    StepLR,
)
from lrviz.experiment.writer import as_document, in_flow
from lrviz.trace import GroupTrace, Trace

__all__ = [
    "DEAD",
    "Part",
    "first_with",
    "flow",
    "groups_of",
    "is_rising",
    "length_of",
    "parts",
    "rates_of",
    "rounded",
]


DEAD = 1e-4  # of the peak: a rate that moves nothing


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


def parts(experiment: Experiment) -> Iterator[Part]:
    """Yield every scheduler of an experiment, containers before what they hold, in order."""
    spec = experiment.resolved
    start = spec.swa_start if isinstance(spec, SWALR) else 0
    yield from _parts(Part(spec, experiment.scheduler, "scheduler", start, experiment.run.clock.scheduler_steps))


def _parts(part: Part) -> Iterator[Part]:
    yield part
    spec, end = part.spec, part.end
    children = list(zip(spec.children(), part.given.children(), strict=True))
    edges = [(part.start, end)] * len(children)
    if isinstance(spec, SequentialLR):
        marks = [part.start, *(min(part.start + milestone, end) for milestone in spec.milestones), end]
        edges = list(pairwise(marks))
    for number, (pair, edge) in enumerate(zip(children, edges, strict=True)):
        last = isinstance(spec, ChainedScheduler) or number == len(children) - 1
        yield from _parts(Part(*pair, f"{part.field}.schedulers[{number}]", *edge, spec, last and part.is_last))


def length_of(spec: SchedulerSpec) -> int | None:
    """Return after how many steps a scheduler has done all it does, or done it once; None if never."""
    match spec:
        case OneCycleLR(epochs=int(epochs), steps_per_epoch=int(steps)):
            return epochs * steps
        case ConstantLR(factor=1.0):
            return None  # it only holds the rate
        case StepLR():
            return spec.step_size
        case MultiStepLR():
            return max(spec.milestones, default=None)
        case CyclicLR():
            return spec.step_size_up + (spec.step_size_down or spec.step_size_up)
        case CosineAnnealingWarmRestarts():
            return spec.T_0
        case SequentialLR():
            last = length_of(spec.schedulers[-1])
            return None if last is None else (spec.milestones[-1] if spec.milestones else 0) + last
        case _:
            return getattr(spec, spec.length_arg) if spec.length_arg else None


def is_rising(spec: SchedulerSpec) -> bool:
    """Return whether a scheduler is a warmup: it ends above where it starts."""
    match spec:
        case LinearLR():
            return spec.start_factor < spec.end_factor
        case ConstantLR():
            return spec.factor < 1
        case _:
            return False


def groups_of(experiment: Experiment, trace: Trace) -> Iterator[tuple[int, float, GroupTrace]]:
    """Yield each parameter group's number, base rate and values."""
    groups = experiment.optimizer.resolved_groups
    for number, (group, track) in enumerate(zip(groups, trace.tracks, strict=bool(trace.tracks))):
        yield number, group.lr, track


def rates_of(part: Part, experiment: Experiment, trace: Trace) -> Iterator[memoryview]:
    """Yield for each parameter group the rates that were trained with while a part was active."""
    clock = experiment.run.clock
    first, last = clock.setting_of(part.start), clock.setting_of(part.end)
    yield from (track.lr[first:last] for track in trace.tracks)


def first_with(values: memoryview, wanted: Any) -> int | None:
    """Return the index of the first value for which `wanted` is true."""
    return next((index for index, value in enumerate(values) if wanted(value)), None)


def flow(spec: SchedulerSpec, **changes: Any) -> str:
    """Return a scheduler as YAML on one line: what is not its default, with `changes` laid over it."""
    given = as_document(spec) | changes
    return in_flow({name: value for name, value in given.items() if value is not None})


def rounded(rate: float) -> float:
    """Return a computed rate with the digits that somebody would write."""
    return float(f"{rate:.4g}")
