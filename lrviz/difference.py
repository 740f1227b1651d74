"""The difference of two subjects: in which steps they train with other values, by how much, and what explains it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from functools import partial
from itertools import groupby
from typing import Any

from lrviz.arrays import Values, column
from lrviz.errors import Problem, SpecError, shown
from lrviz.rules.changes import Change, apply_changes
from lrviz.subject import Subject
from lrviz.trace import Failure, GroupTrace, Trace

BY = ("step", "epoch", "progress")
MOST_STRETCHES = 8
MOST_TRIED = 12  # settings, and below the steps of all replays that it takes
MOST_STEPS = 1_000_000
_RUNS = 256  # stretches that are kept while a curve is read


class Kind(IntEnum):
    """What the second of two values is, beside the first; of a stretch, what all of them are."""

    EQUAL = 0
    HIGHER = 1
    LOWER = 2
    MIXED = 3  # or one of the two is not a number


@dataclass(frozen=True, kw_only=True)
class Point:
    """Two values that are compared, with the optimizer steps that train with them."""

    steps: tuple[int, int]
    values: tuple[float, float]

    @property
    def absolute(self) -> float:
        """The second value less the first."""
        return self.values[1] - self.values[0]

    @property
    def relative(self) -> float | None:
        """The absolute difference as a share of the first value; None where that is 0."""
        return self.absolute / abs(self.values[0]) if self.values[0] else None


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Points in a row that are equal, or differ the same way; or several such that are told as one."""

    kind: Kind
    first: Point
    last: Point
    points: int
    count: int  # of those that differ
    largest: Point | None  # the one that differs most, if any does


