"""The catalogue, and what every scheduler in it says of itself.

Writing a class is all it takes: the flags, `--help`, the YAML keys, the validation, `lrviz list`, the
JSON Schema, the checks, the annotations and the test against the installed torch are made from it.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, TypeVar

from lrviz.errors import SpecError, nearest, shown
from lrviz.experiment.argtypes import TRAIN, ArgType, Invalid, Share
from lrviz.experiment.docstrings import docstring
from lrviz.experiment.expression import Expression
from lrviz.experiment.record import Record, arg_types, is_required
from lrviz.experiment.schedulers.notes import Annotation, View

__all__ = [
    "CATALOGUE",
    "OVERWRITES",
    "UNKNOWN",
    "ClosedForm",
    "Known",
    "Rates",
    "SchedulerArg",
    "SchedulerSpec",
    "Segment",
    "lookup",
    "of_group",
]

CATALOGUE: dict[str, type[SchedulerSpec]] = {}
"""Every scheduler by its lrviz name, in the order of `lrviz list`."""

OVERWRITES = "overwrites"
"""The cause of a problem: a scheduler that sets the base rate of those beside it."""

LR_SCHEDULER = "torch.optim.lr_scheduler"
Rates = float | tuple[float, ...]
T = TypeVar("T")


class Known(NamedTuple):
    """The numbers that a training script has at hand when it makes a scheduler."""

    base_lrs: tuple[float, ...] = ()  # of the parameter groups
    steps_per_epoch: int | None = None  # scheduler steps, where the run has epochs
    start: int = 0  # the run's scheduler step from which the scheduler is stepped

    def of_group(self, group: int) -> dict[str, float]:
        """Return the numbers by the names that expressions have for them."""
        found = {"base_lr": self.base_lrs[group], "steps_per_epoch": self.steps_per_epoch, "start": self.start}
        return {name: value for name, value in found.items() if value is not None}


UNKNOWN = Known()


def _bound(value: Any, known: Known) -> Any:
    """Return an expression, or one for each group, with its numbers; whatever needs none as it is."""
    if isinstance(value, tuple) and any(isinstance(entry, Expression) for entry in value):
        bound = tuple(_of_group(entry, known, group) for group, entry in enumerate(value))
        return value if bound == value else bound
    if not isinstance(value, Expression) or "base_lr" not in value.used:
        return _of_group(value, known, 0)
    functions = tuple(_of_group(value, known, group) for group in range(len(known.base_lrs)))
    return functions if len(functions) > 1 else functions[0] if functions else value


def _of_group(value: Any, known: Known, group: int) -> Any:
    if not isinstance(value, Expression) or not known.base_lrs:
        return value
    numbers = {name: number for name, number in known.of_group(group).items() if name in value.used}
    return value.given(**numbers) if numbers else value


class SchedulerArg(ArgType):
    """A scheduler inside a scheduler."""

    metavar: ClassVar[str] = "SCHEDULER"
    plural: ClassVar[str] = "schedulers"

    def convert(self, value: Any) -> SchedulerSpec:
        if not isinstance(value, SchedulerSpec):
            raise Invalid(f"must be a scheduler, not {shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/scheduler"}


class Segment(NamedTuple):
    """A scheduler inside another, and the scheduler steps from `start` until `end` in which it is stepped."""

    spec: SchedulerSpec
    start: int
    end: int

    @property
    def length(self) -> int:
        """The length that an unset horizon takes; torch refuses one of none."""
        return max(1, self.end - self.start)


class Documentation(NamedTuple):
    """What a scheduler's docstring says, part by part."""

    summary: str
    formula: str
    past_end: str
    source: str


