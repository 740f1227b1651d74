"""The rule for what torch raised and no other rule explains."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.rules.case import REPLAY_FAILED, Case
from lrviz.rules.finding import Finding
from lrviz.rules.registry import rule, toy


@rule(
    REPLAY_FAILED,
    "error",
    "torch raises, when the scheduler is built or in the middle of the run",
    why="The training run would stop there with the same exception.",
    instead="Read torch's words: they say which argument it does not take.",
    example=toy("onecycle", optimizer={"name": "adagrad", "lr": 0.1}, max_lr=0.1),
    near_miss=toy("onecycle", optimizer={"name": "adagrad", "lr": 0.1}, max_lr=0.1, cycle_momentum=False),
)
def replay_failed(case: Case) -> Iterator[Finding]:
    failure = case.trace.failure
    if failure is not None:
        step = max(0, failure.step - 1)
        if failure.kind == "ArithmeticError" or (
            failure.kind == "ZeroDivisionError" and " at epoch = " in failure.message
        ):
            message = f"the expression has no value {failure.where}: {failure.message}"
            yield case.finding(message, "Let it have a value in every step", step)
            return
        message = f"{failure.by} raises {failure.where}: {failure.words}"
        is_momentum = "cycle_momentum" in failure.message
        fix = "Set cycle_momentum: false" if is_momentum else f"Change what {failure.by} refuses"
        part = next((part for part in case.parts if part.spec.moves_momentum() and not part.is_container), None)
        changes = part.change(cycle_momentum=False) if is_momentum and part else ()
        yield case.finding(message, fix, step, changes)
