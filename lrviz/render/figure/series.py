"""Several subjects as the lines of one figure: what each is called there, and where its steps lie on the axis."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy

from lrviz.arrays import Values
from lrviz.errors import Problem, SpecError
from lrviz.positions import Position, position
from lrviz.render.figure.curve import HUGE, Curve, Points, curve
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.panel import target
from lrviz.render.text.rows import constant
from lrviz.render.words import clean, clipped
from lrviz.subject import Subject
from lrviz.trace import GroupTrace

LONGEST_LABEL = 48  # characters


@dataclass(frozen=True, kw_only=True)
class Series:
    """A subject as a figure shows it; `twin` is the number of the first one that has the same values to the bit."""

    subject: Subject
    label: str
    position: Position
    twin: int | None = None

    @property
    def is_log(self) -> bool:
        return self.subject.experiment is None

    @property
    def groups(self) -> Sequence[GroupTrace]:
        return self.subject.trace.side_by_side().groups

    @property
    def end(self) -> float:
        """Where its run ends on the axis."""
        return self.position(self.subject.steps)

    @property
    def high(self) -> float:
        """The highest learning rate that can be drawn; 0 where none is above it."""
        rates = [numpy.asarray(group.lr) for group in self.groups]
        return max((float(each[numpy.abs(each) < HUGE].max(initial=0.0)) for each in rates), default=0.0)

    @property
    def target(self) -> float:
        """The highest learning rate that it is meant to reach."""
        return 0.0 if self.subject.experiment is None else target(self.subject.experiment)

    def curves(self, panel: str, columns: int) -> list[Curve]:
        """Return the lines of a panel, one for each parameter group that has what it shows."""
        trace, stride = self.subject.trace, self.subject.stride
        lines = [curve(name, values, stride, columns, trace.at) for name, values in self._shown(panel)]
        return [self._placed(each) for each in lines]

    def dots(self, panel: str, most: int) -> list[tuple[Points, Points]]:
        """Return at most so many records of each line, evenly chosen."""
        found = []
        for _, values in self._shown(panel):
            chosen = range(0, len(values), max(1, -(-len(values) // most)))
            places = [self.position(self.subject.trace.step_at(number)) for number in chosen]
            found.append((numpy.array(places), numpy.array([values[number] for number in chosen])))
        return found

    def _shown(self, panel: str) -> list[tuple[str, Values]]:
        """Return what a panel shows of each parameter group that has it."""
        values = [(group.name, group.lr if panel == "lr" else group.momentum) for group in self.groups]
        return [(name, each) for name, each in values if each is not None]

    def _placed(self, line: Curve) -> Curve:
        return replace(line, x=numpy.array([self.position(step) for step in line.x.tolist()], dtype=numpy.float64))

    @property
    def name(self) -> str:
        """What the figure calls it: its label, and where it broke off."""
        failure = self.subject.trace.failure
        return self.label if failure is None else f"{self.label} (stopped {failure.where})"


def all_series(subjects: Sequence[Subject], labels: Sequence[str], options: FigureOptions) -> list[Series]:
    """Return the subjects as a figure shows them; raises SpecError for one that has no place on its x axis."""
    found: dict[object, int] = {}
    series: list[Series] = []
    for number, (subject, text) in enumerate(zip(subjects, labels, strict=True)):
        label = clipped(clean(text).replace("\n", " "), LONGEST_LABEL)
        each = Series(subject=subject, label=label, position=position(subject, options.x, label))
        mark = _fingerprint(each, options)
        series.append(replace(each, twin=found.get(mark)))
        found.setdefault(mark, number)
    return series


def _fingerprint(series: Series, options: FigureOptions) -> object:
    """Return what two series share only where every value that is drawn, and its place, are the same."""
    subject = series.subject
    values = [group.lr for group in series.groups]
    if "momentum" in options.show:
        values += [group.momentum for group in series.groups if group.momentum is not None]
    places = tuple(series.position(step) for step in (1, subject.steps // 2, subject.steps))
    at = None if subject.trace.at is None else tuple(subject.trace.at)
    names = tuple(group.name for group in series.groups)
    bits = tuple(hashlib.blake2b(each.tobytes()).digest() for each in values)
    return series.is_log, subject.stride, places, at, names, bits


def panels_of(series: Sequence[Series], options: FigureOptions) -> tuple[list[str], str]:
    """Return the names of the panels, and what is said instead of a momentum that is the same all along.

    Raises SpecError where momentum is asked for and nothing has it.
    """
    names = list(options.show)
    if "momentum" not in names:
        return names, ""
    momenta = [group.momentum for each in series for group in each.groups if group.momentum is not None]
    if not momenta:
        message = "momentum cannot be drawn: no optimizer here has momentum or betas"
        raise SpecError(Problem(field="show", message=message))
    levels = {values[0] for values in momenta if len(values)}
    if len(names) == 1 or len(levels) > 1 or not all(map(constant, momenta)):
        return names, ""
    return ["lr"], "".join(f"{momentum_title(series).lower()} stays at {level:.4g}" for level in levels)


def momentum_title(series: Sequence[Series]) -> str:
    """Return what the momenta are called: "Momentum", "beta1", or both."""
    named = {each.subject.trace.momentum_name for each in series} - {None}
    return "Momentum, beta1" if len(named) > 1 else "beta1" if named == {"beta1"} else "Momentum"