@dataclass(frozen=True, kw_only=True)
class CurveDifference:
    """How one group's learning rate, momentum or weight decay differs; the stretches hold every point once."""

    what: str  # "lr", "momentum", "beta1" or "weight_decay"
    groups: tuple[str, str]
    points: int
    count: int  # of those that differ
    first: Point | None
    largest: Point | None
    largest_relative: Point | None  # as a share of the larger value
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, kw_only=True)
class Said:
    """A setting of one subject."""

    value: Any
    is_written: bool  # by its document or its flags; else a default, or what follows from others
    key: str = ""  # the key of a trainer's config that says it


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting that differs, by its path; None for a subject that has it not."""

    path: str
    said: tuple[Said | None, Said | None]
    is_idle: bool = False  # it alone changes nothing: the second trains with the same values where it has the first's

    @property
    def is_written(self) -> bool:
        """Whether one of the two writes it, so that it is a cause and no consequence."""
        return any(side is not None and side.is_written for side in self.said)


@dataclass(frozen=True, kw_only=True)
class Differences:
    """All that differs between two subjects.

    `settings` are those that differ, what is written before what follows from it; a log has none.
    """

    names: tuple[str, str]
    by: str  # "step", "epoch" or "progress"
    tolerance: float
    points: int  # compared of each curve
    lengths: tuple[int, int]  # in optimizer steps
    steps_per_epoch: tuple[int | None, int | None]
    curves: tuple[CurveDifference, ...]
    is_by_place: bool  # groups, since no name is in both
    groups_alone: tuple[tuple[str, ...], tuple[str, ...]]  # groups that only one has
    values_alone: tuple[tuple[str, ...], tuple[str, ...]]  # what only one has, and is not compared: "momentum"
    failures: tuple[Failure | None, Failure | None]
    settings: tuple[Setting, ...]

    @property
    def spans(self) -> tuple[Fraction, Fraction]:
        """How far each subject goes, of the one that goes farther: in steps, in epochs, or both to their end."""
        if self.by == "progress":
            return Fraction(1), Fraction(1)
        sizes = [per_epoch if self.by == "epoch" and per_epoch else 1 for per_epoch in self.steps_per_epoch]
        spans = [Fraction(length, size) for length, size in zip(self.lengths, sizes, strict=True)]
        return spans[0] / max(spans), spans[1] / max(spans)

    @property
    def is_grid_first(self) -> bool:
        """Whether the points are the first subject's steps, and not the second's."""
        if self.by == "epoch":
            return (self.steps_per_epoch[0] or 1) <= (self.steps_per_epoch[1] or 1)
        return self.by == "step" or self.lengths[0] <= self.lengths[1]

    @property
    def has_unlike_lengths(self) -> bool:
        """Whether one goes farther than the other, in what they are compared by."""
        return self.spans[0] != self.spans[1]

    @property
    def differing(self) -> tuple[CurveDifference, ...]:
        """The curves that differ."""
        return tuple(curve for curve in self.curves if curve.count)

    @property
    def is_equal(self) -> bool:
        """Whether both train with the same values to the end."""
        ends = [None if failure is None else failure.step for failure in self.failures]
        return not (self.differing or self.has_unlike_lengths or any(self.groups_alone)) and ends[0] == ends[1]


def difference(a: Subject, b: Subject, *, by: str = "step", tolerance: float = 0.0) -> Differences:
    """Compare what each step trains with: learning rate, momentum or beta1, and weight decay, group by group.

    Two values are equal where they are apart by at most `tolerance` of the largest value that the curve
    has in either subject: by default where they are the same number. Groups belong together by their names,
    by their places where no name is in both. By "epoch" and "progress" the points are the steps of the
    subject with fewer of them to an epoch, or in all, and the other's value is the one that it trains with
    at that share of an epoch, or of the run. Raises SpecError where they have no point in common, or no epochs.
    """
    steps, records = _aligned(a, b, by)
    if not steps[0]:
        raise SpecError(f"nothing in common: {_extent(a)}, and {_extent(b)}")
    pairs, is_by_place, alone = _paired(a.trace, b.trace)
    columns = [_columns(a.trace, b.trace, *pair) for pair in pairs]
    at = [partial(_at, records=own) for own in records]
    curves = [
        _compared(what, (one.name, other.name), steps, (at[0](own[what][0]), at[1](own[what][1])), tolerance)
        for what in dict.fromkeys(what for own in columns for what in own)
        for (one, other), own in zip(pairs, columns, strict=True)
        if what in own
    ]
    return Differences(
        names=(a.name, b.name),
        by=by,
        tolerance=tolerance,
        points=len(steps[0]),
        lengths=(a.steps, b.steps),
        steps_per_epoch=(a.trace.steps_per_epoch, b.trace.steps_per_epoch),
        curves=tuple(curves),
        is_by_place=is_by_place,
        groups_alone=alone,
        values_alone=_values_alone(a.trace, b.trace),
        failures=(a.trace.failure, b.trace.failure),
        settings=tuple(sorted(_settings(a, b), key=lambda setting: not setting.is_written)),
    )


def explained(found: Differences, b: Subject, replayed: Callable[[Mapping[str, Any]], Trace | None]) -> Differences:
    """Find out which of the settings that are written change nothing, by taking back each alone in the second.

    `replayed` returns what the steps of a document train with, None where it is refused. Where there are more
    than `MOST_TRIED` settings, where that would take long, where no step differs, or where the second goes on
    from a checkpoint, nothing is tried.
    """
    document = b.experiment.document.plain() if b.experiment and b.experiment.document else None
    causes = [setting for setting in found.settings if setting.is_written]
    if not isinstance(document, dict) or not found.differing or not 1 < len(causes) <= MOST_TRIED:
        return found
    if len(causes) * b.steps > MOST_STEPS or (b.experiment and b.experiment.resume):
        return found

    def is_idle(setting: Setting) -> bool:
        own = setting.said[0]
        change = Change(setting.path, own and own.value, remove=own is None or not own.is_written)
        try:
            trace = replayed(apply_changes(document, [change]))
        except (AttributeError, IndexError, TypeError, ValueError):  # the second document has no such place
            return False
        if trace is None:
            return False
        again = difference(replace(b, experiment=None), replace(b, experiment=None, trace=trace))
        return again.is_equal and not any(again.values_alone)

    idle = {setting.path for setting in causes if is_idle(setting)}
    settings = tuple(replace(setting, is_idle=setting.path in idle) for setting in found.settings)
    return replace(found, settings=settings)


Steps = tuple[Sequence[int], Sequence[int]]


def _aligned(a: Subject, b: Subject, by: str) -> tuple[Steps, Steps]:
    """Return the optimizer steps that are compared with each other, and the records of them."""
    sizes = _size(a, by), _size(b, by)
    if sizes[0] == sizes[1] and a.trace.at is b.trace.at is None:
        common = range(min(a.trace.steps, b.trace.steps))
        return (common, common), (common, common)
    grid, other = (a, b) if sizes[0] <= sizes[1] else (b, a)
    find = _finder(other.trace)
    steps, records = (array("q"), array("q")), (array("q"), array("q"))
    for record in range(grid.trace.steps):
        step = grid.trace.step_at(record)
        beside = step * max(sizes) // min(sizes)
        found = find(beside)
        if found is not None:
            for columns, pair in ((steps, (step, beside)), (records, (record, found))):
                columns[0].append(pair[0])
                columns[1].append(pair[1])
    return (steps, records) if grid is a else (steps[::-1], records[::-1])


def _finder(trace: Trace) -> Callable[[int], int | None]:
    """Return what finds the record of an optimizer step."""
    if trace.at is None:
        return lambda step: step if step < trace.steps else None
    return {step: record for record, step in enumerate(trace.at)}.get


def _size(subject: Subject, by: str) -> int:
    """Return how many optimizer steps there are to the unit by which subjects are compared."""
    if by == "epoch":
        per_epoch = subject.trace.steps_per_epoch
        if per_epoch is None:
            experiment = subject.experiment
            why = f": {experiment.run.clock.why_no_epochs}" if experiment else ""
            raise SpecError(Problem(place="--by", message=f"epoch: {subject.name} has no epochs{why}"))
        return per_epoch
    return max(subject.steps, 1) if by == "progress" else 1


def _extent(subject: Subject) -> str:
    trace = subject.trace
    if not trace.steps:
        why = f" ({trace.failure.description})" if trace.failure else ""
        return f"{shown(subject.name)} has no step{why}"
    return f"{shown(subject.name)} has steps {trace.step_at(0):,} to {trace.end - 1:,}"


Pairs = list[tuple[GroupTrace, GroupTrace]]


def _paired(a: Trace, b: Trace) -> tuple[Pairs, bool, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the groups that belong together, whether by place, and the names of those that only one has."""
    named = {group.name: group for group in b.groups}
    pairs = [(group, named[group.name]) for group in a.groups if group.name in named]
    is_by_place = not pairs
    if is_by_place:
        pairs = list(zip(a.groups, b.groups, strict=False))
    own = [{pair[side].name for pair in pairs} for side in (0, 1)]
    alone = [
        tuple(group.name for group in trace.groups if group.name not in own[side]) for side, trace in enumerate((a, b))
    ]
    return pairs, is_by_place, (alone[0], alone[1])


