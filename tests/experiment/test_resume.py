"""Where a run goes on from a checkpoint, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

import lrviz
from lrviz import Experiment, SpecError, resumed
from lrviz.experiment.resume import changes


def run(scheduler: Any = "cosine", optimizer: Any = None, **length: Any) -> Experiment:
    document = {"name": scheduler} if isinstance(scheduler, str) else scheduler
    clock = {"epochs": 4, "steps_per_epoch": 8, **length}
    return lrviz.load({"run": clock, "optimizer": optimizer or {}, "scheduler": document})


def refused(*arguments: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        resumed(*arguments)
    return [f"{problem.field}: {problem.message}" for problem in error.value.problems]


@pytest.mark.parametrize(("at", "step"), [(16, 16), ("16", 16), ("2ep", 16), ("1.5ep", 12), ("50%", 16), ("3%", 1)])
@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_the_checkpoint_is_counted_in_optimizer_steps(at: Any, step: int, interval: str) -> None:
    found = resumed(run(interval=interval), at).resume
    assert found is not None
    assert (found.step, found.mode) == (step, "load")


def test_the_run_that_goes_on_is_the_other_document() -> None:
    before, after = run(), run({"name": "exponential", "gamma": 0.9}, epochs=6)
    experiment = resumed(before, "2ep", "restart", after)
    assert (experiment.scheduler, experiment.run) == (after.scheduler, after.run)
    assert experiment.resume is not None
    assert experiment.resume.before == before


def test_a_seam_inside_an_epoch_is_a_change_too() -> None:
    by_epoch = run(interval="epoch")
    assert [resumed(by_epoch, at).stride for at in (16, 19)] == [8, 1]


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("2x", "at: must be a whole number >= 1, or a duration such as 2ep or 5%, not '2x'"),
        (0, "at: must be a whole number >= 1, not 0"),
        ("1.03ep", "at: 1.03ep of an epoch's 8 optimizer steps is 8.24, not a whole number; write the steps: 8 or 9"),
        (33, "at: 33 steps, and the run before it has 32"),
        (32, "at: 32 steps, and the run that goes on has 32: none is left to train; give it more epochs or steps"),
    ],
)
def test_a_checkpoint_that_is_never_written_is_refused(at: Any, message: str) -> None:
    assert refused(run(), at) == [message]


DIFFERENT = "before the checkpoint: their steps do not go on as one"


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (run(steps_per_epoch=9), f"after: run.steps_per_epoch is 9, and 8 {DIFFERENT}"),
        (run(interval="epoch"), f"after: run.interval is 'epoch', and 'step' {DIFFERENT}"),
        (run(framework="lightning", interval="step"), f"after: run.framework is 'lightning', and 'plain' {DIFFERENT}"),
        (run(optimizer={"name": "adamw"}), f"after: optimizer.name is 'AdamW', and 'SGD' {DIFFERENT}"),
        (
            run(optimizer={"groups": [{"name": "a"}, {"name": "b"}]}),
            "after: the checkpoint has 1 parameter group, and the run that goes on 2: torch refuses to load it",
        ),
    ],
)
def test_two_runs_that_do_not_fit_together_are_refused(after: Experiment, message: str) -> None:
    assert refused(run(), 16, "load", after) == [message]


@pytest.mark.parametrize(
    ("scheduler", "label"),
    [
        ({"name": "manual", "values": {0: 1, 8: 0.5}}, "Manual"),
        ({"name": "timm-plateau", "metric": "1"}, "PlateauLRScheduler"),
        ({"name": "rex"}, "rex"),
    ],
)
def test_a_scheduler_of_which_it_is_not_known_what_it_loads_is_refused(scheduler: Any, label: str) -> None:
    assert refused(run(scheduler), 16) == [f"at: lrviz does not know what {label} loads from a checkpoint"]


def test_restart_is_refused_for_what_is_told_the_step() -> None:
    message = "restart is not shown for CosineLRScheduler, which the training loop tells the step"
    assert refused(run("timm-cosine"), 16, "restart") == [f"mode: {message}"]


@pytest.mark.parametrize("framework", ["timm", "mmengine", "ultralytics"])
def test_a_loop_of_which_it_is_not_known_how_it_goes_on_is_refused(framework: str) -> None:
    before = run(framework=framework, interval="step")
    assert refused(before, 16) == [f"at: lrviz does not know how {before.run.loop.label} goes on from a checkpoint"]


def test_a_framework_loads_both_states_and_makes_no_other_mistake() -> None:
    before = run("hf-cosine", framework="transformers")
    assert resumed(before, 16).resume is not None
    message = "restart is for a training loop of one's own; transformers loads the scheduler's state"
    assert refused(before, 16, "restart") == [f"mode: {message}"]


@pytest.mark.parametrize(
    ("scheduler", "label"),
    [
        (
            {"name": "sequential", "schedulers": [{"name": "linear"}, {"name": "cosine"}], "milestones": [8]},
            "SequentialLR",
        ),
        ({"name": "chained", "schedulers": [{"name": "linear"}]}, "ChainedScheduler"),
        ({"name": "plateau", "metric": "1"}, "ReduceLROnPlateau"),
        ({"name": "deepspeed-warmup"}, "WarmupLR"),
    ],
)
def test_last_epoch_is_refused_for_what_cannot_go_on_with_it(scheduler: Any, label: str) -> None:
    message = f"mode: {label} cannot be constructed to go on with last_epoch; load its state"
    assert refused(run(scheduler), 16, "last-epoch") == [message]


def test_an_unknown_mode_is_refused() -> None:
    assert refused(run(), 16, "relod") == [
        "mode: must be one of load, restart, last-epoch, not 'relod'; did you mean 'load'?"
    ]


def test_a_second_checkpoint_is_refused() -> None:
    assert refused(resumed(run(), 16), 20) == ["at: the run goes on from a checkpoint already"]


def test_metrics_that_end_before_the_checkpoint_are_refused() -> None:
    before = run({"name": "plateau", "metric": [1.0] * 31})
    longer = run({"name": "plateau", "metric": [1.0] * 47}, epochs=6)
    message = "at: until then the scheduler is stepped 32 times, and its metric has 31 values"
    assert refused(before, 32, "load", longer) == [message]


def test_metrics_at_other_steps_are_refused() -> None:
    before, after = (run({"name": "hf-reduce-lr-on-plateau", "metric": "1", "eval_steps": every}) for every in (4, 8))
    message = f"after: the count of steps between two metrics is 8, and 4 {DIFFERENT}"
    assert refused(before, 16, "load", after) == [message]


def test_a_toy_loss_is_refused() -> None:
    message = "at: a plateau that watches the toy loss cannot be resumed; give it a metric"
    assert refused(run({"name": "plateau", "metric": "train"}), 16) == [message]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (run(), []),
        (run(epochs=6), ["run.epochs=6"]),
        (run({"name": "cosine", "T_max": 40}, {"lr": 0.1}), ["optimizer.lr=0.1", "scheduler.T_max=40"]),
        (run({"name": "step", "step_size": 3}), ["scheduler.name=step", "scheduler.step_size=3"]),
    ],
)
def test_what_was_changed_is_said_as_set_takes_it(after: Experiment, words: list[str]) -> None:
    assert changes(resumed(run(), 16, "load", after)) == words


def test_what_was_left_out_is_said() -> None:
    before = run({"name": "cosine", "eta_min": 1e-4})
    assert changes(resumed(before, 16, "load", run())) == ["scheduler.eta_min unset"]
