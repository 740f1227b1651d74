"""Rules about lengths: a schedule and a run that count different things."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from lrviz.experiment.clock import Clock
from lrviz.experiment.schedulers import (
    ConstantLR,
    CosineAnnealingLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    SchedulerSpec,
    StepLR,
)
from lrviz.rules.case import DEAD, Case, Part
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import part_rule, rule

TOLERANCE = 0.02
MANY = 20  # repeats from which a repeating schedule looks like one in the wrong unit
FINISHED = 0.95  # of a length
ROUNDING = 1e-9
PER_EPOCH = "steps per epoch"


@rule(
    "unit-mismatch",
    "error",
    "a length in one unit, stepped in another: epochs against steps, accumulation or GPUs forgotten",
    why="The schedule runs many times too fast or too slow: a cosine meant for the whole run bounces once an epoch or "
    "hardly moves, a StepLR(30) stepped at every batch is at 1e-17 of its rate by step 500.",
    instead="Step the scheduler as often as its length counts, or give the length in the run's scheduler steps.",
    example={"run": {"epochs": 10, "steps_per_epoch": 100}, "scheduler": {"name": "cosine", "T_max": 10}},
    near_miss={
        "run": {"epochs": 10, "steps_per_epoch": 100, "interval": "epoch"},
        "scheduler": {"name": "cosine", "T_max": 10},
    },
)
def unit_mismatch(case: Case) -> Iterator[Finding]:
    """Compare lengths with the run's by the factors that the run knows.

    A warmup is short on purpose, so that only one longer than the run counts; cycles count when there
    are at least `MANY`; a step decay also when it is all over within the first epoch of a long run
    though its length fits the number of epochs.
    """
    factors = _factors(case.clock)
    for part in case.parts:
        length = part.spec.length()
        name = _mismatch(part, length, case.clock, factors) if length and part.is_last else None
        if length and name:
            yield _mismatched(case, part, length, name)
            return


def _factors(clock: Clock) -> dict[int, str]:
    """Return the factors that a length may be wrong by, with their names."""
    known = {PER_EPOCH: clock.steps_per_epoch or 1, "grad_accum": clock.grad_accum, "world_size": clock.world_size}
    names = [name for name, factor in known.items() if factor > 1]
    factors: dict[int, str] = {}
    for pick in (pick for size in (1, 2, 3) for pick in combinations(names, size)):
        factors.setdefault(math.prod(known[name] for name in pick), " x ".join(pick))
    return factors


def _mismatch(part: Part, length: int, clock: Clock, factors: dict[int, str]) -> str | None:
    """Return the name of the factor that a length and the run's differ by."""
    if _near(length, clock.scheduler_steps):
        return None
    for steps in dict.fromkeys((clock.scheduler_steps, part.steps)):
        short, long = sorted((steps, length))
        name = next((name for factor, name in factors.items() if short and _near(long / short, factor)), None)
        if name is not None and (length > steps or _is_meant_for_the_run(part.spec, long / short, name)):
            return name
    return PER_EPOCH if _is_over_in_an_epoch(part, length, clock) else None


def _near(ratio: float, factor: float) -> bool:
    return abs(ratio - factor) <= TOLERANCE * factor


def _is_meant_for_the_run(spec: SchedulerSpec, ratio: float, name: str) -> bool:
    """Return whether a length so much shorter than the run is a mistake, not a choice."""
    if spec.may_be_short:
        return False
    return ratio >= MANY and PER_EPOCH in name if spec.repeats else not spec.warms_up()


