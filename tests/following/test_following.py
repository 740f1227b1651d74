"""Laying a log over a plan: offsets, groups, precision, and where the run left it."""

from __future__ import annotations

import struct

import pytest

from lrviz import load, replay
from lrviz.errors import SpecError
from lrviz.following.following import follow
from lrviz.subject import Subject
from lrviz.trace import Precision

from .conftest import log_of, of_unit

COSINE = {"run": {"epochs": 4, "steps_per_epoch": 8}, "optimizer": {"lr": 0.1}, "scheduler": {"name": "cosine"}}
GROUPS = {**COSINE, "optimizer": {"groups": [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.02}]}}
RATES = list(replay(load(COSINE)).groups[0].lr)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_offset_that_fits_is_found(offset, followed):
    steps = range(max(0, -offset), 32 - max(0, offset))
    found = followed(COSINE, log_of([RATES[step + offset] for step in steps], steps))
    assert (found.is_followed, found.offset, found.compared) == (True, offset, len(steps))


@pytest.mark.parametrize(
    ("place", "offset", "words"),
    [(7, 0, "epoch's last step"), (0, 0, "epoch's first step"), (8, 1, "next epoch's first step")],
)
def test_the_step_of_an_epoch_is_found(place, offset, words, followed):
    rates = [RATES[epoch * 8 + place] for epoch in range(4) if epoch * 8 + place < 32]
    found = followed(COSINE, of_unit(log_of(rates), "epoch"))
    assert (found.is_followed, found.offset) == (True, offset)
    assert words in found.placement


def test_a_log_of_epochs_needs_a_plan_that_has_them(followed):
    with pytest.raises(SpecError, match="the log counts epochs, and the plan has none"):
        followed({"run": {"steps": 32}, "scheduler": {"name": "cosine"}}, of_unit(log_of([0.1]), "epoch"))


def test_an_offset_needs_more_than_a_chance_hit(followed):
    wrong = [0.5, *RATES[2:4], *[0.5] * 20]
    found = followed(COSINE, log_of(wrong))
    assert (found.offset, found.fits) == (0, 0)


@pytest.mark.parametrize(
    ("precision", "write"),
    [
        (Precision(words="float32", share=1e-6), lambda rate: struct.unpack("<f", struct.pack("<f", rate))[0]),
        (Precision(words="6 digits", share=5.1e-6), lambda rate: float(f"{rate:.6g}")),
        (Precision(words="4 decimals", share=1e-9, size=0.51e-4), lambda rate: round(rate, 4)),
    ],
)
def test_what_was_rounded_to_be_written_is_no_departure(precision, write, followed):
    found = followed(COSINE, log_of(list(map(write, RATES)), precision=precision))
    assert found.is_followed


def test_what_is_further_off_than_its_digits_is_a_departure(followed):
    rates = [*RATES[:20], RATES[20] * 1.0001, *RATES[21:]]
    found = followed(COSINE, log_of(rates, precision=Precision(words="6 digits", share=5.1e-6)))
    assert (found.left.step, found.left.last_fit, found.fits) == (20, 19, 31)
    assert (found.left.planned, found.left.logged) == (RATES[20], RATES[20] * 1.0001)


def test_a_column_is_the_group_that_it_fits(followed):
    found = followed(GROUPS, log_of(list(replay(load(GROUPS)).groups[1].lr)))
    assert (found.is_followed, found.groups) == (True, (("lr", "b"),))


def test_a_column_may_be_the_mean_of_all_groups(followed):
    found = followed(GROUPS, log_of([(0.1 + 0.02) / 2 / 0.1 * rate for rate in RATES]))
    assert (found.is_followed, found.groups) == (True, (("lr", "the mean of all groups"),))


def test_a_run_that_goes_on_after_the_plan_did_not_follow_it(followed):
    found = followed(COSINE, log_of([*RATES, 0.0, 0.0, 0.0]))
    assert (found.is_followed, found.fits, found.beyond, found.left) == (False, 32, 3, None)


def test_a_run_that_is_not_over_yet_follows(followed):
    assert followed(COSINE, log_of(RATES[:10])).is_followed


def test_a_log_without_a_step_of_the_plan_follows_nothing(followed):
    found = followed(COSINE, log_of([0.1], [1000]))
    assert (found.is_followed, found.compared, found.beyond) == (False, 0, 1)


def test_the_log_is_laid_on_the_plans_steps(followed):
    found = followed(COSINE, log_of([RATES[epoch * 8 + 7] for epoch in range(4)]))
    laid = followed(COSINE, of_unit(log_of([RATES[epoch * 8 + 7] for epoch in range(4)]), "epoch")).log
    assert (list(laid.at), laid.steps_per_epoch, laid.log.unit) == ([7, 15, 23, 31], 8, "step")
    assert list(found.log.at) == [0, 1, 2, 3]


def test_without_a_way_to_replay_nothing_is_tried():
    experiment = load(COSINE)
    plan = Subject(name="plan", trace=replay(experiment), experiment=experiment)
    found = follow(plan, log_of([0.5] * 10))
    assert (found.tried, found.explanations) == (0, ())
