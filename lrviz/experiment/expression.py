"""Arithmetic in a string: what LambdaLR and friends take, without Python's eval.

The text is parsed, every node is checked against a list of what is allowed, and the tree becomes
nested closures over floats. No attribute, call target, name or literal outside the list survives,
and because all numbers are floats `9**9**9**9` overflows at once.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lrviz.errors import SpecError, nearest, shown

Names = Mapping[str, float]
Evaluator = Callable[[Names], float]

CONSTANTS = {"pi": math.pi, "e": math.e}
FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}


def _power(base: float, exponent: float) -> float:
    try:
        result = base**exponent
    except OverflowError:
        raise OverflowError(f"{base:g} ** {exponent:g} is too large") from None
    if isinstance(result, complex):
        raise ArithmeticError(f"{base:g} ** {exponent:g} is not a real number")
    return float(result)


OPERATORS: Mapping[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
SIGNS: Mapping[type[ast.AST], str] = {
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Invert: "~",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.MatMult: "@",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
}
"""What Python has beside them, as it is written."""

ALLOWED = "numbers, + - * / // % **, comparisons, and, or, not, x if c else y, and the functions " + " ".join(FUNCTIONS)
MAX_LENGTH = 1000
MAX_DEPTH = 50


@dataclass(frozen=True)
class Expression:
    """Arithmetic over a few names, computed in floats.

    `names` are the variables it may use, beside `pi` and `e`, and `used` those that it does; `known` are
    the values that some of them have for good. Raises SpecError for anything that is not arithmetic over
    them, and for a constant part that cannot be computed.
    """

    text: str
    names: tuple[str, ...] = ("epoch", "step", "total")
    known: tuple[tuple[str, float], ...] = ()
    evaluate: Evaluator = field(init=False, repr=False, compare=False)
    used: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.text) > MAX_LENGTH:
            raise SpecError(f"an expression has at most {MAX_LENGTH} characters, not {len(self.text)}")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's advice on style, such as for `1if`
                tree = ast.parse(self.text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise SpecError(f"{shown(self.text)} is not an expression{_where(error, self.text.strip())}") from None
        compiler = _Compiler(self.text, self.names)
        object.__setattr__(self, "evaluate", compiler.node(tree.body, 0)[0])
        object.__setattr__(self, "used", frozenset(compiler.used))

    def given(self, **known: float) -> Expression:
        """Return the expression with values for some of its names, as a function closes over numbers."""
        bound = object.__new__(Expression)
        bound.__dict__.update(self.__dict__, known=tuple(known.items()))  # to read the text again takes longer
        return bound

    def __call__(self, **values: float) -> float:
        """Return the value for these names, a finite float; raises ArithmeticError otherwise, of Python's own class."""
        if self.known:
            values.update(self.known)
        try:
            result = self.evaluate(values)
        except ArithmeticError as error:
            raise type(error)(f"{shown(self.text)}: {error}{_at(values)}") from None
        if not math.isfinite(result):
            raise ArithmeticError(f"{shown(self.text)} is {result}{_at(values)}")
        return float(result)

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Expression], tuple[object, ...]]:
        return Expression, (self.text, self.names, self.known)  # closures cannot be pickled; the text says it all


def _where(error: Exception, text: str) -> str:
    """Return from where on Python could not read a text, as far as it says."""
    if isinstance(error, UnicodeEncodeError):
        return ": it is not text in UTF-8"
    if not isinstance(error, SyntaxError) or error.offset is None or error.lineno != 1 or not text:
        return ""
    if "closed" in error.msg or "unmatched" in error.msg:
        return f": {error.msg}"
    rest = text[error.offset - 1 :] if error.offset else ""
    if rest == text:
        return ""
    return f": it cannot be read from {shown(rest, 20)} on" if rest.strip() else ": it ends too early"


def _at(values: Names) -> str:
    return " at " + ", ".join(f"{name} = {value:.15g}" for name, value in values.items()) if values else ""


