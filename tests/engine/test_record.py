"""What a replay records: PyTorch's schedulers at their corners, as values a reader can check by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import lrviz
from lrviz import ReplayError, SpecError, Trace
from lrviz.engine.engine import TorchEngine
from lrviz.engine.light import LightEngine
from lrviz.engine.select import replay

older = pytest.mark.skipif(
    not hasattr(torch.optim.lr_scheduler.LRScheduler, "_update_lr"),
    reason=f"torch {torch.__version__} calls step(0) of a child at a milestone; see test_equality.py",
)


def trace_of(
    scheduler: dict[str, Any], *, steps: int = 16, lr: float = 1.0, partial: bool = False, **rest: Any
) -> Trace:
    experiment = lrviz.load(
        {
            "run": rest.pop("run", {"epochs": steps // 8, "steps_per_epoch": 8}),
            "optimizer": {"lr": lr} | rest.pop("optimizer", {}),
            "scheduler": scheduler,
        }
    )
    return replay(experiment, engine=TorchEngine(), partial=partial)


def rates(scheduler: dict[str, Any], **rest: Any) -> list[float]:
    return list(trace_of(scheduler, **rest).groups[0].lr)


def changes(values: list[float]) -> list[int]:
    """Return the steps that train with another rate than the step before."""
    return [i for i in range(1, len(values)) if values[i] != values[i - 1]]


def test_lambda_applies_at_the_first_step() -> None:
    assert rates({"name": "lambda", "lr_lambda": "0.5 if epoch == 0 else 0.25"})[:2] == [0.5, 0.25]


def test_multiplicative_does_not_apply_at_the_first_step() -> None:
    assert rates({"name": "multiplicative", "lr_lambda": "0.5"})[:3] == [1.0, 0.5, 0.25]


def test_step_decays_at_multiples_of_its_size() -> None:
    assert changes(rates({"name": "step", "step_size": 5})) == [5, 10, 15]


def test_duplicate_milestone_decays_twice() -> None:
    assert rates({"name": "multistep", "milestones": [3, 3], "gamma": 0.5})[2:4] == [1.0, 0.25]


def test_constant_ends_exactly_at_total_iters() -> None:
    assert changes(rates({"name": "constant", "factor": 0.5, "total_iters": 7})) == [7]


def test_linear_is_flat_after_total_iters() -> None:
    assert changes(rates({"name": "linear", "total_iters": 4})) == [1, 2, 3, 4]


def test_polynomial_reaches_zero_and_stays() -> None:
    assert rates({"name": "polynomial", "total_iters": 9})[8:] != [0.0] * 8
    assert rates({"name": "polynomial", "total_iters": 9})[9:] == [0.0] * 7


def test_cosine_rises_again_after_t_max() -> None:
    values = rates({"name": "cosine", "T_max": 6})
    assert values[6] == pytest.approx(0.0, abs=1e-15)
    assert values[12] == pytest.approx(1.0)


def test_warm_restarts_never_reach_eta_min() -> None:
    assert min(rates({"name": "cosine-restarts", "T_0": 8, "eta_min": 0.1})) > 0.1


def test_chained_product_never_reaches_the_base_rate() -> None:
    children = [{"name": "linear", "total_iters": 8}, {"name": "cosine"}]
    assert max(rates({"name": "chained", "schedulers": children})) < 0.9


def test_plateau_drops_after_patience_and_one_more() -> None:
    values = rates({"name": "plateau", "metric": 0.5, "patience": 2, "factor": 0.5})
    assert changes(values)[:3] == [4, 7, 10]


def test_closed_form_child_restarts_from_the_base_rate_at_its_milestone() -> None:
    children = [{"name": "exponential", "gamma": 0.5}, {"name": "polynomial", "total_iters": 4}]
    assert rates({"name": "sequential", "schedulers": children, "milestones": [6]})[5:8] == [0.5**5, 1.0, 0.75]


@older
def test_multiplicative_child_goes_on_from_the_current_rate() -> None:
    children = [{"name": "exponential", "gamma": 0.5}, {"name": "multiplicative", "lr_lambda": "0.9"}]
    values = rates({"name": "sequential", "schedulers": children, "milestones": [6]})
    assert values[5:8] == [0.5**5, 0.5**5 * 0.9, 0.5**5 * 0.9 * 0.9]


def test_horizon_of_a_child_is_what_is_left_of_its_segment() -> None:
    children = [{"name": "linear", "total_iters": 6}, {"name": "cosine"}, {"name": "onecycle", "max_lr": 1.0}]
    experiment = lrviz.load(
        {"scheduler": {"name": "sequential", "schedulers": children, "milestones": [6, 20]}}  # of 32 steps
    )
    assert experiment.resolved.schedulers[1].T_max == 14
    assert experiment.resolved.schedulers[2].total_steps == 12


def test_horizon_of_a_nested_child_is_within_its_own_segment() -> None:
    inner = {"name": "sequential", "schedulers": [{"name": "cosine"}, {"name": "cosine"}], "milestones": [4]}
    outer = {"name": "sequential", "schedulers": [{"name": "cosine"}, inner], "milestones": [22]}
    resolved = lrviz.load({"scheduler": outer}).resolved
    assert [child.T_max for child in resolved.schedulers[1].schedulers] == [4, 6]


def test_horizon_counts_scheduler_steps() -> None:
    experiment = lrviz.load({"run": {"epochs": 6, "interval": "epoch"}, "scheduler": {"name": "cosine"}})
    assert experiment.resolved.T_max == 6


def test_momentum_runs_against_the_rate() -> None:
    trace = trace_of({"name": "cyclic", "base_lr": 0.1, "max_lr": 1.0, "step_size_up": 4}, optimizer={"momentum": 0.5})
    assert list(trace.groups[0].momentum)[:5:4] == pytest.approx([0.9, 0.8])


def test_momentum_without_a_cycle_is_the_optimizers() -> None:
    assert set(trace_of({"name": "cosine"}, optimizer={"momentum": 0.5}).groups[0].momentum) == {0.5}


def test_optimizer_without_momentum_has_none_in_its_trace() -> None:
    assert trace_of({"name": "cosine"}, optimizer={"name": "adagrad"}).groups[0].momentum is None


def test_weight_decay_is_the_groups() -> None:
    groups = [{"name": "a", "weight_decay": 0.1}, {"name": "b"}]
    trace = trace_of({"name": "cosine"}, optimizer={"name": "adamw", "groups": groups})
    assert [group.weight_decay[3] for group in trace.groups] == [0.1, 0.01]


# Where torch raises.


def test_one_cycle_takes_one_step_more_than_its_total_and_bounces() -> None:
    values = rates({"name": "onecycle", "max_lr": 1.0, "total_steps": 15})
    assert values[15] > values[14]


def test_one_cycle_one_step_past_its_total_is_negative_when_linear() -> None:
    assert rates({"name": "onecycle", "max_lr": 1.0, "total_steps": 15, "anneal_strategy": "linear"})[15] < 0


def test_one_cycle_raises_at_the_second_step_too_many() -> None:
    trace = trace_of({"name": "onecycle", "max_lr": 1.0, "total_steps": 10}, partial=True)
    assert (trace.failure.step, trace.failure.epoch, trace.failure.kind) == (11, 1, "ValueError")
    assert trace.failure.message == "Tried to step 11 times. The specified number of total steps is 10"


def test_partial_keeps_what_came_before_the_failure() -> None:
    whole = rates({"name": "onecycle", "max_lr": 1.0, "total_steps": 10}, steps=8)
    trace = trace_of({"name": "onecycle", "max_lr": 1.0, "total_steps": 10}, partial=True)
    assert trace.steps == len(trace.groups[0].lr) == 11
    assert list(trace.groups[0].lr)[:8] == whole


def test_without_partial_the_failure_is_an_error_that_says_where() -> None:
    with pytest.raises(ReplayError, match=r"after step 10 \(epoch 1\): ValueError: Tried to step 11 times"):
        trace_of({"name": "onecycle", "max_lr": 1.0, "total_steps": 10})


def test_failure_of_an_epoch_interval_counts_whole_epochs() -> None:
    run = {"epochs": 8, "steps_per_epoch": 4, "interval": "epoch"}
    trace = trace_of({"name": "onecycle", "max_lr": 1.0, "total_steps": 5}, run=run, partial=True)
    assert (trace.steps, len(trace.groups[0].lr), trace.failure.step, trace.failure.epoch) == (24, 24, 24, 5)


def test_constructor_that_raises_leaves_an_empty_trace() -> None:
    trace = trace_of({"name": "onecycle", "max_lr": 1.0, "total_steps": 10, "pct_start": 0.1}, partial=True)
    assert (trace.steps, trace.groups) == (0, ())
    assert (trace.failure.step, trace.failure.epoch, trace.failure.kind) == (0, None, "ZeroDivisionError")


def test_constructor_that_raises_is_told_as_such() -> None:
    with pytest.raises(ReplayError, match="building the scheduler failed: ZeroDivisionError: float division by zero"):
        trace_of({"name": "onecycle", "max_lr": 1.0, "total_steps": 10, "pct_start": 0.1})


def test_cycling_a_momentum_that_is_not_there_is_told_in_torchs_words() -> None:
    with pytest.raises(
        ReplayError, match="optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
    ):
        trace_of({"name": "onecycle", "max_lr": 1.0}, optimizer={"name": "adagrad"})


@older
@pytest.mark.parametrize("inner", ["sequential", "chained"])
def test_nested_container_raises_at_its_milestone(inner: str) -> None:
    child = {"name": inner, "schedulers": [{"name": "exponential", "gamma": 0.5}]}
    child |= {"milestones": []} if inner == "sequential" else {}
    outer = {"name": "sequential", "schedulers": [{"name": "linear"}, child], "milestones": [6]}
    with pytest.raises(ReplayError, match=r"scheduler.step\(\) failed after step 5 \(epoch 0\): NotImplementedError"):
        trace_of(outer)


@pytest.mark.parametrize("container", [{"name": "sequential", "milestones": [6]}, {"name": "chained"}])
def test_plateau_in_a_container_is_refused_by_torch(container: dict[str, Any]) -> None:
    children = [{"name": "linear"}, {"name": "plateau", "metric": 1}]
    with pytest.raises(ReplayError, match="does not support `ReduceLROnPlateau` scheduler"):
        trace_of({**container, "schedulers": children})


def test_constant_factor_of_zero_divides_by_zero_at_its_end() -> None:
    with pytest.raises(ReplayError, match=r"after step 4 \(epoch 0\): ZeroDivisionError"):
        trace_of({"name": "constant", "factor": 0})


def test_expression_that_fails_midway_says_where_and_with_what() -> None:
    with pytest.raises(
        ReplayError, match=r"after step 3 \(epoch 0\): .*'1 / \(4 - epoch\)': float division by zero at epoch = 4"
    ):
        trace_of({"name": "lambda", "lr_lambda": "1 / (4 - epoch)"})


def test_metric_that_is_too_short_is_refused() -> None:
    with pytest.raises(SpecError, match=r"scheduler\.metric: has 3 values; the run steps its scheduler 15 times"):
        trace_of({"name": "plateau", "metric": [1, 2, 3]})


def test_metric_needs_no_value_for_the_last_step() -> None:
    assert len(trace_of({"name": "plateau", "metric": [1.0] * 15}).metric) == 15


# What lrviz itself refuses or mends.


def test_swa_start_inside_a_container_is_refused() -> None:
    child = {"name": "swa", "swa_lr": 0.1, "swa_start": 3}
    with pytest.raises(SpecError, match=r"schedulers\[1\].swa_start: a container steps its children itself"):
        trace_of({"name": "sequential", "schedulers": [{"name": "cosine"}, child], "milestones": [6]})


@pytest.mark.parametrize(
    "child", [{"name": "manual", "values": {0: 1}}, {"name": "range-test", "min_lr": 1, "max_lr": 2}]
)
def test_rate_set_by_hand_inside_a_sequential_is_refused(child: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"schedulers\[0\].name: torch's SequentialLR cannot switch to or from"):
        trace_of({"name": "sequential", "schedulers": [child, {"name": "cosine"}], "milestones": [6]})


def test_range_test_starts_and_ends_at_its_rates() -> None:
    values = rates({"name": "range-test", "min_lr": 1e-5, "max_lr": 3.0})
    assert (values[0], values[-1]) == (1e-5, 3.0)


def test_range_test_of_one_step_is_its_lowest_rate() -> None:
    run = {"epochs": 1, "steps_per_epoch": 1}
    assert rates({"name": "range-test", "min_lr": 1e-5, "max_lr": 3.0}, run=run) == [1e-5]


# A replay as a whole.


def test_two_replays_in_a_row_are_equal() -> None:
    experiment = lrviz.load({"scheduler": {"name": "onecycle", "max_lr": 1.0}})
    assert replay(experiment, engine=TorchEngine()) == replay(experiment, engine=TorchEngine())


@pytest.mark.parametrize("train", [False, True], ids=["torch", "toy"])
@pytest.mark.parametrize("name", ["SGD", "Muon"])
def test_the_callers_random_numbers_stay_as_they_are(name: str, train: bool) -> None:
    if not hasattr(torch.optim, name):
        pytest.skip(f"torch {torch.__version__} has no {name}")
    experiment = lrviz.load({"optimizer": {"name": name}, "scheduler": {"name": "cosine"}})
    before = torch.get_rng_state()
    replay(experiment, engine=TorchEngine(), train=train)
    assert torch.equal(torch.get_rng_state(), before)


def test_trace_says_who_made_it() -> None:
    import torch

    trace = trace_of({"name": "cosine"})
    assert (trace.engine, trace.torch_version) == ("torch", torch.__version__)


def test_what_holds_for_an_epoch_has_a_value_for_each_of_its_steps() -> None:
    run = {"steps": 7, "steps_per_epoch": 3, "interval": "epoch"}
    (group,) = trace_of({"name": "onecycle", "max_lr": 0.1}, optimizer={"name": "adamw"}, run=run).groups
    assert group.momentum is not None
    assert group.weight_decay is not None
    for values in (group.lr, group.momentum):
        assert len(set(values)) == 3
        assert values.tolist() == [values[0]] * 3 + [values[3]] * 3 + [values[6]]
    assert group.weight_decay.tolist() == [0.01] * 7


def test_progress_ends_at_the_whole() -> None:
    seen: list[tuple[int, int]] = []
    experiment = lrviz.load({"scheduler": {"name": "cosine"}})
    replay(experiment, engine=TorchEngine(), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (32, 32)


MANY = [{"name": str(number), "lr": 0.1} for number in range(1000)]


@pytest.mark.parametrize(
    "document",
    [
        {"run": {"steps": 100, "framework": "accelerate", "world_size": 1000}, "scheduler": {"name": "cosine"}},
        {"optimizer": {"groups": MANY}, "run": {"steps": 100}, "scheduler": {"name": "cosine"}},
    ],
    ids=["calls", "groups"],
)
def test_progress_is_told_by_what_takes_time(document: dict[str, Any]) -> None:
    seen: list[int] = []
    replay(lrviz.load(document), engine=LightEngine(), progress=lambda done, _: seen.append(done))
    assert seen == [21, 41, 61, 81, 100]


def test_rate_that_overflows_is_shown_as_it_is() -> None:
    values = rates({"name": "multiplicative", "lr_lambda": "1e300 if epoch < 4 else 0"})
    assert math.inf in values
    assert math.isnan(values[-1])
