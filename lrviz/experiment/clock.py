"""The run: how many steps it has, and at which of them the scheduler steps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, Epochs, OneOf, Version
from lrviz.experiment.frameworks import FRAMEWORKS, Framework, Loading, ceil
from lrviz.experiment.record import Record, arg, arg_types

MAX_STEPS = 10_000_000
DEFAULT_EPOCHS = 4
DEFAULT_STEPS_PER_EPOCH = 8
_SIMPLY_GIVEN = ("epochs", "steps_per_epoch", "steps", "interval")
_BY_EPOCH = [name for name, loop in FRAMEWORKS.items() if loop.interval == "epoch"]
LIBRARIES = ("transformers", "deepspeed", "ultralytics")  # whose behaviour changed between versions


class Run(Record):
    """What is said of a run's length; `clock` is what it comes to.

    `epochs`, `steps_per_epoch` and `steps` are in optimizer steps, or in what the framework counts;
    `batch_size` is the DataLoader's: one device's, but with accelerate's `split_batches` that of all
    devices. Raises SpecError, with every problem, for lengths that contradict each other, that come to
    no step at all, and for more than `MAX_STEPS` steps of the optimizer or of the scheduler.
    """

    epochs: float | None = arg(
        Epochs("passes over the data; 2.5 with framework transformers", default_text=str(DEFAULT_EPOCHS)),
        default=None,
    )
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
            default_text=f"step; with framework {' or '.join(_BY_EPOCH)}: epoch",
        ),
        default=None,
    )
    framework: str = arg(
        OneOf(tuple(FRAMEWORKS), "whose training loop counts the run and steps the scheduler"), default="plain"
    )
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
        if per_epoch is None and self.steps is None and self.loop.batches is None:
            per_epoch = DEFAULT_STEPS_PER_EPOCH
        steps = self.loop.steps(_epochs(self), per_epoch) if self.steps is None else self.steps
        interval = self.interval or self.loop.interval
        return Clock(
            steps=steps,
            steps_per_epoch=per_epoch,
            epochs=math.ceil(_epochs(self)) if self.steps is None else self.loop.epochs(steps, per_epoch),
            interval=interval,
            stride=1 if interval == "step" or per_epoch is None else per_epoch,
            calls=self.loop.calls,
            batches_per_epoch=self.loop.batches,
            samples=_samples(self, steps, per_epoch),
            grad_accum=self.grad_accum,
            world_size=self.world_size,
            framework=self.framework,
            unit=self.loop.unit,
            optimizer_steps=self.loop.optimizer_steps(steps),
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
            release=self.releases.get(self.framework, ()),
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

    def samples_before(self, step: int) -> int | None:
        """Return how many samples all devices load before 0-based step `step`, None where that is not known."""
        if self.batch_size is None:
            return None
        return self.loop.samples(step, self.clock.steps_per_epoch) if step > 0 else 0

    def lines(self) -> list[str]:
        """Return in words what the lengths came to and how they were counted, for a terminal.

        Empty where they were simply given: in epochs or in steps, and what the scheduler's step is tied to.
        """
        clock = self.clock
        others = (name for name in arg_types(self) if name not in _SIMPLY_GIVEN)
        is_divided = self.steps is not None and clock.steps_per_epoch is not None
        if not is_divided and all(getattr(self, name) == getattr(Run, name) for name in others):
            return []
        length = f"{clock.steps:,} {clock.unit}"
        if clock.epochs is not None:
            of = "" if clock.steps_per_epoch is None else f" of {clock.steps_per_epoch:,}"
            length = f"{clock.epochs:,} epochs{of} = {length}"
        counts = [length, f"{clock.scheduler_steps:,} scheduler steps"]
        counts += [] if clock.samples is None else [f"{clock.samples:,} samples"]
        return [f"run: {', '.join(counts)}", *(f"     {remark}" for remark in clock.remarks)]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A run resolved to optimizer steps, scheduler steps and samples.

    Where the framework's schedules count batches, these are the `steps`, and some of them step the optimizer.
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
    unit: str = "optimizer steps"  # what the steps are, in the framework's own counting
    optimizer_steps: int | None = None  # among them; None where the schedule decides it
    remarks: tuple[str, ...] = ()

    @property
    def why_no_epochs(self) -> str:
        """Why the run has no epochs to count in, where `steps_per_epoch` is None."""
        if self.epochs is None:
            return "it is given by its steps; add steps_per_epoch"
        return "accumulation goes on over their ends, so that they are no whole number of steps"

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
    if run.loop.batches is None and run.steps is not None and run.epochs is not None and not run.loop.steps_win:
        return run.steps // int(run.epochs)
    return run.loop.updates


def _samples(run: Run, steps: int, per_epoch: int | None) -> int | None:
    """Return how many samples the run loads on all devices, those that padding repeats included."""
    if run.batch_size is None:
        return None
    is_cut = run.steps is not None and (run.epochs is None or run.loop.steps_win)
    if run.loop.batches is None or is_cut or not float(_epochs(run)).is_integer():
        return run.loop.samples(steps, per_epoch)
    return run.loop.passes(int(_epochs(run)))


def _contradictions(run: Run) -> Iterator[Problem]:
    """Yield a problem for everything in a run that cannot be, or cannot be together."""
    yield from _misplaced(run)
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


def _misplaced(run: Run) -> Iterator[Problem]:
    """Yield a problem for everything that the run's framework does not have, or cannot do without."""
    loop = run.loop
    if run.split_batches and not loop.splits:
        yield Problem(field="split_batches", message=f"only {_having('splits')} has split_batches")
    if run.epochs is not None and int(run.epochs) != run.epochs and not loop.has_parts:
        message = f"must be a whole number >= 1, not {run.epochs:g}: only {_having('has_parts')} trains a part of one"
        yield Problem(field="epochs", message=message)
    if run.interval is not None and run.interval not in loop.intervals:
        message = f"must be {' or '.join(loop.intervals)}: {loop.label} steps its scheduler after every optimizer step"
        yield Problem(field="interval", message=message)
    for field, why in loop.refused.items():
        if getattr(run, field) != getattr(Run, field):
            yield Problem(field=field, message=f"does not go with framework {run.framework}: {why}")
    for field, why in loop.faults():
        yield Problem(field=field, message=why)
    for field, why in loop.required.items():
        if getattr(run, field) is None:
            yield Problem(field=field, message=f"missing: {why}")


