"""Record what training loops under the real accelerate train with, on one process and on two, into accelerate.json.

    pip install -c constraints.txt torch accelerate
    python tests/recordings/record_accelerate.py

Nothing of lrviz is used: a case is run from the `run`, `optimizer` and `scheduler` of a document, a length that the
document leaves out being the scheduler steps that this loop makes. A case records, read by a hook of torch's own
optimizer, the rate of every parameter group at every update, its momentum (or beta1) where that moves, the samples
that all processes loaded, and what was raised after how many updates. `--only 0,40` runs those cases alone, and
`--to FILE` writes them elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import accelerate
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import gather_object
from processes import record
from torch.optim import lr_scheduler as schedulers
from torch.utils.data import DataLoader, TensorDataset

BASE = 0.1
SGD = {"name": "sgd", "lr": BASE, "momentum": 0.9}
ADAMW = {"name": "adamw", "lr": BASE}
TWO_GROUPS = {**SGD, "groups": [{"name": "weight", "lr": BASE}, {"name": "bias", "lr": 0.01}]}
FORMULAS: dict[str, Callable[[int], float]] = {
    "0.9 ** epoch": lambda epoch: 0.9**epoch,
    "1 / (1 + epoch)": lambda epoch: 1 / (1 + epoch),
}
CLASSES: dict[str, Any] = {
    "chained": schedulers.ChainedScheduler,
    "constant": schedulers.ConstantLR,
    "cosine": schedulers.CosineAnnealingLR,
    "cosine-restarts": schedulers.CosineAnnealingWarmRestarts,
    "cyclic": schedulers.CyclicLR,
    "exponential": schedulers.ExponentialLR,
    "lambda": schedulers.LambdaLR,
    "linear": schedulers.LinearLR,
    "multistep": schedulers.MultiStepLR,
    "onecycle": schedulers.OneCycleLR,
    "plateau": schedulers.ReduceLROnPlateau,
    "polynomial": schedulers.PolynomialLR,
    "sequential": schedulers.SequentialLR,
    "step": schedulers.StepLR,
}
LENGTHS = {"cosine": "T_max", "onecycle": "total_steps"}  # left out, they are what is left of the run
ONECYCLE = {"name": "onecycle", "max_lr": 0.5}
WARMUP = {"name": "linear", "start_factor": 0.1, "total_iters": 3}

Document = dict[str, Any]

# What each case's scheduler is, in a run of so many scheduler steps.
MADE: dict[str, Callable[[int], Document]] = {
    "onecycle": lambda n: ONECYCLE,
    "onecycle given": lambda n: {**ONECYCLE, "total_steps": n},
    "onecycle linear": lambda n: {**ONECYCLE, "anneal_strategy": "linear"},
    "onecycle short": lambda n: {**ONECYCLE, "total_steps": max(2, n * 2 // 3)},
    "onecycle short, linear": lambda n: {**ONECYCLE, "total_steps": max(2, n * 2 // 3), "anneal_strategy": "linear"},
    "onecycle one short": lambda n: {**ONECYCLE, "total_steps": n - 1},
    "onecycle two short": lambda n: {**ONECYCLE, "total_steps": n - 2},
    "onecycle long": lambda n: {**ONECYCLE, "total_steps": n + 5},
    "onecycle far too long": lambda n: {**ONECYCLE, "total_steps": 4 * n, "three_phase": True},
    "onecycle later": lambda n: {"name": "sequential", "milestones": [3], "schedulers": [WARMUP, ONECYCLE]},
    "onecycle later, short": lambda n: {
        "name": "sequential",
        "milestones": [3],
        "schedulers": [WARMUP, {**ONECYCLE, "total_steps": max(2, n // 2)}],
    },
    "cosine": lambda n: {"name": "cosine"},
    "cosine short": lambda n: {"name": "cosine", "T_max": max(1, n // 3), "eta_min": 1e-3},
    "step": lambda n: {"name": "step", "step_size": 3, "gamma": 0.5},
    "warmup": lambda n: {"name": "sequential", "milestones": [3], "schedulers": [WARMUP, {"name": "cosine"}]},
    "lambda": lambda n: {"name": "lambda", "lr_lambda": "0.9 ** epoch"},
    "lambda per group": lambda n: {"name": "lambda", "lr_lambda": ["0.9 ** epoch", "1 / (1 + epoch)"]},
    "restarts": lambda n: {"name": "cosine-restarts", "T_0": 4, "T_mult": 2},
    "cyclic": lambda n: {"name": "cyclic", "base_lr": 0.01, "max_lr": BASE, "step_size_up": 4},
    "multistep": lambda n: {"name": "multistep", "milestones": [2, 5, 7], "gamma": 0.3},
    "polynomial": lambda n: {"name": "polynomial", "total_iters": n, "power": 2.0},
    "chained": lambda n: {
        "name": "chained",
        "schedulers": [{"name": "constant", "factor": 0.5, "total_iters": 4}, {"name": "exponential", "gamma": 0.9}],
    },
    "plateau": lambda n: {"name": "plateau", "metric": [1.0] * n, "patience": 2, "factor": 0.5},
}
DATA = ({"dataset_size": 96}, {"dataset_size": 100}, {"dataset_size": 100, "drop_last": True})
FEW = (
    {"dataset_size": 96, "grad_accum": 1},
    {"dataset_size": 100, "grad_accum": 2},
    {"dataset_size": 100, "grad_accum": 3, "drop_last": True},
    {"dataset_size": 100, "grad_accum": 4},
)
STOPPED = (
    {"dataset_size": 104, "batch_size": 20, "drop_last": True, "grad_accum": 3, "steps": 6},
    {"dataset_size": 100, "batch_size": 8, "grad_accum": 4, "steps": 7},
    {"dataset_size": 100, "batch_size": 8, "grad_accum": 4, "steps": 8},
)
BY_EPOCH = ("onecycle", "onecycle short", "onecycle one short", "cosine", "warmup", "plateau")
WORLDS: tuple[Document, ...] = ({}, {"world_size": 2}, {"world_size": 2, "split_batches": True})
OPTIMIZERS = {"lambda per group": TWO_GROUPS, "onecycle given": ADAMW, "cyclic": ADAMW}


def matrix() -> Iterator[tuple[Document, Document, str]]:
    """Yield every case: its run, its optimizer and the name of its scheduler."""
    for world in WORLDS:
        for name in MADE:
            for run in (*runs_of(name, world), *by_epoch(name)):
                yield {"batch_size": 8, "epochs": 3, **run, **world}, OPTIMIZERS.get(name, SGD), name
        for run in STOPPED:
            yield {**run, **world}, SGD, "onecycle"


def runs_of(name: str, world: Document) -> Iterator[Document]:
    """Yield the runs in which a scheduler is stepped at every batch: more of them where more can differ."""
    if name == "onecycle":
        yield from ({**data, "grad_accum": accum} for data in DATA for accum in (1, 2, 3, 4))
    elif not name.startswith("onecycle"):
        yield from FEW[2:3] if world.get("split_batches") else FEW[1:3]
    elif not world:
        yield from FEW
    else:
        yield from FEW[2:3] if world.get("split_batches") else FEW[1:3]


def by_epoch(name: str) -> Iterator[Document]:
    if name in BY_EPOCH:
        yield {"dataset_size": 100, "grad_accum": 3, "interval": "epoch", "epochs": 7}


def scheduler_of(optimizer: Any, document: Document, length: int) -> Any:
    """Build torch's scheduler from a document, with `length` scheduler steps before it."""
    given = {key: value for key, value in document.items() if key not in {"name", "metric"}}
    name = document["name"]
    if name in LENGTHS:
        given.setdefault(LENGTHS[name], length)
    if name in {"sequential", "chained"}:
        marks = given.get("milestones", [])
        ends = [*marks, length] if name == "sequential" else [length] * len(given["schedulers"])
        starts = [0, *marks] if name == "sequential" else [0] * len(ends)
        edges = zip(given["schedulers"], starts, ends, strict=True)
        given["schedulers"] = [scheduler_of(optimizer, child, end - start) for child, start, end in edges]
    if name == "lambda":
        formulas = given["lr_lambda"]
        is_one = isinstance(formulas, str)
        given["lr_lambda"] = FORMULAS[formulas] if is_one else [FORMULAS[formula] for formula in formulas]
    if name == "chained":
        return CLASSES[name](given["schedulers"], optimizer=optimizer)
    return CLASSES[name](optimizer, **given)


