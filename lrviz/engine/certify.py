"""The certificate: the light engine's word, compared with torch's, and kept where both were compared.

It lies in the user's cache folder under a key made of everything that made the comparison: the files
of torch that the light engine executes, lrviz's own code that says what to replay (`lrviz.experiment`),
executes and compares (`lrviz.engine`), and Python.
A changed file has another key, and so no certificate. All that is read back is a verdict; no number
that is ever shown comes from the cache.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lrviz.engine.light import Unavailable, files, fingerprint, torch_folder
from lrviz.errors import OutputError

__all__ = ["Report", "certify", "folder", "read", "writable"]

LARGEST = 64 * 1024  # bytes; a verdict takes about one thousand
SHOWN = 10  # mismatches that a verdict keeps


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was compared: traces are equal when their rates, momenta, warnings and failures are, bit for bit."""

    key: str
    torch_version: str
    schedulers: int  # of the catalogue, containers included
    optimizers: int
    traces: int
    settings: int  # of all traces together
    failures: int  # traces that end where torch raises
    remarks: int  # warnings of torch
    mismatches: tuple[str, ...]  # the first few

    @property
    def certified(self) -> bool:
        """Whether the light engine may answer for this torch."""
        return bool(self.traces) and not self.mismatches


def certify() -> Report:
    """Compare both engines on the installed torch, keep the verdict if the cache takes it, and return it.

    Imports torch. Takes about a third of a second once torch and its first optimizer are loaded.
    """
    from lrviz.engine.compare import compare

    before = key()
    report = Report(key=before, **compare())
    if key() == before:  # nothing was upgraded meanwhile
        with suppress(OSError, OutputError):
            _keep(json.dumps(asdict(report), indent=1), _path())
    return report


def read() -> Report | None:
    """Return the verdict on this very torch, or None where there is none that can be trusted."""
    try:
        with _path().open("rb") as file:
            data = file.read(LARGEST + 1)
        return _checked(json.loads(data)) if len(data) <= LARGEST else None
    except (Unavailable, OSError, ValueError, RecursionError):
        return None


def writable() -> bool:
    """Return whether the cache takes a verdict; comparing would be for nothing if not."""
    try:
        probe = folder() / f"probe-{os.getpid()}"
        _keep("", probe)
        probe.unlink()
    except (OSError, OutputError):
        return False
    return True


def folder() -> Path:
    """Return lrviz's cache folder: $LRVIZ_CACHE_DIR, or the platform's own; it need not exist.

    Raises OSError where the user has no home.
    """
    own = os.environ.get("LRVIZ_CACHE_DIR")
    if own:
        return Path(own)
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    given = os.environ.get(variable, "")
    if Path(given).is_absolute():
        return Path(given) / "lrviz"
    try:
        home = Path.home()
    except RuntimeError as error:
        raise OSError(str(error)) from None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "lrviz"


def key() -> str:
    """Return the key of the installed torch, lrviz and Python; raises Unavailable or OSError."""
    torch = torch_folder()
    return _key(torch, fingerprint(torch))


@functools.lru_cache(maxsize=1)
def _key(torch: Path, _fingerprint: tuple[tuple[int, int], ...]) -> str:
    package = Path(__file__).parents[1]
    rooms = [package / "experiment", package / "engine"]
    own = [
        package / "__init__.py",
        package / "errors.py",
        package / "trace.py",
        *(path for room in rooms for path in sorted(room.rglob("*.py"))),
    ]
    digest = hashlib.blake2b(f"{sys.version}\n{sys.platform}\n".encode(), digest_size=16)
    for path in [*files(torch), *own]:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _path() -> Path:
    return folder() / f"engines-{key()}.json"


def _keep(text: str, path: Path) -> None:
    from lrviz.files import make_folder, write_text

    make_folder(path.parent)
    write_text(text, path)


def _checked(entries: Any) -> Report | None:
    """Return a verdict read from JSON if every entry is there, of its type, and for this key."""
    if not isinstance(entries, dict) or entries.keys() != _KINDS.keys():
        return None
    if not all(is_kind(entries[name]) for name, is_kind in _KINDS.items()) or entries["key"] != key():
        return None
    return Report(**{**entries, "mismatches": tuple(entries["mismatches"])})


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= 1000


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 10**9


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= SHOWN and all(map(_is_text, value))


_COUNTS = ("schedulers", "optimizers", "traces", "settings", "failures", "remarks")
_KINDS: dict[str, Callable[[Any], bool]] = {
    "key": _is_text,
    "torch_version": _is_text,
    **dict.fromkeys(_COUNTS, _is_count),
    "mismatches": _are_texts,
}
