"""Rules about the shape of the curve, which hold for functions and for schedulers that nobody knows yet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from lrviz.errors import counted
from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers import (
    SWALR,
    ConstantLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    Manual,
    Plateau,
    StepLR,
)
from lrviz.rules.case import Case, Part, percent
from lrviz.rules.changes import Change
from lrviz.rules.curve import Curve
from lrviz.rules.finding import Finding
from lrviz.rules.registry import curve_rule, part_rule, toy

HIGH = 0.9  # of the peak
LOW = 0.5  # of the peak, or of the base rate
RISE = 4  # settings that tell a first step from the rise after it
ABSOLUTE = 0.1  # a rate, rather than a factor, is at most this

_RUN = {"epochs": 4, "steps_per_epoch": 8}


def _is_told(case: Case) -> bool:
    """Return whether the curve says something new: not set by hand, or rising on purpose, and with an end."""
    spec = case.scheduler
    return not isinstance(spec, Manual) and not spec.starts_low and case.trace.failure is None


@curve_rule(
    "still-rising",
    "warning",
    "a learning rate that is still rising when the run ends",
    why="The warmup takes the whole run, or is longer: the learning rate that was chosen is met at the last step or "
    "never, and nothing is annealed.",
    instead="Shorten the warmup to a small share of the run, or let the run be longer.",
    example=toy("lambda", run=_RUN, lr_lambda="min(1, (step + 1) / 100)"),
    near_miss=toy("lambda", run=_RUN, lr_lambda="min(1, (step + 1) / 8)"),
    of_logs=True,
    explains=("far-below-base", "minimum-unreached"),
)
def still_rising(case: Case, curve: Curve) -> Finding | None:
    """Leave out cycles, which have a rule for where they end."""
    is_cycle = any(part.spec.repeats for part in case.parts)
    if is_cycle or not _is_told(case) or not curve.still_rises(case.clock.stride):
        return None
    message = (
        f"the learning rate is still rising when the run ends{curve.of_group}: the highest, {curve.summary.peak:.3g}, "
        "is that of the last step"
    )
    fix = f"Shorten the warmup to a small share of the {counted(case.clock.scheduler_steps, 'scheduler step')}"
    return case.finding(message, fix, len(curve.lr) - 1)


@curve_rule(
    "rises-again",
    "warning",
    "a learning rate that falls to its minimum and then climbs again until the run ends",
    why="A cosine written as a function goes on past its end: the learning rate rises, and undoes what annealing had "
    "done.",
    instead="Let the function end where the run does, or hold its last value: max(eta_min, …), min(1, step / length).",
    example=toy("lambda", run=_RUN, lr_lambda="0.5 * (1 + cos(pi * step / 24))"),
    near_miss=toy("lambda", run=_RUN, lr_lambda="0.5 * (1 + cos(pi * step / total))"),
    of_logs=True,
    explains=("ends-high", "minimum-unreached"),
)
def rises_again(case: Case, curve: Curve) -> Finding | None:
    """Leave out schedules that are made to rise again."""
    is_made_to = any(part.spec.repeats or isinstance(part.spec, SWALR) for part in case.parts)
    step = None if is_made_to or not _is_told(case) else curve.rises_from()
    if step is None:
        return None
    last = curve.lr[-1]
    message = (
        f"the learning rate is at its lowest, {curve.low:.3g}, at {case.at(step)} of {case.trace.end:,}"
        f"{curve.of_group}, rises again and ends at {last:.3g}, {percent(last, curve.summary.peak)} of the peak"
    )
    return case.finding(message, "Let the schedule end where the run does, or hold its last value", step)


@curve_rule(
    "starts-again",
    "warning",
    "a learning rate that jumps in the middle of its decay and goes on as it began",
    why="A run was resumed without its scheduler's state, or a function of the step is given the batch of the epoch: "
    "the schedule begins anew, with a second warmup or at the full learning rate, and undoes what was annealed.",
    instead="Save the scheduler's state_dict with the model's, and load it; or count the steps of the whole run.",
    example=toy("lambda", run=_RUN, lr_lambda="1 - (step % 20) / 32"),
    near_miss=toy("lambda", run=_RUN, lr_lambda="1 - step / 32"),
    of_logs=True,
    explains=("ends-high", "rises-again", "still-rising", "minimum-unreached"),
)
def starts_again(case: Case, curve: Curve) -> Finding | None:
    """Leave out schedules that are made to repeat, and restarts from the end of a decay."""
    is_made_to = any(part.spec.repeats for part in case.parts)
    record = None if is_made_to or not _is_told(case) else curve.starts_again()
    if record is None:
        return None
    before, after = curve.lr[record - 1], curve.lr[record]
    message = (
        f"the learning rate jumps from {before:.3g} to {after:.3g} at {case.at(record)} of {case.trace.end:,}"
        f"{curve.of_group}, and goes on as it began: the schedule starts again"
    )
    return case.finding(message, "Load the scheduler's state where the run is resumed", record)


@curve_rule(
    "high-first-step",
    "warning",
    "a first step with the full learning rate, before a warmup that starts far below it",
    why="A scheduler that sets nothing until it is stepped leaves the optimizer's own learning rate to the first step: "
    "the one that a warmup is there to spare. DeepSpeed's did so up to 0.15.2.",
    instead="Use a later version, or set the optimizer's learning rate to that of the warmup's start.",
    example=toy("deepspeed-warmup", run={**_RUN, "deepspeed": "0.15.2"}, warmup_min_lr=1e-4, warmup_num_steps=8),
    near_miss=toy("deepspeed-warmup", run={**_RUN, "deepspeed": "0.15.3"}, warmup_min_lr=1e-4, warmup_num_steps=8),
    of_logs=True,
    explains=("rises-again", "ends-high", "lr-above-peak"),
)
def high_first_step(case: Case, curve: Curve) -> Finding | None:
    """Look at the first settings: one high, then a rise from below; a cycle falls as it likes."""
    first, *others = curve.lr[:: case.clock.stride][:RISE]
    rises = len(others) == RISE - 1 and all(low < high for low, high in pairwise(others))
    is_high = rises and first > 0 and 0 <= others[0] <= LOW * first
    if not is_high or any(part.spec.repeats for part in case.parts) or not _is_told(case):
        return None
    what = f"the learning rate of the first step is {first:.3g}, that of the next {others[0]:.3g}"
    message = f"{what}, from where it rises{curve.of_group}"
    return case.finding(message, "Let the scheduler set the first step, too, as a later version may", 0)


@curve_rule(
    "ends-high",
    "warning",
    "a learning rate that had come down and ends near its peak",
    why="The run ends just after a restart, or at the top of a cycle: the last steps shake the weights that the "
    "annealing before them had settled.",
    instead="Choose the period so that the run ends at the end of one.",
    example=toy("cosine-restarts", run={"steps": 33}, T_0=8),
    near_miss=toy("cosine-restarts", run={"steps": 33}, T_0=11),
    of_logs=True,
    explains=("minimum-unreached",),
)
def ends_high(case: Case, curve: Curve) -> Finding | None:
    peak, last = curve.summary.peak, curve.lr[-1]
    if not _is_told(case) or not (math.isfinite(peak) and last >= HIGH * peak > 0 and curve.low <= LOW * peak):
        return None
    fix, changes = _another_period(case)
    message = (
        f"the learning rate comes down to {curve.low:.3g} and ends at {last:.3g}, {percent(last, peak)} of its peak"
        f"{curve.of_group}"
    )
    return case.finding(message, fix, len(curve.lr) - 1, changes)


def _another_period(case: Case) -> tuple[str, tuple[Change, ...]]:
    """Return how to let the run end at the end of a period: with the nearest length that does."""
    part = next((part for part in case.parts if part.is_last and part.spec.repeats), None)
    length = part.spec.length() if part else None
    if part is None or length is None:
        return "Let the schedule end where the run does", ()
    last = part.steps - 1
    if isinstance(part.spec, CosineAnnealingWarmRestarts):
        others = (length + sign * distance for distance in range(length - 1) for sign in (1, -1))
        period = next((other for other in others if _phase(last, other, part.spec.T_mult) >= 0.75), part.steps)
    else:
        period = part.steps // max(1, round(part.steps / length))
    return f"Choose a period with which the run ends at the end of one: {period:,}", case.resized(part, period)


def _phase(step: int, period: int, factor: int) -> float:
    """Return how far through its period a step of a restart schedule is, from 0 on."""
    while step >= period and factor > 1:
        step, period = step - period, period * factor
    return step % period / period


@part_rule(
    "never-moves",
    "warning",
    "a schedule that never changes the learning rate",
    why="The schedule is there and does nothing: the decay that was meant comes after the end of the run, or not at "
    "all.",
    instead="Let it decay within the run, or leave the scheduler out.",
    example=toy("lambda", run=_RUN, lr_lambda="0.1 ** (epoch // 100)"),
    near_miss=toy("lambda", run=_RUN, lr_lambda="0.1 ** (epoch // 20)"),
    explains=("far-below-base", "minimum-unreached"),
)
def never_moves(case: Case, part: Part) -> Iterator[Finding]:
    """Look at what is active when the run ends; a plateau has a rule of its own."""
    spec, steps = part.spec, part.steps
    if isinstance(spec, StepLR) and part.is_last and spec.gamma != 1 and 0 < steps <= spec.step_size:
        message = f"{part.name} decays after {counted(spec.step_size, 'step')} and has {steps:,}: it never does"
        changes = part.change(step_size=max(1, steps // 3)) if steps > 1 else ()
        yield case.finding(message, f"Choose a step_size below {steps:,}", None, changes)
        return
    is_flat = part.owner is None and steps > 1 and case.curves and all(curve.is_flat for curve in case.curves)
    if is_flat and not _is_meant_flat(case):
        message = f"{part.name} never changes the learning rate: it is {case.curves[0].lr[0]:.3g} in every step"
        yield case.finding(message, "Let it change within the run, or leave the scheduler out", 0)


def _is_meant_flat(case: Case) -> bool:
    """Return whether a schedule may be flat: it says so, has not been read to its end, or has a rule of its own."""
    spec = case.scheduler
    function = getattr(spec, "lr_lambda", None)
    functions = function if isinstance(function, tuple) else (function,)
    says_so = spec.is_flat or isinstance(spec, ConstantLR) or getattr(spec, "gamma", None) == 1
    is_number = all(
        isinstance(one, Expression) and not any(name in one.text for name in one.names) for one in functions
    )
    is_other = isinstance(spec, Plateau) or spec.is_foreign or case.parts[0].is_container or bool(spec.marks())
    return says_so or is_number or is_other or not _is_told(case)


@curve_rule(
    "far-below-base",
    "warning",
    "a function that keeps the learning rate at half of the optimizer's or less, all along",
    why="LambdaLR's function is a factor: where it never comes near 1, the learning rate that the optimizer was given "
    "is never trained with.",
    instead="Let the function reach 1, and give the optimizer the highest learning rate; or set its lr to 1 and "
    "return learning rates.",
    example=toy("lambda", optimizer={"lr": 2e-4}, lr_lambda="0.5 if epoch < 4 else 0.5 * 0.9 ** epoch"),
    near_miss=toy("lambda", optimizer={"lr": 2e-4}, lr_lambda="1 if epoch < 4 else 0.9 ** epoch"),
)
def far_below_base(case: Case, curve: Curve) -> Finding | None:
    """Look at all groups, one of which may be held low; who gives the optimizer a rate of 1 returns rates."""
    is_low = all(0 < one.base <= ABSOLUTE and 0 <= one.summary.peak <= LOW * one.base for one in case.curves)
    if not is_low or not isinstance(case.scheduler, LambdaLR) or not _is_told(case):
        return None
    peak, base = curve.summary.peak, curve.base
    message = f"the learning rate is never above {peak:.3g}, {percent(peak, base)} of the optimizer's {base:.3g}"
    fix = "Let the function reach 1, or give the optimizer the learning rate that is meant"
    return case.finding(message, fix, curve.summary.peak_step)
