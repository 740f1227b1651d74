"""Record what DeepSpeed's engine trains with into deepspeed-engine.json.

    pip install -c constraints.txt torch hjson py-cpuinfo msgpack ninja einops psutil pydantic tqdm
    pip download --no-deps --no-binary :all: --no-build-isolation deepspeed==0.19.8
    tar xzf deepspeed-0.19.8.tar.gz
    DS_ACCELERATOR=cpu PYTHONPATH=deepspeed-0.19.8 python tests/recordings/record_deepspeed_engine.py

Nothing of lrviz is used: a case is run from the `run` of a document, under torch's ExponentialLR with gamma 0.9, which
the engine steps. It records the learning rate of every update, read by a hook of torch's own optimizer, and the samples
that were loaded. `--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import deepspeed
import torch

Document = dict[str, Any]

BASE = 0.1
DATA: tuple[Document, ...] = (
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 1},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 3},
    {"dataset_size": 50, "batch_size": 4, "grad_accum": 3, "drop_last": True},
    {"dataset_size": 21, "batch_size": 4, "grad_accum": 8},
)
LENGTHS: tuple[Document, ...] = ({"epochs": 3}, {"steps": 7})


def matrix() -> Iterator[Document]:
    for data in DATA:
        for length in LENGTHS:
            yield {**data, **length}


def recorded(run: Document) -> Document:
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=BASE)
    rates: list[float] = []
    optimizer.register_step_pre_hook(lambda *_: rates.append(optimizer.param_groups[0]["lr"]))
    config = {
        "train_micro_batch_size_per_gpu": run["batch_size"],
        "gradient_accumulation_steps": run["grad_accum"],
        "dataloader_drop_last": run.get("drop_last", False),
    }
    engine, _, loader, _ = deepspeed.initialize(
        model=model,
        optimizer=optimizer,
        lr_scheduler=torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9),
        training_data=[torch.ones(1)] * run["dataset_size"],
        config=config,
    )
    samples = 0
    for _ in range(run["epochs"]) if "epochs" in run else count():
        for batch in loader:
            samples += len(batch)
            engine.backward(engine(batch).mean())
            engine.step()
            if engine.global_steps == run.get("steps"):
                break
        if engine.global_steps == run.get("steps"):
            break
    return {"run": run, "global_steps": engine.global_steps, "lr": rates, "samples": samples}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("deepspeed-engine.json"))
    given = options.parse_args()
    os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29531"}
    sys.modules["deepspeed.comm.torch"].build_shm_op = lambda: None  # type: ignore[attr-defined]  # it would be compiled
    lines = ",\n".join(json.dumps(recorded(run)) for run in matrix())
    versions = f'"deepspeed": "{deepspeed.__version__.strip()}", "torch": "{torch.__version__}"'
    given.to.write_text(f'{{{versions}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
