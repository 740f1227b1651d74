"""Folders as targets: the schedules in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrviz.cli.targets import Source, file_source, log_source
from lrviz.errors import Problem, SpecError
from lrviz.experiment.values import MAX_BYTES
from lrviz.project import NAME as PROJECT
from lrviz.readers.configs import SUFFIXES
from lrviz.readers.logs.look import is_log

OWN = ("scheduler", "overlay")
"""One of them is at the top of every document of lrviz's."""

MARKS = (
    *(b"scheduler", b"overlay", b"learning_rate", b"lr0", b"warmup", b"max_epochs", b"max_iters"),
    *(b"_base_", b"_component_", b"[training]", b"sched:"),
)
"""One of them is in every schedule and every trainer's config."""


def expanded(sources: Sequence[Source], key: str | None = None) -> tuple[list[Source], list[str]]:
    """Return the targets with every folder replaced by the schedules in it, and the other files that it holds.

    A schedule is a trainer's config, or a YAML or JSON file with a `scheduler` or an `overlay` at its top
    level, or in the block at a dotted `key`. Raises SpecError for a folder that holds none.
    """
    found: dict[object, Source] = {}  # a file that is named twice counts once
    passed_over: list[str] = []
    for source in sources:
        if source.path is None or not source.path.is_dir():
            found.setdefault(source.path.resolve() if source.path else source.name, source)
            continue
        files = list(_documents(source.path))
        schedules = [file for file in files if _is_schedule(file, key)]
        if not schedules and is_log(source.path):
            found.setdefault(source.path.resolve(), log_source(source.name))
            continue
        if not schedules:
            where = f"at {key}" if key else "at its top level"
            message = f"the folder holds no schedule: no trainer's config, and no file with a scheduler {where}"
            raise SpecError(Problem(place=source.name, message=message))
        passed_over += [str(file) for file in files if file not in schedules]
        for file in schedules:
            found.setdefault(file.resolve(), file_source(str(file)))
    return list(found.values()), passed_over


def _documents(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that may hold a schedule, in order, without what is hidden."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            is_hidden = name.startswith(".") or name == PROJECT
            is_document = path.suffix.lower() in SUFFIXES and not is_hidden
            if is_document and path.is_file() and not is_log(path):
                yield path


def _is_schedule(path: Path, key: str | None) -> bool:
    """Return whether a file is a trainer's config or has a scheduler at its top, or would if it could be read."""
    from lrviz.readers.configs.formats import recognise
    from lrviz.readers.configs.syntax import decode

    wanted = key.split(".") if key else []
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if not any(mark in data for mark in MARKS):
            return False
        tree = decode(data, str(path))
        is_config = recognise(tree) is not None
        if is_config or path.suffix == ".py":  # in which a scheduler is a program's, if it is no config's
            return is_config
        document = tree.plain()
    except OSError:
        return True  # whoever reads it next says why it cannot be read
    except SpecError:
        first = b"|".join(re.escape(name.encode()) for name in (wanted[:1] or OWN))
        return bool(re.search(rb"""^({\s*)?["']?(%b)["']?\s*:""" % first, data, re.MULTILINE))
    for name in wanted:
        if not isinstance(document, dict) or name not in document:
            return False
        document = document[name]
    return isinstance(document, dict) and not document.keys().isdisjoint(OWN)
