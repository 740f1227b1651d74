"""Record what is trained with after a checkpoint, by libraries' schedulers and their training loops, into resume.json.

    pip install -c constraints.txt torch transformers accelerate lightning
    pip install -c constraints.txt --no-deps deepspeed timm
    python tests/recordings/record_resume.py

Nothing of lrviz is used. A case says the run, the optimizer's learning rate and the scheduler before the checkpoint and
after it, as a document does, after how many updates it was written, and how the script went on: "load" both states into
what was built anew, or load the optimizer's and construct the scheduler as if the run began ("restart") or with
last_epoch ("last-epoch"). `lr` is that of every update, read by a hook of torch's own optimizer.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import io
import json
import logging
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

Document = dict[str, Any]

STEPS, LONGER, SEAM = 24, 40, 10
HEADS: dict[str, str] = {
    name: importlib.metadata.version(name) for name in ("torch", "transformers", "deepspeed", "timm")
}
HEADS |= {name: importlib.metadata.version(name) for name in ("accelerate", "lightning")}

TRANSFORMERS: tuple[tuple[str, Document, Document], ...] = (
    ("linear", {"num_warmup_steps": 4}, {"num_warmup_steps": 12}),
    ("cosine", {"num_warmup_steps": 4}, {"num_warmup_steps": 4, "num_cycles": 1.5}),
    ("cosine_with_restarts", {"num_warmup_steps": 2}, {"num_warmup_steps": 2, "num_cycles": 3}),
    ("polynomial", {"num_warmup_steps": 4}, {"num_warmup_steps": 4, "power": 2.0}),
    ("constant", {}, {}),
    ("constant_with_warmup", {"num_warmup_steps": 14}, {"num_warmup_steps": 5}),
    ("inverse_sqrt", {"num_warmup_steps": 4}, {"num_warmup_steps": 8}),
    ("cosine_with_min_lr", {"num_warmup_steps": 4, "min_lr_rate": 0.1}, {"num_warmup_steps": 4, "min_lr_rate": 0.3}),
    (
        "warmup_stable_decay",
        {"num_warmup_steps": 4, "num_decay_steps": 8},
        {"num_warmup_steps": 4, "num_decay_steps": 20},
    ),
)
FUNCTIONS = {
    "linear": "get_linear_schedule_with_warmup",
    "cosine": "get_cosine_schedule_with_warmup",
    "cosine_with_restarts": "get_cosine_with_hard_restarts_schedule_with_warmup",
    "polynomial": "get_polynomial_decay_schedule_with_warmup",
    "constant": "get_constant_schedule",
    "constant_with_warmup": "get_constant_schedule_with_warmup",
    "inverse_sqrt": "get_inverse_sqrt_schedule",
    "cosine_with_min_lr": "get_cosine_with_min_lr_schedule_with_warmup",
    "warmup_stable_decay": "get_wsd_schedule",
}
ENDLESS = ("constant", "constant_with_warmup", "inverse_sqrt")
DEEPSPEED: tuple[tuple[str, Document, Document], ...] = (
    ("WarmupLR", {"warmup_num_steps": 14, "warmup_max_lr": 0.3}, {"warmup_num_steps": 20, "warmup_max_lr": 0.2}),
    ("WarmupDecayLR", {"warmup_num_steps": 5, "warmup_max_lr": 0.1}, {"warmup_num_steps": 5, "warmup_max_lr": 0.4}),
    ("WarmupCosineLR", {"warmup_num_steps": 5}, {"warmup_num_steps": 5, "cos_min_ratio": 0.2}),
    ("LRRangeTest", {"lr_range_test_step_size": 3}, {"lr_range_test_step_size": 5, "lr_range_test_staircase": True}),
    (
        "OneCycle",
        {"cycle_min_lr": 0.01, "cycle_max_lr": 0.7, "cycle_first_step_size": 8, "cycle_momentum": False},
        {"cycle_min_lr": 0.01, "cycle_max_lr": 0.5, "cycle_first_step_size": 15, "cycle_momentum": False},
    ),
)
WARMUP = {"warmup_t": 4, "warmup_lr_init": 0.001}
NOISE = {"noise_range_t": [6, 18], "noise_seed": 7}
TIMM: tuple[tuple[str, Document, Document], ...] = (
    ("CosineLRScheduler", {"t_initial": 24, **WARMUP}, {"t_initial": 40, "lr_min": 0.01}),
    ("CosineLRScheduler", {"t_initial": 24, **NOISE}, {"t_initial": 24}),
    ("TanhLRScheduler", {"t_initial": 24}, {"t_initial": 40}),
    ("PolyLRScheduler", {"t_initial": 24, "power": 2.0}, {"t_initial": 24, "power": 0.5}),
    ("StepLRScheduler", {"decay_t": 6, "decay_rate": 0.5, **WARMUP}, {"decay_t": 3, "decay_rate": 0.1}),
    ("WSDLRScheduler", {"t_initial": 24, "decay_t": 8, **WARMUP}, {"t_initial": 40, "decay_t": 20}),
    ("MultiStepLRScheduler", {"decay_t": [8, 16], "decay_rate": 0.5}, {"decay_t": [12], "decay_rate": 0.1}),
)
CYCLE = {"total_steps": 24, "cycle_momentum": False}


def loops() -> Iterator[Document]:
    """Yield the cases of a plain loop: the same schedule after the checkpoint, and another in a longer run."""
    for name, before, after in TRANSFORMERS:
        for mode in ("load", "restart", "last-epoch"):
            yield case(f"hf-{name.replace('_', '-')}", before, before, STEPS, mode)
            yield case(f"hf-{name.replace('_', '-')}", before, after, LONGER, mode)
    for name, before, after in DEEPSPEED:
        for mode in ("load", "restart"):
            yield case(name, before, before, STEPS, mode)
            yield case(name, before, after, LONGER, mode)
    for name, before, after in TIMM:
        yield case(name, before, before, STEPS, "load")
        yield case(name, before, after, LONGER, "load")


def case(name: str, before: Document, after: Document, steps: int, mode: str) -> Document:
    rates = (0.1, 0.1 if steps == STEPS else 0.05)
    pairs = zip((before, after), (STEPS, steps), rates, strict=True)
    documents = [
        {"run": {"steps": steps}, "optimizer": {"lr": lr}, "scheduler": {"name": name, **own}}
        for own, steps, lr in pairs
    ]
    return {"before": documents[0], "after": documents[1], "seam": SEAM, "mode": mode}


def looped(case: Document) -> list[float]:
    """Train in a plain loop, save, build anew, load and train on."""
    rates: list[float] = []
    optimizer = sgd(case["before"], rates)
    scheduler = scheduler_of(case["before"], optimizer)
    train(optimizer, scheduler, case["seam"])
    file = io.BytesIO()
    torch.save([optimizer.state_dict(), scheduler.state_dict()], file)
    file.seek(0)
    saved = torch.load(file, weights_only=False)
    optimizer = sgd(case["after"], rates)
    if case["mode"] == "load":
        scheduler = scheduler_of(case["after"], optimizer)
        optimizer.load_state_dict(saved[0])
        scheduler.load_state_dict(saved[1])
    else:
        optimizer.load_state_dict(saved[0])
        rest = {"last_epoch": saved[1]["last_epoch"] - 1} if case["mode"] == "last-epoch" else {}
        scheduler = scheduler_of(case["after"], optimizer, **rest)
    train(optimizer, scheduler, case["after"]["run"]["steps"] - case["seam"])
    return rates


def sgd(document: Document, rates: list[float]) -> Any:
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=document["optimizer"]["lr"])
    optimizer.register_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    return optimizer


def train(optimizer: Any, scheduler: Any, steps: int) -> None:
    for _ in range(steps):
        optimizer.step()
        scheduler.step()


def scheduler_of(document: Document, optimizer: Any, **rest: Any) -> Any:
    given = {**document["scheduler"]}
    name, steps = given.pop("name"), document["run"]["steps"]
    if name.startswith("hf-"):
        plain = name.removeprefix("hf-").replace("-", "_")
        given |= {} if plain in ENDLESS else {"num_training_steps": steps}
        return getattr(importlib.import_module("transformers.optimization"), FUNCTIONS[plain])(
            optimizer, **given, **rest
        )
    if name in dict.fromkeys(each for each, *_ in TIMM):
        return Told(getattr(timm_schedulers(), name)(optimizer, t_in_epochs=False, **given))
    given |= {"total_num_steps": steps} if name in ("WarmupDecayLR", "WarmupCosineLR") else {}
    return getattr(deepspeed_schedules(), name)(optimizer, **given)


class Told:
    """A scheduler of timm's, and the training loop's count of updates that it is told."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler, self.updates = scheduler, 0

    def step(self) -> None:
        self.updates += 1
        self.scheduler.step_update(self.updates)

    def state_dict(self) -> Document:
        return {"updates": self.updates, "scheduler": self.scheduler.state_dict()}

    def load_state_dict(self, state: Document) -> None:
        self.updates = state["updates"]
        self.scheduler.load_state_dict(state["scheduler"])


