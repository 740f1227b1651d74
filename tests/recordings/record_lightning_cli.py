"""Record what LightningCLI trains of config files into lightning-cli.json.

    pip install -c constraints.txt torch
    pip install lightning jsonargparse docstring-parser typeshed-client
    python tests/recordings/record_lightning_cli.py

A case is a config, with data of 20 samples, and the learning rate of every step; or the type of what the CLI raised.
`--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningCLI
from torch.utils.data import DataLoader, TensorDataset

SAMPLES = 20
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
TRAINER: dict[str, Any] = {"max_epochs": 4, "devices": 1}
SGD = {"class_path": "SGD", "init_args": {"lr": 0.1, "momentum": 0.9}}


class Model(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.rates: list[float] = []

    def training_step(self, batch: Any, index: int) -> Any:
        self.rates.append(float(self.optimizers().param_groups[0]["lr"]))  # type: ignore[union-attr]
        self.log("val_loss", 0.5**self.current_epoch)
        return self.layer(batch[0]).sum()


class Data(LightningDataModule):
    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.batch_size = batch_size

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(torch.ones(SAMPLES, 1)), batch_size=self.batch_size)


def configs() -> Iterator[dict[str, Any]]:
    """Yield the config of every case."""
    torchs = "torch.optim.lr_scheduler."
    for path, arguments in (
        ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01}),
        (f"{torchs}CosineAnnealingLR", {"T_max": 4}),
        (f"{torchs}StepLR", {"step_size": 2, "gamma": 0.5, "last_epoch": -1}),
        ("ExponentialLR", {"gamma": 0.5}),
        ("LinearLR", {}),
        ("OneCycleLR", {"max_lr": 0.1, "total_steps": 20}),
        ("OneCycleLR", {"max_lr": 0.1, "epochs": 4, "steps_per_epoch": 5}),
        ("ReduceLROnPlateau", {"monitor": "val_loss", "patience": 0, "threshold": 0.6}),
        ("ReduceLROnPlateau", {"patience": 0}),
        (f"{torchs}ReduceLROnPlateau", {"patience": 0}),
        ("CosineAnnealingLR", {}),
        ("CosineAnealingLR", {"T_max": 4}),
        ("SequentialLR", {"milestones": [1], "schedulers": [{"class_path": "ConstantLR"}, {"class_path": "LinearLR"}]}),
        ("ChainedScheduler", {"schedulers": [{"class_path": "ConstantLR"}, {"class_path": "LinearLR"}]}),
    ):
        yield {"optimizer": SGD, "lr_scheduler": {"class_path": path, "init_args": arguments}}
    halved = {"class_path": "ExponentialLR", "init_args": {"gamma": 0.5}}
    yield {"optimizer": SGD}
    yield {"lr_scheduler": halved}
    yield {"optimizer": [SGD], "lr_scheduler": halved}
    for trainer in (
        {"max_steps": 7},
        {"max_steps": 70},
        {"max_steps": 7, "max_epochs": -1},
        {"accumulate_grad_batches": 3},
        {"limit_train_batches": 0.5},
        {"limit_train_batches": 1.0},
        {"limit_train_batches": 3, "max_steps": 5},
        {"limit_train_batches": 9},
        {"limit_train_batches": 1},
        {"limit_train_batches": 3.0},
        {"limit_train_batches": 0.1},
        {"limit_train_batches": 1.5},
        {"limit_train_batches": 4, "accumulate_grad_batches": 3},
        {"limit_train_batches": 0.7, "accumulate_grad_batches": 2, "max_steps": 3},
        {"limit_train_batches": 3, "overfit_batches": 0.4},
        {"overfit_batches": 4},
    ):
        yield {"trainer": trainer, "optimizer": SGD, "lr_scheduler": halved}


def recorded(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a case: the learning rates of the batches, or what was raised."""
    whole = {"data": {"batch_size": 4}, **config, "trainer": {**TRAINER, **config.get("trainer", {})}}
    file = folder / "config.json"
    file.write_text(json.dumps({**whole, "trainer": {**whole["trainer"], **QUIET, "accelerator": "cpu"}}))
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            made = LightningCLI(Model, Data, save_config_callback=None, args=["fit", "--config", str(file)])
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it raises
        return {"config": whole, "error": type(error).__name__}
    return {"config": whole, "lr": made.model.rates, "steps": made.trainer.global_step}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("lightning-cli.json"))
    to = options.parse_args().to
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        cases = [recorded(config, Path(folder)) for config in configs()]
    head = f'"lightning": "{version("lightning")}", "torch": "{torch.__version__}", "samples": {SAMPLES}'
    lines = ",\n".join(json.dumps(case) for case in cases)
    to.write_text(f'{{{head}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
