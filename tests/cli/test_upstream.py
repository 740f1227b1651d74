"""`--engine upstream`: whose numbers they are, and where lrviz's formula has others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RUN = ("halvings-halving", "--steps", "6", "--lr", "8", "--engine", "upstream")
DIFFER = (
    "note: halvings 1.2 and lrviz's formula (as halvings 1.1 has it) differ: lr at step 4 is 1 and 0.5; 2 of 6 steps\n"
)


def test_the_report_says_which_version_ran(lrviz, halving):
    halving()
    ended = lrviz("table", *RUN)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("engine: upstream, halvings 1.2\n")


def test_a_difference_is_a_note_and_both_are_in_the_table(lrviz, halving):
    halving(wrong_from=4)
    ended = lrviz("table", *RUN)
    assert (ended.code, ended.err) == (0, DIFFER)
    assert "lr.upstream" in ended.out
    assert "lr.formula" in ended.out


def test_both_are_in_the_json_with_the_version_that_ran(lrviz, halving):
    halving(wrong_from=4)
    report = json.loads(lrviz("table", *RUN, "--format", "json", "-q").out)
    assert (report["engine"], report["libraries"]) == ("upstream", {"halvings": "1.2"})
    assert report["rows"][4]["lr"] == {"upstream": 1.0, "formula": 0.5}


def test_both_are_in_the_figure_and_the_findings_are_of_upstream_alone(lrviz, halving):
    halving(wrong_from=4)
    ended = lrviz("plot", *RUN, "--annotate", "-o", "a.svg")
    assert ended.code == 0
    assert [line.split(":")[0] for line in ended.out.splitlines()[1:]] == [
        "Halving, upstream", "Halving, formula", "engine",
    ]  # fmt: skip
    drawn = Path("a.svg").read_text()
    assert ">upstream<" in drawn
    assert ">formula<" in drawn


def test_check_looks_at_upstreams_numbers(lrviz, halving):
    halving(wrong_from=4)
    assert "18 of 32 steps" in lrviz("check", "halvings-halving").out
    assert "17 of 32 steps" in lrviz("check", "halvings-halving", "--engine", "upstream").out


def test_a_class_that_raises_says_so_beside_the_formula_that_does_not(lrviz, halving):
    halving("halvings:refusing")
    ended = lrviz("table", *RUN)
    assert ended.code == 1
    assert ended.err == (
        "note: halvings 1.2 and lrviz's formula (as halvings 1.1 has it) differ: halvings 1.2 raises after step 2: "
        "ValueError: three is too much, the formula goes on to the end\n"
        "error: Halving.step() failed after step 2: ValueError: three is too much\n"
        "       --partial shows what came before\n"
    )


def test_torchs_own_runs_on_torch_and_says_so(lrviz):
    ended = lrviz("table", "step", "--step-size", "4", "--engine", "upstream")
    assert ended.code == 0
    assert ended.out.splitlines()[-1].startswith("engine: torch 2.")


@pytest.mark.parametrize(("target", "message"), [("not_there:Halving", "install not_there"), ("halvings:x", "has not")])
def test_a_library_that_is_not_there_is_refused(lrviz, halving, target, message):
    halving(target)
    ended = lrviz("table", *RUN)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: --engine: upstream runs ")
    assert message in ended.err


def test_a_schedule_says_which_version_it_follows(lrviz, halving):
    halving()
    assert lrviz("table", "halvings-halving").out.endswith("schedule: halvings-halving as halvings 1.1 has it\n")
    assert "schedule" not in lrviz("table", "halvings-halving", "-q").out
    report = json.loads(lrviz("table", "halvings-halving", "--format", "json", "-q").out)
    assert (report["engine"], report["libraries"]) == ("torch", {"halvings": "1.1"})
