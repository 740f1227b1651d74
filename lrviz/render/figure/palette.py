"""How the lines of several subjects look: colours and dashes that stay apart in grey, and for colour-blind eyes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from matplotlib import colormaps, rcParams
from matplotlib.colors import to_hex

from lrviz.render.figure.panel import DASHES
from lrviz.render.figure.series import Series
from lrviz.render.figure.theme import Theme

FEW = 8  # subjects up to which each has a colour and a dash of its own
SOME = 16  # up to which lines that follow each other differ in their dashes as well
STEPS = 4  # values of a sweep, from which on it is a gradient
WIDTHS = ((FEW, 1.0), (SOME, 0.75), (10**9, 0.55))  # of the style's line, by how many there are
WIDE, PALE = 4.5, 0.4  # points and opacity of a plan under a log
DOTTED, DOT = 0.7, 3.0  # points of a log's line and its dots

_PART = re.compile(r"(?P<name>.*?)[ =:]\s*(?P<value>\S+)")
_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]*)?(e[-+]?[0-9]+)?(ep|%)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a line is drawn."""

    color: str
    dash: Any = "solid"
    width: float = 1.6
    alpha: float = 1.0
    marker: str = ""
    zorder: float = 2.5


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What labels have in common: the name of what is varied and its value in each, and those of a second thing."""

    name: str
    values: Sequence[str]
    other: str = ""
    others: Sequence[str] = ()

    @property
    def is_gradient(self) -> bool:
        return len(set(self.values)) >= STEPS and all(map(_NUMBER.fullmatch, self.values))


def sweep_of(labels: Sequence[str]) -> Sweep | None:
    """Return what is swept where the labels say so: "lr 0.1", "lr 0.2", or "lr 0.1, T_max 50" for a grid; else None."""
    rows = [[_PART.fullmatch(part) for part in label.split(", ")] for label in labels]
    parts = [[(part["name"], part["value"]) for part in row if part] for row in rows]
    names = {tuple(name for name, _ in row) for row in parts}
    if len(labels) < 2 or len(names) != 1 or any(len(own) != len(row) for own, row in zip(parts, rows, strict=True)):
        return None
    name, *more = next(iter(names))
    values = [row[0][1] for row in parts]
    if not more:
        return Sweep(name=name, values=values) if len(set(values)) == len(values) else None
    others = [row[1][1] for row in parts]
    is_grid = len(more) == 1 and len(set(values)) * len(set(others)) == len(labels) == len(set(labels))
    sweep = Sweep(name=name, values=values, other=more[0], others=others)
    if is_grid and len(set(others)) > len(set(values)):
        sweep = Sweep(name=more[0], values=others, other=name, others=values)
    return sweep if is_grid and len(set(sweep.others)) <= len(DASHES) else None


def looks_of(series: Sequence[Series], sweep: Sweep | None, theme: Theme, *, by_group: bool) -> list[Look]:
    """Return how each series is drawn, twins alike.

    With `by_group` dashes are left to parameter groups, and colours differ in lightness, for grey print.
    """
    places = list(accumulate((each.twin is None for each in series), initial=0))
    own = [places[number if each.twin is None else each.twin] for number, each in enumerate(series)]
    count = places[-1]
    width = rcParams["lines.linewidth"] * next(share for most, share in WIDTHS if count <= most)
    is_logged = 0 < sum(each.is_log for each in series) < len(series)
    values = [*range(count)] if sweep is None else list(dict.fromkeys(sweep.values))
    is_gradient = by_group or len(values) > FEW or (sweep is not None and sweep.is_gradient)
    colors = _colors(len(values), theme, is_gradient=is_gradient)
    looks = []
    for number, (each, place) in enumerate(zip(series, own, strict=True)):
        color = colors[place if sweep is None else values.index(sweep.values[number])]
        is_plain = by_group or count == 1 or (is_gradient and count > SOME)
        look = Look(color=color, width=width, zorder=2.5 + place / 1000)
        look = replace(look, dash=_dash(number, place, sweep, is_plain=is_plain))
        looks.append(_beside_log(look, each) if is_logged else look)
    return looks


def _dash(number: int, place: int, sweep: Sweep | None, *, is_plain: bool) -> Any:
    if sweep is not None and sweep.others:
        return DASHES[list(dict.fromkeys(sweep.others)).index(sweep.others[number])]
    if is_plain or (sweep is not None and sweep.is_gradient):
        return DASHES[0]
    return DASHES[place % len(DASHES)]


def _beside_log(look: Look, series: Series) -> Look:
    """Return the look of a plan that a log is to be seen on, or of the log."""
    if series.is_log:
        return replace(look, dash="solid", width=DOTTED, marker="o", zorder=look.zorder + 1)
    return replace(look, width=max(WIDE, look.width), alpha=PALE)


def _colors(count: int, theme: Theme, *, is_gradient: bool) -> list[str]:
    """Return a colour each: ink for one, Okabe and Ito's for few, and a gradient from dark to light for more."""
    if count == 1:
        return [theme.ink]
    if not is_gradient:
        cycle: list[str] = rcParams["axes.prop_cycle"].by_key()["color"]
        return [cycle[number % len(cycle)] for number in range(count)]
    (low, high), viridis = theme.gradient, colormaps["viridis"]
    return [to_hex(viridis(low + (high - low) * number / (count - 1))) for number in range(count)]
