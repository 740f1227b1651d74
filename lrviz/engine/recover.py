"""From a live scheduler back to the experiment that it is of, held to what it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lrviz.engine.attributes import spec_of
from lrviz.engine.preview import Preview, quiet, undrawn
from lrviz.engine.select import replay
from lrviz.engine.shadow import shadow_of
from lrviz.errors import SpecError
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.schedulers import Live, SchedulerSpec
from lrviz.trace import GroupTrace, Trace


def recovered(scheduler: Any, shown: Preview, optimizer: Any = None) -> tuple[Experiment, Trace] | None:
    """Return the experiment that a live scheduler is of, from the run's first step on, and its replay.

    The arguments are read off the object: those of torch's classes, and of the functions of transformers. None
    where one cannot be read, and where the replay's last steps are not what was previewed, to the bit: a class
    that was changed, a learning rate that somebody set.
    """
    own = shown.experiment.scheduler
    assert isinstance(own, Live)
    watched = own.stepped_with()
    if shown.position is None or (watched is not None and shown.position):
        return None
    import torch

    shadow = shadow_of(scheduler, optimizer, torch)
    spec = spec_of(shadow, watched)
    if spec is None:
        return None
    try:
        experiment = _experiment(spec, shadow.optimizer, shown)
    except SpecError:  # such as milestones that do not ascend
        return None
    with undrawn(torch), quiet():
        trace = replay(experiment, engine="torch", partial=True)
    return (experiment, trace) if _ends_as(trace, shown) else None


def _experiment(spec: SchedulerSpec, optimizer: Any, shown: Preview) -> Experiment:
    """Return the whole run: the steps that were, and those that were previewed."""
    run, before = shown.experiment.run, shown.position or 0
    whole = Run(
        steps=before * run.clock.stride + run.clock.steps, steps_per_epoch=run.steps_per_epoch, interval=run.interval
    )
    return Experiment(scheduler=spec, run=whole, optimizer=_as_configured(shown.experiment.optimizer, spec, optimizer))


def _as_configured(own: OptimizerSpec, spec: SchedulerSpec, optimizer: Any) -> OptimizerSpec:
    """Return the optimizer with the momentum that it was made with, where the scheduler has set another."""
    if not spec.moves_momentum():
        return own
    groups = None if own.groups is None else tuple(replace(group, momentum=None, betas=None) for group in own.groups)
    given = {name: optimizer.defaults.get(name) for name in ("momentum", "betas") if getattr(own, name) is not None}
    return replace(own, groups=groups, **given)


def _ends_as(trace: Trace, shown: Preview) -> bool:
    """Return whether the last steps of a replay are what was previewed, to the bit."""
    before = trace.steps - shown.steps
    is_same = before >= 0 and len(trace.groups) == len(shown.groups)
    is_same = is_same and (trace.failure is None) == (shown.failure is None)
    pairs = zip(trace.groups, shown.groups, strict=False)
    return is_same and all(_bits(one, before) == _bits(other, 0) for one, other in pairs)


def _bits(group: GroupTrace, start: int) -> list[bytes]:
    columns = (group.lr, group.momentum)
    return [b"" if column is None else column[start:].tobytes() for column in columns]
