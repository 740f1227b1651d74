"""The schedules of Hugging Face transformers: `lr_scheduler_type` of its Trainer, `get_scheduler`, and what that calls.

Written after transformers/optimization.py of 5.23.0, in its order of operations, and of the older versions that
differ: a run's `transformers: "4.44"` is followed. The Trainer gives `num_training_steps`, the length of the run, and
`num_warmup_steps`: a share such as 10% is rounded up, as it rounds `warmup_ratio`.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from typing import Any, ClassVar

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, Duration, OneOf, PerGroup, Real
from lrviz.experiment.record import arg, arg_types
from lrviz.experiment.schedulers.base import (
    UNKNOWN,
    ClosedForm,
    GroupStart,
    Known,
    OwnRule,
    Rates,
    Release,
    SchedulerSpec,
    Upstream,
    of_group,
)
from lrviz.experiment.schedulers.code import Node, Script, call, literal, locals_of
from lrviz.experiment.schedulers.metric import Plateau, Watching
from lrviz.experiment.schedulers.notes import BASE, Annotation, View

__all__ = [
    "GreedyLR",
    "HFConstant",
    "HFConstantWithWarmup",
    "HFCosine",
    "HFCosineWarmupWithMinLR",
    "HFCosineWithMinLR",
    "HFCosineWithRestarts",
    "HFInverseSqrt",
    "HFLinear",
    "HFPolynomial",
    "HFReduceLROnPlateau",
    "HFWarmupStableDecay",
]

NEWEST: Release = (5, 23, 0)
OLDEST: Release = (4, 37, 2)
PLATEAU_ARGUMENTS: Release = (4, 36)  # since then reduce_lr_on_plateau takes any
TIMESCALE_10_000: Release = (4, 39)  # since then inverse_sqrt has a timescale without a warmup
FREE_WSD: Release = (4, 49)  # since then warmup_stable_decay knows the length of the run
WSD_SHAPES = ("linear", "cosine", "1-sqrt")

WARMUP = Duration("steps until the full learning rate", minimum=0, rounds_up=True)
TOTAL = Duration("steps of the training, warmup included", horizon=True)
EVAL_STEPS = Duration("steps between two evaluations, after each of which it is stepped", rounds_up=True, extra=True)


def since(spec: type[SchedulerSpec] | SchedulerSpec, first: Release, release: Release | None) -> None:
    """Raise SpecError for a schedule that the named version of transformers does not have yet."""
    if release is not None and release < first:
        theirs = spec.name.removeprefix("hf-").replace("-", "_")
        message = f"transformers has {theirs} since {_text(first)}, and the run names {_text(release)}"
        raise SpecError(Problem(field="name", message=message))


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def _upstream(spec: SchedulerSpec, name: str) -> Upstream:
    """Return the call of what transformers.optimization has by this name, with all arguments that are set."""
    given = {key: getattr(spec, key) for key, arg_type in arg_types(spec).items() if not arg_type.extra}
    lists = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    return Upstream(
        f"transformers.optimization:{name}", {key: value for key, value in lists.items() if value is not None}
    )


def _wave_code(cycles: float, progress: str = "progress") -> str:
    """Return a cosine of so many waves in Python; half a wave falls from 1 to 0."""
    angle = "math.pi" if cycles == 0.5 else f"math.pi * {literal(cycles)} * 2.0"
    return f"0.5 * (1 + math.cos({angle} * {progress}))"


def _trainer_arguments(spec: SchedulerSpec, steps: int) -> Mapping[str, Any] | None:
    """Return a schedule as TrainingArguments have it, which take its length from the run."""
    defaults = {entry.name: entry.default for entry in dataclasses.fields(spec)}
    names = [name for name, kind in arg_types(spec).items() if not kind.extra]
    given = {name: getattr(spec, name) for name in names if getattr(spec, name) != defaults[name]}
    if given.pop("num_training_steps", steps) != steps:
        return None
    found: dict[str, Any] = {"lr_scheduler_type": spec.name.removeprefix("hf-").replace("-", "_")}
    if "num_warmup_steps" in given:
        found["warmup_steps"] = given.pop("num_warmup_steps")
    return found | ({"lr_scheduler_kwargs": given} if given else {})


class _Schedule(ClosedForm):
    """A function of transformers.optimization that makes a LambdaLR."""

    library = "transformers"
    loads = "position"  # and base rates: the function is a partial one, which LambdaLR's state leaves out
    newest = NEWEST
    oldest = OLDEST
    family = "Hugging Face"
    always_given = ("num_warmup_steps",)
    function: ClassVar[str] = ""  # its name
    first: ClassVar[Release] = ()  # the version that has it first

    release: Release | None = None
    default_lr: float | None = None  # the optimizer's, whatever its groups have

    @property
    def label(self) -> str:
        return self.name

    @property
    def no_warmup(self) -> tuple[str, str]:  # type: ignore[override]  # made from the name
        return f"{self.name} warms up itself: give num_warmup_steps", ""

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        since(self, self.first, known.releases.get(self.library))
        found = super().resolved(length, known)
        assert isinstance(found, _Schedule)
        return dataclasses.replace(found, default_lr=known.default_lr)

    def upstream(self) -> Upstream:
        return _upstream(self, self.function)

    def trainer_arguments(self, steps: int) -> Mapping[str, Any] | None:
        return _trainer_arguments(self, steps)


class HFConstant(_Schedule):
    """Leave the learning rate as it is: no warmup either, whatever warmup_steps the Trainer has.

        lr_t = base_lr

    Past its end: it has none.

    Source: get_constant_schedule of transformers 5.23.0 (lr_scheduler_type constant).
    """

    name = "hf-constant"
    aliases = ("get_constant_schedule",)
    function = "get_constant_schedule"
    shape = "████████████████"
    example = {}
    is_flat = True

    @property
    def no_warmup(self) -> tuple[str, str]:  # type: ignore[override]
        return "the Trainer ignores warmup_steps with constant: take hf-constant-with-warmup", ""

    def factor(self, step: int) -> float:
        return 1

    def factor_code(self) -> Iterator[str]:
        yield "return 1"


class _Warmed(_Schedule):
    """A schedule with a linear warmup from 0."""

    num_warmup_steps: int = arg(WARMUP, default=0)

    def factor(self, step: int) -> float:
        if step < self.num_warmup_steps:
            return float(step) / float(max(1, self.num_warmup_steps))
        return self.after(step)

    def after(self, step: int) -> float:
        """Return the factor once the warmup is over."""
        raise NotImplementedError

    def factor_code(self) -> Iterator[str]:
        yield from self.numbers()
        if self.num_warmup_steps:
            yield "if step < warmup:"
            yield "    return step / warmup"
        yield from self.after_code()

    def numbers(self) -> Iterator[str]:
        """Yield the line that gives the function its numbers, where it needs any."""
        yield from locals_of(**({"warmup": self.num_warmup_steps} if self.num_warmup_steps else {}))

    def after_code(self) -> Iterator[str]:
        """Yield the lines that return the factor once the warmup is over."""
        raise NotImplementedError

    def annotations(self, view: View) -> Iterator[Annotation]:
        peak = self.num_warmup_steps
        yield from view.span(0, peak, "num_warmup_steps", view.rate(peak))
        yield from view.point(peak, BASE)


class HFConstantWithWarmup(_Warmed):
    """Warm up linearly from 0, then leave the learning rate as it is.

        lr_t = base_lr * t / W    if t < W
        lr_t = base_lr            otherwise

        W = num_warmup_steps

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: the learning rate stays at base_lr.

    Source: get_constant_schedule_with_warmup of transformers 5.23.0 (lr_scheduler_type constant_with_warmup).
    """

    name = "hf-constant-with-warmup"
    aliases = ("get_constant_schedule_with_warmup", "constant_with_warmup")
    function = "get_constant_schedule_with_warmup"
    length_arg = "num_warmup_steps"
    shape = "▁▃▅▇████████████"
    example = {"num_warmup_steps": 8}

    @property
    def is_flat(self) -> bool:  # type: ignore[override]  # it depends
        return not self.num_warmup_steps

    def length(self) -> int | None:
        return self.num_warmup_steps or None

    def warms_up(self) -> bool:
        return self.num_warmup_steps > 0

    def after(self, step: int) -> float:
        return 1.0

    def after_code(self) -> Iterator[str]:
        yield "return 1.0"


class HFInverseSqrt(_Warmed):
    """Warm up linearly from 0, then decay with the inverse square root of the step.

        lr_t = base_lr * t / W                        if t < W
        lr_t = base_lr / sqrt((t + s - W) / s)        otherwise

        W = num_warmup_steps
        s = timescale; unset W, or 10000 where W is 0 (before 4.39 it raises there);
            the Trainer passes it on since 5.4

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: it has none, and goes on decaying.

    Source: get_inverse_sqrt_schedule of transformers 5.23.0 (lr_scheduler_type inverse_sqrt); Vaswani et al. 2017,
    arXiv:1706.03762.
    """

    name = "hf-inverse-sqrt"
    aliases = ("get_inverse_sqrt_schedule",)
    function = "get_inverse_sqrt_schedule"
    shape = "▁▆█▆▅▅▄▄▄▄▃▃▃▃▃▃"
    example = {"num_warmup_steps": 4}

    timescale: int | None = arg(
        Duration("steps after which the decay starts to bite", default_text="num_warmup_steps, or 10000"), default=None
    )

    def after(self, step: int) -> float:
        return 1.0 / math.sqrt((step + (self.scale - self.num_warmup_steps)) / self.scale)

    def after_code(self) -> Iterator[str]:
        shift = self.scale - self.num_warmup_steps
        yield f"return 1 / math.sqrt((step + {literal(shift)}) / {literal(self.scale)})"

    @property
    def scale(self) -> int:
        """The timescale, also where it is unset."""
        if self.timescale is not None:
            return self.timescale
        return self.num_warmup_steps or (10_000 if (self.release or self.newest) >= TIMESCALE_10_000 else 0)


class _Decaying(_Warmed):
    """A schedule that knows the length of the training."""

    length_arg = "num_training_steps"

    num_training_steps: int | None = arg(TOTAL, default=None)

    @property
    def total(self) -> int:
        """The length of the training, filled in."""
        assert self.num_training_steps is not None, "horizons are filled in"
        return self.num_training_steps

    def numbers(self) -> Iterator[str]:
        yield from locals_of(warmup=self.num_warmup_steps, total=self.total)

    @property
    def left_code(self) -> str:
        """The steps of the decay."""
        return "(total - warmup)" if self.total > self.num_warmup_steps else "1"


class HFLinear(_Decaying):
    """Warm up linearly from 0, then decay linearly to 0; what the Trainer takes by default.

        lr_t = base_lr * t / W                         if t < W
        lr_t = base_lr * max(0, T - t) / (T - W)       otherwise

        W = num_warmup_steps, T = num_training_steps

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: the learning rate stays at 0.

    Source: get_linear_schedule_with_warmup of transformers 5.23.0 (lr_scheduler_type linear).
    """

    name = "hf-linear"
    aliases = ("get_linear_schedule_with_warmup",)
    function = "get_linear_schedule_with_warmup"
    shape = "▁▆█▇▇▆▅▅▄▄▃▃▂▁▁▁"
    example = {"num_warmup_steps": 4}

    def after(self, step: int) -> float:
        total = self.total
        return max(0.0, float(total - step) / float(max(1, total - self.num_warmup_steps)))

    def after_code(self) -> Iterator[str]:
        yield f"return max(0.0, (total - step) / {self.left_code})"


class _Progress(_Decaying):
    """A schedule along the share of the decay that is behind."""

    def after(self, step: int) -> float:
        left = max(1, self.total - self.num_warmup_steps)
        return self.along(float(step - self.num_warmup_steps) / float(left))

    def along(self, progress: float) -> float:
        """Return the factor after this share of the decay, which goes on past 1."""
        raise NotImplementedError

    def after_code(self) -> Iterator[str]:
        yield f"progress = (step - warmup) / {self.left_code}"
        yield from self.along_code()

    def along_code(self) -> Iterator[str]:
        """Yield the lines that return the factor after `progress` of the decay."""
        raise NotImplementedError


class HFCosine(_Progress):
    """Warm up linearly from 0, then decay to 0 along half a cosine (it rises again afterwards).

        lr_t = base_lr * t / W                                         if t < W
        lr_t = base_lr * (1 + cos(2 * pi * num_cycles * p)) / 2        otherwise

        p = (t - W) / (T - W), W = num_warmup_steps, T = num_training_steps

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: the cosine goes on and rises.

    Source: get_cosine_schedule_with_warmup of transformers 5.23.0 (lr_scheduler_type cosine), and of torchtune 0.6.1;
    Loshchilov and Hutter 2017, arXiv:1608.03983.
    """

    name = "hf-cosine"
    aliases = ("get_cosine_schedule_with_warmup",)
    function = "get_cosine_schedule_with_warmup"
    falls_at_once = True
    shape = "▁▆██▇▇▆▅▄▄▃▂▁▁▁▁"
    example = {"num_warmup_steps": 4}

    num_cycles: float = arg(Real("waves of the cosine; half a wave ends at 0"), default=0.5)

    def along(self, progress: float) -> float:
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * self.num_cycles * 2.0 * progress)))

    def along_code(self) -> Iterator[str]:
        yield f"return {_wave_code(self.num_cycles)}"


class HFCosineWithRestarts(_Progress):
    """Warm up linearly from 0, then decay to 0 along a cosine num_cycles times.

        lr_t = base_lr * t / W                                           if t < W
        lr_t = base_lr * (1 + cos(pi * ((num_cycles * p) mod 1))) / 2    if p < 1
        lr_t = 0                                                         otherwise

        p = (t - W) / (T - W), W = num_warmup_steps, T = num_training_steps

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: the learning rate stays at 0.

    Source: get_cosine_with_hard_restarts_schedule_with_warmup of transformers 5.23.0 (lr_scheduler_type
    cosine_with_restarts); Loshchilov and Hutter 2017, arXiv:1608.03983.
    """

    name = "hf-cosine-with-restarts"
    aliases = ("get_cosine_with_hard_restarts_schedule_with_warmup", "cosine_with_restarts")
    function = "get_cosine_with_hard_restarts_schedule_with_warmup"
    shape = "▁▆█▇▆▄▂▁▁█▇▆▄▂▁▁"
    example = {"num_warmup_steps": 4, "num_cycles": 2}

    num_cycles: float = arg(Real("decays, each from the full learning rate"), default=1)

    def along(self, progress: float) -> float:
        if progress >= 1.0:
            return 0.0
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((self.num_cycles * progress) % 1.0))))

    def along_code(self) -> Iterator[str]:
        yield "if progress >= 1:"
        yield "    return 0.0"
        yield f"return 0.5 * (1 + math.cos(math.pi * (({literal(self.num_cycles)} * progress) % 1.0)))"


class HFPolynomial(_Decaying):
    """Warm up linearly from 0, then decay to lr_end along a polynomial.

        lr_t = base_lr * t / W                                          if t < W
        lr_t = base_lr * ((lr_0 - lr_end) * (1 - p)^power + lr_end) / lr_0
                                                                        if t <= T
        lr_t = base_lr * lr_end / lr_0                                  otherwise

        p = (t - W) / (T - W), W = num_warmup_steps, T = num_training_steps
        lr_0 = the optimizer's own learning rate, whatever the group's

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: the learning rate stays; where the warmup takes all of it, step T raises ZeroDivisionError.

    Source: get_polynomial_decay_schedule_with_warmup of transformers 5.23.0 (lr_scheduler_type polynomial).
    """

    name = "hf-polynomial"
    aliases = ("get_polynomial_decay_schedule_with_warmup",)
    function = "get_polynomial_decay_schedule_with_warmup"
    shape = "▁▆█▆▅▅▄▃▂▂▁▁▁▁▁▁"
    example = {"num_warmup_steps": 4, "power": 2.0}

    lr_end: float = arg(Real("learning rate at the end, below the optimizer's"), default=1e-7)
    power: float = arg(Real("power of the polynomial"), default=1.0)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        if known.default_lr is not None and not known.default_lr > self.lr_end:
            message = f"must be below the optimizer's learning rate, {known.default_lr:g}, not {self.lr_end:g}"
            raise SpecError(Problem(field="lr_end", message=message))
        return super().resolved(length, known)

    def after(self, step: int) -> float:
        initial = self.default_lr
        assert initial is not None, "the optimizer's learning rate is filled in"
        if step > self.total:
            return self.lr_end / initial
        decay_steps = self.total - self.num_warmup_steps
        left = 1 - (step - self.num_warmup_steps) / decay_steps
        found: float = ((initial - self.lr_end) * left**self.power + self.lr_end) / initial
        return found

    def after_code(self) -> Iterator[str]:
        yield from locals_of(lr=self.default_lr, lr_end=self.lr_end)
        yield "if step > total:"
        yield "    return lr_end / lr"
        yield "left = 1 - (step - warmup) / (total - warmup)"
        power = "" if self.power == 1 else f"**{literal(self.power)}"
        yield f"return ((lr - lr_end) * left{power} + lr_end) / lr"

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        if view.covers(self.total):
            yield from view.point(min(self.total, view.last), "lr_end")


class _Floored(_Progress):
    """A cosine that ends above 0: at min_lr, or at min_lr_rate times the learning rate."""

    num_cycles: float = arg(Real("waves of the cosine; half a wave ends at the minimum"), default=0.5)
    min_lr: float | None = arg(Real("lowest learning rate, of a group that has the optimizer's"), default=None)
    min_lr_rate: float | None = arg(Real("lowest learning rate, as a factor of a group's own"), default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_lr is not None and self.min_lr_rate is not None:
            raise SpecError(Problem(field="min_lr_rate", message="only one of min_lr and min_lr_rate can be given"))
        if self.min_lr is None and self.min_lr_rate is None:
            raise SpecError(Problem(field="min_lr", message="missing: min_lr, or min_lr_rate such as 0.1"))

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        if self.min_lr is not None and known.default_lr == 0:
            message = "is divided by the optimizer's learning rate, which is 0; give min_lr_rate"
            raise SpecError(Problem(field="min_lr", message=message))
        return super().resolved(length, known)

    @property
    def floor(self) -> float:
        """The lowest factor; a group of ten times the learning rate ends at ten times min_lr."""
        if self.min_lr is None:
            return self.min_lr_rate or 0.0
        assert self.default_lr, "the optimizer's learning rate is filled in"
        return self.min_lr / self.default_lr

    def along(self, progress: float) -> float:
        factor = 0.5 * (1.0 + math.cos(math.pi * self.num_cycles * 2.0 * progress))
        return max(0.0, factor * (1 - self.floor) + self.floor)

    def along_code(self) -> Iterator[str]:
        rate, lr = literal(self.min_lr_rate or 0.0), literal(self.default_lr)
        yield f"lowest = {rate if self.min_lr is None else f'{literal(self.min_lr)} / {lr}'}"
        yield f"factor = {_wave_code(self.num_cycles)}"
        yield "return max(0.0, factor * (1 - lowest) + lowest)"

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        if view.covers(self.total):
            label = "min_lr" if self.min_lr is not None else f"{BASE} * min_lr_rate"
            yield from view.point(min(self.total, view.last), label)


class HFCosineWithMinLR(_Floored):
    """Warm up linearly from 0, then decay to a lowest rate along half a cosine (it rises again afterwards).

        lr_t = base_lr * t / W                      if t < W
        lr_t = base_lr * (c * (1 - m) + m)          otherwise

        c = (1 + cos(2 * pi * num_cycles * p)) / 2, p = (t - W) / (T - W)
        W = num_warmup_steps, T = num_training_steps
        m = min_lr_rate, or min_lr / the optimizer's own learning rate

    First step: trains with a learning rate of 0 where there is a warmup.

    Past its end: the cosine goes on and rises.

    Source: get_cosine_with_min_lr_schedule_with_warmup of transformers 5.23.0 (lr_scheduler_type cosine_with_min_lr,
    since 4.40).
    """

    name = "hf-cosine-with-min-lr"
    aliases = ("get_cosine_with_min_lr_schedule_with_warmup", "cosine_with_min_lr")
    function = "get_cosine_with_min_lr_schedule_with_warmup"
    first = (4, 40)
    falls_at_once = True
    shape = "▁▆██▇▇▆▆▅▄▃▂▂▁▁▁"
    example = {"num_warmup_steps": 4, "min_lr_rate": 0.1}


class HFCosineWarmupWithMinLR(_Floored):
    """Warm up from a first rate above 0, then decay to a lowest rate along half a cosine, all one step earlier.

        lr_t = base_lr * (t + 1) / W                        if t < W
        lr_t = base_lr * (r + (1 - r) * t / (W - 1))        if t < W, with r
        lr_t = base_lr * (c * (1 - m) + m)                  otherwise

        c = (1 + cos(2 * pi * num_cycles * p)) / 2, p = (t - W + 1) / (T - W)
        r = warmup_lr_rate, W = num_warmup_steps, T = num_training_steps
        m = min_lr_rate, or min_lr / the optimizer's own learning rate

    First step: trains with base_lr / W, or base_lr * warmup_lr_rate; the peak is at step W - 1, the minimum at T - 1.

    Past its end: the cosine goes on and rises.

    Source: get_cosine_with_min_lr_schedule_with_warmup_lr_rate of transformers 5.23.0 (lr_scheduler_type
    cosine_warmup_with_min_lr, since 4.54).
    """

    name = "hf-cosine-warmup-with-min-lr"
    aliases = ("get_cosine_with_min_lr_schedule_with_warmup_lr_rate", "cosine_warmup_with_min_lr")
    function = "get_cosine_with_min_lr_schedule_with_warmup_lr_rate"
    first = (4, 54)
    falls_at_once = True
    shape = "▁███▇▇▆▅▄▄▃▂▂▁▁▁"
    example = {"num_warmup_steps": 4, "min_lr_rate": 0.1, "warmup_lr_rate": 0.1}

    warmup_lr_rate: float | None = arg(
        Real("factor of the learning rate at the first step", default_text="1 / num_warmup_steps"), default=None
    )

    def factor(self, step: int) -> float:
        warmup = self.num_warmup_steps
        if step >= warmup:
            return self.along((step - warmup + 1.0) / max(1.0, float(self.total) - warmup))
        if self.warmup_lr_rate is None:
            return (step + 1.0) / max(1.0, float(warmup))
        return self.warmup_lr_rate + (1.0 - self.warmup_lr_rate) * step / max(1, warmup - 1)

    def factor_code(self) -> Iterator[str]:
        yield from self.numbers()
        if self.num_warmup_steps:
            first, last = self.warmup_lr_rate, max(1, self.num_warmup_steps - 1)
            yield "if step < warmup:"
            if first is None:
                yield "    return (step + 1) / warmup"
            else:
                yield f"    return {literal(first)} + (1 - {literal(first)}) * step / {literal(last)}"
        yield f"progress = (step - warmup + 1) / {self.left_code}"
        yield from self.along_code()

    def annotations(self, view: View) -> Iterator[Annotation]:
        peak = max(0, self.num_warmup_steps - 1)
        yield from view.span(0, peak, "num_warmup_steps - 1", view.rate(peak))
        yield from list(super().annotations(view))[-1:] if view.covers(self.total) else ()


class HFWarmupStableDecay(_Decaying):
    """Warm up, hold the full learning rate, then decay.

        lr_t = base_lr * (g(t / W) * (1 - m) + m)           if t < W
        lr_t = base_lr                                      if t < E
        lr_t = base_lr * (h((t - E) / D) * (1 - m) + m)     if t < E + D
        lr_t = base_lr * m                                  otherwise

        W = num_warmup_steps, D = num_decay_steps, m = min_lr_ratio
        E = W + num_stable_steps; unset num_training_steps - D
        g(x) = x, (1 - cos(pi * x)) / 2 or 1 - sqrt(1 - x)
        h(x) = 1 - x, (1 + cos(2 * pi * num_cycles * x)) / 2 or 1 - sqrt(x)
        4.41 to 4.48: num_stable_steps required, g(x) = x and from 0, h the cosine

    First step: trains with base_lr * min_lr_ratio where there is a warmup, which may be 0.

    Past its end: the learning rate stays at base_lr * min_lr_ratio.

    Source: get_wsd_schedule of transformers 5.23.0 (lr_scheduler_type warmup_stable_decay, since 4.41); Hu et al. 2024,
    arXiv:2404.06395.
    """

    name = "hf-warmup-stable-decay"
    aliases = ("get_wsd_schedule", "warmup_stable_decay")
    function = "get_wsd_schedule"
    first = (4, 41)
    shape = "▁▆███████████▆▂▁"
    example = {"num_warmup_steps": 4, "num_decay_steps": 8}

    num_decay_steps: int = arg(Duration("steps of the decay", minimum=0))
    num_stable_steps: int | None = arg(
        Duration("steps at the full learning rate", minimum=0, default_text="what the others leave"), default=None
    )
    warmup_type: str = arg(OneOf(WSD_SHAPES, "how the learning rate rises"), default="linear")
    decay_type: str = arg(OneOf(WSD_SHAPES, "how the learning rate falls"), default="cosine")
    min_lr_ratio: float = arg(Real("lowest learning rate, as a factor, at both ends"), default=0.0)
    num_cycles: float = arg(Real("waves of a cosine decay; half a wave ends at the minimum"), default=0.5)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        release = known.releases.get(self.library)
        if release is not None and self.first <= release < FREE_WSD:
            problems = list(self._unknown_before(release))
            if problems:
                raise SpecError(problems)
        return super().resolved(length, known)

    def _unknown_before(self, release: Release) -> Iterator[Problem]:
        """Yield a problem for what warmup_stable_decay did not know in an older version, and needed."""
        its = f"of transformers {_text(release)}: warmup_stable_decay has it since {_text(FREE_WSD)}"
        for name, default in {"num_training_steps": None, "warmup_type": "linear", "decay_type": "cosine"}.items():
            if getattr(self, name) != default:
                yield Problem(field=name, message=f"is no argument {its}")
        if self.num_stable_steps is None:
            missing = f"missing: transformers {_text(release)} needs it; since {_text(FREE_WSD)} it may be left out"
            yield Problem(field="num_stable_steps", message=missing)

    @property
    def is_old(self) -> bool:
        """Whether it is that of transformers 4.41 to 4.48."""
        return (self.release or self.newest) < FREE_WSD

    @property
    def stable(self) -> int:
        """The steps at the full learning rate, also where they are unset."""
        if self.num_stable_steps is not None:
            return self.num_stable_steps
        return self.total - self.num_warmup_steps - self.num_decay_steps

    def length(self) -> int | None:
        if self.num_stable_steps is None:
            return self.num_training_steps
        return self.num_warmup_steps + self.num_stable_steps + self.num_decay_steps

    def lasting(self, steps: int) -> dict[str, Any]:
        if self.num_stable_steps is None:
            return super().lasting(steps)
        return {"num_stable_steps": max(0, steps - self.num_warmup_steps - self.num_decay_steps)}

    def upstream(self) -> Upstream:
        target, given, *_ = super().upstream()
        left_out = {"warmup_type", "decay_type"} if self.is_old else set()
        left_out |= {"num_training_steps"} if self.num_stable_steps is not None else set()
        return Upstream(target, {name: value for name, value in given.items() if name not in left_out})

    def factor(self, step: int) -> float:
        warmup, low = self.num_warmup_steps, self.min_lr_ratio
        since_stable = step - warmup - self.stable
        if step < warmup:
            progress = float(step) / float(max(1, warmup))
            return progress if self.is_old else max(0.0, self._rise(progress) * (1.0 - low) + low)
        if since_stable < 0:
            return 1.0
        if since_stable < self.num_decay_steps:
            fallen = self._fall(float(since_stable) / float(max(1, self.num_decay_steps)))
            if self.is_old:
                return (1.0 - low) * max(0.0, fallen) + low
            return max(0.0, fallen * (1.0 - low) + low)
        return low

    def factor_code(self) -> Iterator[str]:
        low, decay = self.min_lr_ratio, self.num_decay_steps
        yield from locals_of(warmup=self.num_warmup_steps, stable=self.stable, decay=decay, lowest=low)
        rise = {"linear": "step / warmup", "cosine": "0.5 * (1 - math.cos(math.pi * (step / warmup)))"}
        rise["1-sqrt"] = "1 - math.sqrt(1 - step / warmup)"
        fall = {
            "linear": "1 - fallen",
            "1-sqrt": "1 - math.sqrt(fallen)",
            "cosine": _wave_code(self.num_cycles, "fallen"),
        }
        if self.num_warmup_steps:
            yield "if step < warmup:"
            both = f"max(0.0, ({rise[self.warmup_type]}) * (1 - lowest) + lowest)"
            yield f"    return {'step / warmup' if self.is_old else both}"
        yield "if step < warmup + stable:"
        yield "    return 1.0"
        if decay:
            yield "if step < warmup + stable + decay:"
            yield "    fallen = (step - warmup - stable) / decay"
            old = f"(1 - lowest) * max(0.0, {fall[self.decay_type]}) + lowest"
            yield f"    return {old if self.is_old else f'max(0.0, ({fall[self.decay_type]}) * (1 - lowest) + lowest)'}"
        yield "return lowest"

    def _rise(self, progress: float) -> float:
        if self.warmup_type == "linear":
            return progress
        if self.warmup_type == "cosine":
            return 0.5 * (1.0 - math.cos(math.pi * progress))
        return 1.0 - math.sqrt(1.0 - progress)

    def _fall(self, progress: float) -> float:
        if self.decay_type == "linear":
            return 1.0 - progress
        if self.decay_type == "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * self.num_cycles * 2.0 * progress))
        return 1.0 - math.sqrt(progress)

    def annotations(self, view: View) -> Iterator[Annotation]:
        first = self.num_warmup_steps
        second = first + max(0, self.stable)
        top = view.rate(first)
        yield from view.span(0, first, "num_warmup_steps", top)
        yield from view.span(first, second, "num_stable_steps", top)
        yield from view.span(second, second + self.num_decay_steps, "num_decay_steps", top)


class HFReduceLROnPlateau(Plateau):
    """Multiply the learning rate by factor when the metric of the evaluations stops improving; no warmup.

        lr_t = max(lr_(t-1) * factor, min_lr)    if bad > patience, and bad = 0
        lr_t = lr_(t-1)                          otherwise

        bad = evaluations in a row that are no better than the best so far; the
              first cooldown evaluations after a reduction do not count
        eval_strategy steps: eval_steps; epoch: the run's interval epoch

    Past its end: it has none; reductions smaller than eps are left out.

    Source: torch's ReduceLROnPlateau, which the Trainer of transformers 5.23.0 steps with metric_for_best_model after
    each evaluation (lr_scheduler_type reduce_lr_on_plateau); mode is min unless lr_scheduler_kwargs say otherwise.
    """

    name = "hf-reduce-lr-on-plateau"
    aliases = ("get_reduce_on_plateau_schedule", "reduce_lr_on_plateau")
    library = "transformers"
    newest = NEWEST
    oldest = OLDEST
    module = None
    family = "Hugging Face"
    shape = "██████████▄▄▄▂▂▂"
    example = {"metric": "max(0.3, 0.9 ** step)", "eval_steps": 2, "patience": 2, "factor": 0.5}
    no_warmup = ("the Trainer ignores warmup_steps with reduce_lr_on_plateau", "")

    release: Release | None = None

    patience: int = arg(Count("evaluations without improvement before a reduction", minimum=0), default=10)
    cooldown: int = arg(Count("evaluations to wait after a reduction", minimum=0), default=0)
    eval_steps: int = arg(EVAL_STEPS, default=1)

    @property
    def label(self) -> str:
        return "ReduceLROnPlateau"

    @property
    def every(self) -> int:
        return self.eval_steps

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        release = known.releases.get(self.library)
        if release is not None and release < PLATEAU_ARGUMENTS:
            defaults = {entry.name: entry.default for entry in dataclasses.fields(self)}
            theirs = [key for key, arg_type in arg_types(self).items() if not arg_type.extra]
            given = [key for key in theirs if getattr(self, key) != defaults[key]]
            its = f"of transformers {_text(release)}: reduce_lr_on_plateau has it since {_text(PLATEAU_ARGUMENTS)}"
            if given:
                raise SpecError([Problem(field=name, message=f"is no argument {its}") for name in given])
        return super().resolved(length, known)

    def upstream(self) -> Upstream:
        return _upstream(self, "get_reduce_on_plateau_schedule")

    def trainer_arguments(self, steps: int) -> Mapping[str, Any] | None:
        return _trainer_arguments(self, steps)

    def code(self, script: Script) -> Node:
        if not script.is_plain:
            return super().code(script)
        given = {name: getattr(self, name) for name, kind in arg_types(self).items() if not kind.extra}
        return call(script.torch("ReduceLROnPlateau"), "optimizer", **self._written(given, script))


class GreedyLR(Watching, OwnRule):
    """Raise the learning rate while the metric of the evaluations improves, lower it while it does not; no warmup.

        lr_t = min(lr_(t-1) / factor, max_lr)    if good > patience, and good = 0
        lr_t = max(lr_(t-1) * factor, min_lr)    if bad > patience, and bad = 0
        lr_t = lr_(t-1)                          otherwise

        good, bad = evaluations in a row that are better than the best so far, or
                    not; the first warmup ones after a rise and cooldown ones
                    after a reduction do not count
        after reset_start reductions with all groups at min_lr: as at the start
        eval_strategy steps: eval_steps; epoch: the run's interval epoch

    Past its end: it has none; changes smaller than eps are left out. A learning rate below min_lr never falls.

    Source: GreedyLR of transformers 5.23.0 (lr_scheduler_type greedy, since 5.4), arXiv:2512.14527.
    """

    name = "hf-greedy"
    aliases = ("get_greedy_schedule", "greedy")
    library = "transformers"
    newest = NEWEST
    oldest = OLDEST
    family = "Hugging Face"
    shape = "██▅▃▃▂▂▂▃▅██████"
    example = {"metric": "step if step < 12 else 11 - step", "patience": 2, "factor": 0.6, "min_lr": 0, "max_lr": 1e-3}
    no_warmup = ("the Trainer ignores warmup_steps with greedy", "")

    release: Release | None = None
    base_lrs: tuple[float, ...] = ()

    mode: str = arg(OneOf(("min", "max"), "whether a lower or a higher metric is better"), default="min")
    factor: float = arg(Real("factor of each reduction; a rise is by its inverse", below=1), default=0.95)
    patience: int = arg(Count("evaluations alike before a change", minimum=0), default=10)
    threshold: float = arg(Real("smallest change that counts as improvement"), default=1e-6)
    threshold_mode: str = arg(OneOf(("rel", "abs"), "whether threshold is a share or a difference"), default="abs")
    cooldown: int = arg(Count("evaluations to wait after a reduction", minimum=0), default=0)
    warmup: int = arg(Count("evaluations to wait after a rise", minimum=0, flag=False), default=0)
    min_lr: Rates = arg(PerGroup(Real("lowest learning rate")), default=1e-3)
    max_lr: Rates = arg(PerGroup(Real("highest learning rate")), default=1.0)
    eps: float = arg(Real("smallest change worth making"), default=1e-8)
    smooth: bool = arg(Bool("watch the mean of the last window_size metrics"), default=False)
    window_size: int = arg(Count("metrics of that mean"), default=50)
    reset_start: int = arg(Count("reductions at min_lr before it starts anew", minimum=0), default=500)
    eval_steps: int = arg(EVAL_STEPS, default=1)

    @property
    def every(self) -> int:
        return self.eval_steps

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        since(self, (5, 4), known.releases.get(self.library))
        found = super().resolved(length, known)
        assert isinstance(found, GreedyLR)
        return dataclasses.replace(found, base_lrs=known.base_lrs)

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        greedy = _Greedy(self, self.base_lrs or (start.lr,))
        while True:
            metric = yield {"lr": greedy.lrs[start.group]}
            assert metric is not None, "it is stepped with a metric"
            greedy.step(metric)

    def annotations(self, view: View) -> Iterator[Annotation]:
        for step, label in ((view.first_rise(), "lr_(t-1) / factor"), (view.first_drop(), "lr_(t-1) * factor")):
            if step is not None:
                yield from view.point(step, label)

    def upstream(self) -> Upstream:
        return _upstream(self, "GreedyLR")

    def trainer_arguments(self, steps: int) -> Mapping[str, Any] | None:
        return _trainer_arguments(self, steps)


class _Greedy:
    """What GreedyLR counts; all groups together, for it starts anew only where all are at their lowest."""

    def __init__(self, spec: GreedyLR, lrs: tuple[float, ...]) -> None:
        self.spec = spec
        self.initial = lrs
        self.start()

    def start(self) -> None:
        self.lrs = list(self.initial)
        self.best = math.inf if self.spec.mode == "min" else -math.inf
        self.good = self.bad = self.cooldown = self.warmup = 0
        self.left = self.spec.reset_start
        self.window: deque[float] = deque()
        self.sum = 0.0

    def step(self, metric: float) -> None:
        current = self.smoothed(metric) if self.spec.smooth else metric
        if self.cooldown > 0:
            self.cooldown -= 1
            self.good = self.bad = 0
        elif self.warmup > 0:
            self.warmup -= 1
            self.good = self.bad = 0
        elif self.is_better(current):
            self.best, self.bad, self.good = current, 0, self.good + 1
        else:
            self.good, self.bad = 0, self.bad + 1
        if self.good > self.spec.patience:
            self.rise()
        elif self.bad > self.spec.patience:
            self.reduce()

    def smoothed(self, metric: float) -> float:
        """Return the mean of the last metrics, summed as they come and go."""
        self.window.append(metric)
        self.sum += metric
        if len(self.window) > self.spec.window_size:
            self.sum -= self.window.popleft()
        return self.sum / len(self.window)

    def is_better(self, current: float) -> bool:
        sign, threshold = (-1 if self.spec.mode == "min" else 1), self.spec.threshold
        edge = (
            self.best * (1.0 + sign * threshold) if self.spec.threshold_mode == "rel" else self.best + sign * threshold
        )
        return current < edge if sign < 0 else current > edge

    def rise(self) -> None:
        for group, old in enumerate(self.lrs):
            new = min(old / self.spec.factor, of_group(self.spec.max_lr, group))
            self.lrs[group] = new if new - old > self.spec.eps else old
        self.left = self.spec.reset_start
        self.good, self.warmup = 0, self.spec.warmup

    def reduce(self) -> None:
        lowest = [of_group(self.spec.min_lr, group) for group in range(len(self.lrs))]
        for group, old in enumerate(self.lrs):
            new = max(old * self.spec.factor, lowest[group])
            self.lrs[group] = new if old - new > self.spec.eps else old
        if all(lr <= low for lr, low in zip(self.lrs, lowest, strict=True)):
            self.left -= 1
            if self.left <= 0:
                self.start()
        self.bad, self.cooldown = 0, self.spec.cooldown
