"""What a command shows: every target that was asked for, loaded, replayed and looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.cli import logs
from lrviz.cli.flags import flag_name
from lrviz.cli.replaying import findings_of, print_remarks, replayed, run_lines
from lrviz.cli.targets import Source
from lrviz.cli.variants import MOST, Target, targets_of, too_many
from lrviz.errors import Problem, ReplayError, SpecError
from lrviz.experiment.experiment import MAX_CHANGES, Experiment
from lrviz.labels import labels
from lrviz.render.figure.options import Mark, marks_of
from lrviz.render.text.following import report
from lrviz.subject import Subject
from lrviz.trace import Trace

if TYPE_CHECKING:
    from lrviz.following.following import Followed
    from lrviz.rules import Finding


OF_ONE = {"train": "the loss", "figure__annotate": "the parameters"}
"""Flags that only the figure of one schedule has room for, by their parameter, and what they show."""


@dataclass(frozen=True)
class Shown:
    """A subject that a command shows: what tells it from the others, and the errors and warnings found in it."""

    subject: Subject
    label: str
    target: Target
    findings: Sequence[Finding] = ()
    followed: Followed | None = None  # of a log over its plan

    @property
    def marks(self) -> list[Mark]:
        """What is wrong at a step of it, or where a log leaves its plan."""
        return [*marks_of(self.findings), *(logs.marks(self.followed) if self.followed else [])]

    @property
    def experiment(self) -> Experiment | None:
        """Its experiment, None of a log."""
        return self.subject.experiment


def subjects_of(
    sources: Sequence[Source], given: Mapping[str, Any], verb: str, *, has_column: bool = False
) -> list[Shown]:
    """Return all that a command shows, in the order asked for, replayed; say in a line each what is wrong with it.

    With `has_column` the command itself says what was found, where there are several. Raises SpecError
    with the problems of all, and ReplayError where torch raises and a schedule has nothing to show.
    """
    log = logs.read(Path(given["log"]), given) if given.get("log") else None
    loaded = _loaded(targets_of(sources, given, verb))
    for flag, what in OF_ONE.items():
        if given.get(flag) and len(loaded) > 1:
            name = flag_name(flag.removeprefix("figure__"))
            raise SpecError(Problem(place=name, message=f"shows {what} of one schedule; {len(loaded)} are given"))
    has_log = log is not None or any(experiment is None for _, experiment in loaded)
    logs.refuse_columns(given, has_log=has_log)
    if all(experiment is None for _, experiment in loaded):
        logs.refuse_idle(given, loaded[0][0].source.name)
    subjects = [_subject(target, experiment, given) for target, experiment in loaded]
    several = len(subjects) > 1
    names = labels(subjects)
    shown = []
    for (target, _), subject, label in zip(loaded, subjects, names, strict=True):
        findings = [] if given["no_check"] else findings_of(subject.experiment, subject.trace, target.given)
        told = [] if several and has_column else findings
        who = label if several else ""
        if not given["quiet"] and subject.experiment is None:
            logs.print_remarks(subject.trace, told, who)
        elif not given["quiet"] and subject.experiment is not None:
            print_remarks(target.source, subject.experiment, subject.trace, told, target.given, who)
        serious = [finding for finding in findings if finding.severity != "info"]
        shown.append(Shown(subject, label, target, serious))
    _refuse_failed(shown, given)
    return shown if log is None else _over(shown, log)


def _over(shown: Sequence[Shown], log: Trace) -> list[Shown]:
    """Return a schedule and the log that is to be laid over it; raises SpecError where there are several."""
    plan, *others = shown
    if others or plan.experiment is None:
        raise SpecError(Problem(place="--log", message="is to be laid over one schedule"))
    found = logs.followed(plan.target, plan.subject, log)
    first, second = logs.over(found)
    return [replace(plan, subject=first, label="plan"), Shown(second, "log", plan.target, followed=found)]


def axis_of(shown: Sequence[Shown], x: str, *, is_given: bool) -> str:
    """Return what an x axis counts: epochs, if nobody said it, where a log counts no steps. Raises SpecError."""
    of_epochs = [each.label for each in shown if (log := each.subject.trace.log) and log.unit == "epoch"]
    if not of_epochs or x in ("epoch", "progress") or any(each.followed for each in shown):
        return x
    if is_given:
        raise SpecError(Problem(place="--x", message=f"{of_epochs[0]} counts epochs, and no steps: --x epoch"))
    return "epoch"


def _subject(target: Target, experiment: Experiment | None, given: Mapping[str, Any]) -> Subject:
    """Return what a target shows: its experiment, replayed, or the log that it is."""
    name, variant = target.source.name, target.variant
    if target.source.read is not None:
        log = target.source.read(given)
        return Subject(name=Path(name).name or name, trace=log, target=name, variant=variant)
    assert experiment is not None
    trace = replayed(experiment, given)
    return Subject(name=experiment.title or name, trace=trace, experiment=experiment, target=name, variant=variant)


def finish(shown: Sequence[Shown]) -> None:
    """Raise ReplayError, after the output, where torch raised in the middle of a replay."""
    failed = [each for each in shown if each.subject.trace.failure is not None]
    if failed:
        raise ReplayError("\n".join(_failure(each, len(shown) > 1) for each in failed))


def lines_of(shown: Sequence[Shown], given: Mapping[str, Any]) -> list[str]:
    """Return in words what was read and replayed, of several what is true of all."""
    reports = [line for each in shown if each.followed for line in report(each.followed).splitlines()]
    replays = [(each.experiment, each.subject.trace) for each in shown if each.experiment is not None]
    if not replays:
        return reports
    first, *others = (_blocks(run_lines(experiment, trace, given)) for experiment, trace in replays)
    return [block for block in first if all(block in blocks for blocks in others)] + reports


def _blocks(lines: Sequence[str]) -> list[str]:
    """Return each line with those after it that are indented, which go on with it."""
    return re.split(r"\n(?! )", "\n".join(lines)) if lines else []


def _loaded(targets: Sequence[Target]) -> list[tuple[Target, Experiment | None]]:
    """Return the experiments of all targets; raises SpecError with every problem."""
    loaded: list[tuple[Target, Experiment | None]] = []
    problems: list[Problem] = []
    for target in targets:
        try:
            loaded += target.load()
        except SpecError as error:
            if len(targets) == 1:
                raise
            problems += error.problems
    if problems:
        raise SpecError(problems)
    if len(loaded) > MOST:
        raise too_many(len(loaded))
    changes = sum(experiment.changes for _, experiment in loaded if experiment is not None)
    if len(loaded) > 1 and changes > MAX_CHANGES:
        raise SpecError(
            f"{len(loaded)} schedules change a learning rate {changes:,} times in all; at most {MAX_CHANGES:,}"
        )
    return loaded


def _refuse_failed(shown: Sequence[Shown], given: Mapping[str, Any]) -> None:
    """Raise ReplayError where torch raised and what came before is not asked for, or there is nothing of it."""
    failed = [each for each in shown if each.subject.trace.failure is not None]
    if not failed or (given["partial"] and all(each.subject.trace.steps for each in failed)):
        return
    lines = [_failure(each, len(shown) > 1) for each in failed]
    if all(each.subject.trace.steps for each in failed):
        lines.append("       --partial shows what came before")
    raise ReplayError("\n".join(lines))


def _failure(shown: Shown, several: bool) -> str:
    failure = shown.subject.trace.failure
    assert failure is not None
    return f"{shown.label}: {failure.description}" if several else failure.description
