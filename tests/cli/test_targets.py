from __future__ import annotations

import io
import sys
from textwrap import dedent

import pytest


@pytest.mark.parametrize("name", ["OneCycleLR", "onecyclelr", "ONECYCLE"])
def test_a_torch_class_name_in_any_case_is_a_target(lrviz, name):
    assert lrviz("plot", name, "--max-lr", "1e-3").out.startswith("wrote onecycle.png\n")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("cosin", "unknown target 'cosin'; did you mean 'cosine'?"),
        ("OneCycle LR", "unknown target 'OneCycle LR'; did you mean 'OneCycleLR'?"),
        ("sequential", "sequential is put together in YAML"),
        ("missing.yaml", "missing.yaml: cannot be read: No such file or directory"),
        ("missing.py", "missing.py: cannot be read: No such file or directory"),
        ("missing.toml", "missing.toml: cannot be read: No such file or directory"),
        ("no.such:Thing", "there is no module 'no'"),
        ("lrviz:Thing", "lrviz has no 'Thing'"),
        ("mine.py:Thing", "write the module's name, not its file: mine:Thing"),
        ("./sub/mine.py:Thing", "write the module's name, not its file: mine:Thing"),
        ("a" * 300, "unknown target"),
        ("chained", "name: chained"),
        ("custom", "unknown target 'custom'"),
    ],
)
def test_an_unknown_target_is_refused(lrviz, target, message):
    ended = lrviz("plot", target)
    assert (ended.code, message in ended.err) == (2, True), ended.err


def test_a_python_file_is_a_config_that_is_read_and_not_run(table, tmp_path):
    (tmp_path / "train.py").write_text("max_iters = 4 * 2\nlr_decay_iters = 8\nwarmup_iters = 2\nopen('ran', 'w')\n")
    assert len(table("train.py")) == 1 + 9
    assert not (tmp_path / "ran").exists()


def test_python_configs_of_a_folder_are_found_and_no_other_python_file(lrviz, tmp_path):
    (tmp_path / "train.py").write_text("max_iters = 8\nlr_decay_iters = 8\nblock_size = 256\nwarmup_steps = 1\n")
    (tmp_path / "model.py").write_text(
        "import torch\n\nscheduler = torch.optim.lr_scheduler.StepLR\nopen('ran', 'w')\n"
    )
    ended = lrviz("check", ".")
    assert (ended.code, "passed over 1 file that is no schedule" in ended.err) == (0, True), ended.err
    assert not (tmp_path / "ran").exists()


def test_a_python_file_that_is_no_config_is_refused(lrviz, tmp_path):
    (tmp_path / "train.py").write_text("import torch\n\nLR = 1e-3\n")
    ended = lrviz("plot", "train.py")
    message = (
        "train.py: is no config that lrviz reads, such as nanoGPT's or mmengine's; a scheduler of your own is written"
    )
    assert (ended.code, ended.err) == (2, f"error: {message} package.module:Name\n")


@pytest.mark.parametrize("verb", ["plot", "table", "check"])
def test_a_missing_argument_is_named_with_a_command_that_works(lrviz, verb):
    ended = lrviz(verb, "step", "--epochs", "5")
    assert ended.code == 2
    assert "step needs --step-size (steps between two decays)" in ended.err
    command = ended.err.split("for example: lrviz ")[1].split()
    assert command[:4] == [verb, "step", "--epochs", "5"]
    assert lrviz(*command).code == 0


@pytest.mark.parametrize("name", ["sequential", "chained"])
def test_a_containers_example_works_as_it_is_shown(lrviz, name, tmp_path):
    message = lrviz("plot", name).err
    (tmp_path / "a.yaml").write_text(dedent(message.partition("\n")[2]))
    assert lrviz("plot", "a.yaml").code == 0


def test_a_file_is_replayed_and_flags_lie_over_it(table, tmp_path):
    document = "run: {epochs: 2}\noptimizer: {lr: 1e-2}\nscheduler: {name: exponential, gamma: 0.5}\n"
    (tmp_path / "a.yaml").write_text(document)
    assert len(table("a.yaml")) == 17
    over = table("a.yaml", "--epochs", "1", "--lr", "1")
    assert [row[2] for row in over[1:4]] == ["1.0", "0.5", "0.25"]


