"""A linear warmup before any scheduler: `warmup: 500` is a SequentialLR written short."""

from __future__ import annotations

from dataclasses import dataclass

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Duration, Real, Record, arg
from lrviz.experiment.schedulers import (
    SWALR,
    ChainedScheduler,
    CyclicLR,
    LinearLR,
    Manual,
    OneCycleLR,
    RangeTest,
    ReduceLROnPlateau,
    SchedulerSpec,
    SequentialLR,
)

__all__ = ["DEFAULT_START", "Warmup"]

DEFAULT_START = 0.01  # LinearLR refuses 0; a hundredth of the rate is as good as none

_REASONS: dict[type[SchedulerSpec], tuple[str, str | None]] = {
    OneCycleLR: ("OneCycleLR has a warmup of its own: set pct_start", "lr-overwritten"),
    CyclicLR: ("CyclicLR sets its own rates from base_lr up, and would overwrite the warmup's", "lr-overwritten"),
    ReduceLROnPlateau: (
        "torch refuses ReduceLROnPlateau in a sequence; step a LinearLR and the plateau side by side in your loop",
        "plateau-in-container",
    ),
    ChainedScheduler: ("torch cannot start a ChainedScheduler at a milestone: NotImplementedError", "nested-container"),
    Manual: ("manual sets every rate itself: write the warmup into its values", None),
    RangeTest: ("range-test rises over the whole run by itself", None),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Warmup(Record):
    """A linear warmup of `warmup` scheduler steps, from `warmup_start` times the rate up to the rate."""

    warmup: int | None = arg(None, Duration("length of a linear warmup before the scheduler", default_text="none"))
    warmup_start: float | None = arg(
        None,
        Real("factor of the rate that the warmup starts with", above=0, maximum=1, default_text=str(DEFAULT_START)),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup is None and self.warmup_start is not None:
            raise SpecError(Problem(field="warmup_start", message="stands alone; give warmup, its length, too"))

    def before(self, scheduler: SchedulerSpec) -> SchedulerSpec:
        """Return a sequence of the warmup and the scheduler, which starts where the warmup ends.

        The steps of the scheduler, a sequence's milestones among them, count from there. Without a
        warmup it is the scheduler itself. Raises SpecError for schedulers that cannot follow one.
        """
        if self.warmup is None:
            return scheduler
        reason = _REASONS.get(type(scheduler))
        if reason is not None:
            raise SpecError(Problem(field="warmup", message=reason[0], rule=reason[1]))
        if isinstance(scheduler, SWALR) and scheduler.swa_start:
            raise SpecError(
                Problem(field="warmup", message="swa_start and warmup exclude each other; write a sequence")
            )
        rising = LinearLR(start_factor=self.warmup_start or DEFAULT_START, end_factor=1.0, total_iters=self.warmup)
        inner = scheduler if isinstance(scheduler, SequentialLR) else None
        return SequentialLR(
            schedulers=(rising, *(inner.schedulers if inner else (scheduler,))),
            milestones=(self.warmup, *(self.warmup + milestone for milestone in (inner.milestones if inner else ()))),
        )
