"""Which columns of a log are what: its steps, its learning rates, and what else of each parameter group."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lrviz.errors import Problem, SpecError, listed, nearest, shown

_RATE = re.compile(r"(?:.*[/ -])?(?:lr|learning[-_ ]rate)(?:[-/](?P<group>[^ ]+)|_?(?P<number>[0-9]+))?", re.IGNORECASE)
_OTHERS = re.compile(r".*(?:-momentum|-weight_decay|__MIN|__MAX)")
STEPS = ("global_step", "step", "_step", "iteration", "iter", "steps", "epoch")
"""What a column of steps is called, whatever stands before a slash, the surest first."""


@dataclass(frozen=True)
class GroupColumns:
    """The columns of one parameter group, by their names in the log."""

    name: str
    lr: str
    momentum: str | None = None
    weight_decay: str | None = None


@dataclass(frozen=True)
class Layout:
    """Where a log holds what, and how its column of steps counts."""

    step: str
    groups: tuple[GroupColumns, ...]
    unit: str = "step"
    first: int = 0  # what the column of steps has at the first of all
    digits: int | None = None  # the fewest in which the format ever printed a learning rate, where it rounds

    @property
    def columns(self) -> list[str]:
        """Every column to read, the steps first."""
        each = [(group.lr, group.momentum, group.weight_decay) for group in self.groups]
        return [self.step, *(name for names in each for name in names if name is not None)]


def groups_in(names: Sequence[str]) -> tuple[GroupColumns, ...]:
    """Return the parameter groups whose learning rates are among the names of a log's columns or tags."""
    rates = [name for name in names if _RATE.fullmatch(name) and not _OTHERS.fullmatch(name)]

    def beside(rate: str, what: str) -> str | None:
        return f"{rate}-{what}" if f"{rate}-{what}" in names else None

    return tuple(
        GroupColumns(name, rate, beside(rate, "momentum"), beside(rate, "weight_decay"))
        for name, rate in zip(_short(rates), rates, strict=True)
    )


def _short(rates: Sequence[str]) -> list[str]:
    """Return what to call parameter groups: by what tells their columns apart, where there are several."""
    found = [_RATE.fullmatch(rate) for rate in rates]
    own = [match["group"] or match["number"] or rate for match, rate in zip(found, rates, strict=True) if match]
    heads = {name.rpartition("/")[0] for name in own}
    names = [name.rpartition("/")[2] for name in own] if len(heads) == 1 else own
    return names if len(set(names)) == len(names) else list(rates)


def step_in(names: Sequence[str]) -> str | None:
    """Return the name of the column of steps among a log's, None where there is none."""
    for wanted in STEPS:
        for name in names:
            if name.rpartition("/")[2].lower() == wanted:
                return name
    return None


def chosen(text: str, names: Sequence[str], file: str) -> Layout:
    """Return the layout that `--log-columns STEP,LR[,MOMENTUM]` asks for; raises SpecError."""
    wanted = [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])]
    if len(wanted) not in (2, 3) or not all(wanted):
        raise _refuse(f"must be STEP,LR or STEP,LR,MOMENTUM, not {shown(text)}")
    problems = list(_missing(wanted, names, file))
    if problems:
        raise SpecError(problems)
    step, rate, momentum = (*wanted, None)[:3]
    assert step is not None
    assert rate is not None
    unit = "epoch" if step.rpartition("/")[2].lower() == "epoch" else "step"
    return Layout(step, (GroupColumns(rate, rate, momentum),), unit)


def _missing(wanted: Sequence[str], names: Sequence[str], file: str) -> Iterator[Problem]:
    for name in wanted:
        if names.count(name) != 1:
            found = f"has {names.count(name)} columns {shown(name)}" if name in names else f"has no {shown(name)}"
            known = "" if name in names else f"; it has {quoted(names)}{nearest(name, names[:1000])}"
            yield Problem(place="--log-columns", message=f"{file} {found}{known}")


def quoted(names: Sequence[str]) -> str:
    """Return the names of columns as a message may list them."""
    return listed([shown(name)[1:-1] for name in names]) or "none"


def _refuse(message: str) -> SpecError:
    return SpecError(Problem(place="--log-columns", message=message))
