"""Lightning's metrics.csv: CSVLogger, with the rates that LearningRateMonitor logs (lightning 2.6.6).

A row has what was logged at once, and the header is the union of all keys. `step` is the 0-based optimizer step, and
the learning rate the one that it trains with; under accumulation there is a row for every batch, all of the same step.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrviz.readers.logs.names import Layout, groups_in

LABEL = "Lightning metrics.csv"


def layout(names: Sequence[str]) -> Layout | None:
    """Return the layout of a file with these columns, None where it is of another format."""
    groups = tuple(group for group in groups_in(names) if group.lr.startswith("lr-"))
    return Layout("step", groups) if "step" in names and groups else None
