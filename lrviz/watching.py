"""A run beside its plan: what its scheduler will do, checked before the first step, and what it then did."""

from __future__ import annotations

import csv
import io
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from weakref import finalize

from lrviz.checking import examined, settled
from lrviz.errors import CheckError, SpecError, counted
from lrviz.experiment.optimizers import group_names
from lrviz.files import make_folder, write_text
from lrviz.project import project_settings
from lrviz.rules import ProjectSettings

if TYPE_CHECKING:
    from lrviz.engine.preview import Preview

PLAN, FIGURE, LOG = "lrviz-plan.csv", "lrviz-plan.png", "lrviz-log.csv"
RELATIVE = 1e-9  # what a learning rate may be apart from the plan's, and is the same

logger = logging.getLogger("lrviz")


class Row(NamedTuple):
    """What a step of the optimizer trained with, or is to train with: a learning rate for each parameter group."""

    step: int
    lr: list[float]

    def __str__(self) -> str:
        return ", ".join(f"{rate:.6g}" for rate in self.lr)


class Length(NamedTuple):
    """What a training loop knows of its length, in optimizer steps."""

    steps: int  # from here on
    first: int = 0  # that were made before
    steps_per_epoch: int | None = None
    interval: str | None = None  # what the scheduler's step is tied to


class Watch:
    """One scheduler's plan, and what the run trains with.

    The plan is checked: a schedule with an error raises CheckError, or with `raises=False` warns. The plan, its
    figure and the log are written into `folder`, nothing without one. A scheduler that cannot be previewed, such as
    one that watches a metric, has no plan, and the log alone is kept.
    """

    def __init__(
        self,
        scheduler: Any,
        groups: Sequence[Mapping[str, Any]],
        length: Length,
        *,
        folder: Path | None = None,
        raises: bool = True,
        figure: bool = True,
    ) -> None:
        self.groups, self.length = groups, length
        self.rows: list[Row] = []
        self.plan: list[Row] = []
        self.why = ""  # there is no plan
        self.log: IO[str] | None = None
        shown = self._previewed(scheduler)
        if shown is not None:
            _check(scheduler, shown, raises=raises)
            lrs = [group.lr for group in shown.groups]
            self.plan = [Row(length.first + step, [lr[step] for lr in lrs]) for step in range(shown.steps)]
        if folder is not None:
            self._open(folder)
            if figure and shown is not None:
                _draw(shown, folder / FIGURE)

    def _previewed(self, scheduler: Any) -> Preview | None:
        from lrviz.engine.preview import preview

        steps, _, per_epoch, interval = self.length
        try:
            return preview(scheduler, steps=steps, steps_per_epoch=per_epoch, interval=interval)
        except SpecError as error:
            watches = any(problem.field == "metric" for problem in error.problems)
            name = type(scheduler).__name__
            self.why = f"{name} watches a metric, which only the run will know" if watches else str(error)
            logger.warning("no plan: %s", self.why)
            return None

    def _open(self, folder: Path) -> None:
        """Write the plan and open the log; those of a run that goes on keep the steps that it had made."""
        make_folder(folder)
        names = group_names(self.groups)
        for name, rows in ((PLAN, self.plan), (LOG, [])):
            earlier = [row for row in _read(folder / name) if row.step < self.length.first]
            if name == LOG or rows:
                write_text("".join([_header(names), *map(_line, [*earlier, *rows])]), folder / name)
        self.log = (folder / LOG).open("a", encoding="utf-8", newline="", buffering=1)
        finalize(self, self.log.close)  # the Trainer has no word for a run that raises

    def note(self) -> None:
        """Note what the next step of the optimizer trains with."""
        row = Row(self.length.first + len(self.rows), [float(group["lr"]) for group in self.groups])
        self.rows.append(row)
        if self.log is not None:
            self.log.write(_line(row))

    def close(self) -> str:
        """Close the log, and return in words whether the run followed its plan; where it did not, warn of it."""
        if self.log is not None:
            self.log.close()
            self.log = None
        words, apart = self.outcome(), self.departures()
        if apart:
            warnings.warn(words, stacklevel=2)
        else:
            logger.info(words)
        return words

    def departures(self) -> list[tuple[Row, Row | None]]:
        """Return the steps that did not train with what was planned, and the plan's, None where it had ended."""
        if not self.plan:
            return []
        planned = {row.step: row for row in self.plan}
        pairs = ((row, planned.get(row.step)) for row in self.rows)
        return [(row, plan) for row, plan in pairs if plan is None or not _same(row.lr, plan.lr)]

    def outcome(self) -> str:
        """Return in words whether the run followed its plan."""
        if not self.plan:
            return f"the run had no plan: {self.why}"
        made, apart = len(self.rows), self.departures()
        if not apart:
            of = "" if made == self.length.steps else f" of {self.length.steps:,}"
            return f"the run followed its plan: {counted(made, 'step')}{of}"
        row, plan = apart[0]
        what = "the plan had ended" if plan is None else f"the plan has {plan}"
        many = f"{counted(len(apart), 'step')} of {made:,} {'differs' if len(apart) == 1 else 'differ'}"
        return f"the run left its plan at step {row.step:,}: it trained with {row}, {what}; {many}"


def _check(scheduler: Any, shown: Preview, *, raises: bool) -> None:
    """Raise CheckError for a schedule with an error, or warn of it; other warnings are logged."""
    project = project_settings(Path.cwd())
    found = examined(scheduler, shown, None, (ProjectSettings(), project))
    for each in found:
        if each.severity == "warning" and not project.strict:
            logger.warning("%s: %s", each.rule, each.message)
    try:
        settled(type(scheduler).__name__, found, is_strict=project.strict)
    except CheckError as error:
        if raises:
            raise
        warnings.warn(str(error), stacklevel=2)


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(math.isclose(a, b, rel_tol=RELATIVE) or (math.isnan(a) and math.isnan(b)) for a, b in pairs)


def _header(names: Sequence[str]) -> str:
    """Return the columns as `lrviz table --format csv` calls them."""
    header = io.StringIO()
    columns = ["lr"] if len(names) == 1 else [f"lr.{name}" for name in names]
    csv.writer(header, lineterminator="\n").writerow(["step", *columns])
    return header.getvalue()


def _line(row: Row) -> str:
    return f"{row.step},{','.join(map(repr, row.lr))}\n"


def _read(path: Path) -> Iterator[Row]:
    """Yield the rows of a file that was written before, as far as it goes; none where there is none."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows, None)
        for row in rows:
            try:
                yield Row(int(row[0]), [float(cell) for cell in row[1:]])
            except (ValueError, IndexError):  # a line that was cut when the run was
                return


def _draw(shown: Preview, path: Path) -> None:
    from lrviz.api import figure
    from lrviz.render.figure.output import write

    write(figure(shown), path, "png")
