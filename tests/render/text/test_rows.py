from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrviz.arrays import column
from lrviz.render.text.rows import MOST, Row, constant, folded, picked, round_up, sampled
from lrviz.trace import GroupTrace, Seam, Trace


def made(
    *groups: Sequence[float], momentum: Sequence[float] | None = None, steps_per_epoch: int | None = None
) -> Trace:
    """Return a trace with these learning rates."""
    held = None if momentum is None else column(momentum)
    return Trace(
        groups=tuple(
            GroupTrace(name=f"group {number}", lr=column(array("d", rates)), momentum=held)
            for number, rates in enumerate(groups)
        ),
        steps=len(groups[0]),
        steps_per_epoch=steps_per_epoch,
        momentum_name="momentum",
        engine="none",
        torch_version="0",
    )


def rows_of(trace: Trace, stride: int = 1) -> Sequence[Row]:
    return folded(trace, stride).rows


def starts_of(trace: Trace) -> set[int]:
    return {row.start for row in rows_of(trace)}


def zigzag(*drops: tuple[int, float], by: float) -> list[float]:
    """Return 200 learning rates from 1.0 down that change by as much at every step, but drop more at some."""
    fallen = dict(drops)
    changes = (-fallen.get(step, -by if step >= 20 and step % 20 < 10 else by) for step in range(1, 200))
    return list(accumulate(changes, initial=1.0))


def test_constant_stretches_are_one_row() -> None:
    assert rows_of(made([1.0, 1.0, 0.5, 0.5, 0.5, 1.0])) == [Row(0, 1), Row(2, 4), Row(5, 5)]


def test_a_stretch_ends_where_any_group_changes() -> None:
    assert [row.start for row in rows_of(made([1.0] * 4, [1.0, 1.0, 2.0, 2.0]))] == [0, 2]


def test_a_stretch_ends_where_momentum_changes() -> None:
    trace = made([1.0] * 4, momentum=[0.9, 0.9, 0.9, 0.8])
    assert [row.start for row in rows_of(trace)] == [0, 3]


def test_a_stride_that_the_run_cuts_short() -> None:
    assert rows_of(made([1.0] * 4 + [2.0] * 2), stride=4) == [Row(0, 3), Row(4, 5)]


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, math.nan]), min_size=1, max_size=30))
def test_rows_cover_every_step_once(rates: list[float]) -> None:
    steps = [step for row in rows_of(made(rates)) for step in range(row.start, row.end + 1)]
    assert steps == list(range(len(rates)))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 9000), st.integers(0, 3)), min_size=1, max_size=200))
def test_rows_of_a_long_run_are_whole_stretches(pieces: list[tuple[int, int]]) -> None:
    rates = array("d")
    for length, value in pieces:
        rates.extend([value] * length)
    for row in rows_of(made(rates)):
        assert len(set(rates[row.start : row.end + 1])) == 1
        assert row.start == 0 or rates[row.start - 1] != rates[row.start]
        assert row.end == len(rates) - 1 or rates[row.end + 1] != rates[row.end]


@settings(max_examples=20)
@given(spike=st.integers(1, 99_998), height=st.sampled_from([-1.0, 0.5, 3.0]))
def test_a_spike_of_a_long_run_has_its_row(spike: int, height: float) -> None:
    rates = array("d", (1.0 + i * 1e-9 for i in range(100_000)))
    rates[spike] = height
    assert spike in {row.start for row in rows_of(made(rates, steps_per_epoch=1000))}


def test_first_peak_and_last_of_a_long_run_have_their_rows() -> None:
    rates = [math.sin(i / 20_000 * 4) for i in range(20_000)]
    starts = {row.start for row in rows_of(made(rates))}
    assert {0, rates.index(max(rates)), 19_999} <= starts


@pytest.mark.parametrize(("times", "has_row"), [(2.9, False), (3.1, True)])
def test_a_jump_of_three_times_the_change_beside_it_has_its_row_and_the_one_before(times: float, has_row: bool) -> None:
    starts = starts_of(made(zigzag((127, times * 0.03), by=0.03)))
    assert ({126, 127} <= starts) is has_row


@pytest.mark.parametrize(("size", "has_row"), [(0.0499, False), (0.0501, True)])
def test_a_jump_of_a_twentieth_of_the_peak_has_its_row(size: float, has_row: bool) -> None:
    assert (127 in starts_of(made(zigzag((127, size), by=1e-4)))) is has_row


