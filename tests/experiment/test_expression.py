"""Arithmetic in a string: what is allowed, what is refused, and that it computes what Python would."""

from __future__ import annotations

import ast
import math
import re
import warnings
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrviz import SpecError
from lrviz.experiment.expression import FUNCTIONS, MAX_DEPTH, MAX_LENGTH, Expression

AT = {"epoch": 3.0, "step": 7.0, "total": 32.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        ("1e-3", 1e-3),
        (".5", 0.5),
        ("0x10", 16.0),
        ("1_000", 1000.0),
        ("  0.95 ** epoch\n", 0.95**3),
        ("epoch + step - total", -22.0),
        ("step / 2 * 3", 10.5),
        ("step // 2", 3.0),
        ("-step // 2", -4.0),
        ("-step % 4", 1.0),
        ("2 ** -epoch", 0.125),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("+step", 7.0),
        ("pi + e", math.pi + math.e),
        ("1 < epoch < 4", 1.0),
        ("1 < epoch > 4", 0.0),
        ("epoch == 3", 1.0),
        ("epoch != 3", 0.0),
        ("not epoch", 0.0),
        ("epoch >= 3 and step <= 7", 1.0),
        ("0 or epoch", 3.0),
        ("epoch and 0 and 1 / (epoch - 3)", 0.0),
        ("1 or 1 / (epoch - 3)", 1.0),
        ("1 if step < 5 else 0.5 if step < 10 else 0.25", 0.5),
        ("0 if epoch else 1 / (epoch - 3)", 0.0),
        ("min(epoch, 2, step)", 2.0),
        ("max(0, epoch - 5)", 0.0),
        ("abs(-2)", 2.0),
        ("sqrt(16)", 4.0),
        ("exp(0)", 1.0),
        ("log(e)", 1.0),
        ("log(8, 2)", 3.0),
        ("sin(0) + cos(0)", 1.0),
        ("floor(2.7) + ceil(2.1) + round(2.5)", 7.0),
        ("0.5 * (1 + cos(pi * step / total))", 0.5 * (1 + math.cos(math.pi * 7 / 32))),
        ("1if epoch else 0", 1.0),
    ],
)
def test_allowed(text: str, value: float) -> None:
    assert Expression(text)(**AT) == value


@pytest.mark.parametrize("text", ["7", "7 // 2", "1 < 2", "not 1", "floor(2.5)", "1 and 2", "min(1, 2)", "epoch"])
def test_every_value_is_a_float(text: str) -> None:
    assert type(Expression(text)(**AT)) is float


@pytest.mark.parametrize(
    "text",
    [
        "epoch.real", "().__class__", "epoch.__class__.__mro__", "[1, 2]", "[1][0]", "(1, 2)", "{1}", "{1: 2}", "{}",
        "lambda: 1", "(lambda x: x)", "(x := 3)", "[x for x in (1, 2)]", "(x for x in (1, 2))", "max(1, *[2])",
        "1 & 2", "1 | 2", "1 ^ 2", "~1", "1 << 9", "1 @ 2", "1 in 2", "1 is 2", "1 is not 2", "f'{epoch}'",
        "await epoch", "(yield 1)", "epoch[0]", "step[1:2]", "`1`",
    ],
)  # fmt: skip
def test_syntax_beyond_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"not allowed|not an expression|not a number|leave out"):
        Expression(text)


