"""What points at the curve: annotations, marks, and the place where a replay stopped."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, islice
from typing import Any

import numpy
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from lrviz.arrays import Values
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers.notes import Annotation, Span, View
from lrviz.render.figure.annotation.placement import Board, Box, Label, LineLabel, Placed, Pointer, Ruler, place
from lrviz.render.figure.curve import HUGE, Curve, Points
from lrviz.render.figure.options import Mark
from lrviz.render.figure.panel import figure_of, inches_of, raise_ylim
from lrviz.render.figure.theme import Theme
from lrviz.render.words import clean, clipped, wrapped
from lrviz.trace import Failure, Trace

NARROWEST = 20.0  # points: a shorter length is pointed at, not measured
ON_CURVE = 6.0  # points a side: with a line in this box, a place is on it
LANES = (0.0, 2.1, 3.6, 5.2)  # ems above the curve: room for no length over it, for one, for two, for three
MARKER = 0.65  # ems: on top of a mark's line
LONGEST = 60  # characters of a mark's words
LINE_HEIGHT = 1.2  # of a font's, as matplotlib sets lines
LOST = (14.0, 20.0)  # least and most ems to a line of torch's words
MOST_NOTES = 40  # annotations that are looked for a place; one has it for fewer
SEVERITIES = ("error", "warning", "note")  # from the worst on
MOST_LABELS = 12  # marks that carry their words; more would only be noise


@dataclass(frozen=True)
class _Panel:
    """A panel in points from its lower left corner."""

    axes: Axes
    board: Board
    scale: float  # points to a pixel
    origin: tuple[float, float]

    @classmethod
    def of(cls, axes: Axes, curves: Iterable[Curve]) -> _Panel:
        """Return a panel with its lines and markers taken."""
        figure = figure_of(axes)
        box = axes.get_position()
        width, height = (side * 72 for side in figure.get_size_inches())
        board = Board(box.width * width, box.height * height)
        panel = cls(axes, board, 72 / figure.dpi, (box.x0 * width, box.y0 * height))
        size = rcParams["lines.markersize"]
        for curve in curves:
            vertices = panel.places(curve.x, curve.y)
            board.curves.stroke(vertices, 1.5)
            marked = vertices[curve.marked] if curve.marked is not None else vertices[:0]
            for x, y in marked[numpy.isfinite(marked).all(axis=1)].tolist():
                board.curves.fill(Box.around(x, y, (size, size)))
        return panel

    def places(self, x: Points, y: Points) -> Points:
        """Return data as places on the panel; on a logarithmic axis what has no place lies on its floor."""
        if self.axes.get_yscale() == "log":
            y = numpy.maximum(y, self.axes.get_ylim()[0])
        pixels = self.axes.transData.transform(numpy.column_stack((x, y)))
        return numpy.asarray(pixels * self.scale - self.origin, dtype=numpy.float64)

    def place(self, x: float, y: float) -> tuple[float, float]:
        found = self.places(numpy.array([x]), numpy.array([y]))[0]
        return float(found[0]), float(found[1])

    def size(self, text: str) -> tuple[float, float]:
        """Return the width and height of a text in points."""
        return _measured(text, rcParams["font.size"])

    def share(self, place: tuple[float, float]) -> tuple[float, float]:
        """Return a place as shares of the panel's width and height."""
        return place[0] / self.board.width, place[1] / self.board.height


def annotate(experiment: Experiment, trace: Trace) -> list[Annotation]:
    """Return what the scheduler points at, on the group with the highest learning rate; empty for an empty trace."""
    if not trace.steps:
        return []
    rest = experiment.run.clock, experiment.warmup > 0
    views = [View(number, group.lr, _peak(group.lr), *rest) for number, group in enumerate(trace.groups)]
    found = experiment.resolved.annotations(max(views, key=lambda view: view.peak))
    return list(islice((each for each in found if abs(each.y) <= HUGE), MOST_NOTES))


