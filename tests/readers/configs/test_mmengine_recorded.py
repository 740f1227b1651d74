"""mmengine's configs replay as its real Runner ran them: tests/recordings/mmengine-configs.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrviz import replay
from lrviz.documents import load
from lrviz.errors import SpecError

RECORDED = json.loads((Path(__file__).parents[2] / "recordings/mmengine-configs.json").read_text())
CASES: list[dict[str, Any]] = RECORDED["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_config_replays_as_it_ran(case, tmp_path):
    (tmp_path / "base.py").write_text(RECORDED["base"])
    (tmp_path / "config.py").write_text(case["text"])
    try:
        found = load(tmp_path / "config.py")
    except SpecError:  # it counts epochs
        found = load(tmp_path / "config.py", dataset_size=RECORDED["samples"], world_size=1)
    assert list(replay(found).groups[0].lr) == pytest.approx(case["lr"], rel=1e-12)
