"""What trainers' configs leave open: asked for in the words of whoever typed, once for all files that lack the same."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = "learning_rate: 2.0e-5\nnum_train_epochs: 1\nper_device_train_batch_size: 10\n"
TITAN = "[job]\n[training]\nsteps = 10\n"
TUNE = "epochs: 1\noptimizer: {_component_: SGD, lr: 1e-4}\nbatch_size: 2\ngradient_accumulation_steps: 1\n"
YOLO = "imgsz: 640\nepochs: 10\nbatch: 8\noptimizer: auto\nlr0: 0.01\nlrf: 0.01\nwarmup_epochs: 1.0\n"
V1 = "model_class: llm\nmax_steps: 10\nlearning_rate: 1e-4\n"
AUTO = """{"fp16": {}, "zero_optimization": {"stage": 2},
"scheduler": {"type": "WarmupLR", "params": {"warmup_max_lr": "auto", "warmup_num_steps": "auto"}}}"""
FILES = {
    "a.yaml": ARGUMENTS,
    "b.yaml": ARGUMENTS + "packing: true\n",
    "c.yaml": ARGUMENTS,
    "good.yaml": ARGUMENTS + "max_steps: 100\n",
    "t.toml": TITAN,
    "tune.yaml": TUNE,
    "v1.yaml": V1,
    "yolo.yaml": YOLO,
}


@pytest.fixture(autouse=True)
def files(lrviz: Any, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)


def answer(text: str) -> list[str]:
    """Return the command that a message gives as an example."""
    line = next(line for line in text.splitlines() if "example: lrviz " in line or "or: lrviz " in line)
    return shlex.split(line.partition("lrviz ")[2])


@pytest.mark.parametrize(
    "typed",
    [
        ("table", "a.yaml", "--every", "10"),
        ("check", "a.yaml", "--format", "json"),
        ("convert", "--from", "swift", "a.yaml"),
        ("plot", "a.yaml", "-o", "a file.svg", "--world-size", "2"),
        ("check", "yolo.yaml"),
        ("table", "yolo.yaml", "--steps-per-epoch", "10"),
    ],
)
def test_the_example_is_what_was_typed_and_the_answer(lrviz: Any, typed: tuple[str, ...]) -> None:
    asked = lrviz(*typed)
    assert asked.code == 2
    example = answer(asked.err)
    assert example[: len(typed)] == [*typed]
    answered = lrviz(*example)
    assert answered.code == 0, answered.err


def test_one_message_for_all_files_that_lack_the_same(lrviz: Any) -> None:
    ended = lrviz("check", "a.yaml", "b.yaml", "c.yaml", "good.yaml")
    assert ended.code == 2
    assert ended.out.splitlines()[-1].endswith("in 1 of 4 schedules; 3 files could not be read")
    assert ended.err == (
        "error: 3 files do not say --dataset-size (samples in the training set) and --world-size (devices that train "
        "together)\n"
        "       in a.yaml, c.yaml\n"
        "       in b.yaml (dataset_size: packing is on: packed sequences, not rows)\n"
        "       for example, in pyproject.toml:\n"
        "       [tool.lrviz.run]\n"
        "       dataset_size = 50000\n"
        "       world_size = 8\n"
        "       or: lrviz check a.yaml b.yaml c.yaml good.yaml --dataset-size 50000 --world-size 8\n"
    )


def test_the_lines_for_the_project_answer_for_every_file(lrviz: Any) -> None:
    asked = lrviz("check", ".").err
    lines = [line.strip() for line in asked.partition("in pyproject.toml:\n")[2].splitlines()]
    table = "\n".join(line for line in lines if not line.startswith("or: "))
    assert tomllib.loads(table)["tool"]["lrviz"]["run"].keys() == {"dataset_size", "world_size", "nc"}
    Path("pyproject.toml").write_text(table)
    answered = lrviz("check", ".")
    assert answered.code == 0, answered.err


def test_flags_for_all_are_dropped_where_they_change_nothing(lrviz: Any) -> None:
    ended = lrviz(*answer(lrviz("check", ".").err))
    assert ended.code == 0, ended.err


def test_they_are_refused_where_there_is_one_target(lrviz: Any) -> None:
    flags = ("--dataset-size", "50", "--set", "scheduler.nc=80")
    ended = lrviz("check", "t.toml", *flags)
    assert (ended.code, ended.err.partition(":")[2][:33]) == (2, " --dataset-size: it changes nothi")
    assert lrviz("check", "t.toml", *flags[2:]).err.startswith("error: --set scheduler.nc: unknown key; known are ")
    Path("one").mkdir()
    Path("one/t.toml").write_text(TITAN)
    assert lrviz("check", "one", *flags).code == 0


def test_a_config_whose_schedule_is_elsewhere_is_passed_over_in_a_folder(lrviz: Any) -> None:
    Path("zero").mkdir()
    Path("zero/ds.json").write_text(AUTO)
    assert lrviz("check", "zero").err == "error: zero: what their configs leave open, other files or code say\n"
    Path("zero/t.toml").write_text(TITAN)
    ended = lrviz("check", "zero")
    assert (ended.code, ended.err) == (0, "note: passed over 1 file that is no schedule: zero/ds.json\n")
    assert lrviz("check", "zero/ds.json", "zero/t.toml").code == 2
