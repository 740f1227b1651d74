"""The rule about units: a schedule that counts one thing and is stepped by another."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from lrviz.experiment.clock import Clock
from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers import ExponentialLR, ReduceLROnPlateau, SequentialLR
from lrviz.rules.case import DEAD, Case, Part, counted
from lrviz.rules.changes import Change
from lrviz.rules.finding import SEVERITIES, Finding, Severity
from lrviz.rules.registry import CURVES, LENGTHS, RATES, rule
from lrviz.rules.shapes import dead_share, rises_again, still_rises

TOLERANCE = 0.02
MANY = 20  # steps in an epoch, or repeats, from which a wrong unit shows
PER_EPOCH = "steps per epoch"
SPENT = -math.log(DEAD)

Changes = Sequence[Change]


@rule(
    "unit-mismatch",
    "error",
    "a length in one unit, stepped in another: epochs against steps, accumulation or GPUs forgotten",
    why="The schedule runs many times too fast or too slow: a cosine meant for the whole run bounces once an epoch or "
    "hardly moves, a StepLR(30) stepped at every batch is at 1e-17 of its rate by step 500.",
    instead="Step the scheduler as often as its length counts, or give the length in the run's scheduler steps. One "
    "with a unit (10ep, 5%, rest) is never in the wrong one.",
    example={"run": {"epochs": 10, "steps_per_epoch": 100}, "scheduler": {"name": "cosine", "T_max": 10}},
    near_miss={
        "run": {"epochs": 10, "steps_per_epoch": 100, "interval": "epoch"},
        "scheduler": {"name": "cosine", "T_max": 10},
    },
    explains=(*LENGTHS, *RATES, *CURVES, "milestone-unreached", "warmup-milestone-mismatch", "lr-jump"),
)
def unit_mismatch(case: Case) -> Iterator[Finding]:
    """Look at every scheduler, and tell the worst: what else is wrong in a document is so by the same factor."""
    parts = [part for part in case.parts if not part.spec.children()]
    found = [finding for part in parts for finding in _of_part(case, part)]
    yield from sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))[:1]


def _of_part(case: Case, part: Part) -> Iterator[Finding]:
    length = case.bare_length(part)
    is_off = length is not None and not _near(length, case.clock.scheduler_steps) and not _near(length, part.steps)
    found = _of_length(case, part, length) if length and is_off else None
    found = found or _of_function(case, part) or _of_devices(case, part, length)
    if found:
        yield found


def _near(ratio: float, factor: float) -> bool:
    return abs(ratio - factor) <= TOLERANCE * factor


def _of_length(case: Case, part: Part, length: int) -> Finding | None:
    """Compare a length with the run's by the factors that the run knows."""
    clock, steps = case.clock, case.clock.scheduler_steps
    factor, name, cause = _factor(part, length, clock)
    message = f"{part.name} has a length of {length:,} and the run steps it {counted(steps, 'time')}: "
    if clock.interval == "step" and (_counts_epochs(part, length, clock) or (name == PER_EPOCH and length < steps)):
        cause = cause if name else _too_early(part, length, clock)
        fix, changes = _once_an_epoch(case, part, length)
        message += f"{cause}; it counts epochs"
    elif clock.interval == "epoch" and (_counts_steps(part, length, clock) or (name == PER_EPOCH and length > steps)):
        default = "" if case.experiment.run.interval else ", and Lightning steps it once an epoch by default"
        fix, changes = _at_every_step(case, part)
        message += f"{cause}; it counts optimizer steps{default}" if name else f"it counts optimizer steps{default}"
    elif name:
        changes = _scaled(case, part, factor)
        fix = f"Multiply the lengths by {factor:g}" if factor > 1 else f"Divide the lengths by {1 / factor:g}"
        message += cause
    else:
        return _of_period(case, part, length)
    step = clock.step_of(part.start + length) if length < steps else None
    return case.finding(message, fix, step, changes, explains_failure=part.spec.new_base_lr(0) is not None)


