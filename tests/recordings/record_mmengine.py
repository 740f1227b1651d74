"""Records the learning rates that mmengine's Runner trains with, for test_mmengine.py to hold lrviz to.

Run it where mmengine and what it needs is installed: `python tests/recordings/record_mmengine.py`. A model of two
parameters is trained by the real Runner, with its ParamSchedulerHook, and each step of the optimizer tells the
learning rates of its two parameter groups.
"""

import itertools
import json
import tempfile
from pathlib import Path

import mmengine
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler.lr_scheduler import CosineRestartLR  # noqa: F401  registered by that
from mmengine.runner import Runner
from torch.utils.data import DataLoader

HERE = Path(__file__).parent
LRS = (0.1, 0.02)
NUMBERS = itertools.count()
RUNS = ({"epochs": 6, "steps_per_epoch": 4}, {"steps": 24}, {"epochs": 24, "steps_per_epoch": 1})


class Model(BaseModel):
    """Two parameters, and a loss of both."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (torch.nn.Parameter(torch.ones(1)) for _ in LRS)

    def forward(self, x, mode="loss"):
        return {"loss": (self.first * self.second * x).sum()}


def trained(param_scheduler, run):
    """Return the learning rates of every step of the optimizer, one list for each parameter group."""
    model = Model()
    pairs = zip((model.first, model.second), LRS, strict=True)
    optimizer = torch.optim.SGD([{"params": [each], "lr": lr} for each, lr in pairs], lr=LRS[0])
    seen = [[] for _ in LRS]

    def read(*_):
        for rates, group in zip(seen, optimizer.param_groups, strict=True):
            rates.append(float(group["lr"]))

    optimizer.register_step_pre_hook(read)
    per_epoch = run.get("steps_per_epoch") or run["steps"]
    by_epoch = {"by_epoch": True, "max_epochs": run["epochs"]} if "epochs" in run else None
    with tempfile.TemporaryDirectory() as folder:
        Runner(
            model=model,
            work_dir=folder,
            train_dataloader=DataLoader([{"x": torch.ones(1)}] * per_epoch),
            train_cfg=by_epoch or {"by_epoch": False, "max_iters": run["steps"]},
            optim_wrapper=OptimWrapper(optimizer),
            param_scheduler=param_scheduler,
            default_hooks={"checkpoint": None, "logger": None},
            experiment_name=str(next(NUMBERS)),
            log_level="ERROR",
        ).train()
    return seen


def lone():
    """Yield the arguments of schedulers alone, by their type."""
    yield from (("LinearLR", args) for args in ({"end": 6}, {"start_factor": 0.001, "begin": 3, "end": 9}))
    yield from (("LinearLR", args) for args in ({}, {"start_factor": 1.0, "end_factor": 0.0}, {"end": 1}))
    yield "LinearLR", {"start_factor": 0.5, "end_factor": 0.9, "end": 40}
    yield from (("ConstantLR", args) for args in ({"end": 5}, {}, {"factor": 0.1, "begin": 2, "end": 3}, {"end": 1}))
    yield from (("StepLR", args) for args in ({"step_size": 5}, {"step_size": 2, "gamma": 0.5, "begin": 3, "end": 14}))
    yield "MultiStepLR", {"milestones": [3, 8]}
    yield "MultiStepLR", {"milestones": [2, 2, 0, 9], "gamma": 0.3, "begin": 4, "end": 12}
    yield from (("ExponentialLR", args) for args in ({"gamma": 0.9}, {"gamma": 0.7, "begin": 2, "end": 9}))
    yield "CosineAnnealingLR", {}
    yield "CosineAnnealingLR", {"T_max": 7, "eta_min": 0.001}
    yield "CosineAnnealingLR", {"T_max": 3, "eta_min_ratio": 0.05, "begin": 2, "end": 17}
    yield "CosineAnnealingLR", {"T_max": 1}
    yield "CosineAnnealingLR", {"begin": 5, "end": 12, "eta_min": 0.002}
    yield from (
        ("PolyLR", args) for args in ({}, {"power": 0.9, "eta_min": 1e-4}, {"power": 2.0, "begin": 3, "end": 9})
    )
    yield "PolyLR", {"end": 1}
    yield "CosineRestartLR", {"periods": [24], "eta_min": 0}
    yield "CosineRestartLR", {"periods": [4, 6], "restart_weights": [1, 0.5], "eta_min": 0.001}
    yield "CosineRestartLR", {"periods": [1, 3, 5], "restart_weights": [0.2, 1, 2], "eta_min_ratio": 0.1, "begin": 2}
    yield "OneCycleLR", {"eta_max": 0.3}
    yield "OneCycleLR", {"eta_max": 0.05, "total_steps": 24, "three_phase": True, "pct_start": 0.25}
    yield "OneCycleLR", {"eta_max": 0.3, "anneal_strategy": "linear", "div_factor": 10.0, "final_div_factor": 50.0}
    yield "OneCycleLR", {"eta_max": 0.3, "begin": 4, "end": 20}


def cases():
    """Yield the run and the schedulers of each case."""
    for (kind, args), run in itertools.product(lone(), RUNS):
        counted = {} if "epochs" in run else {"by_epoch": False}
        yield run, [{"type": kind, **args, **counted}]
    for kind, args in lone():
        if {"begin", "end"} <= args.keys() or not args:
            yield RUNS[0], [{"type": kind, **args, "by_epoch": False}]
    yield from (({"epochs": 6, "steps_per_epoch": 4}, each) for each in composed())


def composed():
    """Yield lists of schedulers, as mmdetection, mmsegmentation and mmpretrain have them."""
    warmup = {"type": "LinearLR", "start_factor": 0.001, "by_epoch": False, "begin": 0, "end": 6}
    yield [warmup, {"type": "MultiStepLR", "begin": 0, "end": 6, "by_epoch": True, "milestones": [3, 5], "gamma": 0.1}]
    yield [{"type": "MultiStepLR", "milestones": [1, 2]}, warmup]
    yield [warmup, {"type": "PolyLR", "eta_min": 1e-4, "power": 0.9, "begin": 6, "end": 24, "by_epoch": False}]
    yield [warmup, {"type": "CosineAnnealingLR", "T_max": 4, "begin": 2, "end": 6, "by_epoch": True}]
    first = {"type": "LinearLR", "start_factor": 0.1, "end": 2, "convert_to_iter_based": True}
    cosine = {"type": "CosineAnnealingLR", "eta_min": 0.001, "begin": 2, "T_max": 3, "end": 5}
    yield [first, {**cosine, "convert_to_iter_based": True}, {"type": "ConstantLR", "factor": 0.5, "begin": 5}]
    yield [first, cosine]
    yield [{"type": "LinearLR", "start_factor": 0.2, "begin": 0.5, "end": 1.75, "convert_to_iter_based": True}]
    for each in (
        {"type": "StepLR", "step_size": 2, "gamma": 0.5},
        {"type": "MultiStepLR", "milestones": [1, 4], "begin": 1},
        {"type": "ExponentialLR", "gamma": 0.95, "end": 3},
        {"type": "PolyLR", "power": 2.0},
        {"type": "ConstantLR", "begin": 1, "end": 4},
        {"type": "CosineRestartLR", "periods": [2, 3], "restart_weights": [1, 0.3], "eta_min": 0.0},
        {"type": "OneCycleLR", "eta_max": 0.5, "total_steps": 6},
        {"type": "CosineAnnealingLR", "eta_min_ratio": 0.01},
    ):
        yield [{**each, "convert_to_iter_based": True}]
    yield [
        {"type": "OneCycleLR", "eta_max": 0.5, "by_epoch": False},
        {"type": "CosineAnnealingLR", "eta_min_ratio": 0.1},
    ]
    yield [{"type": "CosineRestartLR", "periods": [2, 2], "restart_weights": [1, 0.5], "eta_min_ratio": 0.1}, warmup]


def main():
    recorded = [{"run": run, "param_scheduler": each, "lr": trained(each, run)} for run, each in cases()]
    versions = {"mmengine": mmengine.__version__, "torch": torch.__version__}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in recorded)
    text = f'{{"versions": {json.dumps(versions)}, "lrs": {json.dumps(LRS)}, "cases": [\n{lines}\n]}}\n'
    (HERE / "mmengine.json").write_text(text)


if __name__ == "__main__":
    main()
