from __future__ import annotations

import json

import pytest
import yaml

from lrviz.rules import RULES

BOUNCES = ("check", "cosine", "--t-max", "10", "--epochs", "10", "--steps-per-epoch", "100")


def test_a_schedule_without_findings_passes(lrviz):
    ended = lrviz("check", "cosine")
    assert (ended.code, ended.out, ended.err) == (0, "nothing to report\n", "")


def test_an_error_is_a_panel_with_numbers_and_a_fix_and_exits_1(lrviz):
    ended = lrviz(*BOUNCES)
    assert ended.code == 1
    assert "error unit-mismatch" in ended.out
    assert "1,000 / 10 = 100, the steps per epoch" in " ".join(ended.out.replace("│", " ").split())
    assert "run: {epochs: 10, steps_per_epoch: 100, interval: epoch}" in ended.out
    assert ended.out.splitlines()[-1] == "1 error"
    assert max(map(len, ended.out.splitlines())) <= 80


def test_json_holds_findings_and_the_run(lrviz):
    ended = lrviz(*BOUNCES, "--format", "json")
    report = json.loads(ended.out)
    assert ended.code == 1
    assert [finding["rule"] for finding in report["findings"]] == ["unit-mismatch"]
    assert set(report["findings"][0]) == {"rule", "severity", "message", "fix"}
    assert (report["run"]["steps"], report["run"]["scheduler_steps"]) == (1000, 1000)


def test_ignored_rules_are_silent(lrviz):
    ended = lrviz(*BOUNCES, "--ignore", "unit-mismatch", "--ignore", "cosine-rebound")
    assert (ended.code, ended.out) == (0, "nothing to report\n")


def test_several_rules_are_ignored_with_commas(lrviz):
    assert lrviz(*BOUNCES, "--ignore", "unit-mismatch,cosine-rebound").out == "nothing to report\n"


def test_rules_may_be_ignored_in_the_file(lrviz, tmp_path):
    (tmp_path / "a.yaml").write_text("scheduler: {name: cosine, T_max: 20}\ncheck: {ignore: [cosine-rebound]}\n")
    assert lrviz("check", "a.yaml").code == 0


def test_an_unknown_rule_is_refused_with_the_nearest(lrviz):
    ended = lrviz("check", "cosine", "--ignore", "cosine-rebounds")
    assert ended.code == 2
    assert "--ignore: unknown rule 'cosine-rebounds'; did you mean 'cosine-rebound'?" in ended.err


def test_strict_makes_a_warning_fail(lrviz):
    flags = ("check", "onecycle", "--max-lr", "1e-3")
    assert lrviz(*flags).code == 0
    assert lrviz(*flags, "--strict").code == 1


def test_many_files_have_one_summary(lrviz, tmp_path):
    (tmp_path / "good.yaml").write_text("scheduler: {name: cosine}\n")
    (tmp_path / "bad.yaml").write_text("scheduler: {name: cosine, T_max: 20}\n")
    ended = lrviz("check", "good.yaml", "bad.yaml")
    assert ended.code == 1
    assert "bad.yaml ─╯" in ended.out
    assert ended.out.splitlines()[-1] == "1 error in 2 schedules"
    report = json.loads(lrviz("check", "good.yaml", "bad.yaml", "--format", "json").out)
    assert [len(target["findings"]) for target in report["targets"]] == [0, 1]


def test_files_that_cannot_be_read_are_told_together_after_the_findings_of_the_rest(lrviz, tmp_path):
    (tmp_path / "a.yaml").write_text("scheduler: {name: cosin}\n")
    (tmp_path / "b.yaml").write_text("scheduler: {name: cosine, T_max: 20}\n")
    ended = lrviz("check", "a.yaml", "b.yaml", "missing.yaml")
    assert ended.code == 2
    assert "error cosine-rebound" in ended.out
    assert [line.split(":")[1].strip() for line in ended.err.splitlines()] == ["a.yaml", "missing.yaml"]


def test_what_the_spec_refuses_is_a_finding_where_a_rule_explains_it(lrviz):
    ended = lrviz("check", "step", "--step-size", "2.5")
    assert ended.code == 1
    assert "error fractional-count" in ended.out


def test_what_torch_raises_is_explained(lrviz):
    ended = lrviz("check", "onecycle", "--max-lr", "1e-3", "--total-steps", "16")
    assert ended.code == 1
    assert "error cycle-overrun" in ended.out
    assert "replay-failed" not in ended.out


def test_list_shows_every_rule_with_its_severity(lrviz):
    ended = lrviz("check", "--list")
    assert ended.code == 0
    for rule in RULES.values():
        assert any(line.split()[:2] == [rule.name, rule.severity] for line in ended.out.splitlines())


@pytest.mark.parametrize("name", RULES)
def test_every_rules_example_fires_from_the_command_line(lrviz, tmp_path, name):
    example = dict(RULES[name].example)
    file, _, column = example["scheduler"].get("metric_csv", "").rpartition(":")
    if file:
        (tmp_path / file).write_text(f"{column}\n" + "0.5\n" * 1000)
    (tmp_path / "example.yaml").write_text(yaml.safe_dump(example, default_flow_style=None))
    report = json.loads(lrviz("check", "example.yaml", "--format", "json").out)
    assert name in [finding["rule"] for finding in report["findings"]]
