"""Record what transformers' Trainer trains with, on one process and on two, into trainer.json.

    pip install -c constraints.txt torch transformers accelerate
    python tests/recordings/record_trainer.py

trainer-4.45.json and its like are made so with that version and `--to FILE`; 4.52's has the first 40 cases.
Nothing of lrviz is used: a case is run from the `run` of a document, a schedule and its warmup in the Trainer's own
words. It records what the Trainer makes of them, the learning rate of every update, read by a hook of torch's own
optimizer, and the samples that all processes trained on. `--only 0,40` runs those cases alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import accelerate
import torch
import transformers
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import gather_object
from processes import record
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
    transformers.logging.set_verbosity_error()
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


if __name__ == "__main__":
    record(__file__, matrix, recorded, {each.__name__: each.__version__ for each in (transformers, accelerate, torch)})
