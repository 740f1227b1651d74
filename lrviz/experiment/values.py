"""A document as a tree of values that know where they stand, whether it came from YAML or flags."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.scalars import LONGEST_NUMBER, Scalar, unboxed

MAX_BYTES = 1_000_000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Value:
    """A scalar, a list of values, or a mapping from text to values, with its place.

    `problems` are what is wrong with a document but does not stop its reading, on its root. `text` is a
    scalar of YAML as it was written, where it was not quoted.
    """

    data: Scalar | list[Value] | dict[str, Value]
    place: str = ""
    problems: tuple[Problem, ...] = ()
    text: str = field(default="", compare=False, repr=False)

    def plain(self) -> Any:
        """Return the tree as ordinary Python data."""
        if isinstance(self.data, dict):
            return {key: value.plain() for key, value in self.data.items()}
        if isinstance(self.data, list):
            return [value.plain() for value in self.data]
        return self.data

    @classmethod
    def of(cls, data: Any, place: str = "", depth: int = 0) -> Value:
        """Return ordinary Python data as a tree; raises SpecError when nested too deeply or a key is repeated."""
        if depth > MAX_DEPTH:
            raise SpecError(Problem(place=place, message=f"nested deeper than {MAX_DEPTH} levels"))
        if isinstance(data, Value):
            return data
        if isinstance(data, Mapping):
            entries: dict[str, Value] = {}
            for key, entry in data.items():
                word = shown(key) if isinstance(key, int) else str(key)  # an int may have too many digits for str
                if word in entries:
                    raise SpecError(Problem(place=place, message=f"duplicate key {shown(word)}"))
                entries[word] = cls.of(entry, place, depth + 1)
            return cls(entries, place)
        if isinstance(data, (list, tuple)):
            return cls([cls.of(entry, place, depth + 1) for entry in data], place)
        if isinstance(data, int) and abs(data) >= 10**LONGEST_NUMBER:
            return cls(math.inf if data > 0 else -math.inf, place)  # as `scalar` reads one
        return cls(unboxed(data), place)


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
    return problem.at(value.place)
