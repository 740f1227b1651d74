"""The replay equals what transformers' Trainer recorded, from its own words: tests/recordings/trainer*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDINGS = Path(__file__).parents[1] / "recordings"
CASES = [
    pytest.param(case, recorded["transformers"], id=f"{path.stem}-{number}")
    for path in sorted(RECORDINGS.glob("trainer*.json"))
    for recorded in [json.loads(path.read_text())]
    for number, case in enumerate(recorded["cases"])
    if case["steps"] == case["max_steps"]
]


@pytest.mark.parametrize(("case", "version"), CASES)
def test_trains_with_what_the_trainer_recorded(case: dict[str, Any], version: str) -> None:
    warmup = case["warmup"]
    given = f"{100 * warmup:g}%" if 0 < warmup < 1 else warmup
    scheduler = {"name": f"hf-{case['lr_scheduler_type']}", "num_warmup_steps": given}
    run = {**case["run"], "framework": "transformers", "transformers": version}
    experiment = lrviz.load({"run": run, "optimizer": {"name": "adamw", "lr": 0.1}, "scheduler": scheduler})
    trace = lrviz.replay(experiment)
    assert [rate.hex() for rate in trace.groups[0].lr] == [rate.hex() for rate in case["lr"]]
    assert getattr(experiment.resolved, "num_warmup_steps", None) == case["warmup_steps"]