def optimizer_of(model: Any, document: Document) -> Any:
    """Build torch's optimizer, each of its groups with a parameter."""
    given = {key: value for key, value in document.items() if key not in {"name", "groups"}}
    groups = document.get("groups", [{}])
    parameters = [list(model.parameters())] if len(groups) == 1 else [[each] for each in model.parameters()]
    made = [{"lr": given["lr"], **group, "params": params} for group, params in zip(groups, parameters, strict=True)]
    return {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[document["name"]](made, **given)


class Training:
    """One run under accelerate, and what it recorded."""

    def __init__(self, run: Document, optimizer: Document, name: str) -> None:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
        self.run = run
        self.accelerator = Accelerator(
            cpu=True,
            gradient_accumulation_steps=run["grad_accum"],
            dataloader_config=accelerate.DataLoaderConfiguration(split_batches=run.get("split_batches", False)),
        )
        data = TensorDataset(torch.ones(run["dataset_size"], 1))
        loader = DataLoader(data, batch_size=run["batch_size"], drop_last=run.get("drop_last", False))
        self.loader = self.accelerator.prepare(loader)
        model = torch.nn.Linear(1, 1)
        real = optimizer_of(model, optimizer)
        self.scheduler_document = MADE[name](self.scheduler_steps())
        scheduler = scheduler_of(real, self.scheduler_document, self.scheduler_steps())
        real.register_step_pre_hook(lambda optimizer, *_: self.read(optimizer))
        self.rates: list[list[float]] = []
        self.momenta: list[list[float]] = []
        self.samples = 0
        self.error: list[Any] | None = None
        self.model, self.optimizer, self.scheduler = self.accelerator.prepare(model, real, scheduler)

    def scheduler_steps(self) -> int:
        """Return how often this run is going to step its scheduler, in accelerate's way of counting."""
        per_epoch = math.ceil(len(self.loader) / self.run["grad_accum"])
        updates = self.run["steps"] if "steps" in self.run else self.run["epochs"] * per_epoch
        times = 1 if self.run.get("split_batches") else self.accelerator.num_processes
        return times * (math.ceil(updates / per_epoch) if self.run.get("interval") == "epoch" else updates)

    def read(self, optimizer: Any) -> None:
        groups = optimizer.param_groups
        self.rates.append([float(group["lr"]) for group in groups])
        self.momenta.append([group["betas"][0] if "betas" in group else group["momentum"] for group in groups])

    def train(self) -> None:
        try:
            self.loop()
        except Exception as error:  # noqa: BLE001  whatever torch raises
            self.error = [len(self.rates), type(error).__name__, str(error)]

    def loop(self) -> None:
        once_an_epoch = self.run.get("interval") == "epoch"
        metric = self.scheduler_document.get("metric", [])[:1]  # it is the same throughout
        for _ in range(self.run.get("epochs", 1_000)):
            for (batch,) in self.loader:
                self.samples += len(batch)
                with self.accelerator.accumulate(self.model):
                    self.accelerator.backward(self.model(batch).mean())
                    self.optimizer.step()
                    if not once_an_epoch:
                        self.scheduler.step(*metric)
                    self.optimizer.zero_grad()
                if len(self.rates) == self.run.get("steps"):
                    return
            if once_an_epoch:
                self.scheduler.step(*metric)

    def case(self, optimizer: Document) -> Document:
        case: Document = {"run": self.run, "optimizer": optimizer, "scheduler": self.scheduler_document}
        case["lr"] = [list(column) for column in zip(*self.rates, strict=True)]
        if any(momenta != self.momenta[0] for momenta in self.momenta):
            case["momentum"] = [list(column) for column in zip(*self.momenta, strict=True)]
        gathered = gather_object([[case, self.error, self.samples]])
        if any(other[:2] != [case, self.error] for other in gathered):
            raise SystemExit(f"the processes differ: {gathered}")
        case["samples"] = sum(samples for *_, samples in gathered)
        return case if self.error is None else case | {"error": self.error}


def recorded(run: Document, optimizer: Document, name: str, _folder: str) -> Document:
    world = run.get("world_size", 1)
    training = Training(run, optimizer, name)
    if training.accelerator.num_processes != world:
        raise SystemExit(f"accelerate runs on {training.accelerator.num_processes} processes, not on {world}")
    training.train()
    return training.case(optimizer)


if __name__ == "__main__":
    record(__file__, matrix, recorded, {"accelerate": accelerate.__version__, "torch": torch.__version__})
