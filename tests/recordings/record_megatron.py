"""Record what Megatron's OptimizerParamScheduler sets, into megatron.json.

    pip download --no-deps megatron-core==0.19.2
    unzip megatron_core-0.19.2-*.whl -d FOLDER
    python tests/recordings/record_megatron.py FOLDER ANOTHER-FOLDER

Each FOLDER holds one version, which must all set the same. megatron/core/optimizer_param_scheduler.py is loaded by
itself, with a stub for the one function that it takes from Megatron, which logs. The loop is that of Megatron's
training.py: the scheduler is stepped by `increment`, the samples of an iteration, after each step of the optimizer. A
case says what each group trained with, past the end, too.
"""

from __future__ import annotations

import importlib.util
import json
import runpy
import sys
import types
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch

STEPS = 18

Arguments = dict[str, Any]

BASIC = {
    "init_lr": 0.0,
    "max_lr": 0.3,
    "min_lr": 0.03,
    "lr_warmup_steps": 4,
    "lr_decay_steps": 12,
    "lr_decay_style": "linear",
    "start_wd": 0.1,
    "end_wd": 0.1,
    "wd_incr_steps": 12,
    "wd_incr_style": "constant",
}
STYLES = ("constant", "linear", "cosine", "inverse-square-root")
WSD_STYLES = ("linear", "cosine", "exponential", "minus_sqrt")
PLAIN: list[Arguments] = [{}]
GROUPS: list[Arguments] = [{"wd_mult": 0.0}, {"max_lr": 0.7, "min_lr": 0.001, "wd_mult": 0.3}]
OWN_DECAY: list[Arguments] = [{"start_wd": 0.0, "end_wd": 0.0}, {"end_wd": 0.8}]


def cases() -> Iterator[tuple[Arguments, list[Arguments], int]]:
    """Yield every case: its arguments, what each of its groups has for itself, and the samples of an iteration."""
    for style, warmup, decay in product(STYLES, (0, 1, 4), (5, 12, 30)):
        yield {**BASIC, "lr_decay_style": style, "lr_warmup_steps": warmup, "lr_decay_steps": decay}, PLAIN, 1
    for style, warmup, decay in product(WSD_STYLES, (0, 3), (0, 1, 5, 15)):
        wsd = {"lr_decay_style": "WSD", "wsd_decay_steps": decay, "lr_wsd_decay_style": style}
        yield {**BASIC, **wsd, "lr_warmup_steps": warmup}, PLAIN, 1
    for style, wd_style, steps in product(STYLES, ("linear", "cosine"), (1, 7, 40)):
        wd = {"start_wd": 0.01, "end_wd": 0.5, "wd_incr_steps": steps, "wd_incr_style": wd_style}
        yield {**BASIC, **wd, "lr_decay_style": style, "init_lr": 0.07}, PLAIN, 1
    for style, groups in product((*STYLES, "WSD"), (GROUPS, OWN_DECAY)):
        wd = {"start_wd": 0.01, "end_wd": 0.5, "wd_incr_style": "cosine", "wsd_decay_steps": 3}
        yield {**BASIC, **wd, "lr_decay_style": style, "lr_wsd_decay_style": "exponential"}, groups, 1
    for style, increment in product((*STYLES, "WSD"), (7, 512)):
        lengths = {name: increment * BASIC[name] for name in ("lr_warmup_steps", "lr_decay_steps", "wd_incr_steps")}
        wsd = {"wsd_decay_steps": increment * 3, "lr_wsd_decay_style": "minus_sqrt", "lr_decay_style": style}
        wd = {"start_wd": 0.01, "end_wd": 0.5, "wd_incr_style": "linear"}
        yield {**BASIC, **lengths, **wsd, **wd}, GROUPS, increment
        odd = {"lr_warmup_steps": 4 * increment - 3, "lr_decay_steps": 11 * increment + 2, "wd_incr_steps": 1000}
        yield {**BASIC, **odd, **wsd, **wd}, PLAIN, increment
    yield {**BASIC, "min_lr": 0.0, "lr_decay_steps": 1, "lr_warmup_steps": 0}, PLAIN, 1
    yield {**BASIC, "min_lr": 0.3, "init_lr": 0.3}, PLAIN, 1


def module_of(folder: Path) -> Any:
    """Load one version's scheduler, with a stub for Megatron's logging."""
    utils = types.ModuleType("megatron.core.utils")
    utils.log_single_rank = lambda *_: None  # type: ignore[attr-defined]
    for name in ("megatron", "megatron.core"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["megatron.core.utils"] = utils
    path = folder / "megatron" / "core" / "optimizer_param_scheduler.py"
    spec = importlib.util.spec_from_file_location("optimizer_param_scheduler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def version_of(folder: Path) -> str:
    return str(runpy.run_path(str(folder / "megatron" / "core" / "package_info.py"))["__version__"])


def recorded(cls: Any, arguments: Arguments, groups: list[Arguments], increment: int) -> Arguments:
    made = [{"params": [torch.nn.Parameter(torch.zeros(1))], **group} for group in groups]
    optimizer = torch.optim.AdamW(made, lr=0.3, weight_decay=0.1)
    scheduler = cls(optimizer, **arguments)
    rates: list[list[float]] = []
    decays: list[list[float]] = []
    for _ in range(STEPS):
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
        decays.append([float(group["weight_decay"]) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step(increment=increment)
    columns = {"lr": columns_of(rates), "weight_decay": columns_of(decays)}
    return {"arguments": arguments, "groups": groups, "increment": increment, **columns}


def columns_of(rows: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]


def main() -> None:
    folders = [Path(given) for given in sys.argv[1:]]
    classes = [module_of(folder).OptimizerParamScheduler for folder in folders]
    lines = []
    for case in cases():
        found = [json.dumps(recorded(cls, *case)) for cls in classes]
        if len(set(found)) != 1:
            raise SystemExit(f"the versions differ: {found}")
        lines.append(found[0])
    head = json.dumps({"megatron-core": [version_of(folder) for folder in folders], "torch": torch.__version__})[:-1]
    path = Path(__file__).with_name("megatron.json")
    path.write_text(head + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")


if __name__ == "__main__":
    main()
