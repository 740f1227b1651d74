from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from lrviz.cli.findings import Place, place_of
from lrviz.experiment.yaml_reader import parse
from lrviz.rules import RULES, Finding
from lrviz.rules.changes import Change

ROOT = Path(__file__).parents[2]

GOOD = "scheduler: {name: cosine}\n"
BAD = "title: a cosine that bounces\nscheduler: {name: cosine, T_max: 20}\n"
BOUNCES = ("check", "cosine", "--t-max", "10", "--epochs", "10", "--steps-per-epoch", "100")


def test_a_schedule_without_findings_passes(lrviz):
    ended = lrviz("check", "cosine")
    assert (ended.code, ended.out, ended.err) == (0, "nothing to report\n", "")


def test_an_error_is_a_panel_with_numbers_and_a_fix_and_exits_1(lrviz):
    ended = lrviz(*BOUNCES)
    assert ended.code == 1
    assert "error unit-mismatch" in ended.out
    assert "1,000 / 10 = 100, the steps per epoch" in " ".join(ended.out.replace("│", " ").split())
    assert "│ --interval epoch " in ended.out
    assert ended.out.splitlines()[-1] == "1 error"
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "fix"),
    [
        (("a.yaml",), "scheduler: {name: cosine, T_max: 32}"),
        (("cosine", "--t-max", "20"), "--t-max 32"),
        (("cosine", "--t-max", "20", "--set", "title=a"), "--t-max 32"),
        (("lambda", "--lr-lambda", "1 - step / 20"), "--lr-lambda 'max(0, 1 - step / 20)'"),
        (("onecycle", "--max-lr", "0.1"), "--no-cycle-momentum"),
        (("multistep", "--milestones", "8,8,16"), "--milestones 8,16"),
    ],
)
def test_a_fix_is_written_as_the_target_was(lrviz, tmp_path, arguments, fix):
    (tmp_path / "a.yaml").write_text(BAD)
    assert f"│ {fix} " in lrviz("check", *arguments).out


def test_json_holds_findings_and_the_run(lrviz):
    ended = lrviz(*BOUNCES, "--format", "json")
    (report,) = json.loads(ended.out)["targets"]
    assert ended.code == 1
    assert [finding["rule"] for finding in report["findings"]] == ["unit-mismatch"]
    assert set(report["findings"][0]) == {"rule", "severity", "message", "file", "line", "step", "fix", "page"}
    assert set(report["findings"][0]["fix"]) == {"message", "changes"}
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


DEAD = "scheduler: {name: exponential, gamma: 0.1}\n"  # lr-dead, a warning


@pytest.fixture
def severities(lrviz, tmp_path):
    """Return a function that checks a document in a project, and returns each finding's severity by its rule."""

    def severities(document, table, *flags):
        (tmp_path / "pyproject.toml").write_text(table)
        (tmp_path / "sub").mkdir(exist_ok=True)
        (tmp_path / "sub" / "a.yaml").write_text(document)
        ended = lrviz("check", "sub/a.yaml", *flags, "--format", "json")
        findings = json.loads(ended.out)["targets"][0]["findings"]
        return {finding["rule"]: finding["severity"] for finding in findings}, ended.code

    return severities


