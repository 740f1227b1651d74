"""`lrviz diff`: whether two schedules are equal, where they differ, and which settings explain it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer

from lrviz.cli.flags import read_value
from lrviz.cli.replaying import run
from lrviz.cli.report import console, plain_blocks
from lrviz.cli.targets import Source, find
from lrviz.difference import difference, explained
from lrviz.documents import read
from lrviz.errors import LrvizError, SpecError, counted
from lrviz.experiment.argtypes import Real
from lrviz.experiment.values import Value
from lrviz.render.text.difference import Format, report
from lrviz.subject import Subject
from lrviz.trace import Trace

FORMATS = tuple(member.value for member in Format)
TOLERANCE = Real("share of a curve's largest value", minimum=0, below=1)


def diff(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print how two targets differ; exits with 1 where they do, or where torch raises."""
    if len(sources) != 2:
        raise SpecError(f"lrviz diff takes two targets, and has {counted(len(sources), 'target')}")
    text = given["tolerance"]
    tolerance = 0.0 if text is None else read_value(TOLERANCE, text, "--tolerance")
    first, second = sources[0], find(sources[1].name, "diff")
    if first.name == second.name == "-":
        raise SpecError("standard input can be one of the two targets, not both")
    a, b = (_subject(source, given) for source in (first, second))
    found = explained(difference(a, b, by=given["by"], tolerance=tolerance), b, _replayed(second, given))
    sys.stdout.write(report(Format(given["format"]), found, (a, b), console(), ascii=plain_blocks()))
    if not found.is_equal or any(found.failures):
        raise typer.Exit(1)


def _subject(source: Source, given: Mapping[str, Any]) -> Subject:
    experiment = source.load(given)
    return Subject(name=source.name, trace=run(experiment, given), experiment=experiment)


def _replayed(source: Source, given: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Trace | None]:
    """Return what replays another document in a target's place."""
    options: dict[str, Any] = {name: given.get(name, ()) for name in ("allow_import", "allow_files")}

    def replayed(document: Mapping[str, Any]) -> Trace | None:
        try:
            experiment = read(Value.of(document), folder=source.path.parent if source.path else None, **options)
            return run(experiment, {**given, "quiet": True})
        except LrvizError:
            return None

    return replayed
