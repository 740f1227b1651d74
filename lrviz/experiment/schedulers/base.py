"""The catalogue, and what every scheduler in it says of itself.

Writing a class here is all it takes: the flags, `--help`, the YAML keys, the validation, `lrviz
list`, the JSON Schema and the test against the installed torch are made from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from lrviz.errors import SpecError, nearest, shown
from lrviz.experiment.argtypes import (
    Record,
    arg_types,
    is_required,
)

__all__ = ["CATALOGUE", "LR_SCHEDULER", "Rates", "SchedulerSpec", "lookup", "of_group"]

CATALOGUE: dict[str, type[SchedulerSpec]] = {}
"""Every scheduler by its lrviz name, in the order of `lrviz list`."""

LR_SCHEDULER = "torch.optim.lr_scheduler"
Rates = float | tuple[float, ...]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SchedulerSpec(Record):
    """A scheduler and its arguments. The first line of a subclass's docstring is its summary."""

    name: ClassVar[str] = ""
    module: ClassVar[str | None] = LR_SCHEDULER  # where torch keeps the class of the same name; None: lrviz's own
    family: ClassVar[str] = ""  # groups the gallery's summaries
    shape: ClassVar[str] = ""  # what `lrviz list` draws; a test replays `example` and holds it to that
    example: ClassVar[Mapping[str, Any]] = {}  # arguments that work, the required ones among them
    length_arg: ClassVar[str] = ""  # the argument that says after how many steps it has done all it does
    on_command_line: ClassVar[bool] = True  # can be a TARGET with flags; containers live in YAML

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        CATALOGUE[cls.name] = cls

    @classmethod
    def summary(cls) -> str:
        """Return what it does, in one line."""
        return (cls.__doc__ or "").splitlines()[0]

    @classmethod
    def required(cls) -> list[str]:
        """Return the names of the arguments that must be given."""
        return [entry.name for entry in dataclasses.fields(cls) if is_required(entry)]

    def resolved(self, length: int) -> Self:
        """Return the spec with every unset horizon set to `length` scheduler steps."""
        unset = {name for name, kind in arg_types(self).items() if kind.horizon and getattr(self, name) is None}
        return dataclasses.replace(self, **dict.fromkeys(unset, length)) if unset else self

    @property
    def label(self) -> str:
        """What a person calls it: torch's class, or one's own."""
        return type(self).__name__

    @property
    def title(self) -> str:
        """What a figure of it is called."""
        return self.label

    def children(self) -> tuple[SchedulerSpec, ...]:
        """Return the schedulers inside, in order; empty but for containers."""
        return ()

    def moves_momentum(self) -> bool:
        """Return whether a replay may change momentum or beta1."""
        return any(child.moves_momentum() for child in self.children())

    def target_lr(self, base_lr: float, group: int) -> float:
        """Return the highest rate that parameter group number `group` is meant to reach."""
        return base_lr


def of_group(value: T | tuple[T, ...], group: int) -> T:
    """Return an argument's value for parameter group number `group`: its own, or the one for all."""
    return value[group] if isinstance(value, tuple) else value


def lookup(name: str) -> type[SchedulerSpec]:
    """Return the class of an lrviz name or a torch class name, in any case; raises SpecError."""
    folded = name.lower()
    for known, spec in CATALOGUE.items():
        if folded in (known, spec.__name__.lower()):
            return spec
    names = [*CATALOGUE, *(spec.__name__ for spec in CATALOGUE.values())]
    raise SpecError(f"unknown scheduler {shown(name)}{nearest(name, names)}")
