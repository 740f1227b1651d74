"""Other settings of a plan that a run may have had: what is mistaken most often."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrviz.experiment.clock import Clock
from lrviz.experiment.writer import as_document
from lrviz.subject import Subject
from lrviz.trace import Trace

DEVICES = (2, 4, 8, 16, 32, 64)
TRIED = 8  # steps between two records at which a run may have been resumed
PEAKS = ("optimizer.lr", "scheduler.max_lr")
_WARMUP = re.compile(
    r"^warmup$|warmup_(?:num_)?(?:steps|iters|t|epochs)$|num_warmup_steps$|schedulers\[0\]\.total_iters$"
)
_LENGTH = re.compile(
    r"(?:T_max|T_0|total_steps|total_iters|step_size|num_training_steps|total_num_steps|t_initial|decay_t)$"
)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a log is not as its plan: every record, or each from step `since` on, fits with this."""

    what: str
    changes: Mapping[str, Any]  # of the plan's settings, by path, or by their flag; empty where none of them is it
    since: int | None = None


@dataclass(frozen=True)
class Change:
    """Settings by path, as `--set` takes them, and what it would mean that the run had them."""

    words: str
    settings: Mapping[str, Any]

    def explains(self, since: int | None = None) -> Explanation:
        """Return it as what explains a log, from a step on."""
        return Explanation(what=self.words, changes=self.settings, since=since)


def variants(plan: Subject, log: Trace, ratio: float | None) -> Iterator[Change]:
    """Yield what a run may have had instead of its plan's settings, the likeliest first.

    `ratio` is what all learning rates are multiplied with, where it is one number.
    """
    settings = plan.settings()
    if plan.experiment is None or not settings:
        return
    clock = plan.experiment.run.clock
    if ratio is not None:
        yield from _scaled(settings, ratio)
    yield from _of_devices(settings, clock)
    yield from _of_warmup(plan, settings, clock, log)
    yield from _of_length(settings, clock, log)
    written = {f"scheduler.{path}" for path in as_document(plan.experiment.scheduler, defaults=True)}
    own = {path: value for path, value in settings.items() if "[" not in path and path not in written}
    lengths = {path: value for path, value in own.items() if _is_length(path, value)}
    yield from _of_framework(settings, clock, lengths)
    yield from _in_other_units(settings, clock)


def resumes(step: int, before: int) -> Iterator[Change]:
    """Yield the resumes without a scheduler's state that a run may have had, where it left its plan at a step.

    `before` is the step before, by which it had not. What the first step after a resume trains with may be the plan's.
    """
    for at in range(step, max(step - TRIED, before - 1, 0), -1):
        anew = {"--resume-at": at, "--resume-as": "restart"}
        yield Change(f"a resume after {at:,} steps, with a scheduler that was built anew", anew)
        last = {"--resume-at": at, "--resume-as": "last-epoch"}
        yield Change(f"a resume after {at:,} steps, with a scheduler that was constructed with last_epoch", last)


def _scaled(settings: Mapping[str, Any], ratio: float) -> Iterator[Change]:
    for path in PEAKS:
        value = settings.get(path)
        if isinstance(value, float):
            lr = float(f"{value * ratio:.6g}")
            yield Change(f"a learning rate of {lr:g} instead of {value:g}, {ratio:.4g} times", {path: lr})


def _of_devices(settings: Mapping[str, Any], clock: Clock) -> Iterator[Change]:
    """Yield other numbers of devices and of accumulated batches, where the run is counted from its data."""
    if settings.get("run.dataset_size") is None:
        return
    for path, noun in (("run.world_size", "devices"), ("run.grad_accum", "batches accumulated")):
        for count in (1, *DEVICES):
            if count != settings[path]:
                what = (
                    f"{count} {noun}" if count > 1 else f"1 {noun.rstrip('s') if noun == 'devices' else 'batch a step'}"
                )
                yield Change(f"{what} instead of {settings[path]}", {path: count})


