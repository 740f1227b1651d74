"""A figure as a file or a stream: whole or not at all, the same bytes for the same figure."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import IO, Any

from lrviz.errors import SpecError, nearest, shown
from lrviz.files import replacing

FORMATS = ("png", "svg", "pdf")
SUFFIXES = {f".{name}": name for name in FORMATS}

METADATA: dict[str, dict[str, Any]] = {  # without dates and versions, so that the same figure is the same bytes
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def format_of(path: Path) -> str:
    """Return the format that a file's suffix asks for; raises SpecError for one that is not known."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        hint = nearest(suffix, SUFFIXES) if suffix else ""
        given = f"{shown(str(path))} ends in {shown(path.suffix)}" if suffix else f"{shown(str(path))} has no suffix"
        raise SpecError(f"{given}; a figure's file ends in {', '.join(SUFFIXES)}{hint}")
    return SUFFIXES[suffix]


def write(figure: Any, target: Path | IO[bytes], format: str, dpi: float | None = None) -> None:
    """Write a figure in a format of `FORMATS` to a path or a binary stream.

    `dpi` is dots per inch, the figure's own when unset. A file appears whole or not at all. Raises
    SpecError for an unknown format and OutputError where the file cannot be written.
    """
    if format not in FORMATS:
        raise SpecError(f"unknown format {shown(format)}; known are {', '.join(FORMATS)}{nearest(format, FORMATS)}")
    if isinstance(target, Path):
        with replacing(target) as file:
            file.write(_rendered(figure, format, dpi))
    else:
        target.write(_rendered(figure, format, dpi))


def _rendered(figure: Any, format: str, dpi: float | None) -> bytes:
    from matplotlib import rc_context

    from lrviz.render.figure.theme import settings

    with rc_context(settings("light")), warnings.catch_warnings():
        # A box is drawn for what the font has not; an SVG keeps the text.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        stream = io.BytesIO()
        figure.savefig(stream, format=format, dpi=dpi or figure.dpi, metadata=METADATA[format], facecolor="auto")
    return stream.getvalue()
