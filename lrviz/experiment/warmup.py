"""A linear warmup before any scheduler: `warmup: 500` is a SequentialLR written short."""

from __future__ import annotations

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Duration, Real
from lrviz.experiment.record import Record, arg
from lrviz.experiment.schedulers import LinearLR, SchedulerSpec, SequentialLR

__all__ = ["DEFAULT_START", "Warmup"]

DEFAULT_START = 0.01  # LinearLR refuses 0; a hundredth of the rate is as good as none


class Warmup(Record):
    """A linear warmup of `warmup` scheduler steps, from `warmup_start` times the rate up to the rate."""

    warmup: int | None = arg(
        Duration("length of a linear warmup before the scheduler", minimum=0, default_text="none"), default=None
    )
    warmup_start: float | None = arg(
        Real(
            "factor of the learning rate that the warmup starts with",
            above=0,
            maximum=1,
            default_text=str(DEFAULT_START),
        ),
        default=None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup is None and self.warmup_start is not None:
            raise SpecError(Problem(field="warmup_start", message="requires `warmup`, its length"))

    def before(self, scheduler: SchedulerSpec) -> SchedulerSpec:
        """Return a sequence of the warmup and the scheduler, which starts where the warmup ends.

        The steps of the scheduler, a sequence's milestones among them, count from there. Without a
        warmup, or with one of no steps, it is the scheduler itself. Raises SpecError for schedulers that
        cannot follow one.
        """
        if not self.warmup:
            return scheduler
        reason, cause = scheduler.no_warmup
        if scheduler.first_step:
            reason = "swa_start and warmup exclude each other; write a sequence"
        if reason:
            raise SpecError(Problem(field="warmup", message=reason, cause=cause))
        rising = LinearLR(start_factor=self.warmup_start or DEFAULT_START, end_factor=1.0, total_iters=self.warmup)
        inner = scheduler if isinstance(scheduler, SequentialLR) else None
        return SequentialLR(
            schedulers=(rising, *(inner.schedulers if inner else (scheduler,))),
            milestones=(self.warmup, *(self.warmup + milestone for milestone in (inner.milestones if inner else ()))),
        )
