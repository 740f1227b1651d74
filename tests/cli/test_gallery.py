from __future__ import annotations

import pytest

STEP = "scheduler: {name: step, step_size: 4, gamma: 0.5}\ngallery: {summary: false}\n"


@pytest.fixture
def gallery(lrviz, tmp_path):
    """Return a function that runs `lrviz gallery` on a folder of one experiment, whose figure is drawn."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "01-stairs.yaml").write_text(STEP)

    def run(*flags):
        return lrviz("gallery", "--configs", "configs", "--formats", "svg", *flags)

    assert run().out == "wrote 1 figures as svg to gallery/, with an index in gallery/README.md\n"
    return run


def test_a_gallery_that_was_just_drawn_is_up_to_date(gallery):
    ended = gallery("--check")
    assert (ended.code, ended.out) == (0, "gallery/ is up to date: 1 figures and their summaries\n")


def test_a_file_out_of_date_is_named_and_counted(gallery, tmp_path):
    (tmp_path / "gallery" / "old.svg").write_text("<svg/>")
    ended = gallery("--check")
    assert (ended.code, ended.out) == (1, "old.svg: no YAML file makes it\n")
    assert ended.err == "1 file is out of date; run `lrviz gallery`\n"


def test_the_numbers_of_a_figure_count_as_their_file(gallery, tmp_path):
    (tmp_path / "configs" / "01-stairs.yaml").write_text(STEP.replace("0.5", "0.25"))
    ended = gallery("--check")
    assert [line.partition(":")[0] for line in ended.out.splitlines()] == ["stairs", "stairs.svg", "README.md"]
    assert ended.err == "3 files are out of date; run `lrviz gallery`\n"


def test_an_unwritable_folder_is_named(lrviz, tmp_path):
    (tmp_path / "gallery").write_text("a file stands in the way")
    ended = lrviz("gallery")
    assert ended.code == 2
    assert "gallery" in ended.err
    assert "Traceback" not in ended.err
