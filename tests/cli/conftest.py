"""Running the command line in this process, as `main` does, or in one of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lrviz.cli import main


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def lrviz(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ended]:
    """Return a function that runs lrviz in an empty folder and returns how it ended."""
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


@pytest.fixture
def table(lrviz: Callable[..., Ended]) -> Callable[..., list[list[str]]]:
    """Return a function that makes a table of a target, and returns the rows of its CSV."""

    def rows(*arguments: str) -> list[list[str]]:
        ended = lrviz("table", *arguments, "--format", "csv")
        assert ended.code == 0, ended.err
        return [line.split(",") for line in ended.out.splitlines()]

    return rows


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Python with arguments, and returns how it ended."""

    def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd)

    return run
