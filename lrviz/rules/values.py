"""Rules about the learning rates themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

from lrviz.experiment.schedulers import CosineAnnealingLR, CosineAnnealingWarmRestarts
from lrviz.rules.case import DEAD, Case, Part, first_with, rounded
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule, rule

DEAD_SHARE = 0.05  # of the steps
ABOVE = 1.01  # times the intended peak


@rule(
    "lr-not-finite",
    "error",
    "a learning rate that is NaN or infinite",
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
def lr_not_finite(case: Case) -> Iterator[Finding]:
    for _, _, group in case.groups():
        if math.isfinite(sum(group.lr)):
            continue
        step = first_with(group.lr, lambda rate: not math.isfinite(rate))
        if step is not None:
            message = f"the learning rate is {group.lr[step]} from step {step:,} on{case.of_group(group.name)}"
            yield case.finding(message, "Bound the function, or end it where the run does", step)
            return


@rule(
    "lr-negative",
    "error",
    "a learning rate below zero, which climbs the loss",
    why="torch checks the learning rate when the optimizer is made and never again: a negative one ascends the loss.",
    instead="Keep factors at 0 or above, and OneCycleLR within its total_steps.",
    example={"scheduler": {"name": "lambda", "lr_lambda": "1 - step / 16"}},
    near_miss={"scheduler": {"name": "lambda", "lr_lambda": "max(0, 1 - step / 31)"}},
)
def lr_negative(case: Case) -> Iterator[Finding]:
    for _, _, group in case.groups():
        lowest = min(group.lr)
        if lowest < 0:
            step = first_with(group.lr, lambda rate: rate < 0) or 0
            which = case.of_group(group.name)
            message = f"the learning rate is negative from step {step:,} on, down to {lowest:.3g}{which}"
            fix = "Keep it at 0 or above: max(0, …) in a lambda, total_steps as long as the run"
            yield case.finding(message, fix, step)
            return


@rule(
    "lr-dead",
    "warning",
    "over 5 % of the steps train with less than 1e-4 of the peak",
    why="Those steps cost as much as the others and move nothing.",
    instead="Decay more gently, stop the decay at a lowest rate, or end the run where the learning rate does.",
    example={"scheduler": {"name": "exponential", "gamma": 0.5}},
    near_miss={"scheduler": {"name": "exponential", "gamma": 0.8}},
)
def lr_dead(case: Case) -> Iterator[Finding]:
    """Count the steps that move nothing; a range test starts low on purpose."""
    if case.scheduler.starts_low:
        return
    for _, _, group in case.groups():
        peak, total = max(group.lr), case.trace.steps
        limit = DEAD * peak
        if not peak > 0 or min(group.lr) >= limit:
            continue
        steps = sum(map(partial(_is_dead, limit), group.lr))
        if steps > DEAD_SHARE * total:
            first = first_with(group.lr, partial(_is_dead, limit)) or 0
            message = (
                f"{steps:,} of {total:,} steps ({steps / total:.0%}) train with less than 1e-4 of the peak of "
                f"{peak:.3g}, the first of them step {first:,}{case.of_group(group.name)}"
            )
            fix = "Decay more gently or later, stop at a lowest learning rate, or end the run there"
            yield case.finding(message, fix, first)
            return


def _is_dead(limit: float, rate: float) -> bool:
    return -limit < rate < limit


@rule(
    "lr-above-peak",
    "warning",
    "a learning rate above the highest one that was asked for",
    why="The learning rate that was chosen was the highest that trains well; the schedule goes beyond it, often for "
    "ever.",
    instead="Keep factors and gammas at 1 or below, or give the optimizer the highest rate.",
    example={"scheduler": {"name": "exponential", "gamma": 1.05}},
    near_miss={"scheduler": {"name": "exponential", "gamma": 1.0}},
)
def lr_above_peak(case: Case) -> Iterator[Finding]:
    if any(part.spec.is_foreign for part in case.parts):
        return
    for number, base, group in case.groups():
        peak, wanted = max(group.lr), max(base, case.scheduler.target_lr(base, number))
        if peak > ABOVE * wanted:
            step = first_with(group.lr, (ABOVE * wanted).__lt__) or 0
            message = (
                f"the learning rate rises to {peak:.3g}, above the {wanted:.3g} that was asked for, from step {step:,} "
                f"on{case.of_group(group.name)}"
            )
            yield case.finding(message, "Keep the factor at 1 or below, or ask for the higher learning rate", step)
            return


@part_rule(
    "eta-min-above-lr",
    "error",
    "an eta_min above a group's learning rate, so that the cosine rises",
    why="eta_min is a learning rate, not a factor: where it is above the group's own, annealing raises it.",
    instead="Set eta_min below the lowest learning rate of all groups; 0 is torch's default.",
    example={"optimizer": {"lr": 1e-3}, "scheduler": {"name": "cosine", "eta_min": 0.01}},
    near_miss={"optimizer": {"lr": 1e-3}, "scheduler": {"name": "cosine", "eta_min": 1e-5}},
)
def eta_min_above_lr(case: Case, part: Part) -> Iterator[Finding]:
    if not isinstance(part.spec, (CosineAnnealingLR, CosineAnnealingWarmRestarts)):
        return
    groups, lowest = case.experiment.optimizer.resolved_groups, part.spec.eta_min
    for group in groups:
        if lowest > group.lr:
            whose = f" of group {group.name}" if len(groups) > 1 else ""
            message = (
                f"{part.name} anneals up: eta_min = {lowest:.3g} is above the learning rate{whose}, {group.lr:.3g}"
            )
            snippet = part.snippet(eta_min=rounded(group.lr / 100))
            yield case.finding(message, "Set eta_min below it", case.clock.step_of(part.start), snippet)


@rule(
    "zero-first-step",
    "info",
    "a first step that trains with a learning rate of 0",
    why="The first batch is loaded, run forward and backward, and changes nothing.",
    instead="Start a warmup one step in: (step + 1) / 100 instead of step / 100.",
    example={"scheduler": {"name": "lambda", "lr_lambda": "min(1, step / 8)"}},
    near_miss={"scheduler": {"name": "lambda", "lr_lambda": "min(1, (step + 1) / 8)"}},
)
def zero_first_step(case: Case) -> Iterator[Finding]:
    held = case.clock.stride
    for _, _, group in case.groups():
        if group.lr[0] == 0:
            steps = "step trains" if held == 1 else f"{held:,} steps train"
            message = f"the first {steps} with a learning rate of 0{case.of_group(group.name)}"
            yield case.finding(message, "Start one step further on: (step + 1) / n, or a first rate above 0", 0)
            return
