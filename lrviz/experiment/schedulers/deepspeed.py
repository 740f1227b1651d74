"""DeepSpeed's schedulers, deepspeed/runtime/lr_schedules.py, as version 0.19.8 has them and as older versions did.

Each is made before the first step, and its own count starts at the step after the first optimizer step: what its
formula gives for 0 is trained with by the second.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, Duration, OneOf, PerGroup, Real
from lrviz.experiment.record import arg, arg_types
from lrviz.experiment.schedulers.base import (
    UNKNOWN,
    GroupStart,
    Known,
    OwnRule,
    Rates,
    Release,
    SchedulerSpec,
    Upstream,
    of_group,
)
from lrviz.experiment.schedulers.notes import BASE, Annotation, View

__all__ = ["DeepSpeedOneCycle", "LRRangeTest", "WarmupCosineLR", "WarmupDecayLR", "WarmupLR"]

SETS_FIRST_STEP = (0, 15, 3)  # before, the first step trained with the optimizer's own learning rate
MAX_LR_OF_OPTIMIZER = (0, 17, 2)  # before, warmup_max_lr was 0.001 unless given
FIRST_STEP_OF_ALL = (0, 19)  # before, WarmupCosineLR set the first step of the first group only
STILL_AT_THE_END = (0, 19, 3)  # before, WarmupCosineLR rose again; since, a warmup of 0 steps is refused
OF_EACH_GROUP = (0, 19, 4)  # before, every group's warmup_max_lr was that of the first; stair counts were ignored
LISTS_IN_ONE_CYCLE = (0, 19, 6)  # before, OneCycle took one value for all groups

WARMUP_TYPE = OneOf(("log", "linear"), "how the learning rate rises")
WARMUP_STEPS = "steps of the warmup; fewer than 2 count as 2"


class _DeepSpeed(OwnRule):
    """What they share: the version that they follow, and what that refuses."""

    library = "deepspeed"
    loads = "position"
    newest = (0, 19, 8)
    oldest = (0, 14, 5)
    family = "DeepSpeed"

    release: Release | None = None

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        found = super().resolved(length, known)
        problems = list(found.refused()) if isinstance(found, _DeepSpeed) else []
        if problems:
            raise SpecError(problems)
        return found

    def since(self, release: Release) -> bool:
        """Return whether the version to follow is this one or a later."""
        return (self.release or self.newest) >= release

    def refused(self) -> Iterator[Problem]:
        """Yield what the version to follow does not take."""
        yield from ()

    def upstream(self) -> Upstream:
        given = {name: getattr(self, name) for name in arg_types(self)}
        arguments = {name: value for name, value in given.items() if value is not None}
        return Upstream(f"deepspeed.runtime.lr_schedules:{self.label}", arguments)


class _Warmup(_DeepSpeed):
    """A rise over warmup_num_steps, and what follows it."""

    warmup_num_steps: int = arg(Duration(WARMUP_STEPS, minimum=0), default=1000)
    warmup_type: str = arg(WARMUP_TYPE, default="log")

    @property
    def warmup(self) -> int:
        """The steps of the warmup, as DeepSpeed counts them."""
        return max(2, self.warmup_num_steps)

    def refused(self) -> Iterator[Problem]:
        if not self.warmup_num_steps and self.since(STILL_AT_THE_END):
            message = "must be >= 1, not 0: DeepSpeed refuses it since 0.19.3; before, it counted as 2"
            yield Problem(field="warmup_num_steps", message=message)

    def rise(self, step: int) -> float:
        """Return how far the warmup is at a step of its own count."""
        if self.warmup_type == "log":
            return 1.0 / math.log(self.warmup) * math.log(step + 1)
        return step / self.warmup

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(1, self.warmup + 1, "warmup_num_steps", view.rate(self.warmup + 1))


class WarmupLR(_Warmup):
    """Raise the learning rate from warmup_min_lr to warmup_max_lr, by its logarithm unless told otherwise.

        lr_t = min + (max - min) * ln(t) / ln(W)      (log)      if 0 < t <= W
        lr_t = min + (max - min) * (t - 1) / W        (linear)   if 0 < t <= W
        lr_t = max                                               if t > W

        W = max(2, warmup_num_steps), min = warmup_min_lr, max = warmup_max_lr

    First step: warmup_min_lr, which the second step trains with again; up to 0.15.2 the optimizer's own learning
    rate.

    Past its end: the learning rate stays at warmup_max_lr.

    Source: WarmupLR of deepspeed/runtime/lr_schedules.py, DeepSpeed 0.19.8. Without a warmup_max_lr it takes each
    group's learning rate; from 0.17.2 to 0.19.3 that of the first group, before 0.001.
    """

    name = "deepspeed-warmup"
    length_arg = "warmup_num_steps"
    shape = "▁▃▄▅▆▆▆▇▇▇██████"
    example = {"warmup_num_steps": 24}
    no_warmup = ("deepspeed-warmup is a warmup itself: set warmup_num_steps", "")

    warmup_min_lr: Rates = arg(PerGroup(Real("learning rate at the start", minimum=0)), default=0.0)
    warmup_max_lr: Rates | None = arg(
        PerGroup(Real("learning rate at the end of the warmup", minimum=0, default_text="the group's learning rate")),
        default=None,
    )

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        found = super().resolved(length, known)
        if not isinstance(found, WarmupLR) or found.warmup_max_lr is not None or found.since(OF_EACH_GROUP):
            return found
        first = known.base_lrs[0] if found.since(MAX_LR_OF_OPTIMIZER) and known.base_lrs else 0.001
        return dataclasses.replace(found, warmup_max_lr=first)

    def lr_at(self, step: int, start: GroupStart) -> float | None:
        low, high = of_group(self.warmup_min_lr, start.group), self.highest(start.lr, start.group)
        if not step:
            return low if self.since(SETS_FIRST_STEP) else None
        return low + (high - low) * self.gamma(step - 1)

    def highest(self, base_lr: float, group: int) -> float:
        """Return the learning rate at the end of a group's warmup."""
        return base_lr if self.warmup_max_lr is None else of_group(self.warmup_max_lr, group)

    def gamma(self, step: int) -> float:
        """Return the share of the height at a step of the scheduler's own count."""
        return self.rise(step) if step < self.warmup else 1.0

    def warms_up(self) -> bool:
        return True

    @property
    def ignores_base_lr(self) -> bool:
        return self.warmup_max_lr is not None and self.since(SETS_FIRST_STEP)

    def target_lr(self, base_lr: float, group: int) -> float:
        return self.highest(base_lr, group)

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        yield from view.point(0, "warmup_min_lr" if self.since(SETS_FIRST_STEP) else BASE)
        yield from view.point(self.warmup + 1, BASE if self.warmup_max_lr is None else "warmup_max_lr")


