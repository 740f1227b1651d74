"""Plain YAML scalars, read as what everyone means."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrviz.experiment.scalars import scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("None", None), ("true", True), ("Yes", True), ("ON", True),
        ("false", False), ("no", False), ("Off", False), ("0", 0), ("-7", -7), ("+7", 7), ("1_000", 1000), ("007", 7),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("1e-3", 1e-3), ("1E+3", 1e3), ("1.5e3", 1500.0),
        (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), ("inf", math.inf), ("-Infinity", -math.inf),
    ],
)  # fmt: skip
def test_value(text: str, value: Any) -> None:
    assert (scalar(text), type(scalar(text))) == (value, type(value))


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN", "nan", "NaN", "-nan"])
def test_not_a_number(text: str) -> None:
    assert math.isnan(scalar(text))


@pytest.mark.parametrize(
    "text",
    ["a", "1:30", "1e", "e5", "0x10", "0o7", "1,5", "1 2", "--1", "1e-3x", "_1", ".", "-", "+", "y", "n", "2ep", "5%", "1e5.5", "٣", "infinite", "in"],  # noqa: E501
)  # fmt: skip
def test_text_stays_text(text: str) -> None:
    assert scalar(text) == text


def test_endless_digits_are_a_float_and_not_a_slow_integer() -> None:
    assert scalar("9" * 100_000) == math.inf


@given(st.floats())
def test_every_float_reads_back_to_the_same_bits(value: float) -> None:
    assert float(scalar(repr(value))).hex() == value.hex()


@given(st.text())
def test_no_text_fails(text: str) -> None:
    assert scalar(text) is None or isinstance(scalar(text), (str, int, float))
