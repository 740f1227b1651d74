"""The forms that many write by hand: a warmup and a decay, with the presets that make them those of a library.

Libraries agree on the curve and differ in what step 0 trains with and in what comes at the end. Each such difference is
an argument here, and a preset is a library's choice of all of them; its lengths stay the document's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import ArgType, Bool, Count, Duration, ListOf, OneOf, Rate, Real, Share
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import UNKNOWN, GroupStart, Known, OwnRule, SchedulerSpec
from lrviz.experiment.schedulers.code import BASE_LR, Script, bare, literal
from lrviz.experiment.schedulers.notes import BASE, Annotation, View

__all__ = ["InverseSqrt", "Noam", "Rex", "TriStage", "WarmupCosine", "WarmupPolynomial", "Wsd"]

Presets = Mapping[str, Mapping[str, Any]]
FAMILY = "Pretraining"
OWN = "own_default"  # where a field keeps what it is without a preset

ONE_LR = {"one_lr": True}
HALF = 0.5  # a wave of the cosine, which ends at the minimum
FROM_ONE = {"warmup_progress": "(t+1)/W", "decay_progress": "(t-W+1)/(T-W)"}  # the first step counts as the first


def unset(kind: ArgType, default: Any) -> Any:
    """Return the field of an argument that a preset may set where the document does not."""
    text = "" if isinstance(default, bool) else str(default)
    return dataclasses.field(
        default=None, metadata={"arg_type": replace(kind, default_text=kind.default_text or text), OWN: default}
    )


def preset_of(presets: Presets) -> Any:
    """Return the field of the argument that names a preset."""
    return arg(OneOf(tuple(presets), "the library whose values the arguments have that are not given"), default=None)


class _Form(OwnRule):
    """A form whose arguments a preset may set, and how the learning rate lies between a lowest and the full one."""

    family = FAMILY

    preset: str | None
    one_lr: bool = unset(
        Bool("write one learning rate into every group, as a training loop does, and not scale each group's"), False
    )

    def __post_init__(self) -> None:
        known = self.presets.get(self.preset, {}) if isinstance(self.preset, str) else {}
        for entry in dataclasses.fields(self):
            if OWN in entry.metadata and getattr(self, entry.name) is None:
                object.__setattr__(self, entry.name, known.get(entry.name, entry.metadata[OWN]))
        super().__post_init__()
        problems = list(self._problems())
        if problems:
            raise SpecError(problems)

    def _problems(self) -> Iterator[Problem]:
        """Yield what is wrong with the arguments together."""
        yield from ()

    @property
    def label(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        return f"{self.name} ({self.preset})" if self.preset else self.name

    def base(self, start: GroupStart) -> float:
        return start.default_lr if self.one_lr else start.lr

    def between(self, start: GroupStart, low: float | Share, part: float, whole: float = 1) -> float:
        """Return the learning rate `part / whole` of the way from the lowest to the full one.

        A training loop adds to the lowest learning rate; LambdaLR has a factor, of which the lowest is a share.
        """
        if self.one_lr:
            base = start.default_lr
            lowest = low.of(base) if isinstance(low, Share) else low
            return lowest + (base - lowest) * part / whole
        share = low.factor if isinstance(low, Share) else low / start.default_lr if low else 0.0
        return start.lr * ((1 - share) * (part / whole) + share)

    @property
    def mode(self) -> str:
        """What its function in a script returns: a `factor`, or a learning rate, `one` for all groups or of `each`."""
        return "one" if self.one_lr else "factor"

    @property
    def is_lr_scheduler(self) -> bool:  # type: ignore[override]  # a LambdaLR, if its function is a factor
        return self.mode == "factor"

    def write(self, script: Script) -> None:
        lines = [*self._function(script.default_lr)]
        if self.mode == "factor":
            script.add(script.factor(lines))
        else:
            script.set_by_hand(lines, BASE_LR if self.mode == "each" else {})

    def _function(self, lr: float) -> Iterator[str]:
        """Yield the lines of the function, in lrviz's own order of operations."""
        raise NotImplementedError

    @property
    def base_code(self) -> str:
        """The full learning rate in that function."""
        return {"one": "lr", "each": "base_lr", "factor": "1.0"}[self.mode]

    def low_code(self, low: float | Share, lr: float) -> str:
        """Return a lowest learning rate in Python, as a number or as a share of the full one."""
        if self.mode == "one":
            return f"{literal(lr)} * {literal(low.factor)}" if isinstance(low, Share) else literal(low)
        return literal(low.factor) if isinstance(low, Share) else f"{literal(low)} / {literal(lr)}" if low else "0.0"

    def between_code(self, low: float | Share, name: str, part: str, whole: str = "") -> str:
        """Return `between` in Python, the lowest learning rate as the variable `name`."""
        way, is_zero = part + f" / {whole}" * bool(whole), not (low.factor if isinstance(low, Share) else low)
        if self.mode == "one":
            return f"lr * {way}" if is_zero else f"{name} + (lr - {name}) * {way}"
        inner = bare(way) if is_zero else f"(1 - {name}) * ({bare(way)}) + {name}"
        return inner if self.mode == "factor" else f"base_lr * ({inner})"

    def lowest_code(self, low: float | Share, name: str) -> str:
        """Return the lowest learning rate itself in Python."""
        is_zero = not (low.factor if isinstance(low, Share) else low)
        return "0.0" if is_zero else f"base_lr * {name}" if self.mode == "each" else name


