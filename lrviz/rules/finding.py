"""What `lrviz check` says of a schedule: a finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lrviz.rules.changes import Change

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the worst on."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that goes wrong, in numbers, and what to write instead.

    `fix` is a sentence, `changes` are the same as data, where a value can be given, and `snippet` is YAML
    with them made, to paste. `step` is the optimizer step at which it happens, where it happens at one.
    `explains` are the rules whose findings are this one's consequences, and `field` is what in the document
    it is about; `place` is where, if not in the document.
    """

    rule: str
    severity: Severity
    message: str
    fix: str
    changes: tuple[Change, ...] = ()
    snippet: str = ""
    step: int | None = None
    explains: tuple[str, ...] = ()
    field: str = "scheduler"
    place: str = ""

    @property
    def page(self) -> str:
        """Where the rule is explained, in lrviz's own folder."""
        return f"docs/checks.md#{self.rule}"