def _peak(lr: Values) -> float:
    rates = numpy.asarray(lr)
    return float(rates.max(where=numpy.isfinite(rates), initial=0.0))


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
    marks = _merged([mark for mark in marks if 0 <= mark.step <= steps])
    if failure is not None:
        marks = [_stopped(axes, failure, steps), *marks]
        axes.axvspan(failure.step, steps, facecolor=theme.error, alpha=0.1, linewidth=0, zorder=0, gid="lost")
    if not (annotations or marks):
        return
    panel, found = _places(axes, curves, marks, annotations)
    for mark in marks:
        _draw_line(axes, mark, theme.severity(mark.severity))
    for each, label, placed in found:
        if placed is not None and isinstance(each, Mark):
            text = _write(panel, each.label, placed.box, theme.severity(each.severity), "mark")
            if placed.crossed:
                text.set_bbox({"facecolor": axes.get_facecolor(), "edgecolor": "none", "pad": 1.0})
        elif placed is not None:
            _draw_arrow(panel, label, placed, theme)
            _write(panel, each.label, placed.box, theme.annotation, "annotation")


_Found = list[tuple[Mark | Annotation, Label, Placed | None]]


def _places(
    axes: Axes, curves: Sequence[Curve], marks: Sequence[Mark], annotations: Sequence[Annotation]
) -> tuple[_Panel, _Found]:
    """Return the places of all labels; the panel's ceiling is raised where they need the room."""
    high = max((curve.high for curve in curves), default=0.0)
    for lanes in LANES:
        raise_ylim(axes, high, lanes * rcParams["font.size"] / 72)
        panel, found = _placed(axes, curves, marks, annotations)
        if high <= axes.get_ylim()[0] or not any(_is_cramped(label, placed) for _, label, placed in found):
            break
    return panel, found


def _is_cramped(label: Label, placed: Placed | None) -> bool:
    """Return whether an annotation found no room, or measures across the curve."""
    if placed is None:
        return not isinstance(label, LineLabel)
    return isinstance(label, Ruler) and placed.crossed


def _placed(
    axes: Axes, curves: Sequence[Curve], marks: Sequence[Mark], annotations: Sequence[Annotation]
) -> tuple[_Panel, _Found]:
    panel = _Panel.of(axes, curves)
    places = [panel.place(mark.step, 0.0)[0] for mark in marks]
    for x in places:
        panel.board.lines.stroke(numpy.array([(x, 0.0), (x, panel.board.height)]), 0.0)
    named = marks[:MOST_LABELS]
    labels: list[Label] = [LineLabel(x, panel.size(mark.label)) for x, mark in zip(places, named, strict=False)]
    labels += [_label(panel, note) for note in annotations]
    return panel, list(zip([*named, *annotations], labels, place(panel.board, labels), strict=True))


def own_marks(curves: Sequence[Curve], marks: Sequence[Mark]) -> Iterator[Mark]:
    """Yield a mark where a line breaks off, unless that step is marked already."""
    for step, what in dict.fromkeys(curve.broken for curve in curves if curve.broken is not None):
        if not any(mark.step == step for mark in marks):
            yield Mark(step=step, label=f"{what} at step {step:,}", severity="error")


def seam_mark(trace: Trace) -> list[Mark]:
    """Return the mark of the checkpoint from which a run went on, if it did."""
    seam = trace.seam
    return [] if seam is None else [Mark(step=seam.step, label=f"resumed, {seam.mode}", severity="note")]


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


def _label(panel: _Panel, note: Annotation) -> Label:
    size = panel.size(note.label)
    if isinstance(note, Span):
        start, y = panel.place(note.x0, note.y)
        stop, _ = panel.place(note.x1, note.y)
        if stop - start >= NARROWEST:
            return Ruler(start, stop, y, size)
        return Pointer((start + stop) / 2, y, size)
    x, y = panel.place(note.x, note.y)
    is_on_curve = panel.board.curves.count(Box.around(x, y, (ON_CURVE, ON_CURVE))) > 0
    return Pointer(x, y, size) if is_on_curve else Pointer(x, y, size, gap=1.0)


