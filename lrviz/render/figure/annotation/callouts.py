"""What points at the curve: annotations, marks, and the place where a replay stopped."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any

import numpy
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from lrviz.experiment.schedulers.notes import Annotation, Span
from lrviz.render.figure.annotation.placement import (
    Board,
    Box,
    Flag,
    Flagged,
    Pointed,
    Pointer,
    Ruled,
    Ruler,
    Vertices,
    place,
)
from lrviz.render.figure.curve import Curve
from lrviz.render.figure.options import Mark
from lrviz.render.figure.panel import figure_of, inches_of, raise_ylim
from lrviz.render.figure.theme import Theme
from lrviz.render.words import clean, clipped, wrapped
from lrviz.trace import Failure

_Wanted = Pointer | Ruler
_Placed = Pointed | Ruled | Flagged | None

__all__ = ["call_out", "own_marks"]

NARROWEST = 20.0  # points: a shorter length is pointed at, not measured
ON_CURVE = 6.0  # points a side: with a line in this box, a place is on it
LANES = (2.1, 3.6, 5.2)  # ems above the curve: room for one length over it, for two, for three
PENNANT = 0.65  # ems
LONGEST = 60  # characters of a mark's words
LINE_HEIGHT = 1.2  # of a font's, as matplotlib sets lines
LOST = (14.0, 20.0)  # least and most ems to a line of torch's words
MOST_LABELS = 12  # marks that carry their words; more would only be noise


@dataclass(frozen=True)
class _Sheet:
    """A panel in points from its lower left corner, and its font's size."""

    axes: Axes
    board: Board
    points: float
    scale: float  # points to a pixel
    origin: tuple[float, float]

    @classmethod
    def of(cls, axes: Axes, curves: Iterable[Curve]) -> _Sheet:
        """Return a panel with its lines and markers taken."""
        figure = figure_of(axes)
        scale = 72 / figure.dpi
        box = axes.get_position()
        width, height = (side * 72 for side in figure.get_size_inches())
        board = Board(box.width * width, box.height * height)
        sheet = cls(axes, board, rcParams["font.size"], scale, (box.x0 * width, box.y0 * height))
        radius = rcParams["lines.markersize"] / 2
        for curve in curves:
            vertices = sheet.places(curve.x, curve.y)
            board.stroke(vertices, 1.5)
            if curve.marked is not None:
                board.mark(vertices[curve.marked], radius)
        return sheet

    def places(self, x: Vertices, y: Vertices) -> Vertices:
        """Return data as places on the panel; on a logarithmic axis what has no place lies on its floor."""
        floor = self.axes.get_ylim()[0]
        if self.axes.get_yscale() == "log":
            y = numpy.maximum(y, floor)
        pixels = self.axes.transData.transform(numpy.column_stack((x, y)))
        return numpy.asarray(pixels * self.scale - self.origin, dtype=numpy.float64)

    def place(self, x: float, y: float) -> tuple[float, float]:
        found = self.places(numpy.array([x]), numpy.array([y]))[0]
        return float(found[0]), float(found[1])

    def data(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return a place on the panel as data."""
        pixels = (numpy.array(place) + self.origin) / self.scale
        x, y = self.axes.transData.inverted().transform(pixels)
        return float(x), float(y)

    def share(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return a place as shares of the panel's width and height."""
        return place[0] / self.board.width, place[1] / self.board.height

    def size(self, text: str) -> tuple[float, float]:
        """Return the width and height of a text in points."""
        return _measured(text, self.points)


def call_out(
    axes: Axes,
    curves: Sequence[Curve],
    annotations: Sequence[Annotation],
    marks: Sequence[Mark],
    failure: Failure | None,
    theme: Theme,
) -> None:
    """Draw annotations, marks and a failure on a panel, each label where there is room for it.

    A label for which there is none is left out, an annotation with its arrow; a mark's line stays.
    """
    steps = axes.get_xlim()[1]
    marks = [mark for mark in marks if 0 <= mark.step <= steps]
    if not (annotations or marks or failure):
        return
    flags = _merged(marks, theme)
    if failure is not None:
        flags = [_stopped(axes, failure, steps, theme), *flags]
    plan = _plan(axes, curves, flags, annotations)
    if failure is not None:
        axes.axvspan(failure.step, steps, facecolor=theme.error, alpha=0.1, linewidth=0, zorder=0, gid="lost")
    for flag in flags:
        _draw_line(axes, flag)
    for flag, found in zip(flags, plan.flags, strict=False):
        if isinstance(found, Flagged):
            text = _write(plan.sheet, flag.label, found.box, flag.color, "mark")
            if found.crosses:
                text.set_bbox({"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 1.0})
    for note, wanted, placed in zip(annotations, plan.wanted, plan.notes, strict=True):
        _draw_note(plan.sheet, note.label, wanted, placed, theme)


@dataclass(frozen=True)
class _Plan:
    """Where every label goes on a panel."""

    sheet: _Sheet
    flags: list[_Placed]
    wanted: list[_Wanted]
    notes: list[_Placed]

    @property
    def cramped(self) -> bool:
        """Whether an annotation found no room, or measures across the curve."""
        return any(found is None or (isinstance(found, Ruled) and found.crossed) for found in self.notes)


def _plan(axes: Axes, curves: Sequence[Curve], flags: Sequence[_Flag], annotations: Sequence[Annotation]) -> _Plan:
    """Return the places of all labels; the panel's ceiling is raised where they need the room."""
    plan = _planned(axes, curves, flags, annotations)
    high = max((curve.high for curve in curves), default=0.0)
    for lanes in LANES:
        if not plan.cramped or high <= axes.get_ylim()[0]:
            break
        raise_ylim(axes, high, lanes * plan.sheet.points / 72)
        plan = _planned(axes, curves, flags, annotations)
    return plan


def _planned(axes: Axes, curves: Sequence[Curve], flags: Sequence[_Flag], annotations: Sequence[Annotation]) -> _Plan:
    sheet = _Sheet.of(axes, curves)
    wanted_flags = [Flag(sheet.place(flag.step, 0.0)[0], sheet.size(flag.label)) for flag in flags]
    for flag in wanted_flags:
        sheet.board.rule_off(flag.x)
    wanted = [_wanted(sheet, note) for note in annotations]
    labelled = wanted_flags[:MOST_LABELS]
    places = place(sheet.board, [*labelled, *wanted])
    return _Plan(sheet, places[: len(labelled)], wanted, places[len(labelled) :])


def own_marks(curves: Sequence[Curve], marks: Sequence[Mark]) -> Iterator[Mark]:
    """Yield a mark where a line breaks off, unless that step is marked already."""
    for step, what in dict.fromkeys(curve.broken for curve in curves if curve.broken is not None):
        if not any(mark.step == step for mark in marks):
            yield Mark(step=step, label=f"{what} at step {step:,}", severity="error")


@cache
def _renderer() -> RendererAgg:
    return RendererAgg(8, 8, 72)  # type: ignore[no-untyped-call]  # a pixel to a point


@cache
def _measured(text: str, points: float) -> tuple[float, float]:
    font = FontProperties(family=rcParams["font.family"], size=points)
    lines = text.split("\n")
    measure: Any = _renderer().get_text_width_height_descent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that the font has not is as wide as its box
        widths = [measure(line, font, ismath=False)[0] for line in lines]
        height = measure("lp", font, ismath=False)[1]
    return max(widths), height * (1 + LINE_HEIGHT * (len(lines) - 1))


def _wanted(sheet: _Sheet, note: Annotation) -> Pointer | Ruler:
    size = sheet.size(note.label)
    if isinstance(note, Span):
        start, y = sheet.place(note.x0, note.y)
        stop, _ = sheet.place(note.x1, note.y)
        if stop - start >= NARROWEST:
            return Ruler(start, stop, y, size)
        return Pointer((start + stop) / 2, y, size)
    x, y = sheet.place(note.x, note.y)
    on_curve = sheet.board.lines.count(Box.around(x, y, (ON_CURVE, ON_CURVE))) > 0
    return Pointer(x, y, size) if on_curve else Pointer(x, y, size, gap=1.0)


def _draw_note(sheet: _Sheet, label: str, wanted: _Wanted, placed: _Placed, theme: Theme) -> None:
    match placed:
        case Pointed():
            _arrow(sheet, placed.tail, placed.tip, "->", theme)
        case Ruled() if isinstance(wanted, Ruler):
            start, stop = (wanted.x0, placed.y), (wanted.x1, placed.y)
            if placed.split:
                gap = 0.4 * sheet.points
                _arrow(sheet, (placed.box.left - gap, placed.y), start, "->", theme)
                _arrow(sheet, (placed.box.right + gap, placed.y), stop, "->", theme)
            else:
                _arrow(sheet, start, stop, "<->", theme)
        case _:
            return
    _write(sheet, label, placed.box, theme.annotation, "annotation")


def _arrow(sheet: _Sheet, tail: tuple[float, float], tip: tuple[float, float], style: str, theme: Theme) -> None:
    sheet.axes.annotate(
        "",
        xy=sheet.share(tip),
        xytext=sheet.share(tail),
        xycoords="axes fraction",
        textcoords="axes fraction",
        gid="arrow",
        arrowprops={
            "arrowstyle": style,
            "color": theme.annotation,
            "linewidth": 1.2,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 0.9 * sheet.points,
        },
        zorder=4,
    )


def _write(sheet: _Sheet, label: str, box: Box, color: str, gid: str) -> Text:
    return sheet.axes.text(
        *sheet.share(box.centre),
        label,
        transform=sheet.axes.transAxes,
        ha="center",
        va="center",
        multialignment="left",
        color=color,
        gid=gid,
        zorder=5,
    )


@dataclass(frozen=True)
class _Flag:
    """Everything that is to be said at one step."""

    step: float
    label: str
    color: str
    solid: bool


def _merged(marks: Sequence[Mark], theme: Theme) -> list[_Flag]:
    """Return the marks with those of one step together; the worst of them gives the colour."""
    flags = []
    ordered = sorted(dict.fromkeys(marks), key=lambda mark: (mark.step, mark.severity))
    for step, group in groupby(ordered, key=lambda mark: mark.step):
        here = list(group)
        severity = "error" if any(mark.severity == "error" for mark in here) else "warning"
        label = "\n".join(clipped(clean(mark.label), LONGEST) for mark in here)
        flags.append(_Flag(step, label, theme.severity(severity), severity == "error"))
    return flags


def _stopped(axes: Axes, failure: Failure, steps: float, theme: Theme) -> _Flag:
    """Return where a replay stopped, in torch's words, set to fit into what was never trained."""
    points = rcParams["font.size"]
    lost = inches_of(axes)[0] * 72 * (1 - failure.step / steps) - 2 * points
    width = min(max(lost, LOST[0] * points), LOST[1] * points)
    label = f"stopped {failure.where}\n{wrapped(failure.words, width / 72, points, lines=5)}"
    return _Flag(failure.step, label, theme.error, solid=True)


def _draw_line(axes: Axes, flag: _Flag) -> None:
    """Draw a vertical line with a pennant on top: full for an error, hollow for a warning."""
    above = blended_transform_factory(axes.transData, axes.transAxes)
    line = Line2D([flag.step] * 2, [0, 1], color=flag.color, linewidth=1.0, zorder=1.5)
    line.set_linestyle("solid" if flag.solid else (0, (4, 3)))
    face = flag.color if flag.solid else "none"
    size = PENNANT * rcParams["font.size"]
    pennant = Line2D([flag.step], [1], color=flag.color, marker="v", markersize=size, markerfacecolor=face, zorder=4)
    below = above + ScaledTranslation(0, -size / 2 / 72, figure_of(axes).dpi_scale_trans)
    for artist, name, transform in ((line, "mark-line", above), (pennant, "pennant", below)):
        artist.set(transform=transform, clip_on=False, gid=name)
        axes.add_artist(artist)
