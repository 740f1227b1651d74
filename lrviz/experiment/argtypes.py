"""The types of argument a spec can have: how each is read, bounded, described and written as a flag.

A field made with `lrviz.experiment.record.arg(ArgType(...))` says everything about
an argument once. The flags, `--help`, the YAML keys, the validation and the JSON Schema are all made
from it. "A list of X" and "X, or one for each parameter group" are made from X.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lrviz.errors import SpecError, nearest, shown
from lrviz.experiment.expression import Expression
from lrviz.experiment.scalars import scalar

LARGEST = 10**12  # no count of steps, samples or devices is beyond
LONGEST_TEXT = 1_000  # characters
MAX_ITEMS = 1_000  # of a list that costs for each of its items; a log's numbers do not
TRAIN = "train"
"""The metric that is the loss of a toy training under the schedule."""

FRACTION = "fraction"
TOO_LOW = "too-low"
MILESTONE_TOO_LOW = "milestone-too-low"
"""Causes of a refused duration, which torch itself would take and trip over."""


class Invalid(ValueError):
    """Raised by an argument type for a value it does not take; the message says what it does."""

    def __init__(self, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.cause = cause


@dataclass(frozen=True, eq=False, repr=False)
class ArgType:
    """One type of argument; `convert` returns the value in its one true type or raises Invalid."""

    help: str
    _: dataclasses.KW_ONLY
    horizon: bool = False  # comes from the length of the run when unset
    flag: bool = True  # has a command-line flag
    extra: bool = False  # lrviz's own: torch's class has no such argument
    default_text: str = ""  # what it comes to when unset, for `--help`, where the default itself is None

    metavar: ClassVar[str] = "TEXT"
    plural: ClassVar[str] = "values"  # what a list of it is a list of
    has_commas: ClassVar[bool] = False  # a value's own text may hold commas, so that they do not separate values
    is_raw: ClassVar[bool] = False  # a flag's text is the value, whatever it looks like
    is_text: ClassVar[bool] = False  # a flag's text is the value, unless it is a list

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
    """A string, which may be empty where it is `blank`."""

    _: dataclasses.KW_ONLY
    blank: bool = False

    plural: ClassVar[str] = "names"
    is_raw: ClassVar[bool] = True

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or not (value.strip() or (self.blank and not value)):
            quotes = "" if isinstance(value, (str, list, tuple, Mapping)) or value is None else "; write it in quotes"
            raise Invalid(f"must be text, not {shown(value)}{quotes}")
        if len(value) > LONGEST_TEXT:
            raise Invalid(f"must be text of at most {LONGEST_TEXT:,} characters, not {len(value):,}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": LONGEST_TEXT}


@dataclass(frozen=True, eq=False, repr=False)
class Version(Text):
    """A library's version, such as 4.44, which is kept as text."""

    metavar: ClassVar[str] = "VERSION"

    def convert(self, value: Any) -> str:
        if isinstance(value, float) and re.fullmatch(r"[0-9]+\.[1-9]", repr(value)):
            both = f"{value} or {value}0"  # YAML drops the 0 of 4.50
            raise Invalid(f"may be {both}: write it in quotes, '{value}' or '{value}0'")
        text = repr(value) if type(value) in (int, float) else value
        if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}", text.strip()):
            raise Invalid(f"must be a version such as 4.44 or '4.50', not {shown(value)}")
        return text.strip()

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "number"]}


@dataclass(frozen=True, eq=False, repr=False)
class CsvColumn(Text):
    """A column of a CSV file: FILE:COLUMN, the file relative to the document."""

    _: dataclasses.KW_ONLY
    fills: str  # the argument that its numbers are

    metavar: ClassVar[str] = "FILE:COLUMN"


