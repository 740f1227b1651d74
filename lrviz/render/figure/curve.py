"""A trace's columns as lines to draw: millions of points reduced to what shows, without losing a peak, dip or gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from lrviz.arrays import Values
from lrviz.trace import Trace

Points = NDArray[numpy.float64]

MARKED = 100  # values up to which each has its marker, on a panel wide enough
HUGE = 1e300  # beyond, matplotlib's arithmetic overflows
COLUMNS_PER_INCH = 100  # a line is twice as wide as one of these


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line: its vertices in steps and values, and which of them carry a marker.

    `broken` is the first optimizer step whose value cannot be drawn, and what it is; None where all can.
    """

    name: str
    x: Points
    y: Points
    marked: slice | None
    low: float
    high: float
    broken: tuple[int, str] | None = None


def curve(name: str, values: Values, stride: int, columns: int, at: Sequence[int] | None = None) -> Curve:
    """Return a column of the trace as a line for a panel `columns` pixels wide.

    Where the scheduler steps with the optimizer, values are joined by straight lines, as training curves
    are; values that hold for a `stride` of steps are drawn as they are, held and then changed at once. Those
    of a log lie `at` the steps that it has, and are joined.
    """
    if at is not None:
        return _line(name, _array(at), _array(values), columns, _few(len(values), columns))
    y = _array(values)[::stride]
    x = _steps(y) * stride
    few = _few(len(y), columns)
    if stride == 1:
        return _line(name, x, y, columns, few)
    if few is None:
        x, y = collapse(x, y)
    return _line(name, *staircase(x, y, len(values)), columns, few and slice(None, None, 2))


def metric_curve(metric: Values, stride: int, columns: int) -> Curve:
    """Return what the plateau was given, at the optimizer step after which it was."""
    y = _array(metric)
    return _line("metric", (_steps(y) + 1) * stride - 1, y, columns, slice(None) if len(y) <= MARKED else None)


def loss_curve(loss: Values, columns: int) -> Curve:
    """Return the loss of the toy training at the optimizer step before which it was."""
    y = _array(loss)
    return _line("loss", _steps(y), y, columns, None)


def range_test_curve(trace: Trace, columns: int) -> Curve:
    """Return the loss of the toy training by the learning rate it trained with, as far as it is a number."""
    losses = _array(() if trace.loss is None else trace.loss)
    finite = numpy.isfinite(losses)
    count = len(losses) if finite.all() else int(finite.argmin())
    rates = _array(trace.groups[0].lr if trace.groups else ())
    return _line("loss", rates[:count], losses[:count], columns, _few(count, columns))


def _array(values: Values | Sequence[float] | Sequence[int]) -> Points:
    return numpy.asarray(values, dtype=numpy.float64)


def _steps(y: Points) -> Points:
    return numpy.arange(len(y), dtype=numpy.float64)


def _few(count: int, columns: int) -> slice | None:
    """Return which of so many points carry a marker: all, or none where they would touch."""
    return slice(None) if count <= min(MARKED, columns // 4) else None


def _line(name: str, x: Points, y: Points, columns: int, marked: slice | None) -> Curve:
    drawable = numpy.abs(y) <= HUGE  # false for NaN as well
    broken = None
    if not drawable.all():
        first = int(drawable.argmin())
        broken = int(x[first]), _named(float(y[first]))
        y = numpy.where(drawable, y, numpy.nan)
    if marked is None:
        x, y = thin(x, y, columns)
    finite = y[~numpy.isnan(y)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    return Curve(name=name, x=x, y=y, marked=marked, low=low, high=high, broken=broken)


def _named(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "infinite" if math.isinf(value) else f"beyond {HUGE:.0e}".replace("+", "")


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
