"""A folder whose new files appear all at once, when every one is complete."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lrviz.errors import OutputError
from lrviz.files import make_folder

PREFIX, SUFFIX = ".lrviz-", ".part"


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Yield a passing folder within one, whose files move there when all are complete.

    What a killed process left there of its own is removed first. Raises OutputError where the folder
    cannot be written.
    """
    try:
        with _passing(folder) as passing:
            try:
                yield passing
            except OutputError as error:
                raise OutputError(str(error).replace(str(passing), str(folder))) from error
            for path in sorted(path for path in passing.rglob("*") if not path.is_dir()):
                target = folder / path.relative_to(passing)
                make_folder(target.parent)
                path.replace(target)
    except OSError as error:
        place = error.filename2 or error.filename or folder
        raise OutputError(f"cannot write {place}: {(error.strerror or str(error)).lower()}") from error


@contextmanager
def _passing(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder within one, which is gone at the end; a killed process leaves it to the next."""
    _remove_leftovers(folder)
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    passing, lock = made.with_name(made.name + SUFFIX), None
    try:
        lock = _lock(made)
        made.rename(passing)  # only now does another process look at it
        yield passing
    finally:
        for path in (made, passing):
            shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _remove_leftovers(folder: Path) -> None:
    """Remove the passing folders that no living process holds."""
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        lock = None if path.is_symlink() else _lock(path)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder, for as long as this process lives and those that it forks, unless the lock is closed before.

    Returns None where another process has locked it, and where folders cannot be locked, as on Windows.
    """
    if sys.platform == "win32":
        return None
    import fcntl

    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
        else:
            return handle
    return None
