"""The result of a replay: what every optimizer step trained with. Knows nothing of torch."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["Event", "Failure", "GroupTrace", "Remark", "Summary", "Trace", "column"]


def column(values: Sequence[float] | array[float]) -> memoryview:
    """Return numbers as a read-only buffer of doubles, which `numpy.asarray` takes without copying."""
    return memoryview(values if isinstance(values, array) else array("d", values)).toreadonly()


@dataclass(frozen=True, kw_only=True)
class GroupTrace:
    """One parameter group's values, one for each setting of the optimizer (see `Trace.stride`).

    `momentum` is beta1 where the optimizer has betas, and None where it has neither.
    """

    name: str
    lr: memoryview
    momentum: memoryview | None = None
    weight_decay: memoryview | None = None

    @cached_property
    def peak(self) -> tuple[int, float]:
        """The first setting with the highest rate, and that rate: NaN only where all are."""
        peak: float = max(self.lr)
        if math.isnan(peak):  # so is the first, then, and it hides the rest: nothing compares with it
            peak = max((rate for rate in self.lr if not math.isnan(rate)), default=math.nan)
        return next((index for index, rate in enumerate(self.lr) if rate == peak), 0), peak


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a replay, after so many whole optimizer steps."""

    step: int  # optimizer steps that were trained before it; 0: the scheduler was being built
    epoch: int | None  # 0-based epoch of the last of them, where there is one and the run has epochs

    @property
    def where(self) -> str:
        """When it happened, by the 0-based step before it, in words: "after step 16 (epoch 2)"."""
        if not self.step:
            return "when the scheduler was built"
        return f"after step {self.step - 1:,}" + ("" if self.epoch is None else f" (epoch {self.epoch:,})")


@dataclass(frozen=True, kw_only=True)
class Failure(Event):
    """Where a replay stopped, and in whose words."""

    kind: str  # "ValueError"
    message: str  # torch's own words

    @property
    def words(self) -> str:
        """What was raised, as Python prints it: "ValueError: Tried to step 17 times"."""
        return f"{self.kind}: {self.message}" if self.message else self.kind


@dataclass(frozen=True, kw_only=True)
class Remark(Event):
    """A warning that torch gave, where it first did."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a schedule does, in four numbers; the peak is the first of equals, and NaN only where all are."""

    first: float
    peak: float
    peak_step: int
    last: float


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What every optimizer step of a run trained with, for every parameter group.

    The optimizer's settings change only when the scheduler steps, so a column holds one value for
    each `stride` optimizer steps: step i trained with `lr[i // stride]`. `steps` is the number of
    steps recorded, fewer than the run has only where `failure` says why.
    """

    tracks: tuple[GroupTrace, ...]
    steps: int
    stride: int
    steps_per_epoch: int | None
    momentum_name: str | None  # "momentum", "beta1" or None
    engine: str
    torch_version: str
    loss: memoryview | None = None  # of the toy training, before each optimizer step
    metric: memoryview | None = None  # what a plateau was given, one value for each scheduler step
    remarks: tuple[Remark, ...] = ()
    failure: Failure | None = field(default=None)

    @property
    def settings(self) -> int:
        """How many settings were recorded: the length of every column."""
        return len(self.tracks[0].lr) if self.tracks else 0

    def epoch_of(self, step: int) -> int | None:
        """Return the 0-based epoch of an optimizer step, if the run has epochs."""
        return step // self.steps_per_epoch if self.steps_per_epoch else None

    def expand(self, values: memoryview) -> Iterator[float]:
        """Yield a column's value for every optimizer step."""
        return (values[step // self.stride] for step in range(self.steps))

    def summary(self, track: GroupTrace) -> Summary:
        """Return the first, peak and last rate of a group; raises ValueError on an empty trace."""
        where, peak = track.peak
        return Summary(first=track.lr[0], peak=peak, peak_step=where * self.stride, last=track.lr[-1])
