"""torchtitan's TOML files, in which everything stands that decides the schedule."""

from __future__ import annotations

import pytest
import yaml

from lrviz import replay
from lrviz.cli.convert import lines as converted
from lrviz.documents import load
from lrviz.errors import SpecError
from tests.readers.configs.conftest import Read
from tests.readers.configs.reading import changed, document, origin

FILE = """\
[job]
description = "Llama 3 debug training"  # steps = 5

[optimizer]
name = "AdamW"
lr = 8e-4

[lr_scheduler]
warmup_steps = 2
decay_ratio = 0.8
decay_type = "linear"
min_lr_factor = 0.1

[training]
local_batch_size = 8
steps = 1_0

[validation]
steps = 99
"""


@pytest.fixture
def config(config: Read) -> Read:
    """Return a function that loads a file with a text, in which some lines are others."""
    return lambda lines=None, **given: config(changed(FILE, lines or {}), "t.toml", **given)


def test_a_file_is_its_document(config):
    assert document(config()) == {
        "run": {"steps": 10},
        "optimizer": {"name": "AdamW", "lr": 8e-4, "betas": [0.9, 0.95], "weight_decay": 0.1},
        "scheduler": {
            "name": "torchtitan", "warmup_steps": 2, "decay_ratio": 0.8, "decay_type": "linear", "min_lr_factor": 0.1,
        },
    }  # fmt: skip


def test_each_key_has_its_line(config):
    read = {each.key: each.place for each in origin(config()).read}
    assert (read["training.steps"], read["lr_scheduler.decay_ratio"]) == ("t.toml:16", "t.toml:10")


def test_the_steps_of_a_validation_are_ignored(config):
    assert origin(config()).ignored == (("validation.steps", "it counts the steps of a validation"),)


def test_what_is_not_said_has_the_default_of_torchtitan(config):
    found = config({"lr = 8e-4": "", "warmup_steps = 2\n": "", "steps = 1_0": ""})
    assert document(found)["optimizer"]["lr"] == 8e-4
    assert document(found)["scheduler"]["warmup_steps"] == 200
    assert document(found)["run"] == {"steps": 10_000}


def test_lr_min_is_the_factor_of_the_first_release(config):
    assert document(config({"min_lr_factor": "lr_min"}))["scheduler"]["min_lr_factor"] == 0.1


def test_a_warmup_longer_than_the_run_is_all_of_it(config):
    rates = list(replay(config({"warmup_steps = 2": "warmup_steps = 200"})).groups[0].lr)
    assert rates == pytest.approx([8e-4 * step / 10 for step in range(1, 11)])


def test_without_a_decay_the_rate_stays(config):
    rates = list(replay(config({"decay_ratio = 0.8": "decay_ratio = 0.0"})).groups[0].lr)
    assert rates == [4e-4, *[8e-4] * 9]


def test_steps_said_beside_the_file_are_taken(config):
    assert document(config(steps=20))["run"] == {"steps": 20}


@pytest.mark.parametrize("name", ["dataset_size", "epochs", "world_size", "grad_accum", "batch_size"])
def test_what_changes_nothing_is_refused(config, name):
    with pytest.raises(SpecError) as error:
        config(**{name: 4})
    why = "it changes nothing: torchtitan counts steps (training.steps), whatever the data are"
    assert str(error.value) == f"--{name.replace('_', '-')}: {why}"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ({"decay_ratio": "decay_rato"}, "t.toml:10: lr_scheduler.decay_rato: unknown key; did you mean 'decay_ratio'?"),
        (
            {"decay_ratio = 0.8": "lr_min = 0.0"},
            "t.toml:10: lr_scheduler.lr_min: is min_lr_factor's name in torchtitan 0.1.0: give one of them",
        ),
        ({'"AdamW"': '"Muon"'}, "t.toml:5: optimizer.name: unknown 'Muon'; known are Adam, AdamW"),
        ({"steps = 1_0": "steps = -3"}, "t.toml:16: training.steps: must be a whole number >= 1, not -3"),
        (
            {'"linear"': '"lienar"'},
            "t.toml:11: lr_scheduler.decay_type: must be one of linear, sqrt, cosine, not 'lienar'",
        ),
        ({"[job]": "[job"}, "t.toml:1: not valid TOML: expected ']' at the end of a table declaration"),
        ({"lr = 8e-4": "lr = 8e-4\nlr = 1"}, "t.toml:7: not valid TOML: cannot overwrite a value"),
    ],
    ids=["key", "both", "optimizer", "steps", "type", "table", "twice"],
)
def test_what_is_wrong_is_refused_with_its_line(config, lines, expected):
    with pytest.raises(SpecError) as error:
        config(lines)
    assert str(error.value).startswith(expected)


def test_the_converted_document_replays_as_the_config_does(config):
    found = config()
    again = load(yaml.safe_load("\n".join(converted(found, origin(found)))))
    assert again.origin is None
    assert replay(again).groups[0].lr == replay(found).groups[0].lr
