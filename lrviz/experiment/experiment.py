"""The experiment: a run, an optimizer, a scheduler and a title. What a YAML file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import TRAIN, PerGroup
from lrviz.experiment.clock import Clock, Run
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.record import Record, arg_types
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.values import Value

MAX_CHANGES = 100_000_000
"""Changes of a learning rate that a replay computes at most: steps x groups, for each scheduler of a chain."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One schedule to replay.

    `sections` is what its document says to those that use it, such as `lrviz check`, and `document` is
    all of it as it was written, where it was read from one. Raises SpecError where the parts do not fit:
    a list that is not as long as the parameter groups, or a list of metrics that is shorter than the run;
    and for more than `MAX_CHANGES` changes of a learning rate.
    """

    scheduler: SchedulerSpec
    run: Run = field(default_factory=Run)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    title: str | None = None
    sections: Mapping[type[Record], Record] = field(default_factory=dict)
    document: Value | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        groups = len(self.optimizer.resolved_groups)
        found = [*_misfits(self.scheduler, groups), *_too_few(self.scheduler, self.run.clock), *self._too_many(groups)]
        problems = [problem.within("scheduler") for problem in found]
        if problems:
            raise SpecError(problems)

    def _too_many(self, groups: int) -> Iterator[Problem]:
        """Yield a problem for a replay that would not end."""
        changes = _changes(self.scheduler, self.run.clock.scheduler_steps) * groups
        if changes > MAX_CHANGES:
            count = f"{self.run.clock.scheduler_steps:,} scheduler steps of {groups:,} group{'s' * (groups != 1)}"
            message = f"changes a learning rate {changes:,} times in {count}; at most {MAX_CHANGES:,}"
            yield Problem(message=message)

    @cached_property
    def resolved(self) -> SchedulerSpec:
        """The scheduler with every horizon that comes from the run filled in."""
        return self.scheduler.resolved(self.run.clock.scheduler_steps)

    @property
    def trains(self) -> bool:
        """Whether the scheduler watches a loss, so that the replay must train."""
        return bool(self.scheduler.stepped_with() == TRAIN)

    @property
    def name(self) -> str:
        """The title, or what the scheduler is called."""
        return self.title or self.scheduler.title

    @property
    def heading(self) -> str:
        """What stands above a figure: the name, or nothing where the title is empty."""
        return "" if self.title == "" else self.name

    def section(self, cls: type[R]) -> R:
        """Return what the document says in the section of this type, its defaults where it has none."""
        found = self.sections.get(cls)
        return found if isinstance(found, cls) else cls()


def _changes(spec: SchedulerSpec, steps: int) -> int:
    """Return how often a scheduler and those inside it are stepped in so many steps."""
    return max(steps, sum(_changes(part.spec, part.length) for part in spec.segments(0, steps)))


def _too_few(spec: SchedulerSpec, clock: Clock) -> Iterator[Problem]:
    """Yield a problem for a plateau that runs out of metrics before the run ends."""
    wanted, metric = clock.settings - 1, spec.stepped_with()
    if isinstance(metric, tuple) and len(metric) < wanted:
        message = f"has {len(metric):,} values; the run steps its scheduler {wanted:,} times"
        yield Problem(field="metric_csv" if getattr(spec, "metric_csv", None) else "metric", message=message)


def _misfits(spec: SchedulerSpec, groups: int) -> Iterator[Problem]:
    """Yield a problem for every per-group list of the wrong length, children included."""
    for name, arg_type in arg_types(spec).items():
        value = getattr(spec, name)
        if isinstance(arg_type, PerGroup) and isinstance(value, tuple) and len(value) != groups:
            message = f"has {len(value)} values for {groups} parameter group{'s' * (groups != 1)}"
            yield Problem(field=name, message=message)
    for number, child in enumerate(spec.children()):
        yield from (problem.within(f"schedulers[{number}]") for problem in _misfits(child, groups))
