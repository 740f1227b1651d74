"""Where the steps of a run lie on an axis that counts something else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import lrviz
from lrviz.errors import SpecError
from lrviz.positions import TITLES, position, step_at
from lrviz.subject import Subject

LOADED = {"dataset_size": 100, "batch_size": 8, "epochs": 3}  # 13 batches an epoch, the last one of 4


def subject(**run: Any) -> Subject:
    experiment = lrviz.load({"run": run, "scheduler": {"name": "cosine"}})
    return Subject(name="a", trace=lrviz.replay(experiment), experiment=experiment)


def log(of: Subject) -> Subject:
    return replace(of, trace=replace(of.trace, steps_per_epoch=None), experiment=None)


@pytest.mark.parametrize(
    ("unit", "places"),
    [
        ("step", [0, 13, 20, 39]),
        ("epoch", [0, 1, 20 / 13, 3]),
        ("progress", [0, 100 / 3, 2000 / 39, 100]),
        ("samples", [0, 100, 100 + 7 * 8, 300]),  # the partial batch counts as what it holds
    ],
)
def test_steps_lie_where_the_run_has_got_to(unit: str, places: list[float]) -> None:
    at = position(subject(**LOADED), unit, "a")
    assert [at(step) for step in (0, 13, 20, 39)] == pytest.approx(places)


def test_samples_are_those_of_all_devices_and_of_what_is_accumulated() -> None:
    run = {"steps": 10, "batch_size": 4, "world_size": 2, "grad_accum": 3}
    assert position(subject(**run), "samples", "a")(10) == 240


@pytest.mark.parametrize(
    ("unit", "run", "message"),
    [
        ("epoch", {"steps": 10}, "x: mine has no epochs: it is given by its steps; add steps_per_epoch"),
        ("samples", {"steps": 10}, "x: the samples of mine are not known: its run has no batch_size"),
    ],
)
def test_what_a_run_has_not_is_refused_by_its_name(unit: str, run: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as refused:
        position(subject(**run), unit, "mine")
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("unit", "why"), [("epoch", "the log does not tell how long they are"), ("samples", "it is a log")]
)
def test_a_log_without_epochs_or_samples_is_refused(unit: str, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        position(log(subject(**LOADED)), unit, "run.csv")


@pytest.mark.parametrize("unit", TITLES)
def test_a_place_is_found_again(unit: str) -> None:
    at = position(subject(**LOADED), unit, "a")
    assert [step_at(at(step), at, 39) for step in range(40)] == pytest.approx(range(40))


def test_a_place_between_two_steps_is_found() -> None:
    assert step_at(50.0, position(subject(steps=5), "progress", "a"), 5) == 2.5
