"""Several subjects in one figure: their lines on one panel, or each in a small panel of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lrviz.render.figure import key as keys
from lrviz.render.figure.annotation.callouts import call_out
from lrviz.render.figure.curve import Curve
from lrviz.render.figure.facets import draw_facets
from lrviz.render.figure.fonts import fonts_for
from lrviz.render.figure.key import Key
from lrviz.render.figure.layout import Layout
from lrviz.render.figure.notebook import NotebookFigure
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.palette import FEW, Look, Sweep, looks_of, sweep_of
from lrviz.render.figure.panel import DASHES, add_caption, align_labels, draw_epochs, relabel
from lrviz.render.figure.picture import Picture, add_lines
from lrviz.render.figure.series import Series, all_series, panels_of
from lrviz.render.figure.theme import styled_as
from lrviz.subject import Subject

MOST_MARKS = 3  # of all subjects together, that lines with words do not bury
FLAT = 50.0  # times the lowest of several peaks: it is no more than a line on the axis of the highest
CROWDED = 12  # curves without an order, beyond which facets read better

Lines = dict[str, list[list[Curve]]]
"""What each panel shows of each subject."""


def draw_overlay(
    subjects: Sequence[Subject],
    labels: Sequence[str],
    options: FigureOptions = FigureOptions(),  # noqa: B008  frozen
    title: str = "",
    marks: Sequence[Sequence[Mark]] = (),
) -> Figure:
    """Draw several subjects on one panel, or in facets, and return the figure, which belongs to no window.

    Each has its label, and in `marks` what is to be pointed out of it, at optimizer steps. Raises SpecError
    for an x axis that one of them has no place on, for a momentum that none has, and for more facets than
    have room; ValueError for no subjects.
    """
    if not subjects:
        raise ValueError("an overlay needs at least one subject")
    series = all_series(subjects, labels, options)
    names, note = panels_of(series, options)
    groups = _groups(series)
    marks = marks or [()] * len(series)
    with styled_as(options, fonts_for([title, *labels, *groups], options).names) as theme:
        flat = "" if options.log_y or "lr" not in names else _far_apart(series)
        note = "; ".join(filter(None, (note, flat)))
        picture = Picture(series, names, note, groups, title, options, theme)
        figure = NotebookFigure(figsize=options.size, dpi=options.dpi)
        if options.facets:
            draw_facets(figure, picture, marks)
        else:
            _draw_together(figure, picture, marks)
    return figure


def _groups(series: Sequence[Series]) -> list[str]:
    """Return the names of the parameter groups that are told apart; none where each subject has one."""
    if all(len(each.groups) < 2 for each in series):
        return []
    return list(dict.fromkeys(group.name for each in series for group in each.groups))


def _draw_together(figure: Figure, picture: Picture, marks: Sequence[Sequence[Mark]]) -> None:
    """Draw all subjects on the same panels."""
    series, theme = picture.series, picture.theme
    sweep = sweep_of([each.label for each in series])
    sweep = None if sweep is not None and sweep.others and picture.groups else sweep
    looks = looks_of(series, sweep, theme, by_group=bool(picture.groups))
    picture = replace(picture, note="; ".join(filter(None, (picture.note, _hint(series, sweep)))))
    for key in _keys(picture, looks, sweep):
        panels, lines = _laid_out(figure, picture, key)
        top = next(iter(panels.values()))
        places = keys.end_places(top, lines[picture.names[0]], key) if key.at_ends else []
        if places is not None:
            break
        figure.clear()
    assert places is not None, "the last key always has room"
    for name, axes in panels.items():
        for each, own, look in zip(series, lines[name], looks, strict=True):
            if each.twin is None and own:
                add_lines(axes, each, own, _by_group(look, own, picture.groups), name)
    keys.draw(figure, key, list(panels.values()), places)
    found = [_named(mark, each) for each, own, given in zip(series, lines.get("lr", []), marks, strict=False)
             for mark in picture.marks(each, own, given)]  # fmt: skip
    if 0 < len(found) <= MOST_MARKS:
        call_out(top, [line for own in lines["lr"] for line in own], [], found, None, theme)


def _named(mark: Mark, series: Series) -> Mark:
    return replace(mark, label=f"{series.label}: {mark.label}")


def _hint(series: Sequence[Series], sweep: Sweep | None) -> str:
    """Return what to do where there are more curves than an eye tells apart."""
    count = sum(each.twin is None for each in series)
    if count <= CROWDED or (sweep is not None and (sweep.is_gradient or sweep.others)):
        return ""
    return f"{count} curves: --facets draws each by itself"


def _far_apart(series: Sequence[Series]) -> str:
    """Return what to do where some learning rates lie flat on an axis that shows others."""
    peaks = [each.high for each in series if each.high > 0]
    if not peaks or max(peaks) < FLAT * min(peaks):
        return ""
    return f"peaks from {min(peaks):.2g} to {max(peaks):.2g}: --log-y shows them all"


def _by_group(look: Look, lines: Sequence[Curve], groups: Sequence[str]) -> list[Look]:
    """Return the look of each parameter group's line: the subject's, with the group's dash."""
    if not groups:
        return [look]
    return [replace(look, dash=DASHES[groups.index(line.name) % len(DASHES)]) for line in lines]


