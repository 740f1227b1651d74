"""Rules about ReduceLROnPlateau and the metric it watches."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lrviz.experiment.schedulers import ReduceLROnPlateau
from lrviz.rules.case import Case, Part
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule

HIGHER_IS_BETTER = {"acc", "accuracy", "f1", "auc", "auroc", "map", "iou", "miou", "bleu"}

_RISING = "log.csv:val_acc"


@part_rule(
    "plateau-mode",
    "error",
    "a metric that is better when higher, watched with mode=min",
    why="With mode=min a rising accuracy counts as getting worse: the rate is cut while training goes well.",
    instead="Set mode: max.",
    example={"scheduler": {"name": "plateau", "metric_csv": _RISING, "mode": "min"}},
    near_miss={"scheduler": {"name": "plateau", "metric_csv": _RISING, "mode": "max"}},
)
def plateau_mode(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if not isinstance(spec, ReduceLROnPlateau) or spec.mode != "min" or spec.metric_csv is None:
        return
    column = spec.metric_csv.rpartition(":")[2]
    if _words(column) & HIGHER_IS_BETTER:
        message = f"{column} is better when higher, and mode=min cuts the learning rate while it rises"
        yield case.finding(message, "Watch it with mode: max", 0, "mode: max")


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
    "standing still counts as getting better and the rate is never reduced rightly.",
    instead="Set threshold_mode: abs, with a threshold in the metric's own unit.",
    example={"scheduler": {"name": "plateau", "metric": "-1", "factor": 0.5}},
    near_miss={"scheduler": {"name": "plateau", "metric": "-1", "factor": 0.5, "threshold_mode": "abs"}},
)
def plateau_negative_metric(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if not isinstance(spec, ReduceLROnPlateau) or spec.threshold_mode != "rel":
        return
    given = spec.metric if isinstance(spec.metric, tuple) else case.trace.metric
    where = next((index for index, value in enumerate(given or ()) if value < 0), None)
    if given is not None and where is not None:
        step = min((where + 1) * case.clock.stride, case.clock.steps - 1)
        message = (
            f"the metric is negative ({given[where]:.3g} at step {step:,}), where a relative threshold turns round"
        )
        yield case.finding(message, "Compare by difference", step, "threshold_mode: abs")


@part_rule(
    "plateau-patience",
    "warning",
    "a patience as long as the run",
    why="The rate is reduced at the earliest after patience + 1 bad steps; with as much patience as the run has, "
    "never.",
    instead="Choose a patience well below the number of times the scheduler is stepped.",
    example={
        "run": {"epochs": 10, "steps_per_epoch": 8, "interval": "epoch"},
        "scheduler": {"name": "plateau", "metric": "1", "patience": 10},
    },
    near_miss={
        "run": {"epochs": 10, "steps_per_epoch": 8, "interval": "epoch"},
        "scheduler": {"name": "plateau", "metric": "1", "patience": 3},
    },
)
def plateau_patience(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if isinstance(spec, ReduceLROnPlateau) and spec.patience >= case.clock.scheduler_steps:
        unit = "epochs" if case.clock.interval == "epoch" else "steps"
        steps = case.clock.scheduler_steps
        message = f"patience = {spec.patience:,} and the run steps the plateau {steps:,} times ({unit}): "
        fix = f"Choose a patience well below {steps:,}"
        yield case.finding(f"{message}it never reduces", fix, None, f"patience: {max(1, steps // 10)}")
