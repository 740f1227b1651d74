"""Schedulers made of schedulers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.argtypes import (
    ArgType,
    Durations,
    Invalid,
    arg,
)
from lrviz.experiment.schedulers.base import SchedulerSpec

__all__ = ["ChainedScheduler", "Children", "SequentialLR"]


@dataclass(frozen=True, eq=False, repr=False)
class Children(ArgType):
    """Schedulers inside a scheduler."""

    metavar: ClassVar[str] = "SCHEDULER,…"

    def convert(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)) or not value:
            raise Invalid(f"must be a list of schedulers, at least one, not {shown(value)}")
        for child in value:
            if not isinstance(child, SchedulerSpec):
                raise Invalid(f"must hold schedulers, not {shown(child)}")
        return tuple(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"$ref": "#/$defs/scheduler"}, "minItems": 1}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SequentialLR(SchedulerSpec):
    """Run one scheduler after another, changing at milestones."""

    name = "sequential"
    family = "Composite"
    shape = "▁▄▅▇██▇▆▆▅▃▂▂▁▁▁"
    example = {
        "schedulers": [{"name": "linear", "start_factor": 0.1, "total_iters": 8}, {"name": "cosine"}],
        "milestones": [8],
    }
    on_command_line = False

    schedulers: tuple[SchedulerSpec, ...] = arg(..., Children("the schedulers, in order"))
    milestones: tuple[int, ...] = arg(..., Durations("steps at which the next one takes over", minimum=0))

    def __post_init__(self) -> None:
        super().__post_init__()
        wanted = len(self.schedulers) - 1
        if len(self.milestones) != wanted:
            message = f"must be one fewer than the schedulers: {wanted}, not {len(self.milestones)}"
            raise SpecError(Problem(field="milestones", message=message))

    @property
    def title(self) -> str:
        return ", then ".join(child.title for child in self.schedulers)

    def children(self) -> tuple[SchedulerSpec, ...]:
        return self.schedulers

    def resolved(self, length: int) -> Self:
        edges = pairwise((0, *self.milestones, length))
        parts = zip(self.schedulers, edges, strict=True)
        resolved = tuple(child.resolved(max(1, end - start)) for child, (start, end) in parts)
        return dataclasses.replace(self, schedulers=resolved)

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(child.target_lr(base_lr, group) for child in self.schedulers)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ChainedScheduler(SchedulerSpec):
    """Step several schedulers together; their factors multiply."""

    name = "chained"
    family = "Composite"
    shape = "█▆▅▄▇▅▄▃▃▂▂▁▁▁▁▁"
    example = {
        "schedulers": [{"name": "constant", "factor": 0.5, "total_iters": 8}, {"name": "exponential", "gamma": 0.9}],
    }
    on_command_line = False

    schedulers: tuple[SchedulerSpec, ...] = arg(..., Children("the schedulers, all stepped at once"))

    @property
    def title(self) -> str:
        return " x ".join(child.title for child in self.schedulers)

    def children(self) -> tuple[SchedulerSpec, ...]:
        return self.schedulers

    def resolved(self, length: int) -> Self:
        return dataclasses.replace(self, schedulers=tuple(child.resolved(length) for child in self.schedulers))

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(child.target_lr(base_lr, group) for child in self.schedulers)