@pytest.mark.parametrize(
    ("project", "document", "flags", "expected"),
    [
        ("", "", (), ({"lr-dead": "warning"}, 0)),
        ('ignore = ["lr-dead"]', "", (), ({}, 0)),
        ('error = ["lr-dead"]', "", (), ({"lr-dead": "error"}, 1)),
        ('select = ["unfinished"]', "", (), ({}, 0)),
        ('select = ["lr-dead"]', "", (), ({"lr-dead": "warning"}, 0)),
        ("strict = true", "", (), ({"lr-dead": "warning"}, 1)),
        ("strict = true", "", ("--no-strict",), ({"lr-dead": "warning"}, 0)),
        ("", "check: {ignore: [lr-dead]}", (), ({}, 0)),
        ("", "check: {error: [lr-dead]}", (), ({"lr-dead": "error"}, 1)),
        ('ignore = ["lr-dead"]', "check: {error: [lr-dead]}", (), ({"lr-dead": "error"}, 1)),
        ('error = ["lr-dead"]', "check: {ignore: [lr-dead]}", (), ({}, 0)),
        ('ignore = ["lr-dead"]', "", ("--error", "lr-dead"), ({"lr-dead": "error"}, 1)),
        ("", "check: {error: [lr-dead]}", ("--ignore", "lr-dead"), ({}, 0)),
        ('ignore = ["lr-dead"]', "", ("--select", "lr-dead,unfinished"), ({"lr-dead": "warning"}, 0)),
        ("", "check: {ignore: [lr-dead]}", ("--select", "lr-dead"), ({"lr-dead": "warning"}, 0)),
    ],
)  # fmt: skip
def test_flags_win_over_the_document_and_that_over_the_project(severities, project, document, flags, expected):
    table = f"[tool.lrviz.check]\n{project}\n"
    assert severities(DEAD + document, table, *flags) == expected


def test_a_pyproject_without_a_table_is_passed_over(severities, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text("[tool.other]\n")
    assert severities(DEAD, '[tool.lrviz.check]\nignore = ["lr-dead"]\n') == ({}, 0)


def test_a_refused_value_is_ignored_or_raised_as_well(severities):
    document, project = (
        "scheduler: {name: step, step_size: 2.5}\n",
        "[tool.lrviz.check]\nerror = ['fractional-count']\n",
    )
    ignored = f"{document}check: {{ignore: [fractional-count]}}\n"
    assert severities(document, "") == ({"fractional-count": "error"}, 1)
    assert severities(document, "", "--ignore", "fractional-count") == ({}, 1)
    assert severities(ignored, project) == ({}, 1)
    assert severities(ignored, "", "--select", "fractional-count") == ({"fractional-count": "error"}, 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            '[tool.lrviz.check]\nignore = ["lr-dead", "lr-deed"]',
            "2: tool.lrviz.check.ignore[1]: unknown rule 'lr-deed'; did you mean 'lr-dead'?",
        ),
        ('[tool.lrviz.check]\nerror = "lr-dead"', "2: tool.lrviz.check.error: must be a list of names, not 'lr-dead'"),
        ("[tool.lrviz.check]\nignored = []", "2: tool.lrviz.check.ignored: unknown key; did you mean 'ignore'?"),
        ("[tool.lrviz.chek]\nignore = []", "1: tool.lrviz.chek: unknown key; did you mean 'check'?"),
        ("[tool.lrviz\n", "1: not valid TOML: "),
    ],
)  # fmt: skip
def test_what_a_project_says_wrong_is_refused_at_its_place(lrviz, tmp_path, table, message):
    (tmp_path / "pyproject.toml").write_text(table)
    (tmp_path / "a.yaml").write_text(GOOD)
    ended = lrviz("check", "a.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: pyproject.toml:{message}")


def test_strict_makes_a_warning_fail(lrviz):
    flags = ("check", "exponential", "--gamma", "0.1")
    assert lrviz(*flags).code == 0
    assert lrviz(*flags, "--strict").code == 1


