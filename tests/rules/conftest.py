"""What the tests of the rules share: a document examined, its replay run where it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from lrviz import replay, resumed
from lrviz.documents import load
from lrviz.errors import SpecError
from lrviz.rules import Finding, examine, from_problems
from lrviz.rules.changes import Change, apply_changes

Examine = Callable[..., list[Finding]]


@pytest.fixture
def examined(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Return the findings of a document, those of a refused one among them, as `lrviz check` has them."""
    (tmp_path / "log.csv").write_text("val_acc\n" + "\n".join(str(row / 100) for row in range(40)))
    monkeypatch.chdir(tmp_path)

    def examined(document: Mapping[str, Any], **run: Any) -> list[Finding]:
        at, mode = run.pop("resume_at", None), run.pop("resume_as", "load")
        field, _, value = run.pop("set", "").partition("=")
        changes = [Change(field, yaml.safe_load(value))] if field else []
        try:
            experiment = load(document, **run)
            if at is not None:
                experiment = resumed(experiment, at, mode, load(apply_changes(document, changes), **run))
        except SpecError as error:
            findings, left = from_problems(error.problems)
            assert not left
            return findings
        return examine(experiment, replay(experiment, partial=True))

    return examined