def _keys(picture: Picture, looks: Sequence[Look], sweep: Sweep | None) -> Iterator[Key]:
    """Yield the keys to try, the best first; the last one always has room."""
    series, size, points = picture.series, picture.options.size, rcParams["font.size"]
    entries, heading = keys.entries_of(series, looks), ""
    blocks = [entries]
    if keys.is_for_ends(series, picture.groups):
        yield keys.ends(entries, points)
    is_plain = all(entry.text == each.label for entry, each in zip(entries, series, strict=True))
    if sweep is not None and is_plain and (sweep.others or sweep.is_gradient or len(entries) > FEW):
        blocks, heading = keys.by_sweep(entries, sweep, picture.theme)
    shown = range(len(picture.groups))
    dashes = [Look(color=picture.theme.quiet, dash=DASHES[number % len(DASHES)]) for number in shown]
    blocks.append(keys.group_entries(picture.groups, dashes))
    under = keys.below(blocks, heading, size, points) if len(blocks[0]) <= FEW else None
    yield under or keys.beside(blocks, heading, size, points)


def _layout(picture: Picture, key: Key, *, epochs: bool) -> Layout:
    return Layout.around(
        picture.options.size, rcParams["font.size"], picture.title, epochs=epochs, notes=1 if picture.note else 0,
        rows=key.rows, beside=key.beside,
    )  # fmt: skip


def _laid_out(figure: Figure, picture: Picture, key: Key) -> tuple[dict[str, Axes], Lines]:
    """Add the panels with their axes, and return the lines that are to be drawn on each."""
    options, epochs = picture.options, picture.options.epoch_axis and picture.steps_per_epoch is not None
    layout = _layout(picture, key, epochs=epochs)
    if epochs and key.height > layout.size[1] - layout.top - layout.bottom:  # it would lie over that axis' name
        epochs = False
        layout = _layout(picture, key, epochs=epochs)
    panels: dict[str, Axes] = {}
    for name, rectangle in zip(picture.names, layout.rectangles(len(picture.names)), strict=True):
        panels[name] = figure.add_axes(rectangle, sharex=next(iter(panels.values()), None), label=name)
    lines = {name: picture.fitted(axes, name, picture.series) for name, axes in panels.items()}
    top, bottom = next(iter(panels.values())), list(panels.values())[-1]
    picture.draw_x(bottom)
    for axes in panels.values():
        axes.tick_params(axis="x", which="both", labelbottom=axes is bottom)
    relabel(top, bottom, options)
    align_labels(list(panels.values()), layout)
    if epochs and picture.steps_per_epoch is not None:
        draw_epochs(top, round(picture.end), picture.steps_per_epoch, picture.theme)
    top.set_title(layout.title, pad=layout.pad)
    if picture.note:
        add_caption(top, picture.note, picture.theme, "note", line=1 if epochs else 0)
    return panels, lines
