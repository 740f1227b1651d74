"""Record what transformers' Trainer trains with, on one process and on two, into trainer.json.

    pip install -c constraints.txt torch transformers accelerate
    python tests/recordings/record_trainer.py

trainer-4.45.json and its like are made so with that version and `--to FILE`; 4.52's has the first 40 cases.
Nothing of lrviz is used: a case is run from the `run` of a document, a schedule and its warmup in the Trainer's own
words. It records what the Trainer makes of them, the learning rate of every update, read by a hook of torch's own
optimizer, and the samples that all processes trained on. `--only 0,40` runs those cases alone.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import socket
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import accelerate
import torch
import transformers
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import gather_object
from transformers import Trainer, TrainingArguments

Document = dict[str, Any]

BASE = 0.1
DATA: tuple[Document, ...] = (
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 1},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 3},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 3, "drop_last": True},
    {"dataset_size": 50, "batch_size": 8, "grad_accum": 4},
    {"dataset_size": 48, "batch_size": 8, "grad_accum": 3},
    {"dataset_size": 64, "batch_size": 8, "grad_accum": 2},
    {"dataset_size": 60, "batch_size": 8, "grad_accum": 4, "drop_last": True},
    {"dataset_size": 21, "batch_size": 4, "grad_accum": 8},
)
LENGTHS: tuple[Document, ...] = (
    {"epochs": 3},
    {"epochs": 2.5},
    {"epochs": 0.3},
    {"epochs": 3, "steps": 7},
    {"steps": 20},
)
SCHEDULES = (("linear", 0), ("cosine", 4), ("linear", 0.1), ("cosine", 0.25), ("linear", 1))
WORLDS: tuple[Document, ...] = ({}, {"world_size": 2}, {"world_size": 2, "split_batches": True})


def matrix() -> Iterator[tuple[Document, str, float]]:
    """Yield every case: its run, the name of its schedule, and its warmup in steps or as a share."""
    for world in WORLDS:
        for row, data in enumerate(DATA):
            for column, length in enumerate(LENGTHS):
                yield {**data, **length, **world}, *SCHEDULES[(row + column) % len(SCHEDULES)]


class Toy(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.samples = 0

    def forward(self, x: Any) -> Any:
        self.samples += len(x)
        return {"loss": self.layer(x).mean()}


class Recorder(Trainer):  # type: ignore[misc]  # transformers is not there when this is checked
    """A Trainer that notes the learning rate of each step of its optimizer."""

    def create_optimizer(self, *args: Any) -> Any:
        optimizer = super().create_optimizer(*args)
        self.rates: list[float] = []
        optimizer.register_step_pre_hook(lambda optimizer, *_: self.rates.append(optimizer.param_groups[0]["lr"]))
        return optimizer


def warmup_of(given: float) -> Document:
    """Return a warmup as this version of the Trainer takes it: up to 4 a share has an argument of its own."""
    is_share = 0 < given < 1 and transformers.__version__.startswith("4.")
    return {"warmup_ratio": given} if is_share else {"warmup_steps": given}


def recorded(run: Document, schedule: str, warmup: float, folder: str) -> Document:
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    arguments = TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=run["batch_size"],
        gradient_accumulation_steps=run["grad_accum"],
        dataloader_drop_last=run.get("drop_last", False),
        num_train_epochs=run.get("epochs", 3),
        max_steps=run.get("steps", -1),
        learning_rate=BASE,
        lr_scheduler_type=schedule,
        accelerator_config={"split_batches": run.get("split_batches", False)},
        use_cpu=True,
        ddp_find_unused_parameters=False,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        **warmup_of(warmup),
    )
    if arguments.world_size != run.get("world_size", 1):
        raise SystemExit(f"the Trainer runs on {arguments.world_size} processes")
    model = Toy()
    trainer = Recorder(model, arguments, train_dataset=[{"x": torch.ones(1)} for _ in range(run["dataset_size"])])
    trainer.train()
    case: Document = {"run": run, "lr_scheduler_type": schedule, "warmup": warmup}
    case |= {"warmup_steps": arguments.get_warmup_steps(trainer.state.max_steps), "max_steps": trainer.state.max_steps}
    case |= {"steps": trainer.state.global_step, "lr": trainer.rates}
    gathered = gather_object([[case, model.samples]])
    if any(other != case for other, _ in gathered):
        raise SystemExit(f"the processes differ: {gathered}")
    return {**case, "samples": sum(samples for _, samples in gathered)}


def work(rank: int, world: int, port: int, numbers: list[int], folder: str) -> None:
    """Run some cases as one of `world` processes; the first writes what they recorded."""
    if world > 1:
        ranks = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
        os.environ |= {name: str(value) for name, value in ranks.items()}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    cases = list(matrix())
    for number in numbers:
        case = recorded(*cases[number], folder)
        if rank == 0:
            (Path(folder) / str(number)).write_text(json.dumps(case))
    if world > 1:
        gc.collect()  # the models, which hold on to the process group
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", type=lambda text: [int(number) for number in text.split(",")])
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("trainer.json"))
    given = options.parse_args()
    worlds = [run.get("world_size", 1) for run, *_ in matrix()]
    numbers = range(len(worlds)) if given.only is None else given.only
    with tempfile.TemporaryDirectory() as folder:
        for world in sorted(set(worlds)):
            mine = [number for number in numbers if worlds[number] == world]
            if mine:
                torch.multiprocessing.spawn(work, (world, free_port(), mine, folder), nprocs=world)
        lines = ",\n".join((Path(folder) / str(number)).read_text() for number in numbers)
    versions = {"transformers": transformers, "accelerate": accelerate, "torch": torch}
    heads = ", ".join(f'"{name}": "{package.__version__}"' for name, package in versions.items())
    given.to.write_text(f'{{{heads}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
