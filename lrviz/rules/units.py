"""The rule about units: a schedule that counts one thing and is stepped by another."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from lrviz.errors import counted
from lrviz.experiment.clock import Clock
from lrviz.experiment.expression import Expression
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import ExponentialLR, Plateau, SequentialLR
from lrviz.rules.case import Case, Part
from lrviz.rules.changes import Change
from lrviz.rules.curve import DEAD
from lrviz.rules.finding import SEVERITIES, Finding, Severity
from lrviz.rules.registry import CURVES, LENGTHS, RATES, rule, toy

TOLERANCE = 0.02
MANY = 20  # steps in an epoch, or repeats, from which a wrong unit shows
FAR = 2  # times the epochs: what is longer does not count them
PER_EPOCH = "steps per epoch"
SPENT = -math.log(DEAD)

Changes = Sequence[Change]


@rule(
    "unit-mismatch",
    "error",
    "a length in one unit, stepped in another: epochs against steps, accumulation or GPUs forgotten",
    why="The schedule runs many times too fast or too slow: a cosine meant for the whole run bounces once an epoch or "
    "hardly moves, a StepLR(30) stepped at every batch is at 1e-17 of its learning rate by step 500.",
    instead="Step the scheduler as often as its length counts, or give the length in the run's scheduler steps. One "
    "with a unit (10ep, 5%, rest) is never in the wrong one.",
    example=toy("cosine", run={"epochs": 10, "steps_per_epoch": 100}, T_max=10),
    near_miss=toy("cosine", run={"epochs": 10, "steps_per_epoch": 100, "interval": "epoch"}, T_max=10),
    explains=(
        *LENGTHS,
        *RATES,
        *CURVES,
        "milestone-unreached",
        "warmup-milestone-mismatch",
        "lr-jump",
        "default-warmup",
    ),
)
def unit_mismatch(case: Case) -> Iterator[Finding]:
    """Look at every scheduler, and tell the worst: what else is wrong in a document is so by the same factor."""
    parts = [part for part in case.parts if not part.is_container]
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
    severity: Severity | None = None
    message = f"{part.name} has a length of {length:,} and the run steps it {counted(steps, 'time')}: "
    if clock.interval == "step" and (_counts_epochs(part, length, clock) or (name == PER_EPOCH and length < steps)):
        epochs = f"{length / (clock.scheduler_steps_per_epoch or 1):.2g} of {clock.epochs:,} epochs"
        what = "it restarts" if part.spec.repeats else "it decays" if part.spec.period_arg else "all of it is over"
        fix, changes = _once_an_epoch(case, part, length)
        message += f"{cause or f'{what} after {epochs}'}; it counts epochs"
    elif clock.interval == "epoch" and (_counts_steps(part, length, clock) or (name == PER_EPOCH and length > steps)):
        run = case.experiment.run
        default = "" if run.interval else f", and {run.loop.label} steps it once an epoch by default"
        fix, changes = _at_every_step(case, part)
        message += f"{cause}{'; ' * bool(cause)}it counts optimizer steps{default}"
    elif name:
        changes = _scaled(case, part, factor)
        fix = f"Multiply the lengths by {factor:g}" if factor > 1 else f"Divide the lengths by {1 / factor:g}"
        is_period = part.spec.repeats and factor < 1 and length < steps
        message += f"{cause}; one period is {1 / factor:g} epochs" if is_period else cause
        severity = "warning" if is_period else None
    else:
        return None
    step = clock.step_of(part.start + length) if length < steps else None
    return case.finding(message, fix, step, changes, severity, explains_failure=part.spec.new_base_lr(0) is not None)


def _factor(part: Part, length: int, clock: Clock) -> tuple[float, str, str]:
    """Return what makes a length the run's when multiplied by it, its name, and how it shows; 1 where nothing does."""
    known = {
        PER_EPOCH: clock.steps_per_epoch or 1,
        "batches accumulated (grad_accum)": clock.grad_accum,
        "devices (world_size)": clock.world_size,
    }
    names = [name for name, factor in known.items() if factor > 1]
    steps, end = clock.scheduler_steps, _start(part, {}) + length
    pairs = [(steps, length), (steps, end)]  # the run, with what is before it
    if part.is_last:
        pairs.append((part.steps, length))
    if part.spec.repeats and clock.interval == "step" and clock.scheduler_steps_per_epoch:
        names = [name for name in names if name != PER_EPOCH]
        pairs.append((clock.scheduler_steps_per_epoch, length))
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
        return length <= (FAR if getattr(spec, "T_mult", 1) == 1 else 1) * clock.epochs
    is_over = not spec.may_be_short or length in spec.marks()
    is_over = is_over or _is_spent(getattr(spec, "gamma", 1.0), (part.steps - 1) // length)
    return is_over and length <= (1 + TOLERANCE) * clock.epochs


def _counts_steps(part: Part, length: int, clock: Clock) -> bool:
    """Return whether a length in epochs that may be short looks like one in optimizer steps: only so it fits."""
    spec = part.spec
    may_be_short = spec.warms_up() or spec.repeats or spec.may_be_short
    is_cut = part.end < clock.scheduler_steps  # by a milestone, which says how long it is meant to last
    return may_be_short and not is_cut and FAR * clock.scheduler_steps < length <= clock.steps


def _of_function(case: Case, part: Part) -> Finding | None:
    """Find what counts epochs and is stepped at every batch, and what counts steps and is stepped once an epoch."""
    clock = case.clock
    wrong, right = ("epoch", "step") if clock.interval == "step" else ("step", "epoch")
    is_known = (clock.epochs or 0) > 1 and (clock.steps_per_epoch or 0) >= MANY
    what = _what_counts(case, part, wrong, right) if is_known else ""
    if not what:
        return None
    fix, changes = _once_an_epoch(case, part, None) if wrong == "epoch" else _at_every_step(case, part)
    often = "at every optimizer step" if wrong == "epoch" else "once an epoch"
    message = f"{what}, and the run steps it {often}: {clock.scheduler_steps:,} times in {clock.epochs:,} epochs"
    return case.finding(message, fix, clock.step_of(part.start), changes)


def _what_counts(case: Case, part: Part, wrong: str, right: str) -> str:
    """Return what of a part counts one thing, and goes wrong because it is stepped by another."""
    spec, clock = part.spec, case.clock
    per_epoch = clock.scheduler_steps_per_epoch or 1
    if isinstance(spec, ExponentialLR):
        is_right_by_epoch = not _is_spent(spec.gamma, clock.epochs or 1) or _is_spent(spec.gamma, per_epoch)
        is_wrong = wrong == "epoch" and spec.gamma > 0 and _is_spent(spec.gamma, part.steps) and is_right_by_epoch
        return f"{part.name} multiplies the learning rate by {spec.gamma:g} at each step" if is_wrong else ""
    if isinstance(spec, Plateau):
        is_bare = not isinstance(case.written(part.field("patience")), str)
        is_wrong = wrong == "epoch" and spec.every == 1 and is_bare and spec.patience < per_epoch and _is_odd(case)
        return f"{part.name} waits for {counted(spec.patience, 'epoch')}" if is_wrong else ""
    given = getattr(spec, "lr_lambda", None)
    texts = [one.text for one in (given if isinstance(given, tuple) else [given]) if isinstance(one, Expression)]
    words = re.findall(r"[a-z]+", " ".join(texts))
    is_wrong = wrong in words and right not in words and _is_odd(case)
    return f"the function of {part.name} counts {wrong}s" if is_wrong else ""


def _is_spent(gamma: float, decays: int) -> bool:
    """Return whether decays move the learning rate so far that nothing is left of it, or of the training."""
    return gamma == 0 or abs(math.log(gamma)) * decays > SPENT


def _is_odd(case: Case) -> bool:
    """Return whether the learning rate does what nobody wants of a function."""
    return any(
        min(curve.lr) < 0 or curve.dead_steps() or curve.rises_from() or curve.still_rises(case.clock.stride)
        for curve in case.curves
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
    count = spec.patience if isinstance(spec, Plateau) else length
    is_bare = any(field in case.bare_counts for field in part.counts()) or (by_epoch and _has_own_patience(case, part))
    severity = _severity_of_devices(case, part, count) if count and is_bare else None
    if severity is None or not count:
        return None
    is_plateau = isinstance(spec, Plateau)
    what = "with the same metric, so that its patience" if is_plateau else "so that its length"
    message += f", {what} of {count:,} is over after {count / calls:,.4g} {'epochs' if by_epoch else 'optimizer steps'}"
    changes = [] if severity == "info" else _on_each_device(case, part, count)
    fix = f"Multiply it by {calls} if {'epochs' if by_epoch else 'optimizer steps'} are meant, or do not prepare it"
    return case.finding(message, fix, clock.step_of(part.start + count), changes, severity)


def _has_own_patience(case: Case, part: Part) -> bool:
    """Return whether a part is a plateau with its own default patience, which is meant for epochs."""
    return isinstance(part.spec, Plateau) and case.written(part.field("patience")) is None


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
    is_short_by_choice = spec.warms_up() or spec.period_arg or isinstance(spec, Plateau)
    if spec.repeats or not is_short_by_choice:
        return None
    return "warning" if count % clock.calls else "info"


def _on_each_device(case: Case, part: Part, count: int) -> Changes:
    """Return the changes that count a part's steps on all devices, with a unit where one says it exactly."""
    clock = case.clock
    if clock.interval == "epoch":
        patience = {part.field("patience"): count} if _has_own_patience(case, part) else {}
        return [Change(field, f"{number}ep") for field, number in (case.bare_counts | patience).items()]
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
    epochs, name = clock.epochs or 1, part.spec.length_arg
    has_horizon = bool(name) and arg_types(part.spec)[name].horizon
    if clock.calls == 1 and max(counts.values(), default=0) <= (1 + TOLERANCE) * epochs and part.start < epochs:
        written = "" if length is None else f", or write its lengths in epochs ({length}ep)"
        misses = has_horizon and not _near(part.start + (length or 0), epochs)
        return f"Step it once an epoch{written}", [
            Change("run.interval", "epoch"),
            *(part.change(**{name: None}) if misses else ()),
        ]
    if length is None:
        gamma = getattr(part.spec, "gamma", None)
        root = None if gamma is None else gamma ** (1 / (clock.scheduler_steps_per_epoch or 1))
        return "Step it once an epoch, or take the root of its factor", part.change(gamma=root) if root else ()
    if part.is_last and (has_horizon or (name and length >= (1 - TOLERANCE) * epochs)):
        return f"Give it the {part.steps:,} steps that it has", case.resized(part, part.steps)
    return f"Write its lengths in epochs ({length}ep)", [Change(field, f"{counts[field]}ep") for field in own]


def _at_every_step(case: Case, part: Part) -> tuple[str, Changes]:
    """Return how to step a scheduler at every step; lengths that fit the epochs are then written in epochs."""
    clock = case.clock
    own = part.counts()
    others = {field: n for field, n in case.bare_counts.items() if field not in own and n <= clock.scheduler_steps}
    plateaus = (other for other in case.parts if isinstance(other.spec, Plateau) and not case.has_unit(other))
    others |= {plateau.field("patience"): getattr(plateau.spec, "patience", 0) for plateau in plateaus}
    changes = [Change("run.interval", "step"), *(Change(field, f"{number}ep") for field, number in others.items())]
    start, length = part.start * clock.stride, case.bare_length(part)
    if part.is_last and length and part.spec.length_arg and _near(start + length, clock.steps):
        changes += case.resized(part, clock.steps - start)
    return "Step it at every optimizer step, or write its lengths in epochs (1ep)", changes


def _scaled(case: Case, part: Part, factor: float) -> Changes:
    """Return the changes that multiply every bare length by a factor, and let the last one take what is left."""
    changes = {field: max(1, round(number * factor)) for field, number in case.bare_counts.items()}
    start = _start(part, changes)
    left = case.clock.scheduler_steps - start
    resized = case.resized(part, left) if part.is_last and part.spec.length_arg and left > 0 else ()
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
