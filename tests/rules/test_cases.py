"""Schedules as bug reports have them: the cause alone is told, and its fix, made word for word, is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
import torch

from lrviz.rules import RULES, Finding
from lrviz.rules.changes import apply_changes, contradict


class Bad(NamedTuple):
    """A document, and the one finding that tells the cause: its rule, its severity, and words of its message."""

    rule: str
    severity: str
    words: str
    document: dict[str, Any]


def case(run: dict[str, Any], scheduler: dict[str, Any], optimizer: dict[str, Any] | None = None, **rest: Any) -> Any:
    return {"run": run, "optimizer": optimizer or {"lr": 0.1, "momentum": 0.9}, **rest, "scheduler": scheduler}


def linear(length: Any, start: float = 0.01, end: float = 1.0) -> dict[str, Any]:
    return {"name": "linear", "start_factor": start, "end_factor": end, "total_iters": length}


def cosine(length: Any = None) -> dict[str, Any]:
    return {"name": "cosine"} if length is None else {"name": "cosine", "T_max": length}


def sequence(milestones: list[Any], *schedulers: dict[str, Any]) -> dict[str, Any]:
    return {"name": "sequential", "milestones": milestones, "schedulers": list(schedulers)}


def chain(*schedulers: dict[str, Any]) -> dict[str, Any]:
    return {"name": "chained", "schedulers": list(schedulers)}


def function(text: Any) -> dict[str, Any]:
    return {"name": "lambda", "lr_lambda": text}


def restarts(period: Any, factor: int = 1) -> dict[str, Any]:
    return {"name": "cosine-restarts", "T_0": period, "T_mult": factor}


def multistep(*milestones: Any) -> dict[str, Any]:
    return {"name": "multistep", "milestones": list(milestones)}


def plateau(metric: Any, **rest: Any) -> dict[str, Any]:
    return {"name": "plateau", "metric": metric, **rest}


FORTY = {"epochs": 40, "steps_per_epoch": 120}
BY_EPOCH = {**FORTY, "interval": "epoch"}
LIGHTNING = {**FORTY, "framework": "lightning"}
ACCUMULATED = {"dataset_size": 4800, "batch_size": 16, "grad_accum": 3, "epochs": 8}  # 300 batches, 100 steps
DEVICES = {"steps": 1500, "framework": "accelerate", "world_size": 3}
DEVICES_BY_EPOCH = {**BY_EPOCH, "framework": "accelerate", "world_size": 3}
ROUNDED = {"dataset_size": 1000, "batch_size": 64, "epochs": 20}  # 15.6 batches
THOUSAND = {"steps": 1000}
ADAM = {"name": "adam", "lr": 1e-3}
ONECYCLE = {"name": "onecycle", "max_lr": 0.1}
CYCLE = {"name": "cyclic", "base_lr": 0.01, "max_lr": 0.1}
TWO = {"momentum": 0.9, "groups": [{"name": "body", "lr": 0.02}, {"name": "head", "lr": 0.1}]}
ACCURACY = "0.9 - 0.8 * exp(-epoch / 7)"
ROOT = "(20 + epoch) ** -0.5"

IS_OLDER = not hasattr(torch.optim.lr_scheduler.LRScheduler, "_update_lr")  # as 2.4 is

UNIT = "unit-mismatch"

BAD = {
    "cosine of epochs, per batch": Bad(UNIT, "error", "4,800 / 40 = 120, the steps per epoch", case(FORTY, cosine(40))),
    "cosine of batches, per epoch": Bad(UNIT, "error", "it counts optimizer steps", case(BY_EPOCH, cosine(4800))),
    "warmup and cosine of epochs, per batch": Bad(
        UNIT, "error", "4,800 / 40 = 120", case(FORTY, sequence([4], linear(4), cosine(36)))
    ),
    "warmup of steps, cosine of epochs": Bad(UNIT, "error", "it counts epochs", case(FORTY, cosine(40), warmup=300)),
    "milestones of epochs, per batch": Bad(
        UNIT, "error", "over after 0.25 of 40 epochs", case(FORTY, multistep(20, 30))
    ),
    "milestones of epochs after a warmup of steps": Bad(
        UNIT, "error", "over after 0.25 of 40 epochs", case(FORTY, multistep(20, 30), warmup=300)
    ),
    "steps of epochs, per batch": Bad(
        UNIT, "error", "it counts epochs", case(FORTY, {"name": "step", "step_size": 12, "gamma": 0.2})
    ),
    "growing steps, per batch": Bad(
        UNIT, "error", "it counts epochs", case(FORTY, {"name": "step", "step_size": 12, "gamma": 5})
    ),
    "steps of batches, per epoch": Bad(
        UNIT, "error", "it counts optimizer steps", case(BY_EPOCH, {"name": "step", "step_size": 1200})
    ),
    "decay of each epoch, per batch": Bad(
        UNIT,
        "error",
        "multiplies the learning rate by 0.931 at each step",
        case(FORTY, {"name": "exponential", "gamma": 0.931}),
    ),
    "decay of each epoch after a warmup, per batch": Bad(
        UNIT, "error", "by 0.9 at each step", case(FORTY, {"name": "exponential", "gamma": 0.9}, warmup=240)
    ),
    "function of the epoch, per batch": Bad(
        UNIT, "error", "at every optimizer step: 4,800 times in 40 epochs", case(FORTY, function("0.9 ** epoch"))
    ),
    "function of the epoch that falls below 0, per batch": Bad(
        UNIT, "error", "counts epochs", case(FORTY, function("1 - epoch / 40"))
    ),
    "plateau per batch": Bad(
        UNIT, "error", "waits for 5 epochs", case(FORTY, plateau("max(0.3, 0.9 ** epoch)", patience=5))
    ),
    "warmup of epochs, per batch": Bad(
        "default-warmup",
        "warning",
        "takes 4 of 12,000 steps",
        case({"epochs": 40, "steps_per_epoch": 300}, cosine(), warmup=4),
    ),
    "warmup of epochs in a sequence, per batch": Bad(
        "default-warmup",
        "warning",
        "next to none",
        case({"epochs": 40, "steps_per_epoch": 300}, sequence([4], linear(4), cosine(11_996))),
    ),
    "a long start at 0": Bad(
        "zero-first-step", "warning", "the first 100 steps train", case(THOUSAND, function("min(1, step // 100)"))
    ),
    "a line that does not fall": Bad(
        "never-moves",
        "warning",
        "it is 0.1 in every step",
        case(THOUSAND, {"name": "linear", "start_factor": 1.0, "total_iters": 900}),
    ),
    "restarts of epochs, per batch": Bad(UNIT, "error", "restarts after 0.067 of 40 epochs", case(FORTY, restarts(8))),
    "growing restarts of epochs, per batch": Bad(
        UNIT, "error", "restarts after 0.067 of 40 epochs", case(FORTY, restarts(8, 2))
    ),
    "more restarts than epochs": Bad(UNIT, "error", "restarts after 0.5 of 40", case(FORTY, restarts(60))),
    "warmup of steps in Lightning": Bad(
        UNIT, "error", "Lightning steps it once an epoch by default", case(LIGHTNING, cosine(), warmup=400)
    ),
    "warmup and cosine of steps in Lightning": Bad(
        UNIT, "error", "Lightning", case(LIGHTNING, sequence([400], linear(400), cosine(4400)))
    ),
    "warmup of steps and cosine of epochs in Lightning": Bad(
        UNIT, "error", "Lightning", case(LIGHTNING, cosine(38), warmup=400)
    ),
    "warmup of steps beside a plateau, in Lightning": Bad(
        UNIT, "error", "the warmup has a length of 400", case(LIGHTNING, plateau("max(0.3, 0.9 ** epoch)"), warmup=400)
    ),
    "a warmup that a plateau writes itself, of steps, in Lightning": Bad(
        UNIT,
        "error",
        "LinearLR (warmup) has a length of 400",
        case(LIGHTNING, plateau("max(0.3, 0.9 ** epoch)", warmup=linear(400))),
    ),
    "a warmup from 0 before the milestone that ends it": Bad(
        "warmup-milestone-mismatch",
        "warning",
        "Warmup (schedulers[0]) takes 90 steps",
        case(THOUSAND, sequence([40], {"name": "warmup", "total_iters": 90}, cosine())),
    ),
    "function of the step in Lightning": Bad(
        UNIT, "error", "counts steps", case(LIGHTNING, function("min(1, (step + 1) / 400)"))
    ),
    "OneCycle of steps in Lightning": Bad(
        UNIT, "error", "Lightning", case(LIGHTNING, {**ONECYCLE, "total_steps": 4800})
    ),
    "OneCycle of epochs, per batch": Bad(
        UNIT, "error", "it counts epochs", case(FORTY, {**ONECYCLE, "total_steps": 40})
    ),
    "cycles of steps in Lightning": Bad(UNIT, "error", "Lightning", case(LIGHTNING, {**CYCLE, "step_size_up": 600})),
    "accumulation forgotten": Bad(UNIT, "error", "2,400 / 800 = 3", case(ACCUMULATED, cosine(2400))),
    "accumulation forgotten, warmup too": Bad(
        UNIT, "error", "2,400 / 800 = 3, the batches accumulated", case(ACCUMULATED, cosine(2100), warmup=300)
    ),
    "accumulation forgotten in a sequence": Bad(
        UNIT, "error", "2,400 / 800 = 3", case(ACCUMULATED, sequence([300], linear(300), cosine(2100)))
    ),
    "accumulation forgotten in a sequence after a warmup": Bad(
        UNIT,
        "error",
        "2,400 / 800 = 3",
        case(ACCUMULATED, sequence([900], {"name": "constant", "factor": 1.0}, cosine(1200)), warmup=300),
    ),
    "period of batches under accumulation": Bad(
        UNIT, "warning", "one period is 3 epochs", case(ACCUMULATED, restarts(300))
    ),
    "devices forgotten": Bad(
        UNIT,
        "error",
        "the devices (world_size)",
        case({"dataset_size": 9000, "batch_size": 10, "world_size": 3}, cosine(3600)),
    ),
    "devices of accelerate forgotten": Bad(UNIT, "error", "4,500 / 1,500 = 3", case(DEVICES, cosine(1500))),
    "devices of accelerate forgotten, warmup too": Bad(
        UNIT, "error", "4,500 / 1,500 = 3", case(DEVICES, cosine(1400), warmup=100)
    ),
    "warmup too short under accelerate": Bad(
        UNIT, "warning", "is over after 66.67 optimizer steps", case(DEVICES, cosine(), warmup=200)
    ),
    "milestones under accelerate": Bad(
        UNIT, "warning", "is over after 400 optimizer steps", case(DEVICES, multistep(900, 1200))
    ),
    "steps by epoch under accelerate": Bad(
        UNIT, "error", "is over after 4 epochs", case(DEVICES_BY_EPOCH, {"name": "step", "step_size": 12, "gamma": 0.3})
    ),
    "plateau under accelerate": Bad(
        UNIT, "error", "with the same metric", case(DEVICES_BY_EPOCH, plateau("max(0.3, 0.9 ** epoch)", patience=6))
    ),
    "plateau with torch's patience under accelerate": Bad(
        UNIT,
        "error",
        "its patience of 10 is over after 3.333 epochs",
        case(DEVICES_BY_EPOCH, plateau("max(0.3, 0.9 ** epoch)")),
    ),
    "function by epoch under accelerate": Bad(
        UNIT, "warning", "3 times too fast", case(DEVICES_BY_EPOCH, function("0.97 ** epoch"))
    ),
    "cosine that comes back": Bad("cosine-rebound", "error", "after T_max = 700 of 1,000", case(THOUSAND, cosine(700))),
    "cosine of one epoch": Bad(
        "cosine-rebound",
        "error",
        "T_max = 12 (the steps of an epoch)",
        case({"epochs": 9, "steps_per_epoch": 12}, cosine(12)),
    ),
    "warmup taken off twice": Bad(
        "cosine-rebound", "error", "after T_max = 800 of 900", case(THOUSAND, cosine(800), warmup=100)
    ),
    "warmup not taken off": Bad(
        "unfinished", "warning", "needs 1,000 steps and has 850", case(THOUSAND, cosine(1000), warmup=150)
    ),
    "cosine for ever": Bad("unfinished", "warning", "almost all of the peak", case(THOUSAND, cosine(10**9))),
    "a period longer than the run": Bad("unfinished", "warning", "has 1,000", case(THOUSAND, restarts(1500))),
    "OneCycle rounded down": Bad(
        "cycle-overrun",
        "error",
        "20 steps in 20 epochs: rounded down where the loop rounds up",
        case(ROUNDED, {**ONECYCLE, "epochs": 20, "steps_per_epoch": 15}),
    ),
    "cosine rounded up": Bad(
        "off-by-one-steps", "warning", "20 more than the 300", case({**ROUNDED, "drop_last": True}, cosine(320))
    ),
    "warmup longer than the run": Bad(
        "never-peaks", "error", "takes 1,600 steps, and the run has 1,000", case(THOUSAND, linear(1600))
    ),
    "warmup longer than the run, before a cosine": Bad(
        "never-peaks", "error", "the warmup takes 1,600 steps", case(THOUSAND, cosine(), warmup=1600)
    ),
    "cycles longer than the run": Bad("never-peaks", "error", "CyclicLR takes 4,000 steps", case(THOUSAND, CYCLE)),
    "warmup as long as the run": Bad(
        "milestone-unreached",
        "warning",
        "all 1,000 steps of the run: CosineAnnealingLR",
        case(THOUSAND, cosine(), warmup="100%"),
    ),
    "warmup as long as the run, in a sequence": Bad(
        "milestone-unreached", "warning", "never starts", case(THOUSAND, sequence([1000], linear(1000), cosine(1)))
    ),
    "polynomial of five steps": Bad(
        "default-length", "error", "5 of 1,000 steps", case(THOUSAND, {"name": "polynomial", "power": 2})
    ),
    "function still warming up": Bad(
        "still-rising",
        "warning",
        "0.0333, is that of the last step",
        case(THOUSAND, function("min(1, (step + 1) / 3000)")),
    ),
    "function past its end": Bad(
        "rises-again", "warning", "at step 750 of 1,000", case(THOUSAND, function("0.5 * (1 + cos(pi * step / 750))"))
    ),
    "function that bounces": Bad(
        "rises-again", "warning", "rises again", case(THOUSAND, function("0.5 * (1 + cos(pi * step / 55))"))
    ),
    "restart at the last epoch": Bad(
        "ends-high", "warning", "100% of its peak", case({**BY_EPOCH, "epochs": 41}, restarts(8))
    ),
    "cycle cut at its top": Bad("ends-high", "warning", "of its peak", case(THOUSAND, {**CYCLE, "step_size_up": 200})),
    "function that restarts at the last step": Bad(
        "ends-high", "warning", "of its peak", case({"steps": 901}, function("0.5 * (1 + cos(pi * (step % 90) / 90))"))
    ),
    "step decay after the run": Bad(
        "never-moves", "warning", "decays after 50 steps and has 40", case(BY_EPOCH, {"name": "step", "step_size": 50})
    ),
    "function that never moves": Bad(
        "never-moves", "warning", "it is 0.1 in every step", case(BY_EPOCH, function("0.1 ** (epoch // 60)"))
    ),
    "half of the rate": Bad(
        "far-below-base",
        "warning",
        "40% of the optimizer's 0.001",
        case(THOUSAND, function("0.4 * 0.999 ** step"), ADAM),
    ),
    "a rate for a factor": Bad(
        "lambda-absolute",
        "warning",
        "which gives 1e-06",
        case(THOUSAND, function("0.001 * min(1, (step + 1) / 90)"), ADAM),
    ),
    "a factor that grows": Bad(
        "lr-above-peak", "warning", "8 times the 0.1", case(BY_EPOCH, function("2 ** (epoch // 10)"))
    ),
    "a decay turned round": Bad(
        "lr-above-peak", "warning", "27 times", case(BY_EPOCH, {"name": "step", "step_size": 10, "gamma": 3})
    ),
    "accuracy taken for a loss": Bad("plateau-mode", "error", "rises from 0.1", case(BY_EPOCH, plateau(ACCURACY))),
    "loss taken for an accuracy": Bad(
        "plateau-mode", "error", "falls from 1.2", case(BY_EPOCH, plateau("0.2 + exp(-epoch / 7)", mode="max"))
    ),
    "a list of accuracies": Bad(
        "plateau-mode",
        "error",
        "the metric rises",
        case({"epochs": 9, "interval": "epoch"}, plateau([0.3, 0.4, 0.55, 0.5, 0.6, 0.7, 0.72, 0.71], patience=2)),
    ),
    "a plateau that never comes": Bad(
        "plateau-idle", "warning", "each is an improvement", case(BY_EPOCH, plateau(ROOT, patience=4))
    ),
    "a plateau at its floor": Bad(
        "plateau-idle", "warning", "min_lr = 0.1 is not below 0.1", case(BY_EPOCH, plateau("1", patience=4, min_lr=0.1))
    ),
    "rewards below zero": Bad(
        "plateau-negative-metric", "error", "is negative", case(BY_EPOCH, plateau("-1 + exp(-epoch / 3)", patience=4))
    ),
    "one rate for two groups": Bad(
        "group-lr-flattened",
        "warning",
        "max_lr = 0.1 and base_lr = 0.01",
        case(THOUSAND, {**CYCLE, "step_size_up": 250, "cycle_momentum": False}, TWO),
    ),
    "a milestone twice, out of order": Bad(
        "milestone-duplicate", "warning", "milestone 30 is repeated", case(BY_EPOCH, multistep(20, 30, 30, 12))
    ),
    "milestones out of order": Bad(
        "milestone-unsorted",
        "error",
        "schedulers[1] is skipped",
        case(THOUSAND, sequence([600, 100], linear(100), {"name": "constant", "factor": 1.0}, cosine(400))),
    ),
    "a milestone before the end of the warmup": Bad(
        "warmup-milestone-mismatch",
        "warning",
        "the learning rate jumps there",
        case(THOUSAND, sequence([60], linear(180), cosine(940))),
    ),
    "a product far below the peak": Bad(
        "chained-warmup", "warning", "90% of 0.1", case(THOUSAND, chain(linear(200), cosine(1000)))
    ),
    "a plateau in a chain with a function": Bad(
        "plateau-in-container", "error", "its step takes a metric", case(BY_EPOCH, chain(function("0.5"), plateau("1")))
    ),
    "a chain in a sequence": Bad(
        "nested-container",
        "error",
        "AttributeError" if IS_OLDER else "NotImplementedError",
        case(THOUSAND, sequence([100], linear(100), chain(linear(50), {"name": "exponential", "gamma": 0.99}))),
    ),
    "OneCycle after a warmup": Bad(
        "lr-overwritten",
        "error",
        "to 0.004, not 0.1",
        case(THOUSAND, sequence([100], linear(100), {**ONECYCLE, "total_steps": 900})),
    ),
    "OneCycle in a sequence after a warmup along a curve": Bad(
        "lr-overwritten",
        "error",
        "to 0.004, not 0.1",
        {
            **case(THOUSAND, sequence([100], cosine(100), {**ONECYCLE, "total_steps": 800}), warmup=100),
            "warmup_shape": "quadratic",
        },
    ),
}


def alarms(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity != "info"]


@pytest.mark.parametrize("name", BAD)
def test_the_cause_alone_is_told(examined: Any, name: str) -> None:
    (finding,) = alarms(examined(BAD[name].document))
    assert (finding.rule, finding.severity) == BAD[name][:2]
    assert BAD[name].words in finding.message


DOCUMENTS: dict[str, Mapping[str, Any]] = {
    **{name: bad.document for name, bad in BAD.items()},
    **{name: rule.example for name, rule in RULES.items() if not rule.given},
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_fix_is_right(examined: Any, name: str) -> None:
    """With the changes of any finding made it is gone, and nothing is worse than before."""
    document = DOCUMENTS[name]
    before = examined(document)
    for finding in (finding for finding in before if finding.changes):
        after = examined(apply_changes(document, finding.changes))
        assert (finding.rule, finding.severity) not in {(other.rule, other.severity) for other in after}
        known = {other.rule for other in before if other.severity == "error"}
        assert {other.rule for other in after if other.severity == "error"} <= known


@pytest.mark.parametrize("name", DOCUMENTS)
def test_all_fixes_together_leave_no_error(examined: Any, name: str) -> None:
    found = examined(DOCUMENTS[name])
    changes = [change for finding in found for change in finding.changes]
    assert not any(contradict(first, second) for first in changes for second in changes)
    after = examined(apply_changes(DOCUMENTS[name], changes))
    unfixed = {finding.rule for finding in found if not finding.changes}
    assert {finding.rule for finding in after if finding.severity == "error"} <= unfixed


@pytest.mark.parametrize("name", [name for name, document in DOCUMENTS.items() if "warmup" in document])
def test_who_writes_a_warmup_is_told_of_nothing_else(examined: Any, name: str) -> None:
    """The sequence that `warmup:` stands for is in no message, snippet or change."""
    for finding in examined(DOCUMENTS[name]):
        if "schedulers" not in DOCUMENTS[name]["scheduler"]:
            said = f"{finding.message} {finding.fix} {finding.snippet} {[change.field for change in finding.changes]}"
            assert "schedulers" not in said
            assert "milestones[0]" not in said or "milestones" in DOCUMENTS[name]["scheduler"]


@pytest.mark.parametrize(
    "name", [name for name, bad in BAD.items() if {"schedulers", "warmup"} & {*bad.document["scheduler"]}]
)
def test_a_warmup_of_no_steps_changes_nothing(examined: Any, name: str) -> None:
    document = {key: value for key, value in BAD[name].document.items() if not key.startswith("warmup")}
    alone, beside = (
        [(one.rule, one.message, one.changes) for one in examined(each)]
        for each in (document, {"warmup": "0%", **document})
    )
    assert beside == alone


def test_what_explains_is_a_rule() -> None:
    assert {name for rule in RULES.values() for name in rule.explains} <= {*RULES}


def test_no_two_rules_explain_each_other() -> None:
    assert not [name for name, rule in RULES.items() for other in rule.explains if name in RULES[other].explains]
