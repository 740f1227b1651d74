"""docs/checks.md is what the rules say, and its schedules do what it says of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from lrviz.rules import RULES
from lrviz.rules.changes import as_yaml
from lrviz.rules.docs import markdown

PAGE = Path(__file__).parents[2] / "docs" / "checks.md"


def test_the_committed_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown()


def test_there_is_a_section_for_every_rule() -> None:
    assert re.findall(r"^## (\S+)$", markdown(), re.MULTILINE) == list(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_its_yaml_shows_the_rule(examined: Any, rule: Any) -> None:
    shown = yaml.safe_load(as_yaml(rule.example))
    assert rule.name in {finding.rule for finding in examined(shown, **rule.given)}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_its_yaml_fits_the_page(rule: Any) -> None:
    lines = as_yaml(rule.example).splitlines() + as_yaml(rule.near_miss).splitlines()
    assert max(map(len, lines)) <= 100


def test_a_snippet_is_yaml_of_the_scheduler(examined: Any) -> None:
    found = {finding.rule: finding for finding in examined(RULES["cycle-overrun"].example)}["cycle-overrun"]
    pasted = {**RULES["cycle-overrun"].example, **yaml.safe_load(found.snippet)}
    assert "cycle-overrun" not in {finding.rule for finding in examined(pasted)}
