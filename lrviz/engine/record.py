"""The replay: Experiment in, Trace out."""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any

from lrviz.engine.build import construct
from lrviz.engine.engine import Engine, TorchEngine, certify_once, choose, known
from lrviz.errors import LrvizError, ReplayError
from lrviz.experiment.argtypes import TRAIN
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import momentum_name
from lrviz.experiment.schedulers import SWALR, Custom, ReduceLROnPlateau, SchedulerSpec
from lrviz.trace import Failure, GroupTrace, Remark, Trace, column

__all__ = ["describe", "replay"]

BLOCK = 20_000  # settings between two calls of `progress`

Progress = Callable[[int, int], None]


def replay(
    experiment: Experiment,
    *,
    partial: bool = False,
    engine: Engine | str = "auto",
    train: bool = False,
    progress: Progress | None = None,
) -> Trace:
    """Replay an experiment on PyTorch's own scheduler and return what each step trains with.

    A fresh model, optimizer and scheduler are made for every call. `engine` is "auto", "torch" or
    "light" (see `lrviz.engine.engine.choose`), or an engine. With `train`, and for a plateau whose metric
    is "train", the optimizer trains a toy problem (see `lrviz.engine.toy`), and `Trace.loss` is its loss.
    `progress(done, total)` is called now and then, in settings. Raises ReplayError where torch raises,
    with its words; with `partial` the trace up to there comes back instead, its `failure` set. Raises
    SpecError for an unknown engine.
    """
    if isinstance(engine, str):
        known(engine)
    if train or experiment.trains:
        from lrviz.engine.toy import ToyEngine

        trace = _Replay(experiment, ToyEngine()).run(progress)
    elif isinstance(engine, str):
        trace = _chosen(experiment, engine, progress)
    else:
        trace = _Replay(experiment, engine).run(progress)
    if trace.failure is not None and not partial:
        raise ReplayError(describe(trace.failure))
    return trace


def _chosen(experiment: Experiment, wanted: str, progress: Progress | None) -> Trace:
    """Replay on the engine that fits; where the light one fails in any way, torch has the word."""
    choice = choose(experiment, wanted)
    if choice.name == "light":
        trace = _attempt(experiment, progress)
        if trace is not None:
            return trace
    if choice.wants_certificate:
        certify_once()
    return _Replay(experiment, TorchEngine()).run(progress)


def _attempt(experiment: Experiment, progress: Progress | None) -> Trace | None:
    try:
        from lrviz.engine.light import LightEngine

        trace = _Replay(experiment, LightEngine()).run(progress)
    except LrvizError:  # of the experiment, not of the engine
        raise
    except Exception:  # noqa: BLE001  the light engine has no errors of its own
        return None
    return trace if trace.failure is None else None


def describe(failure: Failure) -> str:
    """Return where and why a replay stopped, in one line."""
    if not failure.step:
        return f"building the scheduler failed: {failure.words}"
    return f"scheduler.step() failed {failure.where}: {failure.words}"


