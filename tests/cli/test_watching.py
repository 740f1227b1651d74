"""`--watch`: what is done again, and when."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from lrviz.cli.watching import watch
from lrviz.errors import SpecError


def test_it_acts_at_once_and_again_after_each_change(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    done: list[str] = []

    def looks() -> Iterator[None]:
        yield
        yield  # nothing changed
        file.write_text("22")
        yield
        file.unlink()
        yield
        file.write_text("333")
        yield

    watch([file], lambda: done.append(file.read_text() if file.exists() else "none"), looks())
    assert done == ["1", "22", "none", "333"]


def test_a_change_of_time_alone_counts(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    done: list[None] = []

    def looks() -> Iterator[None]:
        yield
        os.utime(file, ns=(1, 1))
        yield

    watch([file], lambda: done.append(None), looks())
    assert len(done) == 2


@pytest.mark.parametrize("raised", [SpecError("no such thing"), typer.Exit(1)])
def test_what_is_raised_does_not_end_it(tmp_path: Path, capsys, raised: Exception) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")

    def act() -> None:
        raise raised

    watch([file], act, [None])
    assert capsys.readouterr().err.splitlines() == [
        *(["error: no such thing"] if isinstance(raised, SpecError) else []), f"note: watching {file}, until Ctrl-C"
    ]  # fmt: skip


def test_without_a_file_there_is_nothing_to_watch() -> None:
    with pytest.raises(SpecError, match="there is no file to watch"):
        watch([], lambda: None, [None])
