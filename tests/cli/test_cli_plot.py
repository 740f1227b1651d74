from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

ONECYCLE = ("plot", "onecycle", "--max-lr", "1e-3")
OVERRUN = ("plot", "onecycle", "--max-lr", "1e-3", "--total-steps", "16")


def test_writes_a_png_named_after_the_scheduler_and_says_what_it_does(lrviz):
    ended = lrviz(*ONECYCLE)
    assert ended.code == 0
    assert Path("onecycle.png").read_bytes().startswith(b"\x89PNG")
    wrote, does = ended.out.splitlines()
    assert wrote == "wrote onecycle.png"
    assert does.startswith("OneCycleLR: first 4e-05, peak 0.0009992 at step 9 (epoch 1), last 4e-09; 32 steps, torch ")


@pytest.mark.parametrize(("suffix", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_the_suffix_decides_the_format(lrviz, suffix, start):
    assert lrviz(*ONECYCLE, "-o", f"a.{suffix}").code == 0
    assert Path(f"a.{suffix}").read_bytes().startswith(start)


def test_the_format_alone_decides_the_suffix(lrviz):
    assert lrviz(*ONECYCLE, "--format", "svg").out.startswith("wrote onecycle.svg\n")


def test_a_pipe_gets_the_picture_alone(lrviz, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    ended = lrviz(*ONECYCLE, "--no-check", "-o", "-", "--format", "svg")
    assert ended.code == 0
    assert stream.buffer.getvalue().rstrip().endswith(b"</svg>")
    assert ended.err.startswith("OneCycleLR: first")


@pytest.mark.parametrize("name", ["OneCycleLR", "onecyclelr", "ONECYCLE"])
def test_a_torch_class_name_in_any_case_is_a_target(lrviz, name):
    assert lrviz("plot", name, "--max-lr", "1e-3").out.startswith("wrote onecycle.png\n")


def test_the_same_command_writes_the_same_bytes(lrviz):
    lrviz(*ONECYCLE, "--annotate", "-o", "a.svg")
    lrviz(*ONECYCLE, "--annotate", "-o", "b.svg")
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()


def test_size_and_dpi_make_the_pixels(lrviz):
    from matplotlib.image import imread

    lrviz(*ONECYCLE, "--size", "4x3", "--dpi", "50")
    assert imread("onecycle.png").shape[:2] == (150, 200)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "a.gif"), "'a.gif' ends in '.gif'; a figure's file ends in .png, .svg, .pdf"),
        (("-o", "a.pgn"), "did you mean '.png'?"),
        (("-o", "none/a.png"), "there is no folder none"),
        (("-o", "."), "has no suffix"),
        (("-o", "-"), "-o: - needs --format png, svg or pdf"),
        (("-o", "a.png", "--format", "svg"), "--format: svg contradicts the suffix of a.png"),
        (("--format", "gif"), "--format: must be one of png, svg, pdf, not 'gif'"),
        (("--max-lr", "nan"), "--max-lr: must be a finite number, not nan"),
        (("--max-lr", "inf"), "--max-lr: must be a finite number, not inf"),
        (("--max-lr", "fast"), "--max-lr: must be a number > 0, not 'fast'"),
        (("--max-lr", "1,2"), "--max-lr: has 2 values for 1 parameter group"),
        (("--epochs", "0"), "--epochs: must be a whole number >= 1, not 0"),
        (("--epochs", "1.5"), "--epochs: must be a whole number >= 1, not 1.5"),
        (("--steps-per-epoch", "-8"), "--steps-per-epoch: must be a whole number >= 1, not -8"),
        (("--optimizer", "sdg"), "did you mean 'sgd'?"),
        (("--interval", "batch"), "--interval: must be one of step, epoch, not 'batch'"),
        (("--anneal-strategy", "cosine"), "did you mean 'cos'?"),
        (("--size", "0x5"), "--size: "),
        (("--show", "lr,speed"), "--show: "),
        (("--theme", "drak"), "did you mean 'dark'?"),
        (("--momentum", "0.9", "--optimizer", "adam"), "--momentum: Adam has no momentum"),
        (("--mx-lr", "1"), "No such option: --mx-lr"),
        (("--step-size", "4"), "No such option: --step-size"),
        (("--cycle-momentum", "--no-cycle-momentum"), "--cycle-momentum: contradicts --no-cycle-momentum"),
        (("--engine", "lite"), "--engine: must be one of auto, torch, light, not 'lite'; did you mean 'light'?"),
        (("--engine", "lite", "--train"), "--engine: must be one of auto, torch, light"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(lrviz, arguments, message):
    ended = lrviz(*ONECYCLE, *arguments)
    assert ended.code == 2
    assert message in " ".join(ended.err.split())
    assert not any(Path().iterdir())


def test_every_bad_flag_is_reported_at_once(lrviz):
    ended = lrviz("plot", "onecycle", "--max-lr", "-1", "--epochs", "1.5", "--optimizer", "sdg")
    assert [line.split(": ")[1] for line in ended.err.splitlines()] == ["--epochs", "--optimizer", "--max-lr"]


def test_a_missing_argument_is_named_with_a_command_that_works(lrviz):
    ended = lrviz("plot", "step")
    assert ended.code == 2
    assert "step needs --step-size (steps between two decays)" in ended.err
    command = ended.err.split("for example: lrviz ")[1].split()
    assert lrviz(*command).code == 0


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("cosin", "unknown target 'cosin'; did you mean 'cosine'?"),
        ("OneCycle LR", "unknown target 'OneCycle LR'; did you mean 'OneCycleLR'?"),
        ("sequential", "sequential is put together in YAML"),
        ("missing.yaml", "missing.yaml: cannot be read: No such file or directory"),
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


def test_findings_are_told_in_a_line_each_and_marked(lrviz):
    ended = lrviz("plot", "cosine", "--t-max", "20", "-o", "a.svg")
    assert ended.code == 0
    assert ended.err.startswith(
        "error: cosine-rebound: CosineAnnealingLR is at its lowest learning rate, 0, after T_max = 20"
    )
    assert "cosine-rebound" in Path("a.svg").read_text()


def test_no_check_leaves_one_alone(lrviz):
    ended = lrviz("plot", "cosine", "--t-max", "20", "-o", "a.svg", "--no-check")
    assert ended.err == ""
    assert "cosine-rebound" not in Path("a.svg").read_text()


def test_the_clock_is_told_with_its_rounding(lrviz):
    clock = ("--dataset-size", "50000", "--batch-size", "128", "--grad-accum", "4", "--epochs", "90")
    message = lrviz("plot", "cosine", *clock, "--world-size", "8").out
    assert "run: 90 epochs of 12 = 1,080 optimizer steps, 1,080 scheduler steps, 4,500,000 samples" in message
    assert "the last, partial one is kept (drop_last=false)" in message


def test_a_warmup_goes_before_any_scheduler(lrviz):
    does = lrviz("plot", "cosine", "--warmup", "25%", "--warmup-start", "0.5").out.splitlines()[1]
    assert does.startswith("LinearLR, then CosineAnnealingLR: first 0.0005, peak 0.001 at step 8 (epoch 1)")


def test_torchs_warnings_are_notes(lrviz, tmp_path):
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


def test_two_groups_are_two_lines(lrviz, tmp_path):
    (tmp_path / "two.yaml").write_text(
        "optimizer: {groups: [{name: backbone, lr: 1e-4}, {name: head, lr: 1e-3}]}\nscheduler: {name: cosine}\n"
    )
    ended = lrviz("plot", "two.yaml")
    assert [line.split(":")[0] for line in ended.out.splitlines()[1:]] == [
        "CosineAnnealingLR, backbone",
        "CosineAnnealingLR, head",
    ]
