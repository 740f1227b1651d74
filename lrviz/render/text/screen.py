"""Lines of styled text for a rich Console."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from rich.console import Console, ConsoleOptions, RenderResult
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


@dataclass(frozen=True)
class _Screen:
    """Lines for the width that there is, as something that a Console prints."""

    lines: Callable[[int], Iterable[Line]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from segments(self.lines(options.max_width), console)


def printed(lines: Callable[[int], Iterable[Line]], console: Console) -> Iterator[str]:
    """Yield the text that a Console makes of lines, which a function returns for a width."""
    with console.capture() as captured:
        console.print(_Screen(lines))
    yield captured.get()


def cleaned(text: str, *, ascii: bool) -> str:
    """Return text on one line as a terminal may have it."""
    return plain(one_line(text), ascii=ascii)


def plain(text: str, *, ascii: bool) -> str:
    """Return text with escapes for all letters but those of ASCII, where only they can be shown."""
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
