from __future__ import annotations

import numpy
import pytest

from lrviz.render.figure.curve import collapse, staircase, thin


def drawn_at(x, y, place):
    """The lowest and highest value that the drawn path has within half a column of a place."""
    near = numpy.abs(x - place) <= 0.5
    return y[near].min(), y[near].max()


@pytest.mark.parametrize("seed", range(5))
def test_one_step_spikes_and_dips_are_never_lost(seed):
    generator = numpy.random.default_rng(seed)
    steps = 300_000
    x, y = numpy.arange(steps, dtype=float), numpy.cos(numpy.arange(steps) / 40_000)
    places = generator.choice(steps, 20, replace=False)
    y[places] += generator.choice([-3.0, 3.0], 20) * generator.uniform(1, 2, 20)
    kept_x, kept_y = thin(x, y, 800)
    alone = [place for place in places if numpy.sum(places // (steps // 800) == place // (steps // 800)) == 1]
    assert alone
    for place in alone:
        assert drawn_at(kept_x, kept_y, place) == (y[place], y[place])


def test_restarts_keep_both_sides_of_the_jump():
    x = numpy.arange(1_000_000, dtype=float)
    y = 1 - (x % 250_000) / 250_000
    kept_x, kept_y = thin(x, y, 800)
    for restart in (250_000, 500_000, 750_000):
        near = numpy.abs(kept_x - restart) < 1_300
        assert kept_y[near].max() == 1.0
        assert kept_y[near].min() < 0.01


def test_the_path_is_at_most_four_points_a_column():
    x = numpy.arange(1_000_000, dtype=float)
    kept, _ = thin(x, numpy.random.default_rng(0).random(len(x)), 800)
    assert len(kept) <= 4 * 800


def test_few_points_come_back_as_they_are():
    x, y = numpy.arange(5.0), numpy.array([1.0, 3.0, 2.0, 5.0, 4.0])
    kept_x, kept_y = thin(x, y, 800)
    assert kept_x.tolist() == x.tolist()
    assert kept_y.tolist() == y.tolist()


def test_a_gap_stays_a_gap():
    x, y = numpy.arange(100_000.0), numpy.arange(100_000.0)
    y[50_000] = numpy.nan
    kept_x, kept_y = thin(x, y, 100)
    assert kept_x[numpy.isnan(kept_y)].tolist() == [50_000.0]
    assert numpy.nanmax(kept_y) == 99_999.0


def test_a_column_of_gaps_alone_is_kept_as_one():
    x, y = numpy.arange(10_000.0), numpy.full(10_000, numpy.nan)
    kept_x, kept_y = thin(x, y, 100)
    assert numpy.isnan(kept_y).all()
    assert kept_x.tolist() == [0.0, 9_999.0]


def test_constant_runs_keep_their_ends():
    x, y = collapse(numpy.arange(8.0), numpy.array([1.0, 1, 1, 1, 2, 2, 2, 1]))
    assert x.tolist() == [0, 3, 4, 6, 7]
    assert y.tolist() == [1, 1, 2, 2, 1]


def test_a_staircase_holds_and_jumps():
    x, y = staircase(numpy.array([0.0, 10.0]), numpy.array([1.0, 0.5]), 15.0)
    assert x.tolist() == [0, 10, 10, 15]
    assert y.tolist() == [1, 1, 0.5, 0.5]