@dataclass
class _Replay:
    """One replay under way."""

    experiment: Experiment
    engine: Engine
    optimizer: Any = None
    step: Any = None  # steps the scheduler, once there is one
    columns: list[tuple[Callable[[Any], None], Any, str]] = field(default_factory=list)
    beta_columns: list[tuple[Callable[[Any], None], Any]] = field(default_factory=list)
    rates: list[array[float]] = field(default_factory=list)
    momenta: list[array[float]] = field(default_factory=list)
    decays: list[array[float]] = field(default_factory=list)  # empty where nothing moves weight decay
    metrics: array[float] = field(default_factory=lambda: array("d"))
    remarks: dict[str, Remark] = field(default_factory=dict)

    def run(self, progress: Progress | None) -> Trace:
        with self.listening():
            failure = self.guarded(self.prepare) or self.record(self.experiment.run.clock.settings, progress)
        return self.trace(failure)

    def guarded(self, action: Callable[[], None]) -> Failure | None:
        """Do something of torch's, or of the user's scheduler; return what it raised, in its own words."""
        try:
            action()
        except LrvizError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it raises
            return self.failure(error)
        return None

    def prepare(self) -> None:
        self.optimizer = self.engine.optimizer(self.experiment.optimizer)
        self.step = self.stepper()
        self.open_columns()
        self.read()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what torch warns of, each message once, with the step after which it came."""

        def note(message: Warning | str, *rest: Any, **more: Any) -> None:
            text = str(message)
            self.remarks.setdefault(text, Remark(step=self.trained(), epoch=self.epoch(), message=text))

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = note
            yield

    def trained(self) -> int:
        """Return how many optimizer steps are behind."""
        clock = self.experiment.run.clock
        return min(len(self.rates[0]) * clock.stride, clock.steps) if self.rates else 0

    def epoch(self) -> int | None:
        """Return the epoch of the last of them, if there is one and the run has epochs."""
        trained = self.trained()
        return self.experiment.run.clock.epoch_of(trained - 1) if trained else None

    def stepper(self) -> Callable[[], None]:
        """Build the scheduler and return what steps it once."""
        spec = self.experiment.resolved
        scheduler = construct(spec, self.optimizer, self.engine, self.experiment.run.clock.scheduler_steps)
        step = self.special_stepper(self.framework_stepper(scheduler), spec)
        if self.engine.losses is not None:
            return self.training_stepper(step, self.experiment.run.clock.stride)
        if isinstance(spec, Custom):  # a scheduler of the user's own may look at every step of the optimizer
            return self.training_stepper(step, 1)
        self.engine.train_once(self.optimizer)
        return step

    def special_stepper(self, step: Callable[..., None], spec: SchedulerSpec) -> Callable[[], None]:
        """Return what steps the schedulers that want more than a call."""
        match spec:
            case ReduceLROnPlateau():
                return self.metric_stepper(step, spec)
            case SWALR() if spec.swa_start:
                return self.late_stepper(step, spec.swa_start)
            case _:
                return step

    def framework_stepper(self, scheduler: Any) -> Callable[..., None]:
        """Return `scheduler.step` as the run's framework calls it at each change of the settings.

        accelerate 1.15.0's `AcceleratedScheduler.step` calls a prepared scheduler `num_processes` times,
        and leaves one with a `total_steps` alone once its `_step_count` is beyond. A batch that only
        accumulates changes nothing: `GradientState.adjust_scheduler` is never true, because
        `GradientAccumulationPlugin.to_kwargs` leaves a default out and `GradientState` takes that for false.
        """
        run, clock = self.experiment.run, self.experiment.run.clock
        step: Callable[..., None] = scheduler.step
        guarded = run.is_prepared and hasattr(scheduler, "total_steps")

        def prepared_step(*metric: float) -> None:
            for _ in range(clock.calls):
                if not guarded or scheduler._step_count <= scheduler.total_steps:
                    step(*metric)

        return prepared_step if guarded or clock.calls > 1 else step

    def metric_stepper(self, step: Callable[..., None], spec: ReduceLROnPlateau) -> Callable[[], None]:
        clock = self.experiment.run.clock
        metric, metrics, losses = spec.metric, self.metrics, self.engine.losses

        def value(index: int) -> float:
            if metric == TRAIN and losses is not None:
                return losses[-1]
            if isinstance(metric, tuple):
                return float(metric[index])
            last = (index + 1) * clock.stride - 1  # the optimizer step just taken
            return float(metric(epoch=clock.epoch_of(last) or 0, step=last))

        def stepped() -> None:
            metrics.append(value(len(metrics)))
            step(metrics[-1])

        return stepped

    def late_stepper(self, step: Callable[[], None], start: int) -> Callable[[], None]:
        rates, calls = self.rates, self.experiment.run.clock.calls

        def stepped() -> None:
            if len(rates[0]) * calls > start:
                step()

        return stepped

    def training_stepper(self, step: Callable[[], None], times: int) -> Callable[[], None]:
        """Step the optimizer as well, `times` before each step of the scheduler."""

        def stepped() -> None:
            for _ in range(times):
                self.engine.train_once(self.optimizer)
            step()

        return stepped

    def open_columns(self) -> None:
        """Prepare one column for each value that can move, and for the rest nothing."""
        spec = self.experiment.resolved
        moved = momentum_name(self.experiment.optimizer.name) if spec.moves_momentum() else None
        for group in self.optimizer.param_groups:
            self.rates.append(array("d"))
            self.columns.append((self.rates[-1].append, group, "lr"))
            if _is_foreign(spec) and "weight_decay" in group:
                self.decays.append(array("d"))
                self.columns.append((self.decays[-1].append, group, "weight_decay"))
            if moved is None:
                continue
            self.momenta.append(array("d"))
            if moved == "beta1":
                self.beta_columns.append((self.momenta[-1].append, group))
            else:
                self.columns.append((self.momenta[-1].append, group, moved))

    def record(self, settings: int, progress: Progress | None) -> Failure | None:
        left = settings - 1
        while left:
            block = min(left, BLOCK)
            failure = self.guarded(partial(self.record_block, self.step, block))
            if failure is not None:
                return failure
            left -= block
            if progress is not None:
                progress(settings - left, settings)
        return None if self.engine.losses is None else self.guarded(self.train_on)

    def train_on(self) -> None:
        """Train with the last setting, which no step of the scheduler follows."""
        clock = self.experiment.run.clock
        for _ in range(clock.steps - (clock.settings - 1) * clock.stride):
            self.engine.train_once(self.optimizer)

    def read(self) -> None:
        for append, group, key in self.columns:
            append(group[key])
        for append, group in self.beta_columns:
            append(group["betas"][0])

    def record_block(self, step: Callable[[], None], count: int) -> None:
        """Step and read `count` times; the hot loop, so `read` is written out, first for a single column."""
        columns, beta_columns = self.columns, self.beta_columns
        if len(columns) == 1 and not beta_columns:
            append, group, key = columns[0]
            for _ in repeat(None, count):
                step()
                append(group[key])
            return
        for _ in repeat(None, count):
            step()
            for append, group, key in columns:
                append(group[key])
            for append, group in beta_columns:
                append(group["betas"][0])

    def failure(self, error: Exception) -> Failure:
        columns = (*self.rates, *self.momenta, *self.decays)
        whole = min(map(len, columns), default=0)
        for values in columns:  # a setting that could not be read throughout counts in no column
            del values[whole:]
        return Failure(step=self.trained(), epoch=self.epoch(), kind=type(error).__name__, message=str(error))

    def trace(self, failure: Failure | None) -> Trace:
        clock = self.experiment.run.clock
        name = momentum_name(self.experiment.optimizer.name)
        groups = self.optimizer.param_groups[: len(self.rates)] if self.rates else []
        names = [group.name for group in self.experiment.optimizer.resolved_groups]
        names += [f"group {i}" for i in range(len(names), len(groups))]  # a scheduler of the user's own added them
        return Trace(
            tracks=tuple(self.track(names[i], i, group, name) for i, group in enumerate(groups)),
            steps=self.trained(),
            stride=clock.stride,
            steps_per_epoch=clock.steps_per_epoch,
            momentum_name=name,
            engine=self.engine.name,
            torch_version=self.engine.version,
            metric=column(self.metrics) if isinstance(self.experiment.scheduler, ReduceLROnPlateau) else None,
            loss=None if self.engine.losses is None else column(self.engine.losses[: self.trained()]),
            remarks=tuple(self.remarks.values()),
            failure=failure,
        )

    def track(self, name: str, index: int, group: Any, moved: str | None) -> GroupTrace:
        """Return a group's columns; what could not move holds its one value throughout."""
        length = len(self.rates[index])
        momentum = None
        if self.momenta:
            momentum = column(self.momenta[index])
        elif moved is not None:
            momentum = column(array("d", [group["betas"][0] if moved == "beta1" else group[moved]]) * length)
        decay = group.get("weight_decay")
        decays = self.decays[index] if self.decays else None if decay is None else array("d", [decay]) * length
        return GroupTrace(
            name=name,
            lr=column(self.rates[index]),
            momentum=momentum,
            weight_decay=None if decays is None else column(decays),
        )


def _is_foreign(spec: SchedulerSpec) -> bool:
    """Return whether code of the user's own is in it, which may move anything."""
    return isinstance(spec, Custom) or any(map(_is_foreign, spec.children()))
