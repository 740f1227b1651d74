"""mmengine's configs: the schedules, the loop that they count, and what the batch makes of the learning rate."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import yaml

from lrviz import replay
from lrviz.cli.convert import lines as converted
from lrviz.documents import load
from lrviz.errors import SpecError
from tests.readers.configs.conftest import Read
from tests.readers.configs.reading import document, origin

SCHEDULE = """\
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4, val_interval=1)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=20),
    dict(type='MultiStepLR', by_epoch=True, milestones=[2, 3], gamma=0.1),
]
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=0.0001))
auto_scale_lr = dict(enable=False, base_batch_size=16)
train_dataloader = dict(batch_size=2, dataset=dict(type='CocoDataset'))
"""
ITERATIONS = """\
optimizer = dict(type='SGD', lr=0.01)
optim_wrapper = dict(optimizer=optimizer, clip_grad=None)
param_scheduler = dict(type='PolyLR', eta_min=1e-4, power=0.9, end=80, by_epoch=False)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4 * 20)
"""


@pytest.fixture
def config(config: Read) -> Read:
    """Return a function that loads a config with a text."""
    return partial(config, name="c.py")


def traps(experiment: Any) -> list[tuple[str, str]]:
    return [(trap.rule, trap.place) for trap in origin(experiment).traps]


def rates(experiment: Any) -> list[float]:
    return [float(rate) for rate in replay(experiment).groups[0].lr]


DATA = {"dataset_size": 40, "world_size": 2}


def test_a_config_is_its_document(config):
    assert document(config(SCHEDULE, **DATA)) == {
        "run": {"framework": "mmengine", "epochs": 4, "batch_size": 2, **DATA},
        "optimizer": {"name": "SGD", "momentum": 0.9, "weight_decay": 0.0001, "lr": 0.02},
        "scheduler": {
            "name": "mmengine",
            "schedulers": [
                {"name": "mmengine-linear", "start_factor": 0.001, "by_epoch": False, "begin": 0, "end": 20},
                {"name": "mmengine-multistep", "by_epoch": True, "milestones": [2, 3], "gamma": 0.1},
            ],
        },
    }


def test_the_run_has_the_epochs_of_the_loop(config):
    assert len(rates(config(SCHEDULE, **DATA))) == 4 * 10
    assert len(rates(config(SCHEDULE, steps_per_epoch=7))) == 4 * 7


def test_a_loop_of_iterations_needs_nothing_beside_the_file(config):
    found = config(ITERATIONS)
    assert document(found)["run"] == {"framework": "mmengine", "steps": 80}
    assert rates(found)[-1] == pytest.approx(1e-4)


def test_without_a_schedule_the_rate_is_constant(config):
    found = config(
        "optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))\ntrain_cfg = dict(by_epoch=False, max_iters=5)\n"
    )
    assert set(rates(found)) == {0.01}
    assert ("param_scheduler", "none: the learning rate is constant") in origin(found).assumed


def test_what_epochs_need_is_asked_for_in_one_message(config):
    with pytest.raises(SpecError) as error:
        config(SCHEDULE)
    assert str(error.value) == (
        "c.py: the file does not say --dataset-size (samples in the training set) and --world-size (devices that "
        "train together)\n       for example: lrviz plot c.py --dataset-size 50000 --world-size 8"
    )


def test_the_command_that_works_has_what_was_said(config):
    with pytest.raises(SpecError, match=r"lrviz plot c\.py --dataset-size 40 --world-size 2 --batch-size 8$"):
        config(SCHEDULE.replace("batch_size=2, ", ""), **DATA)


def test_a_repeated_dataset_is_asked_for_as_it_is_repeated(config):
    text = SCHEDULE.replace("type='CocoDataset'", "type='RepeatDataset', times=5")
    with pytest.raises(SpecError, match="samples in the training set; a RepeatDataset: 5 times its rows"):
        config(text)


def test_classes_may_be_imported_names(config):
    text = ITERATIONS.replace("'PolyLR'", "PolyLR").replace("'SGD'", "torch.optim.SGD")
    found = document(config(f"from mmengine.optim import PolyLR\n{text}"))
    assert found["optimizer"]["name"] == "SGD"
    assert found["scheduler"]["schedulers"][0]["name"] == "mmengine-poly"


def test_a_schedule_of_the_momentum_is_ignored(config):
    text = ITERATIONS.replace("= dict(type='PolyLR'", "= [dict(type='CosineAnnealingMomentum'), dict(type='PolyLR'")
    found = config(text.replace("by_epoch=False)\n", "by_epoch=False)]\n", 1))
    assert origin(found).ignored == (("param_scheduler[0] CosineAnnealingMomentum", "it sets the momentum"),)


def test_the_rate_is_scaled_with_the_batch_of_all_devices(config):
    text = SCHEDULE.replace("enable=False", "enable=True")
    assert document(config(text, **DATA))["optimizer"]["lr"] == 0.02 * 4 / 16


def test_scaling_asks_for_the_devices(config):
    text = SCHEDULE.replace("enable=False", "enable=True")
    with pytest.raises(SpecError, match="train together; auto_scale_lr multiplies the learning rate by it"):
        config(text, steps_per_epoch=10)


def test_scaling_that_is_off_is_ignored(config):
    ignored = dict(origin(config(SCHEDULE, **DATA)).ignored)
    assert ignored["auto_scale_lr"] == "enable is not True, unless the command that trains says --auto-scale-lr"


def test_accumulation_slows_no_schedule(config):
    slow = SCHEDULE.replace("type='OptimWrapper'", "accumulative_counts=4")
    assert rates(config(slow, **DATA)) == rates(config(SCHEDULE, **DATA))
    assert traps(config(slow, **DATA)) == [("accumulation-not-counted", "c.py:3")]
    assert traps(config(SCHEDULE, **DATA)) == []


def test_epochs_in_a_loop_of_iterations_never_end(config):
    """mmengine 0.10.7 trains with [.5] * 8: a run of its Runner made the same."""
    text = ITERATIONS.replace(
        "type='PolyLR', eta_min=1e-4, power=0.9, end=80, by_epoch=False", "type='LinearLR', start_factor=.5, end=4"
    )
    found = config(text)
    assert set(rates(found)) == {0.005}
    assert traps(found) == [("epoch-never-ends", "c.py:3")]


def test_converted_epochs_in_a_loop_of_iterations_end_with_the_first(config):
    """Where such a schedule has no end, mmengine's is max_epochs, which is 1."""
    text = ITERATIONS.replace(
        "type='PolyLR', eta_min=1e-4, power=0.9, end=80, by_epoch=False",
        "type='CosineAnnealingLR', convert_to_iter_based=True",
    )
    found = config(text, steps_per_epoch=10)
    made = rates(found)
    assert made[9] < made[8]
    assert set(made[9:]) == {made[9]}


