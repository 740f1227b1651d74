"""What a person reads on the terminal: reports on stdout; errors, warnings, remarks and progress on stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import typer

from lrviz.errors import LrvizError, SpecError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["COLORS", "console", "plain_blocks", "print_error", "print_message", "print_note", "progress"]

COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def print_error(error: LrvizError) -> None:
    """Print an error on stderr, one line for each problem."""
    lines = [str(problem) for problem in error.problems] if isinstance(error, SpecError) else [str(error)]
    for line in lines:
        print_message("error", line)


def print_note(text: str) -> None:
    """Print a remark on stderr."""
    print_message("note", text)


def print_message(kind: str, text: str) -> None:
    """Print a line on stderr after the word for what it is, with ? for what would control the terminal."""
    typer.secho(f"{kind}: ", fg=COLORS.get(kind), bold=kind == "error", nl=False, err=True)
    typer.echo("".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text), err=True)


def console() -> Console:
    """Return the console for reports: as wide as the terminal, 80 columns when piped."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 80
    return Console(width=width, highlight=False, soft_wrap=False)


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
