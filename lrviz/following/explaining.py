"""What would explain a log that left its plan: other settings of it, replayed, and what shows without a replay."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lrviz.following.alignment import Fit, lay_over, part, peak_of, placed, rates, spread
from lrviz.following.settings import Change, Explanation, resumes, variants
from lrviz.subject import Subject
from lrviz.trace import Trace

MOST = 60  # replays
WORK = 2_000_000  # optimizer steps of all of them
SCREENED = 200  # records by which most are ruled out
SEARCHED = 2_000_000  # steps of a plan in which a shifted one is looked for
TELLING = 3  # records, at least, that explain a departure, with two learning rates
FACTORS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 64)

Vary = Callable[[Mapping[str, Any]], Trace | None]
"""Replays the plan with other settings, by the paths that `--set` takes or their flags; None where it cannot."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What was found, and how many replays it took."""

    explanations: tuple[Explanation, ...] = ()
    count: int = 0


def explain(plan: Subject, log: Trace, fit: Fit, vary: Vary | None) -> Tried:
    """Return what explains that a log does not fit its plan, the likeliest first: of all of it, else of its rest."""
    laid = placed(plan.trace, log, fit)
    own = lay_over(plan.trace, laid)
    rest, ratio = _rest(laid, own), _ratio(plan.trace, laid, own)
    replays = [] if vary is None else list(_replayed(variants(plan, log, ratio), vary))
    whole = [change.explains() for change, trace in replays if _fits(trace, log, range(log.steps))]
    whole += _counted(plan.trace, laid)
    if not whole and ratio is not None:
        whole = [Explanation(what=f"every learning rate is {ratio:.6g} times the plan's", changes={})]
    if whole or not rest:
        return Tried(explanations=tuple(whole), count=len(replays))
    since = laid.step_at(rest[0])
    resumed = [] if vary is None else list(_replayed(resumes(since, laid.step_at(rest[0] - 1)), vary))
    found = [change.explains() for change, trace in resumed if _fits(trace, log, range(log.steps))]
    if found:
        return Tried(explanations=tuple(found), count=len(replays) + len(resumed))
    numbers = range(rest[0] + log.steps - laid.steps, log.steps)
    later = [change.explains(since) for change, trace in replays if _fits(trace, log, numbers)]
    count = len(replays) + len(resumed)
    return Tried(explanations=(*_of_rest(plan.trace, laid, own, rest), *later), count=count)


def _replayed(changes: Iterable[Change], vary: Vary) -> Iterator[tuple[Change, Trace]]:
    """Yield the plan with other settings, as far as it can have them and the work goes."""
    work = 0
    for change in islice(changes, MOST):
        trace = vary(change.settings) if work <= WORK else None
        if trace is not None and trace.steps:
            work += trace.steps
            yield change, trace


def _rest(log: Trace, fit: Fit) -> Sequence[int]:
    """Return the records from the first that does not fit on, where that are enough to tell something."""
    first = fit.first_miss
    if first is None or first == fit.records[0]:
        return ()
    rest = range(first, log.steps)
    values = {group.lr[record] for group in log.groups for record in rest}
    return rest if len(rest) >= TELLING and len(values) > 1 else ()


def _fits(trace: Trace, log: Trace, records: Sequence[int]) -> bool:
    """Return whether records fit a trace: a few first, and then all."""
    if len(records) > SCREENED and not lay_over(trace, log, records, sampled=SCREENED).is_whole:
        return False
    return lay_over(trace, log, records).is_whole


def _counted(plan: Trace, log: Trace) -> Iterator[Explanation]:
    """Yield how many of the log's steps make one of the plan's, or the other way round."""
    for factor in FACTORS:
        if log.steps >= TELLING * factor and _fits_at(plan, log, range(log.steps), per=factor):
            what = f"the log counts {factor} steps to an optimizer step: batches that are accumulated, or devices"
            yield Explanation(what=what, changes={})
            return
    for factor in FACTORS:
        inside = range(bisect_left(log.at or (), -(-plan.steps // factor)))
        if len(inside) >= TELLING and _fits_at(plan, log, inside, times=factor):
            how = f"once for each of {factor} devices, or of {factor} accumulated batches"
            yield Explanation(what=f"the scheduler is stepped {factor} times at an optimizer step: {how}", changes={})
            return


def _ratio(plan: Trace, log: Trace, fit: Fit) -> float | None:
    """Return the factor by which all records are above or below the plan, None where there is none."""
    assert log.log is not None
    quotients, slack = [], log.log.precision
    for group, number in zip(log.groups, fit.groups, strict=True):
        planned, least = rates(plan, number), 1e-6 * peak_of(plan, number)
        for record in fit.records:
            value, logged = planned[log.step_at(record)], group.lr[record]
            if abs(value) > least:
                quotients.append(logged / value)
            elif abs(logged) > 1e-6 * abs(group.summary.peak):
                return None
    if len(quotients) < TELLING or fit.beyond:
        return None
    ratio = sorted(quotients)[len(quotients) // 2]
    share = 3 * slack.share + 1e-9 + slack.size / max(abs(group.summary.peak) for group in log.groups) * 1e3
    is_one = all(math.isfinite(each) and abs(each - ratio) <= share * abs(ratio) for each in quotients)
    return ratio if is_one and ratio > 0 and abs(ratio - 1) > share else None


def _of_rest(plan: Trace, log: Trace, fit: Fit, rest: Sequence[int]) -> Iterator[Explanation]:
    """Yield what explains the records from the first that does not fit on: the plan, from another step."""
    here, before = log.step_at(rest[0]), log.step_at(rest[0] - 1)
    for start in _starts(plan, log, fit, rest, here - before):
        shift = start - here
        if shift and _fits_at(plan, log, rest, shift=shift):
            yield Explanation(what=_words(start, shift, here - before), changes={}, since=here)
            return


def _starts(plan: Trace, log: Trace, fit: Fit, rest: Sequence[int], gap: int) -> Iterator[int]:
    """Yield the steps of the plan that the first record of the rest may be: of a new start, then all, nearest first."""
    assert log.log is not None
    logged, planned = log.groups[0].lr[rest[0]], rates(plan, fit.groups[0])
    yield from range(min(gap, plan.steps))
    if plan.steps > SEARCHED:
        return
    slack = log.log.precision.slack(logged) + 1e-10 * abs(logged)
    here = log.step_at(rest[0])
    same = [step for step, value in enumerate(planned) if abs(value - logged) <= slack]
    yield from sorted(same, key=lambda step: abs(step - here))[:SCREENED]


def _fits_at(plan: Trace, log: Trace, records: Sequence[int], *, times: int = 1, per: int = 1, shift: int = 0) -> bool:
    """Return whether records fit a plan at other steps, exactly there, and say something: they are not all the same."""
    for chosen in (spread(records, SCREENED), records):
        found = lay_over(plan, part(log, chosen, [log.step_at(record) * times // per + shift for record in chosen]))
        if not found.is_whole or found.placement.offset:
            return False
    return len({group.lr[record] for group in log.groups for record in records}) > len(log.groups)


def _words(start: int, shift: int, gap: int) -> str:
    if start < gap:
        return "the schedule starts again from its first step: the run was resumed without its scheduler's state"
    steps = f"{abs(shift):,} steps"
    if shift < 0:
        return f"the schedule is {steps} behind: the run was resumed with the scheduler's state of an earlier step"
    return f"the schedule is {steps} ahead: the run was resumed with the scheduler's state of a later step, or skipped"
