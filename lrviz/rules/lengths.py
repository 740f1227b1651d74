"""Rules about lengths: a schedule that is over before the run, or not when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from lrviz.errors import Problem, counted
from lrviz.experiment.clock import Clock
from lrviz.experiment.schedulers import ConstantLR, LinearLR, OneCycleLR, SchedulerSpec
from lrviz.experiment.values import located
from lrviz.rules.case import Case, Part, percent
from lrviz.rules.changes import Change
from lrviz.rules.curve import Curve
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import CURVES, curve_rule, part_rule, toy

FINISHED = 0.95  # of a length
REACHED = 0.98  # of a peak
HELD = 2  # times the run: a ConstantLR that is so long is to hold its factor
ABOVE = 0.05  # of the height of a curve: an end that is well above the lowest learning rate
NEXT = 1.5  # times the last fall: what one more step would fall, or nearly
FASTER = 1.2  # times the fall before: the end of a curve that drops
NOTHING = 1e-3  # of the height of a curve: a rise that no training feels
SMALL = 0.01  # of the run's steps
TINY = 0.001  # of the run's steps
MOST_EPOCHS = 20  # that anybody warms up for
LONG_ENOUGH = 0.25  # of the steps that a decay has, for torch's default


@part_rule(
    "cosine-rebound",
    "error",
    "a cosine that is stepped past T_max and rises again",
    why="CosineAnnealingLR has a period of 2 T_max: after its minimum it climbs back, and the run ends with a "
    "learning rate far above the one it was annealed to.",
    instead="Give T_max the scheduler steps that the cosine has, or restarts if those are meant (cosine-restarts).",
    example=toy("cosine", run={"epochs": 4, "steps_per_epoch": 8}, T_max=20),
    near_miss=toy("cosine", run={"epochs": 4, "steps_per_epoch": 8}, T_max=32),
    explains=("still-rising", "rises-again", "ends-high", "off-by-one-steps", "minimum-unreached"),
)
def cosine_rebound(case: Case, part: Part) -> Iterator[Finding]:
    """Look at whatever has a length after which it should be still."""
    spec, length = part.spec, part.spec.length()
    if length is None or not spec.falls_at_once or not spec.length_arg or part.steps <= length + 1:
        return
    for rates in case.rates(part):
        after = rates[case.clock.step_of(part.start + length) - case.clock.step_of(part.start) :]
        lowest = min(rates, default=0.0)
        if not after or max(after) - after[0] <= NOTHING * (max(rates) - lowest):
            continue
        last, step = rates[-1], case.clock.step_of(part.start + length)
        epoch = " (the steps of an epoch)" if length == case.clock.scheduler_steps_per_epoch else ""
        message = (
            f"{part.name} is at its lowest learning rate, {lowest:.3g}, after {spec.length_arg} = {length:,}{epoch} of "
            f"{part.steps:,} steps, rises to {max(after):.3g} and ends at {last:.3g}{_rounded(case, part, length)}"
        )
        severity: Severity = "error" if last > 1.1 * lowest else "warning"
        fix = f"Give it {spec.length_arg} = {part.steps:,}, or leave {spec.length_arg} out"
        yield case.finding(message, fix, step, case.resized(part, part.steps), severity)
        break


@part_rule(
    "cycle-overrun",
    "error",
    "a OneCycleLR that is stepped past its total_steps",
    why="One step past the end the learning rate bounces back, or with anneal_strategy linear goes negative; the next "
    "step raises ValueError, hours into the run.",
    instead="Leave total_steps out, so that it is the run's, or count the steps the loop really makes.",
    example=toy(
        "onecycle", run={"epochs": 4, "steps_per_epoch": 8}, optimizer={"momentum": 0.9}, max_lr=0.1, total_steps=20
    ),
    near_miss=toy("onecycle", run={"epochs": 4, "steps_per_epoch": 8}, optimizer={"momentum": 0.9}, max_lr=0.1),
    explains=("off-by-one-steps", "lr-negative", "rises-again"),
)
def cycle_overrun(case: Case, part: Part) -> Iterator[Finding]:
    total = part.spec.length()
    if not isinstance(part.spec, OneCycleLR) or total is None or part.steps <= total:
        return
    past = case.clock.step_of(part.start + total)
    if past >= case.clock.steps:  # only accelerate's last calls are past the end, and nothing trains after them
        return
    message = f"{part.name} has {total:,} steps and the run steps it {part.steps:,} times: optimizer step {past:,}"
    message += f"{_in_epoch(case.clock, past)} trains with a learning rate past its end"
    consequence, lost = _past_end(case, part, total)
    message += f"{consequence}{_rounded(case, part, total)}"
    fix = f"Give it total_steps = {part.steps:,}, or leave it out"
    yield case.finding(message, fix, past, case.resized(part, part.steps), explains_failure=lost > 0)


def _past_end(case: Case, part: Part, total: int) -> tuple[str, int]:
    """Return what comes of a second step past a OneCycleLR's end, and how many optimizer steps that costs."""
    if part.owner is None and case.experiment.run.is_prepared:
        return ", and accelerate leaves it there", 0
    if part.steps == total + 1 and not part.is_last:
        return "", 0
    lost = case.clock.steps - case.clock.step_of(part.start + total + 1)
    if lost <= 0:
        return ", and the last scheduler.step() of the loop, after all training, raises ValueError", 0
    share, are = percent(lost, case.clock.steps), "are" if lost > 1 else "is"
    return f", and torch raises after it; {counted(lost, 'step')} {are} lost, {share} of the run", lost


