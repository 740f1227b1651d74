"""Lines of styled text for a rich Console."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.segment import Segment

from lrviz.render.words import one_line

GAP = 2  # blanks between two columns

Line = list[tuple[str, str]]  # pieces of text, each with its style


def segments(lines: Iterable[Line], console: Console) -> Iterator[Segment]:
    """Yield what a Console prints of lines, without blanks at their ends."""
    for line in lines:
        for text, style in _stripped(line):
            yield Segment(text, console.get_style(style) if style else None)
        yield Segment.line()


def cleaned(text: str, *, ascii: bool) -> str:
    """Return text on one line as a terminal may have it."""
    text = one_line(text)
    return text.encode("ascii", "backslashreplace").decode() if ascii else text


def wrapped(text: str, width: int, style: str) -> Iterator[Line]:
    """Yield a text in lines of at most `width` cells, broken between words."""
    line = ""
    for part in (part for word in text.split() for part in chop_cells(word, width)):
        longer = f"{line} {part}".lstrip()
        if cell_len(longer) > width:
            yield [(line, style)]
            longer = part
        line = longer
    yield [(line, style)]


def _stripped(line: Line) -> Line:
    line = list(line)
    while line:
        text, style = line.pop()
        if text.strip():
            return [*line, (text.rstrip(), style)]
    return line
