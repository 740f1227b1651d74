"""Whether a gallery's committed files still are what the code makes: numbers first, then pixels."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lrviz.gallery import CURVES, INDEX, Entry, OnDrawn, curves, render
from lrviz.render.figure.comparison import png_differs, svg_differs

__all__ = ["differences"]


def differences(
    entries: Sequence[Entry], folder: Path, formats: Sequence[str], on_drawn: OnDrawn | None = None
) -> list[str]:
    """Return a line for everything in a gallery's folder that its experiments no longer make.

    Regenerates into a temporary folder; nothing in `folder` is touched.
    """
    found = list(_numbers(entries, folder / CURVES))
    with tempfile.TemporaryDirectory(prefix="lrviz-") as temporary:
        fresh = Path(temporary)
        render(entries, fresh, formats, on_drawn)
        found += _files(folder, fresh, formats)
    return found


def _numbers(entries: Sequence[Entry], committed: Path) -> Iterator[str]:
    try:
        old: dict[str, Any] = json.loads(committed.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"{committed.name}: cannot be read: {error}"
        return
    if not isinstance(old, dict):
        yield f"{committed.name}: does not hold the numbers of figures"
        return
    new = json.loads(curves(entries))
    yield from (f"{name}: has no numbers in {committed.name}" for name in new if name not in old)
    yield from (f"{name}: has numbers in {committed.name}, but no YAML file" for name in old if name not in new)
    for name in new:
        if name in old and new[name] != old[name]:
            yield f"{name}: the numbers differ: {_difference(old[name], new[name])}"


def _difference(old: Any, new: Any, where: str = "") -> str:
    """Return the first difference between two trees of JSON."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return next(_difference(old[key], new[key], f"{where} {key}") for key in old if old[key] != new[key])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        index = next(index for index, (was, now) in enumerate(zip(old, new, strict=True)) if was != now)
        return f"{where.strip()} number {index} is {new[index]!r}, was {old[index]!r}"
    return f"{where.strip() or 'the shape'} is not what it was"


def _files(folder: Path, fresh: Path, formats: Sequence[str]) -> Iterator[str]:
    made = {path.name for path in fresh.iterdir()}
    suffixes = tuple(f".{file_format}" for file_format in formats)
    kept = {path.name for path in folder.iterdir() if path.name.endswith(suffixes)} if folder.is_dir() else set()
    yield from (f"{name}: is missing" for name in sorted(made - kept) if not (folder / name).exists())
    yield from (f"{name}: no YAML file makes it" for name in sorted(kept - made))
    for name in sorted(made & kept):
        differs = {".png": png_differs, ".svg": svg_differs}.get(Path(name).suffix)
        message = differs(folder / name, fresh / name) if differs else None
        if message:
            yield f"{name}: {message}"
    index = folder / INDEX
    if index.exists() and index.read_bytes() != (fresh / INDEX).read_bytes():
        yield f"{INDEX}: the index differs"
