"""A document as a tree of values that know where they stand, whether it came from YAML or flags."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from lrviz.errors import Problem, SpecError, shown
from lrviz.spec.scalars import LONGEST_INTEGER, Scalar, scalar

__all__ = ["Value", "located", "parse"]

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Value:
    """A scalar, a list of values, or a mapping from text to values, with its place.

    `problems` are what is wrong with a document but does not stop its reading, on its root.
    """

    data: Scalar | list[Value] | dict[str, Value]
    place: str = ""
    problems: tuple[Problem, ...] = ()

    def plain(self) -> Any:
        """Return the tree as ordinary Python data."""
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data

    @classmethod
    def of(cls, data: Any, place: str = "") -> Value:
        """Return ordinary Python data as a tree; raises SpecError when nested too deeply or a key stands twice."""
        return cls._of(data, place, 0)

    @classmethod
    def _of(cls, data: Any, place: str, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise SpecError(Problem(place=place, message=f"nested deeper than {MAX_DEPTH} levels"))
        if isinstance(data, Value):
            return data
        if isinstance(data, Mapping):
            entries: dict[str, Value] = {}
            for key, entry in data.items():
                word = shown(key) if isinstance(key, int) else str(key)  # an int may have too many digits for str
                if word in entries:
                    raise SpecError(Problem(place=place, message=f"the key {shown(word)} stands here a second time"))
                entries[word] = cls._of(entry, place, depth + 1)
            return cls(entries, place)
        if isinstance(data, (list, tuple)):
            return cls([cls._of(entry, place, depth + 1) for entry in data], place)
        if isinstance(data, int) and abs(data) >= 10**LONGEST_INTEGER:
            return cls(math.inf if data > 0 else -math.inf, place)  # as `scalar` reads one
        return cls(data, place)


def located(problems: Iterable[Problem], root: Value) -> list[Problem]:
    """Return the problems with the place of the value each one is about."""
    return [problem if problem.place else _locate(problem, root) for problem in problems]


def _locate(problem: Problem, root: Value) -> Problem:
    value = root
    for part in re.findall(r"[^.\[\]]+", problem.field):
        data = value.data
        if isinstance(data, dict) and part in data:
            value = data[part]
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            value = data[int(part)]
        else:
            break
    is_flag = value.place.startswith("-")  # a flag says its name itself
    return replace(problem, place=value.place, field="" if is_flag else problem.field)


def parse(text: str, name: str) -> Value:
    """Return a YAML document as a tree; `name` is what messages call it.

    Raises SpecError for what is not YAML, is nested too deeply, is too large, or expands too far. A
    key that stands twice is among the root's problems.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SpecError(Problem(place=name, message=f"larger than {MAX_BYTES:,} bytes"))
    try:
        _inspect(text, name)
        documents = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise _syntax(error, name) from None
    if len(documents) != 1:
        told = "empty" if not documents else f"holds {len(documents)} documents; one experiment to a file"
        raise SpecError(Problem(place=name, message=told))
    tree = _Tree(name)
    return replace(tree.value(documents[0], 0), problems=tuple(tree.problems))


def _inspect(text: str, name: str) -> None:
    """Walk the events, before anything recurses over them: refuse deep nesting, and tags, which run code."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        tag = getattr(event, "tag", None)
        if depth > MAX_DEPTH or tag:
            told = f"the tag {_tag(tag)} is not allowed" if tag else f"nested deeper than {MAX_DEPTH} levels"
            mark = event.start_mark
            raise SpecError(Problem(place=f"{name}:{mark.line + 1}" if mark else name, message=told))


def _tag(tag: str) -> str:
    return shown(tag.replace("tag:yaml.org,2002:", "!!"))


def _syntax(error: yaml.YAMLError, name: str) -> SpecError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{name}:{mark.line + 1}" if mark else name
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return SpecError(Problem(place=place, message=f"not valid YAML: {reason}"))


class _Tree:
    """Turns YAML's nodes into values, collecting what is wrong on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.left = MAX_NODES

    def place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"

    def value(self, node: yaml.Node, depth: int, place: str = "") -> Value:
        place = place or self.place(node)
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            told = (
                f"its aliases nest without end, or over {MAX_DEPTH} levels"
                if depth > MAX_DEPTH
                else f"holds more than {MAX_NODES:,} values"
            )
            raise SpecError(Problem(place=place, message=told))
        if isinstance(node, yaml.MappingNode):
            return Value(self.mapping(node, depth), place)
        if isinstance(node, yaml.SequenceNode):
            return Value([self.value(child, depth + 1) for child in node.value], place)
        assert isinstance(node, yaml.ScalarNode)
        text: str = node.value
        return Value(text if node.style else scalar(text), place)  # a quoted scalar has a style, and is text

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        for key, child in node.value:
            place = self.place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(place=place, message="a key must be a plain word"))
            elif key.value in entries:
                self.problems.append(
                    Problem(place=place, message=f"the key {shown(key.value)} stands here a second time")
                )
            else:
                entries[key.value] = self.value(child, depth + 1, place)
        return entries
