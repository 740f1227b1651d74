"""From the records of a log, in the order in which they were written, to a trace."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lrviz.arrays import Values, column
from lrviz.errors import Problem, SpecError, counted
from lrviz.readers.logs.names import GroupColumns, Layout
from lrviz.trace import Groups, GroupTrace, Log, Precision, Trace

MAX_BYTES = 50_000_000  # of a file that is read at once
MAX_RECORDS = 1_000_000
MAX_STEP = 10**12
UNSORTED = 0.05  # of the records: so many that go back are no resumes

DOUBLE = Precision(words="double precision", share=1e-9, size=1e-15)
FLOAT32 = Precision(words="float32", share=1e-6, size=1e-15)

Row = tuple[int, tuple[float, ...]]
"""The 0-based step of a record, and its values; NaN where one is missing."""


@dataclass
class Records:
    """What was read of a log; `values` are those of the layout's columns, the learning rates among them."""

    layout: Layout
    file: str
    format: str
    precision: Precision = DOUBLE
    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    steps_per_epoch: int | None = None
    notes: list[str] = field(default_factory=list)

    def add(self, step: float, values: Sequence[float], place: str) -> None:
        """Add a record whose step is as the log counts it; raises SpecError for one that is no count."""
        if not (math.isfinite(step) and step == int(step) and self.layout.first <= step <= MAX_STEP):
            what = "no whole number" if step % 1 else f"outside {self.layout.first} to {MAX_STEP:,}"
            raise SpecError(Problem(place=place, message=f"{self.layout.step} is {step:g}, {what}"))
        if len(self.rows) >= MAX_RECORDS:
            raise SpecError(Problem(place=self.file, message=f"has more than {MAX_RECORDS:,} learning rates"))
        self.rows.append((int(step) - self.layout.first, tuple(values)))

    def trace(self) -> Trace:
        """Return the trace; raises SpecError where there is no learning rate."""
        if not self.rows:
            raise SpecError(Problem(place=self.file, message=f"no learning rate in it, as {self.format} is read"))
        unit = self.layout.unit
        folded = fold(self.rows, unit)
        at = array("q", (step for step, _ in folded.rows))
        names = {name: number for number, name in enumerate(self.layout.columns[1:])}
        groups = _of_all([_group(group, names, folded.rows) for group in self.layout.groups])
        notes = [*self.notes, *folded.notes, *gaps(at, unit), *_ends_early(at, self.total, unit)]
        return Trace(
            groups=groups, steps=len(at), steps_per_epoch=1 if unit == "epoch" else self.steps_per_epoch, at=at,
            momentum_name=self._momentum_name(), engine="log", torch_version="",
            log=Log(
                format=self.format, file=self.file, precision=self.precision, unit=unit, total=self.total,
                resumed=folded.resumed, notes=tuple(notes),
            ),
        )  # fmt: skip

    def _momentum_name(self) -> str | None:
        """Return what the optimizers call what is logged as momentum: for Adam and its like it is beta1."""
        names = [group.momentum for group in self.layout.groups if group.momentum]
        return ("beta1" if all("adam" in name.lower() for name in names) else "momentum") if names else None


def _group(columns: GroupColumns, names: dict[str, int], rows: Sequence[Row]) -> GroupTrace:
    def values(name: str | None) -> Values | None:
        if name is None:
            return None
        number = names[name]
        found = column([row[number] for _, row in rows])
        return None if all(map(math.isnan, found)) else found

    rates = column([row[names[columns.lr]] for _, row in rows])
    return GroupTrace(
        name=columns.name, lr=rates, momentum=values(columns.momentum), weight_decay=values(columns.weight_decay)
    )


def _of_all(groups: Sequence[GroupTrace]) -> Groups:
    """Return the groups with what else all of them have: what only some have is left out."""
    has_momentum = all(group.momentum is not None for group in groups)
    has_decay = all(group.weight_decay is not None for group in groups)
    return Groups(
        replace(
            group,
            momentum=group.momentum if has_momentum else None,
            weight_decay=group.weight_decay if has_decay else None,
        )
        for group in groups
    )


