"""Places in a run, as a command line names them: a step, so many epochs from the start, or a share of the run.

- `12345`: that optimizer step, the first being 0.
- `31.5ep`: the step that trains when so many epochs are done.
- `50%`: the step that trains when that share of the run is done.

What ends at the end of the run is its last step.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from lrviz.errors import counted, shown
from lrviz.experiment.argtypes import Invalid

MOST = 50  # places of one table
_TEXT = re.compile(r"([0-9][0-9_]{0,14}(?:\.[0-9]{1,15})?) *(ep|%)?")


@dataclass(frozen=True)
class Place:
    """A place as it was written."""

    text: str
    number: Fraction
    unit: str  # "ep", "%", or "" for a step

    @classmethod
    def read(cls, text: str) -> Place:
        """Return the place that a text names; raises Invalid."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise Invalid(f"must be a step, or a place such as 31.5ep or 50%, not {shown(text.strip())}")
        number, unit = Fraction(match[1].replace("_", "")), match[2] or ""
        if not unit and number.denominator != 1:
            raise Invalid(f"must be a whole step, 31.5ep or 50%, not {text.strip()}")
        if unit == "%" and number > 100:
            raise Invalid(f"must be between 0% and 100% of the run, not {text.strip()}")
        return cls(text.strip(), number, unit)

    def step(self, steps: int, per_epoch: int | None, why_no_epochs: str) -> int:
        """Return the optimizer step, of so many in the run and in an epoch; raises Invalid where it has none."""
        if self.unit == "ep" and per_epoch is None:
            raise Invalid(f"{self.text} is in epochs, and the run has none: {why_no_epochs}")
        unit = {"": Fraction(1), "ep": Fraction(per_epoch or 0), "%": Fraction(steps, 100)}[self.unit]
        found, end = self.number * unit, steps if self.unit else steps - 1
        if found > end:
            length = f"{counted(steps, 'step')}, 0 to {steps - 1:,}"
            if self.unit and per_epoch:
                length = f"{float(Fraction(steps, per_epoch)):g} epochs"
            raise Invalid(f"{self.text} is past the end: the run has {length}")
        return min(int(found), steps - 1)


def places(text: str) -> list[Place]:
    """Return the places that a text names, separated by commas; raises Invalid."""
    texts = text.split(",")
    if len(texts) > MOST:
        raise Invalid(f"names {len(texts):,} places; at most {MOST}")
    return [Place.read(each) for each in texts]
