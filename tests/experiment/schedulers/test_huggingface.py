"""Every schedule of transformers is what transformers gives: tests/recordings/transformers.json, and the package."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.experiment.schedulers import catalogue

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "recordings" / "transformers.json").read_text())
DEFAULT_LR, OTHER_LR = RECORDED["lr"]
OWN = {name: spec for name, spec in catalogue().items() if name.startswith("hf-")}
ENGINES = ("torch", "light")


def named(theirs: str) -> str:
    return f"hf-{theirs.replace('_', '-')}"


def taken(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those that get_scheduler does not pass on."""
    left_out = {
        "hf-constant": {"num_warmup_steps", "num_training_steps"},
        "hf-constant-with-warmup": {"num_training_steps"},
        "hf-inverse-sqrt": {"num_training_steps"},
    }
    return {key: value for key, value in arguments.items() if key not in left_out.get(name, ())}


def document(name: str, arguments: dict[str, Any], *, groups: int = 2, **run: Any) -> dict[str, Any]:
    others = {"groups": [{"name": "own"}, {"name": "other", "lr": OTHER_LR}]} if groups == 2 else {}
    optimizer = {"name": "sgd", "lr": DEFAULT_LR, **others}
    return {"run": run, "optimizer": optimizer, "scheduler": {"name": name, **arguments}}


def packed(column: Iterable[float], like: Any) -> Any:
    rates = list(column)
    if isinstance(like, str):
        return hashlib.sha256(b"".join(struct.pack("<d", rate) for rate in rates)).hexdigest()
    return rates


def outcome(case: dict[str, Any], engine: str, groups: int) -> tuple[Any, Any]:
    """Return the rates and the failure of a replay of a recorded case."""
    name = named(case["name"])
    arguments = taken(name, case["arguments"])
    older = {} if case["version"] == RECORDED["transformers"] else {"transformers": case["version"]}
    if older and "num_stable_steps" in arguments and is_before_4_49(case["version"]):
        del arguments["num_training_steps"]
    experiment = lrviz.load(document(name, arguments, groups=groups, steps=case["steps"], **older))
    trace = lrviz.replay(experiment, partial=True, engine=engine)
    failure = trace.failure
    rates = [packed(group.lr, like) for group, like in zip(trace.groups, case["lr"], strict=False)]
    return rates, failure and [failure.step, failure.kind, failure.message]


def is_before_4_49(version: str) -> bool:
    return tuple(map(int, version.split("."))) < (4, 49)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", sorted({case["name"] for case in RECORDED["cases"]}))
def test_it_gives_what_transformers_gave(name: str, engine: str) -> None:
    for case in (case for case in RECORDED["cases"] if case["name"] == name):
        assert outcome(case, engine, 2) == (case["lr"], case.get("error")), case
        assert outcome(case, engine, 1) == (case["lr"][:1], case.get("error")), case


@pytest.mark.parametrize("number", range(len(RECORDED["refused"])))
def test_what_transformers_refuses_is_refused(number: int) -> None:
    case = RECORDED["refused"][number]
    metric = {"metric": "1"} if case["name"] in ("greedy", "reduce_lr_on_plateau") else {}
    with pytest.raises(SpecError):
        lrviz.load(document(named(case["name"]), case["arguments"] | metric))


def test_every_schedule_and_every_argument_was_recorded() -> None:
    given: dict[str, set[str]] = {}
    for case in RECORDED["cases"]:
        given.setdefault(named(case["name"]), set()).update(taken(named(case["name"]), case["arguments"]))
    lrvizs = {"metric", "metric_csv", "eval_steps"}
    wanted = {name: set(lrviz.experiment.record.arg_types(spec)) - lrvizs for name, spec in OWN.items()}
    assert given == wanted
