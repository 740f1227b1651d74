"""Where along a run an optimizer step lies: in steps, epochs, per cent of the run, or samples."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from lrviz.errors import Problem, SpecError
from lrviz.subject import Subject

Position = Callable[[float], float]
"""What lies behind so many optimizer steps of a run, in the unit of an axis."""

TITLES = {"step": "Steps", "epoch": "Epochs", "progress": "Progress (%)", "samples": "Samples"}
"""The units of an axis, each with the axis's label."""


def position(subject: Subject, unit: str, name: str) -> Position:
    """Return where the steps of a subject lie on an axis of a unit in `TITLES`.

    Raises SpecError, which calls it by its name, for epochs or samples that its run does not have.
    """
    if unit == "epoch":
        per_epoch = subject.trace.steps_per_epoch
        if per_epoch is None:
            raise _refuse(f"{name} has no epochs: {_why_no_epochs(subject)}")
        return lambda step: step / per_epoch
    if unit == "progress":
        steps = max(1, subject.steps)
        return lambda step: 100.0 * step / steps
    if unit == "samples":
        return _samples(subject, name)
    return float


def step_at(value: float, position: Position, steps: int) -> float:
    """Return how many steps of a run lie before a value of its axis, between two of them as well."""
    after = bisect_left(range(steps + 1), value, key=position)
    if after == 0:
        return 0.0
    low, high = position(after - 1), position(after)
    return after - 1 + (value - low) / (high - low) if high > low else float(after)


def _samples(subject: Subject, name: str) -> Position:
    if subject.experiment is None:
        raise _refuse(f"the samples of {name} are not known: it is a log")
    run = subject.experiment.run
    if run.samples_before(subject.steps) is None:
        needs = "its run has no batch_size" if run.batch_size is None else "its framework leaves batches out"
        raise _refuse(f"the samples of {name} are not known: {needs}")
    return lambda step: float(run.samples_before(round(step)) or 0)


def _why_no_epochs(subject: Subject) -> str:
    if subject.experiment is None:
        return "the log does not tell how long they are"
    return subject.experiment.run.clock.why_no_epochs


def _refuse(message: str) -> SpecError:
    return SpecError(Problem(field="x", message=message))
