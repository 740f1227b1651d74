"""`--watch`: do it again whenever a file changes."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.report import print_error, print_note
from lrviz.errors import LrvizError, Problem, SpecError

if TYPE_CHECKING:
    from lrviz.cli.targets import Source

BESIDE = ("beside", "log", "resume_with")  # flags that name a file
PAUSE = 0.2  # seconds between two looks at the files


def watch(paths: Sequence[Path], act: Callable[[], None], looks: Iterable[object] | None = None) -> None:
    """Do something now, and again after each change of a file; what it raises is printed, and the watch goes on.

    It looks once for each of `looks`, by default for ever, five times a second. Raises SpecError where there
    is no file to look at.
    """
    if not paths:
        raise SpecError(Problem(place="--watch", message="there is no file to watch: it is for a target in a file"))
    seen = None
    for _ in looks if looks is not None else _ticks():
        now = [_stamp(path) for path in paths]
        if now != seen:
            _guarded(act)
            if seen is None:
                names = ", ".join(map(str, paths))
                print_note(f"watching {names}, until Ctrl-C")
            seen = now


def files_of(sources: Iterable[Source], given: Mapping[str, Any]) -> list[Path]:
    """Return the files that a command reads its targets from, those that flags name among them."""
    paths = [source.path for source in sources if source.path is not None]
    named = [shlex.split(text)[:1] for text in given.get("also", [])]
    named += [[given[flag]] for flag in BESIDE if given.get(flag)]
    paths += [Path(name) for names in named for name in names if Path(name).is_file()]
    return list(dict.fromkeys(paths))


def _ticks() -> Iterator[None]:
    yield None
    for _ in repeat(None):
        time.sleep(PAUSE)
        yield None


def _guarded(act: Callable[[], None]) -> None:
    try:
        act()
    except LrvizError as error:
        print_error(error)
    except typer.Exit:
        pass


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes with a file's content; None while an editor has it away."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
