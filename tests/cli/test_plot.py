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
        (("--mx-lr", "1"), "--mx-lr: no such flag; did you mean '--max-lr'?"),
        (("--step-size", "4"), "--step-size: no such flag; lrviz plot onecycle --help shows them"),
        (("--cycle-momentum", "--no-cycle-momentum"), "--cycle-momentum: contradicts --no-cycle-momentum"),
        (("--engine", "lite"), "one of auto, torch, light, upstream, not 'lite'; did you mean 'light'?"),
        (("--engine", "lite", "--train"), "--engine: must be one of auto, torch, light"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(lrviz, arguments, message):
    ended = lrviz(*ONECYCLE, *arguments)
    assert ended.code == 2
    assert message in " ".join(ended.err.split())
    assert not any(Path().iterdir())


def test_two_groups_are_two_lines(lrviz, tmp_path):
    (tmp_path / "two.yaml").write_text(
        "optimizer: {groups: [{name: backbone, lr: 1e-4}, {name: head, lr: 1e-3}]}\nscheduler: {name: cosine}\n"
    )
    ended = lrviz("plot", "two.yaml")
    assert [line.split(":")[0] for line in ended.out.splitlines()[1:]] == [
        "CosineAnnealingLR, backbone",
        "CosineAnnealingLR, head",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("constant", "--lr", "1e307", "--log-y"),
        ("exponential", "--gamma", "1e308", "--annotate"),
        ("range-test", "--min-lr", "1e-308", "--max-lr", "1e308", "--annotate"),
    ],
)
def test_the_largest_numbers_are_drawn(lrviz, arguments):
    ended = lrviz("plot", *arguments, "-o", "a.svg", "--no-check")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("wrote a.svg\n")


def test_a_title_the_font_cannot_draw_is_noted_once(lrviz):
    ended = lrviz("plot", "cosine", "--title", "𝔄 𝔄")
    assert ended.err.startswith("note: DejaVu Sans has no 𝔄; drawn in ")
    assert ended.err.count("\n") == 1
    assert lrviz("plot", "cosine", "--title", "𝔄 𝔄", "-q").err == ""


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--font", "DejaVu Serf"), "--font: no font 'DejaVu Serf' is installed; the nearest are DejaVu Serif, "),
        (("--font-size", "40", "--size", "4x3"), "--font-size: 40 leaves no room for a curve; at most 19.2 in"),
        (("--show", "momentum", "--optimizer", "rprop"), "--show: momentum cannot be drawn: Rprop has neither"),
    ],
)
def test_what_a_figure_cannot_show_has_its_flags_name(lrviz, flags, message):
    ended = lrviz("plot", "cosine", *flags)
    assert (ended.code, ended.err.startswith(f"error: {message}")) == (2, True), ended.err
    assert not any(Path().iterdir())


def test_one_step_is_one_step(lrviz):
    assert "; 1 step, torch" in lrviz("plot", "cosine", "--steps", "1").out
