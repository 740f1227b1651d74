"""What `lrviz check` found, with its file and line, as panels to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.report import COLORS, console
from lrviz.errors import Problem
from lrviz.experiment.clock import Run
from lrviz.experiment.values import Value, located
from lrviz.rules import SEVERITIES, Finding

if TYPE_CHECKING:
    from rich.panel import Panel


@dataclass(frozen=True)
class Place:
    """Where something stands: a line of a file, a file, or a flag."""

    file: str | None = None
    line: int | None = None
    flag: str = ""

    @classmethod
    def of(cls, text: str) -> Place:
        """Return the place in a text such as `a.yaml:7`, `a.yaml` or `--t-max`."""
        if not text or text.startswith("-"):
            return cls(flag=text)
        file, _, line = text.rpartition(":")
        return cls(file, int(line)) if file and line.isdecimal() else cls(text)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file or self.flag


@dataclass(frozen=True)
class Edit:
    """What a fix makes of a file: text, without a last line end, for its lines from `first` to `last`, and `width`.

    Lines are counted from 1; `width` is that of the last one, in characters.
    """

    first: int
    last: int
    width: int
    text: str


@dataclass(frozen=True)
class Found:
    """A finding and its place; `edit` is its fix in the file, where somebody asked for that and it helps."""

    finding: Finding
    place: Place
    edit: Edit | None = None


@dataclass(frozen=True)
class Checked:
    """One target: what was found, and its run; or why it could not be read."""

    name: str
    found: Sequence[Found] = ()
    run: Run | None = None
    problems: Sequence[Problem] = ()
    is_strict: bool = False  # a warning fails, too
    is_log: bool = False  # of a run that was, and has no schedule

    @property
    def fails(self) -> bool:
        """Whether check is to exit with 1; a target without a run is one that plot and table refuse."""
        is_refused = self.run is None and not self.is_log
        return is_refused or self.counts("error") > 0 or (self.is_strict and self.counts("warning") > 0)

    def counts(self, severity: str) -> int:
        return sum(each.finding.severity == severity for each in self.found)


def place_of(finding: Finding, document: Value | None) -> Place:
    """Return where a finding stands in a document: at what its fix changes, else at what it is about."""
    if finding.place:
        return Place.of(finding.place)
    if document is None or not isinstance(document.data, dict):
        return Place()
    for field in (*(change.field for change in finding.changes), finding.field):
        place = located([Problem(field=field, message="")], document)[0].place
        if place and field.partition(".")[0] in document.data:
            return Place.of(place)
    return Place.of(document.place)


def print_text(checked: Sequence[Checked]) -> None:
    """Print a panel for each finding, and a line that counts them."""
    screen = console()
    for one in checked:
        for each in one.found:
            place = str(each.place) or (one.name if len(checked) > 1 else "")
            if len(place) > screen.width - 8:  # a title that is cut would not say where
                screen.print(place, style="dim", soft_wrap=True, markup=False)
                place = ""
            screen.print(_panel(each.finding, place))
    if len(checked) > 1 or not checked[0].problems:
        typer.echo(summary(checked))


def _panel(finding: Finding, place: str) -> Panel:
    from rich.box import ROUNDED
    from rich.console import Group
    from rich.panel import Panel
    from rich.syntax import Syntax
    from rich.text import Text

    color = COLORS[finding.severity]
    parts: list[Any] = [Text(finding.message), Text(""), Text(f"Instead: {finding.fix}")]
    if finding.snippet:
        language = "bash" if finding.snippet.startswith("--") else "yaml"
        code = Syntax(finding.snippet, language, background_color="default", theme="ansi_light", word_wrap=True)
        parts += [Text(""), code]
    title = Text.assemble((finding.severity, f"bold {color}"), " ", (finding.rule, "bold"))
    return Panel(
        Group(*parts), title=title, subtitle=Text(place, "dim") if place else None, title_align="left",
        subtitle_align="right", border_style=color, box=ROUNDED, padding=(0, 1),
    )  # fmt: skip


def summary(checked: Sequence[Checked]) -> str:
    """Return what was found in a line: `3 errors in 2 of 30 schedules; 4 files could not be read`."""
    counts = [(sum(one.counts(severity) for one in checked), severity) for severity in SEVERITIES]
    message = ", ".join(_counted(count, severity) for count, severity in counts if count) or "nothing to report"
    if len(checked) == 1:
        return message
    unread = _count(one.problems for one in checked)
    concerned = _count(one.found for one in checked) or len(checked) - unread
    of_all = "" if concerned == len(checked) else f"{concerned} of "
    parts = [f"{message} in {of_all}{len(checked)} schedules"] if concerned else []
    return "; ".join([*parts, *([f"{_counted(unread, 'file')} could not be read"] if unread else [])])


def _count(wanted: Iterable[object]) -> int:
    return sum(map(bool, wanted))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 or noun == 'info' else noun + 's'}"