class WarmupDecayLR(WarmupLR):
    """Raise the learning rate to warmup_max_lr, and let it fall to 0 in a straight line.

        lr_t = min + (max - min) * ln(t) / ln(W)      (log)      if 0 < t <= W
        lr_t = min + (max - min) * (t - 1) / W        (linear)   if 0 < t <= W
        lr_t = min + (max - min) * max(0, (T + 1 - t) / max(1, T - W))   after

        W = max(2, warmup_num_steps), T = total_num_steps,
        min = warmup_min_lr, max = warmup_max_lr

    First step: warmup_min_lr, which the second step trains with again; up to 0.15.2 the optimizer's own learning
    rate.

    Past its end: the learning rate stays at warmup_min_lr.

    Source: WarmupDecayLR of deepspeed/runtime/lr_schedules.py, DeepSpeed 0.19.8. warmup_max_lr is 0.001 unless given,
    whatever learning rate the optimizer has.
    """

    name = "deepspeed-warmup-decay"
    length_arg = "total_num_steps"
    shape = "▁▄▆▇█▇▇▆▅▅▄▃▃▂▁▁"
    example = {"warmup_num_steps": 8}
    no_warmup = ("deepspeed-warmup-decay warms up itself: set warmup_num_steps", "")

    total_num_steps: int | None = arg(Duration("steps until the lowest learning rate", horizon=True), default=None)
    warmup_max_lr: Rates = arg(PerGroup(Real("learning rate at the end of the warmup", minimum=0)), default=0.001)

    def gamma(self, step: int) -> float:
        if step < self.warmup:
            return self.rise(step)
        total = self.total_num_steps or 1
        return max(0.0, (total - step) / max(1.0, total - self.warmup))

    def warms_up(self) -> bool:
        return False


