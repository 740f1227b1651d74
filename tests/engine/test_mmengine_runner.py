"""The replay equals what the real Runner of mmengine recorded: tests/recordings/mmengine-runner.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDINGS = Path(__file__).parents[1] / "recordings"
CASES: list[dict[str, Any]] = json.loads((RECORDINGS / "mmengine-runner.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES)
def test_trains_with_what_mmengine_recorded(case: dict[str, Any]) -> None:
    run, scheduler = {**case["run"], "framework": "mmengine"}, {"name": "exponential", "gamma": 0.9}
    experiment = lrviz.load({"run": run, "optimizer": {"lr": 0.1}, "scheduler": scheduler})
    clock, trace = experiment.run.clock, lrviz.replay(experiment)
    assert [rate.hex() for rate in trace.groups[0].lr] == [rate.hex() for rate in case["lr"]]
    assert (clock.steps, clock.optimizer_steps) == (case["iterations"], len(case["stepped"]))
    assert clock.samples == case["samples"]


@pytest.mark.parametrize("case", CASES)
def test_its_own_schedule_counts_epochs_by_itself(case: dict[str, Any]) -> None:
    run = {**case["run"], "framework": "mmengine"}
    by_epoch = run.pop("interval", "step") == "epoch"
    scheduler = {"name": "mmengine-exponential", "gamma": 0.9, "by_epoch": by_epoch}
    trace = lrviz.replay(lrviz.load({"run": run, "optimizer": {"lr": 0.1}, "scheduler": scheduler}))
    assert [rate.hex() for rate in trace.groups[0].lr] == [rate.hex() for rate in case["lr"]]
