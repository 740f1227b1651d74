"""Whether a gallery's committed files still are what the code makes: numbers first, then pixels."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lrviz.curves import changes
from lrviz.gallery import CURVES, INDEX, Entry, OnDone, curves, figure_names, render
from lrviz.render.figure.comparison import png_differs, svg_differs
from lrviz.render.figure.output import SUFFIXES

LARGEST = 50_000_000  # bytes of curves.json; that of a thousand experiments is far smaller
LFS = b"version https://git-lfs"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """A file of a gallery that is not what its experiments make; `figure` is whose numbers, where they are."""

    kind: Literal["drifted", "missing", "stray"]
    file: str
    message: str
    figure: str = ""

    def __str__(self) -> str:
        return f"{self.figure or self.file}: {self.message}"

    def as_dict(self) -> dict[str, str]:
        """Return what JSON output shows; the kind is the key of its list."""
        named = {"figure": self.figure} if self.figure else {}
        return {"file": self.file, **named, "message": self.message}


def differences(
    entries: Sequence[Entry], folder: Path, formats: Sequence[str], on_drawn: OnDone | None = None
) -> list[Drift]:
    """Return everything in a gallery's folder that its experiments no longer make.

    Regenerates into a temporary folder; nothing in `folder` is touched. A file that is damaged, or no
    file at all, has drifted as well.
    """
    found = list(_numbers(entries, folder / CURVES))
    with tempfile.TemporaryDirectory(prefix="lrviz-") as temporary:
        fresh = Path(temporary)
        render(entries, fresh, formats, on_drawn)
        found += _files(folder, fresh)
    stray = [Drift(kind="stray", file=name, message="no YAML file makes it") for name in strays(entries, folder)]
    return [*found, *stray]


def strays(entries: Sequence[Entry], folder: Path) -> list[str]:
    """Return the files of a gallery that lrviz may have made and no experiment makes now, in any format.

    Looks in the folder, and in those within it that figures are in now or, by its curves' numbers, were;
    never in one that is a symbolic link.
    """
    old, _ = _read(folder / CURVES)
    names = set(figure_names(entries))
    places = {parent for name in (*names, *(old or {})) for parent in Path(name).parents}
    found = []
    for place in places:
        within = [folder / part for part in (place, *place.parents) if part.name]
        if ".." in place.parts or place.is_absolute() or not all(_is_real_folder(path) for path in within):
            continue
        for path in (folder / place).iterdir():
            name = path.relative_to(folder)
            is_file = path.is_symlink() or path.is_file()
            if is_file and path.suffix in SUFFIXES and name.with_suffix("").as_posix() not in names:
                found.append(name.as_posix())
    return sorted(found)


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _read(committed: Path) -> tuple[dict[str, Any] | None, str]:
    """Return the committed numbers by figure, or why they cannot be read."""
    problem = _damage(committed)
    if problem:
        return None, problem
    try:
        if committed.stat().st_size > LARGEST:
            return None, f"is larger than {LARGEST:,} bytes"
        old = json.loads(committed.read_text(encoding="utf-8"))
    except RecursionError:
        return None, "cannot be read: nested too deeply"
    except UnicodeDecodeError:
        return None, "cannot be read: it is not UTF-8"
    except (OSError, ValueError) as error:
        return None, f"cannot be read: {_why(error)}"
    return (old, "") if isinstance(old, dict) else (None, "does not hold the numbers of figures")


def _numbers(entries: Sequence[Entry], committed: Path) -> Iterator[Drift]:
    old, problem = _read(committed)
    if old is None:
        kind: Literal["missing", "drifted"] = "drifted" if committed.exists() or committed.is_symlink() else "missing"
        yield Drift(kind=kind, file=CURVES, message=problem)
        return
    new = json.loads(curves(entries))
    for name in dict.fromkeys((*new, *old)):
        if name not in old:
            lines = [f"has no numbers in {CURVES}"]
        elif name not in new:
            lines = [f"has numbers in {CURVES}, but no YAML file"]
        else:
            lines = list(changes(old[name], new[name])) if old[name] != new[name] else []
        yield from (Drift(kind="drifted", file=CURVES, message=line, figure=name) for line in lines)


def _files(folder: Path, fresh: Path) -> Iterator[Drift]:
    """Compare every file of a gallery but the numbers with a fresh one, the index last."""
    paths = sorted(path for path in fresh.rglob("*") if path.is_file() and path != fresh / CURVES)
    for path in sorted(paths, key=lambda path: path == fresh / INDEX):
        name = path.relative_to(fresh).as_posix()
        committed = folder / name
        if not (committed.exists() or committed.is_symlink()):
            yield Drift(kind="missing", file=name, message="is missing")
            continue
        message = _damage(committed) or _difference(committed, path)
        if message:
            yield Drift(kind="drifted", file=name, message=message)


def _damage(path: Path) -> str | None:
    """Return what keeps a committed file from being one that can be compared, or None."""
    try:
        if not path.exists():
            return "is a link to a file that is missing" if path.is_symlink() else "is missing"
        if not path.is_file():
            return "is a folder" if path.is_dir() else "is not an ordinary file"
        with path.open("rb") as file:
            start = file.read(len(LFS))
    except OSError as error:
        return f"cannot be read: {(error.strerror or str(error)).lower()}"
    return "is a pointer of Git LFS; `git lfs pull` brings the file" if start == LFS else None


def _difference(old: Path, new: Path) -> str | None:
    compare: dict[str, Callable[[Path, Path], str | None]] = {
        ".png": png_differs, ".svg": svg_differs, ".pdf": _pdf_differs, ".md": _text_differs,
    }  # fmt: skip
    try:
        return compare[new.suffix](old, new)
    except UnicodeDecodeError:
        return "cannot be read: it is not UTF-8"
    except Exception as error:  # noqa: BLE001  what decodes an image raises anything for a damaged one
        return f"cannot be read: {_why(error)}"


def _why(error: Exception) -> str:
    """Return in plain words why a file could not be decoded."""
    match error:
        case UnicodeDecodeError():
            return "not text in UTF-8"
        case json.JSONDecodeError():
            return f"not JSON from line {error.lineno} on"
        case _:
            return str(error) or type(error).__name__


def _pdf_differs(old: Path, new: Path) -> str | None:
    """Return what is wrong with a PDF file; what it shows is in the other formats."""
    with old.open("rb") as before, new.open("rb") as after:
        return None if before.read(5) == after.read(5) else "is not a PDF file"


def _text_differs(old: Path, new: Path) -> str | None:
    """Compare two indices, whatever ends their lines."""
    return None if old.read_text(encoding="utf-8") == new.read_text(encoding="utf-8") else "the index differs"
