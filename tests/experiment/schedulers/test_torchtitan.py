"""torchtitan's schedule, held to what its own class recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.engine.engine import Engine, TorchEngine
from lrviz.engine.light import LightEngine
from lrviz.engine.record import record

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "torchtitan.json").read_text())
ENGINES: dict[str, Callable[[], Engine]] = {"torch": TorchEngine, "light": LightEngine}
GROUPS = [{"name": name, "lr": lr} for name, lr in zip("ab", RECORDED["rates"], strict=True)]


def experiment(case: dict[str, Any], steps: int) -> lrviz.Experiment:
    scheduler = {"name": "torchtitan", "total_steps": case["steps"], **case["arguments"]}
    return lrviz.load({"run": {"steps": steps}, "optimizer": {"groups": GROUPS}, "scheduler": scheduler})


@pytest.mark.parametrize("engine", ENGINES)
def test_every_case_recorded_the_same_to_the_bit(engine: str) -> None:
    made = ENGINES[engine]()
    for case in RECORDED["cases"]:
        trace = record(experiment(case, len(case["lr"][0]) + ("error" in case)), made)
        assert [list(group.lr) for group in trace.groups] == case["lr"], case["arguments"]
        failure = trace.failure and [trace.failure.step, trace.failure.kind, trace.failure.message]
        assert failure == case.get("error"), case["arguments"]


def test_a_length_left_out_is_the_runs() -> None:
    (case,) = (each for each in RECORDED["cases"] if each["arguments"] == {} and each["steps"] == 12)
    left_out = lrviz.load({"run": {"steps": 12}, "optimizer": {"groups": GROUPS}, "scheduler": {"name": "torchtitan"}})
    assert [list(group.lr) for group in lrviz.replay(left_out).groups] == [rates[:12] for rates in case["lr"]]


def test_the_error_past_the_end_is_the_schedulers() -> None:
    case = {"steps": 10, "arguments": {"warmup_steps": 2, "decay_ratio": 0.0}}
    failure = record(experiment(case, 20), TorchEngine()).failure
    assert failure is not None
    assert failure.description == (
        "torchtitan.step() failed after step 10: AssertionError: decay_steps must not be zero to reach this branch"
    )


def test_the_package_itself_where_it_is_installed() -> None:
    module = pytest.importorskip("torchtitan.components.optimizer.lr_scheduler")
    torch = pytest.importorskip("torch")
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": group["lr"]} for group in GROUPS]
    optimizer, rates = torch.optim.SGD(groups, lr=1.0), []
    config = module.LRSchedulersContainer.Config(warmup_steps=3, decay_ratio=0.4, decay_type="sqrt")
    scheduler = config.build(optimizers=[optimizer], training_steps=20)
    for _ in range(20):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    case = {"steps": 20, "arguments": {"warmup_steps": 3, "decay_ratio": 0.4, "decay_type": "sqrt"}}
    trace = record(experiment(case, 20), TorchEngine())
    assert [list(group.lr) for group in trace.groups] == [list(each) for each in zip(*rates, strict=True)]