@pytest.mark.parametrize("text", ["'a'", "b'a'", "'a' * 9", "1j", "True", "False", "None", "...", "2 + 'a'"])
def test_what_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="is not a number"):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    ["eval('1')", "open('x')", "__import__('os')", "exec('1')", "pow(2, 3)", "math.sin(1)", "min.x(1)", "(min)(1)(2)"],
)
def test_function_outside_the_list_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="unknown function"):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "unknown name 'x'; known are epoch, step, total, pi, e"),
        ("epochs", "unknown name 'epochs'; known are epoch, step, total, pi, e; did you mean 'epoch'?"),
        ("__import__", "unknown name '__import__'"),
        ("sin", "unknown name 'sin'"),
        ("sqr(2)", "unknown function 'sqr'; known are .*; did you mean 'sqrt'?"),
        ("sin()", "sin() takes plain numbers, at least one"),
        ("sin(x=1)", "sin() takes plain numbers, at least one"),
        ("sin(1, 2)", "sin() takes one number, not 2"),
        ("max(1)", "max() takes two or more numbers, not 1"),
        ("log(1, 2, 3)", "log() takes one or two numbers, not 3"),
        ("round(1, 2)", "round() takes one number, not 2"),
        ("", "'' is not an expression"),
        ("1 +", "'1 +' is not an expression: it ends too early"),
        ("1; 2", "'1; 2' is not an expression: it cannot be read from '; 2' on"),
        ("import os", "'import os' is not an expression"),
        ("0.95 * * epoch", "is not an expression: it cannot be read from '* epoch' on"),
        ("max(1, epoch", "'max(1, epoch' is not an expression: '(' was never closed"),
        ("epoch)", "'epoch)' is not an expression: unmatched ')'"),
        ("epoch = 3", "'epoch = 3' is not an expression: it cannot be read from"),
        ("1\n2", "is not an expression"),
        ("a\0b", "is not an expression"),
        ("1 + \udcff", r"'1 + \udcff' is not an expression: it is not text in UTF-8"),
        ("2 ^ epoch", "'2 ^ epoch': ^ is not allowed; a power is written **; allowed are numbers"),
        ("epoch in 2", "'epoch in 2': in is not allowed; allowed are numbers"),
        ("epoch.real", "'epoch.real': this is not allowed; allowed are numbers"),
        ("lambda e: 0.95**e", "'lambda e: 0.95**e': leave out `lambda e:` and write epoch for e"),
        ("lambda epoch: 0.95**epoch", "'lambda epoch: 0.95**epoch': leave out `lambda epoch:`"),
        ("lambda: 1", "'lambda: 1': leave out `lambda:`"),
        ("1 + (lambda x, y: x)", "leave out `lambda x, y:` and write epoch for x"),
        ("epoch and [1]", "'[1]' is not allowed; allowed are numbers, + - * / // % **"),
    ],
)
def test_refusal_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Expression(text)
    for part in message.split(".*"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", "division by zero"),
        ("epoch + 1 % 0", "modulo"),
        ("1 if epoch else 1 / 0", "division by zero"),
        ("9**9**9**9", "9 ** 3.8742e+08 is too large"),
        ("10 ** 400", "10 ** 400 is too large"),
        ("exp(1000)", "exp(1000) is too large"),
        ("sqrt(-1)", "sqrt(-1) has no value"),
        ("log(0)", "log(0) has no value"),
        ("(-8) ** 0.5", "-8 ** 0.5 is not a real number"),
        ("0 ** -1", "0.0 cannot be raised to a negative power"),
        ("1e999", "a part of it is inf"),
        ("1e308 * 10", "a part of it is inf"),
        ("9" * 400, "… is too large a number"),
        ("floor(1e999)", "a part of it is inf"),
    ],
)
def test_constant_that_cannot_be_computed_is_refused_at_once(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Expression(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / (epoch - 3)", "'1 / (epoch - 3)': float division by zero at epoch = 3, step = 7, total = 32"),
        ("10 ** (step * 100)", "10 ** 700 is too large at epoch = 3, step = 7, total = 32"),
        ("(epoch - 11) ** 0.5", "-8 ** 0.5 is not a real number at epoch = 3"),
        ("1e308 * step", "'1e308 * step' is inf at epoch = 3"),
        ("1e308 * step - 1e308 * step", "is nan at epoch = 3"),
        ("floor(1e308 * step)", "floor(inf) has no value at epoch = 3"),
    ],
)
def test_run_time_error_says_where(text: str, message: str) -> None:
    with pytest.raises(ArithmeticError) as caught:
        Expression(text)(**AT)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 / (epoch - 3)", ZeroDivisionError),
        ("epoch // 0", ZeroDivisionError),
        ("(epoch - 3) ** -1", ZeroDivisionError),
        ("log(8, epoch - 2)", ZeroDivisionError),
        ("10.0 ** (step * 100)", OverflowError),
    ],
)
def test_run_time_error_is_of_the_class_and_in_the_words_of_python(text: str, kind: type[Exception]) -> None:
    with pytest.raises(ArithmeticError) as caught:
        Expression(text)(**AT)
    assert type(caught.value) is kind
    with pytest.raises(kind) as pythons:
        eval(text, PYTHON, dict(AT))
    if kind is ZeroDivisionError:
        assert str(pythons.value) in str(caught.value)


def test_run_time_error_says_a_late_step_exactly() -> None:
    with pytest.raises(ArithmeticError, match=r"at step = 9876543$"):
        Expression("1 / (step - 9876543)")(step=9876543.0)


