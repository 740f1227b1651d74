"""A folder of experiments as a folder of figures, with two summaries and an index.

Nothing here names a figure: a new YAML file, in a sub-folder as well, is a new figure of its name. In
lrviz's own folder a number in front (`07-`) orders the figures and is not part of their names.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lrviz.curves import numbers
from lrviz.documents import GalleryPlace
from lrviz.engine.select import replay
from lrviz.errors import Problem, ReplayError, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.files import make_folder, write_text
from lrviz.overlays import Overlay, load
from lrviz.render.figure.options import FigureOptions, marks_of
from lrviz.render.figure.output import write
from lrviz.render.words import one_line
from lrviz.rules import Finding, examine
from lrviz.staging import staged
from lrviz.subject import Subject
from lrviz.workers import spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrviz.render.figure.summary import Sheet

INDEX = "README.md"
CURVES = "curves.json"
SUMMARIES: dict[str, Sheet] = {"schedulers-wide": "wide", "schedulers-tall": "tall"}
OPTIONS = FigureOptions(annotate=True, epoch_axis=False)

OnDone = Callable[[str], None]  # called with the name of each figure when it is replayed, or drawn


@dataclass(frozen=True)
class Entry:
    """One figure of a gallery: its name, the document that makes it, and what it shows.

    The name is the file's path in its folder, without the suffix, and the title of a document that has
    none. It shows one subject, or several where the document has an `overlay`; `found` are the errors and
    warnings of each.
    """

    name: str
    text: str
    title: str
    place: GalleryPlace
    subjects: Sequence[Subject]
    found: Sequence[Sequence[Finding]]

    @property
    def is_overlay(self) -> bool:
        return len(self.subjects) > 1

    @property
    def experiment(self) -> Experiment:
        """Its experiment, the first one of several."""
        experiment = self.subjects[0].experiment
        assert experiment is not None
        return experiment

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with its experiments, each of several called by its label."""
        if not self.is_overlay:
            return list(self.found[0])
        pairs = zip(self.subjects, self.found, strict=True)
        return [replace(each, message=f"{subject.name}: {each.message}") for subject, found in pairs for each in found]


def own_configs() -> Path:
    """Return the folder of the experiments that come with lrviz."""
    packaged = Path(str(files("lrviz"))) / "configs"
    return packaged if packaged.is_dir() else packaged.parent.parent / "configs"


def find(folder: Path) -> list[Path]:
    """Return the YAML files of a folder and its sub-folders, in order, without hidden ones and linked folders.

    Raises SpecError where there are none.
    """
    paths: list[Path] = []
    try:
        next(folder.iterdir(), None)  # os.walk says nothing of a folder that cannot be read
    except OSError as error:
        raise SpecError(Problem(place=str(folder), message=f"cannot be read: {error.strerror}")) from None
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(place, name) for name in names if name.endswith((".yaml", ".yml")) and name[0] != "."]
    if not paths:
        raise SpecError(Problem(place=str(folder), message="holds no .yaml files"))
    return sorted(paths)


def collect(
    folder: Path,
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str] = (),
    on_replayed: OnDone | None = None,
) -> list[Entry]:
    """Return the replayed experiments of a folder, in the order of their files' paths.

    `allow_import` and `allow_files` are those of `lrviz.load`. Raises SpecError with the problems of every
    file, and for two files of one name; ReplayError with every file that torch raises for.
    """
    found = _found(folder, partial(load, allow_import=allow_import, allow_files=allow_files))
    entries, failures = [], []
    for name, (path, overlay) in found.items():
        subjects = []
        for experiment in overlay.experiments:
            try:
                subjects.append(Subject(name=experiment.name, trace=replay(experiment), experiment=experiment))
            except ReplayError as error:
                of_several = f"{experiment.name}: " if len(overlay.experiments) > 1 else ""
                failures.append(f"{path}: {of_several}{error}")
        if len(subjects) < len(overlay.experiments):
            continue
        text = path.read_text(encoding="utf-8-sig")
        found_in = [_serious(subject) for subject in subjects]
        entries.append(Entry(name, text, overlay.title or "", overlay.place, subjects, found_in))
        if on_replayed is not None:
            on_replayed(name)
    if failures:
        raise ReplayError("\n".join(failures))
    return entries


def _serious(subject: Subject) -> list[Finding]:
    """Return the errors and warnings found in a subject."""
    assert subject.experiment is not None
    return [each for each in examine(subject.experiment, subject.trace) if each.severity != "info"]


