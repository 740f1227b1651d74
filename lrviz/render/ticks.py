"""Where ticks stand and how numbers on an axis are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lrviz.experiment.scalars import short

NICE = (1, 2, 5, 10)


@dataclass(frozen=True)
class Ticks:
    """The places of major ticks, their labels, and the places of minor ticks."""

    places: Sequence[float]
    labels: Sequence[str]
    minor: Sequence[float] = ()


def nice(least: float) -> float:
    """Return the smallest of 1, 2, 5 x 10^k that is at least `least` (positive)."""
    power = math.floor(math.log10(least))
    for factor in NICE:
        step = factor * 10.0**power if power >= 0 else factor / 10.0**-power
        if step >= least * (1 - 1e-9):
            return step
    return 10.0 ** (power + 1)


def _power(value: float) -> str:
    """Return 1, 2 or 5 times a power of ten as an axis of many decades writes it: 5e-4."""
    factor, exponent = f"{value:.0e}".split("e")
    return f"{factor}e{int(exponent)}" if int(exponent) else factor


def level_ticks(low: float, high: float, count: float) -> Ticks:
    """Return about `count` ticks on a linear axis from `low` to `high`, all with the same decimals."""
    step = nice((high - low) / max(1, count))
    if math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) < 1:  # a lone tick says nothing of the scale
        step = nice(step / 3)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    places = [float(f"{index * step:.12g}") for index in range(first, last + 1)]
    if step >= 1e-5 and max(abs(low), abs(high)) < 1e6:
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        return Ticks(places, [f"{place:.{decimals}f}" for place in places])
    return Ticks(places, [short(place) for place in places])


def log_ticks(low: float, high: float, count: int) -> Ticks:
    """Return ticks on whole decades of a logarithmic axis, or on 1, 2, 5 where there are few decades."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        factors = [f * 10.0**power for power in range(first - 1, last + 1) for f in (1, 2, 5)]
        places = [place for place in factors if low <= place <= high]
        if len(places) < 2:
            return level_ticks(low, high, count)
        return Ticks(places, [_power(place) for place in places])
    every = max(1, math.ceil((last - first + 1) / max(2, count)))
    powers = range(last - (last - first) // every * every, last + 1, every)
    places = [10.0**power for power in powers]
    minor = [f * 10.0**power for power in range(first - 1, last + 1) for f in range(2, 10)] if every == 1 else []
    return Ticks(places, [_power(place) for place in places], [place for place in minor if low <= place <= high])


def step_ticks(steps: int, steps_per_epoch: int | None, labels: int) -> Ticks:
    """Return ticks of the step axis of a run: on a nice number of epochs, or on nice steps without them.

    At most about `labels` of them carry a label. Minor ticks are the steps while those are few,
    else the epochs while those are.
    """
    if steps_per_epoch and steps >= 2 * steps_per_epoch:
        places = range(0, steps + 1, steps_per_epoch * _every(steps / steps_per_epoch, labels))
    else:
        places = range(0, steps + 1, _every(steps, labels))
    minor: Sequence[float] = ()
    if steps <= labels * 12:
        minor = range(steps + 1)
    elif steps_per_epoch and steps / steps_per_epoch <= labels * 12:
        minor = range(0, steps + 1, steps_per_epoch)
    taken = set(places)
    return Ticks(places, [f"{place:,}" for place in places], [place for place in minor if place not in taken])


def unit_ticks(end: float, labels: int) -> Ticks:
    """Return ticks of an axis from 0 to `end` that counts epochs, per cent or samples: whole numbers, if there are two.

    At most about `labels` of them carry a label. Minor ticks are the whole numbers while those are few.
    """
    if end < 2:
        return level_ticks(0.0, end, labels)
    places = range(0, int(end + 1e-9) + 1, _every(end, labels))
    minor = range(int(end) + 1) if end <= labels * 5 else ()
    return Ticks(places, [f"{place:,}" for place in places], [place for place in minor if place not in places])


def epoch_ticks(steps: int, steps_per_epoch: int, labels: int) -> Ticks:
    """Return ticks of the epoch axis, in steps, labelled with how many epochs are behind."""
    places = range(0, steps + 1, steps_per_epoch * _every(steps / steps_per_epoch, labels))
    return Ticks(places, [f"{place // steps_per_epoch:,}" for place in places])


def _every(length: float, labels: int) -> int:
    return max(1, round(nice(length / max(1, labels))))
