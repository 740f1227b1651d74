"""The two points that a learning-rate range test suggests."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Suggestion", "steepest", "usable", "valley"]

DIVERGED = 4.0  # times the best loss: where fastai's `lr_find` stops


@dataclass(frozen=True)
class Suggestion:
    """A learning rate that a range test suggests, the loss there, and its index in the run."""

    index: int
    rate: float
    loss: float


def usable(losses: Sequence[float]) -> int:
    """Return how many losses come before the range test diverges: is not finite, or over four times its best."""
    best = math.inf
    for index, loss in enumerate(losses):
        if not math.isfinite(loss) or loss > DIVERGED * best:
            return index
        best = min(best, loss)
    return len(losses)


def steepest(rates: Sequence[float], losses: Sequence[float]) -> Suggestion | None:
    """Return where the loss falls fastest per unit of log learning rate (fastai's `steep`), or None."""
    slopes = [
        (losses[i + 1] - losses[i]) / math.log(rates[i + 1] / rates[i]) if rates[i + 1] > rates[i] > 0 else 0.0
        for i in range(len(losses) - 1)
    ]
    if not slopes or min(slopes) >= 0:
        return None
    index = slopes.index(min(slopes))
    return Suggestion(index, rates[index], losses[index])


def valley(rates: Sequence[float], losses: Sequence[float]) -> Suggestion | None:
    """Return the middle of the longest run of falling losses (fastai's `valley`), or None where they never fall.

    The run is the longest decreasing subsequence, so that noise does not end it.
    """
    lowest: list[float] = []  # the last, negated loss of the best subsequence of each length
    longest, end = 1, 0
    for index, loss in enumerate(losses):
        place = bisect_left(lowest, -loss)
        lowest[place : place + 1] = [-loss]
        if place + 1 > longest:
            longest, end = place + 1, index
    if longest < 2:
        return None
    start = max(0, end - longest)
    third = (end - start) / 3
    index = start + int(third) + int(third / 2)
    return Suggestion(index, rates[index], losses[index])
