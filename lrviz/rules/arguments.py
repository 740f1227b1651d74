"""Rules about single arguments that torch takes and then trips over."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.argtypes import FRACTION, TOO_LOW
from lrviz.experiment.schedulers import ConstantLR, LambdaLR, OneCycleLR
from lrviz.rules.case import Case, Part
from lrviz.rules.changes import Change
from lrviz.rules.curves import ABSOLUTE
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule, rule, toy


@part_rule(
    "degenerate-argument",
    "error",
    "a count of 0, or ConstantLR's factor of 0: torch divides by it, or never ends",
    why="LinearLR and ConstantLR with total_iters=0 stay at their start factor for ever; StepLR(0), T_max=0 and "
    "step_size_up=0 divide by zero; ConstantLR(factor=0) divides by zero at its end, mid-run.",
    instead="Leave the scheduler out where it is to last no steps; to freeze, use a small factor.",
    example=toy("constant", factor=0, total_iters=8),
    near_miss=toy("constant", factor=0.01, total_iters=8),
    causes=(TOO_LOW,),
    explains=("zero-first-step",),
)
def degenerate_argument(case: Case, part: Part) -> Iterator[Finding]:
    """Look at what a spec lets through; it refuses counts of 0 itself (see `from_problems`)."""
    spec = part.spec
    if isinstance(spec, ConstantLR) and spec.factor == 0:
        reached = spec.total_iters < part.steps
        step = case.clock.step_of(part.start + spec.total_iters)
        then = (
            f"torch divides by zero at its end, step {step:,}"
            if reached
            else "the learning rate is 0 to the end of the run"
        )
        message = f"{part.name} has factor 0: {then}"
        fix = "Use a small factor instead of 0, or a manual schedule"
        yield case.finding(message, fix, step if reached else 0, part.change(factor=0.01), explains_failure=reached)


@rule(
    "fractional-count",
    "error",
    "a count that is not whole, which never comes or comes elsewhere",
    why="torch compares counts with ==: ConstantLR(total_iters=2.5) never ends, StepLR(2.5) fires every 5 steps, "
    "MultiStepLR([2.0, 3.5]) fires only at 2.",
    instead="Write a whole number, or a duration such as 2ep or 5%, which lrviz rounds.",
    example=toy("step", step_size=2.5, gamma=0.9),
    near_miss=toy("step", step_size=2, gamma=0.9),
    causes=(FRACTION,),
)
def fractional_count(case: Case) -> Iterator[Finding]:
    """Find nothing: an Experiment has whole counts only, and its refusal carries this rule's name."""
    yield from ()


@part_rule(
    "onecycle-phase",
    "error",
    "a pct_start that leaves a phase of OneCycleLR without steps",
    why="pct_start x total_steps = 1 divides by zero in the constructor, below 1 the warmup is skipped, and pct_start "
    "= 1 divides by zero at the last step. With three_phase and pct_start above 0.5 the cycle never gets to its "
    "minimum.",
    instead="Let the warmup have at least 2 steps and leave some for the descent; at most half with three_phase.",
    example=toy("onecycle", optimizer={"momentum": 0.95}, max_lr=0.1, pct_start=0.01),
    near_miss=toy("onecycle", optimizer={"momentum": 0.95}, max_lr=0.1, pct_start=0.1),
)
def onecycle_phase(case: Case, part: Part) -> Iterator[Finding]:
    spec, total = part.spec, part.spec.length()
    if not isinstance(spec, OneCycleLR) or total is None:
        return
    warmup, last = spec.pct_start * total, case.clock.step_of(part.start + total - 1)
    start = case.clock.step_of(part.start)
    enough = part.change(pct_start=0.3 if 0.3 * total > 1 else 0.5)
    what = f"{part.name}: pct_start = {spec.pct_start:g} of {total:,} steps"
    if warmup == 1:
        message = f"{what} is 1, and torch divides by zero when it is built"
        yield case.finding(message, "Warm up for 2 or more", start, enough, explains_failure=True)
    elif warmup < 1:
        yield case.finding(f"{what} is below 1: the warmup is skipped", "Warm up for 2 steps or more", start, enough)
    elif spec.pct_start == 1:
        message = f"{what} leaves none for the descent: torch divides by zero at its last step"
        fix, changes = "Leave steps for the descent", part.change(pct_start=None)
        yield case.finding(message, fix, last, changes, explains_failure=part.steps >= total)
    elif spec.three_phase and spec.pct_start > 0.5:
        message = f"{what} is over half of a three_phase cycle, which never reaches its minimum"
        yield case.finding(message, "Use at most 0.5", last, part.change(pct_start=0.4), "warning")


@part_rule(
    "lambda-absolute",
    "warning",
    "a lambda that returns the learning rate itself, where torch wants a factor of it",
    why="LambdaLR multiplies the base rate by the function: returning the learning rate gives its square, 1e-6 for "
    "1e-3.",
    instead="Return a factor, 1 for the full learning rate; or set the optimizer's lr to 1 and return learning rates.",
    example=toy("lambda", optimizer={"lr": 1e-3}, lr_lambda="0.001 * 0.95 ** epoch"),
    near_miss=toy("lambda", optimizer={"lr": 1e-3}, lr_lambda="0.95 ** epoch"),
    explains=("far-below-base", "never-moves"),
)
def lambda_absolute(case: Case, part: Part) -> Iterator[Finding]:
    """Take the function's largest value from the highest learning rate of its part, the base rate times it."""
    if not isinstance(part.spec, LambdaLR) or (part.owner and not part.is_last):
        return
    for base, rates in zip((curve.base for curve in case.curves), case.rates(part), strict=False):
        factor = max(rates, default=0.0) / base if base else 0.0
        if base <= ABSOLUTE and 0 < factor <= ABSOLUTE and abs(factor - base) <= 0.05 * base:
            message = (
                f"the function's largest value, {factor:.3g}, looks like a learning rate: the base rate of {base:.3g} "
                f"is multiplied by it, which gives {factor * base:.3g}"
            )
            fix = "Return a factor, 1 for the full learning rate, or set the optimizer's lr to 1"
            is_alone = part.owner is None and not case.experiment.optimizer.groups
            yield case.finding(message, fix, case.clock.step_of(part.start), [Change("optimizer.lr", 1.0)] * is_alone)
            break
