"""What all tests share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

import lrviz
from lrviz.experiment.argtypes import Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers import ClosedForm, Upstream
from lrviz.experiment.schedulers.base import LOADED
from lrviz.gallery import collect, render

settings.register_profile("default", deadline=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "default")

ROOT = Path(__file__).parent.parent

Write = Callable[[str | bytes], Path]

STEP = "title: Down the stairs\nscheduler: {name: step, step_size: 4, gamma: 0.5}\n"
LIBRARY = """
from torch.optim.lr_scheduler import LambdaLR

__version__ = "1.2"

def halving(optimizer, factor, wrong_from=1000):
    return LambdaLR(optimizer, lambda step: factor ** step * (2 if step >= wrong_from else 1))

class Counted:
    def __init__(self, optimizer, factor):
        self.groups = optimizer.param_groups
        self.bases = [group["lr"] for group in self.groups]
        self.factor = factor

    def step(self, count, metric=0):
        for group, base in zip(self.groups, self.bases):
            group["lr"] = base * self.factor ** count * group.get("scale", 1) + metric
            group["weight_decay"] = 0.5

    step_update = step

def refusing(optimizer, factor):
    def function(step):
        if step == 3:
            raise ValueError("three is too much")
        return factor ** step
    return LambdaLR(optimizer, function)
"""
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


@pytest.fixture(scope="session")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds the gallery of the two experiments, for copies."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "configs").mkdir()
    (folder / "configs" / "stairs.yaml").write_text(STEP)
    (folder / "configs" / "wave.yml").write_text(COSINE)
    (folder / "gallery").mkdir()
    render(collect(folder / "configs"), folder / "gallery", ["png", "svg"])
    return folder / "gallery"


@pytest.fixture
def drawn(configs: Path, drawn_once: Path, tmp_path: Path) -> Path:
    """Return a folder that holds their gallery."""
    return Path(shutil.copytree(drawn_once, tmp_path / "gallery"))


@pytest.fixture
def halving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ClosedForm]]:
    """Install a library of schedules, and return what puts one of it into the catalogue, and a spec of it."""
    (tmp_path / "halvings.py").write_text(LIBRARY)
    (tmp_path / "broken_halvings.py").write_text("import missing_one")
    (tmp_path / "half_installed").mkdir()
    (tmp_path / "half_installed" / "__init__.py").write_text("import missing_one")
    (tmp_path / "half_installed" / "schedules.py").write_text(LIBRARY)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = dict(LOADED)

    def halving(
        target: str = "halvings:halving", stepped_by: str = "step", groups: Any = None, metric: Any = None, **more: Any
    ) -> ClosedForm:
        class Halving(ClosedForm):
            """Halve the learning rate at each step.

                lr_t = base_lr * ratio^t

            Past its end: it has none.

            Source: this test.
            """

            name = "halvings-halving"
            library = "halvings"
            newest = (1, 1)
            family = "Halvings"
            shape = "█▄▂▁▁▁▁▁▁▁▁▁▁▁▁▁"

            ratio: float = arg(Real("factor of each step"), default=0.5)

            def factor(self, step: int) -> float:
                return self.ratio**step

            def upstream(self) -> Upstream:
                return Upstream(target, {"factor": self.ratio, **more}, stepped_by, groups or {})

            def stepped_with(self) -> Any:
                return metric

        return Halving()

    yield halving
    LOADED.clear()
    LOADED.update(before)
    for name in ("halvings", "broken_halvings"):
        sys.modules.pop(name, None)
