"""Logs that real packages wrote, read, and held to what their optimizers trained with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lrviz import load, replay
from lrviz.following.following import follow
from lrviz.readers.logs import formats
from lrviz.subject import Subject
from lrviz.trace import Trace

LOGS = Path(__file__).parents[2] / "recordings" / "logs"
FLOAT32 = 6e-8

HUGGINGFACE = {
    "run": {"dataset_size": 50, "batch_size": 4, "grad_accum": 3, "epochs": 3, "framework": "transformers"},
    "optimizer": {"name": "AdamW", "lr": 1e-3},
    "scheduler": {"name": "hf-cosine", "num_warmup_steps": 3},
}
OLDER = {**HUGGINGFACE, "run": {**HUGGINGFACE["run"], "transformers": "4.45"}}
LIGHTNING = {
    "run": {"steps": 20},
    "optimizer": {"momentum": 0.9, "groups": [{"name": "w", "lr": 0.1}, {"name": "b", "lr": 0.01}]},
    "scheduler": {"name": "onecycle", "max_lr": [0.1, 0.01]},
}
TIMM = {
    "run": {"epochs": 8, "steps_per_epoch": 5, "interval": "epoch"},
    "optimizer": {"groups": [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.05}]},
    "scheduler": {"name": "timm-cosine", "t_initial": 8, "warmup_t": 2, "warmup_lr_init": 1e-5, "lr_min": 1e-4},
}
TIMM_UPDATES = {
    **TIMM,
    "run": {"epochs": 8, "steps_per_epoch": 5},
    "scheduler": {**TIMM["scheduler"], "t_initial": 40, "warmup_t": 10},
}
WRITER = {"run": {"steps": 20}, "optimizer": {"lr": 0.1}, "scheduler": {"name": "step", "step_size": 7, "gamma": 0.3}}
ULTRALYTICS = {
    "run": {"epochs": 12, "steps_per_epoch": 3, "interval": "epoch"},
    "optimizer": {"lr": 0.01},
    "scheduler": {"name": "lambda", "lr_lambda": "max(1 - step / 12, 0) * 0.99 + 0.01"},
}


def trained(name: str) -> list[list[float]]:
    """Return what each step trained with, for each group, as the recording has it."""
    rates: list[list[float]] = json.loads((LOGS / name / "rates.json").read_text())["rates"]
    return [list(column) for column in zip(*rates, strict=True)]


def plan(document: Any) -> Subject:
    experiment = load(document)
    return Subject(name="plan", trace=replay(experiment), experiment=experiment)


def rates(trace: Trace) -> list[list[float]]:
    return [list(group.lr) for group in trace.groups]


@pytest.mark.parametrize("path", ["huggingface", "huggingface/checkpoint-5", "huggingface-resumed"])
def test_a_trainer_state_has_what_each_step_trained_with(path):
    trace = formats.read(LOGS / path)
    (expected,) = trained(Path(path).parts[0])
    steps = [trace.step_at(record) for record in range(trace.steps)]
    assert steps == list(range(5 if "checkpoint" in path else 15))
    assert rates(trace) == [expected[: len(steps)]]
    assert trace.steps_per_epoch == 5


def test_transformers_to_4_50_log_the_next_steps_learning_rate():
    trace = formats.read(LOGS / "huggingface-4.45")
    (expected,) = trained("huggingface-4.45")
    assert rates(trace)[0][:-1] == expected[1:]


def test_lightnings_metrics_have_every_group_and_momentum():
    trace = formats.read(LOGS / "lightning")
    weights, biases = trained("lightning")
    assert {group.name: list(group.lr) for group in trace.groups} == {"w": weights, "b": biases}
    assert [group.momentum[0] for group in trace.groups] == [0.95, 0.95]
    assert trace.momentum_name == "momentum"
    assert "folded 40 records" in trace.log.notes[0]


@pytest.mark.parametrize(
    ("path", "name"),
    [("huggingface/runs", "huggingface"), ("huggingface-resumed/runs", "huggingface"), ("writer", "writer"),
     ("writer-tensors", "writer-tensors"), ("lightning/events", "lightning")],
)  # fmt: skip
def test_events_have_what_each_step_trained_with_in_float32(path, name):
    trace = formats.read(LOGS / path)
    expected = trained(name)
    assert [trace.step_at(record) for record in range(trace.steps)] == list(range(len(expected[0])))
    for read, column in zip(rates(trace), expected, strict=True):
        assert read == pytest.approx(column, rel=FLOAT32)


def test_several_event_files_in_a_folder_are_one_run_that_was_resumed():
    log = formats.read(LOGS / "huggingface-resumed" / "runs").log
    assert log.resumed == (5,)
    assert "goes back from step 14 to 5: a resumed run, read as it went on" in log.notes


def test_timms_summary_has_the_mean_of_the_groups_once_an_epoch():
    trace = formats.read(LOGS / "timm")
    expected = [sum(pair) / 2 for pair in zip(*trained("timm"), strict=True)][4::5]
    assert rates(trace) == [expected]
    assert (trace.log.unit, trace.steps_per_epoch) == ("epoch", 1)


def test_ultralytics_results_have_the_epochs_rates_in_6_digits():
    trace = formats.read(LOGS / "ultralytics")
    assert rates(trace) == [[float(f"{rate:.6g}") for rate in trained("ultralytics")[0][2::3]]]
    assert list(trace.at) == list(range(12))


@pytest.mark.parametrize(
    ("path", "document", "offset", "words"),
    [
        ("huggingface", HUGGINGFACE, 0, "own step"),
        ("huggingface/runs", HUGGINGFACE, 0, "own step"),
        ("huggingface-resumed/runs", HUGGINGFACE, 0, "own step"),
        ("huggingface-4.45", OLDER, 1, "next step"),
        ("huggingface-4.45/runs", OLDER, 1, "next step"),
        ("lightning", LIGHTNING, 0, "own step"),
        ("lightning/events", LIGHTNING, 0, "own step"),
        ("timm", TIMM, 0, "epoch's last step"),
        ("timm-updates", TIMM_UPDATES, 1, "next epoch's first"),
        ("ultralytics", ULTRALYTICS, 0, "epoch's last step"),
        ("writer", WRITER, 0, "own step"),
        ("writer-tensors", WRITER, 0, "own step"),
    ],
)  # fmt: skip
def test_a_real_run_followed_its_plan_at_the_offset_of_its_format(path, document, offset, words):
    found = follow(plan(document), formats.read(LOGS / path))
    assert (found.is_followed, found.offset) == (True, offset)
    assert words in found.placement


def test_the_mean_of_timms_groups_is_found():
    assert follow(plan(TIMM), formats.read(LOGS / "timm")).groups == (("lr", "the mean of all groups"),)
