"""The training loops: how each cuts its data into batches and optimizer steps, and how often it steps the scheduler."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple


def ceil(count: int, size: int) -> int:
    """Return how many parts of this size hold a count."""
    return -(-count // size)


class Loading(NamedTuple):
    """What a run says of its data; a size that it does not say is 0."""

    samples: int  # of the training set
    batch: int  # samples that a DataLoader gives at a time
    drop_last: bool
    accum: int
    devices: int
    split: bool  # whether a batch is that of all devices together
    release: tuple[int, ...]  # the version of the framework to follow; empty for the newest

    @property
    def loaders(self) -> int:
        """How many batches are loaded at a time."""
        return 1 if self.split else self.devices


class Framework:
    """A plain loop over `torch.utils.data.DataLoader` with `DistributedSampler` (torch 2.13).

    Every device has an equal share, padded with repeated samples. The optimizer is stepped where
    `(i + 1) % grad_accum == 0`, with i counted anew in every epoch, so that batches left over at the end
    of an epoch make no step.
    """

    label: ClassVar[str] = "plain"
    unit: ClassVar[str] = "optimizer steps"  # what the steps of a run are
    intervals: ClassVar[tuple[str, ...]] = ("step", "epoch")  # what the scheduler's step may be tied to
    interval: ClassVar[str] = "step"  # and is, where nothing is said
    refused: ClassVar[Mapping[str, str]] = {}  # what a run of it may not say, and why
    required: ClassVar[Mapping[str, str]] = {}  # what it must say, and why
    splits: ClassVar[bool] = False  # whether it has accelerate's split_batches
    has_parts: ClassVar[bool] = False  # whether it trains a part of an epoch
    evaluates: ClassVar[bool] = False  # whether a step an epoch is for what watches a metric alone
    restores: ClassVar[bool] = True  # loads both states from a checkpoint, after it has built everything anew
    steps_win: ClassVar[bool] = False  # whether `steps` are taken where `epochs` say otherwise
    rounding: ClassVar[str] = "no step in a plain loop (rounded down)"

    def __init__(self, data: Loading) -> None:
        self.data = data

    @property
    def batches(self) -> int | None:
        """How many batches each device loads in an epoch, None where nothing says so."""
        if not self.data.samples or not self.data.batch:
            return None
        share = ceil(self.data.samples, self.data.devices)
        return share // self.data.batch if self.drops else ceil(share, self.data.batch)

    @property
    def drops(self) -> bool:
        """Whether a last, partial batch is dropped."""
        return self.data.drop_last

    @property
    def epoch_samples(self) -> int:
        """How many samples all devices load in an epoch, those that padding repeats included."""
        if self.drops:
            return self.whole_batches
        return ceil(self.data.samples, self.data.devices) * self.data.devices

    @property
    def whole_batches(self) -> int:
        """How many samples an epoch has whose batches are all full."""
        return (self.batches or 0) * self.data.batch * self.data.loaders

    @property
    def gathers(self) -> int:
        """How many batches make a step of the run."""
        return self.data.accum

    @property
    def updates(self) -> int | None:
        """How many steps an epoch has, None where nothing says so, and where it is no whole number of them."""
        return None if self.batches is None else self.batches // self.gathers

    def steps(self, epochs: float, per_epoch: int | None) -> int:
        """Return how many steps so many epochs have."""
        return int(epochs) * (per_epoch or 0)

    def epochs(self, steps: int, per_epoch: int | None) -> int | None:
        """Return in how many epochs, a last, partial one included, so many steps are done."""
        return None if per_epoch is None else ceil(steps, per_epoch)

    def optimizer_steps(self, steps: int) -> int | None:
        """Return how many of so many steps step the optimizer, None where the schedule decides it."""
        return steps

    @property
    def calls(self) -> int:
        """How often it steps the scheduler where a plain loop steps it once."""
        return 1

    def samples(self, steps: int, per_epoch: int | None) -> int | None:
        """Return how many samples all devices load until so many steps are done, None where that is not known."""
        update = self.data.batch * self.data.loaders * self.gathers
        if self.batches is None or not per_epoch:
            return steps * update
        before = (steps - 1) // per_epoch  # of the last epoch, which ends with its last step
        return before * self.epoch_samples + min((steps - before * per_epoch) * update, self.epoch_samples)

    def passes(self, epochs: int) -> int | None:
        """Return how many samples all devices load in so many whole epochs, None where that is not known."""
        return epochs * self.epoch_samples

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield what the framework does not train, as a field of the run and why."""
        yield from ()

    def counted(self) -> Iterator[str]:
        """Yield in words how an epoch was counted, and which way it was rounded."""
        if self.batches is not None:
            yield from self.shared()
            each = " on each device" if self.data.loaders > 1 else ""
            yield f"{self.batches:,} batches an epoch{each}: {self.last_batch()}"
            yield from self.gathered(self.batches)

    def shared(self) -> Iterator[str]:
        if self.data.devices == 1:
            return
        share = ceil(self.data.samples, self.data.devices)
        repeated = share * self.data.devices - self.data.samples
        padded = f", {repeated:,} of them repeated" if repeated else ""
        yield f"{share:,} samples on each of {self.data.devices} devices{padded} (DistributedSampler's equal shares)"

    def last_batch(self) -> str:
        if ceil(self.data.samples, self.data.devices) % self.data.batch == 0:
            return "all of them full"
        return f"the last, partial one is {'dropped' if self.drops else 'kept'} ({self.dropping})"

    @property
    def dropping(self) -> str:
        """Why a partial batch is dropped, or is not."""
        return f"drop_last={str(self.data.drop_last).lower()}"

    def gathered(self, batches: int) -> Iterator[str]:
        accum, left = self.gathers, batches % self.gathers
        if accum > 1:
            over = "the one left over makes" if left == 1 else f"the {left:,} left over make"
            counted = f"{_counted(self.updates or 0)} an epoch: {batches:,} batches in groups of {accum:,}"
            yield f"{counted}; {over} {self.rounding}" if left else counted

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        """Yield in words how a run is stepped, where a plain loop would not do so; `interval` as it was given."""
        if interval is None and self.interval == "epoch":
            yield f"the scheduler steps once an epoch, {self.label}'s default interval"

    def global_batch(self, name: str) -> Iterator[str]:
        """Yield what one optimizer step trains on, by the name that the framework has for it."""
        data = self.data
        if data.batch:
            whole = data.batch * data.accum * data.devices
            devices = f"{data.devices:,} device{'s' * (data.devices > 1)}"
            yield f"{name} {whole:,} = {data.batch:,} x {data.accum:,} accumulated x {devices}"