def _is_over_in_an_epoch(part: Part, length: int, clock: Clock) -> bool:
    """Return whether a step decay counts epochs but is stepped many times in each."""
    per_epoch = clock.scheduler_steps_per_epoch or 1
    if per_epoch < MANY or length > min(per_epoch, clock.epochs or 0):
        return False
    spec = part.spec
    is_dead = isinstance(spec, StepLR) and spec.gamma ** ((part.steps - 1) // length) < DEAD
    return is_dead or isinstance(spec, MultiStepLR)


def _mismatched(case: Case, part: Part, length: int, name: str) -> Finding:
    clock, argument = case.clock, part.spec.length_arg
    steps = clock.scheduler_steps
    short, long = sorted((length, steps))
    step = clock.step_of(length) if length < steps else None
    cause = f"{long:,} / {short:,} = {long / short:,.4g}, the {name}"
    if _is_over_in_an_epoch(part, length, clock):
        cause = f"all of it happens in the first of {clock.epochs:,} epochs"
    message = f"{part.name} has a length of {length:,} and the run steps it {steps:,} times: {cause}"
    if name == PER_EPOCH and length < steps and clock.interval == "step":
        fix = f"Step it once an epoch, or write its lengths in epochs ({length}ep)"
        return case.finding(f"{message}; it counts epochs", fix, step, "run: {interval: epoch}")
    if name == PER_EPOCH and clock.interval == "epoch":
        fix = "Step it at every optimizer step, or write its lengths in epochs (1ep)"
        return case.finding(f"{message}; it counts optimizer steps", fix, step, "run: {interval: step}")
    snippet = part.snippet(**{argument: steps}) if argument else ""
    return case.finding(message, f"Give it a length of {steps:,}", step, snippet)


@part_rule(
    "cosine-rebound",
    "error",
    "a cosine that is stepped past T_max and rises again",
    why="CosineAnnealingLR has a period of 2 T_max: after its minimum it climbs back, and the run ends with a rate "
    "far above the one it was annealed to.",
    instead="Give T_max the scheduler steps that the cosine has, or restarts if those are meant (cosine-restarts).",
    example={"run": {"epochs": 4, "steps_per_epoch": 8}, "scheduler": {"name": "cosine", "T_max": 20}},
    near_miss={"run": {"epochs": 4, "steps_per_epoch": 8}, "scheduler": {"name": "cosine", "T_max": 32}},
)
def cosine_rebound(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    length = (spec.length() if isinstance(spec, CosineAnnealingLR) else None) or part.steps
    if part.steps <= length + 1:
        return
    for rates in case.rates(part):
        after = rates[case.clock.step_of(part.start + length) - case.clock.step_of(part.start) :]
        if not after or max(after) <= after[0] * (1 + ROUNDING):
            continue
        lowest, last = min(rates), rates[-1]
        message = (
            f"{part.name} is at its lowest learning rate, {lowest:.3g}, after T_max = {length:,} of {part.steps:,} "
            f"steps, rises to {max(after):.3g} and ends at {last:.3g}"
        )
        severity: Severity = "error" if last > 1.1 * lowest else "warning"
        fix, step = f"Give it T_max = {part.steps:,}, or leave T_max out", case.clock.step_of(part.start + length)
        yield case.finding(message, fix, step, part.snippet(T_max=part.steps), severity)
        break


@part_rule(
    "cycle-overrun",
    "error",
    "a OneCycleLR that is stepped past its total_steps",
    why="One step past the end the learning rate bounces back, or with anneal_strategy linear goes negative; the next "
    "step raises ValueError, hours into the run.",
    instead="Leave total_steps out, so that it is the run's, or count the steps the loop really makes.",
    example={
        "run": {"epochs": 4, "steps_per_epoch": 8},
        "optimizer": {"momentum": 0.9},
        "scheduler": {"name": "onecycle", "max_lr": 0.1, "total_steps": 20},
    },
    near_miss={
        "run": {"epochs": 4, "steps_per_epoch": 8},
        "optimizer": {"momentum": 0.9},
        "scheduler": {"name": "onecycle", "max_lr": 0.1},
    },
)
def cycle_overrun(case: Case, part: Part) -> Iterator[Finding]:
    total = part.spec.length()
    if not isinstance(part.spec, OneCycleLR) or total is None or part.steps <= total:
        return
    past = case.clock.step_of(part.start + total)
    if past >= case.clock.steps:  # only accelerate's last calls are past the end, and nothing trains after them
        return
    raises = case.clock.step_of(part.start + total + 1)
    message = f"{part.name} has {total:,} steps and the run steps it {part.steps:,} times: optimizer step {past:,}"
    message += f"{_in_epoch(case.clock, past)} trains with a learning rate past its end"
    is_left = part.container is None and case.experiment.run.is_prepared
    if is_left:
        message += ", and accelerate leaves it there"
    elif raises < case.clock.steps:
        lost = case.clock.steps - raises
        message += f", and torch raises after it; {lost:,} steps are lost, {lost / case.clock.steps:.0%} of the run"
    snippet = part.snippet(total_steps=part.steps, epochs=None, steps_per_epoch=None)
    fix = f"Give it total_steps = {part.steps:,}, or leave it out"
    yield case.finding(message, fix, past, snippet, explains_failure=not is_left and raises < case.clock.steps)


def _in_epoch(clock: Clock, step: int) -> str:
    epoch = clock.epoch_of(step)
    return "" if epoch is None else f" (epoch {epoch:,})"


@part_rule(
    "unfinished",
    "warning",
    "a schedule that the run ends, or another takes over, well before its end",
    why="The learning rate never gets to where it was to be annealed. The classic: a warmup, then a cosine with T_max "
    "= the whole run instead of what the warmup leaves.",
    instead="Give it the steps that are left for it, or leave the length out, so that it comes from the run.",
    example={
        "run": {"epochs": 4, "steps_per_epoch": 8},
        "warmup": 8,
        "scheduler": {"name": "cosine", "T_max": 32},
    },
    near_miss={
        "run": {"epochs": 4, "steps_per_epoch": 8},
        "warmup": 8,
        "scheduler": {"name": "cosine", "T_max": "rest"},
    },
)
def unfinished(case: Case, part: Part) -> Iterator[Finding]:
    """Look at what is active when the run ends; milestones have a rule of their own."""
    length = part.spec.length()
    if not part.is_last or length is None or part.spec.children() or length in part.spec.marks():
        return
    if not 0 < part.steps < FINISHED * length:
        return
    message = f"{part.name} needs {length:,} steps and has {part.steps:,}"
    if case.trace.groups and case.trace.failure is None:
        rates = case.trace.groups[0].lr
        message += f"; the run ends at {rates[-1]:.3g}, {_share(rates[-1], max(rates))} of the peak"
    argument = part.spec.length_arg
    snippet = part.snippet(**{argument: part.steps}) if argument else ""
    yield case.finding(message, f"Give it a length of {part.steps:,} steps", case.clock.steps - 1, snippet)


def _share(rate: float, peak: float) -> str:
    return f"{rate / peak:.2g}" if peak else "0"


@rule(
    "off-by-one-steps",
    "warning",
    "a total that misses the run's by a step an epoch or less: floor against ceil",
    why="drop_last, len(loader) and gradient accumulation each round; two of them in different places leave "
    "OneCycleLR a step short, which raises at the very end of the run.",
    instead="Give lrviz dataset_size, batch_size, drop_last and grad_accum, and leave the total out.",
    example={
        "run": {"dataset_size": 1000, "batch_size": 64, "epochs": 4},
        "scheduler": {"name": "cosine", "T_max": 60},
    },
    near_miss={"run": {"dataset_size": 1000, "batch_size": 64, "epochs": 4}, "scheduler": {"name": "cosine"}},
)
def off_by_one_steps(case: Case) -> Iterator[Finding]:
    """Compare totals; a run that steps its scheduler once an epoch has nothing to round."""
    clock, spec = case.clock, case.scheduler
    if clock.interval == "epoch" or clock.epochs is None:
        return
    last = spec.children()[-1] if spec.marks() and spec.children() else spec
    total, steps = spec.length(), clock.scheduler_steps
    ends = last.length_arg and not last.warms_up() and not last.may_be_short
    if not ends or total is None or not 1 <= abs(total - steps) <= clock.epochs * clock.calls:
        return
    less = "fewer" if total < steps else "more"
    message = (
        f"{spec.label} counts {total:,} steps, {abs(total - steps):,} {less} than the run's {steps:,} in "
        f"{clock.epochs:,} epochs: the mark of rounding down in one place and up in another"
    )
    severity: Severity | None = "error" if isinstance(last, OneCycleLR) else None
    fix = "Leave the total out, or count as the loop does (dataset_size, batch_size, drop_last, grad_accum)"
    yield case.finding(message, fix, clock.step_of(min(total, steps - 1)), severity=severity)


@rule(
    "never-peaks",
    "error",
    "the learning rate never reaches 98 % of its intended peak",
    why="A warmup longer than the run, or one multiplied into a decay, trains all along with less than the one that "
    "was chosen.",
    instead="Make the warmup shorter than the run, and follow it with the decay (sequential) instead of multiplying.",
    example={"scheduler": {"name": "linear", "start_factor": 0.1, "total_iters": 320}},
    near_miss={"scheduler": {"name": "linear", "start_factor": 0.1, "total_iters": 16}},
)
def never_peaks(case: Case) -> Iterator[Finding]:
    if case.trace.failure is not None:
        return
    for number, base, group in case.groups():
        wanted = case.scheduler.reachable_lr(base, number, case.clock.scheduler_steps)
        peak = group.summary.peak
        if wanted is not None and peak < 0.98 * wanted:
            message = (
                f"the learning rate peaks at {peak:.3g}{case.of_group(group.name)}, {_share(peak, wanted)} of the "
                f"{wanted:.3g} it is meant for"
            )
            fix = "Shorten the warmup, or let the decay follow it (sequential) instead of multiplying the two"
            yield case.finding(message, fix, group.summary.peak_step)
            return


@part_rule(
    "default-warmup",
    "info",
    "a LinearLR or ConstantLR with torch's defaults, 1/3 over 5 steps, in a long run",
    why="Five steps are no warmup of a run of thousands: torch's defaults were made for counting epochs.",
    instead="Choose total_iters and the factor: 1 to 5 % of the run, from 0.01 or 0.1.",
    example={"run": {"steps": 1000}, "scheduler": {"name": "linear"}},
    near_miss={"run": {"steps": 1000}, "scheduler": {"name": "linear", "start_factor": 0.01, "total_iters": "5%"}},
)
def default_warmup(case: Case, part: Part) -> Iterator[Finding]:
    steps = case.clock.scheduler_steps
    if steps > 100 and part.spec in (LinearLR(), ConstantLR()):
        message = f"{part.name} runs with torch's defaults: 1/3 of the learning rate for 5 of {steps:,} steps"
        factor = "start_factor" if isinstance(part.spec, LinearLR) else "factor"
        snippet = part.snippet(**{factor: 0.01, "total_iters": "5%"})
        yield case.finding(message, "Choose its length and its factor", case.clock.step_of(part.start), snippet)
