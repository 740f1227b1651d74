"""Several targets on one command line: in line, by --with and by --sweep."""

from __future__ import annotations

from pathlib import Path

import pytest

ONECYCLE = "scheduler: {name: onecycle, max_lr: 1e-3}\n"


@pytest.fixture
def files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ONECYCLE)
    (tmp_path / "b.yaml").write_text(ONECYCLE.replace("1e-3", "3e-3"))


def names(ended) -> list[str]:
    """Return what the lines of a plot call its schedules."""
    assert ended.code == 0, ended.err
    return [line.rpartition(": first ")[0] for line in ended.out.splitlines()[1:]]


@pytest.mark.usefixtures("files")
def test_several_targets_are_one_figure_and_a_line_each(lrviz):
    ended = lrviz("plot", "a.yaml", "b.yaml")
    assert ended.out.startswith("wrote compare.png: 2 schedules, torch ")
    assert names(ended) == ["max_lr 0.001", "max_lr 0.003"]
    assert Path("compare.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "arguments",
    [
        ("a.yaml", "cosine", "--t-max", "32", "step", "--step-size", "4"),
        ("--t-max", "32", "a.yaml", "cosine", "--step-size=4", "step"),
        ("a.yaml", "--T_max", "32", "--step-size", "4", "--", "cosine", "step"),
        ("a.yaml", "-qo", "compare.png", "cosine", "step", "--step-size", "4"),
    ],
)
def test_a_flag_lies_over_every_target_that_has_it(lrviz, arguments):
    assert names(lrviz("plot", *arguments)) == ["OneCycleLR", "CosineAnnealingLR", "StepLR"]


def test_flags_of_the_run_lie_over_all(lrviz):
    ended = lrviz("plot", "cosine", "step", "--step-size", "4", "--epochs", "2")
    assert [line.rpartition("; ")[2] for line in ended.out.splitlines()[1:]] == ["16 steps", "16 steps"]
