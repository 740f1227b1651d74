"""Whether a run followed its plan: what `lrviz diff PLAN LOG` says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrviz.following.alignment import MEAN, Fit, lay_over, placed, rates
from lrviz.following.explaining import Tried, Vary, explain
from lrviz.following.settings import Explanation
from lrviz.subject import Subject
from lrviz.trace import Log, Trace


@dataclass(frozen=True, kw_only=True)
class Departure:
    """The first record that does not have the plan's learning rate."""

    step: int  # of the plan
    group: str  # of the log; "" where it has one
    planned: float
    logged: float
    last_fit: int | None  # the step of the record before it, which fits; None where it is the first


@dataclass(frozen=True, kw_only=True)
class Followed:
    """What a comparison of a plan with the log of a run came to.

    Of `compared` records `fits` have the plan's learning rate, to the digits that the log has; `beyond` more
    are of steps after the plan's end. `log` is the log with the plan's steps, as a figure of both wants it.
    """

    plan: Subject
    source: Log  # what was read
    log: Trace
    offset: int  # of the steps whose learning rates the records have; in words: `placement`
    placement: str
    groups: tuple[tuple[str, str], ...]  # each column of the log, and the group of the plan that it is
    compared: int
    fits: int
    beyond: int
    left: Departure | None
    explanations: tuple[Explanation, ...] = ()
    tried: int = 0  # other settings of the plan, replayed to explain it

    @property
    def is_followed(self) -> bool:
        """Whether every record has the plan's learning rate."""
        return self.compared == self.fits > 0 and not self.beyond


def follow(plan: Subject, log: Trace, vary: Vary | None = None) -> Followed:
    """Return whether the run of a log followed a plan, where it left it, and what explains that.

    `vary` replays the plan with other settings, a few dozen times at most; without it none is tried. Raises
    SpecError where the log counts epochs and the plan has none.
    """
    assert log.log is not None, "a log is what it says"
    fit = lay_over(plan.trace, log)
    explained = Tried() if fit.is_whole else explain(plan, log, fit, vary)
    names = [group.name for group in plan.trace.groups]
    return Followed(
        plan=plan,
        source=log.log,
        log=placed(plan.trace, log, fit),
        offset=fit.placement.offset,
        placement=fit.placement.words,
        groups=tuple(
            (group.name, MEAN if number < 0 else names[number])
            for group, number in zip(log.groups, fit.groups, strict=True)
        ),
        compared=len(fit.fits),
        fits=fit.count,
        beyond=fit.beyond,
        left=_departure(plan.trace, log, fit),
        explanations=explained.explanations,
        tried=explained.count,
    )


def _departure(plan: Trace, log: Trace, fit: Fit) -> Departure | None:
    """Return where the run left the plan, None where all that can be compared fits."""
    record = fit.first_miss
    if record is None:
        return None
    step = fit.placement.place(log.step_at(record))
    place = fit.records.index(record)
    column = _furthest(plan, log, fit, record, step)
    return Departure(
        step=step,
        group=log.groups[column].name if len(log.groups) > 1 else "",
        planned=rates(plan, fit.groups[column])[step],
        logged=log.groups[column].lr[record],
        last_fit=fit.placement.place(log.step_at(fit.records[place - 1])) if place else None,
    )


def _furthest(plan: Trace, log: Trace, fit: Fit, record: int, step: int) -> int:
    """Return the number of the log's column that is furthest from the plan at a record."""

    def apart(column: int) -> float:
        planned, logged = rates(plan, fit.groups[column])[step], log.groups[column].lr[record]
        return abs(logged - planned) / (abs(planned) or 1.0)

    columns: Sequence[int] = range(len(log.groups))
    return max(columns, key=apart)
