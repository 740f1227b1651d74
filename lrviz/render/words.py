"""Other people's text: cleaned for a picture or a terminal, measured and fitted."""

from __future__ import annotations

import textwrap
import unicodedata

EM = 0.6  # mean width of a character of DejaVu Sans, in ems; on the wide side


def clean(text: str) -> str:
    """Return text with what cannot be drawn or stored in XML replaced."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def one_line(text: str) -> str:
    """Return text on one line, without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))


def inches(text: str, points: float) -> float:
    """Return about how wide the longest line of a text is, set in so many points."""
    widest = max((_ems(line) for line in text.split("\n")), default=0.0)
    return widest * EM * points / 72


def clipped(text: str, limit: int) -> str:
    """Return text with its end left out where it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def wrapped(text: str, width: float, points: float, lines: int = 2) -> str:
    """Return text in at most `lines` lines of `width` inches, its end left out where it is longer."""
    text = clean(text)
    if text.count("\n") < lines and inches(text, points) <= width:
        return text
    wide = _ems(text) / max(1, len(text))
    room = max(8, int(width * 72 / (EM * points * max(1.0, wide))))
    return "\n".join(textwrap.wrap(text, room, max_lines=lines, placeholder="…", break_long_words=True))


def _ems(line: str) -> float:
    return float(sum(1.7 if unicodedata.east_asian_width(char) in "WF" else 1.0 for char in line))
