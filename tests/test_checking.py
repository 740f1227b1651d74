"""`lrviz.check`: one line before a training loop, and what it says in the words of Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t

import lrviz
from lrviz import CheckError, SpecError


def sgd(**rest: Any) -> Any:
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1, **rest)


def text(error: pytest.ExceptionInfo[CheckError]) -> list[str]:
    return str(error.value).splitlines()


def test_a_live_scheduler_without_errors_is_returned_its_findings() -> None:
    found = lrviz.check(t.OneCycleLR(sgd(), 0.1, 100), steps=100)
    assert [(each.severity, each.rule, each.snippet) for each in found] == [
        ("warning", "momentum-changed", "OneCycleLR(..., cycle_momentum=False)")
    ]


def test_a_live_scheduler_with_an_error_raises_in_the_words_of_python() -> None:
    message = (
        "CosineAnnealingLR has a length of 10 and the run steps it 1,000 times: 1,000 / 10 = 100, the steps per epoch; "
        "it counts epochs"
    )
    with pytest.raises(CheckError) as raised:
        lrviz.check(t.CosineAnnealingLR(sgd(), 10), steps=1000, steps_per_epoch=100)
    assert text(raised) == [
        "CosineAnnealingLR: 1 error",
        f"error unit-mismatch: {message}",
        "  instead: Step it once an epoch, or count in steps",
        "  scheduler.step()  # once an epoch",
    ]
    (finding,) = raised.value.findings
    assert getattr(finding, "rule", None) == "unit-mismatch"


def test_a_run_that_goes_on_is_checked_as_a_whole() -> None:
    optimizer = sgd()
    scheduler = t.CosineAnnealingLR(optimizer, 100)
    for _ in range(90):
        optimizer.step()
        scheduler.step()
    assert lrviz.check(scheduler, steps=10) == []
    with pytest.raises(CheckError, match=r"cosine-rebound: .* after T_max = 100 of 190 steps"):
        lrviz.check(scheduler, steps=100)


class Own:
    """A scheduler that nobody knows."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.rate = optimizer, 0.1

    def step(self) -> None:
        self.rate -= 0.01
        self.optimizer.param_groups[0]["lr"] = self.rate


def test_a_scheduler_that_nobody_knows_is_checked_by_its_curve() -> None:
    assert lrviz.check(Own(sgd()), steps=8) == []
    with pytest.raises(CheckError, match=r"^Own: 1 error\nerror lr-negative: .* from step 11 on"):
        lrviz.check(Own(sgd()), steps=20)


def test_with_strict_a_warning_raises_and_an_ignored_rule_does_not() -> None:
    scheduler = t.OneCycleLR(sgd(), 0.1, 100)
    with pytest.raises(CheckError, match=r"^OneCycleLR: 1 warning\nwarning momentum-changed"):
        lrviz.check(scheduler, steps=100, strict=True)
    assert lrviz.check(scheduler, steps=100, strict=True, ignore=["momentum-changed"]) == []


def test_the_projects_settings_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.lrviz.check]\nstrict = true\n")
    monkeypatch.chdir(tmp_path)
    scheduler = t.OneCycleLR(sgd(), 0.1, 100)
    with pytest.raises(CheckError):
        lrviz.check(scheduler, steps=100)
    assert len(lrviz.check(scheduler, steps=100, strict=False)) == 1


def test_a_file_is_checked_as_the_command_does(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("run: {steps: 100}\nscheduler:\n  name: cosine\n  T_max: 10\n")
    with pytest.raises(CheckError) as raised:
        lrviz.check(file)
    assert text(raised)[1].startswith(f"{file}:4: error cosine-rebound: ")
    assert text(raised)[2:] == [
        "  instead: Give it T_max = 100, or leave T_max out",
        "  scheduler: {name: cosine, T_max: 100}",
    ]
    assert lrviz.check(file, steps=10) == []


def test_what_torch_would_trip_over_is_a_finding() -> None:
    with pytest.raises(CheckError, match=r"error fractional-count: scheduler.step_size: must be a whole number"):
        lrviz.check({"scheduler": {"name": "step", "step_size": 2.5}})


def test_an_experiment_is_checked() -> None:
    experiment = lrviz.load({"scheduler": {"name": "cosine"}})
    assert lrviz.check(experiment) == []


def test_a_schedulers_name_is_checked_with_its_arguments() -> None:
    assert lrviz.check("cosine", steps=10, optimizer="adamw", lr=1e-3) == []
    with pytest.raises(CheckError, match=r"^cosine: 1 error\nerror cosine-rebound"):
        lrviz.check("cosine", steps=100, T_max=10)


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        (lambda: t.StepLR(sgd(), 2), {}, "steps: missing: how many optimizer steps the run has from here on"),
        (lambda: t.StepLR(sgd(), 2), {"steps": 9, "lr": 1}, "lr: is not for this target: a live scheduler takes steps"),
        (
            lambda: lrviz.load({"scheduler": {"name": "cosine"}}),
            {"steps": 9},
            "an experiment takes no arguments: steps",
        ),
        (
            lambda: t.StepLR(sgd(), 2),
            {"steps": 9, "ignore": ["lr-ded"]},
            "unknown rule 'lr-ded'; did you mean 'lr-dead'?",
        ),
        (lambda: {"scheduler": {"name": "cosin"}}, {}, "did you mean 'cosine'?"),
        (lambda: 5, {}, "must be a live scheduler, a scheduler's name, a file, a mapping, TrainingArguments or an"),
    ],
)
def test_what_cannot_be_checked_says_why(target: Any, given: Any, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        lrviz.check(target(), **given)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("make", "given", "lines"),
    [
        (lambda o: t.CosineAnnealingLR(o, 20), {"steps": 32}, ["  instead: Give it T_max = 32"]),
        (t.PolynomialLR, {"steps": 999}, ["  PolynomialLR(..., total_iters=999)"]),
        (
            lambda o: t.SequentialLR(o, [t.ConstantLR(o, 0.1, 2), t.PolynomialLR(o)], [100]),
            {"steps": 500},
            ["  PolynomialLR(..., total_iters=400)"],
        ),
        (
            lambda o: t.CosineAnnealingLR(o, 999),
            {"steps": 999, "steps_per_epoch": 9, "interval": "epoch"},
            ["  instead: Step it at every optimizer step", "  scheduler.step()  # after every optimizer step"],
        ),
        (lambda o: t.CosineAnnealingLR(o, 9, eta_min=1.0), {"steps": 9}, ["  CosineAnnealingLR(..., eta_min=0.001)"]),
    ],
)
def test_fixes_are_written_in_python(make: Any, given: Any, lines: list[str]) -> None:
    with pytest.raises(CheckError) as raised:
        lrviz.check(make(sgd()), **given)
    assert [line for line in lines if line not in text(raised)] == []
