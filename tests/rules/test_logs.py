"""What the rules say of a log, which has no schedule, and not every step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lrviz.readers.logs import formats
from lrviz.rules import Finding, ProjectSettings, examine_log


@pytest.fixture
def found_in(tmp_path: Path) -> Any:
    """Return the findings in a log of these learning rates, one every so many steps."""

    def found_in(rates: Sequence[float], every: int = 10, unit: str = "step", **over: Any) -> list[Finding]:
        path = tmp_path / "log.csv"
        path.write_text(f"{unit},lr\n" + "".join(f"{step * every},{rate!r}\n" for step, rate in enumerate(rates)))
        return examine_log(formats.read(path), ProjectSettings(**over))

    return found_in


def cosine(count: int, start: int = 0) -> list[float]:
    """Return a warmup of 5 records and a cosine to zero, from a record on."""
    warm = [0.1 * (record + 1) / 5 for record in range(5)]
    decay = [0.05 * (1 + math.cos(math.pi * record / (count - 5))) for record in range(count - 5)]
    return [*warm, *decay][start:]


CASES: dict[str, tuple[list[float], str, int | None]] = {
    "nothing": (cosine(100), "", None),
    "not finite": ([0.1] * 10 + [math.nan] * 5, "lr-not-finite", 100),
    "negative": ([0.1 - 0.01 * record for record in range(15)], "lr-negative", 110),
    "dead": ([0.1] * 10 + [1e-6] * 30, "lr-dead", 100),
    "still rising": ([0.001 * (record + 1) for record in range(40)], "still-rising", 390),
    "rises again": ([0.05 * (1 + math.cos(math.pi * record / 30)) for record in range(50)], "rises-again", 300),
    "starts again": ([*cosine(100)[:60], *cosine(100)[:40]], "starts-again", 600),
    "starts again between records": ([*cosine(1000)[:600:10], *cosine(1000, 3)[:400:10]], "starts-again", 600),
    "a planned restart": (cosine(50) + cosine(50), "", None),
    "steps down": ([0.1] * 20 + [0.01] * 20 + [0.001] * 20, "", None),
    "ends at nothing": ([0.1 - 0.01 * record for record in range(11)], "", None),
    "constant": ([0.1] * 30, "", None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_of_curves_finds_it_in_a_log(name, found_in):
    rates, rule, step = CASES[name]
    found = found_in(rates)
    assert [(each.rule, each.step) for each in found] == ([(rule, step)] if rule else [])


def test_a_finding_names_the_step_that_the_log_has(found_in):
    (found,) = found_in([0.1] * 10 + [1e-6] * 30)
    assert "30 of 40 records (75%) train with less" in found.message
    assert found.message.endswith("the first of them step 100")


def test_a_log_of_epochs_is_told_in_epochs(found_in):
    (found,) = found_in([0.1 - 0.01 * record for record in range(15)], 1, "epoch")
    assert "negative from epoch 11 on" in found.message


def test_a_rule_that_is_left_out_is_silent(found_in):
    assert found_in([0.1] * 10 + [1e-6] * 30, ignore=["lr-dead"]) == []
