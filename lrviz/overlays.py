"""Documents that compare several experiments: `overlay:`, a list of what is laid over the rest of the document."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lrviz import documents
from lrviz.documents import SECTIONS, GalleryPlace
from lrviz.errors import Problem, SpecError, listed, nearest, shown
from lrviz.experiment.argtypes import Text
from lrviz.experiment.experiment import MOST_OVERLAID, Experiment
from lrviz.experiment.origin import Origin
from lrviz.experiment.reader import line_of, read_record
from lrviz.experiment.record import Record, RecordOf, arg, arg_types
from lrviz.experiment.schedulers import Warmup
from lrviz.experiment.values import Value
from lrviz.readers.configs import Said, with_said

KEY = "overlay"
LAID = ("run", "optimizer", "scheduler", *arg_types(Warmup))
"""What an entry may say, over what the document says."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One of the experiments of an overlay, as a document of its own."""

    root: Value
    folder: Path | None  # that relative paths in it start at
    origin: Origin | None = None


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """Several experiments to be drawn in one figure, each called by its label; `title` is the figure's."""

    experiments: Sequence[Experiment]
    title: str | None = None
    place: GalleryPlace = GalleryPlace()


class _Top(Record):
    """What a document says of the overlay itself."""

    title: str | None = arg(Text("title of the figure", blank=True), default=None)
    gallery: GalleryPlace | None = arg(RecordOf(GalleryPlace, "where the gallery shows it"), default=None)


def is_overlay(root: Value) -> bool:
    """Return whether a document compares several experiments."""
    return isinstance(root.data, dict) and KEY in root.data


def load(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    key: str | None = None,
    **run: Any,
) -> Overlay | Experiment:
    """Return the experiments of a document with an `overlay`, else its one; the arguments are those of `lrviz.load`."""
    folder, _, root = documents.opened(source, key)
    allowed: dict[str, Any] = {"allow_import": allow_import, "allow_files": allow_files}
    if not is_overlay(root):
        return documents.load(source, key=key, **allowed, **run)
    said = {name: Value.of(value) for name, value in run.items()}
    return read(root, entries(root, folder, allow_files), lambda each: with_said(each, said), **allowed)


def entries(root: Value, folder: Path | None, allow_files: Collection[str | os.PathLike[str]] = ()) -> list[Entry]:
    """Return what each entry of an overlay comes to; raises SpecError for what is no entry, with every problem."""
    assert isinstance(root.data, dict)
    given, problems = root.data[KEY], list(root.problems)
    known = ("title", KEY, *LAID, *SECTIONS)
    problems += _unknown({key: value for key, value in root.data.items() if not key.startswith("x-")}, known, "")
    if not isinstance(given.data, list) or not 2 <= len(given.data) <= MOST_OVERLAID:
        message = f"must be a list of 2 to {MOST_OVERLAID} experiments, such as [{{label: a, run: {{epochs: 3}}}}, …]"
        raise SpecError([*problems, Problem(place=given.place, field=KEY, message=message)])
    found = []
    for number, value in enumerate(given.data):
        try:
            found.append(_entry(root.data, value, folder, allow_files))
        except SpecError as error:
            problems += [_of_entry(problem, number, value) for problem in error.problems]
    if problems:
        raise SpecError(sorted(problems, key=line_of))
    return found


def _entry(
    document: Mapping[str, Value], value: Value, folder: Path | None, allow_files: Collection[str | os.PathLike[str]]
) -> Entry:
    """Return what one entry comes to."""
    own = value.data
    if not isinstance(own, dict):
        raise SpecError(Problem(message="must be a mapping, such as {label: a, run: {epochs: 3}}"))
    label = {"title": own["label"]} if "label" in own else {}
    if "file" in own:
        found = _of_file(own["file"], folder, allow_files)
        problems = [
            Problem(place=other.place, field=key, message="does not go with file, which says it all")
            for key, other in own.items()
            if key in LAID
        ]
        if problems:
            raise SpecError(problems)
        assert isinstance(found.root.data, dict)
        entry = replace(found, root=replace(found.root, data=found.root.data | label))
    else:
        laid = {key: _laid(document.get(key), other, key) for key, other in own.items() if key in LAID}
        kept = {key: other for key, other in document.items() if key in (*LAID, "check")}
        entry = Entry(root=Value(kept | laid | label, value.place), folder=folder)
    problems = list(_unknown(own, ("label", "file", *LAID), ""))
    if problems:
        raise SpecError(problems)
    return entry


