"""The two looks: matplotlib's settings from the style sheets, and the colours a sheet has no name for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from matplotlib import rc_context, rc_params_from_file, rcParamsDefault

from lrviz.render.figure.options import FigureOptions

BASE_SIZE = (10.0, 5.0)  # inches; the size that the style sheets' font is for
BASE_FONT = 12.0  # points
SMALLEST = 0.62  # of the base font: 7.5 points still read


@dataclass(frozen=True, kw_only=True)
class Theme:
    """The colours of one look."""

    ink: str  # a single line
    quiet: str  # the epoch axis
    annotation: str
    error: str
    warning: str
    metric: str
    gradient: tuple[float, float]  # the part of viridis that stands on the ground

    def severity(self, name: str) -> str:
        """Return the colour of a mark."""
        return {"error": self.error, "warning": self.warning}.get(name, self.quiet)


COLORS = {
    "light": Theme(
        ink="#000000",
        quiet="#6B7280",
        annotation="#1E88E5",
        error="#C62828",
        warning="#B45309",
        metric="#0072B2",
        gradient=(0.0, 0.86),
    ),
    "dark": Theme(
        ink="#FFFFFF",
        quiet="#8B93A1",
        annotation="#4FB3FF",
        error="#FF6B6B",
        warning="#FFB454",
        metric="#56B4E9",
        gradient=(0.28, 1.0),
    ),
}


@cache
def settings(theme: str) -> dict[Any, Any]:
    """Return matplotlib's defaults with the theme's style sheets over them, whatever the user's own say."""
    folder = Path(__file__).parent
    merged: dict[Any, Any] = {key: value for key, value in rcParamsDefault.items() if not key.startswith("backend")}
    for sheet in ("common", theme):
        merged |= rc_params_from_file(folder / f"{sheet}.mplstyle", use_default_template=False)
    return merged


@contextmanager
def styled(theme: str) -> Iterator[Theme]:
    """Draw in a theme; nothing stays changed afterwards."""
    with rc_context(settings(theme)):
        yield COLORS[theme]


@contextmanager
def styled_as(options: FigureOptions, fonts: Sequence[str]) -> Iterator[Theme]:
    """Draw as the options have it, in the first font that has a letter, scaled to the figure unless it has a size."""
    share = min(options.size[0] / BASE_SIZE[0], options.size[1] / BASE_SIZE[1])
    points = options.font_size or BASE_FONT * min(1.0, max(SMALLEST, share**0.5))
    own: dict[Any, Any] = {"font.size": points}
    if len(fonts) > 1:  # else the style sheet's
        own["font.family"] = list(fonts)
    if options.transparent:
        own |= {"figure.facecolor": "none", "axes.facecolor": "none"}
    with styled(options.theme) as theme, rc_context(own):
        yield theme
