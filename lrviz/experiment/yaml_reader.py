"""YAML as a tree of values, every one with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from lrviz.errors import Problem, SpecError, listed, nearest, shown
from lrviz.experiment.scalars import LONGEST_NUMBER, scalar
from lrviz.experiment.values import MAX_BYTES, MAX_DEPTH, Value

MAX_NODES = 200_000
_TOO_MANY = f"holds more than {MAX_NODES:,} values, those that its aliases repeat included"

MERGE = "tag:yaml.org,2002:merge"  # what PyYAML makes of a plain `<<` for a key
Position = tuple[int, int]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def content(path: Path) -> bytes:
    """Return what a file holds, at most a byte more than a document may; raises SpecError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with a null character
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
        raise SpecError(Problem(place=str(path), message=message)) from None


def read(path: Path, key: str | None = None) -> Value:
    """Return the tree of a YAML file, or of the block `key` in it; raises SpecError where it cannot be read."""
    return decode(content(path), str(path), key)


def decode(data: bytes, name: str, key: str | None = None) -> Value:
    """Return the tree of a YAML document in bytes; raises SpecError for what is too large, not UTF-8 or not YAML."""
    return parse(text_of(data, name), name, key)


def text_of(data: bytes, name: str) -> str:
    """Return a document's text; raises SpecError for what is too large, or not UTF-8."""
    if len(data) > MAX_BYTES:
        raise SpecError(Problem(place=name, message=f"larger than {MAX_BYTES:,} bytes"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"not a text file in UTF-8 (byte {data[error.start]:#04x})"
        raise SpecError(Problem(place=f"{name}:{line}", message=message)) from None


def is_text(scalar: str) -> bool:
    """Return whether PyYAML's own loader reads a plain scalar as text: `1e-4`, which YAML 1.1 takes for no number."""
    return isinstance(yaml.safe_load(scalar), str)


def parse(text: str, name: str, key: str | None = None) -> Value:
    """Return a YAML document as a tree; `name` is what messages call it.

    With a `key`, such as "training.schedule", it is the block of a larger document that stands there, and
    nothing else in that is looked at. Merge keys (`<<`) are followed. Raises SpecError for what is not
    YAML, is nested too deeply, or expands too far. A duplicate key is among the root's problems.
    """
    try:
        tags = _inspect(text, name)
        documents = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise _syntax(error, name) from None
    except UnicodeEncodeError as error:  # of an argument of the command line
        raise SpecError(Problem(place=name, message=f"not text in UTF-8: {shown(error.object)}")) from None
    if len(documents) != 1:
        message = "empty" if not documents else f"holds {len(documents)} documents; one experiment to a file"
        raise SpecError(Problem(place=name, message=message))
    tree = _Tree(name, tags)
    node = tree.block(documents[0], key) if key else documents[0]
    return replace(tree.value(node, 0), problems=tuple(tree.problems))


def _inspect(text: str, name: str) -> dict[Position, str]:
    """Walk the events, before anything recurses over them: refuse deep nesting, and return the tags by position."""
    depth = count = 0
    tags = {}
    for event in yaml.parse(text, Loader=_Loader):
        count += isinstance(event, yaml.NodeEvent)
        if count > MAX_NODES:
            raise SpecError(Problem(place=name, message=_TOO_MANY))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            place = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
            raise SpecError(Problem(place=place, message=f"nested deeper than {MAX_DEPTH} levels"))
        tag: str | None = getattr(event, "tag", None)
        if tag:
            tags[_position(event)] = tag
    return tags


def _position(marked: Any) -> Position:
    """Return the line and column where an event, or the node that came of it, starts."""
    return marked.start_mark.line, marked.start_mark.column


_ADVICE = {
    "cannot start any token": "; indent with blanks, not tabs, and quote what begins with @, ` or %",
    "mapping values are not allowed": "; is the indentation right? Quote a text that holds a colon",
}  # on what YAML says in words of its own


def _syntax(error: yaml.YAMLError, name: str) -> SpecError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{name}:{mark.line + 1}" if mark else name
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    advice = next((advice for words, advice in _ADVICE.items() if words in reason), "")
    return SpecError(Problem(place=place, message=f"not valid YAML: {reason}{advice}"))


class _Tree:
    """Turns YAML's nodes into values, collecting what is wrong on the way."""

    def __init__(self, name: str, tags: Mapping[Position, str]) -> None:
        self.name = name
        self.tags = tags
        self.problems: list[Problem] = []
        self.left = MAX_NODES

    def place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"

    def block(self, node: yaml.Node, key: str) -> yaml.Node:
        """Return the node at a dotted key; raises SpecError where there is none."""
        for part in key.split("."):
            children: dict[str, yaml.Node] = {}
            for word, child, _ in self.pairs(node, 0) if isinstance(node, yaml.MappingNode) else ():
                if isinstance(word, yaml.ScalarNode):
                    children.setdefault(word.value, child)
            if part not in children:
                hint = nearest(part, children) or f"; there are {listed([*children]) or 'no keys'}"
                message = f"there is no {shown(part)} of the key {shown(key)}{hint}"
                raise SpecError(Problem(place=self.place(node), message=message))
            node = children[part]
        return node

    def enter(self, node: yaml.Node, depth: int, place: str) -> None:
        """Count a node; raises SpecError for too many, too deep ones, and tags, which could run code."""
        self.left -= 1
        tag = self.tags.get(_position(node)) if self.tags else None
        if tag:
            message = f"the tag {shown(tag.replace('tag:yaml.org,2002:', '!!'))} is not allowed"
            raise SpecError(Problem(place=place, message=message))
        if self.left < 0 or depth > MAX_DEPTH:
            message = f"its aliases nest without end, or over {MAX_DEPTH} levels" if depth > MAX_DEPTH else _TOO_MANY
            raise SpecError(Problem(place=place, message=message))

    def value(self, node: yaml.Node, depth: int, place: str = "") -> Value:
        place = place or self.place(node)
        self.enter(node, depth, place)
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
        return Value(data, place, text="" if node.style else text)

    def mapping(self, node: yaml.MappingNode, depth: int) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        for key, child, is_own in self.pairs(node, depth):
            place = self.place(key)
            self.enter(key, depth, place)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(Problem(place=place, message="a key must be a plain word"))
            elif key.value not in entries:
                entries[key.value] = self.value(child, depth + 1, place)
            elif is_own:
                self.problems.append(Problem(place=place, message=f"duplicate key {shown(key.value)}"))
        return entries

    def pairs(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[yaml.Node, yaml.Node, bool]]:
        """Yield a mapping's keys and values, and whether they are its own; those that it merges come after."""
        merged: list[yaml.Node] = []
        for key, child in node.value:
            if key.tag == MERGE:
                merged += child.value if isinstance(child, yaml.SequenceNode) else [child]
            else:
                yield key, child, True
        for source in merged:
            self.enter(source, depth, self.place(source))
            if isinstance(source, yaml.MappingNode):
                yield from ((key, child, False) for key, child, _ in self.pairs(source, depth + 1))
            else:
                self.problems.append(Problem(place=self.place(source), message="<< merges mappings, such as *name"))