class WarmupCosineLR(_Warmup):
    """Raise the learning rate to the optimizer's, and let it fall to a share of it along a half cosine.

        lr_t = base_lr * (r + (1 - r) * ln(t) / ln(W))     (log)     if 0 < t <= W
        lr_t = base_lr * (r + (1 - r) * (t - 1) / W)       (linear)  if 0 < t <= W
        lr_t = base_lr * (c + (1 - c) * (1 + cos(pi * p)) / 2)       after

        W = max(2, warmup_num_steps), T = total_num_steps,
        p = min(1, (t - W) / max(1, T - W)),
        r = warmup_min_ratio, c = cos_min_ratio

    First step: 0, whatever warmup_min_ratio is. From 0.15.3 to 0.18 in the first group only; there the others, and
    up to 0.15.2 all of them, train with the optimizer's own learning rate.

    Past its end: the learning rate stays at base_lr * cos_min_ratio; up to 0.19.2 it rose again.

    Source: WarmupCosineLR of deepspeed/runtime/lr_schedules.py, DeepSpeed 0.19.8.
    """

    name = "deepspeed-warmup-cosine"
    lowest_args = ("cos_min_ratio",)
    length_arg = "total_num_steps"
    shape = "▁▄▆▇██▇▆▆▅▃▂▂▁▁▁"
    example = {"warmup_num_steps": 8}
    no_warmup = ("deepspeed-warmup-cosine warms up itself: set warmup_num_steps", "")

    total_num_steps: int | None = arg(Duration("steps until the lowest learning rate", horizon=True), default=None)
    warmup_min_ratio: float = arg(Real("factor of the learning rate at the start of the warmup"), default=0.0)
    cos_min_ratio: float = arg(Real("factor of the learning rate at the end"), default=0.0001)

    def lr_at(self, step: int, start: GroupStart) -> float | None:
        if step:
            return start.lr * self.ratio(step - 1)
        is_set = self.since(FIRST_STEP_OF_ALL) or (self.since(SETS_FIRST_STEP) and not start.group)
        return 0.0 if is_set else None

    def ratio(self, step: int) -> float:
        """Return the factor of the base rate at a step of the scheduler's own count."""
        if step < self.warmup:
            return self.warmup_min_ratio + self.rise(step) * (1.0 - self.warmup_min_ratio)
        past, total = step - self.warmup + 1, (self.total_num_steps or 1) - self.warmup
        is_held = self.since(STILL_AT_THE_END)
        angle = math.pi * min(1.0, past / max(1, total)) if is_held else math.pi * past / total
        return max(0.0, self.cos_min_ratio + (1.0 - self.cos_min_ratio) * ((1 + math.cos(angle)) / 2))

    def target_lr(self, base_lr: float, group: int) -> float:
        return base_lr * max(self.ratio(self.warmup - 1), self.ratio(self.warmup))  # a linear warmup ends just below

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        if self.total_num_steps and self.total_num_steps > self.warmup:
            yield from view.point(self.total_num_steps, f"{BASE} * cos_min_ratio")


