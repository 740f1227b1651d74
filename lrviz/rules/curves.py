"""Rules about the shape of the curve, which hold for functions and for schedulers that nobody knows yet."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers import (
    SWALR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    MultiplicativeLR,
    StepLR,
)
from lrviz.rules.case import Case, Part, counted, percent
from lrviz.rules.changes import Change
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule, rule
from lrviz.rules.shapes import rises_again, still_rises

HIGH = 0.9  # of the peak
LOW = 0.5  # of the peak, or of the base rate
ABSOLUTE = 0.1  # a rate, rather than a factor, is at most this

_RUN = {"epochs": 4, "steps_per_epoch": 8}


def _is_by_hand(case: Case) -> bool:
    """Return whether nothing can be said of the curve: somebody wrote it number by number, or it has no end."""
    return case.scheduler.sets_rate_by_hand or case.trace.failure is not None


@rule(
    "still-rising",
    "warning",
    "a learning rate that is still rising when the run ends",
    why="The warmup takes the whole run, or is longer: the rate that was chosen is met at the last step or never, and "
    "nothing is annealed.",
    instead="Shorten the warmup to a small share of the run, or let the run be longer.",
    example={"run": _RUN, "scheduler": {"name": "lambda", "lr_lambda": "min(1, (step + 1) / 100)"}},
    near_miss={"run": _RUN, "scheduler": {"name": "lambda", "lr_lambda": "min(1, (step + 1) / 8)"}},
    explains=("far-below-base",),
)
def still_rising(case: Case) -> Iterator[Finding]:
    """Leave out a range test and what somebody sets by hand, which rise on purpose, and cycles."""
    if case.scheduler.starts_low or _is_by_hand(case) or any(part.spec.repeats for part in case.parts):
        return
    for _, _, group in case.groups():
        if still_rises(group, case.clock.stride):
            message = (
                f"the learning rate is still rising when the run ends{case.of_group(group.name)}: the highest, "
                f"{group.summary.peak:.3g}, is that of the last step"
            )
            fix = f"Shorten the warmup to a small share of the {counted(case.clock.scheduler_steps, 'scheduler step')}"
            yield case.finding(message, fix, case.clock.steps - 1)
            return


@rule(
    "rises-again",
    "warning",
    "a learning rate that falls to its minimum and then climbs again until the run ends",
    why="A cosine written as a function goes on past its end: the rate rises, and undoes what annealing had done.",
    instead="Let the function end where the run does, or hold its last value: max(eta_min, …), min(1, step / length).",
    example={"run": _RUN, "scheduler": {"name": "lambda", "lr_lambda": "0.5 * (1 + cos(pi * step / 24))"}},
    near_miss={"run": _RUN, "scheduler": {"name": "lambda", "lr_lambda": "0.5 * (1 + cos(pi * step / total))"}},
    explains=("ends-high",),
)
def climbs_again(case: Case) -> Iterator[Finding]:
    """Look past schedules that are made to rise again."""
    if _is_by_hand(case) or any(part.spec.repeats or isinstance(part.spec, SWALR) for part in case.parts):
        return
    for _, _, group in case.groups():
        step = rises_again(group)
        if step is not None:
            message = (
                f"the learning rate is at its lowest, {group.lr[step]:.3g}, at step {step:,} of {case.trace.steps:,}"
                f"{case.of_group(group.name)}, rises again and ends at {group.lr[-1]:.3g}, "
                f"{percent(group.lr[-1], group.summary.peak)} of the peak"
            )
            yield case.finding(message, "Let the schedule end where the run does, or hold its last value", step)
            return


@rule(
    "ends-high",
    "warning",
    "a learning rate that had come down and ends near its peak",
    why="The run ends just after a restart, or at the top of a cycle: the last steps shake the weights that the "
    "annealing before them had settled.",
    instead="Choose the period so that the run ends at the end of one.",
    example={"run": {"steps": 33}, "scheduler": {"name": "cosine-restarts", "T_0": 8}},
    near_miss={"run": {"steps": 33}, "scheduler": {"name": "cosine-restarts", "T_0": 11}},
)
def ends_high(case: Case) -> Iterator[Finding]:
    if _is_by_hand(case):
        return
    for _, _, group in case.groups():
        peak, last = group.summary.peak, group.lr[-1]
        low = min(group.lr[group.summary.peak_step :])
        if not (math.isfinite(peak) and last >= HIGH * peak > 0 and low <= LOW * peak):
            continue
        fix, changes = _another_period(case)
        message = (
            f"the learning rate comes down to {low:.3g} and ends at {last:.3g}, {percent(last, peak)} of its peak"
            f"{case.of_group(group.name)}"
        )
        yield case.finding(message, fix, case.clock.steps - 1, changes)
        return


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
    "a function, or steps of a decay, that never change the learning rate",
    why="The schedule is there and does nothing: the decay that was meant comes after the end of the run, or not at "
    "all.",
    instead="Let it decay within the run, or leave the scheduler out.",
    example={"run": _RUN, "scheduler": {"name": "lambda", "lr_lambda": "0.1 ** (epoch // 100)"}},
    near_miss={"run": _RUN, "scheduler": {"name": "lambda", "lr_lambda": "0.1 ** (epoch // 20)"}},
)
def never_moves(case: Case, part: Part) -> Iterator[Finding]:
    """Look at what is active when the run ends; a plateau has a rule of its own."""
    spec, steps = part.spec, part.steps
    if isinstance(spec, StepLR) and part.is_last and spec.gamma != 1 and 0 < steps <= spec.step_size:
        message = f"{part.name} decays after {counted(spec.step_size, 'step')} and has {steps:,}: it never does"
        changes = part.change(step_size=max(1, steps // 3)) if steps > 1 else ()
        yield case.finding(message, f"Choose a step_size below {steps:,}", None, changes)
    is_function = (
        isinstance(spec, (LambdaLR, MultiplicativeLR)) and part.owner is None and not _is_constant(spec.lr_lambda)
    )
    groups = [group for _, _, group in case.groups()]
    if is_function and steps > 1 and groups and all(min(group.lr) == max(group.lr) for group in groups):
        message = (
            f"the function of {part.name} never changes the learning rate: it is {groups[0].lr[0]:.3g} in every step"
        )
        yield case.finding(message, "Let it change within the run, or leave the scheduler out", 0)


def _is_constant(function: object) -> bool:
    """Return whether a function is written as a number, and so means to be one."""
    functions = function if isinstance(function, tuple) else (function,)
    return all(isinstance(one, Expression) and not any(name in one.text for name in one.names) for one in functions)


@rule(
    "far-below-base",
    "warning",
    "a function that keeps the learning rate at half of the optimizer's or less, all along",
    why="LambdaLR's function is a factor: where it never comes near 1, the rate that the optimizer was given is never "
    "trained with.",
    instead="Let the function reach 1, and give the optimizer the highest rate; or set its lr to 1 and return rates.",
    example={
        "optimizer": {"lr": 2e-4},
        "scheduler": {"name": "lambda", "lr_lambda": "0.5 if epoch < 4 else 0.5 * 0.9 ** epoch"},
    },
    near_miss={
        "optimizer": {"lr": 2e-4},
        "scheduler": {"name": "lambda", "lr_lambda": "1 if epoch < 4 else 0.9 ** epoch"},
    },
)
def far_below_base(case: Case) -> Iterator[Finding]:
    """Look at all groups, one of which may be held low; who gives the optimizer a rate of 1 returns rates."""
    groups = list(case.groups())
    if not isinstance(case.scheduler, LambdaLR) or case.trace.failure is not None:
        return
    if not groups or not all(
        0 < base <= ABSOLUTE and 0 <= group.summary.peak <= LOW * base for _, base, group in groups
    ):
        return
    _, base, group = groups[0]
    message = (
        f"the learning rate is never above {group.summary.peak:.3g}, {percent(group.summary.peak, base)} of the "
        f"optimizer's {base:.3g}"
    )
    yield case.finding(
        message, "Let the function reach 1, or give the optimizer the rate that is meant", group.summary.peak_step
    )
