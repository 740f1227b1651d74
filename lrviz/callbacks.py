"""Callbacks for the Hugging Face Trainer and for Lightning: the schedule checked at train start, plan and log kept.

    from lrviz.callbacks import TrainerCallback

    Trainer(..., callbacks=[TrainerCallback()]).train()

    from lrviz.callbacks import LightningCallback

    lightning.Trainer(callbacks=[LightningCallback()]).fit(model)

A schedule with an error stops the run before its first step. Beside the run's other files are `lrviz-plan.csv` and
`lrviz-plan.png`, what every step is to train with, and `lrviz-log.csv`, what it did; at the end a warning says where
the two parted. transformers and Lightning are imported by whoever asks for the class that is theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any

from lrviz.watching import Length, Watch, logger


class _Callback:
    """Checks the schedule when the training starts, and keeps its plan and what the run trains with.

    With `raises=False` a schedule with an error is warned of, and trained with. With `files=False` nothing is
    written, and with `figure=False` no figure. `outcome` says after a run whether it followed its plan.
    """

    def __init__(self, *, raises: bool = True, files: bool = True, figure: bool = True) -> None:
        self.raises, self.files, self.figure = raises, files, figure
        self.watch: Watch | None = None
        self.outcome = ""

    def begin(self, scheduler: Any, groups: Any, length: Length, folder: str | Path, *, is_first: bool) -> None:
        """Check a scheduler and begin its log; `is_first` is whether this process is the one that writes."""
        own = Path(folder) if self.files and is_first else None
        self.watch = Watch(scheduler, groups, length, folder=own, raises=self.raises, figure=self.figure)

    def skip(self, why: str) -> None:
        """Say that a run has no plan."""
        self.outcome = f"the run had no plan: {why}"
        logger.warning(self.outcome)

    def note(self) -> None:
        if self.watch is not None:
            self.watch.note()

    def end(self) -> None:
        if self.watch is not None:
            self.outcome = self.watch.close()
            self.watch = None


class _TrainerEvents(_Callback):
    """What the Hugging Face Trainer calls."""

    def on_train_begin(
        self, args: Any, state: Any, control: Any, *, optimizer: Any = None, lr_scheduler: Any = None, **rest: Any
    ) -> None:
        steps = state.max_steps - state.global_step
        if optimizer is None or lr_scheduler is None or steps < 1:
            self.skip(_unending(steps) or "the Trainer has no scheduler yet")
            return
        per_epoch, rest_of_epoch = divmod(state.max_steps, max(1, state.num_train_epochs))
        is_by_epoch = args.max_steps <= 0 and not rest_of_epoch
        length = Length(steps, state.global_step, per_epoch if is_by_epoch else None)
        groups = optimizer.param_groups
        self.begin(lr_scheduler, groups, length, args.output_dir, is_first=state.is_world_process_zero)

    def on_step_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.note()

    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.end()


class _LightningEvents(_Callback):
    """What Lightning's Trainer calls."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        configs, total = trainer.lr_scheduler_configs, trainer.estimated_stepping_batches
        steps = total - trainer.global_step if total not in (-1, float("inf")) else 0
        why = _unplanned(configs, is_automatic=pl_module.automatic_optimization, steps=steps)
        if why:
            self.skip(why)
            return
        (config,) = configs
        batches = trainer.num_training_batches
        per_epoch = None if batches == float("inf") else ceil(batches / trainer.accumulate_grad_batches)
        length = Length(int(steps), trainer.global_step, per_epoch, config.interval)
        folder = trainer.log_dir or trainer.default_root_dir
        groups = config.scheduler.optimizer.param_groups
        self.begin(config.scheduler, groups, length, folder, is_first=trainer.is_global_zero)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        self.note()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.end()


def _unplanned(configs: Sequence[Any], *, is_automatic: bool, steps: float) -> str:
    """Return why a run under Lightning has no plan; empty where it has one."""
    if len(configs) != 1:
        return f"it has {len(configs)} schedulers, not one" if configs else "it has no scheduler"
    if not is_automatic:
        return "its module steps the scheduler itself"
    often = configs[0].frequency
    return f"its scheduler is stepped every {often} {configs[0].interval}s" if often != 1 else _unending(steps)


def _unending(steps: float) -> str:
    return "" if steps >= 1 else "nothing says how many steps it has, or none is left"


def _lightning() -> Any:
    """Return the Lightning that is in use: `lightning`, or `pytorch_lightning` where that alone was imported."""
    older = "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules
    return import_module("pytorch_lightning" if older else "lightning.pytorch")


def __getattr__(name: str) -> Any:
    """Make a callback of a framework's own class when it is first asked for."""
    bases: tuple[Any, ...]
    if name == "TrainerCallback":
        bases = (_TrainerEvents, import_module("transformers").TrainerCallback)
    elif name == "LightningCallback":
        bases = (_LightningEvents, _lightning().Callback)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made = type(name, bases, {"__doc__": _Callback.__doc__, "__module__": __name__})
    return made
