"""The replay equals what the real engine of DeepSpeed recorded: tests/recordings/deepspeed-engine.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDINGS = Path(__file__).parents[1] / "recordings"
CASES: list[dict[str, Any]] = json.loads((RECORDINGS / "deepspeed-engine.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES)
def test_trains_with_what_deepspeed_recorded(case: dict[str, Any]) -> None:
    run, scheduler = {**case["run"], "framework": "deepspeed"}, {"name": "exponential", "gamma": 0.9}
    experiment = lrviz.load({"run": run, "optimizer": {"lr": 0.1}, "scheduler": scheduler})
    clock, trace = experiment.run.clock, lrviz.replay(experiment)
    assert [rate.hex() for rate in trace.groups[0].lr] == [rate.hex() for rate in case["lr"]]
    assert (clock.steps, clock.samples) == (case["global_steps"], case["samples"])
