"""`lrviz diff`: whether two schedules are equal, where they differ, and which settings explain it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import typer

from lrviz.cli import logs
from lrviz.cli.flags import read_value
from lrviz.cli.replaying import replayed
from lrviz.cli.report import console, plain_blocks
from lrviz.cli.subjects import Shown, subjects_of
from lrviz.cli.targets import Source
from lrviz.difference import difference, explained
from lrviz.documents import read
from lrviz.errors import LrvizError, Problem, SpecError
from lrviz.experiment.argtypes import Real
from lrviz.experiment.values import Value
from lrviz.render.text import following
from lrviz.render.text.difference import Format, report
from lrviz.subject import Subject
from lrviz.trace import Trace

FORMATS = tuple(member.value for member in Format)
TOLERANCE = Real("share of a curve's largest value", minimum=0, below=1)


def diff(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print how two targets differ; exits with 1 where they do, or where torch raises."""
    text = given["tolerance"]
    tolerance = 0.0 if text is None else read_value(TOLERANCE, text, "--tolerance")
    if [source.name for source in sources].count("-") > 1:
        raise SpecError("standard input can be one of the two targets, not both")
    shown = subjects_of(sources, {**given, "train": False, "partial": True, "no_check": True}, "diff")
    if len(shown) != 2:
        raise SpecError(f"lrviz diff compares two schedules, and has {len(shown)}{_TWO if len(shown) == 1 else ''}")
    plans = [each for each in shown if each.experiment is not None]
    if len(plans) == 1:
        _follow(plans[0], next(each for each in shown if each.experiment is None), given)
        return
    a, b = map(_named, shown)
    found = difference(a, b, by=given["by"], tolerance=tolerance)
    found = explained(found, b, _replayed(shown[1]))
    sys.stdout.write(report(Format(given["format"]), found, (a, b), console(), ascii=plain_blocks()))
    if not found.is_equal or any(found.failures):
        raise typer.Exit(1)


def _follow(plan: Shown, log: Shown, given: Mapping[str, Any]) -> None:
    """Print whether the run of a log followed a plan; exits with 1 where it did not."""
    for name, usual in (("by", "step"), ("tolerance", None)):
        if given[name] != usual:
            message = "is for two schedules; a log is compared to the digits that it has"
            raise SpecError(Problem(place=f"--{name}", message=message))
    found = logs.followed(plan.target, _named(plan), log.subject.trace)
    sys.stdout.write(following.report(found, given["format"]))
    if not found.is_followed:
        raise typer.Exit(1)


_TWO = "; the second is another target, or --with 'onecycle --max-lr 1e-3'"


def _named(shown: Shown) -> Subject:
    """Return a subject under the name that it was given by."""
    subject = shown.subject
    return replace(subject, name=", ".join(filter(None, (subject.target, subject.variant))))


def _replayed(shown: Shown) -> Callable[[Mapping[str, Any]], Trace | None]:
    """Return what replays another document in a target's place."""
    path, given = shown.target.source.path, shown.target.given
    options: dict[str, Any] = {name: given.get(name, ()) for name in ("allow_import", "allow_files")}

    def replay(document: Mapping[str, Any]) -> Trace | None:
        try:
            return replayed(read(Value.of(document), folder=path.parent if path else None, **options), given)
        except LrvizError:
            return None

    return replay
