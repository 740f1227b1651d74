"""The result of the engine check: kept whole under a key of all that made it, or not at all."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrviz.engine import certify as module
from lrviz.engine.certify import certify, folder, is_writable, key, read, result_path
from lrviz.engine.compare import EngineCheck, compare

pytestmark = pytest.mark.usefixtures("cache")

CHECK = EngineCheck(
    torch_version="2", schedulers=1, optimizers=1, replays=3, steps=96, failures=0, warnings=0, mismatches=("a", "b")
)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> EngineCheck:
    """What every comparison of the test comes to."""
    monkeypatch.setattr(module, "compare", lambda: CHECK)
    return CHECK


def test_what_was_compared_is_read_back() -> None:
    assert read() is None
    check = certify()
    assert dataclasses.asdict(check) == dataclasses.asdict(compare())
    assert read() == check


def test_nothing_but_the_result_is_left_in_the_cache(cache: Path, compared: EngineCheck) -> None:
    assert is_writable()
    assert certify() == compared
    assert list(cache.iterdir()) == [result_path()]


@pytest.mark.usefixtures("compared")
def test_a_result_whose_torch_was_upgraded_meanwhile_is_not_kept(
    cache: Path, edit: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgraded() -> EngineCheck:
        edit("class StepLR", "# upgraded\nclass StepLR")
        return CHECK

    monkeypatch.setattr(module, "compare", upgraded)
    assert certify() == CHECK
    assert not cache.exists()


@pytest.mark.usefixtures("compared")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"{",
        lambda data: b"\x80\x04}\x94.",
        lambda data: data[:-1],
        lambda data: data + b" ",
        lambda data: data + b" " * module.LARGEST,
        lambda data: data.replace(b'"replays": 3', b'"replays": 4'),
        lambda data: data.replace(b'["a", "b"]', b"[]"),
        lambda data: data.partition(b"\n")[2],
    ],
)
def test_a_spoilt_result_is_none(spoil: Callable[[bytes], bytes]) -> None:
    certify()
    data = result_path().read_bytes()
    assert read() == CHECK
    assert spoil(data) != data
    result_path().write_bytes(spoil(data))
    assert read() is None


@pytest.mark.usefixtures("compared")
def test_a_result_under_another_key_is_none(edit: Callable[[str, str], None]) -> None:
    certify()
    kept = result_path()
    edit("class StepLR", "# upgraded\nclass StepLR")
    assert read() is None
    kept.rename(result_path())
    assert read() is None


def test_a_folder_in_the_results_place_is_none() -> None:
    result_path().mkdir(parents=True)
    assert read() is None
    assert certify().passed


def test_a_cache_that_cannot_be_made_takes_nothing(cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    assert not is_writable()


@pytest.mark.parametrize("name", ["experiment/schedulers/pytorch.py", "engine/light.py", "errors.py", "__init__.py"])
def test_a_change_of_lrvizs_own_code_has_another_key(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before, read_bytes = key(), Path.read_bytes
    module._key.cache_clear()
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read_bytes(path) + b"#" * path.as_posix().endswith(f"lrviz/{name}")
    )
    assert key() != before
    module._key.cache_clear()


def test_an_upgrade_while_the_process_runs_has_another_key(edit: Callable[[str, str], None]) -> None:
    before = key()
    edit("class StepLR", "# upgraded\nclass StepLR")
    assert key() != before


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/there"}, "/there/lrviz"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute", "HOME": "/home/a"}, "/home/a/.cache/lrviz"),
        ("linux", {"HOME": "/home/a"}, "/home/a/.cache/lrviz"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Caches/lrviz"),
        ("win32", {"LOCALAPPDATA": "/there"}, "/there/lrviz"),
        ("linux", {"LRVIZ_CACHE_DIR": "/mine", "XDG_CACHE_HOME": "/there"}, "/mine"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, Any], expected: str
) -> None:
    for name in ("LRVIZ_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert folder() == Path(expected)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
def test_pipe_in_the_results_place_is_not_waited_for(cache: Path) -> None:
    cache.mkdir()
    os.mkfifo(result_path())
    assert read() is None
