"""The run: how many optimizer steps it has, and at which of them the scheduler steps."""

from __future__ import annotations

from dataclasses import dataclass

from lrviz.errors import Problem, SpecError
from lrviz.spec.kinds import Choice, Count, Record, arg

__all__ = ["MAX_STEPS", "Clock", "Run"]

MAX_STEPS = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Run(Record):
    """What is said of a run's length; `clock` is what it comes to.

    Lengths are in optimizer steps. Raises SpecError for lengths that contradict each other and for
    more than `MAX_STEPS` steps.
    """

    epochs: int = arg(4, Count("passes over the data"))
    steps_per_epoch: int = arg(8, Count("optimizer steps in one epoch"))
    interval: str = arg("step", Choice(("step", "epoch"), "what the scheduler's step is tied to"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs * self.steps_per_epoch > MAX_STEPS:
            raise SpecError(
                Problem(
                    field="epochs",
                    message=f"{self.epochs} epochs of {self.steps_per_epoch} steps are more than the limit "
                    f"of {MAX_STEPS:,} steps",
                )
            )

    @property
    def clock(self) -> Clock:
        """The resolved lengths."""
        return Clock(
            steps=self.epochs * self.steps_per_epoch,
            steps_per_epoch=self.steps_per_epoch,
            stride=1 if self.interval == "step" else self.steps_per_epoch,
        )


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A run resolved to optimizer steps and scheduler steps.

    `stride` is the number of optimizer steps between two scheduler steps; one setting of the
    optimizer holds for a whole stride.
    """

    steps: int
    steps_per_epoch: int | None
    stride: int

    @property
    def settings(self) -> int:
        """How many settings the run trains with: one, and one more after each scheduler step."""
        return -(-self.steps // self.stride)

    def epoch_of(self, step: int) -> int | None:
        """Return the 0-based epoch that optimizer step `step` belongs to, if the run has epochs."""
        return step // self.steps_per_epoch if self.steps_per_epoch else None
