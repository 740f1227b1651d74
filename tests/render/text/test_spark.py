from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lrviz
from lrviz.experiment.schedulers import catalogue
from lrviz.render.text.spark import BLOCKS, PLAIN, bar, sparkline

WITH_EXAMPLE = [name for name, spec in catalogue().items() if spec.shape]


@pytest.mark.parametrize("count", [1, 3, 16, 17, 1000])
def test_as_many_characters_as_asked_for(count: int) -> None:
    assert len(sparkline([float(i) for i in range(count)], 16)) == 16


def test_no_values_draw_nothing() -> None:
    assert sparkline([], 16) == ""


def test_heights_are_shares_of_the_scale() -> None:
    assert sparkline([1.0, 0.5, 0.25, 0.125, 0.0], 5) == "█▄▂▁▁"


@pytest.mark.parametrize(
    ("values", "line"), [([2.0, 6.0, 8.0], "▂▆█"), ([-4.0, 0.0, 4.0], "▁▄█"), ([-4.0, -2.0], "▁█")]
)
def test_the_scale_is_from_zero_or_the_least_to_the_greatest(values: list[float], line: str) -> None:
    assert sparkline(values, len(values)) == line


@pytest.mark.parametrize("at", [0, 1, 499, 617, 998, 999])
@pytest.mark.parametrize(("extreme", "block"), [(1.0, "█"), (0.0, "▁")])
def test_one_step_at_an_extreme_shows(at: int, extreme: float, block: str) -> None:
    values = [0.5] * 1000
    values[at] = extreme
    assert sparkline(values, 16).count(block) == 1


def test_a_lesser_peak_shows_beside_a_greater() -> None:
    values = [0.0] * 1000
    values[100], values[900] = 1.0, 0.5
    assert sparkline(values, 10) == "▁█▁▁▁▁▁▁▁▄"


def test_a_cycle_faster_than_a_cell_is_seen_to_swing() -> None:
    assert sparkline([math.sin(i) for i in range(10_000)], 6) in ("█▁█▁█▁", "▁█▁█▁█")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=100))
def test_what_falls_never_seems_to_rise(values: list[float]) -> None:
    line = sparkline(sorted(values, reverse=True), 16)
    assert list(line) == sorted(line, reverse=True)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([math.nan, 1.0, 0.0], " █▁"),
        ([1.0, math.nan, 0.0], "█ ▁"),
        ([math.nan] * 3, "   "),
        ([0.0, math.inf, 1.0], "▁██"),
        ([-math.inf, 0.0, 1.0], "▁▁█"),
        ([0.0, 0.0, 0.0], "▁▁▁"),
        ([-1.0, 0.0, 1.0], "▁▄█"),
    ],
)
def test_odd_numbers(values: list[float], line: str) -> None:
    assert sparkline(values, 3) == line


def test_a_leading_nan_hides_no_peak() -> None:
    assert sparkline([math.nan, 1.0, 0.0, 0.0], 2) == "█▁"


def test_a_buffer_is_as_good_as_a_list() -> None:
    values = [i % 7 / 7 for i in range(100)]
    assert sparkline(memoryview(array("d", values)), 16) == sparkline(values, 16)


def test_plain_line_has_the_same_heights() -> None:
    values = [i / 7 for i in range(8)]
    assert sparkline(values, 8, ascii=True) == sparkline(values, 8).translate(str.maketrans(BLOCKS, PLAIN))


@pytest.mark.parametrize(
    ("share", "blocks", "plain"),
    [
        (1.0, "████", "####"),
        (0.5, "██", "##"),
        (0.53125, "██▏", "##"),
        (1e-30, "▏", "."),
        (0.0, "", ""),
        (-1.0, "", ""),
        (2.0, "████", "####"),
        (math.nan, "", ""),
        (math.inf, "████", "####"),
    ],
)
def test_bar(share: float, blocks: str, plain: str) -> None:
    assert (bar(share, 4), bar(share, 4, ascii=True)) == (blocks, plain)


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_shape_in_the_catalogue_is_its_example_replayed(name: str) -> None:
    spec = catalogue()[name]
    trace = lrviz.replay(lrviz.load({"scheduler": {"name": name, **spec.example}}))
    assert sparkline(trace.groups[0].lr) == spec.shape


def test_all_but_the_users_own_have_a_shape() -> None:
    assert [name for name in catalogue() if name not in WITH_EXAMPLE] == ["custom"]


@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_examples_hold_what_must_be_given(name: str) -> None:
    assert set(catalogue()[name].required()) <= set(catalogue()[name].example)