def _counted(steps: int) -> str:
    return f"{steps:,} optimizer step{'s' * (steps != 1)}"


class _EndingEpochs(Framework):
    """A loop in which the end of an epoch steps the optimizer, whatever was accumulated."""

    rounding = "one more, at the end of the epoch (rounded up)"

    @property
    def updates(self) -> int | None:
        return None if self.batches is None else ceil(self.batches, self.gathers)


class Accelerate(_EndingEpochs):
    """A loop under accelerate 1.15.0: `BatchSamplerShard.__len__`, `Accelerator._do_sync`, `AcceleratedScheduler.step`.

    Devices take whole batches in turn, the last round filled up; the end of an epoch steps the optimizer
    (`GradientState.sync_with_dataloader`); a prepared scheduler is stepped `num_processes` times an update unless
    `split_batches`.
    """

    label = "accelerate"
    splits = True

    @property
    def batches(self) -> int | None:
        if not self.data.samples or not self.data.batch:
            return None
        if self.drops:
            return self.data.samples // self.data.batch // self.data.loaders
        return ceil(ceil(self.data.samples, self.data.batch), self.data.loaders)

    @property
    def epoch_samples(self) -> int:
        is_filled = self.drops or self.data.devices > 1
        return self.whole_batches if is_filled else self.data.samples

    @property
    def calls(self) -> int:
        return self.data.loaders

    def shared(self) -> Iterator[str]:
        yield from ()

    def last_batch(self) -> str:
        if self.data.loaders == 1:
            return super().last_batch()
        if self.data.samples % (self.data.batch * self.data.loaders) == 0:
            return "all of them full"
        how = "dropped" if self.drops else "filled up with repeated samples"
        return f"the last round of {self.data.loaders} batches, not full, is {how} ({self.dropping})"

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        if self.calls > 1:
            yield f"accelerate steps a prepared scheduler {self.calls} times (world_size) where a loop steps it once"
        elif self.data.devices > 1:
            yield "accelerate steps the scheduler once an update: split_batches"


