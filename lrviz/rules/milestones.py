"""Rules about the steps at which something is to happen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lrviz.errors import listed
from lrviz.experiment.argtypes import MILESTONE_TOO_LOW
from lrviz.experiment.schedulers import LinearLR, MultiStepLR, SequentialLR
from lrviz.rules.case import Case, Part
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule

JUMP = 2.0

_STEPS = {"run": {"epochs": 4, "steps_per_epoch": 8}}


def _multistep(*milestones: int) -> dict[str, object]:
    return {**_STEPS, "scheduler": {"name": "multistep", "milestones": list(milestones), "gamma": 0.5}}


def _sequence(*milestones: int, total_iters: int = 8, factor: float = 0.1) -> dict[str, object]:
    middle = [{"name": "step", "step_size": 8, "gamma": 0.5}] * (len(milestones) - 1)
    warmup = {"name": "linear", "start_factor": factor, "total_iters": total_iters}
    schedulers = [warmup, *middle, {"name": "cosine"}]
    return {**_STEPS, "scheduler": {"name": "sequential", "milestones": list(milestones), "schedulers": schedulers}}


@part_rule(
    "milestone-unreached",
    "warning",
    "a milestone that the run ends before",
    why="What was to happen there never does: the last decay is missing, or the second scheduler of two never runs.",
    instead="Count milestones in the run's scheduler steps (the last one happens at its number of steps less one).",
    example=_multistep(8, 24, 40),
    near_miss=_multistep(8, 24, 31),
)
def milestone_unreached(case: Case, part: Part) -> Iterator[Finding]:
    late = [mark for mark in part.spec.marks() if mark >= part.steps]
    if not late or (part.container is not None and part.steps <= 0):
        return
    if part.spec.first_step:
        message = f"swa_start = {part.spec.first_step:,} is never reached: the run has {part.end:,} scheduler steps"
        yield case.finding(message, f"Start below {part.end:,}")
        return
    which = listed([f"{mark:,}" for mark in late])
    noun = f"milestone {which} is" if len(late) == 1 else f"milestones {which} are"
    message = f"{part.name}: {noun} never reached: it has {part.steps:,} steps"
    yield case.finding(message, f"Place milestones below {part.steps:,}, or drop them")


@part_rule(
    "milestone-duplicate",
    "warning",
    "a repeated milestone",
    why="MultiStepLR decays once for each time that a milestone is written; SequentialLR never runs the scheduler "
    "between two equal ones.",
    instead="Write each milestone once.",
    example=_multistep(8, 24, 24),
    near_miss=_multistep(8, 24, 25),
)
def milestone_duplicate(case: Case, part: Part) -> Iterator[Finding]:
    marks = sorted(_milestones(part))
    for mark in sorted({first for first, second in pairwise(marks) if first == second}):
        what = f"decays {marks.count(mark)} times at once" if not part.spec.children() else "skips what lies between"
        message = f"{part.name}: milestone {mark:,} is repeated, so that it {what}"
        yield case.finding(message, "Write it once", case.clock.step_of(part.start + mark))


@part_rule(
    "milestone-not-positive",
    "warning",
    "a milestone at 0 or below",
    why="At 0 a MultiStepLR has decayed before the first step, and a SequentialLR never runs its first scheduler; "
    "below 0 nothing ever happens.",
    instead="Count milestones from 1: the first setting after the start.",
    example=_multistep(0, 8, 24),
    near_miss=_multistep(1, 8, 24),
    causes=(MILESTONE_TOO_LOW,),
)
def milestone_not_positive(case: Case, part: Part) -> Iterator[Finding]:
    if any(mark <= 0 for mark in _milestones(part)):
        decayed = "the learning rate has decayed before its first step"
        what = "its first scheduler never runs" if part.spec.children() else decayed
        fix = "Leave it out, and what it was to end, or start"
        yield case.finding(f"{part.name} has a milestone at 0: {what}", fix, case.clock.step_of(part.start))


@part_rule(
    "milestone-unsorted",
    "error",
    "a Sequential's milestones out of order",
    why="SequentialLR looks its milestones up by bisection: out of order they skip a scheduler without a word.",
    instead="Write the milestones in ascending order.",
    example=_sequence(24, 8, total_iters=24),
    near_miss=_sequence(8, 24),
)
def milestone_unsorted(case: Case, part: Part) -> Iterator[Finding]:
    if not isinstance(part.spec, SequentialLR):
        return
    marks = part.spec.milestones
    for number, (first, second) in enumerate(pairwise(marks)):
        if second < first:
            message = f"{part.name}: milestone {second:,} comes after {first:,}: schedulers[{number + 1}] is skipped"
            step = case.clock.step_of(part.start + second)
            yield case.finding(message, f"Write milestones: {sorted(marks)}, with the schedulers in that order", step)


@part_rule(
    "warmup-milestone-mismatch",
    "warning",
    "a LinearLR whose total_iters is not the milestone that ends it",
    why="With the milestone too early the rate jumps from a half-done warmup; too late, it waits on a flat piece.",
    instead="Give the LinearLR as many total_iters as it has steps (rest), or write warmup: N before the scheduler.",
    example=_sequence(16, total_iters=8),
    near_miss=_sequence(8, total_iters=8),
)
def warmup_milestone_mismatch(case: Case, part: Part) -> Iterator[Finding]:
    container = part.container
    if not isinstance(container, SequentialLR) or part.spec is container.schedulers[-1]:
        return
    spec = part.spec
    followed = part.end < case.clock.scheduler_steps
    if not isinstance(spec, LinearLR) or not followed or not 0 < part.steps != spec.total_iters:
        return
    early = spec.total_iters > part.steps
    what = (
        "the learning rate jumps there"
        if early
        else f"the learning rate stays for {part.steps - spec.total_iters:,} steps"
    )
    message = f"{part.name} takes {spec.total_iters:,} steps and the next milestone comes after {part.steps:,}: {what}"
    step = case.clock.step_of(part.end if early else part.start + spec.total_iters)
    yield case.finding(message, f"Make the two the same: {part.steps:,}", step, part.snippet(total_iters="rest"))


@part_rule(
    "lr-jump",
    "warning",
    "a rate that more than doubles, or halves, from one step to the next at a Sequential's milestone",
    why="The two schedulers do not meet: the loss spikes where the rate jumps up, and a jump down wastes the peak.",
    instead="Let a scheduler end at the rate at which the next one starts.",
    example=_sequence(4, total_iters=8, factor=0.01),
    near_miss=_sequence(8, total_iters=8, factor=0.01),
)
def lr_jump(case: Case, part: Part) -> Iterator[Finding]:
    for mark in part.spec.marks() if part.spec.children() else ():
        step = case.clock.step_of(part.start + mark)
        for _, _, group in case.groups() if 0 < step < case.trace.steps else ():
            before, after = group.lr[step - 1], group.lr[step]
            if not _jumps(before, after):
                continue
            factor = f"by {after / before:.3g}" if before else "from nothing"
            message = (
                f"at milestone {mark:,} (step {step:,}) the learning rate jumps {factor}: {before:.3g} to {after:.3g}"
            )
            yield case.finding(message, "Let the scheduler before it end where the one after it starts", step)
            break


def _jumps(before: float, after: float) -> bool:
    low, high = sorted((abs(before), abs(after)))
    return high > JUMP * low


def _milestones(part: Part) -> tuple[int, ...]:
    return part.spec.milestones if isinstance(part.spec, (MultiStepLR, SequentialLR)) else ()
