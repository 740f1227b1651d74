"""A config written in Python as a tree of values with their lines: read as a syntax tree, never executed.

What is read are assignments at the top of the file, of numbers, texts, lists, mappings, `dict(...)`, the
names assigned before, arithmetic on numbers, and `+` of texts and lists. Everything else is noted on its
value, so that a reader who needs it can say what it is.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.values import MAX_DEPTH, Value

LARGEST = 1e15  # a number in a config
LONGEST = 10_000  # characters of a text, items of a list

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class _Unreadable(Exception):
    """Raised for an expression that is more than data; its text says which."""


def parse(text: str, name: str) -> Value:
    """Return the assignments of a Python file as a tree; raises SpecError for what is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f"{name}:{line}" if line else name
        reason = getattr(error, "msg", None) or str(error) or type(error).__name__
        raise SpecError(Problem(place=place, message=f"not valid Python: {reason}")) from None
    reader = _Reader(name)
    for statement in tree.body:
        reader.statement(statement)
    return Value(reader.names, name)


class _Reader:
    def __init__(self, name: str) -> None:
        self.name = name
        self.names: dict[str, Value] = {}

    def place(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"

    def statement(self, node: ast.stmt) -> None:
        """Take an assignment to a name, `a = b = 1` and `a: int = 1` too; every other statement is left alone."""
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or value is None:
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                self.names[node.target.id] = self.unreadable(node)
            return
        for target in targets:
            if isinstance(target, ast.Name):
                self.names[target.id] = self.value(value)

    def value(self, node: ast.expr) -> Value:
        try:
            return self.read(node, 0)
        except (_Unreadable, ArithmeticError, TypeError, RecursionError):
            return self.unreadable(node)

    def unreadable(self, node: ast.AST) -> Value:
        message = f"is computed: {shown(ast.unparse(node))} is more than data, and nothing is executed"
        return Value(None, self.place(node), (Problem(message=message, place=self.place(node)),))

    def read(self, node: ast.expr, depth: int) -> Value:
        """Return an expression's value; raises _Unreadable for what is more than data."""
        if depth > MAX_DEPTH:
            raise _Unreadable
        place = self.place(node)
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                return Value(node.value, place)  # type: ignore[arg-type]
            case ast.Name(id=name) if name in self.names and not self.names[name].problems:
                return Value(self.names[name].data, place)
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return Value([self.inner(item, depth) for item in items], place)
            case ast.Dict(keys=keys, values=values):
                return Value(self.mapping(zip(keys, values, strict=True), depth), place)
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords):
                pairs = ((each.arg and ast.Constant(each.arg), each.value) for each in keywords)
                return Value(self.mapping(pairs, depth), place)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return Value(_checked(-self.number(operand, depth)), place)
            case ast.BinOp(op=op, left=left, right=right) if type(op) in _OPERATORS:
                return Value(self.computed(op, left, right, depth), place)
            case _:
                raise _Unreadable

    def inner(self, node: ast.expr, depth: int) -> Value:
        """Return an item of a list or a mapping; one that cannot be read spoils only itself."""
        try:
            return self.read(node, depth + 1)
        except (_Unreadable, ArithmeticError, TypeError):
            return self.unreadable(node)

    def mapping(self, pairs: Any, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, value in pairs:
            if key is None:  # **other
                other = self.read(value, depth + 1).data
                if not isinstance(other, dict):
                    raise _Unreadable
                found |= other
                continue
            word = self.read(key, depth + 1).data
            if not isinstance(word, (str, int)):
                raise _Unreadable
            found[str(word)] = self.inner(value, depth)
        return found

    def number(self, node: ast.expr, depth: int) -> int | float:
        data = self.read(node, depth + 1).data
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            raise _Unreadable
        return data

    def computed(self, op: ast.operator, left: ast.expr, right: ast.expr, depth: int) -> Any:
        if isinstance(op, ast.Add):
            first, second = self.read(left, depth + 1).data, self.read(right, depth + 1).data
            both_lists = isinstance(first, list) and isinstance(second, list)
            if both_lists or (isinstance(first, str) and isinstance(second, str)):
                return _checked(first + second)  # type: ignore[operator]
        first, second = self.number(left, depth), self.number(right, depth)
        if isinstance(op, ast.Pow) and abs(second) > 100:
            raise _Unreadable
        return _checked(_OPERATORS[type(op)](first, second))


def _checked(data: Any) -> Any:
    """Return a computed value; raises _Unreadable for one that no config has."""
    if isinstance(data, (str, list)):
        if len(data) > LONGEST:
            raise _Unreadable
        return data
    if isinstance(data, complex) or abs(data) > LARGEST:
        raise _Unreadable
    return data
