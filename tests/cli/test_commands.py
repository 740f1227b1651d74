from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ("cosine", "--t-max", "32", "--no-check"),
        ("--t-max", "32", "cosine", "--no-check"),
        ("--no-check", "--t-max=32", "cosine"),
        ("--t-max", "32", "--no-check", "--", "cosine"),
    ],
)
def test_flags_stand_before_or_after_the_target(lrviz, arguments):
    ended = lrviz("table", "--format", "csv", *arguments)
    assert (ended.code, len(ended.out.splitlines())) == (0, 33), ended.err


@pytest.mark.parametrize("arguments", [("--strict",), ("--ignore", "lr-dead"), ("--strict", "--")])
def test_flags_without_a_target_are_refused(lrviz, arguments):
    ended = lrviz("check", *arguments)
    assert ended.code == 2
    assert ended.err.startswith("error: there is no target: lrviz check TARGET --")


@pytest.mark.parametrize("verb", ["plot", "table"])
@pytest.mark.parametrize("arguments", [("a.yaml", "b.yaml"), ("a.yaml", "--lr", "1", "b.yaml")])
def test_a_target_too_many_is_named(lrviz, verb, arguments):
    ended = lrviz(verb, *arguments)
    assert ended.code == 2
    assert ended.err == f"error: unexpected argument 'b.yaml': lrviz {verb} takes one target, and has a.yaml\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("a.yaml", "b.yaml", "--strict"),
        ("cosine", "--strict", "a.yaml"),
        ("--ignore", "lr-dead", "--strict", "a.yaml", "b.yaml"),
        ("--strict", "--", "a.yaml", "b.yaml"),
    ],
)
def test_check_takes_files_before_and_after_flags(lrviz, tmp_path, arguments):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("scheduler: {name: cosine}\n")
    ended = lrviz("check", *arguments)
    assert (ended.code, ended.out) == (0, "nothing to report in 2 schedules\n")


def test_help_shows_where_more_files_go(lrviz):
    assert lrviz("check", "a.yaml", "--help").out.startswith("Usage: lrviz check a.yaml [OPTIONS] [FILE]...\n")
    assert lrviz("plot", "a.yaml", "--help").out.startswith("Usage: lrviz plot a.yaml [OPTIONS]\n")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lrviz pl", ["plot"]),
        ("lrviz plot one", ["onecycle"]),
        ("lrviz plot onecycle --max-", ["--max-lr", "--max-momentum"]),
        ("lrviz check a.yaml --str", ["--strict"]),
        ("lrviz check --l", ["--list"]),
    ],
)
def test_the_shell_completes_commands_targets_and_flags(lrviz, monkeypatch, words, completed):
    monkeypatch.setenv("_LRVIZ_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert lrviz().out.split() == completed
