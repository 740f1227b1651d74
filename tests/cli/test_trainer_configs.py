"""Configs of trainers on the command line: read, converted, checked, and asked about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = "learning_rate: 5e-5\nlr_scheduler_type: cosine\nwarmup_steps: 0.1\nmax_steps: 1000\n"
ORPHAN = {
    "fp16": {"enabled": True},
    "zero_optimization": {"stage": 2},
    "scheduler": {"type": "WarmupLR", "params": {"warmup_max_lr": "auto", "warmup_num_steps": "auto"}},
}


def test_a_config_is_read_by_its_keys(lrviz: Any, table: Any) -> None:
    Path("args.yaml").write_text(ARGUMENTS)
    assert len(table("args.yaml")) == 1 + 1000
    assert lrviz("convert", "args.yaml").out.startswith("# args.yaml: Hugging Face TrainingArguments\n")


def test_the_file_beside_is_a_flag(lrviz: Any, table: Any) -> None:
    Path("args.yaml").write_text(ARGUMENTS)
    Path("ds.json").write_text(json.dumps(ORPHAN))
    rows = table("ds.json", "--beside", "args.yaml")
    assert float(rows[1 + 100][2]) == pytest.approx(5e-5)
    ended = lrviz("table", "ds.json", "--steps", "10", "--lr", "1")
    assert (ended.code, ended.err.splitlines()[0]) == (
        2,
        (
            "error: ds.json:1: scheduler.params.warmup_num_steps: auto: the Trainer's warmup steps; --beside FILE "
            "names its arguments"
        ),
    )


def test_a_file_beside_that_is_not_there(lrviz: Any) -> None:
    Path("ds.json").write_text(json.dumps(ORPHAN))
    ended = lrviz("table", "ds.json", "--beside", "args.yaml")
    assert (ended.code, ended.err) == (2, "error: args.yaml: cannot be read: No such file or directory\n")


def test_a_trap_is_a_finding_at_its_line(lrviz: Any) -> None:
    Path("args.yaml").write_text(ARGUMENTS)
    (finding,) = json.loads(lrviz("check", "args.yaml", "--format", "json").out)["targets"][0]["findings"]
    found = [finding[key] for key in ("rule", "severity", "file", "line")]
    assert found == ["string-number", "warning", "args.yaml", 1]


def test_the_format_can_be_named(lrviz: Any) -> None:
    """One key is too little to tell whose a file is."""
    Path("train.yaml").write_text("max_steps: 10\n")
    ended = lrviz("convert", "train.yaml", "--from", "swift")
    assert ended.code == 0, ended.err
    assert "  lr: 0.0001 " in ended.out
    message = "error: --from: must be one of torchtune, torchtitan, timm, "
    assert lrviz("convert", "train.yaml", "--from", "trl").err.startswith(message)
