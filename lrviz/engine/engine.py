"""What a replay asks of an engine, and the engine that the others are held to: torch itself."""

from __future__ import annotations

import gc
import importlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from lrviz.errors import EngineError
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.schedulers import Draws


class Engine(Protocol):
    """Makes fresh optimizers, and gives out torch's scheduler classes."""

    @property
    def name(self) -> str: ...

    @property
    def losses(self) -> array[float] | None:
        """The loss before each `train_once`, where that really trains."""
        ...

    @property
    def version(self) -> str:
        """The version of the torch whose code runs."""
        ...

    @property
    def upstream(self) -> bool:
        """Whether a library's schedule runs on the library's own class, rather than on lrviz's formula."""
        ...

    def scheduler(self, module: str, name: str) -> Any:
        """Return a scheduler class of torch by the module that holds it and its name."""
        ...

    @property
    def draws(self) -> Draws | None:
        """What draws torch's random numbers; None where there is no torch."""
        ...

    def optimizer(self, spec: OptimizerSpec) -> Any:
        """Return a fresh optimizer over a fresh model, gradients None."""
        ...

    def train_once(self, optimizer: Any) -> None:
        """Call `optimizer.step()`, so that torch sees the order of calls that it asks for."""
        ...


class TorchEngine:
    """A real `torch.nn.Linear` for each parameter group, under the real optimizer."""

    losses: array[float] | None = None

    def __init__(self, *, upstream: bool = False) -> None:
        self.upstream = upstream
        self.torch = _imported()

    @property
    def name(self) -> str:
        return "upstream" if self.upstream else "torch"

    @property
    def version(self) -> str:
        return str(self.torch.__version__)

    def scheduler(self, module: str, name: str) -> Any:
        return getattr(importlib.import_module(module), name)

    def draws(self, kind: str, seed: int) -> Iterator[float]:
        generator = self.torch.Generator().manual_seed(seed)
        while True:
            yield getattr(self.torch, kind)(1, generator=generator).item()

    def optimizer(self, spec: OptimizerSpec) -> Any:
        models = [self.model(bias=spec.name != "Muon") for _ in spec.resolved_groups]  # Muon takes matrices only
        pairs = zip(models, spec.resolved_groups, strict=True)
        groups = [{"params": list(model.parameters()), **group.settings()} for model, group in pairs]
        return getattr(self.torch.optim, spec.name)(groups, lr=spec.lr)

    def model(self, *, bias: bool) -> Any:
        """Return the model of one parameter group; the caller's random numbers stay as they are."""
        with self.torch.random.fork_rng(devices=[]):
            return self.torch.nn.Linear(2, 1, bias=bias, device="cpu")

    def train_once(self, optimizer: Any) -> None:
        needs_closure = isinstance(optimizer, self.torch.optim.LBFGS)
        arguments = [lambda: 0.0] if needs_closure else []
        optimizer.step(*arguments)


def _imported() -> Any:
    """Return torch; raises EngineError with the words of whatever it raises."""
    try:
        with _collection_paused():
            import torch

            torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)  # the first of all loads another second
    except Exception as error:
        raise EngineError(f"torch cannot be imported: {type(error).__name__}: {error}") from error
    return torch


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Import without looking for garbage: among the million objects of torch that takes a sixth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
