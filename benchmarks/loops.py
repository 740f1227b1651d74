"""One way to learn a schedule's numbers, once: `python loops.py WAY STEPS` prints the seconds it took.

The imports, and what is made only once, are outside of the time: it is the cost of the steps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

Way = Callable[[int], Callable[[], Any]]


def _onecycle(steps: int) -> tuple[Any, Any]:
    import torch

    optimizer = torch.optim.SGD(torch.nn.Linear(2, 1).parameters(), lr=1e-3, momentum=0.9)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=steps + 1)


def article(steps: int) -> Callable[[], list[float]]:
    """Step the optimizer and the scheduler, as the article does."""
    optimizer, scheduler = _onecycle(steps)

    def run() -> list[float]:
        rates = []
        for _ in range(steps):
            optimizer.step()
            rates.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
        return rates

    return run


def bare(steps: int) -> Callable[[], None]:
    """Step the scheduler and look at nothing."""
    optimizer, scheduler = _onecycle(steps)
    optimizer.step()

    def run() -> None:
        for _ in range(steps):
            scheduler.step()

    return run


def ignite(steps: int) -> Callable[[], Any]:
    """Let pytorch-ignite simulate it."""
    from ignite.handlers.param_scheduler import LRScheduler

    _, scheduler = _onecycle(steps)
    return lambda: LRScheduler.simulate_values(num_events=steps, lr_scheduler=scheduler)


def _lrviz(engine: str) -> Way:
    def replay(steps: int) -> Callable[[], Any]:
        import lrviz
        from lrviz.engine.engine import TorchEngine
        from lrviz.engine.light import LightEngine

        document = {
            "run": {"epochs": 1, "steps_per_epoch": steps},
            "optimizer": {"name": "sgd", "momentum": 0.9},
            "scheduler": {"name": "onecycle", "max_lr": 1e-3},
        }
        experiment = lrviz.load(document)
        warm = TorchEngine() if engine == "torch" else LightEngine()
        lrviz.replay(lrviz.load({**document, "run": {}}), engine=warm)
        return lambda: lrviz.replay(experiment, engine=warm)

    return replay


WAYS: dict[str, Way] = {
    "article": article,
    "bare": bare,
    "ignite": ignite,
    "torch": _lrviz("torch"),
    "light": _lrviz("light"),
}


def main() -> None:
    """Run the way that the command line names."""
    way, steps = sys.argv[1], int(sys.argv[2])
    run = WAYS[way](steps)
    start = time.perf_counter()
    run()
    sys.stdout.write(f"{time.perf_counter() - start}\n")


if __name__ == "__main__":
    main()
