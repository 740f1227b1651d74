"""What a project says in its pyproject.toml: to `lrviz check`, and of the runs of trainers' configs.

`[tool.lrviz.run]` says of every trainer's config what the file leaves open, and `[tool.lrviz.run."recipes/*.yaml"]` of
those that the pattern names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeVar

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Count, Metric
from lrviz.experiment.clock import Run
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.reader import read_record
from lrviz.experiment.record import Record, RecordOf, arg, arg_types
from lrviz.experiment.values import Value
from lrviz.rules.settings import ProjectSettings

NAME = "pyproject.toml"
LENGTHS = ("dataset_size", "steps_per_epoch", "steps")
"""What a config may ask for to know the run's length: who says one of them for a pattern means that one."""

R = TypeVar("R", bound=Record)

_RUN = arg_types(Run)


class OpenRun(Record):
    """What a trainer's config may leave open, by the names of the flags."""

    dataset_size: int | None = arg(_RUN["dataset_size"], default=None)
    world_size: int | None = arg(_RUN["world_size"], default=None)
    batch_size: int | None = arg(_RUN["batch_size"], default=None)
    steps_per_epoch: int | None = arg(_RUN["steps_per_epoch"], default=None)
    epochs: float | None = arg(_RUN["epochs"], default=None)
    steps: int | None = arg(_RUN["steps"], default=None)
    lr: float | None = arg(arg_types(OptimizerSpec)["lr"], default=None)
    metric: object = arg(Metric("what the schedule watches"), default=None)
    nc: int | None = arg(Count("classes of the data"), default=None)
    iterations: int | None = arg(Count("optimizer updates of the run"), default=None)
    transformers: str | None = arg(_RUN["transformers"], default=None)
    deepspeed: str | None = arg(_RUN["deepspeed"], default=None)
    ultralytics: str | None = arg(_RUN["ultralytics"], default=None)


class ToolSettings(Record):
    """The table `[tool.lrviz]` of a pyproject.toml."""

    check: ProjectSettings = arg(RecordOf(ProjectSettings, "what lrviz check looks at"), default=ProjectSettings())
    run: OpenRun | None = arg(RecordOf(OpenRun, "what trainers' configs leave open"), default=None)


@dataclass(frozen=True)
class Project:
    """What a pyproject.toml says, and its folder; the tables of `patterns` are those of the files that each names."""

    folder: Path = Path()
    check: ProjectSettings = ProjectSettings()
    run: Mapping[str, Value] = field(default_factory=dict)
    patterns: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def of(self, file: Path) -> dict[str, Value]:
        """Return what is said of a config: for all of them, and over that what later and later patterns say."""
        found = dict(self.run)
        for pattern, table in self.patterns.items():
            name = file.resolve().relative_to(self.folder).as_posix()
            if _matches(name, pattern):
                dropped = LENGTHS if table.keys() & set(LENGTHS) else ()
                found = {key: value for key, value in found.items() if key not in dropped} | dict(table)
        return found


def project_settings(folder: Path) -> ProjectSettings:
    """Return what the project of a folder says of rules."""
    return _project(folder).check


def said_of(file: Path) -> dict[str, Value]:
    """Return what the project of a trainer's config says of what the file may leave open, by name."""
    return _project(file.resolve().parent).of(file)


def _project(folder: Path) -> Project:
    """Return what the nearest pyproject.toml says, in or above a folder, that speaks of lrviz.

    Raises SpecError where it cannot be read, or says what there is not.
    """
    for parent in (folder, *folder.parents):
        file = parent / NAME
        try:
            stamp = file.stat().st_mtime_ns
        except OSError:
            continue
        project = _read(file, Path.cwd(), stamp)
        if project is not None:
            return project
    return Project()


@cache
def _read(file: Path, here: Path, stamp: int) -> Project | None:
    """Return what a file says, which is called as one sees it from `here`; None where it does not speak of lrviz."""
    table = _table(file, str(file.relative_to(here) if file.is_relative_to(here) else file))
    if table is None:
        return None
    entries = table.data if isinstance(table.data, dict) else {}
    run = entries.get("run", Value({}, table.place))
    plain = dict(run.data) if isinstance(run.data, dict) else {}
    names = [key for key, value in plain.items() if isinstance(value.data, dict) and key not in arg_types(OpenRun)]
    patterns = {key: plain.pop(key) for key in names}
    own = Value({**entries, "run": Value(plain, run.place)}, table.place) if plain or names else table
    settings = _settings(ToolSettings, own, "tool.lrviz")
    for key, value in patterns.items():
        _settings(OpenRun, value, f'tool.lrviz.run."{key}"')
    tables = {key: value.data for key, value in patterns.items() if isinstance(value.data, dict)}
    return Project(file.parent, settings.check, plain, tables)


def _settings(cls: type[R], table: Value, field: str) -> R:
    """Return the record that a table describes; raises SpecError with each problem at its line."""
    try:
        return read_record(cls, table)
    except SpecError as error:
        raise SpecError([problem.within(field) for problem in error.problems]) from None


def _table(file: Path, name: str) -> Value | None:
    """Return the table `[tool.lrviz]` of a file, None where there is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file in UTF-8"
        raise SpecError(Problem(place=name, message=f"cannot be read: {reason}")) from None
    if "lrviz" not in text:
        return None
    from lrviz.readers.configs import toml_syntax

    value = toml_syntax.parse(text, name)
    for key in ("tool", "lrviz"):
        if not isinstance(value.data, dict) or key not in value.data:
            return None
        value = value.data[key]
    return value


def _matches(name: str, pattern: str) -> bool:
    """Return whether a file's path has the form of a pattern: `*` stands for a part of a name, `**` for any folders.

    A pattern without a slash is one of the name alone, in whatever folder.
    """
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    form = "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern))
    return re.fullmatch(form, name if "/" in pattern else name.rpartition("/")[2]) is not None
