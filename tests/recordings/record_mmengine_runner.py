"""Record what mmengine's Runner trains with into mmengine-runner.json.

    pip install -c constraints.txt torch mmengine
    python tests/recordings/record_mmengine_runner.py

Nothing of lrviz is used: a case is run from the `run` of a document, under mmengine's ExponentialLR with gamma 0.9,
which multiplies as torch's does. It records the learning rate of the optimizer in every iteration, the numbers of
those iterations, from 0, that stepped it, and the samples that were loaded. `--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

Document = dict[str, Any]

BASE = 0.1
DATA: tuple[Document, ...] = (
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 1},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 5},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 4, "drop_last": True},
    {"dataset_size": 21, "batch_size": 4, "grad_accum": 8},
)
LENGTHS: tuple[Document, ...] = (
    {"epochs": 3},
    {"epochs": 3, "interval": "epoch"},
    {"steps": 17},
)


def matrix() -> Iterator[Document]:
    for data in DATA:
        for length in LENGTHS:
            yield {**data, **length}


class Toy(BaseModel):  # type: ignore[misc]  # mmengine is not there when this is checked
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.rates: list[float] = []
        self.samples = 0

    def train_step(self, data: Any, optim_wrapper: Any) -> Any:
        self.rates.append(optim_wrapper.optimizer.param_groups[0]["lr"])
        return super().train_step(data, optim_wrapper)

    def forward(self, *samples: Any, mode: str) -> Any:
        self.samples += len(samples)
        return {"loss": self.layer(torch.stack(samples)).mean()}


def recorded(run: Document, folder: str) -> Document:
    toy = Toy()
    optimizer = torch.optim.SGD(toy.parameters(), lr=BASE)
    stepped: list[int] = []
    optimizer.register_step_pre_hook(lambda *_: stepped.append(len(toy.rates) - 1))
    by_epoch = "epochs" in run
    length = {"max_epochs": run["epochs"]} if by_epoch else {"max_iters": run["steps"]}
    runner = Runner(
        model=toy,
        work_dir=folder,
        train_dataloader={
            "batch_size": run["batch_size"],
            "drop_last": run.get("drop_last", False),
            "dataset": [torch.ones(1)] * run["dataset_size"],
            "sampler": {"type": "DefaultSampler"},
        },
        train_cfg={"by_epoch": by_epoch, **length},
        optim_wrapper=OptimWrapper(optimizer, accumulative_counts=run["grad_accum"]),
        param_scheduler={"type": "ExponentialLR", "gamma": 0.9, "by_epoch": run.get("interval") == "epoch"},
        default_hooks={"checkpoint": None, "logger": None},
        log_level="ERROR",
        experiment_name=f"case{id(toy)}",
    )
    runner.train()
    return {"run": run, "iterations": runner.iter, "stepped": stepped, "lr": toy.rates, "samples": toy.samples}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("mmengine-runner.json"))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = ",\n".join(json.dumps(recorded(run, folder)) for run in matrix())
    versions = f'"mmengine": "{mmengine.__version__}", "torch": "{torch.__version__}"'
    given.to.write_text(f'{{{versions}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
