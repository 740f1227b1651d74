"""The files that timm and Ultralytics write beside a run, and Lightning CLI's, as targets on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

YOLO = "imgsz: 640\nepochs: 10\nbatch: 8\noptimizer: auto\nlr0: 0.001\nlrf: 0.01\nwarmup_epochs: 1.0\n"
TIMM = "sched: plateau\nopt: sgd\nlr: 0.1\nepochs: 6\nwarmup_epochs: 0\npatience_epochs: 1\nbatch_size: 8\n"
LIGHTNING = (
    "trainer: {max_epochs: 4, devices: 1}\ndata: {batch_size: 10}\n"
    "optimizer: {class_path: SGD, init_args: {lr: 0.1, momentum: 0.9}}\n"
    "lr_scheduler: {class_path: OneCycleLR, init_args: {max_lr: 0.1, total_steps: 40}}\n"
)


@pytest.fixture(autouse=True)
def files(lrviz: Any, tmp_path: Path) -> None:
    for name, text in {"yolo.yaml": YOLO, "timm.yaml": TIMM, "lightning.yaml": LIGHTNING}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "log.csv").write_text("top1\n1\n2\n2\n2\n2\n2\n")


@pytest.mark.parametrize("target", ["yolo.yaml", "timm.yaml", "lightning.yaml"])
def test_what_the_message_gives_as_an_example_works(lrviz: Any, target: str) -> None:
    asked = lrviz("table", target)
    assert (asked.code, asked.out) == (2, "")
    flags = asked.err.partition(f"lrviz table {target} ")[2].split("\n")[0]
    given = [part.strip("'") for part in flags.replace("0.9 ** epoch", "0.9**epoch").split()]
    answered = lrviz("table", target, *given)
    assert answered.code == 0, answered.err


def test_a_trap_is_found_at_its_line(lrviz: Any) -> None:
    found = lrviz("check", "yolo.yaml", "--dataset-size", "100", "--set", "scheduler.nc=1", "--format", "github")
    assert "yolo.yaml,line=5" in found.out
    assert "lr-ignored" in found.out


def test_steps_of_the_cli_are_epochs(lrviz: Any) -> None:
    found = lrviz("check", "lightning.yaml", "--dataset-size", "100", "--format", "github")
    assert found.code == 1
    assert "cli-interval-epoch" in found.out


def test_a_metric_may_be_a_column(table: Any) -> None:
    column = "scheduler.metric_csv=log.csv:top1"
    rows = table("timm.yaml", "--steps-per-epoch", "1", "--set", column)
    assert [row[2] for row in rows[1:]] == ["0.1", "0.1", "0.1", "0.1", "0.010000000000000002", "0.010000000000000002"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dataset-size", "x", "--set", "scheduler.nc=1"], "--dataset-size: must be a whole number >= 1, not 'x'"),
        (["--dataset-size", "10", "--set", "scheduler.nc=x"], "--set scheduler.nc: must be a whole number >= 1"),
    ],
)
def test_a_wrong_answer_is_refused(lrviz: Any, flags: list[str], message: str) -> None:
    ended = lrviz("table", "yolo.yaml", *flags)
    assert ended.code == 2
    assert message in ended.err
