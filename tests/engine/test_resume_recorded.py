"""A resumed replay equals what libraries and their training loops recorded: recordings/resume.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDING = json.loads((Path(__file__).parents[1] / "recordings" / "resume.json").read_text())
DEEPSPEED = {
    "WarmupLR": "deepspeed-warmup",
    "WarmupDecayLR": "deepspeed-warmup-decay",
    "WarmupCosineLR": "deepspeed-warmup-cosine",
    "LRRangeTest": "deepspeed-lr-range-test",
    "OneCycle": "deepspeed-one-cycle",
}


def experiment(document: dict[str, Any]) -> lrviz.Experiment:
    scheduler = {**document["scheduler"]}
    scheduler["name"] = DEEPSPEED.get(scheduler["name"], scheduler["name"])
    return lrviz.load({**document, "scheduler": scheduler})


@pytest.mark.parametrize("case", RECORDING["cases"], ids=lambda case: case["after"]["scheduler"]["name"])
def test_trains_with_what_was_recorded(case: dict[str, Any]) -> None:
    run = lrviz.resumed(experiment(case["before"]), case["seam"], case["mode"], experiment(case["after"]))
    trace = lrviz.replay(run)
    assert [rate.hex() for rate in trace.groups[0].lr] == [rate.hex() for rate in case["lr"]]