class _Warmed(_Form):
    """A form that begins with a warmup of a length of its own."""

    warmup_steps: int = unset(Duration("steps until the full learning rate", minimum=0), 0)
    warmup_init_lr: float | Share = unset(Rate("learning rate, or share of it, that the warmup starts from"), 0.0)
    warmup_mode: str = unset(OneOf(("linear", "quadratic", "constant"), "how the learning rate rises"), "linear")
    warmup_progress: str = unset(
        OneOf(("t/W", "(t+1)/W", "(t+1)/(W+1)"), "how far the warmup of W steps is at step t"), "t/W"
    )

    @property
    def has_peak(self) -> bool:
        """Whether the step at which the warmup is done is one of it, and not the first after it."""
        return False

    def warmed(self, step: int, start: GroupStart) -> float | None:
        """Return the learning rate of a step of the warmup, None after it."""
        done = step if self.warmup_progress == "t/W" else step + 1
        steps = self.warmup_steps + (self.warmup_progress == "(t+1)/(W+1)")
        if not self.warmup_steps or done > steps or (done == steps and not self.has_peak):
            return None
        if self.warmup_mode == "constant":
            return self.base(start)
        if self.warmup_mode == "quadratic":
            return self.between(start, self.warmup_init_lr, (done / steps) ** 2)
        return self.between(start, self.warmup_init_lr, done, steps)

    def numbers(self, lr: float) -> Iterator[tuple[str, str]]:
        """Yield what its function computes with, by name, in Python."""
        if self.one_lr:
            yield "lr", literal(lr)
        if self.warmup_steps:
            yield "warmup", literal(self.warmup_steps)
        if self.warmup_init_lr and self.warmup_steps:
            yield "first", self.low_code(self.warmup_init_lr, lr)

    def _function(self, lr: float) -> Iterator[str]:
        names, numbers = zip(*pairs, strict=True) if (pairs := list(self.numbers(lr))) else ((), ())
        if names:
            yield f"{', '.join(names)} = {', '.join(numbers)}"
        yield from self.warmup_code()
        yield from self.after_code(lr)

    def after_code(self, lr: float) -> Iterator[str]:
        """Yield the lines of its function after the warmup."""
        raise NotImplementedError

    def warmup_code(self) -> Iterator[str]:
        """Yield the lines of its function that return during the warmup."""
        if not self.warmup_steps:
            return
        done = "step" if self.warmup_progress == "t/W" else "step + 1"
        yield f"if {done if self.warmup_progress == '(t+1)/W' else 'step'} {'<=' if self.has_peak else '<'} warmup:"
        whole = "(warmup + 1)" if self.warmup_progress == "(t+1)/(W+1)" else "warmup"
        done = f"({done})" if " " in done else done
        if self.warmup_mode == "constant":
            rise = self.base_code
        elif self.warmup_mode == "quadratic":
            rise = self.between_code(self.warmup_init_lr, "first", f"({done} / {whole}) ** 2")
        else:
            rise = self.between_code(self.warmup_init_lr, "first", done, whole)
        yield f"    return {rise}"

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(0, self.warmup_steps, "warmup_steps", view.rate(self.warmup_steps))


class _Decaying(_Warmed):
    """A form that decays from the end of its warmup until total_steps."""

    length_arg = "total_steps"

    total_steps: int | None = arg(Duration("steps until the lowest learning rate", horizon=True), default=None)
    min_lr: float | Share = unset(Rate("lowest learning rate, or share of the full one"), 0.0)
    decay_progress: str = unset(
        OneOf(
            ("(t-W)/(T-W)", "(t-W+1)/(T-W)", "(t-W)/(T-W-1)"),
            "how far the decay, from W to total_steps T, is at step t",
        ),
        "(t-W)/(T-W)",
    )
    peak: str = unset(
        OneOf(
            ("warmup", "decay"), "what the step of the full learning rate is part of, should the decay be over by then"
        ),
        "decay",
    )

    @property
    def has_peak(self) -> bool:
        return self.peak == "warmup"

    def decayed(self, step: int) -> tuple[int, int]:
        """Return how far the decay is, in steps, and how long."""
        done = step - self.warmup_steps + (self.decay_progress == "(t-W+1)/(T-W)")
        return done, (self.length() or 0) - self.warmup_steps - (self.decay_progress == "(t-W)/(T-W-1)")

    def numbers(self, lr: float) -> Iterator[tuple[str, str]]:
        yield from super().numbers(lr)
        if self.min_lr:
            yield "min_lr" if self.one_lr else "lowest", self.low_code(self.min_lr, lr)

    @property
    def low_name(self) -> str:
        """The variable of the lowest learning rate in its function."""
        return "min_lr" if self.one_lr else "lowest"

    def after_code(self, lr: float) -> Iterator[str]:
        done = " - warmup" * bool(self.warmup_steps) + " + 1" * (self.decay_progress == "(t-W+1)/(T-W)")
        _, steps = self.decayed(0)
        yield f"done, steps = step{done}, {self.steps_code(steps)}"
        yield from self.decay_code(lr)

    def steps_code(self, steps: int) -> str:
        """Return the length of the decay in Python."""
        if steps < 1 or self.decay_progress == "(t-W)/(T-W-1)" or not self.warmup_steps:
            return literal(steps)
        return f"{literal(self.length())} - warmup"

    def decay_code(self, lr: float) -> Iterator[str]:
        """Yield the lines of its function where `done` of the decay's `steps` are behind."""
        raise NotImplementedError

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        yield from view.span(self.warmup_steps, self.length() or 0, "until total_steps", view.rate(self.warmup_steps))
        last = (self.length() or 0) - (self.decay_progress != "(t-W)/(T-W)")
        if last <= view.last + 1:  # a run as long as the decay ends one step before it
            yield from view.point(min(last, view.last), "min_lr")


