"""The engine check: the comparison of the light engine with torch, run where it is wanted, and its result, kept.

The result lies in the user's cache folder under a key made of everything that made it: the files of torch
that the light engine executes, lrviz's own code that says what to replay (`lrviz.experiment`), executes and
compares (`lrviz.engine`), and Python. A changed file has another key, and so no result. No number that is
ever shown comes from the cache.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from lrviz.engine.compare import EngineCheck, compare
from lrviz.engine.light import Unavailable, files, fingerprint, torch_folder
from lrviz.errors import OutputError

LARGEST = 64 * 1024  # bytes; a result takes less than a thousand


def certify() -> EngineCheck:
    """Compare both engines on the installed torch, keep the result if the cache takes it, and return it.

    Imports torch. Takes about a third of a second once torch and its first optimizer are loaded.
    """
    before = key()
    check = compare()
    if key() == before:  # nothing was upgraded meanwhile
        body = json.dumps(asdict(check))
        with suppress(OSError, OutputError):
            _write(f"{_digest(before, body)}\n{body}", result_path())
    return check


def read() -> EngineCheck | None:
    """Return the result for this very torch, lrviz and Python; None where there is none, or it was changed."""
    try:
        path = result_path()
        if not path.is_file():  # a pipe would be waited for
            return None
        with path.open("rb") as file:
            digest, _, body = file.read(LARGEST).decode(errors="replace").partition("\n")
        if digest != _digest(key(), body):
            return None
    except (Unavailable, OSError):
        return None
    entries = json.loads(body)
    return EngineCheck(**{**entries, "mismatches": tuple(entries["mismatches"])})


def is_writable() -> bool:
    """Return whether the cache takes a result; comparing would be for nothing if not."""
    try:
        probe = folder() / f"probe-{os.getpid()}"
        _write("", probe)
        probe.unlink()
    except (OSError, OutputError):
        return False
    return True


def result_path() -> Path:
    """Return where the result is kept; raises Unavailable or OSError."""
    return folder() / f"engines-{key()}"


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
    own = [package / name for name in ("__init__.py", "errors.py", "trace.py")]
    own += [path for part in ("experiment", "engine") for path in sorted((package / part).rglob("*.py"))]
    digest = hashlib.blake2b(f"{sys.version}\n{sys.platform}\n".encode(), digest_size=16)
    for path in [*files(torch), *own]:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _digest(key: str, body: str) -> str:
    """Return what tells a result that was kept whole, under this key."""
    return hashlib.blake2b(f"{key}\n{body}".encode(), digest_size=16).hexdigest()


def _write(text: str, path: Path) -> None:
    from lrviz.files import make_folder, write_text

    make_folder(path.parent)
    write_text(text, path)