def timm_schedulers() -> Any:
    """Return timm.scheduler without timm's own `__init__`, which asks for torchvision."""
    if "timm" not in sys.modules:
        folder = next(Path(entry) / "timm" for entry in sys.path if (Path(entry) / "timm").is_dir())
        package = sys.modules["timm"] = types.ModuleType("timm")
        package.__path__ = [str(folder)]
    return importlib.import_module("timm.scheduler")


def deepspeed_schedules() -> Any:
    """Return DeepSpeed's lr_schedules.py, loaded by itself with a stub for its logger."""
    name = "deepspeed.runtime.lr_schedules"
    if name not in sys.modules:
        utils: Any = types.ModuleType("deepspeed.utils")
        utils.logger = logging.getLogger("deepspeed")
        folder = next(Path(entry) for entry in sys.path if (Path(entry) / "deepspeed" / "runtime").is_dir())
        for parent in ("deepspeed", "deepspeed.runtime"):
            sys.modules[parent] = types.ModuleType(parent)
        sys.modules["deepspeed.utils"] = utils
        spec = importlib.util.spec_from_file_location(name, folder / "deepspeed" / "runtime" / "lr_schedules.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def framework_cases() -> Iterator[Document]:
    """Yield the cases of whole training loops, 8 updates an epoch, which load both states."""
    cosine = {"name": "hf-cosine", "num_warmup_steps": 4}
    for epochs, lr, scheduler in ((3, 0.1, cosine), (5, 0.1, cosine), (5, 0.02, {**cosine, "num_warmup_steps": 20})):
        yield of_framework("transformers", cosine, scheduler, epochs, lr)
    for name, interval in (("step", "epoch"), ("cosine", "step"), ("onecycle", "step")):
        own = {"step": {"step_size": 1}, "cosine": {"T_max": 24}, "onecycle": {"max_lr": 0.1, **CYCLE}}[name]
        new = {
            "step": {"step_size": 2},
            "cosine": {"T_max": 40},
            "onecycle": {"max_lr": 0.2, **CYCLE, "total_steps": 40},
        }[name]
        for scheduler, epochs in ((own, 3), (new, 3 if name == "onecycle" else 5)):
            documents = ({"name": name, **own}, {"name": name, **scheduler})
            for framework in ("lightning", "accelerate"):
                yield of_framework(framework, *documents, epochs, 0.1, interval)


def of_framework(
    framework: str, before: Document, after: Document, epochs: int, lr: float, interval: str = "step"
) -> Document:
    run = {"framework": framework, "steps_per_epoch": 8, "interval": interval}
    parts = ((3, 0.1, before), (epochs, lr, after))
    documents = [
        {"run": {**run, "epochs": count}, "optimizer": {"lr": rate}, "scheduler": scheduler}
        for count, rate, scheduler in parts
    ]
    return {"before": documents[0], "after": documents[1], "seam": 16, "mode": "load"}


def framed(case: Document, folder: str) -> list[float]:
    loops = {"transformers": by_trainer, "lightning": by_lightning, "accelerate": by_accelerate}
    return loops[case["before"]["run"]["framework"]](case, folder)


def by_trainer(case: Document, folder: str) -> list[float]:
    from transformers import Trainer, TrainingArguments
    from transformers import logging as words

    words.set_verbosity_error()
    rates: list[float] = []

    class Toy(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x: Any) -> Any:
            return {"loss": self.layer(x).mean()}

    class Recorder(Trainer):  # type: ignore[misc]  # transformers is not there when this is checked
        def create_optimizer(self, *args: Any) -> Any:
            optimizer = super().create_optimizer(*args)
            optimizer.register_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
            return optimizer

    for part in ("before", "after"):
        document = case[part]
        arguments = TrainingArguments(
            output_dir=folder, per_device_train_batch_size=1, num_train_epochs=document["run"]["epochs"],
            learning_rate=document["optimizer"]["lr"], lr_scheduler_type="cosine",
            warmup_steps=document["scheduler"]["num_warmup_steps"], save_strategy="steps", save_steps=case["seam"],
            use_cpu=True, report_to=[], logging_strategy="no", disable_tqdm=True, remove_unused_columns=False,
            dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = Recorder(Toy(), arguments, train_dataset=[{"x": torch.ones(1)} for _ in range(8)])
        del rates[case["seam"] :]
        trainer.train(
            resume_from_checkpoint=str(Path(folder) / f"checkpoint-{case['seam']}") if part == "after" else None
        )
    return rates


def torchs(document: Document, optimizer: Any) -> Any:
    classes = {"step": "StepLR", "cosine": "CosineAnnealingLR", "onecycle": "OneCycleLR"}
    given = {key: value for key, value in document["scheduler"].items() if key != "name"}
    return getattr(torch.optim.lr_scheduler, classes[document["scheduler"]["name"]])(optimizer, **given)


def by_lightning(case: Document, folder: str) -> list[float]:
    import lightning
    from torch.utils.data import DataLoader, TensorDataset

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    rates: list[float] = []

    class Toy(lightning.LightningModule):  # type: ignore[misc]  # lightning is not there when this is checked
        def __init__(self, document: Document) -> None:
            super().__init__()
            self.layer, self.document = torch.nn.Linear(1, 1), document

        def training_step(self, batch: Any) -> Any:
            return self.layer(batch[0]).mean()

        def configure_optimizers(self) -> Document:
            optimizer = sgd_of(self.parameters(), self.document, rates)
            interval = self.document["run"]["interval"]
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": torchs(self.document, optimizer), "interval": interval},
            }

    for part in ("before", "after"):
        path, document = str(Path(folder) / "checkpoint.ckpt"), case[part]
        epochs = case["seam"] // 8 if part == "before" else document["run"]["epochs"]
        trainer = lightning.Trainer(
            accelerator="cpu", devices=1, max_epochs=epochs, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder,
        )  # fmt: skip
        data = DataLoader(TensorDataset(torch.ones(8, 1)), batch_size=1)
        trainer.fit(Toy(document), data, ckpt_path=path if part == "after" else None, weights_only=False)
        trainer.save_checkpoint(path)
    return rates


def sgd_of(parameters: Any, document: Document, rates: list[float]) -> Any:
    optimizer = torch.optim.SGD(parameters, lr=document["optimizer"]["lr"])
    optimizer.register_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    return optimizer


def by_accelerate(case: Document, folder: str) -> list[float]:
    from accelerate import Accelerator
    from torch.utils.data import DataLoader, TensorDataset

    rates: list[float] = []
    for part in ("before", "after"):
        document = case[part]
        accelerator, model = Accelerator(cpu=True), torch.nn.Linear(1, 1)
        optimizer = sgd_of(model.parameters(), document, rates)
        data = DataLoader(TensorDataset(torch.ones(8, 1)), batch_size=1)
        parts = accelerator.prepare(model, optimizer, data, torchs(document, optimizer))
        if part == "after":
            accelerator.load_state(str(Path(folder) / "state"))
        span = range(2) if part == "before" else range(2, document["run"]["epochs"])
        for _ in span:
            accelerated_epoch(accelerator, *parts, by_epoch=document["run"]["interval"] == "epoch")
        accelerator.save_state(str(Path(folder) / "state"))
    return rates


def accelerated_epoch(
    accelerator: Any, model: Any, optimizer: Any, data: Any, scheduler: Any, *, by_epoch: bool
) -> None:
    for (batch,) in data:
        accelerator.backward(model(batch).mean())
        optimizer.step()
        optimizer.zero_grad()
        if not by_epoch:
            scheduler.step()
    if by_epoch:
        scheduler.step()


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("deepspeed").setLevel(logging.ERROR)
    lines = []
    for each in framework_cases():
        with tempfile.TemporaryDirectory() as folder:
            lines.append(json.dumps({**each, "lr": framed(each, folder)}))
    lines += [json.dumps({**each, "lr": looped(each)}) for each in loops()]  # whose DeepSpeed is half a package
    heads = ", ".join(f'"{name}": "{version}"' for name, version in HEADS.items())
    cases = ",\n".join(lines)
    Path(__file__).with_name("resume.json").write_text(f'{{{heads}, "cases": [\n{cases}\n]}}\n')


if __name__ == "__main__":
    main()
