"""Files of logs, opened within limits."""

from __future__ import annotations

import stat
from pathlib import Path

from lrviz.errors import Problem, SpecError


def content(path: Path, limit: int) -> bytes:
    """Return what an ordinary file holds; raises SpecError for one that cannot be read, or is too large."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refuse(path, "not an ordinary file")
        if status.st_size > limit:
            raise refuse(path, f"has {status.st_size:,} bytes; a log of at most {limit:,} is read")
        with path.open("rb") as file:
            return file.read(limit)
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with a null character
        raise refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def refuse(path: Path, message: str) -> SpecError:
    return SpecError(Problem(place=str(path), message=message))
