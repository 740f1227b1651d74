"""`minimum-unreached`: a lowest learning rate that was set, and that the run ends well above."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.rules import examine

MMENGINE = """\
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
train_cfg = dict(by_epoch=True, max_epochs=100)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=5),
    dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, begin=0, end=END),
]
"""


def found(document: Any, **said: Any) -> list[tuple[str, str]]:
    """Return the rules that find something, with the place of each."""
    experiment = lrviz.load(document, **said)
    findings = examine(experiment, lrviz.replay(experiment))
    return [(each.rule, each.place) for each in findings if each.severity != "info"]


def toy(steps: int, name: str, **arguments: Any) -> dict[str, Any]:
    return {"run": {"steps": steps}, "scheduler": {"name": name, **arguments}}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("hf-cosine-with-min-lr", {"min_lr": 1e-5, "num_cycles": 0.3}),
        ("hf-cosine-with-min-lr", {"min_lr_rate": 0.01, "num_cycles": 0.4}),
        ("hf-cosine-warmup-with-min-lr", {"min_lr": 1e-5, "num_cycles": 0.3, "num_warmup_steps": 2}),
    ],
)
def test_half_a_wave_is_needed(name: str, arguments: dict[str, Any]) -> None:
    assert [rule for rule, _ in found(toy(100, name, **arguments))] == ["minimum-unreached"]


@pytest.mark.parametrize("steps", [5, 10, 32, 1000])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cosine", {"eta_min": 1e-5}),
        ("cosine", {"eta_min": "1%"}),
        ("hf-polynomial", {"lr_end": 1e-6}),
        ("hf-cosine-with-min-lr", {"min_lr": 1e-5}),
        ("deepspeed-warmup-cosine", {"cos_min_ratio": 0.01, "warmup_num_steps": 2}),
        ("megatron", {"min_lr": 1e-5}),
        ("megatron", {"min_lr": 1e-5, "lr_decay_style": "inverse-square-root", "lr_warmup_steps": 1}),
        ("timm-cosine", {"lr_min": 1e-5}),
        ("timm-tanh", {"lr_min": 1e-5}),
        ("timm-poly", {"lr_min": 1e-5}),
        ("timm-wsd", {"lr_min": 1e-5, "decay_t": 3}),
        ("torchtitan", {"min_lr_factor": 0.1, "warmup_steps": 1}),
        ("warmup-cosine", {"min_lr": 1e-5}),
        ("warmup-polynomial", {"min_lr": 1e-5}),
        ("wsd", {"min_lr": 1e-5, "decay_steps": 4}),
        ("wsd", {"min_lr": 1e-5, "decay_steps": 4, "decay": "1-sqrt"}),
        ("rex", {"min_lr": 1e-5}),
        ("mmengine-cosine", {"eta_min": 1e-5, "by_epoch": False}),
        ("mmengine-poly", {"eta_min": 1e-5, "by_epoch": False}),
    ],
)
def test_a_formula_that_ends_a_step_after_the_run_is_none(name: str, arguments: dict[str, Any], steps: int) -> None:
    assert "minimum-unreached" not in dict(found(toy(steps, name, **arguments)))


@pytest.mark.parametrize(("end", "expected"), [(300, [("minimum-unreached", "c.py:5")]), (100, [])])
def test_it_is_told_of_a_schedule_in_a_list_of_mmengines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int, expected: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.py").write_text(MMENGINE.replace("END", str(end)))
    assert found("c.py", steps_per_epoch=10) == expected


def test_what_explains_it_is_told_alone() -> None:
    assert found(toy(100, "cosine", eta_min=1e-5, T_max=200)) == [("unfinished", "")]
    assert found(toy(100, "megatron", min_lr=1e-5, lr_decay_style="constant")) == [("never-moves", "")]
    rising = toy(100, "hf-cosine-with-min-lr", min_lr=1e-5, num_cycles=0.9)
    assert found(rising) == [("rises-again", "")]


def test_one_that_nobody_set_is_none() -> None:
    assert found(toy(100, "hf-cosine", num_cycles=0.3)) == []


def test_a_finding_of_a_config_names_the_key_of_its_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.py").write_text("max_iters = 1000\nlearning_rate = 1e-3\nwarmup_iters = 0\nlr_decay_iters = 5000\n")
    experiment = lrviz.load("c.py")
    (finding,) = examine(experiment, lrviz.replay(experiment))
    assert (finding.rule, finding.place) == ("unfinished", "c.py:4")
    assert finding.fix == "Give it a length of 1,001 steps (lr_decay_iters)"