@pytest.mark.parametrize(
    "text", ["epoch" + " + 1" * (MAX_DEPTH + 1), "-" * (MAX_DEPTH + 2) + "1", "not " * (MAX_DEPTH + 2) + "1"]
)
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=f"nested deeper than {MAX_DEPTH}"):
        Expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 499 + ")" * 499,
        "[" * 150 + "]" * 150,
        "a" + ".a" * 499,
        "-" * 999 + "1",
        "f(" * 199 + ")" * 199,
        "lambda:" * 140 + "1",
    ],
)
def test_deep_syntax_is_refused_and_does_not_run_out_of_stack(text: str) -> None:
    with pytest.raises(SpecError):
        Expression(text)


def test_as_deep_as_allowed_is_allowed() -> None:
    assert Expression("epoch" + " + 1" * MAX_DEPTH)(epoch=0.0) == MAX_DEPTH


def test_too_long_is_refused() -> None:
    with pytest.raises(SpecError, match=f"an expression has at most {MAX_LENGTH} characters, not {MAX_LENGTH + 1}"):
        Expression(" " * MAX_LENGTH + "1")


def test_python_is_not_asked_for_advice_on_style() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Expression("1if epoch else 0")
    assert caught == []


def test_names_are_those_it_was_given() -> None:
    assert Expression("x ** 2", ("x",))(x=3.0) == 9.0
    with pytest.raises(SpecError, match=r"unknown name 'epoch'; known are x, pi, e"):
        Expression("epoch", ("x",))


def test_equal_texts_are_equal_expressions() -> None:
    assert Expression("epoch") == Expression("epoch") != Expression("step")


# Against Python itself: the very text, over floats.

ROUNDED = {
    name: lambda x, function=function: float(function(x))
    for name, function in FUNCTIONS.items()
    if name in ("floor", "ceil", "round")
}
PYTHON = {"__builtins__": {}, "pi": math.pi, "e": math.e, **FUNCTIONS, **ROUNDED}
LEAVES = st.one_of(
    st.sampled_from(["epoch", "step", "total", "pi", "e"]),
    st.floats(0, 1e6, allow_nan=False).map(repr),
    st.sampled_from(["0.0", "1.0", "2.0", "0.5", "1e300"]),
)


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def joined(operators: list[str]) -> st.SearchStrategy[str]:
        return st.tuples(inner, st.sampled_from(operators), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        )

    one = st.sampled_from([name for name in FUNCTIONS if name not in ("min", "max")])
    return st.one_of(
        joined(["+", "-", "*", "/", "//", "%", "**"]),
        joined(["<", "<=", ">", ">=", "==", "!="]),
        joined(["and", "or"]),
        st.tuples(st.sampled_from(["-", "+", "not "]), inner).map(lambda parts: f"({parts[0]}{parts[1]})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
        st.tuples(one, inner).map(lambda parts: f"{parts[0]}({parts[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3)).map(
            lambda parts: f"{parts[0]}({', '.join(parts[1])})"
        ),
    )


TEXTS = st.recursive(LEAVES, grown, max_leaves=8).filter(lambda text: len(text) < MAX_LENGTH)


def by_python(text: str, values: dict[str, float]) -> Any:
    """Return what Python's eval makes of a text, None where that is an error or no finite real number."""
    try:
        value = eval(text, PYTHON, values)
    except (ArithmeticError, ValueError):
        return None
    return float(value) if not isinstance(value, complex) and math.isfinite(value) else None


def constants_fail(text: str) -> bool:
    """Return whether Python, too, cannot compute a part of the text that has no variable."""
    nodes = [node for node in ast.walk(ast.parse(text, mode="eval").body) if isinstance(node, ast.expr)]
    parts = {ast.unparse(node) for node in nodes} - FUNCTIONS.keys()
    variables = re.compile(r"\b(epoch|step|total)\b")
    return any(by_python(part, {}) is None for part in parts if not variables.search(part))


@example("(-8.0 ** 0.5)", 0.0)
@example("((0.0 - 8.0) ** 0.5)", 0.0)
@example("(epoch - 8.0) ** 0.5 * 0.0", 3.0)
@example("((-0.0) if (not epoch) else 1e300 * 1e300)", 0.0)
@given(TEXTS, st.floats(0, 1e7, allow_nan=False))
def test_it_computes_what_python_computes(text: str, epoch: float) -> None:
    values = {"epoch": epoch, "step": 7.0, "total": 32.0}
    try:
        expression = Expression(text)
    except SpecError:
        assert constants_fail(text)
        return
    try:
        value = expression(**values)
    except ArithmeticError as error:
        if "not a real number" in str(error):  # Python goes on with a complex one, and may come back
            return
        value = None
    assert value == by_python(text, values)


@given(st.text(max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        expression = Expression(text)
    except SpecError:
        return
    try:
        assert math.isfinite(expression(**AT))
    except ArithmeticError:
        return
