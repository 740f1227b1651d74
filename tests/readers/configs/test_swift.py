"""ms-swift's YAML and args.json: TrainingArguments with defaults of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

LORA = """\
model: some/model
train_type: lora
torch_dtype: bfloat16
num_train_epochs: 2
per_device_train_batch_size: 2
warmup_ratio: 0.05
"""
SAID = {"dataset_size": 1000, "world_size": 2}


def test_its_own_defaults(config: Any, document: Any, traps: Any) -> None:
    """A cosine, 1e-4 for LoRA, and an accumulation that makes 16 of a step's samples."""
    experiment = config(LORA, **SAID)
    assert document(experiment) == {
        "run": {"framework": "transformers", "transformers": "5.14", "epochs": 2, "batch_size": 2, "grad_accum": 4}
        | SAID,
        "optimizer": {"name": "AdamW", "lr": 1e-4, "weight_decay": 0.1, "betas": [0.9, 0.95]},
        "scheduler": {"name": "hf-cosine", "num_warmup_steps": "5%"},
    }
    assert traps(experiment) == []


def test_a_full_training_has_another_learning_rate(config: Any) -> None:
    assert config(LORA.replace("lora", "full"), **SAID).optimizer.lr == 1e-5


def test_what_the_file_says_is_taken(config: Any) -> None:
    more = "learning_rate: 3e-5\nlr_scheduler_type: linear\ngradient_accumulation_steps: 1\nmax_steps: 7\n"
    experiment = config(LORA + more)
    assert (experiment.optimizer.lr, experiment.scheduler.name, experiment.run.steps) == (3e-5, "hf-linear", 7)


def test_the_json_that_it_writes(config: Any, document: Any) -> None:
    text = json.dumps({"tuner_type": "lora", "max_steps": 50, "learning_rate": 1e-4, "lr_scheduler_kwargs": None})
    experiment = config(text, "args.json")
    assert experiment.origin.format == "ms-swift"
    assert document(experiment)["scheduler"] == {"name": "hf-cosine"}


def test_a_schedule_that_watches_a_metric_is_stepped_when_it_saves(config: Any) -> None:
    more = "lr_scheduler_type: reduce_lr_on_plateau\nmax_steps: 50\nsave_steps: 10\n"
    found = config(LORA.replace("warmup_ratio: 0.05\n", "") + more, metric="0.9 ** step").scheduler
    assert found.eval_steps == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            LORA + "warmup_steps: 5\n",
            "args.yaml:6: warmup_ratio: contradicts warmup_steps: ms-swift stops with an error; give one of the two",
        ),
        (
            LORA + "lr_scheduler_type: cosin\n",
            "args.yaml:7: lr_scheduler_type: unknown 'cosin'; did you mean 'cosine'?",
        ),
        (LORA.replace("0.05", "5%"), "args.yaml:6: warmup_ratio: must be a number, not '5%'"),
        (LORA.replace("0.05", "5"), "args.yaml:6: warmup_ratio: must be between 0 and 1, not 5"),
        (
            LORA + "lr_scheduler_kwargs: cycles\n",
            "args.yaml:7: lr_scheduler_kwargs: must be a mapping, or JSON such as '{\"min_lr\": 1e-6}', not 'cycles'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(refused: Any, text: str, message: str) -> None:
    assert message in refused(text, **SAID).splitlines()


def test_what_it_cannot_know_is_asked_for_at_once(refused: Any) -> None:
    assert refused(LORA).endswith("for example: lrviz plot args.yaml --dataset-size 50000 --world-size 8")
