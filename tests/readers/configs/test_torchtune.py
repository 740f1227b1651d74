"""torchtune's recipes: the clock of a plain loop with a cap, the names of OmegaConf, and its one schedule."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from lrviz import replay
from lrviz.cli.convert import lines as converted
from lrviz.documents import load
from lrviz.errors import SpecError
from tests.readers.configs.conftest import Read
from tests.readers.configs.reading import changed, document, origin

RECIPE = """\
output_dir: /tmp/out
model: {_component_: torchtune.models.qwen2_5.lora_qwen2_5_0_5b, lora_rank: 32}
dataset:
  _component_: torchtune.datasets.alpaca_cleaned_dataset
  packed: False
  split: train[:95%]
batch_size_val: ${batch_size}
epochs: 2
max_steps_per_epoch: null
batch_size: 2
gradient_accumulation_steps: 8
optimizer:
  _component_: torch.optim.AdamW
  fused: True
  weight_decay: 0.01
  lr: 2e-3
lr_scheduler:
  _component_: torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup
  num_warmup_steps: 10
loss: {_component_: torchtune.modules.loss.LinearCrossEntropyLoss}
metric_logger: {log_dir: "${output_dir}/logs"}
profiler: {_component_: torchtune.training.setup_torch_profiler, warmup_steps: 3, num_cycles: 1}
"""
DATA = {"dataset_size": 1000, "world_size": 2}


@pytest.fixture
def config(config: Read) -> Read:
    """Return a function that loads a recipe with a text, in which some lines are others."""
    return lambda lines=None, **given: config(changed(RECIPE, lines or {}), "r.yaml", **given)


def steps(experiment: Any) -> int:
    return len(replay(experiment).groups[0].lr)


def test_a_recipe_is_its_document(config):
    assert document(config(**DATA)) == {
        "run": {"drop_last": True, "epochs": 2, "batch_size": 2, "grad_accum": 8, **DATA},
        "optimizer": {"name": "AdamW", "lr": 2e-3, "weight_decay": 0.01},
        "scheduler": {"name": "warmup-cosine", "preset": "torchtune", "warmup_steps": 10},
    }


def test_the_profilers_keys_are_not_the_schedules(config):
    assert [key for key, _ in origin(config(**DATA)).ignored] == ["profiler.warmup_steps", "profiler.num_cycles"]


def test_what_the_data_need_is_asked_for_in_one_message(config):
    with pytest.raises(SpecError) as error:
        config()
    assert str(error.value) == (
        "r.yaml: the file does not say --dataset-size (samples in the training set) and --world-size (devices that "
        "train together)\n       for example: lrviz plot r.yaml --dataset-size 50000 --world-size 8"
    )


@pytest.mark.parametrize(
    ("lines", "asked"),
    [
        ({"packed: False": "packed: True"}, "the dataset is packed: packed sequences, not rows"),
        (
            {"max_steps_per_epoch: null": "max_steps_per_epoch: 25"},
            "an epoch ends after 25 optimizer steps, if its data do not end before",
        ),
        ({"epochs: 2": "tensor_parallel_dim: 4"}, "without the 4 of tensor_parallel_dim"),
        ({"epochs: 2\n": ""}, "--epochs (passes over the data)"),
        ({"lr: 2e-3": "eps: 1e-8"}, "--lr (the learning rate)"),
    ],
    ids=["packed", "cap", "parallel", "epochs", "lr"],
)
def test_what_else_the_run_needs_is_asked_for(config, lines, asked):
    with pytest.raises(SpecError) as error:
        config(lines)
    assert asked in str(error.value)


@pytest.mark.parametrize(("cap", "expected"), [("null", 2 * 31), ("25", 2 * 25), ("31", 2 * 31), ("100", 2 * 31)])
def test_an_epoch_has_the_lesser_of_its_data_and_the_cap(config, cap, expected):
    """500 samples on each of two devices are 250 batches of 2, and 31 steps of 8 batches."""
    assert steps(config({"max_steps_per_epoch: null": f"max_steps_per_epoch: {cap}"}, **DATA)) == expected


def test_the_last_partial_batch_is_dropped(config):
    kept = config({"gradient_accumulation_steps: 8": "gradient_accumulation_steps: 1"}, dataset_size=7, world_size=1)
    assert steps(kept) == 2 * 3


def test_steps_of_an_epoch_said_beside_the_file_are_taken(config):
    assert steps(config(steps_per_epoch=40)) == 80


def test_more_steps_than_the_cap_are_refused(config):
    with pytest.raises(SpecError) as error:
        config({"max_steps_per_epoch: null": "max_steps_per_epoch: 25"}, steps_per_epoch=40)
    message = "max_steps_per_epoch: an epoch ends after 25 optimizer steps, and --steps-per-epoch is 40"
    assert str(error.value) == f"r.yaml:9: {message}"


def test_a_name_stands_for_the_value_of_another_key(config):
    lines = {"lr: 2e-3": "lr: ${base.lr}", "output_dir: /tmp/out": "base: {lr: 5.0e-4, of: '${base.lr}'}"}
    assert document(config(lines, **DATA))["optimizer"]["lr"] == 5e-4


@pytest.mark.parametrize("name", ["${missing}", "${oc.env:LR}", "${optimizer.lr}", "${model}"])
def test_a_name_that_stands_for_no_number_is_refused(config, name):
    with pytest.raises(SpecError) as error:
        config({"lr: 2e-3": f"lr: {name}"}, **DATA)
    assert f"r.yaml:16: optimizer.lr: must be a number, not '{name}'" in str(error.value)


def test_without_a_schedule_the_rate_is_constant(config):
    lines = {"lr_scheduler:\n": "unused:\n"}
    found = config(lines, **DATA)
    assert set(replay(found).groups[0].lr) == {2e-3}
    assert ("lr_scheduler", "none: the learning rate is constant") in origin(found).assumed


KEY = "lr_scheduler"
NAME = "get_cosine_schedule_with_warmup"
COSINE = "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            {COSINE: "torch.optim.lr_scheduler.StepLR"},
            (
                f"r.yaml:18: {KEY}._component_: the recipe calls it with num_training_steps, "
                f"which StepLR does not take: TypeError; torchtune has {NAME}"
            ),
        ),
        (
            {COSINE: "mine.get_cosine_schedule_with_warmp"},
            f"r.yaml:18: {KEY}._component_: unknown 'mine.get_cosine_schedule_with_warmp'; did you mean '{NAME}'?",
        ),
        (
            {"num_warmup_steps: 10": "num_warmup_step: 10"},
            (
                f"r.yaml:19: {KEY}.num_warmup_step: {NAME} has no num_warmup_step; did you mean 'num_warmup_steps'?\n"
                f"r.yaml:17: {KEY}: {NAME} needs num_warmup_steps"
            ),
        ),
        (
            {"loss: {": "optimizer_in_bwd: True\nloss: {"},
            "r.yaml:11: gradient_accumulation_steps: optimizer_in_bwd needs 1: the recipe raises RuntimeError",
        ),
        (
            {"gradient_accumulation_steps: 8": "clip_grad_norm: 1"},
            "r.yaml: gradient_accumulation_steps: missing: the recipe needs it",
        ),
        ({"batch_size: 2": "batch_size: two"}, "r.yaml:10: batch_size: must be a number, not 'two'"),
    ],
    ids=["torch", "own", "argument", "backward", "missing", "text"],
)
def test_what_a_recipe_does_not_take_is_refused(config, lines, expected):
    with pytest.raises(SpecError) as error:
        config(lines, **DATA)
    assert str(error.value) == expected


def test_names_that_stand_for_each_other_end(config):
    lines = {"epochs: 2": "epochs: ${a}\na: ${b}\nb: ${a}"}
    with pytest.raises(SpecError, match=r"r\.yaml:8: epochs: must be a number, not '\$\{a\}'"):
        config(lines, **DATA)


def test_the_converted_document_replays_as_the_config_does(config):
    found = config(**DATA)
    again = load(yaml.safe_load("\n".join(converted(found, origin(found)))))
    assert again.origin is None
    assert replay(again).groups[0].lr == replay(found).groups[0].lr


def test_what_is_wrong_is_not_asked_for_again(config: Any) -> None:
    with pytest.raises(SpecError) as error:
        config({"epochs: 2": "epochs: x", "lr: 2e-3": "lr: high"}, **DATA)
    assert [(each.field, each.message) for each in error.value.problems] == [
        ("epochs", "must be a number, not 'x'"),
        ("optimizer.lr", "must be a number, not 'high'"),
    ]
