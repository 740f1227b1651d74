"""DeepSpeed's JSON, alone and with the Trainer's arguments that fill it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.errors import SpecError

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "deepspeed-auto.json").read_text())
AUTO = {
    "bf16": {"enabled": "auto"},
    "optimizer": {"type": "AdamW", "params": {"lr": "auto", "betas": "auto", "weight_decay": "auto"}},
    "scheduler": {
        "type": "WarmupCosineLR",
        "params": {"total_num_steps": "auto", "warmup_min_ratio": 0.03, "warmup_num_steps": "auto"},
    },
    "zero_optimization": {"stage": 2},
    "gradient_accumulation_steps": "auto",
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
}
FIXED = {
    "fp16": {"enabled": True},
    "zero_optimization": {"stage": 3},
    "optimizer": {"type": "AdamW", "params": {"lr": 3e-5, "betas": [0.8, 0.999], "eps": 1e-8, "weight_decay": 3e-7}},
    "scheduler": {
        "type": "WarmupLR",
        "params": {"warmup_min_lr": 0, "warmup_max_lr": 3e-5, "warmup_num_steps": 500, "warmup_type": "linear"},
    },
}
ARGUMENTS = """\
output_dir: out
learning_rate: 2.0e-5
max_steps: 1000
warmup_steps: 0.0301
per_device_train_batch_size: 4
"""

BATCHES = {"train_micro_batch_size_per_gpu": 5, "gradient_accumulation_steps": 2, "fp16": {}, "steps_per_print": 1}


def scheduled(kind: str, **params: Any) -> str:
    """Return a config with another scheduler, a line to each key."""
    return json.dumps({**FIXED, "scheduler": {"type": kind, "params": params}}, indent=2)


def filled(**changed: Any) -> str:
    """Return the config full of auto, with other keys."""
    return json.dumps({**AUTO, **changed})


@pytest.fixture
def pair(config: Any) -> Any:
    """Return a function that reads arguments which name a DeepSpeed config in a folder below."""

    def read(content: str, arguments: str = ARGUMENTS, **said: Any) -> Any:
        Path("ds").mkdir(exist_ok=True)
        Path("ds/zero.json").write_text(content)
        return config(arguments + "deepspeed: ds/zero.json\n", **said)

    return read


def test_a_file_of_numbers(config: Any, document: Any, traps: Any) -> None:
    experiment = config(json.dumps(FIXED, indent=2), "ds.json", steps=1000)
    assert document(experiment) == {
        "run": {"framework": "deepspeed", "steps": 1000},
        "optimizer": {"name": "AdamW", "lr": 3e-5, "betas": [0.8, 0.999], "weight_decay": 3e-7},
        "scheduler": {"name": "deepspeed-warmup", **FIXED["scheduler"]["params"]},
    }
    assert traps(experiment) == []
    assert ("optimizer.params.lr", "3e-05", "ds.json:11") in {each[:3] for each in experiment.origin.read}


def test_what_it_cannot_know_is_asked_for_at_once(refused: Any) -> None:
    text = filled(scheduler={"type": "WarmupLR", "params": {"warmup_max_lr": "auto", "warmup_num_steps": 0}})
    assert refused(text, "ds.json") == (
        "ds.json: the file does not say --lr (the learning rate) and --steps (optimizer steps of the whole run)\n"
        "       for example: lrviz plot ds.json --lr 1e-4 --steps 10000"
    )


def test_a_logarithm_that_nobody_asked_for(config: Any, traps: Any) -> None:
    text = scheduled("WarmupDecayLR", total_num_steps=100, warmup_num_steps=10)
    assert traps(config(text, "ds.json")) == [("log-warmup-default", "ds.json:21")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            scheduled("WarmupLR", warmup_steps=5),
            "ds.json:23: scheduler.params.warmup_steps: WarmupLR has no warmup_steps",
        ),
        (scheduled("WarmUpLR"), "ds.json:21: scheduler.type: unknown 'WarmUpLR'; did you mean 'WarmupLR'?"),
        (
            scheduled("WarmupLR", warmup_type="auto"),
            (
                "ds.json:23: scheduler.params.warmup_type: the Trainer does not fill warmup_type: WarmupLR would get "
                "the text 'auto'"
            ),
        ),
        (
            scheduled("WarmupLR", warmup_num_steps="auto"),
            (
                "ds.json:23: scheduler.params.warmup_num_steps: auto: the Trainer's warmup steps; --beside FILE names "
                "its arguments"
            ),
        ),
        (
            json.dumps({"zero_optimization": {"stage": 2}, "train_batch_size": 8}),
            "ds.json: scheduler: the file has none: the Trainer's own decides; --beside FILE names its arguments",
        ),
        ('{"fp16": {}, "bf16": {}', "ds.json:2: not valid JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(refused: Any, text: str, message: str) -> None:
    assert refused(text, "ds.json", steps=1000).startswith(message)


def test_the_trainer_fills_auto(pair: Any, document: Any) -> None:
    experiment = pair(filled())
    assert document(experiment) == {
        "run": {"framework": "transformers", "steps": 1000},
        "optimizer": {"name": "AdamW", "lr": 2e-5},
        "scheduler": {
            "name": "deepspeed-warmup-cosine",
            "total_num_steps": 1000,
            "warmup_min_ratio": 0.03,
            "warmup_num_steps": 31,
        },
    }


@pytest.mark.parametrize(("arguments", "config", "params", "mismatches"), RECORDED["cases"])
def test_it_is_filled_and_refused_as_the_trainer_does(
    arguments: Any, config: Any, params: Any, mismatches: Any
) -> None:
    """As transformers' own class, recorded."""
    trainer = {"learning_rate": RECORDED["lr"], "max_steps": RECORDED["steps"], **arguments, "deepspeed": config}
    if mismatches:
        with pytest.raises(SpecError) as error:
            lrviz.load(trainer, world_size=1)
        assert [problem.field for problem in error.value.problems] == mismatches
    else:
        found = lrviz.load(trainer, world_size=1).document
        assert found is not None
        scheduler = found.plain()["scheduler"]
        assert {key: value for key, value in scheduler.items() if key in (params or {})} == (params or {})


