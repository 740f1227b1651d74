"""Every rule fires on its own example, not on what it says to write instead, and at its threshold."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from lrviz import replay
from lrviz.documents import load
from lrviz.rules import RULES

LR = {"lr": 1.0}
SGD = {"lr": 0.1, "momentum": 0.95}


def toy(
    name: str, *, run: dict[str, Any] | None = None, optimizer: dict[str, Any] | None = None, **scheduler: Any
) -> Any:
    """Return an experiment of 4 epochs of 8 steps, but for what is given."""
    return {"run": run or {}, "optimizer": optimizer or {}, "scheduler": {"name": name, **scheduler}}


def after_flat(factor: float, name: str = "linear") -> Any:
    """Return a flat piece at a share of the rate, and then the whole of it."""
    ends = {"start_factor": factor, "end_factor": factor} if name == "linear" else {"factor": factor}
    step = {"name": "step", "step_size": 20, "gamma": 0.5}
    return toy("sequential", milestones=[8], schedulers=[{"name": name, **ends, "total_iters": 8}, step])


def chained(*schedulers: Any) -> Any:
    return toy("chained", schedulers=list(schedulers))


def sequence(milestones: list[int], *schedulers: Any) -> Any:
    return toy("sequential", milestones=milestones, schedulers=list(schedulers))


LINEAR = {"name": "linear", "start_factor": 0.1, "total_iters": 8}
ACCELERATE = {"dataset_size": 1000, "batch_size": 8, "world_size": 4, "framework": "accelerate"}
TEN = {"epochs": 10, "steps_per_epoch": 100}
STEPS = {"steps": 32}
CUT = {"steps": 35, "steps_per_epoch": 8, "interval": "epoch"}
CYCLE = {"name": "cyclic", "max_lr": 1, "cycle_momentum": False}
ONECYCLE: Any = {"name": "onecycle", "optimizer": SGD, "max_lr": 0.1}
CYCLE_OF_TEN = {"name": "onecycle", "max_lr": 0.1, "total_steps": 10, "cycle_momentum": False}
COSINE = {"name": "cosine"}
RESTARTS = {"name": "cosine-restarts", "T_0": 8}
STEP = {"name": "step", "step_size": 8, "gamma": 0.5}
CIFAR = {"dataset_size": 50_000, "batch_size": 128, "epochs": 10}
GROUPS = {"groups": [{"name": "a", "lr": 0.01}, {"name": "b", "lr": 0.1}]}
SAME = {"groups": [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.1}]}

CASES: list[tuple[str, str | None, Any]] = [
    ("unit-mismatch", "error", toy("cosine", run={"epochs": 100, "steps_per_epoch": 100}, T_max=102)),
    ("unit-mismatch", None, toy("cosine", run={"epochs": 100, "steps_per_epoch": 100}, T_max=103)),
    ("unit-mismatch", "error", toy("cosine", run={**CIFAR, "interval": "epoch"}, T_max=3910)),
    ("unit-mismatch", "error", toy("cosine", run={**CIFAR, "grad_accum": 4}, T_max=3910)),
    ("unit-mismatch", "error", toy("cosine", run={**CIFAR, "world_size": 8}, T_max=3910)),
    ("unit-mismatch", "error", toy("cosine", run={**CIFAR, "world_size": 2, "grad_accum": 2}, T_max=3910)),
    ("unit-mismatch", "error", toy("cosine", run={**CIFAR, "world_size": 8, "framework": "accelerate"}, T_max=490)),
    ("unit-mismatch", "error", toy("step", run={"epochs": 90, "steps_per_epoch": 100}, step_size=30)),
    ("unit-mismatch", "error", toy("multistep", run={"epochs": 90, "steps_per_epoch": 100}, milestones=[30, 60, 80])),
    ("unit-mismatch", None, toy("step", step_size=4, gamma=0.5)),
    ("unit-mismatch", "error", toy("cosine-restarts", run=TEN, T_0=10)),
    ("unit-mismatch", None, toy("cosine-restarts", T_0=4)),
    ("unit-mismatch", None, toy("linear", total_iters=4)),
    ("unit-mismatch", "error", toy("linear", run={**TEN, "interval": "epoch"}, total_iters=1000)),
    ("cosine-rebound", "error", toy("cosine", T_max=30)),
    ("cosine-rebound", None, toy("cosine", T_max=31)),
    ("cosine-rebound", "warning", toy("cosine", T_max=20, eta_min=0.00095)),
    ("cosine-rebound", None, toy("cosine-restarts", T_0=8)),
    ("cycle-overrun", "error", toy(**ONECYCLE, total_steps=31)),
    ("cycle-overrun", None, toy(**ONECYCLE, total_steps=32)),
    ("cycle-overrun", "error", toy(**ONECYCLE, run=ACCELERATE, total_steps=508)),
    ("cycle-overrun", None, toy(**ONECYCLE, run=ACCELERATE, total_steps=509)),
    ("unfinished", "warning", toy("cosine", run=STEPS, T_max=34)),
    ("unfinished", None, toy("cosine", run=STEPS, T_max=33)),
    ("unfinished", "warning", toy("swa", swa_lr=1e-4, swa_start=28, anneal_epochs=5)),
    ("unfinished", None, toy("swa", swa_lr=1e-4, swa_start=28, anneal_epochs=4)),
    ("unfinished", None, toy(**ONECYCLE, run={**ACCELERATE, "grad_accum": 4})),
    ("unfinished", None, toy("constant", factor=1.0, total_iters=100)),
    ("off-by-one-steps", "warning", toy("cosine", T_max=36)),
    ("off-by-one-steps", None, toy("cosine", T_max=37)),
    ("off-by-one-steps", None, toy("cosine", T_max=32)),
    ("off-by-one-steps", None, toy(**ONECYCLE, total_steps=33)),
    ("off-by-one-steps", None, toy("cosine", run={"interval": "epoch"}, T_max=3)),
    ("off-by-one-steps", "warning", sequence([8], LINEAR, {"name": "cosine", "T_max": 25})),
    ("never-peaks", "error", toy("linear", start_factor=0.1, total_iters=32)),
    ("never-peaks", None, toy("linear", start_factor=0.1, total_iters=31)),
    ("never-peaks", None, toy(**CYCLE, base_lr=0, step_size_up=10, mode="exp_range", gamma=0.9)),
    ("never-peaks", "error", toy(**CYCLE, base_lr=0, step_size_up=50)),
    ("never-peaks", None, toy("lambda", lr_lambda="0.1")),
    ("default-warmup", "info", toy("constant", run={"steps": 101})),
    ("default-warmup", None, toy("constant", run={"steps": 100})),
    ("closed-form-in-chain", "error", chained(RESTARTS, STEP)),
    ("closed-form-in-chain", None, chained(RESTARTS)),
    ("nested-container", "error", sequence([16], sequence([8], LINEAR, COSINE)["scheduler"], STEP)),
    ("nested-container", None, chained(sequence([8], LINEAR, COSINE)["scheduler"], STEP)),
    ("plateau-in-container", "error", chained({"name": "plateau", "metric": "1"}, STEP)),
    ("lr-overwritten", "error", sequence([8], LINEAR, {**CYCLE, "base_lr": 0.1})),
    ("lr-overwritten", None, sequence([8], LINEAR, COSINE)),
    ("chained-warmup", None, chained(LINEAR, {"name": "step", "step_size": 16})),
    ("milestone-unreached", "warning", toy("multistep", milestones=[32])),
    ("milestone-unreached", None, toy("multistep", milestones=[31])),
    ("milestone-unreached", "warning", sequence([32], LINEAR, COSINE)),
    ("milestone-unreached", "warning", toy("swa", swa_lr=1e-4, swa_start=32)),
    ("milestone-duplicate", "warning", sequence([8, 8], LINEAR, STEP, COSINE)),
    ("milestone-not-positive", "warning", sequence([0], LINEAR, COSINE)),
    ("milestone-not-positive", "warning", toy("multistep", milestones=[-1, 8])),
    ("milestone-unsorted", None, toy("multistep", milestones=[24, 8])),
    ("warmup-milestone-mismatch", "warning", sequence([7], LINEAR, COSINE)),
    ("warmup-milestone-mismatch", None, sequence([40], LINEAR, COSINE)),
    ("lr-jump", "warning", after_flat(0.49)),
    ("lr-jump", None, after_flat(0.5)),
    ("lr-jump", None, after_flat(0.01, "constant")),
    ("lr-not-finite", None, toy("multiplicative", run={"steps": 300}, optimizer=LR, lr_lambda="10.0")),
    ("lr-negative", None, toy("lambda", lr_lambda="1 - step / 31")),
    ("lr-dead", "warning", toy("manual", run={"steps": 100}, values={0: 1, 94: 9e-5})),
    ("lr-dead", None, toy("manual", run={"steps": 100}, values={0: 1, 95: 9e-5})),
    ("lr-dead", None, toy("manual", run={"steps": 100}, values={0: 1, 94: 1e-4})),
    ("lr-dead", None, toy("range-test", min_lr=1e-7, max_lr=1)),
    ("lr-above-peak", "warning", toy("lambda", lr_lambda="1.0 if step < 10 else 1.02")),
    ("lr-above-peak", None, toy("lambda", lr_lambda="1.0 if step < 10 else 1.0099")),
    ("eta-min-above-lr", "error", toy("cosine", optimizer=GROUPS, eta_min=0.05)),
    ("eta-min-above-lr", None, toy("cosine", optimizer=GROUPS, eta_min=0.01)),
    ("degenerate-argument", "error", toy("step", step_size=0)),
    ("degenerate-argument", "error", toy("cosine", T_max=0)),
    ("degenerate-argument", "error", toy("linear", total_iters=0)),
    ("degenerate-argument", "error", toy("cyclic", base_lr=0, max_lr=1, step_size_up=0)),
    ("degenerate-argument", "error", toy("cosine", T_max="1%")),
    ("fractional-count", "error", toy("constant", total_iters=2.5)),
    ("fractional-count", "error", toy("multistep", milestones=[2.0, 3.5])),
    ("fractional-count", None, toy("multistep", milestones=[2.0])),
    ("onecycle-phase", "error", toy(**ONECYCLE, pct_start=1 / 32)),
    ("onecycle-phase", None, toy(**ONECYCLE, pct_start=2 / 32)),
    ("onecycle-phase", "error", toy(**ONECYCLE, pct_start=1.0)),
    ("onecycle-phase", "warning", toy(**ONECYCLE, pct_start=0.6, three_phase=True)),
    ("onecycle-phase", None, toy(**ONECYCLE, pct_start=0.5, three_phase=True)),
    ("lambda-absolute", "warning", toy("lambda", optimizer={"lr": 0.09}, lr_lambda="0.0944")),
    ("lambda-absolute", None, toy("lambda", optimizer={"lr": 0.09}, lr_lambda="0.0946")),
    ("lambda-absolute", None, toy("lambda", optimizer={"lr": 0.2}, lr_lambda="0.2")),
    ("optimizer-lr-ignored", "info", toy("cyclic", base_lr=0.01, max_lr=0.1)),
    ("group-lr-flattened", "warning", toy("swa", optimizer=GROUPS, swa_lr=0.01)),
    ("group-lr-flattened", None, toy("swa", optimizer=SAME, swa_lr=0.01)),
    ("momentum-changed", "info", toy("onecycle", optimizer={"name": "adamw"}, max_lr=0.1)),
    ("momentum-changed", "warning", toy("onecycle", optimizer={"name": "sgd", "lr": 0.1}, max_lr=0.1)),
    ("momentum-changed", "info", toy("onecycle", max_lr=0.1)),
    ("momentum-changed", None, toy("onecycle", optimizer={"name": "adamw", "betas": [0.95, 0.99]}, max_lr=0.1)),
    ("momentum-changed", None, toy("onecycle", optimizer={"name": "adamw"}, max_lr=0.1, max_momentum=0.95)),
    ("momentum-changed", "info", toy("cyclic", optimizer={"name": "adamw"}, base_lr=0.01, max_lr=0.1)),
    ("momentum-changed", None, toy("onecycle", optimizer={"momentum": 0.9}, max_lr=0.1)),
    ("plateau-negative-metric", "error", toy("plateau", metric=[1.0] * 30 + [-1.0])),
    ("plateau-negative-metric", None, toy("plateau", metric=[1.0] * 30 + [0.0])),
    ("plateau-patience", "warning", toy("plateau", metric="1", patience=32)),
    ("plateau-patience", None, toy("plateau", metric="1", patience=31)),
]


def severities(findings: Any, rule: str) -> list[str]:
    return [finding.severity for finding in findings if finding.rule == rule]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_fires_on_its_example(examined: Any, rule: Any) -> None:
    assert severities(examined(rule.example, **rule.given), rule.name)[:1] == [rule.severity]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_to_write_instead_is_well_made(examined: Any, rule: Any) -> None:
    given = rule.given if rule.given_instead is None else rule.given_instead
    assert [finding for finding in examined(rule.near_miss, **given) if finding.severity != "info"] == []
    assert severities(examined(rule.near_miss, **given), rule.name) == []


@pytest.mark.parametrize(
    ("rule", "severity", "document"), CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)]
)
def test_threshold(examined: Any, rule: str, severity: str | None, document: Any) -> None:
    assert severities(examined(document), rule)[:1] == ([severity] if severity else [])


@pytest.mark.parametrize("name", ["val_acc", "Accuracy", "f1", "val/auc", "mAP50", "mean_iou", "valBleu", "top1.acc"])
def test_names_that_are_better_when_higher(examined: Any, name: str, tmp_path: Any) -> None:
    (tmp_path / "log.csv").write_text(f"{name}\n" + "0.5\n" * 31)
    assert severities(examined(toy("plateau", metric_csv=f"log.csv:{name}")), "plateau-mode") == ["error"]


@pytest.mark.parametrize("name", ["loss", "val_loss", "perplexity", "vacuum", "mapping_error"])
def test_names_that_are_not(examined: Any, name: str, tmp_path: Any) -> None:
    (tmp_path / "log.csv").write_text(f"{name}\n" + "0.5\n" * 31)
    assert severities(examined(toy("plateau", metric_csv=f"log.csv:{name}")), "plateau-mode") == []


def test_a_function_of_python_can_be_absolute(examined: Any) -> None:
    document = toy("lambda", optimizer={"lr": 0.01}, lr_lambda=lambda epoch: 0.01 * 0.9**epoch)
    assert severities(examined(document), "lambda-absolute") == ["warning"]


IS_OLDER = not hasattr(torch.optim.lr_scheduler.LRScheduler, "_update_lr")  # as 2.4 is
NESTED = "AttributeError when the scheduler is built" if IS_OLDER else "NotImplementedError at step 8"

MESSAGES = [
    ("unit-mismatch", toy("cosine", run=TEN, T_max=10), "1,000 / 10 = 100, the steps per epoch", 10),
    ("cycle-overrun", toy(**ONECYCLE, total_steps=20), "step 20 (epoch 2)", 20),
    ("cycle-overrun", toy(**ONECYCLE, total_steps=20), "11 steps are lost, 34% of the run", 20),
    ("unfinished", sequence([8], LINEAR, {"name": "cosine", "T_max": 32}), "needs 32 steps and has 24", 31),
    ("nested-container", sequence([8], LINEAR, chained(STEP)["scheduler"]), NESTED, 8),
    ("degenerate-argument", toy("constant", factor=0, total_iters=6), "divides by zero at its end, step 6", 6),
    ("lr-negative", toy("lambda", lr_lambda="1 - step / 16"), "from step 17 on, down to -0.000937", 17),
    ("lr-dead", toy("exponential", gamma=0.5), "18 of 32 steps (56%)", 14),
    ("lr-dead", toy("exponential", run=CUT, gamma=0.001), "19 of 35 steps", 16),
    ("lr-jump", after_flat(0.25), "by a factor of 4: 0.00025 to 0.001", 8),
    ("milestone-unreached", toy("multistep", milestones=[8, 40, 50]), "milestones 40, 50 are never reached", None),
]


@pytest.mark.parametrize(("rule", "document", "message", "step"), MESSAGES, ids=[case[0] for case in MESSAGES])
def test_says_it_in_numbers_and_where(examined: Any, rule: str, document: Any, message: str, step: int | None) -> None:
    found = next(finding for finding in examined(document) if finding.rule == rule)
    assert message in found.message
    assert found.step == step


def test_accelerate_leaves_a_onecycle_where_it_ended(examined: Any) -> None:
    findings = examined(toy(**ONECYCLE, run={**ACCELERATE, "grad_accum": 4}, total_steps=60))
    found = next(finding for finding in findings if finding.rule == "cycle-overrun")
    assert found.message == (
        "OneCycleLR has 60 steps and the run steps it 128 times: optimizer step 15 (epoch 1) trains with a learning "
        "rate past its end, and accelerate leaves it there"
    )
    assert {finding.rule for finding in findings}.isdisjoint({"unfinished", "replay-failed"})


def test_a_onecycle_one_step_short_raises_after_all_training(examined: Any) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=31)
    for _ in range(31):
        optimizer.step()
        scheduler.step()
    optimizer.step()
    with pytest.raises(ValueError, match="Tried to step 32 times"):
        scheduler.step()
    found = next(each for each in examined(toy(**ONECYCLE, total_steps=31)) if each.rule == "cycle-overrun")
    words = "and the last scheduler.step() of the loop, after all training, raises ValueError; 1 step in 4 epochs"
    assert words in found.message


def test_a_onecycle_that_another_follows_one_step_past_its_end_raises_nothing(examined: Any) -> None:
    document = sequence([11], CYCLE_OF_TEN, {"name": "exponential", "gamma": 0.99})
    assert replay(load(document), partial=True).failure is None
    found = next(each for each in examined(document) if each.rule == "cycle-overrun")
    assert found.message.endswith("optimizer step 10 (epoch 1) trains with a learning rate past its end")


def test_a_late_swa_start_is_named(examined: Any) -> None:
    findings = examined(toy("swa", swa_lr=1e-4, swa_start=40))
    assert [finding.message for finding in findings if finding.rule == "milestone-unreached"] == [
        "swa_start = 40 is never reached: the run has 32 scheduler steps"
    ]


def test_what_lies_beyond_the_run_is_put_at_its_last_step(examined: Any) -> None:
    findings = examined(toy(**ONECYCLE, total_steps=40, pct_start=1.0))
    assert [finding.step for finding in findings if finding.rule == "onecycle-phase"] == [31]


@pytest.mark.parametrize(
    ("steps", "where"),
    [({3}, "at step 3"), ({3, 5}, "at step 3, the first of 2 steps"), ({30, 31}, "from step 30 on")],
)
def test_where_a_rate_is_not_finite_is_told(examined: Any, steps: set[int], where: str) -> None:
    document = toy("lambda", lr_lambda=lambda step: math.inf if step in steps else 1.0)
    (finding,) = (finding for finding in examined(document) if finding.rule == "lr-not-finite")
    assert finding.message == f"the learning rate is inf {where}"
