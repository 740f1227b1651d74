"""Schedules held to golden files, in a project's own tests.

    from lrviz.testing import assert_schedule

    def test_the_schedule_is_the_one_that_was_reviewed():
        assert_schedule(make_scheduler(), "golden/schedule.csv", steps=10_000)

`pytest --lrviz-update` writes the files anew.
"""

from __future__ import annotations

import csv
import io
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lrviz.arguments import experiment_of
from lrviz.arrays import Values
from lrviz.checking import is_live
from lrviz.errors import Problem, ReplayError, SpecError, counted, listed, shown
from lrviz.files import make_folder, write_text
from lrviz.trace import Trace
from pytest_lrviz import SESSION

UPDATE = "pytest --lrviz-update writes it"
RELATIVE = 1e-12
"""What two numbers may be apart by default: more than the last bits in which machines differ, and nothing else."""


class Cell(NamedTuple):
    """Where a golden file has a number."""

    step: int
    group: str
    column: str

    def __str__(self) -> str:
        return f"step {self.step:,}" + (f", group {self.group}" if self.group else "")


def assert_schedule(
    target: Any,
    golden: str | os.PathLike[str],
    *,
    steps: int | None = None,
    steps_per_epoch: int | None = None,
    interval: str | None = None,
    metric: Any = None,
    optimizer: Any = None,
    rtol: float = RELATIVE,
    every: int = 1,
    **rest: Any,
) -> None:
    """Raise AssertionError where a schedule is not the one in a golden file.

    `target` is a live scheduler, which is previewed and not touched, with the arguments of `lrviz.preview`, or
    whatever `lrviz.replay` takes: a scheduler's name, a file, a mapping, an `Experiment`. The file is
    CSV, a row for every optimizer step, or every `every`th and the last, and each parameter group: step, group,
    lr, and momentum (or beta1) and weight decay where they move, to the last bit. A relative path starts at the
    test's own file. With `rtol=0` every bit counts. `pytest --lrviz-update` writes the file. Raises SpecError for
    what cannot be replayed and for a file that is none of these, ReplayError where the scheduler raises.
    """
    __tracebackhide__ = True
    given = {"steps": steps, "steps_per_epoch": steps_per_epoch, "interval": interval, "metric": metric}
    known = {name: value for name, value in {**given, "optimizer": optimizer}.items() if value is not None}
    trace = _trace(target, known | rest)
    if trace.failure is not None:
        raise ReplayError(trace.failure.description)
    path = _resolved(golden, sys._getframe(1).f_code.co_filename)
    found = _cells(trace, every)
    if SESSION.update:
        _write(path, found)
    elif not path.exists():
        raise AssertionError(f"there is no golden file {path}; {UPDATE}")
    elif lines := list(_differences(found, _read(path), rtol)):
        raise AssertionError("\n  ".join([f"the schedule is not the one in {path}:", *lines, UPDATE]))


def _trace(target: Any, given: Mapping[str, Any]) -> Trace:
    """Return what a target does."""
    if is_live(target):
        from lrviz.engine.preview import preview

        if "steps" not in given:
            raise SpecError(Problem(field="steps", message="missing: how many steps of the scheduler to look at"))
        return preview(target, **given)
    from lrviz.engine.select import replay

    return replay(experiment_of(target, given))


def _resolved(golden: str | os.PathLike[str], caller: str) -> Path:
    """Return where a golden file lies: beside the running test, or whoever calls where none runs."""
    return (SESSION.test or Path(caller)).resolve().parent / golden


def _cells(trace: Trace, every: int) -> dict[Cell, float]:
    """Return every number of a golden file, by its place."""
    if not isinstance(every, int) or every < 1:
        raise SpecError(Problem(field="every", message=f"must be a whole number >= 1, not {shown(every)}"))
    steps = [*range(0, trace.steps, every)]
    steps += [trace.steps - 1] if (trace.steps - 1) % every else []
    several = len(trace.groups) > 1
    columns_of = _columns(trace)
    return {
        Cell(step, group.name if several else "", name): values[step]
        for step in steps
        for number, group in enumerate(trace.groups)
        for name, columns in columns_of.items()
        if (values := columns[number]) is not None
    }


