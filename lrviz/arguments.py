"""A target in Python's words: what `lrviz.replay`, `lrviz.plot` and `lrviz.check` take, as the command line does."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lrviz import overlays
from lrviz.documents import load, read
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.record import Record, arg_types
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.schedulers.catalogue import find, lookup
from lrviz.experiment.schedulers.composite import Warmup
from lrviz.experiment.values import Value
from lrviz.readers.logs import look

LOADING = ("allow_import", "allow_files", "key", "form", "beside")  # what `lrviz.load` takes beside the run


def experiment_of(target: Any, arguments: Mapping[str, Any]) -> Experiment:
    """Return the experiment of a scheduler's name, a file, a mapping, TrainingArguments, or an experiment.

    `arguments` are those of the scheduler, where it is named, the run, the warmup and the optimizer, which is
    `optimizer` itself. Raises SpecError for one that there is not, with the nearest name.
    """
    if isinstance(target, Experiment):
        if arguments:
            raise SpecError(f"an experiment takes no arguments: {', '.join(arguments)}")
        return target
    if isinstance(target, str) and _is_name(target):
        return read(Value.of(_document(lookup(target), arguments)))
    if not isinstance(target, (str, os.PathLike, Mapping)):
        return load(target, **arguments)
    if isinstance(target, (str, os.PathLike)) and is_log(target):
        message = "is the log of a run, which has no schedule; lrviz.plot and lrviz.compare draw it"
        raise SpecError(Problem(place=os.fspath(target), message=message))
    known = [*_fields(Run), *LOADING, "lr", "metric"]
    _refuse(arguments, known, f"of {target}" if isinstance(target, (str, os.PathLike)) else "of a mapping")
    return load(target, **arguments)


def experiments_of(target: Any, arguments: Mapping[str, Any]) -> tuple[list[Experiment], str]:
    """Return the experiment of a target, or those that a document with an `overlay:` compares, and their title."""
    is_document = isinstance(target, (os.PathLike, Mapping)) or (isinstance(target, str) and not _is_name(target))
    if arguments or not is_document:
        return [experiment_of(target, arguments)], ""
    found = overlays.load(target)
    return (list(found.experiments), found.title or "") if isinstance(found, overlays.Overlay) else ([found], "")


def is_log(target: str | os.PathLike[str]) -> bool:
    """Return whether a target is the log of a run, or the folder of one."""
    return not (isinstance(target, str) and (not target or _is_name(target))) and look.is_log(Path(target))


def _is_name(target: str) -> bool:
    """Return whether a text is a scheduler's name, or meant as one, and not a file's."""
    return find(target) is not None or not (Path(target).suffix or os.sep in target or Path(target).exists())


def _document(spec: type[SchedulerSpec], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scheduler's document with every argument in its section."""
    own, run, optimizer, warmup = map(_fields, (spec, Run, OptimizerSpec, Warmup))
    optimizer = ["optimizer", *(name for name in optimizer if name != "name")]
    _refuse(arguments, [*own, *run, *optimizer, *warmup], f"of {spec.name}")
    document: dict[str, Any] = {"scheduler": {"name": spec.name}}
    for name, value in arguments.items():
        if name in own:
            document["scheduler"][name] = value
        elif name in warmup:
            document[name] = value
        elif name in run:
            document.setdefault("run", {})[name] = value
        else:
            document.setdefault("optimizer", {})["name" if name == "optimizer" else name] = value
    return document


def _fields(record: type[Record]) -> list[str]:
    """Return the arguments of a record; those that no flag sets are left to documents, but for a list of groups."""
    return [name for name, kind in arg_types(record).items() if kind.flag or name == "groups"]


def _refuse(arguments: Iterable[str], known: list[str], whose: str) -> None:
    problems = [*_unknown(arguments, known, whose)]
    if problems:
        raise SpecError(problems)


def _unknown(arguments: Iterable[str], known: list[str], whose: str) -> Iterator[Problem]:
    for name in arguments:
        if name not in known:
            yield Problem(message=f"{shown(name)} is no argument {whose}{nearest(name, known)}")
