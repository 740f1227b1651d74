"""axolotl's YAML; how it counts steps is held to what the package itself counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "axolotl.json").read_text())
LORA = """\
base_model: some/model
load_in_8bit: true
datasets:
  - path: some/data
    type: alpaca
val_set_size: 0.05
sequence_len: 4096
sample_packing: false
adapter: lora
wandb_project:
gradient_accumulation_steps: 4
micro_batch_size: 2
num_epochs: 4
optimizer: adamw_bnb_8bit
lr_scheduler: cosine
learning_rate: 2e-4
warmup_ratio: 0.1
weight_decay: 0.0
"""
SAID = {"dataset_size": 1900, "world_size": 2}
STEPS = "base_model: some/model\nlearning_rate: 1e-4\nmax_steps: 1000\nmicro_batch_size: 1\nwarmup_steps: 100\n"


def plain(experiment: Any) -> Any:
    return experiment.document.plain()


def test_a_config_of_the_examples(config: Any, document: Any, traps: Any) -> None:
    experiment = config(LORA, **SAID)
    assert document(experiment) == {
        "run": {"framework": "transformers", "steps": 475, "batch_size": 2, "grad_accum": 4, **SAID},
        "optimizer": {"name": "AdamW", "lr": 2e-4, "weight_decay": 0.0},
        "scheduler": {"name": "hf-cosine", "num_warmup_steps": 47},
    }
    assert traps(experiment) == []
    assert ("warmup_ratio", "0.1", "args.yaml:17") in {each[:3] for each in experiment.origin.read}


def test_what_it_cannot_know_is_asked_for_at_once(refused: Any) -> None:
    assert refused(LORA.replace("learning_rate: 2e-4\n", "")) == (
        "args.yaml: the file does not say --dataset-size (samples in the training set; without those that val_set_size "
        "takes) and --world-size (devices that train together) and --lr (the learning rate)\n"
        "       for example: lrviz plot args.yaml --dataset-size 50000 --world-size 8 --lr 1e-4"
    )


def test_packed_samples_need_the_steps(config: Any, refused: Any) -> None:
    packed = LORA.replace("sample_packing: false", "sample_packing: true")
    assert refused(packed, **SAID) == (
        "args.yaml: the file does not say --steps (optimizer steps of the whole run; sample_packing is on, and only "
        "axolotl knows how the samples pack: its log says it)\n"
        "       for example: lrviz plot args.yaml --dataset-size 1900 --world-size 2 --steps 10000"
    )
    experiment = config(packed, steps=700)
    assert (experiment.run.clock.steps, experiment.scheduler.num_warmup_steps) == (700, 70)


@pytest.mark.parametrize(("samples", "epochs", "batch", "steps"), RECORDED["steps"])
def test_the_steps_are_axolotls(config: Any, samples: int, epochs: float, batch: int, steps: int) -> None:
    text = LORA.replace("num_epochs: 4", f"num_epochs: {epochs}").replace("gradient_accumulation_steps: 4\n", "")
    text = text.replace("micro_batch_size: 2", f"micro_batch_size: {batch}")
    assert config(text, dataset_size=samples, world_size=1).run.clock.steps == steps


@pytest.mark.parametrize(("total", "given", "warmup"), RECORDED["warmups"])
def test_the_warmup_is_axolotls(total: int, given: dict[str, float], warmup: int) -> None:
    """Also the default, 3% and at most 100, and a warmup of one step, of which it makes two."""
    text = {"base_model": "some/model", "micro_batch_size": 1, "learning_rate": 1e-4, "lr_scheduler": "linear"}
    found = lrviz.load({**text, "max_steps": total, **given})
    assert plain(found)["scheduler"].get("num_warmup_steps", 0) == warmup


def test_the_warmup_is_a_share_of_the_shorter_of_both(config: Any) -> None:
    text = LORA + "max_steps: 1000\n"
    assert config(text, **SAID).scheduler.num_warmup_steps == 47  # of the 475 steps that the data have
    assert config(text).scheduler.num_warmup_steps == 100
    assert ("num_epochs", "max_steps, 1000, decides") in config(text).origin.ignored


@pytest.mark.parametrize(
    ("more", "scheduler"),
    [
        ("", {"name": "hf-cosine", "num_warmup_steps": 100}),
        ("lr_scheduler: linear\ncosine_min_lr_ratio: 0.1\n", {"name": "hf-linear", "num_warmup_steps": 100}),
        ("cosine_min_lr_ratio: 0\n", {"name": "hf-cosine", "num_warmup_steps": 100}),
        ("cosine_constant_lr_ratio: 0.8\n", {"name": "hf-cosine", "num_warmup_steps": 100}),
        (
            "cosine_min_lr_ratio: 0.1\n",
            {"name": "warmup-cosine", "preset": "axolotl", "min_lr": "0.1x", "warmup_steps": 100},
        ),
        (
            "cosine_min_lr_ratio: 0.1\ncosine_constant_lr_ratio: 0.8\n",
            {
                "name": "warmup-cosine",
                "preset": "axolotl-constant",
                "min_lr": "0.1x",
                "decay_until": 0.8,
                "warmup_steps": 100,
            },
        ),
        (
            "lr_quadratic_warmup: true\ncosine_min_lr_ratio: 0.1\n",
            {"name": "warmup-cosine", "preset": "axolotl-quadratic", "warmup_steps": 100},
        ),
        ("lr_scheduler: rex\n", {"name": "rex", "preset": "axolotl", "warmup_steps": 100}),
        (
            "lr_scheduler: rex\ncosine_min_lr_ratio: 0.01\n",
            {"name": "rex", "preset": "axolotl", "min_lr": "0.01x", "warmup_steps": 100},
        ),
        ("lr_scheduler: one_cycle\n", {"name": "onecycle", "max_lr": 1e-4, "pct_start": 0.1}),
        (
            "lr_scheduler: one_cycle\nlr_scheduler_kwargs: {pct_start: 0.3, div_factor: 10}\n",
            {"name": "onecycle", "max_lr": 1e-4, "pct_start": 0.3, "div_factor": 10},
        ),
        (
            "lr_scheduler: polynomial\nlr_scheduler_kwargs: {power: 2.0}\n",
            {"name": "hf-polynomial", "num_warmup_steps": 100, "power": 2.0},
        ),
    ],
)
def test_the_schedules(config: Any, document: Any, more: str, scheduler: Any) -> None:
    assert document(config(STEPS + more))["scheduler"] == scheduler


def test_a_warmup_that_the_schedule_ignores(config: Any, traps: Any) -> None:
    assert traps(config(STEPS + "lr_scheduler: constant\n")) == [("warmup-ignored", "args.yaml:5")]


def test_keys_that_are_not_the_schedules_are_named(config: Any) -> None:
    ignored = dict(
        config(STEPS + "loraplus_lr_ratio: 16\nlr_scheduler: linear\ncosine_min_lr_ratio: 0.1\n").origin.ignored
    )
    assert ignored["loraplus_lr_ratio"].startswith("it gives some parameters a learning rate of their own")
    assert ignored["cosine_min_lr_ratio"] == "it is for lr_scheduler: cosine, not linear"


def test_deepspeeds_scheduler_takes_the_place_of_its_own(config: Any) -> None:
    params = {"warmup_num_steps": "auto", "total_num_steps": "auto", "warmup_max_lr": "auto", "warmup_type": "linear"}
    Path("zero.json").write_text(json.dumps({"scheduler": {"type": "WarmupDecayLR", "params": params}}))
    found = plain(config(STEPS + "deepspeed: zero.json\n"))["scheduler"]
    assert found == {
        "name": "deepspeed-warmup-decay",
        "warmup_num_steps": 100,
        "total_num_steps": 1000,
        "warmup_max_lr": 1e-4,
        "warmup_type": "linear",
    }


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("lr_scheduler: cosin\n", "args.yaml:6: lr_scheduler: unknown 'cosin'; did you mean 'cosine'?"),
        (
            "warmup_ratio: 0.1\n",
            "args.yaml:6: warmup_ratio: contradicts warmup_steps: axolotl stops with an error; give one of the two",
        ),
        ("cosine_min_lr_ratio: 1.5\n", "args.yaml:6: cosine_min_lr_ratio: must be between 0 and 1, not 1.5"),
        (
            "jagged_restart_steps: 10\n",
            "args.yaml:6: jagged_restart_steps: restarts within a schedule are not replayed",
        ),
        (
            "lr_scheduler: one_cycle\nlr_scheduler_kwargs: {div_facto: 1}\n",
            "args.yaml:7: lr_scheduler_kwargs: OneCycleLR has no div_facto; did you mean 'div_factor'?",
        ),
        (
            "lr_scheduler: greedy\n",
            "args.yaml:6: lr_scheduler: greedy is stepped after evaluations: write eval_steps",
        ),
        ("num_epochs: many\n", "args.yaml:6: num_epochs: must be a number, not 'many'"),
        ("micro_batch_size: 2\n", "args.yaml:6: duplicate key 'micro_batch_size'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(refused: Any, more: str, message: str) -> None:
    said = {"metric": "0.9 ** step"} if "greedy" in more else {}
    assert message in refused(STEPS + more, **said).splitlines()


def test_a_share_is_no_count_of_steps(refused: Any) -> None:
    text = STEPS.replace("warmup_steps: 100", "warmup_steps: 0.1")
    assert refused(text) == "args.yaml:5: warmup_steps: must be a whole number >= 0, not 0.1: write warmup_ratio"


@pytest.mark.parametrize("key", ["micro_batch_size", "gradient_accumulation_steps", "batch_size"])
def test_a_batch_of_nothing_is_refused(refused: Any, key: str) -> None:
    text = f"base_model: a\ndatasets: [b]\nlearning_rate: 1e-4\n{key}: 0\n"
    assert f"args.yaml:4: {key}: must be a whole number >= 1, not 0" in refused(text, dataset_size=10, world_size=1)