class WarmupCosine(_Decaying):
    """Warm up, then decay along a cosine.

        lr_t = lr_init + (lr - lr_init) * t / W                     t < W
        lr_t = lr_min + (lr - lr_min) * (1 + cos(2 pi c p)) / 2     else

        W = warmup_steps, c = num_cycles, p = (t - W) / (T - W),
        T = total_steps * decay_until; other steps 0 and ends: *_progress

    First step: lr_init, 0; with warmup_progress (t+1)/W one W-th of the learning rate.

    Past its end: min_lr; with past_end continue the cosine rises again, with hold its last value stays.

    Source: nanoGPT's get_lr; the presets are held to torchtune 0.6.1's get_cosine_schedule_with_warmup, litgpt 0.5.13's
    pretrain.get_lr, nanoGPT (nanogpt-2023: before December 2024), ai2-olmo 0.6.0's CosWithWarmup and axolotl 0.19.0's
    three cosines.
    """

    name = "warmup-cosine"
    shape = "▁▄▇██▇▇▆▅▄▄▃▂▁▁▁"
    example = {"warmup_steps": 6, "min_lr": "10%"}
    no_warmup = ("warmup-cosine warms up itself: give warmup_steps", "")
    presets = {
        "torchtune": {"past_end": "continue"},
        "litgpt": {**ONE_LR, "min_lr": 4e-5},
        "nanogpt": {**ONE_LR, "min_lr": 6e-5, "warmup_progress": "(t+1)/(W+1)"},
        "nanogpt-2023": {**ONE_LR, "min_lr": 6e-5},
        "olmo": {**ONE_LR, **FROM_ONE, "warmup_init_lr": Share("10%", 0.1), "min_lr": Share("10%", 0.1)},
        "axolotl": {"past_end": "continue"},
        "axolotl-constant": {"past_end": "hold"},
        "axolotl-quadratic": {"past_end": "continue", "warmup_mode": "quadratic"},
    }

    preset: str | None = preset_of(presets)
    num_cycles: float = unset(Real("waves of the cosine", above=0), 0.5)
    decay_until: float = unset(Real("share of total_steps after which the decay is over", minimum=0, maximum=1), 1.0)
    past_end: str = unset(OneOf(("minimum", "hold", "continue"), "what comes after the decay"), "minimum")

    def length(self) -> int | None:
        return None if self.total_steps is None else int(self.total_steps * self.decay_until)

    def lr_at(self, step: int, start: GroupStart) -> float:
        warm = self.warmed(step, start)
        if warm is not None:
            return warm
        done, steps = self.decayed(step)
        if done >= steps and self.past_end == "minimum":
            return self.between(start, self.min_lr, 0)
        done, steps = min(done, steps) if self.past_end == "hold" else done, max(1, steps)
        angle = math.pi * done / steps  # in the order of the library: near the minimum the last bit is seen
        if self.preset != "olmo" or self.num_cycles != HALF:
            angle = math.pi * self.num_cycles * 2.0 * (done / steps)
        return self.between(start, self.min_lr, 0.5 * (1.0 + math.cos(angle)))

    def steps_code(self, steps: int) -> str:
        return super().steps_code(steps if self.past_end == "minimum" else max(1, steps))

    def decay_code(self, lr: float) -> Iterator[str]:
        if self.past_end == "minimum":
            yield "if done >= steps:"
            yield f"    return {self.lowest_code(self.min_lr, self.low_name)}"
        elif self.past_end == "hold":
            yield "done = min(done, steps)"
        angle = "math.pi * done / steps"
        if self.preset != "olmo" or self.num_cycles != HALF:
            waves = "" if self.num_cycles == HALF else f" * {literal(self.num_cycles)} * 2.0"
            angle = f"math.pi{waves} * (done / steps)"
        yield f"height = 0.5 * (1 + math.cos({angle}))"
        yield f"return {self.between_code(self.min_lr, self.low_name, 'height')}"


