"""Documents: an experiment as a file or a mapping says it, with what else lrviz's commands read there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from lrviz.errors import Problem, SpecError, listed, shown
from lrviz.experiment.argtypes import Bool, Text
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.origin import Origin
from lrviz.experiment.reader import build
from lrviz.experiment.record import Record, arg, arg_types
from lrviz.experiment.scalars import unboxed
from lrviz.experiment.schedulers.composite import Warmup
from lrviz.experiment.values import Value
from lrviz.readers.configs import Said, is_own, releases, with_said
from lrviz.render.figure.options import FigureOptions
from lrviz.rules.settings import CheckSettings


class Arguments(Protocol):
    """A Trainer's arguments: transformers' TrainingArguments, and the classes made from it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments by name."""
        ...


def _of_figure(name: str) -> Any:
    """Return a field for an option of a figure, with its type and its default."""
    return arg(arg_types(FigureOptions)[name], default=getattr(FigureOptions, name))


class GalleryPlace(Record):
    """The section `gallery` of a document: where `lrviz gallery` shows its figure, and how it is drawn there."""

    section: str = arg(Text("heading of the index that it is under"), default="Schedules")
    summary: bool = arg(Bool("whether the summaries of all schedulers show it"), default=True)
    show: tuple[str, ...] = _of_figure("show")
    x: str = _of_figure("x")
    facets: bool = _of_figure("facets")


SECTIONS: Mapping[str, type[Record]] = {"check": CheckSettings, "gallery": GalleryPlace}
"""What a document may hold beside the experiment, by key."""


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | Arguments,
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    key: str | None = None,
    form: str | None = None,
    beside: str | os.PathLike[str] | None = None,
    line: int | None = None,
    **run: Any,
) -> Experiment:
    """Return the experiment in a file, a mapping or a trainer's config; `lrviz.load` says what the arguments are."""
    if not isinstance(source, (str, os.PathLike, Mapping)):
        if not hasattr(source, "to_dict"):
            live = "; lrviz.preview(scheduler, steps=...) is the trace of a live one" if hasattr(source, "step") else ""
            raise SpecError(f"must be a file, a mapping or TrainingArguments, not {shown(source)}{live}")
        source, form, run = source.to_dict(), form or "huggingface", _installed() | run
    run = {key: unboxed(value) for key, value in run.items()}
    folder, name, tree = opened(source, key)
    given = run | ({"metric": run["metric_csv"]} if "metric_csv" in run else {})
    given |= {} if line is None else {"line": line}
    root, origin = translated(tree, name, form, Said(given=given, versions=releases(run), beside=beside))
    used = origin.used if origin else ()
    root = with_said(root, {name: Value.of(value) for name, value in run.items() if name not in used})
    return read(root, origin, folder=folder, allow_import=allow_import, allow_files=allow_files)


def opened(source: str | os.PathLike[str] | Mapping[str, Any], key: str | None) -> tuple[Path | None, str, Value]:
    """Return the folder, the name and the tree of a file, or of the block `key` in it; a mapping has a tree only."""
    if isinstance(source, Mapping):
        return None, "", Value.of(_block(source, key))
    if source == "":
        raise SpecError("must be a file, or a scheduler's name, and is empty")
    from lrviz.experiment import yaml_reader  # PyYAML takes as long to import as all of lrviz.experiment
    from lrviz.readers.configs.syntax import decode

    path = Path(source)
    return path.parent, str(path), decode(yaml_reader.content(path), str(path), key)


def _installed() -> dict[str, str]:
    """Return the version of the transformers whose arguments were given, which are imported then."""
    version = getattr(sys.modules.get("transformers"), "__version__", "")
    release = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return {"transformers": release[0]} if release else {}


def translated(root: Value, name: str, form: str | None, said: Said) -> tuple[Value, Origin | None]:
    """Return the document that a tree comes to, and where it comes from if the tree is a trainer's config.

    `form` is the config's format, found by its keys where it is None. Raises SpecError with all that is wrong or
    missing in a config.
    """
    if form is None and said.beside is None and is_own(root):
        _refuse_line(said.given)
        return root, None
    from lrviz.experiment import yaml_reader
    from lrviz.readers.configs import formats, syntax

    form = form or formats.recognise(root)
    if form != "torch":
        _refuse_line(said.given)
    if form is None and said.beside is not None:
        raise SpecError(Problem(place="--beside", message="is for a trainer's config; this is a document of lrviz's"))
    if form is None and name.endswith(".py"):
        message = "is no config that lrviz reads, such as nanoGPT's or mmengine's; a scheduler of your own is written"
        raise SpecError(Problem(place=name, message=f"{message} package.module:Name"))
    if form is None:
        _refuse_unknown(root, name)
        return root, None
    other = None if said.beside is None else syntax.decode(yaml_reader.content(Path(said.beside)), str(said.beside))
    return formats.read(root, name, form, said, other)


def _refuse_unknown(root: Value, name: str) -> None:
    """Raise SpecError for a mapping that has nothing of a document of lrviz's."""
    keys = root.data.keys() if name and isinstance(root.data, dict) else set()
    if keys and not keys & {"title", "run", "optimizer", "scheduler", *arg_types(Warmup)} and not root.problems:
        message = "neither a document of lrviz's, which has a scheduler, nor a trainer's config that lrviz knows"
        message = f"{message} by its keys: {listed([*keys], 5)}; --from names one"
        raise SpecError(Problem(place=root.place or name, message=message))


def _refuse_line(given: Mapping[str, Any]) -> None:
    """Raise SpecError where a line is named of what is no training script."""
    if "line" in given:
        raise SpecError(Problem(place="--line", message="is for a training script that makes several schedulers"))


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
    origin: Origin | None = None,
    *,
    folder: Path | None = None,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
) -> Experiment:
    """Return the experiment that a tree of values describes; relative paths in it start at `folder`."""
    several = root.data.get("overlay") if isinstance(root.data, dict) else None
    if several is not None:
        message = "the document compares several experiments, and this takes one"
        message += "; lrviz plot draws them, and lrviz.load_all returns them"
        raise SpecError(Problem(place=several.place, field="overlay", message=message))
    try:
        found = build(root, folder=folder, allow_import=allow_import, allow_files=allow_files, sections=SECTIONS)
    except SpecError as error:
        raise SpecError([_in_keys(problem, origin) for problem in error.problems], error.sections) from None
    return found if origin is None else replace(found, origin=origin)


def _in_keys(problem: Problem, origin: Origin | None) -> Problem:
    """Return a problem with the config's own key, where one said what is wrong."""
    keys = [read for read in origin.read if read.place == problem.place] if origin else []
    named = [read.key for read in keys if read.became == problem.field] or [read.key for read in keys if len(keys) == 1]
    return replace(problem, field=named[-1]) if named else problem
