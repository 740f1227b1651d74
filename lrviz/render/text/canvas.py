"""A grid of braille dots to draw lines on, eight to a character, each character in one colour.

plotille's canvas would serve but for its colours, which it puts out or not by its own look at stdout, and its
import takes a twentieth of what `lrviz show` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

BRAILLE = 0x2800
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a character's dots, by row from the top, column
_ROWS = tuple(left | right for left, right in _BITS)
_PLAIN = {0b0001: "'", 0b0010: "-", 0b0100: "-", 0b1000: "_", 0b0011: "'", 0b0110: "-", 0b1100: "."}

Piece = tuple[str, str]  # a text and its style


class Canvas:
    """`width` x `height` characters, of 2 x 4 dots each; dot (0, 0) is the lowest on the left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]
        self._letters: dict[tuple[int, int], str] = {}

    def dot(self, x: int, y: int, style: str) -> None:
        """Set a dot; one beside the canvas is left out."""
        column, row = x // 2, self.height - 1 - y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self._dots[row][column] |= _BITS[3 - y % 4][x % 2]
            self._styles[row][column] = style

    def line(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        """Set the dots of a straight line, both ends included."""
        (x, y), (to_x, to_y) = start, end
        count = max(abs(to_x - x), abs(to_y - y))
        for step in range(count + 1):
            share = step / count if count else 0.0
            self.dot(x + round((to_x - x) * share), y + round((to_y - y) * share), style)

    def letter(self, column: int, row: int, letter: str, style: str) -> None:
        """Put a letter in place of a character's dots, row 0 at the top."""
        if 0 <= column < self.width and 0 <= row < self.height:
            self._letters[row, column] = letter
            self._styles[row][column] = style

    def is_empty(self, column: int, row: int) -> bool:
        """Return whether a character has neither dots nor a letter."""
        return not self._dots[row][column] and (row, column) not in self._letters

    def lines(self, *, ascii: bool = False) -> Iterator[list[Piece]]:
        """Yield the lines from the top, in pieces of one style, without blanks at their ends."""
        for row in range(self.height):
            texts = [self._character(row, column, ascii) for column in range(self.width)]
            pairs = zip(texts, self._styles[row], strict=True)
            pieces = [
                ("".join(text for text, _ in run), style) for style, run in groupby(pairs, key=lambda pair: pair[1])
            ]
            if pieces and not pieces[-1][1]:
                last = pieces.pop()[0].rstrip()
                pieces += [(last, "")] if last else []
            yield pieces

    def _character(self, row: int, column: int, ascii: bool) -> str:
        dots = self._dots[row][column]
        if (row, column) in self._letters:
            return self._letters[row, column]
        if not dots:
            return " "
        return _plain(dots) if ascii else chr(BRAILLE + dots)


def _plain(dots: int) -> str:
    """Return the character of ASCII that comes nearest to braille dots."""
    rows = sum(1 << number for number, bits in enumerate(_ROWS) if dots & bits)
    return _PLAIN.get(rows, "|" if rows.bit_count() > 2 else ":")
