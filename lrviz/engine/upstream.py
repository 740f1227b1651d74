"""A replay on the classes of the libraries that are installed, held against lrviz's formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from lrviz.engine.engine import TorchEngine
from lrviz.engine.library import makers, version
from lrviz.engine.record import Progress, record
from lrviz.engine.toy import ToyEngine
from lrviz.experiment.experiment import Experiment
from lrviz.trace import Difference, GroupTrace, Trace

RELATIVE, OF_PEAK = 1e-12, 1e-14
"""What two numbers may be apart, and are the same but for rounding: a share of their size, and of the column's peak."""


def replay_upstream(experiment: Experiment, *, train: bool, progress: Progress | None) -> Trace:
    """Replay what libraries own on their installed classes, and note where lrviz's formula has other numbers.

    Where all of an experiment is torch's own, that is a plain replay on torch. Raises SpecError for a
    scheduler that no library makes, and where its library is not installed or cannot be imported.
    """
    kind = ToyEngine if train else TorchEngine
    found = makers(experiment.resolved)
    if not found:
        return record(experiment, kind(), progress)
    versions = {name: version(upstream) for name, upstream in found.items()}
    trace = replace(record(experiment, kind(upstream=True), progress), libraries=versions)
    return replace(trace, difference=difference(trace, record(experiment, kind())))


def difference(upstream: Trace, formula: Trace) -> Difference | None:
    """Return the first thing in which two replays are apart by more than rounding; None where they agree."""
    pairs = zip(upstream.groups, formula.groups, strict=False)
    found = [each for pair in pairs for each in _apart(formula, *pair, upstream.momentum_name or "")]
    if found:
        return min(found, key=lambda each: each.step)
    if (upstream.failure is None, upstream.steps) == (formula.failure is None, formula.steps):
        return None
    steps = min(upstream.steps, formula.steps)
    missing = (math.nan, math.nan)
    return Difference(
        formula=formula, what="steps", group="", step=steps, values=missing, most=steps, most_values=missing, count=0
    )


def _apart(formula: Trace, one: GroupTrace, other: GroupTrace, momentum: str) -> Iterator[Difference]:
    """Yield the difference of each of a group's columns, where there is one."""
    columns = (
        ("lr", one.lr, other.lr),
        (momentum, one.momentum, other.momentum),
        ("weight decay", one.weight_decay, other.weight_decay),
    )
    for what, ours, theirs in columns:
        if ours is None or theirs is None or ours == theirs:
            continue
        pairs = list(zip(ours, theirs, strict=False))
        slack = OF_PEAK * max((abs(value) for value in ours if math.isfinite(value)), default=0.0)
        steps = [step for step, pair in enumerate(pairs) if not _same(*pair, slack)]
        if steps:
            most = max(steps, key=lambda step: _distance(*pairs[step]))
            yield Difference(
                formula=formula, what=what, group=one.name, step=steps[0], values=pairs[steps[0]],
                most=most, most_values=pairs[most], count=len(steps),
            )  # fmt: skip


def _same(one: float, other: float, slack: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=slack) or (math.isnan(one) and math.isnan(other))


def _distance(one: float, other: float) -> float:
    apart = abs(one - other)
    return math.inf if math.isnan(apart) else apart
