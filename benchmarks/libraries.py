"""Time a step of other libraries' schedules beside a bare LambdaLR, in the same process, and print a Markdown table.

    python benchmarks/libraries.py               # a minute; the README's numbers
    python benchmarks/libraries.py --small       # a second: does it still work?

The bare loop steps torch's LambdaLR with a function that returns a constant. In a round each contender runs
once, one after another, and a ratio is the median of the rounds' own ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import lrviz

SCHEDULES: tuple[dict[str, Any], ...] = (
    {"name": "cosine"},
    {"name": "hf-cosine", "num_warmup_steps": "10%"},
    {"name": "hf-warmup-stable-decay", "num_warmup_steps": "10%", "num_decay_steps": "10%"},
    {"name": "deepspeed-warmup-decay", "warmup_num_steps": 500},
    {"name": "timm-cosine", "warmup_t": 500},
    {"name": "ultralytics"},
    {"name": "mmengine-poly", "by_epoch": False},
    {"name": "megatron", "lr_warmup_steps": 500, "lr_decay_style": "cosine"},
    {"name": "torchtitan", "warmup_steps": 500},
    {"name": "detectron2-warmup-cosine"},
    {"name": "warmup-cosine", "preset": "nanogpt", "warmup_steps": 500},
)


def bare(steps: int) -> Callable[[], None]:
    """Step torch's LambdaLR, and nothing else; what is made only once is outside of the time."""
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    optimizer.step()

    def run() -> None:
        for _ in range(steps):
            scheduler.step()

    return run


def replayed(experiment: lrviz.Experiment, engine: str) -> None:
    """Replay a schedule, and keep what each step trains with."""
    lrviz.replay(experiment, engine=engine)


def seconds(run: Callable[[], None]) -> float:
    """Return how long a run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    """Time every contender and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="once and short: to see that it works")
    small = parser.parse_args().small
    steps, rounds = (1_000, 1) if small else (100_000, 5)
    contenders: dict[str, Callable[[], None]] = {"bare LambdaLR.step": bare(steps)}
    for scheduler in SCHEDULES:
        run = {"epochs": 10, "steps_per_epoch": steps // 10}
        experiment = lrviz.load({"run": run, "scheduler": scheduler})
        for engine in ("torch", "light"):
            contenders[f"{scheduler['name']}, {engine} engine"] = partial(replayed, experiment, engine)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run_once in contenders.items():
            times[name].append(seconds(run_once))
    first = times["bare LambdaLR.step"]
    sys.stdout.write(f"{steps:,} steps, torch {version('torch')}\n\n")
    sys.stdout.write("| a step of | us | time / bare |\n|---|---:|---:|\n")
    for name, taken in times.items():
        ratio = statistics.median(own / other for own, other in zip(taken, first, strict=True))
        sys.stdout.write(f"| {name} | {statistics.median(taken) / steps * 1e6:.2f} | {ratio:.2f} |\n")


if __name__ == "__main__":
    main()
