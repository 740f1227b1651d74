"""`_base_` files are read as mmengine merges them, and only where they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrviz.readers.configs.python_bases import read

OUTSIDE = "is outside of the config's repository, and not read"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that writes files and reads the first of them, in a project without a repository."""
    (tmp_path / "project/configs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")

    def tree(**texts: str) -> Any:
        for name, text in texts.items():
            Path(f"configs/{name}.py").write_text(text)
        first = next(iter(texts))
        return read(texts[first], f"configs/{first}.py")

    return tree


def problem(tree: Any) -> str:
    (found,) = tree.data["_base_"].problems
    return str(found)


def test_a_mapping_lies_over_that_of_the_base(files):
    tree = files(a="_base_ = 'b.py'\nx = dict(q=dict(r=3))\n", b="x = dict(p=1, q=dict(r=2, s=4))\ny = [1]\n")
    assert tree.plain() == {"x": {"p": 1, "q": {"r": 3, "s": 4}}, "y": [1]}


def test_a_list_is_replaced(files):
    assert files(a="_base_ = './b.py'\nx = [3]\n", b="x = [1, 2]\n").plain() == {"x": [3]}


def test_delete_takes_away_what_was_there(files):
    tree = files(a="_base_ = ['b.py']\nx = dict(_delete_=True, q=1)\n", b="x = dict(p=1)\n")
    assert tree.plain() == {"x": {"q": 1}}


def test_names_of_the_base_stand_behind_a_dot(files):
    tree = files(a="_base_ = 'b.py'\nz = _base_.x.p * 2\nw = {{_base_.x.p}}\n", b="x = dict(p=21)\n")
    assert tree.plain() == {"x": {"p": 21}, "z": 42, "w": 21}


def test_a_value_has_the_line_of_its_own_file(files):
    tree = files(a="_base_ = 'b.py'\nx = dict(q=1)\n", b="\nx = dict(p=1)\n")
    places = {key: value.place for key, value in tree.data["x"].data.items()}
    assert places == {"p": "configs/b.py:2", "q": "configs/a.py:2"}


def test_a_base_may_have_a_base(files):
    assert files(a="_base_ = 'b.py'\n", b="_base_ = 'c.py'\ny = 2\n", c="x = 1\n").plain() == {"x": 1, "y": 2}


def test_no_arithmetic_is_done_with_braces(files):
    """They are a text to mmengine while a file is run, so that {{_base_.x}} * 2 is twice the text."""
    (problem,) = files(a="_base_ = 'b.py'\nz = {{_base_.x}} * 2\n", b="x = 21\n").data["z"].problems
    assert str(problem).startswith("configs/a.py:2: cannot be read: '{{_base_.x}} * 2' is more than data")


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("'/etc/passwd.py'", "a base file is a relative path to a .py file, not '/etc/passwd.py'"),
        ("'/etc/passwd'", "a base file is a relative path to a .py file, not '/etc/passwd'"),
        ("'mmdet::retinanet/a.py'", "a base file is a relative path to a .py file, not 'mmdet::retinanet/a.py'"),
        ("['b.py', 3]", "a base file is a relative path to a .py file, not 3"),
        ("'../../secret.py'", f"'../../secret.py' {OUTSIDE}"),
        ("'link.py'", f"'link.py' {OUTSIDE}"),
        ("'a.py'", "'a.py' has this file as its base"),
    ],
    ids=["absolute", "suffix", "package", "number", "above", "link", "itself"],
)
def test_what_is_no_base_file_is_not_read(files, tmp_path, named, expected):
    (tmp_path / "secret.py").write_text("secret = 1\n")
    Path("configs/link.py").symlink_to(tmp_path / "secret.py")
    tree = files(a=f"x = 1\n_base_ = {named}\n", b="y = 2\n")
    assert problem(tree) == f"configs/a.py:2: {expected}"
    assert tree.data["x"].data == 1


def test_a_repository_is_what_base_files_may_be_in(files, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "shared.py").write_text("x = 1\n")
    assert files(a="_base_ = '../../shared.py'\n").plain() == {"x": 1}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"b": "_base_ = 'a.py'\n"}, "configs/b.py:1: 'a.py' has this file as its base"),
        ({"b": "x = ("}, "configs/b.py:1: not valid Python: '(' was never closed"),
        (
            {"b": "x = 1\n"},
            "configs/a.py:2: x is a mapping here and none at configs/b.py:1: mmengine needs _delete_=True",
        ),
        ({}, "configs/b.py: cannot be read: No such file or directory"),
    ],
    ids=["cycle", "broken", "kind", "missing"],
)
def test_what_is_wrong_with_a_base_file_is_said_with_its_place(files, texts, expected):
    assert problem(files(a="_base_ = 'b.py'\nx = dict(p=1)\n", **texts)) == expected


def test_two_bases_with_one_key_are_refused(files):
    tree = files(a="_base_ = ['b.py', 'c.py']\n", b="x = 1\n", c="x = 2\n")
    assert problem(tree) == "configs/c.py:1: x is in two base files, at configs/b.py:1 too, which mmengine refuses"


def test_there_are_only_so_many_base_files(files):
    texts = {f"f{number}": f"_base_ = ['f{number + 1}.py', 'f{number + 1}.py']\n" for number in range(30)}
    assert problem(files(**texts, f30="x = 1\n")) == "configs/f20.py:1: more than 20 base files"


def test_what_names_the_base_files_may_be_unreadable(files):
    assert "is more than data" in problem(files(a="_base_ = glob('*.py')\nx = 1\n"))
