"""The presets give what their libraries' own code gave: tests/recordings/pretraining.json."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.experiment.schedulers import catalogue, lookup
from lrviz.experiment.writer import as_document
from lrviz.rules import examine

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "recordings" / "pretraining.json").read_text())
CASES: list[dict[str, Any]] = RECORDED["cases"]
NAMES = ("warmup-cosine", "warmup-polynomial", "wsd", "inverse-sqrt", "noam", "rex", "tri-stage")
PRESETS = [(name, preset) for name in NAMES for preset in lookup(name).presets]
EXACT = {  # others write their formula in another order, and are off by a last bit or two
    ("warmup-cosine", "torchtune"), ("warmup-cosine", "litgpt"), ("warmup-cosine", "nanogpt"),
    ("warmup-cosine", "nanogpt-2023"), ("warmup-cosine", "axolotl"), ("warmup-cosine", "axolotl-constant"),
    ("warmup-cosine", "axolotl-quadratic"), ("tri-stage", "fairseq"), ("tri-stage", "speechbrain"),
    ("noam", "speechbrain"), ("noam", "annotated-transformer"), ("noam", "noamopt"), ("wsd", "pytorch-optimizer"),
}  # fmt: skip


def replayed(scheduler: dict[str, Any], steps: int, engine: str = "light", lr: float = 1.0) -> list[float]:
    experiment = lrviz.load({"run": {"steps": steps}, "optimizer": {"lr": lr}, "scheduler": scheduler})
    return list(lrviz.replay(experiment, engine=engine).groups[0].lr)


def of_case(case: dict[str, Any], engine: str) -> list[list[float]]:
    """Return as many learning rates as upstream gave before it raised, of two groups."""
    groups = [{"name": str(number), "lr": lr} for number, lr in enumerate(RECORDED["lrs"])]
    document = {"run": {"steps": case["steps"]}, "optimizer": {"lr": RECORDED["lr"], "groups": groups}}
    trace = lrviz.replay(lrviz.load({**document, "scheduler": case["scheduler"]}), engine=engine)
    return [list(group.lr)[: len(case["lr"][0])] for group in trace.groups]


@pytest.mark.parametrize("engine", ["torch", "light"])
@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_preset_gives_what_its_library_gave(name: str, preset: str, engine: str) -> None:
    cases = [case for case in CASES if (case["scheduler"]["name"], case["scheduler"]["preset"]) == (name, preset)]
    assert cases
    for case in cases:
        if "error" in case and not case["lr"][0]:  # refused by its constructor
            with pytest.raises(SpecError, match="warmup_steps"):
                of_case(case, engine)
            continue
        wanted = case["lr"] * (1 if len(case["lr"]) == 2 else 2)
        found = of_case(case, engine)
        if (name, preset) not in EXACT:
            wanted = [pytest.approx(rates, rel=1e-12, abs=0) for rates in wanted]
        assert found == wanted, case["scheduler"]


@pytest.mark.parametrize(
    ("function", "module", "preset"),
    [("get_cosine_schedule_with_warmup", "torchtune.training.lr_schedulers", "torchtune")],
)
def test_it_is_what_the_installed_library_does(function: str, module: str, preset: str) -> None:
    found = pytest.importorskip(module, exc_type=ImportError)
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = getattr(found, function)(optimizer, num_warmup_steps=4, num_training_steps=12)
    rates = []
    for _ in range(16):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    form = {"name": "warmup-cosine", "preset": preset, "warmup_steps": 4, "total_steps": 12}
    assert replayed(form, 16) == rates


def test_what_is_given_goes_before_the_preset() -> None:
    spec = lookup("warmup-cosine")
    olmo: Any = spec(preset="olmo", min_lr=0.0, warmup_progress="t/W")
    assert (olmo.min_lr, olmo.warmup_progress, olmo.decay_progress) == (0.0, "t/W", "(t-W+1)/(T-W)")
    assert (olmo.one_lr, str(olmo.warmup_init_lr)) == (True, "10%")


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_the_document_written_out_says_all_that_the_preset_does(name: str, preset: str) -> None:
    spec = lookup(name)
    made = spec(**{**spec.example, "preset": preset})
    written = as_document(made)
    del written["preset"]
    again = lrviz.load({"scheduler": written}).scheduler
    assert {**as_document(again), "preset": preset} == as_document(made)


def test_a_preset_of_another_form_is_refused_with_those_there_are() -> None:
    with pytest.raises(SpecError, match=r"scheduler.preset: must be one of nanotron, pytorch-optimizer, not 'litgpt'"):
        lrviz.load({"scheduler": {"name": "wsd", "preset": "litgpt"}})
    with pytest.raises(SpecError, match="did you mean 'torchtune'"):
        lrviz.load({"scheduler": {"name": "warmup-cosine", "preset": "torchtunes"}})


@pytest.mark.parametrize("name", NAMES)
def test_its_name_loads_this_module_alone(name: str) -> None:
    code = (
        "import sys; from lrviz.experiment.schedulers import lookup; "
        f"lookup({name!r}); own = 'lrviz.experiment.schedulers'; "
        "assert f'{own}.pretraining' in sys.modules; assert f'{own}.mmengine' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("progress", "rates"), [("t/W", [0, 0.25]), ("(t+1)/W", [0.25, 0.5]), ("(t+1)/(W+1)", [0.2, 0.4])]
)
def test_step_0_of_the_warmup(progress: str, rates: list[float]) -> None:
    form = {"name": "warmup-cosine", "warmup_steps": 4, "warmup_progress": progress}
    assert replayed(form, 12)[:2] == rates


@pytest.mark.parametrize(("progress", "at"), [("(t-W)/(T-W)", 12), ("(t-W+1)/(T-W)", 11), ("(t-W)/(T-W-1)", 11)])
@pytest.mark.parametrize("name", ["warmup-cosine", "warmup-polynomial", "rex"])
def test_the_minimum_is_reached_at_the_total_or_a_step_before(name: str, progress: str, at: int) -> None:
    form = {"name": name, "warmup_steps": 4, "total_steps": 12, "decay_progress": progress, "min_lr": "10%"}
    rates = replayed(form, 14)
    assert rates.index(pytest.approx(0.1, rel=1e-12)) == at
    assert rates[3:at] == sorted(rates[3:at], reverse=True) or rates[3] == 0.75


@pytest.mark.parametrize(("past", "after"), [("minimum", 0.1), ("hold", 0.1), ("continue", 0.134)])
def test_what_comes_after_a_cosine(past: str, after: float) -> None:
    form = {"name": "warmup-cosine", "warmup_steps": 4, "total_steps": 12, "min_lr": "10%", "past_end": past}
    assert replayed(form, 14)[13] == pytest.approx(after, abs=5e-4)


@pytest.mark.parametrize(
    ("decay", "half"),
    [
        ("linear", 0.55),
        ("cosine", 0.55),
        ("1-sqrt", 0.1 + 0.9 * (1 - math.sqrt(0.5))),
        ("1-square", 0.1 + 0.9 * 0.75),
        ("exponential", math.sqrt(0.1)),
    ],
)
def test_the_shapes_of_a_decay(decay: str, half: float) -> None:
    form = {"name": "wsd", "warmup_steps": 4, "decay_steps": 8, "decay": decay, "min_lr": "10%"}
    rates = replayed(form, 24)
    assert rates[4:17] == [1.0] * 13
    assert rates[20] == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize(
    ("given", "start", "steps"),
    [
        ({}, 90, 10),
        ({"decay_steps": 30}, 70, 30),
        ({"decay_start": 60}, 60, 40),
        ({"decay_start": 60, "decay_steps": 20}, 60, 20),
        ({"decay_at": "warmup"}, 5, 95),
        ({"decay_at": "warmup", "decay_steps": 30}, 5, 30),
        ({"decay_at": "warmup", "decay_start": 60}, 60, 35),
    ],
)
def test_the_lengths_of_a_decay(given: dict[str, Any], start: int, steps: int) -> None:
    scheduler = {"name": "wsd", "warmup_steps": 5, **given}
    written = as_document(lrviz.load({"run": {"steps": 100}, "scheduler": scheduler}).resolved)
    assert (written["decay_start"], written["decay_steps"]) == (start, steps)


def test_rex_is_the_papers_and_no_line() -> None:
    rates = replayed({"name": "rex"}, 8)
    assert rates == pytest.approx([(1 - t / 8) / (0.5 + 0.5 * (1 - t / 8)) for t in range(8)], rel=1e-12)


def test_a_lowest_rate_scales_with_the_group_unless_one_is_written_into_all() -> None:
    groups = [{"name": "a"}, {"name": "b", "lr": 0.5}]
    form = {"name": "warmup-cosine", "total_steps": 4, "min_lr": 0.1}
    document = {"run": {"steps": 6}, "optimizer": {"lr": 1.0, "groups": groups}}
    for own, last in ((False, [0.1, 0.05]), (True, [0.1, 0.1])):
        trace = lrviz.replay(lrviz.load({**document, "scheduler": {**form, "one_lr": own}}))
        assert [group.lr[-1] for group in trace.groups] == pytest.approx(last, rel=1e-12)


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ({"name": "inverse-sqrt"}, "scheduler.warmup_steps: must be > 0, or timescale be given"),
        ({"name": "wsd", "decay": "exponential"}, "scheduler.min_lr: must be above 0 for an exponential decay"),
        ({"name": "tri-stage"}, "scheduler.decay_steps: must be > 0, or phase_ratio be given"),
        ({"name": "tri-stage", "phase_ratio": [0.1, 0.2, 0.3]}, "must add up to exactly 1.0, not 0.6"),
        ({"name": "tri-stage", "phase_ratio": [0.5, 0.5, 0.0]}, "scheduler.phase_ratio: leaves the decay no step"),
        ({"name": "rex", "warmup_steps": 40}, "scheduler.warmup_steps: must be at most total_steps, 32, not 40"),
        ({"name": "rex", "min_lr": 0.1}, "scheduler.min_lr: must be at most the learning rate, 0.001, not 0.1"),
        ({"name": "rex", "min_lr": "200%"}, "scheduler.min_lr: must be at most the learning rate, 0.001, not 200%"),
        ({"name": "warmup-cosine", "warmup_mode": "cubic"}, "scheduler.warmup_mode: must be one of linear"),
    ],
)
def test_what_makes_no_sense_is_refused(scheduler: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        lrviz.load({"scheduler": scheduler})


USUAL = [
    {"name": "warmup-cosine", "warmup_steps": 100, "min_lr": "10%"},
    *(
        {"name": "warmup-cosine", "preset": preset, "warmup_steps": 100, "min_lr": "10%"}
        for preset in ("litgpt", "olmo")
    ),
    {"name": "warmup-cosine", "preset": "torchtune", "warmup_steps": 100},
    {"name": "warmup-polynomial", "preset": "fairseq", "warmup_steps": 100},
    {"name": "wsd", "warmup_steps": 100, "decay_steps": "20%", "decay": "1-sqrt"},
    {"name": "wsd", "preset": "nanotron", "warmup_steps": 100, "min_lr": "10%", "decay": "cosine"},
    {"name": "inverse-sqrt", "preset": "fairseq", "warmup_steps": 100},
    {"name": "noam", "warmup_steps": 100},
    {"name": "noam", "preset": "noamopt", "warmup_steps": 100},
    {"name": "rex", "preset": "axolotl", "warmup_steps": 100},
    {"name": "tri-stage", "preset": "fairseq", "phase_ratio": [0.1, 0.4, 0.5]},
]


@pytest.mark.parametrize("scheduler", USUAL, ids=lambda spec: f"{spec['name']}-{spec.get('preset', '')}")
def test_no_rule_finds_anything_in_what_is_usual(scheduler: dict[str, Any]) -> None:
    experiment = lrviz.load({"run": {"steps": 1000}, "optimizer": {"lr": 1e-3}, "scheduler": scheduler})
    assert [found for found in examine(experiment, lrviz.replay(experiment)) if found.severity != "info"] == []


@pytest.mark.parametrize(
    ("scheduler", "rule"),
    [
        ({"name": "warmup-cosine", "preset": "torchtune", "total_steps": 700}, "rises-again"),
        ({"name": "warmup-cosine", "warmup_steps": 100, "total_steps": 4000}, "unfinished"),
        ({"name": "warmup-cosine", "warmup_steps": 2000}, "still-rising"),
        ({"name": "wsd", "warmup_steps": 100, "total_steps": 600}, "lr-dead"),
        ({"name": "inverse-sqrt", "warmup_steps": 4000}, "still-rising"),
        ({"name": "noam", "preset": "speechbrain", "warmup_steps": 100}, "high-first-step"),
    ],
)
def test_a_mistake_is_told(scheduler: dict[str, Any], rule: str) -> None:
    experiment = lrviz.load({"run": {"steps": 1000}, "optimizer": {"lr": 1e-3}, "scheduler": scheduler})
    assert rule in [found.rule for found in examine(experiment, lrviz.replay(experiment))]


def test_every_form_is_in_the_catalogue() -> None:
    assert set(NAMES) <= catalogue().keys()
