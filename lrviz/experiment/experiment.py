"""The experiment: a run, an optimizer, a scheduler and a title. What a YAML file says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from lrviz.errors import Problem, SpecError, counted, shown
from lrviz.experiment.argtypes import TRAIN, PerGroup, Rate, Share
from lrviz.experiment.clock import Clock, Run
from lrviz.experiment.expression import Expression
from lrviz.experiment.optimizers import OptimizerSpec, ResolvedGroup
from lrviz.experiment.origin import Origin
from lrviz.experiment.record import Record, arg_types
from lrviz.experiment.schedulers import Known, SchedulerSpec
from lrviz.experiment.values import Value

MAX_CHANGES = 100_000_000
"""Changes of a learning rate that a replay computes at most: steps x groups, for each scheduler of a chain."""

MOST_OVERLAID = 100
"""Experiments that a document's `overlay` compares at most."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Resume:
    """The checkpoint that a run goes on from; `lrviz.experiment.resume.resumed` makes it and checks that it fits.

    `mode` says what a training script does with it. "load" builds everything anew and loads the optimizer's
    and the scheduler's state. The two others load the optimizer's state, and then construct the scheduler:
    "restart" as if the run began, "last-epoch" with torch's argument last_epoch.
    """

    before: Experiment
    step: int  # optimizer steps that are behind it
    mode: str = "load"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One schedule to replay.

    `warmup` is how many of the scheduler's first steps its document writes as `warmup:`, and not in the
    scheduler. `sections` is what it says to those that use it, such as `lrviz check`, and `document` is all
    of it as it was written, where it was read from one; `origin` says what of a trainer's config that was
    made of. With `resume` it is a run that goes on from a checkpoint of another. Raises SpecError where the
    parts do not fit: a list that is not as long as the parameter groups, a list of metrics that is shorter than
    the run, or an argument that the optimizer, or the version of a library that the run names, does not allow;
    and for more than `MAX_CHANGES` changes of a learning rate.
    """

    scheduler: SchedulerSpec
    run: Run = field(default_factory=Run)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    title: str | None = None
    warmup: int = 0
    sections: Mapping[type[Record], Record] = field(default_factory=dict)
    resume: Resume | None = None
    document: Value | None = field(default=None, compare=False, repr=False)
    origin: Origin | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        found = [*self._misfits(self.scheduler), *_too_few(self.scheduler, self.run.clock), *self._too_many()]
        problems = [problem.within("scheduler") for problem in found or self._refused()]
        problems += self._never_so_stepped()
        if problems:
            raise SpecError(problems)

    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, {self.run.clock.steps:,} steps, {self.scheduler!r}, {self.optimizer!r})"

    def _never_so_stepped(self) -> Iterator[Problem]:
        """Yield a problem for a scheduler that the run's framework does not step once an epoch."""
        loop = self.run.loop
        if self.run.interval == "epoch" and loop.evaluates and self.scheduler.stepped_with() is None:
            message = f"{loop.label} steps {self.scheduler.label} after every optimizer step"
            yield Problem(field="run.interval", message=f"{message}; once an epoch only what watches a metric")

    def _misfits(self, spec: SchedulerSpec) -> Iterator[Problem]:
        """Yield a problem for each argument that does not fit the groups or the run, children's included."""
        groups, has_epochs = self.optimizer.resolved_groups, self.run.clock.scheduler_steps_per_epoch is not None
        for name, arg_type in arg_types(spec).items():
            value = getattr(spec, name)
            entries = value if isinstance(arg_type, PerGroup) and isinstance(value, tuple) else (value,)
            if entries is value and len(entries) != len(groups):
                message = f"has {len(entries)} values for {counted(len(groups), 'parameter group')}"
                yield Problem(field=name, message=message)
            elif isinstance(arg_type, PerGroup) and isinstance(arg_type.item, Rate):
                yield from _not_shares(name, entries if entries is value else entries * len(groups), groups)
            elif not has_epochs and any(isinstance(it, Expression) and "steps_per_epoch" in it.used for it in entries):
                message = f"takes steps_per_epoch, and the run has no epochs: {self.run.clock.why_no_epochs}"
                yield Problem(field=name, message=message)
        for number, child in enumerate(spec.children()):
            yield from (problem.within(f"schedulers[{number}]") for problem in self._misfits(child))

    def _refused(self) -> Sequence[Problem]:
        """Return what the scheduler refuses once it knows the run and the optimizer."""
        try:
            _ = self.resolved
        except SpecError as error:
            return error.problems
        return ()

    def _too_many(self) -> Iterator[Problem]:
        """Yield a problem for a replay that would not end."""
        groups = len(self.optimizer.resolved_groups)
        if self.changes > MAX_CHANGES:
            count = f"{counted(self.run.clock.scheduler_steps, 'scheduler step')} of {counted(groups, 'group')}"
            message = f"changes a learning rate {self.changes:,} times in {count}; at most {MAX_CHANGES:,}"
            yield Problem(message=message)

    @cached_property
    def changes(self) -> int:
        """How often a replay changes a learning rate, which says how long it takes."""
        return _changes(self.scheduler, self.run.clock.scheduler_steps) * len(self.optimizer.resolved_groups)

    @cached_property
    def resolved(self) -> SchedulerSpec:
        """The scheduler with all that comes from the run and the parameter groups filled in."""
        clock, base_lrs = self.run.clock, tuple(group.lr for group in self.optimizer.resolved_groups)
        known = Known(base_lrs, clock.scheduler_steps_per_epoch, 0, self.optimizer.lr, self.run.releases)
        return self.scheduler.resolved(clock.scheduler_steps, known)

    @cached_property
    def follows(self) -> Mapping[str, str]:
        """The version of each library, by its name, whose behaviour the schedule has."""
        return {spec.library: self._version(spec) for spec in _owned(self.resolved)}

    def _version(self, spec: SchedulerSpec) -> str:
        """Return the version that a library's scheduler follows: the one that the run names, if it was compared."""
        release = self.run.releases.get(spec.library)
        if release is None or release > spec.newest:
            return ".".join(map(str, spec.newest))
        is_older = release < spec.oldest[: len(release)]
        return ".".join(map(str, spec.oldest)) if is_older else str(getattr(self.run, spec.library))

    def lines(self) -> list[str]:
        """Return in words what the run's length came to, and which version of a library each schedule follows."""
        named = dict.fromkeys((spec.name, spec.library, self._version(spec)) for spec in _owned(self.resolved))
        schedules = [
            f"schedule: {name} as {library} {version} has it{self._said(library, version)}"
            for name, library, version in named
        ]
        return [*self.run.lines(), *schedules]

    def _said(self, library: str, version: str) -> str:
        """Return what the run has to do with the version that a schedule follows."""
        if library not in self.run.releases:
            return ""
        said: str = getattr(self.run, library)
        if said == version:
            return ", as the run says"
        end = "newest" if self.run.releases[library] > tuple(map(int, version.split("."))) else "oldest"
        return f", the {end} that was compared (the run says {said})"

    @property
    def stride(self) -> int:
        """How many optimizer steps lie between two changes of a learning rate, at least; a checkpoint is one."""
        stride = self.run.clock.stride
        return stride if self.resume is None or self.resume.step % stride == 0 else 1

    @property
    def metric_stride(self) -> int:
        """How many optimizer steps lie between two metrics that the scheduler is given."""
        return self.run.clock.stride * self.resolved.every

    @property
    def trains(self) -> bool:
        """Whether the scheduler watches a loss, so that the replay must train."""
        return bool(self.scheduler.stepped_with() == TRAIN)

    @property
    def schedule(self) -> str:
        """What the scheduler is called, in torch's names but for a `warmup:`."""
        title = self.scheduler.title
        return f"Warmup{title.removeprefix(self.scheduler.children()[0].title)}" if self.warmup else title

    @property
    def name(self) -> str:
        """The title, or what the scheduler is called."""
        return self.title or self.schedule

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


