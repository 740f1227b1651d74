"""Fixes as data: places in a document and their new values, and how the document reads with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrviz.experiment.writer import in_flow

WIDTH = 100
_CHILD = re.compile(r"scheduler\.schedulers\[\d+\](?=\.)")


@dataclass(frozen=True)
class Change:
    """A place in a document, as a dotted path, and its new value; with `remove` the key is to go.

    >>> Change("scheduler.schedulers[1].T_max", 900)
    """

    field: str
    value: Any = None
    remove: bool = False


def lookup(document: Mapping[str, Any], field: str) -> Any:
    """Return what stands at a dotted path in a document, None where nothing does."""
    found: Any = document
    for key in _keys(field):
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, Sequence) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def apply_changes(document: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, Any]:
    """Return a copy of a document with the changes made; a mapping that a path needs is made where there is none."""
    changed: dict[str, Any] = _copied(document)
    for change in changes:
        *parents, last = _keys(change.field)
        owner: Any = changed
        for key in parents:
            if isinstance(owner, list):
                owner = owner[int(key)]
            else:
                owner[key] = owner.get(key) or {}
                owner = owner[key]
        if change.remove:
            owner.pop(last, None)
        else:
            owner[int(last) if isinstance(owner, list) else last] = change.value
    return changed


def contradict(first: Change, second: Change) -> bool:
    """Return whether two changes are of one place, or one of a place within the other's, and not the same."""
    one, other = _keys(first.field), _keys(second.field)
    shared = min(len(one), len(other))
    return first != second and one[:shared] == other[:shared]


def snippet(document: Mapping[str, Any], changes: Sequence[Change]) -> str:
    """Return YAML to paste over what the changes touch: a scheduler in a list, or a whole entry of the document."""
    changed = apply_changes(document, changes)
    blocks = dict.fromkeys(_block(change.field) for change in changes)
    if "scheduler" in blocks:
        blocks = {block: None for block in blocks if not block.startswith("scheduler.")}
    return "\n".join(
        as_yaml({block: changed[block]}) if block in changed else f"- {in_flow(lookup(changed, block))}"
        for block in blocks
        if lookup(changed, block) is not None
    )


def _block(field: str) -> str:
    child = _CHILD.match(field)
    return child[0] if child else _keys(field)[0]


def _keys(field: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", field)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(entry) for key, entry in value.items()}
    return [_copied(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def as_yaml(document: Mapping[str, Any]) -> str:
    """Return a document as YAML, in lines of about `WIDTH` characters."""
    return "\n".join(line for key, value in document.items() for line in _lines(key, value, ""))


def _lines(key: str, value: Any, indent: str) -> Iterator[str]:
    flow = f"{indent}{key}: {in_flow(value)}"
    is_short = len(flow) <= WIDTH and "schedulers" not in (value if isinstance(value, Mapping) else ())
    if isinstance(value, Mapping) and not is_short:
        yield f"{indent}{key}:"
        for name, entry in value.items():
            yield from _lines(name, entry, indent + "  ")
    elif isinstance(value, list) and key == "schedulers":
        yield f"{indent}{key}:"
        yield from (f"{indent}  - {in_flow(entry)}" for entry in value)
    else:
        yield flow
