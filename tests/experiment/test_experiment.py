"""The experiment and its parts, made in Python."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from lrviz import Experiment, SpecError, load
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.schedulers import (
    ChainedScheduler,
    CosineAnnealingLR,
    Custom,
    GroupStart,
    OneCycleLR,
    RangeTest,
    ReduceLROnPlateau,
    of_group,
)

COSINE = CosineAnnealingLR()


@pytest.mark.parametrize(
    ("scheduler", "name"),
    [(COSINE, "CosineAnnealingLR"), (Custom(target="mine.schedules:Noisy"), "Noisy")],
)
def test_name_is_the_class(scheduler: Any, name: str) -> None:
    assert Experiment(scheduler=scheduler).name == name


def test_title_is_the_name() -> None:
    assert Experiment(scheduler=COSINE, title="A").name == "A"


def test_metrics_last_until_the_last_setting() -> None:
    scheduler = ReduceLROnPlateau(metric=[1.0] * 31)
    assert Experiment(scheduler=scheduler).scheduler is scheduler


@pytest.mark.parametrize(("more", "field"), [({}, "metric"), ({"metric_csv": "log.csv:loss"}, "metric_csv")])
def test_too_few_metrics_are_refused(more: Any, field: str) -> None:
    with pytest.raises(SpecError, match=rf"scheduler\.{field}: has 30 values; the run steps its scheduler 31 times"):
        Experiment(scheduler=ReduceLROnPlateau(metric=[1.0] * 30, **more))


def test_a_plateau_from_a_file_can_be_replaced() -> None:
    plateau = ReduceLROnPlateau(metric=[1.0, 2.0], metric_csv="no_such_file.csv:loss")
    assert dataclasses.replace(plateau, patience=3).metric == (1.0, 2.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"metric_csv": "log.csv:loss"}, "metric: missing: the numbers of metric_csv, which lrviz.load"),
        ({"metric_csv": "log.csv:loss", "metric": "1"}, "metric_csv: says where the numbers in metric are from"),
    ],
)
def test_a_column_comes_with_its_numbers(given: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        ReduceLROnPlateau(**given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("highest", [1e-3, 1e-4])
def test_a_range_test_rises(highest: float) -> None:
    with pytest.raises(SpecError, match=r"max_lr: must be above min_lr, 0\.001, not"):
        RangeTest(min_lr=1e-3, max_lr=highest)


@pytest.mark.parametrize(("schedulers", "message"), [([], "at least one, not"), ([3], "must be a scheduler, not 3")])
def test_what_are_no_children_is_refused(schedulers: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        ChainedScheduler(schedulers=schedulers)
    assert str(caught.value).startswith("schedulers: ")
    assert message in str(caught.value)


def test_groups_take_what_they_leave_unset_from_the_optimizer() -> None:
    spec = OptimizerSpec(lr=0.5, momentum=0.9, groups=(Group(name="a"), Group(name="b", lr=0.0, momentum=0.8)))
    resolved = [(group.name, group.lr, group.momentum, group.weight_decay) for group in spec.resolved_groups]
    assert resolved == [("a", 0.5, 0.9, None), ("b", 0.0, 0.8, None)]


def test_of_group_takes_its_own_or_the_one_for_all() -> None:
    spec = OneCycleLR(max_lr=(0.1, 0.2))
    assert [of_group(spec.max_lr, 1), of_group(spec.base_momentum, 1)] == [0.2, 0.85]


def test_a_range_test_may_span_all_numbers() -> None:
    start = GroupStart(0, 1e-3, 1e-3, {}, 9)
    rates = [RangeTest(min_lr=1e-308, max_lr=1e308).lr_at(step, start) for step in range(9)]
    assert rates == pytest.approx([10.0 ** (-308 + 77 * step) for step in range(9)], rel=1e-9)


def test_a_warmup_is_called_so() -> None:
    document = {
        "scheduler": {"name": "sequential", "schedulers": [{"name": "linear"}, {"name": "cosine"}], "milestones": [8]}
    }
    assert load(document).name == "LinearLR, then CosineAnnealingLR"
    assert load({"warmup": 4, **document}).name == "Warmup, then LinearLR, then CosineAnnealingLR"
    plateau = {"name": "plateau", "metric": "1"}
    assert load({"warmup": 4, "scheduler": plateau}).name == "Warmup beside ReduceLROnPlateau"


def test_an_experiment_keeps_the_document_that_it_was_read_from() -> None:
    document = {"warmup": "25%", "scheduler": {"name": "cosine", "T_max": "rest"}}
    experiment = load(document)
    assert experiment.warmup == 8
    assert experiment.document is not None
    assert experiment.document.plain() == document
    assert dataclasses.replace(experiment, document=None) == experiment


def test_a_librarys_schedule_is_named_with_the_version_it_follows_and_not_what_is_inside_it() -> None:
    inner = [{"name": "mmengine-linear", "by_epoch": False, "end": 5}, {"name": "mmengine-poly"}]
    experiment = load({"scheduler": {"name": "mmengine", "schedulers": inner}})
    assert experiment.lines() == ["schedule: mmengine as mmengine 0.10.7 has it"]


def test_a_version_that_the_run_names_is_said_to_be_the_runs() -> None:
    experiment = load({"scheduler": {"name": "hf-linear"}, "run": {"steps": 8, "transformers": "4.50"}})
    assert experiment.follows == {"transformers": "4.50"}
    assert experiment.lines()[-1] == "schedule: hf-linear as transformers 4.50 has it, as the run says"


@pytest.mark.parametrize(
    ("given", "followed", "end"),
    [("99", "5.23.0", "newest"), ("5.24", "5.23.0", "newest"), ("3.0", "4.37.2", "oldest")],
)
def test_a_version_that_nobody_compared_is_not_vouched_for(given: str, followed: str, end: str) -> None:
    experiment = load({"scheduler": {"name": "hf-linear"}, "run": {"steps": 8, "transformers": given}})
    assert experiment.follows == {"transformers": followed}
    said = f"schedule: hf-linear as transformers {followed} has it, the {end} that was compared (the run says {given})"
    assert experiment.lines()[-1] == said


def test_torchs_own_follow_no_library() -> None:
    experiment = load({"scheduler": {"name": "step", "step_size": 3}})
    assert (experiment.follows, experiment.lines()) == ({}, [])
