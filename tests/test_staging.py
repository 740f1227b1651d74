from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lrviz.errors import OutputError
from lrviz.staging import staged

locking = pytest.mark.skipif(sys.platform == "win32", reason="Windows locks no folders")

HOLDING = """
import os, sys
from pathlib import Path
from lrviz.staging import staged
with staged(Path(sys.argv[1])) as passing:
    (passing / "a.svg").touch()
    {}
    os.write(1, os.fsencode(passing.name))
    os.read(0, 1)
"""


@contextmanager
def another(folder: Path, more: str = "pass") -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a process that has files in a passing folder and waits, and yield both."""
    code = HOLDING.format(more)
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as process:
        assert process.stdout is not None
        yield process, folder / process.stdout.read(100).decode()


def test_files_appear_when_all_are_complete(tmp_path: Path) -> None:
    with staged(tmp_path) as passing:
        (passing / "inner").mkdir()
        (passing / "inner" / "a.svg").write_text("new")
        assert list(tmp_path.iterdir()) == [passing]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["inner", "inner/a.svg"]


def test_whatever_interrupts_it_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("old")
    with suppress(KeyboardInterrupt), staged(tmp_path) as passing:
        (passing / "a.svg").write_text("new")
        raise KeyboardInterrupt
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_an_error_names_the_folder_rather_than_the_passing_one(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as caught, staged(tmp_path) as passing:
        raise OutputError(f"cannot write {passing / 'a.svg'}")
    assert str(caught.value) == f"cannot write {tmp_path / 'a.svg'}"


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*: no such file or directory"), staged(tmp_path / "none"):
        pass


@locking
def test_what_a_killed_process_left_goes_before_the_next(tmp_path: Path) -> None:
    with another(tmp_path) as (process, left):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert list(left.iterdir()) == [left / "a.svg"]
        with staged(tmp_path):
            assert not left.exists()


@locking
def test_what_a_living_process_has_stays(tmp_path: Path) -> None:
    with another(tmp_path) as (process, theirs):
        with staged(tmp_path):
            assert (theirs / "a.svg").exists()
        assert (theirs / "a.svg").exists()
        process.communicate(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


@locking
def test_what_a_killed_process_left_to_one_that_it_forked_stays(tmp_path: Path) -> None:
    with another(tmp_path, "os.fork() or (os.read(0, 1), os._exit(0))") as (process, theirs):
        process.send_signal(signal.SIGKILL)
        process.wait()
        with staged(tmp_path):
            assert (theirs / "a.svg").exists()


def test_what_is_somebody_elses_stays(tmp_path: Path) -> None:
    (tmp_path / ".lrviz-mine").mkdir()
    (tmp_path / ".lrviz-file.part").touch()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "b.svg").touch()
    (tmp_path / ".lrviz-link.part").symlink_to("there")
    before = set(tmp_path.rglob("*"))
    with staged(tmp_path):
        pass
    assert set(tmp_path.rglob("*")) == before
