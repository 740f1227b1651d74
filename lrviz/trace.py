"""The result of a replay: what every optimizer step trained with. Knows nothing of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from lrviz.arrays import Values, column, frame, lr_array

if TYPE_CHECKING:
    from numpy import ndarray

    from lrviz.experiment.experiment import Experiment

ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a schedule does, in four numbers; the peak is the first of equals, and NaN only where all are.

    Rates that differ by rounding alone are equals.
    """

    first: float
    peak: float
    peak_step: int
    last: float


@dataclass(frozen=True, kw_only=True)
class GroupTrace:
    """One parameter group's values: what each optimizer step trained with.

    `momentum` is beta1 where the optimizer has betas, and None where it has neither.
    """

    name: str
    lr: Values
    momentum: Values | None = None
    weight_decay: Values | None = None

    def __repr__(self) -> str:
        if not len(self.lr):
            return f"GroupTrace({self.name!r}, no steps)"
        found = self.summary
        return (
            f"GroupTrace({self.name!r}, {len(self.lr):,} steps: first {found.first:.4g}, peak {found.peak:.4g} at "
            f"{found.peak_step:,}, last {found.last:.4g})"
        )

    @cached_property
    def summary(self) -> Summary:
        """The first, peak and last rate; raises ValueError where no step was recorded."""
        peak: float = max(self.lr)
        if math.isnan(peak):  # so is the first, then, and it hides the rest: nothing compares with it
            peak = max((rate for rate in self.lr if not math.isnan(rate)), default=math.nan)
        nearly = peak - ROUNDING * abs(peak) if math.isfinite(peak) else peak
        peak_step = next((step for step, rate in enumerate(self.lr) if rate >= nearly), 0)
        return Summary(first=self.lr[0], peak=peak, peak_step=peak_step, last=self.lr[-1])

    @cached_property
    def mean(self) -> float:
        """The mean learning rate of all steps; NaN where one is, or no step was recorded."""
        count = len(self.lr)
        try:
            return math.fsum(self.lr) / count if count else math.nan
        except (ValueError, OverflowError):  # infinities of both signs, or a sum that is no double
            return sum(rate / count for rate in self.lr)

    def renamed(self, name: str, steps: int) -> GroupTrace:
        """Return the same values under another name, of the first `steps` steps.

        Where it has not so many, the learning rate is NaN, and so is what else had moved.
        """

        def fitted(values: Values, rest: float = math.nan) -> Values:
            return column([*values[:steps], *[rest] * (steps - len(values))])

        def held(values: Values | None) -> Values | None:
            return None if values is None else fitted(values, values[0] if len(set(values)) == 1 else math.nan)

        decay = held(self.weight_decay)
        return GroupTrace(name=name, lr=fitted(self.lr), momentum=held(self.momentum), weight_decay=decay)


class Groups(tuple[GroupTrace, ...]):
    """The parameter groups of a trace, in order, also by name."""

    __slots__ = ()

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> GroupTrace: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[GroupTrace, ...]: ...
    def __getitem__(self, key: SupportsIndex | str | slice) -> GroupTrace | tuple[GroupTrace, ...]:
        """Return the group of a place or a name; raises KeyError, which lists the names, where there is none."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        found = next((group for group in self if group.name == key), None)
        if found is None:
            raise KeyError(f"{key!r}; the groups are {', '.join(repr(group.name) for group in self)}")
        return found


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a replay, after so many whole optimizer steps."""

    step: int  # optimizer steps that were trained before it; 0: the scheduler was being built
    epoch: int | None  # 0-based epoch of the last of them, where there is one and the run has epochs

    @property
    def where(self) -> str:
        """When it happened, by the 0-based step before it, in words: "after step 16 (epoch 2)"."""
        if not self.step:
            return "when the scheduler was built"
        return f"after step {self.step - 1:,}" + ("" if self.epoch is None else f" (epoch {self.epoch:,})")


@dataclass(frozen=True, kw_only=True)
class Seam(Event):
    """The checkpoint from which a run went on; its step is the first after it.

    `unbroken` has for each group the learning rates with which the run before it would have gone on: for the
    setting of that step, and for the next, if the run has one.
    """

    mode: str  # "load", "restart" or "last-epoch"
    unbroken: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Failure(Event):
    """Where a replay stopped, and in whose words."""

    kind: str  # "ValueError"
    message: str  # torch's own words
    by: str = "torch"  # who raised: torch, "your Name", a library's scheduler, or a call such as "SGD.step()"

    @property
    def where(self) -> str:
        """When it happened, by the 0-based step before it, in words: "after step 16", "at step 16" for an optimizer."""
        return super().where.replace("after", "at", 1) if self.by.endswith(".step()") else super().where

    @property
    def words(self) -> str:
        """What was raised, as Python prints it: "ValueError: Tried to step 17 times"."""
        return f"{self.kind}: {self.message}" if self.message else self.kind

    @property
    def description(self) -> str:
        """Where and why the replay stopped, in one line."""
        if self.by.endswith(")"):
            return f"{self.by} failed {self.where}: {self.words}"
        who, article = ("scheduler", "the ") if self.by == "torch" else (self.by, "")
        what = f"{who}.step() failed {self.where}" if self.step else f"building {article}{who} failed"
        return f"{what}: {self.words}"


