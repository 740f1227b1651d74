"""Rules about a run that goes on from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lrviz.errors import counted, listed
from lrviz.experiment.argtypes import ArgType
from lrviz.experiment.experiment import Resume
from lrviz.experiment.expression import Expression
from lrviz.experiment.optimizers import SETTINGS
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import OneCycleLR, OwnRule, SchedulerArg, SchedulerSpec
from lrviz.experiment.writer import in_flow
from lrviz.rules.case import Case, Part, percent
from lrviz.rules.curve import Curve
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.lengths import FINISHED
from lrviz.rules.registry import curve_rule, rule, toy

JUMP = 0.1  # of the higher of two learning rates
SLIGHT = 1e-4  # of the peak, as far as two learning rates for one step are apart
SMALL = 0.01  # of the peak, as far as one is from the step before
TWO_EPOCHS = {"resume_at": "2ep"}
LONGER = {**TWO_EPOCHS, "set": "run.epochs=6"}

BECAUSE = {
    "load": "the state does not hold what computes it, and the new schedule has another value",
    "restart": "the scheduler's state is not loaded, and it begins anew",
    "last-epoch": "constructed with last_epoch, the scheduler makes its step once more",
}
FIX = {
    "load": "Keep the schedule's length and arguments, or decide on them before the first run",
    "restart": "Save the scheduler's state_dict() with the checkpoint, and load it",
    "last-epoch": "Construct the scheduler without last_epoch, and load its state_dict()",
}


@curve_rule(
    "resume-jump",
    "warning",
    "a learning rate that jumps where a run goes on from a checkpoint",
    why="A scheduler whose state is not loaded warms up again, or decays once more; and a LambdaLR, such as all of "
    "transformers', saves no function: with another length it goes on along another curve.",
    instead="Save and load the states of both, the optimizer and the scheduler, and keep the schedule's length.",
    example=toy("hf-linear", num_warmup_steps=4),
    given={**TWO_EPOCHS, "resume_as": "restart"},
    near_miss=toy("hf-linear", num_warmup_steps=4),
    given_instead=TWO_EPOCHS,
    explains=("starts-again", "rises-again", "still-rising", "ends-high", "high-first-step"),
)
def resume_jump(case: Case, curve: Curve) -> Finding | None:
    """Compare the first two settings after the checkpoint with those that would have come without it."""
    seam, stride = case.trace.seam, case.clock.stride
    if seam is None:
        return None
    unbroken, peak = seam.unbroken[curve.number], abs(curve.summary.peak)
    for number, step in enumerate((seam.step, (seam.step // stride + 1) * stride)):
        if step >= case.trace.steps:
            continue
        is_known = number < len(unbroken)
        wanted, got = unbroken[number] if is_known else curve.lr[step - 1], curve.lr[step]
        least = max(JUMP * max(abs(got), abs(wanted)), (SLIGHT if is_known else SMALL) * peak)
        if abs(got - wanted) > least:
            would = "the run before it would have gone on with" if is_known else "the step before it had"
            what = f"after the checkpoint step {step:,}{_epoch(case, step)} trains with {got:.3g}{curve.of_group}"
            message = f"{what}, where {would} {wanted:.3g}: {BECAUSE[seam.mode]}"
            return case.finding(message, FIX[seam.mode], step)
    return None


def _epoch(case: Case, step: int) -> str:
    epoch = case.clock.epoch_of(step)
    return "" if epoch is None else f" (epoch {epoch:,})"


@rule(
    "resume-length",
    "error",
    "a schedule whose length does not fit the run that goes on from a checkpoint",
    why="load_state_dict brings back T_max, total_iters or total_steps of the first run: a longer run climbs a cosine "
    "again, or raises in OneCycleLR. A scheduler that begins anew takes the whole run's length for the rest of it.",
    instead="Decide on the length before the first run; or set scheduler.T_max after load_state_dict.",
    example=toy("onecycle", optimizer={"momentum": 0.95}, max_lr=0.1),
    given=LONGER,
    near_miss=toy("onecycle", optimizer={"momentum": 0.95}, max_lr=0.1),
    given_instead=TWO_EPOCHS,
    explains=("resume-overridden", "rises-again", "ends-high", "lr-dead"),
)
def resume_length(case: Case) -> Iterator[Finding]:
    """Look at what is active when the run ends; a scheduler that is constructed with last_epoch has its own length."""
    resume, clock = case.experiment.resume, case.clock
    if resume is None:
        return
    for old, new in _pairs(case, resume):
        if not _ends(new):
            continue
        if resume.mode == "restart":
            begun = new.start + resume.step // clock.stride * clock.calls
            yield from _begun(case, new, clock.scheduler_steps - begun)
        elif resume.mode == "load" and _is_stored(new.spec) and clock.scheduler_steps - old.start != old.steps:
            yield from _kept(case, old, clock.scheduler_steps - old.start)


def _ends(part: Part) -> bool:
    """Return whether a scheduler is to end with the run."""
    spec = part.spec
    return (
        part.is_last and not part.is_container and bool(spec.length_arg) and not (spec.warms_up() or spec.may_be_short)
    )


def _begun(case: Case, part: Part, left: int) -> Iterator[Finding]:
    """Yield that a scheduler which begins anew has fewer steps than it needs."""
    length = part.spec.length() or 0
    if 0 < left < FINISHED * length:
        message = f"{part.name} begins anew: it is made for {counted(length, 'step')}, and has {left:,}{_end(case)}"
        fix = f"Load its state; or give it the {left:,} that are left"
        yield case.finding(message, fix, case.clock.steps - 1, severity="warning")


def _kept(case: Case, part: Part, left: int) -> Iterator[Finding]:
    """Yield what comes of a length that a checkpoint brought back, where it has another number of steps left."""
    argument, length = f"{part.spec.label}.{part.spec.length_arg}", part.spec.length() or 0
    ends, failure, seam = case.clock.step_of(part.start + length), case.trace.failure, case.trace.seam
    what = f"the checkpoint brings back {argument} = {length:,}, and the run that goes on has {left:,} steps for it"
    fix = f"Set {argument} = {left:,} after load_state_dict, or decide on the length before the first run"
    if seam is not None and seam.step >= ends:
        fix = "Construct a new scheduler for the steps that are left, or decide on the length before the first run"
    if isinstance(part.spec, OneCycleLR) and failure is not None:
        lost = case.clock.steps - failure.step
        share, are = percent(lost, case.clock.steps), "are" if lost > 1 else "is"
        message = f"{what}: torch raises {failure.where}; {counted(lost, 'step')} {are} lost, {share} of the run"
        fix = "Decide on its length before the first run; a OneCycleLR cannot be made longer"
        yield case.finding(message, fix, failure.step - 1, explains_failure=True)
    elif left < FINISHED * length:
        yield case.finding(f"{what}{_end(case)}", fix, case.clock.steps - 1, severity="warning")
    elif length < FINISHED * left and case.curves and failure is None:
        lowest, last = case.curves[0].lr[min(ends, case.trace.steps - 1)], case.curves[0].lr[-1]
        rises = last > 1.1 * lowest and last > SMALL * case.curves[0].summary.peak
        then = f"rises again and ends at {last:.3g}" if rises else f"stays at {last:.3g}"
        message = f"{what}: from step {ends:,}{_epoch(case, ends)} on the learning rate {then}"
        yield case.finding(message, fix, ends, severity="error" if rises else "warning")


def _end(case: Case) -> str:
    """Return with what the run ends, where it does."""
    if not case.curves or case.trace.failure is not None:
        return ""
    last, peak = case.curves[0].lr[-1], case.curves[0].summary.peak
    return f"; the run ends at {last:.3g}, {percent(last, peak)} of the peak"


@rule(
    "resume-overridden",
    "warning",
    "an argument that was changed for a run that goes on, and that the loaded state overrides without a word",
    why="load_state_dict writes every attribute of the scheduler, and every setting of the optimizer's parameter "
    "groups, over those that were just given: a new T_max, gamma or lr has no effect.",
    instead="Set it after load_state_dict: the scheduler's attribute; for the learning rate the lr and initial_lr of "
    "the optimizer's param_groups, and the scheduler's base_lrs.",
    example=toy("step", step_size=8, gamma=0.5),
    given={**TWO_EPOCHS, "set": "scheduler.gamma=0.1"},
    near_miss=toy("step", step_size=8, gamma=0.5),
    given_instead=TWO_EPOCHS,
)
def resume_overridden(case: Case) -> Iterator[Finding]:
    resume = case.experiment.resume
    if resume is None:
        return
    before, after = resume.before.resolved, case.scheduler
    if resume.mode == "load" and type(before) is not type(after) and not isinstance(after, OwnRule):
        message = f"the state of {before.label} is loaded into {after.label}, and torch does not compare the classes"
        fix = f"Load the optimizer's state alone, and construct {after.label} for the steps that are left"
        fails = case.trace.failure is not None and case.trace.steps <= resume.step
        severity: Severity = "error" if fails else "warning"
        yield case.finding(message, fix, resume.step, severity=severity, explains_failure=fails)
    changed = [*_of_optimizer(case, resume), *_of_schedulers(case, resume)]
    if changed:
        message = f"the checkpoint's state overrides what was changed: {listed(changed)}"
        yield case.finding(message, "Set it after load_state_dict, or leave it as it was", resume.step)


def _of_optimizer(case: Case, resume: Resume) -> Iterator[str]:
    """Yield the settings of the optimizer that were changed: its state is loaded in every mode."""
    has_base_lrs = _is_stored(case.scheduler) or not isinstance(case.scheduler, OwnRule)
    is_free = not has_base_lrs or case.scheduler.ignores_base_lr
    old, new = (each.optimizer.resolved_groups for each in (resume.before, case.experiment))
    for first, second in zip(old, new, strict=True):
        of_group = f" of {second.name}" if len(new) > 1 else ""
        for name in SETTINGS:
            was, now = getattr(first, name), getattr(second, name)
            if was != now and not (name == "lr" and is_free):
                yield _stays(f"{name}{of_group}", was, now)


def _of_schedulers(case: Case, resume: Resume) -> Iterator[str]:
    """Yield the arguments of schedulers that were changed, and that a loaded state says otherwise."""
    for old, new in _pairs(case, resume):
        kept = [*arg_types(new.spec)] if resume.mode == "load" and _is_stored(new.spec) else []
        if resume.mode == "last-epoch":
            kept = [*KEPT_IN_GROUPS.get(new.spec.name, ())]
        for name in kept:
            was, now = getattr(old.spec, name), getattr(new.spec, name)
            is_given = not new.place or case.written(new.field(name)) is not None
            if was != now and is_given and _is_saved(arg_types(new.spec)[name], was, now):
                yield _stays(f"{new.spec.label}.{name}", was, now)


KEPT_IN_GROUPS = {"onecycle": ("max_lr", "div_factor", "final_div_factor", "base_momentum", "max_momentum")}
"""What torch takes from the optimizer's loaded groups where it constructs a scheduler with last_epoch."""


