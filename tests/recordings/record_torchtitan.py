"""Record what torchtitan's LRSchedulersContainer sets, into torchtitan.json.

    pip install --no-deps torchtitan==0.3.0
    python tests/recordings/record_torchtitan.py

components/optimizer/lr_scheduler.py is loaded by itself, with stubs for torchtitan's configuration, logger and
optimizers, which need what a schedule does not (tyro, torchdata). The loop is that of torchtitan's trainer: the
scheduler is stepped after each step of the optimizer. A case says what each group trained with, past the end, too, and
what was raised after how many steps.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import torch

PAST = 6
RATES = (0.3, 0.0007)

Arguments = dict[str, Any]


class Configurable:
    """Stands for torchtitan's base class of what has a configuration."""

    @dataclass(kw_only=True, slots=True)
    class Config:
        """Stands for its configuration."""


def cases() -> Iterator[tuple[int, Arguments]]:
    """Yield every case: the steps of the training, and what its configuration says."""
    for steps in (12, 300):
        yield steps, {}
    types_, factors = ("linear", "sqrt", "cosine"), (0.0, 0.1)
    for kind, factor, warmup, ratio in product(types_, factors, (0, 1, 4), (None, 0.0, 0.25, 0.5, 0.97, 1.0)):
        yield 14, settings(kind, factor, warmup, ratio)
    for kind, steps, warmup in product(types_, (1, 2, 9), (0, 1, 2, 9, 10)):
        yield steps, settings(kind, 0.0, warmup, None)
        yield steps, settings(kind, 0.3, warmup, 0.5)
    for kind, total in product(types_, (10, 20)):
        yield 14, {**settings(kind, 0.2, 3, 0.45), "total_steps": total}


def settings(kind: str, factor: float, warmup: int, ratio: float | None) -> Arguments:
    given = {"decay_type": kind, "min_lr_factor": factor, "warmup_steps": warmup}
    return given if ratio is None else {**given, "decay_ratio": ratio}


def container() -> Any:
    """Load the class that makes torchtitan's schedule."""
    stubs: dict[str, dict[str, Any]] = {
        "torchtitan.config": {"Configurable": Configurable},
        "torchtitan.tools.logging": {"logger": logging.getLogger("torchtitan")},
        "torchtitan.components.optimizer.optimizer": {"OptimizersContainer": list},
    }
    logging.getLogger("torchtitan").setLevel(logging.CRITICAL)
    for name in ("torchtitan", "torchtitan.tools", "torchtitan.components", "torchtitan.components.optimizer"):
        sys.modules[name] = types.ModuleType(name)
    for name, found in stubs.items():
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(found)
    name = "torchtitan.components.optimizer.lr_scheduler"
    paths = [Path(folder, *name.split(".")).with_suffix(".py") for folder in sys.path]
    spec = importlib.util.spec_from_file_location(name, next(filter(Path.exists, paths)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module.LRSchedulersContainer


def recorded(cls: Any, steps: int, arguments: Arguments) -> Arguments:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in RATES]
    optimizer = torch.optim.AdamW(groups, lr=RATES[0])
    rates: list[list[float]] = []
    error = None
    try:
        scheduler = cls.Config(**arguments).build(optimizers=[optimizer], training_steps=steps)
        for _ in range(steps + PAST):
            rates.append([float(group["lr"]) for group in optimizer.param_groups])
            optimizer.step()
            scheduler.step()
    except AssertionError as raised:
        error = [len(rates), type(raised).__name__, str(raised)]
    case: Arguments = {"steps": steps, "arguments": arguments, "lr": [list(each) for each in zip(*rates, strict=True)]}
    return case if error is None else case | {"error": error}


def main() -> None:
    cls = container()
    lines = [json.dumps(recorded(cls, *case)) for case in cases()]
    head = json.dumps({"torchtitan": version("torchtitan"), "torch": torch.__version__, "rates": RATES})[:-1]
    path = Path(__file__).with_name("torchtitan.json")
    path.write_text(head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