@pytest.fixture
def schedules(tmp_path):
    """Write a folder with a good schedule, one with an error at line 3, one that is none, and other files."""
    folder = tmp_path / "schedules"
    (folder / "sub").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    files = {
        "good.yaml": GOOD,
        "sub/bad.yml": BAD,
        "broken.json": '{"scheduler": {"name": "cosin"}}',
        "torn.yaml": "scheduler: [",
        "other.yaml": "a: 1\n",
        "chart.yaml": "{{ if }}: [",
        ".hidden/bad.yaml": BAD,
        "notes.txt": BAD,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_a_folder_is_every_schedule_below_it(lrviz, schedules):
    ended = lrviz("check", "schedules", "--format", "json")
    report = json.loads(ended.out)
    names = {target["target"]: "error" in target for target in report["targets"]}
    assert {name.removeprefix("schedules/"): is_refused for name, is_refused in names.items()} == {
        "broken.json": True, "good.yaml": False, "torn.yaml": True, "sub/bad.yml": False,
    }  # fmt: skip
    assert report["summary"] == {
        "targets": 4, "with_findings": 1, "unreadable": 2, "passed_over": 2, "error": 1, "warning": 0, "info": 0,
    }  # fmt: skip
    first = ended.err.splitlines()[0]
    assert first == "note: passed over 2 files that are no schedules: schedules/chart.yaml, schedules/other.yaml"


def test_a_file_that_is_named_must_be_a_schedule(lrviz, schedules):
    ended = lrviz("check", "schedules/other.yaml")
    assert ended.code == 2
    assert ended.err == (
        "error: schedules/other.yaml:1: neither a document of lrviz's, which has a scheduler, nor a trainer's config "
        "that lrviz knows by its keys: a; --from names one\n"
    )


def test_a_file_in_a_folder_that_is_given_too_counts_once(lrviz, schedules):
    report = json.loads(lrviz("check", "schedules/sub/bad.yml", "schedules/sub", "--format", "json").out)
    assert [target["target"] for target in report["targets"]] == ["schedules/sub/bad.yml"]


def test_a_folder_without_a_schedule_is_refused(lrviz, tmp_path):
    (tmp_path / "empty").mkdir()
    ended = lrviz("check", "empty")
    assert ended.code == 2
    assert "empty: the folder holds no schedule" in ended.err


@pytest.mark.parametrize("arguments", [("bad.yaml",), ("bad.yaml", "nosuch.yaml"), ("good.yaml", "bad.yaml")])
def test_a_panel_names_the_file_and_the_line(lrviz, tmp_path, arguments):
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    assert "bad.yaml:2 ─╯" in lrviz("check", *arguments).out


@pytest.mark.parametrize(
    ("changed", "about", "line"),
    [
        (["scheduler.schedulers[1].T_max"], "scheduler", 6),
        (["scheduler.schedulers[1].eta_min"], "scheduler", 5),
        (["run.interval"], "scheduler.schedulers[1]", 5),
        ([], "scheduler.schedulers[0]", 4),
        ([], "scheduler", 2),
        (["run.interval", "title"], "scheduler", 1),
    ],
)
def test_a_finding_stands_at_what_its_fix_changes_or_at_what_it_is_about(changed, about, line):
    text = "title: a\nscheduler:\n  schedulers:\n    - {name: linear}\n    - name: cosine\n      T_max: 20\nwarmup: 3\n"
    changes = tuple(Change(field, 1) for field in changed)
    finding = Finding(rule="unfinished", severity="error", message="", fix="", changes=changes, field=about)
    assert place_of(finding, parse(text, "a.yaml")) == Place("a.yaml", line)


def test_a_place_too_long_for_a_panel_stands_above_it(lrviz, tmp_path):
    name = f"{'long' * 25}.yaml"
    (tmp_path / name).write_text(BAD)
    assert lrviz("check", name).out.splitlines()[0] == f"{name}:2"


def test_a_refused_value_is_found_at_its_own_line(lrviz, tmp_path):
    (tmp_path / "a.yaml").write_text("scheduler:\n  name: step\n  step_size: 2.5\n")
    (finding,) = json.loads(lrviz("check", "a.yaml", "--format", "json").out)["targets"][0]["findings"]
    assert (finding["file"], finding["line"]) == ("a.yaml", 3)
    assert finding["message"].startswith("scheduler.step_size: must be a whole number")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("good.yaml",), "nothing to report"),
        (("bad.yaml",), "1 error"),
        (("good.yaml", "also.yaml"), "nothing to report in 2 schedules"),
        (("good.yaml", "bad.yaml"), "1 error in 1 of 2 schedules"),
        (("good.yaml", "torn.yaml"), "nothing to report in 1 of 2 schedules; 1 file could not be read"),
        (("bad.yaml", "torn.yaml", "nosuch.yaml"), "1 error in 1 of 3 schedules; 2 files could not be read"),
        (("nosuch.yaml", "torn.yaml"), "2 files could not be read"),
    ],
)
def test_the_summary_counts_what_was_given(lrviz, tmp_path, arguments, line):
    for name, text in {"good": GOOD, "also": GOOD, "bad": BAD, "torn": "scheduler: ["}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    assert lrviz("check", *arguments).out.splitlines()[-1] == line


