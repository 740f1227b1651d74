"""Record what the real timm's schedulers set, epoch by epoch, into timm.json.

    pip install -c constraints.txt torch
    pip install --no-deps timm numpy
    python tests/recordings/record_timm.py

timm's schedulers need torch and numpy alone, but `import timm` asks for torchvision; so its `__init__` is passed
over by an empty module with its path. A case records the rate of each parameter group at step 0, as the
constructor leaves it, and after `step(t)`, or `step_update(t)` without t_in_epochs, for t = 1, 2, ...: the same
for both, or the script stops. What the constructor or a step raises is recorded with the steps until then.
`--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import types
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

STEPS = 26
BASES = (0.1, 0.037)
METRIC = [0.1, 0.2, 0.2, 0.2, 0.15, 0.3, 0.3, 0.3, 0.3, 0.1, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, *[0.40001] * 10]

Arguments = dict[str, Any]

WARMUPS: tuple[Arguments, ...] = (
    {},
    {"warmup_t": 4},
    {"warmup_t": 5, "warmup_lr_init": 1e-3},
    {"warmup_t": 1, "warmup_lr_init": 1e-5},
    {"warmup_t": 14, "warmup_lr_init": 0.05},
    {"warmup_t": 40},
)
NOISES: tuple[Arguments, ...] = (
    {"noise_range_t": 6},
    {"noise_range_t": 0, "warmup_t": 4},
    {"noise_range_t": [3, 9], "noise_pct": 0.1, "noise_seed": 7},
    {"noise_range_t": [2.5, 20.25], "noise_std": 0.25, "warmup_t": 5, "warmup_lr_init": 1e-3},
    {"noise_range_t": 4, "lr_scale": [0.75, 0.5625]},
)
SCALED: tuple[Arguments, ...] = (
    {"lr_scale": [0.75, 0.5625]},
    {"lr_scale": [1.0, 0.1], "warmup_t": 5, "warmup_lr_init": 1e-3},
)
CYCLES: tuple[Arguments, ...] = (
    {"t_initial": 1},
    {"t_initial": 1, "cycle_limit": 3, "cycle_decay": 0.5},
    {"t_initial": 2, "warmup_t": 4},
    {"t_initial": 12, "lr_min": 1e-3},
    {"t_initial": 7, "lr_min": 0.05, "warmup_t": 3},
    {"t_initial": 5, "cycle_limit": 3},
    {"t_initial": 5, "cycle_limit": 30, "cycle_decay": 0.7, "lr_min": 1e-3},
    {"t_initial": 3, "cycle_mul": 2.0, "cycle_limit": 3, "cycle_decay": 0.5},
    {"t_initial": 3, "cycle_mul": 3.0, "cycle_limit": 9, "warmup_t": 2},
    {"t_initial": 4, "cycle_mul": 1.5, "cycle_limit": 4, "warmup_t": 3, "warmup_prefix": True, "lr_min": 1e-4},
    {"t_initial": 10, "cycle_mul": 0.5, "cycle_limit": 5},
    {"t_initial": 12, "cycle_limit": 0},
    {"t_initial": 8, "cycle_decay": 1.5, "cycle_limit": 2},
)
K_DECAY: tuple[Arguments, ...] = (
    {"k_decay": 2.0},
    {"k_decay": 0.5, "warmup_t": 4, "warmup_prefix": True},
    {"k_decay": 1.5, "t_initial": 4, "cycle_mul": 2.0, "cycle_limit": 2},
)
FALLS: tuple[Arguments, ...] = ({"decay_rate": 0.1}, {"decay_rate": 1.0}, {"decay_rate": 0.0}, {"decay_rate": 2.0})
WSD: tuple[Arguments, ...] = (
    *({"decay_fn": name} for name in ("linear", "1-sqrt", "cosine", "power", "exp")),
    *({"decay_fn": name, "lr_min": 1e-2, "decay_t": 12} for name in ("cosine", "power", "exp")),
    {"decay_fn": "power", "decay_power": 2.0},
    {"decay_fn": "exp", "decay_ratio": 0.01},
    {"decay_fn": "power", "decay_power": 0.3, "lr_min": 0.05},
    {"stable_fn": "rsqrt", "warmup_t": 4},
    {"stable_fn": "rsqrt", "stable_timescale": 2.5, "decay_fn": "linear"},
    {"stable_fn": "power", "stable_timescale": 10, "stable_power": 0.7, "lr_min": 0.04},
    {"stable_fn": "power", "warmup_t": 6, "warmup_lr_init": 1e-3},
    {"t_initial": 1, "decay_t": 1},
    {"t_initial": 2, "decay_t": 2, "warmup_t": 3},
    {"t_initial": 12, "decay_t": 13},
    {"stable_fn": "rsqrt"},
)
PLATEAU: tuple[Arguments, ...] = (
    {"patience_t": 2, "decay_rate": 0.5},
    {"patience_t": 0, "decay_rate": 0.5, "lr_min": 0.01},
    {"patience_t": 1, "decay_rate": 0.3, "cooldown_t": 3},
    {"patience_t": 1, "decay_rate": 0.5, "threshold": 0.5},
    {"patience_t": 1, "decay_rate": 0.5, "mode": "min"},
    {"patience_t": 1, "decay_rate": 0.5, "mode": "min", "threshold": 0.3, "cooldown_t": 1},
    {"patience_t": 0, "decay_rate": 0.01, "mode": "min"},
    {"patience_t": 1, "decay_rate": 0.5, "noise_range_t": [4, 22], "noise_type": "uniform"},
    {"patience_t": 1, "decay_rate": 0.5, "noise_range_t": 3, "warmup_t": 5, "noise_type": "uniform", "noise_pct": 0.2},
    {"patience_t": 2, "decay_rate": 0.0},
)


def matrix() -> Iterator[tuple[str, Arguments]]:
    """Yield every case: the class and its arguments, lr_scale being the groups' own."""
    plain = (*WARMUPS, *NOISES, *SCALED)
    prefixed = (*({**case, "warmup_prefix": True} for case in (*WARMUPS[1:], NOISES[3], SCALED[1])),)
    unprefixed = (*({**case, "warmup_prefix": False} for case in (*WARMUPS[1:], SCALED[1])),)
    for name in ("Cosine", "Tanh", "Poly"):
        for case in (*plain, *prefixed, *CYCLES, *(() if name == "Tanh" else K_DECAY)):
            yield name, {"t_initial": 20, **case}
    yield "Tanh", {"t_initial": 20, "lb": -4.0, "ub": 4.0, "warmup_t": 3}
    yield "Tanh", {"t_initial": 10, "lb": -7.5, "ub": 2.0, "lr_min": 1e-3, "cycle_limit": 2}
    for power in (1.0, 2.0, 0.9, 0.0):
        yield "Poly", {"t_initial": 20, "power": power, "lr_min": 1e-4}
    for case in (*plain, *unprefixed, *FALLS):
        yield "Step", {"decay_t": 6, "decay_rate": 0.5, **case}
        yield "MultiStep", {"decay_t": [4, 9, 9, 15], "decay_rate": 0.5, **case}
    for decay_t in (1, 2.5, 0.75, 40):
        yield "Step", {"decay_t": decay_t, "decay_rate": 0.9}
    for milestones in ([], [0, 1], [1, 2, 3], [9, 3], [26]):
        yield "MultiStep", {"decay_t": milestones, "decay_rate": 0.5}
    for case in (*plain, *WSD):
        yield "WSD", {"t_initial": 18, "decay_t": 5, **case}
    for case in (*plain, *PLATEAU):
        yield "Plateau", {"patience_t": 3, "decay_rate": 0.5, **case}


