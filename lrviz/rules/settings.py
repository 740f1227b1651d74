"""Which rules `lrviz check` looks at, and which of them are errors: for a document, a project, a command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from lrviz.errors import nearest, shown
from lrviz.experiment.argtypes import Bool, Invalid, ListOf, Text
from lrviz.experiment.record import Record, arg
from lrviz.rules.registry import RULES

Verdict = Literal["silent", "error", "own"]
"""On a rule: to leave it out, to raise it to an error, to leave it at the severity of its own."""


@dataclass(frozen=True, eq=False, repr=False)
class RuleName(Text):
    """The name of a rule."""

    def convert(self, value: object) -> str:
        name = super().convert(value)
        if name not in RULES:
            raise Invalid(f"unknown rule {shown(name)}{nearest(name, RULES) or '; lrviz check --list shows them'}")
        return name


class CheckSettings(Record):
    """The section `check` of a document."""

    ignore: tuple[str, ...] = arg(ListOf(RuleName("rules to leave out")), default=())
    error: tuple[str, ...] = arg(ListOf(RuleName("rules whose findings are errors")), default=())

    def says(self, rule: str) -> Verdict | None:
        """Return the verdict on a rule, None where it is not spoken of."""
        return "silent" if rule in self.ignore else "error" if rule in self.error else None


class ProjectSettings(CheckSettings):
    """The table `[tool.lrviz.check]` of a pyproject.toml, or the flags of the same names."""

    select: tuple[str, ...] = arg(ListOf(RuleName("the only rules to look at")), default=())
    strict: bool = arg(Bool("exit with 1 for a warning, too"), default=False)

    def says(self, rule: str) -> Verdict | None:
        chosen: Verdict | None = ("own" if rule in self.select else "silent") if self.select else None
        return super().says(rule) or chosen


def verdict(rule: str, layers: Iterable[CheckSettings]) -> Verdict:
    """Return what the first of some settings that speaks of a rule says."""
    return next((said for said in (layer.says(rule) for layer in layers) if said), "own")
