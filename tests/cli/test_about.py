from __future__ import annotations

from lrviz.experiment.schedulers import CATALOGUE
from lrviz.rules import RULES


def test_list_shows_every_scheduler_within_80_columns(lrviz):
    out = lrviz("list").out
    assert max(map(len, out.splitlines())) <= 80
    for name, spec in CATALOGUE.items():
        assert name in out
        assert spec.shape in out


def test_list_shows_every_rule_with_its_severity(lrviz):
    ended = lrviz("check", "--list")
    assert ended.code == 0
    for rule in RULES.values():
        assert any(line.split()[:2] == [rule.name, rule.severity] for line in ended.out.splitlines())
