"""Subjects: how long they are, and their settings by path."""

from __future__ import annotations

from lrviz import load, replay
from lrviz.subject import Subject

WARMED = {
    "run": {"epochs": 2, "steps_per_epoch": 8, "interval": "epoch"},
    "optimizer": {"name": "SGD", "groups": [{"name": "body", "lr": 0.1}, {"name": "head", "lr": 1.0}]},
    "scheduler": {"name": "step", "step_size": 1},
}


def test_the_settings_of_an_experiment_have_the_paths_that_set_takes() -> None:
    experiment = load(WARMED)
    settings = Subject(name="a", trace=replay(experiment), experiment=experiment).settings()
    assert settings["run.epochs"] == 2
    assert settings["optimizer.groups[1].lr"] == 1.0
    assert (settings["scheduler.step_size"], settings["scheduler.gamma"]) == (1, 0.1)


def test_a_subject_knows_its_length_and_how_often_its_learning_rate_changes() -> None:
    experiment = load(WARMED)
    subject = Subject(name="a", trace=replay(experiment), experiment=experiment)
    assert (subject.steps, subject.stride) == (16, 8)
    log = Subject(name="b", trace=subject.trace)
    assert (log.steps, log.stride, log.settings()) == (16, 1, {})