class Bool(ArgType):
    """True or false."""

    metavar: ClassVar[str] = "BOOLEAN"

    def convert(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid(f"must be true or false, not {shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, eq=False, repr=False)
class OneOf(ArgType):
    """One of a few words; where they differ in their letters' case only from what is given, the nearest."""

    plural: ClassVar[str] = "words"
    is_raw: ClassVar[bool] = True
    options: tuple[str, ...] = ()
    any_case: bool = False

    def __init__(self, options: tuple[str, ...], help: str, *, any_case: bool = False, **rest: Any) -> None:
        super().__init__(help, **rest)
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "any_case", any_case)

    @property
    def words(self) -> tuple[str, ...]:
        """The words as a person would write them."""
        return tuple(map(str.lower, self.options)) if self.any_case else self.options

    @property
    def bounds(self) -> str:
        return " | ".join(self.words)

    def convert(self, value: Any) -> str:
        known = dict(zip(self.words, self.options, strict=True))
        word = value.lower() if self.any_case and isinstance(value, str) else value
        if not isinstance(word, str) or word not in known:
            hint = nearest(word, known) if isinstance(word, str) else ""
            raise Invalid(f"must be one of {', '.join(known)}, not {shown(value)}{hint}")
        return known[word]

    def schema(self) -> dict[str, Any]:
        return {"enum": list(dict.fromkeys((*self.words, *self.options)))}


@dataclass(frozen=True, eq=False, repr=False)
class Real(ArgType):
    """A finite number within bounds."""

    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None

    metavar: ClassVar[str] = "FLOAT"
    plural: ClassVar[str] = "numbers"

    @property
    def bounds(self) -> str:
        limits = {">=": self.minimum, ">": self.above, "<=": self.maximum, "<": self.below}
        return " and ".join(f"{sign} {limit:g}" for sign, limit in limits.items() if limit is not None)

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Invalid(f"must be a number {self.bounds}".rstrip() + f", not {shown(value)}")
        try:
            number = float(value)
        except OverflowError:
            raise Invalid("must be a finite number, not one beyond 1e308") from None
        if not math.isfinite(number):
            raise Invalid(f"must be a finite number, not {shown(value)}")
        if not self._within(number):
            raise Invalid(f"must be {self.bounds}, not {shown(value)}")
        return number

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


@dataclass(frozen=True)
class Share:
    """A share of a learning rate, as it was written: 10%, 0.1x or 0.75**3x."""

    text: str
    factor: float

    def __str__(self) -> str:
        return self.text

    def of(self, lr: float) -> float:
        """Return what it comes to."""
        return lr * self.factor


SHARE = r"^ *(([0-9]+[.]?[0-9]*|[.][0-9]+) *%|[0-9.(].*x) *$"


class Rate(Real):
    """A learning rate, or a share of the one that is next above it in the document."""

    def convert(self, value: Any) -> Any:
        if isinstance(value, Share):
            return value
        if not isinstance(value, str):
            return super().convert(value)
        if not re.match(SHARE, value):
            raise Invalid(f"must be a number {self.bounds}, or a share such as 10% or 0.1x, not {shown(value)}")
        number, unit = value.strip()[:-1], value.strip()[-1]
        try:
            factor = float(f"{number.strip()}e-2") if unit == "%" else Expression(number, ())()
        except (SpecError, ArithmeticError) as error:
            raise Invalid(str(error)) from None
        return Share(value.strip(), super().convert(factor))

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [super().schema(), {"type": "string", "pattern": SHARE}]}


@dataclass(frozen=True, eq=False, repr=False)
class Count(ArgType):
    """A whole number, from `minimum` to `maximum`."""

    minimum: int = 1
    maximum: int = LARGEST

    metavar: ClassVar[str] = "INTEGER"
    plural: ClassVar[str] = "whole numbers"
    fraction: ClassVar[str] = ""  # the cause of a problem

    @property
    def too_low(self) -> str:
        """The cause of a problem with a count below the least."""
        return ""

    @property
    def bounds(self) -> str:
        return f">= {self.minimum}" + (f" and <= {self.maximum}" if self.maximum < LARGEST else "")

    def convert(self, value: Any) -> int:
        wanted = f"must be a whole number {self.bounds}, not {shown(value)}"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Invalid(wanted)
        if isinstance(value, float) and not value.is_integer():  # also nan and the infinities
            raise Invalid(wanted, self.fraction if math.isfinite(value) else "")
        if value < self.minimum:
            raise Invalid(wanted, self.too_low)
        if value > self.maximum:
            raise Invalid(wanted if self.maximum < LARGEST else f"must be at most {LARGEST:.0e}, not {shown(value)}")
        return int(value)

    def schema(self) -> dict[str, Any]:
        limit = {"maximum": self.maximum} if self.maximum < LARGEST else {}
        return {"type": "integer", "minimum": self.minimum, **limit}


