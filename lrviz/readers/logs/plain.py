"""Any other CSV with a column of steps and one of learning rates, both called as is usual."""

from __future__ import annotations

from collections.abc import Sequence

from lrviz.readers.logs.names import Layout, groups_in, step_in

LABEL = "CSV"


def layout(names: Sequence[str]) -> Layout | None:
    """Return the layout of a file with these columns, None where their names do not say it."""
    step, groups = step_in(names), groups_in(names)
    if step is None or not groups:
        return None
    return Layout(step, groups, "epoch" if step.rpartition("/")[2].lower() == "epoch" else "step")
