"""A folder of experiments as a folder of figures, with two summaries and an index; and the check of one.

Nothing here names a figure: a new YAML file is a new figure. File names order them; a number in
front (`07-`) is not part of the figure's name.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from lrviz.documents import GalleryPlace, load
from lrviz.engine.select import replay
from lrviz.errors import Problem, ReplayError, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.files import write_text
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.output import write
from lrviz.trace import Trace

if TYPE_CHECKING:
    from lrviz.render.figure.summary import Sheet

__all__ = ["CURVES", "INDEX", "Entry", "collect", "curves", "own_configs", "render"]

INDEX = "README.md"
CURVES = "curves.json"
SUMMARIES: dict[str, Sheet] = {"schedulers-wide": "wide", "schedulers-tall": "tall"}
OPTIONS = FigureOptions(annotate=True, epoch_axis=False)

OnDrawn = Callable[[str], None]  # called with the name of each figure when it is written


@dataclass(frozen=True)
class Entry:
    """One figure of a gallery: its name, the document that makes it, and what the replay gave."""

    name: str
    text: str
    experiment: Experiment
    trace: Trace


def own_configs() -> Path:
    """Return the folder of the experiments that come with lrviz."""
    packaged = Path(str(files("lrviz"))) / "configs"
    return packaged if packaged.is_dir() else packaged.parent.parent / "configs"


def collect(folder: Path, *, allow_import: Collection[str] = ()) -> list[Entry]:
    """Return the replayed experiments of a folder, in the order of their file names.

    Schedulers of one's own are refused but for those of the modules in `allow_import`. Raises SpecError
    with the problems of every file, and for two files of one name; ReplayError with every file that
    torch raises for.
    """
    found = _load(folder, allow_import)
    entries, failures = [], []
    for name, (path, experiment) in found.items():
        try:
            entries.append(Entry(name, path.read_text(encoding="utf-8"), experiment, replay(experiment)))
        except ReplayError as error:
            failures.append(f"{path}: {error}")
    if failures:
        raise ReplayError("\n".join(failures))
    return entries


def _load(folder: Path, allow_import: Collection[str]) -> dict[str, tuple[Path, Experiment]]:
    """Return the experiments of a folder by the name of their figure, each with its file."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError as error:
        raise SpecError(Problem(place=str(folder), message=f"cannot be read: {error.strerror}")) from None
    if not paths:
        raise SpecError(Problem(place=str(folder), message="holds no .yaml files"))
    problems: list[Problem] = []
    found: dict[str, tuple[Path, Experiment]] = {}
    for path in paths:
        name = re.sub(r"^\d+-", "", path.stem)
        if name in (*found, *SUMMARIES):
            message = f"makes a figure {name!r}, as {found[name][0].name if name in found else 'the summary'} does"
            problems.append(Problem(place=str(path), message=message))
            continue
        try:
            found[name] = path, load(path, allow_import=allow_import)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return found


def render(entries: Sequence[Entry], folder: Path, formats: Sequence[str], on_drawn: OnDrawn | None = None) -> int:
    """Draw every figure, the summaries, the curves' numbers and the index into a folder.

    Returns how many figures there are. Raises OutputError where the folder cannot be written.
    """
    jobs = [*_summaries(entries), *(entry.name for entry in entries)]  # the longest first
    for name in _spread(partial(_draw, entries, folder, formats), jobs):
        if on_drawn is not None:
            on_drawn(name)
    write_text(curves(entries), folder / CURVES)
    write_text(_index(entries, formats), folder / INDEX)
    return len(jobs)


def _summaries(entries: Sequence[Entry]) -> list[str]:
    return list(SUMMARIES) if any(entry.experiment.section(GalleryPlace).summary for entry in entries) else []


def _draw(entries: Sequence[Entry], folder: Path, formats: Sequence[str], name: str) -> str:
    """Draw one figure of a gallery in every format, and return its name."""
    from lrviz.render.figure.draw import draw
    from lrviz.render.figure.summary import draw_summary

    if name in SUMMARIES:
        shown = [entry for entry in entries if entry.experiment.section(GalleryPlace).summary]
        panels = [(entry.experiment.scheduler.family, entry.trace, entry.experiment) for entry in shown]
        figure = draw_summary(panels, SUMMARIES[name])
    else:
        entry = next(entry for entry in entries if entry.name == name)
        figure = draw(entry.trace, entry.experiment, OPTIONS)
    for file_format in formats:
        write(figure, folder / f"{name}.{file_format}", file_format, OPTIONS.dpi)
    return name


_job: Callable[[str], str] | None = None  # what the worker processes do; they are forked, so they see it


def _spread(job: Callable[[str], str], names: Sequence[str]) -> Iterator[str]:
    """Yield what a job returns for each name when it is done, by as many processes as there are cores.

    Forked processes share the traces and the imported libraries. Where forking is not safe, as beside
    torch's threads, everything is done here.
    """
    global _job  # noqa: PLW0603  the only way to hand a forked worker what cannot be pickled
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, len(names))
    if sys.platform != "linux" or "torch" in sys.modules or workers < 2:
        yield from map(job, names)
        return
    import lrviz.render.figure.draw
    import lrviz.render.figure.summary  # noqa: F401  imported before the fork, once for all

    _job = job
    try:
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            yield from pool.imap_unordered(_do, names)
    finally:
        _job = None


def _do(name: str) -> str:
    assert _job is not None
    return _job(name)


def curves(entries: Sequence[Entry]) -> str:
    """Return the numbers of every curve as JSON, one figure to a line, floats to the last bit."""
    lines = [f"{json.dumps(entry.name)}: {json.dumps(_numbers(entry))}" for entry in entries]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _numbers(entry: Entry) -> dict[str, object]:
    """Return a trace as JSON has it: of the steps between two of the scheduler's, `stride` of them, the first alone."""
    trace, stride = entry.trace, entry.experiment.run.clock.stride
    momenta = {group.name: group.momentum for group in trace.groups if group.momentum is not None}
    numbers: dict[str, object] = {
        "steps": trace.steps,
        "stride": stride,
        "lr": {group.name: _plain(group.lr[::stride]) for group in trace.groups},
        "momentum": {name: _plain(values[::stride]) for name, values in momenta.items()},
    }
    watched = {"metric": trace.metric, "loss": trace.loss}
    return numbers | {name: _plain(values) for name, values in watched.items() if values is not None}


def _plain(values: memoryview) -> list[float | str]:
    """Return numbers as JSON has them, with words for those that it has not."""
    return [value if math.isfinite(value) else str(value) for value in values]


def _index(entries: Sequence[Entry], formats: Sequence[str]) -> str:
    """Return the index page: the summaries, then every figure with its YAML, formula and source."""
    suffix = "png" if "png" in formats else formats[0]
    intro = "Every figure is made by `lrviz gallery` from the YAML below it; the formula is of its scheduler."
    lines = ["# Gallery", "", intro, ""]
    for name in _summaries(entries):
        lines += [f"![all schedulers, {SUMMARIES[name]}]({name}.{suffix})", ""]
    for section, members in groupby(entries, key=lambda entry: entry.experiment.section(GalleryPlace).section):
        lines += [f"## {section}", ""]
        for entry in members:
            title = entry.experiment.name
            lines += [f"### {title}", "", f"![{title}]({entry.name}.{suffix})", ""]
            lines += ["```yaml", entry.text.strip(), "```", ""]
            about = entry.experiment.scheduler.documentation()
            lines += ["```text", about.formula, "```", ""]
            lines += [f"Past its end: {about.past_end}\\", f"Source: {about.source}", ""]
    return "\n".join(lines).rstrip() + "\n"
