"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import lrviz
from lrviz.gallery import collect, render

settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "default")

ROOT = Path(__file__).parent.parent

Write = Callable[[str | bytes], Path]

STEP = "title: Down the stairs\nscheduler: {name: step, step_size: 4, gamma: 0.5}\n"
COSINE = "scheduler: {name: cosine, eta_min: 1e-4}\ngallery: {section: Waves}\n"


@pytest.fixture(autouse=True, scope="session")
def _working_tree() -> Iterator[None]:
    """Let every process that a test starts import this working tree, whatever is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        yield


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


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """Return a folder of two experiments."""
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "stairs.yaml").write_text(STEP)
    (folder / "wave.yml").write_text(COSINE)
    return folder


@pytest.fixture
def drawn(configs: Path, tmp_path: Path) -> Path:
    """Return a folder that holds their gallery."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    render(collect(configs), folder, ["png", "svg"])
    return folder
