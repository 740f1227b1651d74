"""Rules about ReduceLROnPlateau and the metric it watches."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from lrviz.errors import counted
from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers import Plateau, Watching, of_group
from lrviz.rules.case import Case, Part, rounded
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule, toy

HIGHER_IS_BETTER = {"acc", "accuracy", "f1", "auc", "auroc", "map", "iou", "miou", "bleu"}

SLOW = 0.2  # of a metric: less, in three times the patience, is next to nothing
FAR = 100_000  # steps after the run
THRESHOLDS = (1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2)

_RISING = "log.csv:val_acc"


@part_rule(
    "plateau-mode",
    "error",
    "a metric that is better when higher, watched with mode=min",
    why="With mode=min a rising accuracy counts as getting worse: the learning rate is cut while training goes well.",
    instead="Set mode: max.",
    example=toy("plateau", metric_csv=_RISING, mode="min"),
    near_miss=toy("plateau", metric_csv=_RISING, mode="max"),
    explains=("lr-dead", "plateau-idle"),
)
def plateau_mode(case: Case, part: Part) -> Iterator[Finding]:
    """Go by the name of the metric, or by its numbers, which are best at the start and get worse from there."""
    spec = part.spec
    if not isinstance(spec, Plateau):
        return
    column = (spec.metric_csv or "").rpartition(":")[2]
    better = "max" if spec.mode == "min" else "min"
    values = _watched(case, spec)
    if spec.mode == "min" and _words(column) & HIGHER_IS_BETTER:
        message = f"{column} is better when higher, and mode=min cuts the learning rate while it rises"
    elif _goes_wrong(values, 1 if spec.mode == "min" else -1):
        way = "rises" if spec.mode == "min" else "falls"
        message = (
            f"the metric {way} from {values[0]:.3g} to {values[-1]:.3g}, and mode={spec.mode} takes that for getting "
            "worse: the learning rate is cut all the while"
        )
    else:
        return
    yield case.finding(message, f"Watch it with mode: {better}", 0, part.change(mode=better))


def _watched(case: Case, spec: Plateau) -> Sequence[float]:
    """Return what a plateau is given, as far as it is known."""
    return case.trace.metric if case.trace.metric is not None else spec.metric if isinstance(spec.metric, tuple) else ()


def _goes_wrong(values: Sequence[float], sign: int) -> bool:
    """Return whether values are best in their first tenth, and get worse from third to third, by a tenth in all."""
    third = len(values) // 3
    if third < 2:
        return False
    thirds = [sign * sum(values[start : start + third]) / third for start in (0, third, len(values) - third)]
    worst_change = 0.1 * max(abs(thirds[0]), abs(thirds[2]))
    is_worse = thirds[0] < thirds[1] < thirds[2] and thirds[2] - thirds[0] > worst_change
    return is_worse and min(range(len(values)), key=lambda index: sign * values[index]) <= len(values) // 10


def _words(column: str) -> set[str]:
    """Return the words of a column's name, in small letters, with and without a number at their end."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", column).lower()
    words = re.findall(r"[a-z0-9]+", spaced)
    return {form for word in words for form in (word, word.rstrip("0123456789"))}


