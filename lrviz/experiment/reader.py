"""From a document to an Experiment: every problem at once, each with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.argtypes import ArgType, Column, Invalid, Record, Text, arg_types, is_required
from lrviz.experiment.clock import MAX_STEPS, Clock, Run
from lrviz.experiment.durations import resolve, resolve_count
from lrviz.experiment.experiment import CheckSettings, Experiment, GalleryPlace
from lrviz.experiment.metrics import read_column
from lrviz.experiment.optimizers import Group, Groups, OptimizerSpec
from lrviz.experiment.schedulers import Children, Custom, SchedulerSpec, lookup
from lrviz.experiment.values import Value, located
from lrviz.experiment.warmup import Warmup
from lrviz.experiment.writer import in_flow

__all__ = ["build", "load"]

T = TypeVar("T")
R = TypeVar("R", bound=Record)

TOP_LEVEL = ("title", "run", "optimizer", "scheduler", *arg_types(Warmup), "check", "gallery")

STAND_IN = Clock(steps=MAX_STEPS, steps_per_epoch=MAX_STEPS // 1000, stride=1)
"""Resolves durations where the run itself is wrong, so that only what is wrong anyway is reported."""


def load(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    allow_import: Collection[str] = (),
    rules: Collection[str] | None = None,
) -> Experiment:
    """Return the experiment in a YAML file, or in a mapping of the same form.

    A scheduler of the form `package.module:Name` is refused unless its module is in `allow_import`,
    and a rule that `check` ignores unless it is in `rules`, where those are given. Raises SpecError
    with every problem of the document, each with its line.
    """
    if isinstance(source, Mapping):
        return build(Value.of(source), allow_import=allow_import, rules=rules)
    from lrviz.experiment.yaml_reader import read  # PyYAML takes as long to import as this whole room

    path = Path(source)
    return build(read(path), folder=path.parent, allow_import=allow_import, rules=rules)


def build(
    root: Value,
    *,
    folder: Path | None = None,
    allow_import: Collection[str] = (),
    rules: Collection[str] | None = None,
) -> Experiment:
    """Return the experiment that a tree of values describes.

    `folder` is where relative paths in it start, `rules` are the rules there are for `check` to
    ignore. Raises SpecError with every problem found.
    """
    reader = _Reader(folder or Path(), allow_import, rules)
    reader.problems.extend(root.problems)
    experiment = reader.experiment(root)
    if experiment is None or reader.problems:
        raise SpecError(sorted(located(reader.problems, root), key=_line))
    return experiment


def _line(problem: Problem) -> int:
    """Return the line that a problem's place ends in, 0 where it has none."""
    tail = problem.place.rpartition(":")[2]
    return int(tail) if tail.isdecimal() else 0