class Epochs(Count):
    """A number of epochs, with a fraction where the run's framework trains a part of one."""

    metavar: ClassVar[str] = "INTEGER|FLOAT"

    def convert(self, value: Any) -> Any:
        is_part = isinstance(value, float) and 0 < value < self.maximum and not value.is_integer()
        return value if is_part else super().convert(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "exclusiveMinimum": 0, "maximum": self.maximum}


DURATION = r"^ *([0-9][0-9_]*([.][0-9]+)? *(ep|%)|rest) *$"


@dataclass(frozen=True, eq=False, repr=False)
class Duration(Count):
    """A number of scheduler steps; a document may also write it 2ep, 5% or rest (`lrviz.experiment.durations`)."""

    metavar: ClassVar[str] = "DURATION"
    fraction: ClassVar[str] = FRACTION
    is_milestone: bool = False
    rounds_up: bool = False  # a share of the run, as the Trainer of transformers rounds its warmup_ratio

    @property
    def too_low(self) -> str:
        return MILESTONE_TOO_LOW if self.is_milestone else TOO_LOW

    def convert(self, value: Any) -> int:
        try:
            return super().convert(value)
        except Invalid as error:
            if error.cause == FRACTION and 0 < value < 1:  # as transformers' warmup_ratio is given
                raise Invalid(f"{error}; did you mean {100 * value:g}%?", error.cause) from None
            raise

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [super().schema(), {"type": "string", "pattern": DURATION}]}


class LooseDuration(Duration):
    """A duration that need not come to a whole number of steps."""

    @property
    def bounds(self) -> str:
        return "> 0"

    def convert(self, value: Any) -> Any:
        is_fraction = isinstance(value, float) and 0 < value < self.maximum and not value.is_integer()
        return value if is_fraction else super().convert(value)

    def schema(self) -> dict[str, Any]:
        number = {"type": "number", "exclusiveMinimum": 0, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "pattern": DURATION}]}


@dataclass(frozen=True, eq=False, repr=False)
class _Of(ArgType):
    """Values of another type, which says what they are; settings it has none of its own for are that type's."""

    item: ArgType = ArgType("")

    def __init__(self, item: ArgType, **rest: Any) -> None:
        super().__init__(item.help, flag=item.flag, extra=item.extra, default_text=item.default_text)
        for name, value in {"item": item, **rest}.items():
            object.__setattr__(self, name, value)

    @property
    def bounds(self) -> str:
        return self.item.bounds


@dataclass(frozen=True, eq=False, repr=False, init=False)
class ListOf(_Of):
    """A list of values, such as milestones."""

    sample: str = ""  # of a list, for messages
    length: int | None = None  # that it must have
    least: int = 0  # values that it must have
    most: int = MAX_ITEMS

    @property
    def metavar(self) -> str:  # type: ignore[override]  # made from the item's
        return ",".join([self.item.metavar] * self.length) if self.length else f"{self.item.metavar},…"

    def convert(self, value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) < self.least or len(value) != (self.length or len(value)):
            raise Invalid(f"must be {self._wanted()}, not {shown(value)}")
        self.check_size(len(value))
        return tuple(map(self.item.convert, value))

    def check_size(self, count: int) -> None:
        """Raise Invalid for more values than it may have, before any of them is read."""
        if count > self.most:
            raise Invalid(f"has {count:,} {self.item.plural}; at most {self.most:,}")

    def _wanted(self) -> str:
        count = f"{self.length} " if self.length else ""
        text = f"a list of {count}{self.item.plural} {self.bounds}".rstrip() + ", at least one" * bool(self.least)
        return text + (f", such as {self.sample}" if self.sample else "")

    def schema(self) -> dict[str, Any]:
        sizes = {"minItems": self.length or self.least or None, "maxItems": self.length or self.most}
        return {"type": "array", "items": self.item.schema()} | {name: n for name, n in sizes.items() if n is not None}

    def split(self, text: str) -> str:
        return text if text.lstrip().startswith("[") else f"[{text}]"


class FromTo(ListOf):
    """A step from which on, or a pair: from it, and until when. They need not be whole."""

    def __init__(self, item: ArgType) -> None:
        super().__init__(item, length=2)

    @property
    def metavar(self) -> str:  # type: ignore[override]  # made from the item's
        return f"{self.item.metavar}[,{self.item.metavar}]"

    def convert(self, value: Any) -> Any:
        return super().convert(value) if isinstance(value, (list, tuple)) else self.item.convert(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.item.schema(), super().schema()]}

    def split(self, text: str) -> str:
        return super().split(text) if "," in text else text


