"""Record what detectron2's schedules set, into detectron2.json.

    pip install --no-deps fvcore iopath yacs
    python tests/recordings/record_detectron2.py FILE

detectron2 is in no package registry. FILE is its detectron2/solver/lr_scheduler.py, of COMMIT, which needs torch and
fvcore only; its WarmupParamScheduler and LRMultiplier are put together as build_lr_scheduler of
detectron2/solver/build.py does with the settings of SOLVER, which cases have in lower case, STEPS as milestones. The
scheduler is stepped after each step of the optimizer. A case says what each group trained with, past the end, too, and
what was raised after how many steps.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import torch
from fvcore.common.param_scheduler import CosineParamScheduler, MultiStepParamScheduler

COMMIT = "606437e6008b3e91acfff572061dbd1d71110087"
LENGTHS = (0, 1, 5, 17)
PAST = 4
BASE_LR = 0.3
RATES = (0.3, 0.0007)

Arguments = dict[str, Any]


def cases() -> Iterator[tuple[str, Arguments]]:
    """Yield every case: the name of its schedule and its settings."""
    warmups: list[Arguments] = [
        {"warmup_iters": warmup, "warmup_method": method, "rescale_interval": rescale, "warmup_factor": factor}
        for warmup, method, rescale, factor in product(
            (0, 1, 5, 17), ("linear", "constant"), (False, True), (0.001, 0.3)
        )
        if warmup or (method, factor) == ("linear", 0.001)
    ]
    for warmup in warmups:
        yield "WarmupMultiStepLR", {**warmup, "max_iter": 17, "milestones": [8, 13], "gamma": 0.1}
        yield "WarmupCosineLR", {**warmup, "max_iter": 17}
    for rescale in (False, True):
        warmup = {"warmup_iters": 6, "warmup_method": "linear", "rescale_interval": rescale, "warmup_factor": 0.01}
        for steps, gamma in (([], 0.1), ([3], 0.5), ([1, 2, 16], 0.7), ([4, 30, 20], 0.1), ([17], 0.1), ([5, 4], 0.1)):
            yield "WarmupMultiStepLR", {**warmup, "max_iter": 17, "milestones": steps, "gamma": gamma}
        for end in (0.03, 0.3, 0.0001, 0.31):
            yield "WarmupCosineLR", {**warmup, "max_iter": 17, "base_lr_end": end}
        for length in (1, 2, 6, 7, 30):
            yield "WarmupMultiStepLR", {**warmup, "max_iter": length, "milestones": [20], "gamma": 0.1}
            yield "WarmupCosineLR", {**warmup, "max_iter": length, "warmup_iters": 40}
    yield "WarmupMultiStepLR", {"max_iter": 30}
    yield "WarmupCosineLR", {"max_iter": 30}


def build(module: Any, name: str, optimizer: Any, given: Arguments) -> Any:
    """Put a schedule together from its settings, as detectron2 does."""
    length = given["max_iter"]
    if name == "WarmupMultiStepLR":
        steps = [step for step in given.get("milestones", [30_000]) if step <= length]
        values = [given.get("gamma", 0.1) ** number for number in range(len(steps) + 1)]
        schedule = MultiStepParamScheduler(values=values, milestones=steps, num_updates=length)
    else:
        end = given.get("base_lr_end", 0.0) / BASE_LR
        assert end >= 0.0
        assert end <= 1.0, end
        schedule = CosineParamScheduler(1, end)
    warmed = module.WarmupParamScheduler(
        schedule,
        given.get("warmup_factor", 1.0 / 1000),
        min(given.get("warmup_iters", 1000) / length, 1.0),
        given.get("warmup_method", "linear"),
        given.get("rescale_interval", False),
    )
    return module.LRMultiplier(optimizer, multiplier=warmed, max_iter=length)


def recorded(module: Any, name: str, given: Arguments) -> Arguments:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in RATES]
    optimizer = torch.optim.SGD(groups, lr=BASE_LR)
    rates: list[list[float]] = []
    error = None
    try:
        scheduler = build(module, name, optimizer, given)
        for _ in range(given["max_iter"] + PAST):
            rates.append([float(group["lr"]) for group in optimizer.param_groups])
            optimizer.step()
            scheduler.step()
    except Exception as raised:  # noqa: BLE001  whatever it raises
        error = [len(rates), type(raised).__name__, str(raised)]
    case: Arguments = {"name": name, "arguments": given, "lr": [list(column) for column in zip(*rates, strict=True)]}
    return case if error is None else case | {"error": error}


def main() -> None:
    spec = importlib.util.spec_from_file_location("lr_scheduler", sys.argv[1])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lines = [json.dumps(recorded(module, *case)) for case in cases()]
    versions = {"detectron2": COMMIT, "fvcore": version("fvcore"), "torch": torch.__version__}
    head = json.dumps({**versions, "base_lr": BASE_LR, "rates": RATES})[:-1]
    path = Path(__file__).with_name("detectron2.json")
    path.write_text(head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
