"""Files of git revisions as targets, in a repository of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lrviz.cli.revisions import is_revision
from lrviz.readers.configs import SUFFIXES

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

WHO = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that writes files into a repository, removes those that are None, and commits."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git(tmp_path, "init", "-q", "-b", "main")

    def commit(files: dict[str, str | None]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "one more")

    return commit


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env={**os.environ, **WHO}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def steps(count: int) -> str:
    return f"scheduler: {{name: step, step_size: {count}}}\n"


def test_a_file_is_compared_with_what_it_was(lrviz, commit):
    commit({"run.yaml": steps(4)})
    commit({"run.yaml": steps(8)})
    ended = lrviz("diff", "HEAD~1:run.yaml", "run.yaml")
    assert ended.code == 1
    assert ended.out.startswith("A: HEAD~1:run.yaml (32 steps)\nB: run.yaml (32 steps)\ndifferent: ")
    assert "scheduler.step_size  4  8" in ended.out


def test_every_verb_takes_a_revision(lrviz, commit):
    commit({"run.yaml": steps(4)})
    commit({"run.yaml": steps(8)})
    assert lrviz("table", "main~1:run.yaml").out.startswith("StepLR: 32 steps")


def test_an_empty_revision_is_what_is_staged(lrviz, commit):
    commit({"run.yaml": steps(4)})
    Path("run.yaml").write_text(steps(8))
    assert lrviz("diff", ":run.yaml", "HEAD:run.yaml").code == 0
    git(Path(), "add", "run.yaml")
    assert lrviz("diff", ":run.yaml", "HEAD:run.yaml").code == 1


def test_a_path_starts_at_the_current_folder_and_leads_to_its_repository(lrviz, commit, monkeypatch, tmp_path):
    commit({"conf/run.yaml": steps(4)})
    (tmp_path / "conf/deeper").mkdir()
    for folder, name in (("conf", "run.yaml"), ("conf/deeper", "../run.yaml"), ("/", f"{tmp_path}/conf/run.yaml")):
        monkeypatch.chdir(tmp_path / folder)
        assert lrviz("table", f"HEAD:{name}").code == 0, name


def test_a_file_whose_folder_is_gone_is_read(lrviz, commit):
    commit({"gone/run.yaml": steps(4), "other.yaml": steps(2)})
    commit({"gone/run.yaml": None})
    assert lrviz("table", "HEAD~1:gone/run.yaml").code == 0


def test_a_file_of_that_name_comes_first(lrviz, commit):
    commit({"run.yaml": steps(4)})
    Path("HEAD:run.yaml").write_text(steps(8))
    assert lrviz("table", "HEAD:run.yaml", "--format", "csv").out.splitlines()[6].startswith("5,0,0.001,")


def test_a_problem_has_the_line_in_the_revision(lrviz, commit):
    commit({"run.yaml": "scheduler:\n  name: steep\n"})
    ended = lrviz("table", "HEAD:run.yaml")
    assert ended.code == 2
    assert ended.err.startswith("error: HEAD:run.yaml:2: ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HEAD~9:run.yaml", "git says: invalid object name 'HEAD~9'"),
        ("HEAD:rum.yaml", "git says: path 'rum.yaml' does not exist in 'HEAD'; did you mean 'run.yaml'?"),
        (
            "HEAD:conf.d/x.yaml",
            "git says: path 'conf.d/x.yaml' does not exist in 'HEAD'; no commit has 'conf.d/x.yaml'",
        ),
    ],
)
def test_what_a_repository_has_not_is_said_in_gits_words(lrviz, commit, name, message):
    commit({"run.yaml": steps(4)})
    ended = lrviz("diff", name, "run.yaml")
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {name}: {message}\n")


def test_a_file_that_is_newer_than_the_revision_names_its_commit(lrviz, commit, tmp_path):
    commit({"a.yaml": steps(4)})
    commit({"run.yaml": steps(4)})
    last = git(tmp_path, "rev-parse", "--short", "HEAD")
    ended = lrviz("diff", "HEAD~1:run.yaml", "run.yaml")
    assert ended.err.endswith(f"exists on disk, but not in 'HEAD~1'; {last} is the last commit that wrote it\n")


def test_a_name_that_is_too_long_is_no_traceback(lrviz, commit):
    commit({"run.yaml": steps(4)})
    ended = lrviz("table", f"HEAD:{'x' * 5000}/run.yaml")
    assert ended.code == 2
    assert "git says: " in ended.err


def test_no_repository_is_said(lrviz, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    ended = lrviz("table", "HEAD:run.yaml")
    assert ended.code == 2
    assert ended.err.startswith("error: HEAD:run.yaml: git says: not a git repository")


def test_no_git_is_said(lrviz, commit, monkeypatch):
    commit({"run.yaml": steps(4)})
    monkeypatch.setenv("PATH", "")
    ended = lrviz("table", "HEAD:run.yaml")
    assert ended.code == 2
    assert ended.err == "error: HEAD:run.yaml: git, which reads revisions, cannot be run: no such file or directory\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.yaml", "scheduler: {name: plateau, metric_csv: 'log.csv:loss'}"),
        ("args.json", '{"learning_rate": 1e-3, "per_device_train_batch_size": 8, "deepspeed": "ds.json"}'),
        ("both.yaml", "overlay: [{file: base.yaml, label: a}, {file: run.yaml, label: b}]"),
        ("config.py", "_base_ = ['base.py']\nmax_epochs = 3"),
    ],
)
def test_a_second_file_of_a_revision_is_refused_rather_than_read_from_today(lrviz, commit, name, text):
    commit({name: text, "ds.json": "{}", "base.py": "", "log.csv": "loss\n1\n"})
    ended = lrviz("table", f"HEAD:{name}")
    assert ended.code == 2
    assert "and no second file of a revision is read" in ended.err


def test_a_document_of_several_experiments_is_compared_as_it_was(lrviz, commit):
    commit({"two.yaml": f"overlay:\n  - {{{steps(4).strip()}}}\n  - {{scheduler: {{name: cosine}}}}\n"})
    assert lrviz("diff", "HEAD:two.yaml").out.startswith("A: HEAD:two.yaml: StepLR (32 steps)\n")


def test_a_second_file_that_the_revision_has_not_is_ignored_as_ever(lrviz, commit):
    commit({"args.json": '{"learning_rate": 1e-3, "per_device_train_batch_size": 8, "deepspeed": "ds.json"}'})
    ended = lrviz("table", "HEAD:args.json", "--dataset-size", "64", "--world-size", "1")
    assert ended.code == 0, ended.err
    assert "ignored deepspeed" in ended.out


@pytest.mark.parametrize("name", ["HEAD:sub", "HEAD:", "main:sub/", "HEAD~0:sub", "HEAD:sub/run"])
def test_what_is_no_file_of_a_revision_is_told_how_one_is_written(lrviz, commit, name):
    commit({"sub/run.yaml": steps(4)})
    ended = lrviz("table", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: '{name}' names no file: of a git revision a target is REV:FILE, which ends in")


def test_a_module_that_is_called_as_a_branch_is_a_module(lrviz, commit):
    commit({"main.py": "from torch.optim.lr_scheduler import StepLR\n\n\nclass Mine(StepLR):\n    pass\n"})
    assert lrviz("table", "main:Mine", "--arg", "step_size=4").code == 0


def test_a_document_too_large_is_refused(lrviz, commit):
    commit({"run.yaml": "#" * 1_000_001})
    assert lrviz("table", "HEAD:run.yaml").err == "error: HEAD:run.yaml: larger than 1,000,000 bytes\n"


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("HEAD:run.yaml", True),
        ("HEAD:config.py", True),
        (":run.json", True),
        ("my.module:Scheduler", False),
        ("--output=x:run.yaml", False),
        ("run.yaml", False),
    ],
)
def test_a_revision_is_told_from_a_scheduler_of_ones_own(name, is_one):
    assert is_revision(name, SUFFIXES) == is_one
