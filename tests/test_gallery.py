from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lrviz.drift import differences
from lrviz.errors import ReplayError, SpecError
from lrviz.gallery import CURVES, INDEX, collect, own_configs, render

STEP = "title: Down the stairs\nscheduler: {name: step, step_size: 4, gamma: 0.5}\n"
COSINE = "scheduler: {name: cosine, eta_min: 1e-4}\ngallery: {section: Waves}\n"


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "01-stairs.yaml").write_text(STEP)
    (folder / "02-wave.yml").write_text(COSINE)
    return folder


@pytest.fixture
def drawn(configs: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "gallery"
    folder.mkdir()
    render(collect(configs), folder, ["png", "svg"])
    return folder


def check(configs: Path, drawn: Path) -> list[str]:
    return differences(collect(configs), drawn, ["png", "svg"])


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
    message: list[str] = []
    render(collect(configs), tmp_path, ["svg"], message.append)
    assert sorted(message) == ["schedulers-tall", "schedulers-wide", "stairs", "wave"]


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


def test_an_untouched_gallery_has_not_drifted(configs, drawn):
    assert check(configs, drawn) == []


def test_changed_numbers_are_told_first(configs, drawn):
    (configs / "01-stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    message = check(configs, drawn)
    assert message[0] == "stairs: the numbers differ: lr default number 4 is 0.00025, was 0.0005"
    assert any(line.startswith("stairs.png: looks different") for line in message)
    assert any(line.startswith("stairs.svg: has ") for line in message)


def test_a_curve_that_moved_by_one_bit_has_drifted(configs, drawn):
    numbers = json.loads((drawn / CURVES).read_text())
    rates = numbers["stairs"]["lr"]["default"]
    rates[7] = float.fromhex("0x1.0624dd2f1a9fdp-11")
    assert 0 < abs(rates[7] - 5e-4) < 1e-18
    (drawn / CURVES).write_text(json.dumps(numbers))
    assert check(configs, drawn) == [f"stairs: the numbers differ: lr default number 7 is 0.0005, was {rates[7]!r}"]


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff"])
def test_numbers_that_cannot_be_read_have_drifted(configs, drawn, text):
    (drawn / CURVES).write_text(text)
    (message,) = check(configs, drawn)
    assert message.startswith(f"{CURVES}: ")


@pytest.mark.parametrize("name", ["wave.png", "wave.svg", "schedulers-tall.png"])
def test_a_missing_figure_has_drifted(configs, drawn, name):
    (drawn / name).unlink()
    assert check(configs, drawn) == [f"{name}: is missing"]


def test_a_figure_that_nothing_makes_has_drifted(configs, drawn):
    (drawn / "old.svg").write_text("<svg/>")
    assert check(configs, drawn) == ["old.svg: no YAML file makes it"]


def test_a_new_file_has_drifted(configs, drawn):
    (configs / "03-flat.yaml").write_text("scheduler: {name: constant}\ngallery: {summary: false}\n")
    message = check(configs, drawn)
    assert message[0] == "flat: has no numbers in curves.json"
    assert "flat.png: is missing" in message


def test_an_edited_index_has_drifted(configs, drawn):
    (drawn / INDEX).write_text("# Mine\n")
    assert check(configs, drawn) == [f"{INDEX}: the index differs"]


def test_checking_touches_nothing(configs, drawn):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in drawn.iterdir()}
    (configs / "01-stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    check(configs, drawn)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in drawn.iterdir()} == before


def test_lrvizs_own_experiments_are_found():
    assert len(list(own_configs().glob("*.yaml"))) >= 31
