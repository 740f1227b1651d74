"""Learning rates that a training loop sets itself in `param_groups`."""

from __future__ import annotations

from dataclasses import dataclass

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import (
    Choice,
    Real,
    Schedule,
    arg,
)
from lrviz.experiment.schedulers.base import SchedulerSpec

__all__ = ["Manual", "RangeTest"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Manual(SchedulerSpec):
    """Set the rate by hand in param_groups at chosen steps."""

    name = "manual"
    module = None
    family = "By hand"
    shape = "████████▄▄▄▄▁▁▁▁"
    example = {"values": {0: 1e-3, 16: 5e-4, 24: 1e-4}}

    values: tuple[tuple[int, float], ...] = arg(..., Schedule("the rate from each step on"))

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(rate for _, rate in self.values)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RangeTest(SchedulerSpec):
    """Raise the rate from min_lr to max_lr over the run, to find a good one."""

    name = "range-test"
    module = None
    family = "By hand"
    shape = "▁▁▁▁▁▁▁▁▁▁▁▁▁▂▄█"
    example = {"min_lr": 1e-5, "max_lr": 1.0}

    min_lr: float = arg(..., Real("rate of the first step", above=0))
    max_lr: float = arg(..., Real("rate of the last step", above=0))
    mode: str = arg("exponential", Choice(("exponential", "linear"), "how the rate rises"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_lr <= self.min_lr:
            message = f"must be above min_lr, {self.min_lr:g}, not {self.max_lr:g}: a range test raises the rate"
            raise SpecError(Problem(field="max_lr", message=message))

    def target_lr(self, base_lr: float, group: int) -> float:
        return self.max_lr
