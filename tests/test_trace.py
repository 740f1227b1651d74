"""The trace: what its numbers, warnings and failures say of themselves."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrviz.arrays import column
from lrviz.trace import Failure, GroupTrace, TorchWarning, Trace


@pytest.mark.parametrize(
    ("step", "epoch", "where"),
    [
        (0, None, "when the scheduler was built"),
        (17, 2, "after step 16 (epoch 2)"),
        (12_001, None, "after step 12,000"),
        (12_001, 1_200, "after step 12,000 (epoch 1,200)"),
    ],
)
def test_a_warning_and_a_failure_say_alike_where_they_came(step: int, epoch: int | None, where: str) -> None:
    assert TorchWarning(step=step, epoch=epoch, message="careful").where == where
    assert Failure(step=step, epoch=epoch, kind="ValueError", message="no").where == where


@pytest.mark.parametrize(("message", "words"), [("no", "ValueError: no"), ("", "ValueError")])
def test_a_failure_has_words_with_and_without_a_message(message: str, words: str) -> None:
    assert Failure(step=1, epoch=None, kind="ValueError", message=message).words == words


@pytest.mark.parametrize(
    ("step", "description"),
    [(0, "building the scheduler failed: ValueError: no"), (3, "scheduler.step() failed after step 2: ValueError: no")],
)
def test_a_failure_says_in_a_line_where_and_why(step: int, description: str) -> None:
    assert Failure(step=step, epoch=None, kind="ValueError", message="no").description == description


def test_a_summary_has_the_first_of_equal_peaks() -> None:
    summary = GroupTrace(name="a", lr=column([1.0, math.nan, 2.0, 2.0, 0.5])).summary
    assert (summary.first, summary.peak, summary.peak_step, summary.last) == (1.0, 2.0, 2, 0.5)


def test_a_peak_that_is_met_again_but_for_rounding_is_the_first_one() -> None:
    again = 0.3 * (1 + 1e-15)
    summary = GroupTrace(name="a", lr=column([0.1, 0.3, 0.2, again])).summary
    assert (summary.peak, summary.peak_step) == (again, 1)


@pytest.mark.parametrize(
    ("rates", "mean"),
    [([1.0, 2.0, 6.0], 3.0), ([0.1] * 10, 0.1), ([1e308] * 4, 1e308), ([math.inf, 1.0], math.inf)],
)
def test_the_mean_is_that_of_all_steps(rates: list[float], mean: float) -> None:
    assert GroupTrace(name="a", lr=column(rates)).mean == mean


@pytest.mark.parametrize("rates", [[], [math.nan, 1.0], [math.inf, -math.inf]])
def test_a_mean_that_is_no_number_is_nan(rates: list[float]) -> None:
    assert math.isnan(GroupTrace(name="a", lr=column(rates)).mean)


def test_a_summary_looks_past_what_is_not_a_number() -> None:
    summary = GroupTrace(name="a", lr=column([math.nan, 1.0, math.inf])).summary
    assert (summary.peak, summary.peak_step) == (math.inf, 2)


@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=6))
def test_summary_never_fails_and_finds_the_highest(values: list[float]) -> None:
    summary = GroupTrace(name="a", lr=column(values)).summary
    numbers = [value for value in values if not math.isnan(value)]
    assert summary.peak == max(numbers) if numbers else math.isnan(summary.peak)


def test_a_shorter_trace_stands_beside_with_nan_where_it_ended_and_what_held_throughout() -> None:
    steady, moving = column([0.9, 0.9]), column([0.1, 0.2])
    other = GroupTrace(name="a", lr=column([4.0, 2.0]), momentum=steady, weight_decay=moving).renamed("b", 3)
    assert (other.name, list(other.momentum or ())) == ("b", [0.9, 0.9, 0.9])
    assert str([list(other.lr), list(other.weight_decay or ())]) == "[[4.0, 2.0, nan], [0.1, 0.2, nan]]"


def test_a_record_of_a_log_is_of_the_step_that_it_says() -> None:
    group = GroupTrace(name="all", lr=column([0.1, 0.2]))
    trace = Trace(
        groups=(group,), steps=2, steps_per_epoch=None, momentum_name=None, engine="log", torch_version="", at=(4, 9)
    )
    assert [trace.step_at(index) for index in range(2)] == [4, 9]
    assert (trace.end, replace(trace, at=None).end) == (10, 2)
