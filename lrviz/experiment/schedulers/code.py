"""Python under way: what makes a scheduler in a script, as text; nothing here is executed."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, count
from typing import Any, NamedTuple

from lrviz.errors import SpecError
from lrviz.experiment.expression import CONSTANTS, FUNCTIONS, Expression

WIDTH = 100
GROUPED = 10_000  # from where on the digits of a whole number are grouped
BUILTINS = {"min", "max", "abs", "round"}
INDENT = "    "
SHORT = 30  # characters of a list that is written where it is used
BASE_LR = {"base_lr": '[group["lr"] for group in optimizer.param_groups]'}
"""What a function takes of each parameter group: the learning rate that it is made with."""


class Items(NamedTuple):
    """A call, a list or a mapping: what it opens and closes with, and what is between."""

    opening: str
    entries: Sequence[tuple[str, Node]]  # each with what stands before it, such as `T_max=`
    closing: str


Node = str | Items
"""An expression: text that stays on one line, or what is broken into lines where it is too long."""


def call(name: str, *positional: Node, **named: Node) -> Items:
    """Return a call."""
    entries = [*(("", each) for each in positional), *((f"{key}=", each) for key, each in named.items())]
    return Items(f"{name}(", entries, ")")


def listing(items: Sequence[Node]) -> Items:
    """Return a list."""
    return Items("[", [("", each) for each in items], "]")


def mapping(entries: Mapping[str, Node]) -> Items:
    """Return a mapping with these texts as keys."""
    return Items("{", [(f"{literal(key)}: ", each) for key, each in entries.items()], "}")


def layout(node: Node, lead: str = "", indent: str = "") -> list[str]:
    """Return the lines of an expression after `lead`, broken where a line would be too long."""
    flat = f"{indent}{lead}{_flat(node)}"
    if isinstance(node, str) or len(flat) <= WIDTH:
        return [flat]
    inner = [layout(each, name, indent + INDENT) for name, each in node.entries]
    broken = [line for lines in inner for line in (*lines[:-1], f"{lines[-1]},")]
    return [f"{indent}{lead}{node.opening}", *broken, f"{indent}{node.closing}"]


def _flat(node: Node) -> str:
    if isinstance(node, str):
        return node
    return node.opening + ", ".join(f"{name}{_flat(each)}" for name, each in node.entries) + node.closing


def literal(value: Any) -> str:
    """Return plain data as Python writes it: floats to the last bit, 1e-3 rather than 0.001."""
    match value:
        case bool() | None:
            return repr(value)
        case int():
            return f"{value:_}" if abs(value) >= GROUPED else str(value)
        case float():
            return _number(value)
        case str():
            return _quoted(value)
        case Mapping():
            return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in value.items()) + "}"
        case tuple() | list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case _:
            raise SpecError(f"{getattr(value, '__qualname__', value)!s} is a Python object, which has no text")


def _quoted(text: str) -> str:
    inner = repr(f"'{text}")[2:-1]  # in double quotes, which a single one in it makes repr take
    return f'"{inner}"' if '"' not in text else repr(text)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f"float({str(value)!r})"
    text = re.sub(r"e([-+])0?", lambda sign: f"e{sign[1].strip('+')}", repr(value))
    found = re.fullmatch(r"(-?)0\.(0+)([0-9]+)", text)
    if found is None:
        return text
    sign, zeros, digits = found.groups()
    rest = f".{digits[1:]}" if digits[1:] else ""
    short = f"{sign}{digits[0]}{rest}e-{len(zeros) + 1}"
    return short if len(short) < len(text) else text


@dataclass
class Script:
    """What a script needs beside its optimizer: imports, functions, schedulers, and what its loop does with them.

    `now` is the variable that counts what the scheduler is stepped at, from 0. Expressions may use
    `optimizer`, functions `math`.
    """

    now: str = "step"
    calls: int = 1  # of the scheduler's step where a plain loop has one
    total: int = 0  # scheduler steps of the run, or of the segment
    default_lr: float = 0.0  # the optimizer's
    is_plain: bool = False  # torch alone is wanted, where a library's own class would do
    metric: str = ""  # the expression that the scheduler is stepped with
    imports: dict[str, set[str]] = field(default_factory=dict)  # names by module; none for `import module`
    functions: list[list[str]] = field(default_factory=list)
    setup: list[str] = field(default_factory=list)  # after the optimizer is made
    made: dict[str, Node] = field(default_factory=dict)  # schedulers, by variable
    before: list[str] = field(default_factory=list)  # what the loop does before an optimizer step
    stepping: list[str] = field(default_factory=list)  # and after it, or after an epoch
    epoch_stepping: list[str] = field(default_factory=list)  # and after an epoch beside it
    in_groups: dict[str, Any] = field(default_factory=dict)  # entries of the parameter groups

    def use(self, target: str) -> str:
        """Import what `module:Name` names, and return the name."""
        module, _, name = target.partition(":")
        first = name.partition(".")[0]
        others = {each for other, names in self.imports.items() if other != module for each in names}
        if first in others:
            alias = f"{module.partition('.')[0]}_{first}"
            first, name = f"{first} as {alias}", alias + name[len(first) :]
        self.imports.setdefault(module, set()).update({first} if first else ())
        return name

    def torch(self, name: str) -> str:
        """Import a scheduler class of torch, and return its name."""
        return self.use(f"torch.optim.lr_scheduler:{name}")

    def define(self, name: str, arguments: str, body: Sequence[str]) -> str:
        """Define a function, under this name or one like it, and return the name."""
        taken = {lines[0].partition("(")[0] for lines in self.functions}
        names = (name if number == 1 else f"{name}_{number}" for number in count(1))
        free = next(each for each in names if f"def {each}" not in taken)
        if any("math." in line for line in body):
            self.use("math")
        self.functions.append([f"def {free}({arguments}):", *(INDENT + line for line in body)])
        return free

    def factor(self, body: Sequence[str]) -> Node:
        """Return a LambdaLR of a function of the step with this body."""
        is_short = len(body) == 1 and "math." not in body[0]
        function = (
            f"lambda step: {body[0].removeprefix('return ')}" if is_short else self.define("factor", "step", body)
        )
        return call(self.torch("LambdaLR"), "optimizer", function)

    def add(self, node: Node, name: str = "scheduler", step: str = "", condition: str = "") -> None:
        """Make a scheduler, and step it: at every step of the loop, or where a condition holds."""
        self.made[name] = node
        line = f"{name}.{step or f'step({self.metric})'}"
        self.stepping += [f"if {condition}:", INDENT + line] if condition else [line]

    def set_by_hand(
        self, body: Sequence[str], columns: Mapping[str, str] = {}, entry: str = "lr", name: str = "learning_rate"
    ) -> None:
        """Set an entry of every parameter group in the loop, by a function of the step.

        `columns` are what the function takes of each group beside it, by name, and the lists that hold them.
        """
        function = self.define(name, ", ".join(("step", *columns)), body)
        self.in_loop(columns, [f'group["{entry}"] = {function}({", ".join((self.count, *columns))})'])

    @property
    def count(self) -> str:
        """How many steps of the scheduler are behind."""
        return self.now if self.calls == 1 else f"{self.calls} * {self.now}"

    def in_loop(self, columns: Mapping[str, str], lines: Sequence[str]) -> None:
        """Do something with every parameter group before each step of the optimizer."""
        lists = {name: f"{name}s" if len(source) > SHORT else source for name, source in columns.items()}
        self.setup += [
            line
            for name, source in columns.items()
            if lists[name] != source and (line := f"{lists[name]} = {source}") not in self.setup
        ]
        groups = "optimizer.param_groups"
        head = f"for {', '.join(('group', *columns))} in "
        head += f"zip({', '.join((groups, *lists.values()))}):" if columns else f"{groups}:"
        self.before += [head, *(INDENT + line for line in lines)]


def function_of(expression: Any, script: Script) -> str:
    """Return an expression, in which lrviz computes with floats, as a lambda of the one number that torch passes."""
    if not isinstance(expression, Expression):
        raise SpecError(f"{getattr(expression, '__qualname__', expression)} is a function of Python, which has no text")
    known = {**dict(expression.known), "total": script.total}
    argument = next((name for name in ("x", "step", "epoch") if name in expression.used), expression.names[0])
    argument = "epoch" if {"epoch", "step"} <= expression.used else argument

    def word(found: re.Match[str]) -> str:
        name = found[0]
        if name in known:
            return literal(int(known[name]) if float(known[name]).is_integer() else known[name])
        if name in CONSTANTS or (name in FUNCTIONS and name not in BUILTINS):
            script.use("math")
            return f"math.{name}"
        return argument if name in ("epoch", "step") else name

    plain = ast.unparse(ast.parse(expression.text.strip(), mode="eval")) if "#" in expression.text else expression.text
    text = re.sub(r"(?<![\w.])[A-Za-z_]\w*", word, " ".join(plain.split()))
    return f"lambda {argument}: {text}"


def bare(text: str) -> str:
    """Return an expression without the parentheses around all of it."""
    depths = list(accumulate((letter == "(") - (letter == ")") for letter in text))
    is_enclosed = text.startswith("(") and depths.index(0) == len(text) - 1
    return text[1:-1] if is_enclosed else text


def locals_of(**numbers: Any) -> Iterator[str]:
    """Yield the line that gives a function its numbers."""
    if numbers:
        yield f"{', '.join(numbers)} = {', '.join(map(literal, numbers.values()))}"
