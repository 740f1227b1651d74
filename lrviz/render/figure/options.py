"""How a figure is asked for: its options, and the marks to set on it. matplotlib is not needed to say it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.argtypes import ArgType, Bool, Count, Invalid, ListOf, OneOf, Real, Text
from lrviz.experiment.record import Record, arg
from lrviz.experiment.scalars import scalar
from lrviz.positions import TITLES

PANELS = ("lr", "momentum")
THEMES = ("light", "dark")
MAX_PIXELS = 100_000_000  # an image of 400 MB in memory
MAX_SIDE = 65_535  # what the rasteriser takes
LEAST_EMS = (15, 10)  # of a figure's width and height, so that its text leaves room for a curve


@dataclass(frozen=True, eq=False, repr=False)
class Size(ArgType):
    """Width and height in inches, written 10x5."""

    minimum: float = 2.0
    maximum: float = 60.0

    metavar: ClassVar[str] = "WxH"

    @property
    def bounds(self) -> str:
        return f"{self.minimum:g} to {self.maximum:g} inches a side"

    def convert(self, value: Any) -> tuple[float, float]:
        pair = value.lower().split("x") if isinstance(value, str) else value
        pair = pair if isinstance(pair, (list, tuple)) else ()
        sides: list[Any] = [scalar(side.strip()) if isinstance(side, str) else side for side in pair]
        if len(sides) != 2 or any(isinstance(side, bool) or not isinstance(side, (int, float)) for side in sides):
            raise Invalid(f"must be width x height in inches, such as 10x5, not {shown(value)}")
        if not all(self.minimum <= side <= self.maximum for side in sides):
            raise Invalid(f"must be {self.bounds}, not {shown(value)}")
        return float(sides[0]), float(sides[1])

    def schema(self) -> dict[str, Any]:
        side = {"type": "number", "minimum": self.minimum, "maximum": self.maximum}
        written = {"type": "string", "pattern": r"^\s*[0-9.]+\s*[xX]\s*[0-9.]+\s*$"}
        return {"anyOf": [written, {"type": "array", "items": side, "minItems": 2, "maxItems": 2}]}


class Panels(ListOf):
    """Which panels to draw, each once, from top to bottom."""

    def convert(self, value: Any) -> tuple[str, ...]:
        names = super().convert(value)
        if len(set(names)) < len(names):
            raise Invalid(f"names a panel twice: {shown(value)}")
        return tuple(name for name in PANELS if name in names)


class FigureOptions(Record):
    """How to draw a figure.

    Sizes are in inches, `dpi` in dots per inch. Raises SpecError for a value out of bounds and for an
    image of more than `MAX_PIXELS`.
    """

    size: tuple[float, float] = arg(Size("width and height in inches", default_text="10x5"), default=(10.0, 5.0))
    dpi: int = arg(Count("dots per inch", minimum=20, maximum=1200), default=100)
    log_y: bool = arg(Bool("logarithmic learning-rate axis"), default=False)
    annotate: bool = arg(Bool("point at the scheduler's parameters"), default=False)
    show: tuple[str, ...] = arg(
        Panels(OneOf(PANELS, "panels to draw: the learning rate, and momentum or beta1"), least=1), default=("lr",)
    )
    x: str = arg(OneOf(tuple(TITLES), "what the x axis counts"), default="step")
    facets: bool = arg(Bool("draw each of several schedules in a small panel of its own"), default=False)
    theme: str = arg(OneOf(THEMES, "colours"), default="light")
    epoch_axis: bool = arg(Bool("epoch axis on top, where the run has epochs"), default=True)
    font: str | None = arg(Text("an installed font, or serif or monospace", default_text="DejaVu Sans"), default=None)
    font_size: float | None = arg(
        Real("size of the text in points", minimum=4, maximum=72, default_text="12, less where the figure is small"),
        default=None,
    )
    transparent: bool = arg(Bool("no background"), default=False)
    xlabel: str | None = arg(Text("label of the x axis, '' for none", blank=True, default_text="Steps"), default=None)
    ylabel: str | None = arg(
        Text("label of the upper panel's y axis, '' for none", blank=True, default_text="Learning Rate"), default=None
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        pixels = [side * self.dpi for side in self.size]
        if math.prod(pixels) > MAX_PIXELS or max(pixels) > MAX_SIDE:
            width, height = (f"{side:.0f}" for side in pixels)
            message = (
                f"{self.dpi} makes an image of {width} x {height} pixels; the limit is {MAX_PIXELS // 10**6} million"
            )
            raise SpecError(Problem(field="dpi", message=message))
        largest = min(72 * side / ems for side, ems in zip(self.size, LEAST_EMS, strict=True))
        if self.font_size is not None and self.font_size > largest:
            message = f"{self.font_size:g} leaves no room for a curve; at most {largest:g} in a figure of this size"
            raise SpecError(Problem(field="font_size", message=message))


class Located(Protocol):
    """What `lrviz check` finds, as far as a figure shows it."""

    @property
    def rule(self) -> str: ...
    @property
    def severity(self) -> Literal["error", "warning", "info"]: ...
    @property
    def step(self) -> int | None: ...


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A place to point out on the figure: the optimizer step, a few words, and how bad it is, if it is."""

    step: float  # where the x axis counts something else, in that
    label: str
    severity: Literal["error", "warning", "note"]


def marks_of(findings: Iterable[Located]) -> list[Mark]:
    """Return the marks for what is wrong at a step: errors and warnings."""
    found = ((each.step, each.rule, each.severity) for each in findings)
    return [
        Mark(step=step, label=rule, severity=severity)
        for step, rule, severity in found
        if step is not None and severity != "info"
    ]
