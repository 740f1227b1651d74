"""The learning rate and momentum that Ultralytics' trainer sets at every batch, by the version of the package."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping
from itertools import count

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, OneOf, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import UNKNOWN, GroupStart, Known, OwnRule, Release, SchedulerSpec
from lrviz.experiment.schedulers.code import Script, literal
from lrviz.experiment.schedulers.notes import Annotation, View

__all__ = ["Ultralytics"]

FLOOR = 100  # batches of the warmup at least, before NO_FLOOR
NO_FLOOR = (8, 4, 103)  # since when the warmup has no floor, and leaves the last epoch
LANDS = (8, 4, 183)  # since when it lands on its targets again, as it did before NO_FLOOR
NAMED = (8, 4, 3)  # since when warmup_bias_lr goes to the biases by their name, not to group number 0
BIASES = {3: (2,), 8: (4, 5)}  # their groups: of weights, norms and biases; of MuSGD's four, each in two

MANY = 10_000  # iterations, above which auto takes lr0 0.01
AUTO_LR = 0.01
MOMENTUM = 0.937


class Ultralytics(OwnRule):
    """Warm up batch by batch, then lower the learning rate once an epoch along a line, or half a cosine.

        lr_t = w + (lr0 * F(e) - w) * t / nw    if t < nw
        lr_t = lr0 * F(e)                       otherwise

        F(e) = max(1 - e / epochs, 0) * (1 - lrf) + lrf
        F(e) = (1 - cos(pi * e / epochs)) / 2 * (lrf - 1) + 1    with cos_lr
        e = floor(t / nb), nb = batches of an epoch,
        w = warmup_bias_lr for biases, else 0
        nw = round(min(warmup_epochs, epochs - 1) * nb)
        lr0 = base_lr; with optimizer auto 0.01 if iterations > 10000,
              else 0.002 * 5 / (4 + nc), to 6 places, and warmup_bias_lr is 0

    momentum goes from warmup_momentum to momentum in the same nw steps, in groups that have it.

    A step of the run is a batch, Ultralytics' ni. The biases are group 2 of three, in Ultralytics' order (lr/pg0
    weights, lr/pg1 norms, lr/pg2 biases), and groups 4 and 5 of the eight that MuSGD has; before 8.4.3 it is
    group 0 that has warmup_bias_lr. With any other number of groups none is, unless bias_group says so.

    By version: before 8.4.103, nw = max(round(warmup_epochs * nb), 100). From 8.4.103 until 8.4.182 a warmup that
    ends within an epoch keeps what batch nw - 1 had until the epoch is over, and that batch's momentum for good.

    First step: w, which is 0 but for the biases.

    Past its end: lr0 * lrf; with cos_lr the cosine goes on and rises again.

    Source: ultralytics.engine.trainer.BaseTrainer of Ultralytics 8.4.190, and of 8.2.0 to 8.4.183 before.
    """

    name = "ultralytics"
    family = "Ultralytics"
    library = "ultralytics"
    newest = (8, 4, 190)
    oldest = (8, 2, 0)
    shape = "▁▃▆█▇▇▇▇▅▅▅▅▂▂▂▂"
    example = {"warmup_epochs": 1.0}
    no_warmup = ("ultralytics warms up itself: give warmup_epochs", "")

    epochs: int | None = arg(Count("epochs of the schedule", flag=False, default_text="the run's epochs"), default=None)
    lrf: float = arg(Real("last learning rate, as a share of the first", minimum=0), default=0.01)
    cos_lr: bool = arg(Bool("whether it falls along a cosine"), default=False)
    warmup_epochs: float = arg(Real("epochs of the warmup, which may be a fraction", minimum=0), default=3.0)
    warmup_momentum: float = arg(Real("momentum at the start of the warmup", minimum=0), default=0.8)
    warmup_bias_lr: float = arg(Real("learning rate of the biases at the start of the warmup", minimum=0), default=0.1)
    momentum: float | None = arg(
        Real("momentum at the end of the warmup", minimum=0, flag=False, default_text="the optimizer's, or 0.937"),
        default=None,
    )
    bias_group: int | None = arg(
        Count("number of the parameter group with the biases", minimum=0, default_text="2 of three"), default=None
    )
    optimizer: str | None = arg(
        OneOf(("auto",), "auto: lr0 is chosen by iterations and nc, whatever the optimizer has", flag=False),
        default=None,
    )
    iterations: int | None = arg(
        Count("with auto: ceil(images / max(batch, nbs)) * epochs, which is updates of 64 images or more"), default=None
    )
    nc: int | None = arg(Count("with auto: classes of the data"), default=None)
    release: Release | None = None
    batches: int = 1  # of an epoch
    groups: int = 1
    default_lr: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        wanted = {"iterations": self.iterations, "nc": self.nc or (self.iterations or 0) > MANY or None}
        missing = [name for name, value in wanted.items() if value is None]
        if self.optimizer == "auto" and missing:
            message = f"missing: optimizer auto chooses the learning rate by {' and '.join(wanted)}"
            raise SpecError(Problem(field=missing[0], message=message))
        given = [name for name in wanted if getattr(self, name) is not None]
        if self.optimizer is None and given:
            message = "changes nothing without optimizer: auto of the scheduler, such as --set scheduler.optimizer=auto"
            raise SpecError([Problem(field=name, message=message) for name in given])

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        batches = known.steps_per_epoch
        if batches is None:
            message = "ultralytics counts epochs, and the run has none: it is given by its steps; add steps_per_epoch"
            raise SpecError(Problem(field="epochs", message=message))
        found = super().resolved(length, known)
        assert isinstance(found, Ultralytics)
        epochs = self.epochs or math.ceil(length / batches)
        groups = len(known.base_lrs)
        return dataclasses.replace(found, epochs=epochs, batches=batches, groups=groups, default_lr=known.default_lr)

    @property
    def label(self) -> str:
        return "Ultralytics"

    @property
    def ignores_base_lr(self) -> bool:
        return self.optimizer == "auto"

    @property
    def _version(self) -> Release:
        return self.release or self.newest

    @property
    def _warmup(self) -> int:
        """Batches of the warmup, nw."""
        if self._version < NO_FLOOR:
            return max(round(self.warmup_epochs * self.batches), FLOOR) if self.warmup_epochs > 0 else 0
        return round(min(self.warmup_epochs, max((self.epochs or 1) - 1, 0)) * self.batches)

    @property
    def _last(self) -> int:
        """The last batch that the warmup sets something at."""
        return self._warmup - (NO_FLOOR <= self._version < LANDS)

    @property
    def _biases(self) -> tuple[int, ...]:
        if self.bias_group is not None:
            return (self.bias_group,)
        named = BIASES.get(self.groups, ())
        return named if self._version >= NAMED else (0,) * bool(named)

    def length(self) -> int | None:
        return self.epochs and self.epochs * self.batches

    def _lr0(self, base_lr: float) -> float:
        """Return the learning rate that a group is made with; its share of the optimizer's stays with auto."""
        if self.optimizer != "auto":
            return base_lr
        chosen = AUTO_LR if (self.iterations or 0) > MANY else round(0.002 * 5 / (4 + (self.nc or 0)), 6)
        return chosen * (base_lr / self.default_lr) if self.default_lr else chosen

    def _factor(self, epoch: int) -> float:
        epochs = self.epochs or 1
        if self.cos_lr:
            return max((1 - math.cos(epoch * math.pi / epochs)) / 2, 0) * (self.lrf - 1) + 1
        return max(1 - epoch / epochs, 0) * (1.0 - self.lrf) + self.lrf

    def _lr(self, step: int, lr0: float, group: int) -> float:
        epoch = step // self.batches
        lr = lr0 * self._factor(epoch)
        if not self._warmup or epoch > self._last // self.batches:
            return lr
        low = self.warmup_bias_lr if group in self._biases and self.optimizer != "auto" else 0.0
        return self._between(step, low, lr)

    def _between(self, step: int, first: float, goal: float) -> float:
        """Return what a value that the warmup moves has at a step."""
        at = min(step, self._last)
        return goal if at == self._warmup else (goal - first) / self._warmup * at + first

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        lr0 = self._lr0(start.lr)
        own = 0.0 if self.optimizer == "auto" else start.settings.get("momentum", 0.0)
        momentum = (own or MOMENTUM) if self.momentum is None else self.momentum
        for step in count():
            moved = {"momentum": self._between(step, self.warmup_momentum, momentum)} if self._warmup else {}
            yield {"lr": self._lr(step, lr0, start.group), **moved}

    def write_by_hand(self, script: Script) -> None:
        is_auto, size, base = self.optimizer == "auto", literal(self.batches), '[group["lr"] for group in {}]'
        if is_auto:
            share = f' * (group["lr"] / {literal(self.default_lr)})' if self.default_lr else ""
            base = f"[{literal(self._lr0(self.default_lr or 0.0))}{share} for group in {{}}]"
        columns = {"base_lr": base.format("optimizer.param_groups")}
        body = [f"epoch = step // {size}", f"lr = base_lr * ({self._factor_code()})"]
        if not self._warmup:
            script.set_by_hand([*body, "return lr"], columns)
            return
        low = 0.0 if is_auto else self.warmup_bias_lr
        first = [low if group in self._biases else 0.0 for group in range(self.groups)]
        columns |= {"first": literal(first)} if any(first) else {}
        script.define("warmed", "step, first, goal", [*self._between_code()])
        passed = f"epoch > {literal(self._last // self.batches)}"
        body += [f"return lr if {passed} else warmed(step, {'first' if any(first) else '0.0'}, lr)"]
        name = script.define("learning_rate", ", ".join(("step", *columns)), body)
        lines = [f'group["lr"] = {name}({", ".join((script.count, *columns))})']
        goal = literal(MOMENTUM if self.momentum is None else self.momentum)
        if self.momentum is None and not is_auto:
            columns["momentum"] = f'[group.get("momentum") or {goal} for group in optimizer.param_groups]'
            goal = "momentum"
        lines += ['if "momentum" in group:']
        lines += [f'    group["momentum"] = warmed({script.count}, {literal(self.warmup_momentum)}, {goal})']
        script.in_loop(columns, lines)

    def _factor_code(self) -> str:
        epochs, last = literal(self.epochs or 1), literal(self.lrf)
        if self.cos_lr:
            return f"max((1 - math.cos(epoch * math.pi / {epochs})) / 2, 0) * ({last} - 1) + 1"
        return f"max(1 - epoch / {epochs}, 0) * (1 - {last}) + {last}"

    def _between_code(self) -> Iterator[str]:
        if self._last == self._warmup:
            yield from (f"if step >= {literal(self._warmup)}:", "    return goal")
        at = "step" if self._last == self._warmup else f"min(step, {literal(self._last)})"
        yield f"return (goal - first) / {literal(self._warmup)} * {at} + first"

    def moves_momentum(self) -> bool:
        return self.warmup_epochs > 0

    def target_lr(self, base_lr: float, group: int) -> float:
        lr0, size = self._lr0(base_lr), self.batches
        warm = range(max(self._last, 0) // size + 2)
        steps = {step for epoch in warm for step in (epoch * size, epoch * size + size - 1)}
        return max(self._lr(step, lr0, group) for step in steps)

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(0, self._warmup, "warmup_epochs", view.rate(self._warmup))
        if view.group in self._biases:
            yield from view.point(0, "warmup_bias_lr")
