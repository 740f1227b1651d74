"""The training loops: how each cuts its data into batches and optimizer steps, and how often it steps the scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar


def ceil(count: int, size: int) -> int:
    """Return how many parts of this size hold a count."""
    return -(-count // size)


@dataclass(frozen=True, kw_only=True)
class Loading:
    """What a run says of its data; a size that it does not say is 0."""

    samples: int  # of the training set
    batch: int  # samples that a DataLoader gives at a time
    drop_last: bool
    accum: int
    devices: int
    split: bool  # whether a batch is that of all devices together

    @property
    def loaders(self) -> int:
        """How many batches are loaded at a time."""
        return 1 if self.split else self.devices


@dataclass(frozen=True)
class Framework:
    """A plain loop over `torch.utils.data.DataLoader` with `DistributedSampler` (torch 2.13).

    Every device has an equal share, padded with repeated samples. The optimizer is stepped where
    `(i + 1) % grad_accum == 0`, with i counted anew in every epoch, so that batches left over at the end
    of an epoch make no step.
    """

    data: Loading

    label: ClassVar[str] = "plain"
    interval: ClassVar[str] = "step"  # what the scheduler's step is tied to, where nothing is said
    splits: ClassVar[bool] = False  # whether it has accelerate's split_batches
    rounding: ClassVar[str] = "no step in a plain loop (rounded down)"

    @property
    def batches(self) -> int | None:
        """How many batches each device loads in an epoch, None where nothing says so."""
        if not self.data.samples or not self.data.batch:
            return None
        share = ceil(self.data.samples, self.data.devices)
        return share // self.data.batch if self.data.drop_last else ceil(share, self.data.batch)

    @property
    def epoch_samples(self) -> int:
        """How many samples all devices load in an epoch, those that padding repeats included."""
        if self.data.drop_last:
            return self.whole_batches
        return ceil(self.data.samples, self.data.devices) * self.data.devices

    @property
    def whole_batches(self) -> int:
        """How many samples an epoch has whose batches are all full."""
        return (self.batches or 0) * self.data.batch * self.data.loaders

    @property
    def updates(self) -> int | None:
        """How many optimizer steps an epoch has, None where nothing says so."""
        return None if self.batches is None else self.batches // self.data.accum

    @property
    def calls(self) -> int:
        """How often it steps the scheduler where a plain loop steps it once."""
        return 1

    def samples(self, steps: int, per_epoch: int | None) -> int:
        """Return how many samples all devices load until so many optimizer steps are done."""
        update = self.data.batch * self.data.loaders * self.data.accum
        if self.batches is None or not per_epoch:
            return steps * update
        before = (steps - 1) // per_epoch  # of the last epoch, which ends with its last optimizer step
        return before * self.epoch_samples + min((steps - before * per_epoch) * update, self.epoch_samples)

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
        how = "dropped (drop_last=true)" if self.data.drop_last else "kept (drop_last=false)"
        return f"the last, partial one is {how}"

    def gathered(self, batches: int) -> Iterator[str]:
        accum, left = self.data.accum, batches % self.data.accum
        if accum > 1:
            over = "the one left over makes" if left == 1 else f"the {left:,} left over make"
            counted = f"{self.updates:,} optimizer steps an epoch: {batches:,} batches in groups of {accum:,}"
            yield f"{counted}; {over} {self.rounding}" if left else counted

    def stepped(self, interval: str | None) -> Iterator[str]:
        """Yield in words how it steps the scheduler, where a plain loop would not; `interval` as it was given."""
        if interval is None and self.interval == "epoch":
            yield f"the scheduler steps once an epoch, {self.label}'s default interval"


class _EndingEpochs(Framework):
    """A loop in which the end of an epoch steps the optimizer, whatever was accumulated."""

    rounding = "one more, at the end of the epoch (rounded up)"

    @property
    def updates(self) -> int | None:
        return None if self.batches is None else ceil(self.batches, self.data.accum)


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
        if self.data.drop_last:
            return self.data.samples // self.data.batch // self.data.loaders
        return ceil(ceil(self.data.samples, self.data.batch), self.data.loaders)

    @property
    def epoch_samples(self) -> int:
        is_filled = self.data.drop_last or self.data.devices > 1
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
        how = "dropped (drop_last=true)" if self.data.drop_last else "filled up with repeated samples (drop_last=false)"
        return f"the last round of {self.data.loaders} batches, not full, is {how}"

    def stepped(self, interval: str | None) -> Iterator[str]:
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


FRAMEWORKS: Mapping[str, type[Framework]] = {"plain": Framework, "accelerate": Accelerate, "lightning": Lightning}
