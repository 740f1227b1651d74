"""timm's schedulers equal what the real ones recorded: tests/recordings/timm.json."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.engine.select import choose
from lrviz.rules import examine

RECORDINGS = Path(__file__).parents[2] / "recordings"
RECORDED = json.loads((RECORDINGS / "timm.json").read_text())
STEPS = max(len(case["lr"][0]) for case in RECORDED["cases"])
NAMES = sorted({case["name"] for case in RECORDED["cases"]})
GROUPS = [{"name": f"group {lr}", "lr": lr} for lr in RECORDED["bases"]]
HAS_TIMM = importlib.util.find_spec("timm") is not None
NOISY = {"name": "timm-cosine", "noise_range_t": [5, 9]}


def load(scheduler: dict[str, Any], steps: int = STEPS, **optimizer: Any) -> lrviz.Experiment:
    return lrviz.load({"run": {"steps": steps}, "optimizer": {"lr": 0.1, **optimizer}, "scheduler": scheduler})


def cases(name: str) -> list[dict[str, Any]]:
    """Return the recorded cases of a scheduler, with the metric that it was stepped with."""
    metric = {"metric": RECORDED["metric"]} if name == "timm-plateau" else {}
    found = [case for case in RECORDED["cases"] if case["name"] == name]
    return [{**case, "scheduler": {"name": name, **case["arguments"], **metric}} for case in found]


@pytest.mark.parametrize("engine", ["torch", "light"])
@pytest.mark.parametrize("name", NAMES)
def test_sets_what_timm_recorded(name: str, engine: str) -> None:
    different = []
    for case in cases(name):
        if case.get("error", [1])[0] == 0:
            continue
        trace = lrviz.replay(load(case["scheduler"], groups=GROUPS), engine=engine, partial=True)
        failure = [trace.failure.step, trace.failure.kind] if trace.failure else None
        if [list(group.lr) for group in trace.groups] != case["lr"] or failure != case.get("error"):
            different.append(case["arguments"])
    assert different == []


def test_refuses_what_the_constructors_refuse() -> None:
    refused = [case for name in NAMES for case in cases(name) if case.get("error", [1])[0] == 0]
    assert len(refused) == 2
    for case in refused:
        with pytest.raises(SpecError):
            lrviz.replay(load(case["scheduler"], groups=GROUPS))


@pytest.mark.skipif(not HAS_TIMM, reason="timm is not installed")
@pytest.mark.parametrize("name", NAMES)
def test_timms_own_class_sets_the_same(name: str) -> None:
    for case in cases(name)[::3]:
        if case.get("error", [1])[0]:
            trace = lrviz.replay(load(case["scheduler"], groups=GROUPS), engine="upstream", partial=True)
            assert trace.difference is None
            assert [list(group.lr) for group in trace.groups] == case["lr"]


@pytest.mark.skipif(not HAS_TIMM, reason="timm is not installed")
def test_what_was_recorded_is_what_timm_does(tmp_path: Path) -> None:
    script = [sys.executable, RECORDINGS / "record_timm.py", "--to", tmp_path / "again.json"]
    subprocess.run(script, check=True)
    assert json.loads((tmp_path / "again.json").read_text())["cases"] == RECORDED["cases"]


@pytest.mark.parametrize(
    ("scheduler", "last"),
    [
        ({"name": "timm-cosine"}, 20),
        ({"name": "timm-cosine", "warmup_t": 5}, 20),
        ({"name": "timm-cosine", "warmup_t": 5, "warmup_prefix": True}, 15),
        ({"name": "timm-wsd", "warmup_t": 5, "decay_t": 4}, 15),
        ({"name": "timm-tanh", "warmup_t": 50, "warmup_prefix": True}, 1),
    ],
)
def test_unset_t_initial_is_what_the_run_has_for_it(scheduler: dict[str, Any], last: int) -> None:
    assert load(scheduler, steps=20).resolved.t_initial == last  # type: ignore[attr-defined]


def test_noise_is_drawn_by_torch_whatever_engine_is_wanted() -> None:
    choice = choose(load(NOISY), "light")
    assert (choice.name, choice.reason) == ("torch", "its noise is drawn by torch")
    assert lrviz.replay(load(NOISY), engine="light").engine == "torch"


def test_a_step_that_raises_is_told_as_the_schedulers() -> None:
    trace = lrviz.replay(load({"name": "timm-cosine", "t_initial": 5, "cycle_mul": 0.5}), partial=True)
    assert trace.failure is not None
    assert (trace.failure.step, trace.failure.by) == (10, "CosineLRScheduler")


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ({**NOISY, "noise_range_t": [1, 2, 3]}, "noise_range_t: must be a list of 2 numbers"),
        ({**NOISY, "noise_range_t": "soon"}, "noise_range_t: must be a number"),
        ({**NOISY, "noise_pct": 1e-4}, "noise_pct: must be at least 0.001 of noise_std"),
        ({"name": "timm-tanh", "lb": 3}, "lb: must be below ub, 3, not 3"),
        ({"name": "timm-step", "decay_t": 0}, "decay_t: must be a whole number > 0, not 0"),
        ({"name": "timm-plateau"}, "metric: missing: what to watch"),
        ({"name": "timm-wsd", "decay_t": 3, "t_initial": 2}, "decay_t: must be <= t_initial, 2, not 3"),
    ],
)
def test_bad_arguments_are_refused(scheduler: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load(scheduler)


def test_a_length_is_counted_from_the_end_of_the_warmup() -> None:
    experiment = load({"name": "timm-wsd", "warmup_t": 10, "decay_t": 20, "t_initial": 300}, steps=100)
    (finding,) = [finding for finding in examine(experiment, lrviz.replay(experiment)) if finding.rule == "unfinished"]
    assert [(change.field, change.value) for change in finding.changes] == [("scheduler.t_initial", 90)]
