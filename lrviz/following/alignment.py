"""Laying a log over a plan: which step's learning rate each record has, and which parameter group a column is."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lrviz.arrays import Values, column
from lrviz.errors import SpecError
from lrviz.trace import Groups, GroupTrace, Precision, Trace

MEAN = "the mean of all groups"
ROUNDING = 1e-10  # of the plan's peak: what two ways to compute one formula may be apart
SAMPLED = 2_000  # records by which a placement is chosen
CHANCE = 3  # records that fit another placement by chance
CLEARLY = 0.02  # of the records: by so many another placement must fit better than the usual one


class Placement(NamedTuple):
    """Which optimizer step's learning rate a record has: `offset` steps after the one that it says."""

    offset: int
    words: str
    place: Callable[[int], int]  # from what the log counts, from 0, to the plan's step


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A log laid over a plan, as well as it goes.

    `groups` has for each column of the log the number of the plan's group that it is, -1 for the mean of all.
    """

    placement: Placement
    groups: tuple[int, ...]
    fits: Sequence[bool]  # for each record that lies within the plan, whether all its columns fit
    records: Sequence[int]  # the numbers of these records
    beyond: int  # records after the plan's end

    @property
    def count(self) -> int:
        return sum(self.fits)

    @property
    def is_whole(self) -> bool:
        """Whether every record fits."""
        return not self.beyond and bool(self.fits) and all(self.fits)

    @property
    def first_miss(self) -> int | None:
        """The number of the first record that does not fit, None where all that can be compared do."""
        return next((record for record, fits in zip(self.records, self.fits, strict=True) if not fits), None)


def lay_over(plan: Trace, log: Trace, only: Sequence[int] | None = None, *, sampled: int | None = None) -> Fit:
    """Return the log over the plan as it fits best, by all of its records or those of these numbers.

    Raises SpecError where the log counts epochs and the plan has none.
    """
    records = range(log.steps) if only is None else only
    few = spread(records, sampled or SAMPLED)
    usual, *others = placements(plan, log)
    best = _laid(plan, log, usual, few)
    for placement in others:
        other = _laid(plan, log, placement, few)
        clearly = best.count + max(CHANCE, CLEARLY * len(few))
        if not best.is_whole and (other.is_whole or other.count >= clearly):
            best = other
    return best if sampled or len(few) == len(records) else _laid(plan, log, best.placement, records, best.groups)


def spread(records: Sequence[int], most: int) -> Sequence[int]:
    """Return at most so many records, evenly spread, the first and the last among them."""
    last = len(records) - 1
    if last < most:
        return records
    return [records[place * last // (most - 1)] for place in range(most)]


def placements(plan: Trace, log: Trace) -> tuple[Placement, ...]:
    """Return which step's learning rate a record may have, the usual first."""
    assert log.log is not None
    if log.log.unit != "epoch":
        return (
            Placement(0, "each record has the learning rate of its own step", lambda step: step),
            Placement(1, "each record has the learning rate of the next step", lambda step: step + 1),
            Placement(-1, "each record has the learning rate of the step before it", lambda step: step - 1),
        )
    size = plan.steps_per_epoch
    if size is None:
        raise SpecError("the log counts epochs, and the plan has none; give it steps_per_epoch")
    last = Placement(0, "each record has the learning rate of its epoch's last step", lambda e: (e + 1) * size - 1)
    if size == 1:
        last = Placement(0, "each record has the learning rate of its own epoch", lambda epoch: epoch)
    return (
        last,
        Placement(1, "each record has the learning rate of the next epoch's first step", lambda e: (e + 1) * size),
        Placement(0, "each record has the learning rate of its epoch's first step", lambda e: e * size),
        Placement(-1, "each record has the learning rate of the last step of the epoch before", lambda e: e * size - 1),
    )


def _laid(
    plan: Trace, log: Trace, placement: Placement, records: Sequence[int], groups: tuple[int, ...] | None = None
) -> Fit:
    steps = [placement.place(log.step_at(record)) for record in records]
    inside = [place for place, step in enumerate(steps) if 0 <= step < plan.steps]
    known = log.log
    assert known is not None
    early = sum(step < 0 for step in steps)
    past = len(steps) - len(inside) - early - (placement.offset > 0 and bool(steps) and steps[-1] == plan.steps)
    columns, chosen = [], []
    for number, group in enumerate(log.groups):
        wanted = candidates(plan, group, number) if groups is None else [groups[number]]
        found = [
            (index, _fitting(rates(plan, index), peak_of(plan, index), group, known.precision, steps, records, inside))
            for index in wanted
        ]
        index, fits = max(found, key=lambda pair: sum(pair[1]))
        chosen.append(index)
        columns.append(fits)
    return Fit(
        placement=placement, groups=tuple(chosen), fits=[all(each) for each in zip(*columns, strict=True)],
        records=[records[place] for place in inside], beyond=past,
    )  # fmt: skip


def _fitting(
    planned: Values,
    peak: float,
    group: GroupTrace,
    precision: Precision,
    steps: Sequence[int],
    records: Sequence[int],
    inside: Sequence[int],
) -> list[bool]:
    share, size = precision.share, precision.size + ROUNDING * peak
    pairs = ((group.lr[records[place]], planned[steps[place]]) for place in inside)
    return [abs(logged - value) <= share * abs(value) + size for logged, value in pairs]


def candidates(plan: Trace, group: GroupTrace, number: int) -> list[int]:
    """Return which of the plan's groups a column may be, the likeliest first; equal groups are one."""
    named = [index for index, each in enumerate(plan.groups) if each.name == group.name]
    own = [number] if number < len(plan.groups) else []
    order = dict.fromkeys([*named, *own, *range(len(plan.groups))])
    seen: list[Values] = []
    found = []
    for index in order:
        if plan.groups[index].lr not in seen:
            seen.append(plan.groups[index].lr)
            found.append(index)
    return [*found, -1] if len(seen) > 1 else found


def rates(plan: Trace, group: int) -> Values:
    """Return the learning rates of one of a plan's groups, -1 for the mean of all."""
    if group >= 0:
        return plan.groups[group].lr
    count = len(plan.groups)
    return column([sum(values) / count for values in zip(*(g.lr for g in plan.groups), strict=True)])


def peak_of(plan: Trace, group: int) -> float:
    """Return the highest learning rate of one of a plan's groups, of all where it is their mean; 0 where none is."""
    peaks = [each.summary.peak for each in (plan.groups if group < 0 else [plan.groups[group]])]
    return max((peak for peak in peaks if math.isfinite(peak)), default=0.0)


def placed(plan: Trace, log: Trace, fit: Fit) -> Trace:
    """Return the log with the plan's steps, for one axis with it; records before its first step are left out."""
    steps = {record: fit.placement.place(log.step_at(record)) for record in range(log.steps)}
    inside = {record: step for record, step in steps.items() if step >= 0}
    laid = part(log, list(inside), list(inside.values()))
    assert log.log is not None
    return replace(laid, steps_per_epoch=plan.steps_per_epoch, log=replace(log.log, unit="step"))


def part(log: Trace, records: Sequence[int], steps: Sequence[int]) -> Trace:
    """Return the records of these numbers, as records of other steps."""

    def of(values: Values) -> Values:
        return column([values[record] for record in records])

    def moved(group: GroupTrace) -> GroupTrace:
        momentum = None if group.momentum is None else of(group.momentum)
        decay = None if group.weight_decay is None else of(group.weight_decay)
        return replace(group, lr=of(group.lr), momentum=momentum, weight_decay=decay)

    return replace(log, groups=Groups(map(moved, log.groups)), at=array("q", steps), steps=len(records))
