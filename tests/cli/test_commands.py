from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize("verb", ["plot", "table", "check"])
def test_a_verb_alone_is_told_what_it_lacks(lrviz, verb):
    ended = lrviz(verb)
    assert (ended.code, ended.out) == (2, "")
    line = f"error: there is no target: lrviz {verb} TARGET; cosine is one, and lrviz {verb} --help shows all\n"
    assert ended.err == line


@pytest.mark.parametrize("arguments", [("a.yaml", "b.yaml"), ("a.yaml", "--lr", "1", "b.yaml")])
def test_a_target_too_many_is_named(lrviz, arguments):
    ended = lrviz("convert", *arguments)
    assert ended.code == 2
    assert ended.err == "error: unexpected argument 'b.yaml': lrviz convert takes one target, and has a.yaml\n"


@pytest.mark.parametrize(
    ("arguments", "end"),
    [
        (
            ("plot", "multistep", "--milestones", "8", "16"),
            "after the target multistep; a list is written with commas: 30,60,90",
        ),
        (("plot", "cosine", "T_max=10"), "after the target cosine; a flag is written --t-max 10"),
        (("plot", "cosine", "--out", "a.png"), "no such flag; did you mean '--output'?"),
        (("onecycle",), "unknown command 'onecycle'; did you mean `lrviz plot onecycle`?"),
        (("runs/a.yaml", "--lr", "1"), "unknown command 'runs/a.yaml'; did you mean `lrviz plot runs/a.yaml`?"),
        (("plt", "onecycle"), "unknown command 'plt'; did you mean 'plot'?"),
    ],
)
def test_who_guesses_is_told_how_it_is_written(lrviz, arguments, end):
    ended = lrviz(*arguments)
    assert ended.code == 2
    assert ended.err.endswith(f"{end}\n")


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


@pytest.mark.parametrize(("verb", "flag"), [("plot", "--annotate"), ("table", "--every"), ("check", "--strict")])
def test_the_help_of_a_verb_shows_its_own_flags(lrviz, verb, flag):
    shown = lrviz(verb, "--help").out.split()
    assert flag in shown
    assert "--grad-accum" not in shown  # which is the target's


def test_help_shows_where_more_files_go(lrviz):
    assert lrviz("check", "a.yaml", "--help").out.startswith("Usage: lrviz check a.yaml [OPTIONS] [FILE]...\n")
    assert lrviz("plot", "a.yaml", "--help").out.startswith("Usage: lrviz plot a.yaml [OPTIONS] [TARGET]...\n")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lrviz pl", ["plot"]),
        ("lrviz plot one", ["onecycle"]),
        ("lrviz plot onecycle --max-", ["--max-lr", "--max-momentum"]),
        ("lrviz check a.yaml --str", ["--strict"]),
        ("lrviz check --l", ["--list"]),
        ("lrviz plot One", ["OneCycleLR"]),
        ("lrviz plot run", ["run.yaml", "runs/a.yml"]),
        ("lrviz plot ./runs/", ["./runs/a.yml"]),
        ("lrviz plot cosine one", ["onecycle"]),
        ("lrviz plot run.yaml --epochs 3 run", ["run.yaml", "runs/a.yml"]),
        ("lrviz plot cosine onecycle --max-", ["--max-lr", "--max-momentum"]),
        ("lrviz plot cosine --theme d", ["dark"]),
        ("lrviz plot cosine --optimizer AdamW", ["AdamW"]),
        ("lrviz plot cosine --optimizer adamw", ["adamw"]),
        ("lrviz plot cosine --show lr,", ["lr,momentum"]),
        ("lrviz plot cosine --engine t", ["torch"]),
        ("lrviz plot cosine --theme drak --eng", ["--engine"]),
        ("lrviz plot nosuch --the", []),
        ("lrviz table cosine --format m", ["markdown"]),
        ("lrviz check run.yaml --ignore unit", ["unit-mismatch"]),
        ("lrviz --show-completion z", ["zsh"]),
    ],
)
def test_the_shell_completes_commands_targets_and_flags(lrviz, monkeypatch, tmp_path, words, completed):
    (tmp_path / "run.yaml").touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.yml").touch()
    monkeypatch.setenv("_LRVIZ_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert lrviz().out.split() == completed


def test_zsh_and_fish_complete_values(lrviz, monkeypatch):
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "lrviz plot cosine --theme ")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("_LRVIZ_COMPLETE", "complete_fish")
    assert lrviz().out.split() == ["light", "dark"]
    monkeypatch.setenv("_LRVIZ_COMPLETE", "complete_zsh")
    assert '"light"\n"dark"' in lrviz().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_shown_or_installed_by_its_name(lrviz, monkeypatch, tmp_path, shell):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert f"complete_{shell}" in lrviz("--show-completion", shell).out
    installed = lrviz("--install-completion", shell)
    assert (installed.code, installed.out.split()[0]) == (0, shell)
    assert any(f"complete_{shell}" in file.read_text() for file in tmp_path.rglob("*lrviz*"))


@pytest.mark.parametrize("flag", ["--show-completion", "--install-completion"])
def test_a_completion_needs_a_shell_that_is_known(lrviz, flag):
    assert lrviz(flag).err == f"error: {flag}: needs a value: bash|zsh|fish|powershell|pwsh\n"
    assert "not 'zhs'; did you mean 'zsh'?" in lrviz(flag, "zhs").err


def test_flags_before_the_target_may_be_spelled_as_torch_spells_them(lrviz):
    assert lrviz("table", "--steps_per_epoch", "2", "cosine", "--T_max", "8").code == 0
