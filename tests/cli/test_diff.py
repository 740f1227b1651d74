"""`lrviz diff`: its exit codes, its three forms, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

A = "warmup: 4\nscheduler: {name: cosine}\n"
B = A.replace("4", "8")


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(A)
    (tmp_path / "b.yaml").write_text(B)


def test_equal_exits_with_0(lrviz):
    ended = lrviz("diff", "a.yaml", "a.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert "\nequal: learning rate, momentum and weight decay in all 32 steps\n" in ended.out


def test_different_exits_with_1_and_says_where_and_why(lrviz):
    ended = lrviz("diff", "a.yaml", "b.yaml")
    assert (ended.code, ended.err) == (1, "")
    assert "\ndifferent: learning rate in 31 of 32 steps\n" in ended.out
    assert "warmup  4  8" in ended.out


def test_flags_lie_over_both(lrviz):
    out = lrviz("diff", "a.yaml", "b.yaml", "--epochs", "8", "--warmup", "4").out
    assert out.startswith("A: a.yaml (64 steps)\nB: b.yaml (64 steps)\nequal: ")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("cosine", "exponential", "--gamma", "0.5"), ("cosine", "exponential")),
        (("cosine --eta-min 1e-4", "cosine"), ("cosine --eta-min 1e-4", "cosine")),
        (("cosine", "b.yaml --epochs 8", "--epochs", "4"), ("cosine", "b.yaml --epochs 8")),
        (("cosine", "--with", "step --step-size 4"), ("cosine", "step --step-size 4")),
        (("cosine", "--sweep", "eta_min=0,1e-4"), ("cosine, eta_min 0", "cosine, eta_min 1e-4")),
    ],
)
def test_the_two_are_any_that_a_command_takes(lrviz, arguments, names):
    ended = lrviz("diff", *arguments)
    assert ended.code == 1, ended.err
    lines = ended.out.splitlines()
    assert [line.rpartition(" (")[0] for line in lines[:2]] == [f"A: {names[0]}", f"B: {names[1]}"]


def test_the_two_of_an_overlay_are_compared(lrviz):
    Path("two.yaml").write_text("overlay:\n  - {scheduler: {name: cosine}}\n  - {scheduler: {name: hf-linear}}\n")
    ended = lrviz("diff", "two.yaml")
    assert ended.code == 1, ended.err
    assert ended.out.startswith("A: two.yaml: CosineAnnealingLR (32 steps)\nB: two.yaml: hf-linear (32 steps)\n")


def test_flags_in_quotes_go_before_those_beside_them(lrviz):
    out = lrviz("diff", "a.yaml", "b.yaml --epochs 8", "--epochs", "2").out
    assert out.startswith("A: a.yaml (16 steps)\nB: b.yaml --epochs 8 (64 steps)\n")


def test_two_runs_are_compared_as_they_go_on_from_a_checkpoint(lrviz):
    assert lrviz("diff", "a.yaml", "a.yaml", "--resume-at", "16").code == 0
    ended = lrviz("diff", "a.yaml", "b.yaml", "--resume-at", "16", "--resume-as", "restart")
    assert ended.code == 1, ended.err


def test_settings_without_effect_are_told_from_those_within_the_tolerance(lrviz):
    arguments = ("diff", "cosine", "cosine --lr 2e-3", "--tolerance", "0.5")
    for form in ("text", "markdown"):
        out = lrviz(*arguments, "--format", form).out
        assert "settings that differ, with no effect beyond the tolerance" in out
    out = lrviz("diff", "step --step-size 90", "step --step-size 91").out
    assert "settings that differ, with no effect on what the steps train with" in out


def test_json_has_the_numbers_to_the_bit(lrviz):
    ended = lrviz("diff", "a.yaml", "b.yaml", "--format", "json")
    found = json.loads(ended.out)
    assert ended.code == 1
    assert (found["equal"], found["points"], found["a"]["name"]) == (False, 32, "a.yaml")
    rates = found["curves"][0]
    assert (rates["what"], rates["differing"], rates["first"]["steps"]) == ("lr", 31, [1, 1])
    assert rates["first"]["values"] == [0.0002575, 0.00013375]
    assert [stretch["kind"] for stretch in rates["stretches"]] == ["equal", "lower", "higher"]
    assert found["settings"][0] == {
        "path": "warmup", "a": {"value": 4, "written": True}, "b": {"value": 8, "written": True}, "idle": False,
    }  # fmt: skip


def test_markdown_is_for_a_pull_request(lrviz):
    lines = lrviz("diff", "a.yaml", "b.yaml", "--format", "markdown").out.splitlines()
    assert lines[0] == "#### `a.yaml` and `b.yaml`"
    assert lines[2] == "different: learning rate in 31 of 32 steps"
    assert "| 1–7 | 0.000258 → 0.000972 | 0.000134 → 0.000876 | lower, -49.5% at 4 |" in lines
    assert "| `warmup` | `4` | `8` |" in lines


def test_a_setting_that_alone_changes_nothing_is_told_from_one_that_does(lrviz):
    Path("c.yaml").write_text(f"warmup_shape: linear\noptimizer: {{lr: 0.5}}\n{B}")
    lines = lrviz("diff", "a.yaml", "c.yaml").out.splitlines()
    assert "warmup_shape  –        linear  alone changes nothing" in lines
    assert "optimizer.lr  (0.001)  0.5" in lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("a.yaml",), "lrviz diff compares two schedules, and has 1; the second is another target, or --with"),
        (("a.yaml", "b.yaml", "cosine"), "lrviz diff compares two schedules, and has 3\n"),
        (("a.yaml", "--sweep", "eta_min=0,1e-4,1e-5"), "lrviz diff compares two schedules, and has 3\n"),
        (("cosine --eta-mn 0", "a.yaml"), "'cosine --eta-mn 0': --eta-mn: no such flag; did you mean '--eta-min'?"),
        (("cosine --eta-min 0", "step", "--t-max", "9"), "--t-max: no such flag"),
        (("a.yaml", "a.yaml --resume-at 16"), "'a.yaml --resume-at 16': --resume-at: is no flag of a target in quotes"),
        (("a.yaml", "b.yaml", "--log-columns", "a,b"), "--log-columns: changes nothing: there is no log of a run\n"),
        (("cosine --title 'a", "step"), '"cosine --title \'a": no closing quotation'),
        (("-", "-"), "standard input can be one of the two targets, not both"),
        (("a.yaml", "b.yaml", "--tolerance", "1"), "--tolerance: must be >= 0 and < 1, not 1"),
        (("a.yaml", "b.yaml", "--by", "steps"), "--by: must be one of step, epoch, progress"),
        (("a.yaml", "b.yaml", "--by", "epoch", "--steps", "9"), "--by: epoch: a.yaml has no epochs: it is given by"),
        (("a.yaml", "c.yaml"), "c.yaml: cannot be read: No such file or directory"),
    ],
)
def test_bad_input_exits_with_2(lrviz, arguments, message):
    ended = lrviz("diff", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {message}")


def test_a_failed_replay_is_compared_as_far_as_it_goes(lrviz):
    Path("short.yaml").write_text("scheduler: {name: onecycle, max_lr: 1e-3, total_steps: 16}")
    Path("long.yaml").write_text("scheduler: {name: onecycle, max_lr: 1e-3, total_steps: 32}")
    ended = lrviz("diff", "short.yaml", "long.yaml")
    assert ended.code == 1
    assert "A stops: scheduler.step() failed after step 16 (epoch 2): ValueError" in " ".join(ended.out.split())
    ended = lrviz("diff", "short.yaml", "short.yaml")
    assert ended.code == 1
    assert "equal: learning rate, momentum and weight decay in 17 steps, where both stop" in " ".join(ended.out.split())


def test_a_tolerance_takes_rounding_away(lrviz):
    Path("hf.yaml").write_text("scheduler: {name: hf-cosine}")
    Path("torch.yaml").write_text("scheduler: {name: cosine}")
    assert lrviz("diff", "hf.yaml", "torch.yaml").code == 1
    ended = lrviz("diff", "hf.yaml", "torch.yaml", "--tolerance", "1e-12")
    assert ended.code == 0
    assert "settings that differ, with no effect beyond the tolerance" in ended.out
