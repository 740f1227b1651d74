"""Where a figure's panels, title and legend go, in inches, so that every size keeps room for its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lrviz.render.words import inches, wrapped

NORMAL = 12.0  # points that the margins' limits are for
GAP = 0.3  # inches between two panels
LOWER = 0.5  # height of a lower panel, of the first one's
HANDLE = 5.2  # ems that a legend's entry takes besides its name
LEGEND_SHARE = 0.3  # of a figure's height, at most
TITLE = 1.2  # size of the title's letters, of the font's
TITLE_PAD = (8.0, 4.0)  # points below the title: above the panel itself, and above small lines
LINE = 1.2  # ems of a small line between the title and the panel


@dataclass(frozen=True, kw_only=True)
class Legend:
    """How many names a legend shows, and in how many columns and rows."""

    shown: int
    columns: int
    rows: int


NO_LEGEND = Legend(shown=0, columns=1, rows=0)


def legend_of(names: Sequence[str], size: tuple[float, float], points: float) -> Legend:
    """Return the legend for lines of these names; none for a single line."""
    if len(names) < 2:
        return NO_LEGEND
    entry = max(inches(name, points) for name in names) + HANDLE * points / 72
    columns = max(1, min(len(names), int((size[0] - 0.4) / entry)))
    most = max(1, int(size[1] * LEGEND_SHARE / (points * 1.6 / 72)))
    rows = min(most, -(-len(names) // columns))
    shown = min(len(names), rows * columns)
    return Legend(shown=shown, columns=-(-shown // rows), rows=rows)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The space around and between the panels of a figure, in inches."""

    size: tuple[float, float]
    left: float
    right: float
    top: float
    bottom: float
    points: float  # the font's size
    title: str  # in as many lines as it takes
    pad: float  # points between the title and the panel

    @classmethod
    def around(
        cls,
        size: tuple[float, float],
        points: float,
        title: str,
        *,
        epochs: bool,
        notes: int,
        rows: int,
        beside: float = 0.0,
    ) -> Layout:
        """Return the space that a title, an epoch axis, small lines above the panel and rows of a legend leave.

        `beside` is what stands right of the panels, in inches.

        At 10 x 5 inches with a title of one line these are matplotlib's own margins.
        """
        width, height = size
        em, big = points / 72, max(1.0, points / NORMAL)
        left = min(max(0.125 * width, 7.4 * em), 1.35 * big)
        right = min(max(0.1 * width, 4.2 * em if epochs else 1.5 * em), 1.0 * big)
        right = max(right, beside + 0.5 * em)
        title = wrapped(title, width - abs(left - right) - 0.1, TITLE * points)  # over the panel, in the figure
        line, more = TITLE * 1.25 * em, title.count("\n")
        small = notes + epochs
        pad = TITLE_PAD[1] + LINE * points * small if small else TITLE_PAD[0]
        top = min(max(0.12 * height, 2.0 * em), 0.6 * big) + more * line + (0.25 * em if epochs else 0)
        top = max(top, pad / 72 + (more + 1) * line) if title else max(0.8 * em, pad / 72)
        return cls(
            size=size,
            points=points,
            title=title,
            pad=pad,
            left=left,
            right=right,
            top=top,
            bottom=min(max(0.125 * height, 2.6 * em + 0.2), 0.63 * big) + rows * 1.6 * em,
        )

    @property
    def width(self) -> float:
        """Width of the panels."""
        return max(0.1, self.size[0] - self.left - self.right)

    def rectangles(self, count: int) -> list[tuple[float, float, float, float]]:
        """Return left, bottom, width, height of `count` panels from top to bottom, as shares of the figure."""
        room = max(0.1, self.size[1] - self.top - self.bottom)
        gap = max(1.75 * self.points / 72, min(GAP, 0.1 * room))
        unit = (room - gap * (count - 1)) / (1 + LOWER * (count - 1))
        heights = [unit, *[unit * LOWER] * (count - 1)]
        rectangles, edge = [], self.size[1] - self.top
        for height in heights:
            edge -= height
            rectangles.append(
                (self.left / self.size[0], edge / self.size[1], self.width / self.size[0], height / self.size[1])
            )
            edge -= gap
        return rectangles
