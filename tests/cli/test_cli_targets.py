from __future__ import annotations

import io
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from lrviz.cli.flags import flag_name
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CATALOGUE

NAMES = [name for name, spec in CATALOGUE.items() if spec.on_command_line]


def rows(ended):
    assert ended.code == 0, ended.err
    return [line.split(",") for line in ended.out.splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_a_schedulers_own_flags_and_nobody_elses(lrviz, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = set(lrviz("plot", name, "--help").out.split())
    own = {flag_name(field) for field, kind in arg_types(CATALOGUE[name]).items() if kind.flag}
    others = {flag_name(field) for spec in CATALOGUE.values() for field in arg_types(spec)} - own
    shared = {"--epochs", "--steps-per-epoch", "--momentum"}
    positive = {flag.replace("--no-", "--", 1) for flag in shown}
    assert own <= positive
    assert not others & shown - shared


def test_a_file_is_replayed_and_flags_lie_over_it(lrviz, tmp_path):
    document = "run: {epochs: 2}\noptimizer: {lr: 1e-2}\nscheduler: {name: exponential, gamma: 0.5}\n"
    (tmp_path / "a.yaml").write_text(document)
    assert len(rows(lrviz("table", "a.yaml", "--format", "csv"))) == 17
    over = rows(lrviz("table", "a.yaml", "--format", "csv", "--epochs", "1", "--lr", "1"))
    assert [row[2] for row in over[1:4]] == ["1.0", "0.5", "0.25"]


def test_flags_lie_over_an_empty_section(lrviz, tmp_path):
    (tmp_path / "a.yaml").write_text("run:\noptimizer:\nscheduler: {name: exponential, gamma: 0.5}\n")
    assert rows(lrviz("table", "a.yaml", "--format", "csv", "--epochs", "1", "--lr", "1"))[1:][0][2] == "1.0"


@pytest.mark.parametrize("name", ["sequential", "chained"])
def test_a_containers_example_works_as_it_is_shown(lrviz, name, tmp_path):
    message = lrviz("plot", name).err
    (tmp_path / "a.yaml").write_text(dedent(message.partition("\n")[2]))
    assert lrviz("plot", "a.yaml").code == 0


def test_standard_input_is_a_target(lrviz, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"scheduler: {name: exponential, gamma: 0.5}"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert rows(lrviz("table", "-", "--format", "csv", "--epochs", "1"))[2][2] == "0.0005"


def test_problems_of_standard_input_have_their_lines(lrviz, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"scheduler:\n  name: cosin\n")))
    assert "<stdin>:2: scheduler.name: unknown scheduler 'cosin'; did you mean 'cosine'?" in lrviz("table", "-").err


def test_a_function_of_ones_own_gets_its_arguments_as_yaml(lrviz, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "def halved(optimizer, every, options):\n"
        "    assert options == {'deep': [1, 2.5e-3]}\n"
        "    return torch.optim.lr_scheduler.StepLR(optimizer, every, gamma=0.5)\n"
    )
    ended = lrviz("table", "mine:halved", "--arg", "every=2", "--arg", "options={deep: [1, 2.5e-3]}", "--format", "csv")
    assert [row[2] for row in rows(ended)[1:6]] == ["0.001", "0.001", "0.0005", "0.0005", "0.00025"]


def test_a_file_may_not_name_code_unless_allowed(lrviz, tmp_path):
    (tmp_path / "risky.py").write_text("raise RuntimeError('ran')\n")
    (tmp_path / "a.yaml").write_text("scheduler: {name: 'risky:Thing'}\n")
    ended = lrviz("plot", "a.yaml")
    assert ended.code == 2
    assert "allow it with --allow-import risky" in ended.err


def test_a_file_may_name_code_that_is_allowed(lrviz, tmp_path):
    (tmp_path / "wanted.py").write_text("from torch.optim.lr_scheduler import StepLR\n__all__ = ['StepLR']\n")
    (tmp_path / "a.yaml").write_text("scheduler: {name: 'wanted:StepLR', args: {step_size: 4}}\n")
    assert len(rows(lrviz("table", "a.yaml", "--allow-import", "wanted", "--format", "csv"))) == 33


def test_lists_maps_and_expressions_are_flags(lrviz):
    multistep = rows(lrviz("table", "multistep", "--milestones", "2,4", "--gamma", "0.5", "--format", "csv"))
    assert [row[2] for row in multistep[1:6]] == ["0.001", "0.001", "0.0005", "0.0005", "0.00025"]
    manual = rows(lrviz("table", "manual", "--values", "0:1e-2,2:1e-3", "--format", "csv"))
    assert [row[2] for row in manual[1:4]] == ["0.01", "0.01", "0.001"]
    plateau = rows(lrviz("table", "plateau", "--metric", "1,1,1", "--patience", "0", "--steps", "4", "--format", "csv"))
    assert [row[-1] for row in plateau[1:]] == ["1.0", "1.0", "1.0", ""]
    function = rows(lrviz("table", "lambda", "--lr-lambda", "min(1, 0.5 ** epoch)", "--format", "csv"))
    assert [row[2] for row in function[1:4]] == ["0.001", "0.0005", "0.00025"]


def test_the_target_comes_before_its_flags(lrviz):
    ended = lrviz("plot", "--lr", "1e-3", "cosine")
    assert ended.code == 2
    assert "the target comes first: lrviz plot TARGET --lr" in ended.err


def test_a_metric_file_stands_beside_the_document(lrviz, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "log.csv").write_text("step,val_loss\n" + "".join(f"{step},1.0\n" for step in range(31)))
    (folder / "a.yaml").write_text("scheduler: {name: plateau, metric_csv: 'log.csv:val_loss', patience: 2}\n")
    from_file = rows(lrviz("table", "runs/a.yaml", "--format", "csv"))
    flags = ("--metric-csv", "runs/log.csv:val_loss", "--patience", "2")
    from_flag = rows(lrviz("table", "plateau", *flags, "--format", "csv"))
    assert from_file == from_flag
    assert [row[2] for row in from_file[1:6]] == ["0.001", "0.001", "0.001", "0.001", "0.0001"]


def test_no_command_at_all_shows_the_help(lrviz):
    assert "Usage: lrviz" in lrviz().err


def test_a_mistyped_command_is_guessed(lrviz):
    ended = lrviz("plt", "cosine")
    assert ended.code == 2
    assert "Did you mean 'plot'?" in ended.err


def test_nothing_is_written_by_a_table(lrviz):
    lrviz("table", "cosine")
    assert not any(Path().iterdir())
