"""TOML is read as a tree in which each value has its line."""

from __future__ import annotations

import pytest

from lrviz.errors import SpecError
from lrviz.experiment.values import Value
from lrviz.readers.configs.toml_syntax import parse


def place(root: Value, *path: str) -> str:
    for part in path:
        assert isinstance(root.data, dict)
        root = root.data[part]
    return root.place


def test_the_data_are_those_of_toml():
    text = 'a = 1_000\nb = [1, 2.5]\n[c.d]\ne = "x"\nf = true\n[[g]]\nh = 1979-05-27\n'
    assert parse(text, "t").plain() == {
        "a": 1000, "b": [1, 2.5], "c": {"d": {"e": "x", "f": True}}, "g": [{"h": "1979-05-27"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a = 1\n\nb = 2\n", ["b"], "t:3"),
        ("# a = 0\n[x]  # of x\na = 1\n", ["x", "a"], "t:3"),
        ("[x]\na = 1\n", ["x"], "t:1"),
        ("\n[x.y]\na = 1\n", ["x", "y", "a"], "t:3"),
        ("x.y = 1\n", ["x", "y"], "t:1"),
        ('["x"]\n"a" = 1\n', ["x", "a"], "t:2"),
        ("\nx = {a = 1, b = 2}\n", ["x", "b"], "t:2"),
        ("x = [\n  1,\n]\ny = 1\n", ["y"], "t:4"),
    ],
)
def test_a_value_has_its_line(text, path, expected):
    assert place(parse(text, "t"), *path) == expected


def test_an_item_of_an_array_is_no_table():
    root = parse("[x]\ny = [\n  [1],\n  [2]\n]\nz = 1\n", "t")
    assert place(root, "x", "z") == "t:6"


@pytest.mark.parametrize("line", ["a." * 300_000, "[" + " " * 500_000 + "1],"], ids=["dots", "blanks"])
def test_a_long_line_is_no_trouble(line):
    assert place(parse(f'x = """\n"""\ny = [\n"""\n{line}\n"""]\nz = 1\n', "t"), "z") == "t:7"


def test_what_looks_like_a_key_in_a_text_has_no_line():
    text = 'x = """\na = 5\n"""\na = 6\n'
    assert place(parse(text, "t"), "a") == "t:4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = ", "t: not valid TOML: invalid value"),
        ("a = 1\na = 2\n", "t:2: not valid TOML: cannot overwrite a value"),
        ("[a\n", "t:1: not valid TOML: expected ']' at the end of a table declaration"),
        ("\nx\n", "t:2: not valid TOML: expected '=' after a key in a key/value pair"),
        ("a = " + "[" * 100_000, "t: not valid TOML: it is nested too deeply"),
        ("a = " + "[" * 40 + "]" * 40, "t: nested deeper than 20 levels"),
    ],
    ids=["end", "twice", "table", "word", "open", "deep"],
)
def test_what_is_not_toml_is_refused(text, expected):
    with pytest.raises(SpecError) as error:
        parse(text, "t")
    assert str(error.value) == expected
