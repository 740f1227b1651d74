"""Documents that overlay several experiments: what each entry comes to, and what is wrong with one, by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.documents import GalleryPlace
from lrviz.errors import SpecError
from lrviz.experiment.writer import as_document
from lrviz.overlays import Overlay, load
from lrviz.rules import CheckSettings

SHARED: dict[str, Any] = {
    "title": "Both",
    "run": {"epochs": 2, "steps_per_epoch": 8},
    "optimizer": {"name": "adamw", "lr": 0.1},
    "scheduler": {"name": "cosine", "eta_min": 0.01},
}


def overlay(*entries: Any, **rest: Any) -> Overlay:
    found = load({**SHARED, **rest, "overlay": list(entries)})
    assert isinstance(found, Overlay)
    return found


def refused(*entries: Any, **rest: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        overlay(*entries, **rest)
    return str(error.value).splitlines()


def test_entries_are_laid_over_the_document_key_by_key() -> None:
    long, low = overlay(
        {"label": "long", "run": {"epochs": 5}}, {"label": "low", "optimizer": {"lr": 0.05}}
    ).experiments
    assert (long.run.epochs, long.run.steps_per_epoch, long.optimizer.lr) == (5, 8, 0.1)
    assert (low.run.epochs, low.optimizer.name, low.optimizer.lr) == (2, "AdamW", 0.05)


def test_a_scheduler_with_a_name_replaces_the_document_s_and_one_without_changes_it() -> None:
    line, deep = overlay(
        {"label": "a", "scheduler": {"name": "linear"}}, {"label": "b", "scheduler": {"eta_min": 0}}
    ).experiments
    assert line.scheduler.name == "linear"
    assert as_document(deep.scheduler, defaults=True) == {"name": "cosine", "eta_min": 0}


def test_a_warmup_is_an_entry_s_or_the_document_s() -> None:
    none, own = overlay({"label": "a"}, {"label": "b", "warmup": 4}).experiments
    shared, other = overlay({"label": "a"}, {"label": "b", "warmup": 4}, warmup=2).experiments
    assert [each.warmup for each in (none, own, shared, other)] == [0, 4, 2, 4]


def test_an_experiment_is_called_by_its_label_and_else_by_its_scheduler() -> None:
    found = overlay({"label": "mine"}, {"scheduler": {"name": "linear"}})
    assert [experiment.name for experiment in found.experiments] == ["mine", "LinearLR"]
    assert found.title == "Both"


def test_the_document_s_own_sections_are_read() -> None:
    said = {"section": "Mine", "show": ["lr", "momentum"], "x": "progress", "facets": True}
    found = overlay({"label": "a"}, {"label": "b"}, gallery=said, check={"ignore": ["never-moves"]})
    assert found.place == GalleryPlace(section="Mine", show=("lr", "momentum"), x="progress", facets=True)
    assert [each.section(CheckSettings).ignore for each in found.experiments] == [("never-moves",)] * 2


@pytest.mark.parametrize("entries", [None, 5, [], [{"label": "a"}], [{}] * 101])
def test_an_overlay_is_a_list_of_several(entries: Any) -> None:
    with pytest.raises(SpecError, match="overlay: must be a list of 2 to 100 experiments"):
        load({**SHARED, "overlay": entries})


def test_what_is_no_entry_is_refused_with_its_number() -> None:
    assert refused({"label": "a", "sheduler": {}}, 3) == [
        "overlay[0].sheduler: unknown key; did you mean 'scheduler'?",
        "overlay[1]: must be a mapping, such as {label: a, run: {epochs: 3}}",
    ]


def test_the_problems_of_all_entries_come_together() -> None:
    lines = refused({"label": "a", "scheduler": {"eta_min": "x"}}, {"label": "b", "run": {"epochs": 0}})
    assert [line.partition(": ")[0] for line in lines] == ["overlay[0].scheduler.eta_min", "overlay[1].run.epochs"]


def test_two_experiments_of_one_name_are_refused() -> None:
    assert refused({}, {"label": "b"}, {}) == [
        "overlay: the experiments 1, 3 have the same label or none; give each a label of its own"
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs" / "runs").mkdir(parents=True)
    (tmp_path / "docs" / "runs" / "step.yaml").write_text("title: Stairs\nscheduler: {name: step, step_size: 4}\n")
    (tmp_path / "far.yaml").write_text("scheduler: {name: linear}\n")
    return tmp_path / "docs"


def in_file(folder: Path, *lines: str, **options: Any) -> Overlay:
    path = folder / "all.yaml"
    path.write_text("\n".join(["scheduler: {name: cosine}", "overlay:", *lines]))
    found = load(path, **options)
    assert isinstance(found, Overlay)
    return found


def test_an_entry_may_be_a_file_below_the_document_s_folder(folder: Path) -> None:
    found = in_file(folder, "  - {label: mine}", "  - file: runs/step.yaml", "  - {file: runs/step.yaml, label: again}")
    assert [each.name for each in found.experiments] == ["mine", "Stairs", "again"]
    assert [each.scheduler.name for each in found.experiments] == ["cosine", "step", "step"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{file: ../far.yaml}", "lies outside the document's folder; --allow-files FOLDER allows another"),
        ("{file: all.yaml}", "holds several experiments, and an entry is one"),
        ("{file: runs/none.yaml}", "cannot be read: No such file or directory"),
        ("{file: 3}", "must be a path, not 3"),
        ("{file: runs/step.yaml, run: {epochs: 2}}", "does not go with file, which says it all"),
    ],
)
def test_a_file_that_is_no_entry_is_refused_at_its_line(folder: Path, entry: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        in_file(folder, "  - {label: a}", f"  - {entry}")
    (problem,) = error.value.problems
    assert message in problem.message
    assert problem.place in (f"{folder / 'all.yaml'}:4", str(folder / "runs/none.yaml"))


def test_a_file_elsewhere_is_read_where_its_folder_is_allowed(folder: Path) -> None:
    found = in_file(folder, "  - {label: a}", "  - {file: ../far.yaml, label: b}", allow_files=[folder.parent])
    assert found.experiments[1].scheduler.name == "linear"


def test_what_is_wrong_is_told_once_at_its_line(folder: Path) -> None:
    with pytest.raises(SpecError) as error:
        in_file(folder, "  - {label: a}", "  - label: b", "    scheduler: {eta_mn: 1}", "run: {epochs: 0}")
    places = [(problem.place.rpartition(":")[2], problem.field) for problem in error.value.problems]
    assert places == [("5", "scheduler.eta_mn"), ("6", "run.epochs")]


def test_one_experiment_is_not_several(folder: Path) -> None:
    in_file(folder, "  - {label: a}", "  - {label: b}")
    with pytest.raises(SpecError, match=r"all.yaml:2: overlay: the document compares several .* lrviz.load_all"):
        lrviz.load(folder / "all.yaml")


def test_all_experiments_of_any_document_can_be_loaded(folder: Path) -> None:
    in_file(folder, "  - {label: a}", "  - {label: b}")
    assert [each.title for each in lrviz.load_all(folder / "all.yaml")] == ["a", "b"]
    assert [each.title for each in lrviz.load_all(folder / "runs/step.yaml")] == ["Stairs"]