def _stays(name: str, was: Any, now: Any) -> str:
    return f"{name} stays {_text(was)}, not {_text(now)}"


def _text(value: Any) -> str:
    return "at its default" if value is None else in_flow(value)


def _is_saved(arg_type: ArgType, *values: Any) -> bool:
    """Return whether an argument is in a scheduler's state: no function is, nor what lrviz alone knows."""
    is_function = any(isinstance(value, Expression) or callable(value) for value in values)
    return not (arg_type.extra or isinstance(arg_type, SchedulerArg) or is_function) and not _holds_schedulers(values)


def _holds_schedulers(values: tuple[Any, ...]) -> bool:
    return any(isinstance(value, tuple) and value and isinstance(value[0], SchedulerSpec) for value in values)


def _is_stored(spec: SchedulerSpec) -> bool:
    """Return whether the state of a scheduler holds its arguments."""
    return spec.loads == "arguments"


def _pairs(case: Case, resume: Resume) -> Iterator[tuple[Part, Part]]:
    """Yield each scheduler before the checkpoint with the one in its place after it; none where they differ in kind."""
    before = Case.of(resume.before, case.trace).parts
    if [type(part.spec) for part in before] == [type(part.spec) for part in case.parts]:
        yield from zip(before, case.parts, strict=True)
