"""What is said of a plan and a log, in each form."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lrviz import load, replay
from lrviz.following.following import Departure, Followed
from lrviz.following.settings import Explanation
from lrviz.render.text.following import FORMATS, report
from lrviz.subject import Subject
from lrviz.trace import Log, Precision

FOLLOWED = "log.csv followed plan.yaml"


def found(**changes: Any) -> Followed:
    experiment = load({"run": {"epochs": 4, "steps_per_epoch": 8}, "scheduler": {"name": "cosine"}})
    trace = replay(experiment)
    log = Log(format="CSV", file="log.csv", precision=Precision(words="6 digits", share=5e-6), notes=("a note",))
    plain = Followed(
        plan=Subject(name="plan.yaml", trace=trace, experiment=experiment), source=log,
        log=replace(trace, log=log), offset=0,
        placement="its own step", groups=(("lr", "default"),), compared=32, fits=32, beyond=0, left=None,
    )  # fmt: skip
    return replace(plain, **changes)


LEFT = Departure(step=9, group="", planned=0.25, logged=0.2500001, last_fit=8)
EXPLAINED = Explanation(what="8 devices instead of 4", changes={"run.world_size": 8})
LATER = Explanation(what="the schedule starts again", changes={}, since=9)
RESUMED = Explanation(what="a resume", changes={"--resume-at": 9, "--resume-as": "restart"})


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, [FOLLOWED, "log: CSV, 32 records of steps 0 to 31, 6 digits",
              "32 of 32 records fit; offset 0: its own step", "a note"]),
        ({"fits": 9, "left": LEFT, "explanations": (EXPLAINED, LATER, RESUMED), "tried": 30},
         ["log.csv followed plan.yaml up to step 8, and left it: at step 9 (epoch 1) it has 0.2500001, the plan 0.25",
          "log: CSV, 32 records of steps 0 to 31, 6 digits", "9 of 32 records fit; offset 0: its own step", "a note",
          "it fits with 8 devices instead of 4: --set run.world_size=8",
          "from step 9 on the schedule starts again", "it fits with a resume: --resume-at 9 --resume-as restart"]),
        ({"fits": 0, "left": replace(LEFT, step=0, last_fit=None, group="a"), "tried": 3, "offset": 1},
         ["log.csv did not follow plan.yaml: at step 0 (epoch 0) of a it has 0.2500001, the plan 0.25",
          "log: CSV, 32 records of steps 0 to 31, 6 digits", "0 of 32 records fit; offset +1: its own step", "a note",
          "nothing explains it: none of 3 other settings that were tried fits the log"]),
        ({"beyond": 2}, ["log.csv followed plan.yaml to its end, step 31, and goes on after it: 2 records more",
                         "log: CSV, 32 records of steps 0 to 31, 6 digits",
                         "32 of 32 records fit; offset 0: its own step", "a note", "nothing explains it"]),
    ],
)  # fmt: skip
def test_the_lines_of_a_report(changes, lines):
    assert [line.strip() for line in report(found(**changes)).splitlines()] == lines


def test_a_log_without_a_step_of_the_plan_says_so():
    text = report(found(compared=0, fits=0, beyond=3))
    assert text.startswith("log.csv has no record of a step that plan.yaml has\n")


def test_json_has_all_of_it():
    data = json.loads(report(found(fits=9, left=LEFT, explanations=(EXPLAINED, LATER), tried=30), "json"))
    assert (data["followed"], data["offset"], data["tried"]) == (False, 0, 30)
    assert data["left"] == {"step": 9, "group": "", "planned": 0.25, "logged": 0.2500001, "last_fit": 8}
    assert data["explanations"][0] == {
        "what": "8 devices instead of 4",
        "set": {"run.world_size": 8},
        "flags": {},
        "since": None,
    }
    assert data["log"]["notes"] == ["a note"]


def test_markdown_is_a_list_under_the_verdict():
    first, blank, *rest = report(found(), "markdown").splitlines()
    assert (first, blank) == (f"**{FOLLOWED}**", "")
    assert all(line.startswith("- ") for line in rest)


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_ends_with_a_line_end(form):
    assert report(found(), form).endswith("\n")
    assert not report(found(), form).endswith("\n\n")