def _laid(below: Value | None, over: Value, key: str) -> Value:
    """Return a section with an entry's own over it, key by key; a scheduler with a name stands for itself."""
    if below is None or not isinstance(below.data, dict) or not isinstance(over.data, dict):
        return over
    if key == "scheduler" and "name" in over.data:
        return over
    return replace(over, data=below.data | over.data)


def _of_file(value: Value, folder: Path | None, allow_files: Collection[str | os.PathLike[str]]) -> Entry:
    """Return the document in another file, which must lie in this one's folder, in one of those allowed, or below."""
    from lrviz.experiment import yaml_reader
    from lrviz.readers.configs.syntax import decode

    if not isinstance(value.data, str):
        raise SpecError(Problem(place=value.place, field="file", message=f"must be a path, not {shown(value.data)}"))
    start = folder or Path()
    path = start / value.data
    within = [start, *map(Path, allow_files)]
    if not any(path.resolve().is_relative_to(each.resolve()) for each in within):
        message = f"{path} lies outside the document's folder; --allow-files FOLDER allows another"
        raise SpecError(Problem(place=value.place, field="file", message=message))
    root, origin = documents.translated(decode(yaml_reader.content(path), str(path)), str(path), None, Said())
    if is_overlay(root) or not isinstance(root.data, dict):
        message = f"{path} holds several experiments, and an entry is one"
        message = message if is_overlay(root) else f"{path} holds no experiment"
        raise SpecError(Problem(place=value.place, field="file", message=message))
    return Entry(root=root, folder=path.parent, origin=origin)


def _unknown(given: Mapping[str, Value], known: Sequence[str], field: str) -> Iterator[Problem]:
    for key, value in given.items():
        if key not in known:
            message = f"unknown key{nearest(key, known) or '; known are ' + ', '.join(known)}"
            yield Problem(place=value.place, field=f"{field}{key}", message=message)


def _of_entry(problem: Problem, number: int, value: Value) -> Problem:
    """Return a problem with its entry's place, or where nothing has one its number."""
    if problem.place or value.place:
        return problem if problem.place else problem.at(value.place)
    return problem.within(f"{KEY}[{number}]")


def read(
    root: Value,
    found: Sequence[Entry],
    laid: Callable[[Value], Value] = lambda root: root,
    **options: Any,
) -> Overlay:
    """Return the overlay of entries, over which flags may be `laid`; raises SpecError with the problems of all."""
    assert isinstance(root.data, dict)
    problems: dict[Problem, None] = {}
    experiments: list[Experiment] = []
    for number, entry in enumerate(found):
        try:
            experiments.append(documents.read(laid(entry.root), entry.origin, folder=entry.folder, **options))
        except SpecError as error:
            problems |= dict.fromkeys(_of_entry(problem, number, entry.root) for problem in error.problems)
    names = [experiment.name for experiment in experiments]
    same = [str(number + 1) for number, name in enumerate(names) if names.count(name) > 1]
    if same and not problems:
        message = f"the experiments {listed(same)} have the same label or none; give each a label of its own"
        problems[Problem(place=root.data[KEY].place, field=KEY, message=message)] = None
    if problems:
        raise SpecError(sorted(problems, key=line_of))
    said = {name: root.data[name] for name in arg_types(_Top) if root.data.get(name, Value(None)).data is not None}
    top = read_record(_Top, Value(said))
    return Overlay(experiments=experiments, title=top.title, place=top.gallery or GalleryPlace())
