"""A column of numbers as a line of block characters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import dropwhile
from typing import NamedTuple

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-~=+*#"  # the same eight heights for terminals that have no blocks
_EIGHTHS = "▏▎▍▌▋▊▉"


class _Cell(NamedTuple):
    """What one character stands for; all NaN where it has no number."""

    low: float
    high: float
    middle: float
    beside: tuple[float, ...]  # the values next to it, on one side or both; its middle if it has none


def sparkline(
    values: Sequence[float],
    width: int = 16,
    *,
    ascii: bool = False,
    scale: tuple[float, float] | None = None,
) -> str:
    """Return `width` characters whose heights follow the values, from zero or the least to the greatest.

    A character's height in eighths is the value's share of the scale, and never none. Every cell
    that holds a peak or a dip shows it, however short it is; one that holds both shows the one
    farther from its neighbour, so that a fast cycle is seen to swing. NaN leaves a blank. One pass
    over the values. `scale` has the least and the greatest of several lines that are to be compared.
    """
    cells = _cells(values, width)
    lowest, highest = _range(cells) if scale is None else scale
    blocks, shown, line = PLAIN if ascii else BLOCKS, math.nan, []
    for cell in cells:
        shown = _shown(cell, shown, lowest, highest)
        line.append(" " if math.isnan(shown) else blocks[_level(shown, min(0.0, lowest), highest)])
    return "".join(line)


def scale_of(columns: Iterable[Sequence[float]]) -> tuple[float, float]:
    """Return the least and the greatest finite value of several columns, zeros where there is none."""
    return _range([_cell(column, 0, len(column)) for column in columns if len(column)])


def _range(cells: Iterable[_Cell]) -> tuple[float, float]:
    finite = [edge for cell in cells for edge in (cell.low, cell.high) if math.isfinite(edge)]
    return min(finite, default=0.0), max(finite, default=0.0)


def bar(share: float, width: int, *, ascii: bool = False) -> str:
    """Return a horizontal bar that fills `share` of `width` characters; what is not zero shows."""
    share = min(max(share, 0.0), 1.0) if share == share else 0.0  # noqa: PLR0124  only NaN differs from itself
    if ascii:
        return "#" * round(share * width) or ("." if share and width else "")
    eighths = max(round(share * width * 8), 1 if share and width else 0)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest - 1] if rest else "")


def _cells(values: Sequence[float], width: int) -> list[_Cell]:
    count = len(values)
    if not count:
        return []
    starts = [index * count // width for index in range(width)]
    return [_cell(values, start, max(start + 1, (i + 1) * count // width)) for i, start in enumerate(starts)]


def _cell(values: Sequence[float], start: int, end: int) -> _Cell:
    part = values[start:end]
    low, high = min(part), max(part)
    if low != low or high != high:  # noqa: PLR0124  a leading NaN hides all that follow it
        numbers = list(dropwhile(math.isnan, part))
        low, high = min(numbers, default=math.nan), max(numbers, default=math.nan)
    middle = part[len(part) // 2]
    beside = tuple(values[index] for index in (start - 1, end) if 0 <= index < len(values))
    return _Cell(low, high, low if math.isnan(middle) else middle, beside or (middle,))


def _shown(cell: _Cell, last: float, lowest: float, highest: float) -> float:
    """Return the value that stands for a cell, `last` being the one shown before it."""
    peaks, dips = cell.high > max(cell.beside), cell.low < min(cell.beside)
    at_top, at_bottom = cell.high == highest, cell.low == lowest
    if peaks == dips and at_top != at_bottom:
        return cell.high if at_top else cell.low
    if peaks == dips and (peaks or at_top):
        return cell.low if last - cell.low > cell.high - last else cell.high
    return cell.high if peaks else cell.low if dips else cell.middle


def _level(value: float, low: float, high: float) -> int:
    """Return the block for a value: its share of the scale in eighths, the first for the lowest."""
    if value >= high > low:
        return 7
    share = (value - low) / (high - low) if high > low else 0.0
    return min(max(round(share * 8) - 1, 0), 7) if math.isfinite(share) else 0
