"""Rules about the learning rates themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    MultiplicativeLR,
)
from lrviz.rules.case import Case, Part, percent, rounded
from lrviz.rules.changes import Change
from lrviz.rules.curve import DEAD, Curve
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import curve_rule, part_rule, toy

WASTED = 0.9  # of the steps
ABOVE = 1.01  # times the intended peak


@curve_rule(
    "lr-not-finite",
    "error",
    "a learning rate that is NaN or infinite",
    why="One step with it makes every weight NaN, and the run is lost from there on.",
    instead="Bound the function, or end it where the run does.",
    example=toy("multiplicative", run={"steps": 400}, optimizer={"lr": 1.0}, lr_lambda="10.0"),
    near_miss=toy("multiplicative", run={"steps": 400}, optimizer={"lr": 1.0}, lr_lambda="0.99"),
    of_logs=True,
    explains=("lr-dead", "lr-above-peak", "still-rising", "ends-high"),
)
def lr_not_finite(case: Case, curve: Curve) -> Finding | None:
    step = None if math.isfinite(sum(curve.lr)) else curve.first(lambda rate: not math.isfinite(rate))
    if step is None:
        return None
    many = sum(not math.isfinite(rate) for rate in curve.lr)
    is_lasting = many == len(curve.lr) - step
    where = f"from {case.at(step)} on" if is_lasting else f"at {case.at(step)}"
    where += f", the first of {case.records(many)}" if many > 1 and not is_lasting else ""
    message = f"the learning rate is {curve.lr[step]} {where}{curve.of_group}"
    return case.finding(message, "Bound the function, or end it where the run does", step)


@curve_rule(
    "lr-negative",
    "error",
    "a learning rate below zero, which climbs the loss",
    why="torch checks the learning rate when the optimizer is made and never again: a negative one ascends the loss.",
    instead="Keep factors at 0 or above, and OneCycleLR within its total_steps.",
    example=toy("lambda", lr_lambda="1 - step / 16"),
    near_miss=toy("lambda", lr_lambda="max(0, 1 - step / 31)"),
    of_logs=True,
    explains=("lr-dead", "rises-again"),
)
def lr_negative(case: Case, curve: Curve) -> Finding | None:
    step = curve.first(lambda rate: rate < 0) if min(curve.lr) < 0 else None
    if step is None:
        return None
    message = f"the learning rate is negative from {case.at(step)} on, down to {min(curve.lr):.3g}{curve.of_group}"
    fix = "Keep it at 0 or above: max(0, …) in a lambda, total_steps as long as the run"
    return case.finding(message, fix, step, _held_at_zero(case))


def _held_at_zero(case: Case) -> tuple[Change, ...]:
    """Return the change that keeps a LambdaLR's expressions at 0 or above, those of the groups that fall below."""
    given = getattr(case.scheduler, "lr_lambda", None)
    functions = given if isinstance(given, tuple) else (given,) * len(case.curves)
    if not isinstance(case.scheduler, LambdaLR) or not all(isinstance(one, Expression) for one in functions):
        return ()
    pairs = zip(functions, case.curves, strict=True)
    held = [f"max(0, {one})" if min(curve.lr) < 0 else str(one) for one, curve in pairs]
    return case.parts[0].change(lr_lambda=held if isinstance(given, tuple) else f"max(0, {given})")


@curve_rule(
    "lr-dead",
    "warning",
    "over 5 % of the steps train with less than 1e-4 of the peak",
    why="Those steps cost as much as the others and move nothing. Over 90 % of them are an error.",
    instead="Decay more gently, stop the decay at a lowest rate, or end the run where the learning rate does.",
    example=toy("exponential", gamma=0.5),
    near_miss=toy("exponential", gamma=0.8),
    of_logs=True,
)
def lr_dead(case: Case, curve: Curve) -> Finding | None:
    """Count the steps that move nothing; a range test starts low on purpose, and a library's warmup at 0."""
    steps, peak, total = curve.dead_steps(), max(curve.lr), len(curve.lr)
    begins_anew = case.trace.seam is not None and case.trace.seam.mode == "restart"
    is_warmup = (case.scheduler.library or begins_anew) and steps == _zeros_at_the_start(case, curve)
    is_end = case.trace.log is not None and (
        steps == 1 or steps == curve.first(bool)
    )  # of few records, of a decay to 0
    if not steps or case.scheduler.starts_low or is_warmup or is_end:
        return None
    first = curve.first(lambda rate: abs(rate) < DEAD * peak) or 0
    message = (
        f"{steps:,} of {case.records(total)} ({percent(steps, total)}) train with less than 1e-4 of the peak of "
        f"{peak:.3g}, the first of them {case.at(first)}{curve.of_group}"
    )
    fix = "Decay more gently or later, stop at a lowest learning rate, or end the run there"
    gentle = float(f"{0.01 ** (1 / case.clock.scheduler_steps):.8g}")  # ends at a hundredth of the peak
    changes = case.parts[0].change(gamma=gentle) if isinstance(case.scheduler, ExponentialLR) else ()
    return case.finding(message, fix, first, changes, "error" if steps > WASTED * total else None)


