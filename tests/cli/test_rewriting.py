from __future__ import annotations

import difflib

import pytest

from lrviz.cli.rewriting import rewritten
from lrviz.rules.changes import Change

TEXT = """\
---
# a header

title:   "x"   # quoted
run: {epochs: 10,steps_per_epoch: 100}   # in flow
optimizer:
    name: 'adamw'
    groups:
      - {name: a, lr: 1e-3}
      - name: b
        lr: 1.0E-4
scheduler:
    name:  sequential
    # where it changes
    milestones: [ 5, 10 ]

    schedulers:
      - {name: linear, start_factor: 0.01, total_iters: 5}   # warm
      # then
      - name: cosine
        T_max: 20
        # the floor
        eta_min: 1e-6

# the end
"""


def changed_lines(*changes, text=TEXT):
    """Return the lines that go and come, without those that stay as they are."""
    new = rewritten(text, changes)
    assert new is not None
    return [line for line in difflib.ndiff(text.splitlines(), new.splitlines()) if line[0] in "+-"]


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (Change("scheduler.schedulers[1].T_max", 1000), ["-         T_max: 20", "+         T_max: 1000"]),
        (Change("scheduler.schedulers[1].T_max", remove=True), ["-         T_max: 20"]),
        (Change("scheduler.schedulers[1].last", True), ["+         last: true"]),
        (Change("optimizer.groups[1].lr", 3e-5), ["-         lr: 1.0E-4", "+         lr: 3e-05"]),
        (Change("optimizer.groups[1].betas", [0.9, 0.99]), ["+         betas: [0.9, 0.99]"]),
        (Change("scheduler.milestones[1]", "50%"), ["-     milestones: [ 5, 10 ]", "+     milestones: [5, 50%]"]),
        (Change("warmup", "5%"), ["+ warmup: 5%"]),
        (Change("check.ignore", ["lr-dead"]), ["+ check: {ignore: [lr-dead]}"]),
    ],
    ids=lambda value: value.field if isinstance(value, Change) else "",
)
def test_only_the_lines_that_a_change_concerns_change(change, lines):
    assert changed_lines(change) == lines


def test_a_comment_stays_where_the_lines_around_it_change():
    new = rewritten(TEXT, [Change("scheduler.milestones", remove=True), Change("scheduler.schedulers[1].T_max", 5)])
    remarks = [line.partition("#")[2] for line in TEXT.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in new.splitlines() if "#" in line] == remarks


def test_two_changes_are_made_at_once():
    changes = [Change("run.interval", "epoch"), Change("scheduler.schedulers[0].total_iters", 8)]
    assert [line[0] for line in changed_lines(*changes)] == ["-", "+", "-", "+"]


def test_a_list_of_mappings_has_a_line_for_each():
    both = [{"name": "linear", "total_iters": 2}, {"name": "cosine", "T_max": 3}]
    new = rewritten("scheduler: {name: cosine}\n", [Change("scheduler", {"name": "chained", "schedulers": both})])
    assert new is not None
    assert new.splitlines()[-2:] == ["  - {name: linear, total_iters: 2}", "  - {name: cosine, T_max: 3}"]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_line_need_not_end(end):
    new = rewritten(f"scheduler: {{name: cosine}}{end}", [Change("run.interval", "epoch")])
    assert new == "scheduler: {name: cosine}\nrun: {interval: epoch}\n"


def test_what_an_alias_stands_for_is_not_changed():
    assert rewritten("a: &one {lr: 1}\nb: *one\n", [Change("b.lr", 2)]) is None


def test_json_stays_json():
    text = '{\n  "scheduler": {\n    "name": "cosine",\n    "T_max": 20\n  }\n}\n'
    assert rewritten(text, [Change("scheduler.T_max", 32)], is_json=True) == text.replace("20", "32")
