"""The replay equals what training loops under the real Lightning recorded: tests/recordings/lightning.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDINGS = Path(__file__).parents[1] / "recordings"
CASES: list[dict[str, Any]] = json.loads((RECORDINGS / "lightning.json").read_text())["cases"]
AGAIN = range(0, len(CASES), 9)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_trains_with_what_lightning_recorded(number: int) -> None:
    case = CASES[number]
    run = {**case["run"], "framework": "lightning"}
    experiment = lrviz.load({"run": run, "optimizer": {"lr": 0.1}, "scheduler": case["scheduler"]})
    clock, trace = experiment.run.clock, lrviz.replay(experiment)
    assert [rate.hex() for rate in trace.groups[0].lr] == [rate.hex() for rate in case["lr"]]
    assert clock.steps == case["global_step"] == case["estimated_stepping_batches"]
    assert clock.samples == case["samples"]


def test_what_was_recorded_is_what_lightning_does(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    numbers = ",".join(map(str, AGAIN))
    script = [sys.executable, RECORDINGS / "record_lightning.py", "--only", numbers, "--to", tmp_path / "again.json"]
    subprocess.run(script, check=True)
    assert json.loads((tmp_path / "again.json").read_text())["cases"] == [CASES[number] for number in AGAIN]
