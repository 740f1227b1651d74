"""Record what timm makes of the arguments of its train.py into timm-args.json.

    pip install -c constraints.txt torch
    pip install --no-deps timm numpy
    python tests/recordings/record_timm_args.py

A case has arguments that differ from train.py's own (`defaults`), the updates of an epoch, and what
`create_scheduler_v2(**scheduler_kwargs(args))` makes of them: the epochs to train, and the learning rate of every epoch
or, with sched_on_updates, of every update. `--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import types
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

LR, UPDATES = 0.1, 3
DEFAULTS: dict[str, Any] = {
    "sched": "cosine", "sched_on_updates": False, "lr_noise": None, "lr_noise_pct": 0.67, "lr_noise_std": 1.0,
    "lr_cycle_mul": 1.0, "lr_cycle_decay": 0.5, "lr_cycle_limit": 1, "lr_k_decay": 1.0, "warmup_lr": 1e-5,
    "min_lr": 0, "epochs": 300, "decay_milestones": [90, 180, 270], "decay_epochs": None, "warmup_epochs": 5,
    "warmup_prefix": False, "cooldown_epochs": 0, "patience_epochs": 10, "decay_rate": 0.1, "seed": 42,
    "eval_metric": "top1",
}  # fmt: skip
SHORT: dict[str, Any] = {"epochs": 20, "warmup_epochs": 3}
OWN: tuple[dict[str, Any], ...] = (
    {"sched": "cosine"},
    {"sched": "cosine", "min_lr": 1e-3, "cooldown_epochs": 4},
    {"sched": "cosine", "warmup_prefix": True, "cooldown_epochs": 2},
    {"sched": "cosine", "lr_cycle_limit": 3, "cooldown_epochs": 1},
    {"sched": "cosine", "lr_cycle_limit": 3, "lr_cycle_mul": 1.5, "lr_cycle_decay": 0.3, "warmup_prefix": True},
    {"sched": "cosine", "lr_k_decay": 1.5, "lr_noise": [0.4, 0.9]},
    {"sched": "cosine", "lr_noise": 0.5, "lr_noise_pct": 0.2, "lr_noise_std": 0.5, "seed": 7},
    {"sched": "tanh", "warmup_lr": 1e-3},
    {"sched": "tanh", "lr_cycle_limit": 2, "warmup_prefix": True, "lr_noise": [0.4]},
    {"sched": "poly", "decay_rate": 0.9, "lr_k_decay": 2.0, "min_lr": 1e-4},
    {"sched": "step", "decay_epochs": 6, "cooldown_epochs": 5},
    {"sched": "step", "decay_epochs": 2.5, "decay_rate": 0.9},
    {"sched": "step", "decay_epochs": 4, "warmup_prefix": True},
    {"sched": "step", "epochs": 100},
    {"sched": "multistep", "decay_milestones": [6, 12, 15], "decay_rate": 0.3},
    {"sched": "multistep", "decay_milestones": [4, 9], "warmup_prefix": True},
    {"sched": "wsd"},
    {"sched": "wsd", "decay_epochs": 5, "min_lr": 1e-3, "lr_decay_fn": "cosine", "warmup_prefix": True},
    {"sched": "wsd", "decay_epochs": 0.3, "cooldown_epochs": 2},
    {"sched": "rsqrt"},
    {"sched": "rsqrt", "lr_stable_timescale": 2.5, "decay_epochs": 4},
    {"sched": "rsqrt", "lr_decay_fn": "1-sqrt", "decay_epochs": 0.5},
    {"sched": "constant"},
    {"sched": "constant", "warmup_epochs": 0},
    {"sched": "none"},
)


def recorded(scheduler: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return a case."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=LR)
    args = argparse.Namespace(**DEFAULTS | given)
    options = scheduler.scheduler_factory.scheduler_kwargs(args)
    made, epochs = scheduler.create_scheduler_v2(optimizer, **options, updates_per_epoch=UPDATES)
    rates = []
    for t in range(epochs * UPDATES if args.sched_on_updates else epochs):
        if t and made:
            made.step_update(t) if args.sched_on_updates else made.step(t)
        rates.append(float(optimizer.param_groups[0]["lr"]))
    return {"arguments": given, "epochs": epochs, "lr": rates}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("timm-args.json"))
    to = options.parse_args().to
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.submodule_search_locations is None:
        raise SystemExit("timm is not installed")
    sys.modules["timm"] = package = types.ModuleType("timm")  # whose own __init__ asks for torchvision
    package.__path__ = list(spec.submodule_search_locations)
    scheduler = importlib.import_module("timm.scheduler")
    warnings.simplefilter("ignore")
    cases = [recorded(scheduler, SHORT | own) for own in OWN]
    cases += [recorded(scheduler, {**SHORT, **own, "sched_on_updates": True}) for own in OWN]
    head = f'"timm": "{version("timm")}", "torch": "{torch.__version__}", "lr": {LR}, "updates": {UPDATES}'
    lines = ",\n".join(json.dumps(case) for case in cases)
    to.write_text(f'{{{head}, "defaults": {json.dumps(DEFAULTS)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