class _Reader:
    """Reads values into records; whatever is wrong goes into `problems`, and None comes back."""

    def __init__(self, folder: Path, allow_import: Collection[str], rules: Collection[str] | None) -> None:
        self.folder = folder
        self.allow_import = allow_import
        self.rules = rules
        self.problems: list[Problem] = []

    def refuse(self, field: str, message: str, rule: str | None = None) -> None:
        self.problems.append(Problem(field=field, message=message, rule=rule))

    def experiment(self, root: Value) -> Experiment | None:
        if not isinstance(root.data, dict):
            self.refuse("", f"must be a mapping with a scheduler, not {_what(root)}")
            return None
        entries = root.data
        self.unknown(entries, TOP_LEVEL, "")
        run = self.record(Run, entries.get("run", Value({})), "run")
        optimizer = self.record(OptimizerSpec, entries.get("optimizer", Value({})), "optimizer")
        gallery = self.record(GalleryPlace, entries.get("gallery", Value({})), "gallery")
        check = self.record(CheckSettings, entries.get("check", Value({})), "check")
        for number, rule in enumerate(check.ignore if check else ()):
            if self.rules is not None and rule not in self.rules:
                self.refuse(f"check.ignore[{number}]", f"unknown rule {shown(rule)}{nearest(rule, self.rules)}")
        title = self.argument(Text(""), entries["title"], "title") if "title" in entries else None
        if "scheduler" not in entries:
            self.refuse("scheduler", "missing; for example scheduler: {name: onecycle, max_lr: 1e-3}")
            return None
        scheduler = self.timed(entries, run.clock if run else STAND_IN)
        if run is None or optimizer is None or scheduler is None or gallery is None or check is None:
            return None
        parts: dict[str, Any] = {"run": run, "optimizer": optimizer, "scheduler": scheduler, "gallery": gallery}
        return self.attempt(lambda: Experiment(**parts, title=title, ignore=check.ignore), "")

    def timed(self, entries: Mapping[str, Value], clock: Clock) -> SchedulerSpec | None:
        """Read the scheduler, its durations resolved, and the warmup before it."""
        given = {name: entries[name] for name in arg_types(Warmup) if name in entries}
        if "warmup" in given:
            given["warmup"], problems = resolve_count(given["warmup"], arg_types(Warmup)["warmup"], clock, "warmup")
            self.problems.extend(problems)
        warmup = self.record(Warmup, Value(given), "")
        after = warmup.warmup if warmup else None
        value, problems = resolve(entries["scheduler"], clock, after=after)
        self.problems.extend(problems)
        scheduler = self.scheduler(value, "scheduler")
        if warmup is None or scheduler is None:
            return None
        return self.attempt(lambda: warmup.before(scheduler), "")

    def unknown(self, entries: Mapping[str, Value], allowed: Collection[str], field: str) -> None:
        for key, value in entries.items():
            if key not in allowed:
                message = f"unknown key{nearest(key, allowed) or '; known are ' + ', '.join(allowed)}"
                self.problems.append(Problem(field=key, place=value.place, message=message).within(field))

    def scheduler(self, value: Value, field: str) -> SchedulerSpec | None:
        if not isinstance(value.data, dict):
            self.refuse(field, f"must be a mapping such as {{name: cosine}}, not {_what(value)}")
            return None
        entries = dict(value.data)
        name = entries.pop("name", Value(None))
        if not isinstance(name.data, str):
            message = "missing; for example scheduler: {name: onecycle, max_lr: 1e-3}"
            wrong = f"must be a scheduler's name, not {_what(name)}"
            self.refuse(f"{field}.name", message if name.data is None else wrong)
            return None
        if ":" in name.data:
            return self.custom(name, entries, value.place, field)
        try:
            spec = lookup(name.data)
        except SpecError as error:
            self.refuse(f"{field}.name", str(error))
            return None
        if spec is Custom:  # its target would run code that nobody allowed
            self.refuse(
                f"{field}.name", f"unknown scheduler {shown(name.data)}; one of your own is package.module:Name"
            )
            return None
        return self.record(spec, Value(entries, value.place), field)

    def custom(self, name: Value, entries: dict[str, Value], place: str, field: str) -> SchedulerSpec | None:
        module, _, attribute = str(name.data).partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
            self.refuse(f"{field}.name", f"must be package.module:Name, not {shown(name.data)}")
            return None
        if module not in self.allow_import:
            message = f"{shown(name.data)} would run code; allow it with --allow-import {module}"
            self.refuse(f"{field}.name", message)
            return None
        self.unknown(entries, ("args",), field)
        given = {key: value for key, value in entries.items() if key == "args"}
        return self.record(Custom, Value({"target": name, **given}, place), field)

    def record(self, cls: type[R], value: Value, field: str) -> R | None:
        """Read a mapping into a record; None where anything in it is wrong."""
        if value.data is None:
            value = Value({}, value.place)
        kinds = arg_types(cls)
        if not isinstance(value.data, dict):
            self.refuse(field, f"must be a mapping such as {{{next(iter(kinds))}: …}}, not {_what(value)}")
            return None
        self.unknown(value.data, kinds, field)
        before = len(self.problems)
        for name in (entry.name for entry in cls.__dataclass_fields__.values() if is_required(entry)):
            if name not in value.data:
                self.refuse(f"{field}.{name}", f"missing: {kinds[name].help}{_example(cls)}")
        given = {name: entry for name, entry in value.data.items() if name in kinds}
        prefix = f"{field}." if field else ""
        arguments = {name: self.argument(kinds[name], entry, prefix + name) for name, entry in given.items()}
        for name, kind in kinds.items():
            if isinstance(kind, Column) and name in arguments:
                self.fill(arguments, name, kind.fills, field)
        if len(self.problems) > before:
            return None
        return self.attempt(lambda: cls(**arguments), field)

    def fill(self, arguments: dict[str, Any], name: str, fills: str, field: str) -> None:
        """Read the column that the argument `name` names into the one it fills."""
        source = arguments[name]
        if fills in arguments:
            self.refuse(f"{field}.{name}", f"{fills} and {name} exclude each other")
        elif source is not None:
            arguments[fills] = self.attempt(lambda: read_column(source, self.folder), field)

    def argument(self, kind: ArgType, value: Value, field: str) -> Any:
        if isinstance(kind, Children) and isinstance(value.data, list):
            return [self.scheduler(child, f"{field}[{number}]") for number, child in enumerate(value.data)]
        if isinstance(kind, Groups) and isinstance(value.data, list):
            return [self.record(Group, group, f"{field}[{number}]") for number, group in enumerate(value.data)]
        if value.data is None:
            self.refuse(field, f"has no value: {kind.help}" if kind.help else "has no value")
            return None
        try:
            return kind.convert(value.plain())
        except Invalid as error:
            self.refuse(field, str(error), error.rule)
        return None

    def attempt(self, make: Callable[[], T], field: str) -> T | None:
        try:
            return make()
        except SpecError as error:
            self.problems.extend(problem.within(field) for problem in error.problems)
            return None


def _what(value: Value) -> str:
    if isinstance(value.data, dict):
        return "a mapping"
    return "a list" if isinstance(value.data, list) else "nothing" if value.data is None else shown(value.data)


def _example(cls: type[Record]) -> str:
    example = getattr(cls, "example", None)
    if not example:
        return ""
    return f"; for example scheduler: {in_flow({'name': getattr(cls, 'name', ''), **example})}"
