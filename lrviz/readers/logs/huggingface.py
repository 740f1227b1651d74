"""The trainer_state.json of Hugging Face's Trainer (transformers 5.23.0).

Its `log_history` has an entry for whatever was logged at once; those with a learning rate count steps from 1. From
transformers 4.51 on the rate is the one that the step trained with, before that the one of the next.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lrviz.errors import shown
from lrviz.readers.logs.files import content, refuse
from lrviz.readers.logs.names import GroupColumns, Layout
from lrviz.readers.logs.records import MAX_BYTES, Records

LABEL = "Hugging Face trainer_state.json"
NAME = "trainer_state.json"
KEY = "log_history"
LAYOUT = Layout("step", (GroupColumns("lr", "learning_rate"),), first=1)

Entry = Mapping[str, Any]


def read(path: Path) -> Records:
    """Return the records of a file; raises SpecError for one that is none."""
    try:
        state = json.loads(content(path, MAX_BYTES))
    except RecursionError:
        raise refuse(path, "nested too deeply") from None
    except ValueError as error:
        raise refuse(path, f"not valid JSON: {error}") from None
    history = state.get(KEY) if isinstance(state, dict) else None
    if not isinstance(history, list):
        raise refuse(path, f"no list {KEY} in it: no {NAME} of Hugging Face's Trainer")
    records = Records(LAYOUT, str(path), LABEL)
    logged = list(_logged(history, path))
    for place, step, rate in logged:
        records.add(step, [rate], place)
    records.total = _count(state.get("max_steps"))
    records.steps_per_epoch = _steps_per_epoch(state, history)
    return records


def _logged(history: list[Any], path: Path) -> Iterator[tuple[str, float, float]]:
    """Yield the place, the step and the learning rate of every entry that has them."""
    for number, entry in enumerate(history):
        if isinstance(entry, dict) and entry.get("learning_rate") is not None:
            place = f"{path}: {KEY}[{number}]"
            yield (
                place,
                _number(entry.get("step"), f"{place}.step", path),
                _number(entry["learning_rate"], f"{place}.learning_rate", path),
            )


def _number(value: Any, what: str, path: Path) -> float:
    if isinstance(value, str) and len(value) < 60:  # what some callbacks print, they store
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refuse(path, f"{what.removeprefix(f'{path}: ')}: not a number: {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _steps_per_epoch(state: Entry, history: list[Any]) -> int | None:
    """Return how many steps an epoch has: by the run's length, or by the last entry, where that agrees."""
    steps, epochs = _count(state.get("max_steps")), _count(state.get("num_train_epochs"))
    last: Entry = next((each for each in reversed(history) if isinstance(each, dict) and "learning_rate" in each), {})
    step, epoch = last.get("step"), last.get("epoch")
    if isinstance(step, int) and isinstance(epoch, (int, float)) and 1 <= epoch < math.inf:
        found = round(step / epoch)
        if found > 0 and abs(found * epoch - step) < 0.5:
            return found
    return steps // epochs if steps and epochs and steps % epochs == 0 else None
