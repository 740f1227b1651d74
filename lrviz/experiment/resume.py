"""A run that goes on from a checkpoint of another: at which step, how, and with which schedule."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from lrviz.errors import Problem, SpecError, counted, nearest, shown
from lrviz.experiment.argtypes import Duration, Invalid
from lrviz.experiment.durations import Scope, steps_of
from lrviz.experiment.experiment import Experiment, Resume
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.writer import as_document, in_flow

MODES = ("load", "restart", "last-epoch")
AT = Duration("optimizer steps, or epochs, until the checkpoint")
SECTIONS = ("run", "optimizer", "scheduler")


def resumed(before: Experiment, at: int | str, mode: str = "load", after: Experiment | None = None) -> Experiment:
    """Return the run that goes on from a checkpoint of `before`, under the schedule of `after`, or the same.

    `at` is how many optimizer steps are behind the checkpoint: a number of them, epochs such as "10ep", or a
    share of the run such as "50%"; `mode` is one of `MODES`, which `Resume` explains. The steps are counted
    on. Raises SpecError, with every problem, where the two do not fit, and for what is not known to go on so.
    """
    after = dataclasses.replace(before if after is None else after, resume=None)
    step = _step(at, before)
    problems = [*_misplaced(step, before, after), *_misfits(before, after), *_unknown(before, after, mode)]
    if problems:
        raise SpecError(problems)
    return dataclasses.replace(after, resume=Resume(before=before, step=step, mode=mode))


def _step(at: int | str, before: Experiment) -> int:
    """Return how many optimizer steps are behind a checkpoint; raises SpecError."""
    if before.resume is not None:
        raise SpecError(Problem(field="at", message="the run goes on from a checkpoint already"))
    each_step = dataclasses.replace(before.run.clock, stride=1, calls=1)
    try:
        found = AT.convert(steps_of(at, AT, each_step, Scope(None), "at"))
    except Invalid as error:
        message = str(error).replace("scheduler step", "optimizer step").replace(", 5% or rest", " or 5%")
        raise SpecError(Problem(field="at", message=message)) from None
    assert isinstance(found, int)
    return found


def _misplaced(step: int, before: Experiment, after: Experiment) -> Iterator[Problem]:
    """Yield a problem for a checkpoint that the first run never writes, or that ends the second."""
    made, left = before.run.clock.steps, after.run.clock.steps
    metric, wanted = before.scheduler.stepped_with(), step // before.metric_stride
    if step > made:
        yield Problem(field="at", message=f"{counted(step, 'step')}, and the run before it has {made:,}")
    elif step >= left:
        message = f"{counted(step, 'step')}, and the run that goes on has {left:,}: none is left to train"
        yield Problem(field="at", message=f"{message}; give it more epochs or steps")
    elif isinstance(metric, tuple) and len(metric) < wanted:
        message = f"until then the scheduler is stepped {wanted:,} times, and its metric has {len(metric):,} values"
        yield Problem(field="at", message=message)


def _misfits(before: Experiment, after: Experiment) -> Iterator[Problem]:
    """Yield a problem where the steps of one run are not those of the other, or torch cannot load the optimizer."""
    first, second = before.run.clock, after.run.clock
    for name, value, other in (
        ("run.framework", first.framework, second.framework),
        ("optimizer.name", before.optimizer.name, after.optimizer.name),
        ("run.steps_per_epoch", first.steps_per_epoch, second.steps_per_epoch),
        ("run.interval", first.interval, second.interval),
        ("the count of scheduler.step() at an update", first.calls, second.calls),
        ("the count of steps between two metrics", *_metric_strides(before, after)),
    ):
        if value != other:
            message = f"{name} is {shown(other)}, and {shown(value)} before the checkpoint"
            yield Problem(field="after", message=f"{message}: their steps do not go on as one")
    groups, others = (len(each.optimizer.resolved_groups) for each in (before, after))
    if groups != others:
        message = f"the checkpoint has {counted(groups, 'parameter group')}, and the run that goes on {others}"
        yield Problem(field="after", message=f"{message}: torch refuses to load it")


def _metric_strides(before: Experiment, after: Experiment) -> tuple[int, ...]:
    """Return how many steps lie between two metrics in each run, where both are given any."""
    both = (before, after)
    return tuple(each.metric_stride if all(one.scheduler.stepped_with() for one in both) else 0 for each in both)


def _unknown(before: Experiment, after: Experiment, mode: str) -> Iterator[Problem]:
    """Yield a problem for a way to go on that lrviz cannot show."""
    if mode not in MODES:
        message = f"must be one of {', '.join(MODES)}, not {shown(mode)}{nearest(mode, MODES)}"
        yield Problem(field="mode", message=message)
    loop = after.run.loop
    if not loop.restores:
        yield Problem(field="at", message=f"lrviz does not know how {loop.label} goes on from a checkpoint")
    elif mode != "load" and after.run.framework != "plain":
        message = f"is for a training loop of one's own; {loop.label} loads the scheduler's state"
        yield Problem(field="mode", message=f"{mode} {message}")
    if before.trains or after.trains:
        yield Problem(field="at", message="a plateau that watches the toy loss cannot be resumed; give it a metric")
    specs = [spec for each in (before, after) for spec in _all(each.scheduler)]
    for label in dict.fromkeys(spec.label for spec in specs if not spec.loads):
        yield Problem(field="at", message=f"lrviz does not know what {label} loads from a checkpoint")
    told = next((spec for spec in _all(after.scheduler) if not spec.restarts), None)
    if mode == "restart" and told is not None:
        message = f"restart is not shown for {told.label}, which the training loop tells the step"
        yield Problem(field="mode", message=message)
    unable = next((spec for spec in _all(after.scheduler) if not spec.takes_last_epoch), None)
    if mode == "last-epoch" and unable is not None:
        message = f"{unable.label} cannot be constructed to go on with last_epoch; load its state"
        yield Problem(field="mode", message=message)


def _all(spec: SchedulerSpec) -> Iterator[SchedulerSpec]:
    """Yield a scheduler and those inside it."""
    yield spec
    for child in spec.children():
        yield from _all(child)


def changes(experiment: Experiment) -> list[str]:
    """Return in words, as `--set` takes them, what is not as it was before the checkpoint."""
    if experiment.resume is None:
        return []
    first, second = (_said(each) for each in (experiment.resume.before, experiment))
    if first.get("scheduler.name") != second.get("scheduler.name"):
        first = {key: value for key, value in first.items() if not key.startswith("scheduler.")}
    changed = [f"{key}={in_flow(value)}" for key, value in second.items() if first.get(key) != value]
    return changed + [f"{key} unset" for key in first if key not in second]


def _said(experiment: Experiment) -> dict[str, Any]:
    """Return what a document says of an experiment, by dotted key."""
    return dict(_flat({name: as_document(getattr(experiment, name)) for name in SECTIONS}))


def _flat(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
