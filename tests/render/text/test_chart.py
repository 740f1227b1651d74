"""The chart: lines as wide and as high as they are asked for, with every curve where it belongs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrviz import load, replay
from lrviz.arrays import column
from lrviz.render.text.chart import Chart, Sign
from lrviz.subject import Subject
from lrviz.trace import GroupTrace, Trace

TWO = {"groups": [{"name": "body", "lr": 0.1}, {"name": "head", "lr": 0.05}]}


def subject(name: str, *, epochs: int = 4, steps_per_epoch: int = 8, optimizer: Any = None, **rest: Any) -> Subject:
    run = {"epochs": epochs, "steps_per_epoch": steps_per_epoch, "interval": rest.pop("interval", "step")}
    experiment = load({"run": run, "optimizer": optimizer or {"lr": 0.1}, "scheduler": {"name": name, **rest}})
    return Subject(name=name, trace=replay(experiment), experiment=experiment)


def recorded(*rates: float, at: tuple[int, ...] | None = None) -> Subject:
    group = GroupTrace(name="all", lr=column(rates))
    trace = Trace(
        groups=(group,), steps=len(rates), steps_per_epoch=None, momentum_name=None, engine="", torch_version="", at=at
    )
    return Subject(name="log", trace=trace)


def text(*subjects: Subject, **options: Any) -> list[str]:
    names = [f"{number}" for number, _ in enumerate(subjects)]
    chart = Chart(**{"subjects": subjects, "labels": names, "width": 60, "height": 10, **options})
    return ["".join(piece for piece, _ in line) for line in chart.lines()]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("height", [4, 12, 50])
def test_a_chart_is_no_wider_than_asked_and_as_high_as_it_says(width: int, height: int) -> None:
    chart = Chart(subjects=[subject("cosine")], labels=["a"], width=width, height=height)
    lines = ["".join(piece for piece, _ in line) for line in chart.lines()]
    assert max(map(len, lines)) <= width
    assert len(lines) == chart.frame + height
    assert max(map(len, lines)) > width - 8


def test_the_axes_have_round_numbers_and_the_epochs_stand_above() -> None:
    lines = text(subject("cosine", epochs=30, steps_per_epoch=100), height=12)
    assert lines[0].split() == ["epoch", "0", "5", "10", "15", "20", "25", "30"]
    assert [line.split()[0] for line in lines if "┤" in line] == ["0.10", "0.08", "0.06", "0.04", "0.02", "0.00"]
    assert lines[-1].split()[-1] == "step"


def test_small_learning_rates_are_written_with_their_power_of_ten() -> None:
    lines = text(subject("cosine", optimizer={"lr": 1e-3}), height=10)
    assert [line.split()[0] for line in lines if "┤" in line] == ["1e-3", "5e-4", "0"]
    lines = text(subject("cosine", optimizer={"lr": 1e-3}), height=14)
    assert [line.split()[0] for line in lines if "┤" in line] == ["1e-3", "8e-4", "6e-4", "4e-4", "2e-4", "0"]


@pytest.mark.parametrize("height", [4, 10, 33])
def test_the_highest_learning_rate_is_on_the_first_row_and_zero_on_the_last(height: int) -> None:
    rows = [line.partition("┤")[2] + line.partition("│")[2] for line in text(subject("cosine"), height=height)]
    rows = [row for row in rows if row]
    assert rows[0].strip()
    assert rows[-1].strip()
    assert not rows[-1].startswith("⠉")


def test_a_peak_of_one_step_among_a_million_is_drawn() -> None:
    rates = [0.0] * 100_000
    rates[60_000] = 1.0
    lines = text(recorded(*rates), height=8)
    assert [line for line in lines if "⡇" in line or "⢸" in line]
    column_ = next(line.index("⡇") if "⡇" in line else line.index("⢸") for line in lines if "⡇" in line or "⢸" in line)
    assert column_ == pytest.approx(5 + 0.6 * 55, abs=2)


def test_a_held_learning_rate_changes_at_once() -> None:
    lines = text(subject("step", step_size=1, gamma=0.5, epochs=2, interval="epoch"), height=4, width=22)
    assert sum("⡇" in line or "⢸" in line for line in lines) >= 1


def test_without_colours_the_curves_carry_the_letters_of_the_legend() -> None:
    lines = text(subject("step", step_size=8, optimizer=TWO))
    assert lines[-1].rstrip() == "a body   b head"
    assert {"a", "b"} <= set("".join(line for line in lines if "│" in line or "┤" in line))


def test_with_colours_the_curves_are_lines_and_so_is_the_legend() -> None:
    chart = Chart(subjects=[subject("step", step_size=8, optimizer=TWO)], labels=["x"], width=60, height=8, color=True)
    *drawn, legend = chart.lines()
    assert [piece for piece in legend if piece[1]] == [("──", "blue"), ("──", "orange")]
    assert {"blue", "orange"} <= {style for line in drawn for _, style in line}
    assert not any(text in "ab" for line in drawn[1:-2] for text, style in line if style in ("blue", "orange"))


def test_equal_curves_are_said_to_be() -> None:
    assert text(subject("cosine"), subject("cosine"))[-1].rstrip() == "a 0   b 1 (same as a)"


def test_a_log_over_a_plan_is_dots() -> None:
    plan = subject("constant", factor=1.0)
    lines = text(plan, recorded(0.1, 0.1, 0.1, at=(2, 12, 30)))
    assert sum(line.count("•") for line in lines) == 3 + 1
    assert lines[-1].rstrip().endswith("• 1")


def test_a_sign_has_a_number_above_its_step_and_a_line_below() -> None:
    signs = [Sign(16, "never-peaks", "warning"), Sign(0, "zero-first-step", "error")]
    lines = text(subject("cosine"), signs=signs)
    assert lines[1].split() == ["1", "2"]
    assert lines[1].index("2") == pytest.approx(6 + 54 / 2, abs=1)
    assert lines[-2:] == [
        "1 error: zero-first-step at step 0 (epoch 0)", "2 warning: never-peaks at step 16 (epoch 2)"
    ]  # fmt: skip


def test_a_logarithmic_axis_has_decades_and_a_floor_for_zero() -> None:
    lines = text(subject("exponential", gamma=0.5), height=16, log_y=True)
    assert [line.split()[0] for line in lines if "┤" in line][:2] == ["1e-1", "1e-3"]
    assert [line.split()[0] for line in text(recorded(0.0, 0.1), log_y=True) if "┤" in line][-1] == "0"
    assert [line.split()[0] for line in text(recorded(-1.0, 0.1), log_y=True) if "┤" in line][-1] == "≤"


def test_in_ascii_there_is_nothing_else() -> None:
    lines = text(subject("step", step_size=8, optimizer=TWO), recorded(-0.1, 0.1), ascii=True, log_y=True)
    assert "".join(lines).isascii()


def test_momentum_is_drawn_where_it_is_asked_for() -> None:
    lines = text(subject("onecycle", max_lr=1.0), what="momentum")
    assert [line.split()[0] for line in lines if "┤" in line] == ["0.95", "0.90", "0.85"]


@settings(deadline=None, max_examples=60)
@given(
    rates=st.lists(st.floats() | st.sampled_from([0.0, 1e-320, 1e308, -1e308, math.inf, math.nan]), max_size=40),
    options=st.fixed_dictionaries({"log_y": st.booleans(), "ascii": st.booleans(), "height": st.integers(4, 20)}),
)
def test_whatever_the_learning_rates_are_a_chart_is_drawn(rates: list[float], options: Mapping[str, Any]) -> None:
    lines = text(recorded(*rates), **options)
    assert max(map(len, lines)) <= 60


def test_a_run_without_a_step_has_an_empty_chart() -> None:
    empty = replace(subject("cosine").trace, groups=(), steps=0)
    assert len(text(Subject(name="none", trace=empty))) > 10
