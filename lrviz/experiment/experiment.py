"""The experiment: a run, an optimizer, a scheduler and a title. What a YAML file says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import TRAIN, Flag, Names, Record, Text, arg, arg_types
from lrviz.experiment.clock import Clock, Run
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.schedulers import SWALR, Manual, RangeTest, ReduceLROnPlateau, SchedulerSpec, SequentialLR

__all__ = ["CheckSettings", "Experiment", "GalleryPlace"]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GalleryPlace(Record):
    """Where `lrviz gallery` shows an experiment's figure."""

    section: str = arg("Schedules", Text("heading of the index it stands under"))
    summary: bool = arg(True, Flag("whether the summaries of all schedulers show it"))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CheckSettings(Record):
    """What `lrviz check` is message in the document; it knows its rules' names itself."""

    ignore: tuple[str, ...] = arg((), Names("rules to leave out"))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One schedule to replay.

    Raises SpecError where the parts do not fit: a list that is not as long as the parameter groups, or
    a list of metrics that is shorter than the run.
    """

    scheduler: SchedulerSpec
    run: Run = field(default_factory=Run)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    title: str | None = None
    gallery: GalleryPlace = field(default_factory=GalleryPlace)
    ignore: tuple[str, ...] = ()  # rules that `lrviz check` leaves out

    def __post_init__(self) -> None:
        groups = len(self.optimizer.resolved_groups)
        found = [*_misfits(self.scheduler, groups), *_too_few(self.scheduler, self.run.clock)]
        problems = [problem.within("scheduler") for problem in found]
        if problems:
            raise SpecError(problems)

    @cached_property
    def resolved(self) -> SchedulerSpec:
        """The scheduler with every horizon that comes from the run filled in."""
        return self.scheduler.resolved(self.run.clock.scheduler_steps)

    @property
    def trains(self) -> bool:
        """Whether the scheduler watches a loss, so that the replay must train."""
        return getattr(self.scheduler, "metric", None) == TRAIN

    @property
    def name(self) -> str:
        """The title, or what the scheduler is called."""
        return self.title or self.scheduler.title


def _too_few(spec: SchedulerSpec, clock: Clock) -> Iterator[Problem]:
    """Yield a problem for a plateau that runs out of metrics before the run ends."""
    wanted = clock.settings - 1
    if isinstance(spec, ReduceLROnPlateau) and isinstance(spec.metric, tuple) and len(spec.metric) < wanted:
        message = f"has {len(spec.metric):,} values; the run steps its scheduler {wanted:,} times"
        yield Problem(field="metric_csv" if spec.metric_csv else "metric", message=message)


def _misfits(spec: SchedulerSpec, groups: int) -> Iterator[Problem]:
    """Yield a problem for every per-group list of the wrong length, children included."""
    for name, kind in arg_types(spec).items():
        value = getattr(spec, name)
        if kind.per_group and isinstance(value, tuple) and len(value) != groups:
            message = f"has {len(value)} values for {groups} parameter group{'s' * (groups != 1)}"
            yield Problem(field=name, message=message)
    for number, child in enumerate(spec.children()):
        if isinstance(child, SWALR) and child.swa_start:
            message = "a container steps its children itself: say when in its milestones, not in swa_start"
            yield Problem(field=f"schedulers[{number}].swa_start", message=message)
        if isinstance(spec, SequentialLR) and isinstance(child, (Manual, RangeTest)):
            message = f"torch's SequentialLR cannot switch to or from {child.name}, which sets the rate by hand"
            yield Problem(field=f"schedulers[{number}].name", message=message)
        yield from (problem.within(f"schedulers[{number}]") for problem in _misfits(child, groups))