def _in_epoch(clock: Clock, step: int) -> str:
    epoch = clock.epoch_of(step)
    return "" if epoch is None else f" (epoch {epoch:,})"


def _rounded(case: Case, part: Part, length: int) -> str:
    """Return why a length is a little short, where it is so by a step an epoch or less."""
    clock, missing = case.clock, part.steps - length
    if (
        clock.interval == "epoch"
        or clock.epochs is None
        or not part.is_last
        or not 0 < missing <= clock.epochs * clock.calls
    ):
        return ""
    return f"; {counted(missing, 'step')} in {counted(clock.epochs, 'epoch')}: rounded down where the loop rounds up"


@part_rule(
    "unfinished",
    "warning",
    "a schedule that the run ends, or another takes over, well before its end",
    why="The learning rate never gets to where it was to be annealed. The classic: a warmup, then a cosine with T_max "
    "= the whole run instead of what the warmup leaves.",
    instead="Give it the steps that are left for it, or leave the length out, so that it comes from the run.",
    example=toy("cosine", run={"epochs": 4, "steps_per_epoch": 8}, warmup=8, T_max=32),
    near_miss=toy("cosine", run={"epochs": 4, "steps_per_epoch": 8}, warmup=8, T_max="rest"),
    explains=("still-rising", "never-moves", "minimum-unreached"),
)
def unfinished(case: Case, part: Part) -> Iterator[Finding]:
    """Look at what is active when the run ends; warmups, milestones and steps of a decay have rules of their own."""
    spec, length = part.spec, part.spec.length()
    if not part.is_last or length is None or part.is_container or length in spec.marks() or spec.warms_up():
        return
    is_decay = spec.may_be_short and spec.period_arg
    if is_decay or not 0 < part.steps < FINISHED * length:
        return
    message = f"{part.name} needs {counted(length, 'step')} and has {part.steps:,}"
    if case.curves and case.trace.failure is None:
        last, peak = case.curves[0].lr[-1], case.curves[0].summary.peak
        message += f"; the run ends at {last:.3g}, {percent(last, peak)} of the peak"
    fix = f"Give it a length of {counted(part.steps, 'step')}"
    yield case.finding(message, fix, case.clock.steps - 1, case.resized(part, part.steps))


@part_rule(
    "minimum-unreached",
    "warning",
    "a lowest learning rate that was set, and that the run ends well above",
    why="The schedule was given a learning rate to end at, and something else keeps it from coming down so far: a "
    "length, a style that does not fall, less than half a wave of a cosine. The last steps, which anneal, are missing.",
    instead="Let the schedule come down where the run ends, or leave the lowest learning rate out.",
    example=toy("hf-cosine-with-min-lr", min_lr_rate=0.1, num_cycles=0.3),
    near_miss=toy("hf-cosine-with-min-lr", min_lr_rate=0.1),
)
def minimum_unreached(case: Case, part: Part) -> Iterator[Finding]:
    """Leave out what would be there a step later: many a formula comes to its end at the first step after the run."""
    lowest = _lowest(case, part) if part.is_last and not part.spec.repeats and case.trace.failure is None else None
    if lowest is None:
        return
    spec, field, name = lowest
    for curve in case.curves:
        last, peak, low = curve.lr[-1], curve.summary.peak, spec.lowest_lr(name, curve.base, curve.number)
        if low is None or not last - low > ABOVE * (peak - low) or _falls_next(curve, case.clock.stride, last - low):
            continue
        named = part.name if spec is part.spec else spec.label
        written = f"{name} = {case.written(field)}"
        written += "" if str(case.written(field)) == str(low) else f" ({low:.3g})"
        message = (
            f"{named} is to come down to {written}, and the run ends at {last:.3g}, {percent(last, peak)} of the peak"
            f"{curve.of_group}"
        )
        fix = f"Let the schedule come down where the run ends, or leave {name} out"
        document = case.experiment.document
        place = located([Problem(field=field, message="")], document)[0].place if document is not None else ""
        yield replace(case.finding(message, fix, case.clock.steps - 1), place="" if place.startswith("-") else place)
        return


