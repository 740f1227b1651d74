"""Tables of several schedules, and learning rates at chosen places: what they say, in any width and form."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from lrviz import SpecError, load, replay
from lrviz.arrays import column
from lrviz.experiment.places import places
from lrviz.render.text import at, entries
from lrviz.render.text.comparison import ComparisonTable, Entry
from lrviz.render.text.formats import Format
from lrviz.render.text.grid import Column, Grid
from lrviz.render.text.screen import Line
from lrviz.render.text.spark import BLOCKS
from lrviz.subject import Subject
from lrviz.trace import GroupTrace, Trace

RUN = {"epochs": 4, "steps_per_epoch": 8}
TWO = [{"name": "backbone", "lr": 1e-4}, {"name": "head", "lr": 1e-3}]
CONSOLE = Console(width=80, force_terminal=False, color_system=None)


def subject(scheduler: dict[str, Any], target: str = "a.yaml", **parts: Any) -> Subject:
    experiment = load({"run": RUN, "scheduler": scheduler, **parts})
    return Subject(name=target, trace=replay(experiment, partial=True), experiment=experiment, target=target)


@pytest.fixture(scope="module")
def three() -> list[Entry]:
    """Return a schedule without a finding, one with two groups and several findings, and one nobody looked at."""
    return [
        Entry(subject=subject({"name": "onecycle", "max_lr": 1e-2}), label="max_lr 0.01", findings=[]),
        Entry(
            subject=subject({"name": "step", "step_size": 8}, optimizer={"groups": TWO}),
            label="StepLR",
            findings=[("warning", "lr-dead"), ("error", "unit-mismatch"), ("warning", "ends-high")],
        ),
        Entry(subject=subject({"name": "cosine"}), label="CosineAnnealingLR"),
    ]


def texts(lines: Iterator[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_a_schedule_is_a_line_and_each_of_its_groups(three: Sequence[Entry]) -> None:
    title, one, backbone, head, cosine, *_ = texts(ComparisonTable(three).lines(120))
    assert one.split()[:2] == ["max_lr", "0.01"]
    assert [line.split("  ")[0] for line in (backbone, head, cosine)] == [
        "StepLR, backbone",
        "StepLR, head",
        "CosineAnnealingLR",
    ]
    assert title.split() == ["first", "peak", "at", "step", "epoch", "last", "mean", "findings"]
    assert one.split()[-6:] == ["0.0004", "0.00999", "9", "1", "4e-8", "0.0049"]


def test_findings_are_in_words_where_there_is_room_and_else_counted(three: Sequence[Entry]) -> None:
    words = "error unit-mismatch, warning lr-dead, warning ends-high"
    wide, narrow = (texts(ComparisonTable(three).lines(width)) for width in (160, 100))
    assert [line.endswith(words) for line in wide[1:5]] == [False, True, False, False]
    assert narrow[2].endswith("1 error, 2 warnings")


def test_all_curves_have_one_scale(three: Sequence[Entry]) -> None:
    table = texts(ComparisonTable(three).lines(120))
    heights = [max((BLOCKS.index(letter) for letter in line if letter in BLOCKS), default=-1) for line in table[1:5]]
    assert heights == [7, 0, 0, 0]
    assert table[-1] == "3 schedules of 32 steps; all curves on one scale, 0 to 0.00999"


def test_runs_of_unlike_length_say_how_long_they_are() -> None:
    pair = [
        Entry(subject=subject({"name": "cosine"}), label="a"),
        Entry(subject=subject({"name": "cosine"}, run={"steps": 2000}), label="b"),
    ]
    table = texts(ComparisonTable(pair).lines(100))
    assert table[0].split()[0] == "steps"
    assert [line.split()[2] for line in table[1:3]] == ["32", "2,000"]
    assert table[-1] == "2 schedules; all curves on one scale, 0 to 0.001, each over its own run"


def test_groups_that_train_alike_have_one_line() -> None:
    alike = subject({"name": "cosine"}, optimizer={"groups": [{"name": "decay"}, {"name": "no decay"}]})
    table = texts(ComparisonTable([Entry(subject=alike, label="a"), Entry(subject=alike, label="b")]).lines(100))
    assert [line.split()[0] for line in table[1:3]] == ["a", "b"]
    assert table[-1] == "groups with the same learning rates have one line, and a schedule at most 4"


def test_what_stopped_is_said() -> None:
    stopped = subject({"name": "onecycle", "max_lr": 1, "total_steps": 16})
    table = texts(ComparisonTable([Entry(subject=stopped, label="a", findings=[("error", "x")])]).lines(140))
    assert table[1].endswith("error: stopped after step 16 (epoch 2)")


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
@pytest.mark.parametrize("is_ascii", [False, True])
def test_no_line_is_wider_than_the_terminal(three: Sequence[Entry], width: int, is_ascii: bool) -> None:
    title = "A title that goes on for quite a while, " * 2
    table = texts(ComparisonTable(three, title, is_ascii).lines(width))
    assert max(map(cell_len, table)) <= width
    assert not is_ascii or "".join(table).isascii()
    assert sum("StepLR" in line for line in table) == 2


def test_a_narrow_terminal_has_the_label_above_and_says_what_is_left_out(three: Sequence[Entry]) -> None:
    table = texts(ComparisonTable(three).lines(40))
    place = table.index("CosineAnnealingLR")
    assert {"peak", "last"} <= set(table[0].split())
    assert table[place + 1].startswith("  ")
    assert "more columns would not fit; --format" in "\n".join(table)


def test_the_epochs_go_before_the_labels_do() -> None:
    pair = [Entry(subject=subject({"name": "cosine"}), label=f"a label of {number} words") for number in (5, 6)]
    for width, has_epoch in ((80, True), (68, False)):
        table = texts(ComparisonTable(pair).lines(width))
        assert ("epoch" in table[0].split()) == has_epoch
        assert table[1].startswith("a label of 5 words  ")


@given(
    st.lists(st.text(max_size=30), min_size=1, max_size=4),
    st.lists(st.text("abc1", max_size=12), min_size=1, max_size=6),
    st.integers(20, 120),
)
def test_a_grid_is_never_wider_than_asked(names: list[str], titles: list[str], width: int) -> None:
    columns = [Column(title=title, cells=["x"] * len(names), matters=place) for place, title in enumerate(titles)]
    lines = texts(Grid([" ".join(name.split()) for name in names], columns).lines(width))
    assert max(map(cell_len, lines)) <= width


class TestForms:
    """The other forms."""

    def test_csv_has_a_row_for_every_group_with_all_digits(self, three: Sequence[Entry]) -> None:
        rows = list(csv.DictReader(written(Format.CSV, three)))
        assert [(row["name"], row["group"]) for row in rows] == [
            ("max_lr 0.01", "default"),
            ("StepLR", "backbone"),
            ("StepLR", "head"),
            ("CosineAnnealingLR", "default"),
        ]
        rates = three[0].subject.trace.groups[0].lr
        assert (float(rows[0]["first"]), float(rows[0]["peak"]), float(rows[0]["last"])) == (
            rates[0],
            max(rates),
            rates[-1],
        )
        assert (rows[0]["peak_step"], rows[0]["peak_epoch"], rows[0]["steps"]) == ("9", "1", "32")
        assert [(row["errors"], row["warnings"]) for row in rows] == [("0", "0"), ("1", "2"), ("1", "2"), ("", "")]

    def test_json_has_of_each_what_one_alone_gives(self, three: Sequence[Entry]) -> None:
        found = json.loads("".join(written(Format.JSON, three)))["subjects"]
        assert [each["name"] for each in found] == ["max_lr 0.01", "StepLR", "CosineAnnealingLR"]
        assert [each["findings"] for each in found][::2] == [[], None]
        assert found[1]["findings"][0] == {"severity": "warning", "rule": "lr-dead"}
        assert [row["lr"] for row in found[0]["rows"]] == list(three[0].subject.trace.groups[0].lr)
        assert found[0]["summary"][0]["mean"] == three[0].subject.trace.groups[0].mean

    def test_json_may_have_every_nth_row(self, three: Sequence[Entry]) -> None:
        found = json.loads("".join(written(Format.JSON, three, every=16)))["subjects"]
        assert [[row["step"] for row in each["rows"]] for each in found] == [[0, 16, 31]] * 3

    def test_markdown_has_a_row_for_every_line(self, three: Sequence[Entry]) -> None:
        lines = "".join(written(Format.MARKDOWN, three)).splitlines()
        assert len(lines) == 6
        assert {line.count("|") for line in lines} == {9}
        assert lines[2].startswith("| max_lr 0.01 | ▁")

    def test_markdown_escapes_a_label(self, three: Sequence[Entry]) -> None:
        odd = Entry(subject=three[0].subject, label="a|b")
        assert r"| a\|b |" in "".join(written(Format.MARKDOWN, [odd]))


def written(form: Format, found: Sequence[Entry], every: int | None = None) -> list[str]:
    return "".join(entries.lines(form, found, every=every, console=CONSOLE, title="", ascii=False)).splitlines(True)


class TestAt:
    """Learning rates at chosen places."""

    def placed(self, *subjects: Subject, at_: str = "0,1.5ep,50%,100%") -> list[at.Placed]:
        return [at.Placed.of(each, f"s{place}", places(at_)) for place, each in enumerate(subjects)]

    def written(self, form: Format, placed: Sequence[at.Placed], width: int = 80) -> list[str]:
        console = Console(width=width, force_terminal=False, color_system=None)
        return "".join(at.lines(form, placed, console=console, title="", ascii=False)).splitlines()

    def test_a_place_is_a_column_and_momentum_a_line_where_it_moves(self) -> None:
        both = self.placed(subject({"name": "onecycle", "max_lr": 1e-2}), subject({"name": "cosine"}))
        title, one, momentum, cosine = self.written(Format.TABLE, both)
        assert title.split("  ")[-4:] == ["step 0", "1.5ep (step 12)", "50% (step 16)", "100% (step 31)"]
        assert one.split() == ["s0", "0.0004", "0.009442", "0.00754", "4e-8"]
        assert momentum.split()[0] == "momentum"
        assert cosine.split() == ["s1", "0.001", "0.0006913", "0.0005", "2.408e-6"]

    def test_each_run_has_its_own_clock(self) -> None:
        both = self.placed(subject({"name": "cosine"}), subject({"name": "cosine"}, run={"epochs": 2, **EIGHTY}))
        assert [list(each.steps) for each in both] == [[0, 12, 16, 31], [0, 120, 80, 159]]
        assert self.written(Format.TABLE, both)[0].split() == ["step", "0", "1.5ep", "50%", "100%"]

    def test_csv_has_a_row_for_every_place_of_every_group(self) -> None:
        (one,) = self.placed(subject({"name": "step", "step_size": 8}, optimizer={"name": "adam", "groups": TWO}))
        rows = list(csv.DictReader(self.written(Format.CSV, [one])))
        assert [(row["group"], row["at"], row["step"], row["epoch"]) for row in rows[:2]] == [
            ("backbone", "0", "0", "0"),
            ("backbone", "1.5ep", "12", "1"),
        ]
        assert [float(row["lr"]) for row in rows[4:]] == [one.subject.trace.groups[1].lr[step] for step in one.steps]
        assert {(row["momentum"], row["beta1"]) for row in rows} == {("", "0.9")}

    def test_json_has_an_object_for_every_place(self) -> None:
        pair = self.placed(subject({"name": "cosine"}), subject({"name": "cosine"}, optimizer={"groups": TWO}))
        found = json.loads("".join(self.written(Format.JSON, pair)))["subjects"]
        assert found[0]["places"][2] | {"lr": 0} == {
            "at": "50%", "step": 16, "epoch": 2, "lr": 0, "momentum": 0.0, "weight_decay": 0.0
        }  # fmt: skip
        assert found[1]["places"][0]["lr"] == {"backbone": 1e-4, "head": 1e-3}

    def test_markdown_has_a_column_for_every_place(self) -> None:
        lines = self.written(Format.MARKDOWN, self.placed(subject({"name": "cosine"})))
        assert lines == [
            "| schedule | step 0 | 1.5ep (step 12) | 50% (step 16) | 100% (step 31) |",
            "| --- | ---: | ---: | ---: | ---: |",
            "| s0 | 0.001 | 0.0006913 | 0.0005 | 2.408e-6 |",
        ]

    def test_every_place_that_a_run_does_not_have_is_told(self) -> None:
        with pytest.raises(SpecError) as caught:
            self.placed(subject({"name": "cosine"}, run={"steps": 10}), at_="5,1ep,20")
        assert [str(problem) for problem in caught.value.problems] == [
            "--at: 1ep is in epochs, and the run has none: it is given by its steps; add steps_per_epoch",
            "--at: 20 is past the end: the run has 10 steps, 0 to 9",
        ]

    def test_where_the_replay_stopped_there_is_nothing(self) -> None:
        (one,) = self.placed(subject({"name": "onecycle", "max_lr": 1, "total_steps": 16}), at_="5,20")
        assert one.values(one.subject.trace.groups[0].lr)[1] is None
        assert json.loads("".join(self.written(Format.JSON, [one])))["subjects"][0]["places"][1]["lr"] is None

    def test_of_a_log_it_is_the_last_record_before(self) -> None:
        trace = Trace(
            groups=(GroupTrace(name="a", lr=column([1.0, 2.0, math.nan])),), steps=3, steps_per_epoch=None,
            momentum_name=None, engine="log", torch_version="", at=[10, 20, 30],
        )  # fmt: skip
        (one,) = self.placed(Subject(name="log", trace=trace), at_="5,10,29,30")
        assert one.values(trace.groups[0].lr)[:3] == [None, 1.0, 2.0]
        assert self.written(Format.TABLE, [one])[1].split() == ["s0", "1", "2", "nan"]


EIGHTY = {"steps_per_epoch": 80}
