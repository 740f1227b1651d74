"""torchtitan's schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from lrviz.experiment.argtypes import Duration, OneOf, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import ClosedForm
from lrviz.experiment.schedulers.code import literal, locals_of
from lrviz.experiment.schedulers.notes import BASE, Annotation, View

__all__ = ["TorchTitan"]


class _Phases(NamedTuple):
    """The steps of the three phases, one more together than the run has."""

    warmup: int
    stable: int
    decay: int


class TorchTitan(ClosedForm):
    """Raise the learning rate in a straight line, hold it, and let it fall.

        lr_t = base_lr * (t + 1) / W                    if t < W
        lr_t = base_lr                                  if t < W + S
        lr_t = base_lr * (m + (1 - m) * (1 - p))        after  (linear)
        lr_t = base_lr * (m + (1 - m) * (1 - sqrt(p)))  after  (sqrt)
        lr_t = base_lr * (m + (1 - m) * (1 + cos(pi * p)) / 2)  after  (cosine)

        T = total_steps, m = min_lr_factor, W = min(warmup_steps, T),
        D = T - W, or round(decay_ratio * T) where that is less,
        S = T + 1 - W - D, p = (t + 1 - W - S) / D

    First step: base_lr / W.

    Past its end: linear and sqrt go below base_lr * min_lr_factor, and cosine rises; without a decay it raises an
    AssertionError where t = T + 1.

    Source: LRSchedulersContainer of torchtitan/components/optimizer/lr_scheduler.py, torchtitan 0.3.0; the stable phase
    Hu et al. 2024, arXiv:2404.06395.
    """

    name = "torchtitan"
    library = "torchtitan"
    newest = (0, 3, 0)
    length_arg = "total_steps"
    family = "torchtitan"
    shape = "▁▄▆██████████▅▃▁"
    example = {"warmup_steps": 8, "decay_ratio": 0.25}
    no_warmup = ("torchtitan warms up itself: set warmup_steps", "")

    warmup_steps: int = arg(Duration("steps of the warmup; at most total_steps", minimum=0), default=200)
    total_steps: int | None = arg(Duration("steps until the end of the decay", horizon=True), default=None)
    decay_ratio: float | None = arg(
        Real("share of total_steps in which it falls", minimum=0, default_text="all that the warmup leaves"),
        default=None,
    )
    decay_type: str = arg(OneOf(("linear", "sqrt", "cosine"), "how the learning rate falls"), default="linear")
    min_lr_factor: float = arg(Real("factor of the learning rate at the end"), default=0.0)

    @property
    def label(self) -> str:
        return "torchtitan"

    @property
    def phases(self) -> _Phases:
        """How many steps each phase has, as torchtitan counts them."""
        total = self.total_steps or 0
        warmup = min(self.warmup_steps, total)
        left = total - warmup
        decay = left if self.decay_ratio is None else min(left, round(total * self.decay_ratio))
        return _Phases(warmup, left + 1 - decay, decay)

    def factor(self, step: int) -> float:
        warmup, stable, decay = self.phases
        if step < warmup:
            return (step + 1) / warmup
        if step < warmup + stable:
            return 1.0
        if not decay:
            raise AssertionError("decay_steps must not be zero to reach this branch")
        share = (step + 1 - (warmup + stable)) / decay
        if self.decay_type == "cosine":
            height = 0.5 * (1.0 + math.cos(math.pi * share))
        else:
            height = 1 - (math.sqrt(share) if self.decay_type == "sqrt" else share)
        return self.min_lr_factor + (1 - self.min_lr_factor) * height

    def factor_code(self) -> Iterator[str]:
        warmup, stable, decay = self.phases
        yield from locals_of(warmup=warmup, stable=stable, **({"decay": decay} if decay else {}))
        if warmup:
            yield "if step < warmup:"
            yield "    return (step + 1) / warmup"
        yield "if step < warmup + stable:"
        yield "    return 1.0"
        if not decay:
            yield 'raise AssertionError("the training is longer than its schedule")'
            return
        yield "share = (step + 1 - warmup - stable) / decay"
        height = {"cosine": "0.5 * (1 + math.cos(math.pi * share))", "sqrt": "1 - math.sqrt(share)"}
        fall, low = height.get(self.decay_type, "1 - share"), literal(self.min_lr_factor)
        yield f"return {low} + (1 - {low}) * ({fall})" if self.min_lr_factor else f"return {fall}"

    @property
    def falls_at_once(self) -> bool:
        return not self.warmup_steps and (self.decay_ratio is None or self.decay_ratio >= 1)

    def annotations(self, view: View) -> Iterator[Annotation]:
        warmup, stable, decay = self.phases
        yield from view.span(0, warmup, "warmup_steps", view.rate(warmup))
        if self.decay_ratio is not None and decay:
            yield from view.span(warmup + stable - 1, warmup + stable + decay - 1, "decay_ratio")
        if decay and self.min_lr_factor > 0:
            yield from view.point(warmup + stable + decay - 2, f"{BASE} * min_lr_factor")
