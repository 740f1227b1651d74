"""Python configs are read as syntax trees: data come out, everything else is named, nothing runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lrviz.errors import SpecError
from lrviz.experiment.values import Value
from lrviz.readers.configs.python_syntax import parse


def value(text: str, name: str = "x") -> Value:
    """Return what a file's text assigns to a name."""
    names = parse(text, "c.py").data
    assert isinstance(names, dict)
    return names[name]


def message(text: str, name: str = "x") -> str:
    """Return why what a file assigns to a name cannot be read."""
    found = value(text, name)
    assert found.data is None
    (problem,) = found.problems
    return str(problem)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("5 * 8", 40),
        ("1e-3 / 10", 1e-4),
        ("-2 ** 3", -8),
        ("7 // 2 + 7 % 2", 4),
        ("2 ** -2", 0.25),
        ("True", True),
        ("None", None),
        ("'a' + 'b'", "ab"),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("(0.9, 0.95)", [0.9, 0.95]),
        ("dict(a=1, b=dict(c=[2]))", {"a": 1, "b": {"c": [2]}}),
        ("{'a': 1, **dict(b=2)}", {"a": 1, "b": 2}),
        ("dict(type=torch.optim.SGD)", {"type": "torch.optim.SGD"}),
    ],
)
def test_an_expression_of_data_has_its_value(expression, expected):
    assert value(f"x = {expression}").plain() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n = 10\nx = n * n", 100),
        ("x: float = 0.5", 0.5),
        ("x = y = 3", 3),
        ("x = 4\nx *= 2", 8),
        ("x = 1\nx = 2", 2),
        ("x = 1\ndef f():\n    x = 2", 1),
        ("x = 1\nclass A:\n    x = 2", 1),
        ("base = dict(a=1)\nx = dict(base=base, **base)", {"base": {"a": 1}, "a": 1}),
    ],
)
def test_a_name_has_what_was_last_assigned_to_it(text, expected):
    assert value(text).plain() == expected


def test_a_value_has_the_line_that_it_stands_in():
    found = value("n = 1\n\nx = dict(\n    a=n,\n    b=[\n        2])\n")
    assert isinstance(found.data, dict)
    assert (found.place, found.data["a"].place, found.data["b"].place) == ("c.py:3", "c.py:4", "c.py:5")


def test_what_base_files_say_is_named_with_a_dot():
    base = Value.of({"train": {"epochs": 12}}, "b.py")
    names = parse("x = _base_.train.epochs * 2\ny = {{_base_.train}}", "c.py", base).plain()
    assert names == {"x": 24, "y": {"epochs": 12}}


DATA = "more than data, and nothing is executed"
LARGE = "larger than a config's values are"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = f(1)", f"c.py:1: cannot be read: 'f(1)' is {DATA}"),
        ("x = unknown", f"c.py:1: cannot be read: 'unknown' is {DATA}"),
        ("\nx = [i for i in y]", f"c.py:2: cannot be read: '[i for i in y]' is {DATA}"),
        ("x = 1 / 0", "c.py:1: cannot be read: '1 / 0' is no number: division by zero"),
        ("x = True + 1", f"c.py:1: cannot be read: 'True + 1' is {DATA}"),
        ("x = (-1) ** .5", f"c.py:1: cannot be read: '(-1) ** .5' is {DATA}"),
        ("x = 1e999", f"c.py:1: cannot be read: '1e999' is {LARGE}"),
        ("x = 10 ** 10 ** 10", f"c.py:1: cannot be read: '10 ** 10 ** 10' is {LARGE}"),
        ("x = [0] * 10 ** 9", f"c.py:1: cannot be read: '[0] * 10 ** 9' is {DATA}"),
        ("x = 'a' * 10 ** 9", f"c.py:1: cannot be read: \"'a' * 10 ** 9\" is {DATA}"),
        ("x = 1\nif y:\n    x = 2", f"c.py:2: cannot be read: 'if y:' is {DATA}"),
        ("x = {}\nx['a'] = 1", f"c.py:2: cannot be read: \"x['a'] = 1\" is {DATA}"),
        ("x = []\nx.append(1)", f"c.py:2: cannot be read: 'x.append(1)' is {DATA}"),
        ("x, y = 1, 2", f"c.py:1: cannot be read: 'x, y = 1, 2' is {DATA}"),
        ("x = 1\nx += f()", f"c.py:2: cannot be read: 'x += f()' is {DATA}"),
        ("x = _base_.a", f"c.py:1: cannot be read: '_base_.a' is {DATA}"),
    ],
)
def test_what_is_more_than_data_is_named(text, expected):
    assert message(text) == expected


def test_what_cannot_be_read_spoils_only_itself():
    found = value("x = dict(a=f(), b=2)")
    assert found.plain() == {"a": None, "b": 2}
    assert not found.problems


def test_a_star_import_is_noted_since_it_may_set_anything():
    assert message("from other import *", "*").startswith("c.py:1: cannot be read: 'from other import *'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = ", "c.py:1: not valid Python: invalid syntax"),
        ("a = 1\nx = [", "c.py:2: not valid Python: '[' was never closed"),
        ("x = 1\0", "c.py: not valid Python: source code string cannot contain null bytes"),
        ("x = " + "-" * 100_000 + "1", "c.py: not valid Python: it is nested too deeply"),
        ("x = 1" + " + 1" * 200_000, "c.py: not valid Python: it is nested too deeply"),
    ],
    ids=["cut", "open", "null", "signs", "sum"],
)
def test_what_is_not_python_is_refused_with_its_line(text, expected):
    with pytest.raises(SpecError) as error:
        parse(text, "c.py")
    assert str(error.value) == expected


def test_nothing_is_executed(tmp_path: Path):
    ran = tmp_path / "ran"
    touch = f"open({str(ran)!r}, 'w')"
    parse(f"import os\n{touch}\nx = {touch}\ny = [{touch} for _ in 'a']\nclass A:\n    {touch}\n", "c.py")
    assert not ran.exists()


@pytest.mark.parametrize(
    "text",
    [
        "x = [0]\n" + "x = [x, x, x, x, x, x, x, x, x, x]\n" * 18,
        "x = ['a']\n" + "x = x + x\n" * 60,
        "x = 'a'\n" + "x = x + x\n" * 60,
        "x = [0]\n" + "x = [x]\n" * 2_000,
        "x = 2\n" + "x = x ** 99\n" * 100,
    ],
    ids=["nested lists", "longer lists", "longer texts", "deeper lists", "powers"],
)
def test_names_that_stand_for_names_do_not_grow_without_end(text):
    assert len(str(value(text).plain())) < 1_000_000


def test_a_long_line_of_what_cannot_be_read_is_read_in_time():
    started = time.process_time()
    assert message("x = f();" * 20_000) == f"c.py:1: cannot be read: 'f()' is {DATA}"
    assert time.process_time() - started < 5
