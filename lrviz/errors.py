"""The errors lrviz raises, and the problem they carry.

    LrvizError
    ├── SpecError      what was asked for cannot be replayed: bad values, names, documents
    ├── ReplayError    torch, or the user's own scheduler, raised during the replay
    ├── CheckError     a check found errors in a schedule
    ├── EngineError    torch, which is to replay, cannot be imported
    └── OutputError    a result cannot be written where it was asked for

Library code raises these; only `lrviz.cli` prints them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with a spec: where it is, and what would be right."""

    message: str
    field: str = ""  # dotted path in the experiment: "scheduler.max_lr"
    place: str = ""  # where a person finds it: "a.yaml:7" or "--max-lr"
    cause: str = ""  # what of a value is wrong, in a word of whoever refused it, where others want to know

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.field, self.message) if part)

    def at(self, place: str) -> Problem:
        """Return the same problem at a place; a flag says its field itself."""
        return replace(self, place=place, field="" if place.startswith("-") else self.field)

    def within(self, parent: str) -> Problem:
        """Return the same problem seen from the field's owner."""
        return replace(self, field=".".join(part for part in (parent, self.field) if part))


class LrvizError(Exception):
    """The root of every error that lrviz raises on purpose."""


class SpecError(LrvizError):
    """Raised when an experiment, its document or its flags are wrong; carries every problem found.

    `sections` are what a refused document holds beside the experiment, by type, where that is right.
    """

    def __init__(
        self, problems: str | Problem | Sequence[Problem], sections: Mapping[type, object] | None = None
    ) -> None:
        self.sections = sections or {}
        if isinstance(problems, str):
            problems = Problem(message=problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ReplayError(LrvizError):
    """Raised when torch, or a scheduler of the user's own, raises while it is built or stepped."""


class CheckError(LrvizError):
    """Raised by `lrviz.check` where the rules find an error; `findings` are all that they found, the worst first."""

    def __init__(self, message: str, findings: Sequence[object] = ()) -> None:
        self.findings = tuple(findings)
        super().__init__(message)


class EngineError(LrvizError):
    """Raised when torch is needed and cannot be imported, for whatever reason."""


class OutputError(LrvizError):
    """Raised when a file or folder cannot be written."""


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return `"; did you mean 'x'?"` for the known word nearest to `word`, else an empty string.

    `likeness` is what two words must share of their letters, at least.
    """
    folded = {name.lower(): name for name in known}
    match = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=likeness)
    return f"; did you mean {folded[match[0]]!r}?" if match else ""


def shown(value: object, limit: int = 60) -> str:
    """Return `value` as a message may quote it: its repr, on one line, not endless."""
    if value is None:
        return "nothing"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of thousands of digits has no repr
        text = f"a value of type {type(value).__name__} too large to show"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: 1 step, 2,000 steps."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def listed(words: Sequence[str], limit: int = 10) -> str:
    """Return words as a message may list them: the first few, and how many more there are."""
    more = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {more:,} more" if more > 0 else "")
