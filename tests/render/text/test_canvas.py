"""The canvas: dots where they were set, in braille and in ASCII."""

from __future__ import annotations

import pytest

from lrviz.render.text.canvas import BRAILLE, Canvas


def text(canvas: Canvas, *, ascii: bool = False) -> list[str]:
    return ["".join(piece for piece, _ in line) for line in canvas.lines(ascii=ascii)]


@pytest.mark.parametrize(
    ("x", "y", "bit"), [(0, 0, 0x40), (1, 0, 0x80), (0, 1, 0x04), (1, 2, 0x10), (0, 3, 0x01), (1, 3, 0x08)]
)
def test_a_dot_is_the_bit_that_unicode_gives_it(x: int, y: int, bit: int) -> None:
    canvas = Canvas(1, 1)
    canvas.dot(x, y, "blue")
    assert text(canvas) == [chr(BRAILLE + bit)]


@pytest.mark.parametrize("dot", [(-1, 0), (0, -1), (2, 0), (0, 4)])
def test_a_dot_beside_the_canvas_is_left_out(dot: tuple[int, int]) -> None:
    canvas = Canvas(1, 1)
    canvas.dot(*dot, "blue")
    assert text(canvas) == [""]


def test_a_line_has_a_dot_in_each_column_and_both_its_ends() -> None:
    canvas = Canvas(4, 2)
    canvas.line((0, 0), (7, 7), "blue")
    assert text(canvas) == ["  ⡠⠊", "⡠⠊"]


@pytest.mark.parametrize(
    ("rows", "letter"), [((0,), "_"), ((1,), "-"), ((2,), "-"), ((3,), "'"), ((0, 1, 2), "|"), ((0, 3), ":")]
)
def test_in_ascii_a_character_stands_for_where_its_dots_are(rows: tuple[int, ...], letter: str) -> None:
    canvas = Canvas(1, 1)
    for row in rows:
        canvas.dot(0, row, "blue")
    assert text(canvas, ascii=True) == [letter]


def test_a_line_comes_in_pieces_of_one_style() -> None:
    canvas = Canvas(3, 1)
    canvas.dot(0, 0, "blue")
    canvas.letter(2, 0, "b", "orange")
    assert list(canvas.lines()) == [[("⡀", "blue"), (" ", ""), ("b", "orange")]]
