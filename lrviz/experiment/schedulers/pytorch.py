"""The schedulers of torch.optim, fields named as torch names them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import (
    Bool,
    Count,
    Duration,
    Formula,
    ListOf,
    OneOf,
    PerGroup,
    Rate,
    Real,
    Share,
)
from lrviz.experiment.expression import Expression
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import (
    OVERWRITES,
    UNKNOWN,
    Known,
    Rates,
    SchedulerArg,
    SchedulerSpec,
    Segment,
    of_group,
)
from lrviz.experiment.schedulers.code import Script
from lrviz.experiment.schedulers.metric import Plateau
from lrviz.experiment.schedulers.notes import BASE, DECAYED, WARMUP, Annotation, View

__all__ = [
    "SWALR",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "StepLR",
]

NEAR = 0.15  # of a curve's height
LONGEST = 32  # characters of an expression that is written out
LOWEST = "lowest learning rate, or a share of the base rate such as 10%"


class StepLR(SchedulerSpec):
    """Multiply the learning rate by gamma every step_size steps.

        lr_t = lr_(t-1) * gamma    if t > 0 and t % step_size == 0
        lr_t = lr_(t-1)            otherwise

    Past its end: it has none, and goes on decaying.

    Source: torch.optim.lr_scheduler.StepLR.
    """

    name = "step"
    period_arg = "step_size"
    may_be_short = True
    family = "Step"
    shape = "████▄▄▄▄▂▂▂▂▁▁▁▁"
    example = {"step_size": 8, "gamma": 0.5}

    step_size: int = arg(Duration("steps between two decays"))
    gamma: float = arg(Real("factor of each decay", minimum=0), default=0.1)

    def annotations(self, view: View) -> Iterator[Annotation]:
        length = self.step_size
        yield from view.span(*((length, 2 * length) if view.covers(2 * length) else (0, length)), "step_size")
        yield from view.point(length, DECAYED)


class MultiStepLR(SchedulerSpec):
    """Multiply the learning rate by gamma at each milestone.

        lr_t = lr_(t-1) * gamma^k    if t is a milestone, k times in the list
        lr_t = lr_(t-1)              otherwise; lr_(-1) = base_lr

    Past its end: after the last milestone the learning rate stays.

    Source: torch.optim.lr_scheduler.MultiStepLR.
    """

    name = "multistep"
    may_be_short = True
    family = "Step"
    shape = "████▄▄▄▄▄▄▄▄▂▂▁▁"
    example = {"milestones": (8, 24, 28), "gamma": 0.5}

    milestones: tuple[int, ...] = arg(
        ListOf(Duration("steps at which to decay", minimum=0, is_milestone=True), sample="[8, 24]")
    )
    gamma: float = arg(Real("factor of each decay", minimum=0), default=0.1)

    def length(self) -> int | None:
        return max(self.milestones, default=None)

    def marks(self) -> tuple[int, ...]:
        return self.milestones

    def annotations(self, view: View) -> Iterator[Annotation]:
        first_two = sorted({milestone for milestone in self.milestones if milestone > 0})[:2]
        for milestone in first_two:
            yield from view.point(milestone, f"{DECAYED},\nmilestones[{self.milestones.index(milestone)}]")


class ConstantLR(SchedulerSpec):
    """Scale the learning rate by factor until total_iters, then leave it alone.

        lr_t = base_lr * factor    if t < total_iters
        lr_t = base_lr             otherwise

    First step: trains with base_lr * factor.

    Past its end: the learning rate is the full one.

    Source: torch.optim.lr_scheduler.ConstantLR.
    """

    name = "constant"
    length_arg = "total_iters"
    family = "Warmup and decay"
    shape = "▄▄▄▄████████████"
    example = {"factor": 0.5, "total_iters": 8}

    factor: float = arg(Real("factor of the learning rate until total_iters", minimum=0, maximum=1), default=1 / 3)
    total_iters: int = arg(Duration("steps until the full learning rate"), default=5)

    def length(self) -> int | None:
        return None if self.factor == 1 else self.total_iters  # which only holds the rate

    def warms_up(self) -> bool:
        return self.factor < 1

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(0, self.total_iters, "total_iters")
        yield from view.point(0, f"{BASE} * factor")
        yield from view.point(self.total_iters, BASE)


class LinearLR(SchedulerSpec):
    """Scale the learning rate linearly from start_factor to end_factor over total_iters steps.

        lr_t = base_lr * (start_factor + (end_factor - start_factor) * p)

        p = min(1, t / total_iters)

    First step: trains with base_lr * start_factor.

    Past its end: the learning rate stays at base_lr * end_factor.

    Source: torch.optim.lr_scheduler.LinearLR; as a warmup Goyal et al. 2017, arXiv:1706.02677.
    """

    name = "linear"
    length_arg = "total_iters"
    family = "Warmup and decay"
    shape = "▁▂▃▄▅▆▇█████████"
    example = {"start_factor": 0.1, "total_iters": 16}

    start_factor: float = arg(Real("factor of the learning rate at the start", above=0, maximum=1), default=1 / 3)
    end_factor: float = arg(Real("factor of the learning rate at the end", minimum=0, maximum=1), default=1.0)
    total_iters: int = arg(Duration("steps from start_factor to end_factor"), default=5)

    @property
    def falls_at_once(self) -> bool:
        return self.end_factor < self.start_factor

    def warms_up(self) -> bool:
        return self.start_factor < self.end_factor

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        return base_lr * max(self.start_factor, self.end_factor)

    def annotations(self, view: View) -> Iterator[Annotation]:
        start, end = self.start_factor, self.end_factor
        top = max(view.rate(0), view.rate(self.total_iters))
        yield from view.span(0, self.total_iters, "total_iters", top)
        yield from view.point(0, BASE if start == 1 else f"{BASE} * start_factor")
        yield from view.point(self.total_iters, BASE if end == 1 else f"{BASE} * end_factor")


class ExponentialLR(SchedulerSpec):
    """Multiply the learning rate by gamma at every step.

        lr_t = lr_(t-1) * gamma

    Past its end: it has none, and goes on decaying.

    Source: torch.optim.lr_scheduler.ExponentialLR.
    """

    name = "exponential"
    family = "Warmup and decay"
    shape = "█▆▅▄▃▃▂▂▁▁▁▁▁▁▁▁"
    example = {"gamma": 0.9}

    gamma: float = arg(Real("factor of every step", minimum=0))

    @property
    def falls_at_once(self) -> bool:
        return self.gamma < 1

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.point(1, DECAYED)


class PolynomialLR(SchedulerSpec):
    """Lower the learning rate to zero along a polynomial over total_iters steps.

        lr_t = base_lr * (1 - min(t, total_iters) / total_iters)^power

    Past its end: the learning rate stays at 0.

    Source: torch.optim.lr_scheduler.PolynomialLR.
    """

    name = "polynomial"
    falls_at_once = True
    length_arg = "total_iters"
    family = "Polynomial"
    shape = "█▆▅▄▃▂▂▁▁▁▁▁▁▁▁▁"
    example = {"total_iters": 24, "power": 2.0}

    total_iters: int = arg(Duration("steps until zero"), default=5)
    power: float = arg(Real("power of the polynomial", minimum=0), default=1.0)

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(0, self.total_iters, "total_iters")


class CosineAnnealingLR(SchedulerSpec):
    """Lower the learning rate to eta_min along half a cosine of T_max steps (it rises again afterwards).

        lr_t = eta_min + (base_lr - eta_min) * (1 + cos(pi * t / T_max)) / 2

    Past its end: the cosine goes on and rises back to base_lr at 2 * T_max.

    Source: torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov and Hutter 2017, arXiv:1608.03983.
    """

    name = "cosine"
    falls_at_once = True
    length_arg = "T_max"
    family = "Cosine"
    shape = "███▇▇▆▅▅▄▃▃▂▂▁▁▁"
    example = {"eta_min": 1e-4}

    T_max: int | None = arg(Duration("steps from the full learning rate to eta_min", horizon=True), default=None)
    eta_min: Any = arg(PerGroup(Rate(LOWEST, minimum=0)), default=0.0)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        return _with_lowest(super().resolved(length, known), f"epoch / {self.T_max or length}", known)

    def annotations(self, view: View) -> Iterator[Annotation]:
        assert self.T_max is not None, "horizons are filled in"
        yield from view.span(0, self.T_max, "T_max")
        if view.covers(self.T_max):
            yield from _lowest(view, min(self.T_max, view.last), self.eta_min)


class CosineAnnealingWarmRestarts(SchedulerSpec):
    """Restart a cosine every T_0 steps, each period T_mult times the one before.

        lr_t = eta_min + (base_lr - eta_min) * (1 + cos(pi * T_cur / T_i)) / 2

        T_cur = steps since the last restart, T_i = T_0 * T_mult^i

    Past its end: it has none; each restart begins at base_lr again.

    Source: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts; Loshchilov and Hutter 2017, arXiv:1608.03983.
    """

    name = "cosine-restarts"
    period_arg = "T_0"
    is_closed_form = True
    repeats = True
    family = "Cosine"
    shape = "█▆▃▁█▆▃▁█▆▃▁█▆▃▁"
    example = {"T_0": 8, "eta_min": 1e-4}

    T_0: int = arg(Duration("steps until the first restart"))
    T_mult: int = arg(Count("factor of the period after each restart"), default=1)
    eta_min: Any = arg(PerGroup(Rate(LOWEST, minimum=0)), default=0.0)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        share = f"(epoch % {self.T_0}) / {self.T_0}"
        if self.T_mult > 1:  # of the period that begins at T_0 * (power - 1) / (T_mult - 1)
            grown = f"({self.T_mult - 1} * epoch / {self.T_0} + 1)"
            power = f"{self.T_mult} ** floor(log({grown}) / log({self.T_mult}) + 1e-9)"
            share = f"(({grown} / {power} - 1) / {self.T_mult - 1})"
        return _with_lowest(super().resolved(length, known), share, known)

    def annotations(self, view: View) -> Iterator[Annotation]:
        first, second = self.T_0, self.T_0 * (1 + self.T_mult)
        yield from view.span(0, first, "T_0")
        yield from view.span(first, second, "T_1 = T_0 * T_mult")
        yield from _lowest(view, first - 1, self.eta_min)


class CyclicLR(SchedulerSpec):
    """Cycle the learning rate between base_lr and max_lr, momentum inversely.

        lr_t = base_lr + (max_lr - base_lr) * h_t * scale

        h_t rises from 0 to 1 in step_size_up steps and falls back in step_size_down
        scale = 1 (triangular), 1 / 2^(cycle - 1) (triangular2), gamma^t (exp_range)
        or scale_fn(x); cycle counts from 1, and x is cycle or t

    First step: trains with the base_lr that it is given, whatever the optimizer's is.

    Past its end: it has none; the cycles go on.

    Source: torch.optim.lr_scheduler.CyclicLR; Smith 2017, arXiv:1506.01186.
    """

    name = "cyclic"
    is_closed_form = True
    repeats = True
    no_warmup = ("CyclicLR sets its own learning rates from base_lr up, and would overwrite the warmup's", OVERWRITES)
    family = "Cyclic"
    shape = "▁▄▅▇█▅▄▂▁▄▅▇█▅▄▂"
    example = {"base_lr": 1e-4, "max_lr": 1e-3, "step_size_up": 8, "cycle_momentum": False}

    base_lr: Rates = arg(PerGroup(Real("lowest learning rate of the cycle", minimum=0)))
    max_lr: Rates = arg(PerGroup(Real("highest learning rate of the cycle", above=0)))
    step_size_up: int = arg(Duration("steps of the rising half"), default=2000)
    step_size_down: int | None = arg(Duration("steps of the falling half; unset: as step_size_up"), default=None)
    mode: str = arg(
        OneOf(("triangular", "triangular2", "exp_range"), "how the amplitude shrinks"), default="triangular"
    )
    gamma: float = arg(Real("factor of each step, for exp_range", minimum=0), default=1.0)
    scale_fn: Expression | None = arg(Formula("amplitude over x, instead of a mode", names=("x",)), default=None)
    scale_mode: str = arg(OneOf(("cycle", "iterations"), "what x of scale_fn counts"), default="cycle")
    cycle_momentum: bool = arg(Bool("cycle momentum (or beta1) inversely to the learning rate"), default=True)
    base_momentum: Rates = arg(PerGroup(Real("momentum at the highest learning rate", minimum=0)), default=0.8)
    max_momentum: Rates = arg(PerGroup(Real("momentum at the lowest learning rate", minimum=0)), default=0.9)

    def length(self) -> int | None:
        return self.step_size_up + (self.step_size_down or self.step_size_up)

    def lasting(self, steps: int) -> dict[str, Any]:
        up = max(1, round(steps * self.step_size_up / (self.length() or 1)))
        return {"step_size_up": up, **({} if self.step_size_down is None else {"step_size_down": max(1, steps - up)})}

    def moves_momentum(self) -> bool:
        return self.cycle_momentum

    def target_lr(self, base_lr: float, group: int) -> float:
        return of_group(self.max_lr, group)

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        return None if self._shrinks() and steps > self.step_size_up else self.target_lr(base_lr, group)

    def new_base_lr(self, group: int) -> float | None:
        return of_group(self.base_lr, group)

    def annotations(self, view: View) -> Iterator[Annotation]:
        up = self.step_size_up
        down = self.step_size_down or up
        yield from view.span(0, up, "step_size_up", view.rate(up))
        if down != up:
            yield from view.span(up, up + down, "step_size_down", view.rate(up))
        if not self._shrinks():
            yield from view.point(up, "max_lr")
        yield from view.point(up + down if view.reaches(up + down) else 0, "base_lr")

    def _shrinks(self) -> bool:
        """Return whether the first cycle may already stay below max_lr."""
        return self.mode == "exp_range" or self.scale_fn is not None


class OneCycleLR(SchedulerSpec):
    """Warm up to max_lr and anneal far below, once, momentum inversely.

        lr_t = anneal(max_lr / div_factor, max_lr, t / u)              if t <= u
        lr_t = anneal(max_lr, lr_0 / final_div_factor, (t - u) / d)    otherwise

        u = pct_start * total_steps - 1, d = total_steps - 1 - u
        anneal(a, b, p) = b + (a - b) * (1 + cos(pi * p)) / 2    (cos)
                        = a + (b - a) * p                        (linear)
        three_phase: back to lr_0 in u steps more, then to lr_0 / final_div_factor

    First step: trains with max_lr / div_factor.

    Past its end: one step more is taken, up again (cos) or below zero (linear); the next raises ValueError.

    Source: torch.optim.lr_scheduler.OneCycleLR; Smith and Topin 2018, arXiv:1708.07120.
    """

    name = "onecycle"
    is_closed_form = True
    no_warmup = ("OneCycleLR has a warmup of its own: set pct_start", OVERWRITES)
    length_arg = "total_steps"
    family = "One cycle"
    shape = "▁▂▅▇██▇▆▆▄▃▂▁▁▁▁"
    example = {"max_lr": 1e-3}

    max_lr: Rates = arg(PerGroup(Real("highest learning rate", above=0)))
    total_steps: int | None = arg(Duration("steps of the cycle", horizon=True), default=None)
    epochs: int | None = arg(Count("epochs of the cycle, with steps_per_epoch", flag=False), default=None)
    steps_per_epoch: int | None = arg(Count("steps in an epoch, with epochs", flag=False), default=None)
    pct_start: float = arg(Real("share of the cycle that the warmup takes", minimum=0, maximum=1), default=0.3)
    anneal_strategy: str = arg(OneOf(("cos", "linear"), "shape of the curve"), default="cos")
    cycle_momentum: bool = arg(Bool("cycle momentum (or beta1) inversely to the learning rate"), default=True)
    base_momentum: Rates = arg(PerGroup(Real("momentum at the highest learning rate", minimum=0)), default=0.85)
    max_momentum: Rates = arg(PerGroup(Real("momentum at the start and the end", minimum=0)), default=0.95)
    div_factor: float = arg(Real("max_lr over the first learning rate", above=0), default=25.0)
    final_div_factor: float = arg(Real("first learning rate over the last one", above=0), default=1e4)
    three_phase: bool = arg(Bool("mirror the warmup before the final descent"), default=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.epochs is None) != (self.steps_per_epoch is None):
            missing = "epochs" if self.epochs is None else "steps_per_epoch"
            raise SpecError(
                Problem(field=missing, message="epochs and steps_per_epoch are given together or not at all")
            )
        product = (self.epochs or 0) * (self.steps_per_epoch or 0)
        if product and self.total_steps not in (None, product):
            message = f"{self.total_steps} contradicts epochs x steps_per_epoch = {product}; give one of them"
            raise SpecError(Problem(field="total_steps", message=message))

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        return self if self.epochs else super().resolved(length, known)

    def length(self) -> int | None:
        return (self.epochs or 0) * (self.steps_per_epoch or 0) or self.total_steps

    def lasting(self, steps: int) -> dict[str, Any]:
        return {"total_steps": steps, **({"epochs": None, "steps_per_epoch": None} if self.epochs else {})}

    def moves_momentum(self) -> bool:
        return self.cycle_momentum

    def target_lr(self, base_lr: float, group: int) -> float:
        return of_group(self.max_lr, group)

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        warmup = math.ceil(self.pct_start * (self.length() or steps))
        return None if steps > warmup else self.target_lr(base_lr, group)  # the peak may fall between two steps

    def new_base_lr(self, group: int) -> float | None:
        return of_group(self.max_lr, group) / self.div_factor

    def annotations(self, view: View) -> Iterator[Annotation]:
        total = self.length() or 0
        top = self.pct_start * total - 1  # where torch ends the first phase, between two steps
        yield from view.point(0, "max_lr / div_factor")
        if top > 0:
            yield from view.span(0, top, "pct_start * total_steps", view.rate(round(top)))
            yield from view.point(round(top), "max_lr")
        yield from view.point(total - 1, "max_lr / div_factor\n/ final_div_factor")


class ReduceLROnPlateau(Plateau):
    """Multiply the learning rate by factor when a metric stops improving.

        lr_t = max(lr_(t-1) * factor, min_lr)    if bad > patience, and bad = 0
        lr_t = lr_(t-1)                          otherwise

        bad = metrics in a row that are no better than the best so far; the first
              cooldown metrics after a reduction do not count

    Past its end: it has none; reductions smaller than eps are left out.

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    name = "plateau"
    family = "Metric"
    shape = "█████████▄▄▂▂▂▁▁"
    example = {"metric": "max(0.3, 0.9 ** step)", "patience": 4, "factor": 0.5}

    warmup: SchedulerSpec | None = arg(
        SchedulerArg("a warmup that the training loop steps beside it, until it ends", flag=False, extra=True),
        default=None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup is not None and not (self.warmup.warms_up() and self.warmup.length()):
            message = f"must be a scheduler that warms up and ends, not {self.warmup.label}"
            raise SpecError(Problem(field="warmup", message=message))

    @property
    def title(self) -> str:
        return f"{self.warmup.title} beside {self.label}" if self.warmup else self.label

    def children(self) -> list[SchedulerSpec]:
        return [self.warmup] if self.warmup else []

    def segments(self, start: int, end: int) -> list[Segment]:
        return [Segment(child, start, start + (child.length() or 0)) for child in self.children()]

    def write(self, script: Script) -> None:
        for part in self.segments(0, 0):
            warmup = part.spec.code(dataclasses.replace(script, total=part.length))
            script.add(warmup, "warmup", "step()", f"{script.now} < {-(-part.end // script.calls)}")
        super().write(script)

    def annotations(self, view: View) -> Iterator[Annotation]:
        for child in self.segments(0, view.last + 1):
            label = WARMUP if view.has_warmup else child.spec.label
            yield from view.span(child.start, child.end, label, view.rate(child.end))
        yield from super().annotations(view)


class LambdaLR(SchedulerSpec):
    """Set the learning rate to the base rate times a function of the step.

        lr_t = base_lr * lr_lambda(t)

    First step: trains with base_lr * lr_lambda(0).

    Past its end: it has none but the function's.

    Source: torch.optim.lr_scheduler.LambdaLR.
    """

    name = "lambda"
    is_closed_form = True
    family = "Function"
    shape = "█▆▅▄▃▃▂▂▁▁▁▁▁▁▁▁"
    example = {"lr_lambda": "0.9 ** epoch"}

    lr_lambda: Any = arg(PerGroup(Formula("factor of the base learning rate")))

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        return None

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.point(view.last // 3, f"lr_0 * lambda(t){_written(self.lr_lambda, view.group)}")


class MultiplicativeLR(SchedulerSpec):
    """Multiply the learning rate by a function of the step, at every step but the first.

        lr_t = lr_(t-1) * lr_lambda(t)

    Past its end: it has none but the function's.

    Source: torch.optim.lr_scheduler.MultiplicativeLR.
    """

    name = "multiplicative"
    family = "Function"
    shape = "█▆▅▄▃▃▂▂▂▂▂▂▂▂▂▂"
    example = {"lr_lambda": "0.9 if epoch < 16 else 1"}

    lr_lambda: Any = arg(PerGroup(Formula("factor of the last learning rate")))

    def annotations(self, view: View) -> Iterator[Annotation]:
        label = f"lr_(t-1) * lambda(t){_written(self.lr_lambda, view.group)}"
        yield from view.point(max(1, view.last // 5), label)


class SWALR(SchedulerSpec):
    """Anneal from the current learning rate to swa_lr, for stochastic weight averaging.

        lr_t = lr_start * (1 - a) + swa_lr * a

        a = (1 - cos(pi * p)) / 2 (cos) or p (linear)
        p = min(1, t / anneal_epochs), and 1 if anneal_epochs is 0

    Past its end: the learning rate stays at swa_lr.

    Source: torch.optim.swa_utils.SWALR; Izmailov et al. 2018, arXiv:1803.05407.
    """

    name = "swa"
    may_be_short = True
    length_arg = "anneal_epochs"
    module = "torch.optim.swa_utils"
    family = "Averaging"
    shape = "█████████▆▄▂▂▂▂▂"
    example = {"swa_lr": 2e-4, "anneal_epochs": 8, "swa_start": 16}

    swa_lr: Rates = arg(PerGroup(Real("learning rate to anneal to", minimum=0)))
    anneal_epochs: int = arg(Duration("steps of the annealing", minimum=0), default=10)
    anneal_strategy: str = arg(OneOf(("cos", "linear"), "shape of the annealing"), default="cos")
    swa_start: int = arg(
        Duration(
            "when the loop steps it: `if step >= swa_start` (torch's example has >, a step later)",
            minimum=0,
            extra=True,
        ),
        default=0,
    )

    @property
    def first_step(self) -> int:
        return self.swa_start

    def marks(self) -> tuple[int, ...]:
        return (0,) if self.swa_start else ()

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(base_lr, of_group(self.swa_lr, group))

    def annotations(self, view: View) -> Iterator[Annotation]:
        start, end = self.swa_start, self.swa_start + self.anneal_epochs
        if start:
            yield from view.point(start, "swa_start")
        yield from view.span(start, end, "anneal_epochs")
        yield from view.point(end, "swa_lr")


def _with_lowest(spec: SchedulerSpec, share: str, known: Known) -> SchedulerSpec:
    """Return a cosine with eta_min as a number; where the groups differ in it, the LambdaLR that it then takes.

    torch's cosines have one eta_min for all groups. `share` is how much of a period has passed.
    """
    eta_min: Any = getattr(spec, "eta_min", 0.0)
    if not known.base_lrs:
        return spec
    entries = eta_min if isinstance(eta_min, tuple) else (eta_min,) * len(known.base_lrs)
    pairs = list(zip(entries, known.base_lrs, strict=True))
    numbers = [entry.of(base) if isinstance(entry, Share) else entry for entry, base in pairs]
    if len(set(numbers)) == 1:
        changed: dict[str, Any] = {} if numbers[0] is eta_min else {"eta_min": numbers[0]}
        return dataclasses.replace(spec, **changed) if changed else spec
    shares = [entry.factor if isinstance(entry, Share) else entry and entry / base for entry, base in pairs]
    texts = tuple(f"{low!r} + (1 - {low!r}) * (1 + cos(pi * {share})) / 2" for low in shares)
    return LambdaLR(lr_lambda=texts if len(set(texts)) > 1 else texts[0])


def _lowest(view: View, step: int, eta_min: float) -> Iterator[Annotation]:
    """Yield eta_min where the rate comes down to it, or nearly: a restart comes one step before."""
    if abs(view.rate(step) - eta_min) <= NEAR * abs(view.peak - eta_min):
        yield from view.point(step, "eta_min", eta_min)


def _written(function: object, group: int) -> str:
    """Return a second line with the group's expression, if it is one and short."""
    own = of_group(function, group)
    text = own.text if isinstance(own, Expression) else ""
    return f",\nlambda: {text}" if text and len(text) <= LONGEST else ""
