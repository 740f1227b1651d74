"""Whether a gallery's files still are what its experiments make."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lrviz.drift import differences
from lrviz.gallery import CURVES, INDEX, collect, render

STEP = "scheduler: {name: step, step_size: 4, gamma: 0.5}\ngallery: {summary: false}\n"
COSINE = "scheduler: {name: cosine, eta_min: 1e-4}\ngallery: {summary: false}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two experiments and their gallery."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "configs").mkdir()
    (folder / "configs" / "01-stairs.yaml").write_text(STEP)
    (folder / "configs" / "02-wave.yml").write_text(COSINE)
    (folder / "gallery").mkdir()
    render(collect(folder / "configs"), folder / "gallery", ["png", "svg"])
    return folder


@pytest.fixture
def configs(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "configs", tmp_path / "configs")


@pytest.fixture
def drawn(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made / "gallery", tmp_path / "gallery")


def check(configs: Path, drawn: Path) -> list[str]:
    return differences(collect(configs), drawn, ["png", "svg"])


def test_an_untouched_gallery_has_not_drifted(configs, drawn):
    assert check(configs, drawn) == []


def test_changed_numbers_come_first(configs, drawn):
    (configs / "01-stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    lines = check(configs, drawn)
    assert lines[0] == "stairs: the numbers differ: lr default number 4 is 0.00025, was 0.0005"
    assert any(line.startswith("stairs.png: looks different") for line in lines)
    assert any(line.startswith("stairs.svg: has ") for line in lines)


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
    (line,) = check(configs, drawn)
    assert line.startswith(f"{CURVES}: ")


@pytest.mark.parametrize("name", ["wave.png", "wave.svg"])
def test_a_missing_figure_has_drifted(configs, drawn, name):
    (drawn / name).unlink()
    assert check(configs, drawn) == [f"{name}: is missing"]


def test_a_figure_that_nothing_makes_has_drifted(configs, drawn):
    (drawn / "old.svg").write_text("<svg/>")
    assert check(configs, drawn) == ["old.svg: no YAML file makes it"]


def test_a_new_file_has_drifted(configs, drawn):
    (configs / "03-flat.yaml").write_text("scheduler: {name: constant}\ngallery: {summary: false}\n")
    lines = check(configs, drawn)
    assert lines[0] == "flat: has no numbers in curves.json"
    assert "flat.png: is missing" in lines


def test_an_edited_index_has_drifted(configs, drawn):
    (drawn / INDEX).write_text("# Mine\n")
    assert check(configs, drawn) == [f"{INDEX}: the index differs"]


def test_checking_touches_nothing(configs, drawn):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in drawn.iterdir()}
    (configs / "01-stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    check(configs, drawn)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in drawn.iterdir()} == before
