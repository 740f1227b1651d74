from __future__ import annotations

import math
import random

import pytest

from lrviz.render.figure.suggestions import steepest, usable, valley

RATES = [10.0 ** (index / 10 - 5) for index in range(60)]


def by_definition(losses: list[float]) -> int:
    """Return the end of the longest decreasing subsequence, by the quadratic definition."""
    lengths = [1] * len(losses)
    for i, loss in enumerate(losses):
        lengths[i] = 1 + max((lengths[j] for j in range(i) if losses[j] > loss), default=0)
    return lengths.index(max(lengths)), max(lengths)


def test_the_steepest_point_is_where_the_loss_falls_fastest_on_a_log_axis():
    losses = [1 / (1 + math.exp(index - 30)) for index in range(60)]
    point = steepest(RATES, losses)
    assert point is not None
    assert point.index in (29, 30)
    assert (point.rate, point.loss) == (RATES[point.index], losses[point.index])


def test_the_valley_is_the_middle_of_the_longest_descent():
    losses = [5.0] * 20 + [5.0 - index / 10 for index in range(30)] + [9.0] * 10
    point = valley(RATES, losses)
    assert point is not None
    assert point.index == pytest.approx(20 + 15, abs=2)


@pytest.mark.parametrize("seed", range(20))
def test_the_longest_descent_is_found_through_noise(seed):
    numbers = random.Random(seed)
    losses = [10 - index / 6 + numbers.uniform(-2, 2) for index in range(60)]
    end, length = by_definition(losses)
    third = (end - max(0, end - length)) / 3
    point = valley(RATES, losses)
    assert point is not None
    assert point.index == max(0, end - length) + int(third) + int(third / 2)


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]])
def test_a_loss_that_never_falls_has_neither(losses):
    assert steepest(RATES, losses) is None
    assert valley(RATES, losses) is None


def test_what_comes_after_the_loss_diverges_is_left_out():
    assert usable([1.0, 0.5, 1.9, 2.1, 0.1]) == 3
    assert usable([1.0, math.inf, 1.0]) == 1
    assert usable([1.0, math.nan]) == 1
    assert usable([1.0, 0.9]) == 2
