"""Logs of runs on the command line: a target that is one, and a plan against one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.cli.report import print_note
from lrviz.errors import LrvizError
from lrviz.experiment.writer import in_flow
from lrviz.readers.logs import formats
from lrviz.subject import Subject
from lrviz.trace import Trace

if TYPE_CHECKING:
    from lrviz.cli.targets import Source
    from lrviz.following.explaining import Vary
    from lrviz.following.following import Followed


def read(path: Path, given: Mapping[str, Any]) -> Trace:
    """Return the trace of a log; what is odd in it is told in remarks, unless nobody wants to know."""
    trace = formats.read(path, given.get("log_columns"))
    if not given.get("quiet"):
        assert trace.log is not None
        for note in trace.log.notes:
            print_note(f"{path}: {note}")
    return trace


def followed(source: Source, given: Mapping[str, Any], plan: Subject, log: Trace) -> Followed:
    """Return whether a run followed a plan, which other settings of the target may explain if it did not."""
    from lrviz.following.following import follow

    return follow(plan, log, vary(source, given))


def vary(source: Source, given: Mapping[str, Any]) -> Vary:
    """Return what replays a target with other settings, as `--set` would, in place of the flags that say them."""
    from lrviz.engine.select import replay

    def replayed(changes: Mapping[str, Any]) -> Trace | None:
        try:
            experiment = source.load(changed(given, changes))
            return replay(experiment, partial=True, engine=given.get("engine", "auto"))
        except LrvizError:
            return None

    return replayed


def changed(given: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a command's flags with `--set` for each change, and without the flags of the same."""
    values = dict(given)
    sets = [text for text in given["set"] if text.partition("=")[0].strip() not in changes]
    for path, value in changes.items():
        section, _, name = path.rpartition(".")
        if values.get(f"{section}__{name}") is not None:
            values[f"{section}__{name}"] = None
        sets.append(f"{path}={in_flow(value)}")
    return {**values, "set": sets}
