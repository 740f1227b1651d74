"""Record the logs that trainers and loggers write, with the learning rates that were trained with, into logs/.

    pip install -c constraints.txt torch transformers accelerate lightning timm ultralytics tensorboard
    python tests/recordings/record_logs.py
    python tests/recordings/record_logs.py --only huggingface --to huggingface-4.45    # with transformers 4.45.2

Nothing of lrviz is used. A folder of logs/ has the files as the package wrote them, without what is no log, and
rates.json: the package's version, the run and the schedule in its words, and the learning rate of every update, for
each parameter group, read by a hook of torch's own optimizer.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.util
import json
import math
import runpy
import shutil
import sys
import tempfile
import time
import types
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).with_name("logs")
KEPT = ("trainer_state.json", "metrics.csv", "results.csv", "summary.csv")
Rates = list[list[float]]
Said = dict[str, Any]


def watched(optimizer: torch.optim.Optimizer) -> Rates:
    """Return the list that every step of an optimizer adds its learning rates to."""
    rates: Rates = []
    optimizer.register_step_pre_hook(lambda it, *_: rates.append([group["lr"] for group in it.param_groups]))
    return rates


class Toy(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: Any, **_: Any) -> Any:
        return {"loss": self.layer(x).mean()}


def huggingface(folder: Path, *, resumed: bool = False) -> Said:
    """Run a Trainer: 13 batches of 4, accumulated by 3, in 3 epochs; a checkpoint after 5 updates and 10."""
    import transformers
    from transformers import Trainer, TrainingArguments

    settings = {"learning_rate": 1e-3, "lr_scheduler_type": "cosine", "warmup_steps": 3}
    data = {"num_train_epochs": 3, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 3}
    arguments = TrainingArguments(
        output_dir=str(folder), logging_dir=str(folder / "runs"), logging_steps=1, save_steps=5, use_cpu=True,
        report_to=["tensorboard"], disable_tqdm=True, **data, **settings,
    ) if transformers.__version__ < "5" else TrainingArguments(
        output_dir=str(folder), logging_steps=1, save_steps=5, use_cpu=True, report_to=["tensorboard"],
        disable_tqdm=True, **data, **settings,
    )  # fmt: skip
    examples = [{"x": torch.tensor([float(number)])} for number in range(50)]
    rates: Rates = []

    class Watched(Trainer):  # type: ignore[misc]  # transformers is not there when this is checked
        def create_optimizer(self, *args: Any) -> Any:
            optimizer = super().create_optimizer(*args)
            optimizer.register_step_pre_hook(lambda it, *_: rates.append([it.param_groups[0]["lr"]]))
            return optimizer

    trainer = Watched(model=Toy(), args=arguments, train_dataset=examples)
    trainer.train()
    trainer.save_state()
    if resumed:
        del rates[5:]
        again = Watched(model=Toy(), args=arguments, train_dataset=examples)
        again.train(resume_from_checkpoint=str(folder / "checkpoint-5"))
        again.save_state()
    return {"version": transformers.__version__, "run": data, "schedule": settings, "rates": rates}


def resumed(folder: Path) -> Said:
    return huggingface(folder, resumed=True)


def lightning(folder: Path) -> Said:
    """Run a Lightning Trainer that accumulates 3 batches, with two named groups and OneCycleLR, and two loggers."""
    import lightning as pl
    from lightning.pytorch.callbacks import LearningRateMonitor
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    kept: list[Rates] = []

    class Module(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def training_step(self, batch: Any, _: int) -> Any:
            loss = self.layer(batch).mean()
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            groups = [
                {"params": [self.layer.weight], "name": "w"},
                {"params": [self.layer.bias], "name": "b", "lr": 0.01},
            ]
            optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
            kept.append(watched(optimizer))
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=[0.1, 0.01], total_steps=20)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    loggers = [CSVLogger(str(folder), name="", version=""), TensorBoardLogger(str(folder), name="events", version="")]
    trainer = pl.Trainer(
        max_epochs=4, accumulate_grad_batches=3, logger=loggers, log_every_n_steps=1, accelerator="cpu",
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        callbacks=[LearningRateMonitor("step", log_momentum=True)],
    )  # fmt: skip
    data = torch.utils.data.DataLoader(torch.ones(60, 1), batch_size=4)
    trainer.fit(Module(), data)
    run = {"max_epochs": 4, "accumulate_grad_batches": 3, "batches": 15}
    schedule = {"name": "OneCycleLR", "max_lr": [0.1, 0.01], "total_steps": 20, "momentum": 0.9}
    return {"version": pl.__version__, "run": run, "schedule": schedule, "rates": kept[0]}


def timm_parts() -> tuple[Any, Any]:
    """Return timm's cosine and what writes its summary.csv; `import timm` would ask for torchvision."""
    spec = importlib.util.find_spec("timm")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    home = Path(spec.submodule_search_locations[0])
    sys.modules["timm"] = package = types.ModuleType("timm")
    package.__path__ = [str(home)]
    scheduler = importlib.import_module("timm.scheduler").CosineLRScheduler
    return scheduler, runpy.run_path(str(home / "utils" / "summary.py"))["update_summary"]