def test_the_four_largest_jumps_have_their_rows() -> None:
    sizes = {31: 0.07, 53: 0.06, 71: 0.1, 93: 0.09, 111: 0.08}
    chosen = folded(made(zigzag(*sizes.items(), by=1e-4)), 1)
    assert chosen.rule == "every 8 steps, peak, largest jumps, last"
    assert sizes.keys() & {row.start for row in chosen.rows} == {31, 71, 93, 111}


def test_a_jump_is_as_sudden_where_the_scheduler_steps_once_an_epoch() -> None:
    rates = [rate for rate in zigzag((127, 0.5), by=0.01) for _ in range(10)]
    assert Row(1270, 1279) in rows_of(made(rates), stride=10)


def cosine(steps: int) -> list[float]:
    return [1 + math.cos(math.pi * step / steps) for step in range(steps)]


@pytest.mark.parametrize(("steps", "steps_per_epoch"), [(32, 8), (18_760, 938), (350, 10)])
def test_every_epoch_of_a_few_starts_a_row(steps: int, steps_per_epoch: int) -> None:
    rows = rows_of(made(cosine(steps), steps_per_epoch=steps_per_epoch))
    assert {row.start for row in rows} >= set(range(0, steps, steps_per_epoch))
    assert len(rows) <= MOST


@pytest.mark.parametrize(
    ("steps", "steps_per_epoch", "rule"),
    [
        (1000, None, "every 30 steps, peak, last"),
        (1000, 25, "every 2 epochs, peak, last"),
        (1000, 50, "every epoch, peak, last"),
        (1000, 250, "every 50 steps of each epoch, peak, last"),
        (30, 10, ""),
    ],
)
def test_a_long_run_has_a_regular_grid_and_says_which(steps: int, steps_per_epoch: int | None, rule: str) -> None:
    chosen = folded(made(cosine(steps), steps_per_epoch=steps_per_epoch), 1)
    assert chosen.rule == rule
    assert len(chosen.rows) <= MOST


@pytest.mark.parametrize(
    ("number", "round_number"), [(0.2, 1), (1, 1), (2.1, 3), (7, 8), (9, 10), (21, 25), (101, 200)]
)
def test_round_up(number: float, round_number: int) -> None:
    assert round_up(number) == round_number


@pytest.mark.parametrize(("values", "expected"), [([1.0], True), ([math.nan] * 2, True), ([0.0, -0.0], False)])
def test_constant(values: list[float], expected: bool) -> None:
    assert constant(column(values)) is expected


@pytest.mark.parametrize(
    ("steps", "every", "expected"), [(1, 1, [0]), (5, 2, [0, 2, 4]), (6, 2, [0, 2, 4, 5]), (3, 9, [0, 2])]
)
def test_picked(steps: int, every: int, expected: list[int]) -> None:
    assert list(picked(made([1.0] * steps), every)) == expected


def resumed(trace: Trace, step: int) -> Trace:
    return replace(trace, seam=Seam(step=step, epoch=None, mode="load", unbroken=()))


def test_no_row_goes_on_over_a_checkpoint() -> None:
    assert rows_of(resumed(made([1.0] * 20), 12)) == [Row(0, 11), Row(12, 19)]
    assert rows_of(resumed(made([1.0] * 20), 12), stride=4) == [Row(0, 11), Row(12, 19)]


def test_a_long_table_has_a_row_on_both_sides_of_a_checkpoint() -> None:
    chosen = folded(resumed(made([1 / (1 + step) for step in range(1000)]), 333), 1)
    assert {Row(332, 332), Row(333, 333)} <= set(chosen.rows)
    assert len(chosen.rows) <= MOST
    assert chosen.rule.endswith("both sides of the checkpoint, last")


def test_a_checkpoint_in_a_long_flat_stretch_splits_it() -> None:
    rates = [*(1 / (1 + step) for step in range(100)), *[0.001] * 900]
    chosen = folded(resumed(made(rates), 500), 1)
    assert {Row(100, 499), Row(500, 999)} <= set(chosen.rows)


def test_every_nth_row_has_those_of_a_checkpoint_beside() -> None:
    chosen = sampled(resumed(made([1.0] * 20), 12), 8)
    assert [row.start for row in chosen.rows] == [0, 8, 11, 12, 16, 19]
    assert chosen.rule == "every 8 steps, both sides of the checkpoint, and the last"
