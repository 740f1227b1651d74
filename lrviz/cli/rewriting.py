"""A YAML or JSON text with some values changed, and every other line as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from io import StringIO
from typing import Any

from lrviz.errors import SpecError
from lrviz.experiment.yaml_reader import parse
from lrviz.rules.changes import Change, apply_changes

_WIDE = 10**6  # columns: nothing is wrapped


def rewritten(text: str, changes: Sequence[Change], *, is_json: bool = False) -> str | None:
    """Return a document's text with changes made to it, None where that cannot be done.

    Comments, order and quoting stay, and so does every line that no change concerns. An anchor is not
    changed where an alias of it stands elsewhere.
    """
    text += "" if text.endswith("\n") else "\n"
    wanted = apply_changes(parse(text, "").plain(), changes)
    candidates = _as_json(text, changes) if is_json else _as_yaml(text, changes)
    return next((found for found in candidates if _says(found, wanted)), None)


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        tree = parse(text, "")
    except SpecError:
        return False
    return not tree.problems and json.dumps(tree.plain(), sort_keys=True) == json.dumps(wanted, sort_keys=True)


def _as_json(text: str, changes: Sequence[Change]) -> Iterable[str]:
    """Yield the text as JSON, indented as it was; where it is none, as the YAML that it must be."""
    indented = re.search(r"\n([ \t]+)\S", text)
    try:
        document = json.loads(text)
    except ValueError:
        yield from _as_yaml(text, changes)
        return
    changed = apply_changes(document, changes)
    yield json.dumps(changed, indent=indented and indented[1], ensure_ascii=False) + "\n"


def _as_yaml(text: str, changes: Sequence[Change]) -> Iterable[str]:
    """Yield the text with the lines that changed, then all of it as the YAML library writes it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    def dumped(changes: Sequence[Change]) -> str:
        yaml = YAML()
        yaml.preserve_quotes = True
        yaml.width = _WIDE
        document = yaml.load(text)
        for change in changes:
            _apply(document, change)
        stream = StringIO()
        yaml.dump(document, stream)
        return stream.getvalue()

    try:
        before, after = dumped(()), dumped(changes)
    except YAMLError:
        return
    yield _Merge(text, before).with_changes(after)
    yield after


def _apply(document: Any, change: Change) -> None:
    *parents, last = re.findall(r"[^.\[\]]+", change.field)
    owner = document
    for name in parents:
        key = _key(owner, name)
        if not isinstance(owner, list) and owner.get(key) is None:
            owner[key] = _styled({})
        owner = owner[key]
    if change.remove:
        owner.pop(_key(owner, last), None)
    else:
        owner[_key(owner, last)] = _styled(change.value)


def _key(owner: Any, name: str) -> Any:
    """Return the key of a mapping, or the index of a list, that a path calls `name`."""
    return int(name) if isinstance(owner, list) else next((key for key in owner if str(key) == name), name)


def _styled(value: Any) -> Any:
    """Return a value as YAML is written by hand: on one line, unless it holds lists of mappings."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, Mapping):
        styled: Any = CommentedMap({key: _styled(entry) for key, entry in value.items()})
    elif isinstance(value, (list, tuple)):
        styled = CommentedSeq(map(_styled, value))
    else:
        return value
    if "{" not in json.dumps(value)[1:]:
        styled.fa.set_flow_style()
    return styled


class _Merge:
    """A text, and the same as a YAML library writes it: what changes in the second is made in the first."""

    def __init__(self, text: str, before: str) -> None:
        self.text = text.splitlines(keepends=True)
        self.before = before.splitlines(keepends=True)
        self.spots = _spots(self.before, self.text)

    def with_changes(self, after: str) -> str:
        """Return the text with the lines in which `after` differs from `before`."""
        lines = after.splitlines(keepends=True)
        merged: list[str] = []
        done = 0
        for kind, first, last, start, end in SequenceMatcher(None, self.before, lines, autojunk=False).get_opcodes():
            if kind == "equal":
                continue
            top, bottom = self._whole(first, last)
            at = self.spots[top]
            while kind == "insert" and at > done and _is_idle(self.text[at - 1]):
                at -= 1  # after the last value, rather than after the comments that follow it
            merged += self.text[done:at]
            new = [*self.before[top:first], *lines[start:end], *self.before[last:bottom]]
            merged += [self._indented(line, last) for line in new]
            done = self.spots[bottom] if kind != "insert" or top != bottom else at
            known = {line.strip() for line in new}
            merged += [line for line in self.text[at:done] if _is_idle(line) and line.strip() not in {"", *known}]
        return "".join([*merged, *self.text[done:]])

    def _whole(self, first: int, last: int) -> tuple[int, int]:
        """Return a range of lines that both have, around those from `first` to `last`."""
        while first not in self.spots:
            first -= 1
        while last not in self.spots:
            last += 1
        return first, last

    def _indented(self, line: str, last: int) -> str:
        """Return a new line indented as the text does, by the nearest line above it that stands as deep."""
        depth = _depth(line)
        alike = (spot for spot in range(last - 1, -1, -1) if spot in self.spots and _depth(self.before[spot]) == depth)
        spot = next((self.spots[spot] for spot in alike if self.spots[spot] < len(self.text)), None)
        return line if spot is None else " " * _depth(self.text[spot]) + line.lstrip(" ")


def _spots(before: Sequence[str], text: Sequence[str]) -> dict[int, int]:
    """Return where each line of `before`, and the end, is in the text, without lines that are broken otherwise."""
    ours, theirs = (["".join(line.split()) for line in lines] for lines in (before, text))
    spots = {0: 0}
    for _, first, last, start, end in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if last - first == end - start:
            spots |= {first + step: start + step for step in range(last - first)}
        else:
            spots.setdefault(first, start)
        spots[last] = end
    return spots


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_idle(line: str) -> bool:
    """Return whether a line is empty or a comment."""
    return line.strip()[:1] in ("", "#")