class _Compiler:
    """Turns checked syntax into closures; each node yields (evaluator, whether it is constant)."""

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self.text = text
        self.names = names
        self.used: set[str] = set()

    def refuse(self, reason: str) -> SpecError:
        return SpecError(f"{shown(self.text)}: {reason}")

    def source(self, node: ast.expr) -> str:
        """Return what was written for a node; `ast.unparse` would recurse over what nobody checked yet."""
        return ast.get_source_segment(self.text.strip(), node) or type(node).__name__

    def node(self, node: ast.expr, depth: int) -> tuple[Evaluator, bool]:
        if depth > MAX_DEPTH:
            raise self.refuse(f"nested deeper than {MAX_DEPTH}")
        method = getattr(self, type(node).__name__, None)
        if method is None:
            what = "this" if self.source(node) == self.text.strip() else shown(self.source(node))
            raise self.refuse(f"{what} is not allowed; allowed are {ALLOWED}")
        evaluate, constant = method(node, depth + 1)
        return (self.fold(evaluate), True) if constant else (evaluate, False)

    def fold(self, evaluate: Evaluator) -> Evaluator:
        """Compute a constant part now, so that what cannot be computed is refused at once."""
        try:
            value = evaluate({})
        except ArithmeticError as error:
            raise self.refuse(str(error)) from None
        if not math.isfinite(value):
            raise self.refuse(f"a part of it is {value}")
        return lambda names: value

    def operator(self, node: ast.AST) -> Callable[..., float]:
        found = OPERATORS.get(type(node))
        if found is None:
            power = "a power is written **; " if isinstance(node, ast.BitXor) else ""
            sign = SIGNS.get(type(node), "this operator")
            raise self.refuse(f"{sign} is not allowed; {power}allowed are {ALLOWED}")
        return found

    def Constant(self, node: ast.Constant, depth: int) -> tuple[Evaluator, bool]:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise self.refuse(f"{shown(node.value)} is not a number")
        try:
            value = float(node.value)
        except OverflowError:
            raise self.refuse(f"{shown(self.source(node), 20)} is too large a number") from None
        return (lambda names: value), True

    def Lambda(self, node: ast.Lambda, depth: int) -> tuple[Evaluator, bool]:
        name, own = node.args.args[0].arg if node.args.args else "", self.names[0]
        rename = f" and write {own} for {name}" if name not in ("", *self.names) else ""
        raise self.refuse(f"leave out `{self.source(node).partition(':')[0]}:`{rename}")

    def Name(self, node: ast.Name, depth: int) -> tuple[Evaluator, bool]:
        name = node.id
        if name in CONSTANTS:
            value = CONSTANTS[name]
            return (lambda names: value), True
        if name not in self.names:
            allowed = (*self.names, *CONSTANTS)
            hint = nearest(name, (*allowed, *FUNCTIONS))
            raise self.refuse(f"unknown name {name!r}; known are {', '.join(allowed)}{hint}")
        self.used.add(name)
        return (lambda names: names[name]), False

    def BinOp(self, node: ast.BinOp, depth: int) -> tuple[Evaluator, bool]:
        apply = self.operator(node.op)
        left, left_constant = self.node(node.left, depth)
        right, right_constant = self.node(node.right, depth)
        return (lambda names: apply(left(names), right(names))), left_constant and right_constant

    def UnaryOp(self, node: ast.UnaryOp, depth: int) -> tuple[Evaluator, bool]:
        apply = self.operator(node.op)
        operand, constant = self.node(node.operand, depth)
        return (lambda names: float(apply(operand(names)))), constant

    def BoolOp(self, node: ast.BoolOp, depth: int) -> tuple[Evaluator, bool]:
        parts = [self.node(value, depth) for value in node.values]
        stop_at = isinstance(node.op, ast.Or)

        def evaluate(names: Names) -> float:
            value = 0.0
            for part, _ in parts:
                value = part(names)
                if bool(value) is stop_at:
                    break
            return value

        return evaluate, all(constant for _, constant in parts)

    def Compare(self, node: ast.Compare, depth: int) -> tuple[Evaluator, bool]:
        first, constant = self.node(node.left, depth)
        rest = [
            (self.operator(op), *self.node(side, depth)) for op, side in zip(node.ops, node.comparators, strict=True)
        ]

        def evaluate(names: Names) -> float:
            left = first(names)
            for apply, side, _ in rest:
                right = side(names)
                if not apply(left, right):
                    return 0.0
                left = right
            return 1.0

        return evaluate, constant and all(is_constant for _, _, is_constant in rest)

    def IfExp(self, node: ast.IfExp, depth: int) -> tuple[Evaluator, bool]:
        test, test_constant = self.node(node.test, depth)
        yes, yes_constant = self.node(node.body, depth)
        no, no_constant = self.node(node.orelse, depth)
        constant = test_constant and yes_constant and no_constant
        return (lambda names: yes(names) if test(names) else no(names)), constant

    def Call(self, node: ast.Call, depth: int) -> tuple[Evaluator, bool]:
        name = node.func.id if isinstance(node.func, ast.Name) else self.source(node.func)
        function = FUNCTIONS.get(name)
        if function is None:
            hint = nearest(name, FUNCTIONS)
            raise self.refuse(f"unknown function {shown(name)}; known are {', '.join(FUNCTIONS)}{hint}")
        if node.keywords or not node.args:
            raise self.refuse(f"{name}() takes plain numbers, at least one")
        self.check_arity(name, len(node.args))
        parts = [self.node(argument, depth) for argument in node.args]
        arguments = [part for part, _ in parts]

        def evaluate(names: Names) -> float:
            values = [argument(names) for argument in arguments]
            try:
                return float(function(*values))
            except (ValueError, OverflowError) as error:
                is_large = isinstance(error, OverflowError) and all(map(math.isfinite, values))
                given = ", ".join(f"{value:g}" for value in values)
                raise ArithmeticError(f"{name}({given}) {'is too large' if is_large else 'has no value'}") from None

        return evaluate, all(constant for _, constant in parts)

    def check_arity(self, name: str, given: int) -> None:
        if name in ("min", "max"):
            allowed = range(2, 100)
        elif name == "log":
            allowed = range(1, 3)
        else:
            allowed = range(1, 2)
        if given not in allowed:
            wanted = {"min": "two or more numbers", "max": "two or more numbers", "log": "one or two numbers"}
            raise self.refuse(f"{name}() takes {wanted.get(name, 'one number')}, not {given}")
