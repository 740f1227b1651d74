"""What names the lines of several subjects: labels at their ends, or a legend below or beside the panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lrviz.render.figure.curve import Curve
from lrviz.render.figure.layout import LEGEND_SHARE, Legend, legend_of
from lrviz.render.figure.palette import DOT, FEW, Look, Sweep
from lrviz.render.figure.panel import inches_of
from lrviz.render.figure.series import Series
from lrviz.render.figure.theme import Theme
from lrviz.render.words import EM, clipped, inches

LONGEST_NAME = 30  # characters of a group's name
APART = 1.2  # ems between two labels at lines' ends
ABOVE_AXIS = 0.3  # ems from the panel's floor, below which the numbers of the x axis stand
MOVED = 0.5  # ems that such a label may stand off its line
AT_EDGE = 0.05  # of the axis: a line that ends so near to its end reaches it
BESIDE = 0.3  # of a figure's width that a legend beside it takes at most
ROW = 1.32  # ems of a row there
LINE_BOX = 1.08  # and of its text alone
SMALLER = 0.85  # of the font's size
ROW_BELOW = 1.6  # ems of a row there
LEAST = 6.0  # points of letters beside the panels
AIR = 2.2  # ems between the panels and what stands beside them, for half a number of the x axis
HANDLE = 3.4  # ems of a line there, with air

Where = Literal["nowhere", "ends", "below", "beside"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of a legend: its text, and how what it names is drawn."""

    text: str
    look: Look


@dataclass(frozen=True, kw_only=True)
class Key:
    """What names the lines, and where it stands; a legend below has a block for colours and one for dashes."""

    where: Where
    blocks: Sequence[Sequence[Entry]]
    legends: Sequence[Legend] = ()  # of the blocks
    beside: float = 0.0  # inches right of the panels
    points: float = 0.0  # of its letters
    heading: str = ""

    @property
    def at_ends(self) -> bool:
        return self.where == "ends"

    @property
    def entries(self) -> list[Entry]:
        return [entry for block in self.blocks for entry in block]

    @property
    def rows(self) -> int:
        """How many rows of it stand below the panels."""
        return sum(legend.rows for legend in self.legends) + (1 if self.heading and self.legends else 0)

    @property
    def height(self) -> float:
        """How high it stands beside the panels, in inches."""
        return ROW * self.points * (len(self.entries) + bool(self.heading)) / 72 if self.where == "beside" else 0.0


def entries_of(series: Sequence[Series], looks: Sequence[Look]) -> list[Entry]:
    """Return an entry for each subject, which says whose curve it has where another has the same."""
    names = [each.name if each.twin is None else f"{each.name} = {series[each.twin].label}" for each in series]
    return [Entry(text=name, look=look) for name, look in zip(names, looks, strict=True)]


def group_entries(groups: Sequence[str], looks: Sequence[Look]) -> list[Entry]:
    """Return an entry for each parameter group."""
    named = [f"group {clipped(name, LONGEST_NAME)}" for name in groups]
    return [Entry(text=name, look=look) for name, look in zip(named, looks, strict=False)]


def by_sweep(entries: Sequence[Entry], sweep: Sweep, theme: Theme) -> tuple[list[list[Entry]], str]:
    """Return an entry for each value of what is swept, and the heading over them; of a grid a block for each."""
    first = dict(zip(reversed(sweep.values), reversed(entries), strict=True))
    values = dict.fromkeys(sweep.values)
    if not sweep.others:
        return [[Entry(text=value, look=first[value].look) for value in values]], sweep.name
    colors = [Entry(text=f"{sweep.name} {value}", look=replace(first[value].look, dash="solid")) for value in values]
    dashes = dict(zip(sweep.others, entries, strict=True))
    looks = {value: replace(entry.look, color=theme.quiet) for value, entry in dashes.items()}
    return [colors, [Entry(text=f"{sweep.other} {value}", look=look) for value, look in looks.items()]], ""


