"""The catalogue, and what every scheduler in it says of itself.

Writing a class is all it takes: the flags, `--help`, the YAML keys, the validation, `lrviz list`, the
JSON Schema, the checks, the annotations and the test against the installed torch are made from it.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeVar

from lrviz.errors import SpecError, shown
from lrviz.experiment.argtypes import TRAIN, ArgType, Invalid, Share
from lrviz.experiment.docstrings import docstring
from lrviz.experiment.expression import Expression
from lrviz.experiment.record import Record, arg_types, is_required
from lrviz.experiment.schedulers.code import Node, Script, call, function_of, listing, literal
from lrviz.experiment.schedulers.notes import Annotation, View

__all__ = [
    "OVERWRITES",
    "UNKNOWN",
    "ClosedForm",
    "Draws",
    "GroupStart",
    "Known",
    "OwnRule",
    "Rates",
    "Release",
    "SchedulerArg",
    "SchedulerSpec",
    "Segment",
    "Upstream",
    "of_group",
]

LOADED: dict[str, type[SchedulerSpec]] = {}
"""The schedulers whose modules are imported, by lrviz name; `lrviz.experiment.schedulers.catalogue` has them all."""

OVERWRITES = "overwrites"
"""The cause of a problem: a scheduler that sets the base rate of those beside it."""

LR_SCHEDULER = "torch.optim.lr_scheduler"
Rates = float | tuple[float, ...]
Release = tuple[int, ...]
"""A library's version: (4, 44, 0)."""

Draws = Callable[[str, int], Iterator[float]]
"""What torch's "rand" or "randn" draws, one number after the other, from a generator of its own with this seed."""

T = TypeVar("T")


class Known(NamedTuple):
    """The numbers that a training script has at hand when it makes a scheduler."""

    base_lrs: tuple[float, ...] = ()  # of the parameter groups
    steps_per_epoch: int | None = None  # scheduler steps, where the run has epochs
    start: int = 0  # the run's scheduler step from which the scheduler is stepped
    default_lr: float | None = None  # of the optimizer, whatever its groups have
    releases: Mapping[str, Release] = MappingProxyType({})  # of the libraries that the run names

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
    first_step: str
    past_end: str
    source: str


class GroupStart(NamedTuple):
    """What a rule of its own finds when it is made: one parameter group, and the length of the run."""

    group: int  # its number
    lr: float  # its base rate
    default_lr: float  # the optimizer's
    settings: Mapping[str, Any]  # all of the group, as torch has it
    total: int  # scheduler steps of the run
    draws: Draws | None = None  # random numbers, where the engine has torch's


class Upstream(NamedTuple):
    """How its own library makes a scheduler: called with the optimizer and these arguments."""

    target: str  # module:Name of a class or a function
    arguments: Mapping[str, Any]
    stepped_by: str = "step"  # what the training loop calls; "step(n)" and "step_update" take the count, from 1
    in_groups: Mapping[str, Any] = MappingProxyType({})  # what it finds in each parameter group, by name