def _found(folder: Path, load: Callable[[Path], Overlay | Experiment]) -> dict[str, tuple[Path, Overlay]]:
    """Return the experiments of a folder by the name of their figure, each with its file."""
    is_own = folder.resolve() == own_configs().resolve()
    problems: list[Problem] = []
    found: dict[str, tuple[Path, Overlay]] = {}
    for path in find(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        name = re.sub(r"^\d\d-", "", name) if is_own else name
        if name in (*found, *SUMMARIES):
            message = f"makes a figure {name!r}, as {found[name][0].name if name in found else 'the summary'} does"
            problems.append(Problem(place=str(path), message=message))
            continue
        try:
            found[name] = path, _titled(load(path), name)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return found


def _titled(loaded: Overlay | Experiment, name: str) -> Overlay:
    """Return what a document holds, called by its file's name where it has no title."""
    if isinstance(loaded, Overlay):
        return loaded if loaded.title is not None else replace(loaded, title=name)
    experiment = loaded if loaded.title is not None else replace(loaded, title=name)
    return Overlay(experiments=[experiment], title=experiment.name, place=experiment.section(GalleryPlace))


def render(entries: Sequence[Entry], folder: Path, formats: Sequence[str], on_drawn: OnDone | None = None) -> int:
    """Draw every figure, the summaries, the curves' numbers and the index into a folder.

    Returns how many figures there are. Whatever interrupts it leaves the folder as it was. Raises
    OutputError where the folder cannot be written.
    """
    from lrviz.render.figure import draw, overlay, summary  # noqa: F401  imported before the fork, once for all

    names = figure_names(entries)
    with staged(folder) as staging:
        with closing(spread(partial(_draw, entries, staging, formats), names)) as done:
            for name in done:
                if on_drawn is not None:
                    on_drawn(name)
        write_text(curves(entries), staging / CURVES)
        write_text(_index(entries, formats), staging / INDEX)
    return len(names)


def figure_names(entries: Sequence[Entry]) -> list[str]:
    """Return the names of a gallery's figures and summaries, those that take longest first."""
    return [*_summaries(entries), *(entry.name for entry in entries)]


def _summaries(entries: Sequence[Entry]) -> list[str]:
    return list(SUMMARIES) if any(map(_is_summarised, entries)) else []


def _is_summarised(entry: Entry) -> bool:
    return entry.place.summary and not entry.is_overlay


def _draw(entries: Sequence[Entry], folder: Path, formats: Sequence[str], name: str) -> None:
    """Draw one figure of a gallery in every format."""
    from lrviz.render.figure.summary import draw_summary

    if name in SUMMARIES:
        shown = [entry for entry in entries if _is_summarised(entry)]
        panels = [(entry.experiment.scheduler.family, entry.subjects[0].trace, entry.experiment) for entry in shown]
        figure = draw_summary(panels, SUMMARIES[name])
    else:
        figure = _figure(next(entry for entry in entries if entry.name == name))
    make_folder((folder / name).parent)
    for file_format in formats:
        write(figure, folder / f"{name}.{file_format}", file_format, OPTIONS.dpi)


def _figure(entry: Entry) -> Figure:
    """Return the figure of one experiment, or of all that a document overlays."""
    from lrviz.render.figure.draw import draw
    from lrviz.render.figure.facets import facets_size
    from lrviz.render.figure.overlay import draw_overlay

    place, subjects = entry.place, entry.subjects
    options = replace(OPTIONS, show=place.show, x=place.x, facets=place.facets)
    marks = [marks_of(found) for found in entry.found]
    if not entry.is_overlay:
        return draw(subjects[0].trace, entry.experiment, options, marks[0])
    if options.facets:
        options = replace(options, size=facets_size(len(subjects), len(options.show)))
    return draw_overlay(subjects, [subject.name for subject in subjects], options, entry.title, marks)


def curves(entries: Sequence[Entry]) -> str:
    """Return every curve in few numbers (see `lrviz.curves`) as JSON, an experiment to a line, to the last bit."""
    lines = [
        f"{json.dumps(f'{entry.name}: {subject.name}' if entry.is_overlay else entry.name)}: "
        f"{json.dumps(numbers(subject.trace))}"
        for entry in entries
        for subject in entry.subjects
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _index(entries: Sequence[Entry], formats: Sequence[str]) -> str:
    """Return the index page: the summaries, then every figure with its findings, YAML, formula and source."""
    suffix = "png" if "png" in formats else formats[0]
    lines = [
        "# Gallery",
        "",
        "Every figure is made by `lrviz gallery` from the YAML below it; the formula is of its scheduler.",
        "",
    ]
    for name in _summaries(entries):
        lines += [f"![summary, {SUMMARIES[name]}]({name}.{suffix})", ""]
    sections = [(name, [*each]) for name, each in groupby(entries, lambda entry: entry.place.section)]
    if len(sections) > 1:
        lines += [*(f"- [{_escaped(name)}](#{_anchor(name)})" for name, _ in sections), ""]
    for section, members in sections:
        lines += [f"## {_escaped(section)}", ""]
        for entry in members:
            title = _escaped(entry.title or entry.name)
            lines += [f"### {title}", "", f"![{title}]({quote(os.fsencode(entry.name))}.{suffix})", ""]
            for finding in entry.findings:
                lines += [f"{finding.severity.capitalize()}: `{finding.rule}`: {_escaped(finding.message)}", ""]
            lines += [*_fenced("yaml", entry.text.strip()), ""]
            if not entry.is_overlay:
                about = entry.experiment.scheduler.documentation()
                lines += [*_fenced("text", about.formula), "", f"Past its end: {about.past_end}\\"]
                lines += [f"Source: {about.source}", ""]
    return "\n".join(lines).rstrip() + "\n"


def _anchor(heading: str) -> str:
    """Return what GitHub's links to a heading end in."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _escaped(text: str) -> str:
    """Return other people's text as one line of Markdown that reads as it was written."""
    plain = re.sub(r"[\\`*\[\]~|#$]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", one_line(text))
    return html.escape(plain, quote=False)


def _fenced(language: str, text: str) -> list[str]:
    """Return text as a block of code, in a fence longer than any that it holds."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return [fence + language, text, fence]
