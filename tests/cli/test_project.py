"""What a project's pyproject.toml says of the runs of trainers' configs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = "learning_rate: 2.0e-5\nwarmup_steps: 0.1\nnum_train_epochs: 1\nper_device_train_batch_size: 10\n"
TITAN = "[job]\n[training]\nsteps = 10\n"
YOLO = "imgsz: 640\nepochs: 10\nbatch: 8\noptimizer: auto\nlr0: 0.01\nlrf: 0.01\nwarmup_epochs: 1.0\n"
OWN = "run: {epochs: 2}\nscheduler: {name: exponential, gamma: 0.5}\n"
RUN = "[tool.lrviz.run]\ndataset_size = 1000\nworld_size = 2\n"


@pytest.fixture
def rows(lrviz: Any, table: Any) -> Callable[..., int]:
    """Return a function that writes a config into a project, and returns how many steps its run has."""

    def count(project: str, *flags: str, name: str = "sft/args.yaml", text: str = ARGUMENTS) -> int:
        Path("pyproject.toml").write_text(project)
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
        return len(table(name, *flags)) - 1

    return count


def test_says_what_a_config_leaves_open(rows: Any) -> None:
    assert rows(RUN) == 1000 / 10 / 2


def test_flags_lie_over_it(rows: Any) -> None:
    assert rows(RUN, "--world-size", "1") == 1000 / 10


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [
        ("sft/*.yaml", 25), ("*.yaml", 25), ("**/args.yaml", 25), ("s?t/**", 25), ("**", 25),
        ("*.yml", 50), ("sft/**/a.yaml", 50), ("*/*/*.yaml", 50), ("ft/*.yaml", 50), ("s?/*.yaml", 50),
    ],
)  # fmt: skip
def test_a_pattern_names_files(rows: Any, pattern: str, steps: int) -> None:
    assert rows(f'{RUN}[tool.lrviz.run."{pattern}"]\nworld_size = 4\n') == steps


def test_a_later_pattern_goes_before_an_earlier_one(rows: Any) -> None:
    patterns = ((4, "**"), (1, "sft/*"), (8, "dpo/*"))
    assert rows(RUN + "".join(f'[tool.lrviz.run."{name}"]\nworld_size = {size}\n' for size, name in patterns)) == 100


def test_a_patterns_length_takes_the_place_of_another(rows: Any) -> None:
    assert rows(f'{RUN}[tool.lrviz.run."sft/*"]\nsteps_per_epoch = 7\n') == 7


def test_the_nearest_project_counts(rows: Any) -> None:
    Path("sft").mkdir()
    Path("sft/pyproject.toml").write_text(RUN.replace("1000", "20"))
    assert rows(RUN) == 1


def test_what_a_file_says_itself_stays(rows: Any) -> None:
    assert rows(RUN + "batch_size = 1\nepochs = 5\nlr = 1.0\n") == 50


def test_what_a_format_has_no_use_for_is_dropped(rows: Any) -> None:
    assert rows(RUN + "nc = 80\n", name="t.toml", text=TITAN) == 10
    assert rows(RUN, name="own.yaml", text=OWN) == 16


def test_a_wrong_run_is_no_matter_of_lrvizs_own_documents(rows: Any) -> None:
    assert rows("[tool.lrviz.run]\nworld = 3\n", name="own.yaml", text=OWN) == 16


def test_says_what_the_scheduler_needs(lrviz: Any) -> None:
    Path("pyproject.toml").write_text(RUN + "nc = 80\n")
    Path("yolo.yaml").write_text(YOLO)
    out = lrviz("convert", "yolo.yaml").out
    assert "nc: 80" in out
    assert "# pyproject.toml:4" in out


def test_a_version_is_followed_where_the_library_counts(lrviz: Any) -> None:
    """Up to 4.51 an epoch's left-over batches make no step of their own."""
    Path("pyproject.toml").write_text('[tool.lrviz.run]\ndataset_size = 50\nworld_size = 1\ntransformers = "4.44"\n')
    Path("args.yaml").write_text(ARGUMENTS.replace("0.1", "0") + "gradient_accumulation_steps: 2\n")
    assert len(lrviz("table", "args.yaml", "--format", "csv").out.splitlines()) == 1 + 50 // 10 // 2


def test_the_report_says_where_it_is_from(lrviz: Any) -> None:
    Path("pyproject.toml").write_text(RUN)
    Path("args.yaml").write_text(ARGUMENTS)
    read = next(line for line in lrviz("table", "args.yaml").out.splitlines() if line.startswith("read: "))
    assert read.endswith(", dataset_size 1,000 from pyproject.toml, world_size 2 from pyproject.toml, "
                         "lr_scheduler_type 'linear' by default, gradient_accumulation_steps 1 by default")  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("world_size = 0", "2: tool.lrviz.run.world_size: must be a whole number >= 1, not 0"),
        ("dataset_sise = 3", "2: tool.lrviz.run.dataset_sise: unknown key; did you mean 'dataset_size'?"),
        ('lr = "high"', "2: tool.lrviz.run.lr: must be a number >= 0, not 'high'"),
        ("transformers = 4.5", "2: tool.lrviz.run.transformers: may be 4.5 or 4.50: write it in quotes"),
        ('["a[1].b=]*.yaml"]\nnc = 0', '3: tool.lrviz.run."a[1].b=]*.yaml".nc: must be a whole number >= 1, not 0'),
        ("[dataset_size]\na = 1", "2: tool.lrviz.run.dataset_size: must be a whole number >= 1, not {'a': 1}"),
    ],
)
def test_what_it_says_wrong_is_refused_at_its_line(lrviz: Any, lines: str, message: str) -> None:
    table = lines.replace("[", "[tool.lrviz.run.", 1) if lines.startswith("[") else f"[tool.lrviz.run]\n{lines}"
    shift = -1 if lines.startswith("[") else 0
    number, _, rest = message.partition(":")
    Path("pyproject.toml").write_text(table + "\n")
    Path("args.yaml").write_text(ARGUMENTS)
    ended = lrviz("table", "args.yaml")
    assert ended.code == 2
    assert ended.err.startswith(f"error: pyproject.toml:{int(number) + shift}:{rest}")


def test_run_is_a_table(lrviz: Any) -> None:
    Path("pyproject.toml").write_text("[tool.lrviz]\nrun = 3\n")
    Path("args.yaml").write_text(ARGUMENTS)
    message = "error: pyproject.toml:2: tool.lrviz.run: must be a mapping such as {dataset_size: …}, not 3\n"
    assert lrviz("table", "args.yaml").err == message


def test_every_file_of_a_folder_has_its_own(lrviz: Any) -> None:
    Path("pyproject.toml").write_text(f'{RUN}[tool.lrviz.run."b.yaml"]\nworld_size = 10\n')
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text(ARGUMENTS)
    targets = json.loads(lrviz("check", ".", "--format", "json").out)["targets"]
    assert [each["run"]["steps"] for each in targets] == [50, 10]