def _owned(spec: SchedulerSpec) -> Iterator[SchedulerSpec]:
    """Yield the schedulers that are a library's; what is inside one of those is its own matter."""
    if spec.library:
        yield spec
    else:
        for child in spec.children():
            yield from _owned(child)


def _too_few(spec: SchedulerSpec, clock: Clock) -> Iterator[Problem]:
    """Yield a problem for a plateau that runs out of metrics before the run ends."""
    wanted, metric = (clock.settings - 1) // spec.every, spec.stepped_with()
    if isinstance(metric, tuple) and len(metric) < wanted:
        message = f"has {len(metric):,} values; the run steps its scheduler {wanted:,} times"
        yield Problem(field="metric_csv" if getattr(spec, "metric_csv", None) else "metric", message=message)


def _not_shares(name: str, lowest: Sequence[float | Share], groups: Sequence[ResolvedGroup]) -> Iterator[Problem]:
    """Yield a problem for a group without a learning rate, where torch needs factors of it: the lowest rates differ."""
    pairs = list(zip(lowest, groups, strict=True))
    numbers = {low.of(group.lr) if isinstance(low, Share) else low for low, group in pairs}
    for low, group in pairs if len(numbers) > 1 else ():
        if not isinstance(low, Share) and low and not group.lr:
            message = (
                f"differs between the groups, and {low:g} is no factor of the learning rate of {shown(group.name)}, 0"
            )
            yield Problem(field=name, message=message)
