"""Several schedules beside each other: what `lrviz.compare` returns, and a notebook shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lrviz.errors import SpecError
from lrviz.labels import labels
from lrviz.render.figure.options import FigureOptions, marks_of
from lrviz.rules import Finding, examine
from lrviz.subject import Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Schedules that are compared, each with the label that tells it from the others; made of none it refuses."""

    subjects: Sequence[Subject]
    title: str = ""
    labels: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        if not self.subjects:
            raise SpecError("there is nothing to compare")
        if self.labels and len(self.labels) != len(self.subjects):
            raise SpecError(f"there are {len(self.labels)} labels for {len(self.subjects)} schedules")
        object.__setattr__(self, "labels", tuple(self.labels) or tuple(labels(self.subjects)))

    def __repr__(self) -> str:
        pairs = zip(self.labels, self.subjects, strict=True)
        return "Comparison(" + ", ".join(f"{label}: {subject.trace!r}" for label, subject in pairs) + ")"

    def findings(self) -> list[list[Finding]]:
        """Return what `lrviz check` finds in each, in their order; nothing in a log."""
        return [
            examine(subject.experiment, subject.trace) if subject.experiment is not None else []
            for subject in self.subjects
        ]

    def figure(self, options: FigureOptions | None = None) -> Figure:
        """Draw them over each other, or in facets, and return the figure; raises SpecError as `lrviz.figure` does."""
        from lrviz.render.figure.overlay import draw_overlay

        marks = [marks_of(found) for found in self.findings()]
        return draw_overlay(self.subjects, self.labels, options or FigureOptions(), self.title, marks)
