"""Ultralytics' learning rate and momentum equal what its trainer's code recorded: tests/recordings/ultralytics.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "ultralytics.json").read_text())
VERSIONS = list(dict.fromkeys(case["version"] for case in RECORDED["cases"]))
THREE = [{"name": name} for name in ("weights", "norms", "biases")]


def document(case: dict[str, Any]) -> dict[str, Any]:
    """Return what a user writes for a recorded case; with optimizer auto the learning rate is any at all."""
    given = {"momentum": 0.937, **case["arguments"]}
    is_auto, lr, momentum = given["optimizer"] == "auto" if "optimizer" in given else False, 0.01, given["momentum"]
    run = {"epochs": given["epochs"], "steps_per_epoch": given["nb"], "ultralytics": case["version"]}
    own = {name: value for name, value in given.items() if name not in {"epochs", "nb", "lr0", "momentum", "optimizer"}}
    lowest = min(case["bases"])
    groups: list[dict[str, Any]] = [{"name": f"pg{number}"} for number in range(len(case["bases"]))]
    for group, base in zip(groups, case["bases"], strict=True):
        group["lr"] = f"{round(base / lowest)}x" if is_auto else base
    name = {"MuSGD": "sgd"}.get(case["optimizer"], case["optimizer"])
    optimizer = {"name": name, "lr": lr, "groups": groups, **({} if name == "AdamW" else {"momentum": momentum})}
    scheduler = {"name": "ultralytics", **own, **({"optimizer": "auto"} if is_auto else {})}
    return {"run": run, "optimizer": optimizer, "scheduler": scheduler}


@pytest.mark.parametrize("engine", ["torch", "light"])
@pytest.mark.parametrize("version", VERSIONS)
def test_sets_what_the_trainer_recorded(version: str, engine: str) -> None:
    different = []
    for case in (case for case in RECORDED["cases"] if case["version"] == version):
        groups = lrviz.replay(lrviz.load(document(case)), engine=engine).groups
        is_equal = [list(group.lr) for group in groups] == [case["lr"][column] for column in case["columns"]]
        if not is_equal or any(
            list(group.momentum or ()) != case["momentum"] for group in groups if "momentum" in case
        ):
            different.append(case["arguments"])
    assert different == []


def rates(scheduler: dict[str, Any], **optimizer: Any) -> list[list[float]]:
    run = {"epochs": 6, "steps_per_epoch": 4}
    spec = {"run": run, "optimizer": {"lr": 0.01, **optimizer}, "scheduler": {"name": "ultralytics", **scheduler}}
    return [list(group.lr) for group in lrviz.replay(lrviz.load(spec)).groups]


def test_the_newest_version_is_followed_where_the_run_names_none() -> None:
    case = next(case for case in RECORDED["cases"] if case["version"] == VERSIONS[-1])
    plain = document(case)
    del plain["run"]["ultralytics"]
    assert list(lrviz.replay(lrviz.load(plain)).groups[0].lr) == case["lr"][0]


@pytest.mark.parametrize(
    ("groups", "given", "firsts"),
    [
        (THREE, {}, [0, 0, 0.1]),
        (THREE, {"bias_group": 0}, [0.1, 0, 0]),
        (THREE[1:], {}, [0, 0]),
        (THREE[:1], {"bias_group": 0}, [0.1]),
    ],
)
def test_the_biases_are_the_third_of_three_groups(groups: Any, given: dict[str, Any], firsts: list[float]) -> None:
    assert [column[0] for column in rates(given, groups=groups)] == firsts


def test_epochs_of_its_own_are_not_the_runs() -> None:
    (column,) = rates({"epochs": 3, "warmup_epochs": 0})
    assert column[::4] == pytest.approx([0.01, 0.0067, 0.0034, 1e-4, 1e-4, 1e-4])


def test_a_plain_optimizers_momentum_ends_at_ultralytics_own() -> None:
    run = {"epochs": 4, "steps_per_epoch": 4}
    for given, last in (({}, 0.937), ({"momentum": 0.9}, 0.9)):
        document = {"run": run, "optimizer": {"name": "sgd", **given}, "scheduler": {"name": "ultralytics"}}
        momentum = lrviz.replay(lrviz.load(document)).groups[0].momentum
        assert momentum is not None
        assert (momentum[0], momentum[-1]) == (0.8, last)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "auto"}, "iterations: missing: optimizer auto chooses the learning rate by iterations and nc"),
        ({"optimizer": "auto", "iterations": 100}, "nc: missing"),
        ({"optimizer": "SGD"}, "optimizer: must be one of auto"),
        ({"nc": 80}, "nc: changes nothing without optimizer: auto of the scheduler"),
    ],
)
def test_auto_needs_what_it_chooses_by(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        rates(given)


def test_many_iterations_need_no_number_of_classes() -> None:
    (column,) = rates({"optimizer": "auto", "iterations": 10_001, "warmup_epochs": 0})
    assert column[0] == 0.01


def test_a_run_without_epochs_is_refused() -> None:
    with pytest.raises(SpecError, match="ultralytics counts epochs, and the run has none"):
        lrviz.replay(lrviz.load({"run": {"steps": 20}, "scheduler": {"name": "ultralytics"}}))