def _of_warmup(plan: Subject, settings: Mapping[str, Any], clock: Clock, log: Trace) -> Iterator[Change]:
    """Yield a warmup up to the log's peak, one in other units, epochs or batches for optimizer steps, and none."""
    assert plan.experiment is not None
    own = {path: value for path, value in settings.items() if _WARMUP.search(path) and _is_count(value)}
    if plan.experiment.warmup:
        own = {"warmup": plan.experiment.warmup}
    peak = log.step_at(log.groups[0].summary.peak_step)
    for path, value in own.items():
        peaks = [(number, "where the log peaks") for number in (peak, peak + 1) if number not in (0, value)]
        for number, words in dict([*peaks, *_units(value, clock, settings)]).items():
            yield Change(f"a warmup of {number:,} scheduler steps instead of {value:,} ({words})", {path: number})
        yield Change("no warmup", {path: 0})


def _units(value: int, clock: Clock, settings: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield what a count comes to where it is taken for one of something else, and of what."""
    epoch = clock.scheduler_steps_per_epoch or 0
    factors = dict.fromkeys((settings.get("run.grad_accum") or 1, settings.get("run.world_size") or 1, *DEVICES[:3]))
    if epoch > 1:
        yield value * epoch, f"{value:,} epochs"
        if value >= epoch:
            yield round(value / epoch), "its epochs, taken for steps"
    for factor in factors:
        if factor > 1:
            yield value * factor, f"{factor} times as many"
            if value >= factor:
                yield value // factor, f"divided by {factor}"


def _of_length(settings: Mapping[str, Any], clock: Clock, log: Trace) -> Iterator[Change]:
    """Yield other lengths of the run: what the log says, where it ends, and parts and multiples of the plan's."""
    assert log.log is not None
    epochs, per_epoch = settings.get("run.epochs"), clock.steps_per_epoch
    by_steps = settings.get("run.steps") is not None or per_epoch is None
    end = log.end * (per_epoch or 1) if log.log.unit == "epoch" else log.end
    totals = [log.log.total, end, *(clock.steps * factor for factor in DEVICES[:3])]
    totals += [clock.steps // factor for factor in DEVICES]
    for total in dict.fromkeys(total for total in totals if total and total != clock.steps):
        if by_steps:
            yield Change(f"a run of {total:,} steps instead of {clock.steps:,}", {"run.steps": total})
        elif per_epoch and total % per_epoch == 0:
            count = total // per_epoch
            said = f"instead of {epochs or clock.epochs:g}"
            yield Change(f"a run of {count:,} epochs {said}", {"run.epochs": count})
        if not by_steps and epochs and float(epochs).is_integer() and total % int(epochs) == 0:
            count = total // int(epochs)
            if settings.get("run.dataset_size") is None and count != per_epoch:
                what = f"epochs of {count:,} steps instead of {per_epoch:,}, as with another batch, or other devices"
                yield Change(what, {"run.steps_per_epoch": count})


def _of_framework(settings: Mapping[str, Any], clock: Clock, lengths: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what a training loop does otherwise: the interval, accelerate's stepping, transformers' rounding."""
    if clock.steps_per_epoch and clock.steps_per_epoch > 1:
        other = "step" if clock.interval == "epoch" else "epoch"
        yield Change(
            f"a scheduler stepped once {'an epoch' if other == 'epoch' else 'a step'}", {"run.interval": other}
        )
    if settings.get("run.framework") == "plain":
        for count in DEVICES[:3]:
            what = f"a scheduler that is stepped {count} times at a step, as accelerate does on {count} devices"
            yield Change(what, {"run.framework": "accelerate", "run.world_size": count, **lengths})
    if settings.get("run.framework") == "transformers":
        yield Change("the rounding of transformers up to 4.51", {"run.transformers": "4.51"})


def _in_other_units(settings: Mapping[str, Any], clock: Clock) -> Iterator[Change]:
    """Yield the lengths of a schedule in other units."""
    for path, value in settings.items():
        if _is_length(path, value) and not _WARMUP.search(path):
            for number, words in _units(value, clock, settings):
                yield Change(f"{path} of {number:,} instead of {value:,} ({words})", {path: number})


def _is_length(path: str, value: Any) -> bool:
    return path.startswith("scheduler.") and bool(_LENGTH.search(path)) and _is_count(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