class Lightning(_EndingEpochs):
    """pytorch-lightning 2.6.6: `LRSchedulerConfig.interval`, `_TrainingEpochLoop._should_accumulate`.

    The last batch of an epoch steps the optimizer whatever was accumulated. Its data go through a `DistributedSampler`.
    """

    label = "Lightning"
    interval = "epoch"


class Transformers(Accelerate):
    """The Trainer of transformers 5.23.0: `Trainer.set_initial_training_values`, `_run_epoch`.

    Its data go through accelerate, and it steps the scheduler itself, once an optimizer step. The end of an epoch steps
    the optimizer; `max_steps` wins over `num_train_epochs`, of which a part is rounded up to a whole step. Up to 4.51
    an epoch was counted as `len // G`, 1 at least: the run has so many steps, whatever its epochs would have had.
    """

    label = "transformers"
    has_parts = True
    evaluates = True
    steps_win = True
    rounding = "one more, at the end of the epoch (rounded up, as transformers does from 4.52)"

    @property
    def is_old(self) -> bool:
        return () < self.data.release < (4, 52)

    @property
    def updates(self) -> int | None:
        if self.batches is None:
            return None
        return max(self.batches // self.gathers, 1) if self.is_old else ceil(self.batches, self.gathers)

    def steps(self, epochs: float, per_epoch: int | None) -> int:
        return math.ceil(epochs * (per_epoch or 0))

    def samples(self, steps: int, per_epoch: int | None) -> int | None:
        return super().samples(steps, per_epoch) if self.is_counted else None

    def passes(self, epochs: int) -> int | None:
        return super().passes(epochs) if self.is_counted else None

    @property
    def is_counted(self) -> bool:
        """Whether every batch of an epoch is counted into one of its steps."""
        return not self.is_old or self.batches is None or self.batches % self.gathers == 0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the fault of 4.46 to 4.51, which take an epoch's samples for its batches to find how many are left."""
        batches, left = self.batches or 0, self.data.samples % self.gathers
        if (4, 46) <= self.data.release < (4, 52) and 0 < left < batches < self.gathers:
            message = f"transformers 4.46 to 4.51 loads {left:,} of an epoch's {batches:,} batches where that is less"
            yield "grad_accum", f"{message} than {self.gathers:,}, and then seldom or never steps the optimizer"

    def gathered(self, batches: int) -> Iterator[str]:
        left = batches % self.gathers
        if not self.is_old or not left:
            yield from super().gathered(batches)
            return
        counted = f"{_counted(self.updates or 0)} an epoch: {batches:,} batches in groups of {self.gathers:,}"
        if batches < self.gathers:
            yield f"{counted}, at least one (as transformers does up to 4.51)"
        else:
            over = "the one left over is" if left == 1 else f"the {left:,} left over are"
            yield f"{counted}; {over} not counted (rounded down, as transformers does up to 4.51)"

    @property
    def calls(self) -> int:
        return 1

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        if interval == "epoch":
            yield "the scheduler steps once an epoch, as the Trainer steps what watches a metric if it evaluates then"
        elif self.data.devices > 1:
            yield "the Trainer steps the scheduler once an update, however many devices there are"


class DeepSpeed(Framework):
    """The engine of DeepSpeed 0.19.8: `is_gradient_accumulation_boundary`, `_take_model_step`.

    It counts `micro_steps` over the whole run, so that accumulation goes on over the end of an epoch, and steps the
    scheduler after every optimizer step. Its data go through a `DistributedSampler`.
    """

    label = "DeepSpeed"
    intervals = ("step",)

    @property
    def updates(self) -> int | None:
        is_whole = self.batches is not None and self.batches % self.gathers == 0
        return super().updates if is_whole else None

    def steps(self, epochs: float, per_epoch: int | None) -> int:
        if per_epoch is None and self.batches is not None:
            return int(epochs) * self.batches // self.gathers
        return super().steps(epochs, per_epoch)

    def epochs(self, steps: int, per_epoch: int | None) -> int | None:
        if per_epoch is None and self.batches:
            return ceil(steps * self.gathers, self.batches)
        return super().epochs(steps, per_epoch)

    def samples(self, steps: int, per_epoch: int | None) -> int | None:
        if self.batches is None or per_epoch:
            return super().samples(steps, per_epoch)
        whole, left = divmod(steps * self.gathers, self.batches)
        return whole * self.epoch_samples + left * self.data.batch * self.data.devices

    def gathered(self, batches: int) -> Iterator[str]:
        if batches % self.gathers:
            counted = f"{batches / self.gathers:,.4g} optimizer steps an epoch: {batches:,} batches"
            yield f"{counted} in groups of {self.gathers:,}, which in DeepSpeed go on over its end"
        else:
            yield from super().gathered(batches)

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        yield from self.global_batch("train_batch_size")


class Timm(_EndingEpochs):
    """The train.py of timm 1.0.31, and its `create_loader`, which drops the last, partial batch of an epoch."""

    label = "timm"
    restores = False
    interval = "epoch"  # --sched-on-updates is "step"

    @property
    def drops(self) -> bool:
        return True

    @property
    def dropping(self) -> str:
        return "always, by timm's training loader"


class _CountingBatches(Framework):
    """A loop whose schedules count batches, whatever is accumulated, so that a step of the run is a batch."""

    @property
    def gathers(self) -> int:
        return 1


class MMEngine(_CountingBatches):
    """The Runner of mmengine 0.10.7: `ParamSchedulerHook`, `OptimWrapper.should_update`.

    The scheduler steps after every iteration. Accumulation goes on over the end of an epoch, and the last iteration of
    the run steps the optimizer whatever was accumulated. `DefaultSampler` gives equal shares, padded.
    """

    label = "mmengine"
    restores = False
    unit = "iterations"

    def optimizer_steps(self, steps: int) -> int | None:
        return ceil(steps, self.data.accum)

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        if self.data.accum > 1:
            counted = f"{self.optimizer_steps(steps):,} optimizer steps, one in {self.data.accum:,} iterations"
            yield f"{counted}; a step is an iteration here, as mmengine's schedulers count"


class Megatron(Framework):
    """The training loop of megatron-core 0.16.1, which has no epochs: a step is an iteration over the global batch."""

    label = "Megatron"
    restores = False
    intervals = ("step",)
    refused: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("epochs", "steps_per_epoch", "dataset_size", "drop_last"), "Megatron counts iterations, not epochs"
    )
    required: ClassVar[Mapping[str, str]] = {"steps": "Megatron has no epochs; give its train_iters"}

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        yield from self.global_batch("global_batch_size")


