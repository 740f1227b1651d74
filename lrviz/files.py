"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lrviz.errors import OutputError

__all__ = ["make_folder", "replacing", "write_text"]


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
    interrupts that leaves the target as it was. Raises OutputError where it cannot be written.
    """
    try:
        if target.is_dir():
            raise IsADirectoryError
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:60]}.", suffix=".part", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
            Path(name).chmod(_mode(target))
            Path(name).replace(target)
        except BaseException:  # a Ctrl-C as well leaves nothing behind
            with suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise OutputError(f"cannot write {target}: {_reason(error, target)}") from error


def _mode(target: Path) -> int:
    """Return the mode that an ordinary `open` would leave the file with."""
    if target.exists():
        return target.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


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
