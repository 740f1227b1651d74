"""What a live scheduler will do from where it stands: its copy, stepped over a shadow of its optimizer."""

from __future__ import annotations

import inspect
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lrviz.engine.attributes import spec_of
from lrviz.engine.engine import TorchEngine
from lrviz.engine.record import Recording
from lrviz.engine.shadow import Shadow, shadow_of
from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.argtypes import TRAIN
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import optimizer_like
from lrviz.experiment.schedulers import Live
from lrviz.trace import Trace

METRICS = ("metric", "metrics", "loss", "val_loss", "score")
"""What schedulers call the metric that their `step` takes."""


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Preview(Trace):
    """What every optimizer step from now on will train with; step 0 is the next one.

    `experiment` says what was previewed, as `lrviz.figure` wants it, and `position` how often the scheduler had
    been stepped before, where it counts that.
    """

    experiment: Experiment
    position: int | None


def preview(
    scheduler: Any,
    *,
    steps: int,
    steps_per_epoch: int | None = None,
    interval: str | None = None,
    metric: Any = None,
    optimizer: Any = None,
) -> Preview:
    """Return what a live scheduler will do in its next steps; `lrviz.preview` says what the arguments are."""
    run = Run(steps=steps, steps_per_epoch=steps_per_epoch, interval=interval)
    engine = TorchEngine()
    _refuse_steps(scheduler, metric)
    shadow = shadow_of(scheduler, optimizer, engine.torch)
    experiment = Experiment(
        scheduler=Live(target=_name(scheduler), metric=metric),
        run=run,
        optimizer=optimizer_like(shadow.optimizer),
        title=_title(scheduler, shadow),
    )
    with undrawn(engine.torch), quiet():
        trace = _LiveRecording(experiment, engine, shadow=shadow).run(None)
    own = {field.name: getattr(trace, field.name) for field in fields(trace)}
    return Preview(**{**own, "experiment": experiment}, position=position(scheduler))


@dataclass
class _LiveRecording(Recording):
    """A recording of a scheduler that is there already."""

    shadow: Shadow | None = None

    def prepare(self) -> None:
        assert self.shadow is not None
        self.scheduler, self.optimizer = self.shadow
        super().prepare()

    def make_optimizer(self) -> Any:
        return self.optimizer

    def build(self) -> Any:
        return self.scheduler


def position(scheduler: Any) -> int | None:
    """Return how often a scheduler has been stepped; None where it does not count that."""
    for name in ("last_epoch", "last_batch_iteration", "last_step"):
        count = getattr(scheduler, name, None)
        if isinstance(count, int):
            return max(0, count)
    inner = getattr(scheduler, "scheduler", None) or next(iter(getattr(scheduler, "_schedulers", ())), None)
    return None if inner is None else position(inner)


def _title(scheduler: Any, shadow: Shadow) -> str | None:
    """Return what a figure is to be called: what the scheduler is, and from which of its steps on it goes."""
    spec, before = spec_of(shadow), position(scheduler)
    title = type(scheduler).__name__ if spec is None else spec.title
    return f"{title}, from step {before:,} on" if before else title


def _name(scheduler: Any) -> str:
    return f"{type(scheduler).__module__}:{type(scheduler).__name__}"


def _refuse_steps(scheduler: Any, metric: Any) -> None:
    """Raise SpecError for what is no scheduler, and for one whose `step` wants what nobody gives."""
    name = type(scheduler).__name__
    step = getattr(scheduler, "step", None)
    if not callable(step) or isinstance(scheduler, type) or hasattr(scheduler, "param_groups"):
        raise SpecError(f"must be a scheduler that was made, with a step() of its own, not {shown(scheduler)}")
    inner = getattr(scheduler, "scheduler", None)
    wanted = [each for each in _parameters(step) if each.default is each.empty]
    watches = [each for each in wanted if each.name in METRICS]
    if inner is not None and not wanted:  # a wrapper, such as accelerate's, which passes on what it is given
        _refuse_steps(inner, metric)
        return
    others = [each.name for each in wanted if each not in watches]
    if others:
        message = f"{name}.step() takes {', '.join(others)}, which a preview cannot know: it calls step()"
        raise SpecError(f"{message}, or step(metric) of what watches one")
    if watches and metric is None:
        message = f"missing: {name} watches a metric; give what it will be, such as metric='exp(-epoch)' or a list"
        raise SpecError(Problem(field="metric", message=message))
    if metric is not None and not any(each.name in METRICS for each in _parameters(step)):
        raise SpecError(Problem(field="metric", message=f"{name} watches none: its step() takes no metric"))
    if metric == TRAIN:
        raise SpecError(Problem(field="metric", message="train, a toy loss, is for an experiment's replay"))


def _parameters(step: Any) -> list[inspect.Parameter]:
    """Return what a scheduler's step takes, by name."""
    try:
        every = inspect.signature(step).parameters.values()
    except (TypeError, ValueError):
        return []
    return [each for each in every if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]


@contextmanager
def undrawn(torch: Any) -> Iterator[None]:
    """Give torch, numpy and Python their random state back, whatever was drawn meanwhile."""
    numpy, own = sys.modules.get("numpy"), random.getstate()
    drawn = None if numpy is None else numpy.random.get_state()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(own)
        if numpy is not None:
            numpy.random.set_state(drawn)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out what a scheduler prints at every step: that belongs to the training."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield
