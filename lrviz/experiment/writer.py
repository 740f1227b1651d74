"""From a spec back to what a document says of it, and documents as text."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any

from lrviz.experiment.argtypes import CsvColumn, MappingOf
from lrviz.experiment.record import Record, arg_types
from lrviz.experiment.scalars import scalar
from lrviz.experiment.schedulers import Custom, SchedulerSpec

_WORD = re.compile(r"[A-Za-z_][\w.-]*|[0-9]+(\.[0-9]+)?(ep|%)")
_ESCAPED = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t"}


def as_document(record: Record, *, defaults: bool = False) -> dict[str, Any]:
    """Return a record in ordinary data, as a document says it; a function of Python is its name.

    What is left at its default is left out, but with `defaults` only what is unset. Numbers that a
    column of a file fills in are left to it.
    """
    known = arg_types(record)
    given = {
        entry.name: getattr(record, entry.name)
        for entry in dataclasses.fields(record)
        if entry.name in known and getattr(record, entry.name) != (None if defaults else entry.default)
    }
    for name, arg_type in known.items():
        if isinstance(arg_type, CsvColumn) and name in given:
            given.pop(arg_type.fills, None)
        if isinstance(arg_type, MappingOf) and name in given:
            given[name] = dict(given[name])
    if isinstance(record, SchedulerSpec):
        given = {"name": given.pop("target") if isinstance(record, Custom) else record.name, **given}
    return {name: _plain(value, defaults) for name, value in given.items()}


def _plain(value: Any, defaults: bool) -> Any:
    match value:
        case None | str() | int() | float():
            return value
        case Record():
            return as_document(value, defaults=defaults)
        case Mapping():
            return {key: _plain(entry, defaults) for key, entry in value.items()}
        case tuple() | list():
            return [_plain(entry, defaults) for entry in value]
        case _:
            return getattr(value, "__qualname__", str(value))  # an expression is its text


def in_flow(value: Any) -> str:
    """Return ordinary data as YAML on one line, which reads back to the same values.

    Texts are quoted where they are more than a word or would be read as something else.
    """
    match value:
        case Mapping():
            return "{" + ", ".join(f"{in_flow(key)}: {in_flow(entry)}" for key, entry in value.items()) + "}"
        case tuple() | list():
            return "[" + ", ".join(in_flow(entry) for entry in value) + "]"
        case bool():
            return str(value).lower()
        case None:
            return "null"
        case float():
            return _number(value)
        case str():
            return value if _WORD.fullmatch(value) and scalar(value) == value else _quoted(value)
        case _:
            return str(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    return re.sub(r"e([-+])0?", lambda sign: f"e{sign[1].strip('+')}", repr(value))


def _quoted(text: str) -> str:
    letters = (_ESCAPED.get(letter) or (letter if letter.isprintable() else f"\\U{ord(letter):08x}") for letter in text)
    return f'"{"".join(letters)}"'
