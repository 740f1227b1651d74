"""What a schedule does, in a line for a person."""

from __future__ import annotations

from lrviz.render.words import clipped, one_line
from lrviz.trace import GroupTrace, Trace

LONGEST = 200  # characters of a title and a group's name


def summary_line(trace: Trace, group: GroupTrace, title: str = "") -> str:
    """Return a group's first, peak and last learning rate, four digits each, after the title and, of several, its name.

    Raises ValueError on an empty trace.
    """
    summary = group.summary
    names = [name for name in (title, group.name if len(trace.groups) > 1 else "") if name]
    who = f"{clipped(one_line(', '.join(names)), LONGEST)}: " if names else ""
    epoch = None if trace.steps_per_epoch == 1 else trace.epoch_of(summary.peak_step)
    where = f"step {summary.peak_step:,}" + ("" if epoch is None else f" (epoch {epoch:,})")
    return f"{who}first {summary.first:.4g}, peak {summary.peak:.4g} at {where}, last {summary.last:.4g}"
