"""How each framework counts a run: held to what real trainings recorded, and in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.errors import SpecError
from lrviz.experiment.clock import Run
from lrviz.experiment.frameworks import FRAMEWORKS

RECORDINGS = Path(__file__).parents[1] / "recordings"
TRAINED = {path.stem: json.loads(path.read_text()) for path in sorted(RECORDINGS.glob("trainer*.json"))}
ALL = [
    pytest.param(case, recorded["transformers"], id=f"{name}-{number}")
    for name, recorded in TRAINED.items()
    for number, case in enumerate(recorded["cases"])
]
FAULTY = [each for each in ALL if each.values[0]["steps"] < each.values[0]["max_steps"]]
CASES = [each for each in ALL if each not in FAULTY]
DATA = {"dataset_size": 50, "batch_size": 4, "grad_accum": 3, "epochs": 3}


def problems(**given: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        Run(**given)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(("case", "version"), CASES)
def test_a_trainer_takes_so_many_steps(case: dict[str, Any], version: str) -> None:
    clock = Run(**case["run"], framework="transformers", transformers=version).clock
    assert (clock.steps, clock.scheduler_steps) == (case["steps"], len(case["lr"]))


@pytest.mark.parametrize(("case", "version"), FAULTY)
def test_a_trainer_that_does_not_train_so_long_is_refused(case: dict[str, Any], version: str) -> None:
    message = "transformers 4.46 to 4.51 loads 5 of an epoch's 6 batches where that is less than 8"
    refused = [f"grad_accum: {message}, and then seldom or never steps the optimizer"]
    assert problems(**case["run"], framework="transformers", transformers=version) == refused


@pytest.mark.parametrize(("case", "version"), CASES)
def test_a_trainer_trains_on_so_many_samples(case: dict[str, Any], version: str) -> None:
    run = Run(**case["run"], framework="transformers", transformers=version)
    rounds_up = tuple(map(int, version.split("."))) >= (4, 52)
    is_known = rounds_up or (run.clock.batches_per_epoch or 0) % run.grad_accum == 0
    assert run.clock.samples == (case["samples"] if is_known else None)


@pytest.mark.parametrize(
    ("framework", "given", "steps", "per_epoch", "scheduler_steps"),
    [
        ("plain", {}, 12, 4, 12),
        ("accelerate", {"world_size": 2}, 9, 3, 18),
        ("lightning", {}, 15, 5, 3),
        ("transformers", {}, 15, 5, 15),
        ("transformers", {"transformers": "4.52"}, 15, 5, 15),
        ("transformers", {"transformers": "4.51.3"}, 12, 4, 12),
        ("transformers", {"world_size": 2}, 9, 3, 9),
        ("transformers", {"epochs": 2.5}, 13, 5, 13),
        ("transformers", {"epochs": 0.1}, 1, 5, 1),
        ("transformers", {"epochs": 2.5, "interval": "epoch"}, 13, 5, 3),
        ("transformers", {"steps": 7}, 7, 5, 7),
        ("deepspeed", {}, 13, None, 13),
        ("deepspeed", {"epochs": 6}, 26, None, 26),
        ("deepspeed", {"grad_accum": 13}, 3, 1, 3),
        ("deepspeed", {"grad_accum": 39}, 1, None, 1),
        ("timm", {}, 12, 4, 3),
        ("timm", {"interval": "step"}, 12, 4, 12),
        ("timm", {"grad_accum": 5}, 9, 3, 3),
        ("mmengine", {}, 39, 13, 39),
        ("mmengine", {"interval": "epoch"}, 39, 13, 3),
        ("ultralytics", {"grad_accum": 1}, 39, 13, 39),
    ],
)
def test_three_epochs_of_fifty_samples(
    framework: str, given: dict[str, Any], steps: int, per_epoch: int | None, scheduler_steps: int
) -> None:
    clock = Run(**{**DATA, **given}, framework=framework).clock
    assert (clock.steps, clock.steps_per_epoch, clock.scheduler_steps) == (steps, per_epoch, scheduler_steps)


@pytest.mark.parametrize(
    ("framework", "given", "samples"),
    [
        ("transformers", {}, 150),
        ("transformers", {"epochs": 2.5}, 136),
        ("transformers", {"transformers": "4.51"}, None),
        ("deepspeed", {}, 150),
        ("deepspeed", {"steps": 5, "epochs": None}, 58),
        ("deepspeed", {"steps": 5, "epochs": None, "world_size": 2}, 108),
        ("timm", {}, 144),
        ("mmengine", {}, 150),
        ("mmengine", {"steps": 14, "epochs": None}, 54),
        ("megatron", {"steps": 14, "epochs": None, "dataset_size": None, "world_size": 2}, 336),
    ],
)
def test_samples_of_a_run(framework: str, given: dict[str, Any], samples: int | None) -> None:
    assert Run(**{**DATA, **given}, framework=framework).clock.samples == samples


@pytest.mark.parametrize(
    ("given", "optimizer_steps"),
    [
        ({"framework": "plain", "steps": 14}, 14),
        ({"framework": "mmengine", "steps": 14}, 14),
        ({"framework": "mmengine", "steps": 14, "grad_accum": 4}, 4),
        ({"framework": "ultralytics", "steps": 14}, None),
    ],
)
def test_how_many_steps_step_the_optimizer(given: Any, optimizer_steps: int | None) -> None:
    assert Run(**given).clock.optimizer_steps == optimizer_steps


def test_the_steps_of_a_trainer_win() -> None:
    clock = Run(framework="transformers", epochs=3, steps=7).clock
    assert (clock.steps, clock.steps_per_epoch, clock.epochs) == (7, None, None)


def test_deepspeed_finds_the_epochs_of_its_steps() -> None:
    clock = Run(**{**DATA, "epochs": None}, framework="deepspeed", steps=5).clock
    assert (clock.epochs, clock.epoch_of(4)) == (2, None)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_run_of_every_framework_has_lines(framework: str) -> None:
    lines = Run(framework=framework, steps=24, steps_per_epoch=None if framework == "megatron" else 8).lines()
    assert lines[0].startswith("run: ")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            {"framework": "transformers"},
            (
                "     5 optimizer steps an epoch: 13 batches in groups of 3; the one left over makes one more, "
                "at the end of the epoch (rounded up, as transformers does from 4.52)"
            ),
        ),
        (
            {"framework": "transformers", "transformers": "4.44"},
            (
                "     4 optimizer steps an epoch: 13 batches in groups of 3; the one left over is not counted "
                "(rounded down, as transformers does up to 4.51)"
            ),
        ),
        (
            {"framework": "transformers", "transformers": "4.44", "grad_accum": 20},
            (
                "     1 optimizer step an epoch: 13 batches in groups of 20, at least one (as transformers does up "
                "to 4.51)"
            ),
        ),
        ({"framework": "transformers", "epochs": 2.5}, "     2.5 epochs x 5 steps = 12.5, rounded up"),
        ({"framework": "transformers", "epochs": 2.5}, "     the last of 3 epochs has 3 of its 5 steps"),
        ({"framework": "transformers", "steps": 7}, "     steps (the Trainer's max_steps) win over epochs"),
        (
            {"framework": "transformers", "world_size": 2},
            "     the Trainer steps the scheduler once an update, however many devices there are",
        ),
        (
            {"framework": "transformers", "interval": "epoch"},
            "     the scheduler steps once an epoch, as the Trainer steps what watches a metric if it evaluates then",
        ),
        ({"framework": "deepspeed"}, "run: 3 epochs = 13 optimizer steps, 13 scheduler steps, 150 samples"),
        (
            {"framework": "deepspeed"},
            "     4.333 optimizer steps an epoch: 13 batches in groups of 3, which in DeepSpeed go on over its end",
        ),
        (
            {"framework": "deepspeed", "grad_accum": 13},
            "     1 optimizer step an epoch: 13 batches in groups of 13",
        ),
        (
            {"framework": "deepspeed", "world_size": 2},
            "     train_batch_size 24 = 4 x 3 accumulated x 2 devices",
        ),
        (
            {"framework": "timm"},
            "     12 batches an epoch: the last, partial one is dropped (always, by timm's training loader)",
        ),
        ({"framework": "timm"}, "     the scheduler steps once an epoch, timm's default interval"),
        ({"framework": "mmengine"}, "run: 3 epochs of 13 = 39 iterations, 39 scheduler steps, 150 samples"),
        (
            {"framework": "mmengine"},
            (
                "     13 optimizer steps, one in 3 iterations; a step is an iteration here, as mmengine's schedulers "
                "count"
            ),
        ),
        (
            {"framework": "megatron", "steps": 5, "epochs": None, "dataset_size": None},
            "     global_batch_size 12 = 4 x 3 accumulated x 1 device",
        ),
        (
            {"framework": "ultralytics", "grad_accum": 1},
            "     a step is a batch; after the warmup one in 16 steps the optimizer (nbs 64 / batch 4)",
        ),
        (
            {"framework": "ultralytics", "grad_accum": 1, "batch_size": 32, "world_size": 2},
            "     a step is a batch; each of them steps the optimizer (nbs 64 / batch 64)",
        ),
    ],
)
def test_it_is_told_how_a_framework_counts(given: dict[str, Any], line: str) -> None:
    assert line in Run(**{**DATA, **given}).lines()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"epochs": 2.5},
            ["epochs: must be a whole number >= 1, not 2.5: only framework transformers trains a part of one"],
        ),
        (
            {"framework": "deepspeed", "interval": "epoch"},
            ["interval: must be step: DeepSpeed steps its scheduler after every optimizer step"],
        ),
        (
            {"framework": "deepspeed", "dataset_size": 8, "batch_size": 4, "grad_accum": 30},
            ["grad_accum: the run has 8 batches, so 30 are never gathered for a step"],
        ),
        (
            {**DATA, "framework": "deepspeed", "steps_per_epoch": 4},
            [
                (
                    "steps_per_epoch: 4 contradicts dataset_size and batch_size, which come to 4.333 an epoch; give "
                    "one or the other"
                )
            ],
        ),
        (
            {**DATA, "framework": "deepspeed", "steps": 12},
            ["steps: 12 contradicts 3 epochs = 13; give two of the three"],
        ),
        (
            {"framework": "timm", "dataset_size": 5, "batch_size": 8},
            ["batch_size: 5 samples never fill a batch of 8, and timm drops it"],
        ),
        (
            {"framework": "timm", "split_batches": True},
            ["split_batches: only framework accelerate or transformers has split_batches"],
        ),
        (
            {"framework": "megatron", "epochs": 2},
            [
                "epochs: does not go with framework megatron: Megatron counts iterations, not epochs",
                "steps: missing: Megatron has no epochs; give its train_iters",
            ],
        ),
        (
            {"framework": "megatron", "epochs": 2, "steps": 300},
            ["epochs: does not go with framework megatron: Megatron counts iterations, not epochs"],
        ),
        (
            {"framework": "ultralytics", "grad_accum": 4},
            [
                (
                    "grad_accum: does not go with framework ultralytics: Ultralytics accumulates round(nbs / batch) "
                    "batches by itself"
                )
            ],
        ),
    ],
)
def test_what_a_framework_does_not_have(given: dict[str, Any], message: list[str]) -> None:
    assert problems(**given) == message


def test_a_trainer_steps_only_what_watches_a_metric_once_an_epoch() -> None:
    run = {"framework": "transformers", "interval": "epoch"}
    plateau = {"name": "hf-reduce-lr-on-plateau", "metric": "1 / (1 + epoch)"}
    assert lrviz.load({"run": run, "scheduler": plateau}).run.clock.scheduler_steps == 4
    with pytest.raises(SpecError) as caught:
        lrviz.load({"run": run, "scheduler": {"name": "hf-linear"}})
    message = "transformers steps hf-linear after every optimizer step; once an epoch only what watches a metric"
    assert str(caught.value) == f"run.interval: {message}"


@pytest.mark.parametrize("value", ["2ep", "0.5ep"])
def test_no_epochs_to_count_in_where_accumulation_goes_on_over_their_ends(value: str) -> None:
    with pytest.raises(SpecError) as caught:
        lrviz.load({"run": {**DATA, "framework": "deepspeed"}, "scheduler": {"name": "step", "step_size": value}})
    assert str(caught.value) == (
        f"scheduler.step_size: {value} is in epochs, and the run has none: accumulation goes on over their ends, so "
        "that they are no whole number of steps"
    )


def test_what_was_recorded_is_what_the_trainer_does(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    cases = TRAINED["trainer"]["cases"]
    again = range(0, len(cases), 11)
    numbers = ",".join(map(str, again))
    script = [sys.executable, RECORDINGS / "record_trainer.py", "--only", numbers, "--to", tmp_path / "again.json"]
    subprocess.run(script, check=True)
    assert json.loads((tmp_path / "again.json").read_text())["cases"] == [cases[number] for number in again]
