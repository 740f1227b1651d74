"""Durations: how a document may write a number of scheduler steps, and what that comes to.

- `500`: that many scheduler steps.
- `2ep`: as many as two epochs have: 1 an epoch where the scheduler steps once an epoch. A fraction of an
  epoch, `2.5ep`, must come to a whole number of steps.
- `5%`: that share of all scheduler steps of the run, also inside a segment of a sequence, to the nearest
  step, halves up; where an argument says so, up to a whole step, as ceil(steps * 0.05) in floats.
- `rest`, once in a sequence: what the others leave. As an argument of a child it is the length of the
  child's own segment, from its milestone to the next one or to the end of the run. As a milestone it
  is where the child after it still fits: its own length before the next milestone or the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from lrviz.errors import counted, shown
from lrviz.experiment.argtypes import Count, Duration, Invalid
from lrviz.experiment.clock import Clock

REST = "rest"
_TEXT = re.compile(r"([-+]?[0-9][0-9_]{0,14}(?:\.[0-9]{1,15})?) *(ep|%)?")
_OUTSIDE = "rest is for a sequence only, where it is what the others leave; a length left unset takes the whole run"


@dataclass
class Rest:
    """Where `rest` stands in one sequence, which may use it once."""

    used: str = ""

    def take(self, field: str, length: int | None) -> int:
        """Return what `rest` comes to in an argument; raises Invalid for a second one, and where nothing is left."""
        if self.used:
            raise Invalid(f"a second rest in one sequence; the first is {self.used}")
        self.used = field
        if length is not None and length < 1:
            raise Invalid("rest comes to nothing: the others take the whole run")
        return length or 1


@dataclass(frozen=True)
class Scope:
    """The scheduler steps that a scheduler has, None where a milestone is wrong, and its sequence's `rest`."""

    length: int | None
    rest: Rest | None = None
    children: Sequence[Scope] = field(default=())  # of a sequence; others' children have what they have

    def child(self, number: int) -> Scope:
        return self.children[number] if number < len(self.children) else self


def steps_of(value: object, arg_type: Count, clock: Clock, scope: Scope, field: str) -> object:
    """Return a duration as a plain count; what is no text comes back as it is. Raises Invalid."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text == REST and scope.rest is None:
        raise Invalid(_OUTSIDE)
    if text == REST and scope.rest is not None:
        return scope.rest.take(field, scope.length)
    match = _TEXT.fullmatch(text)
    if match is None:
        wanted = f"must be a whole number {arg_type.bounds}, or a duration such as 2ep, 5% or rest"
        raise Invalid(f"{wanted}, not {shown(text)}")
    digits, unit = match[1].replace("_", ""), match[2]
    if unit is None:
        return arg_type.convert(int(digits) if "." not in digits else float(digits))
    return _epochs(digits, text, arg_type, clock) if unit == "ep" else _share(digits, text, arg_type, clock)


def _epochs(digits: str, text: str, arg_type: Count, clock: Clock) -> int:
    """Return the scheduler steps of so many epochs, exactly."""
    per_epoch = clock.scheduler_steps_per_epoch
    if per_epoch is None:
        raise Invalid(f"{text} is in epochs, and the run has none: {clock.why_no_epochs}")
    whole, _, fraction = digits.partition(".")
    parts: int = 10 ** len(fraction)
    found, left = divmod(int(whole + fraction) * per_epoch, parts)
    of = f"{text} of an epoch's {counted(per_epoch, 'scheduler step')}"
    if left:
        exact = f"{float(digits) * per_epoch:.15g}"
        raise Invalid(f"{of} is {exact}, not a whole number; write the steps: {found} or {found + 1}")
    if found < arg_type.minimum:
        raise Invalid(f"{of} is {found}; must be {arg_type.bounds}", arg_type.too_low)
    return found


def _share(digits: str, text: str, arg_type: Count, clock: Clock) -> int:
    """Return so many percent of the run, in scheduler steps."""
    percent = float(digits)
    if not 0 <= percent <= 100:
        raise Invalid(f"must be between 0% and 100% of the run, not {text}")
    if isinstance(arg_type, Duration) and arg_type.rounds_up:
        found = math.ceil(clock.scheduler_steps * float(f"{digits}e-2"))  # 7% is the float 0.07
    else:
        found = math.floor(percent * clock.scheduler_steps / 100 + 0.5)
    least = max(arg_type.minimum, int(percent > 0))
    if found < least:
        of = f"{text} of the run's {clock.scheduler_steps:,} scheduler steps"
        raise Invalid(f"{of} is {found}; must be >= {least}", arg_type.too_low)
    return found