def _factor(part: Part, length: int, clock: Clock) -> tuple[float, str, str]:
    """Return what makes a length the run's when multiplied by it, its name, and how it shows; 1 where nothing does."""
    known = {
        PER_EPOCH: clock.steps_per_epoch or 1,
        "batches accumulated (grad_accum)": clock.grad_accum,
        "devices (world_size)": clock.world_size,
    }
    names = [name for name, factor in known.items() if factor > 1]
    steps, end = clock.scheduler_steps, _start(part, {}) + length
    pairs = [(steps, length), (steps, end), (part.steps, length)]  # the run, with what is before it, or its own part
    for pick in (pick for size in (1, 2, 3) for pick in combinations(names, size)):
        factor, name = math.prod(known[one] for one in pick), " x ".join(pick)
        short = next((pair for pair in pairs if _near(pair[0] / pair[1], factor)), None)
        long = next(((whole, own) for whole, own in pairs if whole and _near(own / whole, factor)), None)
        if short and _is_meant_for_the_run(part, steps / length, name):
            return factor, name, f"{short[0]:,} / {short[1]:,} = {factor:,}, the {name}"
        if long:
            return 1 / factor, name, f"{long[1]:,} / {long[0]:,} = {factor:,}, the {name}"
    return 1, "", ""


def _is_meant_for_the_run(part: Part, ratio: float, name: str) -> bool:
    """Return whether a length so much shorter than the run is a mistake, not a choice."""
    spec = part.spec
    if spec.may_be_short or not part.is_last:
        return False
    return ratio >= MANY and PER_EPOCH in name if spec.repeats else not spec.warms_up()


def _counts_epochs(part: Part, length: int, clock: Clock) -> bool:
    """Return whether a length in steps looks like one in epochs: it is over within as many steps as there are epochs.

    A warmup is short on purpose, and CyclicLR counts batches; a step decay must be over, too. Restarts are
    more than enough with one an epoch.
    """
    spec, per_epoch = part.spec, clock.scheduler_steps_per_epoch or 1
    if per_epoch < MANY or clock.epochs is None or spec.warms_up() or (spec.repeats and not spec.period_arg):
        return False
    if spec.repeats and length < per_epoch and clock.scheduler_steps >= MANY * length:
        return getattr(spec, "T_mult", 1) == 1 or length <= clock.epochs
    if spec.may_be_short and length not in spec.marks() and not _is_spent(part, length):
        return False
    return length <= (1 + TOLERANCE) * clock.epochs


