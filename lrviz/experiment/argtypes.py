"""The kinds of argument a spec can have: how each is read, bounded, described and written as a flag.

A dataclass field made with `arg(default, ArgType(...))` says everything about an argument once. The
flags, `--help`, the YAML keys, the validation and the JSON Schema are all made from it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field
from typing import Any, ClassVar

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.expression import Expression
from lrviz.experiment.scalars import scalar

__all__ = [
    "TRAIN",
    "ArgType",
    "Arguments",
    "Choice",
    "Column",
    "Count",
    "Counts",
    "Duration",
    "Durations",
    "Flag",
    "Formula",
    "Invalid",
    "Metric",
    "Names",
    "PerGroup",
    "Real",
    "Record",
    "Schedule",
    "Text",
    "arg",
    "arg_types",
    "is_required",
]


LARGEST = 10**12  # no count of steps, samples or devices is beyond
TRAIN = "train"
"""The metric that is the loss of a toy training under the schedule."""


class Invalid(ValueError):
    """Raised by a kind for a value it does not take; the message says what it does."""

    def __init__(self, message: str, rule: str | None = None) -> None:
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True, eq=False, repr=False)
class ArgType:
    """One kind of argument; `convert` returns the value in its one true type or raises Invalid."""

    help: str
    _: dataclasses.KW_ONLY
    horizon: bool = False  # comes from the length of the run when unset
    flag: bool = True  # has a command-line flag
    extra: bool = False  # lrviz's own: torch's class has no such argument
    per_group: bool = False  # may be a list with one for each parameter group
    default_text: str = ""  # what it comes to when unset, for `--help`, where the default itself is None

    metavar: ClassVar[str] = "TEXT"

    @property
    def bounds(self) -> str:
        """What is allowed, in words, for `--help` and messages."""
        return ""

    def convert(self, value: Any) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {}

    def split(self, text: str) -> str:
        """Return the text of a flag as a YAML value: a list for those that take lists."""
        return text


@dataclass(frozen=True, eq=False, repr=False)
class Text(ArgType):
    """A string."""

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            quotes = "" if isinstance(value, (str, list, tuple, Mapping)) or value is None else "; write it in quotes"
            raise Invalid(f"must be text, not {shown(value)}{quotes}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True, eq=False, repr=False)
class Column(Text):
    """A column of a CSV file: FILE:COLUMN, the file relative to the document."""

    _: dataclasses.KW_ONLY
    fills: str  # the argument that its numbers are

    metavar: ClassVar[str] = "FILE:COLUMN"


@dataclass(frozen=True, eq=False, repr=False)
class Flag(ArgType):
    """True or false."""

    metavar: ClassVar[str] = "BOOLEAN"

    def convert(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid(f"must be true or false, not {shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, eq=False, repr=False)
class Choice(ArgType):
    """One of a few words."""

    options: tuple[str, ...] = ()

    def __init__(self, options: tuple[str, ...], help: str, **rest: Any) -> None:
        super().__init__(help, **rest)
        object.__setattr__(self, "options", options)

    @property
    def bounds(self) -> str:
        return " | ".join(self.options)

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.options:
            hint = nearest(value, self.options) if isinstance(value, str) else ""
            raise Invalid(f"must be one of {', '.join(self.options)}, not {shown(value)}{hint}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}


@dataclass(frozen=True, eq=False, repr=False)
class Real(ArgType):
    """A finite number within bounds."""

    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None

    metavar: ClassVar[str] = "FLOAT"

    @property
    def bounds(self) -> str:
        low = (
            f">= {self.minimum:g}"
            if self.minimum is not None
            else f"> {self.above:g}"
            if self.above is not None
            else ""
        )
        high = (
            f"<= {self.maximum:g}"
            if self.maximum is not None
            else f"< {self.below:g}"
            if self.below is not None
            else ""
        )
        return " and ".join(part for part in (low, high) if part)

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Invalid(f"must be a number{self._bounds()}, not {shown(value)}")
        try:
            number = float(value)
        except OverflowError:
            raise Invalid("must be a finite number, not one beyond 1e308") from None
        if not math.isfinite(number):
            raise Invalid(f"must be a finite number, not {shown(value)}")
        if not self._within(number):
            raise Invalid(f"must be {self.bounds}, not {shown(value)}")
        return number

    def _bounds(self) -> str:
        return f" {self.bounds}" if self.bounds else ""

    def _within(self, number: float) -> bool:
        return not (
            (self.minimum is not None and number < self.minimum)
            or (self.above is not None and number <= self.above)
            or (self.maximum is not None and number > self.maximum)
            or (self.below is not None and number >= self.below)
        )

    def schema(self) -> dict[str, Any]:
        limits = {
            "minimum": self.minimum,
            "exclusiveMinimum": self.above,
            "maximum": self.maximum,
            "exclusiveMaximum": self.below,
        }
        return {"type": "number"} | {key: limit for key, limit in limits.items() if limit is not None}


@dataclass(frozen=True, eq=False, repr=False)
class Count(ArgType):
    """A whole number, at least `minimum`."""

    minimum: int = 1

    metavar: ClassVar[str] = "INTEGER"
    rules: ClassVar[tuple[str | None, str | None]] = (None, None)  # that explain a fraction, and too low a number

    @property
    def bounds(self) -> str:
        return f">= {self.minimum}"

    def convert(self, value: Any) -> int:
        wanted = f"must be a whole number {self.bounds}, not {shown(value)}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Invalid(wanted)
        if isinstance(value, float) and not value.is_integer():  # also nan and the infinities
            raise Invalid(wanted, rule=self.rules[0] if math.isfinite(value) else None)
        if value < self.minimum:
            raise Invalid(wanted, rule=self.rules[1])
        if value > LARGEST:
            raise Invalid(f"must be at most {LARGEST:.0e}, not {shown(value)}")
        return int(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum}


@dataclass(frozen=True, eq=False, repr=False)
class Counts(Count):
    """A list of whole numbers, such as milestones."""

    metavar: ClassVar[str] = "INTEGER,…"

    def convert(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise Invalid(f"must be a list of whole numbers {self.bounds}, such as [8, 24], not {shown(value)}")
        item = Count.convert
        return tuple(item(self, entry) for entry in value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": super().schema()}

    def split(self, text: str) -> str:
        return text if text.lstrip().startswith("[") else f"[{text}]"


DURATION = r"^ *([0-9][0-9_]*([.][0-9]+)? *(ep|%)|rest) *$"


@dataclass(frozen=True, eq=False, repr=False)
class Duration(Count):
    """A number of scheduler steps; a document may also write it 2ep, 5% or rest (`lrviz.experiment.durations`)."""

    metavar: ClassVar[str] = "DURATION"
    rules: ClassVar[tuple[str | None, str | None]] = ("fractional-count", "degenerate-argument")

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [super().schema(), {"type": "string", "pattern": DURATION}]}


@dataclass(frozen=True, eq=False, repr=False)
class Durations(Counts):
    """A list of numbers of scheduler steps, such as milestones, each of which may be a duration."""

    metavar: ClassVar[str] = "DURATION,…"
    rules: ClassVar[tuple[str | None, str | None]] = ("fractional-count", "milestone-not-positive")

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": Duration("", minimum=self.minimum).schema()}


@dataclass(frozen=True, eq=False, repr=False)
class Names(ArgType):
    """A list of names."""

    metavar: ClassVar[str] = "NAME,…"

    def convert(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) for name in value):
            raise Invalid(f"must be a list of names, not {shown(value)}")
        return tuple(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string"}}

    def split(self, text: str) -> str:
        return text if text.lstrip().startswith("[") else f"[{text}]"


@dataclass(frozen=True, eq=False, repr=False)
class PerGroup(Real):
    """A number, or a list with one number for each parameter group."""

    _: dataclasses.KW_ONLY
    per_group: bool = True

    metavar: ClassVar[str] = "FLOAT[,…]"

    def convert(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return super().convert(value)
        if not value:
            raise Invalid("must be a number, or one for each parameter group, not an empty list")
        item = Real.convert
        return tuple(item(self, entry) for entry in value)

    def schema(self) -> dict[str, Any]:
        one = super().schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    def split(self, text: str) -> str:
        return f"[{text}]" if "," in text and not text.lstrip().startswith("[") else text


@dataclass(frozen=True, eq=False, repr=False)
class Formula(ArgType):
    """An expression over `names`; with `per_group`, or a list with one for each parameter group."""

    names: tuple[str, ...] = ("epoch", "step", "total")

    metavar: ClassVar[str] = "EXPRESSION"

    @property
    def bounds(self) -> str:
        return f"over {', '.join(self.names)}, pi, e"

    def convert(self, value: Any) -> Any:
        if self.per_group and isinstance(value, (list, tuple)):
            if not value:
                raise Invalid("must be an expression, or one for each parameter group, not an empty list")
            return tuple(self._one(entry) for entry in value)
        return self._one(value)

    def _one(self, value: Any) -> Any:
        if callable(value):  # an Expression, or from Python any function of torch's argument
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = repr(float(value))
        if not isinstance(value, str):
            raise Invalid(f"must be an expression {self.bounds}, such as '0.95 ** epoch', not {shown(value)}")
        try:
            return Expression(value, self.names)
        except SpecError as error:
            raise Invalid(str(error)) from None

    def schema(self) -> dict[str, Any]:
        one = {"type": ["string", "number"]}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]} if self.per_group else one


@dataclass(frozen=True, eq=False, repr=False)
class Schedule(ArgType):
    """Rates set by hand: a mapping from the step at which to the rate."""

    metavar: ClassVar[str] = "STEP:RATE,…"

    def convert(self, value: Any) -> Any:
        if isinstance(value, tuple):
            value = dict(value)
        if not isinstance(value, Mapping) or not value:
            raise Invalid(f"must map steps to rates, such as 0:1e-2,100:1e-3, not {shown(value)}")
        step, rate = Count("", minimum=0), Real("", minimum=0)
        pairs = sorted((step.convert(scalar(str(key))), rate.convert(entry)) for key, entry in value.items())
        if len(dict(pairs)) < len(pairs):
            raise Invalid("sets the rate twice at one step")
        return tuple(pairs)

    def schema(self) -> dict[str, Any]:
        rate = {"type": "number", "minimum": 0}
        return {
            "type": "object",
            "patternProperties": {"^[0-9]+$": rate, DURATION: rate},
            "additionalProperties": False,
            "minProperties": 1,
        }

    def split(self, text: str) -> str:
        if text.lstrip().startswith("{"):
            return text
        return "{" + text.replace(":", ": ") + "}"


@dataclass(frozen=True, eq=False, repr=False)
class Metric(ArgType):
    """What a plateau watches: one number for each of its steps, an expression of epoch and step, or TRAIN."""

    metavar: ClassVar[str] = "EXPRESSION|LIST|train"

    def convert(self, value: Any) -> Any:
        if value == TRAIN:
            return value
        if isinstance(value, (list, tuple)):
            if not value:
                raise Invalid("must hold at least one number")
            number = Real("")
            return tuple(number.convert(entry) for entry in value)
        return Formula("", names=("epoch", "step")).convert(value)

    def split(self, text: str) -> str:
        parts = text.split(",")
        numbers = len(parts) > 1 and all(isinstance(scalar(part), (int, float)) for part in parts)
        return f"[{text}]" if numbers else text

    def schema(self) -> dict[str, Any]:
        return {
            "anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": "number"}, "minItems": 1}]
        }


@dataclass(frozen=True, eq=False, repr=False)
class Arguments(ArgType):
    """Keyword arguments for code of the user's own."""

    def convert(self, value: Any) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(isinstance(key, str) and key.isidentifier() for key in value):
            raise Invalid(f"must map argument names to values, not {shown(value)}")
        return dict(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


def arg(default: Any, kind: ArgType) -> Any:
    """Return a dataclass field for an argument of this kind; `...` as default: it must be given."""
    metadata = {"kind": kind}
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


def arg_types(record: type[Record] | Record) -> dict[str, ArgType]:
    """Return the kind of every argument, by name, in the order they were written."""
    return {entry.name: entry.metadata["kind"] for entry in dataclasses.fields(record)}


def is_required(entry: Field[Any]) -> bool:
    """Return whether an argument must be given."""
    return entry.default is MISSING and entry.default_factory is MISSING


class Record:
    """A frozen dataclass whose fields are made with `arg`; refuses values their kind does not take.

    Subclasses leave out dataclass's eq and repr: to compile them for each of some fifty classes, beside
    these, would be a good part of what it takes to start.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        pairs = zip((entry.name for entry in dataclasses.fields(self)), self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, entry.name) for entry in dataclasses.fields(self))

    def __post_init__(self) -> None:
        problems = list(self._normalise())
        if problems:
            raise SpecError(problems)

    def _normalise(self) -> Iterator[Problem]:
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if value is None and entry.default is None:
                continue
            try:
                object.__setattr__(self, entry.name, entry.metadata["kind"].convert(value))
            except Invalid as error:
                yield Problem(field=entry.name, message=str(error), rule=error.rule)
