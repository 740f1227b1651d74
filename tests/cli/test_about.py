from __future__ import annotations

import re

import pytest

from lrviz.engine.compare import EngineCheck
from lrviz.experiment.schedulers import catalogue
from lrviz.rules import RULES


@pytest.fixture
def compared(monkeypatch):
    """Return what sets the mismatches that a comparison of the engines comes to."""
    counts = {"schedulers": 18, "optimizers": 15, "replays": 320, "steps": 10_277, "failures": 67, "warnings": 2}

    def compared(*mismatches: str) -> None:
        check = EngineCheck(torch_version="2.13", mismatches=mismatches, **counts)
        monkeypatch.setattr("lrviz.engine.certify.compare", lambda: check)

    return compared


def test_list_shows_every_scheduler_within_80_columns(lrviz):
    out = lrviz("list").out
    assert max(map(len, out.splitlines())) <= 80
    for name, spec in catalogue().items():
        assert re.search(rf"(^|\s){name}[\s,]", out)
        assert spec.library or spec.shape in out


def test_list_shows_every_rule_with_its_severity(lrviz):
    ended = lrviz("check", "--list")
    assert ended.code == 0
    for rule in RULES.values():
        assert any(line.split()[:2] == [rule.name, rule.severity] for line in ended.out.splitlines())


@pytest.mark.parametrize("arguments", [("list",), ("check", "--list"), ("check", "--explain", "lr-dead")])
def test_no_line_ends_in_blanks(lrviz, arguments):
    lines = lrviz(*arguments).out.splitlines()
    assert lines == [line.rstrip() for line in lines]


def test_engines_says_which_would_replay_and_why(lrviz, monkeypatch):
    monkeypatch.setattr("lrviz.engine.select.torch_is_loaded", lambda: True)
    assert lrviz("engines").out == "torch: it is already imported in this process\n"


def test_engines_certify_says_what_was_compared_and_is_kept(lrviz, compared, tmp_path, monkeypatch):
    monkeypatch.setenv("LRVIZ_CACHE_DIR", str(tmp_path / "cache"))
    compared()
    ended = lrviz("engines", "--certify")
    assert ended.code == 0
    assert "torch 2.13, bit by bit:\n  320 replays of 18 schedulers under 15 optimizers" in ended.out
    assert ended.out.endswith("10,277 steps (learning rates and momenta), 67 failures and 2 warnings\nidentical\n")


def test_engines_certify_says_where_the_result_could_not_be_kept(lrviz, compared):
    compared()
    assert lrviz("engines", "--certify").out.endswith("the result could not be kept: torch itself replays\n")


def test_engines_certify_says_what_differs_on_one_line_each(lrviz, compared):
    compared("StepLR with SGD: lr\x1b[31m\nof group 'a'")
    ended = lrviz("engines", "--certify")
    assert ended.code == 1
    assert ended.out.endswith("  differs: StepLR with SGD: lr?[31m of group 'a'\nnot identical: torch itself replays\n")


def test_list_says_what_a_plateau_needs(lrviz):
    assert "ReduceLROnPlateau(), stepped with a metric" in " ".join(lrviz("list").out.split())


def test_list_names_a_librarys_schedulers_and_says_how_to_see_them(lrviz, halving):
    halving()
    out = " ".join(lrviz("list").out.split())
    assert "Halvings 1 scheduler halvings-halving lrviz list halvings" in out


def test_list_shows_a_family_by_its_key_its_title_or_its_library_in_any_case(lrviz):
    shown = lrviz("list", "torch").out
    assert shown == lrviz("list", "PyTorch").out == lrviz("list", "TORCH").out
    assert lrviz("list", "hf").out == lrviz("list", "HuggingFace").out == lrviz("list", "transformers").out
    assert "StepLR(step_size)" in shown
    assert "range-test" not in shown
    assert "range-test" in lrviz("list", "by-hand").out


def test_list_of_one_scheduler_prints_its_section(lrviz):
    out = " ".join(lrviz("list", "StepLR").out.split())
    assert "lr_t = lr_(t-1) * gamma if t > 0 and t % step_size == 0" in out
    assert "Past its end: it has none, and goes on decaying." in out


def test_a_family_of_one_shows_that_one(lrviz, halving):
    halving()
    assert lrviz("list", "Halvings").out == lrviz("list", "halvings-halving").out
    assert "ratio" in lrviz("list", "halvings").out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toch", "unknown family or scheduler 'toch'; did you mean 'torch'?"),
        ("onecycl", "unknown family or scheduler 'onecycl'; did you mean 'onecycle'?"),
        ("qqqq", "unknown family or scheduler 'qqqq'; lrviz list shows them"),
    ],
)
def test_list_refuses_what_it_does_not_know_with_the_nearest_name(lrviz, name, message):
    ended = lrviz("list", name)
    assert (ended.code, ended.err) == (2, f"error: {message}\n")


def test_the_help_of_a_verb_has_a_line_for_several_of_a_library(lrviz):
    out = " ".join(lrviz("plot", "--help").out.split())
    assert "cosine-restarts Restart a cosine" in out
    assert "of Hugging Face: lrviz list hf" in out
    assert "hf-cosine" not in out


def test_an_unknown_target_is_told_what_a_librarys_begin_with(lrviz):
    err = " ".join(lrviz("plot", "nosuch").err.split())
    assert "tri-stage, hf-… (Hugging Face)" in err


def test_a_word_that_is_wider_than_its_column_is_broken_and_not_cut(lrviz, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    shown = lrviz("list", "megatron").out
    assert "…" not in shown.replace("FLOAT[,…]", "")
