"""What a learning rate does over a run: dies, rises to the end, or rises again. For several rules."""

from __future__ import annotations

import math
from itertools import pairwise

from lrviz.rules.case import DEAD, first_with
from lrviz.trace import GroupTrace

__all__ = ["dead_share", "rises_again", "still_rises"]

DEAD_SHARE = 0.05  # of the steps
SLIGHT = 0.01  # of a curve's height
ROUNDING = 1e-9


def dead_share(group: GroupTrace) -> float:
    """Return the share of steps with less than `DEAD` of the peak, 0 where it is no more than `DEAD_SHARE`."""
    limit = DEAD * max(group.lr)
    if not limit > 0 or min(group.lr) >= limit:
        return 0.0
    share = sum(-limit < rate < limit for rate in group.lr) / len(group.lr)
    return share if share > DEAD_SHARE else 0.0


def still_rises(group: GroupTrace, stride: int) -> bool:
    """Return whether the last step has the highest learning rate, which none had before the last twentieth."""
    last, earlier = group.lr[-1], len(group.lr) - 1 - max(stride, len(group.lr) // 20)
    is_highest = math.isfinite(last) and last >= group.summary.peak * (1 - ROUNDING)
    return is_highest and 0 <= earlier < group.summary.peak_step


def rises_again(group: GroupTrace) -> int | None:
    """Return the step of the minimum after the peak where the learning rate climbs back from it, not at once.

    It ends at its highest since then, or above half of its height; a restart jumps.
    """
    after = group.lr[group.summary.peak_step :]
    low, last, peak = min(after), group.lr[-1], group.summary.peak
    height = peak - low
    if not math.isfinite(height) or not last - low > SLIGHT * height:
        return None
    bottom = first_with(after, lambda rate: rate == low) or 0
    rise = after[bottom:]
    ends_on_top = last >= max(rise) * (1 - ROUNDING)
    if not (ends_on_top or last - low > 0.5 * height):
        return None
    is_smooth = max(second - first for first, second in pairwise(rise)) <= 0.5 * height
    return group.summary.peak_step + bottom if is_smooth else None