class SchedulerSpec(Record):
    """A scheduler, its arguments, and what it does with them.

    A subclass with a `name` enters the catalogue. Its docstring is a line of summary, the formula as an
    indented block, what the first step trains with where that is not the base rate (`First step: `), what
    happens `Past its end: `, and its `Source: `, each a paragraph. Steps are scheduler steps, counted from
    the scheduler's own start.
    """

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()  # what its library calls it, beside the name of the class
    library: ClassVar[str] = ""  # whose it is; a class with a field `release` gets the version that the run names
    newest: ClassVar[Release] = ()  # the library's version that it follows where the run names none
    oldest: ClassVar[Release] = ()  # the first version that it was compared with
    module: ClassVar[str | None] = LR_SCHEDULER  # where torch keeps the class of the same name; None: lrviz's own
    family: ClassVar[str] = ""  # groups the gallery's summaries
    shape: ClassVar[str] = ""  # what `lrviz list` draws; a test replays `example` and holds it to that
    example: ClassVar[Mapping[str, Any]] = {}  # arguments that work, the required ones among them
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # what each sets where the document does not
    length_arg: ClassVar[str] = ""  # the argument that says after how many steps it has done all it does
    period_arg: ClassVar[str] = ""  # the argument that says how often it does the same again
    on_command_line: ClassVar[bool] = True  # can be a TARGET with flags; containers live in YAML
    is_closed_form: ClassVar[bool] = False  # computes from the base rate, and so erases what others did
    repeats: ClassVar[bool] = False  # does the same again and again
    may_be_short: ClassVar[bool] = False  # a length far below the run's is a choice
    sets_rate_by_hand: ClassVar[bool] = False  # so that torch's SequentialLR cannot switch to or from it
    starts_low: ClassVar[bool] = False  # with learning rates that move nothing, on purpose
    is_flat: ClassVar[bool] = False  # leaves the learning rate as it is, on purpose
    is_foreign: ClassVar[bool] = False  # runs code of the user's own, which may move and look at anything
    loads: ClassVar[str] = "arguments"  # what its state holds beside its "position", or all; "" where nobody knows
    restarts: ClassVar[bool] = True  # begins anew where its state is not loaded; else it is told the step
    takes_last_epoch: ClassVar[bool] = True  # can be constructed with torch's last_epoch, to go on at a step
    no_warmup: ClassVar[tuple[str, str]] = ("", "")  # why no warmup can stand before it, and the problem's cause
    is_lr_scheduler: ClassVar[bool] = True  # what a script makes is one of torch's LRSchedulers
    always_given: ClassVar[tuple[str, ...]] = ()  # arguments for which its library has no default

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if cls.name:
            LOADED[cls.name] = cls

    @classmethod
    def documentation(cls) -> Documentation:
        """Return what it does, its formula, what happens past its end, and the paper or library it is from."""
        text = docstring(cls)
        parts = [*text.split("\n\n"), ""]
        named = {key: " ".join(value.split()) for key, _, value in (part.partition(": ") for part in parts)}
        formula = "\n\n".join(part for part in parts if part.startswith("    "))
        summary = parts[0].replace("\n", " ")
        rest = (named.get(part, "") for part in ("First step", "Past its end", "Source"))
        return Documentation(summary, inspect.cleandoc(formula), *rest)

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
        if self.library in known.releases:
            changed["release"] = known.releases[self.library]
        return dataclasses.replace(self, **changed) if changed else self

    def length(self) -> int | None:
        """Return after how many steps it has done all it does, or done it once; None if never."""
        name = self.length_arg or self.period_arg
        return getattr(self, name) if name else None

    def lasting(self, steps: int) -> dict[str, Any]:
        """Return the arguments that give it, or its first period, so many steps; None leaves one out."""
        name = self.length_arg or self.period_arg
        return {name: steps} if name else {}

    @property
    def first_step(self) -> int:
        """The step of the run from which the training loop steps it."""
        return 0

    @property
    def every(self) -> int:
        """How many scheduler steps of the run make one of its own: those between two evaluations."""
        return 1

    @property
    def falls_at_once(self) -> bool:
        """Whether it is below the base rate from its second step on."""
        return False

    @property
    def ignores_base_lr(self) -> bool:
        """Whether every learning rate is its own, whatever the optimizer has."""
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

    def moves_weight_decay(self) -> bool:
        """Return whether a replay may change the weight decay."""
        return any(child.moves_weight_decay() for child in self.children())

    def upstream(self) -> Upstream | None:
        """Return how the library that it is from makes it; None for torch's own and lrviz's."""
        return None

    def upstream_in(self, script: Script) -> Upstream | None:
        """Return how its library makes it in a script; None where there is no library's class, or none is wanted."""
        return None if script.is_plain else self.upstream()

    def code(self, script: Script) -> Node:
        """Return the expression that makes it in a script, whose optimizer is `optimizer`.

        Raises SpecError for what no expression can make.
        """
        upstream = self.upstream_in(script)
        if upstream is not None:
            script.in_groups.update(upstream.in_groups)
            return call(script.use(upstream.target), "optimizer", **self._written(upstream.arguments, script))
        if self.module is None:
            raise SpecError(
                f"{self.name} has no short form in torch alone; without --as it is {self.library}'s own class"
            )
        given = {name: getattr(self, name) for name, arg_type in arg_types(self).items() if not arg_type.extra}
        return call(script.use(f"{self.module}:{type(self).__name__}"), "optimizer", **self._written(given, script))

    def _written(self, arguments: Mapping[str, Any], script: Script) -> dict[str, Node]:
        """Return arguments as text, without those at their default."""
        defaults = {entry.name: entry.default for entry in dataclasses.fields(self)}
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in arguments.items()}
        idle = {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}
        return {
            name: _as_code(value, script)
            for name, value in given.items()
            if value is not None and (name in self.always_given or name not in idle or value != idle[name])
        }

    def write(self, script: Script) -> None:
        """Write into a script what makes it, and how the training loop steps it."""
        node, upstream = self.code(script), self.upstream_in(script)
        kind = upstream.stepped_by if upstream else "step"
        done = f"{script.now} + 1"
        arguments = [done] * (kind != "step") + [script.metric] * bool(script.metric)
        step = f"{kind.removesuffix('(n)')}({', '.join(arguments)})"
        conditions = [f"{script.now} >= {self.first_step // script.calls}"] * bool(self.first_step)
        conditions += [f"({script.now} + 1) % {self.every} == 0"] * (self.every > 1)
        script.add(node, step=step, condition=" and ".join(conditions))

    def trainer_arguments(self, steps: int) -> Mapping[str, Any] | None:
        """Return how the TrainingArguments of transformers say it in a run of so many steps; None where they cannot."""
        return None

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


