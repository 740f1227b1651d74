"""A plan and a log of a run that torch itself made, compared as `lrviz diff` does."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lrviz import load, replay
from lrviz.arrays import column
from lrviz.cli.logs import vary
from lrviz.cli.targets import file_source
from lrviz.cli.variants import Target
from lrviz.following.following import Followed, follow
from lrviz.subject import Subject
from lrviz.trace import GroupTrace, Log, Precision, Trace

NOTHING_GIVEN = {"group": [], "set": [], "engine": "auto", "resume_at": None, "resume_with": None, "resume_as": None}
DOUBLE = Precision(words="double", share=1e-9)


def log_of(rates: Sequence[float], at: Sequence[int] | None = None, **log: Any) -> Trace:
    """Return a log of these learning rates, one for each step unless `at` says which."""
    steps = range(len(rates)) if at is None else at
    own = Log(**{"format": "CSV", "file": "log.csv", "precision": DOUBLE, **log})
    group = GroupTrace(name="lr", lr=column(rates))
    return Trace(
        groups=(group,), steps=len(rates), steps_per_epoch=None, momentum_name=None, engine="log", torch_version="",
        at=array("q", steps), log=own,
    )  # fmt: skip


@pytest.fixture
def followed(tmp_path: Path) -> Any:
    """Return what comes of a plan, a document, against a log."""

    def followed(document: Mapping[str, Any], log: Trace) -> Followed:
        path = tmp_path / "plan.json"
        path.write_text(json.dumps(document))
        experiment = load(document)
        plan = Subject(name="plan", trace=replay(experiment), experiment=experiment)
        return follow(plan, log, vary(Target(file_source(str(path)), NOTHING_GIVEN)))

    return followed


def of_unit(log: Trace, unit: str) -> Trace:
    assert log.log is not None
    return replace(log, log=replace(log.log, unit=unit))
