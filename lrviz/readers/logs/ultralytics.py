"""Ultralytics' results.csv: a row for every epoch, counted from 1 (ultralytics 8.4.190).

Its learning rates are those of the epoch's last batch, in 6 digits; earlier versions print 5, and pad with blanks.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrviz.readers.logs.names import Layout, groups_in

LABEL = "Ultralytics results.csv"


def layout(names: Sequence[str]) -> Layout | None:
    """Return the layout of a file with these columns, None where it is of another format."""
    groups = tuple(group for group in groups_in(names) if group.lr.startswith("lr/pg"))
    return Layout("epoch", groups, "epoch", first=1, digits=5) if "epoch" in names and groups else None
