"""The summary.csv of timm's train.py: a row for every epoch, counted from 0 (timm 1.0.31).

Its learning rate is the mean over the parameter groups at the epoch's end: where the scheduler is stepped once an
epoch that of the epoch, where it is stepped at every update that of the next.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrviz.readers.logs.names import GroupColumns, Layout

LABEL = "timm summary.csv"


def layout(names: Sequence[str]) -> Layout | None:
    """Return the layout of a file with these columns, None where it is of another format."""
    is_own = {"epoch", "lr", "train_loss"} <= {*names}
    return Layout("epoch", (GroupColumns("lr", "lr"),), "epoch") if is_own else None
