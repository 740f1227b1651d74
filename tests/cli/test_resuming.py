"""`--resume-at` and its flags, from the command line."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

RUN = ("--epochs", "4", "--steps-per-epoch", "8")
DOCUMENT = "run: {epochs: 4, steps_per_epoch: 8}\nscheduler: {name: cosine}\n"


def rates(rows: list[list[str]]) -> list[float]:
    return [float(row[2]) for row in rows[1:]]


def test_a_loaded_checkpoint_changes_nothing(table) -> None:
    assert table("cosine", *RUN, "--resume-at", "2ep") == table("cosine", *RUN)


def test_what_is_done_with_it_is_said(lrviz) -> None:
    out = lrviz("table", "cosine", *RUN, "--resume-at", "2ep", "--resume-as", "restart").out
    assert "-- resumed, restart --" in out
    assert "resumed at step 16 (epoch 2) with 0.0005 after 0.000549" in " ".join(out.split())
    assert out.endswith("resumed after step 15 (epoch 1) as restart, with nothing changed\n")


def test_set_changes_the_run_that_goes_on_even_what_a_flag_says(lrviz, table) -> None:
    longer = ("hf-cosine", *RUN, "--resume-at", "2ep", "--set", "run.epochs=6")
    first = rates(table("hf-cosine", *RUN))
    rows = rates(table(*longer))
    assert len(rows) == 48
    assert rows[:17] == first[:17]
    assert lrviz("table", *longer, "--format", "csv").err.endswith(
        "schedule: hf-cosine as transformers 5.23.0 has it\n"
    )
    assert "resumed after step 15 (epoch 1) as load, with run.epochs=6\n" in lrviz("table", *longer).out


def test_set_may_not_say_two_things(lrviz) -> None:
    ended = lrviz("table", "cosine", "--resume-at", "2ep", "--set", "run.epochs=6", "--set", "run.epochs=7")
    assert (ended.code, ended.err) == (2, "error: --set run.epochs: is given twice\n")


def test_another_document_goes_on_and_set_is_laid_over_it(lrviz, table) -> None:
    Path("new.yaml").write_text(DOCUMENT.replace("cosine", "exponential, gamma: 0.5"))
    flags = ("cosine", *RUN, "--resume-at", "2ep", "--resume-with", "new.yaml")
    assert rates(table(*flags))[17] == pytest.approx(rates(table(*flags))[16] * 0.5)
    out = lrviz("table", *flags, "--set", "scheduler.gamma=0.25").out
    assert "with scheduler.name=exponential, scheduler.gamma=0.25\n" in out


@pytest.fixture
def typed(monkeypatch) -> None:
    """Put the document on standard input."""
    stdin = SimpleNamespace(buffer=io.BytesIO(DOCUMENT.encode()), isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", stdin)


@pytest.mark.usefixtures("typed")
def test_a_document_of_standard_input_is_read_once(lrviz) -> None:
    ended = lrviz("table", "-", "--resume-at", "2ep", "--set", "scheduler.T_max=40", "--format", "json", "-q")
    found = json.loads(ended.out)
    assert (found["scheduler"]["T_max"], found["resume"]["before"]["scheduler"]["T_max"]) == (40, 32)


def test_json_says_where_the_seam_is(lrviz) -> None:
    found = json.loads(lrviz("table", "cosine", *RUN, "--resume-at", "2ep", "--format", "json", "-q").out)
    assert {key: found["resume"][key] for key in ("step", "epoch", "mode", "reached")} == {
        "step": 16,
        "epoch": 1,
        "mode": "load",
        "reached": True,
    }
    assert json.loads(lrviz("table", "cosine", "--format", "json", "-q").out)["resume"] is None


def test_markdown_says_it_below_the_table(lrviz) -> None:
    out = lrviz("table", "cosine", *RUN, "--resume-at", "2ep", "--format", "markdown", "-q").out
    assert out.endswith("\n\nResumed after step 15 (epoch 1), as load.\n")


def test_a_table_of_every_nth_step_shows_both_sides(lrviz) -> None:
    out = lrviz("table", "cosine", *RUN, "--resume-at", "13", "--every", "10").out
    assert re.findall(r"^ *\d* +(\d+)  \d", out, re.MULTILINE) == ["0", "10", "12", "13", "20", "30", "31"]
    assert "both sides of the checkpoint" in " ".join(out.split())


def test_a_figure_of_it_is_drawn_and_told(lrviz) -> None:
    ended = lrviz("plot", "cosine", *RUN, "--resume-at", "2ep", "--resume-as", "last-epoch", "-o", "a.svg")
    assert "resumed after step 15 (epoch 1) as last-epoch, with nothing changed\n" in ended.out
    assert "resumed, last-epoch" in Path("a.svg").read_text()


def test_check_finds_what_goes_wrong(lrviz) -> None:
    ended = lrviz(
        "check", "onecycle", "--max-lr", "0.1", "--momentum", "0.9", "--resume-at", "2ep", "--set", "run.epochs=6"
    )
    assert ended.code == 1
    assert "error resume-length" in ended.out
    assert ended.out.endswith("1 error\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--resume-as", "load"), "--resume-as: requires --resume-at, where the run goes on"),
        (("--resume-with", "a.yaml"), "--resume-with: requires --resume-at, where the run goes on"),
        (("--resume-at", "5ep"), "--resume-at: 40 steps, and the run before it has 32"),
        (
            ("--resume-at", "2ep", "--set", "run.steps_per_epoch=9"),
            "--set: run.steps_per_epoch is 9, and 8 before the checkpoint: their steps do not go on as one",
        ),
        (
            ("--resume-at", "2ep", "--resume-as", "relod"),
            "--resume-as: must be one of load, restart, last-epoch, not 'relod'; did you mean 'load'?",
        ),
        (
            ("--resume-at", "2ep", "--engine", "upstream"),
            "--engine: upstream replays no checkpoint; the others do, on torch",
        ),
        (("--resume-at", "2ep", "--train"), "--train: a checkpoint of the toy training is none that could be loaded"),
    ],
)
def test_what_cannot_be_resumed_is_refused_at_its_flag(lrviz, flags: tuple[str, ...], message: str) -> None:
    ended = lrviz("table", "cosine", *RUN, *flags)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {message}\n")


def test_annotations_are_refused(lrviz) -> None:
    ended = lrviz("plot", "cosine", "--resume-at", "2ep", "--annotate")
    assert ended.code == 2
    assert ended.err == "error: --annotate: points at one schedule; a run that goes on from a checkpoint has two\n"


def test_fixes_are_refused(lrviz) -> None:
    Path("a.yaml").write_text(DOCUMENT)
    ended = lrviz("check", "a.yaml", "--resume-at", "2ep", "--fix")
    assert ended.err == "error: --fix: does not go with --resume-at, which checks what is in no file\n"


def test_several_targets_go_on_each_from_its_own_checkpoint(lrviz) -> None:
    targets = ("cosine", *RUN, "--with", "exponential --gamma 0.9")
    out = lrviz("plot", *targets, "--resume-at", "2ep", "--resume-as", "restart", "-o", "a.svg").out
    assert [line.partition(":")[0] for line in out.splitlines() if "resumed at step 16" in line] == [
        "CosineAnnealingLR",
        "ExponentialLR",
    ]
    assert out.endswith("resumed after step 15 (epoch 1) as restart, with nothing changed\n")


def test_a_document_that_compares_several_is_refused(lrviz) -> None:
    Path("both.yaml").write_text("overlay:\n  - scheduler: {name: cosine}\n  - scheduler: {name: rex}\n")
    for verb in ("plot", "check"):
        ended = lrviz(verb, "both.yaml", "--resume-at", "2ep")
        assert "error: --resume-at: is for one schedule; the document compares several\n" in ended.err


def test_check_looks_at_each_variant_that_goes_on(lrviz) -> None:
    ended = lrviz("check", "cosine", *RUN, "--sweep", "lr=0.1,0.2", "--resume-at", "2ep", "--set", "run.epochs=6")
    assert ended.out.count("error resume-length") == 2
    assert ended.code == 1


@pytest.mark.usefixtures("typed")
def test_standard_input_is_one_document(lrviz) -> None:
    ended = lrviz("table", "-", "--resume-at", "2ep", "--resume-with", "-")
    assert ended.err == "error: --resume-with: standard input is the document before the checkpoint\n"


def test_a_screen_points_at_the_checkpoint(lrviz, monkeypatch) -> None:
    assert "1 note: resumed, load at step 16 (epoch 2)" in lrviz("show", "cosine", *RUN, "--resume-at", "2ep").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[38;5;245m1 note: resumed" in lrviz("show", "cosine", *RUN, "--resume-at", "2ep").out