@dataclass(frozen=True)
class Folded:
    """Records with ascending steps, the steps at which a log went back, and what was done about it, in words."""

    rows: list[Row]
    resumed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def fold(rows: Sequence[Row], unit: str) -> Folded:
    """Return the records in order of their steps, one for each.

    Where a log goes back, it is of a run that was resumed: what it had written from there on is given up,
    for the run did. Where it does so all the time, its records are in no order.
    """
    backward = sum(after < before for (before, _), (after, _) in pairwise(rows))
    notes: list[str] = []
    if backward > max(2, UNSORTED * len(rows)):
        rows = sorted(rows, key=lambda row: row[0])
        notes.append(f"its records are in no order of their {unit}s: sorted")
    kept: list[Row] = []
    resumed: list[int] = []
    same = other = 0
    for row in rows:
        if kept and row[0] < kept[-1][0]:
            notes.append(f"goes back from {unit} {kept[-1][0]:,} to {row[0]:,}: a resumed run, read as it went on")
            resumed.append(row[0])
            while kept and kept[-1][0] >= row[0]:
                kept.pop()
        if kept and kept[-1][0] == row[0]:
            is_same = _same(kept.pop(), row)
            same, other = same + is_same, other + (not is_same)
        kept.append(row)
    if same:
        notes.append(
            f"folded {counted(same, 'record')} that repeat the values of their {unit}, as accumulated batches do"
        )
    if other:
        notes.append(f"{counted(other, 'record')} of a {unit} that has another before it: the last one is read")
    return Folded(kept, tuple(resumed), tuple(notes))


def _same(one: Row, other: Row) -> bool:
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one[1], other[1], strict=True))


def gaps(at: Sequence[int], unit: str) -> list[str]:
    """Return in words where records are missing: where two are further apart than twice the usual."""
    distances = Counter(after - before for before, after in pairwise(at))
    if len(at) < 4:
        return []
    usual = distances.most_common(1)[0][0]
    found = [(before, after) for before, after in pairwise(at) if after - before > 2 * usual]
    if not found or 4 * len(found) > len(at):  # sampled, not interrupted
        return []
    widest = max(found, key=lambda pair: pair[1] - pair[0])
    where = f"no records between {unit} {widest[0]:,} and {widest[1]:,}"
    return [where if len(found) == 1 else f"{len(found):,} gaps; the widest: {where}"]


def _ends_early(at: Sequence[int], total: int | None, unit: str) -> list[str]:
    """Return in words that a run was to go on, unless its last records are only not due yet."""
    usual = at[-1] - at[-2] if len(at) > 1 else total or 0
    is_early = total is not None and at[-1] + max(usual, 1) < total
    return [f"ends at {unit} {at[-1]:,}, and was to have {counted(total or 0, unit)}"] if is_early else []


def printed(texts: Iterable[str], digits: int | None = None) -> Precision:
    """Return how precise numbers are by how they were printed: in how many digits, all of them, or decimals.

    A few round numbers tell nothing: below 8 of them 6 digits are taken for all. A format may say it, too:
    `digits` are the fewest that it ever printed.
    """
    distinct = set(texts)
    found = max(map(_digits, distinct), default=0)
    if found > 12:
        return DOUBLE
    if digits is not None or len(distinct) < 8:
        found = max(found, digits or 6)
        return Precision(words=f"{found} digits", share=5.1 * 10.0**-found)
    decimals, found = max(map(_decimals, distinct)), max(found, 3)
    return Precision(words=f"{found} digits", share=5.1 * 10.0**-found, size=0.51 * 10.0**-decimals)


def _digits(text: str) -> int:
    """Return how many significant digits a printed number has, zeros at its end left out."""
    mantissa = text.lower().partition("e")[0].lstrip("+-")
    return len(mantissa.replace(".", "").strip("0") if "." in mantissa else mantissa.lstrip("0").rstrip("0"))


def _decimals(text: str) -> int:
    """Return how many decimals a printed number has, which an exponent shifts."""
    mantissa, _, exponent = text.lower().partition("e")
    return min(300, max(0, len(mantissa.partition(".")[2]) - int(exponent or 0)))


def with_notes(trace: Trace, *notes: str) -> Trace:
    """Return a log's trace with more to say of how it was read."""
    assert trace.log is not None
    return replace(trace, log=replace(trace.log, notes=(*notes, *trace.log.notes)))
