"""Schedulers made of schedulers, and a warmup before any of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Duration, ListOf, OneOf, Real
from lrviz.experiment.record import Record, arg
from lrviz.experiment.schedulers.base import UNKNOWN, Known, SchedulerArg, SchedulerSpec, Segment
from lrviz.experiment.schedulers.code import Node, Script, call, listing, literal
from lrviz.experiment.schedulers.notes import MOST, WARMUP, Annotation, View
from lrviz.experiment.schedulers.pytorch import LinearLR, ReduceLROnPlateau
from lrviz.experiment.schedulers.warmup import NO_EXPONENTIAL, WARMUP_SHAPES, LambdaWarmup

__all__ = ["DEFAULT_START", "NESTED", "ChainedScheduler", "SequentialLR", "Warmup", "edges"]

DEFAULT_START = 0.01  # LinearLR refuses 0; a hundredth of the learning rate is as good as none

NESTED = "nested-container"
"""The cause of a problem: a container where torch can have none."""


def edges(milestones: Sequence[int], length: int) -> list[tuple[int, int]]:
    """Return where each part of a sequence of so many steps starts and ends."""
    return list(pairwise((0, *milestones, length)))


class _Container(SchedulerSpec):
    """A scheduler that steps others."""

    family = "Composite"
    on_command_line = False
    takes_last_epoch = False

    schedulers: tuple[SchedulerSpec, ...] = arg(ListOf(SchedulerArg("the schedulers, in order"), least=1))

    def __post_init__(self) -> None:
        super().__post_init__()
        message = "a container steps its children itself: say when in its milestones, not in swa_start"
        problems = [
            Problem(field=f"schedulers[{number}].swa_start", message=message)
            for number, child in enumerate(self.schedulers)
            if child.first_step
        ]
        if problems:
            raise SpecError(problems)

    def children(self) -> list[SchedulerSpec]:
        return list(self.schedulers)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        found: list[SchedulerSpec] = []
        for number, part in enumerate(self.segments(0, length)):
            try:
                found.append(part.spec.resolved(part.length, known._replace(start=known.start + part.start)))
            except SpecError as error:
                raise SpecError([each.within(f"schedulers[{number}]") for each in error.problems]) from None
        return dataclasses.replace(self, schedulers=tuple(found))

    def _children_code(self, script: Script) -> Node:
        """Return the list of the schedulers, each written with the length of its own part."""
        parts = self.segments(0, script.total)
        return listing([part.spec.code(dataclasses.replace(script, total=part.length)) for part in parts])

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(child.target_lr(base_lr, group) for child in self.schedulers)

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        peaks = [child.reachable_lr(base_lr, group, steps) for child in self.schedulers]
        return max((peak for peak in peaks if peak is not None), default=None)


class SequentialLR(_Container):
    """Run one scheduler after another, changing at milestones.

        lr_t = lr of schedulers[k] at t - m_k    if m_k <= t < m_(k+1)

        m_0 = 0, then the milestones

    First step: as the first scheduler.

    Past its end: as the last scheduler.

    Source: torch.optim.lr_scheduler.SequentialLR.
    """

    name = "sequential"
    shape = "▁▄▅▇██▇▆▆▅▃▂▂▁▁▁"
    example = {
        "schedulers": [{"name": "linear", "start_factor": 0.1, "total_iters": 8}, {"name": "cosine"}],
        "milestones": [8],
    }

    milestones: tuple[int, ...] = arg(
        ListOf(Duration("steps at which the next one takes over", minimum=0, is_milestone=True), sample="[8]")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        wanted = len(self.schedulers) - 1
        if len(self.milestones) != wanted:
            message = f"must be one fewer than the schedulers: {wanted}, not {len(self.milestones)}"
            raise SpecError(Problem(field="milestones", message=message))
        by_hand = "torch's SequentialLR cannot switch to or from {}, which sets the learning rate by hand"
        problems = [
            Problem(field=f"schedulers[{number}].name", message=by_hand.format(child.name))
            for number, child in enumerate(self.schedulers)
            if child.sets_rate_by_hand
        ]
        if problems:
            raise SpecError(problems)

    @property
    def title(self) -> str:
        return ", then ".join(child.title for child in self.schedulers)

    def segments(self, start: int, end: int) -> list[Segment]:
        parts = zip(self.schedulers, edges(self.milestones, end - start), strict=True)
        return [Segment(child, start + first, start + last) for child, (first, last) in parts]

    def code(self, script: Script) -> Node:
        children, name = self._children_code(script), script.torch(type(self).__name__)
        return call(name, "optimizer", schedulers=children, milestones=literal(self.milestones))

    def length(self) -> int | None:
        last = self.schedulers[-1].length()
        return None if last is None else max(self.milestones[-1:], default=0) + last

    def marks(self) -> tuple[int, ...]:
        return self.milestones

    def annotations(self, view: View) -> Iterator[Annotation]:
        parts = self.segments(0, view.last + 1)
        ascend = all(part.start <= part.end for part in parts)
        if not ascend or len(parts) > MOST + 1:  # only what is sure: where the first hands over
            first = self.milestones[0]
            parts = [parts[0], Segment(parts[1].spec, first, view.last + 1)] if first <= view.last else []
        labels = [WARMUP] * view.has_warmup + [part.spec.label for part in parts[view.has_warmup :]]
        for part, label in zip(parts, labels, strict=False):
            yield from view.span(part.start, part.end, label, view.peak)
        for index, part in enumerate(parts[1 + view.has_warmup :]):
            yield from view.point(part.start, f"milestones[{index}]")


class ChainedScheduler(_Container):
    """Step several schedulers together; their factors multiply.

        lr_t = base_lr * the product of all schedulers' factors at t

        one that computes from base_lr (LambdaLR, OneCycleLR) erases those before it

    First step: trains with the product of the schedulers' factors at 0, too.

    Past its end: as each of its schedulers.

    Source: torch.optim.lr_scheduler.ChainedScheduler.
    """

    name = "chained"
    shape = "█▆▅▄▇▅▄▃▃▂▂▁▁▁▁▁"
    example = {
        "schedulers": [{"name": "constant", "factor": 0.5, "total_iters": 8}, {"name": "exponential", "gamma": 0.9}],
    }
    no_warmup = ("torch cannot start a ChainedScheduler at a milestone", NESTED)

    @property
    def title(self) -> str:
        return " x ".join(child.title for child in self.schedulers)

    def segments(self, start: int, end: int) -> list[Segment]:
        return [Segment(child, start, end) for child in self.schedulers]

    def code(self, script: Script) -> Node:
        return call(script.torch(type(self).__name__), self._children_code(script))

    def annotations(self, view: View) -> Iterator[Annotation]:
        for child in self.schedulers[:MOST]:
            name, length = child.length_arg or child.period_arg, child.length()
            if name and length:
                yield from view.span(0, length, f"{child.label}: {name}", view.peak)
        if len(self.schedulers) <= MOST:
            yield from view.point(view.last // 3, " * ".join(child.label for child in self.schedulers))


class Warmup(Record):
    """`warmup: 500`, a SequentialLR written short: a warmup, then any scheduler.

    It takes `warmup` scheduler steps, from `warmup_start` times the learning rate up to the learning rate:
    torch's LinearLR, or a LambdaLR for what that cannot do.
    """

    warmup: int | None = arg(
        Duration("length of a warmup before the scheduler", minimum=0, default_text="none"), default=None
    )
    warmup_start: float | None = arg(
        Real("factor of the learning rate to start with", minimum=0, maximum=1, default_text=str(DEFAULT_START)),
        default=None,
    )
    warmup_shape: str | None = arg(
        OneOf(WARMUP_SHAPES, "how the learning rate rises", default_text=WARMUP_SHAPES[0]), default=None
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in ("warmup_start", "warmup_shape") if getattr(self, name) is not None]
        if self.warmup is None and given:
            raise SpecError([Problem(field=name, message="requires `warmup`, its length") for name in given])
        if self.warmup_shape == "exponential" and self.warmup_start == 0:
            raise SpecError(Problem(field="warmup_start", message=NO_EXPONENTIAL))

    def rising(self, length: int) -> SchedulerSpec:
        """Return the warmup alone."""
        start = DEFAULT_START if self.warmup_start is None else self.warmup_start
        if start and self.warmup_shape in (None, "linear"):
            return LinearLR(start_factor=start, end_factor=1.0, total_iters=length)
        return LambdaWarmup(start_factor=start, total_iters=length, mode=self.warmup_shape or "linear")

    def before(self, scheduler: SchedulerSpec) -> SchedulerSpec:
        """Return a sequence of the warmup and the scheduler, which starts where the warmup ends.

        The steps of the scheduler, a sequence's milestones among them, count from there. A plateau, which
        torch has in no sequence, is stepped beside the warmup from the start. Without a warmup, or with one
        of no steps, it is the scheduler itself. Raises SpecError for schedulers that cannot follow one.
        """
        if not self.warmup:
            return scheduler
        reason, cause = scheduler.no_warmup
        if scheduler.first_step:
            reason = "swa_start and warmup exclude each other; write a sequence"
        if isinstance(scheduler, ReduceLROnPlateau) and scheduler.warmup:
            reason = "the plateau has a warmup of its own; write one of the two"
        if reason:
            raise SpecError(Problem(field="warmup", message=reason, cause=cause))
        rising = self.rising(self.warmup)
        if isinstance(scheduler, ReduceLROnPlateau):
            return dataclasses.replace(scheduler, warmup=rising)
        inner = scheduler if isinstance(scheduler, SequentialLR) else None
        return SequentialLR(
            schedulers=(rising, *(inner.schedulers if inner else (scheduler,))),
            milestones=(self.warmup, *(self.warmup + milestone for milestone in (inner.milestones if inner else ()))),
        )