def ends(entries: Sequence[Entry], points: float) -> Key:
    """Return the key that stands at the lines' ends."""
    widest = max(inches(entry.text, points) for entry in entries)
    return Key(where="ends", blocks=[entries], beside=widest + 0.9 * points / 72, points=points)


def below(blocks: Sequence[Sequence[Entry]], heading: str, size: tuple[float, float], points: float) -> Key | None:
    """Return the key below the panels, in smaller letters where it needs them; None where it has no room."""
    for letters in (points, SMALLER * points):
        legends = [legend_of([entry.text for entry in block], size, letters) for block in blocks]
        is_whole = all(legend.shown in (0, len(block)) for legend, block in zip(legends, blocks, strict=True))
        where: Where = "below" if any(legend.shown for legend in legends) else "nowhere"
        key = Key(where=where, blocks=blocks, legends=legends, points=letters, heading=heading)
        if is_whole and key.rows * ROW_BELOW * letters / 72 <= LEGEND_SHARE * size[1]:
            return key
    return None


def beside(blocks: Sequence[Sequence[Entry]], heading: str, size: tuple[float, float], points: float) -> Key:
    """Return the key right of the panels, in letters so small that its rows fit in, if they do at all."""
    entries = [entry for block in blocks for entry in block]
    rows, room = len(entries) + bool(heading), 72 * (size[1] - 0.3) / ROW
    points = max(min(SMALLER * points, room / rows), LEAST)
    scale = list(blocks[0]) if heading else entries
    rest = entries[len(scale) :]
    most = max(3, int(room / points + 1e-6) - bool(heading) - len(rest))
    shown = [*_thinned(scale, most, is_scale=bool(heading)), *rest]
    least = f"… ({len(scale)} in all)" if heading and len(shown) < len(entries) else "and 99 more"
    width = max(inches(text, points) for text in (heading, least, *(entry.text for entry in entries)))
    width = min(BESIDE * size[0], width + HANDLE * points / 72)
    letters = max(len(least), int((width * 72 / points - HANDLE) / EM))
    kept = [replace(entry, text=clipped(entry.text, letters)) for entry in shown]
    heading = clipped(heading, letters + int(HANDLE / EM))
    return Key(where="beside", blocks=[kept], beside=width + _air(points), points=points, heading=heading)


def _air(points: float) -> float:
    """Return the inches between the panels and letters beside them; a column of small ones reaches the x axis."""
    axis = float(rcParams["font.size"])
    return AIR * (axis if points < SMALLER * axis else points) / 72


