"""Record what mmengine's Runner makes of config files into mmengine-configs.json.

    pip install -c constraints.txt torch mmengine
    python tests/recordings/record_mmengine_configs.py

Nothing of lrviz is used: a case is the text of a config and that of its base file, read by `Config.fromfile` and run
over a toy of so many samples. It records the learning rate of every iteration. `--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.runner import Runner

SAMPLES = 10
BASE = """\
epochs = 3
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.5, by_epoch=False, end=4),
    dict(type='MultiStepLR', milestones=[1, 2])]
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.02, momentum=0.9, nesterov=True))
auto_scale_lr = dict(enable=False, base_batch_size=16)
train_dataloader = dict(batch_size=4)
"""
ITERATIONS = "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=8)\n"
CONVERTED = "param_scheduler = [dict(type='CosineAnnealingLR', convert_to_iter_based=True)]\n"
CASES = {
    "as the base": "",
    "another optimizer": "optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam', lr=_base_.epochs * 1e-4))\n",
    "accumulated": "optim_wrapper = dict(accumulative_counts=2)\n",
    "scaled": "auto_scale_lr = dict(enable=True)\n",
    "longer": "train_cfg = dict(max_epochs=_base_.epochs * 2)\n",
    "in braces": "optim_wrapper = dict(optimizer=dict(lr={{_base_.optim_wrapper.optimizer.momentum}}))\n",
    "converted": CONVERTED,
    "iterations": f"{ITERATIONS}param_scheduler = [dict(type='PolyLR', by_epoch=False)]\n",
    "epochs of iterations": f"{ITERATIONS}param_scheduler = [dict(type='LinearLR', start_factor=.5, end=4)]\n",
    "a cycle of iterations": f"{ITERATIONS}param_scheduler = [dict(type='OneCycleLR', eta_max=2.0, end=12)]\n",
    "converted iterations": f"{ITERATIONS}{CONVERTED}",
}


class Toy(BaseModel):  # type: ignore[misc]  # mmengine is not there when this is checked
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.rates: list[float] = []

    def train_step(self, data: Any, optim_wrapper: Any) -> Any:
        self.rates.append(optim_wrapper.optimizer.param_groups[0]["lr"])
        return super().train_step(data, optim_wrapper)

    def forward(self, *samples: Any, mode: str) -> Any:
        return {"loss": self.layer(torch.stack(samples)).mean()}


def recorded(name: str, text: str, folder: Path) -> dict[str, Any]:
    (folder / "base.py").write_text(BASE)
    text = f"_base_ = 'base.py'\n{text}"
    (folder / "config.py").write_text(text)
    config = Config.fromfile(folder / "config.py")
    toy = Toy()
    loader = {**config.train_dataloader, "dataset": [torch.ones(1)] * SAMPLES, "sampler": {"type": "DefaultSampler"}}
    Runner(
        model=toy,
        work_dir=str(folder),
        train_dataloader=loader,
        train_cfg=config.train_cfg,
        optim_wrapper=config.optim_wrapper,
        param_scheduler=config.param_scheduler,
        auto_scale_lr=config.auto_scale_lr,
        default_hooks={"checkpoint": None, "logger": None},
        log_level="ERROR",
        experiment_name=f"case{id(toy)}",
    ).train()
    return {"name": name, "text": text, "lr": toy.rates}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("mmengine-configs.json"))
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = ",\n".join(json.dumps(recorded(name, text, Path(folder))) for name, text in CASES.items())
    versions = f'"mmengine": "{mmengine.__version__}", "torch": "{torch.__version__}"'
    about = f'"base": {json.dumps(BASE)}, "samples": {SAMPLES}'
    given.to.write_text(f'{{{versions}, {about}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
