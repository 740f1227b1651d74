"""What a parameter group's learning rate does over a run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from lrviz.arrays import Values
from lrviz.trace import GroupTrace, Summary

DEAD = 1e-4  # of the peak: a learning rate that moves nothing
DEAD_SHARE = 0.05  # of the steps
SLIGHT = 0.01  # of a curve's height
ROUNDING = 1e-9
JUMP = 0.2  # of a curve's height: from one record to the next
SPENT = 0.15  # of the peak: a decay that got there is over
ALIKE = 16  # records that are compared with the first ones
LEAST = 4  # of them


@dataclass(frozen=True)
class Curve:
    """The learning rates of one parameter group, with its number, its base rate, and how a message names it."""

    number: int
    base: float
    group: GroupTrace
    of_group: str  # " (group head)" where there are several

    @property
    def lr(self) -> Values:
        return self.group.lr

    @property
    def summary(self) -> Summary:
        return self.group.summary

    @property
    def low(self) -> float:
        """The lowest learning rate from the peak on."""
        lowest: float = min(self.lr[self.summary.peak_step :])
        return lowest

    @property
    def is_flat(self) -> bool:
        return bool(min(self.lr) == max(self.lr))

    def first(self, wanted: Callable[[float], bool], start: int = 0) -> int | None:
        """Return the first step, from `start` on, with a learning rate for which `wanted` is true."""
        return next((start + step for step, rate in enumerate(self.lr[start:]) if wanted(rate)), None)

    def dead_steps(self) -> int:
        """Return how many steps have less than `DEAD` of the peak, 0 where it is no more than `DEAD_SHARE` of them."""
        limit = DEAD * max(self.lr)
        if not limit > 0 or min(self.lr) >= limit:
            return 0
        steps = sum(-limit < rate < limit for rate in self.lr)
        return steps if steps > DEAD_SHARE * len(self.lr) else 0

    def still_rises(self, stride: int) -> bool:
        """Return whether the last step has the highest learning rate, which none had before the last twentieth."""
        last, earlier = self.lr[-1], len(self.lr) - 1 - max(stride, len(self.lr) // 20)
        is_highest = math.isfinite(last) and last >= self.summary.peak * (1 - ROUNDING)
        return is_highest and 0 <= earlier < self.summary.peak_step

    def starts_again(self) -> int | None:
        """Return the record at which the learning rate jumps, not from its low end, and then goes on as it began.

        What follows lies between the values that the beginning has, one by one, as in a log that has not every step.
        """
        height = self.summary.peak - min(self.lr)
        if not 0 < height < math.inf:
            return None
        low = SPENT * self.summary.peak
        for record, (before, after) in enumerate(pairwise(self.lr), 1):
            is_decaying = low < before <= self.lr[max(record - 2, 0)]
            if is_decaying and abs(after - before) > JUMP * height and self._is_like_the_start(record, height):
                return record
        return None

    def _is_like_the_start(self, record: int, height: float) -> bool:
        """Return whether the values from a record on follow those of the start, and tell something."""
        count = min(record, len(self.lr) - record, ALIKE)
        start, again = self.lr[: count + 1], self.lr[record : record + count]
        if count < LEAST or len(set(again)) < LEAST:
            return False
        slack = ROUNDING * height
        between = sum(
            min(pair) - slack <= value <= max(pair) + slack for pair, value in zip(pairwise(start), again, strict=True)
        )
        return between >= count - 1  # but for the peak, which may lie between two records

    def rises_from(self) -> int | None:
        """Return the step of the minimum after the peak where the learning rate climbs back from it, not at once.

        It ends at its highest since then, or above half of its height; a restart jumps.
        """
        low, last = self.low, self.lr[-1]
        height = self.summary.peak - low
        if not math.isfinite(height) or not last - low > SLIGHT * height:
            return None
        step = self.first(lambda rate: rate == low, self.summary.peak_step) or 0
        rise = self.lr[step:]
        ends_high = last >= max(rise) * (1 - ROUNDING) or last - low > height / 2
        is_smooth = max(second - first for first, second in pairwise(rise)) <= height / 2
        return step if ends_high and is_smooth else None
