"""Documents with an `overlay` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

DOCUMENT = """\
title: Both
run: {epochs: 4, steps_per_epoch: 8}
overlay:
  - {label: down, scheduler: {name: cosine}}
  - {label: stairs, scheduler: {name: step, step_size: 500}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "both.yaml"
    path.write_text(DOCUMENT)
    return path


def test_plot_draws_all_and_says_what_each_does(lrviz: Run, file: Path) -> None:
    ended = lrviz("plot", "both.yaml", "--no-check", "-o", "a.svg")
    wrote, *does = ended.out.splitlines()
    assert wrote.startswith("wrote a.svg: 2 schedules, torch ")
    assert does == [
        "down: first 0.001, peak 0.001 at step 0 (epoch 0), last 2.408e-06; 32 steps",
        "stairs: first 0.001, peak 0.001 at step 0 (epoch 0), last 0.001; 32 steps",
    ]
    picture = Path("a.svg").read_text()
    assert all(f">{name}</text>" in picture for name in ("Both", "down", "stairs"))


def test_findings_are_told_by_label(lrviz: Run, file: Path) -> None:
    assert lrviz("plot", "both.yaml").err.startswith(
        "check: stairs: warning never-moves: StepLR decays after 500 steps"
    )


def test_flags_lie_over_every_entry_and_the_title_over_the_figure_s(lrviz: Run, file: Path) -> None:
    ended = lrviz("plot", "both.yaml", "--epochs", "2", "--title", "Mine", "-q", "--no-check", "-o", "a.svg")
    assert [line.rpartition("; ")[2] for line in ended.out.splitlines()[1:]] == ["16 steps", "16 steps"]
    assert ">Mine</text>" in Path("a.svg").read_text()


def test_facets_have_a_figure_as_high_as_they_need(lrviz: Run, file: Path) -> None:
    entries = [f"  - {{label: a{number}, optimizer: {{lr: {number}}}}}" for number in range(1, 31)]
    file.write_text("\n".join(["scheduler: {name: cosine}", "overlay:", *entries]))
    assert lrviz("plot", "both.yaml", "--facets", "-o", "a.svg").code == 0
    assert 'height="770.4pt"' in Path("a.svg").read_text()
    small = lrviz("plot", "both.yaml", "--facets", "--size", "10x5", "-o", "a.svg")
    assert small.err.startswith("error: --size: 10x5 leaves no room for 30 facets; 10x")


def test_an_axis_that_one_has_not_names_it(lrviz: Run, file: Path) -> None:
    file.write_text(DOCUMENT.replace("{label: down,", "{label: down, run: {batch_size: 4},"))
    ended = lrviz("plot", "both.yaml", "--x", "samples", "--no-check")
    assert (ended.code, ended.err) == (
        2, "error: --x: the samples of stairs are not known: its run has no batch_size\n",
    )  # fmt: skip


def test_check_checks_each_and_names_it(lrviz: Run, file: Path) -> None:
    ended = lrviz("check", "both.yaml", "--format", "json")
    targets = json.loads(ended.out)["targets"]
    assert [each["target"] for each in targets] == ["both.yaml: down", "both.yaml: stairs"]
    (finding,) = targets[1]["findings"]
    assert finding["message"].startswith("stairs: StepLR decays")
    assert (finding["file"], finding["line"]) == ("both.yaml", 5)


def test_a_folder_with_an_overlay_is_checked(lrviz: Run, file: Path) -> None:
    assert lrviz("check", ".").out.endswith("1 warning in 1 of 2 schedules\n")


def test_check_says_what_is_wrong_with_an_entry(lrviz: Run, file: Path) -> None:
    file.write_text(DOCUMENT.replace("step_size: 500", "step_siz: 500"))
    ended = lrviz("check", "both.yaml")
    assert ended.code == 2
    assert "both.yaml:5: scheduler.step_siz: unknown key; did you mean 'step_size'?" in ended.err


def test_an_overlay_is_not_fixed(lrviz: Run, file: Path) -> None:
    ended = lrviz("check", "both.yaml", "--fix")
    assert (ended.code, ended.err) == (2, "error: --fix: both.yaml compares several schedules; fix it by hand\n")
    assert file.read_text() == DOCUMENT


def test_what_takes_one_schedule_says_so(lrviz: Run, file: Path) -> None:
    ended = lrviz("convert", "both.yaml")
    assert ended.code == 2
    assert "both.yaml:3: overlay: the document compares several experiments, and this takes one" in ended.err


def test_a_flag_for_a_trainer_s_config_is_refused(lrviz: Run, file: Path) -> None:
    ended = lrviz("plot", "both.yaml", "--from", "timm")
    assert (ended.code, ended.err) == (
        2, "error: --from: is for a trainer's config; both.yaml is a document of lrviz's\n",
    )  # fmt: skip