def test_files_that_cannot_be_read_are_reported_together_after_the_findings_of_the_rest(lrviz, tmp_path):
    (tmp_path / "a.yaml").write_text("scheduler: {name: cosin}\n")
    (tmp_path / "b.yaml").write_text(BAD)
    ended = lrviz("check", "a.yaml", "b.yaml", "missing.yaml")
    assert ended.code == 2
    assert "error cosine-rebound" in ended.out
    assert [line.split(":")[1].strip() for line in ended.err.splitlines()] == ["a.yaml", "missing.yaml"]


def test_json_has_one_shape_for_one_for_many_and_for_none(lrviz, tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    for names in (["good.yaml"], ["good.yaml", "nosuch.yaml"], ["nosuch.yaml"]):
        report = json.loads(lrviz("check", *names, "--format", "json").out)
        assert set(report) == {"version", "targets", "summary"}
        assert [target["target"] for target in report["targets"]] == names
        assert ["error" in target for target in report["targets"]] == [name == "nosuch.yaml" for name in names]
    assert report["targets"][0]["error"] == {
        "message": "nosuch.yaml: cannot be read: No such file or directory",
        "problems": [
            {"message": "cannot be read: No such file or directory", "field": None, "file": "nosuch.yaml", "line": None}
        ],
    }


def test_github_shows_annotations_at_their_lines(lrviz, tmp_path):
    (tmp_path / "a,b.yaml").write_text(BAD)
    ended = lrviz("check", "a,b.yaml", "nosuch.yaml", "cosine", "--format", "github")
    annotation, refused, *_ = ended.out.splitlines()
    head, _, message = annotation.removeprefix("::").partition("::")
    assert head == "error file=a%2Cb.yaml,line=2,title=lrviz cosine-rebound"
    assert "%0AInstead: " in message
    assert refused == "::error file=nosuch.yaml,title=lrviz::cannot be read: No such file or directory"


def test_sarif_has_a_rule_and_a_place_for_every_result(lrviz, tmp_path):
    (tmp_path / "a b.yaml").write_text(BAD)
    ended = lrviz("check", "a b.yaml", "nosuch.yaml", "--format", "sarif")
    (run,) = json.loads(ended.out)["runs"]
    (result,) = run["results"]
    (refused,) = run["invocations"][0]["toolExecutionNotifications"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert (result["ruleId"], result["level"], rule["id"]) == ("cosine-rebound", "error", "cosine-rebound")
    assert RULES["cosine-rebound"].why in rule["help"]["text"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b.yaml"}, "region": {"startLine": 2},
    }  # fmt: skip
    assert refused["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "nosuch.yaml"}}
    assert not run["invocations"][0]["executionSuccessful"]


@pytest.mark.parametrize(
    "arguments",
    [("--explain", "lr-dead"), ("--strict", "--explain=lr-dead", "a.yaml"), ("a.yaml", "--explain", "lr-dead")],
)
def test_a_rule_is_explained(lrviz, arguments):
    ended = lrviz("check", *arguments)
    words = " ".join(ended.out.split())
    assert (ended.code, ended.out.split()[0]) == (0, "lr-dead")
    assert all(part in words for part in (RULES["lr-dead"].why, RULES["lr-dead"].instead))


def test_an_unknown_rule_is_not_explained(lrviz):
    ended = lrviz("check", "--explain", "lr-deed")
    assert (ended.code, ended.err) == (2, "error: --explain: unknown rule 'lr-deed'; did you mean 'lr-dead'?\n")


@pytest.mark.parametrize(
    "hook", yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()), ids=lambda hook: hook["id"]
)
def test_a_hook_runs_once_with_flags_before_the_files(lrviz, tmp_path, hook):
    (tmp_path / "a.yaml").write_text(GOOD)
    assert hook["require_serial"]
    assert "args" not in hook  # those of the user's own stand between the entry and the files
    entry = hook["entry"].split()
    assert entry[0] == "lrviz"
    assert lrviz(*entry[1:], "--strict", "--ignore=lr-dead", "a.yaml", "a.yaml").code == 0


def test_what_the_spec_refuses_is_a_finding_where_a_rule_explains_it(lrviz):
    ended = lrviz("check", "step", "--step-size", "2.5")
    assert ended.code == 1
    assert "error fractional-count" in ended.out


def test_what_torch_raises_is_explained(lrviz):
    ended = lrviz("check", "onecycle", "--max-lr", "1e-3", "--total-steps", "16")
    assert ended.code == 1
    assert "error cycle-overrun" in ended.out
    assert "replay-failed" not in ended.out


@pytest.mark.parametrize("name", RULES)
def test_every_rules_example_fires_from_the_command_line(lrviz, tmp_path, name):
    example = dict(RULES[name].example)
    file, _, column = example.get("scheduler", {}).get("metric_csv", "").rpartition(":")
    if file:
        (tmp_path / file).write_text(f"{column}\n" + "0.5\n" * 1000)
    (tmp_path / "example.yaml").write_text(yaml.safe_dump(example, default_flow_style=None))
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in RULES[name].given.items()]
    report = json.loads(lrviz("check", "example.yaml", *flags, "--format", "json").out)
    assert name in [finding["rule"] for finding in report["targets"][0]["findings"]]


def test_every_problem_of_a_refused_file_is_told_whether_or_not_a_rule_explains_it(lrviz, write):
    write("scheduler:\n  name: multistep\n  milestones:\n    - x\n    - 2.5\n")
    ended = lrviz("check", "a.yaml")
    places = [line.split(": ")[1:3] for line in ended.err.splitlines()]
    assert ended.code == 2
    assert places == [["a.yaml:4", "scheduler.milestones[0]"], ["a.yaml:5", "scheduler.milestones[1]"]]


def test_each_value_of_a_sweep_is_checked(lrviz, tmp_path):
    (tmp_path / "a.yaml").write_text("scheduler: {name: cosine}\n")
    ended = lrviz("check", "a.yaml", "--sweep", "T_max=20,32", "--format", "json")
    targets = json.loads(ended.out)["targets"]
    assert ended.code == 1
    assert [(each["target"], len(each["findings"])) for each in targets] == [
        ("a.yaml, T_max 20", 1),
        ("a.yaml, T_max 32", 0),
    ]
    assert targets[0]["findings"][0]["message"].startswith("T_max 20: CosineAnnealingLR is at its lowest")


def test_a_sweep_over_a_folder_counts_and_fixes_nothing(lrviz, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("scheduler: {name: cosine}\n")
    swept = ("check", ".", "--sweep", "T_max=20,32", "--with", "step --step-size 8")
    assert lrviz(*swept).out.endswith("2 errors in 2 of 5 schedules\n")
    assert "compares several schedules; fix it by hand" in lrviz(*swept[:-2], "--fix").err
    assert "--sweep T_max=20.5 ─╯" in lrviz("check", "a.yaml", "--sweep", "T_max=20.5").out
