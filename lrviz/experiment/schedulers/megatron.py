"""Megatron's schedule of the learning rate and the weight decay."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping
from itertools import count

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Count, Duration, OneOf, PerGroup, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import UNKNOWN, GroupStart, Known, OwnRule, Rates, SchedulerSpec, of_group
from lrviz.experiment.schedulers.code import BASE_LR, Script, literal, locals_of
from lrviz.experiment.schedulers.notes import BASE, Annotation, View

__all__ = ["OptimizerParamScheduler"]

STYLES = ("constant", "linear", "cosine", "inverse-square-root", "WSD")
WSD_STYLES = ("linear", "cosine", "exponential", "minus_sqrt")


class OptimizerParamScheduler(OwnRule):
    """Raise the learning rate in a straight line, and let it fall in one of five styles; raise the weight decay.

        lr_t = init_lr + (max - init_lr) * n / W          if n <= W
        lr_t = max                                        constant
        lr_t = min                                        if n > T
        lr_t = min + (max - min) * (1 - p)                linear
        lr_t = min + (max - min) * (1 + cos(pi * p)) / 2  cosine
        lr_t = max(min, max * sqrt(W / n))                inverse-square-root
        lr_t = max                                        WSD, n <= T - D
        lr_t = min + (max - min) * h                      WSD, after

        n = t * increment, W = lr_warmup_steps, T = lr_decay_steps,
        p = (n - W) / (T - W), D = wsd_decay_steps, q = (n - T + D) / D,
        h = 1 - q | (1 + cos(pi * q)) / 2 | 2 * 0.5^q - 1 | 1 - sqrt(q)

    The weight decay goes from start_wd to end_wd over wd_incr_steps. Megatron counts samples: with increment at the
    samples of an iteration, every length is one in samples; with 1, the lengths are iterations.

    First step: init_lr where there is a warmup, else max_lr.

    Past its end: the learning rate stays at min_lr, where inverse-square-root falls to in one step; constant stays.

    Source: OptimizerParamScheduler of megatron/core/optimizer_param_scheduler.py, megatron-core 0.19.2; what it must be
    given has the default of Megatron-LM's command line.
    """

    name = "megatron"
    library = "megatron"
    newest = (0, 19, 2)
    length_arg = "lr_decay_steps"
    family = "Megatron"
    shape = "▁▅███▇▇▆▅▄▃▃▂▁▁▁"
    example = {"lr_warmup_steps": 5, "lr_decay_style": "cosine", "min_lr": 1e-4}
    no_warmup = ("megatron warms up itself: set lr_warmup_steps", "")

    init_lr: float = arg(Real("learning rate at the start of the warmup", minimum=0), default=0.0)
    max_lr: Rates | None = arg(
        PerGroup(Real("learning rate at the peak", minimum=0, default_text="the group's learning rate")), default=None
    )
    min_lr: Rates = arg(PerGroup(Real("lowest learning rate", minimum=0)), default=0.0)
    lr_warmup_steps: int = arg(Duration("length of the warmup", minimum=0), default=0)
    lr_decay_steps: int | None = arg(
        Duration("length until min_lr, the warmup included", horizon=True, default_text="the run's length"),
        default=None,
    )
    lr_decay_style: str = arg(OneOf(STYLES, "how the learning rate falls"), default="linear")
    wsd_decay_steps: int | None = arg(Duration("length of WSD's decay, at the end", minimum=0), default=None)
    lr_wsd_decay_style: str = arg(OneOf(WSD_STYLES, "how WSD's decay falls"), default="exponential")
    start_wd: Rates | None = arg(PerGroup(Real("weight decay at the start", minimum=0)), default=None)
    end_wd: Rates | None = arg(PerGroup(Real("weight decay at the end", minimum=0)), default=None)
    wd_incr_steps: int | None = arg(
        Duration("length until end_wd", horizon=True, default_text="the run's length"), default=None
    )
    wd_incr_style: str = arg(OneOf(("constant", "linear", "cosine"), "how the weight decay rises"), default="constant")
    wd_mult: Rates = arg(PerGroup(Real("factor of the weight decay", minimum=0)), default=1.0)
    increment: int = arg(Count("samples of an iteration, where the lengths are in samples"), default=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        problems = [*self._refused_rates(self.max_lr), *self._refused_lengths(), *self._refused_weight_decay()]
        if problems:
            raise SpecError(problems)

    def _refused_rates(self, max_lr: Rates | None) -> Iterator[Problem]:
        """Yield what Megatron asserts of one learning rate for all groups; groups of their own it does not look at."""
        if max_lr is None or isinstance(max_lr, tuple):
            return
        if isinstance(self.min_lr, float) and self.min_lr > max_lr:
            yield Problem(field="min_lr", message=f"must be <= max_lr, {max_lr:g}, not {self.min_lr:g}")
        if self.init_lr > max_lr:
            yield Problem(field="init_lr", message=f"must be <= max_lr, {max_lr:g}, not {self.init_lr:g}")

    def _refused_lengths(self) -> Iterator[Problem]:
        length = self.lr_decay_steps
        if length is not None and self.lr_warmup_steps >= length:
            message = f"must be below lr_decay_steps, {length:,}, which counts the warmup, not {self.lr_warmup_steps:,}"
            yield Problem(field="lr_warmup_steps", message=message)
        if self.lr_decay_style == "WSD" and self.wsd_decay_steps is None:
            yield Problem(field="wsd_decay_steps", message="missing: lr_decay_style WSD needs it")

    def _refused_weight_decay(self) -> Iterator[Problem]:
        start, end, style = self.start_wd, self.end_wd, self.wd_incr_style
        if (start is None) != (end is None) or (style != "constant" and start is None):
            other = "end_wd" if end is None and start is not None else "start_wd"
            yield Problem(field=other, message=f"missing: wd_incr_style {style} takes start_wd and end_wd")
        elif start is not None and end is not None and start != end and style == "constant":
            yield Problem(
                field="wd_incr_style", message="constant needs an end_wd that is start_wd; use linear or cosine"
            )
        elif isinstance(start, float) and isinstance(end, float) and end < start:
            yield Problem(field="end_wd", message=f"must be >= start_wd, {start:g}, not {end:g}")

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        if self.max_lr is None and (problems := list(self._refused_rates(known.default_lr))):
            raise SpecError(problems)
        return super().resolved(length * self.increment, known)

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        own = float(start.settings.get("weight_decay", 0.0))
        for step in count():
            values = {"lr": self.rate(step * self.increment, start)}
            if self.moves_weight_decay():
                values["weight_decay"] = self.weight_decay(step * self.increment, start.group, own)
            yield values

    def rate(self, done: int, start: GroupStart) -> float:
        """Return the learning rate after so many samples, or iterations, in Megatron's order of operations."""
        high, low = self.target_lr(start.lr, start.group), of_group(self.min_lr, start.group)
        warmup, length = self.lr_warmup_steps, self.lr_decay_steps or 1
        if warmup and done <= warmup:
            return self.init_lr + (high - self.init_lr) * done / warmup
        if self.lr_decay_style == "constant":
            return high
        if done > length:
            return low
        if self.lr_decay_style == "inverse-square-root":
            fallen: float = high * max(warmup, 1) ** 0.5 / max(done, 1) ** 0.5
            return max(low, fallen)
        if self.lr_decay_style == "WSD":
            return low + self._stable_height(done, length) * (high - low)
        share = (done - warmup) / (length - warmup)
        height = 1.0 - share if self.lr_decay_style == "linear" else 0.5 * (math.cos(math.pi * share) + 1.0)
        return low + height * (high - low)

    def _stable_height(self, done: int, length: int) -> float:
        decay = self.wsd_decay_steps or 0
        if done <= length - decay:
            return 1.0
        share = (done - (length - decay)) / decay
        match self.lr_wsd_decay_style:
            case "linear":
                return 1.0 - share
            case "cosine":
                return 0.5 * (math.cos(math.pi * share) + 1.0)
            case "exponential":
                return 2.0 * math.pow(0.5, share) - 1.0
            case _:
                return 1.0 - math.sqrt(share)

    def weight_decay(self, done: int, group: int, own: float) -> float:
        """Return the weight decay after so many samples, or iterations; `own` is what the group has."""
        start = own if self.start_wd is None else of_group(self.start_wd, group)
        end = own if self.end_wd is None else of_group(self.end_wd, group)
        length, factor = self.wd_incr_steps or 1, of_group(self.wd_mult, group)
        if done > length or self.wd_incr_style == "constant":
            return end * factor
        share = done / length
        height = share if self.wd_incr_style == "linear" else 0.5 * (math.cos(math.pi * (1 - share)) + 1.0)
        return (start + height * (end - start)) * factor

    def write_by_hand(self, script: Script) -> None:
        own = {"max_lr": self.max_lr, **({} if self.lr_decay_style == "constant" else {"min_lr": self.min_lr})}
        numbers = {name: value for name, value in own.items() if isinstance(value, float)}
        columns = {name: literal(value) for name, value in own.items() if isinstance(value, tuple)}
        columns |= {} if self.max_lr is not None else {"max_lr": BASE_LR["base_lr"]}
        script.set_by_hand([*locals_of(**numbers), *self._rate_code()], columns)
        if self.moves_weight_decay():
            self._write_weight_decay(script)

    def _done_code(self) -> Iterator[str]:
        if self.increment > 1:
            yield f"step *= {literal(self.increment)}  # samples"

    def _rate_code(self) -> Iterator[str]:
        warmup, length, style = self.lr_warmup_steps, self.lr_decay_steps or 1, self.lr_decay_style
        yield from self._done_code()
        if warmup:
            rise = f"{literal(self.init_lr)} + (max_lr - {literal(self.init_lr)})" if self.init_lr else "max_lr"
            yield from (f"if step <= {literal(warmup)}:", f"    return {rise} * step / {literal(warmup)}")
        if style == "constant":
            yield "return max_lr"
            return
        yield from (f"if step > {literal(length)}:", "    return min_lr")
        if style == "inverse-square-root":
            yield f"return max(min_lr, max_lr * {literal(max(warmup, 1))} ** 0.5 / max(step, 1) ** 0.5)"
            return
        begin = length - (self.wsd_decay_steps or 0) if style == "WSD" else warmup
        if style == "WSD":
            yield from (f"if step <= {literal(begin)}:", "    return max_lr")
            style = self.lr_wsd_decay_style
        yield f"share = (step - {literal(begin)}) / {literal(length - begin)}"
        height = {"linear": "(1 - share)", "cosine": "0.5 * (math.cos(math.pi * share) + 1)"}
        height |= {"exponential": "(2 * 0.5**share - 1)", "minus_sqrt": "(1 - math.sqrt(share))"}
        yield f"return min_lr + {height[style]} * (max_lr - min_lr)"

    def _write_weight_decay(self, script: Script) -> None:
        """Write how the loop sets the weight decay."""
        own = {"start": self.start_wd, "end": self.end_wd, "factor": self.wd_mult}
        source = '[group["weight_decay"] for group in optimizer.param_groups]'
        columns = {name: literal(value) if value else source for name, value in own.items() if type(value) is not float}
        numbers = {name: value for name, value in own.items() if type(value) is float}
        body = [*locals_of(**numbers), *self._done_code()]
        if self.wd_incr_style == "constant":
            body = [*locals_of(**numbers), "return end * factor"]
        else:
            length = literal(self.wd_incr_steps or 1)
            share = "share" if self.wd_incr_style == "linear" else "0.5 * (math.cos(math.pi * (1 - share)) + 1)"
            body += [f"if step > {length}:", "    return end * factor", f"share = step / {length}"]
            body += [f"return (start + {share} * (end - start)) * factor"]
        script.set_by_hand(body, columns, "weight_decay", "weight_decay")

    def length(self) -> int | None:
        is_counted = self.lr_decay_style != "constant" and self.increment == 1  # else in samples
        return self.lr_decay_steps if is_counted else None

    def moves_weight_decay(self) -> bool:
        return self.start_wd is not None or self.wd_mult != 1

    @property
    def ignores_base_lr(self) -> bool:
        return self.max_lr is not None

    def target_lr(self, base_lr: float, group: int) -> float:
        return base_lr if self.max_lr is None else of_group(self.max_lr, group)

    def annotations(self, view: View) -> Iterator[Annotation]:
        warmup, end = self.lr_warmup_steps / self.increment, (self.lr_decay_steps or 0) / self.increment
        yield from view.span(0, warmup, "lr_warmup_steps", view.rate(warmup))
        if self.lr_decay_style == "WSD":
            yield from view.span(end - (self.wsd_decay_steps or 0) / self.increment, end, "wsd_decay_steps")
        yield from view.point(warmup, BASE if self.max_lr is None else "max_lr")
        if self.lr_decay_style != "constant":
            yield from view.point(end, "min_lr")
