"""`lrviz show`: a screen of characters, for one schedule and for several."""

from __future__ import annotations

import base64

import pytest

GROUPS = ("--group", "body=1e-3", "--group", "head=1e-2")


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("height", [12, 24, 50])
@pytest.mark.parametrize(
    "flags", [(), ("--no-check", *GROUPS), ("--show", "lr,momentum"), ("--log-y",), ("--with", "cosine")]
)
def test_a_screen_is_as_wide_and_as_high_as_the_terminal(lrviz, monkeypatch, columns, height, flags) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(height))
    ended = lrviz("show", "onecycle", "--max-lr", "1e-3", "--epochs", "30", "--steps-per-epoch", "500", *flags)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert max(map(len, lines[:-4])) <= columns
    least = 20 if "--show" in flags else 12
    assert len(lines) <= max(height, least)
    if height > 24 and columns >= 80:
        assert len(lines) == height - 1


def test_a_chart_is_plain_when_piped_and_has_colours_when_they_are_forced(lrviz, monkeypatch) -> None:
    assert "\x1b" not in lrviz("show", "cosine").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[38;5;33m" in lrviz("show", "cosine", *GROUPS).out


def test_in_a_stream_of_ascii_the_chart_is_ascii(lrviz) -> None:
    assert lrviz("show", "cosine", "--ascii", *GROUPS).out.isascii()


def test_with_ascii_the_title_and_the_names_of_groups_are_ascii(lrviz) -> None:
    groups = ("--group", "tête=1e-3", "--group", "b=1e-2")
    short = lrviz("show", "cosine", "--ascii", "--title", "lé", *groups).out
    assert short.isascii()
    assert short.splitlines()[0] == "l\\xe9"
    long = lrviz("show", "cosine", "--ascii", "--title", "é" * 90).out
    assert long.isascii()
    assert len(long.splitlines()[0]) <= 80


def test_it_ends_with_a_line_for_each_group(lrviz) -> None:
    lines = lrviz("show", "step", "--step-size", "8", "--gamma", "0.1", *GROUPS).out.splitlines()
    assert lines[-2].startswith("body: first 0.001, peak 0.001 at step 0")
    assert lines[-1].startswith("head: first 0.01")


def test_several_are_named_and_drawn_with_a_line_each(lrviz) -> None:
    out = lrviz("show", "cosine", "exponential", "--gamma", "0.9", "--with", "step --step-size 8").out
    assert "a CosineAnnealingLR   b ExponentialLR   c StepLR" in out
    assert [line.split(":")[0] for line in out.splitlines()[-3:]] == ["CosineAnnealingLR", "ExponentialLR", "StepLR"]


def test_many_have_a_chart_and_the_rest_a_line(lrviz) -> None:
    gammas = ",".join(f"0.{number}" for number in range(10, 30))
    out = lrviz("show", "exponential", "--sweep", f"gamma={gammas}").out
    assert out.splitlines()[-1] == "and 12 more: lrviz table has a line for each"


def test_what_is_wrong_is_marked_and_said(lrviz) -> None:
    ended = lrviz("show", "cosine", "--t-max", "8")
    assert "check: error cosine-rebound" in ended.err
    assert "1 error: cosine-rebound at step 8 (epoch 1)" in ended.out


def test_where_torch_raises_the_end_is_shown_and_the_code_is_1(lrviz) -> None:
    ended = lrviz("show", "onecycle", "--max-lr", "1", "--total-steps", "16", "--partial")
    assert ended.code == 1
    assert "error: scheduler.step() failed after step 16" in ended.err
    assert "2 error: cycle-overrun at step 16 (epoch 2)" in ended.out
    assert "0.0│" not in ended.out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--x", "epochs"), "error: --x: must be one of step, epoch, progress, samples, not 'epochs'"),
        (("--x", "samples"), "error: --x: the samples of CosineAnnealingLR are not known"),
        (("--height", "3"), "error: --height: must be a whole number >= 8 and <= 400, not 3"),
        (("--show", "momentum", "--optimizer", "adagrad"), "error: --show: momentum cannot be drawn"),
        (("--picture",), "error: --picture: this terminal does not say that it shows pictures"),
        (("--watch",), "error: --watch: there is no file to watch"),
    ],
)
def test_what_cannot_be_is_refused_by_its_flag(lrviz, monkeypatch, flags, message) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("TERM_PROGRAM", "KITTY_WINDOW_ID", "LRVIZ_PICTURE"):
        monkeypatch.delenv(name, raising=False)
    ended = lrviz("show", "cosine", *flags)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(message)


def test_a_terminal_that_shows_pictures_gets_the_figure(lrviz, monkeypatch) -> None:
    monkeypatch.setenv("LRVIZ_PICTURE", "iterm2")
    out = lrviz("show", "cosine", "--picture").out
    head, _, data = out.partition(":")
    assert head.startswith("\x1b]1337;File=inline=1;size=")
    assert base64.b64decode(data.partition("\x07")[0]).startswith(b"\x89PNG")
    assert out.splitlines()[-1].startswith("first 0.001, peak 0.001")
