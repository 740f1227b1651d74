from __future__ import annotations

import pytest

from lrviz.render.words import clean, clipped, inches, one_line, wrapped


def test_what_xml_cannot_hold_is_replaced():
    assert clean("a\x00b\ud800\nc") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}\nc"


def test_what_a_terminal_obeys_is_replaced():
    assert one_line(" he\x1b[2Jad\n two ") == "he?[2Jad two"


def test_a_letter_is_three_fifths_of_its_height_and_a_wide_one_as_wide_as_high():
    assert inches("abcdefghij", 72) == pytest.approx(6.0)
    assert inches("学習率の長い名前です", 72) == pytest.approx(10.0, rel=0.05)
    assert inches("ＬＲ", 72) == pytest.approx(inches("学習", 72))
    assert inches("ab\n学\nabc", 36) == pytest.approx(0.9)


@pytest.mark.parametrize(("text", "short"), [("abcd", "abcd"), ("abcde", "abc…"), ("ab cde", "ab…")])
def test_a_long_text_is_clipped(text, short):
    assert clipped(text, 4) == short


@pytest.mark.parametrize("text", ["A title with many words that has to be wrapped " * 9, "学習率 " * 90, "x" * 400])
@pytest.mark.parametrize("width", [2.0, 4.0])
def test_a_wrapped_text_fits_and_says_that_it_goes_on(text, width):
    lines = wrapped(text, width, 12, lines=3)
    assert lines.count("\n") == 2
    assert lines.endswith("…")
    assert 0.5 * width < inches(lines, 12) <= width


def test_a_text_that_fits_is_left_alone():
    assert wrapped("two\nlines", 4.0, 12) == "two\nlines"
    assert wrapped("three\nlines\nhere", 4.0, 12) == "three lines here"
