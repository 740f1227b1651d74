from __future__ import annotations

import json

import pytest

STEP = "scheduler: {name: step, step_size: 4, gamma: 0.5}\ngallery: {summary: false}\n"
FADING = "scheduler: {name: exponential, gamma: 0.5}\ngallery: {summary: false}\n"
COMMAND = "lrviz gallery --configs configs --formats svg"


@pytest.fixture
def gallery(lrviz, tmp_path):
    """Return a function that runs `lrviz gallery` on a folder of one experiment, whose figure is drawn."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "stairs.yaml").write_text(STEP)

    def run(*flags):
        return lrviz("gallery", "--configs", "configs", "--formats", "svg", *flags)

    assert run().out == "wrote 1 figure as svg to gallery/, with an index in gallery/README.md\n"
    return run


def test_a_gallery_that_was_just_drawn_is_up_to_date(gallery):
    ended = gallery("--check")
    assert (ended.code, ended.out) == (0, "gallery/ is up to date: 1 figure and their summaries\n")


def test_a_file_out_of_date_is_named_and_counted(gallery, tmp_path):
    (tmp_path / "gallery" / "old.svg").write_text("<svg/>")
    ended = gallery("--check")
    assert (ended.code, ended.out) == (1, "old.svg: no YAML file makes it\n")
    assert ended.err == f"1 file is out of date; run `{COMMAND} --prune`\n"


def test_the_numbers_of_a_figure_count_as_their_file(gallery, tmp_path):
    (tmp_path / "configs" / "stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    ended = gallery("--check")
    assert [line.partition(":")[0] for line in ended.out.splitlines()] == ["stairs", "stairs.svg", "README.md"]
    assert ended.err == f"3 files are out of date; run `{COMMAND}`\n"


def test_the_advice_repeats_every_flag(gallery, lrviz, tmp_path):
    (tmp_path / "gallery" / "stairs.svg").unlink()
    (tmp_path / "gallery").rename(tmp_path / "my out")
    flags = ("--configs", "configs", "-o", "my out", "--allow-import", "a.b")
    ended = lrviz("gallery", *flags, "--formats", "svg", "--check")
    command = "lrviz gallery --configs configs -o 'my out' --formats svg --allow-import a.b"
    assert ended.err == f"1 file is out of date; run `{command}`\n"


def test_json_names_all_in_one_object(gallery, tmp_path):
    (tmp_path / "configs" / "fading.yaml").write_text(FADING)
    (tmp_path / "gallery" / "old.svg").touch()
    (tmp_path / "gallery" / "stairs.svg").write_text("<svg/>")
    ended = gallery("--check", "--format", "json")
    report = json.loads(ended.out)
    assert ended.code == 1
    assert [entry["file"] for entry in report["drifted"]] == ["curves.json", "stairs.svg", "README.md"]
    assert report["drifted"][0]["figure"] == "fading"
    assert report["missing"] == [{"file": "fading.svg", "message": "is missing"}]
    assert report["stray"] == [{"file": "old.svg", "message": "no YAML file makes it"}]
    (finding,) = report["findings"]
    assert (finding["figure"], finding["rule"], finding["step"]) == ("fading", "lr-dead", 14)


def test_findings_are_told_and_end_in_0(gallery, tmp_path):
    (tmp_path / "configs" / "fading.yaml").write_text(FADING)
    ended = gallery()
    first, last = ended.err.splitlines()
    assert ended.code == 0
    assert first.startswith("warning: fading: lr-dead: 18 of 32 steps (56%)")
    assert last == "note: 1 warning in 1 of 2 schedules; see `lrviz check`"


def test_strays_are_named_and_pruned_when_asked(gallery, tmp_path):
    (tmp_path / "gallery" / "old.svg").touch()
    (tmp_path / "gallery" / "notes.txt").touch()
    assert gallery().err == "note: old.svg: no YAML file makes it; --prune removes it\n"
    assert gallery("--prune").out.splitlines()[1:] == ["removed gallery/old.svg"]
    assert {path.name for path in (tmp_path / "gallery").iterdir()} == {
        "README.md", "curves.json", "notes.txt", "stairs.svg",
    }  # fmt: skip


def test_pruning_spares_what_was_no_gallery_before(gallery, lrviz, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").touch()
    ended = gallery("-o", "photos", "--prune")
    assert ended.code == 2
    assert "nothing was removed" in ended.err
    assert (tmp_path / "photos" / "me.png").exists()


def test_nothing_is_removed_through_a_link(gallery, tmp_path):
    (tmp_path / "gallery" / "old.svg").touch()
    (tmp_path / "linked").symlink_to("gallery")
    ended = gallery("-o", "linked", "--prune")
    assert ended.code == 2
    assert "is a symbolic link" in ended.err
    assert (tmp_path / "gallery" / "old.svg").exists()


@pytest.mark.parametrize(
    ("flags", "place"),
    [
        (("--check", "--prune"), "--prune"),
        (("--format", "json"), "--format"),
        (("--check", "--format", "xml"), "--format"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(gallery, flags, place):
    ended = gallery(*flags)
    assert ended.code == 2
    assert ended.err.startswith(f"error: {place}: ")


def test_an_unwritable_folder_is_named(lrviz, tmp_path):
    (tmp_path / "gallery").write_text("a file stands in the way")
    ended = lrviz("gallery")
    assert ended.code == 2
    assert "gallery" in ended.err
    assert "Traceback" not in ended.err
