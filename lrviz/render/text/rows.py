"""Which steps of a trace a table shows: constant stretches folded, long runs thinned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import islice, pairwise
from typing import NamedTuple

from lrviz.arrays import Values
from lrviz.trace import GroupTrace, Trace

MOST = 40  # rows of a table that was not asked for more
JUMPS = 4
BLOCK = 4096


class Row(NamedTuple):
    """The steps `start` to `end`, both included, which all train with the same values."""

    start: int
    end: int


@dataclass(frozen=True)
class Selection:
    """The rows of a table, and in words by what rule others were left out, if any were."""

    rows: Sequence[Row]
    rule: str = ""


def picked(trace: Trace, every: int) -> Iterator[int]:
    """Yield every Nth optimizer step, and the last."""
    yield from range(0, trace.steps, every)
    if trace.steps and (trace.steps - 1) % every:
        yield trace.steps - 1


def sampled(trace: Trace, every: int) -> Selection:
    """Return a row for every Nth step, those on both sides of a checkpoint, and the last."""
    seam = _seam(trace, 1)
    rows = [Row(step, step) for step in sorted({*picked(trace, every), *seam})]
    both = ", both sides of the checkpoint" if seam else ""
    return Selection(rows, f"every {every:,} steps{both}, and the last" if len(rows) < trace.steps else "")


def folded(trace: Trace, stride: int) -> Selection:
    """Return a row for each stretch without a change, or a choice of `MOST` where there are more.

    Values change every `stride` steps at the most. The choice holds the first and the last stretch, each
    group's peak, the largest jumps with the row before them, both sides of a checkpoint, and a regular grid that
    starts at the epochs. No row goes on over a checkpoint.
    """
    if not trace.steps:
        return Selection([])
    words = [values.bits[::stride] for values in _shown(trace)]  # as bits: NaN equals itself
    last = len(words[0]) - 1
    seam = _seam(trace, stride)
    starts = sorted({0, *islice(_changes(words, last + 1), MOST), *seam[1:]})
    if len(starts) <= MOST:
        ends = [start - 1 for start in starts[1:]] + [last]
        return Selection([_row(trace, stride, start, end) for start, end in zip(starts, ends, strict=True)])
    picks = {0, last}
    picks |= {group.summary.peak_step // stride for group in trace.groups[: JUMPS * 2]}
    jumps = _jumps(trace.groups, stride)
    picks |= {*seam, *(index for jump in jumps for index in (jump - 1, jump))}
    grid, rule = _grid(trace, MOST - len(picks))
    picks |= {step // stride for step in grid}
    stretches = dict.fromkeys(_until(seam, pick, _stretch(words, pick)) for pick in sorted(picks))
    also = ["peak", *(["largest jumps"] if jumps else []), *(["both sides of the checkpoint"] if seam else []), "last"]
    return Selection([_row(trace, stride, *stretch) for stretch in stretches], f"{rule}, {', '.join(also)}")


def _seam(trace: Trace, stride: int) -> list[int]:
    """Return the last value before a checkpoint and the first after it, among every `stride`-th."""
    if trace.seam is None or trace.seam.step >= trace.steps:
        return []
    return [trace.seam.step // stride - 1, trace.seam.step // stride]


def _until(seam: Sequence[int], index: int, stretch: tuple[int, int]) -> tuple[int, int]:
    """Return the part of a stretch around an index that is on one side of a checkpoint."""
    first, last = stretch
    if not seam:
        return stretch
    return (max(first, seam[1]), last) if index >= seam[1] else (first, min(last, seam[0]))


def constant(values: Values) -> bool:
    """Return whether a column holds one value throughout."""
    words = values.bits
    return words[1:] == words[:-1]


def round_up(number: float) -> int:
    """Return a round number that is not less: 1 2 3 4 5 6 8 10 20 25 30 40 50 60 80 100 ..."""
    scale = 10 ** max(0, math.floor(math.log10(max(number, 1))))
    rounds = (1, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next(int(factor * scale) for factor in rounds if factor * scale >= number and (factor * scale) % 1 == 0)


def _shown(trace: Trace) -> Iterator[Values]:
    """Yield the columns whose changes a table shows."""
    for group in trace.groups:
        yield from (column for column in (group.lr, group.momentum, group.weight_decay) if column is not None)


def _row(trace: Trace, stride: int, first: int, last: int) -> Row:
    return Row(first * stride, min((last + 1) * stride, trace.steps) - 1)


def _changes(words: Sequence[memoryview], count: int) -> Iterator[int]:
    """Yield every index at which a column differs from the value before."""
    for start in range(1, count, BLOCK):
        end = min(start + BLOCK, count)
        if all(column[start:end] == column[start - 1 : end - 1] for column in words):
            continue
        yield from (i for i in range(start, end) if any(column[i] != column[i - 1] for column in words))


def _stretch(words: Sequence[memoryview], index: int) -> tuple[int, int]:
    """Return the first and the last index of the constant stretch around one."""

    def far(direction: int) -> int:
        at, leap, border = index, 1, 0 if direction < 0 else len(words[0]) - 1
        while at != border and leap:
            to = max(at - leap, 0) if direction < 0 else min(at + leap, border)
            low, high = min(at, to), max(at, to)
            same = all(column[low:high] == column[low + 1 : high + 1] for column in words)
            at, leap = (to, leap * 2) if same else (at, leap // 2)
        return at

    return far(-1), far(1)


def _jumps(groups: Sequence[GroupTrace], stride: int) -> list[int]:
    """Return where, among every `stride`-th value, a learning rate changes most: over 5 % of its peak, and suddenly."""
    found: list[tuple[float, int]] = []
    for group in groups:
        rates, scale = group.lr[::stride], abs(group.summary.peak) or 1.0
        least = 0.05 * scale
        steep = (i for i, (a, b) in enumerate(pairwise(rates), 1) if abs(b - a) > least)
        sudden = ((abs(rates[i] - rates[i - 1]), i) for i in steep if _is_sudden(rates, i))
        found += nlargest(JUMPS, ((size / scale, -i) for size, i in sudden))
    return sorted({-i for _, i in nlargest(JUMPS, found)})


def _is_sudden(rates: Values, index: int) -> bool:
    """Return whether the change at `index` is over three times the one on one of its sides."""
    sides = [i for i in (index - 1, index + 1) if 0 < i < len(rates)]
    size = abs(rates[index] - rates[index - 1])
    return any(size > 3 * abs(rates[i] - rates[i - 1]) for i in sides)


def _grid(trace: Trace, count: int) -> tuple[Iterable[int], str]:
    """Return at most `count` steps spread evenly over the run, and how, in words."""
    per_epoch = trace.steps_per_epoch
    if per_epoch is None:
        every = round_up(trace.steps / count)
        return range(0, trace.steps, every), f"every {every:,} steps"
    epochs = range(0, trace.steps, per_epoch)
    if len(epochs) > count:
        every = round_up(len(epochs) / count)
        return epochs[::every], f"every {every:,} epochs"
    every = _part(per_epoch, count // len(epochs))
    grid = [start + part for start in epochs for part in range(0, per_epoch, every) if start + part < trace.steps]
    return grid, "every epoch" if every >= per_epoch else f"every {every:,} steps of each epoch"


def _part(whole: int, parts: int) -> int:
    """Return a length that cuts `whole` into at most so many parts: an even one, or else a round one."""
    least = -(-whole // parts)
    return next((size for size in range(least, min(2 * least, whole + 1)) if whole % size == 0), round_up(least))
