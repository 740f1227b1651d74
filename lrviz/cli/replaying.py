"""The replay as a command runs it: with progress, torch's warnings as notes, its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.flags import choice, option, read_value
from lrviz.cli.report import print_error, print_message, print_note
from lrviz.errors import ReplayError
from lrviz.experiment.argtypes import OneOf
from lrviz.experiment.experiment import Experiment

if TYPE_CHECKING:
    from lrviz.engine.record import Progress
    from lrviz.rules import Finding
    from lrviz.trace import Trace

__all__ = ["ENGINE", "REPLAY_OPTIONS", "finish", "run", "shown_trace"]

PANEL = "Replay"
SLOW = 200_000  # settings from which a progress bar is worth its place

ENGINES = OneOf(("auto", "torch", "light"), "what replays: torch, or its scheduler files alone (see lrviz engines)")
ENGINE = choice("engine", ENGINES.options, "auto", PANEL, f"{ENGINES.help}; default auto")
REPLAY_OPTIONS = (
    option("train", bool, False, "--train", metavar=" ", rich_help_panel=PANEL, show_default=False,
           help="train a toy problem under the schedule, and show its loss"),
    option("partial", bool, False, "--partial", metavar=" ", rich_help_panel=PANEL, show_default=False,
           help="where torch raises, still show what came before; the exit code is 1 all the same"),
    option("no_check", bool, False, "--no-check", metavar=" ", rich_help_panel=PANEL, show_default=False,
           help="say nothing of what lrviz check finds"),
    ENGINE,
)  # fmt: skip


def shown_trace(experiment: Experiment, given: Mapping[str, Any]) -> tuple[Trace, list[Finding]]:
    """Replay for a command that shows the trace, and say in a line each what is wrong with it.

    Returns the errors and warnings found as well. Raises ReplayError where torch raises and there is
    nothing to show.
    """
    trace = run(experiment, engine=given["engine"], train=given["train"])
    findings = [] if given["no_check"] else _told(experiment, trace)
    if trace.failure is not None and not (given["partial"] and trace.steps):
        hint = "\n       --partial shows what came before" if trace.steps else ""
        raise ReplayError(trace.failure.description + hint)
    return trace, findings


def _told(experiment: Experiment, trace: Trace) -> list[Finding]:
    from lrviz.rules import REPLAY_FAILED, examine

    findings = [finding for finding in examine(experiment, trace) if finding.severity != "info"]
    for finding in findings:
        if finding.rule != REPLAY_FAILED:  # torch's own words come at the end
            print_message(finding.severity, f"{finding.rule}: {finding.message}")
    return findings


def run(experiment: Experiment, *, engine: str, train: bool = False) -> Trace:
    """Replay for a command, as far as torch goes; its warnings are notes."""
    read_value(ENGINES, engine, "--engine")
    from lrviz.engine.select import replay

    with _progress(experiment) as progress:
        trace = replay(experiment, partial=True, engine=engine, train=train, progress=progress)
    for warning in trace.warnings:
        print_note(f"torch warned {warning.where}: {warning.message}")
    return trace


def finish(trace: Trace) -> None:
    """End a command after its output: with exit code 1 and torch's words where the replay failed."""
    if trace.failure is not None:
        print_error(ReplayError(trace.failure.description))
        raise typer.Exit(1)


@contextmanager
def _progress(experiment: Experiment) -> Iterator[Progress | None]:
    """Show a progress bar on stderr while a long replay runs, where somebody is there to see it."""
    total = experiment.run.clock.settings
    if total < SLOW:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("replaying", total=total)
        yield lambda done, _: bar.update(task, completed=done)
