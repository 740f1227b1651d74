from __future__ import annotations

import json

import pytest
import yaml

from lrviz.rules import RULES

BAD = "# why\nscheduler: {name: cosine, T_max: 20}  # too short\n"
GOOD = "# why\nscheduler: {name: cosine, T_max: 32}  # too short\n"


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


def test_a_fix_is_made_and_said(lrviz, bad):
    ended = lrviz("check", "bad.yaml", "--fix")
    assert (ended.code, bad.read_text()) == (0, GOOD)
    assert ended.out.splitlines() == ["fixed bad.yaml:2: cosine-rebound: " + fix_of(lrviz, bad), "nothing to report"]
    assert lrviz("check", "--fix", "bad.yaml").out == "nothing to report\n"


def fix_of(lrviz, bad):
    text = bad.read_text()
    bad.write_text(BAD)
    (finding,) = json.loads(lrviz("check", "bad.yaml", "--format", "json").out)["targets"][0]["findings"]
    bad.write_text(text)
    return finding["fix"]["message"]


def test_a_diff_is_shown_and_nothing_written(lrviz, bad):
    ended = lrviz("check", "--diff", "bad.yaml")
    assert (ended.code, bad.read_text()) == (1, BAD)
    head = ["--- bad.yaml", "+++ bad.yaml", "@@ -1,2 +1,2 @@", " # why"]
    assert ended.out.splitlines() == [*head, f"-{BAD.splitlines()[1]}", f"+{GOOD.splitlines()[1]}"]


def test_json_is_of_what_is_left(lrviz, bad):
    ended = lrviz("check", "bad.yaml", "--fix", "--format", "json")
    assert json.loads(ended.out)["summary"]["error"] == 0
    assert ended.err.startswith("fixed bad.yaml:2: cosine-rebound")


def test_the_ends_of_lines_and_the_byte_order_mark_stay(lrviz, bad):
    bad.write_bytes(b"\xef\xbb\xbf" + BAD.replace("\n", "\r\n").encode())
    assert lrviz("check", "bad.yaml", "--fix").code == 0
    assert bad.read_bytes() == b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()


def test_what_is_ignored_is_not_fixed(lrviz, bad):
    lrviz("check", "bad.yaml", "--fix", "--ignore", "cosine-rebound")
    assert bad.read_text() == BAD


def test_a_fix_that_a_flag_undoes_is_not_made(lrviz, bad):
    ended = lrviz("check", "bad.yaml", "--fix", "--set", "scheduler.T_max=20")
    assert (ended.code, bad.read_text()) == (1, BAD)


def test_a_block_of_a_larger_file_is_fixed_where_it_stands(lrviz, tmp_path):
    text = "model: {depth: 3}\ntraining:\n  schedule:\n    scheduler:\n      name: cosine\n      T_max: 20\nseed: 1\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text("seed: 2\n")
    ended = lrviz("check", "--fix", "--key", "training.schedule", ".")
    assert (ended.code, (tmp_path / "a.yaml").read_text()) == (0, text.replace("20", "32"))
    assert ended.err == "note: passed over 1 file that is no schedule\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cosine", "--fix"), "--fix: cosine is not a file"),
        (("-", "--diff"), "--diff: - is not a file"),
        (("bad.yaml", "--fix", "--diff"), "--fix: contradicts --diff"),
        (("bad.yaml", "--diff", "--format", "json"), "--diff: contradicts --format json"),
    ],
)
def test_what_cannot_be_fixed_is_refused(lrviz, bad, arguments, message):
    ended = lrviz("check", *arguments)
    assert (ended.code, ended.err, bad.read_text()) == (2, f"error: {message}\n", BAD)