@dataclass(frozen=True, kw_only=True)
class TorchWarning(Event):
    """A warning that torch gave, where it first did."""

    message: str


@dataclass(frozen=True, kw_only=True)
class Precision:
    """How far a number in a log may be from the one that was trained with, which was rounded to be written."""

    words: str  # "float32", "6 digits"
    share: float  # of the number
    size: float = 0.0  # and this much, however small it is

    def slack(self, value: float) -> float:
        """Return how far from this value the number in the log may be."""
        return self.share * abs(value) + self.size


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a trace that was read from a run's log is, beside its numbers: which file, and what was odd in it."""

    format: str  # "Lightning metrics.csv"
    file: str
    precision: Precision
    unit: str = "step"  # "epoch" where the trace's steps are epochs, since the log counts no others
    total: int | None = None  # steps that the run was to have, where the log says so
    resumed: tuple[int, ...] = ()  # the steps that it went back to, and from which it was written anew
    notes: tuple[str, ...] = ()  # in words: duplicates, gaps, what is cut off


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What every optimizer step of a run trained with, for every parameter group.

    Step i trained with `groups[g].lr[i]`; of a log, which has not every step, `at[i]` did, and `at` ascends.
    `steps` is the number of steps recorded, the length of every column: fewer than a replayed run has only
    where `failure` says why. `libraries` has the version of each library whose schedule this is, beside
    torch: the one that lrviz's formula follows, or for the engine "upstream" the one that ran.
    """

    groups: Groups
    steps: int
    steps_per_epoch: int | None
    momentum_name: str | None  # "momentum", "beta1" or None
    engine: str
    torch_version: str
    libraries: Mapping[str, str] = field(default_factory=dict)
    loss: Values | None = None  # of the toy training, before each optimizer step
    metric: Values | None = None  # what a plateau was given, one value for each of its steps
    seam: Seam | None = None
    warnings: tuple[TorchWarning, ...] = ()
    failure: Failure | None = field(default=None)
    difference: Difference | None = None  # from lrviz's formula, where a library's own class ran
    at: Sequence[int] | None = None  # the 0-based optimizer step of each record, where not every step has one
    log: Log | None = None  # where it was read from one
    experiment: Experiment | None = field(default=None, compare=False)  # whose replay it is, where that is known

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", Groups(self.groups))

    def __repr__(self) -> str:
        name = f"{self.experiment.name}, " if self.experiment else ""
        failed = f", stopped {self.failure.where}: {self.failure.words}" if self.failure else ""
        return f"Trace({name}{self.steps:,} steps: {', '.join(map(repr, self.groups))}{failed})"

    @property
    def lr(self) -> ndarray:
        """What each step trained with, as a numpy array that copies nothing; of several groups one column each."""
        return lr_array([group.lr for group in self.groups])

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with a row for each step, and the columns that `lrviz table --format csv` has.

        Raises ImportError where there is no pandas.
        """
        steps = range(self.steps) if self.at is None else self.at
        columns: dict[str, Any] = {"step": steps}
        if self.steps_per_epoch:
            columns["epoch"] = [step // self.steps_per_epoch for step in steps]
        decays = [group.weight_decay for group in self.groups if group.weight_decay is not None]
        moves = any(len(set(values)) > 1 for values in decays)
        kinds = {"lr": "lr", "momentum": self.momentum_name, **({"weight_decay": "weight_decay"} if moves else {})}
        for kind, name in kinds.items():
            found = ((group, getattr(group, kind)) for group in self.groups)
            columns |= {f"{name}{self._of(group)}": values for group, values in found if values is not None}
        return frame(columns)

    def _of(self, group: GroupTrace) -> str:
        return f".{group.name}" if len(self.groups) > 1 else ""

    def step_at(self, index: int) -> int:
        """Return the 0-based optimizer step that a record is of."""
        return index if self.at is None else self.at[index]

    @property
    def end(self) -> int:
        """How many optimizer steps lie before the end of what was recorded."""
        return self.step_at(self.steps - 1) + 1 if self.steps else 0

    def epoch_of(self, step: int) -> int | None:
        """Return the 0-based epoch of an optimizer step, if the run has epochs."""
        return step // self.steps_per_epoch if self.steps_per_epoch else None

    def side_by_side(self) -> Trace:
        """Return the trace with the groups of lrviz's formula after its own, where they differ; else the same.

        Of a single group the two are called by whose numbers they are. The formula's have NaN where it ended early.
        """
        if self.difference is None or not self.groups:
            return self
        own, other = self.groups, self.difference.formula.groups
        names = ["formula"] if len(own) == 1 else [f"{group.name} (formula)" for group in other]
        formula = [group.renamed(name, self.steps) for name, group in zip(names, other, strict=False)]
        upstream = [own[0].renamed("upstream", self.steps)] if len(own) == 1 else own
        return replace(self, groups=Groups((*upstream, *formula)))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where a library's own class and lrviz's formula are apart by more than rounding, in one group's values."""

    formula: Trace
    what: str  # "lr", "momentum", "beta1" or "weight decay"; "steps" where one raised earlier than the other
    group: str
    step: int  # the first one that differs
    values: tuple[float, float]  # there: the class's, and the formula's
    most: int  # the step with the greatest difference
    most_values: tuple[float, float]
    count: int  # of the steps that differ
