from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import lrviz

STEP = "scheduler: {name: step, step_size: 4, gamma: 0.5}\ngallery: {summary: false}\n"
FADING = "scheduler: {name: exponential, gamma: 0.5}\ngallery: {summary: false}\n"
COMMAND = "lrviz gallery --configs configs --formats svg"

DRAWING = f"""
import sys
sys.path.insert(0, {str(Path(lrviz.__file__).parent.parent)!r})
import functools, lrviz.gallery, os, resource
from lrviz.cli import main
from lrviz.engine.select import replay
os.sched_getaffinity = lambda _: (0, 1)
lrviz.gallery.replay = functools.partial(replay, engine="light")  # torch's threads would keep it from forking
sys.argv = ["lrviz", "gallery", "--configs", "configs", "--formats", "svg"]
"""


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
    assert (ended.code, ended.out) == (0, "gallery/ is up to date: 1 figure\n")


def test_what_is_said_of_a_folder_does_not_control_the_terminal(gallery):
    odd = "a\x1b[31m"
    assert gallery("-o", odd).out == "wrote 1 figure as svg to a?[31m/, with an index in a?[31m/README.md\n"
    assert gallery("-o", odd, "--check").out == "a?[31m/ is up to date: 1 figure\n"


def test_metrics_of_another_folder_are_read_where_it_is_allowed(gallery, tmp_path):
    plateau = "run: {steps: 3}\nscheduler: {name: plateau, metric_csv: '../log.csv:loss'}\n"
    (tmp_path / "configs" / "stairs.yaml").write_text(plateau)
    (tmp_path / "log.csv").write_text("loss\n2\n1\n")
    ended = gallery()
    assert (ended.code, "--allow-files" in ended.err) == (2, True), ended.err
    assert gallery("--allow-files", ".").code == 0


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
    flags = ("--configs", "configs", "-o", "my out", "--allow-import", "a.b", "--allow-files", "runs")
    ended = lrviz("gallery", *flags, "--formats", "svg", "--check")
    command = "lrviz gallery --configs configs -o 'my out' --formats svg --allow-import a.b --allow-files runs"
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


def test_a_bar_is_there_from_the_first_replay_on(gallery, monkeypatch):
    shown = []

    @contextmanager
    def progress(task, total):
        yield lambda advance, description: shown.append((task, total, description))

    monkeypatch.setattr("lrviz.cli.gallery.progress", progress)
    gallery()
    assert shown == [("replaying", 1, "replaying stairs"), ("drawing", 3, "drawing stairs")]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("flags", [[], ["--check"]])
def test_a_signal_ends_all_and_leaves_nothing(gallery, tmp_path, number, code, flags):
    for name in "ab":
        (tmp_path / "configs" / f"{name}.yaml").write_text(STEP)
    (tmp_path / "temporary").mkdir()
    drawing = f"""{DRAWING}
def draw(entries, folder, formats, name):
    (folder / f"{{name}}.svg").touch()
    os.write(1, b"x")
    os.read(0, 1)
lrviz.gallery._draw = draw
sys.argv += {flags}
main()
"""
    before = {path: path.read_bytes() for path in (tmp_path / "gallery").iterdir()}
    with subprocess.Popen(
        [sys.executable, "-c", drawing], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        bufsize=0, cwd=tmp_path, start_new_session=True, env=os.environ | {"TMPDIR": str(tmp_path / "temporary")},
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.read(1) + running.stdout.read(1) == b"xx"  # both processes draw
        os.killpg(running.pid, number)  # as a terminal does
        assert running.stdout.read() == b""  # all have ended
        assert b"Traceback" not in running.stderr.read()
    assert running.returncode == code
    assert {path: path.read_bytes() for path in (tmp_path / "gallery").iterdir()} == before
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_full_disk_is_an_error_and_leaves_nothing(gallery, python, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / "gallery").iterdir()}
    ended = python("-c", f"{DRAWING}\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\nmain()", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (2, "error: cannot write gallery/stairs.svg: file too large\n")
    assert {path: path.read_bytes() for path in (tmp_path / "gallery").iterdir()} == before
