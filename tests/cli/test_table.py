from __future__ import annotations

from pathlib import Path

import pytest


def test_nothing_is_written_by_a_table(lrviz):
    lrviz("table", "cosine")
    assert not any(Path().iterdir())


def test_the_clock_is_shown_with_its_rounding(lrviz):
    clock = ("--dataset-size", "50000", "--batch-size", "128", "--grad-accum", "4", "--epochs", "90")
    message = lrviz("table", "cosine", *clock, "--world-size", "8").out
    assert "run: 90 epochs of 12 = 1,080 optimizer steps, 1,080 scheduler steps, 4,500,000 samples" in message
    assert "the last, partial one is kept (drop_last=false)" in message


def test_the_learning_rates_at_places_alone(lrviz):
    ended = lrviz("table", "onecycle", "--max-lr", "1e-3", "--at", "0,9,100%")
    assert ended.code == 0
    title, rates, momentum = ended.out.splitlines()
    assert title.split() == ["step", "0", "step", "9", "100%", "(step", "31)"]
    assert rates.split() == ["OneCycleLR", "4e-5", "0.0009992", "4e-9"]
    assert momentum.split()[0] == "momentum"


def test_the_rates_at_places_of_several_have_their_findings_beside_them(lrviz):
    ended = lrviz("table", "cosine", "--sweep", "t-max=20,32", "--at", "50%")
    assert [line.split()[:2] for line in ended.out.splitlines()[1:]] == [["T_max", "20"], ["T_max", "32"]]
    assert ended.err.startswith("check: T_max 20: error cosine-rebound: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--at", "32"), "--at: 32 is past the end: the run has 32 steps, 0 to 31"),
        (("--at", "middle"), "--at: must be a step, or a place such as 31.5ep or 50%, not 'middle'"),
        (("--at", "1", "--every", "2"), "--at: contradicts --every"),
        (("--at", "2ep", "--steps", "9"), "--at: 2ep is in epochs, and the run has none"),
        (("--at", "20", "--sweep", "epochs=1,4"), "--at: epochs 1: 20 is past the end: the run has 8 steps, 0 to 7"),
        (("--every", "2", "--sweep", "epochs=1,4"), "--every: is for one schedule, or for --format json"),
    ],
)
def test_a_place_that_is_none_is_refused(lrviz, arguments, message):
    ended = lrviz("table", "cosine", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {message}"), ended.err


def test_of_several_the_table_says_what_check_finds_and_no_line_does(lrviz):
    ended = lrviz("table", "cosine", "--sweep", "t-max=20,32")
    assert (ended.code, ended.err) == (0, "")
    assert [line.endswith("1 error") for line in ended.out.splitlines()[1:3]] == [True, False]
    for silent in ("-q", "--no-check"):
        assert "error" not in lrviz("table", "cosine", "--sweep", "t-max=20,32", silent).out


def test_a_title_stands_above_the_table_of_several(lrviz):
    assert lrviz("table", "cosine", "--sweep", "t-max=20,32", "--title", "Both").out.startswith("Both\n\n")
