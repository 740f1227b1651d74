from __future__ import annotations

import json
import math

import pytest

from lrviz.arrays import column
from lrviz.curves import POINTS, changes, digest, numbers
from lrviz.trace import GroupTrace, Trace


def numbers_of(rates, *, name="head", momentum=None, loss=None):
    group = GroupTrace(name=name, lr=column(rates), momentum=None if momentum is None else column(momentum))
    trace = Trace(
        groups=(group,), steps=len(rates), steps_per_epoch=None, momentum_name=None, engine="none", torch_version="0",
        loss=None if loss is None else column(loss),
    )  # fmt: skip
    return json.loads(json.dumps(numbers(trace)))


LONG = [1.0 + step for step in range(100_000)]


def test_a_short_curve_is_kept_whole():
    assert numbers_of([0.5, 0.25, 0.125])["lr"]["head"]["points"] == [0.5, 0.25, 0.125]


def test_a_long_curve_is_kept_small_with_its_ends_and_extremes():
    rates = LONG.copy()
    rates[1234], rates[4321] = 9e9, -1.0
    curve = numbers_of(rates)["lr"]["head"]
    assert len(curve["points"]) == POINTS
    assert (curve["points"][0], curve["points"][-1]) == (LONG[0], LONG[-1])
    assert curve["extremes"] == [[4321, -1.0], [1234, 9e9]]


def test_every_bit_counts_and_every_nan_is_one():
    negative = math.copysign(math.nan, -1)
    assert digest([1.0, negative]) == digest([1.0, math.nan])
    assert digest([1.0, 2.0]) != digest([1.0, math.nextafter(2.0, 3.0)])


def test_no_change_is_no_line():
    assert list(changes(numbers_of(LONG), numbers_of(LONG))) == []


def test_a_change_is_told_with_its_steps_and_how_far():
    new = [0.5, 0.5, 0.25, 0.375, 0.5]
    (line,) = changes(numbers_of([0.5] * 5), numbers_of(new))
    assert line == "lr of 'head' differs in steps 2 to 3, most at step 2: is 0.25, was 0.5"


def test_a_change_between_the_points_kept_is_seen():
    rates = LONG.copy()
    rates[1] = 2.5
    (line,) = changes(numbers_of(LONG), numbers_of(rates))
    assert line == "lr of 'head' differs, though not at the 64 steps whose values are kept"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (numbers_of([0.5, math.nan, 1.0]), "lr of 'head' differs in steps 1 to 2, most at step 1: is 'nan', was 0.5"),
        (numbers_of([0.5] * 4), "has 4 steps, was 3"),
        (numbers_of([0.5] * 3, loss=[1.0] * 3), "loss is new"),
        (numbers_of([0.5] * 3, momentum=[0.9] * 3), "momentum of 'head' is new"),
    ],
)  # fmt: skip
def test_what_else_may_change(new, message):
    assert list(changes(numbers_of([0.5] * 3), new)) == [message]


def test_groups_that_come_and_go_are_named():
    lines = list(changes(numbers_of([0.5], name="old"), numbers_of([0.5], name="new")))
    assert lines == ["lr of 'new' is new", "lr of 'old' is gone"]