def test_flags_lie_over_an_empty_section(table, tmp_path):
    (tmp_path / "a.yaml").write_text("run:\noptimizer:\nscheduler: {name: exponential, gamma: 0.5}\n")
    assert table("a.yaml", "--epochs", "1", "--lr", "1")[1:][0][2] == "1.0"


def test_standard_input_is_a_target(table, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"scheduler: {name: exponential, gamma: 0.5}"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert table("-", "--epochs", "1")[2][2] == "0.0005"


def test_problems_of_standard_input_have_their_lines(lrviz, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"scheduler:\n  name: cosin\n")))
    assert "<stdin>:2: scheduler.name: unknown scheduler 'cosin'; did you mean 'cosine'?" in lrviz("table", "-").err


def test_a_function_of_ones_own_gets_its_arguments_as_yaml(table, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "def halved(optimizer, every, options):\n"
        "    assert options == {'deep': [1, 2.5e-3]}\n"
        "    return torch.optim.lr_scheduler.StepLR(optimizer, every, gamma=0.5)\n"
    )
    rows = table("mine:halved", "--arg", "every=2", "--arg", "options={deep: [1, 2.5e-3]}")
    assert [row[2] for row in rows[1:6]] == ["0.001", "0.001", "0.0005", "0.0005", "0.00025"]


def test_a_file_may_not_name_code_unless_allowed(lrviz, tmp_path):
    (tmp_path / "risky.py").write_text("raise RuntimeError('ran')\n")
    (tmp_path / "a.yaml").write_text("scheduler: {name: 'risky:Thing'}\n")
    ended = lrviz("plot", "a.yaml")
    assert ended.code == 2
    assert "allow it with --allow-import risky" in ended.err


def test_a_file_may_name_code_that_is_allowed(table, tmp_path):
    (tmp_path / "wanted.py").write_text("from torch.optim.lr_scheduler import StepLR\n__all__ = ['StepLR']\n")
    (tmp_path / "a.yaml").write_text("scheduler: {name: 'wanted:StepLR', args: {step_size: 4}}\n")
    assert len(table("a.yaml", "--allow-import", "wanted")) == 33


def test_a_metric_file_stands_beside_the_document(table, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "log.csv").write_text("step,val_loss\n" + "".join(f"{step},1.0\n" for step in range(31)))
    (folder / "a.yaml").write_text("scheduler: {name: plateau, metric_csv: 'log.csv:val_loss', patience: 2}\n")
    from_file = table("runs/a.yaml")
    flags = ("--metric-csv", "runs/log.csv:val_loss", "--patience", "2")
    from_flag = table("plateau", *flags)
    assert from_file == from_flag
    assert [row[2] for row in from_file[1:6]] == ["0.001", "0.001", "0.001", "0.001", "0.0001"]


def test_a_metric_file_outside_is_read_where_it_is_allowed_or_typed(lrviz, table, tmp_path):
    (tmp_path / "log.csv").write_text("loss\n1\n1\n1\n")
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "a.yaml").write_text("run: {steps: 4}\nscheduler: {name: plateau, metric_csv: '../log.csv:loss'}\n")
    assert "--allow-files" in lrviz("table", "runs/a.yaml").err
    assert len(table("runs/a.yaml", "--allow-files", ".")) == 5
    assert len(table("plateau", "--metric-csv", str(tmp_path / "log.csv") + ":loss", "--steps", "4")) == 5


def test_a_block_of_a_larger_file_is_a_target(table, lrviz, tmp_path):
    (tmp_path / "train.yaml").write_text(
        "data: {path: /x}\ntraining:\n  schedule: {scheduler: {name: exponential, gamma: 0.5}}\n"
    )
    flags = ("--key", "training.schedule", "--set", "optimizer.lr=1", "--epochs", "1")
    assert [row[2] for row in table("train.yaml", *flags)[1:4]] == ["1.0", "0.5", "0.25"]
    assert "train.yaml:3" in lrviz("check", "--key", "training.schedule", "train.yaml").out
    assert lrviz("table", "train.yaml", "--key", "training.shedule").code == 2


def test_flags_in_quotes_are_refused_where_one_target_is_taken(lrviz):
    for verb in ("check", "convert"):
        ended = lrviz(verb, "cosine --t-max 5")
        assert ended.code == 2
        assert "a target and its flags are written in quotes for plot, show, table and diff alone" in ended.err
