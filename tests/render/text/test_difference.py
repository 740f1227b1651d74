"""The report of a difference: its words, its pictures and its forms."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from rich.console import Console

from lrviz import load, replay
from lrviz.arrays import column
from lrviz.difference import difference
from lrviz.render.text.difference import Format, report
from lrviz.subject import Subject
from lrviz.trace import GroupTrace, Trace

GROUPS = [{"name": "body", "lr": 1e-4}, {"name": "head", "lr": 1e-3}]
COSINE: dict[str, Any] = {"scheduler": {"name": "cosine"}}
ONECYCLE: dict[str, Any] = {"scheduler": {"name": "onecycle", "max_lr": 1e-3}}


def subject(document: dict[str, Any], name: str) -> Subject:
    experiment = load(document)
    return Subject(name=name, trace=replay(experiment), experiment=experiment)


def curve(*rates: float) -> Subject:
    trace = Trace(
        groups=(GroupTrace(name="g", lr=column(rates)),), steps=len(rates), steps_per_epoch=None, momentum_name=None,
        engine="log", torch_version="",
    )  # fmt: skip
    return Subject(name="log", trace=trace)


def text(
    a: Subject, b: Subject, format: Format = Format.TEXT, *, width: int = 80, ascii: bool = False, **how: Any
) -> str:
    console = Console(width=width, force_terminal=False, color_system=None)
    return report(format, difference(a, b, **how), (a, b), console, ascii=ascii)


def words(*arguments: Any, **how: Any) -> str:
    return " ".join(text(*arguments, **how).split())


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    names = ("configs/experiments/2026/baseline.yaml", "HEAD~12:configs/experiments/2026/baseline.yaml")
    grouped = [{**each, "optimizer": {"name": "AdamW", "groups": GROUPS}} for each in (COSINE, ONECYCLE)]
    a, b = (subject(each, name) for each, name in zip(grouped, names, strict=True))
    assert max(map(len, text(a, b, width=width).splitlines())) <= width


def test_both_curves_have_one_scale_and_a_line_says_which_is_higher() -> None:
    lines = text(curve(*[4.0] * 10), curve(*[1.0] * 5, *[8.0] * 5), width=42).splitlines()
    start = lines.index("learning rate")
    assert lines[start + 1 : start + 4] == ["A " + "▄" * 40, "B " + "▁" * 20 + "█" * 20, "  " + "-" * 20 + "+" * 20]


def test_a_shorter_run_is_drawn_as_long_as_it_is() -> None:
    lines = text(curve(1, 1, 2, 2), curve(1, 2), width=42).splitlines()
    assert [len(line) for line in lines if line.startswith(("A ▄", "B ▄"))] == [42, 22]


def test_every_form_is_plain_where_a_terminal_has_no_other_letters() -> None:
    assert text(subject(COSINE, "a"), subject(ONECYCLE, "b"), ascii=True).isascii()


def test_groups_that_differ_alike_are_told_once() -> None:
    grouped = [{**each, "optimizer": {"name": "AdamW", "groups": GROUPS}} for each in (COSINE, ONECYCLE)]
    printed = words(*(subject(each, "a") for each in grouped))
    assert "learning rate of head in all 32 steps, beta1 of body, head in all 32 steps" in printed
    assert printed.count("beta1 of body") == 2  # in the verdict, and over the one picture


def test_more_curves_than_have_room_are_told_in_a_line() -> None:
    groups = [{"name": f"g{number}", "lr": 0.1 * (number + 1)} for number in range(5)]
    lower = [{**group, "lr": group["lr"] / 2} for group in groups]
    a, b = ({**COSINE, "optimizer": {"groups": each}} for each in (groups, lower))
    printed = text(subject(a, "a"), subject(b, "b"))
    assert printed.count("B is") == 3
    assert "\nlearning rate of g4\nfirst at step 0 (epoch 0): 0.5 and 0.25 (-50.0%)\n" in printed
    assert " and 2 more\n" in printed


def test_numbers_have_the_digits_that_tell_them_apart() -> None:
    printed = words(curve(1.0, 1.0), curve(1.0, math.nextafter(1.0, 2)))
    assert "first at step 1: 1 and 1.0000000000000002 (+2e-14%)" in printed


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (1.0, 1.5, "(+50.0%)"),
        (1.0, 25.0, "(x25)"),
        (1.0, 0.0, "(-100.0%)"),
        (0.0, 1.0, "0 and 1"),
        (1.0, -1.0, "1 and -1"),
        (1.0, math.nan, "1 and nan"),
    ],
)
def test_how_far_two_values_are_apart_is_said_where_that_is_a_number(one: float, other: float, said: str) -> None:
    assert f"{said} step" in words(curve(one), curve(other))


@pytest.mark.parametrize(
    ("a", "b", "how", "said"),
    [
        (curve(1, 2), curve(1), {}, "different: A has 2 steps, B 1; what both have is equal"),
        (curve(1, 2), curve(1, 2), {"tolerance": 0.5}, "apart by at most 0.5 of the curve's largest"),
        (curve(1, 1, 2, 2), curve(1, 2), {"by": "progress"}, "each step of B beside the one that A trains at the same"),
        (curve(1, 1, 2, 2), curve(1, 3), {"by": "progress"}, "first at step 2 of A, 1 of B: 2 and 3"),
    ],
)
def test_how_it_was_compared_is_said(a: Subject, b: Subject, how: dict[str, Any], said: str) -> None:
    assert said in words(a, b, **how)


def test_runs_whose_epochs_have_other_lengths_are_shown_the_way() -> None:
    one, other = ({**COSINE, "run": {"epochs": 2, "steps_per_epoch": steps}} for steps in (4, 8))
    hint = "--by epoch compares the same share of an epoch"
    a, b = subject(one, "a"), subject(other, "b")
    assert (hint in words(a, b), hint in words(a, b, by="epoch")) == (True, False)


def test_what_only_one_has_is_said() -> None:
    two, one = ({**COSINE, "optimizer": {"groups": GROUPS[:count]}} for count in (2, 1))
    assert "different: only A has the group head" in words(subject(two, "a"), subject(one, "b"))
    adam = {**COSINE, "optimizer": {"name": "AdamW"}}
    said = "not compared: momentum, which only A has; beta1, which only B has"
    assert said in words(subject(COSINE, "a"), subject(adam, "b"))


def test_groups_of_other_names_are_said_to_be_compared_in_their_order() -> None:
    other = {**ONECYCLE, "optimizer": {"groups": [{"name": "all", "lr": 1e-3}]}}
    printed = words(subject(COSINE, "a"), subject(other, "b"))
    assert "no group has the same name in both: they are compared in their order" in printed
    assert "learning rate of default as all" in printed


def test_settings_beyond_a_screen_are_counted() -> None:
    schedulers = [{"name": "constant", "total_iters": 1, "factor": 0.5} for _ in range(14)]
    lower = [{**each, "factor": 0.25} for each in schedulers]
    a, b = ({"scheduler": {"name": "chained", "schedulers": each}} for each in (schedulers, lower))
    assert "\nand 2 more; --format json has all\n" in text(subject(a, "a"), subject(b, "b"))


def test_json_has_words_for_what_it_has_no_number_for() -> None:
    found = json.loads(text(curve(1.0, math.nan), curve(1.0, 2.0), Format.JSON))
    assert found["curves"][0]["first"] == {
        "steps": [1, 1], "values": ["NaN", 2.0], "absolute": "NaN", "relative": "NaN",
    }  # fmt: skip
    assert found["settings"] == []


def test_nothing_in_markdown_is_markup_of_somebody_else() -> None:
    hostile = "a`b|c@d <img>\n# e"
    one, other = ({**COSINE, "optimizer": {"groups": [{"name": hostile, "lr": lr}]}} for lr in (0.1, 0.2))
    printed = text(subject(one, hostile), subject(other, "b"), Format.MARKDOWN)
    assert printed.startswith("#### `` a`b|c@d <img> # e `` and `b`\n\ndifferent")
    outside = [line for line in printed.splitlines() if not line.startswith(("#### ", "```", "A ", "B ", "| `"))]
    assert not any("<img>" in line or "@" in line for line in outside)


@pytest.mark.parametrize("format", list(Format))
def test_every_form_says_whether_two_are_equal(format: Format) -> None:
    assert "equal" in text(subject(COSINE, "a"), subject(COSINE, "b"), format)
