"""A replay that goes on from a checkpoint, as torch does it: states saved, built anew, loaded."""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from typing import Any

from lrviz.arrays import Values, column
from lrviz.engine.build import Beside, construct
from lrviz.engine.engine import TorchEngine
from lrviz.engine.record import Progress, Recording
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import Custom
from lrviz.trace import Failure, Groups, GroupTrace, Seam, Trace


def record_resumed(experiment: Experiment, engine: TorchEngine, progress: Progress | None = None) -> Trace:
    """Replay a run until its checkpoint, and on from there, and return both as one trace.

    Where the first part raises, the trace ends there; where saving, loading or building raises, at the seam.
    """
    resume = experiment.resume
    assert resume is not None, "the experiment goes on from a checkpoint"
    first = _Before(resume.before, engine, stop=resume.step, mode=resume.mode)
    written = first.run(progress)
    if written.failure is not None:
        return replace(written, experiment=experiment)
    second = _After(experiment, engine, first=first.stepped, saved=first.saved)
    joined = _joined(written, second.run(progress), resume.step, resume.step - first.stepped * second.stride)
    epoch, unbroken = written.epoch_of(resume.step - 1), tuple(first.unbroken)
    return replace(joined, seam=Seam(step=resume.step, epoch=epoch, mode=resume.mode, unbroken=unbroken))


@dataclass
class _Part(Recording):
    """One of the two parts; `call` is what of torch is running, where that is no step."""

    engine: TorchEngine
    call: str = ""

    @property
    def stride(self) -> int:
        return self.experiment.run.clock.stride

    @property
    def all_may_move(self) -> bool:
        """Whether momentum and weight decay may move: a loaded state may do what the arguments do not say."""
        return True

    @contextmanager
    def calling(self, call: str) -> Iterator[None]:
        self.call = call
        yield
        self.call = ""

    def raiser(self, error: Exception) -> str:
        return self.call or super().raiser(error)


@dataclass
class _Before(_Part):
    """The run until its checkpoint, which is written after `stop` optimizer steps and their scheduler's."""

    stop: int = 0
    mode: str = "load"
    saved: bytes = b""
    unbroken: list[tuple[float, ...]] = field(default_factory=list)

    @property
    def stepped(self) -> int:
        """How often the settings changed until then."""
        return self.stop // self.stride

    def trained(self) -> int:
        return min(super().trained(), self.stop)

    def advance(self, settings: int, progress: Progress | None) -> Failure | None:
        failure = super().advance(self.stepped + 1, progress) or self.guarded(self.save)
        if failure is None:
            self.look_on()
        return failure

    def save(self) -> None:
        """Write the checkpoint; who forgets the scheduler's state may have a scheduler without one."""
        with self.calling("scheduler.state_dict()"):
            parts = [] if self.mode == "restart" else _parts(self.scheduler)
            states = [each.state_dict() for each in parts]
        with self.calling("torch.save()"):
            file = BytesIO()
            self.engine.torch.save((self.optimizer.state_dict(), states), file)
            self.saved = file.getvalue()

    def look_on(self) -> None:
        """Note each group's learning rate with which the run would go on, now and after the scheduler's next step."""
        groups, metrics = self.optimizer.param_groups, len(self.metrics)
        self.unbroken = [(group["lr"],) for group in groups]
        if self.stepped + 1 < self.experiment.run.clock.settings:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                failure = self.guarded(self.step)
            if failure is None:
                self.unbroken = [(*now, group["lr"]) for now, group in zip(self.unbroken, groups, strict=True)]
            del self.metrics[metrics:]


@dataclass
class _After(_Part):
    """The run from the checkpoint on."""

    saved: bytes = b""

    def trained(self) -> int:
        assert self.experiment.resume is not None
        return max(super().trained(), self.experiment.resume.step)

    def build(self) -> Any:
        """Build the scheduler, and load what a training script of the mode loads, in its order."""
        resume, torch = self.experiment.resume, self.engine.torch
        assert resume is not None
        optimizer_state, states = torch.load(BytesIO(self.saved), weights_only=False)
        if resume.mode == "load":
            scheduler = super().build()
            self.load(self.optimizer, "optimizer", optimizer_state)
            for each, state in zip(_parts(scheduler), states, strict=False):
                self.load(each, "scheduler", state)
            return scheduler
        self.load(self.optimizer, "optimizer", optimizer_state)
        if resume.mode == "restart":
            return super().build()
        last_epoch = states[0]["last_epoch"] - 1  # constructing makes the step to the next
        with self.calling(f"{self.experiment.scheduler.label}(last_epoch={last_epoch})"):
            return self.constructed(last_epoch)

    def load(self, target: Any, name: str, state: Any) -> None:
        with self.calling(f"{name}.load_state_dict()"):
            target.load_state_dict(state)

    def constructed(self, last_epoch: int) -> Any:
        """Return the scheduler constructed with torch's last_epoch."""
        spec, total = self.experiment.resolved, self.experiment.run.clock.scheduler_steps
        if isinstance(spec, Custom):
            spec = replace(spec, args={**(spec.args or {}), "last_epoch": last_epoch})
        return construct(spec, self.optimizer, _GoingOn(self.engine, last_epoch), total)


class _GoingOn:
    """An engine whose schedulers are constructed with last_epoch."""

    def __init__(self, engine: TorchEngine, last_epoch: int) -> None:
        self.engine, self.last_epoch = engine, last_epoch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def scheduler(self, module: str, name: str) -> Any:
        return partial(self.engine.scheduler(module, name), last_epoch=self.last_epoch)


def _parts(scheduler: Any) -> list[Any]:
    """Return what has a state of its own: a scheduler, or a warmup and the plateau beside it."""
    return [scheduler.warmup, scheduler.plateau] if isinstance(scheduler, Beside) else [scheduler]


def _joined(before: Trace, after: Trace, seam: int, skipped: int) -> Trace:
    """Return one trace of two: the first up to the seam, and the second from there, `skipped` steps into its own."""
    pairs = list(zip(before.groups, after.groups, strict=False))
    groups = [_group(*pair, seam, skipped) for pair in pairs] or [_cut(group, seam) for group in before.groups]
    told = {each.message: each for each in (*after.warnings, *before.warnings)}
    return replace(
        after,
        groups=Groups(groups),
        metric=_metric(before.metric, after.metric),
        warnings=tuple(sorted(told.values(), key=lambda each: each.step)),
    )


def _group(before: GroupTrace, after: GroupTrace, seam: int, skipped: int) -> GroupTrace:
    def both(name: str) -> Values | None:
        first, second = getattr(before, name), getattr(after, name)
        return None if first is None or second is None else _chained(first[:seam], second[skipped:])

    lr = _chained(before.lr[:seam], after.lr[skipped:])
    return GroupTrace(name=after.name, lr=lr, momentum=both("momentum"), weight_decay=both("weight_decay"))


def _cut(group: GroupTrace, seam: int) -> GroupTrace:
    """Return a group's first steps alone: there was no other."""
    nothing = column(())
    return _group(group, GroupTrace(name=group.name, lr=nothing, momentum=nothing, weight_decay=nothing), seam, 0)


def _metric(before: Values | None, after: Values | None) -> Values | None:
    return None if before is None or after is None else _chained(before, after)


def _chained(first: Values, second: Values) -> Values:
    values = array("d", first.tobytes())
    values.frombytes(second.tobytes())
    return column(values)
