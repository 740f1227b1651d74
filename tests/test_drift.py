"""Every way in which a committed gallery may differ from a fresh one, damage of every kind among them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lrviz import drift
from lrviz.drift import differences, strays
from lrviz.gallery import CURVES, INDEX, Entry, collect, render
from tests.conftest import COSINE, STEP


@pytest.fixture(autouse=True)
def untouched(drawn_once: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the two experiments, as long as nobody changes them, once for all tests."""

    def copied(entries: Sequence[Entry], folder: Path, formats: Sequence[str], *rest: Any) -> None:
        texts = [entry.text for entry in entries]
        if texts == [STEP, COSINE] and list(formats) == ["png", "svg"]:
            shutil.copytree(drawn_once, folder, dirs_exist_ok=True)
        else:
            render(entries, folder, formats, *rest)

    monkeypatch.setattr(drift, "render", copied)


def check(configs: Path, drawn: Path) -> list[str]:
    return [str(drift) for drift in differences(collect(configs), drawn, ["png", "svg"])]


def test_an_untouched_gallery_has_not_drifted(configs, drawn):
    assert check(configs, drawn) == []


def test_changed_numbers_are_told_first(configs, drawn):
    (configs / "stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    message = check(configs, drawn)
    assert message[0] == "stairs: lr of 'default' differs in steps 4 to 31, most at step 4: is 0.00025, was 0.0005"
    assert any(line.startswith("stairs.png: looks different") for line in message)
    assert any(line.startswith("stairs.svg: has ") for line in message)


def test_a_curve_that_moved_by_one_bit_has_drifted(configs, drawn):
    numbers = json.loads((drawn / CURVES).read_text())
    curve = numbers["stairs"]["lr"]["default"]
    rates = curve["points"]
    rates[7] = float.fromhex("0x1.0624dd2f1a9fdp-11")
    assert 0 < abs(rates[7] - 5e-4) < 1e-18
    (drawn / CURVES).write_text(json.dumps(numbers))
    assert check(configs, drawn) == [f"stairs: lr of 'default' differs at step 7: is 0.0005, was {rates[7]!r}"]


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", "[" * 100_000, "1" * 5000])
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
    (configs / "flat.yaml").write_text("scheduler: {name: constant}\ngallery: {summary: false}\n")
    message = check(configs, drawn)
    assert message[0] == "flat: has no numbers in curves.json"
    assert "flat.png: is missing" in message


def test_an_edited_index_has_drifted(configs, drawn):
    (drawn / INDEX).write_text("# Mine\n")
    assert check(configs, drawn) == [f"{INDEX}: the index differs"]


def test_checking_touches_nothing(configs, drawn):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in drawn.iterdir()}
    (configs / "stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    check(configs, drawn)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in drawn.iterdir()} == before


@pytest.mark.parametrize("value", [None, 1, [], {}, {"steps": 32, "lr": 1}, {"steps": 32, "lr": {"default": {}}}])
def test_numbers_of_another_form_have_drifted(configs, drawn, value):
    numbers = json.loads((drawn / CURVES).read_text())
    (drawn / CURVES).write_text(json.dumps(numbers | {"wave": value}))
    assert check(configs, drawn) == ["wave: the numbers are not in the form that lrviz writes"]


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    path.unlink()
    match how:
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to("nowhere")
        case "fifo":
            os.mkfifo(path)
        case "pointer":
            path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
        case "empty":
            path.touch()
        case "binary":
            path.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("name", ["stairs.png", "stairs.svg", INDEX, CURVES])
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("folder", "is a folder"),
        ("dangling", "is a link to a file that is missing"),
        ("fifo", "is not an ordinary file"),
        ("pointer", "is a pointer of Git LFS; `git lfs pull` brings the file"),
        ("truncated", None),
        ("empty", None),
        ("binary", None),
    ],
)
def test_a_damaged_file_has_drifted(configs, drawn, name, how, message):
    damage(drawn / name, how)
    (line,) = check(configs, drawn)
    if how == "binary" and not name.endswith(".png"):
        message = "cannot be read: it is not UTF-8"
    assert line == f"{name}: {message}" if message else line.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "how", "why"),
    [
        ("stairs.svg", "binary", "it is not UTF-8"),
        (INDEX, "binary", "it is not UTF-8"),
        (CURVES, "binary", "it is not UTF-8"),
        (CURVES, "empty", "not JSON from line 1 on"),
        ("stairs.png", "truncated", "image file is truncated"),
    ],
)
def test_damage_is_told_in_plain_words(configs, drawn, name, how, why):
    damage(drawn / name, how)
    assert check(configs, drawn) == [f"{name}: cannot be read: {why}"]


def test_ends_of_lines_are_no_drift(configs, drawn):
    for path in drawn.iterdir():
        if path.suffix != ".png":
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert check(configs, drawn) == []


def test_a_pdf_is_looked_at(configs, tmp_path):
    render(collect(configs), tmp_path, ["pdf"])
    (tmp_path / "wave.pdf").write_text("no figure")
    assert [str(drift) for drift in differences(collect(configs), tmp_path, ["pdf"])] == ["wave.pdf: is not a PDF file"]


def test_a_figure_in_another_format_is_no_stray(configs, drawn):
    (drawn / "stairs.pdf").touch()
    assert check(configs, drawn) == []


def test_strays_are_looked_for_where_figures_are_or_were(configs, drawn, tmp_path):
    for name in ("now", "gone", "linked"):
        (configs / name).mkdir()
        (configs / name / "a.yaml").write_text(STEP)
    render(collect(configs), drawn, ["svg"])
    (configs / "gone" / "a.yaml").unlink()
    (drawn / "linked").rename(tmp_path / "elsewhere")
    (drawn / "linked").symlink_to(tmp_path / "elsewhere")
    (drawn / "others").mkdir()
    for name in ("now/b.png", "now/b.txt", "linked/b.png", "others/b.png", "b.pdf"):
        (drawn / name).touch()
    assert strays(collect(configs), drawn) == ["b.pdf", "gone/a.svg", "now/b.png"]


def test_numbers_that_name_a_folder_outside_lead_nowhere(configs, drawn, tmp_path):
    (tmp_path / "photo.png").touch()
    (drawn / CURVES).write_text(json.dumps({"../a": {}, f"{tmp_path}/a": {}, "a\0/b": {}}))
    assert strays(collect(configs), drawn) == []
