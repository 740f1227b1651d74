"""The replay equals what training loops under the real accelerate recorded: tests/recordings/accelerate.json."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDINGS = Path(__file__).parents[1] / "recordings"
CASES: list[dict[str, Any]] = json.loads((RECORDINGS / "accelerate.json").read_text())["cases"]
AGAIN = range(0, len(CASES), 9)


def bits(columns: Any) -> list[list[str]]:
    return [[float(value).hex() for value in column] for column in columns]


@pytest.mark.parametrize("engine", ["torch", "light"])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_trains_with_what_accelerate_recorded(number: int, engine: str) -> None:
    case = CASES[number]
    run = {**case["run"], "framework": "accelerate"}
    experiment = lrviz.load({"run": run, "optimizer": case["optimizer"], "scheduler": case["scheduler"]})
    trace = lrviz.replay(experiment, partial=True, engine=engine)
    assert bits(group.lr for group in trace.groups) == bits(case["lr"])
    if "momentum" in case:
        assert bits(group.momentum for group in trace.groups) == bits(case["momentum"])
    # The call that follows the last update of all trains nothing any more, and is not replayed.
    error = case["error"] if "error" in case and case["error"][0] < experiment.run.clock.steps else None
    failure = trace.failure and [trace.failure.step, trace.failure.kind, trace.failure.message]
    assert failure == error
    if "error" not in case:
        assert experiment.run.clock.samples == case["samples"]


def test_what_was_recorded_is_what_accelerate_does(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    numbers = ",".join(map(str, AGAIN))
    script = [sys.executable, RECORDINGS / "record_accelerate.py", "--only", numbers, "--to", tmp_path / "again.json"]
    subprocess.run(script, check=True)
    assert json.loads((tmp_path / "again.json").read_text())["cases"] == [CASES[number] for number in AGAIN]