class LRRangeTest(_DeepSpeed):
    """Raise the learning rate from lr_range_test_min_lr, in a straight line or in stairs, to find a good one.

        lr_t = min_lr * (1 + step_rate * t / step_size)
        lr_t = min_lr * (1 + step_rate * floor(t / step_size))    (staircase)

    Past its end: it has none, and goes on rising.

    Source: LRRangeTest of deepspeed/runtime/lr_schedules.py, DeepSpeed 0.19.8; Smith 2018, arXiv:1803.09820.
    """

    name = "deepspeed-lr-range-test"
    shape = "▁▁▁▁▃▃▃▃▆▆▆▆████"
    example = {"lr_range_test_step_size": 8, "lr_range_test_step_rate": 3.0, "lr_range_test_staircase": True}
    no_warmup = ("deepspeed-lr-range-test rises over the whole run by itself", "")
    starts_low = True

    lr_range_test_min_lr: Rates = arg(PerGroup(Real("learning rate of the first step", minimum=0)), default=1e-3)
    lr_range_test_step_size: int = arg(Duration("steps of one interval"), default=2000)
    lr_range_test_step_rate: float = arg(Real("times lr_range_test_min_lr that an interval adds"), default=1.0)
    lr_range_test_staircase: bool = arg(Bool("rise at the end of an interval, not at every step"), default=False)

    steps: int | None = None  # of the run

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        found = super().resolved(length, known)
        return dataclasses.replace(found, steps=length) if isinstance(found, LRRangeTest) else found

    def lr_at(self, step: int, start: GroupStart) -> float:
        return self.rate(step, start.group)

    def rate(self, step: int, group: int) -> float:
        """Return the learning rate of a group at a step."""
        share = step / self.lr_range_test_step_size
        interval = math.floor(share) if self.lr_range_test_staircase else share
        return of_group(self.lr_range_test_min_lr, group) * (1 + self.lr_range_test_step_rate * interval)

    @property
    def ignores_base_lr(self) -> bool:
        return True

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(self.rate(step, group) for step in (0, (self.steps or 1) - 1))

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.point(0, "lr_range_test_min_lr")
        yield from view.span(0, self.lr_range_test_step_size, "lr_range_test_step_size")