class PerGroup(_Of):
    """A value, or a list with one for each parameter group."""

    @property
    def metavar(self) -> str:  # type: ignore[override]  # made from the item's
        return self.item.metavar if self.item.has_commas else f"{self.item.metavar}[,…]"

    @property
    def is_text(self) -> bool:  # type: ignore[override]  # as the item is
        return self.item.is_text

    def convert(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return self.item.convert(value)
        if not value:
            raise Invalid("must be one value, or one for each parameter group, not an empty list")
        return tuple(map(self.item.convert, value))

    def schema(self) -> dict[str, Any]:
        one = self.item.schema()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    def split(self, text: str) -> str:
        is_list = "," in text and not self.item.has_commas and not text.lstrip().startswith("[")
        return f"[{text}]" if is_list else text


@dataclass(frozen=True, eq=False, repr=False)
class MappingOf(_Of):
    """Values by a key of another type, as pairs in the order of their keys: rates by step, set by hand."""

    key: ArgType = ArgType("")

    metavar: ClassVar[str] = "STEP:LR,…"

    def __init__(self, key: ArgType, item: ArgType) -> None:
        super().__init__(item, key=key)

    @property
    def bounds(self) -> str:
        return ""

    def convert(self, value: Any) -> tuple[tuple[Any, Any], ...]:
        pairs = list(value.items()) if isinstance(value, Mapping) else value
        if not isinstance(pairs, (list, tuple)) or not pairs or not all(map(_is_pair, pairs)):
            raise Invalid(f"must map steps to learning rates, such as 0:1e-2,100:1e-3, not {shown(value)}")
        found = sorted((self.key.convert(scalar(str(key))), self.item.convert(entry)) for key, entry in pairs)
        if len(dict(found)) < len(found):
            raise Invalid("sets the learning rate twice at one step")
        return tuple(found)

    def schema(self) -> dict[str, Any]:
        keys = {"^[0-9]+$": self.item.schema(), DURATION: self.item.schema()}
        return {"type": "object", "patternProperties": keys, "additionalProperties": False, "minProperties": 1}

    def split(self, text: str) -> str:
        return text if text.lstrip().startswith("{") else "{" + text.replace(":", ": ") + "}"


def _is_pair(value: object) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2


@dataclass(frozen=True, eq=False, repr=False)
class Formula(ArgType):
    """An expression over `names`."""

    names: tuple[str, ...] = ("epoch", "step", "total", "start", "steps_per_epoch", "base_lr")

    metavar: ClassVar[str] = "EXPRESSION"
    plural: ClassVar[str] = "expressions"
    has_commas: ClassVar[bool] = True
    is_text: ClassVar[bool] = True

    @property
    def bounds(self) -> str:
        return f"over {', '.join(self.names)}, pi, e"

    def convert(self, value: Any) -> Any:
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
        return {"type": ["string", "number"]}


class Metric(ArgType):
    """What a plateau watches: one number for each of its steps, an expression of epoch and step, or TRAIN."""

    metavar: ClassVar[str] = "EXPRESSION|LIST|train"
    is_text: ClassVar[bool] = True
    numbers: ClassVar[ListOf] = ListOf(Real(""), least=1, most=LARGEST)

    def convert(self, value: Any) -> Any:
        if value == TRAIN:
            return value
        if isinstance(value, (list, tuple)):
            return self.numbers.convert(value)
        if callable(value) and not isinstance(value, Expression) and not _takes(value, "epoch", "step"):
            message = "a function is called with epoch= and step=, which this one does not take"
            raise Invalid(f"{message}: lambda epoch, step: ...")
        return Formula("", names=("epoch", "step")).convert(value)

    def split(self, text: str) -> str:
        parts = text.split(",")
        numbers = len(parts) > 1 and all(isinstance(scalar(part), (int, float)) for part in parts)
        return f"[{text}]" if numbers else text

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": ["string", "number"]}, self.numbers.schema()]}


def _takes(function: Callable[..., Any], *names: str) -> bool:
    """Return whether a function can be called with these names; of one that does not say, it can."""
    import inspect  # which takes a while, and few are functions

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(**dict.fromkeys(names))
    except TypeError:
        return False
    return True


class Arguments(ArgType):
    """Keyword arguments for code of the user's own."""

    def convert(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) and key.isidentifier() for key in value):
            raise Invalid(f"must map argument names to values, not {shown(value)}")
        return dict(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}
