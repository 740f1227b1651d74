"""The training clock: what a run's numbers come to, and which of them contradict each other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from torch.utils.data import DataLoader, DistributedSampler

import lrviz
from lrviz.errors import SpecError
from lrviz.experiment.clock import MAX_STEPS, Run
from lrviz.experiment.record import arg_types

IMAGES = {"dataset_size": 50_000, "batch_size": 128, "grad_accum": 4, "world_size": 8, "epochs": 90}


def problems(**given: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        Run(**given)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("given", "steps", "per_epoch", "epochs"),
    [
        ({}, 32, 8, 4),
        ({"epochs": 2}, 16, 8, 2),
        ({"steps_per_epoch": 100}, 400, 100, 4),
        ({"steps": 100}, 100, None, None),
        ({"steps": 100, "epochs": 4}, 100, 25, 4),
        ({"steps": 100, "steps_per_epoch": 30}, 100, 30, 4),
        ({"steps": 120, "steps_per_epoch": 30, "epochs": 4}, 120, 30, 4),
        ({"dataset_size": 1000, "batch_size": 64}, 64, 16, 4),
        ({"dataset_size": 1000, "batch_size": 64, "steps": 20}, 20, 16, 2),
        ({"dataset_size": 1000, "batch_size": 64, "steps_per_epoch": 16}, 64, 16, 4),
    ],
)
def test_lengths(given: Any, steps: int, per_epoch: int | None, epochs: int | None) -> None:
    clock = Run(**given).clock
    assert (clock.steps, clock.steps_per_epoch, clock.epochs) == (steps, per_epoch, epochs)


@pytest.mark.parametrize(
    ("framework", "drop_last", "batches", "per_epoch", "steps", "scheduler_steps", "samples"),
    [
        ("plain", False, 49, 12, 1080, 1080, 4_500_000),
        ("plain", True, 48, 12, 1080, 1080, 4_423_680),
        ("accelerate", False, 49, 13, 1170, 9360, 4_515_840),
        ("accelerate", True, 48, 12, 1080, 8640, 4_423_680),
        ("lightning", False, 49, 13, 1170, 90, 4_500_000),
        ("lightning", True, 48, 12, 1080, 90, 4_423_680),
    ],
)
def test_eight_devices_accumulating(
    framework: str, drop_last: bool, batches: int, per_epoch: int, steps: int, scheduler_steps: int, samples: int
) -> None:
    clock = Run(**IMAGES, framework=framework, drop_last=drop_last).clock
    assert clock.batches_per_epoch == batches
    assert clock.steps_per_epoch == per_epoch
    assert clock.steps == steps
    assert clock.scheduler_steps == scheduler_steps
    assert clock.samples == samples


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("devices", [1, 3, 8])
@pytest.mark.parametrize("size", [64, 1000, 1001, 1024])
def test_batches_are_those_of_torch(size: int, devices: int, drop_last: bool) -> None:
    data: Any = range(size)
    sampler: Any = DistributedSampler(data, num_replicas=devices, rank=0)
    loader: Any = DataLoader(data, batch_size=8, sampler=sampler, drop_last=drop_last)
    clock = Run(dataset_size=size, batch_size=8, world_size=devices, drop_last=drop_last).clock
    assert clock.batches_per_epoch == len(loader)
    assert clock.samples == 4 * sum(len(batch) for batch in loader) * devices


def loaded(run: Run) -> int:
    """Count what a loop loads on all devices until the last optimizer step, after which it stops."""
    data: Any = range(run.dataset_size or 0)
    sampler: Any = DistributedSampler(data, num_replicas=run.world_size, rank=0)
    loader: Any = DataLoader(data, batch_size=run.batch_size, sampler=sampler, drop_last=run.drop_last)
    samples = updates = 0
    while True:
        for number, batch in enumerate(loader, start=1):
            samples += len(batch) * run.world_size
            if number % run.grad_accum == 0 or (run.framework != "plain" and number == len(loader)):
                updates += 1
                if updates == run.steps:
                    return samples


@pytest.mark.parametrize("steps", [1, 2, 6, 7])
@pytest.mark.parametrize("accum", [1, 3, 5])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [95, 104])
@pytest.mark.parametrize(("framework", "devices"), [("plain", 1), ("plain", 2), ("accelerate", 1), ("lightning", 2)])
def test_a_run_of_so_many_steps_loads_nothing_after_the_last(
    framework: str, devices: int, size: int, drop_last: bool, accum: int, steps: int
) -> None:
    run = Run(
        dataset_size=devices * size,
        batch_size=19,
        drop_last=drop_last,
        grad_accum=accum,
        world_size=devices,
        framework=framework,
        interval="step",
        steps=steps,
    )
    assert run.clock.samples == loaded(run)


def test_a_run_of_so_many_epochs_loads_all_of_each() -> None:
    given: Any = {"dataset_size": 104, "batch_size": 19, "drop_last": True, "grad_accum": 3}
    assert Run(**given, epochs=6).clock.samples == Run(**given, epochs=6, steps=6).clock.samples == 570
    assert Run(**given, steps=6).clock.samples == 532


@pytest.mark.parametrize(
    ("given", "batches"),
    [
        ({"dataset_size": 1000, "batch_size": 64, "world_size": 3}, 6),  # 16 batches, in turn, filled up to 18
        ({"dataset_size": 1000, "batch_size": 64, "world_size": 3, "drop_last": True}, 5),  # 15 whole ones
        ({"dataset_size": 1000, "batch_size": 64, "world_size": 4, "split_batches": True}, 16),
        ({"dataset_size": 1000, "batch_size": 64, "world_size": 4, "split_batches": True, "drop_last": True}, 15),
    ],
)
def test_accelerate_hands_out_whole_batches(given: Any, batches: int) -> None:
    assert Run(**given, framework="accelerate").clock.batches_per_epoch == batches


@pytest.mark.parametrize(
    ("given", "interval", "stride", "calls"),
    [
        ({}, "step", 1, 1),
        ({"interval": "epoch"}, "epoch", 8, 1),
        ({"framework": "lightning"}, "epoch", 8, 1),
        ({"framework": "lightning", "interval": "step"}, "step", 1, 1),
        ({"framework": "accelerate", "world_size": 8}, "step", 1, 8),
        ({"framework": "accelerate", "world_size": 8, "split_batches": True}, "step", 1, 1),
        ({"framework": "accelerate", "world_size": 8, "interval": "epoch"}, "epoch", 8, 8),
        ({"world_size": 8}, "step", 1, 1),
    ],
)
def test_how_a_framework_steps(given: Any, interval: str, stride: int, calls: int) -> None:
    clock = Run(**given).clock
    assert (clock.interval, clock.stride, clock.calls) == (interval, stride, calls)
    assert clock.scheduler_steps == 32 // stride * calls
    assert clock.scheduler_steps_per_epoch == 8 // stride * calls


def test_the_optimizer_step_of_a_scheduler_step() -> None:
    clock = Run(framework="accelerate", world_size=4, interval="epoch").clock
    assert [clock.step_of(step) for step in (0, 1, 4, 5, 8)] == [0, 8, 8, 16, 16]


@pytest.mark.parametrize(
    ("given", "remark"),
    [
        (
            {"dataset_size": 1000, "batch_size": 64},
            "16 batches an epoch: the last, partial one is kept (drop_last=false)",
        ),
        (
            {"dataset_size": 1000, "batch_size": 64, "drop_last": True},
            "15 batches an epoch: the last, partial one is dropped (drop_last=true)",
        ),
        ({"dataset_size": 1024, "batch_size": 64}, "16 batches an epoch: all of them full"),
        (
            {"dataset_size": 1001, "batch_size": 64, "world_size": 2},
            "501 samples on each of 2 devices, 1 of them repeated (DistributedSampler's equal shares)",
        ),
        (
            {"dataset_size": 1000, "batch_size": 64, "world_size": 3, "framework": "accelerate"},
            (
                "6 batches an epoch on each device: the last round of 3 batches, not full, is "
                "filled up with repeated samples (drop_last=false)"
            ),
        ),
        (
            {"dataset_size": 1000, "batch_size": 64, "grad_accum": 3},
            (
                "5 optimizer steps an epoch: 16 batches in groups of 3; the one left over makes "
                "no step in a plain loop (rounded down)"
            ),
        ),
        (
            {"dataset_size": 1000, "batch_size": 64, "grad_accum": 3, "framework": "lightning"},
            (
                "6 optimizer steps an epoch: 16 batches in groups of 3; the one left over makes "
                "one more, at the end of the epoch (rounded up)"
            ),
        ),
        (
            {"dataset_size": 1000, "batch_size": 64, "grad_accum": 4},
            "4 optimizer steps an epoch: 16 batches in groups of 4",
        ),
        ({"steps": 20, "steps_per_epoch": 8}, "the last of 3 epochs has 4 of its 8 steps"),
        (
            {"framework": "accelerate", "world_size": 8},
            "accelerate steps a prepared scheduler 8 times (world_size) where a loop steps it once",
        ),
        (
            {"framework": "accelerate", "world_size": 8, "split_batches": True},
            "accelerate steps the scheduler once an update: split_batches",
        ),
        ({"framework": "lightning"}, "the scheduler steps once an epoch, Lightning's default interval"),
    ],
)
def test_remarks_say_which_rounding(given: Any, remark: str) -> None:
    assert remark in Run(**given).clock.remarks


def test_nothing_to_remark_on_a_run_given_in_steps() -> None:
    assert Run().clock.remarks == ()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 100, "epochs": 3}, ["steps: 100 is no whole number of steps in each of 3 epochs"]),
        ({"steps": 3, "epochs": 5}, ["steps: 3 is no whole number of steps in each of 5 epochs"]),
        ({"drop_last": True}, ["drop_last: needs dataset_size and batch_size: without them no batch is the last"]),
        (
            {"steps": 100, "epochs": 4, "steps_per_epoch": 30},
            ["steps: 100 contradicts 4 epochs x 30 steps = 120; give two of the three"],
        ),
        (
            {"steps": 100, "epochs": 4, "dataset_size": 64, "batch_size": 8},
            ["steps: 100 contradicts 4 epochs x 8 steps = 32; give two of the three"],
        ),
        (
            {"steps_per_epoch": 9, "dataset_size": 64, "batch_size": 8},
            [
                (
                    "steps_per_epoch: 9 contradicts dataset_size and batch_size, which come to 8 an "
                    "epoch; give one or the other"
                )
            ],
        ),
        ({"dataset_size": 64}, ["batch_size: missing: dataset_size counts steps only with a batch_size"]),
        (
            {"dataset_size": 64, "batch_size": 100, "drop_last": True},
            ["batch_size: 64 samples never fill a batch of 100, and drop_last drops it"],
        ),
        (
            {"dataset_size": 64, "batch_size": 40, "drop_last": True, "world_size": 2},
            ["batch_size: 64 samples on 2 devices never fill a batch of 40, and drop_last drops it"],
        ),
        (
            {"dataset_size": 64, "batch_size": 8, "grad_accum": 9},
            ["grad_accum: an epoch has 8 batches, so 9 are never gathered for a step"],
        ),
        (
            {"steps": 100, "interval": "epoch"},
            ["interval: epoch needs epochs, and this run has none; give steps_per_epoch too, or interval: step"],
        ),
        (
            {"steps": 100, "framework": "lightning"},
            [
                (
                    "interval: epoch (Lightning's default interval) needs epochs, and this run has "
                    "none; give steps_per_epoch too, or interval: step"
                )
            ],
        ),
        ({"split_batches": True}, ["split_batches: only framework accelerate or transformers has split_batches"]),
        (
            {"framework": "accelerate", "split_batches": True, "world_size": 3, "dataset_size": 64, "batch_size": 8},
            ["batch_size: accelerate splits a batch into equal shares: 8 is not a multiple of the world_size of 3"],
        ),
        ({"steps": MAX_STEPS + 1}, ["steps: the run comes to 10,000,001 steps, more than the limit of 10,000,000"]),
        (
            {"epochs": 2, "steps_per_epoch": MAX_STEPS},
            ["epochs: the run comes to 20,000,000 steps, more than the limit of 10,000,000"],
        ),
        (
            {"epochs": 0, "world_size": 1.5},
            ["epochs: must be a whole number >= 1, not 0", "world_size: must be a whole number >= 1, not 1.5"],
        ),
    ],
)
def test_contradictions(given: Any, message: list[str]) -> None:
    assert problems(**given) == message


def test_all_contradictions_are_told_together() -> None:
    message = problems(split_batches=True, dataset_size=64, batch_size=8, grad_accum=9, steps=5, epochs=2)
    assert [line.partition(":")[0] for line in message] == ["split_batches", "grad_accum"]


def test_a_wrong_run_carries_no_cause() -> None:
    with pytest.raises(SpecError) as caught:
        Run(epochs=0, grad_accum=1.5)
    assert [problem.cause for problem in caught.value.problems] == ["", ""]


def test_the_limit_itself_is_allowed() -> None:
    assert Run(steps=MAX_STEPS).clock.steps == MAX_STEPS


def test_as_dict_is_json() -> None:
    known = json.loads(json.dumps(Run(**IMAGES).clock.as_dict()))
    assert known["steps"] == 1080
    assert known["scheduler_steps"] == 1080
    assert known["remarks"][-1].startswith("12 optimizer steps an epoch")


@pytest.mark.parametrize(
    "given", [{}, {"epochs": 2}, {"steps": 100}, {"steps_per_epoch": 5, "interval": "epoch"}, {"framework": "plain"}]
)
def test_there_is_nothing_to_tell_of_lengths_that_were_simply_given(given: Any) -> None:
    assert Run(**given).lines() == []


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (
            {"batch_size": 4, "world_size": 2},
            ["run: 4 epochs of 8 = 32 optimizer steps, 32 scheduler steps, 256 samples"],
        ),
        ({"steps": 100, "epochs": 4}, ["run: 4 epochs of 25 = 100 optimizer steps, 100 scheduler steps"]),
        ({"steps": 100, "grad_accum": 2}, ["run: 100 optimizer steps, 100 scheduler steps"]),
        (
            {"steps": 12, "steps_per_epoch": 8},
            [
                "run: 2 epochs of 8 = 12 optimizer steps, 12 scheduler steps",
                "     the last of 2 epochs has 4 of its 8 steps",
            ],
        ),
        (
            {"framework": "accelerate", "world_size": 4},
            [
                "run: 4 epochs of 8 = 32 optimizer steps, 128 scheduler steps",
                "     accelerate steps a prepared scheduler 4 times (world_size) where a loop steps it once",
            ],
        ),
    ],
)
def test_what_lengths_came_to_is_told(given: Any, lines: list[str]) -> None:
    assert Run(**given).lines() == lines


def test_help_can_show_the_defaults() -> None:
    texts = {name: kind.default_text for name, kind in arg_types(Run).items() if kind.default_text}
    assert (texts["epochs"], texts["steps_per_epoch"]) == ("4", "8")


def test_torchs_error_stops_a_run_whose_scheduler_is_stepped_often() -> None:
    run = {"epochs": 4, "steps_per_epoch": 8, "framework": "accelerate", "world_size": 4}
    schedulers = [
        {"name": "linear", "total_iters": 8},
        {"name": "onecycle", "max_lr": 0.1, "total_steps": 40, "cycle_momentum": False},
    ]
    experiment = lrviz.load(
        {"run": run, "scheduler": {"name": "sequential", "milestones": [8], "schedulers": schedulers}}
    )
    trace = lrviz.replay(experiment, partial=True)
    assert trace.failure is not None
    assert (trace.failure.step, trace.failure.kind) == (13, "ValueError")  # scheduler step 8 + 41 of 4 an update


def test_a_plateau_sees_its_metric_once_and_is_stepped_often() -> None:
    run = {"epochs": 4, "steps_per_epoch": 8, "interval": "epoch", "framework": "accelerate", "world_size": 3}
    scheduler = {"name": "plateau", "metric": [1.0, 1.0, 1.0], "patience": 3, "factor": 0.5}
    trace = lrviz.replay(lrviz.load({"run": run, "optimizer": {"lr": 1.0}, "scheduler": scheduler}))
    assert list(trace.metric or ()) == [1.0, 1.0, 1.0]
    assert list(trace.groups[0].lr)[::8] == [1.0, 1.0, 0.5, 0.25]


def test_swa_starts_at_a_scheduler_step() -> None:
    run = {"epochs": 4, "steps_per_epoch": 8, "framework": "accelerate", "world_size": 4}
    scheduler = {"name": "swa", "swa_lr": 0.1, "swa_start": "2ep", "anneal_epochs": 4, "anneal_strategy": "linear"}
    trace = lrviz.replay(lrviz.load({"run": run, "optimizer": {"lr": 1.0}, "scheduler": scheduler}))
    assert list(trace.groups[0].lr[:17]) == [1.0] * 17
    assert trace.groups[0].lr[17] < 1.0


@pytest.mark.parametrize(("given", "kept"), [("4.50", "4.50"), (4.44, "4.44"), (5, "5"), (5.0, "5.0")])
def test_a_library_may_be_named_with_its_version(given: Any, kept: str) -> None:
    assert Run(transformers=given).transformers == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (4.5, "transformers: may be 4.5 or 4.50: write it in quotes, '4.5' or '4.50'"),
        ("new", "transformers: must be a version such as 4.44 or '4.50', not 'new'"),
        (True, "transformers: must be a version such as 4.44 or '4.50', not True"),
    ],
)
def test_what_is_no_version_is_refused(given: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Run(transformers=given)
    assert str(caught.value) == message