class DeepSpeedOneCycle(_DeepSpeed):
    """Raise the learning rate, let it fall back, then decay; beta1 the other way round.

        lr_t = min + (max - min) * t / first            if t <= first
        lr_t = min + (max - min) * (total - t) / second   if t <= total
        lr_t = min / (1 + decay_lr_rate * (t - total) / decay_step_size)   after

        first = cycle_first_step_size, second = cycle_second_step_size,
        total = first + second, min = cycle_min_lr, max = cycle_max_lr

    With a stair count, the share of a half is rounded down to that many stairs. beta1 goes from cycle_max_mom down to
    cycle_min_mom and back, but for the first step, which has cycle_min_mom; after the cycle it is
    cycle_max_mom * (1 + decay_mom_rate * (t - total) / decay_step_size). beta2 becomes 0.99.

    First step: cycle_min_lr, whatever the optimizer's learning rate is.

    Past its end: the learning rate stays at cycle_min_lr, or decays where decay_lr_rate and decay_step_size are set.

    Source: OneCycle of deepspeed/runtime/lr_schedules.py, DeepSpeed 0.19.8; Smith 2018, arXiv:1803.09820. Up to 0.19.3
    stair counts were ignored. An optimizer without betas, such as SGD, keeps its momentum.
    """

    name = "deepspeed-one-cycle"
    shape = "▁▃▄▆▇█▆▅▄▃▁▁▁▁▁▁"
    example = {
        "cycle_min_lr": 1e-4,
        "cycle_max_lr": 1e-3,
        "cycle_first_step_size": 10,
        "cycle_second_step_size": 12,
        "decay_step_size": 2,
        "decay_lr_rate": 0.5,
    }
    no_warmup = ("deepspeed-one-cycle has a warmup of its own: set cycle_first_step_size", "")

    cycle_min_lr: Rates = arg(PerGroup(Real("learning rate at both ends of the cycle", minimum=0)))
    cycle_max_lr: Rates = arg(PerGroup(Real("learning rate at the peak", minimum=0)))
    decay_lr_rate: float = arg(Real("how fast the learning rate decays after the cycle"), default=0.0)
    cycle_first_step_size: int = arg(Duration("steps of the rise"), default=2000)
    cycle_second_step_size: int | None = arg(
        Duration("steps of the fall", minimum=0, default_text="cycle_first_step_size"), default=None
    )
    cycle_first_stair_count: int = arg(Count("stairs of the rise; none below 1", minimum=-1), default=0)
    cycle_second_stair_count: int | None = arg(
        Count("stairs of the fall; none below 1", minimum=-1, default_text="cycle_first_stair_count"), default=None
    )
    decay_step_size: int = arg(Duration("steps of one interval of the decay; 0 for none", minimum=0), default=0)
    cycle_momentum: bool = arg(Bool("move beta1 against the learning rate"), default=True)
    cycle_min_mom: Rates = arg(PerGroup(Real("beta1 at the peak")), default=0.8)
    cycle_max_mom: Rates = arg(PerGroup(Real("beta1 at both ends of the cycle")), default=0.9)
    decay_mom_rate: float = arg(Real("how fast beta1 grows after the cycle"), default=0.0)

    @property
    def label(self) -> str:
        return "OneCycle"

    @property
    def second(self) -> int:
        """The steps of the fall."""
        return self.cycle_first_step_size if self.cycle_second_step_size is None else self.cycle_second_step_size

    def refused(self) -> Iterator[Problem]:
        for name in ("cycle_min_lr", "cycle_max_lr", "cycle_min_mom", "cycle_max_mom"):
            if isinstance(getattr(self, name), tuple) and not self.since(LISTS_IN_ONE_CYCLE):
                yield Problem(field=name, message="must be one number: DeepSpeed takes a list since 0.19.6")

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        low, high = of_group(self.cycle_min_lr, start.group), of_group(self.cycle_max_lr, start.group)
        least, most = of_group(self.cycle_min_mom, start.group), of_group(self.cycle_max_mom, start.group)
        total, step = self.cycle_first_step_size + self.second, 0
        values: dict[str, float] = {"lr": low, "beta1": least}
        while True:
            yield values if self.cycle_momentum else {"lr": values["lr"]}
            step += 1
            if step <= total:
                scale = self.scale(step)
                values = {"lr": low + (high - low) * scale, "beta1": most - (most - least) * scale}
            else:
                past = step - total
                values = {"lr": low / self._decay(self.decay_lr_rate, past)}
                values["beta1"] = most * self._decay(self.decay_mom_rate, past)

    def _decay(self, rate: float, past: int) -> float:
        return 1 + rate * (past / self.decay_step_size) if self.decay_step_size and rate else 1.0

    def scale(self, step: int) -> float:
        """Return the share of the height at a step of the cycle, in DeepSpeed's order of operations."""
        first, total = float(self.cycle_first_step_size), float(self.cycle_first_step_size + self.second)
        turn = 1.0 + step / total - math.floor(1 + step / total)
        is_rise = turn <= first / total
        second_count = self.cycle_second_stair_count
        stairs = self.cycle_first_stair_count if is_rise or second_count is None else second_count
        if stairs <= 0 or not self.since(OF_EACH_GROUP):
            return turn / (first / total) if is_rise else (turn - 1) / (first / total - 1)
        place = step % total
        position = place * stairs / first if place <= first else (total - place) * stairs / self.second
        return math.floor(position) / stairs

    def length(self) -> int | None:
        return self.cycle_first_step_size + self.second

    def moves_momentum(self) -> bool:
        return self.cycle_momentum

    @property
    def ignores_base_lr(self) -> bool:
        return True

    def target_lr(self, base_lr: float, group: int) -> float:
        return of_group(self.cycle_max_lr, group)

    def annotations(self, view: View) -> Iterator[Annotation]:
        first = self.cycle_first_step_size
        yield from view.span(0, first, "cycle_first_step_size", view.rate(first))
        yield from view.span(first, first + self.second, "cycle_second_step_size")
        yield from view.point(0, "cycle_min_lr")
        yield from view.point(first, "cycle_max_lr")
