"""`lrviz plot`: a picture of a schedule."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.cli.flags import FlagSet
from lrviz.cli.report import print_line, print_note
from lrviz.cli.subjects import Shown, axis_of, finish, lines_of, subjects_of
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError, counted
from lrviz.experiment.values import Value, located
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.output import format_of, write
from lrviz.render.figure.standalone import import_matplotlib
from lrviz.render.text.sentences import log_extent, made_by, summary_line, telling
from lrviz.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE = FlagSet(FigureOptions, "figure", "Figure")
SEVERAL = "compare"  # the name of a figure of several targets


def plot(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Draw the schedules, and print a line on what each does for each parameter group."""
    options = FIGURE.build(given)
    is_one_target = len(sources) == 1 and not given["also"]
    output, file_format = _destination(given["output"], given["format"], sources[0].stem if is_one_target else SEVERAL)
    shown = subjects_of(sources, given, "plot")
    options = replace(options, x=axis_of(shown, options.x, is_given="x" in FIGURE.values(given)))
    import_matplotlib()
    figure = _drawn(lambda: figure_of(shown, options, given), given)
    write(figure, sys.stdout.buffer if output is None else output, file_format, options.dpi)
    lines = _one(shown[0], output) if len(shown) == 1 else _several(shown, output)
    for line in [*lines, *lines_of(shown, given)]:
        print_line(line, err=output is None)
    finish(shown)


def figure_of(shown: Sequence[Shown], options: FigureOptions, given: Mapping[str, Any]) -> Figure:
    """Return the figure of one schedule with all there is to say of it, or of several over each other."""
    from lrviz.render.figure.draw import draw
    from lrviz.render.figure.facets import facets_size
    from lrviz.render.figure.fonts import fonts_for, fonts_of
    from lrviz.render.figure.overlay import draw_overlay

    marks = [each.marks for each in shown]
    experiment = shown[0].experiment
    if len(shown) > 1 or experiment is None:
        subjects, labels, title = [each.subject for each in shown], [each.label for each in shown], _title(shown, given)
        if options.facets and "size" not in FIGURE.values(given):
            options = replace(options, size=facets_size(len(shown), len(options.show)))
        fonts = fonts_for([title, *labels], options)
        figure = draw_overlay(subjects, labels, options, title, marks)
    else:
        fonts = fonts_of(experiment, options)
        figure = draw(shown[0].subject.trace, experiment, options, marks[0])
    if fonts.note and not given["quiet"]:
        print_note(fonts.note)
    return figure


def _title(shown: Sequence[Shown], given: Mapping[str, Any]) -> str:
    """Return what stands above several schedules: the title that is asked for, or what all of them are called."""
    if given["title"] is not None:
        return str(given["title"])
    called = {each.experiment.name if each.experiment else each.subject.name for each in shown if not each.followed}
    for names in ({each.target.title or "" for each in shown}, called):
        if len(names) == 1 and names != {""}:
            return names.pop()
    return ""


def _one(shown: Shown, output: Path | None) -> list[str]:
    """Return what was written, and what each parameter group does."""
    both = shown.subject.trace.side_by_side()
    name = shown.experiment.name if shown.experiment else Path(shown.subject.name).name
    does = [f"{summary_line(both, group, name)}; {_length(both)}" for group in both.groups]
    return [*([f"wrote {output}"] if output else []), *does]


def _several(shown: Sequence[Shown], output: Path | None) -> list[str]:
    """Return what was written, and a line or a few on each schedule."""
    wrote = f"wrote {output}: " if output else ""
    versions = {each.subject.trace.torch_version: f", torch {each.subject.trace.torch_version}" for each in shown}
    lines = [f"{wrote}{len(shown)} schedules{''.join(said for version, said in versions.items() if version)}"]
    for each in shown:
        trace = telling(each.subject.trace)
        length = _length(trace) if trace.log else counted(trace.steps, "step")
        lines += [f"{summary_line(trace, group, each.label)}; {length}" for group in trace.groups]
    return lines


def _length(trace: Trace) -> str:
    """Return how many steps a replay has, or what a log has records of, and whose numbers they are."""
    if trace.log is not None:
        return f"{log_extent(trace)}, {made_by(trace, None)}"
    return f"{counted(trace.steps, 'step')}, torch {trace.torch_version}"


def _drawn(draw: Callable[[], Figure], given: Mapping[str, Any]) -> Figure:
    """Return the figure; what it cannot show has the name of its flag."""
    try:
        return draw()
    except SpecError as error:
        raise SpecError(located(error.problems, Value(dict(FIGURE.values(given))))) from None


def _destination(output: str | None, file_format: str | None, stem: str) -> tuple[Path | None, str]:
    """Return where to write, None for standard output, and in which format; raises SpecError."""
    if output == "-":
        if file_format is None:
            raise SpecError(Problem(place="-o", message="- needs --format png, svg or pdf"))
        return None, file_format
    path = Path(output or f"{stem}.{file_format or 'png'}")
    if file_format not in (None, format_of(path)):
        raise SpecError(Problem(place="--format", message=f"{file_format} contradicts the suffix of {path}"))
    return path, format_of(path)