class WarmupPolynomial(_Decaying):
    """Warm up, then decay along a polynomial, a line if its power is 1.

        lr_t = lr_init + (lr - lr_init) * t / W        t < W
        lr_t = lr_min + (lr - lr_min) * (1 - p)^power  else

        W = warmup_steps, T = total_steps, p = (t - W) / (T - W);
        other steps 0 and ends: *_progress

    First step: lr_init, 0; with warmup_progress (t+1)/W one W-th of the learning rate.

    Past its end: min_lr.

    Source: the presets are held to fairseq 0.12.2's polynomial_decay and ai2-olmo 0.6.0's LinearWithWarmup.
    """

    name = "warmup-polynomial"
    shape = "▁▄▇█▆▅▄▃▃▂▁▁▁▁▁▁"
    example = {"warmup_steps": 6, "power": 2.0}
    no_warmup = ("warmup-polynomial warms up itself: give warmup_steps", "")
    presets = {
        "fairseq": {**ONE_LR, "peak": "warmup"},
        "olmo": {**ONE_LR, **FROM_ONE, "warmup_init_lr": Share("10%", 0.1), "min_lr": Share("10%", 0.1)},
    }

    preset: str | None = preset_of(presets)
    power: float = unset(Real("exponent", minimum=0), 1.0)

    def lr_at(self, step: int, start: GroupStart) -> float:
        warm = self.warmed(step, start)
        if warm is not None:
            return warm
        done, steps = self.decayed(step)
        if self.preset == "olmo" and self.power == 1 and done < steps:  # in its order: the last bit is seen near 0
            base = self.base(start)
            return base - (base - self.between(start, self.min_lr, 0)) * (done / steps)
        left = 0.0 if done >= steps else (1 - done / steps) ** self.power
        return self.between(start, self.min_lr, left)

    @property
    def mode(self) -> str:
        return "each" if self._is_line and super().mode == "factor" else super().mode

    @property
    def _is_line(self) -> bool:
        """Whether it is computed as olmo's line."""
        return self.preset == "olmo" and self.power == 1

    def decay_code(self, lr: float) -> Iterator[str]:
        lowest = self.lowest_code(self.min_lr, self.low_name)
        yield "if done >= steps:"
        yield f"    return {lowest}"
        if self._is_line:
            yield f"return {self.base_code} - ({self.base_code} - {lowest}) * (done / steps)"
            return
        power = "" if self.power == 1 else f" ** {literal(self.power)}"
        yield f"return {self.between_code(self.min_lr, self.low_name, f'(1 - done / steps){power}')}"