def test_either_file_may_be_beside_the_other(config: Any) -> None:
    Path("args.yaml").write_text(ARGUMENTS)
    first = config(filled(), "ds.json", beside="args.yaml")
    second = lrviz.load("args.yaml", beside="ds.json")
    assert first.scheduler == second.scheduler
    assert first.scheduler.warmup_num_steps == 31


def test_the_length_of_the_run_may_need_the_data(pair: Any) -> None:
    arguments = ARGUMENTS.replace("max_steps: 1000", "num_train_epochs: 2")
    with pytest.raises(SpecError, match="--dataset-size 50000 --world-size 8"):
        pair(filled(), arguments)
    experiment = pair(filled(), arguments, dataset_size=1000, world_size=2)
    assert (experiment.scheduler.total_num_steps, experiment.scheduler.warmup_num_steps) == (250, 8)


def test_a_run_without_a_warmup_has_one_step_of_it(pair: Any) -> None:
    """As transformers 5.23 fills it, because DeepSpeed refuses 0."""
    assert pair(filled(), ARGUMENTS.replace("0.0301", "0")).scheduler.warmup_num_steps == 1


def test_the_block_overrides_the_arguments(pair: Any, traps: Any) -> None:
    block = {"type": "WarmupLR", "params": {"warmup_num_steps": 31, "warmup_type": "linear"}}
    arguments = ARGUMENTS + "lr_scheduler_type: cosine\nlr_scheduler_kwargs: {num_cycles: 1.0}\n"
    experiment = pair(filled(scheduler=block), arguments)
    assert experiment.scheduler.name == "deepspeed-warmup"
    rule = "scheduler-block-overrides"
    assert traps(experiment) == [(rule, "args.yaml:6"), (rule, "args.yaml:7")]


