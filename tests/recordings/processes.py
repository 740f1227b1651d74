"""What recorders of real trainings share: a case in as many processes as it wants, and all of them in one file."""

from __future__ import annotations

import argparse
import gc
import json
import os
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

Cases = Callable[[], Iterable[tuple[Any, ...]]]


def work(rank: int, world: int, port: int, numbers: list[int], folder: str, matrix: Cases, recorded: Any) -> None:
    """Run some cases as one of `world` processes; the first writes what they recorded."""
    if world > 1:
        ranks = {"RANK": rank, "LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
        os.environ |= {name: str(value) for name, value in ranks.items()}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
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


def record(script: str, matrix: Cases, recorded: Any, versions: Mapping[str, str]) -> None:
    """Record the cases of a script, the run of each its first part, into the JSON file that is called like it.

    `script` is its file, `record_trainer.py`; `--only 0,40` runs those cases alone, `--to FILE` writes elsewhere.
    """
    options = argparse.ArgumentParser()
    options.add_argument("--only", type=lambda text: [int(number) for number in text.split(",")])
    name = Path(script).stem.removeprefix("record_")
    options.add_argument("--to", type=Path, default=Path(script).with_name(f"{name}.json"))
    given = options.parse_args()
    worlds = [run.get("world_size", 1) for run, *_ in matrix()]
    numbers = range(len(worlds)) if given.only is None else given.only
    with tempfile.TemporaryDirectory() as folder:
        for world in sorted(set(worlds)):
            mine = [number for number in numbers if worlds[number] == world]
            if mine:
                arguments = (world, free_port(), mine, folder, matrix, recorded)
                torch.multiprocessing.spawn(work, arguments, nprocs=world)
        lines = ",\n".join((Path(folder) / str(number)).read_text() for number in numbers)
    heads = ", ".join(f'"{name}": "{version}"' for name, version in versions.items())
    given.to.write_text(f'{{{heads}, "cases": [\n{lines}\n]}}\n')
