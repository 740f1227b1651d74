"""The examination: what is ignored, what torch raised, what a spec refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lrviz import replay
from lrviz.documents import load
from lrviz.errors import Problem, SpecError
from lrviz.rules import RULES, Finding, ProjectSettings, examine, from_problems
from lrviz.trace import Failure

REBOUND = {"run": {"epochs": 10, "steps_per_epoch": 100}, "scheduler": {"name": "cosine", "T_max": 10}}
OVERRUN = {
    "optimizer": {"lr": 0.1, "momentum": 0.9},
    "scheduler": {"name": "onecycle", "max_lr": 0.1, "total_steps": 20},
}
FAILING = {"name": "lambda", "lr_lambda": "1 / (4 - step)"}
ENDLESS = {"name": "constant", "factor": 0, "total_iters": 8}
NESTED = {"name": "chained", "schedulers": [{"name": "cosine"}]}
INNER = "ChainedScheduler (schedulers[1])"
REFUSED = {"optimizer": {"name": "adagrad", "lr": 0.1}, "scheduler": {"name": "onecycle", "max_lr": 0.1}}


def found_in(document: Any, **over: Any) -> list[Finding]:
    experiment = load(document)
    return examine(experiment, replay(experiment, partial=True), ProjectSettings(**over))


def rules(document: Any, **over: Any) -> list[str]:
    return [finding.rule for finding in found_in(document, **over)]


def test_ignored_rules_are_left_out() -> None:
    assert rules(REBOUND, ignore=["unit-mismatch"]) == ["cosine-rebound"]


def test_the_document_ignores_too() -> None:
    assert rules({**REBOUND, "check": {"ignore": ["unit-mismatch", "cosine-rebound"]}}) == []


@pytest.mark.parametrize(
    ("document", "ignore", "field"),
    [(REBOUND, ["unit-mismach"], "ignore"), ({**REBOUND, "check": {"ignore": ["unit-mismach"]}}, [], "ignore.0.")],
)
def test_an_unknown_rule_is_refused_with_the_nearest(document: Any, ignore: list[str], field: str) -> None:
    with pytest.raises(SpecError, match=f"{field}: unknown rule 'unit-mismach'; did you mean 'unit-mismatch'"):
        found_in(document, ignore=ignore)


def test_the_worst_comes_first() -> None:
    experiment = load({"optimizer": {"lr": 0.3}, "scheduler": {"name": "onecycle", "max_lr": 0.1, "total_steps": 20}})
    severities = [finding.severity for finding in examine(experiment, replay(experiment, partial=True))]
    assert severities == ["error", "warning", "info"]


@pytest.mark.parametrize(
    ("scheduler", "rule"),
    [
        ({"name": "onecycle", "max_lr": 0.1, "total_steps": 20, "cycle_momentum": False}, "cycle-overrun"),
        ({"name": "onecycle", "max_lr": 0.1, "pct_start": 1.0, "cycle_momentum": False}, "onecycle-phase"),
        ({"name": "constant", "factor": 0, "total_iters": 4}, "degenerate-argument"),
        (RULES["nested-container"].example["scheduler"], "nested-container"),
        (RULES["plateau-in-container"].example["scheduler"], "plateau-in-container"),
    ],
)
def test_what_torch_raised_is_explained_once(scheduler: Any, rule: str) -> None:
    found = rules({"optimizer": {"lr": 0.1}, "scheduler": scheduler})
    assert rule in found
    assert "replay-failed" not in found


def test_what_nothing_explains_is_told_in_torchs_words() -> None:
    experiment = load(REFUSED)
    (finding,) = examine(experiment, replay(experiment, partial=True))
    assert (finding.rule, finding.severity) == ("replay-failed", "error")
    assert "ValueError: optimizer must support momentum or beta1" in finding.message


def test_an_ignored_explanation_brings_back_the_failure() -> None:
    assert rules(OVERRUN, ignore=["cycle-overrun"]) == ["replay-failed"]


def test_the_failure_itself_can_be_ignored() -> None:
    assert rules(OVERRUN, ignore=["cycle-overrun", "replay-failed"]) == []


@pytest.mark.parametrize(
    "document",
    [
        {"scheduler": {"name": "chained", "schedulers": [FAILING, {"name": "cosine-restarts", "T_0": 8}]}},
        {"run": {"steps": 8}, "scheduler": {"name": "chained", "schedulers": [FAILING, ENDLESS]}},
        {"scheduler": {"name": "sequential", "milestones": [32], "schedulers": [FAILING, NESTED]}},
    ],
    ids=["closed-form-in-chain", "degenerate-argument", "nested-container"],
)
def test_what_raises_nothing_explains_no_failure(document: Any) -> None:
    assert "replay-failed" in rules(document)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (
            Failure(step=8, epoch=0, kind="TypeError", message="SequentialLR.step() takes 1 positional argument"),
            f"torch raises TypeError at step 8, when {INNER} takes over",
        ),
        (
            Failure(step=0, epoch=None, kind="AttributeError", message="'ChainedScheduler' object has no 'last_epoch'"),
            f"torch raises AttributeError when the scheduler is built: it cannot start {INNER} at a milestone",
        ),
        (
            Failure(step=4, epoch=0, kind="ZeroDivisionError", message="of another scheduler"),
            f"torch raises an exception at step 8, when {INNER} takes over",
        ),
        (
            Failure(step=0, epoch=None, kind="ZeroDivisionError", message="of another scheduler"),
            f"torch raises an exception at step 8, when {INNER} takes over",
        ),
    ],
    ids=["at the milestone", "when built", "before it", "of another when built"],
)
def test_what_a_container_raises_is_in_the_words_of_the_torch_that_ran(failure: Failure, message: str) -> None:
    children = [{"name": "linear", "total_iters": 8}, NESTED]
    experiment = load({"scheduler": {"name": "sequential", "milestones": [8], "schedulers": children}})
    trace = replace(replay(experiment, partial=True), failure=failure)
    found = next(finding for finding in examine(experiment, trace) if finding.rule == "nested-container")
    assert found.message == message


def test_a_failure_says_its_step() -> None:
    experiment = load({"scheduler": {"name": "lambda", "lr_lambda": "1 / (10 - step)"}})
    finding = next(f for f in examine(experiment, replay(experiment, partial=True)) if f.rule == "replay-failed")
    assert "after step 9 (epoch 1)" in finding.message
    assert finding.step == 9


def test_a_snippet_keeps_every_digit() -> None:
    document = {**OVERRUN, "scheduler": {**OVERRUN["scheduler"], "max_lr": 0.123456789}}
    found = next(f for f in found_in(document) if f.rule == "cycle-overrun")
    assert found.snippet == "scheduler: {name: onecycle, max_lr: 0.123456789, total_steps: 32}"


def test_a_snippet_keeps_rates_that_are_computed_short() -> None:
    groups = {"groups": [{"name": "a", "lr": 0.01}, {"name": "b", "lr": 0.1}]}
    found = found_in({"optimizer": groups, "scheduler": {"name": "swa", "swa_lr": 0.03}})
    assert found[0].snippet == "scheduler: {name: swa, swa_lr: [0.003, 0.03]}"


def test_problems_with_a_rule_become_findings() -> None:
    with pytest.raises(SpecError) as caught:
        load({"run": {"epochs": 0}, "scheduler": {"name": "step", "step_size": 2.5}})
    findings, left = from_problems(caught.value.problems)
    assert [(finding.rule, finding.severity) for finding in findings] == [("fractional-count", "error")]
    assert findings[0].message == "scheduler.step_size: must be a whole number >= 1, not 2.5"
    assert [problem.field for problem in left] == ["run.epochs"]


def test_a_cause_that_no_rule_explains_leaves_the_problem() -> None:
    problem = Problem(message="wrong", cause="no-such-cause")
    assert from_problems([problem]) == ([], [problem])


def test_several_groups_are_named() -> None:
    groups = [{"name": "a", "lr": 1e-3}, {"name": "b", "lr": 1e-1}]
    experiment = load(
        {"optimizer": {"groups": groups}, "scheduler": {"name": "lambda", "lr_lambda": ["1", "1 - step / 16"]}}
    )
    found = next(f for f in examine(experiment, replay(experiment)) if f.rule == "lr-negative")
    assert found.message.endswith("(group b)")
