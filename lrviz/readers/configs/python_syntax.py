"""A config written in Python as a tree of values with their lines: read as a syntax tree, never executed.

What is read are assignments at the top of the file, of numbers, texts, lists, mappings, `dict(...)`, the
names assigned before, what stands in `_base_` files, arithmetic on numbers, and `+` of texts and lists.
Everything else is noted on its value, so that a reader who needs it can say what it is.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.values import MAX_DEPTH, Value

LARGEST = 1e15  # a number in a config
LONGEST = 10_000  # characters of a text, items of a list
MOST = 100_000  # values in a file, those that a name stands for again counted again
BASE = "_base_"
STAR = "*"  # the key of `from ... import *`, which may say anything

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
    """Raised for an expression whose value is not read; its text says why."""


MORE = "more than data, and nothing is executed"
LARGE = "larger than a config's values are"


def parse(text: str, name: str, base: Value | None = None) -> Value:
    """Return the assignments of a Python file as a tree; raises SpecError for what is not Python.

    `base` is what `_base_.key` in it stands for.
    """
    reader = SyntaxReader(name, text, base)
    for statement in syntax_of(text, name).body:
        reader.statement(statement)
    return Value(reader.names, name)


def syntax_of(text: str, name: str) -> ast.Module:
    """Return the syntax tree of a Python file; raises SpecError for what is not Python."""
    try:
        with warnings.catch_warnings():  # of escapes in a text, which are its author's
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        place = f"{name}:{line}" if line else name
        is_deep = isinstance(error, (RecursionError, MemoryError))
        reason = "it is nested too deeply" if is_deep else getattr(error, "msg", None) or str(error)
        raise SpecError(Problem(place=place, message=f"not valid Python: {reason}")) from None


class SyntaxReader:
    """Reads expressions of one file; `names` are those that stand for values."""

    def __init__(self, name: str, text: str, base: Value | None) -> None:
        self.name = name
        self.lines = text.encode(errors="replace").splitlines()  # columns of a syntax tree count bytes
        self.base = base
        self.names: dict[str, Value] = {}
        self.left = MOST

    def place(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 1)}"

    def statement(self, node: ast.stmt) -> None:
        """Take an assignment to a name, `a = b = 1` and `a: int = 1` too; what another one sets cannot be read."""
        match node:
            case ast.Assign(targets=targets, value=value) if all(isinstance(each, ast.Name) for each in targets):
                found = self.value(value)
                self.names |= {each.id: found for each in targets if isinstance(each, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.names[name] = self.value(value)
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value) if name in self.names:
                now = ast.copy_location(ast.Name(name, ast.Load()), target)
                self.names[name] = self.value(ast.copy_location(ast.BinOp(now, op, value), node))
            case _:
                for name in _changed(node):
                    self.names[name] = self.unreadable(node)

    def value(self, node: ast.expr) -> Value:
        return self.inner(node, -1)

    def unreadable(self, node: ast.AST, why: str = MORE) -> Value:
        place = self.place(node)
        return Value(None, place, (Problem(message=f"cannot be read: {self.source(node)} is {why}", place=place),))

    def source(self, node: ast.AST) -> str:
        """Return the start of what a node was made of, as a message may quote it."""
        first, start = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        is_one_line = getattr(node, "end_lineno", first) == first
        end = getattr(node, "end_col_offset", start) if is_one_line else start + 1000
        return shown(self.lines[first - 1][start : min(end, start + 100)].decode(errors="replace"))

    def read(self, node: ast.expr, depth: int) -> Value:
        """Return an expression's value; raises _Unreadable for what is more than data."""
        self.spend(depth)
        place = self.place(node)
        match node:
            case ast.Constant(value=bool() | int() | float() | str() | None):
                return Value(_checked(node.value), place)
            case ast.Name(id=name) if name in self.names:
                return self.again(self.names[name], place, depth)
            case ast.Attribute() if self.base is not None:
                return self.again(_at(self.base, node), place, depth)
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
                raise _Unreadable(MORE)

    def inner(self, node: ast.expr, depth: int) -> Value:
        """Return an item of a list or a mapping; one that cannot be read spoils only itself."""
        if isinstance(node, ast.Set) and len(node.elts) == 1 and isinstance(node.elts[0], ast.Set):
            node = node.elts[0].elts[0]  # {{_base_.key}}, a text that mmengine replaces: no arithmetic is done with it
        try:
            return self.read(node, depth + 1)
        except _Unreadable as error:
            return self.unreadable(node, str(error))
        except ArithmeticError as error:
            return self.unreadable(node, f"no number: {error}")

    def again(self, value: Value, place: str, depth: int) -> Value:
        """Return a value that stands in another place too; what is computed stays so."""
        self.measure(value, depth)
        return Value(value.data, place, value.problems)

    def measure(self, value: Value, depth: int) -> None:
        """Count a value once more, with all that is in it: names that stand for names grow without end."""
        self.spend(depth)
        inner = value.data.values() if isinstance(value.data, dict) else value.data
        for entry in inner if not isinstance(inner, (str, int, float, type(None))) else ():
            self.measure(entry, depth + 1)

    def spend(self, depth: int) -> None:
        self.left -= 1
        if depth > MAX_DEPTH or self.left < 0:
            raise _Unreadable(LARGE)

    def mapping(self, pairs: Any, depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, value in pairs:
            if key is None:  # **other
                other = self.read(value, depth + 1)
                if not isinstance(other.data, dict):
                    raise _Unreadable(MORE)
                found |= other.data
                continue
            word = self.read(key, depth + 1).data
            if not isinstance(word, (str, int)):
                raise _Unreadable(MORE)
            named = dotted_name(value) if word == "type" else None  # a class, which may be imported
            is_class = named and (named not in self.names or self.names[named].problems)
            found[str(word)] = Value(named, self.place(value)) if is_class else self.inner(value, depth)
        return found

    def number(self, node: ast.expr, depth: int) -> int | float:
        data = self.read(node, depth + 1).data
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            raise _Unreadable(MORE)
        return data

    def computed(self, op: ast.operator, left: ast.expr, right: ast.expr, depth: int) -> Any:
        first, second = self.read(left, depth + 1).data, self.read(right, depth + 1).data
        if isinstance(op, ast.Add) and type(first) is type(second) and isinstance(first, (str, list)):
            return _checked(first + second)  # type: ignore[operator]
        numbers = [each for each in (first, second) if isinstance(each, (int, float)) and not isinstance(each, bool)]
        if len(numbers) < 2:
            raise _Unreadable(MORE)
        if isinstance(op, ast.Pow) and abs(numbers[1]) > 100:
            raise _Unreadable(LARGE)
        return _checked(_OPERATORS[type(op)](*numbers))


def _checked(data: Any) -> Any:
    """Return a value; raises _Unreadable for one that no config has."""
    if isinstance(data, (str, list)):
        if len(data) > LONGEST:
            raise _Unreadable(LARGE)
    elif isinstance(data, complex):
        raise _Unreadable(MORE)
    elif data is not None and abs(data) > LARGEST:
        raise _Unreadable(LARGE)
    return data


def dotted_name(node: ast.AST) -> str | None:
    """Return the text of a dotted name: `_base_.train_cfg`, `torch.optim.SGD`."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _at(base: Value, node: ast.Attribute) -> Value:
    """Return what stands in the base files at `_base_.key`; raises _Unreadable where there is nothing."""
    first, *rest = (dotted_name(node) or "").split(".")
    value: Value | None = base if first == BASE else None
    for part in rest:
        value = value.data.get(part) if value is not None and isinstance(value.data, dict) else None
    if value is None:
        raise _Unreadable("not in the base files" if first == BASE else MORE)
    return value


def _changed(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement may set or change, which is no plain assignment."""
    waiting: list[ast.AST] = [node]
    while waiting:
        each = waiting.pop()
        match each:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
            case ast.ImportFrom(names=names) if any(name.name == "*" for name in names):
                yield STAR
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((name.asname or name.name).partition(".")[0] for name in names)
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                yield from _owner(each)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):  # schedulers.append(...)
                yield from _owner(method)
        waiting.extend(ast.iter_child_nodes(each))


def _owner(node: ast.AST) -> Iterator[str]:
    """Yield the name that an attribute or an item of it belongs to."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
