"""Rules about the steps at which something is to happen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import pairwise

from lrviz.errors import counted, listed
from lrviz.experiment.argtypes import MILESTONE_TOO_LOW
from lrviz.experiment.schedulers import ConstantLR, LambdaWarmup, LinearLR, MultiStepLR, SequentialLR
from lrviz.experiment.writer import in_flow
from lrviz.rules.case import Case, Mark, Part
from lrviz.rules.changes import Change
from lrviz.rules.finding import Finding
from lrviz.rules.lengths import shortened, takes_all
from lrviz.rules.registry import CURVES, LENGTHS, part_rule

JUMP = 2.0

_STEPS = {"run": {"epochs": 4, "steps_per_epoch": 8}}


def _multistep(*milestones: int) -> dict[str, object]:
    return {**_STEPS, "scheduler": {"name": "multistep", "milestones": list(milestones), "gamma": 0.5}}


def _sequence(*milestones: int, total_iters: int = 8, factor: float = 0.1, **rest: float) -> dict[str, object]:
    middle = [{"name": "step", "step_size": 8, "gamma": 0.5}] * (len(milestones) - 1)
    first = {"name": "linear", "start_factor": factor, **rest, "total_iters": total_iters}
    schedulers = [first, *middle, {"name": "cosine"}]
    return {**_STEPS, "scheduler": {"name": "sequential", "milestones": list(milestones), "schedulers": schedulers}}


@part_rule(
    "milestone-unreached",
    "warning",
    "a milestone that the run ends before",
    why="What was to happen there never does: the last decay is missing, or the second scheduler of two never runs.",
    instead="Count milestones in the run's scheduler steps (the last one happens at its number of steps less one).",
    example=_multistep(8, 24, 40),
    near_miss=_multistep(8, 24, 31),
    explains=("off-by-one-steps", "still-rising", "never-moves"),
)
def milestone_unreached(case: Case, part: Part) -> Iterator[Finding]:
    """Say of a warmup that takes the whole run that it does."""
    marks = part.marks()
    late = [mark for mark in marks if mark.step >= part.end]
    if not late or (part.owner is not None and part.steps <= 0):
        return
    if part.spec.first_step:
        message = f"swa_start = {part.spec.first_step:,} is never reached: the run has {part.end:,} scheduler steps"
        changes = part.change(swa_start=3 * part.end // 4)
        yield case.finding(message, f"Start below {part.end:,}", None, changes)
        return
    children = [child for child in case.parts if child.owner is part]
    if children and late[0].number == 0 and children[0].spec.warms_up():
        takes = takes_all(children[0], late[0].step - part.start, part.steps)
        fix, changes = shortened(case, children[0])
        yield case.finding(f"{takes}: {children[1].name} never starts", fix, None, changes)
        return
    which = listed([mark.name.removeprefix("milestone ") for mark in late])
    noun = f"milestone {which} is" if len(late) == 1 else f"milestones {which} are"
    left, since = part.steps - part.warmup, " after the warmup" * bool(part.warmup)
    message = f"{part.name}: {noun} never reached: it has {counted(left, 'step')}{since}"
    kept = _without(case, part, {mark.number for mark in late}) if len(late) < len(marks) and not children else ()
    yield case.finding(message, f"Place milestones below {left:,}, or drop them", None, kept)


def _without(case: Case, part: Part, dropped: Collection[int]) -> tuple[Change, ...]:
    """Return the changes that leave milestones out, and with each the scheduler that it ended, if it is a sequence."""
    changes: tuple[Change, ...] = ()
    for name in ("milestones", "schedulers"):
        written = case.written(part.field(name))
        if isinstance(written, (list, tuple)):
            kept = [(number, entry) for number, entry in enumerate(written, bool(part.warmup)) if number not in dropped]
            if name == "milestones":
                kept.sort(key=lambda pair: part.spec.marks()[pair[0]])
            changes += part.change(**{name: [entry for _, entry in kept]})
    return changes


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
    marks = _milestones(part)
    steps = [mark.step for mark in marks]
    repeated = {step: steps.count(step) for step in sorted(steps) if steps.count(step) > 1}
    dropped = {mark.number for number, mark in enumerate(marks) if mark.step in steps[:number]}
    for step, times in repeated.items():
        name = next(mark.name for mark in marks if mark.step == step)
        what = "skips what lies between" if part.is_container else f"decays {times} times at once"
        message = f"{part.name}: {name} is repeated, so that it {what}"
        yield case.finding(message, "Write it once", case.clock.step_of(step), _without(case, part, dropped))


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
    dropped = {mark.number for mark in _milestones(part) if mark.step <= part.start}
    if dropped:
        decayed = "the learning rate has decayed before its first step"
        what = "its first scheduler never runs" if part.is_container else decayed
        fix = "Leave it out, and what it was to end, or start"
        changes = _without(case, part, dropped)
        yield case.finding(f"{part.name} has a milestone at 0: {what}", fix, case.clock.step_of(part.start), changes)


@part_rule(
    "milestone-unsorted",
    "error",
    "a Sequential's milestones out of order",
    why="SequentialLR looks its milestones up by bisection: out of order they skip a scheduler without a word.",
    instead="Write the milestones in ascending order.",
    example=_sequence(24, 8, total_iters=24),
    near_miss=_sequence(8, 24),
    explains=("warmup-milestone-mismatch", "lr-jump", "milestone-unreached", *LENGTHS, *CURVES),
)
def milestone_unsorted(case: Case, part: Part) -> Iterator[Finding]:
    if not isinstance(part.spec, SequentialLR):
        return
    marks = part.marks()[bool(part.warmup) :]
    written = case.written(part.field("milestones"))
    for first, second in pairwise(marks):
        if second.step < first.step:
            ordered = [written[mark.number - bool(part.warmup)] for mark in sorted(marks, key=lambda mark: mark.step)]
            skipped = f"schedulers[{second.number - bool(part.warmup)}]"
            message = f"{part.name}: {second.name} comes after {first.name.split()[-1]}: {skipped} is skipped"
            fix = f"Write milestones: {in_flow(ordered)}, with the schedulers in that order"
            yield case.finding(message, fix, case.clock.step_of(second.step), part.change(milestones=ordered))
            return


@part_rule(
    "warmup-milestone-mismatch",
    "warning",
    "a warmup whose total_iters is not the milestone that ends it",
    why="With the milestone too early the learning rate jumps from a half-done warmup; too late, it waits on a flat "
    "piece.",
    instead="Give the LinearLR as many total_iters as it has steps (rest), or write warmup: N before the scheduler.",
    example=_sequence(16, total_iters=8),
    near_miss=_sequence(8, total_iters=8),
    explains=("lr-jump",),
)
def warmup_milestone_mismatch(case: Case, part: Part) -> Iterator[Finding]:
    owner, spec = part.owner, part.spec
    if owner is None or not isinstance(owner.spec, SequentialLR) or part.spec is owner.spec.schedulers[-1]:
        return
    followed = part.end < case.clock.scheduler_steps
    if not isinstance(spec, (LinearLR, LambdaWarmup)) or not followed or not 0 < part.steps != spec.total_iters:
        return
    early = spec.total_iters > part.steps
    stays = f"the learning rate stays for {counted(part.steps - spec.total_iters, 'step')}"
    what = "the learning rate jumps there" if early else stays
    message = f"{part.name} takes {spec.total_iters:,} steps and the next milestone comes after {part.steps:,}: {what}"
    step = case.clock.step_of(part.end if early else part.start + spec.total_iters)
    moved = case.ending(part, spec.total_iters) if early else ()
    steps = spec.total_iters if moved else part.steps
    yield case.finding(message, f"Make the two the same: {steps:,}", step, moved or part.change(total_iters=steps))


@part_rule(
    "lr-jump",
    "warning",
    "a learning rate that more than doubles, or halves, from one step to the next at a Sequential's milestone",
    why="The two schedulers do not meet: the loss spikes where the learning rate jumps up, and a jump down wastes the "
    "peak.",
    instead="Let a scheduler end at the learning rate at which the next one starts.",
    example=_sequence(8, factor=1.0, end_factor=0.1),
    near_miss=_sequence(8, factor=0.1),
)
def lr_jump(case: Case, part: Part) -> Iterator[Finding]:
    """Look at every milestone but the start and the end of what holds a learning rate, such as a constant warmup."""
    children = part.spec.children()
    for mark in part.marks() if children else ():
        step = case.clock.step_of(mark.step)
        is_held = any(isinstance(child, ConstantLR) for child in children[mark.number : mark.number + 2])
        for curve in case.curves if 0 < step < case.trace.steps else ():
            before, after = curve.lr[step - 1], curve.lr[step]
            if is_held or not _jumps(before, after):
                continue
            factor = f"by a factor of {after / before:.3g}" if before else "from 0"
            message = f"at {mark.name} (step {step:,}) the learning rate jumps {factor}: {before:.3g} to {after:.3g}"
            yield case.finding(message, "Let the scheduler before it end where the one after it starts", step)
            break


def _jumps(before: float, after: float) -> bool:
    low, high = sorted((abs(before), abs(after)))
    return high > JUMP * low


def _milestones(part: Part) -> list[Mark]:
    """Return the milestones that the document writes."""
    return part.marks()[bool(part.warmup) :] if isinstance(part.spec, (MultiStepLR, SequentialLR)) else []


@part_rule(
    "milestones-after-warmup",
    "info",
    "a MultiStepLR whose milestones are counted from the end of a `warmup:`",
    why="The scheduler after a warmup starts where the warmup ends, and so do its milestones: 30 is not step 30 of the "
    "run. That is what torch's SequentialLR does.",
    instead="Take the warmup off each milestone where steps of the run are meant.",
    example={**_STEPS, "warmup": 4, "scheduler": {"name": "multistep", "milestones": [12, 20], "gamma": 0.5}},
    near_miss=_multistep(16, 24),
)
def milestones_after_warmup(case: Case, part: Part) -> Iterator[Finding]:
    if case.parts[0].warmup and isinstance(part.spec, MultiStepLR) and part.place == "scheduler":
        steps = ", ".join(f"{mark.step:,}" for mark in part.marks())
        message = f"the milestones of {part.name} count from the end of the warmup: in the run they are {steps}"
        yield case.finding(message, "Take the warmup off them where steps of the run are meant")
