"""Record what Lightning's Trainer trains with, on one process and on two, into lightning.json.

    pip install -c constraints.txt torch lightning
    python tests/recordings/record_lightning.py

Nothing of lrviz is used: a case is run from the `run` of a document, under one scheduler of torch's. It records the
learning rate of every update, read by a hook of torch's own optimizer, the samples that all processes loaded, and what
Lightning itself takes for the length of the run. `--only 0,20` runs those cases alone, `--to FILE` writes elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy
from processes import record
from torch.optim import lr_scheduler as schedulers
from torch.utils.data import DataLoader, TensorDataset

Document = dict[str, Any]

BASE = 0.1
DATA: tuple[Document, ...] = (
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 1},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 3},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 3, "drop_last": True},
    {"dataset_size": 50, "batch_size": 8, "grad_accum": 4},
    {"dataset_size": 48, "batch_size": 8, "grad_accum": 3},
    {"dataset_size": 61, "batch_size": 8, "grad_accum": 4, "drop_last": True},
)
LENGTHS: tuple[Document, ...] = ({"epochs": 3}, {"steps": 7})
SCHEDULERS: tuple[Document, ...] = (
    {"name": "step", "step_size": 2, "gamma": 0.5},
    {"name": "linear", "start_factor": 0.1, "total_iters": 5},
)
CLASSES: dict[str, Any] = {"step": schedulers.StepLR, "linear": schedulers.LinearLR}
WORLDS: tuple[Document, ...] = ({}, {"world_size": 2})
INTERVALS: tuple[Document, ...] = ({}, {"interval": "step"}, {"interval": "epoch"})


def matrix() -> Iterator[tuple[Document, Document]]:
    """Yield every case: its run and its scheduler."""
    for world in WORLDS:
        for data in DATA:
            for length in LENGTHS:
                for number, interval in enumerate(INTERVALS):
                    yield {**data, **length, **interval, **world}, SCHEDULERS[number % len(SCHEDULERS)]


class Toy(lightning.LightningModule):  # type: ignore[misc]  # lightning is not there when this is checked
    def __init__(self, run: Document, scheduler: Document) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.run, self.scheduler = run, scheduler
        self.rates: list[float] = []
        self.samples = 0

    def training_step(self, batch: Any) -> Any:
        self.samples += len(batch[0])
        return self.layer(batch[0]).mean()

    def configure_optimizers(self) -> Document:
        optimizer = torch.optim.SGD(self.parameters(), lr=BASE)
        optimizer.register_step_pre_hook(lambda optimizer, *_: self.rates.append(optimizer.param_groups[0]["lr"]))
        given = {key: value for key, value in self.scheduler.items() if key != "name"}
        scheduler = CLASSES[self.scheduler["name"]](optimizer, **given)
        stepping = {"interval": self.run["interval"]} if "interval" in self.run else {}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, **stepping}}


def recorded(run: Document, scheduler: Document, folder: str) -> Document:
    world = run.get("world_size", 1)
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=world,
        strategy=DDPStrategy(process_group_backend="gloo") if world > 1 else "auto",
        plugins=[LightningEnvironment()] if world > 1 else None,
        max_epochs=run.get("epochs", -1),
        max_steps=run.get("steps", -1),
        accumulate_grad_batches=run["grad_accum"],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    toy = Toy(run, scheduler)
    data = TensorDataset(torch.ones(run["dataset_size"], 1))
    trainer.fit(
        toy, DataLoader(data, batch_size=run["batch_size"], drop_last=run.get("drop_last", False), shuffle=True)
    )
    if trainer.world_size != world:
        raise SystemExit(f"Lightning runs on {trainer.world_size} processes")
    stepping = {"global_step": trainer.global_step, "estimated_stepping_batches": trainer.estimated_stepping_batches}
    case = {"run": run, "scheduler": scheduler, **stepping, "lr": toy.rates}
    if world == 1:
        return {**case, "samples": toy.samples}
    gathered: list[Any] = [None] * world
    torch.distributed.all_gather_object(gathered, [case, toy.samples])
    if any(other != case for other, _ in gathered):
        raise SystemExit(f"the processes differ: {gathered}")
    return {**case, "samples": sum(samples for _, samples in gathered)}


if __name__ == "__main__":
    record(__file__, matrix, recorded, {"lightning": lightning.__version__, "torch": torch.__version__})