def _columns(trace: Trace) -> dict[str, list[Values | None]]:
    """Return the learning rates of every group, and what else moves in one of them."""
    columns: dict[str, list[Values | None]] = {
        trace.momentum_name or "": [group.momentum for group in trace.groups],
        "weight_decay": [group.weight_decay for group in trace.groups],
    }
    moving = {name for name, each in columns.items() if any(one is not None and len(set(one)) > 1 for one in each)}
    return {"lr": [group.lr for group in trace.groups], **{name: columns[name] for name in columns if name in moving}}


def _write(path: Path, cells: Mapping[Cell, float]) -> None:
    """Write a golden file whole or not at all, where it is another."""
    text = "".join(_lines(cells))
    if path.exists() and path.read_bytes() == text.encode():
        return
    make_folder(path.parent)
    write_text(text, path)
    SESSION.written.append(path)


def _lines(cells: Mapping[Cell, float]) -> Iterator[str]:
    columns = list(dict.fromkeys(cell.column for cell in cells))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["step", "group", *columns])
    for step, group in dict.fromkeys((cell.step, cell.group) for cell in cells):
        numbers = (cells.get(Cell(step, group, column)) for column in columns)
        writer.writerow([step, group, *("" if number is None else repr(number) for number in numbers)])
    yield buffer.getvalue()


def _read(path: Path) -> dict[Cell, float]:
    """Return the numbers of a golden file; raises SpecError for one that `assert_schedule` did not write."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if header[:3] != ["step", "group", "lr"]:
                raise SpecError(Problem(place=str(path), message="is no golden file: it begins with step,group,lr"))
            return {
                Cell(int(row[0]), row[1], column): float(number)
                for row in rows
                for column, number in zip(header[2:], row[2:], strict=True)
                if number
            }
    except (OSError, UnicodeDecodeError, ValueError, IndexError) as error:
        message = f"cannot be read as a golden file: {getattr(error, 'strerror', None) or error}"
        raise SpecError(Problem(place=str(path), message=message)) from None


def _differences(now: Mapping[Cell, float], was: Mapping[Cell, float], rtol: float) -> Iterator[str]:
    """Yield in words what is another than it was: what there is, then the first number that differs, and the most."""
    for what, of in (("groups", 1), ("columns", 2)):
        new, old = ([*dict.fromkeys(str(cell[of]) for cell in cells)] for cells in (now, was))
        if new != old:
            yield f"the {what} are {_named_list(new)}, and were {_named_list(old)}"
    new_steps, old_steps = ([*dict.fromkeys(cell.step for cell in cells)] for cells in (now, was))
    if new_steps != old_steps:
        yield f"it has {_extent(new_steps)}, and had {_extent(old_steps)}"
    apart = [cell for cell in now if cell in was and not _same(now[cell], was[cell], rtol)]
    if not apart:
        return
    alike = [cell for cell in apart if cell.column == apart[0].column]
    most = max(alike, key=lambda cell: _distance(now[cell], was[cell]))
    yield f"first at {apart[0]}: {_change(apart[0], now, was)}"
    if most != apart[0]:
        yield f"most at {most}: {_change(most, now, was)}"
    differing = len({cell.step for cell in apart})
    yield f"{counted(differing, 'step')} of {len(new_steps):,} {'differs' if differing == 1 else 'differ'}"


def _named_list(names: Sequence[str]) -> str:
    return listed([name or "one without a name" for name in names]) or "none"


def _extent(steps: Sequence[int]) -> str:
    return f"{counted(len(steps), 'row')}, the last of step {steps[-1]:,}" if steps else "no rows"


def _change(cell: Cell, now: Mapping[Cell, float], was: Mapping[Cell, float]) -> str:
    return f"{cell.column} is {now[cell]!r}, was {was[cell]!r}, a difference of {_distance(now[cell], was[cell]):.3g}"


def _same(one: float, other: float, rtol: float) -> bool:
    return math.isclose(one, other, rel_tol=rtol, abs_tol=0.0) or (math.isnan(one) and math.isnan(other))


def _distance(one: float, other: float) -> float:
    apart = abs(one - other)
    return math.inf if math.isnan(apart) else apart
