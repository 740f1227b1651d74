from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

OVERRUN = ("plot", "onecycle", "--max-lr", "1e-3", "--total-steps", "16")


def test_torchs_own_error_is_shown_with_its_step_and_epoch(lrviz):
    ended = lrviz(*OVERRUN)
    assert ended.code == 1
    assert "after step 16 (epoch 2): ValueError: Tried to step 17 times" in ended.err
    assert not Path("onecycle.png").exists()


def test_partial_draws_what_came_before(lrviz):
    ended = lrviz(*OVERRUN, "--partial")
    assert ended.code == 1
    assert Path("onecycle.png").exists()
    assert "17 steps" in ended.out


def test_findings_are_a_line_each_and_marked(lrviz):
    ended = lrviz("plot", "cosine", "--t-max", "20", "-o", "a.svg")
    assert ended.code == 0
    assert ended.err.startswith("check: error cosine-rebound: CosineAnnealingLR is at its lowest learning rate, 0")
    assert "cosine-rebound" in Path("a.svg").read_text()


def test_no_check_hides_the_findings(lrviz):
    ended = lrviz("plot", "cosine", "--t-max", "20", "-o", "a.svg", "--no-check")
    assert ended.err == ""
    assert "cosine-rebound" not in Path("a.svg").read_text()


def test_torchs_warnings_are_remarks(lrviz, tmp_path):
    (tmp_path / "noisy.py").write_text(
        "import torch, warnings\n"
        "class Noisy(torch.optim.lr_scheduler.StepLR):\n"
        "    def step(self, *args):\n"
        "        if self.last_epoch == 2:\n"
        "            warnings.warn('getting loud', stacklevel=2)\n"
        "        super().step(*args)\n"
    )
    ended = lrviz("plot", "noisy:Noisy", "--arg", "step_size=4", "--arg", "gamma=0.5")
    assert ended.code == 0
    assert "getting loud" in ended.err


def test_who_typed_flags_reads_flags_in_findings(lrviz, tmp_path):
    assert "after --t-max 20 of 32 steps" in lrviz("table", "cosine", "--t-max", "20").err
    (tmp_path / "a.yaml").write_text("scheduler: {name: cosine, T_max: 20}\n")
    assert "after T_max = 20 of 32 steps" in lrviz("table", "a.yaml").err


@pytest.mark.parametrize("command", ["plot", "table"])
def test_quiet_leaves_the_report_and_no_word_on_it(lrviz, tmp_path, command):
    (tmp_path / "a.yaml").write_text(
        "run: {dataset_size: 256, batch_size: 8, grad_accum: 4}\nscheduler: {name: cosine, T_max: 20}\n"
    )
    loud, quiet = lrviz(command, "a.yaml"), lrviz(command, "a.yaml", "-q")
    assert "cosine-rebound" in loud.err
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == loud.out.partition("run: ")[0]


def test_quiet_does_not_silence_an_error(lrviz):
    assert "Tried to step 17 times" in lrviz(*OVERRUN, "--quiet").err


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (("onecycle", "--max-lr", "1", "--lr", "0.5", "--momentum", "0.95"), "optimizer-lr-ignored: the optimizer's "),
        (("range-test", "--min-lr", "0.1", "--max-lr", "1", "--lr", "0.5"), "--lr changes nothing: range-test sets "),
        (
            ("cosine", "--transformers", "4.44"),
            "--transformers changes nothing: neither the schedule nor the framework ",
        ),
        (("cosine", "--grad-accum", "4"), "--grad-accum changes nothing: the run is given in optimizer steps; "),
        (("cosine", "--world-size", "4"), "--world-size changes nothing: the run is given in optimizer steps; "),
    ],
)
def test_a_flag_without_effect_is_told(lrviz, arguments, note):
    assert lrviz("table", *arguments).err.startswith(f"note: {note}")


def test_a_flag_with_effect_needs_no_word(lrviz):
    arguments = ("--grad-accum", "4", "--dataset-size", "512", "--batch-size", "8", "--lr", "0.1")
    assert lrviz("table", "cosine", *arguments).err == ""


def test_the_first_command_of_the_readme_is_quiet(lrviz):
    assert lrviz("plot", "onecycle", "--max-lr", "1e-3").err == ""


@pytest.mark.parametrize(("flags", "has_bar"), [(["--world-size", "2000"], True), ([], False)])
def test_a_bar_is_shown_where_a_replay_takes_long(lrviz, monkeypatch, flags, has_bar):
    shown = []

    @contextmanager
    def progress(task, total):
        shown.append((task, total))
        yield None

    monkeypatch.setattr("lrviz.cli.replaying.progress", progress)
    assert lrviz("table", "cosine", "--steps", "100", "--framework", "accelerate", *flags).code == 0
    assert shown == ([("replaying", 100)] if has_bar else [])
