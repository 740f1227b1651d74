"""What a person reads on the terminal: reports on stdout; errors, warnings, remarks and progress on stderr."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

import typer

from lrviz.errors import LrvizError, SpecError

if TYPE_CHECKING:
    from rich.console import Console

NARROWEST, WIDEST = 40, 400  # columns
COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


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
        "▁█▏–·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


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
