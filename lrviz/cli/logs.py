"""Logs of runs on the command line: a target that is one, and a plan against one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.cli.overlay import OPTIMIZER, RUN, WARMUP
from lrviz.cli.report import print_message, print_note
from lrviz.errors import LrvizError, Problem, SpecError
from lrviz.experiment.writer import in_flow
from lrviz.readers.logs import formats
from lrviz.subject import Subject
from lrviz.trace import Groups, Trace

if TYPE_CHECKING:
    from lrviz.cli.variants import Target
    from lrviz.following.explaining import Vary
    from lrviz.following.following import Followed
    from lrviz.render.figure.options import Mark
    from lrviz.rules import Finding


SILENT = {"group": "--group", "set": "--set", "train": "--train", "resume_at": "--resume-at"}
"""Flags, by the names of their values, that say something of a replay, and nothing of a log."""


def read(path: Path, given: Mapping[str, Any]) -> Trace:
    """Return the trace of a log; raises SpecError for what is none."""
    return formats.read(path, given.get("log_columns"))


def refuse_idle(given: Mapping[str, Any], name: str) -> None:
    """Raise SpecError for flags of a schedule where there are logs alone."""
    idle = [value.place for flags in (RUN, WARMUP, OPTIMIZER) for value in flags.values(given).values()]
    idle += [flag for key, flag in SILENT.items() if given.get(key)]
    if idle:
        message = f"changes nothing: {name} is the log of a run, which is shown as it is"
        raise SpecError([Problem(place=flag, message=message) for flag in idle])


def refuse_columns(given: Mapping[str, Any], *, has_log: bool) -> None:
    """Raise SpecError for the columns of a log where there is none."""
    if given.get("log_columns") and not has_log:
        raise SpecError(Problem(place="--log-columns", message="changes nothing: there is no log of a run"))


def print_remarks(trace: Trace, findings: Sequence[Finding] = (), who: str = "") -> None:
    """Print a line for what is odd in a log, and for each finding, after `who` it is of."""
    assert trace.log is not None
    called = who or trace.log.file
    for note in trace.log.notes:
        print_note(f"{called}: {note}")
    for each in findings:
        of_whom = f"{who}: " if who else ""
        print_message("check", f"{of_whom}{each.severity} {each.rule}: {each.message}", each.severity)


def followed(target: Target, plan: Subject, log: Trace) -> Followed:
    """Return whether a run followed a plan, which other settings of the target may explain if it did not."""
    from lrviz.following.following import follow

    return follow(plan, log, vary(target))


def vary(target: Target) -> Vary:
    """Return what replays a target with other settings, as `--set` would, in place of the flags that say them."""
    from lrviz.engine.select import replay

    def replayed(changes: Mapping[str, Any]) -> Trace | None:
        try:
            ((_, experiment),) = replace(target, given=changed(target.given, changes)).load()
        except LrvizError:
            return None
        assert experiment is not None, "a plan is no log"
        with suppress(LrvizError):
            return replay(experiment, partial=True, engine=target.given.get("engine", "auto"))
        return None

    return replayed


def changed(given: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a command's flags with `--set` for each change, and without the flags of the same."""
    values = dict(given)
    sets = [text for text in given["set"] if text.partition("=")[0].strip() not in changes]
    for path, value in changes.items():
        if path.startswith("--"):
            values[path[2:].replace("-", "_")] = str(value)
            continue
        section, _, name = path.rpartition(".")
        if values.get(f"{section}__{name}") is not None:
            values[f"{section}__{name}"] = None
        sets.append(f"{path}={in_flow(value)}")
    return {**values, "set": sets}


def over(found: Followed) -> list[Subject]:
    """Return a plan and the log over it, as a figure has room for them: with the groups of each that differ."""
    pairs = zip(found.log.groups, found.groups, strict=True)
    named = replace(found.log, groups=Groups(replace(group, name=own) for group, (_, own) in pairs))
    log = Subject(name=found.source.file, trace=_distinct(named))
    return [replace(found.plan, trace=_distinct(found.plan.trace)), log]


def _distinct(trace: Trace) -> Trace:
    own = {group.lr.tobytes(): group for group in reversed(trace.groups)}
    return replace(trace, groups=Groups(group for group in trace.groups if own[group.lr.tobytes()] is group))


def marks(found: Followed) -> list[Mark]:
    """Return the mark of where a run left its plan, if it did after it had followed."""
    from lrviz.render.figure.options import Mark

    left = found.left
    has_followed = left is not None and left.last_fit is not None
    return [Mark(step=left.step, label="leaves the plan", severity="warning")] if left and has_followed else []
