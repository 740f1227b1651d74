"""CSV exports of Weights & Biases: a chart's, and a run's history.

A chart has "Step", and for each run "<run> - <metric>" with its "...__MIN" and "...__MAX"; a history has "_step" beside
what the trainer counts itself. Both are sampled where a run is long. transformers counts its steps from 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from lrviz.readers.logs.names import Layout, groups_in, step_in

LABEL = "W&B export"
HUGGINGFACE = "train/global_step"


def layout(names: Sequence[str]) -> Layout | None:
    """Return the layout of a file with these columns, None where it is of another format."""
    step = HUGGINGFACE if HUGGINGFACE in names else step_in(names)
    is_own = "_step" in names or any(name.endswith("__MIN") for name in names)
    if not is_own or step is None:
        return None
    return Layout(step, groups_in(names), first=int(step == HUGGINGFACE))


def runs(names: Sequence[str]) -> list[str]:
    """Return the names of the runs that stand side by side in a chart's export."""
    found = (group.lr.rpartition(" - ") for group in groups_in(names))
    return list(dict.fromkeys(run for run, dash, _ in found if dash))
