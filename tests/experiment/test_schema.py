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
OVERLAID = [{"label": "a", "scheduler": {"eta_min": 0}}, {"scheduler": {"name": "linear"}, "run": {"epochs": 2}}]
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


def test_both_take_an_overlay() -> None:
    document = {**COSINE, "overlay": OVERLAID, "gallery": {"show": ["lr", "momentum"], "x": "progress"}}
    jsonschema.validate(document, SCHEMA)
    assert len(lrviz.load_all(document)) == 2


@pytest.mark.parametrize(
    "entries",
    [None, [], OVERLAID[:1], [*OVERLAID, 3], [*OVERLAID, {"sheduler": {}}], [*OVERLAID, {"file": "a.yaml", "run": {}}]],
    ids=str,
)
def test_both_refuse_an_overlay(entries: Any) -> None:
    document = {**COSINE, "overlay": entries}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    with pytest.raises(lrviz.SpecError):
        lrviz.load_all(document)


@pytest.mark.parametrize("document", REFUSED, ids=str)
def test_both_refuse(document: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)
    with pytest.raises(lrviz.SpecError):
        lrviz.load(document)
