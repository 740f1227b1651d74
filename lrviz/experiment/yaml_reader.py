"""YAML as a tree of values, every one with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.scalars import LONGEST_NUMBER, scalar
from lrviz.experiment.values import MAX_BYTES, MAX_DEPTH, Value

__all__ = ["MAX_NODES", "decode", "parse", "read"]

MAX_NODES = 200_000
_TOO_MANY = f"holds more than {MAX_NODES:,} values, those that its aliases repeat included"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path) -> Value:
    """Return the tree of a YAML file; raises SpecError where it cannot be read or is not YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with a null character
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise SpecError(Problem(place=str(path), message=message)) from None
    return decode(data, str(path))


def decode(data: bytes, name: str) -> Value:
    """Return the tree of a YAML document in bytes; raises SpecError for what is too large, not UTF-8 or not YAML."""
    if len(data) > MAX_BYTES:
        raise SpecError(Problem(place=name, message=f"larger than {MAX_BYTES:,} bytes"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not a text file in UTF-8 (byte {data[error.start]:#04x})"
        raise SpecError(Problem(place=f"{name}:{line}", message=message)) from None
    return parse(text, name)


def parse(text: str, name: str) -> Value:
    """Return a YAML document as a tree; `name` is what messages call it.

    Raises SpecError for what is not YAML, is nested too deeply, or expands too far. A duplicate key is
    among the root's problems.
    """
    try:
        _inspect(text, name)
        documents = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise _syntax(error, name) from None
    except UnicodeEncodeError as error:  # of an argument of the command line
        raise SpecError(Problem(place=name, message=f"not text in UTF-8: {shown(error.object)}")) from None
    if len(documents) != 1:
        message = "empty" if not documents else f"holds {len(documents)} documents; one experiment to a file"
        raise SpecError(Problem(place=name, message=message))
    tree = _Tree(name)
    return replace(tree.value(documents[0], 0), problems=tuple(tree.problems))


def _inspect(text: str, name: str) -> None:
    """Walk the events, before anything recurses over them: refuse deep nesting, and tags, which run code."""
    depth = count = 0
    for event in yaml.parse(text, Loader=_Loader):
        count += isinstance(event, yaml.NodeEvent)
        if count > MAX_NODES:
            raise SpecError(Problem(place=name, message=_TOO_MANY))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        tag = getattr(event, "tag", None)
        if depth > MAX_DEPTH or tag:
            message = f"the tag {_tag(tag)} is not allowed" if tag else f"nested deeper than {MAX_DEPTH} levels"
            mark = event.start_mark
            raise SpecError(Problem(place=f"{name}:{mark.line + 1}" if mark else name, message=message))


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
            message = f"its aliases nest without end, or over {MAX_DEPTH} levels" if depth > MAX_DEPTH else _TOO_MANY
            raise SpecError(Problem(place=place, message=message))
        if isinstance(node, yaml.MappingNode):
            return Value(self.mapping(node, depth), place)
        if isinstance(node, yaml.SequenceNode):
            return Value([self.value(child, depth + 1) for child in node.value], place)
        assert isinstance(node, yaml.ScalarNode)
        text: str = node.value
        data = text if node.style else scalar(text)  # a quoted scalar has a style, and is text
        if len(text) > LONGEST_NUMBER and not isinstance(data, str):
            message = f"a number of {len(text):,} characters; at most {LONGEST_NUMBER}"
            raise SpecError(Problem(place=place, message=message))
        return Value(data, place)

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        for key, child in node.value:
            place = self.place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(place=place, message="a key must be a plain word"))
            elif key.value in entries:
                self.problems.append(Problem(place=place, message=f"duplicate key {shown(key.value)}"))
            else:
                entries[key.value] = self.value(child, depth + 1, place)
        return entries
