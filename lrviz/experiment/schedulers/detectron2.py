"""detectron2's schedules, which it composes of fvcore's over the share of the training that is behind."""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Duration, ListOf, OneOf, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import UNKNOWN, ClosedForm, Known, SchedulerSpec
from lrviz.experiment.schedulers.code import literal
from lrviz.experiment.schedulers.notes import Annotation, View

__all__ = ["Detectron2WarmupCosine", "Detectron2WarmupMultiStep"]

EPSILON = 1e-6  # fvcore's WHERE_EPSILON, by which every share is taken to be larger


class _Warmup(ClosedForm):
    """A warmup up to what a curve has where the warmup ends, and the curve, whose clock runs during the warmup."""

    library = "detectron2"
    newest = (0, 6)
    length_arg = "max_iter"
    family = "detectron2"

    max_iter: int | None = arg(Duration("steps of the training", horizon=True), default=None)
    warmup_factor: float = arg(Real("factor of the learning rate at the start", minimum=0), default=0.001)
    warmup_iters: int = arg(Duration("steps of the warmup", minimum=0), default=1000)
    warmup_method: str = arg(OneOf(("linear", "constant"), "how the learning rate rises"), default="linear")
    rescale_interval: bool = arg(Bool("start the curve where the warmup ends, and let it fit"), default=False)

    def curve(self, where: float) -> float:
        """Return the factor of the base rate at a share of the training, without the warmup."""
        raise NotImplementedError

    @property
    def warmup(self) -> float:
        """The share of the training that the warmup takes."""
        return min(self.warmup_iters / (self.max_iter or 1), 1.0)

    @property
    def ends(self) -> tuple[float, float]:
        """The factors where the warmup starts and where it ends."""
        return self.warmup_factor * self.curve(0.0), self.curve(0.0 if self.rescale_interval else self.warmup)

    def factor(self, step: int) -> float:
        where, warmup = step / (self.max_iter or 1), self.warmup
        if where + EPSILON <= warmup:
            low, high = self.ends
            share = where / warmup
            return low if self.warmup_method == "constant" else high * share + low * (1 - share)
        if self.rescale_interval:
            left = 1 - warmup
            where = (where - (warmup + left - left)) / left
        return self.curve(where)

    def curve_code(self) -> Iterator[str]:
        """Yield the lines of a function of `where`, the share of the training, that returns the curve's factor."""
        raise NotImplementedError

    def factor_code(self) -> Iterator[str]:
        low, high = self.ends
        yield f"where = step / {literal(self.max_iter or 1)}"
        if self.warmup:
            yield f"warmup = {literal(self.warmup)}"
            yield f"if where + {literal(EPSILON)} <= warmup:  # as fvcore compares"
            rise = f"{literal(high)} * (where / warmup) + {literal(low)} * (1 - where / warmup)"
            yield f"    return {literal(low) if self.warmup_method == 'constant' else rise}"
        if self.rescale_interval:
            yield f"left = {literal(1 - self.warmup)}"
            yield f"where = (where - {literal(self.warmup + (1 - self.warmup) - (1 - self.warmup))}) / left"
        yield from self.curve_code()

    def target_lr(self, base_lr: float, group: int) -> float:
        return base_lr * max(self.ends if self.warmup_iters else self.ends[1:])

    def annotations(self, view: View) -> Iterator[Annotation]:
        if self.warmup_iters < (self.max_iter or 0):
            yield from view.span(0, self.warmup_iters, "warmup_iters", view.rate(self.warmup_iters))


