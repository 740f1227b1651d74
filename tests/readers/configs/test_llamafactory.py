"""LLaMA-Factory's YAML, in both layouts."""

from __future__ import annotations

from typing import Any

import pytest

LORA = """\
### model
model_name_or_path: some/model
### method
stage: sft
finetuning_type: lora
### dataset
template: qwen3
cutoff_len: 2048
max_samples: 1000
### train
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1e-4
num_train_epochs: 3.0
lr_scheduler_type: cosine
warmup_ratio: 0.1
resume_from_checkpoint: null
"""
SAID = {"dataset_size": 1091, "world_size": 2}
V1 = """\
model: some/model
model_class: llm
dist_config:
  name: fsdp2
train_dataset: data/demo.yaml
micro_batch_size: 2
cutoff_len: 2048
learning_rate: 1.0e-4
max_steps: 10
"""


def test_a_config_of_the_examples(config: Any, document: Any, traps: Any) -> None:
    """Its parser, OmegaConf, reads 1e-4 as a number, and it pins transformers, which has warmup_ratio then."""
    experiment = config(LORA, **SAID)
    assert document(experiment) == {
        "run": {"framework": "transformers", "transformers": "5.6", "epochs": 3.0, "batch_size": 1, "grad_accum": 8}
        | SAID,
        "optimizer": {"name": "AdamW", "lr": 1e-4},
        "scheduler": {"name": "hf-cosine", "num_warmup_steps": "10%"},
    }
    assert traps(experiment) == []
    assert experiment.run.clock.steps == 207
    assert experiment.scheduler.num_warmup_steps == 21


def test_it_says_what_it_is(config: Any) -> None:
    origin = config(LORA, **SAID).origin
    assert origin.format == "LLaMA-Factory"
    assert ("learning_rate", "0.0001", "args.yaml:13") in {each[:3] for each in origin.read}


def test_what_is_left_out_is_the_trainers_default(config: Any) -> None:
    text = "stage: sft\nfinetuning_type: full\nmax_steps: 100\nwarmup_steps: 5\n"
    found = config(text).document.plain()
    assert found["optimizer"] == {"name": "AdamW", "lr": 5e-5}
    assert found["scheduler"] == {"name": "hf-linear", "num_warmup_steps": 5}


def test_what_it_cannot_know_is_asked_for_at_once(refused: Any) -> None:
    assert refused(LORA) == (
        "args.yaml: the file does not say --dataset-size (samples in the training set) and --world-size (devices that "
        "train together)\n       for example: lrviz plot args.yaml --dataset-size 50000 --world-size 8"
    )


@pytest.mark.parametrize(
    ("kwargs", "stable", "decay"),
    [
        ("", 62, 124),  # of 207 - 21 steps
        ("lr_scheduler_kwargs: {num_stable_steps: 100}\n", 100, 124),
        ("lr_scheduler_kwargs: {num_decay_steps: 50, decay_type: linear}\n", 62, 50),
    ],
)
def test_the_lengths_that_it_fills_in(config: Any, document: Any, kwargs: str, stable: int, decay: int) -> None:
    experiment = config(LORA.replace("cosine", "warmup_stable_decay") + kwargs, **SAID)
    assert document(experiment)["scheduler"]["name"] == "hf-warmup-stable-decay"
    spec = experiment.scheduler
    assert (spec.num_warmup_steps, spec.num_stable_steps, spec.num_decay_steps) == (21, stable, decay)


def test_the_newer_layout_is_constant(config: Any, document: Any) -> None:
    assert document(config(V1)) == {
        "run": {"steps": 10},
        "optimizer": {"name": "AdamW", "lr": 1e-4},
        "scheduler": {"name": "hf-constant"},
    }


def test_the_newer_layout_counts_by_the_lengths_of_samples(config: Any, refused: Any) -> None:
    text = V1.replace("max_steps: 10", "num_train_epochs: 2")
    assert refused(text).startswith("args.yaml: the file does not say --steps-per-epoch (optimizer steps in one epoch;")
    assert config(text, steps_per_epoch=50).run.clock.steps == 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            V1 + "lr_scheduler_config: {name: mine}\n",
            "args.yaml:10: lr_scheduler_config: names a plugin of one's own, whose learning rates only it knows",
        ),
        (V1.replace("10", "soon"), "args.yaml:9: max_steps: must be a number, not 'soon'"),
        (
            LORA + "streaming: true\n",
            "args.yaml:18: streaming: needs max_steps: the length of streamed data is not known",
        ),
        (
            LORA.replace("cosine", "cosine_min_lr"),
            "args.yaml:15: lr_scheduler_type: unknown 'cosine_min_lr'; did you mean 'cosine_with_min_lr'?",
        ),
        (LORA + "warmup_steps: many\n", "args.yaml:18: warmup_steps: must be a number, not 'many'"),
        (
            LORA + "lr_scheduler_kwargs: {min_lr: 0}\n",
            "args.yaml:18: lr_scheduler_kwargs.min_lr: cosine has no min_lr; it has num_cycles",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_line(refused: Any, text: str, message: str) -> None:
    assert message in refused(text, **SAID).splitlines()
