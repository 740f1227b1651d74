"""nanoGPT's config/*.py: read over the defaults of its train.py, never run."""

from __future__ import annotations

from functools import partial

import pytest
import yaml

from lrviz import replay
from lrviz.cli.convert import lines as converted
from lrviz.documents import load
from lrviz.errors import SpecError
from tests.readers.configs.conftest import Read
from tests.readers.configs.reading import document, origin

SHAKESPEARE = """\
import time

out_dir = 'out-shakespeare-char'
eval_interval = 250  # keep frequent
wandb_run_name = 'mini-' + str(time.time())
gradient_accumulation_steps = 5 * 8
batch_size = 64
block_size = 256

learning_rate = 1e-3
max_iters = 50
lr_decay_iters = 50  # make equal to max_iters usually
min_lr = 1e-4
beta2 = 0.99
warmup_iters = 10
"""
FINETUNE = "max_iters = 20\nlearning_rate = 3e-5\neval_iters = 40\ndecay_lr = False\n"


@pytest.fixture
def config(config: Read) -> Read:
    """Return a function that loads a config with a text."""
    return partial(config, name="train.py")


def test_a_config_is_its_document(config):
    assert document(config(SHAKESPEARE)) == {
        "run": {"steps": 51},
        "optimizer": {"name": "AdamW", "lr": 1e-3, "betas": [0.9, 0.99], "weight_decay": 0.1},
        "scheduler": {
            "name": "warmup-cosine", "preset": "nanogpt", "warmup_steps": 10, "total_steps": 50, "min_lr": 1e-4,
        },
    }  # fmt: skip


def test_each_key_has_its_line(config):
    read = {key: place for key, _, place, _ in origin(config(SHAKESPEARE)).read}
    assert read["max_iters"] == "train.py:11"
    assert read["warmup_iters"] == "train.py:15"


def test_what_is_not_said_has_the_default_of_train_py(config):
    found = config("max_iters = 600000\nlr_decay_iters = 600000\nblock_size = 1024\n")
    assert document(found)["run"] == {"steps": 600_001}
    assert document(found)["optimizer"]["lr"] == 6e-4
    assert document(found)["scheduler"]["warmup_steps"] == 2000
    assert ("learning_rate", "0.0006") in origin(found).assumed


def test_the_last_update_has_the_lowest_rate(config):
    """get_lr(50) of train.py is min_lr: the loop ends where iter_num is above max_iters."""
    rates = replay(config(SHAKESPEARE)).groups[0].lr
    assert len(rates) == 51
    assert (rates[0], rates[10], rates[50]) == pytest.approx((1e-3 / 11, 1e-3, 1e-4))


def test_without_decay_the_rate_is_constant(config):
    found = config(FINETUNE)
    assert document(found)["scheduler"] == {"name": "constant", "factor": 1.0}
    assert set(replay(found).groups[0].lr) == {3e-5}


def test_without_decay_a_warmup_is_a_trap(config):
    (trap,) = origin(config(f"{FINETUNE}warmup_iters = 100\n")).traps
    assert (trap.rule, trap.place) == ("warmup-ignored", "train.py:5")


def test_a_division_may_make_a_whole_number(config):
    found = document(config("max_iters = 1000\nlr_decay_iters = max_iters / 2\nwarmup_iters = max_iters // 10\n"))
    assert (found["scheduler"]["total_steps"], found["scheduler"]["warmup_steps"]) == (500, 100)


def test_the_accumulation_changes_nothing(config):
    assert [key for key, _ in origin(config(SHAKESPEARE)).ignored] == ["gradient_accumulation_steps"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{SHAKESPEARE}max_iters = int(1e5)\n",
            "train.py:16: max_iters: cannot be read: 'int(1e5)' is more than data, and nothing is executed",
        ),
        (
            f"{SHAKESPEARE}if True:\n    learning_rate = 2\n",
            "train.py:16: learning_rate: cannot be read: 'if True:' is more than data, and nothing is executed",
        ),
        (
            f"from base import *\n{SHAKESPEARE}",
            "train.py:1: *: cannot be read: 'from base import *' is more than data, and nothing is executed",
        ),
        (f"{SHAKESPEARE}warmup_iters = '100'\n", "train.py:16: warmup_iters: must be a number, not '100'"),
        (f"{SHAKESPEARE}decay_lr = 1\n", "train.py:16: decay_lr: must be True or False"),
        (f"{SHAKESPEARE}eval_only = True\n", "train.py:16: eval_only: True: nothing is trained"),
        (f"{SHAKESPEARE}x = (", "train.py:16: not valid Python: '(' was never closed"),
    ],
    ids=["call", "condition", "star", "text", "flag", "evaluation", "cut"],
)
def test_what_the_schedule_needs_and_cannot_be_read_is_refused(config, text, expected):
    with pytest.raises(SpecError) as error:
        config(text)
    assert str(error.value) == expected


def test_what_changes_nothing_is_refused(config):
    with pytest.raises(SpecError) as error:
        config(SHAKESPEARE, dataset_size=1000, epochs=2)
    why = "it changes nothing: nanoGPT counts iterations (max_iters), whatever the data are"
    assert str(error.value) == f"--epochs: {why}\n--dataset-size: {why}"


def test_steps_said_beside_the_file_are_taken(config):
    assert document(config(SHAKESPEARE, steps=40))["run"] == {"steps": 40}


def test_nothing_of_a_config_runs(config, tmp_path):
    config(f"{SHAKESPEARE}open('ran', 'w')\nname = __import__('os').system('touch ran')\n")
    assert not (tmp_path / "ran").exists()


def test_the_converted_document_replays_as_the_config_does(config):
    found = config(SHAKESPEARE)
    again = load(yaml.safe_load("\n".join(converted(found, origin(found)))))
    assert again.origin is None
    assert replay(again).groups[0].lr == replay(found).groups[0].lr