def _thinned(entries: Sequence[Entry], most: int, *, is_scale: bool) -> list[Entry]:
    """Return at most so many entries, the last of which says so: of a scale some from end to end, else the first."""
    if len(entries) <= most:
        return list(entries)
    kept, text = list(entries[: most - 1]), f"and {len(entries) - most + 1} more"
    if is_scale:
        kept = [entries[number * (len(entries) - 1) // (most - 2)] for number in range(most - 1)]
        text = f"… ({len(entries)} in all)"
    return [*kept, Entry(text=text, look=replace(entries[-1].look, alpha=0.0))]


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Return ascending places moved as little as keeps them so far apart."""
    blocks: list[tuple[float, int]] = []  # the mean of where a block's first would be, and how many it has
    for number, place in enumerate(places):
        mean, count = place - number * apart, 1
        while blocks and blocks[-1][0] >= mean:
            before, size = blocks.pop()
            mean, count = (mean * count + before * size) / (count + size), count + size
        blocks.append((mean, count))
    firsts = [mean for mean, count in blocks for _ in range(count)]
    return [first + number * apart for number, first in enumerate(firsts)]


def end_places(axes: Axes, lines: Sequence[Sequence[Curve]], key: Key) -> list[float] | None:
    """Return how high, in inches, each line's label stands at the panel's right edge; None where they would not fit."""
    end, em = axes.get_xlim()[1], key.points / 72
    last = [(float(line.x[-1]), float(line.y[-1])) for own in lines for line in own if len(line.x)]
    if len(last) < len(lines) or any(x < end * (1 - AT_EDGE) or math.isnan(y) for x, y in last):
        return None
    shares = (axes.transData + axes.transAxes.inverted()).transform(last)[:, 1]
    wanted = (shares * inches_of(axes)[1]).tolist()
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    raised = [max(wanted[number], ABOVE_AXIS * em) for number in order]
    placed = dict(zip(order, spread(raised, APART * em), strict=True))
    if any(abs(place - wanted[number]) > MOVED * em for number, place in placed.items()):
        return None
    return [placed[number] for number in range(len(lines))]


def draw(figure: Figure, key: Key, panels: Sequence[Axes], places: Sequence[float]) -> None:
    """Draw a key; `places` are those of labels at the lines' ends."""
    if key.at_ends:
        _draw_ends(panels[0], key, places)
    elif key.where == "below":
        _draw_below(figure, key)
    elif key.where == "beside":
        _draw_beside(figure, key, panels)


def _draw_ends(axes: Axes, key: Key, places: Sequence[float]) -> None:
    height = inches_of(axes)[1]
    style: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "center"}
    for entry, place in zip(key.entries, places, strict=True):
        at, color = (1.0, place / height), entry.look.color
        axes.annotate(entry.text, at, (0.5 * key.points, 0), color=color, fontsize=key.points, gid="end-label", **style)


def _draw_below(figure: Figure, key: Key) -> None:
    """Draw the blocks of a legend from the figure's lower edge up, the first one on top."""
    edge, tall = 0.0, figure.get_size_inches()[1]
    for block, legend in reversed([*zip(key.blocks, key.legends, strict=True)]):
        if legend.shown:
            place = {"loc": "lower center", "bbox_to_anchor": (0.5, edge), "borderaxespad": 0.3}
            title = {"title": key.heading or None, "title_fontsize": key.points}
            _draw_legend(figure, key, block, {"ncols": legend.columns, "columnspacing": 1.6, **place, **title})
        edge += legend.rows * ROW_BELOW * key.points / 72 / tall


def _draw_beside(figure: Figure, key: Key, panels: Sequence[Axes]) -> None:
    """Draw a legend right of the panels, in the middle of their height as far as it stays on the figure."""
    first, last = panels[0].get_position(), panels[-1].get_position()
    width = figure.get_size_inches()[0]
    half = 0.5 * key.height / figure.get_size_inches()[1]
    room = max(0.0, 0.48 - half)
    middle = min(max((first.y1 + last.y0) / 2, 0.5 - room), 0.5 + room)
    style = {
        "loc": "center left", "bbox_to_anchor": (first.x1 + _air(key.points) / width, middle),
        "handlelength": 2.2, "borderaxespad": 0.0, "borderpad": 0.0, "labelspacing": ROW - LINE_BOX,
        "title": key.heading or None, "title_fontsize": key.points, "alignment": "left",
    }  # fmt: skip
    _draw_legend(figure, key, key.entries, style)


def _draw_legend(figure: Figure, key: Key, entries: Sequence[Entry], style: dict[str, Any]) -> None:
    handles = [handle(entry.look) for entry in entries]
    blank = [" "] * len(handles)  # matplotlib leaves out a name that begins with an underscore
    named = figure.legend(handles, blank, fontsize=key.points, **style)
    for text, entry in zip(named.get_texts(), entries, strict=True):
        text.set_text(entry.text)


def handle(look: Look) -> Line2D:
    """Return the line that a legend shows for a look."""
    style: dict[str, Any] = {"marker": look.marker, "markersize": DOT} if look.marker else {}
    return Line2D([], [], color=look.color, linestyle=look.dash, linewidth=look.width, alpha=look.alpha, **style)


def is_for_ends(series: Sequence[Series], groups: Sequence[str]) -> bool:
    """Return whether labels at the lines' ends may do: for a few lines, one to a subject."""
    is_plain = all(each.twin is None for each in series) and len(groups) < 2
    return is_plain and 2 <= len(series) <= FEW and not any(each.is_log for each in series)