def recorded(schedulers: Any, name: str, given: Arguments, **clock: Any) -> Arguments:
    """Return a case: the rates of both groups, and what was raised after how many steps."""
    own = {key: value for key, value in given.items() if key != "lr_scale"}
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1)], "lr": base} for base in BASES], lr=BASES[0])
    for group, scale in zip(optimizer.param_groups, given.get("lr_scale", ()), strict=False):
        group["lr_scale"] = scale
    rates: list[list[float]] = [[] for _ in BASES]
    case = {"name": f"timm-{name.lower()}", "arguments": given, "lr": rates}
    try:
        scheduler = getattr(schedulers, f"{name}LRScheduler")(optimizer, **own, **clock)
        for t in range(STEPS):
            if t and clock:
                scheduler.step_update(t)
            elif t:
                scheduler.step(t, METRIC[t - 1])
            for group, column in zip(optimizer.param_groups, rates, strict=True):
                column.append(float(group["lr"]))
    except Exception as error:  # noqa: BLE001  whatever timm raises
        case["error"] = [len(rates[0]), type(error).__name__]
    return case


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("timm.json"))
    to = options.parse_args().to
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("timm is not installed")
    sys.modules["timm"] = package = types.ModuleType("timm")
    package.__path__ = list(spec.submodule_search_locations)
    schedulers = importlib.import_module("timm.scheduler")
    warnings.simplefilter("ignore")
    cases = []
    for name, given in matrix():
        cases.append(recorded(schedulers, name, given))
        if name != "Plateau" and recorded(schedulers, name, given, t_in_epochs=False) != cases[-1]:
            raise SystemExit(f"step and step_update differ: {name} {given}")
    head = f'"timm": "{version("timm")}", "torch": "{torch.__version__}", "bases": {json.dumps(BASES)}'
    lines = ",\n".join(json.dumps(case) for case in cases)
    to.write_text(f'{{{head}, "metric": {json.dumps(METRIC)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