class Ultralytics(_CountingBatches):
    """The trainer of Ultralytics 8.4.190, whose warmup and schedule count batches.

    The optimizer is stepped where `accumulate` batches have passed since it last was, over the end of an epoch;
    `accumulate` is `max(round(nbs / batch), 1)`, and grows to that in the warmup.
    """

    label = "Ultralytics"
    restores = False
    unit = "batches"
    refused: ClassVar[Mapping[str, str]] = {
        "grad_accum": "Ultralytics accumulates round(nbs / batch) batches by itself"
    }

    def optimizer_steps(self, steps: int) -> int | None:
        return None

    def stepped(self, steps: int, interval: str | None) -> Iterator[str]:
        whole = self.data.batch * self.data.devices
        if whole:
            accumulate = max(round(NBS / whole), 1)
            often = f"after the warmup one in {accumulate:,}" if accumulate > 1 else "each of them"
            yield f"a step is a batch; {often} steps the optimizer (nbs {NBS} / batch {whole:,})"


NBS = 64  # Ultralytics' default

FRAMEWORKS: Mapping[str, type[Framework]] = {
    "plain": Framework,
    "accelerate": Accelerate,
    "lightning": Lightning,
    "transformers": Transformers,
    "deepspeed": DeepSpeed,
    "timm": Timm,
    "mmengine": MMEngine,
    "megatron": Megatron,
    "ultralytics": Ultralytics,
}
