"""timm's schedulers, as 1.0.31 has them: pure functions of the epoch, or of the update, with a warmup of their own.

A scheduler step is the epoch that `train.py` hands to `step`, or, where the run steps its scheduler at every
update, the update that it hands to `step_update`. Step 0 trains with what the constructor sets: warmup_lr_init
where there is a warmup, else the base rate.

timm's layer decay gives a parameter group an `lr_scale`, by which everything that the schedule sets is
multiplied, lr_min and warmup_lr_init too; the groups' base rates stay equal. That is the argument lr_scale.
A group with a learning rate of its own, such as `lr: 0.75x`, has another peak instead, and the same lr_min.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import count
from typing import Any, ClassVar

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import (
    Bool,
    Count,
    Duration,
    FromTo,
    ListOf,
    LooseDuration,
    OneOf,
    PerGroup,
    Real,
)
from lrviz.experiment.record import arg, arg_types
from lrviz.experiment.schedulers.base import (
    UNKNOWN,
    GroupStart,
    Known,
    OwnRule,
    Rates,
    SchedulerSpec,
    Upstream,
    of_group,
)
from lrviz.experiment.schedulers.code import Script
from lrviz.experiment.schedulers.metric import Watching
from lrviz.experiment.schedulers.notes import MOST, Annotation, View

__all__ = [
    "CosineLRScheduler",
    "MultiStepLRScheduler",
    "PlateauLRScheduler",
    "PolyLRScheduler",
    "StepLRScheduler",
    "TanhLRScheduler",
    "WSDLRScheduler",
]

RARELY = 1e-3  # of noise_std: below it hardly a draw of the noise is ever taken
EPS = 1e-8  # of torch's ReduceLROnPlateau: the smallest reduction worth making


class _Timm(OwnRule):
    """What all of them have: a linear warmup, noise, and the groups' lr_scale."""

    family = "timm"
    library = "timm"
    newest = (1, 0, 31)
    loads = "arguments"
    restarts = False
    _clock: ClassVar[Mapping[str, Any]] = {"t_in_epochs": False}
    _stepped_by: ClassVar[str] = "step_update"
    no_warmup = ("timm's schedulers warm up themselves: give warmup_t, and warmup_lr_init", "")

    warmup_t: int = arg(Duration("steps of the warmup", minimum=0), default=0)
    warmup_lr_init: float = arg(Real("learning rate at the start of the warmup", minimum=0), default=0.0)
    noise_range_t: Any = arg(
        FromTo(Real("step from which on the learning rate has noise, or a pair: from it, and until when")), default=None
    )
    noise_pct: float = arg(Real("what the noise stays below, as a share of the learning rate", above=0), default=0.67)
    noise_std: float = arg(Real("standard deviation of the noise", minimum=0), default=1.0)
    noise_seed: int = arg(Count("seed of the noise", minimum=0), default=42)
    lr_scale: Rates = arg(
        PerGroup(Real("the groups' lr_scale of layer decay, which multiplies all it sets", minimum=0, extra=True)),
        default=1.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise_range_t is not None and self.noise_pct < RARELY * self.noise_std:
            message = f"must be at least {RARELY:g} of noise_std: timm draws until the noise is below noise_pct"
            raise SpecError(Problem(field="noise_pct", message=message))

    def lr_at(self, step: int, start: GroupStart) -> float:
        lr = self._value(step, start.lr) if step else self._first(start.lr)
        return self._noised(lr, step, start) * of_group(self.lr_scale, start.group)

    def _first(self, base_lr: float) -> float:
        """Return what the constructor sets."""
        return self.warmup_lr_init if self.warmup_t else base_lr

    def _value(self, t: float, base_lr: float) -> float:
        return self._warming(t, self._goal(base_lr)) if t < self.warmup_t else self._after(t, base_lr)

    def _warming(self, t: float, goal: float) -> float:
        return self.warmup_lr_init + t * ((goal - self.warmup_lr_init) / self.warmup_t)

    def _goal(self, base_lr: float) -> float:
        """Return the learning rate that the warmup heads for."""
        return base_lr

    def _after(self, t: float, base_lr: float) -> float:
        """Return the learning rate of a step that is not in the warmup."""
        raise NotImplementedError

    def _noised(self, lr: float, t: int, start: GroupStart, kind: str = "randn") -> float:
        """Return a learning rate with the noise of step `t`, if it has any; the constructor's has none."""
        span = self.noise_range_t
        first, end = span if isinstance(span, tuple) else (span, math.inf)
        if not t or first is None or not first <= t < end:
            return lr
        assert start.draws is not None, "torch runs what has noise"
        drawn = start.draws(kind, self.noise_seed + t)
        if kind == "rand":
            return lr + lr * (2 * (next(drawn) - 0.5) * self.noise_pct)
        noises = (number * self.noise_std for number in drawn)
        return lr + lr * next(noise for noise in noises if abs(noise) < self.noise_pct)

    def unsupported_reason(self) -> str | None:
        return "its noise is drawn by torch" if self.noise_range_t is not None else super().unsupported_reason()

    def target_lr(self, base_lr: float, group: int) -> float:
        warmup = self.warmup_t
        highest = max(self._value(t, base_lr) for t in {max(warmup - 1, 0), warmup})
        return max(highest, self._first(base_lr)) * of_group(self.lr_scale, group)

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        return None if steps > self.warmup_t else self.target_lr(base_lr, group)

    def lasting(self, steps: int) -> dict[str, Any]:
        return {name: max(1, steps - self.delay) for name in super().lasting(steps)}

    @property
    def delay(self) -> int:
        """The step from which t_initial and decay_t are counted."""
        return 0

    def upstream(self) -> Upstream:
        names = [name for name, kind in arg_types(self).items() if not kind.extra]
        own = {name: getattr(self, name) for name in names}
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
        groups = {} if self.lr_scale == 1 else {"lr_scale": self.lr_scale}
        return Upstream(f"timm.scheduler:{type(self).__name__}", {**given, **self._clock}, self._stepped_by, groups)

    def upstream_in(self, script: Script) -> Upstream | None:
        """Return the class, which a loop over epochs steps with their number, as timm counts unless told otherwise."""
        found = super().upstream_in(script)
        if found is None or script.now != "epoch":
            return found
        arguments = {name: value for name, value in found.arguments.items() if name not in self._clock}
        return found._replace(arguments=arguments, stepped_by="step(n)")

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(0, self.warmup_t, "warmup_t", view.rate(self.warmup_t))
        if self.warmup_t and self.warmup_lr_init:
            yield from view.point(0, "warmup_lr_init")


class _Prefixed(_Timm):
    """What all but wsd and plateau have: the warmup is before what follows, or the first part of it."""

    warmup_prefix: bool = arg(Bool("whether the rest counts from the end of the warmup"), default=False)

    @property
    def delay(self) -> int:
        return self.warmup_t if self.warmup_prefix else 0


class _Cycles(_Prefixed):
    """What cosine, tanh and poly have: cycles that can grow, and fall lower each time."""

    t_initial: int | None = arg(Duration("steps of the first cycle", horizon=True), default=None)
    lr_min: float = arg(Real("lowest learning rate", minimum=0), default=0.0)
    cycle_mul: float = arg(Real("factor of the length after each cycle", above=0), default=1.0)
    cycle_decay: float = arg(Real("factor of the peak after each cycle", minimum=0), default=1.0)
    cycle_limit: int = arg(Count("cycles until lr_min stays", minimum=0), default=1)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        return super().resolved(max(1, length - self.delay), known)

    @property
    def falls_at_once(self) -> bool:
        return not self.warmup_t and not self.repeats

    @property
    def repeats(self) -> bool:  # type: ignore[override]  # with several cycles
        return self.cycle_limit > 1

    def length(self) -> int | None:
        return None if self.t_initial is None else self.delay + self.t_initial

    def _after(self, t: float, base_lr: float) -> float:
        assert self.t_initial is not None, "horizons are filled in"
        first, mul = self.t_initial, self.cycle_mul
        t -= self.delay
        if mul != 1:
            cycle: float = math.floor(math.log(1 - t / first * (1 - mul), mul))
            length = mul**cycle * first
            passed = t - (1 - mul**cycle) / (1 - mul) * first
        else:
            cycle, length = t // first, first
            passed = t - first * cycle
        if cycle >= self.cycle_limit:
            return self.lr_min
        return self._within(passed, length, base_lr * self.cycle_decay**cycle)

    def _within(self, passed: float, length: float, top: float) -> float:
        """Return the learning rate some steps into a cycle of some length, which falls from `top`."""
        raise NotImplementedError

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        end = self.length() or 0
        yield from view.span(self.delay, end, "t_initial", view.peak)
        if self.lr_min and not self.repeats:
            yield from view.point(end, "lr_min")


class CosineLRScheduler(_Cycles):
    """Lower the learning rate along half a cosine, in one cycle or several, after a warmup.

        lr_t = lr_init + t * (base_lr - lr_init) / warmup_t        if t < warmup_t
        lr_t = lr_min + (1 + cos(pi * c^k / C^k)) / 2
               * (base_lr * cycle_decay^i - lr_min)                otherwise

        i = cycle, of C = t_initial * cycle_mul^i steps, c of them passed;
        t counts from warmup_t with warmup_prefix; k = k_decay

    First step: warmup_lr_init where there is a warmup. Without warmup_prefix the cosine runs under the warmup,
    so that the learning rate never gets to the base rate.

    Past its end: lr_min, from cycle number cycle_limit on.

    Source: timm.scheduler.CosineLRScheduler of timm 1.0.31; Loshchilov and Hutter 2017, arXiv:1608.03983;
    k-decay: Zhang and Li 2020, arXiv:2004.05909.
    """

    name = "timm-cosine"
    length_arg = "t_initial"
    shape = "▁▆██▇▇▆▅▄▄▃▂▁▁▁▁"
    example = {"warmup_t": 4, "warmup_prefix": True}

    k_decay: float = arg(Real("power of the time within a cycle"), default=1.0)

    def _within(self, passed: float, length: float, top: float) -> float:
        k = self.k_decay
        return self.lr_min + 0.5 * (top - self.lr_min) * (1 + math.cos(math.pi * passed**k / length**k))


class TanhLRScheduler(_Cycles):
    """Lower the learning rate along a hyperbolic tangent, in one cycle or several, after a warmup.

        lr_t = lr_init + t * (goal - lr_init) / warmup_t           if t < warmup_t
        lr_t = lr_min + (1 - tanh(lb * (1 - c / C) + ub * c / C)) / 2
               * (base_lr * cycle_decay^i - lr_min)                otherwise

        i = cycle, of C = t_initial * cycle_mul^i steps, c of them passed;
        t counts from warmup_t with warmup_prefix;
        goal = base_lr with warmup_prefix, else what the curve has at warmup_t

    First step: warmup_lr_init where there is a warmup.

    Past its end: lr_min, from cycle number cycle_limit on.

    Source: timm.scheduler.TanhLRScheduler of timm 1.0.31; Hsueh et al. 2018, arXiv:1806.01593.
    """

    name = "timm-tanh"
    length_arg = "t_initial"
    shape = "▁▆███████▇▆▃▁▁▁▁"
    example = {"warmup_t": 4}

    lb: float = arg(Real("where on the tangent a cycle begins"), default=-7.0)
    ub: float = arg(Real("where on the tangent a cycle ends"), default=3.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lb >= self.ub:
            message = f"must be below ub, {self.ub:g}, not {self.lb:g}"
            raise SpecError(Problem(field="lb", message=message))

    def _goal(self, base_lr: float) -> float:
        return base_lr if self.warmup_prefix else self._after(self.warmup_t, base_lr)

    def _within(self, passed: float, length: float, top: float) -> float:
        share = passed / length
        return self.lr_min + 0.5 * (top - self.lr_min) * (1 - math.tanh(self.lb * (1.0 - share) + self.ub * share))


class PolyLRScheduler(_Cycles):
    """Lower the learning rate along a polynomial, in one cycle or several, after a warmup.

        lr_t = lr_init + t * (base_lr - lr_init) / warmup_t        if t < warmup_t
        lr_t = lr_min + (1 - c^k / C^k)^power
               * (base_lr * cycle_decay^i - lr_min)                otherwise

        i = cycle, of C = t_initial * cycle_mul^i steps, c of them passed;
        t counts from warmup_t with warmup_prefix; k = k_decay

    First step: warmup_lr_init where there is a warmup. Without warmup_prefix the polynomial runs under the
    warmup, so that the learning rate never gets to the base rate.

    Past its end: lr_min, from cycle number cycle_limit on.

    Source: timm.scheduler.PolyLRScheduler of timm 1.0.31; k-decay: Zhang and Li 2020, arXiv:2004.05909.
    """

    name = "timm-poly"
    length_arg = "t_initial"
    shape = "▁▆██▇▇▇▆▆▅▅▅▄▃▃▂"
    example = {"warmup_t": 4, "warmup_prefix": True}

    power: float = arg(Real("power of the polynomial"), default=0.5)
    k_decay: float = arg(Real("power of the time within a cycle"), default=1.0)

    def _within(self, passed: float, length: float, top: float) -> float:
        k = self.k_decay
        falling: float = (1 - passed**k / length**k) ** self.power
        return self.lr_min + (top - self.lr_min) * falling


class StepLRScheduler(_Prefixed):
    """Multiply the learning rate by decay_rate every decay_t steps, after a warmup.

        lr_t = lr_init + t * (base_lr - lr_init) / warmup_t        if t < warmup_t
        lr_t = base_lr * decay_rate^floor(t / decay_t)             otherwise

        t counts from warmup_t with warmup_prefix

    First step: warmup_lr_init where there is a warmup.

    Past its end: it has none, and goes on decaying.

    Source: timm.scheduler.StepLRScheduler of timm 1.0.31; with decay_rate 1 it is what train.py calls constant.
    """

    name = "timm-step"
    period_arg = "decay_t"
    may_be_short = True
    shape = "▁▆████▄▄▄▄▂▂▂▂▁▁"
    example = {"decay_t": 8, "decay_rate": 0.5, "warmup_t": 4}

    warmup_prefix: bool = arg(Bool("whether decay_t counts from the end of the warmup"), default=True)
    decay_t: float = arg(LooseDuration("steps between two decays"))
    decay_rate: float = arg(Real("factor of each decay", minimum=0), default=1.0)

    @property
    def is_flat(self) -> bool:  # type: ignore[override]  # as train.py's constant is
        return self.decay_rate == 1

    def _after(self, t: float, base_lr: float) -> float:
        falling: float = self.decay_rate ** ((t - self.delay) // self.decay_t)
        return base_lr * falling

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        yield from view.span(self.delay, self.delay + self.decay_t, "decay_t")


class MultiStepLRScheduler(_Prefixed):
    """Multiply the learning rate by decay_rate one step before each milestone, after a warmup.

        lr_t = lr_init + t * (base_lr - lr_init) / warmup_t        if t < warmup_t
        lr_t = base_lr * decay_rate^k                              otherwise

        k = milestones in decay_t that are <= t + 1;
        t counts from warmup_t with warmup_prefix

    First step: warmup_lr_init where there is a warmup.

    Past its end: after the last milestone the learning rate stays.

    Source: timm.scheduler.MultiStepLRScheduler of timm 1.0.31, which keeps the t + 1 on purpose.
    """

    name = "timm-multistep"
    may_be_short = True
    shape = "▁▆██████▄▄▄▄▂▂▁▁"
    example = {"decay_t": (13, 21, 25), "decay_rate": 0.5, "warmup_t": 4}

    warmup_prefix: bool = arg(Bool("whether decay_t counts from the end of the warmup"), default=True)
    decay_t: tuple[int, ...] = arg(ListOf(Duration("milestones, in order", minimum=0), sample="[30, 60]"))
    decay_rate: float = arg(Real("factor of each decay", minimum=0), default=1.0)

    def _after(self, t: float, base_lr: float) -> float:
        falling: float = self.decay_rate ** bisect_right(self.decay_t, t - self.delay + 1)
        return base_lr * falling

    def length(self) -> int | None:
        return max(self.marks(), default=None)

    def marks(self) -> tuple[int, ...]:
        return tuple(max(self.delay + milestone - 1, self.warmup_t) for milestone in self.decay_t)

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        for number, step in enumerate(self.marks()[:MOST]):
            yield from view.point(step, f"decay_t[{number}] - 1")


class WSDLRScheduler(_Timm):
    """Warm up, hold or slowly lower the learning rate, and lower it to lr_min over the last decay_t steps.

        lr_t = lr_init + t * (base_lr - lr_init) / warmup_t        if t < warmup_t
        lr_t = s                                                   if p <= 0
        lr_t = lr_min + (s - lr_min) * decay(p)                    otherwise

        u = t - warmup_t, s = max(base_lr * stable(u), lr_min),
        p = min(1, (u - t_initial + decay_t) / decay_t)
        stable: 1 (constant), (1 + u / stable_timescale)^-0.5 (rsqrt),
                (1 + u / stable_timescale)^-stable_power (power)
        decay: 1 - p (linear), 1 - sqrt(p) (1-sqrt), 1 - p^decay_power (power),
               (1 + cos(pi * p)) / 2 (cosine),
               (decay_ratio^p - decay_ratio) / (1 - decay_ratio) (exp)

    First step: warmup_lr_init where there is a warmup.

    Past its end: lr_min, from warmup_t + t_initial on.

    Source: timm.scheduler.WSDLRScheduler of timm 1.0.31; Hu et al. 2024, arXiv:2404.06395; Hägele et al. 2024,
    arXiv:2405.18392.
    """

    name = "timm-wsd"
    length_arg = "t_initial"
    shape = "▁▆████████▄▃▂▂▁▁"
    example = {"warmup_t": 4, "decay_t": 14}

    t_initial: int | None = arg(
        Duration("steps after the warmup", horizon=True, default_text="what the warmup leaves of the run"), default=None
    )
    decay_t: int = arg(Duration("last steps, in which it decays"))
    lr_min: float = arg(Real("lowest learning rate", minimum=0), default=0.0)
    stable_fn: str = arg(OneOf(("constant", "rsqrt", "power"), "what it does until the decay"), default="constant")
    stable_timescale: float | None = arg(
        Real("timescale of stable_fn rsqrt and power", above=0, default_text="warmup_t"), default=None
    )
    stable_power: float = arg(Real("power of stable_fn power", above=0), default=0.5)
    decay_fn: str = arg(OneOf(("linear", "1-sqrt", "cosine", "power", "exp"), "shape of the decay"), default="1-sqrt")
    decay_power: float = arg(Real("power of decay_fn power", above=0), default=0.5)
    decay_ratio: float = arg(
        Real("what decay_fn exp decays to, before it is taken to 0", above=0, below=1), default=0.1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stable_fn != "constant" and not self._timescale:
            message = f"is needed: with stable_fn {self.stable_fn} it is warmup_t, and there is no warmup"
            raise SpecError(Problem(field="stable_timescale", message=message))
        if self.t_initial is not None and self.decay_t > self.t_initial:
            message = f"must be <= t_initial, {self.t_initial:,}, not {self.decay_t:,}"
            raise SpecError(Problem(field="decay_t", message=message))

    @property
    def _timescale(self) -> float:
        return self.warmup_t if self.stable_timescale is None else self.stable_timescale

    @property
    def delay(self) -> int:
        return self.warmup_t

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        return super().resolved(max(1, length - self.delay), known)

    def length(self) -> int | None:
        return None if self.t_initial is None else self.delay + self.t_initial

    def _after(self, t: float, base_lr: float) -> float:
        assert self.t_initial is not None, "horizons are filled in"
        after = t - self.delay
        stable = max(base_lr * self._stable(after), self.lr_min)
        decaying = after - (self.t_initial - self.decay_t)
        if decaying <= 0:
            return stable
        return self.lr_min + (stable - self.lr_min) * self._decay(min(decaying / self.decay_t, 1.0))

    def _stable(self, after: float) -> float:
        if self.stable_fn == "constant":
            return 1.0
        power = 0.5 if self.stable_fn == "rsqrt" else self.stable_power
        return float((1.0 + after / self._timescale) ** -power)

    def _decay(self, share: float) -> float:
        match self.decay_fn:
            case "linear":
                return 1.0 - share
            case "1-sqrt":
                return 1.0 - math.sqrt(share)
            case "cosine":
                return 0.5 * (1.0 + math.cos(math.pi * share))
            case "power":
                return float(1.0 - share**self.decay_power)
        ratio = self.decay_ratio
        return float((ratio**share - ratio) / (1.0 - ratio))

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        end = self.length() or 0
        yield from view.span(end - self.decay_t, end, "decay_t")
        if self.lr_min:
            yield from view.point(end, "lr_min")


class PlateauLRScheduler(Watching, _Timm):
    """Multiply the learning rate by decay_rate when a metric stops improving, after a warmup.

        lr_t = lr_init + t * (base_lr - lr_init) / warmup_t   if t <= warmup_t
        lr_t = max(lr_(t-1) * decay_rate, lr_min)   if bad > patience_t, and bad = 0
        lr_t = lr_(t-1)                             otherwise

        bad = metrics in a row, after the warmup, that are no better than the best
              so far; the first cooldown_t metrics after a reduction do not count

    First step: warmup_lr_init where there is a warmup.

    Past its end: it has none; reductions smaller than 1e-8 are left out.

    Source: timm.scheduler.PlateauLRScheduler of timm 1.0.31, which is deprecated there, on
    torch.optim.lr_scheduler.ReduceLROnPlateau with threshold_mode rel. It is stepped once an epoch, with the metric.
    """

    name = "timm-plateau"
    loads = ""
    is_flat = True
    _clock = {}
    _stepped_by = "step(n)"
    shape = "▁▆█████▄▄▄▂▂▂▂▁▁"
    example = {"metric": "max(0.3, 0.8 ** step)", "mode": "min", "patience_t": 6, "decay_rate": 0.5, "warmup_t": 4}

    decay_rate: float = arg(Real("factor of each reduction", minimum=0, below=1), default=0.1)
    patience_t: int = arg(Duration("steps without improvement before a reduction", minimum=0), default=10)
    threshold: float = arg(Real("smallest share that counts as improvement", minimum=0), default=1e-4)
    cooldown_t: int = arg(Duration("steps to wait after a reduction", minimum=0), default=0)
    lr_min: float = arg(Real("lowest learning rate", minimum=0), default=0.0)
    mode: str = arg(OneOf(("min", "max"), "whether a lower or a higher metric is better"), default="max")
    noise_type: str = arg(OneOf(("normal", "uniform"), "distribution of the noise"), default="normal")

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        kind = "randn" if self.noise_type == "normal" else "rand"
        scale, judge = of_group(self.lr_scale, start.group), self._judge()
        lr = self._first(start.lr) * scale
        metric = yield {"lr": lr}
        for t in count(1):
            if t <= self.warmup_t:
                lr = self._warming(t, start.lr) * scale
                metric = yield {"lr": lr}
                continue
            assert metric is not None, "it is stepped with one"
            lowered = max(lr * self.decay_rate, self.lr_min) if judge(metric) else lr
            lr = lowered if lr - lowered > EPS else lr
            metric = yield {"lr": self._noised(lr, t, start, kind)}

    def _judge(self) -> Callable[[float], bool]:
        """Return what takes one metric after the other, and says of each whether it brings a reduction."""
        is_max, threshold = self.mode == "max", self.threshold
        best, bad, waiting = -math.inf if is_max else math.inf, 0, 0

        def judge(metric: float) -> bool:
            nonlocal best, bad, waiting
            is_better = metric > best * (threshold + 1.0) if is_max else metric < best * (1.0 - threshold)
            best, bad = (metric, 0) if is_better else (best, bad + 1)
            if waiting:
                waiting, bad = waiting - 1, 0
            if bad <= self.patience_t:
                return False
            waiting, bad = self.cooldown_t, 0
            return True

        return judge

    def _after(self, t: float, base_lr: float) -> float:
        return base_lr  # before any reduction

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        drop = view.first_drop()
        if drop is not None and drop > self.patience_t:
            yield from view.span(drop - self.patience_t, drop, "patience_t", view.rate(drop - 1))
