"""From a document to an Experiment, in one walk: every problem at once, each at its own place."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lrviz.errors import UNKNOWN_KEY, Problem, SpecError, nearest, shown
from lrviz.experiment.argtypes import (
    LONGEST_TEXT,
    ArgType,
    CsvColumn,
    Duration,
    Invalid,
    ListOf,
    MappingOf,
    Metric,
    PerGroup,
    Text,
)
from lrviz.experiment.clock import MAX_STEPS, Clock, Run
from lrviz.experiment.durations import REST, Rest, Scope, steps_of
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.metrics import read_column
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.record import Record, RecordOf, arg_types, is_required
from lrviz.experiment.schedulers import Custom, SchedulerArg, SchedulerSpec, SequentialLR, Warmup, lookup
from lrviz.experiment.schedulers.composite import edges
from lrviz.experiment.values import Value, located
from lrviz.experiment.writer import in_flow

T = TypeVar("T")
R = TypeVar("R", bound=Record)

MAX_SCHEDULERS = 1_000
SHOWN = 20  # problems of one document
LONGEST_KEY = 60  # characters of one that a message shows

STAND_IN = Clock(steps=MAX_STEPS, steps_per_epoch=MAX_STEPS // 1000, stride=1)
"""Resolves durations where the run itself is wrong, so that only what is wrong anyway is reported."""


def build(
    root: Value,
    *,
    folder: Path | None = None,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    sections: Mapping[str, type[Record]] | None = None,
) -> Experiment:
    """Return the experiment that a tree of values describes.

    `folder` is where relative paths in it start, and what files may lie in, beside `allow_files`;
    `sections` are what else a document may hold, by key. Raises SpecError with every problem found.
    """
    if isinstance(allow_import, str):  # in which any part of its text would be found
        raise SpecError(f"allow_import must be a list of modules, such as ['my_module'], not {shown(allow_import)}")
    if isinstance(allow_files, (str, os.PathLike)):
        raise SpecError(f"allow_files must be a list of folders, such as ['logs'], not {shown(allow_files)}")
    reader = _Reader(folder or Path(), allow_import, [Path(path) for path in allow_files], sections or {})
    reader.problems.extend(root.problems)
    experiment = reader.experiment(root)
    if experiment is None or reader.problems:
        raise SpecError(_first(sorted(located(reader.problems, root), key=line_of)), reader.found)
    return experiment


def read_record(cls: type[R], value: Value) -> R:
    """Return the record that a value describes; raises SpecError with every problem found, at its own place."""
    reader = _Reader(Path(), (), (), {})
    record = reader.record(cls, value, "")
    if record is None or reader.problems:
        raise SpecError(located(reader.problems, value))
    return record


def _first(problems: list[Problem]) -> list[Problem]:
    """Return the problems that fit on a screen, and how many more there are."""
    shown, more = problems[:SHOWN], len(problems) - SHOWN
    file = shown[-1].place.rpartition(":")[0]
    return [*shown, Problem(place=file, message=f"and {more:,} more")] if more > 0 else shown


def line_of(problem: Problem) -> int:
    """Return the line that a problem's place ends in, 0 where it has none."""
    tail = problem.place.rpartition(":")[2]
    return int(tail) if tail.isdecimal() else 0