@pytest.mark.parametrize("name", RULES)
def test_a_fix_of_every_rules_example_leaves_no_finding_with_a_fix(lrviz, tmp_path, name):
    example = dict(RULES[name].example)
    file, _, column = example.get("scheduler", {}).get("metric_csv", "").rpartition(":")
    if file:
        (tmp_path / file).write_text(f"{column}\n" + "0.5\n" * 1000)
    (tmp_path / "example.yaml").write_text(yaml.safe_dump(example, default_flow_style=None))
    lrviz("check", "example.yaml", "--fix")
    (report,) = json.loads(lrviz("check", "example.yaml", "--format", "json").out)["targets"]
    assert [finding["rule"] for finding in report["findings"] if finding["fix"]["changes"]] == []


BLOCK = "scheduler:\n  name: cosine\n  T_max: 20\n"
LONG = "run: {dataset_size: 4000, batch_size: 10, epochs: 3}\nscheduler:\n  name: onecycle\n  max_lr: 0.1\n"
LONG += "  epochs: 5\n  steps_per_epoch: 400\noptimizer: {lr: 0.1, momentum: 0.9}\n"


def region_of(result):
    """Return the one replacement of the one fix of a result, held to what SARIF 2.1.0 says of it (3.55 to 3.57)."""
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    assert set(fix) == {"description", "artifactChanges"}
    assert change["artifactLocation"] == result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert set(replacement) == {"deletedRegion", "insertedContent"}
    assert set(replacement["insertedContent"]) == {"text"}
    assert set(replacement["deletedRegion"]) == {"startLine", "startColumn", "endLine", "endColumn"}
    return replacement["deletedRegion"], replacement["insertedContent"]["text"]


def replaced(text, region, new):
    """Return a text with a region replaced: lines and columns from 1, the end column past the last character."""
    lines = text.splitlines(keepends=True)
    first, last = region["startLine"] - 1, region["endLine"] - 1
    assert 1 <= region["startLine"] <= region["endLine"] <= len(lines)
    assert region["endColumn"] - 1 <= len(lines[last].rstrip("\r\n"))
    head, tail = lines[first][: region["startColumn"] - 1], lines[last][region["endColumn"] - 1 :]
    return "".join([*lines[:first], head + new + tail, *lines[last + 1 :]])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bad.yaml", BAD),
        ("bad.yaml", BAD + BAD.replace("scheduler", "x-old")),
        ("bad.yaml", BAD.rstrip("\n")),
        ("bad.yaml", BAD.replace("\n", "\r\n")),
        ("bad.yaml", "\ufeff" + BAD),
        ("bad.yaml", BLOCK),
        ("bad.yaml", LONG),
        ("bad.yaml", LONG.replace("\n", "\r\n")),
        ("bad.yaml", "run: {epochs: 3}\nscheduler:\n  name: linear\n  start_factor: 1\n  end_factor: 0\n"),
        ("bad.json", '{"scheduler": {"name": "cosine", "T_max": 20}}'),
    ],
    ids=["line", "lines after", "no end", "crlf", "mark", "block", "removed", "removed crlf", "added", "json"],
)
def test_sarif_has_the_fix_that_would_be_made(lrviz, tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    (run,) = json.loads(lrviz("check", name, "--format", "sarif").out)["runs"]
    fixed = [result for result in run["results"] if "fixes" in result]
    changed = replaced(text.removeprefix("\ufeff"), *region_of(fixed[0]))
    lrviz("check", name, "--fix")
    assert (tmp_path / name).read_bytes().decode().removeprefix("\ufeff") == changed != text


@pytest.mark.usefixtures("bad")
@pytest.mark.parametrize(
    "arguments", [("bad.yaml", "--set", "scheduler.T_max=20"), ("cosine", "--t-max", "20")], ids=["undone", "no file"]
)
def test_sarif_has_no_fix_that_does_not_help(lrviz, arguments):
    (run,) = json.loads(lrviz("check", *arguments, "--format", "sarif").out)["runs"]
    assert [(result["ruleId"], "fixes" in result) for result in run["results"]] == [("cosine-rebound", False)]