def _having(feature: str) -> str:
    """Return the frameworks that have a feature, in words."""
    return f"framework {' or '.join(name for name, loop in FRAMEWORKS.items() if getattr(loop, feature))}"


def _impossible_epochs(run: Run) -> Iterator[Problem]:
    loop, batches = run.loop, run.loop.batches
    if batches == 0:
        devices = f" on {run.world_size} devices" if run.world_size > 1 else ""
        dropped = f"{'drop_last' if run.drop_last else loop.label} drops it"
        message = f"{run.dataset_size:,} samples{devices} never fill a batch of {run.batch_size:,}, and {dropped}"
        yield Problem(field="batch_size", message=message)
    elif loop.updates == 0:
        message = f"an epoch has {batches:,} batches, so {run.grad_accum:,} are never gathered for a step"
        yield Problem(field="grad_accum", message=message)
    elif batches and run.steps is None and loop.steps(_epochs(run), _steps_per_epoch(run)) == 0:
        message = f"the run has {_epochs(run) * batches:,} batches, so {run.grad_accum:,} are never gathered for a step"
        yield Problem(field="grad_accum", message=message)


def _epochs(run: Run) -> float:
    return DEFAULT_EPOCHS if run.epochs is None else run.epochs


def _disagreements(run: Run, per_epoch: int | None) -> Iterator[Problem]:
    batches, counted = run.loop.batches, run.loop.updates
    if run.steps_per_epoch is not None and batches and counted not in (0, run.steps_per_epoch):
        own = f"{batches / run.grad_accum:,.4g}" if counted is None else f"{counted:,}"
        message = f"{run.steps_per_epoch:,} contradicts dataset_size and batch_size, which come to {own} an epoch"
        yield Problem(field="steps_per_epoch", message=f"{message}; give one or the other")
    if run.steps is None or run.epochs is None or counted == 0 or run.loop.steps_win or "epochs" in run.loop.refused:
        return
    whole = run.loop.steps(run.epochs, per_epoch)
    if run.steps != whole:
        is_known = run.steps_per_epoch is not None or batches is not None
        each = "" if per_epoch is None else f" x {per_epoch:,} steps"
        product = f"{run.epochs:,} epochs{each} = {whole:,}"
        split = f"{run.steps:,} is no whole number of steps in each of {run.epochs:,} epochs"
        yield Problem(
            field="steps", message=f"{run.steps:,} contradicts {product}; give two of the three" if is_known else split
        )


def _remarks(run: Run, steps: int, per_epoch: int | None) -> Iterator[str]:
    """Yield in words how the lengths were counted, and which way they were rounded."""
    yield from run.loop.counted()
    if run.steps is not None and run.epochs is not None and run.loop.steps_win:
        yield "steps (the Trainer's max_steps) win over epochs"
    elif run.epochs is not None and per_epoch and run.epochs * per_epoch != steps:
        yield f"{run.epochs:g} epochs x {per_epoch:,} steps = {run.epochs * per_epoch:g}, rounded up"
    if per_epoch and steps % per_epoch:
        yield f"the last of {ceil(steps, per_epoch):,} epochs has {steps % per_epoch:,} of its {per_epoch:,} steps"
    yield from run.loop.stepped(steps, run.interval)
