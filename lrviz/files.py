"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lrviz.errors import OutputError


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, where they are missing; raises OutputError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}") from error


def write_text(text: str, target: Path) -> None:
    """Write a text file, whole or not at all; raises OutputError where it cannot be."""
    with replacing(target) as file:
        file.write(text.encode("utf-8"))


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes its name only when it is complete.

    It is written beside the target under a passing name and moved there in one stroke; whatever
    interrupts that leaves the target as it was. A symbolic link stays one, and what it leads to is written.
    Raises OutputError where it cannot be written, or may not be.
    """
    try:
        target = Path(os.path.realpath(target)) if target.is_symlink() else target
        _refuse_unwritable(target)
        passing = target.with_name(f".{target.name[:60]}.{os.urandom(6).hex()}.part")
        try:
            with passing.open("xb") as file:
                if target.exists():
                    passing.chmod(target.stat().st_mode & 0o7777)
                yield file
            passing.replace(target)
        except BaseException:  # a Ctrl-C as well leaves nothing behind
            with suppress(OSError):
                passing.unlink()
            raise
    except OSError as error:
        raise OutputError(f"cannot write {target}: {_reason(error, target)}") from error


def _refuse_unwritable(target: Path) -> None:
    """Raise OSError for what an ordinary `open` would not write; replacing it would not ask."""
    if target.is_dir():
        raise IsADirectoryError
    if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise OSError("it may not be written to")


def _reason(error: OSError, target: Path) -> str:
    folder = target.parent
    match error:
        case FileNotFoundError() if not folder.exists():
            return f"there is no folder {folder}"
        case IsADirectoryError():
            return "it is a folder"
        case NotADirectoryError():
            return f"{folder} is not a folder"
        case PermissionError():
            return f"no permission to write in {folder}"
        case _:
            return (error.strerror or str(error)).lower()
