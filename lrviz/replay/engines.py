"""Where the schedulers and the optimizer of a replay come from."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

from lrviz.spec.optimizers import Group, OptimizerSpec

__all__ = ["Engine", "TorchEngine"]


class Engine(Protocol):
    """Makes fresh optimizers, and gives out torch's scheduler classes."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """The version of the torch whose code runs."""
        ...

    def scheduler(self, module: str, name: str) -> Any:
        """Return a scheduler class of torch by the module that holds it and its name."""
        ...

    def optimizer(self, spec: OptimizerSpec) -> Any:
        """Return a fresh optimizer over a fresh model, gradients None."""
        ...

    def train_once(self, optimizer: Any) -> None:
        """Call `optimizer.step()`, so that torch sees the order of calls that it asks for."""
        ...


class TorchEngine:
    """The reference: a real `torch.nn.Linear` for each parameter group, under the real optimizer."""

    name = "torch"

    def __init__(self) -> None:
        import torch

        self.torch = torch

    @property
    def version(self) -> str:
        return str(self.torch.__version__)

    def scheduler(self, module: str, name: str) -> Any:
        return getattr(importlib.import_module(module), name)

    def optimizer(self, spec: OptimizerSpec) -> Any:
        groups = [self._group(group, matrices_only=spec.name == "Muon") for group in spec.resolved_groups]
        return getattr(self.torch.optim, spec.name)(groups, lr=spec.lr)

    def _group(self, group: Group, *, matrices_only: bool) -> dict[str, Any]:
        model = self.torch.nn.Linear(2, 1, bias=not matrices_only)
        settings = ("lr", "momentum", "betas", "weight_decay")
        given = {name: getattr(group, name) for name in settings if getattr(group, name) is not None}
        return {"params": list(model.parameters()), **given}

    def train_once(self, optimizer: Any) -> None:
        needs_closure = isinstance(optimizer, self.torch.optim.LBFGS)
        arguments = [lambda: 0.0] if needs_closure else []
        optimizer.step(*arguments)