class Wsd(_Warmed):
    """Warm up, stay, and decay at the end.

        lr_t = lr_init + (lr - lr_init) * t / W     t < W
        lr_t = lr                                   t < S
        lr_t = lr_min + (lr - lr_min) * h(q)        q = (t - S) / D, q < 1

        h = 1 - q (linear), (1 + cos(pi q)) / 2 (cosine), 1 - sqrt(q),
        1 - q^2 (1-square), lr * (lr_min / lr)^q (exponential)

        S = decay_start, else T - D, or W with decay_at warmup
        D = decay_steps, else T - S, or T - W - decay_start with decay_at
        warmup; T / 10 without a start

    First step: lr_init, 0; with warmup_progress (t+1)/W one W-th of the learning rate.

    Past its end: min_lr.

    Source: Hu et al. 2024 (MiniCPM), arXiv:2404.06395, and Hägele et al. 2024, arXiv:2405.18392; the presets are held
    to nanotron 0.4's lr_scheduler_builder and pytorch-optimizer 4.1.0's get_wsd_schedule.
    """

    name = "wsd"
    length_arg = "total_steps"
    shape = "▁▆███████████▅▃▁"
    example = {"warmup_steps": 4, "decay_steps": 8}
    no_warmup = ("wsd warms up itself: give warmup_steps", "")
    presets = {
        "nanotron": {"decay_at": "warmup", "warmup_until": "t<=W", "min_lr": Share("100%", 1.0)},
        "pytorch-optimizer": {"decay": "1-sqrt", "min_lr_at_end": True},
    }

    preset: str | None = preset_of(presets)
    total_steps: int | None = arg(Duration("steps until the end of the decay", horizon=True), default=None)
    decay_steps: int | None = arg(
        Duration("steps of the decay", minimum=0, default_text="those from decay_start, or a tenth of total_steps"),
        default=None,
    )
    decay_start: int | None = arg(
        Duration("step at which the decay starts", minimum=0, default_text="decay_steps before the end"), default=None
    )
    decay_at: str = unset(OneOf(("end", "warmup"), "what the decay's lengths are counted from"), "end")
    decay: str = unset(
        OneOf(("linear", "cosine", "1-sqrt", "1-square", "exponential"), "how the learning rate falls"), "linear"
    )
    decay_progress: str = unset(
        OneOf(("(t-S)/D", "(t-S+1)/D"), "how far the decay of D steps from step S is at step t"), "(t-S)/D"
    )
    min_lr: float | Share = unset(Rate("lowest learning rate, or share of the full one"), 0.0)
    min_lr_at_end: bool = unset(Bool("decay to 0, and only then set min_lr (a cosine decays to min_lr)"), False)
    warmup_until: str = unset(OneOf(("t<W", "t<=W"), "t<=W: step 0 is one of the warmup even where W is 0"), "t<W")

    def _problems(self) -> Iterator[Problem]:
        if self.decay == "exponential" and not (self.min_lr.factor if isinstance(self.min_lr, Share) else self.min_lr):
            yield Problem(field="min_lr", message="must be above 0 for an exponential decay, which never comes to 0")

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        """Return the spec with the lengths that it was not given."""
        spec = super().resolved(length, known)
        assert isinstance(spec, Wsd)
        total, start, steps = spec.total_steps or 0, spec.decay_start, spec.decay_steps
        if self.decay_at == "warmup":
            steps = total - self.warmup_steps - (start or 0) if steps is None else steps
            start = self.warmup_steps if start is None else start
        elif start is None:
            steps = max(1, round(total / 10)) if steps is None else steps
            start = total - steps
        steps = total - start if steps is None else steps
        return replace(spec, decay_start=max(0, start), decay_steps=max(0, steps))

    def length(self) -> int | None:
        return self.total_steps if self.decay_start is None else self.decay_start + (self.decay_steps or 0)

    def lr_at(self, step: int, start: GroupStart) -> float:
        if self.warmup_until == "t<=W" and step == self.warmup_steps:
            return self.between(start, self.warmup_init_lr, bool(step) or self.warmup_mode == "constant")
        warm = self.warmed(step, start)
        if warm is not None:
            return warm
        first, steps = self.decay_start or 0, self.decay_steps or 0
        if step < first:
            return self.base(start)
        done = step - first + (self.decay_progress == "(t-S+1)/D")
        if done >= steps:
            return self.between(start, self.min_lr, 0)
        if self.preset == "nanotron" and self.decay == "linear":  # in its order: the last bit is seen near 0
            return self.between(start, self.min_lr, steps - done, steps)
        if self.preset == "nanotron" and self.decay == "cosine":
            return self.between(start, self.min_lr, 0.5 * (1.0 + math.cos(math.pi * done / steps)))
        return self._falling(done / steps, start)

    @property
    def mode(self) -> str:
        return "each" if self.decay == "exponential" and super().mode == "factor" else super().mode

    def numbers(self, lr: float) -> Iterator[tuple[str, str]]:
        yield from super().numbers(lr)
        if self.warmup_until == "t<=W" and not self.warmup_steps and self.warmup_init_lr:
            yield "first", self.low_code(self.warmup_init_lr, lr)
        if self.min_lr:
            yield "lowest", self.low_code(self.min_lr, lr)

    def warmup_code(self) -> Iterator[str]:
        if self.warmup_until == "t<=W":
            is_full = bool(self.warmup_steps) or self.warmup_mode == "constant"
            yield f"if step == {literal(self.warmup_steps)}:"
            yield f"    return {self.between_code(self.warmup_init_lr, 'first', '1.0' if is_full else '0.0')}"
        yield from super().warmup_code()

    def after_code(self, lr: float) -> Iterator[str]:
        first, steps = self.decay_start or 0, self.decay_steps or 0
        if first > self.warmup_steps - (self.warmup_progress == "(t+1)/W"):
            yield f"if step < {literal(first)}:"
            yield f"    return {self.base_code}"
        more = " + 1" * (self.decay_progress == "(t-S+1)/D")
        yield f"done, steps = step{f' - {literal(first)}' * bool(first)}{more}, {literal(steps)}"
        yield "if done >= steps:"
        yield f"    return {self.lowest_code(self.min_lr, 'lowest')}"
        yield f"return {self._falling_code()}"

    def _falling_code(self) -> str:
        """Return what it falls to at `done` of `steps`, in Python."""
        if self.decay == "exponential":
            full, low = self.base_code, self.lowest_code(self.min_lr, "lowest")
            return f"{full} * math.pow({low} / {full}, done / steps)"
        if self.preset == "nanotron" and self.decay == "linear":
            return self.between_code(self.min_lr, "lowest", "(steps - done)", "steps")
        angle = "math.pi * done / steps" if self.preset == "nanotron" else "math.pi * (done / steps)"
        if self.decay == "cosine":
            return self.between_code(self.min_lr, "lowest", f"(0.5 * (1 + math.cos({angle})))")
        left = {"linear": "done / steps", "1-sqrt": "math.sqrt(done / steps)", "1-square": "(done / steps) ** 2"}
        return self.between_code(0.0 if self.min_lr_at_end else self.min_lr, "lowest", f"(1 - {left[self.decay]})")

    def _falling(self, done: float, start: GroupStart) -> float:
        """Return the learning rate so far down the decay."""
        if self.decay == "exponential":
            full = self.base(start)
            return full * math.pow(self.between(start, self.min_lr, 0) / full, done)
        if self.decay == "cosine":
            return self.between(start, self.min_lr, 0.5 * (1.0 + math.cos(math.pi * done)))
        left = 1 - {"linear": done, "1-sqrt": math.sqrt(done), "1-square": done**2}[self.decay]
        return self.between(start, 0.0 if self.min_lr_at_end else self.min_lr, left)

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from super().annotations(view)
        yield from view.span(self.decay_start or 0, self.length() or 0, "decay_steps", view.peak)


