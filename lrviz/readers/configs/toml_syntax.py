"""TOML as a tree of values with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.values import Value

_TABLE = re.compile(r"\s*\[\[?\s*([^\]\[]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"\s*([\w.\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=")


def parse(text: str, name: str) -> Value:
    """Return a TOML document as a tree; raises SpecError for what is not TOML."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"{name}:{line[1]}" if line else name
        reason = re.sub(r" \(at .*\)", "", str(error))
        raise SpecError(Problem(place=place, message=f"not valid TOML: {reason[:1].lower()}{reason[1:]}")) from None
    return _placed(Value.of(_plain(data), name), _lines(text), name, ())


def _plain(data: Any) -> Any:
    """Return TOML's data without dates and times, which no schedule has, as text."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(value) for value in data]
    return data if isinstance(data, (str, int, float, bool)) else str(data)


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of every key and table, by its path; the first of several."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if match := _TABLE.fullmatch(line):
            table = _parts(match[1])
            found.setdefault(table, number)
        elif match := _KEY.match(line):
            found.setdefault((*table, *_parts(match[1])), number)
    return found


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in key.split("."))


def _placed(value: Value, lines: Mapping[tuple[str, ...], int], name: str, path: tuple[str, ...]) -> Value:
    """Return a tree with the line of each of its keys; what has none of its own has its table's."""
    place = f"{name}:{lines[path]}" if path in lines else value.place
    if not isinstance(value.data, dict):
        return Value(value.data, place)
    entries = {key: Value(entry.data, place) for key, entry in value.data.items()}
    return Value({key: _placed(entry, lines, name, (*path, key)) for key, entry in entries.items()}, place)
