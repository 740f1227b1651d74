"""Durations: how a document may write a number of scheduler steps, and what that comes to.

- `500`: that many scheduler steps.
- `2ep`: as many as two epochs have: 1 an epoch where the scheduler steps once an epoch.
- `5%`: that share of all scheduler steps of the run, also inside a segment of a sequence.
- `rest`, once in a sequence: what the others leave. As an argument of a child it is the length of the
  child's own segment, from its milestone to the next one or to the end of the run. As a milestone it
  is where the child after it still fits: its own length before the next milestone or the end.

What is not whole is rounded to the nearest step, halves up.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.argtypes import ArgType, Count, Duration, Durations, Invalid, Schedule, arg_types
from lrviz.experiment.clock import Clock
from lrviz.experiment.schedulers import Children, SchedulerSpec, SequentialLR, lookup
from lrviz.experiment.values import Value

__all__ = ["resolve", "resolve_count"]

REST = "rest"
_TEXT = re.compile(r"([-+]?[0-9][0-9_]{0,14}(?:\.[0-9]{1,15})?) *(ep|%)?")
_OUTSIDE = "rest stands in a sequence only, for what the others leave; a horizon left unset takes the whole run"


def resolve(scheduler: Value, clock: Clock, *, after: int | None = None) -> tuple[Value, list[Problem]]:
    """Return the tree of a scheduler with every duration in it as a plain count, and what is wrong.

    `after` is the length of a warmup that the scheduler follows, which makes a sequence of the two. A
    problem's field starts at "scheduler". What is no scheduler at all comes back as it is.
    """
    walk = _Walk(clock)
    length = clock.scheduler_steps - (after or 0)
    rest = None if after is None else _Rest(walk, length)
    return walk.scheduler(scheduler, "scheduler", length, rest), walk.problems


def resolve_count(value: Value, kind: ArgType, clock: Clock, name: str) -> tuple[Value, list[Problem]]:
    """Return one duration outside a scheduler, the argument `name`, as a plain count, and what is wrong."""
    walk = _Walk(clock)
    return walk.argument(value, kind, name, None), walk.problems


@dataclass
class _Rest:
    """What `rest` comes to in one sequence, which may use it once."""

    walk: _Walk
    length: int | None  # None where a milestone is wrong, so that nothing can be said
    used: list[str] = field(default_factory=list)

    def take(self, place: str, length: Callable[[], int | None]) -> int:
        self.used.append(place)
        if len(self.used) > 1:
            self.walk.refuse(place, f"a second rest in one sequence; the first is {self.used[0]}")
            return 1
        found = length()
        if found is not None and found < 1:
            self.walk.refuse(place, "rest comes to nothing: the others take the whole run")
        return max(found or 1, 1)

    def segment(self, length: int | None) -> _Rest:
        """Return the same, once, for a child with a segment of this length."""
        return _Rest(self.walk, length, self.used)


@dataclass
class _Walk:
    """Walks a scheduler's tree; whatever is wrong goes into `problems`."""

    clock: Clock
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, place: str, message: str, rule: str | None = None) -> None:
        self.problems.append(Problem(field=place, message=message, rule=rule))

    def scheduler(self, value: Value, place: str, length: int, rest: _Rest | None) -> Value:
        """Resolve a scheduler that has `length` scheduler steps; `rest` is its sequence's."""
        spec = _spec_of(value)
        if spec is None or not isinstance(value.data, dict):
            return value
        if spec is SequentialLR:
            return self.sequence(value, place, length)
        kinds = arg_types(spec)
        entries = dict(value.data)
        for name in entries.keys() & kinds.keys():
            own = f"{place}.{name}"
            if isinstance(kinds[name], Children):
                entries[name] = self.children(entries[name], own, length, rest)
            else:
                entries[name] = self.argument(entries[name], kinds[name], own, rest)
        return replace(value, data=entries)

    def children(self, value: Value, place: str, length: int, rest: _Rest | None) -> Value:
        if not isinstance(value.data, list):
            return value
        children = [
            self.scheduler(child, f"{place}[{number}]", length, rest) for number, child in enumerate(value.data)
        ]
        return replace(value, data=children)

    def sequence(self, value: Value, place: str, length: int) -> Value:
        """Resolve a sequence: its milestones, then each child with the segment they leave it."""
        assert isinstance(value.data, dict)
        children, milestones = (value.data.get(name, Value(None)) for name in ("schedulers", "milestones"))
        if not isinstance(children.data, list) or not isinstance(milestones.data, list):
            return value
        rest = _Rest(self, None)
        edges = self.milestones(milestones.data, children.data, place, length, rest)
        ends = [0, *(edge.data for edge in edges), length]
        segments = [_between(start, end) for start, end in pairwise(ends)]
        resolved = []
        for number, child in enumerate(children.data):
            segment = segments[number] if number < len(segments) else None
            own = f"{place}.schedulers[{number}]"
            resolved.append(self.scheduler(child, own, segment or length, rest.segment(segment)))
        parts = {"schedulers": replace(children, data=resolved), "milestones": replace(milestones, data=edges)}
        return replace(value, data=value.data | parts)

    def milestones(
        self, given: list[Value], children: list[Value], place: str, length: int, rest: _Rest
    ) -> list[Value]:
        kind = arg_types(SequentialLR)["milestones"]
        places = [f"{place}.milestones[{number}]" for number in range(len(given))]
        edges = [
            edge if edge.data == REST else self.argument(edge, kind, own, None)
            for edge, own in zip(given, places, strict=True)
        ]
        for number, edge in enumerate(edges):
            if edge.data == REST and number + 1 < len(children):
                end = edges[number + 1].data if number + 1 < len(edges) else length
                child, own = children[number + 1], places[number]
                found = rest.take(own, lambda: self.fitting(child, end, own))  # noqa: B023  called at once
                edges[number] = replace(edge, data=found)
        return edges

    def fitting(self, child: Value, end: object, place: str) -> int | None:
        """Return the step at which a child must begin to have its own length before `end`."""
        spec = _spec_of(child)
        name = spec.length_arg if spec else ""
        given = child.data.get(name) if isinstance(child.data, dict) else None
        if spec is None or not isinstance(end, int):
            return None
        if given is None or given.data == REST:
            needs = f"give its {name}" if name else f"{spec.name} has none"
            self.refuse(place, f"rest needs the length of the scheduler after it; {needs}")
            return None
        length = _Walk(self.clock).argument(given, arg_types(spec)[name], place, None).data
        return end - length if isinstance(length, int) else None

    def argument(self, value: Value, kind: ArgType, place: str, rest: _Rest | None) -> Value:
        """Resolve one argument, where its kind counts scheduler steps."""
        if isinstance(kind, Durations) and isinstance(value.data, list):
            entries = [self.count(entry, kind, f"{place}[{i}]", rest) for i, entry in enumerate(value.data)]
            return replace(value, data=entries)
        if isinstance(kind, (Duration, Durations)):
            return self.count(value, kind, place, rest)
        if isinstance(kind, Schedule) and isinstance(value.data, dict):
            return replace(value, data=self.keys(value.data, place))
        return value

    def keys(self, rates: dict[str, Value], place: str) -> dict[str, Value]:
        """Resolve the steps at which rates are set by hand."""
        resolved: dict[str, Value] = {}
        for text, rate in rates.items():
            step = str(self.count(Value(text), Duration("", minimum=0), place, None).data)
            if step in resolved:
                self.refuse(place, f"{text} is step {step}, at which a rate is set already")
            resolved[step] = rate
        return resolved

    def count(self, value: Value, kind: Count, place: str, rest: _Rest | None) -> Value:
        """Resolve one duration; what is no text comes back as it is."""
        text = value.data.strip() if isinstance(value.data, str) else None
        if text is None:
            return value
        try:
            if text != REST:
                return replace(value, data=self.number(text, kind))
            if rest is None:
                raise Invalid(_OUTSIDE)
            return replace(value, data=rest.take(place, lambda: rest.length))
        except Invalid as error:
            self.refuse(place, str(error), error.rule)
            return replace(value, data=max(kind.minimum, 1))

    def number(self, text: str, kind: Count) -> int:
        match = _TEXT.fullmatch(text)
        if match is None:
            raise Invalid(
                f"must be a whole number {kind.bounds}, or a duration such as 2ep, 5% or rest, not {shown(text)}"
            )
        digits, unit = match[1].replace("_", ""), match[2]
        if unit is None:
            return kind.convert(int(digits) if "." not in digits else float(digits))
        amount, whole, whose = float(digits), self.clock.scheduler_steps, "the run's"
        if unit == "%" and not 0 <= amount <= 100:
            raise Invalid(f"must be between 0% and 100% of the run, not {text}")
        if unit == "ep":
            whole, whose = self.steps_per_epoch(text), "an epoch's"
        found = math.floor(amount * whole / (100 if unit == "%" else 1) + 0.5)
        if found < kind.minimum:
            message = f"{text} of {whose} {whole:,} scheduler steps is {found}; must be {kind.bounds}"
            raise Invalid(message, rule="degenerate-argument")
        return found

    def steps_per_epoch(self, text: str) -> int:
        found = self.clock.scheduler_steps_per_epoch
        if found is None:
            raise Invalid(f"{text} is in epochs, and the run has none: it is given by its steps; add steps_per_epoch")
        return found


def _spec_of(value: Value) -> type[SchedulerSpec] | None:
    """Return the class that a scheduler's mapping names, or None where it names none."""
    name = value.data.get("name") if isinstance(value.data, dict) else None
    if name is None or not isinstance(name.data, str):
        return None
    try:
        return lookup(name.data)
    except SpecError:
        return None


def _between(start: object, end: object) -> int | None:
    """Return the length of a segment, or None where one of its edges is no count."""
    return end - start if isinstance(start, int) and isinstance(end, int) else None
