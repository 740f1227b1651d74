"""Every schedule of transformers is what transformers gives: tests/recordings/transformers.json, and the package."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import struct
import subprocess
import sys
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


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("number", range(len(RECORDED["evaluated"])))
def test_it_follows_the_metric_of_each_evaluation_as_transformers_does(number: int, engine: str) -> None:
    case = RECORDED["evaluated"][number]
    arguments = {**case["arguments"], "metric": case["metric"], "eval_steps": case["eval_steps"]}
    trace = lrviz.replay(lrviz.load(document(named(case["name"]), arguments, steps=case["steps"])), engine=engine)
    assert [packed(group.lr, "digest") for group in trace.groups] == case["lr"]


@pytest.mark.parametrize("number", range(len(RECORDED["refused"])))
def test_what_transformers_refuses_is_refused(number: int) -> None:
    case = RECORDED["refused"][number]
    metric = {"metric": "1"} if case["name"] in ("greedy", "reduce_lr_on_plateau") else {}
    with pytest.raises(SpecError):
        lrviz.load(document(named(case["name"]), case["arguments"] | metric))


def test_every_schedule_and_every_argument_was_recorded() -> None:
    given: dict[str, set[str]] = {}
    for case in (*RECORDED["cases"], *RECORDED["evaluated"]):
        given.setdefault(named(case["name"]), set()).update(taken(named(case["name"]), case["arguments"]))
    lrvizs = {"metric", "metric_csv", "eval_steps"}
    wanted = {name: set(lrviz.experiment.record.arg_types(spec)) - lrvizs for name, spec in OWN.items()}
    assert given == wanted


@pytest.mark.parametrize("name", OWN)
def test_its_own_library_makes_the_same_of_what_upstream_says(name: str) -> None:
    pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    if name == "hf-greedy":
        extra = {"metric": "step if step < 12 else 11 - step", "patience": 1, "min_lr": [1e-4, 1e-3]}
    else:
        extra = dict(OWN[name].example)
    experiment = lrviz.load(document(name, extra, steps=30))
    made = experiment.resolved.upstream()
    assert made is not None
    module, _, attribute = made.target.partition(":")
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    optimizer = torch.optim.SGD([groups[0], {**groups[1], "lr": OTHER_LR}], lr=DEFAULT_LR)
    scheduler = getattr(importlib.import_module(module), attribute)(optimizer, **made.arguments)
    trace = lrviz.replay(experiment)
    every, metric = experiment.resolved.every, experiment.resolved.stepped_with()
    for step in range(30):
        assert [group["lr"] for group in optimizer.param_groups] == [group.lr[step] for group in trace.groups], step
        optimizer.step()
        if (step + 1) % every == 0:
            getattr(scheduler, made.stepped_by)(*([metric(epoch=0, step=step)] if metric else []))


def test_what_was_recorded_is_what_transformers_does(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    if transformers.__version__ != RECORDED["transformers"]:
        pytest.skip(f"transformers {RECORDED['transformers']} was recorded")
    script = Path(__file__).parents[2] / "recordings" / "record_transformers.py"
    subprocess.run([sys.executable, script, "--to", tmp_path / "again.json"], check=True)
    again = json.loads((tmp_path / "again.json").read_text())
    newest = [case for case in RECORDED["cases"] if case["version"] == RECORDED["transformers"]]
    assert again == {**RECORDED, "torch": again["torch"], "cases": newest}


@pytest.mark.parametrize(
    ("share", "steps", "count"),
    [
        ("10%", 999, 100),
        ("10%", 1000, 100),
        ("7%", 100, 8),  # 100 * 0.07 is above 7 in floats
        ("3%", 100, 3),
        ("0.01%", 100, 1),
        ("0%", 100, 0),
        ("100%", 100, 100),
    ],
)
def test_a_share_of_warmup_is_rounded_up_as_the_trainer_rounds(share: str, steps: int, count: int) -> None:
    ratio = float(share[:-1]) / 100
    assert math.ceil(steps * ratio) == count  # what TrainingArguments.get_warmup_steps says
    experiment = lrviz.load(document("hf-linear", {"num_warmup_steps": share}, steps=steps))
    assert experiment.resolved.length() == steps
    assert experiment.resolved.num_warmup_steps == count


@pytest.mark.parametrize(
    ("name", "arguments", "version", "problem"),
    [
        ("hf-cosine-with-min-lr", {"min_lr": 0}, "4.39", "name: transformers has cosine_with_min_lr since 4.40, and"),
        ("hf-cosine-warmup-with-min-lr", {"min_lr": 0}, "4.53.3", "name: transformers has cosine_warmup_with_min_lr"),
        ("hf-warmup-stable-decay", {"num_decay_steps": 4}, "'4.40'", "name: transformers has warmup_stable_decay"),
        ("hf-warmup-stable-decay", {"num_decay_steps": 4}, "4.48", "num_stable_steps: missing: transformers 4.48"),
        (
            "hf-warmup-stable-decay",
            {"num_decay_steps": 4, "num_stable_steps": 4, "decay_type": "linear"},
            "4.41",
            "decay_type: is no argument of transformers 4.41",
        ),
        ("hf-reduce-lr-on-plateau", {"metric": "1", "patience": 3}, "4.35", "patience: is no argument of transformers"),
        ("hf-greedy", {"metric": "1"}, "5.3", "name: transformers has greedy since 5.4, and the run names 5.3"),
    ],
)
def test_what_an_older_version_does_not_have_is_refused(
    name: str, arguments: dict[str, Any], version: str, problem: str
) -> None:
    older = document(name, arguments, steps=12, transformers=version.strip("'"))
    with pytest.raises(SpecError) as caught:
        lrviz.load(older)
    assert str(caught.value).startswith(f"scheduler.{problem}")


def test_an_argument_that_the_optimizer_forbids_is_told_at_its_place_in_a_sequence() -> None:
    warmup = {"name": "linear", "start_factor": 0.1, "total_iters": 4}
    sequence = {"schedulers": [warmup, {"name": "hf-polynomial", "lr_end": 1.0}], "milestones": [4]}
    with pytest.raises(SpecError) as caught:
        lrviz.load(document("sequential", sequence, steps=12))
    message = "must be below the optimizer's learning rate, 0.003, not 1"
    assert str(caught.value) == f"scheduler.schedulers[1].lr_end: {message}"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_raises_inside_a_schedule_is_said_to_be_its_own(engine: str) -> None:
    arguments = {"num_warmup_steps": 8, "num_training_steps": 8}
    trace = lrviz.replay(lrviz.load(document("hf-polynomial", arguments, steps=12)), partial=True, engine=engine)
    assert trace.failure is not None
    assert trace.failure.description == "hf-polynomial.step() failed after step 7: ZeroDivisionError: division by zero"


def test_a_list_of_metrics_has_one_for_each_evaluation() -> None:
    given = {"metric": [1.0, 1.0, 1.0], "eval_steps": 5, "patience": 0, "factor": 0.5}
    trace = lrviz.replay(lrviz.load(document("hf-reduce-lr-on-plateau", given, groups=1, steps=20)))
    assert list(trace.groups[0].lr) == [DEFAULT_LR] * 10 + [DEFAULT_LR / 2] * 5 + [DEFAULT_LR / 4] * 5
    assert trace.metric is not None
    assert list(trace.metric) == [1.0, 1.0, 1.0]
    with pytest.raises(SpecError, match="has 3 values; the run steps its scheduler 4 times"):
        lrviz.load(document("hf-reduce-lr-on-plateau", given, groups=1, steps=21))


def test_an_evaluation_at_the_end_of_each_epoch_is_the_interval_epoch() -> None:
    given = {"metric": "epoch", "patience": 0, "factor": 0.5}
    run = {"epochs": 3, "steps_per_epoch": 4, "interval": "epoch"}
    trace = lrviz.replay(lrviz.load(document("hf-reduce-lr-on-plateau", given, groups=1, **run)))
    assert list(trace.groups[0].lr) == [DEFAULT_LR] * 8 + [DEFAULT_LR / 2] * 4


@pytest.mark.parametrize("name", OWN)
def test_no_warmup_of_lrvizs_own_stands_before_it(name: str) -> None:
    with pytest.raises(SpecError, match=r"^warmup: "):
        lrviz.load({**document(name, dict(OWN[name].example), steps=32), "warmup": 4})


@pytest.mark.parametrize("name", OWN)
def test_a_version_that_has_it_as_it_is_gives_the_same(name: str) -> None:
    same = [
        lrviz.replay(lrviz.load(document(name, dict(OWN[name].example), steps=32, **run))).groups
        for run in ({}, {"transformers": "5.23"}, {"transformers": "6.1"})
    ]
    assert same[0] == same[1] == same[2]
