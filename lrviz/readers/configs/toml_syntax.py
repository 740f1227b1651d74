"""TOML as a tree of values with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.values import Value

LONGEST = 200  # characters of a key
QUOTES = ('"""', "'''")

_HEADER = re.compile(r"""\[+((?:"[^"]*"|'[^']*'|[^\]"'])*)""")
_PART = re.compile(r"""(?:"[^"]*"|'[^']*'|[^.\s"']+)""")


def parse(text: str, name: str) -> Value:
    """Return a TOML document as a tree; raises SpecError for what is not TOML."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"{name}:{line[1]}" if line else name
        is_deep = isinstance(error, RecursionError)
        reason = "it is nested too deeply" if is_deep else re.sub(r" \(at .*\)", "", str(error))
        raise SpecError(Problem(place=place, message=f"not valid TOML: {reason[:1].lower()}{reason[1:]}")) from None
    return _placed(Value.of(_plain(data), name), _lines(text, data), name, ())


def _plain(data: Any) -> Any:
    """Return TOML's data without dates and times, which no schedule has, as text."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return data if isinstance(data, (str, int, float, bool)) else str(data)


def _lines(text: str, data: Mapping[str, Any]) -> dict[tuple[str, ...], int]:
    """Return the line of every key and table that is in the data, by its path; the first of several."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    ends = ""  # the quotes with which a text of several lines ends
    for number, line in enumerate(text.splitlines(), 1):
        if ends:
            ends = "" if ends in line else ends
            continue
        word = line.strip()
        if word.startswith("["):
            path = _parts(_HEADER.match(word)[1])  # type: ignore[index]  # it matches whatever begins so
            table = path if _has_table(data, path) else table
        else:
            path = (*table, *_parts(word.partition("=")[0]))
        found.setdefault(path, number)
        ends = next((quotes for quotes in QUOTES if word.count(quotes) % 2), "")
    return found


def _has_table(data: Any, path: tuple[str, ...]) -> bool:
    """Return whether a table stands at a path; the first item of an array is no name of one."""
    for part in path:
        data = data[-1] if isinstance(data, list) and data else data
        if not isinstance(data, Mapping) or part not in data:
            return False
        data = data[part]
    return isinstance(data, (Mapping, list))


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(key)) if len(key) <= LONGEST else ()


def _placed(value: Value, lines: Mapping[tuple[str, ...], int], name: str, path: tuple[str, ...]) -> Value:
    """Return a tree with the line of each of its keys; what has none of its own has its table's."""
    place = f"{name}:{lines[path]}" if path in lines else value.place
    if not isinstance(value.data, dict):
        items = [Value(item.data, place) for item in value.data] if isinstance(value.data, list) else None
        return Value(value.data if items is None else items, place)
    entries = {key: Value(entry.data, place) for key, entry in value.data.items()}
    return Value({key: _placed(entry, lines, name, (*path, key)) for key, entry in entries.items()}, place)
