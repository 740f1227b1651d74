"""What all tests share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

import lrviz
from lrviz.cli import main

settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "default")

Write = Callable[[str | bytes], Path]


@pytest.fixture(autouse=True, scope="session")
def _no_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache out of it: a folder that cannot be made holds no engine check, so that `auto` is torch."""
    file = tmp_path_factory.mktemp("cache") / "a-file"
    file.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRVIZ_CACHE_DIR", str(file / "lrviz"))
        yield


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a document to `a.yaml` in a folder of its own, made the current one, and return its path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str | bytes) -> Path:
        path = Path("a.yaml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def problems_of(write: Write) -> Callable[..., list[str]]:
    """Return the lines of the SpecError that loading a document raises."""

    def problems_of(text: str | bytes, **options: object) -> list[str]:
        with pytest.raises(lrviz.SpecError) as caught:
            lrviz.load(write(text), **options)
        return [str(problem) for problem in caught.value.problems]

    return problems_of


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def lrviz_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ended]:
    """Return a function that runs lrviz in an empty folder and says how it ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # the test's own pipes stay as they are

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["lrviz", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        captured = capsys.readouterr()
        return Ended(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run
