"""Whether a path is the log of a run, without importing the formats for what its name tells."""

from __future__ import annotations

from pathlib import Path

from lrviz.readers.logs import LOG_MARK, LOG_SUFFIXES


def is_log(path: Path) -> bool:
    """Return whether a path is the log of a run, or the folder of one; a look at its name tells most."""
    may_be = path.suffix.lower() in LOG_SUFFIXES or LOG_MARK in path.name or path.is_dir()
    if not may_be:
        return False
    from lrviz.readers.logs import formats

    return formats.is_log(path)
