"""A trace's curves in few numbers: a digest of every bit, and points that say where a curve changed."""

from __future__ import annotations

import hashlib
import math
import sys
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from lrviz.arrays import Values
from lrviz.trace import Trace

POINTS = 64  # values kept of a curve, evenly spread, its ends among them


def numbers(trace: Trace) -> dict[str, Any]:
    """Return every curve of a trace as JSON has it: by what it is, then by parameter group."""
    momenta = {group.name: group.momentum for group in trace.groups if group.momentum is not None}
    watched = {"metric": trace.metric, "loss": trace.loss}
    return {
        "steps": trace.steps,
        "lr": {group.name: _brief(group.lr) for group in trace.groups},
        "momentum": {name: _brief(values) for name, values in momenta.items()},
        **{name: {"": _brief(values)} for name, values in watched.items() if values is not None},
    }


def digest(values: Sequence[float]) -> str:
    """Return the SHA-256 of numbers as little-endian doubles; one NaN is as good as another."""
    column = array("d", (math.nan if math.isnan(value) else value for value in values))
    if sys.byteorder == "big":
        column.byteswap()
    return hashlib.sha256(column.tobytes()).hexdigest()


def _brief(values: Values) -> dict[str, Any]:
    """Return a curve's count, digest, `POINTS` values, and its least and greatest with their places."""
    count = len(values)
    extremes = [pick(range(count), key=values.__getitem__) for pick in (min, max)] if count else []
    return {
        "count": count,
        "sha256": digest(values),
        "points": [_plain(values[place]) for place in _places(count)],
        "extremes": [[place, _plain(values[place])] for place in extremes],
    }


def _places(count: int) -> Sequence[int]:
    """Return where the points of a curve lie: everywhere, where there are few."""
    return range(count) if count <= POINTS else [point * (count - 1) // (POINTS - 1) for point in range(POINTS)]


def _plain(value: float) -> float | str:
    """Return a number as JSON has it, with a word for one that it has not."""
    return value if math.isfinite(value) else str(value)


def changes(old: Any, new: dict[str, Any]) -> Iterator[str]:
    """Yield in words where and by how much one figure's `numbers` differ; `old` may be anything that JSON can hold."""
    try:
        yield from _changes(old, new)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError):
        yield "the numbers are not in the form that lrviz writes"


def _changes(old: Any, new: dict[str, Any]) -> Iterator[str]:
    if old["steps"] != new["steps"]:
        yield f"has {new['steps']} steps, was {old['steps']}"
        return
    for what in dict.fromkeys((*new, *old)):
        before, after = old.get(what, {}), new.get(what, {})
        if before == after:
            continue
        for group in dict.fromkeys((*after, *before)):
            name = f"{what} of {group!r}" if group else what
            if group not in before or group not in after:
                yield f"{name} is {'new' if group in after else 'gone'}"
            elif before[group] != after[group]:
                yield f"{name} {_change(before[group], after[group])}"


def _change(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Return where a curve is another, as far as the points tell."""
    if old["count"] != new["count"]:
        return f"has {new['count']} values, was {old['count']}"
    was, now = (dict(zip(_places(new["count"]), curve["points"], strict=True)) for curve in (old, new))
    was |= {place: value for place, value in old["extremes"] if place not in was}
    now |= {place: value for place, value in new["extremes"] if place not in now}
    places = sorted(place for place in was.keys() & now.keys() if was[place] != now[place])
    if not places:
        return f"differs, though not at the {len(now)} steps whose values are kept"
    widest = max(places, key=lambda place: _apart(was[place], now[place]))
    span = f"in steps {places[0]} to {places[-1]}, most at" if len(places) > 1 else "at"
    return f"differs {span} step {widest}: is {now[widest]!r}, was {was[widest]!r}"


def _apart(was: Any, now: Any) -> float:
    apart = abs(float(now) - float(was))
    return math.inf if math.isnan(apart) else apart