def _falls_next(curve: Curve, stride: int, left: float) -> bool:
    """Return whether a step more would fall by what is left: as far as the last, or ever faster."""
    settings = curve.lr[::stride][-3:]
    falls = [before - after for before, after in pairwise(settings)]
    if len(falls) < 2:
        return len(curve.lr[::stride]) > 1
    return left <= NEXT * falls[1] or falls[1] >= FASTER * falls[0] > 0


def _lowest(case: Case, part: Part) -> tuple[SchedulerSpec, str, str] | None:
    """Return a scheduler, and the path and name of its argument that a document gives for where it ends.

    Of schedulers side by side it is the last that has one.
    """
    inner = part.spec.children() if not part.is_container else []
    specs = [(child, f"{part.place}.schedulers[{number}]") for number, child in enumerate(inner)]
    for spec, place in reversed(specs or [(part.spec, part.place)]):
        for name in spec.lowest_args:
            if place and case.written(f"{place}.{name}") is not None:
                return spec, f"{place}.{name}", name
    return None


@part_rule(
    "off-by-one-steps",
    "warning",
    "a total that misses the run's by a step an epoch or less: floor against ceil",
    why="drop_last, len(loader) and gradient accumulation each round; two of them in different places leave "
    "OneCycleLR a step short, which raises at the very end of the run. Less than 1 % of the run is an info.",
    instead="Give lrviz dataset_size, batch_size, drop_last and grad_accum, and leave the total out.",
    example=toy("cosine", run={"dataset_size": 1000, "batch_size": 64, "drop_last": True, "epochs": 4}, T_max=64),
    near_miss=toy("cosine", run={"dataset_size": 1000, "batch_size": 64, "drop_last": True, "epochs": 4}),
    explains=("unfinished",),
)
def off_by_one_steps(case: Case, part: Part) -> Iterator[Finding]:
    """Compare the end of what is active last with the run's; a loop that steps once an epoch has nothing to round."""
    clock, spec, length = case.clock, part.spec, case.bare_length(part)
    if clock.interval == "epoch" or clock.epochs is None or length is None or not part.is_last or part.steps <= 0:
        return
    if not spec.length_arg or spec.warms_up() or spec.may_be_short:
        return
    difference = length - part.steps
    is_long_cycle = isinstance(spec, OneCycleLR) and difference > 0  # nothing raises
    if is_long_cycle or not 1 <= abs(difference) <= clock.epochs * clock.calls:
        return
    message = (
        f"{part.name} counts {length:,} steps, {abs(difference):,} {'fewer' if difference < 0 else 'more'} than the "
        f"{part.steps:,} it has in {counted(clock.epochs, 'epoch')}: the mark of rounding down in one place and up in "
        "another"
    )
    fix = "Leave the total out, or count as the loop does (dataset_size, batch_size, drop_last, grad_accum)"
    severity: Severity = "warning" if abs(difference) > SMALL * part.steps else "info"
    step = clock.step_of(min(part.start + length, clock.scheduler_steps - 1))
    yield case.finding(message, fix, step, case.resized(part, part.steps), severity)


@curve_rule(
    "never-peaks",
    "error",
    "the learning rate never reaches 98 % of its intended peak",
    why="A warmup, or half a cycle, longer than the run trains all along with less than the one that was chosen.",
    instead="Make the warmup shorter than the run, and let the decay follow it.",
    example=toy("linear", start_factor=0.1, total_iters=320),
    near_miss=toy("linear", start_factor=0.1, total_iters=16),
    explains=("unfinished", "off-by-one-steps", "milestone-unreached", "chained-warmup", *CURVES),
)
def never_peaks(case: Case, curve: Curve) -> Finding | None:
    """Find the warmup, or the cycle, that is longer than the run; other rules tell of products and early decays."""
    spec, steps, peak = case.scheduler, case.clock.scheduler_steps, curve.summary.peak
    wanted = spec.reachable_lr(curve.base, curve.number, steps)
    slow = next((part for part in case.parts if _is_slow(part)), None)
    is_held = isinstance(spec, ConstantLR) and spec.total_iters >= HELD * steps
    if slow is None or wanted is None or peak >= REACHED * wanted or is_held or case.trace.failure:
        return None
    fix, changes = shortened(case, slow)
    message = (
        f"{takes_all(slow, slow.spec.length() or 0, slow.steps)}: the learning rate peaks at {peak:.3g}"
        f"{curve.of_group}, {percent(peak, wanted)} of the {wanted:.3g} it is meant for"
    )
    return case.finding(message, fix, curve.summary.peak_step, changes)