def _is_spent(part: Part, length: int) -> bool:
    """Return whether a step decay moves the learning rate so far that nothing is left of it, or of the training."""
    gamma = getattr(part.spec, "gamma", 1.0)
    return gamma == 0 or abs(math.log(gamma)) * ((part.steps - 1) // length) > SPENT


def _too_early(part: Part, length: int, clock: Clock) -> str:
    if part.spec.repeats:
        restarts, factor, end = 0, getattr(part.spec, "T_mult", 1), length
        while end < part.steps:
            restarts, length = restarts + 1, length * factor
            end += length
        return f"it restarts {counted(restarts, 'time')} in {counted(clock.epochs or 1, 'epoch')}"
    return f"all of it happens in the first of {counted(clock.epochs or 1, 'epoch')}"


def _counts_steps(part: Part, length: int, clock: Clock) -> bool:
    """Return whether a length in epochs that may be short looks like one in optimizer steps: only so it fits."""
    spec = part.spec
    may_be_short = spec.warms_up() or spec.repeats or spec.may_be_short
    is_cut = part.end < clock.scheduler_steps  # by a milestone, which says how long it is meant to last
    return may_be_short and not is_cut and 2 * clock.scheduler_steps < length <= clock.steps


def _of_period(case: Case, part: Part, length: int) -> Finding | None:
    """Find a period that is one epoch, counted in what a device loads, or in what all devices do."""
    clock, per_epoch = case.clock, case.clock.scheduler_steps_per_epoch
    if not part.spec.repeats or clock.interval == "epoch" or per_epoch is None:
        return None
    known = {"batches accumulated (grad_accum)": clock.grad_accum, "devices (world_size)": clock.world_size}
    factor, name = next(((factor, name) for name, factor in known.items() if factor > 1), (1, ""))
    if factor == 1 or not 0 <= factor * per_epoch - length < factor:
        return None
    message = (
        f"{part.name} has a period of {length:,} steps, the batches of an epoch: that is {factor} epochs, "
        f"because an epoch has {per_epoch:,} steps; {length:,} / {per_epoch:,} = {factor}, the {name}"
    )
    own = [field for field in part.counts() if field in case.bare_counts]
    changes = [Change(field, round(case.bare_counts[field] / factor)) for field in own]
    step = clock.step_of(part.start + per_epoch)
    return case.finding(message, f"Divide the period by {factor}", step, changes, "warning")


def _of_function(case: Case, part: Part) -> Finding | None:
    """Find a function of the epoch that is stepped at every batch, and one of the step stepped once an epoch."""
    clock = case.clock
    if (clock.epochs or 0) < 2 or (clock.steps_per_epoch or 0) < MANY:
        return None
    if isinstance(part.spec, ExponentialLR):
        return _of_exponential(case, part, part.spec.gamma) if clock.interval == "step" else None
    wrong, right = ("epoch", "step") if clock.interval == "step" else ("step", "epoch")
    if not _is_function_of(part, wrong, right) or not _is_odd(case):
        return None
    often = "every optimizer step" if wrong == "epoch" else "every epoch"
    message = f"{wrong} in the function of {part.name} counts scheduler steps, and the run makes one at {often}: "
    fix, changes = _once_an_epoch(case, part, None) if wrong == "epoch" else _at_every_step(case, part)
    return case.finding(f"{message}{clock.scheduler_steps:,} in {clock.epochs:,} epochs", fix, 0, changes)


def _of_exponential(case: Case, part: Part, gamma: float) -> Finding | None:
    """Find a decay that leaves nothing of the learning rate at every batch, and something once an epoch."""
    clock, per_epoch = case.clock, case.clock.scheduler_steps_per_epoch or 1
    speed = abs(math.log(gamma)) if gamma else 0.0
    is_spent_by_epochs = speed * (clock.epochs or 1) > SPENT
    if speed * part.steps <= SPENT or (is_spent_by_epochs and speed * per_epoch <= SPENT):
        return None
    steps = math.ceil(SPENT / speed)
    message = (
        f"{part.name} multiplies the learning rate by {gamma:g} at each of {part.steps:,} steps, and has changed it "
        f"ten thousandfold after {counted(steps, 'step')}, {steps / per_epoch:.2g} epochs; it counts epochs"
    )
    fix, changes = _once_an_epoch(case, part, None)
    return case.finding(message, fix, clock.step_of(part.start + steps), changes)


def _is_function_of(part: Part, name: str, other: str) -> bool:
    given = getattr(part.spec, "lr_lambda", None)
    texts = [one.text for one in (given if isinstance(given, tuple) else [given]) if isinstance(one, Expression)]
    words = re.findall(r"[a-z]+", " ".join(texts))
    return name in words and other not in words


def _is_odd(case: Case) -> bool:
    """Return whether the learning rate does what nobody wants of a function."""
    groups = [group for _, _, group in case.groups()]
    stride = case.clock.stride
    return any(
        min(group.lr) < 0 or dead_share(group) or rises_again(group) or still_rises(group, stride) for group in groups
    )


def _of_devices(case: Case, part: Part, length: int | None) -> Finding | None:
    """Find what comes as many times too early as there are devices, where accelerate steps a scheduler for each."""
    clock, calls, spec = case.clock, case.clock.calls, part.spec
    if calls == 1:
        return None
    by_epoch = clock.interval == "epoch"
    message = f"accelerate steps {part.name} {calls} times at each {'epoch' if by_epoch else 'update'} (world_size)"
    if by_epoch and length is None and (isinstance(spec, ExponentialLR) or hasattr(spec, "lr_lambda")):
        fix = "Do not pass the scheduler to accelerator.prepare, or count its steps on all devices"
        return case.finding(f"{message}: it runs {calls} times too fast", fix, 0, (), "warning")
    count = spec.patience if isinstance(spec, ReduceLROnPlateau) else length
    is_bare = any(field in case.bare_counts for field in part.counts())
    severity = _severity_of_devices(case, part, count) if count and is_bare else None
    if severity is None or not count:
        return None
    is_plateau = isinstance(spec, ReduceLROnPlateau)
    what = "with the same metric, so that its patience" if is_plateau else "so that its length"
    message += f", {what} of {count:,} is over after {count / calls:,.4g} {'epochs' if by_epoch else 'optimizer steps'}"
    changes = [] if severity == "info" else _on_each_device(case, part, count)
    fix = f"Multiply it by {calls} if {'epochs' if by_epoch else 'optimizer steps'} are meant, or do not prepare it"
    return case.finding(message, fix, clock.step_of(part.start + count), changes, severity)


def _severity_of_devices(case: Case, part: Part, count: int) -> Severity | None:
    """Return how sure it is that a count is not one of all devices' steps; None where nothing speaks for it."""
    clock, spec = case.clock, part.spec
    if clock.interval == "epoch":
        return "error"
    lengths = [(other, case.bare_length(other)) for other in case.parts if other.is_last and other.spec.length_arg]
    if any(one and _near(other.start + one, clock.scheduler_steps) for other, one in lengths):
        return None  # whoever wrote them knows
    if spec.marks() and spec.may_be_short:
        is_early = part.start + count <= (1 + TOLERANCE) * clock.settings
        return "warning" if is_early else None
    is_short_by_choice = spec.warms_up() or spec.period_arg or isinstance(spec, ReduceLROnPlateau)
    if spec.repeats or not is_short_by_choice:
        return None
    return "warning" if count % clock.calls else "info"


def _on_each_device(case: Case, part: Part, count: int) -> Changes:
    """Return the changes that count a part's steps on all devices, with a unit where one says it exactly."""
    clock = case.clock
    if clock.interval == "epoch":
        return [Change(field, f"{number}ep") for field, number in case.bare_counts.items()]
    if not part.spec.warms_up():
        own = [field for field in part.counts() if field in case.bare_counts]
        return [Change(field, case.bare_counts[field] * clock.calls) for field in own]
    share = f"{100 * count / clock.settings:g}%"
    is_exact = len(share) < 6 and round(float(share[:-1]) * clock.scheduler_steps / 100) == count * clock.calls
    return case.ending(part, count * clock.calls, share if is_exact else None)


def _once_an_epoch(case: Case, part: Part, length: int | None) -> tuple[str, Changes]:
    """Return how to step a scheduler once an epoch, or how to write its lengths where others count steps."""
    clock, counts = case.clock, case.bare_counts
    own = [field for field in part.counts() if field in counts]
    limit = (1 + TOLERANCE) * (clock.epochs or 1)
    if length is not None and not own:  # torch's default
        return f"Give it the {part.steps:,} steps that it has", case.resized(part, part.steps)
    if clock.calls == 1 and max(counts.values(), default=0) <= limit:
        written = "" if length is None else f", or write its lengths in epochs ({length}ep)"
        return f"Step it once an epoch{written}", [Change("run.interval", "epoch")]
    if length is None:
        gamma = getattr(part.spec, "gamma", None)
        root = None if gamma is None else gamma ** (1 / (clock.scheduler_steps_per_epoch or 1))
        return "Step it once an epoch, or take the root of its factor", part.change(gamma=root) if root else ()
    if part.spec.length_arg and part.is_last and length >= (1 - TOLERANCE) * (clock.epochs or 1):
        return f"Give it the {part.steps:,} steps that it has", case.resized(part, part.steps)
    return f"Write its lengths in epochs ({length}ep)", [Change(field, f"{counts[field]}ep") for field in own]


def _at_every_step(case: Case, part: Part) -> tuple[str, Changes]:
    """Return how to step a scheduler at every step; lengths that fit the epochs are then written in epochs."""
    clock = case.clock
    own = part.counts()
    others = {field: n for field, n in case.bare_counts.items() if field not in own and n <= clock.scheduler_steps}
    changes = [Change("run.interval", "step"), *(Change(field, f"{number}ep") for field, number in others.items())]
    start, length = part.start * clock.stride, case.bare_length(part)
    if part.is_last and length and part.spec.length_arg and _near(start + length, clock.steps):
        changes += case.resized(part, clock.steps - start)
    return "Step it at every optimizer step, or write its lengths in epochs (1ep)", changes


def _scaled(case: Case, part: Part, factor: float) -> Changes:
    """Return the changes that multiply every bare length by a factor, and let the last one take what is left."""
    changes = {field: max(1, round(number * factor)) for field, number in case.bare_counts.items()}
    start = _start(part, changes)
    resized = case.resized(part, case.clock.scheduler_steps - start) if part.is_last and part.spec.length_arg else ()
    fields = {change.field for change in resized}
    return [*(Change(field, number) for field, number in changes.items() if field not in fields), *resized]


def _start(part: Part, changed: Mapping[str, int]) -> int:
    """Return where a part starts once the bare numbers of its sequence are changed."""
    owner = part.owner
    if owner is None or not isinstance(owner.spec, SequentialLR) or not part.number:
        return part.start
    mark = owner.spec.milestones[part.number - 1] - owner.warmup
    field = f"{owner.place}.milestones[{part.number - 1 - bool(owner.warmup)}]"
    return changed.get("warmup", owner.warmup) + (changed.get(field, mark) if mark else 0)
