"""The run: how many optimizer steps it has, and at which of them the scheduler steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, OneOf, Version
from lrviz.experiment.frameworks import FRAMEWORKS, Framework, Loading, ceil
from lrviz.experiment.record import Record, arg, arg_types

MAX_STEPS = 10_000_000
DEFAULT_EPOCHS = 4
DEFAULT_STEPS_PER_EPOCH = 8
_SIMPLY_GIVEN = ("epochs", "steps_per_epoch", "steps", "interval")
LIBRARIES = ("transformers", "deepspeed", "ultralytics")  # whose behaviour changed between versions


class Run(Record):
    """What is said of a run's length; `clock` is what it comes to.

    `epochs`, `steps_per_epoch` and `steps` are in optimizer steps; `batch_size` is the DataLoader's:
    one device's, but with accelerate's `split_batches` that of all devices. Raises SpecError, with
    every problem, for lengths that contradict each other, that come to no step at all, and for more
    than `MAX_STEPS` steps of the optimizer or of the scheduler.
    """

    epochs: int | None = arg(Count("passes over the data", default_text=str(DEFAULT_EPOCHS)), default=None)
    steps_per_epoch: int | None = arg(
        Count("optimizer steps in one epoch", default_text=str(DEFAULT_STEPS_PER_EPOCH)), default=None
    )
    steps: int | None = arg(
        Count("optimizer steps of the whole run", default_text="epochs x steps per epoch"), default=None
    )
    dataset_size: int | None = arg(Count("samples in the training set, to count steps from"), default=None)
    batch_size: int | None = arg(Count("samples in a batch of one device, with dataset_size"), default=None)
    drop_last: bool = arg(Bool("drop the last, partial batch of an epoch, with dataset_size"), default=False)
    grad_accum: int = arg(Count("batches accumulated for one optimizer step"), default=1)
    world_size: int = arg(Count("devices that share the data"), default=1)
    interval: str | None = arg(
        OneOf(
            ("step", "epoch"),
            "what the scheduler's step is tied to",
            default_text="step; with framework lightning: epoch",
        ),
        default=None,
    )
    framework: str = arg(OneOf(tuple(FRAMEWORKS), "whose training loop steps the scheduler"), default="plain")
    split_batches: bool = arg(
        Bool("accelerate's split_batches: batch_size is that of all devices together"), default=False
    )
    transformers: str | None = arg(Version("version of transformers to follow", default_text="newest"), default=None)
    deepspeed: str | None = arg(Version("version of DeepSpeed to follow", default_text="newest"), default=None)
    ultralytics: str | None = arg(Version("version of Ultralytics to follow", default_text="newest"), default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = list(_contradictions(self))
        if problems:
            raise SpecError(problems)
        clock, limit = self.clock, f"more than the limit of {MAX_STEPS:,}"
        if clock.steps > MAX_STEPS:
            message = f"the run comes to {clock.steps:,} steps, {limit}"
            raise SpecError(Problem(field="steps" if self.steps else "epochs", message=message))
        if clock.scheduler_steps > MAX_STEPS:
            product = f"{clock.settings:,} x {clock.calls:,} (accelerate steps it once for each device)"
            message = f"the run steps its scheduler {clock.scheduler_steps:,} times, {product}, {limit}"
            raise SpecError(Problem(field="world_size", message=message))

    @cached_property
    def clock(self) -> Clock:
        """The resolved lengths."""
        per_epoch = _steps_per_epoch(self)
        epochs = self.epochs
        if self.steps is not None:
            steps = self.steps
            epochs = None if per_epoch is None else ceil(steps, per_epoch)
        else:
            epochs = DEFAULT_EPOCHS if epochs is None else epochs
            per_epoch = DEFAULT_STEPS_PER_EPOCH if per_epoch is None else per_epoch
            steps = epochs * per_epoch
        interval = self.interval or self.loop.interval
        return Clock(
            steps=steps,
            steps_per_epoch=per_epoch,
            epochs=epochs,
            interval=interval,
            stride=1 if interval == "step" or per_epoch is None else per_epoch,
            calls=self.loop.calls,
            batches_per_epoch=self.loop.batches,
            samples=_samples(self, steps, per_epoch),
            grad_accum=self.grad_accum,
            world_size=self.world_size,
            framework=self.framework,
            remarks=tuple(_remarks(self, steps, per_epoch)),
        )

    @cached_property
    def loop(self) -> Framework:
        """The framework's training loop, over this run's data."""
        data = Loading(
            samples=self.dataset_size or 0,
            batch=self.batch_size or 0,
            drop_last=self.drop_last,
            accum=self.grad_accum,
            devices=self.world_size,
            split=self.split_batches,
        )
        return FRAMEWORKS[self.framework](data)

    @property
    def releases(self) -> Mapping[str, tuple[int, ...]]:
        """The versions of libraries to follow, by library; whatever is not named is the newest that lrviz knows."""
        named = {name: getattr(self, name) for name in LIBRARIES}
        return {name: tuple(map(int, text.split("."))) for name, text in named.items() if text is not None}

    @property
    def is_prepared(self) -> bool:
        """Whether accelerate steps the scheduler, once for every device."""
        return self.framework == "accelerate" and not self.split_batches

    def lines(self) -> list[str]:
        """Return in words what the lengths came to and how they were counted, for a terminal.

        Empty where they were simply given: in epochs or in steps, and what the scheduler's step is tied to.
        """
        clock = self.clock
        others = (name for name in arg_types(self) if name not in _SIMPLY_GIVEN)
        is_divided = self.steps is not None and clock.steps_per_epoch is not None
        if not is_divided and all(getattr(self, name) == getattr(Run, name) for name in others):
            return []
        length = f"{clock.steps:,} optimizer steps"
        if clock.epochs is not None and clock.steps_per_epoch is not None:
            length = f"{clock.epochs:,} epochs of {clock.steps_per_epoch:,} = {length}"
        counts = [length, f"{clock.scheduler_steps:,} scheduler steps"]
        counts += [] if clock.samples is None else [f"{clock.samples:,} samples"]
        return [f"run: {', '.join(counts)}", *(f"     {remark}" for remark in clock.remarks)]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A run resolved to optimizer steps, scheduler steps and samples.

    `stride` is the number of optimizer steps between two changes of the settings; one setting of the
    optimizer holds for a whole stride, and the scheduler is stepped `calls` times at its end.
    `epochs` counts a last, partial one. `samples` counts what all devices load, repeats included.
    """

    steps: int
    steps_per_epoch: int | None
    stride: int
    epochs: int | None = None
    interval: str = "step"
    calls: int = 1
    batches_per_epoch: int | None = None  # that one device loads, where the data set is known
    samples: int | None = None
    grad_accum: int = 1
    world_size: int = 1
    framework: str = "plain"
    remarks: tuple[str, ...] = ()

    @property
    def settings(self) -> int:
        """How many settings the run trains with: one, and one more after each stride but the last."""
        return ceil(self.steps, self.stride)

    @property
    def scheduler_steps(self) -> int:
        """How often the whole run steps the scheduler: the length its horizon should have."""
        return self.settings * self.calls

    @property
    def scheduler_steps_per_epoch(self) -> int | None:
        """How often one epoch steps the scheduler, if the run has epochs."""
        return self.steps_per_epoch // self.stride * self.calls if self.steps_per_epoch else None

    def epoch_of(self, step: int) -> int | None:
        """Return the 0-based epoch that optimizer step `step` belongs to, if the run has epochs."""
        return step // self.steps_per_epoch if self.steps_per_epoch else None

    def step_of(self, scheduler_step: int) -> int:
        """Return the first optimizer step that trains with what scheduler step `scheduler_step` set."""
        return ceil(scheduler_step, self.calls) * self.stride

    def as_dict(self) -> dict[str, Any]:
        """Return the resolved numbers as JSON takes them."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return own | {
            "scheduler_steps": self.scheduler_steps,
            "scheduler_steps_per_epoch": self.scheduler_steps_per_epoch,
            "remarks": list(self.remarks),
        }


def _steps_per_epoch(run: Run) -> int | None:
    if run.steps_per_epoch is not None:
        return run.steps_per_epoch
    if run.loop.updates is None and run.steps is not None and run.epochs is not None:
        return run.steps // run.epochs
    return run.loop.updates


def _samples(run: Run, steps: int, per_epoch: int | None) -> int | None:
    """Return how many samples the run loads on all devices, those that padding repeats included."""
    if run.batch_size is None:
        return None
    if run.loop.batches and per_epoch and (run.steps is None or run.epochs is not None):
        return steps // per_epoch * run.loop.epoch_samples
    return run.loop.samples(steps, per_epoch)


def _contradictions(run: Run) -> Iterator[Problem]:
    """Yield a problem for everything in a run that cannot be, or cannot be together."""
    if run.split_batches and not run.loop.splits:
        yield Problem(field="split_batches", message="only framework accelerate has split_batches")
    if run.split_batches and run.batch_size is not None and run.batch_size % run.world_size:
        message = f"accelerate splits a batch into equal shares: {run.batch_size} is not a multiple of the world_size"
        yield Problem(field="batch_size", message=f"{message} of {run.world_size}")
    if run.dataset_size is not None and run.batch_size is None:
        yield Problem(field="batch_size", message="missing: dataset_size counts steps only with a batch_size")
    if run.drop_last and run.dataset_size is None:
        yield Problem(field="drop_last", message="needs dataset_size and batch_size: without them no batch is the last")
    per_epoch = _steps_per_epoch(run)
    yield from _impossible_epochs(run)
    yield from _disagreements(run, per_epoch)
    if run.steps is not None and per_epoch is None and (run.interval or run.loop.interval) == "epoch":
        default = "" if run.interval else f" ({run.loop.label}'s default interval)"
        message = f"epoch{default} needs epochs, and this run has none; give steps_per_epoch too, or interval: step"
        yield Problem(field="interval", message=message)


def _impossible_epochs(run: Run) -> Iterator[Problem]:
    batches = run.loop.batches
    if batches == 0:
        devices = f" on {run.world_size} devices" if run.world_size > 1 else ""
        message = (
            f"{run.dataset_size:,} samples{devices} never fill a batch of {run.batch_size:,}, and drop_last drops it"
        )
        yield Problem(field="batch_size", message=message)
    elif run.loop.updates == 0:
        message = f"an epoch has {batches:,} batches, so {run.grad_accum:,} are never gathered for a step"
        yield Problem(field="grad_accum", message=message)


def _disagreements(run: Run, per_epoch: int | None) -> Iterator[Problem]:
    counted = run.loop.updates
    if run.steps_per_epoch is not None and counted not in (None, 0, run.steps_per_epoch):
        message = f"{run.steps_per_epoch:,} contradicts dataset_size and batch_size, which come to {counted:,} an epoch"
        yield Problem(field="steps_per_epoch", message=f"{message}; give one or the other")
    if run.steps is None or run.epochs is None or per_epoch is None or counted == 0:
        return
    if run.steps != run.epochs * per_epoch:
        whole = run.steps_per_epoch is not None or counted is not None
        product = f"{run.epochs:,} epochs x {per_epoch:,} steps = {run.epochs * per_epoch:,}"
        split = f"{run.steps:,} is no whole number of steps in each of {run.epochs:,} epochs"
        yield Problem(
            field="steps", message=f"{run.steps:,} contradicts {product}; give two of the three" if whole else split
        )


def _remarks(run: Run, steps: int, per_epoch: int | None) -> Iterator[str]:
    """Yield in words how the lengths were counted, and which way they were rounded."""
    yield from run.loop.counted()
    if run.steps is not None and per_epoch and steps % per_epoch:
        yield f"the last of {ceil(steps, per_epoch):,} epochs has {steps % per_epoch:,} of its {per_epoch:,} steps"
    yield from run.loop.stepped(run.interval)