@part_rule(
    "plateau-negative-metric",
    "error",
    "a metric below zero with threshold_mode=rel",
    why="The relative threshold is a share of the best value: of a negative one it points the wrong way, so that "
    "standing still counts as getting better and the learning rate is never reduced rightly.",
    instead="Set threshold_mode: abs, with a threshold in the metric's own unit.",
    example=toy("plateau", metric="-1", factor=0.5),
    near_miss=toy("plateau", metric="-1", factor=0.5, threshold_mode="abs"),
    explains=("plateau-idle",),
)
def plateau_negative_metric(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if not isinstance(spec, Plateau) or spec.threshold_mode != "rel":
        return
    given = spec.metric if isinstance(spec.metric, tuple) else case.trace.metric or ()
    where = next((index for index, value in enumerate(given) if value < 0), None)
    if where is not None:
        step = min((where + 1) * case.experiment.metric_stride, case.clock.steps - 1)
        message = (
            f"the metric is negative ({given[where]:.3g} at step {step:,}), where a relative threshold turns round"
        )
        yield case.finding(message, "Compare by difference", step, part.change(threshold_mode="abs"))


@part_rule(
    "plateau-patience",
    "warning",
    "a patience as long as the run",
    why="The learning rate is reduced at the earliest after patience + 1 bad steps; with as much patience as the run "
    "has, never.",
    instead="Choose a patience well below the number of times the scheduler is stepped.",
    example=toy("plateau", run={"epochs": 10, "steps_per_epoch": 8, "interval": "epoch"}, metric="1", patience=10),
    near_miss=toy("plateau", run={"epochs": 10, "steps_per_epoch": 8, "interval": "epoch"}, metric="1", patience=3),
    explains=("plateau-idle",),
)
def plateau_patience(case: Case, part: Part) -> Iterator[Finding]:
    spec, steps = part.spec, case.clock.scheduler_steps // part.spec.every
    if isinstance(spec, Plateau) and spec.patience >= steps:
        unit = "evaluations" if spec.every > 1 else "epochs" if case.clock.interval == "epoch" else "steps"
        message = f"patience = {spec.patience:,} and the run steps the plateau {steps:,} times ({unit}): "
        fix = f"Choose a patience well below {steps:,}"
        yield case.finding(f"{message}it never reduces", fix, None, part.change(patience=max(1, steps // 10)))


@part_rule(
    "min-lr-above-lr",
    "error",
    "a scheduler that follows a metric, with a min_lr that is not below the learning rate",
    why="GreedyLR lowers the learning rate down to min_lr, 1e-3 unless told otherwise: one that is at it, or below, as "
    "those of fine-tuning are, is never lowered, whatever the metric does.",
    instead="Set min_lr well below the learning rate.",
    example=toy("hf-greedy", optimizer={"lr": 0.0005}, metric="1"),
    near_miss=toy("hf-greedy", optimizer={"lr": 0.0005}, metric="1", min_lr=0.0001),
)
def min_lr_above_lr(case: Case, part: Part) -> Iterator[Finding]:
    """Leave out torch's plateau, of which another rule says so."""
    spec, lowest = part.spec, getattr(part.spec, "min_lr", None)
    if not isinstance(spec, Watching) or isinstance(spec, Plateau) or lowest is None:
        return
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        low = of_group(lowest, number)
        if low >= group.lr > 0:
            several = len(case.experiment.optimizer.resolved_groups) > 1
            whose = f" of group {group.name}" if several else ""
            message = f"{part.name} can never lower the learning rate{whose}, {group.lr:.3g}: min_lr is {low:.3g}"
            yield case.finding(message, "Lower min_lr", 0, part.change(min_lr=rounded(group.lr / 100)))
            return


@part_rule(
    "plateau-idle",
    "warning",
    "a plateau that never reduces the learning rate, though the metric has all but stopped",
    why="A loss that still falls by a little more than the threshold is no plateau for it. Where the metric falls as "
    "it should, or has only just stopped, it is an info.",
    instead="Give it a threshold above what the metric falls by in patience steps, or a smaller patience.",
    example=toy("plateau", run={"steps": 100}, metric="(1 + step) ** -0.5", patience=8),
    near_miss=toy("plateau", run={"steps": 100}, metric="(1 + step) ** -0.5", patience=8, threshold=0.1),
)
def plateau_idle(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if not isinstance(spec, Plateau) or case.trace.failure is not None:
        return
    warmed = case.clock.step_of(max((child.end for child in case.parts if child.owner is part), default=0))
    after = [curve.lr[warmed:] for curve in case.curves]
    if not after or any(not rates or min(rates) != max(rates) for rates in after):
        return
    values = _watched(case, spec)[: (case.clock.scheduler_steps - 1) // spec.every]
    reductions, idle = _reductions(spec, values, spec.threshold)
    message = f"{part.name} never reduces the learning rate"
    rate, lowest = case.curves[0].base, of_group(spec.min_lr, 0)
    if reductions and lowest >= rate:
        changes = part.change(min_lr=rounded(rate / 100))
        yield case.finding(f"{message}: min_lr = {lowest:.3g} is not below {rate:.3g}", "Lower min_lr", None, changes)
    elif reductions:
        message += f": it leaves out a change of less than eps = {spec.eps:g}, and the learning rate is {rate:.3g}"
        yield case.finding(message, "Lower eps", None, part.change(eps=0.0))
    elif len(values) > spec.patience + 1:
        long = min(len(values) - 1, max(3 * (spec.patience + 1), len(values) // 3))
        before, last = values[-1 - long], values[-1]
        is_slow = not idle and abs(before - last) < SLOW * abs(before) and not _ever_idle(case, spec)
        message += f": the metric goes from {before:.3g} to {last:.3g} in its last {counted(long, 'step')}"
        message += f", and each is an improvement by more than the threshold, {spec.threshold:g}" if not idle else ""
        enough = (one for one in THRESHOLDS if one > spec.threshold and _reductions(spec, values, one)[0])
        threshold = next(enough, None) if is_slow else None
        fix = "Choose a higher threshold, or a smaller patience, if it is to come down within the run"
        changes = () if threshold is None else part.change(threshold=threshold)
        yield case.finding(message, fix, None, changes, "warning" if is_slow else "info")


def _ever_idle(case: Case, spec: Plateau) -> bool:
    """Return whether an expression stops improving in three times the run; a log says nothing of what comes."""
    if not isinstance(spec.metric, Expression):
        return True
    clock, steps = case.clock, case.clock.settings // spec.every
    later = (index * case.experiment.metric_stride for index in range(steps, steps + min(2 * steps, FAR)))
    try:
        values = [spec.metric(epoch=clock.epoch_of(step) or 0, step=step) for step in later]
    except ArithmeticError:
        return True
    return _reductions(spec, values, spec.threshold)[1] > 0


def _reductions(spec: Plateau, values: Sequence[float], threshold: float) -> tuple[int, int]:
    """Return how often a plateau means to reduce, as torch counts, and how many of its steps were no improvement."""
    sign = 1 if spec.mode == "min" else -1
    best, bad, idle, reductions, rest = math.inf, 0, 0, 0, 0
    for value in (sign * value for value in values):
        margin = threshold * (abs(best) if spec.threshold_mode == "rel" and math.isfinite(best) else 1)
        if value < best - margin or math.isinf(best):
            best, bad = value, 0
        else:
            bad, idle = bad + 1, idle + 1
        if rest:
            rest, bad = rest - 1, 0
        if bad > spec.patience:
            reductions, rest, bad = reductions + 1, spec.cooldown, 0
    return reductions, idle
