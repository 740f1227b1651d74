from __future__ import annotations

import pytest

from lrviz.render.ticks import epoch_ticks, level_ticks, log_ticks, nice, short, step_ticks


@pytest.mark.parametrize(
    ("least", "step"), [(1, 1), (1.1, 2), (2.0, 2), (3, 5), (7, 10), (0.00016, 0.0002), (11, 20), (3e-30, 5e-30)]
)
def test_nice_steps_are_one_two_or_five(least, step):
    assert nice(least) == pytest.approx(step, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.001, "0.001"), (5e-4, "0.0005"), (2.5e-7, "2.5e-7"), (1, "1"), (12345, "12345"), (1e-30, "1e-30"),
     (1e8, "1e8"), (-0.5, "-0.5"), (0.1234567, "0.123")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert short(value) == text


def test_the_article_s_rate_axis():
    assert level_ticks(0, 0.0011, 8).labels == ["0.0000", "0.0002", "0.0004", "0.0006", "0.0008", "0.0010"]


def test_tiny_rates_are_written_with_powers():
    assert level_ticks(0, 1.1e-30, 7).labels == ["0", "2e-31", "4e-31", "6e-31", "8e-31", "1e-30"]


def test_no_axis_has_a_lone_tick():
    assert len(level_ticks(0.81, 0.99, 3).places) > 1


def test_decades_thin_out():
    assert log_ticks(1e-12, 1e-2, 6).labels == ["1e-12", "1e-10", "1e-8", "1e-6", "1e-4", "1e-2"]


def test_less_than_two_decades_show_one_two_and_five():
    assert log_ticks(1e-4, 1.2e-3, 6).labels == ["1e-4", "2e-4", "5e-4", "1e-3"]


def test_steps_are_ticked_on_epochs_and_between():
    ticks = step_ticks(32, 8, 10)
    assert list(ticks.places) == [0, 8, 16, 24, 32]
    assert len(ticks.minor) == 33 - 5


def test_many_epochs_thin_out_to_a_nice_number_of_them():
    assert list(step_ticks(90 * 1251, 1251, 8).places) == [k * 20 * 1251 for k in range(5)]
    assert epoch_ticks(90 * 1251, 1251, 10).labels == [str(epoch) for epoch in range(0, 91, 10)]


def test_without_epochs_the_ticks_are_nice_steps():
    assert step_ticks(1_000_000, None, 8).labels == [f"{k * 200_000:,}" for k in range(6)]


def test_a_single_epoch_is_ticked_inside():
    assert len(step_ticks(10_000, 10_000, 8).places) > 2
