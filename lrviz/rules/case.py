"""What a rule looks at: an experiment, its trace, and every scheduler in it with where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from lrviz.arrays import Values
from lrviz.errors import counted
from lrviz.experiment.argtypes import Duration, ListOf
from lrviz.experiment.clock import Clock
from lrviz.experiment.durations import REST
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.origin import KeyRead
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import ChainedScheduler, SchedulerSpec, SequentialLR
from lrviz.experiment.writer import as_document
from lrviz.rules.changes import Change, lookup, snippet
from lrviz.rules.curve import Curve
from lrviz.rules.finding import Finding, Severity
from lrviz.trace import Trace

REPLAY_FAILED = "replay-failed"

_SHORT = {"total_iters": "warmup", "start_factor": "warmup_start"}  # how `warmup:` writes a LinearLR's arguments


class Mark(NamedTuple):
    """A step at which a scheduler is to do something."""

    name: str  # "milestone 30"
    number: int  # among the scheduler's
    step: int  # scheduler step of the run


@dataclass(frozen=True)
class Part:
    """A scheduler where it stands: from scheduler step `start` until `end` of the run."""

    spec: SchedulerSpec  # its horizon filled in
    place: str  # its path in the document: "scheduler.schedulers[1]"; "" for what `warmup:` stands for
    start: int
    end: int
    owner: Part | None = None  # the container that it is in, as schedulers[number]
    number: int = 0
    is_last: bool = True  # nothing takes over from it before the run ends
    warmup: int = 0  # the steps of `warmup:`, on the sequence that it makes and that the document does not write

    @property
    def steps(self) -> int:
        return self.end - self.start

    @property
    def is_container(self) -> bool:
        return isinstance(self.spec, (SequentialLR, ChainedScheduler))

    @property
    def name(self) -> str:
        """What a message calls it: torch's class, and where it stands in a list of the document."""
        inner = self.place.removeprefix("scheduler").lstrip(".")
        return f"{self.spec.label} ({inner})" if inner else self.spec.label if self.place else "the warmup"

    def field(self, argument: str) -> str:
        """Return an argument's path in the document."""
        return f"{self.place}.{argument}" if self.place else _SHORT[argument]

    def change(self, **values: Any) -> tuple[Change, ...]:
        """Return the changes that give it new arguments; None leaves one out."""
        return tuple(Change(self.field(name), value, remove=value is None) for name, value in values.items())

    def marks(self) -> list[Mark]:
        """Return the steps that its arguments name, as the document counts them: from the end of a `warmup:`."""
        own = self.spec.marks()
        names = ["the end of the warmup"] * bool(self.warmup)
        names += [f"milestone {mark - self.warmup:,}" for mark in own[len(names) :]]
        return [Mark(name, number, self.start + own[number]) for number, name in enumerate(names)]

    def counts(self) -> list[str]:
        """Return the paths of its arguments that count scheduler steps."""
        fields: list[str] = []
        for name, kind in arg_types(self.spec).items():
            if isinstance(kind, Duration):
                fields.append(self.field(name))
            elif isinstance(kind, ListOf) and isinstance(kind.item, Duration):
                fields += [f"{self.field(name)}[{number}]" for number in range(len(getattr(self.spec, name)))]
        return fields


def _document_of(experiment: Experiment) -> dict[str, Any]:
    """Return the document of an experiment in ordinary data: the one it was read from, or one that says the same."""
    if experiment.document is not None:
        plain: dict[str, Any] = experiment.document.plain()
        return plain
    return {name: as_document(getattr(experiment, name)) for name in ("run", "optimizer", "scheduler")}


def _parts_of(experiment: Experiment, document: Mapping[str, Any]) -> list[Part]:
    """Return every scheduler of an experiment, containers before what they hold, in order."""
    spec, end = experiment.resolved, experiment.run.clock.scheduler_steps
    warmup = experiment.warmup if isinstance(spec, SequentialLR) else 0
    root = Part(spec, "scheduler", spec.first_step, end, warmup=warmup)
    return list(_parts(root, document))


def _parts(part: Part, document: Mapping[str, Any]) -> Iterator[Part]:
    yield part
    segments = part.spec.segments(part.start, part.end)
    for number, segment in enumerate(segments):
        start, end = min(segment.start, part.end), min(segment.end, part.end)
        is_last = (segment.start, segment.end) == (segments[-1].start, segments[-1].end)
        place = _place(part, number, document)
        yield from _parts(
            Part(segment.spec, place, start, end, part, number, part.is_last and part.is_container and is_last),
            document,
        )


def _place(part: Part, number: int, document: Mapping[str, Any]) -> str:
    """Return where a document writes what is inside a part: in a list, or by the word `warmup`."""
    if not part.is_container:  # a plateau, with a warmup beside it
        own = f"{part.place}.warmup"
        return own if lookup(document, own) is not None else ""
    if part.warmup and not number:
        return ""
    is_list = not part.warmup or lookup(document, "scheduler.schedulers") is not None
    return f"{part.place}.schedulers[{number - bool(part.warmup)}]" if is_list else part.place


