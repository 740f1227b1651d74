from __future__ import annotations

import pytest

from lrviz.cli.flags import flag_name
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CATALOGUE

NAMES = [name for name, spec in CATALOGUE.items() if spec.on_command_line]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_a_schedulers_own_flags_and_nobody_elses(lrviz, name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = set(lrviz("plot", name, "--help").out.split())
    own = {flag_name(field) for field, kind in arg_types(CATALOGUE[name]).items() if kind.flag}
    others = {flag_name(field) for spec in CATALOGUE.values() for field in arg_types(spec)} - own
    shared = {"--epochs", "--steps-per-epoch", "--momentum"}
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
    assert does.startswith("LinearLR, then CosineAnnealingLR: first 0.0005, peak 0.001 at step 8 (epoch 1)")