def test_without_a_scheduler_block_the_trainers_runs(pair: Any, traps: Any) -> None:
    without = {key: value for key, value in AUTO.items() if key != "scheduler"}
    experiment = pair(json.dumps(without), ARGUMENTS + "lr_scheduler_type: cosine\n")
    assert (experiment.scheduler.name, traps(experiment)) == ("hf-cosine", [])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"train_micro_batch_size_per_gpu": 2},
            (
                "train_micro_batch_size_per_gpu: 2 contradicts per_device_train_batch_size of the Trainer, 4, which "
                'stops with an error; write "auto"'
            ),
        ),
        ({"train_batch_size": 32}, "train_batch_size: 32 contradicts train_batch_size of the Trainer, 8, "),
        (
            {"optimizer": {"type": "AdamW", "params": {"betas": [0.8, 0.999]}}},
            "optimizer.params.betas: [0.8, 0.999] contradicts betas of the Trainer, [0.9, 0.999], ",
        ),
        ({"gradient_accumulation_steps": 2}, "gradient_accumulation_steps: 2 contradicts "),
        (
            {"optimizer": {"type": "AdamW", "params": {"lr": 1e-3}}},
            "optimizer.params.lr: 0.001 contradicts learning_rate of the Trainer, 2e-05, ",
        ),
        (
            {"scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": 500}}},
            "scheduler.params.warmup_num_steps: 500 contradicts warmup_steps of the Trainer, 31, ",
        ),
        (
            {"scheduler": {"type": "WarmupDecayLR", "params": {"total_num_steps": 500}}},
            "scheduler.params.total_num_steps: 500 contradicts max_steps of the Trainer, 1000, ",
        ),
    ],
)
def test_numbers_that_contradict_the_arguments(pair: Any, changed: Any, message: str) -> None:
    with pytest.raises(SpecError) as error:
        pair(filled(**changed), world_size=2)
    assert str(error.value).startswith(f"ds/zero.json:1: {message}")


@pytest.mark.parametrize("named", ["../zero.json", "missing.json", "/etc/hostname", "ds", "zero2", '"\\0.json"'])
def test_only_a_json_of_the_folder_is_read(config: Any, tmp_path: Path, named: str) -> None:
    (tmp_path.parent / "zero.json").write_text(filled())
    experiment = config(f"{ARGUMENTS}deepspeed: {named}\n")
    why = "no such JSON in the config's folder or below; --beside FILE reads it"
    assert ("deepspeed", why) in experiment.origin.ignored
    assert experiment.scheduler.name == "hf-linear"


def test_what_fills_auto_may_be_wrong_itself(pair: Any) -> None:
    block = {"type": "WarmupLR", "params": {"warmup_max_lr": "auto"}}
    with pytest.raises(SpecError, match=r"^args\.yaml:2: learning_rate: must be a number >= 0"):
        pair(filled(scheduler=block), ARGUMENTS.replace("2.0e-5", "[1]"))


def test_a_broken_file_beside_is_refused_by_its_own_name(pair: Any) -> None:
    with pytest.raises(SpecError, match=r"^ds/zero\.json:1: not valid JSON"):
        pair('{"scheduler": [}')


@pytest.mark.parametrize(("text", "other"), [(ARGUMENTS, ARGUMENTS), (json.dumps(FIXED), json.dumps(FIXED))])
def test_two_files_that_are_no_pair(refused: Any, tmp_path: Path, text: str, other: str) -> None:
    (tmp_path / "other.yaml").write_text(other)
    assert refused(text, beside="other.yaml") == (
        "--beside: one of the two files must be a DeepSpeed JSON, and the other the arguments of a trainer that takes "
        "it"
    )


def test_a_document_of_its_own_takes_no_other(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(ARGUMENTS)
    message = "--beside: is for a trainer's config; this is a document of lrviz's"
    assert refused("scheduler: {name: cosine}\n", beside="other.yaml") == message


def test_an_epoch_is_counted_from_its_own_batch(config: Any) -> None:
    text = json.dumps({**BATCHES, "scheduler": {"type": "WarmupLR", "params": {"warmup_type": "linear"}}})
    clock = config(text, "ds.json", lr=1e-3, epochs=3, dataset_size=1000, world_size=2).run.clock
    assert (clock.steps, clock.steps_per_epoch) == (3 * 1000 // (5 * 2 * 2), 50)


@pytest.mark.parametrize("block", ["scheduler", "scheduler.params", "optimizer"])
def test_a_block_is_a_mapping(refused: Any, block: str) -> None:
    text = {**BATCHES, "optimizer": {"type": "Adam"}, "scheduler": {"type": "WarmupLR", "params": {}}}
    text |= {"scheduler": {"type": "WarmupLR", "params": [1]}} if "." in block else {block: [1]}
    assert f"{block}: must be a mapping of keys, not [1]" in refused(json.dumps(text), "ds.json", lr=1, steps=10)
