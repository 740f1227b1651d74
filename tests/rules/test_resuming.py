"""What is found in runs that go on from a checkpoint, held to what their replays do."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import lrviz
from lrviz import Experiment, replay, resumed
from lrviz.errors import SpecError
from lrviz.rules import examine

SGD = {"lr": 0.1, "momentum": 0.95, "weight_decay": 1e-4}
CYCLE: dict[str, Any] = {"base_lr": 1e-3, "max_lr": 0.1, "step_size_up": 5}
SEQUENCE: dict[str, Any] = {
    "milestones": [8],
    "schedulers": [{"name": "linear", "start_factor": 0.1, "total_iters": 8}, {"name": "step", "step_size": 9}],
}


def run(name: str, *, epochs: int = 4, optimizer: dict[str, Any] | None = None, **scheduler: Any) -> Experiment:
    """Return an experiment of some epochs of 8 steps."""
    length = {"epochs": epochs, "steps_per_epoch": 8}
    return lrviz.load({"run": length, "optimizer": optimizer or SGD, "scheduler": {"name": name, **scheduler}})


def found(before: Experiment, after: Experiment | None = None, at: str = "2ep", mode: str = "load") -> dict[str, Any]:
    """Return the findings on a resumed run, by rule."""
    experiment = resumed(before, at, mode, after)
    return {finding.rule: finding for finding in examine(experiment, replay(experiment, partial=True))}


def numbers(before: Experiment, after: Experiment, mode: str = "load") -> list[Any]:
    """Return all that a resumed run trains with."""
    trace = replay(resumed(before, "2ep", mode, after))
    return [[*group.lr, *(group.momentum or ()), *(group.weight_decay or ())] for group in trace.groups]


CHANGED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("step", {"step_size": 5}, {"step_size": 3}),
    ("step", {"step_size": 5}, {"gamma": 0.5}),
    ("multistep", {"milestones": [8, 24]}, {"milestones": [8, 20]}),
    ("constant", {"factor": 0.5, "total_iters": 20}, {"total_iters": 24}),
    ("constant", {"factor": 0.5, "total_iters": 20}, {"factor": 0.25}),
    ("linear", {"total_iters": 24}, {"end_factor": 0.5}),
    ("exponential", {"gamma": 0.9}, {"gamma": 0.8}),
    ("polynomial", {"total_iters": 32}, {"power": 2.0}),
    ("polynomial", {"total_iters": 32}, {"total_iters": 40}),
    ("cosine", {"T_max": 32}, {"T_max": 40}),
    ("cosine", {}, {"eta_min": 0.01}),
    ("cosine-restarts", {"T_0": 5}, {"T_0": 4}),
    ("cosine-restarts", {"T_0": 5}, {"T_mult": 2}),
    ("cyclic", CYCLE, {"max_lr": 0.2}),
    ("cyclic", CYCLE, {"step_size_up": 7}),
    ("cyclic", CYCLE, {"mode": "triangular2"}),
    ("cyclic", CYCLE, {"base_momentum": 0.5}),
    ("onecycle", {"max_lr": 0.1}, {"max_lr": 0.2}),
    ("onecycle", {"max_lr": 0.1}, {"final_div_factor": 10.0}),
    ("onecycle", {"max_lr": 0.1}, {"pct_start": 0.6}),
    ("onecycle", {"max_lr": 0.1}, {"cycle_momentum": False}),
    ("onecycle", {"max_lr": 0.1}, {"anneal_strategy": "linear"}),
    ("plateau", {"metric": "1", "patience": 3}, {"patience": 5}),
    ("plateau", {"metric": "1", "patience": 3}, {"factor": 0.5}),
    ("swa", {"swa_lr": 0.01, "anneal_epochs": 24}, {"swa_lr": 0.02}),
    ("swa", {"swa_lr": 0.01, "anneal_epochs": 24}, {"anneal_strategy": "linear"}),
    ("sequential", SEQUENCE, {"milestones": [24]}),
    ("lambda", {"lr_lambda": "0.9 ** epoch"}, {"lr_lambda": "0.8 ** epoch"}),
    ("multiplicative", {"lr_lambda": "0.9"}, {"lr_lambda": "0.8"}),
    ("cyclic", {**CYCLE, "scale_fn": "1 / x"}, {"scale_fn": "0.5 ** x"}),
    ("warmup", {"total_iters": 24}, {"total_iters": 30}),
    ("hf-cosine", {"num_warmup_steps": 4}, {"num_cycles": 1.5}),
    ("timm-cosine", {"t_initial": 32}, {"lr_min": 0.01}),
    ("timm-step", {"decay_t": 9, "decay_rate": 0.5}, {"decay_rate": 0.1}),
    ("deepspeed-warmup", {"warmup_num_steps": 24}, {"warmup_num_steps": 30}),
]


@pytest.mark.parametrize(
    ("name", "given", "change"), CHANGED, ids=lambda it: it if isinstance(it, str) else "-".join(it)
)
def test_an_argument_is_called_overridden_where_it_has_no_effect(
    name: str, given: dict[str, Any], change: dict[str, Any]
) -> None:
    before, after = run(name, **given), run(name, **{**given, **change})
    has_no_effect = numbers(before, after) == numbers(before, before)
    assert ("resume-overridden" in found(before, after)) == has_no_effect


@pytest.mark.parametrize("change", [{"lr": 0.05}, {"momentum": 0.5}, {"weight_decay": 0.01}], ids="-".join)
@pytest.mark.parametrize("mode", ["load", "restart", "last-epoch"])
def test_a_setting_of_the_optimizer_is_overridden_by_its_state(change: dict[str, Any], mode: str) -> None:
    before, after = run("step", step_size=5), run("step", optimizer={**SGD, **change}, step_size=5)
    assert numbers(before, after, mode) == numbers(before, before, mode)
    (name,) = change
    assert f"{name} stays " in found(before, after, mode=mode)["resume-overridden"].message


@pytest.mark.parametrize(
    ("name", "given", "change", "is_kept"),
    [
        ("onecycle", {"max_lr": 0.1}, {"max_lr": 0.2}, True),
        ("onecycle", {"max_lr": 0.1}, {"div_factor": 10.0}, True),
        ("onecycle", {"max_lr": 0.1}, {"final_div_factor": 10.0}, True),
        ("onecycle", {"max_lr": 0.1}, {"base_momentum": 0.5}, True),
        ("onecycle", {"max_lr": 0.1}, {"max_momentum": 0.99}, True),
        ("onecycle", {"max_lr": 0.1}, {"pct_start": 0.6}, False),
        ("cyclic", CYCLE, {"base_lr": 2e-3}, False),
        ("cyclic", CYCLE, {"max_lr": 0.2}, False),
        ("step", {"step_size": 5}, {"gamma": 0.5}, False),
    ],
)
def test_what_last_epoch_takes_from_the_optimizers_groups(
    name: str, given: dict[str, Any], change: dict[str, Any], *, is_kept: bool
) -> None:
    before, after = run(name, **given), run(name, **{**given, **change})
    assert (numbers(before, after, "last-epoch") == numbers(before, before, "last-epoch")) == is_kept
    assert ("resume-overridden" in found(before, after, mode="last-epoch")) == is_kept


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("hf-cosine", {}),
        ("timm-cosine", {}),
        ("warmup", {"total_iters": 24}),
        ("deepspeed-warmup-cosine", {"warmup_num_steps": 4}),
    ],
)
def test_a_new_learning_rate_is_overridden_where_the_state_holds_the_base_rates(
    name: str, given: dict[str, Any]
) -> None:
    before, after = run(name, **given), run(name, optimizer={**SGD, "lr": 0.05}, **given)
    has_no_effect = numbers(before, after) == numbers(before, before)
    assert ("resume-overridden" in found(before, after)) == has_no_effect


def test_a_horizon_that_nobody_wrote_is_not_called_overridden() -> None:
    assert "resume-overridden" not in found(run("cosine"), run("cosine", epochs=6))


def test_two_groups_are_told_apart() -> None:
    groups = [{"name": "body", "lr": 0.01}, {"name": "head"}]
    before, after = (run("cosine", optimizer={"lr": lr, "groups": groups}) for lr in (0.1, 0.2))
    assert found(before, after)["resume-overridden"].message.endswith("lr of head stays 0.1, not 0.2")


def test_the_state_of_another_class_is_told() -> None:
    message = found(run("cosine"), run("step", step_size=3))["resume-overridden"].message
    assert message == "the state of CosineAnnealingLR is loaded into StepLR, and torch does not compare the classes"


def test_a_state_that_cannot_be_loaded_is_one_finding() -> None:
    (finding,) = found(run("cosine"), run("lambda", lr_lambda="1.0")).values()
    assert (finding.rule, finding.severity, finding.step) == ("resume-overridden", "error", 16)


LENGTHS = [
    (run("cosine"), run("cosine", epochs=6), "load", "error", "T_max = 32", "from step 32 (epoch 4) on"),
    (run("cosine"), run("cosine", epochs=3), "load", "warning", "T_max = 32", "has 24 steps for it; the run ends at"),
    (run("linear", end_factor=0.1, start_factor=1.0, total_iters=32),
     run("linear", epochs=6, end_factor=0.1, start_factor=1.0, total_iters=48),
     "load", "warning", "total_iters = 32", "stays at 0.01"),
    (run("onecycle", max_lr=0.1), run("onecycle", epochs=6, max_lr=0.1), "load", "error", "total_steps = 32",
     "15 steps are lost, 31% of the run"),
    (run("cosine"), run("cosine"), "restart", "warning", "made for 32 steps", "and has 16; the run ends at"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "mode", "severity", "length", "message"), LENGTHS)
def test_a_length_that_does_not_fit(
    before: Experiment, after: Experiment, mode: str, severity: str, length: str, message: str
) -> None:
    finding = found(before, after, mode=mode)["resume-length"]
    assert finding.severity == severity
    assert length in finding.message
    assert message in finding.message


def test_a_longer_cosine_does_what_the_fix_says() -> None:
    fix = found(run("cosine"), run("cosine", epochs=6))["resume-length"].fix
    assert fix.startswith("Set CosineAnnealingLR.T_max = 48 after load_state_dict")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=32)
    rates = []
    for step in range(48):
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.T_max = 32 if step < 16 else 48
        optimizer.step()
        scheduler.step()
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 1e-3 * rates[0]


def test_a_cosine_that_has_ended_needs_a_new_one() -> None:
    finding = found(run("cosine"), run("cosine", epochs=6), at="4ep")["resume-length"]
    assert finding.fix.startswith("Construct a new scheduler for the steps that are left")


@pytest.mark.parametrize(
    ("before", "after", "mode"),
    [
        (run("cosine"), run("cosine"), "load"),
        (run("cosine"), run("cosine", T_max=16), "restart"),
        (run("cosine", T_max=48), run("cosine", T_max=48, eta_min=1e-3), "load"),
        (run("hf-cosine"), run("hf-cosine", epochs=6), "load"),
        (run("step", step_size=9), run("step", epochs=6, step_size=9), "load"),
        (run("cosine"), run("cosine", epochs=6), "last-epoch"),
    ],
)
def test_a_length_that_fits_or_is_not_in_the_state(before: Experiment, after: Experiment, mode: str) -> None:
    assert "resume-length" not in found(before, after, mode=mode)


JUMPS = [
    (run("step", step_size=8), None, "last-epoch", 16, "trains with 0.0001, where the run before it would have"),
    (run("hf-linear", num_warmup_steps=4), None, "restart", 16, "trains with 0,"),
    (run("hf-cosine"), run("hf-cosine", epochs=6), "load", 17, "the state does not hold what computes it"),
    (run("onecycle", max_lr=0.1), None, "restart", 16, "would have gone on with 0.0"),
]


@pytest.mark.parametrize(("before", "after", "mode", "step", "message"), JUMPS)
def test_a_jump_is_told_with_what_would_have_been(
    before: Experiment, after: Experiment | None, mode: str, step: int, message: str
) -> None:
    finding = found(before, after, mode=mode)["resume-jump"]
    assert finding.step == step
    assert message in finding.message


def test_a_jump_after_the_end_of_the_first_run_is_told_by_the_step_before() -> None:
    finding = found(run("hf-linear"), run("hf-linear", epochs=6), at="4ep")["resume-jump"]
    assert "step 33 (epoch 4) trains with 0.0312, where the step before it had 0" in finding.message


@pytest.mark.parametrize("name", ["step", "cosine", "onecycle"])
def test_a_decay_at_the_checkpoint_is_no_jump(name: str) -> None:
    given: dict[str, Any] = {"step": {"step_size": 8}, "cosine": {"T_max": 32}, "onecycle": {"max_lr": 0.1}}[name]
    assert found(run(name, **given)) == {}


def test_rules_of_one_schedule_look_at_a_run_that_is_not_changed() -> None:
    overrun = run("onecycle", max_lr=0.1, total_steps=20)
    assert "cycle-overrun" in found(overrun)
    assert "cycle-overrun" not in found(overrun, mode="restart")


def test_rules_of_the_curve_look_at_what_a_changed_run_trains_with() -> None:
    finding = found(run("constant", factor=1.0), run("step", step_size=1), mode="last-epoch")["lr-dead"]
    assert (finding.step, finding.severity, finding.changes) == (20, "warning", ())


def test_a_rule_of_the_curve_is_silent_where_the_schedule_before_excuses_what_it_finds() -> None:
    by_epoch = {"run": {"epochs": 6, "steps_per_epoch": 4, "interval": "epoch"}, "optimizer": {"lr": 0.1}}
    before = lrviz.load({**by_epoch, "scheduler": {"name": "hf-linear", "num_warmup_steps": 2}})
    after = lrviz.load({**by_epoch, "scheduler": {"name": "step", "step_size": 9}})
    assert "lr-dead" in {one.rule for one in examine(after, replay(resumed(before, "2ep", "last-epoch", after)))}
    assert "lr-dead" not in found(before, after, mode="last-epoch")


@pytest.mark.parametrize("rule", ["starts-again", "rises-again", "ends-high", "lr-dead"])
@pytest.mark.parametrize("name", ["linear", "warmup", "hf-cosine", "onecycle"])
def test_a_jump_at_the_checkpoint_is_one_finding(name: str, rule: str) -> None:
    given = {name: arguments for name, arguments, _ in CHANGED}[name]
    rules = found(run(name, **given), mode="restart")
    assert "resume-jump" in rules
    assert rule not in rules


def test_a_rebound_of_a_length_that_does_not_fit_is_one_finding() -> None:
    assert found(run("cosine"), run("cosine", epochs=6)).keys() == {"resume-length"}


def test_a_seam_within_an_epoch_is_looked_at_too() -> None:
    by_epoch = {"run": {"epochs": 6, "steps_per_epoch": 4, "interval": "epoch"}, "optimizer": {"lr": 0.1}}
    before = lrviz.load({**by_epoch, "scheduler": {"name": "hf-linear", "num_warmup_steps": 2}})
    assert found(before, at="14", mode="restart")["resume-jump"].step == 14


def test_what_does_not_fit_is_refused_before_any_rule() -> None:
    with pytest.raises(SpecError):
        found(run("cosine"), run("cosine", optimizer={"name": "adamw"}))
