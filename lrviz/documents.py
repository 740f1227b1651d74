"""Documents: an experiment as a file or a mapping says it, with what else lrviz's commands read there."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lrviz.errors import SpecError, shown
from lrviz.experiment.argtypes import Bool, Text
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.reader import build
from lrviz.experiment.record import Record, arg
from lrviz.experiment.values import Value
from lrviz.rules.settings import CheckSettings


class GalleryPlace(Record):
    """The section `gallery` of a document: where `lrviz gallery` shows its figure."""

    section: str = arg(Text("heading of the index that it is under"), default="Schedules")
    summary: bool = arg(Bool("whether the summaries of all schedulers show it"), default=True)


SECTIONS: Mapping[str, type[Record]] = {"check": CheckSettings, "gallery": GalleryPlace}
"""What a document may hold beside the experiment, by key."""


def load(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    key: str | None = None,
) -> Experiment:
    """Return the experiment in a YAML file or a mapping; `lrviz.load` says what the arguments are."""
    if isinstance(source, Mapping):
        return read(Value.of(_block(source, key)), allow_import=allow_import, allow_files=allow_files)
    from lrviz.experiment import yaml_reader  # PyYAML takes as long to import as all of lrviz.experiment

    path = Path(source)
    return read(yaml_reader.read(path, key), folder=path.parent, allow_import=allow_import, allow_files=allow_files)


def _block(source: Mapping[str, Any], key: str | None) -> Any:
    """Return what stands at a dotted key of nested mappings; raises SpecError where there is nothing."""
    found: Any = source
    for part in key.split(".") if key else ():
        if not isinstance(found, Mapping) or part not in found:
            raise SpecError(f"there is no {shown(part)} of the key {shown(key)}")
        found = found[part]
    return found


def read(
    root: Value,
    *,
    folder: Path | None = None,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
) -> Experiment:
    """Return the experiment that a tree of values describes; relative paths in it start at `folder`."""
    return build(root, folder=folder, allow_import=allow_import, allow_files=allow_files, sections=SECTIONS)
