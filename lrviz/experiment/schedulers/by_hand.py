"""Learning rates that a training loop sets itself, as `group["lr"] = rate`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Duration, MappingOf, OneOf, Real
from lrviz.experiment.record import arg
from lrviz.experiment.scalars import short
from lrviz.experiment.schedulers.base import GroupStart, OwnRule
from lrviz.experiment.schedulers.code import BASE_LR, Script, literal, locals_of
from lrviz.experiment.schedulers.notes import MOST, Annotation, View

__all__ = ["Manual", "RangeTest"]

MOST_BRANCHES = 6  # of a function, above which it looks in a list


class Manual(OwnRule):
    """Set the learning rate by hand in param_groups at chosen steps.

        lr_t = the value of the last chosen step that is not after t

    First step: trains with the value of step 0, or with base_lr where it has none.

    Past its end: the last value stays.

    Source: a training loop's own `for group in optimizer.param_groups: group["lr"] = ...`.
    """

    name = "manual"
    family = "By hand"
    shape = "████████▄▄▄▄▁▁▁▁"
    example = {"values": {0: 1e-3, 16: 5e-4, 24: 1e-4}}
    no_warmup = ("manual sets every learning rate itself: write the warmup into its values", "")

    values: tuple[tuple[int, float], ...] = arg(
        MappingOf(Duration("", minimum=0), Real("the learning rate from each step on", minimum=0))
    )

    @cached_property
    def _rates(self) -> dict[int, float]:
        return dict(self.values)

    def lr_at(self, step: int, start: GroupStart) -> float | None:
        return self._rates.get(step)

    def write_by_hand(self, script: Script) -> None:
        later = [pair for pair in reversed(self.values) if pair[0]]
        first = literal(self._rates[0]) if 0 in self._rates else "base_lr"
        if len(later) > MOST_BRANCHES:
            head = f"for first, lr in {literal(later)}:"
            body = [head, "    if step >= first:", "        return lr"]
        else:
            body = [
                line for step, lr in later for line in (f"if step >= {literal(step)}:", f"    return {literal(lr)}")
            ]
        script.set_by_hand([*body, f"return {first}"], {} if 0 in self._rates else BASE_LR)

    @property
    def ignores_base_lr(self) -> bool:
        return 0 in self._rates

    def marks(self) -> tuple[int, ...]:
        return tuple(step for step, _ in self.values)

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(rate for _, rate in self.values)

    def annotations(self, view: View) -> Iterator[Annotation]:
        for step, rate in self.values[:MOST]:
            yield from view.point(step, f"lr = {short(rate)}")


class RangeTest(OwnRule):
    """Raise the learning rate from min_lr to max_lr over the run, to find a good one.

        lr_t = min_lr * (max_lr / min_lr)^(t / (T - 1))    (exponential)
        lr_t = min_lr + (max_lr - min_lr) * t / (T - 1)    (linear)

        T = steps in the run

    First step: trains with min_lr.

    Past its end: it lasts as long as the run.

    Source: the LR range test of Smith 2017, arXiv:1506.01186; Lightning's lr_find takes (t + 1) / T for every t but 0.
    """

    name = "range-test"
    family = "By hand"
    shape = "▁▁▁▁▁▁▁▁▁▁▁▁▁▂▄█"
    example = {"min_lr": 1e-5, "max_lr": 1.0}
    no_warmup = ("range-test rises over the whole run by itself", "")
    starts_low = True

    min_lr: float = arg(Real("learning rate of the first step", above=0))
    max_lr: float = arg(Real("learning rate of the last step", above=0))
    mode: str = arg(OneOf(("exponential", "linear"), "how the learning rate rises"), default="exponential")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_lr <= self.min_lr:
            message = f"must be above min_lr, {self.min_lr:g}, not {self.max_lr:g}: the learning rate is to rise"
            raise SpecError(Problem(field="max_lr", message=message))

    @property
    def ignores_base_lr(self) -> bool:
        return True

    def lr_at(self, step: int, start: GroupStart) -> float:
        low, high, last = self.min_lr, self.max_lr, max(1, start.total - 1)
        if step >= last:
            return high if start.total > 1 else low
        share = step / last
        if self.mode == "linear":
            return low + share * (high - low)
        ratio = high / low
        return low * ratio**share if ratio < math.inf else math.pow(low, 1 - share) * math.pow(high, share)

    def write_by_hand(self, script: Script) -> None:
        low, high, last = self.min_lr, self.max_lr, max(1, script.total - 1)
        rise = "low * (high / low) ** share" if high / low < math.inf else "low ** (1 - share) * high**share"
        body = [
            *locals_of(low=low, high=high),
            f"share = step / {literal(last)}",
            "if share >= 1:",
            "    return high",
            f"return {'low + share * (high - low)' if self.mode == 'linear' else rise}",
        ]
        script.set_by_hand(body)

    def target_lr(self, base_lr: float, group: int) -> float:
        return self.max_lr

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.point(0, "min_lr")
        yield from view.point(view.last, "max_lr")
