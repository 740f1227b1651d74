"""Rules about the rates themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import CosineAnnealingLR, CosineAnnealingWarmRestarts, Custom, RangeTest
from lrviz.rules.parts import DEAD, first_with, groups_of, parts, rounded
from lrviz.rules.registry import Hit, rule
from lrviz.trace import GroupTrace, Trace

DEAD_SHARE = 0.05  # of the steps
ABOVE = 1.01  # times the intended peak


def _of_group(trace: Trace, group: GroupTrace) -> str:
    return f" (group {group.name})" if len(trace.groups) > 1 else ""


@rule(
    "lr-not-finite",
    "error",
    "a rate that is NaN or infinite",
    why="One step with it makes every weight NaN, and the run is lost from there on.",
    instead="Bound the function, or end it where the run does.",
    example={
        "run": {"steps": 400},
        "optimizer": {"lr": 1.0},
        "scheduler": {"name": "multiplicative", "lr_lambda": "10.0"},
    },
    near_miss={
        "run": {"steps": 400},
        "optimizer": {"lr": 1.0},
        "scheduler": {"name": "multiplicative", "lr_lambda": "0.99"},
    },
)
def lr_not_finite(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for group in trace.groups if trace else ():
        if math.isfinite(sum(group.lr)):
            continue
        where = first_with(group.lr, lambda rate: not math.isfinite(rate))
        if trace is not None and where is not None:
            message = f"the rate is {group.lr[where]} from step {where:,} on{_of_group(trace, group)}"
            yield Hit(message, "Bound the function, or end it where the run does", where)
            return


@rule(
    "lr-negative",
    "error",
    "a rate below zero, which climbs the loss",
    why="torch checks the rate when the optimizer is made and never again: a negative one ascends the loss.",
    instead="Keep factors at 0 or above, and OneCycleLR within its total_steps.",
    example={"scheduler": {"name": "lambda", "lr_lambda": "1 - step / 16"}},
    near_miss={"scheduler": {"name": "lambda", "lr_lambda": "max(0, 1 - step / 31)"}},
)
def lr_negative(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for group in trace.groups if trace else ():
        lowest = min(group.lr, default=0.0)
        if trace is None or not lowest < 0:
            continue
        step = first_with(group.lr, lambda rate: rate < 0) or 0
        message = f"the rate is negative from step {step:,} on, down to {lowest:.3g}{_of_group(trace, group)}"
        yield Hit(message, "Keep it at 0 or above: max(0, …) in a lambda, total_steps as long as the run", step)
        return


@rule(
    "lr-dead",
    "warning",
    "over 5 % of the steps train with less than 1e-4 of the peak",
    why="Those steps cost as much as the others and move nothing.",
    instead="Decay more gently, stop the decay at a lowest rate, or end the run where the rate does.",
    example={"scheduler": {"name": "exponential", "gamma": 0.5}},
    near_miss={"scheduler": {"name": "exponential", "gamma": 0.8}},
)
def lr_dead(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    """Count steps; a range test starts low on purpose."""
    if isinstance(experiment.scheduler, RangeTest):
        return
    for group in trace.groups if trace else ():
        peak = max(group.lr, default=0.0)
        if trace is None or not peak > 0 or min(group.lr) >= DEAD * peak:
            continue
        limit = DEAD * peak
        steps = sum(1 for rate in group.lr if -limit < rate < limit)
        if steps > DEAD_SHARE * trace.steps:
            first = first_with(group.lr, lambda rate, limit=limit: -limit < rate < limit) or 0
            message = (
                f"{steps:,} of {trace.steps:,} steps ({steps / trace.steps:.0%}) train with less than 1e-4 of the peak"
            )
            message += f" of {peak:.3g}, the first of them step {first:,}{_of_group(trace, group)}"
            yield Hit(message, "Decay more gently or later, stop at a lowest rate, or end the run there", first)
            return


@rule(
    "lr-above-peak",
    "warning",
    "a rate above the highest one that was asked for",
    why="The rate that was chosen was the highest that trains well; the schedule goes beyond it, often for ever.",
    instead="Keep factors and gammas at 1 or below, or give the optimizer the highest rate.",
    example={"scheduler": {"name": "exponential", "gamma": 1.05}},
    near_miss={"scheduler": {"name": "exponential", "gamma": 1.0}},
)
def lr_above_peak(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    spec = experiment.resolved
    if trace is None or isinstance(spec, Custom) or any(isinstance(part.spec, Custom) for part in parts(experiment)):
        return
    for number, base, group in groups_of(experiment, trace):
        peak, wanted = max(group.lr, default=0.0), max(base, spec.target_lr(base, number))
        if peak > ABOVE * wanted:
            step = first_with(group.lr, lambda rate, limit=ABOVE * wanted: rate > limit) or 0
            message = f"the rate rises to {peak:.3g}, above the {wanted:.3g} that was asked for, from step {step:,} on"
            yield Hit(
                message + _of_group(trace, group), "Keep the factor at 1 or below, or ask for the higher rate", step
            )
            return


@rule(
    "eta-min-above-lr",
    "error",
    "an eta_min above a group's rate, so that the cosine rises",
    why="eta_min is a rate, not a factor: where it is above the group's rate, annealing raises it.",
    instead="Set eta_min below the lowest rate of all groups; 0 is torch's default.",
    example={"optimizer": {"lr": 1e-3}, "scheduler": {"name": "cosine", "eta_min": 0.01}},
    near_miss={"optimizer": {"lr": 1e-3}, "scheduler": {"name": "cosine", "eta_min": 1e-5}},
)
def eta_min_above_lr(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    groups = experiment.optimizer.resolved_groups
    for part in parts(experiment):
        if not isinstance(part.spec, (CosineAnnealingLR, CosineAnnealingWarmRestarts)):
            continue
        lowest = part.spec.eta_min
        for group in groups:
            if lowest > group.lr:
                of_group = f" of group {group.name}" if len(groups) > 1 else ""
                message = f"{part.name} anneals up: eta_min = {lowest:.3g} is above the rate{of_group}, {group.lr:.3g}"
                snippet = part.snippet(eta_min=rounded(group.lr / 100))
                yield Hit(message, "Set eta_min below it", experiment.run.clock.step_of(part.start), snippet)


@rule(
    "zero-first-step",
    "info",
    "a first step that trains with a rate of 0",
    why="The first batch is loaded, run forward and backward, and changes nothing.",
    instead="Start a warmup one step in: (step + 1) / 100 instead of step / 100.",
    example={"scheduler": {"name": "lambda", "lr_lambda": "min(1, step / 8)"}},
    near_miss={"scheduler": {"name": "lambda", "lr_lambda": "min(1, (step + 1) / 8)"}},
)
def zero_first_step(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for group in trace.groups if trace else ():
        if trace is not None and len(group.lr) and group.lr[0] == 0:
            message = f"the first {_steps(experiment.run.clock.stride)} with a rate of 0{_of_group(trace, group)}"
            yield Hit(message, "Start one step further on: (step + 1) / n, or a first rate above 0", 0)
            return


def _steps(count: int) -> str:
    return "step trains" if count == 1 else f"{count:,} steps train"