class SchedulerSpec(Record):
    """A scheduler, its arguments, and what it does with them.

    A subclass with a `name` enters the catalogue. Its docstring is a line of summary, the formula as an
    indented block, what happens `Past its end: `, and its `Source: `, each a paragraph. Steps are
    scheduler steps, counted from the scheduler's own start.
    """

    name: ClassVar[str] = ""
    module: ClassVar[str | None] = LR_SCHEDULER  # where torch keeps the class of the same name; None: lrviz's own
    family: ClassVar[str] = ""  # groups the gallery's summaries
    shape: ClassVar[str] = ""  # what `lrviz list` draws; a test replays `example` and holds it to that
    example: ClassVar[Mapping[str, Any]] = {}  # arguments that work, the required ones among them
    length_arg: ClassVar[str] = ""  # the argument that says after how many steps it has done all it does
    period_arg: ClassVar[str] = ""  # the argument that says how often it does the same again
    on_command_line: ClassVar[bool] = True  # can be a TARGET with flags; containers live in YAML
    is_closed_form: ClassVar[bool] = False  # computes from the base rate, and so erases what others did
    repeats: ClassVar[bool] = False  # does the same again and again
    may_be_short: ClassVar[bool] = False  # a length far below the run's is a choice
    sets_rate_by_hand: ClassVar[bool] = False  # so that torch's SequentialLR cannot switch to or from it
    starts_low: ClassVar[bool] = False  # with learning rates that move nothing, on purpose
    is_foreign: ClassVar[bool] = False  # runs code of the user's own, which may move and look at anything
    no_warmup: ClassVar[tuple[str, str]] = ("", "")  # why no warmup can stand before it, and the problem's cause

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if cls.name:
            CATALOGUE[cls.name] = cls

    @classmethod
    def documentation(cls) -> Documentation:
        """Return what it does, its formula, what happens past its end, and the paper or library it is from."""
        text = docstring(cls)
        parts = [*text.split("\n\n"), ""]
        named = {key: " ".join(value.split()) for key, _, value in (part.partition(": ") for part in parts)}
        formula = "\n\n".join(part for part in parts if part.startswith("    "))
        summary = parts[0].replace("\n", " ")
        return Documentation(summary, inspect.cleandoc(formula), named.get("Past its end", ""), named.get("Source", ""))

    @classmethod
    def summary(cls) -> str:
        """Return what it does, in one line."""
        return cls.documentation().summary

    @classmethod
    def required(cls) -> list[str]:
        """Return the names of the arguments that must be given."""
        return [entry.name for entry in dataclasses.fields(cls) if is_required(entry)]

    @property
    def label(self) -> str:
        """What a person calls it: torch's class, or one's own."""
        return type(self).__name__

    @property
    def title(self) -> str:
        """What a figure of it is called."""
        return self.label

    def segments(self, start: int, end: int) -> list[Segment]:
        """Return the schedulers inside, in order, each with its part of a stretch; empty but for containers."""
        return []

    def children(self) -> list[SchedulerSpec]:
        """Return the schedulers inside, in order; empty but for containers."""
        return []

    def resolved(self, length: int, known: Known = UNKNOWN) -> SchedulerSpec:
        """Return the spec with every unset horizon set to `length` steps, and what expressions take from the run."""
        changed: dict[str, Any] = {}
        for name, arg_type in arg_types(self).items():
            value = getattr(self, name)
            new = length if arg_type.horizon and value is None else _bound(value, known)
            if new is not value:
                changed[name] = new
        return dataclasses.replace(self, **changed) if changed else self

    def length(self) -> int | None:
        """Return after how many steps it has done all it does, or done it once; None if never."""
        name = self.length_arg or self.period_arg
        return getattr(self, name) if name else None

    @property
    def first_step(self) -> int:
        """The step of the run from which the training loop steps it."""
        return 0

    @property
    def falls_at_once(self) -> bool:
        """Whether it is below the base rate from its second step on."""
        return False

    def stepped_with(self) -> Any:
        """Return the metric that it is stepped with: a list, a function or TRAIN; None for one that takes none."""
        return None

    def marks(self) -> tuple[int, ...]:
        """Return the steps at which it is to do something that its arguments name."""
        return ()

    def warms_up(self) -> bool:
        """Return whether it is a warmup: it ends above where it starts."""
        return False

    def moves_momentum(self) -> bool:
        """Return whether a replay may change momentum or beta1."""
        return any(child.moves_momentum() for child in self.children())

    def target_lr(self, base_lr: float, group: int) -> float:
        """Return the highest learning rate that parameter group number `group` is meant to reach."""
        return base_lr

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        """Return the learning rate that it must reach within so many steps; None where nothing says."""
        return self.target_lr(base_lr, group)

    def new_base_lr(self, group: int) -> float | None:
        """Return the rate that it writes over a group's base rate when it is built; None where it leaves it."""
        return None

    def annotations(self, view: View) -> Iterator[Annotation]:
        """Yield what its arguments are on its curve."""
        yield from ()

    def unsupported_reason(self) -> str | None:
        """Return why the light engine cannot run it, or None where it can."""
        if self.module is not None and not self.module.startswith("torch."):
            return f"{self.label} is not torch's own"
        children = self.children()
        own = [getattr(self, name) for name in arg_types(self)]
        if not all(_is_plain(value) for value in own if value not in (tuple(children), *children)):
            return "one of its arguments is a Python object, which may look at anything in torch"
        return next(filter(None, (child.unsupported_reason() for child in children)), None)


def _is_plain(value: Any) -> bool:
    """Return whether a value is of the types that the engine check compares."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or (type(value) in (bool, int, float, str, Expression, Share) and value != TRAIN)


class ClosedForm(SchedulerSpec):
    """A scheduler from outside torch: the base rate times a function of the step, on torch's LambdaLR."""

    module = None
    is_closed_form = True

    def factor(self, step: int) -> float:
        """Return the factor of the base rate at a step; a pure function of the arguments."""
        raise NotImplementedError


def of_group(value: T | tuple[T, ...], group: int) -> T:
    """Return an argument's value for parameter group number `group`: its own, or the one for all."""
    return value[group] if isinstance(value, tuple) else value


def lookup(name: str) -> type[SchedulerSpec]:
    """Return the class of an lrviz name or a torch class name, in any case; raises SpecError."""
    folded = name.lower()
    for known, spec in CATALOGUE.items():
        if folded in (known, spec.__name__.lower()):
            return spec
    names = [*CATALOGUE, *(spec.__name__ for spec in CATALOGUE.values())]
    raise SpecError(f"unknown scheduler {shown(name)}{nearest(name, names)}")
