"""The JSON Schema and the reader of documents agree on what each takes."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

import lrviz
from lrviz.documents import SECTIONS
from lrviz.experiment.schema import json_schema

SCHEMA = json_schema(SECTIONS)
COSINE = {"scheduler": {"name": "cosine"}}
TAKEN = [
    *({**COSINE, section: None} for section in ("run", "optimizer", "gallery", "check")),
    {**COSINE, "x-anchors": [1, {"a": None}]},
    {"scheduler": {"name": "plateau", "metric": "1"}},
    {"scheduler": {"name": "plateau", "metric_csv": "log.csv:loss"}},
]
REFUSED = [
    {"scheduler": None},
    {**COSINE, "title": None},
    {**COSINE, "title": "x" * 1001},
    {**COSINE, "x_anchors": 1},
    {"scheduler": {"name": "multistep", "milestones": [1] * 1001}},
    {"scheduler": {"name": "plateau"}},
    {"scheduler": {"name": "plateau", "metric": "1", "metric_csv": "log.csv:loss"}},
    {"scheduler": {"name": "chained", "schedulers": [{"name": "plateau"}]}},
]


@pytest.fixture(autouse=True)
def _log(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.csv").write_text("loss\n" + "1\n" * 31)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("document", TAKEN, ids=str)
def test_both_take(document: Any) -> None:
    jsonschema.validate(document, SCHEMA)
    assert lrviz.load(document)


@pytest.mark.parametrize("document", REFUSED, ids=str)
def test_both_refuse(document: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    with pytest.raises(lrviz.SpecError):
        lrviz.load(document)
