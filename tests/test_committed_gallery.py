"""The committed gallery against plain torch loops: the numbers, and the markers read back out of the SVGs."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from torch.optim import lr_scheduler as torch_lr
from torch.optim.swa_utils import SWALR

GALLERY = Path(__file__).parent.parent / "gallery"
SVG = "{http://www.w3.org/2000/svg}"
XLINK = "{http://www.w3.org/1999/xlink}href"

Make = Callable[[torch.optim.Optimizer], Any]


def _chained(optimizer: torch.optim.Optimizer) -> Any:
    return torch_lr.ChainedScheduler([torch_lr.ExponentialLR(optimizer, 0.97), torch_lr.StepLR(optimizer, 12, 0.5)])


def _sequential(optimizer: torch.optim.Optimizer) -> Any:
    warmup = torch_lr.LinearLR(optimizer, 0.1, total_iters=8)
    cosine = torch_lr.CosineAnnealingLR(optimizer, 24, eta_min=1e-5)
    return torch_lr.SequentialLR(optimizer, [warmup, cosine], [8])


CYCLIC = {"base_lr": 1e-4, "max_lr": 1e-3, "step_size_up": 4}
ARTICLE: dict[str, Make] = {
    "step": lambda o: torch_lr.StepLR(o, step_size=4, gamma=0.5),
    "multistep": lambda o: torch_lr.MultiStepLR(o, milestones=[8, 24, 28], gamma=0.5),
    "constant": lambda o: torch_lr.ConstantLR(o, factor=0.5, total_iters=8),
    "linear": lambda o: torch_lr.LinearLR(o, start_factor=0.5, total_iters=8),
    "exponential": lambda o: torch_lr.ExponentialLR(o, gamma=0.5),
    "polynomial-1": lambda o: torch_lr.PolynomialLR(o, total_iters=8, power=1),
    "polynomial-2": lambda o: torch_lr.PolynomialLR(o, total_iters=8, power=2),
    "cosine": lambda o: torch_lr.CosineAnnealingLR(o, T_max=32, eta_min=1e-4),
    "cosine-restarts": lambda o: torch_lr.CosineAnnealingWarmRestarts(o, T_0=8, T_mult=1, eta_min=1e-4),
    "cyclic-triangular": lambda o: torch_lr.CyclicLR(o, **CYCLIC),
    "cyclic-triangular2": lambda o: torch_lr.CyclicLR(o, **CYCLIC, mode="triangular2"),
    "cyclic-exp-range": lambda o: torch_lr.CyclicLR(o, **CYCLIC, mode="exp_range", gamma=0.9),
    "onecycle": lambda o: torch_lr.OneCycleLR(o, 1e-3, steps_per_epoch=8, epochs=4, anneal_strategy="cos"),
    "onecycle-linear": lambda o: torch_lr.OneCycleLR(o, 1e-3, steps_per_epoch=8, epochs=4, anneal_strategy="linear"),
}
OTHERS: dict[str, Make] = {
    "lambda": lambda o: torch_lr.LambdaLR(o, lambda epoch: 0.9**epoch),
    "multiplicative": lambda o: torch_lr.MultiplicativeLR(o, lambda epoch: 0.9 if epoch < 16 else 0.8),
    "sequential": _sequential,
    "chained": _chained,
}
NOTEBOOK: dict[str, Make] = {
    "notebook-step": lambda o: torch_lr.StepLR(o, step_size=10, gamma=0.5),
    "notebook-linear": lambda o: torch_lr.LinearLR(o, start_factor=1, end_factor=0.1, total_iters=50),
    "notebook-cosine": lambda o: torch_lr.CosineAnnealingLR(o, T_max=100),
    "notebook-cosine-restarts": lambda o: torch_lr.CosineAnnealingWarmRestarts(o, T_0=20),
    "notebook-cyclic": lambda o: torch_lr.CyclicLR(
        o, base_lr=0, max_lr=1, step_size_up=10, step_size_down=10, mode="exp_range", gamma=0.99
    ),
    "notebook-onecycle": lambda o: torch_lr.OneCycleLR(o, max_lr=1.0, total_steps=100),
}
PER_EPOCH: dict[str, tuple[Make, float, int]] = {
    "mnist-step": (lambda o: torch_lr.StepLR(o, 5, gamma=0.1), 0.01, 10),
    "regression-step": (lambda o: torch_lr.StepLR(o, 10, gamma=0.1), 0.01, 100),
    "mnist-exponential": (lambda o: torch_lr.ExponentialLR(o, 0.1), 0.01, 10),
}


def loop(make: Make, steps: int, lr: float) -> list[float]:
    """Return the rates of a plain training loop."""
    optimizer = torch.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=lr)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def assert_is(curve: Any, rates: list[float]) -> None:
    """Compare a curve with rates: every bit by its digest, and the values where all are kept."""
    assert curve["sha256"] == hashlib.sha256(struct.pack(f"<{len(rates)}d", *rates)).hexdigest()
    assert len(rates) > 64 or curve["points"] == rates


@pytest.fixture(scope="module")
def curves() -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((GALLERY / "curves.json").read_text())
    return numbers


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", [*ARTICLE, *OTHERS])
def test_the_numbers_are_those_of_a_plain_loop(curves, name):
    make = (ARTICLE | OTHERS)[name]
    assert_is(curves[name]["lr"]["default"], loop(make, 32, 1e-3))


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", NOTEBOOK)
def test_the_notebooks_numbers_are_those_of_a_plain_loop(curves, name):
    # one step fewer is stepped than the loop does: OneCycleLR would be stepped past its end
    assert_is(curves[name]["lr"]["default"], loop(NOTEBOOK[name], 100, 1.0))


@pytest.mark.parametrize("name", PER_EPOCH)
def test_the_training_loops_step_once_an_epoch(curves, name):
    make, lr, epochs = PER_EPOCH[name]
    batches = 1 if name == "regression-step" else 938
    assert_is(curves[name]["lr"]["default"], [rate for rate in loop(make, epochs, lr) for _ in range(batches)])
    assert curves[name]["steps"] == epochs * batches


def test_swa_anneals_from_its_start(curves):
    optimizer = torch.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=1e-3)
    swa = SWALR(optimizer, 2e-4, anneal_epochs=8)
    rates = []
    for step in range(32):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step >= 16:
            swa.step()
    assert_is(curves["swa"]["lr"]["default"], rates)


class Axes:
    """What an SVG shows, in the units of its axes: pixels are read back through the labelled ticks."""

    def __init__(self, path: Path) -> None:
        self.groups = {group.get("id", ""): group for group in ElementTree.parse(path).iter(f"{SVG}g")}

    def marks(self, name: str) -> list[tuple[float, float]]:
        x, y = self.scale("xtick", "x"), self.scale("ytick", "y")
        uses = self.groups[name].iter(f"{SVG}use")
        return [(x(float(use.get("x", ""))), y(float(use.get("y", "")))) for use in uses]

    def scale(self, prefix: str, attribute: str) -> Callable[[float], float]:
        ticks = [group for name, group in self.groups.items() if re.fullmatch(rf"{prefix}_\d+", name)]
        labelled = []
        for tick in ticks:
            text, use = next(tick.iter(f"{SVG}text"), None), next(tick.iter(f"{SVG}use"), None)
            if text is not None and use is not None and text.text:
                labelled.append((float(use.get(attribute, "")), float(text.text)))
        (first, low), (last, high) = min(labelled), max(labelled)
        return lambda place: low + (place - first) * (high - low) / (last - first)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ARTICLE)
def test_every_marker_stands_where_the_loop_says(name):
    marks = Axes(GALLERY / f"{name}.svg").marks("line-0")
    expected = list(enumerate(loop(ARTICLE[name], 32, 1e-3)))
    assert len(marks) == 32
    for (x, y), (step, rate) in zip(marks, expected, strict=True):
        assert x == pytest.approx(step, abs=1e-3)
        assert y == pytest.approx(rate, abs=1e-8)


@pytest.mark.parametrize("name", ARTICLE)
def test_the_axes_are_the_articles(name):
    axes = Axes(GALLERY / f"{name}.svg")
    texts = [text.text for group in axes.groups.values() for text in group.findall(f"{SVG}text")]
    assert {"0", "8", "16", "24", "32", "Steps", "Learning Rate", "0.0000", "0.0010"} <= set(texts)
