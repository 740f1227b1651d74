"""detectron2's schedules, held to what its own classes recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.engine.engine import Engine, TorchEngine
from lrviz.engine.light import LightEngine
from lrviz.engine.record import record

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "detectron2.json").read_text())
ENGINES: dict[str, Callable[[], Engine]] = {"torch": TorchEngine, "light": LightEngine}
NAMES = {"WarmupMultiStepLR": "detectron2-warmup-multistep", "WarmupCosineLR": "detectron2-warmup-cosine"}
GROUPS = [{"name": name, "lr": lr} for name, lr in zip("ab", RECORDED["rates"], strict=True)]


def experiment(case: dict[str, Any], steps: int) -> lrviz.Experiment:
    optimizer = {"lr": RECORDED["base_lr"], "groups": GROUPS}
    scheduler = {"name": NAMES[case["name"]], **case["arguments"]}
    return lrviz.load({"run": {"steps": steps}, "optimizer": optimizer, "scheduler": scheduler})


def cases(name: str, *, is_refused: bool = False) -> Iterator[dict[str, Any]]:
    for case in RECORDED["cases"]:
        if case["name"] == name and is_refused == (case["lr"] == []):
            yield case


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", NAMES)
def test_every_case_recorded_the_same_to_the_bit(name: str, engine: str) -> None:
    made, compared = ENGINES[engine](), 0
    for case in cases(name):
        trace = record(experiment(case, len(case["lr"][0]) + ("error" in case)), made)
        assert [list(group.lr) for group in trace.groups] == case["lr"], case["arguments"]
        failure = trace.failure and [trace.failure.step, trace.failure.kind, trace.failure.message]
        assert failure == case.get("error"), case["arguments"]
        compared += 1
    assert compared > 35


def test_what_upstream_refuses_to_build_is_refused() -> None:
    refused = [case for name in NAMES for case in cases(name, is_refused=True)]
    assert len(refused) == 6
    for case in refused:
        with pytest.raises(lrviz.SpecError) as caught:
            experiment(case, 10)
        field = "milestones" if case["name"] == "WarmupMultiStepLR" else "base_lr_end: must be <= the optimizer's"
        assert str(caught.value).startswith(f"scheduler.{field}")


def test_a_length_left_out_is_the_runs() -> None:
    (given,) = (case for case in cases("WarmupCosineLR") if case["arguments"] == {"max_iter": 30})
    trace = lrviz.replay(experiment({**given, "arguments": {}}, 30))
    assert [list(group.lr) for group in trace.groups] == [rates[:30] for rates in given["lr"]]


def test_its_curves_are_those_of_the_installed_fvcore() -> None:
    schedules = pytest.importorskip("fvcore.common.param_scheduler")
    cosine, steps = schedules.CosineParamScheduler(1, 0.03 / 0.3), schedules.MultiStepParamScheduler([1, 0.1], 30, [11])
    settings = {"warmup_iters": 0, "max_iter": 30}
    for name, more, schedule in (
        ("WarmupCosineLR", {"base_lr_end": 0.03}, cosine),
        ("WarmupMultiStepLR", {"milestones": [11]}, steps),
    ):
        trace = lrviz.replay(experiment({"name": name, "arguments": {**settings, **more}}, 30))
        assert list(trace.groups[0].lr) == [0.3 * schedule(step / 30) for step in range(30)]
