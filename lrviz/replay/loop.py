"""The replay: Experiment in, Trace out."""

from __future__ import annotations

import warnings
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lrviz.errors import LrvizError, Problem, ReplayError, SpecError
from lrviz.replay.build import construct
from lrviz.replay.engines import Engine, TorchEngine
from lrviz.replay.trace import Failure, Remark, Trace, Track, column
from lrviz.spec.experiment import Experiment
from lrviz.spec.expression import Expression
from lrviz.spec.optimizers import momentum_name
from lrviz.spec.schedulers import SWALR, Custom, ReduceLROnPlateau

__all__ = ["describe", "replay"]

BLOCK = 20_000  # settings between two calls of `progress`

Progress = Callable[[int, int], None]


def replay(
    experiment: Experiment,
    *,
    partial: bool = False,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Trace:
    """Replay an experiment on PyTorch's own scheduler and return what each step trains with.

    A fresh model, optimizer and scheduler are made for every call. `progress(done, total)` is called
    now and then, in settings. Raises ReplayError where torch raises, with its words; with `partial`
    the trace up to there comes back instead, its `failure` set.
    """
    trace = _Replay(experiment, engine or TorchEngine()).run(progress)
    if trace.failure is not None and not partial:
        raise ReplayError(describe(trace.failure))
    return trace


def describe(failure: Failure) -> str:
    """Return where and why a replay stopped, in one line."""
    words = f"{failure.kind}: {failure.message}" if failure.message else failure.kind
    if not failure.step:
        return f"torch raised when the scheduler was built: {words}"
    epoch = "" if failure.epoch is None else f" (epoch {failure.epoch})"
    return f"torch raised in scheduler.step() after step {failure.step - 1}{epoch}: {words}"


@dataclass
class _Replay:
    """One replay under way."""

    experiment: Experiment
    engine: Engine
    optimizer: Any = None
    columns: list[tuple[Callable[[Any], None], Any, str]] = field(default_factory=list)
    beta_columns: list[tuple[Callable[[Any], None], Any]] = field(default_factory=list)
    rates: list[array[float]] = field(default_factory=list)
    momenta: list[array[float]] = field(default_factory=list)
    metrics: array[float] = field(default_factory=lambda: array("d"))
    remarks: dict[str, Remark] = field(default_factory=dict)

    def run(self, progress: Progress | None) -> Trace:
        clock = self.experiment.run.clock
        failure = None
        with self.listening():
            try:
                self.optimizer = self.engine.optimizer(self.experiment.optimizer)
                step = self.stepper(clock.settings)
                self.open_columns()
                self.record(step, clock.settings, progress)
            except LrvizError:
                raise
            except Exception as error:  # noqa: BLE001  whatever torch, or the user's scheduler, raises
                failure = self.failure(error)
        return self.trace(failure)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect what torch warns of, each message once, with the step after which it came."""

        def note(message: Warning | str, *rest: Any, **more: Any) -> None:
            text = str(message)
            self.remarks.setdefault(text, Remark(step=self.trained(), message=text))

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.showwarning = note
            yield

    def trained(self) -> int:
        """Return how many optimizer steps are behind."""
        clock = self.experiment.run.clock
        return min(len(self.rates[0]) * clock.stride, clock.steps) if self.rates else 0

    def stepper(self, settings: int) -> Callable[[], None]:
        """Build the scheduler and return what steps it once."""
        spec = self.experiment.filled
        scheduler = construct(spec, self.optimizer, self.engine, settings)
        self.engine.train_once(self.optimizer)
        step: Callable[..., None] = scheduler.step
        match spec:
            case ReduceLROnPlateau():
                return self.metric_stepper(step, spec, settings)
            case SWALR() if spec.swa_start:
                return self.late_stepper(step, spec.swa_start)
            case Custom():
                return self.training_stepper(step)
            case _:
                return step

    def metric_stepper(self, step: Callable[..., None], spec: ReduceLROnPlateau, settings: int) -> Callable[[], None]:
        clock = self.experiment.run.clock
        metric, metrics = spec.metric, self.metrics
        if isinstance(metric, tuple) and len(metric) < settings - 1:
            told = f"has {len(metric)} values; the run steps its scheduler {settings - 1} times"
            name = "metric_csv" if spec.metric_csv else "metric"
            raise SpecError(Problem(field=f"scheduler.{name}", message=told))

        def value(index: int) -> float:
            if not isinstance(metric, Expression):
                return float(metric[index])
            last = (index + 1) * clock.stride - 1  # the optimizer step just taken
            return metric(epoch=clock.epoch_of(last) or 0, step=last)

        def stepped() -> None:
            metrics.append(value(len(metrics)))
            step(metrics[-1])

        return stepped

    def late_stepper(self, step: Callable[[], None], start: int) -> Callable[[], None]:
        rates = self.rates

        def stepped() -> None:
            if len(rates[0]) > start:
                step()

        return stepped

    def training_stepper(self, step: Callable[[], None]) -> Callable[[], None]:
        """Step the optimizer each time as well: a scheduler of the user's own may look at it."""

        def stepped() -> None:
            self.engine.train_once(self.optimizer)
            step()

        return stepped

    def open_columns(self) -> None:
        """Prepare one column for each value that can move, and for the rest nothing."""
        spec = self.experiment.filled
        moved = momentum_name(self.experiment.optimizer.name) if spec.moves_momentum() else None
        for group in self.optimizer.param_groups:
            self.rates.append(array("d"))
            self.columns.append((self.rates[-1].append, group, "lr"))
            if moved is None:
                continue
            self.momenta.append(array("d"))
            if moved == "beta1":
                self.beta_columns.append((self.momenta[-1].append, group))
            else:
                self.columns.append((self.momenta[-1].append, group, moved))

    def record(self, step: Callable[[], None], settings: int, progress: Progress | None) -> None:
        self.read()
        left = settings - 1
        while left:
            block = min(left, BLOCK)
            self.record_block(step, block)
            left -= block
            if progress is not None:
                progress(settings - left, settings)

    def read(self) -> None:
        for append, group, key in self.columns:
            append(group[key])
        for append, group in self.beta_columns:
            append(group["betas"][0])

    def record_block(self, step: Callable[[], None], count: int) -> None:
        """Step and read `count` times; the hot loop, so `read` is written out."""
        columns, beta_columns = self.columns, self.beta_columns
        for _ in range(count):
            step()
            for append, group, key in columns:
                append(group[key])
            for append, group in beta_columns:
                append(group["betas"][0])

    def failure(self, error: Exception) -> Failure:
        trained = self.trained()
        epoch = self.experiment.run.clock.epoch_of(trained - 1) if trained else None
        return Failure(step=trained, epoch=epoch, kind=type(error).__name__, message=str(error))

    def trace(self, failure: Failure | None) -> Trace:
        clock = self.experiment.run.clock
        name = momentum_name(self.experiment.optimizer.name)
        groups = self.optimizer.param_groups if self.rates else []
        names = [group.name for group in self.experiment.optimizer.resolved_groups]
        return Trace(
            tracks=tuple(self.track(names[i], i, group, name) for i, group in enumerate(groups)),
            steps=self.trained(),
            stride=clock.stride,
            steps_per_epoch=clock.steps_per_epoch,
            momentum_name=name,
            engine=self.engine.name,
            torch_version=self.engine.version,
            metric=column(self.metrics) if isinstance(self.experiment.scheduler, ReduceLROnPlateau) else None,
            remarks=tuple(self.remarks.values()),
            failure=failure,
        )

    def track(self, name: str, index: int, group: Any, moved: str | None) -> Track:
        """Return a group's columns; what could not move holds its one value throughout."""
        length = len(self.rates[index])
        momentum = None
        if self.momenta:
            momentum = column(self.momenta[index])
        elif moved is not None:
            momentum = column(array("d", [group["betas"][0] if moved == "beta1" else group[moved]]) * length)
        decay = group.get("weight_decay")
        return Track(
            name=name,
            lr=column(self.rates[index]),
            momentum=momentum,
            weight_decay=None if decay is None else column(array("d", [decay]) * length),
        )