class Detectron2WarmupMultiStep(_Warmup):
    """Raise the learning rate, and multiply it by gamma at each milestone.

        lr_t = base_lr * (v * w + f * (1 - w))    if t < W  (linear)
        lr_t = base_lr * f                        if t < W  (constant)
        lr_t = base_lr * gamma^k                  after

        W = warmup_iters, w = t / W, f = warmup_factor,
        k = milestones up to t, v = gamma^k at W

    First step: base_lr * warmup_factor.

    Past its end: the learning rate stays for the step t = max_iter, and fvcore raises a RuntimeError after it.

    Source: WarmupMultiStepLR of detectron2/solver/build.py, SOLVER's settings of the same names in capitals (STEPS are
    the milestones), at commit 606437e6; fvcore 0.1.5.
    """

    name = "detectron2-warmup-multistep"
    aliases = ("WarmupMultiStepLR",)
    shape = "▁▃▅▇█████████▁▁▁"
    example = {"milestones": (26,), "warmup_iters": 8}
    no_warmup = ("detectron2-warmup-multistep warms up itself: set warmup_iters", "")

    milestones: tuple[int, ...] = arg(
        ListOf(
            Duration("steps at which to decay; those beyond max_iter are ignored", is_milestone=True), sample="[60, 80]"
        ),
        default=(30_000,),
    )
    gamma: float = arg(Real("factor of each decay", minimum=0), default=0.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        reached = self._reached()
        if any(second <= first for first, second in pairwise(reached)):
            message = f"must rise: fvcore refuses {', '.join(map(str, self.milestones))}"
            raise SpecError(Problem(field="milestones", message=message))
        if self.max_iter in reached:
            message = f"fvcore refuses a milestone at max_iter, {self.max_iter:,}; leave it out"
            raise SpecError(Problem(field=f"milestones[{self.milestones.index(self.max_iter)}]", message=message))

    def _reached(self) -> list[int]:
        """Return the milestones that detectron2 does not drop."""
        return [mark for mark in self.milestones if self.max_iter is None or mark <= self.max_iter]

    @property
    def label(self) -> str:
        return "WarmupMultiStepLR"

    def curve(self, where: float) -> float:
        if where > 1.0:
            raise RuntimeError(f"where in ParamScheduler must be in [0, 1]: got {where}")
        step = int((where + EPSILON) * (self.max_iter or 1))
        return float(self.gamma ** bisect_right(self._reached(), step))

    def curve_code(self) -> Iterator[str]:
        yield f"reached = int((where + {literal(EPSILON)}) * {literal(self.max_iter or 1)})"
        yield f"return {literal(self.gamma)} ** sum(milestone <= reached for milestone in {literal(self._reached())})"

    def marks(self) -> tuple[int, ...]:
        return self.milestones

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        for number, milestone in enumerate(self.milestones[:2]):
            yield from view.point(milestone, f"milestones[{number}]")


class Detectron2WarmupCosine(_Warmup):
    """Raise the learning rate to a half cosine over the whole training, and follow it down.

        lr_t = base_lr * (c(W) * w + f * (1 - w))    if t < W  (linear)
        lr_t = base_lr * f                           if t < W  (constant)
        lr_t = base_lr * c(t)                        after

        W = warmup_iters, w = t / W, f = warmup_factor,
        c(t) = e + (1 - e) * (1 + cos(pi * t / max_iter)) / 2, e = base_lr_end / lr

    With rescale_interval the cosine starts where the warmup ends: c(W) = 1.

    First step: base_lr * warmup_factor.

    Past its end: the learning rate rises again.

    Source: WarmupCosineLR of detectron2/solver/build.py, SOLVER's settings of the same names in capitals, at commit
    606437e6; fvcore 0.1.5. lr is the optimizer's learning rate, SOLVER.BASE_LR.
    """

    name = "detectron2-warmup-cosine"
    shape = "▁▆█▇▇▆▅▅▄▃▂▂▁▁▁▁"
    example = {"warmup_iters": 4, "base_lr_end": 1e-5}
    no_warmup = ("detectron2-warmup-cosine warms up itself: set warmup_iters", "")

    base_lr_end: float = arg(Real("learning rate at the end, of a group with the optimizer's", minimum=0), default=0.0)

    base_lr: float | None = None  # the optimizer's

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.base_lr is not None and self.base_lr_end > self.base_lr:
            message = f"must be <= the optimizer's learning rate, {self.base_lr:g}, not {self.base_lr_end:g}"
            raise SpecError(Problem(field="base_lr_end", message=message))

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        found = super().resolved(length, known)
        if not isinstance(found, Detectron2WarmupCosine):
            return found
        return dataclasses.replace(found, base_lr=known.default_lr)

    @property
    def label(self) -> str:
        return "WarmupCosineLR"

    def curve(self, where: float) -> float:
        end = self.base_lr_end if self.base_lr is None else self.base_lr_end / self.base_lr
        return end + 0.5 * (1 - end) * (1 + math.cos(math.pi * where))

    def curve_code(self) -> Iterator[str]:
        low = f"{literal(self.base_lr_end)} / {literal(self.base_lr)}"
        if self.base_lr_end:
            yield f"end = {low if self.base_lr is not None else literal(self.base_lr_end)}"
            yield "return end + 0.5 * (1 - end) * (1 + math.cos(math.pi * where))"
        else:
            yield "return 0.5 * (1 + math.cos(math.pi * where))"

    @property
    def falls_at_once(self) -> bool:
        return not self.warmup_iters

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        if self.base_lr_end and self.max_iter:
            yield from view.point(self.max_iter - 1, "base_lr_end")