class InverseSqrt(_Warmed):
    """Warm up, then decay with the inverse square root of the step.

        lr_t = lr_init + (lr - lr_init) * t / W       t < W
        lr_t = lr * sqrt(k) / sqrt(t + k - W)         else

        W = warmup_steps, k = timescale, else W

    First step: lr_init, 0; with warmup_progress (t+1)/W one W-th of the learning rate.

    Past its end: it has none, and goes on.

    Source: Vaswani et al. 2017, arXiv:1706.03762; the presets are held to fairseq 0.12.2's inverse_sqrt and ai2-olmo
    0.6.0's InvSqrtWithWarmup.
    """

    name = "inverse-sqrt"
    shape = "▁▄▇█▇▆▅▅▅▄▄▄▄▄▄▄"
    example = {"warmup_steps": 6}
    no_warmup = ("inverse-sqrt warms up itself: give warmup_steps", "")
    presets = {
        "fairseq": ONE_LR,
        "olmo": {**ONE_LR, "warmup_progress": "(t+1)/W", "decay_count": "t+1", "warmup_init_lr": Share("10%", 0.1)},
    }

    preset: str | None = preset_of(presets)
    timescale: int | None = arg(
        Duration("steps that the decay is measured in", default_text="warmup_steps"), default=None
    )
    decay_count: str = unset(OneOf(("t", "t+1"), "what the decay counts step t as"), "t")

    def _problems(self) -> Iterator[Problem]:
        if not self.warmup_steps and not self.timescale:
            message = "must be > 0, or timescale be given: the decay is measured in them"
            yield Problem(field="warmup_steps", message=message)

    def lr_at(self, step: int, start: GroupStart) -> float:
        warm = self.warmed(step, start)
        if warm is not None:
            return warm
        scale = self.timescale or self.warmup_steps
        count = step + (self.decay_count == "t+1") + scale - self.warmup_steps
        falling: float = (self.base(start) * scale**0.5) * count**-0.5
        return falling

    @property
    def mode(self) -> str:
        return "one" if self.one_lr else "each"

    def after_code(self, lr: float) -> Iterator[str]:
        scale = self.timescale or self.warmup_steps
        more = (self.decay_count == "t+1") + scale - self.warmup_steps
        count = f"(step + {literal(more)})" if more else "step"
        yield f"return {self.base_code} * {literal(scale)} ** 0.5 * {count} ** -0.5"


class Noam(_Form):
    """Warm up, then decay with the inverse square root of the step, as the Transformer's paper does.

        lr_t = f * k * min(s^-0.5, s * W^-1.5)

        f = factor, else the learning rate, W = warmup_steps, s = count,
        k = model_size^-0.5, or without it W^0.5: then f is the peak

    First step: f * k * W^-1.5; with count t the learning rate itself.

    Past its end: it has none, and goes on.

    Source: Vaswani et al. 2017, arXiv:1706.03762; the presets are held to the Annotated Transformer's rate (2022) and
    NoamOpt (2018), and to SpeechBrain 1.1.2's NoamScheduler.
    """

    name = "noam"
    shape = "▁▄▆█▇▇▆▆▅▅▅▅▄▄▄▄"
    example = {"warmup_steps": 8}
    no_warmup = ("noam warms up itself: give warmup_steps", "")
    presets = {
        "annotated-transformer": {"count": "max(1,t)", "model_size": 512},
        "noamopt": {"model_size": 512, "factor": 2.0},
        "speechbrain": {**ONE_LR, "count": "t"},
    }

    preset: str | None = preset_of(presets)
    warmup_steps: int = unset(Duration("steps until the peak"), 4000)
    model_size: int | None = unset(Count("width of the model, which lowers the peak", default_text="none"), None)
    factor: float | None = unset(
        Real("what is scaled, in place of the learning rate", above=0, default_text="the learning rate"), None
    )
    count: str = unset(OneOf(("t+1", "max(1,t)", "t"), "what step t counts as; t: step 0 is left alone"), "t+1")

    def lr_at(self, step: int, start: GroupStart) -> float:
        if self.count == "t" and step == 0:
            return start.lr
        number = step + 1 if self.count == "t+1" else max(1, step)
        return self._scaled(self.base(start) if self.factor is None else self.factor, number)

    @property
    def mode(self) -> str:
        if self.count == "t":
            return "each"
        return "one" if self.one_lr or self.factor is not None else "factor"

    def _function(self, lr: float) -> Iterator[str]:
        size = "warmup ** 0.5" if self.model_size is None else f"{literal(self.model_size)} ** -0.5"
        full = self.factor if self.factor is not None else lr if self.one_lr else None
        yield f"warmup = {literal(self.warmup_steps)}"
        if self.count == "t":
            yield from ("if step == 0:", "    return base_lr", "count = step")
        else:
            yield f"count = {'step + 1' if self.count == 't+1' else 'max(1, step)'}"
        scale = f"{size} * min(count ** -0.5, count * warmup ** -1.5)"
        base = literal(full) if full is not None else "base_lr"
        yield f"return {scale}" if self.mode == "factor" else f"return {base} * ({scale})"

    def _scaled(self, lr: float, number: int) -> float:
        size: float = self.warmup_steps**0.5 if self.model_size is None else self.model_size**-0.5
        scale: float = size * min(number**-0.5, number * self.warmup_steps**-1.5)
        return lr * scale

    @property
    def ignores_base_lr(self) -> bool:
        return self.factor is not None

    def target_lr(self, base_lr: float, group: int) -> float:
        return self._scaled(base_lr if self.factor is None else self.factor, self.warmup_steps)

    def annotations(self, view: View) -> Iterator[Annotation]:
        peak = self.warmup_steps - (self.count == "t+1")
        yield from view.span(0, peak, "warmup_steps", view.rate(peak))