def test_a_base_file_is_read_too(config, tmp_path):
    (tmp_path / "base.py").write_text(SCHEDULE)
    found = config(
        "_base_ = 'base.py'\noptim_wrapper = dict(optimizer=dict(lr=_base_.train_cfg.max_epochs / 100))\n", **DATA
    )
    assert document(found)["optimizer"]["lr"] == 0.04
    assert next(read.place for read in origin(found).read if read.became == "run.epochs") == "base.py:1"


OLD = "it is mmcv 1's, another language than mmengine's param_scheduler, and not read"
DATA_ONLY = "is more than data, and nothing is executed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "lr_config = dict(policy='step', step=[8, 11])\nrunner = dict(max_epochs=12)\n",
            f"c.py:1: lr_config: {OLD}",
        ),
        (
            f"{ITERATIONS}train_cfg = build(12)\n",
            f"c.py:5: train_cfg.type: cannot be read: 'build(12)' {DATA_ONLY}",
        ),
        (
            f"{ITERATIONS}param_scheduler = [dict(type='PolyLR', end=f())]\n",
            f"c.py:5: param_scheduler: cannot be read: 'f()' {DATA_ONLY}",
        ),
        (
            f"{ITERATIONS}param_scheduler = [1]\n",
            "c.py:5: param_scheduler[0]: must be a schedule, dict(type=...), not 1",
        ),
        (
            f"{ITERATIONS}param_scheduler = dict(type='LinaerLR')\n",
            "c.py:5: param_scheduler.type: unknown 'LinaerLR'; did you mean 'LinearLR'?",
        ),
        (
            f"{ITERATIONS}param_scheduler = dict(type='LinearLR', T_max=3)\n",
            "c.py:5: param_scheduler.T_max: LinearLR has no T_max",
        ),
        (
            f"{ITERATIONS}param_scheduler = dict(generator=dict(type='LinearLR'), critic=dict(type='LinearLR'))\n",
            "c.py:5: param_scheduler: is of several optimizers (generator, critic); lrviz replays one",
        ),
        (
            f"{ITERATIONS}optim_wrapper = dict(constructor='Multi', a=dict(optimizer=dict(lr=1)))\n",
            "c.py:5: optim_wrapper: has several optimizers (a), of which lrviz replays one",
        ),
        (
            f"{ITERATIONS}train_cfg = dict(by_epoch=True, type='EpochBasedTrainLoop', max_epochs=2)\n",
            "c.py:5: train_cfg: says type and by_epoch, of which mmengine takes one",
        ),
        (
            f"with read_base():\n    from .base import *\n{ITERATIONS}",
            f"c.py:1: *: cannot be read: 'with read_base():' {DATA_ONLY}",
        ),
        (
            f"_base_ = 'mmdet::a.py'\n{ITERATIONS}",
            "c.py:1: _base_: a base file is a relative path to a .py file, not 'mmdet::a.py'",
        ),
    ],
    ids=["old", "loop", "length", "number", "name", "argument", "two", "wrappers", "both", "lazy", "package"],
)
def test_what_cannot_be_read_is_refused(config, text, expected):
    with pytest.raises(SpecError) as error:
        config(text)
    assert str(error.value) == expected


def test_an_end_before_its_begin_has_the_place_of_its_line(config):
    with pytest.raises(SpecError, match=r"c\.py:4: .*end: must be larger than begin, 80, not 80"):
        config(f"\n{ITERATIONS}".replace("end=80", "begin=80, end=80"))


def test_what_changes_nothing_in_a_loop_of_iterations_is_refused(config):
    with pytest.raises(SpecError, match="--dataset-size: it changes nothing: the run counts iterations"):
        config(ITERATIONS, dataset_size=100)


def test_the_converted_document_replays_as_the_config_does(config):
    found = config(SCHEDULE, **DATA)
    again = load(yaml.safe_load("\n".join(converted(found, origin(found)))))
    assert again.origin is None
    assert replay(again).groups[0].lr == replay(found).groups[0].lr
