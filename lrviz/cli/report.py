"""What a person reads on the terminal: reports on stdout; errors, warnings, remarks and progress on stderr."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO

import typer

from lrviz.errors import LrvizError, SpecError

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST, WIDEST = 40, 400  # columns
PIPED = 24  # lines where there is no terminal
COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}
STYLES: Mapping[str, Mapping[str, Any]] = {  # of the 256 colours, which read on light and on dark and in any eyes
    "blue": {"fg": 33}, "orange": {"fg": 208}, "green": {"fg": 36}, "purple": {"fg": 170}, "yellow": {"fg": 178},
    "sky": {"fg": 81}, "grey": {"fg": 245}, "dim": {"dim": True}, "bold": {"bold": True},
    "error": {"fg": "red"}, "warning": {"fg": "yellow"}, "note": {"fg": 245},
}  # fmt: skip


def print_error(error: LrvizError) -> None:
    """Print an error on stderr, one line for each problem."""
    lines = [str(problem) for problem in error.problems] if isinstance(error, SpecError) else [str(error)]
    for line in lines:
        print_message("error", line)


def print_note(text: str) -> None:
    """Print a remark on stderr."""
    print_message("note", text)


def print_message(kind: str, text: str, severity: str = "") -> None:
    """Print a line on stderr after the word for what it is, with ? for what would control the terminal.

    It has the colour of its severity, which is the word itself where nothing else is said.
    """
    word, _, rest = _fitted(f"{kind}: {text}", sys.stderr).partition(":")
    typer.secho(f"{word}:", fg=COLORS.get(severity or kind), bold=kind == "error", nl=False, err=True)
    typer.echo(rest, err=True)


def print_line(text: str, *, err: bool = False) -> None:
    """Print a line of a report, with ? for what would control the terminal."""
    typer.echo(_fitted(text, sys.stderr if err else sys.stdout), err=err)


def _fitted(text: str, stream: TextIO) -> str:
    """Return text as one may print it: on a terminal broken between words, in a pipe each line whole."""
    text = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
    if not stream.isatty():
        return text
    return "\n".join(map(_filled, text.split("\n")))


def _filled(line: str) -> str:
    """Return a line broken between words, each part with the blanks that it begins with."""
    blanks = " " * (len(line) - len(line.lstrip(" ")))
    return textwrap.fill(line, columns(), subsequent_indent=blanks, break_long_words=False, break_on_hyphens=False)


def columns() -> int:
    """Return how many columns a report may take: those of the terminal, 80 when piped; $COLUMNS has a say in both."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return 80
    return min(max(get_terminal_size().columns, NARROWEST), WIDEST)


def console() -> Console:
    """Return the console for reports."""
    from rich.console import Console

    return Console(width=columns(), highlight=False, soft_wrap=False)


def plain_blocks() -> bool:
    """Return whether stdout cannot show block characters, so that plain ones must do."""
    try:
        "▁█▏–·⠿┤".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def plain_letters() -> bool:
    """Return whether stdout can show ASCII alone: by its encoding, or as the Linux console, which has no braille."""
    return plain_blocks() or (sys.stdout.isatty() and os.environ.get("TERM") in ("linux", "dumb"))


def has_color() -> bool:
    """Return whether stdout takes colours: a terminal does, unless $NO_COLOR is set; $FORCE_COLOR has the last word."""
    if os.environ.get("FORCE_COLOR"):
        return os.environ["FORCE_COLOR"] != "0"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def lines() -> int:
    """Return how many lines the terminal has, 24 when piped; $LINES has a say in both."""
    if not sys.stdout.isatty() and "LINES" not in os.environ:
        return PIPED
    return get_terminal_size().lines


def print_pieces(pieces: Sequence[tuple[str, str]]) -> None:
    """Print a line of a report in pieces, each with the name of its style."""
    color = has_color()
    styled = (typer.style(text, **STYLES[style]) if color and style else text for text, style in pieces)
    typer.echo("".join(styled).rstrip(), color=color)


@contextmanager
def progress(task: str, total: int) -> Iterator[Callable[..., None] | None]:
    """Show a bar on stderr where somebody is there to see it; yields rich's `update` of it, or None."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(console=console, transient=True) as bar:
        yield partial(bar.update, bar.add_task(task, total=total))
