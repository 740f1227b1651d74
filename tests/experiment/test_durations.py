"""Durations: 500, 2ep, 5%, rest; and the warmup written short."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from lrviz.documents import load
from lrviz.errors import SpecError
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import (
    DEFAULT_START,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaWarmup,
    LinearLR,
    MultiStepLR,
    SchedulerSpec,
    SequentialLR,
    StepLR,
)
from lrviz.rules import CheckSettings

RUN = {"epochs": 10, "steps_per_epoch": 100}
COSINE = {"name": "cosine"}


def resolved(scheduler: Any, run: Any = RUN, **more: Any) -> SchedulerSpec:
    return load({"run": run, "scheduler": scheduler, **more}).resolved


def linear(length: Any) -> Any:
    return {"name": "linear", "start_factor": 0.1, "total_iters": length}


def sequence(milestones: list[Any], *schedulers: Any) -> Any:
    return {"name": "sequential", "milestones": milestones, "schedulers": list(schedulers)}


def problems(document: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(document)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "run", "count"),
    [
        (500, RUN, 500),
        ("500", RUN, 500),
        ("1_000", RUN, 1000),
        ("2ep", RUN, 200),
        ("2 ep", RUN, 200),
        ("0.5ep", RUN, 50),
        ("2.40ep", {"epochs": 10, "steps_per_epoch": 15}, 36),
        ("0.1ep", {"epochs": 10, "steps_per_epoch": 30}, 3),  # 0.1 x 30 is above 3 in floats
        ("1.1ep", {**RUN, "framework": "accelerate", "world_size": 10, "interval": "epoch"}, 11),
        ("5%", RUN, 50),
        ("100%", RUN, 1000),
        ("0.25%", RUN, 3),  # 2.5, halves up
        ("0.24%", RUN, 2),
        ("2ep", {**RUN, "interval": "epoch"}, 2),
        ("50%", {**RUN, "interval": "epoch"}, 5),
        ("1ep", {**RUN, "framework": "accelerate", "world_size": 8}, 800),
        ("50%", {**RUN, "framework": "accelerate", "world_size": 8}, 4000),
        ("1ep", {**RUN, "framework": "accelerate", "world_size": 8, "interval": "epoch"}, 8),
        ("1ep", {"dataset_size": 1000, "batch_size": 64, "grad_accum": 3}, 5),
    ],
)
def test_counts(text: Any, run: Any, count: int) -> None:
    assert resolved({"name": "step", "step_size": text}, run) == StepLR(step_size=count)


def test_milestones() -> None:
    assert resolved({"name": "multistep", "milestones": ["3ep", "60%", 800]}) == MultiStepLR(milestones=(300, 600, 800))


def test_rates_by_hand() -> None:
    scheduler = load(
        {"run": RUN, "scheduler": {"name": "manual", "values": {0: 0.1, "50%": 0.01, "9ep": 0.001}}}
    ).scheduler
    assert scheduler.values == ((0, 0.1), (500, 0.01), (900, 0.001))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("milestones", "schedulers", "wanted", "lengths"),
    [
        (["5%"], [linear("5%"), {"name": "cosine", "T_max": "rest"}], (50,), (50, 950)),
        ([50], [linear("rest"), COSINE], (50,), (50, 950)),
        ([50, 800], [linear(50), linear("rest"), linear(200)], (50, 800), (50, 750, 200)),
        (["5%", "rest"], [linear("5%"), linear(1), linear("20%")], (50, 800), (50, 1, 200)),
        (["rest"], [linear(9), linear("1ep")], (900,), (9, 100)),
        (["rest", 900], [linear(9), linear("2ep"), COSINE], (700, 900), (9, 200, 100)),
    ],
)
def test_rest(milestones: Any, schedulers: Any, wanted: Any, lengths: Any) -> None:
    spec = resolved(sequence(milestones, *schedulers))
    assert isinstance(spec, SequentialLR)
    assert spec.milestones == wanted
    assert tuple(getattr(child, child.length_arg) for child in spec.schedulers) == lengths


def test_rest_in_a_chain_within_a_sequence() -> None:
    chain = {"name": "chained", "schedulers": [linear("rest"), {"name": "step", "step_size": 10}]}
    spec = resolved(sequence([100], linear(100), chain))
    assert spec.children()[1].children()[0] == LinearLR(start_factor=0.1, total_iters=900)


def test_a_sequence_within_a_sequence_has_a_rest_of_its_own() -> None:
    inner = sequence([20], linear("rest"), linear(80))
    spec = resolved(sequence([100], inner, {"name": "cosine", "T_max": "rest"}))
    assert spec.children()[0].children()[0] == LinearLR(start_factor=0.1, total_iters=20)
    assert spec.children()[1] == CosineAnnealingLR(T_max=900)


REST_OUTSIDE = "rest is for a sequence only, where it is what the others leave; a length left unset takes the whole run"


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        (
            {"name": "step", "step_size": "101%"},
            "scheduler.step_size: must be between 0% and 100% of the run, not 101%",
        ),
        ({"name": "step", "step_size": "-5%"}, "scheduler.step_size: must be between 0% and 100% of the run, not -5%"),
        (
            {"name": "step", "step_size": "-2ep"},
            "scheduler.step_size: -2ep of an epoch's 100 scheduler steps is -200; must be >= 1",
        ),
        (
            {"name": "step", "step_size": "0.01%"},
            "scheduler.step_size: 0.01% of the run's 1,000 scheduler steps is 0; must be >= 1",
        ),
        (
            {"name": "step", "step_size": "2.405ep"},
            (
                "scheduler.step_size: 2.405ep of an epoch's 100 scheduler steps is 240.5, not a whole number; "
                "write the steps: 240 or 241"
            ),
        ),
        (
            {"name": "step", "step_size": 0.3},
            "scheduler.step_size: must be a whole number >= 1, not 0.3; did you mean 30%?",
        ),
        ({"name": "step", "step_size": "2.5"}, "scheduler.step_size: must be a whole number >= 1, not 2.5"),
        (
            {"name": "step", "step_size": "2 weeks"},
            "scheduler.step_size: must be a whole number >= 1, or a duration such as 2ep, 5% or rest, not '2 weeks'",
        ),
        (
            {"name": "step", "step_size": "9" * 40 + "ep"},
            (
                "scheduler.step_size: must be a whole number >= 1, or a duration such as 2ep, 5% "
                "or rest, not '9999999999999999999999999999999999999999ep'"
            ),
        ),
        ({"name": "step", "step_size": "rest"}, f"scheduler.step_size: {REST_OUTSIDE}"),
        ({"name": "multistep", "milestones": [1, "rest"]}, f"scheduler.milestones[1]: {REST_OUTSIDE}"),
        ({"name": "manual", "values": {0: 1, "rest": 2}}, f"scheduler.values[rest]: {REST_OUTSIDE}"),
        (
            {"name": "manual", "values": {500: 1, "5ep": 2}},
            "scheduler.values[5ep]: 5ep is step 500, at which a learning rate is set already",
        ),
        (
            sequence(["rest"], linear(5), {"name": "cosine", "T_max": "rest"}),
            "scheduler.milestones[0]: rest needs the length of the scheduler after it; give its T_max",
        ),
        (
            sequence(["rest"], linear(5), {"name": "step", "step_size": 5}),
            "scheduler.milestones[0]: rest needs the length of the scheduler after it; step has none",
        ),
        (
            sequence(["rest"], linear(5), {"name": "cosine", "T_max": 1000}),
            "scheduler.milestones[0]: rest comes to nothing: the others take the whole run",
        ),
        (
            sequence([1000], linear(5), {"name": "cosine", "T_max": "rest"}),
            "scheduler.schedulers[1].T_max: rest comes to nothing: the others take the whole run",
        ),
        (
            sequence([5], linear("rest"), {"name": "cosine", "T_max": "rest"}),
            (
                "scheduler.schedulers[1].T_max: a second rest in one sequence; the first is "
                "scheduler.schedulers[0].total_iters"
            ),
        ),
        (
            sequence([5, "rest"], linear("rest"), COSINE, linear(9)),
            "scheduler.schedulers[0].total_iters: a second rest in one sequence; the first is scheduler.milestones[1]",
        ),
    ],
)
def test_refused(scheduler: Any, message: str) -> None:
    assert message in problems({"run": RUN, "scheduler": scheduler})


def test_a_fraction_of_an_epoch_is_not_cut_where_the_scheduler_steps_once_an_epoch() -> None:
    document = {"run": {**RUN, "interval": "epoch"}, "scheduler": {"name": "step", "step_size": "2.4ep"}}
    assert problems(document) == [
        "scheduler.step_size: 2.4ep of an epoch's 1 scheduler step is 2.4, not a whole number; write the steps: 2 or 3"
    ]


def test_epochs_of_a_run_that_has_none() -> None:
    assert problems({"run": {"steps": 100}, "scheduler": {"name": "step", "step_size": "2ep"}}) == [
        "scheduler.step_size: 2ep is in epochs, and the run has none: it is given by its steps; add steps_per_epoch"
    ]


def test_a_wrong_run_does_not_hide_what_else_is_wrong() -> None:
    document = {"run": {"steps": 100, "epochs": 3}, "scheduler": {"name": "multistep", "milestones": ["2ep", "120%"]}}
    assert [line.partition(":")[0] for line in problems(document)] == ["run.steps", "scheduler.milestones[1]"]


def test_problems_have_their_line(tmp_path: Any) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("scheduler:\n  name: multistep\n  milestones:\n    - 1ep\n    - 120%\nwarmup: 200%\n")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert [problem.place.rpartition(":")[2] for problem in caught.value.problems] == ["5", "6"]


def test_from_python_a_scheduler_takes_whole_numbers() -> None:
    with pytest.raises(SpecError, match="step_size: must be a whole number >= 1, not '5%'"):
        StepLR(step_size="5%")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [5, "2ep", "0.5%", "5 %", "rest"])
def test_the_schema_takes_durations(value: Any) -> None:
    jsonschema.validate(value, arg_types(StepLR)["step_size"].schema())
    jsonschema.validate([value], arg_types(MultiStepLR)["milestones"].schema())


@pytest.mark.parametrize("value", [0, 2.5, "2 weeks", "-5%", "%", ""])
def test_the_schema_refuses_what_is_none(value: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, arg_types(StepLR)["step_size"].schema())


def test_warmup_comes_before_what_is_left() -> None:
    wanted = SequentialLR(
        schedulers=(LinearLR(start_factor=DEFAULT_START, total_iters=100), CosineAnnealingLR(T_max=900)),
        milestones=(100,),
    )
    assert resolved(COSINE, warmup="1ep") == wanted


def test_warmup_start_is_the_factor_of_its_first_step() -> None:
    assert resolved(COSINE, warmup=5, warmup_start=0.2).children()[0] == LinearLR(start_factor=0.2, total_iters=5)


@pytest.mark.parametrize(
    "scheduler",
    [COSINE, {"name": "onecycle", "max_lr": 1}, {"name": "plateau", "metric": "1"}, sequence([5], COSINE, COSINE)],
)
def test_a_warmup_of_no_steps_is_none(scheduler: Any) -> None:
    alone = load({"run": RUN, "scheduler": scheduler})
    for none in (0, "0", "0%", "0ep"):
        assert load({"run": RUN, "scheduler": scheduler, "warmup": none}).resolved == alone.resolved
    assert load({"run": RUN, "scheduler": scheduler, "warmup": 0, "warmup_start": 0.5}).resolved == alone.resolved


@pytest.mark.parametrize(
    ("more", "rising"),
    [
        ({"warmup_start": 0}, LambdaWarmup(total_iters=5)),
        ({"warmup_start": 0, "warmup_shape": "linear"}, LambdaWarmup(total_iters=5)),
        ({"warmup_shape": "linear"}, LinearLR(start_factor=DEFAULT_START, total_iters=5)),
        ({"warmup_shape": "quadratic"}, LambdaWarmup(total_iters=5, start_factor=DEFAULT_START, mode="quadratic")),
        (
            {"warmup_start": 0.5, "warmup_shape": "exponential"},
            LambdaWarmup(total_iters=5, start_factor=0.5, mode="exponential"),
        ),
    ],
)
def test_what_torchs_linear_cannot_do_is_a_function(more: Any, rising: Any) -> None:
    assert resolved(COSINE, warmup=5, **more).children()[0] == rising
    assert resolved({"name": "plateau", "metric": "1"}, warmup=5, **more).children() == [rising]


def test_a_plateaus_own_warmup_warms_up_and_ends() -> None:
    for child in (COSINE, {"name": "warmup", "total_iters": 5, "start_factor": 1}):
        (message,) = problems({"scheduler": {"name": "plateau", "metric": "1", "warmup": child}})
        assert message.startswith("scheduler.warmup: must be a scheduler that warms up and ends, not ")


def test_rest_after_a_warmup() -> None:
    spec = resolved({"name": "cosine-restarts", "T_0": "rest"}, warmup="10%")
    assert spec.children()[1] == CosineAnnealingWarmRestarts(T_0=900)


def test_a_sequence_after_a_warmup_counts_from_its_end() -> None:
    spec = resolved(sequence(["1ep"], COSINE, {"name": "step", "step_size": "rest"}), warmup=50)
    assert isinstance(spec, SequentialLR)
    assert spec.milestones == (50, 150)
    assert spec.schedulers[1:] == (CosineAnnealingLR(T_max=100), StepLR(step_size=850))


@pytest.mark.parametrize(
    ("scheduler", "message", "cause"),
    [
        ({"name": "onecycle", "max_lr": 1}, "OneCycleLR has a warmup of its own: set pct_start", "overwrites"),
        ({"name": "cyclic", "base_lr": 0, "max_lr": 1}, "CyclicLR sets its own learning rates", "overwrites"),
        ({"name": "chained", "schedulers": [COSINE]}, "torch cannot start a ChainedScheduler", "nested-container"),
        ({"name": "manual", "values": {0: 1}}, "write the warmup into its values", ""),
        ({"name": "range-test", "min_lr": 0.1, "max_lr": 1}, "range-test rises over the whole run by itself", ""),
        ({"name": "swa", "swa_lr": 1, "swa_start": 5}, "swa_start and warmup exclude each other", ""),
        (
            {"name": "plateau", "metric": "1", "warmup": {"name": "linear", "total_iters": 9}},
            "the plateau has a warmup of its own; write one of the two",
            "",
        ),
    ],
)
def test_schedulers_that_cannot_follow_a_warmup(scheduler: Any, message: str, cause: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        load({"run": RUN, "warmup": 5, "scheduler": scheduler})
    assert [(problem.field, problem.cause) for problem in caught.value.problems] == [("warmup", cause)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"warmup_start": 0.1}, "warmup_start: requires `warmup`, its length"),
        ({"warmup_shape": "quadratic"}, "warmup_shape: requires `warmup`, its length"),
        ({"warmup": 5, "warmup_start": -0.1}, "warmup_start: must be >= 0 and <= 1, not -0.1"),
        (
            {"warmup": 5, "warmup_start": 0, "warmup_shape": "exponential"},
            "warmup_start: must be > 0 for an exponential warmup, which multiplies it at every step",
        ),
        (
            {"warmup": 5, "warmup_shape": "cubic"},
            "warmup_shape: must be one of linear, quadratic, exponential, not 'cubic'",
        ),
        ({"warmup": -1}, "warmup: must be a whole number >= 0, not -1"),
        ({"warmup": 0.1}, "warmup: must be a whole number >= 0, not 0.1; did you mean 10%?"),
        ({"warmup": 0.065}, "warmup: must be a whole number >= 0, not 0.065; did you mean 6.5%?"),
        ({"warmup": "0.01%"}, "warmup: 0.01% of the run's 1,000 scheduler steps is 0; must be >= 1"),
        ({"warmup": "rest"}, f"warmup: {REST_OUTSIDE}"),
        (
            {"warmup": "5 steps"},
            "warmup: must be a whole number >= 0, or a duration such as 2ep, 5% or rest, not '5 steps'",
        ),
    ],
)
def test_wrong_warmups(more: Any, message: str) -> None:
    assert problems({"run": RUN, "scheduler": COSINE, **more}) == [message]


def test_swa_in_a_container_is_told_to_use_milestones() -> None:
    swa = {"name": "swa", "swa_lr": 0.1, "swa_start": 5}
    (message,) = problems({"run": RUN, "scheduler": sequence([5], COSINE, swa)})
    assert message.startswith("scheduler.schedulers[1].swa_start: a container steps its children itself")


def test_ignored_rules_are_read() -> None:
    assert load({"scheduler": COSINE, "check": {"ignore": ["lr-dead"]}}).section(CheckSettings).ignore == ("lr-dead",)
    assert problems({"scheduler": COSINE, "check": {"ignore": "lr-dead"}}) == [
        "check.ignore: must be a list of names, not 'lr-dead'"
    ]
