from __future__ import annotations

import pytest

from lrviz.cli.flags import flag_name
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import catalogue

NAMES = [name for name, spec in catalogue().items() if spec.on_command_line]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_a_schedulers_own_flags_and_nobody_elses(lrviz, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = set(lrviz("plot", name, "--help").out.split())
    own = {flag_name(field) for field, kind in arg_types(catalogue()[name]).items() if kind.flag}
    others = {flag_name(field) for spec in catalogue().values() for field in arg_types(spec)} - own
    shared = {"--epochs", "--steps-per-epoch", "--momentum", "--optimizer", "--warmup"}
    positive = {flag.replace("--no-", "--", 1) for flag in shown}
    assert own <= positive
    assert not others & shown - shared


def test_every_bad_flag_is_reported_at_once(lrviz):
    ended = lrviz("plot", "onecycle", "--max-lr", "-1", "--epochs", "1.5", "--optimizer", "sdg")
    assert [line.split(": ")[1] for line in ended.err.splitlines()] == ["--epochs", "--optimizer", "--max-lr"]


def test_lists_maps_and_expressions_are_flags(table):
    multistep = table("multistep", "--milestones", "2,4", "--gamma", "0.5")
    assert [row[2] for row in multistep[1:6]] == ["0.001", "0.001", "0.0005", "0.0005", "0.00025"]
    manual = table("manual", "--values", "0:1e-2,2:1e-3")
    assert [row[2] for row in manual[1:4]] == ["0.01", "0.01", "0.001"]
    plateau = table("plateau", "--metric", "1,1,1", "--patience", "0", "--steps", "4")
    assert [row[-1] for row in plateau[1:]] == ["1.0", "1.0", "1.0", ""]
    function = table("lambda", "--lr-lambda", "min(1, 0.5 ** epoch)")
    assert [row[2] for row in function[1:4]] == ["0.001", "0.0005", "0.00025"]


def test_a_warmup_goes_before_any_scheduler(lrviz):
    does = lrviz("plot", "cosine", "--warmup", "25%", "--warmup-start", "0.5").out.splitlines()[1]
    assert does.startswith("Warmup, then CosineAnnealingLR: first 0.0005, peak 0.001 at step 8 (epoch 1)")


@pytest.mark.parametrize("flag", ["--step_size", "--Step-Size", "--step-size"])
def test_a_flag_may_be_spelled_as_torch_spells_it(table, flag):
    assert [row[2] for row in table("step", flag, "1", "--Gamma", "0.5")[1:4]] == ["0.001", "0.0005", "0.00025"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plot", "onecycle", "--eta-min", "1"), "--eta-min: no such flag; lrviz plot onecycle --help shows them"),
        (("plot", "cosine", "--anotate"), "--anotate: no such flag; did you mean '--annotate'?"),
        (("table", "cosine", "--rows"), "--rows: no such flag; lrviz table cosine --help shows them"),
        (("plot", "cosine", "-O"), "-O: no such flag; lrviz plot cosine --help shows them"),
        (("plot", "cosine", "--lr"), "--lr: needs a value: FLOAT"),
        (("plot", "cosine", "--log-y=3"), "--log-y: takes no value"),
        (("gallery", "--chek"), "--chek: no such flag; did you mean '--check'?"),
        (("--rows",), "--rows: no such flag; lrviz --help shows them"),
        (("list", "torch", "x"), "got unexpected extra argument(s) (x)"),
        (("cosine",), "unknown command 'cosine'; did you mean `lrviz plot cosine`?"),
    ],
)
def test_a_wrong_flag_is_an_error_of_one_line_with_what_is_near(lrviz, arguments, message):
    ended = lrviz(*arguments)
    assert (ended.code, ended.err) == (2, f"error: {message}\n")