class _Reader:
    """Reads values into records; whatever is wrong goes into `problems`, and None comes back."""

    def __init__(
        self,
        folder: Path,
        allow_import: Collection[str],
        allow_files: Collection[Path],
        sections: Mapping[str, type[Record]],
    ) -> None:
        self.folder = folder
        self.allow_import = allow_import
        self.allow_files = allow_files
        self.sections = sections
        self.clock = STAND_IN
        self.problems: list[Problem] = []
        self.found: dict[type[Record], Record] = {}  # of the sections

    def refuse(self, field: str, message: str, cause: str = "") -> None:
        self.problems.append(Problem(field=field, message=message, cause=cause))

    def experiment(self, root: Value) -> Experiment | None:
        if not isinstance(root.data, dict):
            self.refuse("", f"must be a mapping with a scheduler, not {_what(root)}")
            return None
        entries = root.data
        own = {key: value for key, value in entries.items() if not key.startswith("x-")}  # those hold anchors
        self.unknown(own, ("title", "run", "optimizer", "scheduler", *arg_types(Warmup), *self.sections), "")
        run = self.record(Run, entries.get("run", Value({})), "run")
        self.clock = run.clock if run else STAND_IN
        optimizer = self.record(OptimizerSpec, entries.get("optimizer", Value({})), "optimizer")
        given = {key: cls for key, cls in self.sections.items() if key in entries}
        sections = {cls: self.record(cls, entries[key], key) for key, cls in given.items()}
        self.found = {cls: record for cls, record in sections.items() if record is not None}
        title = self.argument(Text("", blank=True), entries["title"], "title") if "title" in entries else None
        if "scheduler" not in entries:
            self.refuse("scheduler", "missing; for example scheduler: {name: onecycle, max_lr: 1e-3}")
            return None
        schedulers = _schedulers(entries["scheduler"])
        if schedulers > MAX_SCHEDULERS:
            self.refuse("scheduler", f"holds {schedulers:,} schedulers; at most {MAX_SCHEDULERS:,}")
            return None
        warmup = self.record(Warmup, Value({key: entries[key] for key in arg_types(Warmup) if key in entries}), "")
        steps = (warmup.warmup if warmup else None) or 0
        scheduler = self.warmed_up(entries["scheduler"], warmup, steps)
        if run is None or optimizer is None or scheduler is None:
            return None
        parts: dict[str, Any] = {"run": run, "optimizer": optimizer, "scheduler": scheduler, "sections": sections}
        return self.attempt(lambda: Experiment(**parts, title=title, warmup=steps, document=root), "")

    def warmed_up(self, value: Value, warmup: Warmup | None, steps: int) -> SchedulerSpec | None:
        """Read the scheduler, and put a warmup of so many steps before it."""
        scope = Scope(self.clock.scheduler_steps - steps, Rest() if steps else None)
        scheduler = self.scheduler(value, "scheduler", scope)
        if warmup is None or scheduler is None:
            return None
        return self.attempt(lambda: warmup.before(scheduler), "")

    def unknown(self, entries: Mapping[str, Value], allowed: Collection[str], field: str) -> None:
        for key, value in entries.items():
            if key not in allowed:
                hint = nearest(key, allowed) if len(self.problems) < SHOWN else ""
                message = f"unknown key{hint or '; known are ' + ', '.join(allowed)}"
                self.problems.append(
                    Problem(field=_clipped(key), message=message, cause=UNKNOWN_KEY).within(field).at(value.place)
                )

    def scheduler(self, value: Value, field: str, scope: Scope) -> SchedulerSpec | None:
        if not isinstance(value.data, dict):
            self.refuse(field, f"must be a mapping such as {{name: cosine}}, not {_what(value)}")
            return None
        entries = dict(value.data)
        name = entries.pop("name", Value(None))
        if not isinstance(name.data, str):
            missing = "missing; for example scheduler: {name: onecycle, max_lr: 1e-3}"
            self.refuse(
                f"{field}.name", missing if name.data is None else f"must be a scheduler's name, not {_what(name)}"
            )
            return None
        if ":" in name.data:
            return self.custom(name.data, entries, value.place, field)
        try:
            spec = lookup(name.data)
        except SpecError as error:
            self.refuse(f"{field}.name", str(error))
            return None
        if spec is Custom:  # its target would run code that nobody allowed
            known = f"unknown scheduler {shown(name.data)}; one of your own is package.module:Name"
            self.refuse(f"{field}.name", known)
            return None
        if spec is SequentialLR:
            entries, scope = self.sequence(entries, field, scope.length)
        return self.record(spec, Value(entries, value.place), field, scope)

    def custom(self, name: str, entries: dict[str, Value], place: str, field: str) -> SchedulerSpec | None:
        module, _, attribute = name.partition(":")
        if len(name) > LONGEST_TEXT or not all(
            part.isidentifier() for part in (*module.split("."), *attribute.split("."))
        ):
            self.refuse(f"{field}.name", f"must be package.module:Name, not {shown(name)}")
            return None
        if module not in self.allow_import:
            self.refuse(f"{field}.name", f"{shown(name)} would run code; allow it with --allow-import {module}")
            return None
        self.unknown(entries, ("args",), field)
        given = {key: value for key, value in entries.items() if key == "args"}
        return self.record(Custom, Value({"target": Value(name), **given}, place), field)

    def sequence(self, entries: dict[str, Value], field: str, length: int | None) -> tuple[dict[str, Value], Scope]:
        """Resolve a sequence's milestones; return its entries with them, and the scopes of its children."""
        children, milestones = (entries.get(name, Value(None)) for name in ("schedulers", "milestones"))
        if not isinstance(children.data, list) or not isinstance(milestones.data, list):
            return entries, Scope(length)
        rest = Rest()
        steps = self.milestones(milestones.data, children.data, f"{field}.milestones", length, rest)
        if any(step is None for step in steps) or length is None:
            scopes = [Scope(None, rest) for _ in children.data]
        else:
            parts = edges([step for step in steps if step is not None], length)
            scopes = [Scope(end - start, rest) for start, end in parts]
        placed = [Value(step or 0, old.place) for step, old in zip(steps, milestones.data, strict=True)]
        return entries | {"milestones": Value([*placed], milestones.place)}, Scope(length, None, scopes)

    def milestones(
        self, given: Sequence[Value], children: Sequence[Value], field: str, length: int | None, rest: Rest
    ) -> list[int | None]:
        """Return the step of each milestone, None for one that is wrong."""
        arg_type = arg_types(SequentialLR)["milestones"]
        assert isinstance(arg_type, ListOf)
        is_rest = [value.data == REST and number + 1 < len(children) for number, value in enumerate(given)]
        steps: list[int | None] = [
            None if open_ else self.argument(arg_type.item, value, f"{field}[{number}]")
            for number, (value, open_) in enumerate(zip(given, is_rest, strict=True))
        ]
        for number in (number for number, open_ in enumerate(is_rest) if open_):
            end = steps[number + 1] if number + 1 < len(steps) else length
            place = f"{field}[{number}]"
            own = self.own_length(children[number + 1], place)
            fitting = None if end is None or own is None else end - own
            steps[number] = self.converted(lambda: rest.take(place, fitting), place)  # noqa: B023  called at once
        return steps

    def own_length(self, child: Value, field: str) -> int | None:
        """Return the length that the scheduler after a milestone of `rest` says it has."""
        entries = child.data if isinstance(child.data, dict) else {}
        name = entries.get("name", Value(None)).data
        try:
            spec = lookup(name) if isinstance(name, str) else None
        except SpecError:
            spec = None
        if spec is None:
            return None
        given = entries.get(spec.length_arg)
        if given is None or given.data in (None, REST):
            needs = f"give its {spec.length_arg}" if spec.length_arg else f"{spec.name} has none"
            self.refuse(field, f"rest needs the length of the scheduler after it; {needs}")
            return None
        before = len(self.problems)
        length = self.argument(arg_types(spec)[spec.length_arg], given, field)
        del self.problems[before:]  # the child itself is read later, and says what is wrong
        return length if isinstance(length, int) else None

    def record(self, cls: type[R], value: Value, field: str, scope: Scope = Scope(None)) -> R | None:  # noqa: B008  frozen
        """Read a mapping into a record; None where anything in it is wrong."""
        entries = {} if value.data is None else value.data
        known = arg_types(cls)
        if not isinstance(entries, dict):
            self.refuse(field, f"must be a mapping such as {{{next(iter(known))}: …}}, not {_what(value)}")
            return None
        self.unknown(entries, known, field)
        before = len(self.problems)
        prefix = f"{field}." if field else ""
        for name in (entry.name for entry in cls.__dataclass_fields__.values() if is_required(entry)):
            if name not in entries:
                self.refuse(f"{prefix}{name}", f"missing: {known[name].help}{_example(cls)}")
        given = {name: entry for name, entry in entries.items() if name in known}
        arguments = {name: self.argument(known[name], entry, prefix + name, scope) for name, entry in given.items()}
        for name, arg_type in known.items():
            if isinstance(arg_type, CsvColumn) and name in arguments:
                self.fill(arguments, name, arg_type.fills, field, given[name].place)
        if len(self.problems) > before:
            return None
        return self.attempt(lambda: cls(**arguments), field)

    def fill(self, arguments: dict[str, Any], name: str, fills: str, field: str, place: str) -> None:
        """Read the column that the argument `name` names into the one it fills.

        A flag is the user's own, counts from the current folder and may name any file.
        """
        source = arguments[name]
        if fills in arguments:
            self.refuse(f"{field}.{name}", f"{fills} and {name} exclude each other")
        elif source is not None:
            is_flag = place.startswith("--") and not re.search(r":[0-9]+$", place)  # a file may be called so
            folders = () if is_flag else (self.folder, (self.folder, *self.allow_files))
            arguments[fills] = self.attempt(lambda: read_column(source, *folders), field)

    def argument(self, arg_type: ArgType, value: Value, field: str, scope: Scope = Scope(None)) -> Any:  # noqa: B008
        """Read one value; its items, where it has any, are read one by one."""
        data = value.data
        if data is None:
            self.refuse(field, f"has no value: {arg_type.help}" if arg_type.help else "has no value")
        elif isinstance(arg_type, (ListOf, PerGroup)) and isinstance(data, list):
            return self.items(arg_type, data, field, scope)
        elif isinstance(arg_type, Metric) and isinstance(data, list):
            return self.items(arg_type.numbers, data, field, scope)
        elif isinstance(arg_type, MappingOf) and isinstance(data, dict):
            return self.pairs(arg_type, data, field, scope)
        elif isinstance(arg_type, RecordOf):
            return self.record(arg_type.record, value, field)
        elif isinstance(arg_type, SchedulerArg):
            return self.scheduler(value, field, scope)
        elif isinstance(arg_type, Duration):
            return self.converted(lambda: arg_type.convert(steps_of(data, arg_type, self.clock, scope, field)), field)
        else:
            return self.converted(lambda: arg_type.convert(value.plain()), field)
        return None

    def items(self, arg_type: ListOf | PerGroup, data: list[Value], field: str, scope: Scope) -> Any:
        before = len(self.problems)
        if isinstance(arg_type, ListOf):
            try:
                arg_type.check_size(len(data))
            except Invalid as error:
                self.refuse(field, str(error))
                return None
        found = [
            self.argument(arg_type.item, item, f"{field}[{number}]", scope.child(number))
            for number, item in enumerate(data)
        ]
        return self.converted(lambda: arg_type.convert(found), field) if len(self.problems) == before else None

    def pairs(self, arg_type: MappingOf, data: dict[str, Value], field: str, scope: Scope) -> Any:
        """Read the learning rates that are set by hand; a key is a duration, too."""
        found: dict[Any, Any] = {}
        before = len(self.problems)
        for text, entry in data.items():
            known = len(self.problems)
            own = f"{field}[{_clipped(text)}]"
            step = self.argument(arg_type.key, Value(text, entry.place), own, scope)
            rate = self.argument(arg_type.item, entry, own, scope)
            if step in found:
                self.refuse(own, f"{text} is step {step}, at which a learning rate is set already")
            found[step] = rate
            self.problems[known:] = [problem.at(entry.place) for problem in self.problems[known:]]
        return self.converted(lambda: arg_type.convert(found), field) if len(self.problems) == before else None

    def converted(self, convert: Callable[[], T], field: str) -> T | None:
        try:
            return convert()
        except Invalid as error:
            self.refuse(field, str(error), error.cause)
            return None

    def attempt(self, make: Callable[[], T], field: str) -> T | None:
        try:
            return make()
        except SpecError as error:
            self.problems.extend(problem.within(field) for problem in error.problems)
            return None


def _schedulers(value: Value) -> int:
    """Return how many schedulers a document's scheduler holds, itself included, whatever is wrong with them."""
    entries = value.data if isinstance(value.data, dict) else {}
    children = entries.get("schedulers", Value(None)).data
    return 1 + sum(map(_schedulers, children if isinstance(children, list) else ()))


def _clipped(key: str) -> str:
    return key if len(key) <= LONGEST_KEY else f"{key[:LONGEST_KEY]}…"


def _what(value: Value) -> str:
    if isinstance(value.data, dict):
        return "a mapping"
    return "a list" if isinstance(value.data, list) else "nothing" if value.data is None else shown(value.data)


def _example(cls: type[Record]) -> str:
    example = getattr(cls, "example", None)
    if not example:
        return ""
    return f"; for example scheduler: {in_flow({'name': getattr(cls, 'name', ''), **example})}"