def timm(folder: Path, *, on_updates: bool = False) -> Said:
    """Train as timm's train.py does: a cosine over 8 epochs of 5 updates, 2 of them warmup, with two learning rates."""
    scheduler_class, update_summary = timm_parts()
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (0.1, 0.05)]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    rates = watched(optimizer)
    unit = 5 if on_updates else 1
    settings = {"t_initial": 8 * unit, "warmup_t": 2 * unit, "warmup_lr_init": 1e-5, "lr_min": 1e-4}
    scheduler = scheduler_class(optimizer, **settings, t_in_epochs=not on_updates)
    for epoch in range(8):
        for batch in range(5):
            optimizer.step()
            scheduler.step_update(num_updates=epoch * 5 + batch + 1, metric=1.0)
        means = [group["lr"] for group in optimizer.param_groups]
        update_summary(
            epoch, {"loss": 1.0}, {"top1": 50.0}, str(folder / "summary.csv"), lr=sum(means) / len(means),
            write_header=epoch == 0,
        )  # fmt: skip
        scheduler.step(epoch + 1, 50.0)
    run = {"epochs": 8, "updates": 5, "lrs": [0.1, 0.05], "on_updates": on_updates}
    return {"version": version("timm"), "run": run, "schedule": settings, "rates": rates}


def timm_updates(folder: Path) -> Said:
    return timm(folder, on_updates=True)


def ultralytics_parts(*names: str) -> list[Any]:
    """Return methods of Ultralytics' trainer, whose module would ask for torchvision and OpenCV."""
    spec = importlib.util.find_spec("ultralytics")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    file = Path(spec.submodule_search_locations[0]) / "engine" / "trainer.py"
    functions = {each.name: each for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, ast.FunctionDef)}
    used = {"math": math, "optim": torch.optim, "time": time}
    for name in names:
        exec(ast.unparse(functions[name]), used)
    return [used[name] for name in names]


def ultralytics(folder: Path) -> Said:
    """Train 12 epochs of 3 batches under the trainer's own scheduler, without warmup, and save its metrics."""
    setup_scheduler, save_metrics = ultralytics_parts("_setup_scheduler", "save_metrics")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.01, momentum=0.937)
    rates = watched(optimizer)
    arguments = types.SimpleNamespace(cos_lr=False, lrf=0.01)
    trainer: Any = types.SimpleNamespace(
        args=arguments, epochs=12, optimizer=optimizer, csv=folder / "results.csv", epoch=0, train_time_start=0.0
    )
    setup_scheduler(trainer)
    for epoch in range(12):
        trainer.epoch = epoch
        if epoch:
            trainer.scheduler.step()
        for _ in range(3):
            optimizer.step()
        lr = {f"lr/pg{number}": group["lr"] for number, group in enumerate(optimizer.param_groups)}
        save_metrics(trainer, metrics={"train/box_loss": 1.0, **lr})
    run = {"epochs": 12, "batches": 3, "warmup_epochs": 0.0}
    schedule = {"lr0": 0.01, "lrf": 0.01, "cos_lr": False}
    return {"version": version("ultralytics"), "run": run, "schedule": schedule, "rates": rates}


def writer(folder: Path, *, new_style: bool = False) -> Said:
    """Write a StepLR's learning rates with torch's SummaryWriter, beside a histogram and a double."""
    from torch.utils.tensorboard import SummaryWriter

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    rates = watched(optimizer)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 7, 0.3)
    with SummaryWriter(str(folder)) as events:
        for step in range(20):
            events.add_scalar("train/lr", optimizer.param_groups[0]["lr"], step, new_style=new_style)
            events.add_scalar("loss", 1.0 / (step + 1), step, double_precision=True)
            events.add_histogram("weights", torch.linspace(0, 1, 100), step)
            optimizer.step()
            scheduler.step()
    schedule = {"name": "StepLR", "lr": 0.1, "step_size": 7, "gamma": 0.3}
    return {"version": torch.__version__, "run": {"steps": 20}, "schedule": schedule, "rates": rates}


def writer_tensors(folder: Path) -> Said:
    return writer(folder, new_style=True)


RECORDERS: dict[str, Callable[[Path], Said]] = {
    "huggingface": huggingface,
    "huggingface-resumed": resumed,
    "lightning": lightning,
    "timm": timm,
    "timm-updates": timm_updates,
    "ultralytics": ultralytics,
    "writer": writer,
    "writer-tensors": writer_tensors,
}


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--only", choices=[*RECORDERS])
    options.add_argument("--to", help="the folder of logs/, where it is not called as the recorder")
    given = options.parse_args()
    for name in [given.only] if given.only else RECORDERS:
        torch.manual_seed(0)
        target = HERE / (given.to or name)
        shutil.rmtree(target, ignore_errors=True)
        with tempfile.TemporaryDirectory() as made:
            said = RECORDERS[name](Path(made))
            for file in sorted(Path(made).rglob("*")):
                is_first = "checkpoint-" not in str(file) or "checkpoint-5" in str(file)
                if is_first and (file.name in KEPT or "tfevents" in file.name):
                    copy = target / file.relative_to(made)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, copy)
        (target / "rates.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
