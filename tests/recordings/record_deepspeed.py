"""Record what the schedulers of many versions of DeepSpeed set, into deepspeed.json.

    pip download --no-deps --no-binary :all: --no-build-isolation deepspeed==0.19.8
    tar xzf deepspeed-0.19.8.tar.gz
    python tests/recordings/record_deepspeed.py FOLDER

FOLDER is where the sources of all VERSIONS were unpacked. deepspeed/runtime/lr_schedules.py is loaded by itself, with
a stub for the one thing that it takes from DeepSpeed, its logger. The loop is that of DeepSpeed's engine: the scheduler
is made, and stepped after each step of the optimizer. A result says what each group trained with, and what was raised
after how many steps; versions that do the same share one.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
import types
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch

MINORS = {14: (5,), 15: (1, 2, 3), 17: (0, 1, 2), 18: (9,), 19: (0, 2, 3, 4, 5, 6, 8)}
VERSIONS = [f"0.{minor}.{patch}" for minor, patches in MINORS.items() for patch in patches]
STEPS = 26

Arguments = dict[str, Any]

ONE = {"name": "sgd", "lr": 0.1}
TWO = {"name": "sgd", "lr": 0.1, "groups": [{"name": "a", "lr": 0.5}, {"name": "b", "lr": 0.003}]}
ADAMW = {**TWO, "name": "adamw"}

TYPES = ("log", "linear")
LOW_HIGH = {"warmup_min_lr": 0.01, "warmup_max_lr": 0.7}
LISTS = {"warmup_min_lr": [0.01, 0.002], "warmup_max_lr": [0.3, 0.04]}
CYCLE = {"cycle_min_lr": 0.01, "cycle_max_lr": 0.7}
DECAY = {"decay_step_size": 3, "decay_lr_rate": 0.3, "decay_mom_rate": 0.1}


def cases() -> Iterator[tuple[str, Arguments, Arguments]]:
    """Yield every case: its class, its optimizer and its arguments."""
    yield from (("WarmupLR", TWO, arguments) for arguments in warmups())
    yield from (("WarmupDecayLR", TWO, arguments) for arguments in decays())
    yield from (("WarmupCosineLR", TWO, arguments) for arguments in cosines())
    yield from (("LRRangeTest", TWO, arguments) for arguments in range_tests())
    yield from (("OneCycle", *case) for case in cycles())
    yield "WarmupLR", ONE, {"warmup_num_steps": 5}
    yield "WarmupDecayLR", ONE, {"total_num_steps": 20, "warmup_num_steps": 5, "warmup_max_lr": 0.1}
    yield "WarmupCosineLR", ONE, {"total_num_steps": 20, "warmup_num_steps": 5}


def warmups() -> Iterator[Arguments]:
    yield {}
    for steps, kind in product((0, 1, 2, 3, 7, 40), TYPES):
        yield {"warmup_num_steps": steps, "warmup_type": kind}
    for rates, kind in product((LOW_HIGH, LISTS, {"warmup_max_lr": 0.2}, {"warmup_min_lr": 0.3}), TYPES):
        yield {"warmup_num_steps": 9, "warmup_type": kind, **rates}


def decays() -> Iterator[Arguments]:
    yield {"total_num_steps": 20}
    for (total, steps), kind in product(((20, 0), (20, 1), (20, 4), (25, 10), (7, 7), (5, 8), (1, 1), (90, 6)), TYPES):
        yield {"total_num_steps": total, "warmup_num_steps": steps, "warmup_type": kind}
    for rates, kind in product((LOW_HIGH, LISTS), TYPES):
        yield {"total_num_steps": 21, "warmup_num_steps": 5, "warmup_type": kind, **rates}


def cosines() -> Iterator[Arguments]:
    yield {"total_num_steps": 20}
    for (total, steps), kind in product(((20, 0), (20, 1), (20, 4), (24, 10), (7, 7), (5, 8), (1, 1), (90, 6)), TYPES):
        yield {"total_num_steps": total, "warmup_num_steps": steps, "warmup_type": kind}
    for ratios, kind in product(({"warmup_min_ratio": 0.1}, {"cos_min_ratio": 0.2}, {"cos_min_ratio": 0.0}), TYPES):
        yield {"total_num_steps": 21, "warmup_num_steps": 5, "warmup_type": kind, **ratios}
    yield {"total_num_steps": 19, "warmup_num_steps": 3, "warmup_min_ratio": 0.3, "cos_min_ratio": 0.05}


def range_tests() -> Iterator[Arguments]:
    yield {}
    for size, rate, stairs in product((1, 4, 7), (1.0, 0.3), (False, True)):
        yield {
            "lr_range_test_min_lr": 0.0013,
            "lr_range_test_step_size": size,
            "lr_range_test_step_rate": rate,
            "lr_range_test_staircase": stairs,
        }
    yield {"lr_range_test_min_lr": [0.1, 0.003], "lr_range_test_step_size": 3}


def cycles() -> Iterator[tuple[Arguments, Arguments]]:
    """Yield OneCycle's optimizers and arguments."""
    yield ADAMW, CYCLE
    for first, second in ((7, None), (3, 8), (9, 4), (6, 0), (1, 1), (30, 30), (5, 20)):
        sizes = {"cycle_first_step_size": first} | ({} if second is None else {"cycle_second_step_size": second})
        for more in ({}, DECAY, {"cycle_first_stair_count": 3}):
            yield ADAMW, {**CYCLE, **sizes, **more}
    sizes = {"cycle_first_step_size": 10, "cycle_second_step_size": 7}
    for first, second in ((5, 2), (0, 3), (4, 0), (-1, 2), (20, None)):
        stairs = {"cycle_first_stair_count": first} | ({} if second is None else {"cycle_second_stair_count": second})
        yield ADAMW, {**CYCLE, **sizes, **DECAY, **stairs}
    for more in ({"decay_lr_rate": 0.3}, {"decay_step_size": 2}, {"decay_step_size": 2, "decay_mom_rate": 0.2}):
        yield ADAMW, {**CYCLE, **sizes, **more}
    yield ADAMW, {**CYCLE, **sizes, "cycle_momentum": False}
    yield ADAMW, {**CYCLE, **sizes, "cycle_min_mom": 0.5, "cycle_max_mom": 0.95}
    yield TWO, {**CYCLE, **sizes, **DECAY}
    lists = {"cycle_min_lr": [0.1, 0.02], "cycle_max_lr": [0.4, 0.3]}
    yield ADAMW, {**lists, **sizes, **DECAY}
    yield ADAMW, {**CYCLE, **sizes, "cycle_min_mom": [0.5, 0.6], "cycle_max_mom": [0.95, 0.9]}


