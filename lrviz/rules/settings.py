"""What a document says to `lrviz check`."""

from __future__ import annotations

from dataclasses import dataclass

from lrviz.errors import nearest, shown
from lrviz.experiment.argtypes import Invalid, ListOf, Text
from lrviz.experiment.record import Record, arg
from lrviz.rules.registry import RULES

__all__ = ["CheckSettings", "RuleName"]


@dataclass(frozen=True, eq=False, repr=False)
class RuleName(Text):
    """The name of a rule."""

    def convert(self, value: object) -> str:
        name = super().convert(value)
        if name not in RULES:
            raise Invalid(f"unknown rule {shown(name)}{nearest(name, RULES)}")
        return name


class CheckSettings(Record):
    """The section `check` of a document."""

    ignore: tuple[str, ...] = arg(ListOf(RuleName("rules to leave out")), default=())