@dataclass(frozen=True, kw_only=True)
class Case:
    """What one rule looks at; an empty trace is of a scheduler that could not be built."""

    experiment: Experiment
    trace: Trace
    document: Mapping[str, Any]
    parts: Sequence[Part]
    rule: str = ""
    severity: Severity = "error"
    explains: tuple[str, ...] = ()

    @classmethod
    def of(cls, experiment: Experiment, trace: Trace) -> Case:
        document = _document_of(experiment)
        return cls(experiment=experiment, trace=trace, document=document, parts=_parts_of(experiment, document))

    @property
    def clock(self) -> Clock:
        return self.experiment.run.clock

    def at(self, record: int) -> str:
        """Return in words which step a record of the trace is of: "step 1,234"; of some logs, which epoch."""
        log = self.trace.log
        return f"{log.unit if log else 'step'} {self.trace.step_at(record):,}"

    def records(self, count: int) -> str:
        """Return so many records of the trace in words: steps, unless it is a log, which has not every one."""
        return counted(count, "record" if self.trace.log else "step")

    @property
    def scheduler(self) -> SchedulerSpec:
        """The whole scheduler, its horizons filled in."""
        return self.experiment.resolved

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """What each parameter group's learning rate does; none of an empty trace."""
        pairs = zip(self.experiment.optimizer.resolved_groups, self.trace.groups, strict=False)
        several = len(self.trace.groups) > 1
        named = ((spec.lr, group, f" (group {group.name})" if several else "") for spec, group in pairs)
        return tuple(Curve(number, *rest) for number, rest in enumerate(named) if self.trace.steps)

    def rates(self, part: Part) -> Iterator[Values]:
        """Yield for each parameter group the learning rates trained with while a part was active."""
        first, last = self.clock.step_of(part.start), self.clock.step_of(part.end)
        yield from (group.lr[first:last] for group in self.trace.groups)

    def written(self, field: str) -> Any:
        """Return what the document says at a path, None where it says nothing."""
        return lookup(self.document, field)

    @cached_property
    def bare_counts(self) -> dict[str, int]:
        """The bare numbers of scheduler steps in the document, by path; one with a unit is never in the wrong one."""
        numbers = {field: _bare(self.written(field)) for part in self.parts for field in part.counts()}
        return {field: number for field, number in numbers.items() if number is not None}

    def has_unit(self, part: Part) -> bool:
        """Return whether any count of a part is written with a unit."""
        written = (self.written(field) for field in part.counts())
        return any(value is not None and _bare(value) is None for value in written)

    def bare_length(self, part: Part) -> int | None:
        """Return a part's length where it is given by bare numbers."""
        name = part.spec.length_arg
        is_given = not name or any(self.written(part.field(one)) for one in (name, "epochs"))  # OneCycleLR's way, too
        return part.spec.length() if is_given and not self.has_unit(part) else None

    def resized(self, part: Part, steps: int) -> tuple[Change, ...]:
        """Return the changes that give a part, or its first period, so many steps; none where no argument says it."""
        return part.change(**part.spec.lasting(steps)) if steps >= 1 else ()

    def ending(self, part: Part, steps: int, text: str | None = None) -> tuple[Change, ...]:
        """Return the changes that let a part end after so many steps, and the last one after it take the others.

        `text` is how the document is to write them.
        """
        own = tuple(Change(change.field, text or change.value, change.remove) for change in self.resized(part, steps))
        owner = part.owner
        after = [other for other in self.parts if other.owner is owner and other.number == part.number + 1]
        if owner is None or not isinstance(owner.spec, SequentialLR) or not after:
            return own
        (following,) = after
        if part.start + steps >= following.end:
            return ()
        if part.place:
            mark = part.start - owner.start - owner.warmup + steps
            own += (Change(f"{owner.place}.milestones[{part.number - bool(owner.warmup)}]", text or mark),)
        length, left = self.bare_length(following), following.end - part.start - steps
        if length and following.is_last and following.spec.length_arg and (length > left or length >= following.steps):
            own += self.resized(following, left)
        return own

    def finding(
        self,
        message: str,
        fix: str,
        step: int | None = None,
        changes: Sequence[Change] = (),
        severity: Severity | None = None,
        *,
        explains_failure: bool = False,
    ) -> Finding:
        """Return what the rule found at a record of the trace; `severity` is the rule's own unless given.

        A trainer's config has no changes, which are of lrviz's own document: its keys are named instead.
        """
        keys = self._keys(changes)
        if keys:
            fix += f" ({', '.join(key.key for key in keys)})"
        if self.experiment.origin is not None:
            changes = ()
        changes = [one for one in changes if one.remove or one.value != self.written(one.field)]
        return Finding(
            rule=self.rule,
            severity=severity or self.severity,
            message=message,
            fix=fix,
            changes=tuple(changes),
            snippet=snippet(self.document, changes) if changes else "",
            step=None if step is None else self.trace.step_at(min(step, self.clock.steps - 1)),
            explains=self.explains + (REPLAY_FAILED,) * explains_failure,
            place=keys[0].place if keys else "",
        )

    def _keys(self, changes: Sequence[Change]) -> list[KeyRead]:
        """Return the keys of a trainer's config that changes of its document stand for."""
        fields = [change.field for change in changes]
        read = self.experiment.origin.read if self.experiment.origin else ()
        return [key for key in read if key.became in fields]


def _bare(value: Any) -> int | None:
    """Return a written duration as a number where it has no unit."""
    text = str(value).strip().replace("_", "")
    return None if value is None or text.endswith(("ep", "%", REST)) else int(float(text))


def rounded(rate: float) -> float:
    """Return a computed rate with the digits that somebody would write."""
    return float(f"{rate:.4g}")


def percent(part: float, whole: float) -> str:
    """Return a share in percent, which is 0 % or 100 % only where it is exactly that."""
    share = part / whole if whole else 0.0
    for digits in range(3):
        text = f"{share:.{digits}%}"
        if share in (0, 1) or float(text[:-1]) not in (0, 100):
            return text
    return "almost none" if share < 0.5 else "almost all"