class Rex(_Decaying):
    """Warm up, then decay along a reflected exponential: slowly at first, and fast at the end.

        lr_t = lr_init + (lr - lr_init) * t / W                         t < W
        lr_t = lr_min + (lr - lr_min) * z / (a + (1 - a) * z)           else

        W = warmup_steps, T = total_steps, a = alpha, z = 1 - (t - W) / (T - W);
        other steps 0 and ends: *_progress

    First step: lr_init, 0; with warmup_progress (t+1)/W one W-th of the learning rate.

    Past its end: min_lr.

    Source: Chen et al. 2021, arXiv:2107.04197; the preset is held to axolotl 0.19.0's RexLR, whose alpha is 0.1.
    """

    name = "rex"
    shape = "▁▆██▇▇▆▆▆▅▅▄▃▂▂▁"
    example = {"warmup_steps": 4}
    no_warmup = ("rex warms up itself: give warmup_steps", "")
    presets = {"axolotl": {**FROM_ONE, "alpha": 0.1, "peak": "warmup", "one_min_lr": True}}

    preset: str | None = preset_of(presets)
    alpha: float = unset(Real("how straight it falls: 1 is a line", above=0, maximum=1), 0.5)
    one_min_lr: bool = unset(Bool("set one lowest learning rate in every group at the end"), False)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        """Return the spec with its length; raises SpecError for a warmup or a lowest rate above the whole."""
        spec = super().resolved(length, known)
        total = getattr(spec, "total_steps", 0)
        if self.warmup_steps > total:
            message = f"must be at most total_steps, {total:,}, not {self.warmup_steps:,}"
            raise SpecError(Problem(field="warmup_steps", message=message))
        full, low = known.default_lr, self.min_lr
        if full is not None and (low.factor > 1 if isinstance(low, Share) else low > full):
            raise SpecError(Problem(field="min_lr", message=f"must be at most the learning rate, {full:g}, not {low}"))
        return spec

    def lr_at(self, step: int, start: GroupStart) -> float:
        warm = self.warmed(step, start)
        if warm is not None:
            return warm
        done, steps = self.decayed(step)
        if done >= steps and self.one_min_lr:
            return self.min_lr.of(start.default_lr) if isinstance(self.min_lr, Share) else self.min_lr
        left = 0.0 if done >= steps else (steps - done) / steps
        return self.between(start, self.min_lr, left / (self.alpha + (1 - self.alpha) * left))

    @property
    def mode(self) -> str:
        return "each" if self.one_min_lr and not self.one_lr else super().mode

    def decay_code(self, lr: float) -> Iterator[str]:
        lowest = self.lowest_code(self.min_lr, self.low_name)
        if self.one_min_lr:
            low = self.min_lr
            lowest = f"{literal(lr)} * {literal(low.factor)}" if isinstance(low, Share) else literal(low)
        yield "if done >= steps:"
        yield f"    return {lowest}"
        yield "left = (steps - done) / steps"
        height = f"({literal(self.alpha)} + {literal(1 - self.alpha)} * left)"
        yield f"return {self.between_code(self.min_lr, self.low_name, f'(left / {height})')}"