def _as_code(value: Any, script: Script) -> Node:
    """Return an argument as a script has it: a function for an expression."""
    if isinstance(value, list):
        return listing([_as_code(entry, script) for entry in value])
    return function_of(value, script) if isinstance(value, Expression) or callable(value) else literal(value)


def _is_plain(value: Any) -> bool:
    """Return whether a value is of the types that the engine check compares."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or (type(value) in (bool, int, float, str, Expression, Share) and value != TRAIN)


class ClosedForm(SchedulerSpec):
    """A scheduler from outside torch: the base rate times a function of the step, on torch's LambdaLR."""

    module = None
    is_closed_form = True
    loads = ""

    def factor(self, step: int) -> float:
        """Return the factor of the base rate at a step; a pure function of the arguments."""
        raise NotImplementedError

    def factor_code(self) -> Iterator[str]:
        """Yield the lines of a function of `step` that returns the factor, to the last bit."""
        raise NotImplementedError

    def code(self, script: Script) -> Node:
        if self.upstream_in(script) is not None:
            return super().code(script)
        return script.factor([*self.factor_code()])


class OwnRule(SchedulerSpec):
    """A scheduler that is no LRScheduler of torch: a training loop or a library sets the optimizer's values itself."""

    module = None
    sets_rate_by_hand = True
    loads = ""
    takes_last_epoch = False
    is_lr_scheduler = False

    def lr_at(self, step: int, start: GroupStart) -> float | None:
        """Return the learning rate to set at a step; None where it stays as it is."""
        raise NotImplementedError

    def settings(self, start: GroupStart) -> Generator[Mapping[str, float], float | None]:
        """Yield what is set in a parameter group at each step, by name: lr, momentum, beta1, weight_decay.

        A name that the group does not have is left out. One that is stepped with a metric is sent it.
        """
        for step in count():
            lr = self.lr_at(step, start)
            yield {} if lr is None else {"lr": lr}

    def code(self, script: Script) -> Node:
        if self.upstream_in(script) is None and not self.upstream():
            raise SpecError(f"{self.name} is no scheduler of torch: it sets the learning rate in the loop")
        return super().code(script)

    def write(self, script: Script) -> None:
        if self.upstream():
            super().write(script)
        else:
            self.write_by_hand(script)

    def write_by_hand(self, script: Script) -> None:
        """Write into a script how the training loop sets the optimizer's values."""
        raise NotImplementedError


def of_group(value: T | tuple[T, ...], group: int) -> T:
    """Return an argument's value for parameter group number `group`: its own, or the one for all."""
    return value[group] if isinstance(value, tuple) else value
