"""From an experiment to a trace, on an engine."""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from traceback import walk_tb
from typing import Any

from lrviz.arrays import Values, column
from lrviz.engine.build import Beside, construct
from lrviz.engine.engine import Engine
from lrviz.errors import LrvizError
from lrviz.experiment.argtypes import TRAIN
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import momentum_name
from lrviz.experiment.schedulers import ClosedForm, OwnRule, SchedulerSpec
from lrviz.trace import Failure, Groups, GroupTrace, TorchWarning, Trace

BLOCK = 20_000  # changes of a learning rate between two calls of `progress`

Progress = Callable[[int, int], None]


def record(experiment: Experiment, engine: Engine, progress: Progress | None = None) -> Trace:
    """Replay an experiment on an engine and return what each optimizer step trained with.

    A fresh model, optimizer and scheduler are made for every call. `progress(done, total)` is called now
    and then, in changes of the settings. Where the scheduler raises, the trace ends there, and its
    `failure` says why.
    """
    return Recording(experiment, engine).run(progress)


@dataclass
class Recording:
    """One replay under way.

    `columns` holds for each parameter group what can move, by its name in the optimizer, and "beta1": one
    value for each setting, which holds until the scheduler steps again. `first` is the run's setting with which
    the replay begins.
    """

    experiment: Experiment
    engine: Engine
    first: int = 0
    optimizer: Any = None
    scheduler: Any = None
    step: Any = None  # steps the scheduler, once there is one
    columns: list[dict[str, array[float]]] = field(default_factory=list)
    readers: list[tuple[Callable[[Any], None], Any, str]] = field(default_factory=list)  # what takes `group[key]`
    metrics: array[float] = field(default_factory=lambda: array("d"))
    warnings: dict[str, TorchWarning] = field(default_factory=dict)

    def run(self, progress: Progress | None) -> Trace:
        with self.listening():
            failure = self.guarded(self.prepare) or self.advance(self.experiment.run.clock.settings, progress)
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
        self.optimizer = self.make_optimizer()
        self.step = self.stepper()
        self.open_columns()
        self.advance_block(lambda: None, 1)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what torch warns of, each message once, with the step after which it came."""

        def note(message: Warning | str, *rest: Any, **more: Any) -> None:
            text = str(message)
            self.warnings.setdefault(text, TorchWarning(step=self.trained(), epoch=self.epoch(), message=text))

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = note
            yield

    def settings(self) -> int:
        """Return how many settings of the run were read, or are behind."""
        return self.first + (len(self.columns[0]["lr"]) if self.columns else 0)

    def trained(self) -> int:
        """Return how many optimizer steps are behind."""
        clock = self.experiment.run.clock
        return min(self.settings() * clock.stride, clock.steps)

    def epoch(self) -> int | None:
        """Return the epoch of the last of them, if there is one and the run has epochs."""
        trained = self.trained()
        return self.experiment.run.clock.epoch_of(trained - 1) if trained else None

    def stepper(self) -> Callable[[], None]:
        """Build the scheduler and return what steps it once."""
        spec, clock = self.experiment.resolved, self.experiment.run.clock
        self.scheduler = scheduler = self.build()
        beside = isinstance(scheduler, Beside)
        step = self.beside_stepper(scheduler) if beside else self.framework_stepper(scheduler)
        if spec.stepped_with() is not None:
            step = self.metric_stepper(step, spec.stepped_with())
        elif spec.first_step:
            step = self.late_stepper(step, spec.first_step)
        if self.engine.losses is not None:
            return self.training_stepper(step, clock.stride)
        if spec.is_foreign or self.engine.upstream:  # code from elsewhere may look at every step of the optimizer
            return self.training_stepper(step, 1)
        self.engine.train_once(self.optimizer)
        return step

    def make_optimizer(self) -> Any:
        return self.engine.optimizer(self.experiment.optimizer)

    def build(self) -> Any:
        experiment = self.experiment
        return construct(experiment.resolved, self.optimizer, self.engine, experiment.run.clock.scheduler_steps)

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

    def beside_stepper(self, pair: Beside) -> Callable[..., None]:
        """Return what steps a warmup, until it ends, and then a plateau, at each change of the settings."""
        warmup, plateau = self.framework_stepper(pair.warmup), self.framework_stepper(pair.plateau)
        calls = self.experiment.run.clock.calls

        def stepped(metric: float) -> None:
            if (self.settings() - 1) * calls < pair.length:
                warmup()
            plateau(metric)

        return stepped

    def metric_stepper(self, step: Callable[..., None], metric: Any) -> Callable[[], None]:
        clock, stride = self.experiment.run.clock, self.experiment.metric_stride
        metrics, losses, every = self.metrics, self.engine.losses, self.experiment.resolved.every

        def value(index: int) -> float:
            if metric == TRAIN and losses is not None:
                return losses[-1]
            if isinstance(metric, tuple):
                return float(metric[index])
            last = (index + 1) * stride - 1  # the optimizer step just taken
            return float(metric(epoch=clock.epoch_of(last) or 0, step=last))

        def stepped() -> None:
            evaluations, left = divmod(self.settings(), every)
            if left:
                return
            metrics.append(value(evaluations - 1))
            step(metrics[-1])

        return stepped

    def late_stepper(self, step: Callable[[], None], start: int) -> Callable[[], None]:
        calls = self.experiment.run.clock.calls

        def stepped() -> None:
            if self.settings() * calls > start:
                step()

        return stepped

    def training_stepper(self, step: Callable[[], None], times: int) -> Callable[[], None]:
        """Step the optimizer as well, `times` before each step of the scheduler."""

        def stepped() -> None:
            for _ in range(times):
                self.engine.train_once(self.optimizer)
            step()

        return stepped

    @property
    def all_may_move(self) -> bool:
        """Whether momentum and weight decay may move, whatever the scheduler says."""
        return self.engine.upstream

    def open_columns(self) -> None:
        """Prepare one column for each value that can move, and for the rest nothing."""
        spec, any_may = self.experiment.resolved, self.all_may_move
        moved = momentum_name(self.experiment.optimizer.name) if any_may or spec.moves_momentum() else None
        for group in self.optimizer.param_groups:
            names = ["lr", *([] if moved is None else [moved])]
            names += ["weight_decay"] if (any_may or spec.moves_weight_decay()) and "weight_decay" in group else []
            columns = {name: array("d") for name in names}
            self.columns.append(columns)
            self.readers += [_reader(values, group, name) for name, values in columns.items()]

    def advance(self, settings: int, progress: Progress | None) -> Failure | None:
        """Step on until so many settings of the run are read."""
        left = settings - 1 - self.first
        most = max(1, BLOCK * settings // self.experiment.changes)
        while left:
            block = min(left, most)
            failure = self.guarded(partial(self.advance_block, self.step, block))
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

    def advance_block(self, step: Callable[[], None], count: int) -> None:
        """Step and read `count` times; the hot loop, so that a single reader has one of its own."""
        if len(self.readers) == 1:
            append, group, key = self.readers[0]
            for _ in repeat(None, count):
                step()
                append(group[key])
            return
        readers = self.readers
        for _ in repeat(None, count):
            step()
            for append, group, key in readers:
                append(group[key])

    def failure(self, error: Exception) -> Failure:
        columns = [values for group in self.columns for values in group.values()]
        whole = min(map(len, columns), default=0)
        for values in columns:  # a setting that could not be read throughout counts in no column
            del values[whole:]
        kind, by = type(error).__name__, self.raiser(error)
        return Failure(step=self.trained(), epoch=self.epoch(), kind=kind, message=str(error), by=by)

    def raiser(self, error: Exception) -> str:
        """Return who raised an error: the optimizer, a scheduler of a library or the user's own, or torch."""
        frames = [frame for frame, _ in walk_tb(error.__traceback__)]
        if any(frame.f_code.co_name == "train_once" for frame in frames):
            return f"{self.experiment.optimizer.label}.step()"
        if self.engine.upstream:
            return self.experiment.scheduler.label
        called = [frame.f_locals.get("self") for frame in frames]
        ours = next((each for each in called if isinstance(each, (ClosedForm, OwnRule))), None)
        if ours is not None:
            return ours.label
        foreign = _foreign(self.experiment.scheduler)
        packages = {str(frame.f_globals.get("__name__")).partition(".")[0] for frame in frames} - {"lrviz"}
        return f"your {foreign.label}" if foreign and packages != {"torch"} else "torch"

    def trace(self, failure: Failure | None) -> Trace:
        trained, losses = self.trained(), self.engine.losses
        names = [group.name for group in self.experiment.optimizer.resolved_groups]
        names += [f"group {i}" for i in range(len(names), len(self.columns))]  # that a scheduler of the user's added
        groups = zip(names, self.columns, self.optimizer.param_groups if self.columns else (), strict=False)
        return Trace(
            groups=Groups(self.group(*each) for each in groups),
            steps=trained,
            steps_per_epoch=self.experiment.run.clock.steps_per_epoch,
            momentum_name=momentum_name(self.experiment.optimizer.name),
            engine=self.engine.name,
            torch_version=self.engine.version,
            libraries=self.experiment.follows,
            metric=column(self.metrics) if self.experiment.scheduler.stepped_with() is not None else None,
            loss=None if losses is None else column(losses[:trained]),
            warnings=tuple(self.warnings.values()),
            failure=failure,
        )

    def group(self, name: str, read: dict[str, array[float]], live: dict[str, Any]) -> GroupTrace:
        """Return a group's columns, a value for each optimizer step; what could not move holds its one throughout."""
        momentum = momentum_name(self.experiment.optimizer.name)

        def held(key: str) -> Values | None:
            if key in read:
                return column(self.each_step(read[key]))
            value = live["betas"][0] if key == "beta1" else live.get(key)
            steps = self.trained() - self.first * self.experiment.run.clock.stride
            return None if value is None else column(array("d", [value]) * steps)

        return GroupTrace(
            name=name,
            lr=column(self.each_step(read["lr"])),
            momentum=None if momentum is None else held(momentum),
            weight_decay=held("weight_decay"),
        )

    def each_step(self, settings: array[float]) -> array[float]:
        """Return for each optimizer step the setting it trained with."""
        stride = self.experiment.run.clock.stride
        if stride == 1:
            return settings
        values = array("d")
        for setting in settings:
            values.extend(array("d", [setting]) * stride)
        return values[: self.trained() - self.first * stride]


def _reader(values: array[float], group: Any, name: str) -> tuple[Callable[[Any], None], Any, str]:
    append = values.append
    return (lambda betas: append(betas[0]), group, "betas") if name == "beta1" else (append, group, name)


def _foreign(spec: SchedulerSpec) -> SchedulerSpec | None:
    """Return what in a spec runs code of the user's own, which may move anything; None without any."""
    return spec if spec.is_foreign else next(filter(None, map(_foreign, spec.children())), None)
