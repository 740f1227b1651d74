"""From a document to an Experiment: every problem at once, each with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.spec.clock import Run
from lrviz.spec.experiment import Experiment
from lrviz.spec.kinds import Column, Invalid, Kind, Record, Text, is_required, kinds_of
from lrviz.spec.optimizers import Group, Groups, OptimizerSpec
from lrviz.spec.schedulers import Children, Custom, SchedulerSpec, lookup
from lrviz.spec.source import MAX_BYTES, Value, located, parse

__all__ = ["build", "load", "read"]

T = TypeVar("T")
R = TypeVar("R", bound=Record)

TOP_LEVEL = ("title", "run", "optimizer", "scheduler", "gallery")


def load(source: str | os.PathLike[str] | Mapping[str, Any], *, allow_import: Collection[str] = ()) -> Experiment:
    """Return the experiment in a YAML file, or in a mapping of the same form.

    A scheduler of the form `package.module:Name` is refused unless its module is in `allow_import`.
    Raises SpecError with every problem of the document, each with its line.
    """
    if isinstance(source, Mapping):
        return build(Value.of(source), allow_import=allow_import)
    path = Path(source)
    return build(read(path), folder=path.parent, allow_import=allow_import)


def read(path: Path) -> Value:
    """Return the tree of a YAML file; raises SpecError where it cannot be read or is not YAML."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(Problem(place=str(path), message=f"cannot be read: {error.strerror or error}")) from None
    return parse(decode(data, str(path)), str(path))


def decode(data: bytes, name: str) -> str:
    """Return bytes as text; raises SpecError for what is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(data) > MAX_BYTES and error.start > MAX_BYTES - 4:  # cut inside a character
            return data[: error.start].decode("utf-8-sig") + " " * 8
        line = data.count(b"\n", 0, error.start) + 1
        told = f"not a text file in UTF-8 (byte {data[error.start]:#04x})"
        raise SpecError(Problem(place=f"{name}:{line}", message=told)) from None


def build(root: Value, *, folder: Path | None = None, allow_import: Collection[str] = ()) -> Experiment:
    """Return the experiment that a tree of values describes.

    `folder` is where relative paths in it start. Raises SpecError with every problem found.
    """
    reader = _Reader(folder or Path(), allow_import)
    reader.problems.extend(root.problems)
    experiment = reader.experiment(root)
    if experiment is None or reader.problems:
        raise SpecError(located(reader.problems, root))
    return experiment


class _Reader:
    """Reads values into records; whatever is wrong goes into `problems`, and None comes back."""

    def __init__(self, folder: Path, allow_import: Collection[str]) -> None:
        self.folder = folder
        self.allow_import = allow_import
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
        title = self.argument(Text(""), entries["title"], "title") if "title" in entries else None
        if "scheduler" not in entries:
            self.refuse("scheduler", "missing; for example scheduler: {name: onecycle, max_lr: 1e-3}")
            return None
        scheduler = self.scheduler(entries["scheduler"], "scheduler")
        if run is None or optimizer is None or scheduler is None or self.problems:
            return None
        return self.attempt(lambda: Experiment(run=run, optimizer=optimizer, scheduler=scheduler, title=title), "")

    def unknown(self, entries: Iterable[str], allowed: Collection[str], field: str) -> None:
        for key in entries:
            if key not in allowed:
                told = f"unknown key{nearest(key, allowed) or '; known are ' + ', '.join(allowed)}"
                self.refuse(f"{field}.{key}" if field else key, told)

    def scheduler(self, value: Value, field: str) -> SchedulerSpec | None:
        if not isinstance(value.data, dict):
            self.refuse(field, f"must be a mapping such as {{name: cosine}}, not {_what(value)}")
            return None
        entries = dict(value.data)
        name = entries.pop("name", Value(None))
        if not isinstance(name.data, str):
            self.refuse(f"{field}.name", f"must be a scheduler's name, not {_what(name)}" if name.data else "missing")
            return None
        if ":" in name.data:
            return self.custom(name, entries, value.place, field)
        try:
            spec = lookup(name.data)
        except SpecError as error:
            self.refuse(f"{field}.name", str(error))
            return None
        return self.record(spec, Value(entries, value.place), field)

    def custom(self, name: Value, entries: dict[str, Value], place: str, field: str) -> SchedulerSpec | None:
        module = str(name.data).partition(":")[0]
        if module not in self.allow_import:
            told = f"{shown(name.data)} would run code; allow it with --allow-import {module}"
            self.refuse(f"{field}.name", told)
            return None
        return self.record(Custom, Value({"target": name, **entries}, place), field)

    def record(self, cls: type[R], value: Value, field: str) -> R | None:
        """Read a mapping into a record; None where anything in it is wrong."""
        if value.data is None:
            value = Value({}, value.place)
        if not isinstance(value.data, dict):
            self.refuse(field, f"must be a mapping, not {_what(value)}")
            return None
        before = len(self.problems)
        kinds = kinds_of(cls)
        self.unknown(value.data, kinds, field)
        for name in (entry.name for entry in cls.__dataclass_fields__.values() if is_required(entry)):
            if name not in value.data:
                self.refuse(f"{field}.{name}", f"missing: {kinds[name].help}{_example(cls)}")
        given = {name: entry for name, entry in value.data.items() if name in kinds}
        arguments = {name: self.argument(kinds[name], entry, f"{field}.{name}") for name, entry in given.items()}
        if len(self.problems) > before:
            return None
        return self.attempt(lambda: cls(**arguments), field)

    def argument(self, kind: Kind, value: Value, field: str) -> Any:
        if isinstance(kind, Children) and isinstance(value.data, list):
            return [self.scheduler(child, f"{field}[{number}]") for number, child in enumerate(value.data)]
        if isinstance(kind, Groups) and isinstance(value.data, list):
            return [self.record(Group, group, f"{field}[{number}]") for number, group in enumerate(value.data)]
        data = value.plain()
        if isinstance(kind, Column) and isinstance(data, str):
            data = str(self.folder / data)
        try:
            return kind.convert(data)
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
    pairs = ", ".join(f"{name}: {_flow(value)}" for name, value in example.items())
    return f"; for example scheduler: {{name: {getattr(cls, 'name', '')}, {pairs}}}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(entry) for entry in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"
