"""MMEngine's schedules: each goes on from the learning rate it finds, between its `begin` and its `end`."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, ListOf, OneOf, PerGroup, Real
from lrviz.experiment.record import arg, arg_types
from lrviz.experiment.scalars import short
from lrviz.experiment.schedulers.base import (
    UNKNOWN,
    GroupStart,
    Known,
    OwnRule,
    SchedulerArg,
    SchedulerSpec,
    Upstream,
    of_group,
)
from lrviz.experiment.schedulers.code import Node, Script, call
from lrviz.experiment.schedulers.notes import BASE, MOST, Annotation, View

__all__ = [
    "MMConstantLR",
    "MMCosineAnnealingLR",
    "MMCosineRestartLR",
    "MMEngine",
    "MMExponentialLR",
    "MMLinearLR",
    "MMMultiStepLR",
    "MMOneCycleLR",
    "MMPolyLR",
    "MMStepLR",
]

FAMILY = "MMEngine"
COMPOSED = ("mmengine's schedules are put together by begin and end: write a list of them (mmengine)", "")


class Moment(Real):
    """A count of epochs or iterations; a part of an epoch only where epochs are converted to iterations."""

    metavar: ClassVar[str] = "NUMBER"

    def convert(self, value: Any) -> float:
        number = super().convert(value)
        return int(number) if number.is_integer() else number


class _Scheduler(OwnRule):
    """A schedule of mmengine, which is stepped after every epoch, or after every iteration."""

    family = FAMILY
    library = "mmengine"
    newest = (0, 10, 7)
    no_warmup = COMPOSED

    begin: float = arg(Moment("the epoch or iteration from which it acts", minimum=0), default=0)
    end: float | None = arg(
        Moment("the epoch or iteration from which it leaves the learning rate alone", above=0, horizon=True),
        default=None,
    )
    by_epoch: bool = arg(Bool("count epochs, not iterations; a run without epochs has iterations alone"), default=True)
    convert_to_iter_based: bool = arg(Bool("count in epochs and move at every iteration"), default=False)
    epoch_length: int | None = None  # iterations, where the run has epochs

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = list(self._problems())
        if problems:
            raise SpecError(problems)

    def _problems(self) -> Iterator[Problem]:
        """Yield what mmengine's constructor refuses."""
        if self.end is not None and self.end <= self.begin:
            yield Problem(field="end", message=f"must be larger than begin, {self.begin:g}, not {self.end:g}")
        if self.convert_to_iter_based and not self.by_epoch:
            yield Problem(field="convert_to_iter_based", message="converts epochs, and by_epoch is false")
        for name in () if self.convert_to_iter_based else ("begin", "end"):
            if isinstance(getattr(self, name), float):
                message = f"must be a whole number, or convert_to_iter_based true, not {getattr(self, name):g}"
                yield Problem(field=name, message=message)

    @property
    def label(self) -> str:
        return type(self).__name__.removeprefix("MM")

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        """Return the spec as mmengine's runner builds it: it ends with the run, and knows how long an epoch is."""
        per_epoch = known.steps_per_epoch
        if self.convert_to_iter_based and per_epoch is None:
            message = "converts epochs, and the run has none: it is given by its steps; add steps_per_epoch"
            raise SpecError(Problem(field="convert_to_iter_based", message=message))
        whole = -(-length // per_epoch) if self.by_epoch and per_epoch else length
        return replace(self, end=whole if self.end is None else self.end, epoch_length=per_epoch)

    @property
    def _scale(self) -> int:
        """What a count of the document is multiplied with, once."""
        return self.epoch_length or 1 if self.convert_to_iter_based else 1

    @property
    def _stride(self) -> int:
        """Iterations from one step of the schedule to the next."""
        return self.epoch_length or 1 if self.by_epoch and not self.convert_to_iter_based else 1

    @property
    def _begin(self) -> int:
        return int(self.begin * self._scale)

    @property
    def _end(self) -> int:
        return int((self.end or 0) * self._scale)

    @property
    def _last(self) -> int:
        """The last of its own steps, counted from 0."""
        return self._end - self._begin - 1

    def at(self, own: float) -> float:
        """Return the scheduler step of the run at which it makes a step of its own."""
        return (self._begin + own) * self._stride

    def length(self) -> int | None:
        return None if self.end is None else self._end * self._stride

    def initial(self, base: float, group: int) -> float:
        """Return the base rate of those built after it."""
        return base

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        """Return what one of its own steps makes of the learning rate that it finds."""
        raise NotImplementedError

    def moved(self, step: int, lr: float, base: float, group: int) -> float:
        """Return the learning rate after it was stepped, if it was, before step `step` of the run."""
        number, between = divmod(step, self._stride)
        if between or not self._begin <= number < self._end:
            return lr
        return self.value(number - self._begin, lr, base, group)

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        yield from _in_turn([self], start)

    def upstream(self) -> Upstream | None:
        """Return mmengine's class, where one step of it is one of the run's."""
        if self._stride > 1 or self.convert_to_iter_based:
            return None
        arguments = {name: getattr(self, name) for name in arg_types(self) if name != "convert_to_iter_based"}
        given = {name: value for name, value in arguments.items() if value is not None}
        return Upstream(f"mmengine.optim.scheduler.lr_scheduler:{self.label}", given)

    def code(self, script: Script) -> Node:
        if script.is_plain:
            return super().code(script)
        own = {name: getattr(self, name) for name in arg_types(self) if name != "convert_to_iter_based"}
        name = script.use(f"mmengine.optim.scheduler:{self.label}")
        if self.convert_to_iter_based:
            name, own["epoch_length"] = f"{name}.build_iter_from_epoch", self.epoch_length
        return call(name, "optimizer", **self._written(own, script))

    def write(self, script: Script) -> None:
        self.write_as(script, "scheduler")

    def write_as(self, script: Script, name: str) -> None:
        """Write what makes it under a name, and how mmengine's hook steps it: after an iteration, or an epoch."""
        script.add(self.code(script), name)
        if self._stride > 1 and script.now != "epoch":
            script.epoch_stepping.append(script.stepping.pop())


def _in_turn(schedulers: Sequence[_Scheduler], start: GroupStart) -> Generator[Mapping[str, float], float | None]:
    """Yield the learning rates that mmengine's hook makes: it steps for an iteration, then for an epoch, in order."""
    lr = base = start.lr
    pairs = []
    for each in schedulers:
        base = each.initial(base, start.group)
        pairs.append((each, base))
    hooked = sorted(pairs, key=lambda pair: pair[0].by_epoch and not pair[0].convert_to_iter_based)
    for step in count():
        for each, base in hooked if step else pairs:
            lr = each.moved(step, lr, base, start.group)
        yield {"lr": lr}


class MMEngine(OwnRule):
    """Step mmengine's schedules side by side, each between its begin and its end.

        lr_t = what the active ones, in order, make of lr_(t-1)

        after an iteration those with by_epoch: false, then, at the end of an
        epoch, those with by_epoch: true

    First step: what every schedule whose begin is 0 makes of base_lr.

    Past its end: the last learning rate stays.

    Source: the list param_scheduler of mmengine 0.10.7, built by Runner.build_param_scheduler and stepped by
    ParamSchedulerHook.
    """

    name = "mmengine"
    aliases = ("param_scheduler",)
    family = FAMILY
    library = "mmengine"
    newest = (0, 10, 7)
    on_command_line = False
    no_warmup = COMPOSED
    shape = "▁▅██████████▁▁▁▁"
    example = {
        "schedulers": [
            {"name": "mmengine-linear", "start_factor": 0.001, "begin": 0, "end": 6, "by_epoch": False},
            {"name": "mmengine-multistep", "by_epoch": True, "milestones": [3]},
        ]
    }

    schedulers: tuple[SchedulerSpec, ...] = arg(ListOf(SchedulerArg("schedules of mmengine, in order"), least=1))

    def __post_init__(self) -> None:
        super().__post_init__()
        known = "must be one of mmengine's, such as mmengine-linear, not {}"
        problems = [
            Problem(field=f"schedulers[{number}].name", message=known.format(child.name))
            for number, child in enumerate(self.schedulers)
            if not isinstance(child, _Scheduler)
        ]
        if problems:
            raise SpecError(problems)

    @property
    def _children(self) -> list[_Scheduler]:
        return [child for child in self.schedulers if isinstance(child, _Scheduler)]

    @property
    def label(self) -> str:
        return "mmengine"

    @property
    def title(self) -> str:
        return ", ".join(child.label for child in self.schedulers)

    def children(self) -> list[SchedulerSpec]:
        return list(self.schedulers)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        resolved, problems = [], []
        for number, child in enumerate(self.schedulers):
            try:
                resolved.append(child.resolved(length, known))
            except SpecError as error:
                problems += [problem.within(f"schedulers[{number}]") for problem in error.problems]
        if problems:
            raise SpecError(problems)
        return replace(self, schedulers=tuple(resolved))

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        yield from _in_turn(self._children, start)

    def write(self, script: Script) -> None:
        for number, child in enumerate(self._children, 1):
            child.write_as(script, f"scheduler_{number}" if len(self._children) > 1 else "scheduler")

    def target_lr(self, base_lr: float, group: int) -> float:
        peaks = []
        for child in self._children:
            base_lr = child.initial(base_lr, group)
            peaks.append(child.target_lr(base_lr, group))
        return max(peaks)

    def annotations(self, view: View) -> Iterator[Annotation]:
        for child in self._children[:MOST]:
            yield from view.span(child.at(0), child.length() or 0, child.label, view.peak)


class MMLinearLR(_Scheduler):
    """Change the learning rate along a line, from start_factor to end_factor times it, as mmengine does.

        lr_t = lr_(t-1) * start_factor                                      t = 0
        lr_t = lr_(t-1) * (1 + (e - s) / (n * s + (t - 1) * (e - s)))       t > 0

        s = start_factor, e = end_factor, n = end - begin - 1, t from begin

    First step: base_lr * start_factor, where begin is 0.

    Past its end: the learning rate stays; end_factor is reached at end - 1, one step before torch's LinearLR would.

    Source: mmengine.optim.scheduler.lr_scheduler.LinearLR, mmengine 0.10.7.
    """

    name = "mmengine-linear"
    shape = "▁▂▃▄▅▆▇█████████"
    example = {"start_factor": 0.1, "end": 16, "by_epoch": False}

    start_factor: float = arg(Real("factor at begin", above=0, maximum=1), default=1 / 3)
    end_factor: float = arg(Real("factor at end - 1", minimum=0, maximum=1), default=1.0)

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        if own == 0:
            return lr * self.start_factor
        rise = self.end_factor - self.start_factor
        return lr * (1.0 + rise / (self._last * self.start_factor + (own - 1) * rise))

    def warms_up(self) -> bool:
        return self.start_factor < self.end_factor

    def target_lr(self, base_lr: float, group: int) -> float:
        return base_lr * max(self.start_factor, self.end_factor, 1.0 if self.begin else 0.0)

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(self.at(0), self.length() or 0, "begin to end", view.peak)
        yield from view.point(self.at(0), f"{BASE} * start_factor")


class MMConstantLR(_Scheduler):
    """Hold the learning rate at factor times it until end - 1, as mmengine does.

        lr_t = lr_(t-1) * factor          t = 0
        lr_t = lr_(t-1) * (1 / factor)    t = end - begin - 1
        lr_t = lr_(t-1)                   else, t from begin

    First step: base_lr * factor, where begin is 0.

    Past its end: the learning rate stays, the full one.

    Source: mmengine.optim.scheduler.lr_scheduler.ConstantLR, mmengine 0.10.7.
    """

    name = "mmengine-constant"
    shape = "▃▃▃▃▃▃▃▃████████"
    example = {"end": 17, "by_epoch": False}

    factor: float = arg(Real("factor until end - 1", above=0, maximum=1), default=1 / 3)

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        if own == 0:
            return lr * self.factor
        return lr * (1.0 / self.factor) if own == self._last else lr

    def warms_up(self) -> bool:
        return self.factor < 1

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(self.at(0), self.at(self._last), f"{BASE} * factor")


class MMStepLR(_Scheduler):
    """Multiply the learning rate by gamma every step_size epochs or iterations, as mmengine does.

        lr_t = lr_(t-1) * gamma    t = step_size, 2 * step_size, ..., t from begin

    Past its end: the learning rate stays.

    Source: mmengine.optim.scheduler.lr_scheduler.StepLR, mmengine 0.10.7.
    """

    name = "mmengine-step"
    shape = "████▄▄▄▄▂▂▂▂▁▁▁▁"
    example = {"step_size": 8, "gamma": 0.5, "by_epoch": False}

    step_size: int = arg(Count("epochs or iterations from one decay to the next"))
    gamma: float = arg(Real("factor of each decay"), default=0.1)

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        return lr if own == 0 or own % (self.step_size * self._scale) else lr * self.gamma

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(self.at(0), self.at(self.step_size * self._scale), "step_size")


class MMMultiStepLR(_Scheduler):
    """Multiply the learning rate by gamma at each milestone, as mmengine does.

        lr_t = lr_(t-1) * gamma^k    where t is k times among the milestones

        t from begin

    Past its end: the learning rate stays, whatever milestones are left.

    Source: mmengine.optim.scheduler.lr_scheduler.MultiStepLR, mmengine 0.10.7.
    """

    name = "mmengine-multistep"
    shape = "████████▄▄▄▄▄▂▂▂"
    example = {"milestones": [16, 26], "gamma": 0.5, "by_epoch": False}

    milestones: tuple[int, ...] = arg(
        ListOf(Count("epochs or iterations, from begin, at which it decays", minimum=0), sample="[8, 11]")
    )
    gamma: float = arg(Real("factor of each decay"), default=0.1)

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        times = sum(milestone * self._scale == own for milestone in self.milestones)
        return lr * self.gamma**times if times else lr

    def marks(self) -> tuple[int, ...]:
        return tuple(int(self.at(milestone * self._scale)) for milestone in self.milestones)

    def annotations(self, view: View) -> Iterator[Annotation]:
        for number, mark in list(enumerate(self.marks()))[:MOST]:
            yield from view.point(mark, f"milestones[{number}]")


class MMExponentialLR(_Scheduler):
    """Multiply the learning rate by gamma every epoch or iteration, as mmengine does.

        lr_t = lr_(t-1) * gamma    t > 0, t from begin

    Past its end: the learning rate stays.

    Source: mmengine.optim.scheduler.lr_scheduler.ExponentialLR, mmengine 0.10.7.
    """

    name = "mmengine-exponential"
    shape = "█▆▅▄▃▃▂▂▁▁▁▁▁▁▁▁"
    example = {"gamma": 0.9, "by_epoch": False}

    gamma: float = arg(Real("factor of every step"))

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        return lr * self.gamma if own else lr

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.point(self.at(self._last // 3), "lr_(t-1) * gamma")


class _Lowest(_Scheduler):
    """A cosine, whose lowest rate is a number or a share of the base rate."""

    eta_min: float | None = arg(Real("learning rate at the end of the cosine"), default=None)
    eta_min_ratio: float | None = arg(Real("share of the base rate at the end, instead of eta_min"), default=None)

    def _problems(self) -> Iterator[Problem]:
        yield from super()._problems()
        if self.eta_min is not None and self.eta_min_ratio is not None:
            yield Problem(field="eta_min_ratio", message="eta_min and eta_min_ratio exclude each other")

    def low(self, base: float) -> float:
        return base * self.eta_min_ratio if self.eta_min_ratio is not None else self.eta_min or 0.0

    @property
    def low_text(self) -> str:
        return f"{BASE} * eta_min_ratio" if self.eta_min_ratio is not None else "eta_min"


def _along(own: int, period: float, lr: float, low: float) -> float:
    """Return what a step down a cosine makes of the learning rate that it finds."""
    now, before = 1 + math.cos(math.pi * own / period), 1 + math.cos(math.pi * (own - 1) / period)
    return now / before * (lr - low) + low


class MMCosineAnnealingLR(_Lowest):
    """Anneal the learning rate along a cosine, as mmengine does, recursively.

        lr_t = lr_min + (lr_(t-1) - lr_min) * (1 + cos(pi * t / T_max))
                                            / (1 + cos(pi * (t - 1) / T_max))

        lr_min = eta_min or eta_min_ratio * base_lr, t from begin;
        after an odd multiple of T_max it climbs again, as torch's does

    Past its end: the learning rate stays. T_max left out is end - begin, so that it stops one step before eta_min.

    Source: mmengine.optim.scheduler.lr_scheduler.CosineAnnealingLR, mmengine 0.10.7.
    """

    name = "mmengine-cosine"
    shape = "███▇▇▆▅▅▄▃▂▂▁▁▁▁"
    example = {"eta_min_ratio": 0.05, "by_epoch": False}

    T_max: int | None = arg(Count("epochs or iterations until eta_min", default_text="end - begin"), default=None)

    @property
    def _period(self) -> int:
        return self.T_max * self._scale if self.T_max else self._end - self._begin

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        low, period = self.low(base), self._period
        if own == 0:
            return lr
        if (own - 1 - period) % (2 * period) == 0:
            return lr + (base - low) * (1 - math.cos(math.pi / period)) / 2
        return _along(own, period, lr, low)

    def length(self) -> int | None:
        return None if self.end is None else int(self.at(self._period))

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(self.at(0), self.at(self._period), "T_max" if self.T_max else "end - begin")
        yield from view.point(self.at(self._period), self.low_text, None)


class MMPolyLR(_Scheduler):
    """Decay the learning rate along a polynomial, as mmengine does, recursively.

        lr_t = eta_min + (lr_(t-1) - eta_min) * (1 - 1 / (n - t + 1))^power

        n = end - begin - 1, t from begin

    Past its end: the learning rate stays; eta_min is reached at end - 1.

    Source: mmengine.optim.scheduler.lr_scheduler.PolyLR, mmengine 0.10.7.
    """

    name = "mmengine-poly"
    aliases = ("PolyLR",)
    shape = "█▇▇▆▆▅▅▄▄▃▃▂▂▁▁▁"
    example = {"power": 0.9, "by_epoch": False}

    eta_min: float = arg(Real("learning rate at end - 1"), default=0.0)
    power: float = arg(Real("exponent"), default=1.0)

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        if own == 0:
            return lr
        share: float = (1 - 1 / (self._last - own + 1)) ** self.power
        return (lr - self.eta_min) * share + self.eta_min

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(self.at(0), self.at(self._last), "begin to end - 1")
        yield from view.point(self.at(self._last), "eta_min")


class MMCosineRestartLR(_Lowest):
    """Anneal the learning rate along cosines, one after another, as mmengine does.

        lr_t = base_lr * restart_weights[k]                              t = s_k
        lr_t = lr_min + (lr_(t-1) - lr_min) * (1 + cos(pi * u / p))
                                            / (1 + cos(pi * (u - 1) / p))

        s_k = the sum of the first k periods, p = periods[k], u = t - s_k;
        lr_min = eta_min or eta_min_ratio * base_lr, t from begin

    First step: base_lr * restart_weights[0], where begin is 0.

    Past its end: after the last period, or from end on, the learning rate stays.

    Source: mmengine.optim.scheduler.lr_scheduler.CosineRestartLR, mmengine 0.10.7.
    """

    name = "mmengine-restart"
    aliases = ("CosineRestartLR",)
    shape = "█▇▆▄▂▁▁▄▄▃▃▂▁▁▁▁"
    example = {"periods": [14, 18], "restart_weights": [1.0, 0.5], "eta_min": 0.0, "by_epoch": False}
    repeats = True

    periods: tuple[int, ...] = arg(ListOf(Count("epochs or iterations of each cosine"), least=1, sample="[10, 20]"))
    restart_weights: tuple[float, ...] = arg(
        ListOf(Real("share of the base rate at which each cosine starts"), least=1), default=(1.0,)
    )

    def _problems(self) -> Iterator[Problem]:
        yield from super()._problems()
        if self.eta_min is None and self.eta_min_ratio is None:
            yield Problem(field="eta_min", message="missing: mmengine requires eta_min or eta_min_ratio")
        if len(self.periods) != len(self.restart_weights):
            message = f"must be as many as the periods: {len(self.periods)}, not {len(self.restart_weights)}"
            yield Problem(field="restart_weights", message=message)

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        first = 0
        for period, weight in zip(self.periods, self.restart_weights, strict=True):
            steps = period * self._scale
            if own < first + steps:
                return base * weight if own == first else _along(own - first, steps, lr, self.low(base))
            first += steps
        return lr

    def length(self) -> int | None:
        return int(self.at(sum(self.periods) * self._scale))

    def target_lr(self, base_lr: float, group: int) -> float:
        return base_lr * max(self.restart_weights)

    def annotations(self, view: View) -> Iterator[Annotation]:
        first = 0
        for number, period in enumerate(self.periods[:MOST]):
            last = first + period * self._scale
            yield from view.span(self.at(first), self.at(last), f"periods[{number}]")
            first = last


class MMOneCycleLR(_Scheduler):
    """Raise the learning rate to eta_max and anneal it far below its start, as mmengine does.

        lr_t = lr_a + (lr_b - lr_a) * (1 - cos(pi * q)) / 2    (cos)
        lr_t = lr_a + (lr_b - lr_a) * q                        (linear)

        from eta_max / div_factor to eta_max at pct_start * n - 1, then to
        eta_max / (div_factor * final_div_factor) at n - 1, n = total_steps;
        q = how far the phase is, t from begin

    First step: eta_max / div_factor, where begin is 0.

    Past its end: from end on the learning rate stays; n + 1 steps of its own raise ValueError.

    Source: mmengine.optim.scheduler.lr_scheduler.OneCycleLR, mmengine 0.10.7; Smith and Topin 2017, arXiv:1708.07120.
    """

    name = "mmengine-onecycle"
    shape = "▁▂▅▇██▇▆▆▄▃▂▁▁▁▁"
    example = {"eta_max": 0.01, "by_epoch": False}

    eta_max: float | tuple[float, ...] = arg(PerGroup(Real("highest learning rate", above=0)))
    total_steps: int | None = arg(Count("epochs or iterations of the cycle", default_text="end - begin"), default=None)
    pct_start: float = arg(Real("share of the cycle until eta_max", minimum=0, maximum=1), default=0.3)
    anneal_strategy: str = arg(OneOf(("cos", "linear"), "how the learning rate changes"), default="cos")
    div_factor: float = arg(Real("eta_max over the first learning rate", above=0), default=25.0)
    final_div_factor: float = arg(Real("the first learning rate over the last", above=0), default=1e4)
    three_phase: bool = arg(Bool("come down to the first learning rate before the last phase"), default=False)

    @property
    def _total(self) -> int:
        return self.total_steps * self._scale if self.total_steps else self._end - self._begin

    def initial(self, base: float, group: int) -> float:
        return of_group(self.eta_max, group) / self.div_factor

    def target_lr(self, base_lr: float, group: int) -> float:
        return of_group(self.eta_max, group)

    @property
    def ignores_base_lr(self) -> bool:
        return self.begin == 0

    def _phases(self, group: int) -> list[tuple[float, float, float]]:
        """Return the last step of each phase, and the learning rates that it goes from and to."""
        high, low = of_group(self.eta_max, group), self.initial(0, group)
        total, share = self._total, float(self.pct_start * self._total)
        rise, last = (share - 1, low, high), total - 1
        if self.three_phase:
            return [rise, (float(2 * self.pct_start * total) - 2, high, low), (last, low, low / self.final_div_factor)]
        return [rise, (last, high, low / self.final_div_factor)]

    def value(self, own: int, lr: float, base: float, group: int) -> float:
        if own > self._total:
            raise ValueError(f"Tried to step {own + 1} times. The specified number of total steps is {self._total}")
        first: float = 0
        phases = self._phases(group)
        for number, (last, low, high) in enumerate(phases):
            if own <= last or number == len(phases) - 1:
                share = (own - first) / (last - first)
                if self.anneal_strategy == "linear":
                    return (high - low) * share + low
                return high + (low - high) / 2.0 * (math.cos(math.pi * share) + 1)
            first = last
        raise AssertionError("the last phase takes every step")

    def annotations(self, view: View) -> Iterator[Annotation]:
        high = short(of_group(self.eta_max, view.group))
        yield from view.span(self.at(0), self.at(self._total), "total_steps", view.peak)
        yield from view.point(self.at(max(0, round(self.pct_start * self._total) - 1)), f"eta_max = {high}")
