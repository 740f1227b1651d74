from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lrviz.errors import ReplayError, SpecError
from lrviz.gallery import CURVES, INDEX, collect, own_configs, render

STEP = "title: Down the stairs\nscheduler: {name: step, step_size: 4, gamma: 0.5}\n"
COSINE = "scheduler: {name: cosine, eta_min: 1e-4}\ngallery: {section: Waves}\n"


@pytest.fixture(scope="module")
def first_configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("configs")
    (folder / "01-stairs.yaml").write_text(STEP)
    (folder / "02-wave.yml").write_text(COSINE)
    return folder


@pytest.fixture
def configs(first_configs: Path, tmp_path: Path) -> Path:
    """Return a folder of two experiments that a test may change."""
    return shutil.copytree(first_configs, tmp_path / "configs")


@pytest.fixture(scope="module")
def drawn(first_configs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gallery")
    render(collect(first_configs), folder, ["png", "svg"])
    return folder


def test_every_file_is_a_figure_in_every_format(drawn):
    names = ("stairs", "wave", "schedulers-wide", "schedulers-tall")
    figures = {f"{name}.{suffix}" for name in names for suffix in ("png", "svg")}
    assert {path.name for path in drawn.iterdir()} == {*figures, CURVES, INDEX}


def test_the_index_shows_every_figure_with_its_yaml(drawn):
    index = (drawn / INDEX).read_text()
    assert "### Down the stairs\n\n![Down the stairs](stairs.png)\n\n```yaml\n" + STEP in index
    assert index.index("## Schedules") < index.index("## Waves")


def test_the_same_input_gives_the_same_bytes(configs, drawn, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    render(collect(configs), again, ["png", "svg"])
    assert {path.name: path.read_bytes() for path in drawn.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


def test_every_figure_is_reported_once(configs, tmp_path):
    names: list[str] = []
    render(collect(configs), tmp_path, ["svg"], names.append)
    assert sorted(names) == ["schedulers-tall", "schedulers-wide", "stairs", "wave"]


def test_figures_outside_the_summaries_make_none(tmp_path):
    (tmp_path / "a.yaml").write_text(STEP + "gallery: {summary: false}\n")
    assert render(collect(tmp_path), tmp_path, ["svg"]) == 1


def test_the_problems_of_all_files_come_together(configs):
    (configs / "03-bad.yaml").write_text("scheduler: {name: cosin}\n")
    (configs / "04-worse.yaml").write_text("scheduler: {name: step}\n")
    with pytest.raises(SpecError) as caught:
        collect(configs)
    files = [Path(problem.place.split(":")[0]).name for problem in caught.value.problems]
    assert files == ["03-bad.yaml", "04-worse.yaml"]


def test_two_files_may_not_make_one_figure(configs):
    (configs / "09-wave.yaml").write_text(COSINE)
    with pytest.raises(SpecError, match=r"makes a figure 'wave', as 02-wave\.yml does"):
        collect(configs)


def test_what_torch_raises_is_told_with_its_file(configs):
    (configs / "03-over.yaml").write_text("scheduler: {name: onecycle, max_lr: 1, total_steps: 16}\n")
    with pytest.raises(ReplayError, match=r"03-over\.yaml: .* after step 16"):
        collect(configs)


def test_code_in_a_folder_is_refused_unless_allowed(configs):
    (configs / "03-own.yaml").write_text("scheduler: {name: 'torch.optim.lr_scheduler:StepLR', args: {step_size: 3}}\n")
    with pytest.raises(SpecError, match="would run code"):
        collect(configs)
    assert len(collect(configs, allow_import=["torch.optim.lr_scheduler"])) == 3


def test_figures_drawn_side_by_side_are_those_drawn_alone(configs, drawn, tmp_path):
    code = (
        "import sys; from pathlib import Path; from lrviz.gallery import collect, render\n"
        "import lrviz.gallery, functools; from lrviz.engine.select import replay\n"
        "lrviz.gallery.replay = functools.partial(replay, engine='light')\n"
        "render(collect(Path(sys.argv[1])), Path(sys.argv[2]), ['png', 'svg'])\n"
        "sys.exit('torch' in sys.modules)"
    )
    again = tmp_path / "again"
    again.mkdir()
    assert subprocess.run([sys.executable, "-c", code, str(configs), str(again)], check=False).returncode == 0
    assert {path.name: path.read_bytes() for path in drawn.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


def test_a_folder_without_experiments_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"holds no \.yaml files"):
        collect(tmp_path)


def test_lrvizs_own_experiments_are_found():
    assert len(list(own_configs().glob("*.yaml"))) >= 31
