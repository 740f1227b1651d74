"""Lines of millions of points reduced to what a picture can show, without losing a peak, dip or gap."""

from __future__ import annotations

import numpy
from numpy.typing import NDArray

__all__ = ["Points", "collapse", "staircase", "thin"]

Points = NDArray[numpy.float64]


def thin(x: Points, y: Points, columns: int) -> tuple[Points, Points]:
    """Return the points that show in a picture `columns` pixels wide.

    `x` ascends. Of every pixel column the first, lowest, highest and last point are kept, and its
    first NaN; a constant run keeps its ends. Up to two points a column come back as they are.
    """
    if len(x) > 2 * columns:
        kept = _extremes(x, y, columns)
        x, y = x[kept], y[kept]
    return collapse(x, y)


def _extremes(x: Points, y: Points, columns: int) -> NDArray[numpy.intp]:
    """Return the indices of every column's first, lowest, highest, last and first missing point."""
    edges = numpy.searchsorted(x, numpy.linspace(x[0], x[-1], columns + 1)[1:-1])
    bounds = numpy.unique(numpy.concatenate(([0], edges, [len(x)])))
    kept: list[int] = []
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        part = y[start:stop]
        lowest, highest = part.argmin(), part.argmax()
        if numpy.isnan(part[lowest]):  # argmin finds the first NaN, if there is any
            kept.append(start + int(lowest))
            lowest = numpy.where(numpy.isnan(part), numpy.inf, part).argmin()
            highest = numpy.where(numpy.isnan(part), -numpy.inf, part).argmax()
        kept += (start, start + int(lowest), start + int(highest), stop - 1)
    return numpy.unique(numpy.array(kept, dtype=numpy.intp))


def collapse(x: Points, y: Points) -> tuple[Points, Points]:
    """Return the points without the inner ones of constant runs: the line through them is the same."""
    if len(y) < 3:
        return x, y
    same = (y[1:] == y[:-1]) | (numpy.isnan(y[1:]) & numpy.isnan(y[:-1]))
    kept = numpy.ones(len(y), dtype=bool)
    kept[1:-1] = ~(same[:-1] & same[1:])
    return x[kept], y[kept]


def staircase(x: Points, y: Points, end: float) -> tuple[Points, Points]:
    """Return the corners of a line that holds each value until the next one's x, the last until `end`."""
    stops = numpy.append(x[1:], end)
    return numpy.column_stack((x, stops)).ravel(), numpy.repeat(y, 2)
