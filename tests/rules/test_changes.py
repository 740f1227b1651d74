"""Changes: made in a document, shown as YAML, and compared with one another."""

from __future__ import annotations

from typing import Any

import pytest

from lrviz import load, replay
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import CosineAnnealingLR, LinearLR, SequentialLR
from lrviz.rules import examine
from lrviz.rules.changes import Change, apply_changes, contradict, lookup, snippet

DOCUMENT: dict[str, Any] = {
    "run": None,
    "scheduler": {"name": "sequential", "milestones": [8], "schedulers": [{"name": "linear"}, {"name": "cosine"}]},
}

SEQUENCE = """scheduler:
  name: sequential
  milestones: [9]
  schedulers:
    - {name: linear}
    - {name: cosine, T_max: 7}"""


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (Change("run.interval", "epoch"), "run", {"interval": "epoch"}),
        (Change("warmup", "5%"), "warmup", "5%"),
        (Change("scheduler.milestones[0]", 9), "scheduler.milestones", [9]),
        (Change("scheduler.schedulers[1].T_max", 7), "scheduler.schedulers[1]", {"name": "cosine", "T_max": 7}),
        (Change("scheduler.schedulers[1].name", remove=True), "scheduler.schedulers[1]", {}),
        (Change("scheduler.nothing", remove=True), "scheduler", DOCUMENT["scheduler"]),
    ],
)
def test_a_change_is_made_at_its_place(change: Change, field: str, value: Any) -> None:
    changed = apply_changes(DOCUMENT, [change])
    assert lookup(changed, field) == value


def test_the_document_itself_stays_as_it_is() -> None:
    apply_changes(DOCUMENT, [Change("scheduler.milestones[0]", 9), Change("run.interval", "epoch")])
    assert (DOCUMENT["scheduler"]["milestones"], DOCUMENT["run"]) == ([8], None)


@pytest.mark.parametrize(
    "field", ["scheduler.T_max", "scheduler.milestones[4]", "scheduler.name.first", "optimizer.lr"]
)
def test_where_nothing_stands_nothing_is_found(field: str) -> None:
    assert lookup(DOCUMENT, field) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ([Change("run.interval", "epoch")], "run: {interval: epoch}"),
        ([Change("scheduler.schedulers[1].T_max", 7)], "- {name: cosine, T_max: 7}"),
        ([Change("warmup", 5), Change("run.interval", "step")], "warmup: 5\nrun: {interval: step}"),
        ([Change("scheduler", {"name": "cosine"})], "scheduler: {name: cosine}"),
        (
            [Change("scheduler.schedulers[1].T_max", 7), Change("scheduler.milestones[0]", 9)],
            SEQUENCE,
        ),
    ],
)
def test_a_snippet_is_what_to_paste(changes: list[Change], text: str) -> None:
    assert snippet(DOCUMENT, changes) == text


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Change("a.b", 1), Change("a.b", 2), True),
        (Change("a.b", 1), Change("a.b", 1), False),
        (Change("a", {}), Change("a.b[0]", 2), True),
        (Change("a.b[0]", 2), Change("a.b", remove=True), True),
        (Change("a.b", 1), Change("a.bc", 2), False),
        (Change("a[0].b", 1), Change("a[1].b", 2), False),
    ],
)
def test_contradictions(first: Change, second: Change, expected: bool) -> None:
    assert contradict(first, second) is expected


def test_a_later_fix_waits_for_the_one_that_it_contradicts() -> None:
    cosine = {"name": "cosine", "T_max": 700}
    two = {"scheduler": {"name": "chained", "schedulers": [{"name": "linear", "total_iters": 200}, cosine]}}
    experiment = load({"run": {"steps": 1000}, **two})
    rebound, product = examine(experiment, replay(experiment))
    assert (rebound.rule, product.rule) == ("cosine-rebound", "chained-warmup")
    assert rebound.changes == (Change("scheduler.schedulers[1].T_max", 1000),)
    assert (product.changes, product.snippet) == ((), "")


def test_an_experiment_of_python_has_a_document_too() -> None:
    spec = SequentialLR(schedulers=(LinearLR(total_iters=8), CosineAnnealingLR(T_max=90)), milestones=(8,))
    experiment = Experiment(scheduler=spec)
    (finding,) = examine(experiment, replay(experiment))
    assert finding.changes == (Change("scheduler.schedulers[1].T_max", 24),)
    assert finding.snippet == "- {name: cosine, T_max: 24}"