def _is_slow(part: Part) -> bool:
    spec = part.spec
    return not part.is_container and (spec.warms_up() or spec.repeats) and (spec.length() or 0) >= part.steps


def takes_all(part: Part, length: int, steps: int) -> str:
    """Return in words that a part takes all steps that there are, or more."""
    all_of_it = f"all {steps:,} steps of the run"
    return f"{part.name} takes {all_of_it if length == steps else f'{length:,} steps, and the run has {steps:,}'}"


def shortened(case: Case, part: Part) -> tuple[str, tuple[Change, ...]]:
    """Return how to let a warmup take a tenth of the run, or a cycle all of it."""
    left = case.clock.scheduler_steps - part.start
    steps = left if part.spec.repeats else max(1, left // 10)
    return f"Make it shorter than the run: {counted(steps, 'step')}", case.ending(part, steps)


@part_rule(
    "default-warmup",
    "info",
    "a warmup of a few steps in a long run, such as torch's defaults, 1/3 over 5 steps",
    why="Five steps are no warmup of a run of thousands: they look like epochs, for which torch's defaults were made. "
    "Where the run has as many epochs, and more than a thousand times the steps, it is a warning.",
    instead="Choose total_iters and the factor: 1 to 5 % of the run, from 0.01 or 0.1.",
    example=toy("linear", run={"steps": 1000}),
    near_miss=toy("linear", run={"steps": 1000}, start_factor=0.01, total_iters="5%"),
)
def default_warmup(case: Case, part: Part) -> Iterator[Finding]:
    """Look at short warmups of a given length, too, which look like one in epochs where there are as many."""
    spec, clock, steps = part.spec, case.clock, case.clock.scheduler_steps
    length, step = spec.length() if spec.warms_up() and not case.has_unit(part) else None, clock.step_of(part.start)
    if steps > 100 and spec in (LinearLR(), ConstantLR()):
        message = f"{part.name} runs with torch's defaults: 1/3 of the learning rate for 5 of {steps:,} steps"
        factor = "start_factor" if isinstance(spec, LinearLR) else "factor"
        changes = () if part.owner else part.change(**{factor: 0.01, "total_iters": "5%"})
        yield case.finding(message, "Choose its length and its factor", step, changes)
    elif length and length < TINY * steps:
        may_be_epochs = clock.interval == "step" and clock.calls == 1 and length <= min(clock.epochs or 0, MOST_EPOCHS)
        message = f"{part.name} takes {length:,} of {counted(steps, 'step')}, which is next to none"
        fix = f"Give it {length}ep if epochs are meant" if may_be_epochs else "Let it take 1 to 5 % of the run"
        epochs = length * (clock.scheduler_steps_per_epoch or 0)
        changes = case.ending(part, epochs, f"{length}ep") if may_be_epochs else ()
        yield case.finding(message, fix, step, changes, "warning" if may_be_epochs else "info")


@part_rule(
    "default-length",
    "error",
    "a decay whose length is left at torch's default, 5 steps",
    why="LinearLR and PolynomialLR take five steps unless told otherwise: the rest of the run trains with what they "
    "end at, which for PolynomialLR is 0.",
    instead="Give total_iters the steps that the decay is to take.",
    example=toy("polynomial", run={"steps": 100}, power=0.9),
    near_miss=toy("polynomial", run={"steps": 100}, power=0.9, total_iters=100),
    explains=("lr-dead",),
)
def default_length(case: Case, part: Part) -> Iterator[Finding]:
    spec, name = part.spec, part.spec.length_arg
    length = spec.length()
    if not spec.falls_at_once or not name or not length or case.written(part.field(name)) is not None:
        return
    if length < LONG_ENOUGH * part.steps:  # a horizon left unset is as long as the part
        message = f"{part.name} has no {name}, and takes torch's default: {length} of {counted(part.steps, 'step')}"
        fix = f"Give it {name} = {part.steps:,}"
        yield case.finding(message, fix, case.clock.step_of(part.start + length), case.resized(part, part.steps))
