"""The pytest plugin: `--lrviz-update`, and where the running test is, for `lrviz.testing`.

It stands beside lrviz, so that no pytest session imports lrviz before one of its tests does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Session:
    """What pytest says to `lrviz.testing`; nothing where no test runs."""

    update: bool = False
    test: Path | None = None  # the file of the running test
    written: list[Path] = field(default_factory=list)  # golden files


SESSION = Session()


def pytest_addoption(parser: Any) -> None:
    """Add the flag."""
    text = "write the golden files of lrviz.testing.assert_schedule anew"
    parser.getgroup("lrviz").addoption("--lrviz-update", action="store_true", default=False, help=text)


def pytest_configure(config: Any) -> None:
    """Note whether golden files are to be written."""
    SESSION.update = bool(config.getoption("--lrviz-update", default=False))


def pytest_runtest_protocol(item: Any) -> None:
    """Note which test runs."""
    SESSION.test = Path(item.path)


def pytest_runtest_logfinish() -> None:
    """Note that it is over."""
    SESSION.test = None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which golden files were written."""
    for line in _lines():
        terminalreporter.write_line(line)


def _lines() -> Iterator[str]:
    here = Path.cwd()
    for path in SESSION.written:
        yield f"lrviz: wrote {path.relative_to(here) if path.is_relative_to(here) else path}"