def _zeros_at_the_start(case: Case, curve: Curve) -> int:
    """Return how many steps train with 0 before the first that does not; where a run goes on from a checkpoint, too."""
    starts = {0, case.trace.seam.step} if case.trace.seam else {0}
    first = ((start, curve.first(bool, start)) for start in starts)
    return sum(step - start for start, step in first if step is not None)


@curve_rule(
    "lr-above-peak",
    "warning",
    "a learning rate above the highest one that was asked for",
    why="The learning rate that was chosen was the highest that trains well; the schedule goes beyond it, often for "
    "ever.",
    instead="Keep factors and gammas at 1 or below, or give the optimizer the highest learning rate.",
    example=toy("exponential", gamma=1.05),
    near_miss=toy("exponential", gamma=1.0),
    explains=("still-rising", "ends-high"),
)
def lr_above_peak(case: Case, curve: Curve) -> Finding | None:
    """Leave out what rises on purpose: a function that comes down again from above 1, and what a metric raises."""
    peak, last = max(curve.lr), curve.lr[-1]
    wanted = max(curve.base, case.scheduler.target_lr(curve.base, curve.number))
    has_function = any(isinstance(part.spec, (LambdaLR, MultiplicativeLR)) for part in case.parts)
    is_meant = (has_function and last <= ABOVE * wanted) or case.scheduler.stepped_with() is not None
    if peak <= ABOVE * wanted or is_meant or any(part.spec.is_foreign for part in case.parts):
        return None
    step = curve.first((ABOVE * wanted).__lt__) or 0
    many = f", {peak / wanted:,.3g} times" if wanted and peak >= 2 * wanted else ", above"
    message = (
        f"the learning rate rises to {peak:.3g}{many} the {wanted:.3g} that was asked for, from step {step:,} on, and "
        f"ends {'there' if last == peak else f'at {last:.3g}'}{curve.of_group}"
    )
    changes = [
        change
        for part in case.parts
        if (gamma := getattr(part.spec, "gamma", 0.0)) > 1
        for change in part.change(gamma=rounded(1 / gamma))
    ]
    return case.finding(message, "Keep the factor at 1 or below, or ask for the higher learning rate", step, changes)


@part_rule(
    "eta-min-above-lr",
    "error",
    "an eta_min above a group's learning rate, so that the cosine rises",
    why="eta_min is a learning rate, not a factor: where it is above the group's own, annealing raises it.",
    instead="Set eta_min below the lowest learning rate of all groups; 0 is torch's default.",
    example=toy("cosine", optimizer={"lr": 1e-3}, eta_min=0.01),
    near_miss=toy("cosine", optimizer={"lr": 1e-3}, eta_min=1e-5),
    explains=("lr-above-peak", "still-rising", "rises-again", "never-peaks"),
)
def eta_min_above_lr(case: Case, part: Part) -> Iterator[Finding]:
    if not isinstance(part.spec, (CosineAnnealingLR, CosineAnnealingWarmRestarts)):
        return
    groups, eta_min = case.experiment.optimizer.resolved_groups, part.spec.eta_min
    group = min(groups, key=lambda group: group.lr)
    if eta_min > group.lr:
        whose = f" of group {group.name}" if len(groups) > 1 else ""
        message = f"{part.name} anneals up: eta_min = {eta_min:.3g} is above the learning rate{whose}, {group.lr:.3g}"
        changes = part.change(eta_min=rounded(group.lr / 100))
        yield case.finding(message, "Set eta_min below it", case.clock.step_of(part.start), changes)


@curve_rule(
    "zero-first-step",
    "info",
    "a first step that trains with a learning rate of 0",
    why="The first batch is loaded, run forward and backward, and changes nothing. Where the scheduler goes on and "
    "the learning rate of all groups stays at 0, it is a warning.",
    instead="Start a warmup one step in: (step + 1) / 100 instead of step / 100.",
    example=toy("lambda", lr_lambda="min(1, step / 8)"),
    near_miss=toy("lambda", lr_lambda="min(1, (step + 1) / 8)"),
    explains=("lr-dead",),
)
def zero_first_step(case: Case, curve: Curve) -> Finding | None:
    """Leave out the warmup of a library, which starts at 0 whatever its user does, where one step is lost."""
    origin = case.experiment.origin
    steps, library = curve.first(bool), case.scheduler.library or (origin.format if origin else "")
    if not steps or (library and steps <= case.clock.stride):
        return None
    trains = "step trains" if steps == 1 else f"{steps:,} steps train"
    message = f"the first {trains} with a learning rate of 0{curve.of_group}"
    if library:
        return case.finding(message, f"Every warmup of {library} from 0 starts so; one from above 0 does not", 0)
    is_long = all((other.first(bool) or 0) > case.clock.stride for other in case.curves)
    severity: Severity | None = "warning" if is_long else None
    return case.finding(message, "Start one step further on: (step + 1) / n, or a first rate above 0", 0, (), severity)