def _draw_arrow(panel: _Panel, label: Label, placed: Placed, theme: Theme) -> None:
    """Draw a pointer's arrow, or a ruler's double one: in two parts where its label stands between its ends."""
    start, stop = placed.line
    box, gap = placed.box, 0.4 * rcParams["font.size"]
    if not isinstance(label, Ruler):
        _arrow(panel, start, stop, "->", theme)
    elif start[0] < box.left and box.right < stop[0] and box.bottom < start[1] < box.top:
        _arrow(panel, (box.left - gap, start[1]), start, "->", theme)
        _arrow(panel, (box.right + gap, start[1]), stop, "->", theme)
    else:
        _arrow(panel, start, stop, "<->", theme)


def _arrow(panel: _Panel, tail: tuple[float, float], tip: tuple[float, float], style: str, theme: Theme) -> None:
    size = 0.9 * rcParams["font.size"]
    line = {"color": theme.annotation, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
    look = {"arrowstyle": style, "mutation_scale": size, **line}
    within: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "axes fraction"}
    panel.axes.annotate("", panel.share(tip), panel.share(tail), arrowprops=look, gid="arrow", zorder=4, **within)


def _write(panel: _Panel, label: str, box: Box, color: str, gid: str) -> Text:
    centred: dict[str, Any] = {"ha": "center", "va": "center", "multialignment": "left"}
    place = panel.share(box.centre)
    return panel.axes.text(*place, label, transform=panel.axes.transAxes, color=color, gid=gid, zorder=5, **centred)


def _merged(marks: Sequence[Mark]) -> list[Mark]:
    """Return the marks with those of one step together, as bad as the worst of them."""
    merged = []
    ordered = sorted(dict.fromkeys(marks), key=lambda mark: (mark.step, SEVERITIES.index(mark.severity)))
    for step, group in groupby(ordered, key=lambda mark: mark.step):
        here = list(group)
        label = "\n".join(clipped(clean(mark.label), LONGEST) for mark in here)
        merged.append(Mark(step=step, label=label, severity=here[0].severity))
    return merged


def _stopped(axes: Axes, failure: Failure, steps: float) -> Mark:
    """Return where a replay stopped, in torch's words, set to fit into what was never trained."""
    points = rcParams["font.size"]
    lost = inches_of(axes)[0] * 72 * (1 - failure.step / steps) - 2 * points
    width = min(max(lost, LOST[0] * points), LOST[1] * points)
    label = f"stopped {failure.where}\n{wrapped(failure.words, width / 72, points, lines=5)}"
    return Mark(step=failure.step, label=label, severity="error")


def _draw_line(axes: Axes, mark: Mark, color: str) -> None:
    """Draw a vertical line, with a marker on top but for a note: full for an error, hollow for a warning."""
    above = blended_transform_factory(axes.transData, axes.transAxes)
    is_error = mark.severity == "error"
    line = Line2D([mark.step] * 2, [0, 1], color=color, linewidth=1.0, zorder=1.5)
    line.set_linestyle((0, (4, 3)) if mark.severity == "warning" else "solid")
    face = color if is_error else "none"
    size = MARKER * rcParams["font.size"]
    marker = Line2D([mark.step], [1], color=color, marker="v", markersize=size, markerfacecolor=face, zorder=4)
    below = above + ScaledTranslation(0, -size / 2 / 72, figure_of(axes).dpi_scale_trans)
    artists = [(line, "mark-line", above), (marker, "mark-marker", below)]
    for artist, name, transform in artists[: 1 if mark.severity == "note" else 2]:
        artist.set(transform=transform, clip_on=False, gid=name)
        axes.add_artist(artist)