def _columns(a: Trace, b: Trace, one: GroupTrace, other: GroupTrace) -> dict[str, tuple[Values, Values]]:
    """Return what both groups have of the values that a step trains with, by name."""
    found = {"lr": (one.lr, other.lr)}
    if one.momentum is not None and other.momentum is not None and a.momentum_name == b.momentum_name:
        found[str(a.momentum_name)] = one.momentum, other.momentum
    if one.weight_decay is not None and other.weight_decay is not None:
        found["weight_decay"] = one.weight_decay, other.weight_decay
    return found


def _values_alone(a: Trace, b: Trace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of what only one of two traces has."""

    def names(trace: Trace) -> list[str]:
        momenta = any(group.momentum is not None for group in trace.groups)
        decays = any(group.weight_decay is not None for group in trace.groups)
        return [str(trace.momentum_name)] * momenta + ["weight_decay"] * decays

    one, other = names(a), names(b)
    return tuple(name for name in one if name not in other), tuple(name for name in other if name not in one)


def _at(values: Values, records: Sequence[int]) -> Values:
    """Return the values of records."""
    if isinstance(records, range):
        return values[records.start : records.stop]
    return column([values[record] for record in records])


def _compared(
    what: str, groups: tuple[str, str], steps: Steps, values: tuple[Values, Values], tolerance: float
) -> CurveDifference:
    """Compare the values of one curve, in which `steps` are those that train with them."""
    one, other = values
    kinds, apart, shares = _measured(one, other, tolerance)

    def point(place: int) -> Point:
        return Point(steps=(steps[0][place], steps[1][place]), values=(one[place], other[place]))

    def most(sizes: array[float], start: int, end: int) -> Point:
        part = sizes[start:end]
        return point(start + part.index(max(part)))

    def stretch(run: _Run) -> Stretch:
        return Stretch(
            kind=run.kind, first=point(run.start), last=point(run.end - 1), points=run.end - run.start,
            count=run.count, largest=most(apart, run.start, run.end) if run.kind else None,
        )  # fmt: skip

    count = len(kinds) - kinds.count(Kind.EQUAL)
    return CurveDifference(
        what=what, groups=groups, points=len(kinds), count=count,
        first=point(len(kinds) - len(kinds.lstrip(b"\0"))) if count else None,
        largest=most(apart, 0, len(kinds)) if count else None,
        largest_relative=most(shares, 0, len(kinds)) if count else None,
        stretches=tuple(map(stretch, _fewest(_runs(kinds)))),
    )  # fmt: skip


def _measured(one: Values, other: Values, tolerance: float) -> tuple[bytes, array[float], array[float]]:
    """Return of each pair of values its kind, how far they are apart, and that as a share of the larger."""
    apart = array("d", bytes(8 * len(one)) if one == other else map(_distance, one, other))
    finite = (abs(value) for values in (one, other) for value in values if math.isfinite(value))
    slack = tolerance * max(finite, default=0.0) if tolerance else 0.0
    rows = zip(one, other, apart, strict=True)
    kinds = bytes([0 if size <= slack else 1 if b > a else 2 if b < a else 3 for a, b, size in rows])
    if not any(kinds):
        return kinds, apart, apart
    differing = zip(one, other, apart, kinds, strict=True)
    shares = (_share(a, b, size) if kind else 0.0 for a, b, size, kind in differing)
    return kinds, apart, array("d", shares)


def _share(one: float, other: float, apart: float) -> float:
    return apart / max(abs(one), abs(other)) if math.isfinite(apart) else apart


def _distance(one: float, other: float) -> float:
    """Return how far two values are apart: a number and none infinitely."""
    apart = 0.0 if one == other else abs(other - one)
    if math.isnan(apart):
        return 0.0 if math.isnan(one) and math.isnan(other) else math.inf
    return apart


@dataclass(frozen=True)
class _Run:
    """Places in a row, and how many of them differ."""

    start: int
    end: int
    kind: Kind
    count: int


def _runs(kinds: bytes) -> list[_Run]:
    """Return where a curve's kinds hold, the shorter ones together where there are very many."""
    runs: list[_Run] = []
    start = 0
    for kind, same in groupby(kinds):
        end = start + sum(1 for _ in same)
        runs.append(_Run(start, end, Kind(kind), end - start if kind else 0))
        start = end
        if len(runs) > _RUNS:
            runs = _longest(runs, _RUNS // 8)
    return runs


def _fewest(runs: list[_Run]) -> list[_Run]:
    """Return at most `MOST_STRETCHES` runs: the longest, and as one what lies between two of them."""
    keep = MOST_STRETCHES
    while len(runs) > MOST_STRETCHES:
        runs, keep = _longest(runs, keep), keep - 1
    return runs


def _longest(runs: Sequence[_Run], keep: int) -> list[_Run]:
    """Return the longest runs as they are, and those in a row between them as one."""
    longest = set(sorted(range(len(runs)), key=lambda index: runs[index].start - runs[index].end)[:keep])
    found = []
    for is_kept, group in groupby(range(len(runs)), key=longest.__contains__):
        part = [runs[index] for index in group]
        found += part if is_kept else [_one(part)]
    return found


def _one(runs: Sequence[_Run]) -> _Run:
    kind = runs[0].kind if len(runs) == 1 else Kind.MIXED
    return _Run(runs[0].start, runs[-1].end, kind, sum(run.count for run in runs))


def _settings(a: Subject, b: Subject) -> Iterator[Setting]:
    """Yield what differs: what one of the two writes, and what both have that follows from it."""
    if a.experiment is None or b.experiment is None:
        return
    own = (_Settings.of(a), _Settings.of(b))
    for path in dict.fromkeys((*own[0].written, *own[1].written, *own[0].all, *own[1].all)):
        written = [each.written.get(path) for each in own]
        if all(path in each.all for each in own):
            differs = own[0].all[path] != own[1].all[path]
        else:
            differs = written[0] != written[1]
        if differs:
            is_cause = written[0] != written[1]
            yield Setting(path=path, said=(own[0].said(path, is_cause), own[1].said(path, is_cause)))


@dataclass(frozen=True)
class _Settings:
    """A subject's settings by path: those that are written, all as they came out, and trainers' keys for them."""

    written: Mapping[str, Any]
    all: Mapping[str, Any]
    keys: Mapping[str, str]

    @classmethod
    def of(cls, subject: Subject) -> _Settings:
        experiment = subject.experiment
        origin = None if experiment is None else experiment.origin
        keys = {read.became: read.key for read in origin.read} if origin else {}
        return cls(subject.written(), _as_written(subject), keys)

    def said(self, path: str, is_cause: bool) -> Said | None:
        if path not in self.written and path not in self.all:
            return None
        is_written = is_cause and path in self.written
        return Said(
            value=self.written[path] if is_written or path not in self.all else self.all[path],
            is_written=is_written, key=self.keys.get(path, ""),
        )  # fmt: skip


def _as_written(subject: Subject) -> dict[str, Any]:
    """Return all settings, and what the run comes to, by the paths that a document writes.

    A `warmup:` is one, and not the sequence that it makes.
    """
    found, experiment = subject.settings(), subject.experiment
    if experiment is None:
        return found
    clock = experiment.run.clock
    lengths = {"epochs": clock.epochs, "steps_per_epoch": clock.steps_per_epoch, "steps": clock.steps}
    found |= {f"run.{name}": length for name, length in lengths.items() if length and f"run.{name}" not in found}
    return subject.folded(found)
