"""What a person reads on the terminal: reports on stdout, remarks and complaints on stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from lrviz.errors import LrvizError, SpecError

if TYPE_CHECKING:
    from rich.console import Console

    from lrviz.replay.trace import Trace
    from lrviz.spec.clock import Clock
    from lrviz.spec.experiment import Experiment

__all__ = ["COLORS", "complain", "console", "describe_run", "describe_schedule", "plain_blocks", "remark", "tell"]


COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def complain(error: LrvizError) -> None:
    """Print an error on stderr, one line for each problem."""
    lines = [str(problem) for problem in error.problems] if isinstance(error, SpecError) else [str(error)]
    for line in lines:
        tell("error", line)


def remark(text: str) -> None:
    """Print a remark on stderr."""
    tell("note", text)


def tell(kind: str, text: str) -> None:
    """Print a line on stderr after the word for what it is."""
    typer.secho(f"{kind}: ", fg=COLORS.get(kind), bold=kind == "error", nl=False, err=True)
    typer.echo(text, err=True)


def console() -> Console:
    """Return the console for reports: as wide as the terminal, 80 columns when piped."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 80
    return Console(width=width, highlight=False, soft_wrap=False)


def plain_blocks() -> bool:
    """Return whether stdout cannot show block characters, so that plain ones must do."""
    try:
        "▁█▏–·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def describe_schedule(experiment: Experiment, trace: Trace) -> list[str]:
    """Return what the schedule does, a line for each parameter group."""
    return [_line(experiment.name, trace, index) for index in range(len(trace.tracks))]


def describe_run(clock: Clock) -> list[str]:
    """Return what the run's lengths came to and how they were counted; nothing where they were simply given."""
    if not clock.remarks:
        return []
    length = f"{clock.steps:,} optimizer steps"
    if clock.epochs and clock.steps_per_epoch:
        length = f"{clock.epochs:,} epochs of {clock.steps_per_epoch:,} = {length}"
    counts = [length, f"{clock.scheduler_steps:,} scheduler steps"]
    counts += [f"{clock.samples:,} samples"] if clock.samples else []
    return [f"run: {', '.join(counts)}", *(f"     {remark}" for remark in clock.remarks)]


def _line(name: str, trace: Trace, index: int) -> str:
    track = trace.tracks[index]
    summary = trace.summary(track)
    who = name if len(trace.tracks) == 1 else f"{name}, {track.name}"
    where = f"step {summary.peak_step:,}"
    epoch = trace.epoch_of(summary.peak_step)
    if epoch is not None and trace.steps_per_epoch != 1:
        where += f" (epoch {epoch})"
    return (
        f"{who}: first {summary.first:.4g}, peak {summary.peak:.4g} at {where}, last {summary.last:.4g}; "
        f"{trace.steps:,} steps, torch {trace.torch_version}"
    )
