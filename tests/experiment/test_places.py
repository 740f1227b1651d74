"""Places in a run: a step, epochs, a share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrviz.experiment.argtypes import Invalid
from lrviz.experiment.places import MOST, Place, places


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("0", 0),
        ("31", 31),
        ("1_0", 10),
        ("0ep", 0),
        ("1.5ep", 12),
        ("1.99 ep", 15),
        ("4ep", 31),  # the end
        ("0%", 0),
        ("50%", 16),
        ("51%", 16),
        ("99.9%", 31),
        ("100%", 31),
    ],
)
def test_a_place_is_a_step_of_the_run(text: str, step: int) -> None:
    assert Place.read(text).step(32, 8, "") == step


def test_shares_and_epochs_are_exact() -> None:
    assert Place.read("7%").step(100, None, "") == 7  # which is 7.000000000000001 in floats
    assert Place.read("0.3ep").step(100, 10, "") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("32", "32 is past the end: the run has 32 steps, 0 to 31"),
        ("4.01ep", "4.01ep is past the end: the run has 4 epochs"),
    ],
)
def test_a_place_past_the_end_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        Place.read(text).step(32, 8, "")


def test_a_run_without_epochs_says_why() -> None:
    with pytest.raises(Invalid, match="2ep is in epochs, and the run has none: it is given by its steps"):
        Place.read("2ep").step(32, None, "it is given by its steps")


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1e3", "101%", "5 parts", "1,,2", "nan", "٣"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        places(text)


def test_places_are_read_in_order_and_are_limited() -> None:
    assert [place.text for place in places("12345, 31.5ep,50%")] == ["12345", "31.5ep", "50%"]
    with pytest.raises(Invalid, match=f"names {MOST + 1} places; at most {MOST}"):
        places(",".join(["1"] * (MOST + 1)))


@given(st.integers(1, 10**7), st.integers(1, 10**5), st.floats(0, 100).map(lambda share: f"{share:.6f}%"))
def test_a_share_is_always_a_step_of_the_run(steps: int, per_epoch: int, text: str) -> None:
    assert 0 <= Place.read(text).step(steps, per_epoch, "") < steps