class TriStage(_Form):
    """Warm up, hold, and decay exponentially.

        lr_t = lr * (i + (1 - i) * t / W)            t < W
        lr_t = lr                                    t < W + H
        lr_t = lr * exp(ln(f) * (t - W - H) / D)     t <= W + H + D

        i = init_lr_scale, f = final_lr_scale, W, H, D = warmup_steps,
        hold_steps, decay_steps, or shares of total_steps, phase_ratio

    First step: lr * init_lr_scale; with first lr the learning rate itself.

    Past its end: lr * final_lr_scale; with past_end continue it decays on.

    Source: Park et al. 2019 (SpecAugment), arXiv:1904.08779; the presets are held to fairseq 0.12.2's tri_stage and
    SpeechBrain 1.1.2's TriStageLRSchedule.
    """

    name = "tri-stage"
    shape = "▁▄▇███████▃▁▁▁▁▁"
    example = {"warmup_steps": 6, "hold_steps": 12, "decay_steps": 13}
    no_warmup = ("tri-stage warms up itself: give warmup_steps", "")
    presets = {
        "fairseq": ONE_LR,
        "speechbrain": {**ONE_LR, "final_lr_scale": 0.05, "past_end": "continue", "first": "lr"},
    }

    preset: str | None = preset_of(presets)
    warmup_steps: int = unset(Duration("steps of the first stage", minimum=0), 0)
    hold_steps: int = unset(Duration("steps of the second stage", minimum=0), 0)
    decay_steps: int = unset(Duration("steps of the third stage", minimum=0), 0)
    phase_ratio: tuple[float, ...] | None = arg(
        ListOf(Real("share of total_steps of each stage, instead of their steps", minimum=0), length=3), default=None
    )
    total_steps: int | None = arg(Duration("steps that phase_ratio is a share of", horizon=True), default=None)
    init_lr_scale: float = unset(Real("factor at the start", minimum=0), 0.01)
    final_lr_scale: float = unset(Real("factor at the end", above=0), 0.01)
    first: str = unset(OneOf(("warmup", "lr"), "what the first step trains with"), "warmup")
    past_end: str = unset(OneOf(("minimum", "continue"), "what comes after the decay"), "minimum")

    def _problems(self) -> Iterator[Problem]:
        if self.phase_ratio is None and not self.decay_steps:
            message = "must be > 0, or phase_ratio be given: the decay is measured in them"
            yield Problem(field="decay_steps", message=message)
        if self.phase_ratio is not None and sum(self.phase_ratio) != 1:
            message = f"must add up to exactly 1.0, not {sum(self.phase_ratio)!r}"
            yield Problem(field="phase_ratio", message=message)

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        """Return the spec with its stages in steps; raises SpecError for a decay of none."""
        spec = super().resolved(length, known)
        assert isinstance(spec, TriStage)
        if spec.phase_ratio is None:
            return spec
        warmup, hold, decay = (int((spec.total_steps or 0) * share) for share in spec.phase_ratio)
        if not decay:
            message = f"leaves the decay no step of the {spec.total_steps:,}"
            raise SpecError(Problem(field="phase_ratio", message=message))
        return replace(spec, warmup_steps=warmup, hold_steps=hold, decay_steps=decay)

    def length(self) -> int | None:
        return self.warmup_steps + self.hold_steps + self.decay_steps or None

    def lr_at(self, step: int, start: GroupStart) -> float:
        peak, held = self.base(start), self.warmup_steps + self.hold_steps
        if step == 0 and self.first == "lr":
            return start.lr
        if step < self.warmup_steps:
            low = self.init_lr_scale * peak
            return low + (peak - low) / self.warmup_steps * step
        if step < held:
            return peak
        if step > held + self.decay_steps and self.past_end == "minimum":
            return self.final_lr_scale * peak
        return peak * math.exp(math.log(self.final_lr_scale) / self.decay_steps * (step - held))

    @property
    def mode(self) -> str:
        return "each" if self.first == "lr" or not self.one_lr else "one"

    def _function(self, lr: float) -> Iterator[str]:
        held, warmup, end = self.warmup_steps + self.hold_steps, self.warmup_steps, self.final_lr_scale
        peak = literal(lr) if self.one_lr else "base_lr"
        if self.first == "lr":
            yield from ("if step == 0:", "    return base_lr")
        if warmup:
            yield f"if step < {literal(warmup)}:"
            yield f"    low = {literal(self.init_lr_scale)} * {peak}"
            yield f"    return low + ({peak} - low) / {literal(warmup)} * step"
        if held > warmup:
            yield from (f"if step < {literal(held)}:", f"    return {peak}")
        if self.past_end == "minimum":
            yield f"if step > {literal(held + self.decay_steps)}:"
            yield f"    return {literal(end)} * {peak}"
        falling = f"math.log({literal(end)}) / {literal(self.decay_steps)} * (step - {literal(held)})"
        yield f"return {peak} * math.exp({falling})"

    def annotations(self, view: View) -> Iterator[Annotation]:
        held = self.warmup_steps + self.hold_steps
        yield from view.span(0, self.warmup_steps, "warmup_steps", view.peak)
        yield from view.span(self.warmup_steps, held, "hold_steps", view.peak)
        yield from view.span(held, held + self.decay_steps, "decay_steps", view.peak)
        yield from view.point(held + self.decay_steps, f"{BASE} * final_lr_scale")
