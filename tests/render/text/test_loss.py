from __future__ import annotations

import csv
import io
import json

import pytest
from rich.console import Console

import lrviz
from lrviz.render.text.formats import csv_lines, json_lines, markdown_lines
from lrviz.render.text.table import TraceTable


@pytest.fixture(scope="module")
def trained():
    run = {"epochs": 3, "steps_per_epoch": 4, "interval": "epoch"}
    experiment = lrviz.load({"run": run, "optimizer": {"lr": 0.1}, "scheduler": {"name": "exponential", "gamma": 0.5}})
    return experiment, lrviz.replay(experiment, train=True)


def test_csv_and_json_hold_the_loss_of_every_step(trained):
    experiment, trace = trained
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(trace, experiment)))))
    assert [float(row["loss"]) for row in rows] == trace.loss.tolist()
    report = json.loads("".join(json_lines(trace, experiment)))
    assert [row["loss"] for row in report["rows"]] == trace.loss.tolist()


def test_markdown_has_a_column_for_it(trained):
    experiment, trace = trained
    lines = "".join(markdown_lines(trace, experiment)).splitlines()
    (head,) = [line for line in lines if line.startswith("| step")]
    assert head.rstrip(" |").endswith("loss")


def test_a_plateau_on_the_loss_has_both():
    experiment = lrviz.load({"optimizer": {"lr": 0.3}, "scheduler": {"name": "plateau", "metric": "train"}})
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(lrviz.replay(experiment), experiment)))))
    assert [row["metric"] for row in rows[:-1]] == [row["loss"] for row in rows[:-1]]
    assert rows[-1]["metric"] == ""


def test_the_table_shows_it_and_says_that_it_is_a_toys(trained):
    experiment, trace = trained
    screen = Console(width=80, file=io.StringIO(), force_terminal=False)
    screen.print(TraceTable(trace, experiment))
    shown = screen.file.getvalue()
    assert "toy loss" in shown
    assert f"{trace.loss[0]:.4g}" in shown
