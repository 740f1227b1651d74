"""Well-made schedules come out without an error or a warning; the gallery with those it truly has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lrviz import replay
from lrviz.documents import load
from lrviz.rules import examine

SGD = {"lr": 0.1, "momentum": 0.9}
ADAMW = {"name": "adamw", "lr": 3e-4}
IMAGENET = {"dataset_size": 1_281_167, "batch_size": 256, "epochs": 90}
PER_EPOCH = {**IMAGENET, "interval": "epoch"}
CIFAR = {"dataset_size": 50_000, "batch_size": 128, "epochs": 30}
DEVICES = {**CIFAR, "grad_accum": 4, "world_size": 8}
SEVENTY = {"epochs": 70, "steps_per_epoch": 20}
SHORT = {"epochs": 40, "steps_per_epoch": 50}
SQUARE = {"epochs": 40, "steps_per_epoch": 40}
PREPARED = {"steps": 10_000, "framework": "accelerate", "world_size": 4}


def linear(length: Any, start: float = 0.01, end: float = 1.0) -> dict[str, Any]:
    return {"name": "linear", "start_factor": start, "end_factor": end, "total_iters": length}


def sequence(milestones: list[Any], *schedulers: dict[str, Any]) -> dict[str, Any]:
    return {"name": "sequential", "milestones": milestones, "schedulers": list(schedulers)}


def case(run: dict[str, Any], optimizer: dict[str, Any], warmup: Any = None, **scheduler: Any) -> dict[str, Any]:
    document = {"run": run, "optimizer": optimizer, "scheduler": scheduler}
    return document if warmup is None else {**document, "warmup": warmup}


HOLD = {"name": "constant", "factor": 1.0, "total_iters": 1}
NOAM = "512 ** -0.5 * min((step + 1) ** -0.5, (step + 1) * 400 ** -1.5)"
ROOT = "min((step + 1) / 100, (100 / (step + 1)) ** 0.5)"
FLAT = "max(0.3, 0.9 ** epoch)"
RATES = "0.0003 * (1 - step / total)"
DECAYING = "0.7 ** floor(step / 250) * 0.5 * (1 + cos(pi * (step % 250) / 250))"
CYCLE = {"name": "cyclic", "base_lr": 0.01, "max_lr": 0.1}
TWO = {"name": "adamw", "betas": [0.95, 0.99], "groups": [{"name": "a", "lr": 1e-4}, {"name": "b", "lr": 1e-3}]}

WELL_MADE = {
    "warmup, then cosine": case({"steps": 2000}, ADAMW, "5%", name="cosine"),
    "warmup, then cosine, in epochs": case(CIFAR, SGD, "5ep", name="cosine", T_max="rest"),
    "warmup, then cosine, written out": case(
        {"steps": 2000}, ADAMW, **sequence([100], linear(100), {"name": "cosine", "T_max": 1900, "eta_min": 3e-5})
    ),
    "warmup, then linear": case({"steps": 2000}, ADAMW, "6%", **linear("rest", 1.0, 0.0)),
    "warmup, stable, decay": case(
        {"steps": 2000}, ADAMW, **sequence(["5%", "rest"], linear("5%"), HOLD, linear("20%", 1.0, 0.0))
    ),
    "warmup of 5 epochs, then cosine, per epoch": case(PER_EPOCH, SGD, 5, name="cosine"),
    "OneCycle per batch": case(CIFAR, {"lr": 0.1, "momentum": 0.95}, name="onecycle", max_lr=0.1),
    "OneCycle, AdamW with its beta1": case(
        CIFAR, {"name": "adamw", "betas": [0.95, 0.999]}, name="onecycle", max_lr=1e-3
    ),
    "OneCycle, linear, short": case(SHORT, SGD, name="onecycle", max_lr=0.1, anneal_strategy="linear"),
    "OneCycle, two groups": case(SHORT, TWO, name="onecycle", max_lr=[1e-4, 1e-3]),
    "StepLR per epoch on ImageNet": case(PER_EPOCH, SGD, name="step", step_size=30),
    "MultiStepLR per epoch on ImageNet": case(PER_EPOCH, SGD, name="multistep", milestones=[30, 60, 80]),
    "MultiStepLR in epochs, per batch": case(CIFAR, SGD, name="multistep", milestones=["10ep", "20ep"]),
    "StepLR in epochs, per batch": case(CIFAR, SGD, name="step", step_size="10ep"),
    "restarts, T_mult 2": case(SEVENTY, SGD, name="cosine-restarts", T_0="10ep", T_mult=2),
    "restarts, T_mult 2, cut": case({**PER_EPOCH, "epochs": 100}, SGD, name="cosine-restarts", T_0=10, T_mult=2),
    "cyclic, many cycles": case(SHORT, SGD, **CYCLE, step_size_up="1ep"),
    "cyclic, many short cycles": case(SHORT, SGD, **CYCLE, step_size_up=7, mode="triangular2"),
    "cosine per epoch": case({**PER_EPOCH, "epochs": 200}, SGD, name="cosine", T_max=200),
    "cosine in Lightning": case({**CIFAR, "framework": "lightning"}, SGD, name="cosine", T_max=30),
    "cosine on 8 devices, accumulating": case(DEVICES, ADAMW, "5%", name="cosine"),
    "cosine in accelerate": case({**DEVICES, "framework": "accelerate"}, ADAMW, "5%", name="cosine"),
    "Noam": case({"steps": 2000}, {"name": "adam", "lr": 1.0}, name="lambda", lr_lambda=NOAM),
    "inverse square root": case({"steps": 2000}, ADAMW, name="lambda", lr_lambda=ROOT),
    "plateau": case(PER_EPOCH, SGD, name="plateau", metric=FLAT, patience=5, factor=0.5, min_lr=1e-3),
    "weight averaging": case({**PER_EPOCH, "epochs": 100}, SGD, name="swa", swa_lr=0.05, anneal_epochs=5, swa_start=75),
    "a warmup chained with steps": case(
        PER_EPOCH, SGD, name="chained", schedulers=[linear(5, 0.2), {"name": "step", "step_size": 30}]
    ),
    "polynomial": case({"steps": 3000}, SGD, name="polynomial", total_iters=3000, power=0.9),
    "exponential per epoch": case(PER_EPOCH, SGD, name="exponential", gamma=0.95),
    "range test": case({"steps": 100}, SGD, name="range-test", min_lr=1e-7, max_lr=10.0),
    "warmup, then restarts": case(SHORT, SGD, "1ep", name="cosine-restarts", T_0="13ep"),
    "warmup, then steps": case(PER_EPOCH, SGD, 5, name="multistep", milestones=[25, 55, 75]),
    "restarts of an epoch, as many steps as epochs": case(SQUARE, SGD, name="cosine-restarts", T_0="1ep"),
    "cycles of an epoch, as many steps as epochs": case(SQUARE, SGD, **CYCLE, step_size_up="0.5ep"),
    "half of the run on 2 devices": case({**CIFAR, "world_size": 2}, SGD, **linear("50%", 1.0, 0.1)),
    "a quarter of the run, accumulating 4": case({**CIFAR, "grad_accum": 4}, SGD, **linear("25%", 1.0, 0.1)),
    "restarts of 2 epochs, accumulating 2": case({**CIFAR, "grad_accum": 2}, SGD, name="cosine-restarts", T_0="2ep"),
    "OneCycle with some steps to spare": case(CIFAR, SGD, name="onecycle", max_lr=0.1, total_steps=11_750),
    "OneCycle with momenta of its own": case(
        SHORT, {"name": "adam", "betas": [0.9, 0.99]}, name="onecycle", max_lr=1e-3, base_momentum=0.85
    ),
    "a cosine a little short": case(CIFAR, SGD, name="cosine", T_max=11_700),
    "a warmup multiplied into a line": case(
        PER_EPOCH, SGD, name="chained", schedulers=[linear(3, 0.1), linear(90, 1.0, 0.01)]
    ),
    "a constant warmup": case(
        PER_EPOCH, SGD, **sequence([5], {"name": "constant", "factor": 0.01, "total_iters": 5}, {"name": "cosine"})
    ),
    "a constant warmup, held by its milestone": case(
        PER_EPOCH, SGD, **sequence([5], {"name": "constant", "factor": 0.1, "total_iters": 500}, {"name": "cosine"})
    ),
    "a constant end": case(
        {"steps": 2000}, SGD, **sequence([100, 1500], linear(100), HOLD, {"name": "constant", "total_iters": 10**6})
    ),
    "a warmup from a thousandth, as a function": case(
        PER_EPOCH, {"lr": 1e-3}, name="lambda", lr_lambda="0.001 + epoch * 0.1998 if epoch < 5 else 0.98 ** (epoch - 5)"
    ),
    "a constant function": case({"steps": 2000}, SGD, name="lambda", lr_lambda="1"),
    "rates as a function, for an optimizer at 1": case({"steps": 2000}, {"lr": 1.0}, name="lambda", lr_lambda=RATES),
    "a group held low": case({"steps": 2000}, TWO, name="lambda", lr_lambda=["0.1 * (1 - step / total)", "1"]),
    "a group warmed up from above": case(
        {"steps": 2000}, TWO, name="lambda", lr_lambda=["max(1, 10 - step / 20)", "1 - step / total"]
    ),
    "larger batches, larger rates": case(
        {"steps": 2000}, ADAMW, name="lambda", lr_lambda="1 if step < 500 else 1.5 if step < 900 else 1 - step / total"
    ),
    "decaying restarts, as a function, cut": case({"steps": 900}, SGD, name="lambda", lr_lambda=DECAYING),
    "a triangle, as a function": case({"steps": 2000}, SGD, name="lambda", lr_lambda="1 - 0.9 * abs(step / 1000 - 1)"),
    "a plateau of a loss that falls to the end": case(PER_EPOCH, SGD, name="plateau", metric="0.2 + exp(-epoch / 30)"),
    "a plateau of an accuracy": case(PER_EPOCH, SGD, name="plateau", metric="0.9 - 0.8 * exp(-epoch / 25)", mode="max"),
    "a plateau of a loss that turns": case(
        PER_EPOCH, SGD, name="plateau", metric="exp(-epoch / 9) + epoch / 99", patience=9, factor=0.5
    ),
    "a warmup of all devices under accelerate": case(PREPARED, ADAMW, 2000, name="cosine", T_max=38_000),
    "a share as warmup under accelerate": case(PREPARED, ADAMW, "5%", name="cosine"),
    "a warmup of scheduler steps under accelerate": case(PREPARED, ADAMW, 2000, name="cosine"),
    "a warmup of epochs in Lightning": case({**CIFAR, "framework": "lightning"}, SGD, 3, name="cosine"),
    "a slow exponential, per batch": case(CIFAR, SGD, name="exponential", gamma=0.9997),
    "a tiny step decay": case({}, SGD, name="step", step_size=4, gamma=0.5),
    "tiny restarts": case({}, SGD, name="cosine-restarts", T_0=4),
    "a tiny warmup": case({}, SGD, name="linear", total_iters=4),
}  # fmt: skip

GALLERY = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def alarms(document: Any) -> set[str]:
    experiment = load(document)
    findings = examine(experiment, replay(experiment, partial=True))
    return {finding.rule for finding in findings if finding.severity != "info"}


@pytest.mark.parametrize("name", WELL_MADE)
def test_well_made(name: str) -> None:
    assert alarms(WELL_MADE[name]) == set()


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_gallery(path: Path) -> None:
    assert alarms(path) == set()  # what was published so, says so in its own check section
