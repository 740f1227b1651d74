"""A trace's columns as lines to draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy

from lrviz.render.figure.thinning import Points, collapse, staircase, thin
from lrviz.trace import Trace

__all__ = ["COLUMNS_PER_INCH", "HUGE", "MARKED", "Curve", "curve", "loss_curve", "metric_curve", "sweep_curve"]

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


def curve(name: str, values: memoryview, stride: int, columns: int) -> Curve:
    """Return a column of the trace as a line for a panel `columns` pixels wide.

    Where the scheduler steps with the optimizer, values are joined by straight lines, as training curves
    are; values that hold for a `stride` of steps are drawn as they are, held and then changed at once.
    """
    y = numpy.asarray(values, dtype=numpy.float64)[::stride]
    x = numpy.arange(len(y), dtype=numpy.float64) * stride
    few = len(y) <= min(MARKED, columns // 4)
    if stride == 1:
        return _line(name, x, y, columns, slice(None) if few else None)
    if not few:
        x, y = collapse(x, y)
    return _line(name, *staircase(x, y, len(values)), columns, slice(None, None, 2) if few else None)


def metric_curve(trace: Trace, stride: int, columns: int) -> Curve | None:
    """Return what the plateau was given, at the optimizer step after which it was; None without any."""
    if trace.metric is None or not len(trace.metric):
        return None
    y = numpy.asarray(trace.metric, dtype=numpy.float64)
    x = (numpy.arange(len(y), dtype=numpy.float64) + 1) * stride - 1
    return _line("metric", x, y, columns, slice(None) if len(y) <= MARKED else None)


def loss_curve(trace: Trace, columns: int) -> Curve | None:
    """Return the loss of the toy training at the optimizer step before which it was; None without any."""
    if trace.loss is None or not len(trace.loss):
        return None
    y = numpy.asarray(trace.loss, dtype=numpy.float64)
    return _line("loss", numpy.arange(len(y), dtype=numpy.float64), y, columns, None)


def sweep_curve(trace: Trace, columns: int) -> Curve:
    """Return the loss of the toy training by the rate it trained with, as far as it is a number."""
    losses = numpy.asarray(trace.loss if trace.loss is not None else (), dtype=numpy.float64)
    finite = numpy.isfinite(losses)
    count = len(losses) if finite.all() else int(finite.argmin())
    rates = numpy.asarray(trace.groups[0].lr if trace.groups else (), dtype=numpy.float64)
    return _line("loss", rates[:count], losses[:count], columns, _few(count, columns))


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