def module_of(folder: Path, version: str) -> Any:
    """Load one version's schedulers, with a stub for DeepSpeed's logger."""
    utils = types.ModuleType("deepspeed.utils")
    utils.logger = logging.getLogger("deepspeed")  # type: ignore[attr-defined]
    utils.logger.setLevel(logging.CRITICAL)
    sys.modules |= {"deepspeed": types.ModuleType("deepspeed"), "deepspeed.utils": utils}
    path = folder / f"deepspeed-{version}" / "deepspeed" / "runtime" / "lr_schedules.py"
    spec = importlib.util.spec_from_file_location("lr_schedules", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def optimizer_of(document: Arguments) -> Any:
    groups = [{"lr": group["lr"]} for group in document.get("groups", [{"lr": document["lr"]}])]
    made = [{"params": [torch.nn.Parameter(torch.zeros(1))], **group} for group in groups]
    return {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[document["name"]](made, lr=document["lr"])


def recorded(cls: Any, document: Arguments, arguments: Arguments) -> Arguments:
    """Train with one scheduler, and return what every step trained with."""
    optimizer = optimizer_of(document)
    rates: list[list[float]] = []
    beta1: list[list[float]] = []
    error = None
    try:
        scheduler = cls(optimizer, **arguments)
        for _ in range(STEPS):
            rates.append([float(group["lr"]) for group in optimizer.param_groups])
            if "betas" in optimizer.defaults:
                beta1.append([float(group["betas"][0]) for group in optimizer.param_groups])
            optimizer.step()
            scheduler.step()
    except Exception as raised:  # noqa: BLE001  whatever it raises
        error = [len(rates), type(raised).__name__, str(raised)]
    result: Arguments = {"lr": columns(rates)}
    if any(momenta != beta1[0] for momenta in beta1):
        result["beta1"] = columns(beta1)
    return result if error is None else result | {"error": error}


def columns(rows: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]


def main() -> None:
    folder = Path(sys.argv[1])
    modules = {version: module_of(folder, version) for version in VERSIONS}
    lines = []
    for name, document, arguments in cases():
        results: list[Arguments] = []
        for version, module in modules.items():
            result = recorded(getattr(module, name), document, arguments)
            same = next((one for one in results if {**one, "versions": []} == {**result, "versions": []}), None)
            if same is None:
                results.append({"versions": [version], **result})
            else:
                same["versions"].append(version)
        lines.append(json.dumps({"class": name, "optimizer": document, "arguments": arguments, "results": results}))
    head = json.dumps({"deepspeed": VERSIONS, "torch": torch.__version__})[:-1]
    path = Path(__file__).with_name("deepspeed.json")
    path.write_text(head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
