"""`lrviz show`: schedules as a chart in the terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import typer

from lrviz.cli.flags import FlagSet
from lrviz.cli.report import columns, has_color, lines, plain_letters, print_line, print_pieces
from lrviz.cli.subjects import Shown, axis_of, finish, lines_of, subjects_of
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Bool, Count, OneOf
from lrviz.experiment.record import Record, arg
from lrviz.experiment.values import Value, located
from lrviz.positions import TITLES
from lrviz.render.figure.options import PANELS, FigureOptions, Panels
from lrviz.render.text.canvas import Piece
from lrviz.render.text.chart import LEAST, Chart, Sign
from lrviz.render.text.screen import plain
from lrviz.render.text.sentences import summary_line, telling
from lrviz.render.words import clipped, one_line

CLEAR = "\x1b[2J\x1b[H"  # an empty screen, from its top
PROMPT = 1  # line that the shell takes
CAPTIONS = {"lr": "learning rate", "momentum": "momentum"}
LOWER = 0.4  # of the rows, for the momentum
MOST = 8  # schedules that have a line below the chart each


class ChartOptions(Record):
    """How to draw a chart in the terminal; its height is the terminal's where it is unset."""

    height: int | None = arg(
        Count("lines of the whole screen", minimum=8, maximum=400, default_text="the terminal's"), default=None
    )
    log_y: bool = arg(Bool("logarithmic learning-rate axis"), default=False)
    show: tuple[str, ...] = arg(
        Panels(OneOf(PANELS, "charts to draw: the learning rate, and momentum or beta1"), least=1), default=("lr",)
    )
    x: str = arg(OneOf(tuple(TITLES), "what the x axis counts"), default="step")
    ascii: bool = arg(Bool("no letters but those of ASCII"), default=False)


CHART = FlagSet(ChartOptions, "chart", "Chart")


def show(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Draw the schedules in characters, and print a line on what each does for each parameter group."""
    options: ChartOptions = CHART.build(given)
    how = _protocol() if given["picture"] else None
    shown = subjects_of(sources, given, "show")
    options = replace(options, x=axis_of(shown, options.x, is_given="x" in CHART.values(given)))
    is_plain = options.ascii or plain_letters()
    below = [plain(text, ascii=is_plain) for text in (*_summaries(shown), *lines_of(shown, given))]
    if given["watch"] and sys.stdout.isatty():
        typer.echo(CLEAR, nl=False)
    if how is None:
        for line in _screen(shown, options, given, below):
            print_pieces(line)
    else:
        typer.echo(_picture(shown, options, given, how), color=True)
    for text in below:
        print_line(text)
    finish(shown)


def _summaries(shown: Sequence[Shown]) -> list[str]:
    """Return a line for each parameter group of one schedule, and for each of several, as far as there is room."""
    several = len(shown) > 1
    found = []
    for each in shown[:MOST]:
        trace = telling(each.subject.trace) if several else each.subject.trace.side_by_side()
        found += [summary_line(trace, group, each.label if several else "") for group in trace.groups]
    more = len(shown) - MOST
    return [*found, f"and {more} more: lrviz table has a line for each"] if more > 0 else found


def _title(shown: Sequence[Shown], given: Mapping[str, Any]) -> str:
    """Return what stands above: the title that is asked for, or of a lone schedule its own."""
    if given["title"] is not None:
        return str(given["title"])
    first = shown[0]
    if len(shown) > 1 and not shown[-1].followed:
        return ""
    return first.experiment.heading if first.experiment else first.subject.name


def _heading(shown: Sequence[Shown], options: ChartOptions, given: Mapping[str, Any]) -> str:
    """Return the title in a line of the chart's letters."""
    title = one_line(_title(shown, given))
    if not (options.ascii or plain_letters()):
        return clipped(title, columns())
    return clipped(plain(title, ascii=True), columns() - 2).replace("…", "...")


def _screen(
    shown: Sequence[Shown], options: ChartOptions, given: Mapping[str, Any], below: Sequence[str]
) -> Iterator[Sequence[Piece]]:
    """Yield the lines of the charts, one for each panel, which fill what the text leaves of the terminal."""
    charts, title = _charts(shown, options, given), _heading(shown, options, given)
    if title:
        yield [(title, "bold")]
    text = sum(-(-len(line) // columns()) for line in below) + bool(title) + PROMPT
    room = max(LEAST * len(charts), (options.height or lines()) - sum(each.frame for each in charts) - text)
    heights = [room] if len(charts) == 1 else [room - round(room * LOWER), round(room * LOWER)]
    for chart, height in zip(charts, heights, strict=True):
        yield from replace(chart, height=height).lines()


def _charts(shown: Sequence[Shown], options: ChartOptions, given: Mapping[str, Any]) -> list[Chart]:
    """Return a chart for each panel; raises SpecError for what cannot be drawn, with its flag."""
    subjects = [replace(each.subject, trace=each.subject.trace.side_by_side()) for each in shown]
    signs = [Sign(mark.step, mark.label, mark.severity) for each in shown for mark in each.marks]
    failures = [each.trace.failure for each in subjects if each.trace.failure is not None]
    explained = {sign.step for sign in signs}
    seams = [each.trace.seam for each in subjects if each.trace.seam is not None]
    signs += [Sign(each.step, f"resumed, {each.mode}", "note") for each in seams if each.step not in explained]
    signs += [Sign(each.step - 1, each.words, "error") for each in failures if each.step - 1 not in explained]
    try:
        chart = Chart(
            subjects=subjects, labels=[each.label for each in shown], width=columns(), height=LEAST, x=options.x,
            log_y=options.log_y, color=has_color(), ascii=options.ascii or plain_letters(),
            signs=signs if len(shown) == 1 else (),
        )  # fmt: skip
        several = len(options.show) > 1
        return [
            replace(chart, what=what, signs=() if number else chart.signs, caption=CAPTIONS[what] if several else "")
            for number, what in enumerate(options.show)
        ]
    except SpecError as error:
        raise SpecError(located(error.problems, Value(dict(CHART.values(given))))) from None


def _protocol() -> Any:
    """Return how this terminal takes pictures; raises SpecError where it does not say that it does."""
    from lrviz.render.figure.inline import PROTOCOLS, protocol

    named = os.environ.get("LRVIZ_PICTURE")
    how = named if named in PROTOCOLS else protocol(os.environ)
    if how is None:
        message = (
            "this terminal does not say that it shows pictures; where it does, LRVIZ_PICTURE=kitty, iterm2 or sixel "
            "says how"
        )
        raise SpecError(Problem(place="--picture", message=message))
    return how


def _picture(shown: Sequence[Shown], options: ChartOptions, given: Mapping[str, Any], how: Any) -> str:
    """Return the figure as the terminal takes it."""
    from lrviz.cli.plot import figure_of
    from lrviz.render.figure.inline import escaped
    from lrviz.render.figure.output import write
    from lrviz.render.figure.standalone import import_matplotlib

    import_matplotlib()
    file = io.BytesIO()
    wanted = FigureOptions(log_y=options.log_y, show=options.show, x=options.x)
    write(figure_of(shown, wanted, given), file, "png")
    return escaped(file.getvalue(), how)
