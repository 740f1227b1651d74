"""The replay as a command runs it: with progress, torch's warnings as remarks, its errors as ours."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

from lrviz.cli.report import print_message, print_note, progress
from lrviz.errors import ReplayError
from lrviz.experiment.experiment import Experiment

if TYPE_CHECKING:
    from lrviz.rules import Finding
    from lrviz.trace import Trace

__all__ = ["finish", "run", "shown_trace"]

SLOW = 200_000  # settings from which a progress bar is worth its place


def run(experiment: Experiment, given: Mapping[str, Any]) -> Trace:
    """Replay for a command, as far as torch goes; its warnings are remarks."""
    from lrviz.engine.select import replay

    total = experiment.run.clock.settings
    with progress("replaying", total) if total >= SLOW else nullcontext() as update:
        report = update and (lambda done, _: update(completed=done))
        with redirect_stdout(sys.stderr):  # what a scheduler of the user's own prints is no part of a report
            trace = replay(
                experiment, partial=True, engine=given["engine"], train=given.get("train", False), progress=report
            )
    for note in trace.warnings:
        print_note(f"torch warned {note.where}: {note.message}")
    return trace


def shown_trace(experiment: Experiment, given: Mapping[str, Any]) -> tuple[Trace, list[Finding]]:
    """Replay for a command that shows the trace, and say in a line each what is wrong with it.

    Returns the errors and warnings found as well. Raises ReplayError where torch raises and there is
    nothing to show.
    """
    trace = run(experiment, given)
    findings = [] if given["no_check"] else _print_findings(experiment, trace)
    if trace.failure is not None and not (given["partial"] and trace.steps):
        hint = "\n       --partial shows what came before" if trace.steps else ""
        raise ReplayError(trace.failure.description + hint)
    return trace, findings


def _print_findings(experiment: Experiment, trace: Trace) -> list[Finding]:
    from lrviz.rules import REPLAY_FAILED, examine

    findings = [finding for finding in examine(experiment, trace) if finding.severity != "info"]
    for finding in findings:
        if finding.rule != REPLAY_FAILED:  # torch's own words come at the end
            print_message("check", f"{finding.severity} {finding.rule}: {finding.message}", finding.severity)
    return findings


def finish(trace: Trace) -> None:
    """Raise ReplayError, after the output, where torch raised in the middle of the replay."""
    if trace.failure is not None:
        raise ReplayError(trace.failure.description)
