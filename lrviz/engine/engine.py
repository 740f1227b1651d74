"""Where the schedulers and the optimizer of a replay come from, and which engine gives them.

`torch` is the reference. `light` (`lrviz.engine.light`) runs torch's scheduler files without torch, and
is trusted only where the certificate (`lrviz.engine.certify`) says that it is the same.
"""

from __future__ import annotations

import gc
import importlib
import sys
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import Group, OptimizerSpec

__all__ = ["ENGINES", "Choice", "Engine", "TorchEngine", "certify_once", "choose", "group_settings", "known"]

ENGINES = ("auto", "torch", "light")


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
    losses: array[float] | None = None

    def __init__(self) -> None:
        with _collection_paused():
            import torch

            torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)  # the first of all loads another second
        self.torch = torch

    @property
    def version(self) -> str:
        return str(self.torch.__version__)

    def scheduler(self, module: str, name: str) -> Any:
        return getattr(importlib.import_module(module), name)

    def optimizer(self, spec: OptimizerSpec) -> Any:
        models = [self.model(bias=spec.name != "Muon") for _ in spec.resolved_groups]  # Muon takes matrices only
        pairs = zip(models, spec.resolved_groups, strict=True)
        groups = [{"params": list(model.parameters()), **group_settings(group)} for model, group in pairs]
        return getattr(self.torch.optim, spec.name)(groups, lr=spec.lr)

    def model(self, *, bias: bool) -> Any:
        """Return the model of one parameter group; the caller's random numbers stay as they are."""
        with self.torch.random.fork_rng(devices=[]):
            return self.torch.nn.Linear(2, 1, bias=bias, device="cpu")

    def train_once(self, optimizer: Any) -> None:
        needs_closure = isinstance(optimizer, self.torch.optim.LBFGS)
        arguments = [lambda: 0.0] if needs_closure else []
        optimizer.step(*arguments)


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


def group_settings(group: Group) -> dict[str, Any]:
    """Return what a group sets itself, as an optimizer takes it."""
    names = ("lr", "momentum", "betas", "weight_decay")
    return {name: getattr(group, name) for name in names if getattr(group, name) is not None}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which engine replays an experiment, and why."""

    name: str  # "torch" or "light"
    reason: str  # after "because"
    wants_certificate: bool = False  # torch runs only for want of a verdict, and this process can make one


def known(wanted: str) -> str:
    """Return an engine's name; raises SpecError for one that is not in `ENGINES`."""
    if wanted not in ENGINES:
        message = f"must be one of {', '.join(ENGINES)}, not {shown(wanted)}{nearest(wanted, ENGINES)}"
        raise SpecError(Problem(field="engine", message=message))
    return wanted


def choose(experiment: Experiment | None = None, wanted: str = "auto") -> Choice:
    """Return the engine that a replay takes, without importing torch; without an experiment, for a plain one.

    "auto" is "light" only where it is certified for the installed torch. Whatever is asked for, what the
    light engine cannot do, or did otherwise than torch, runs on "torch". Raises SpecError for an
    unknown name.
    """
    if known(wanted) == "torch":
        return Choice(name="torch", reason="it was asked for")
    if wanted == "auto" and torch_is_loaded():
        return Choice(name="torch", reason="torch is already imported in this process")
    try:
        return _light_or_torch(experiment, wanted)
    except Exception as error:  # noqa: BLE001  the light engine has no errors of its own; torch has the word
        return Choice(name="torch", reason=f"the light engine is not available: {error or type(error).__name__}")


def torch_is_loaded() -> bool:
    """Return whether torch is imported already, perhaps changed by whoever did, and costs nothing more."""
    return "torch" in sys.modules


def _light_or_torch(experiment: Experiment | None, wanted: str) -> Choice:
    from lrviz.engine.certify import read
    from lrviz.engine.light import torch_folder, unsupported_reason

    torch_folder()  # raises where there is none
    because = unsupported_reason(experiment) if experiment else None
    if because is not None:
        return Choice(name="torch", reason=because)
    verdict = read()
    if verdict is not None and not verdict.certified:
        return Choice(name="torch", reason=f"the light engine differs from this torch: {verdict.mismatches[0]}")
    if verdict is not None:
        message = f"it gave the same as torch {verdict.torch_version}, to the bit, in {verdict.traces} replays"
        return Choice(name="light", reason=message)
    if wanted == "light":
        return Choice(name="light", reason="it was asked for, though it is not certified for this torch yet")
    message = "the light engine is not certified for this torch yet; a replay on torch does that, once"
    return Choice(name="torch", reason=message, wants_certificate=True)


def certify_once() -> None:
    """Make the verdict that `choose` found missing, if the cache will keep it; it never fails a replay."""
    from lrviz.engine.certify import certify, writable

    try:
        if writable():
            certify()
    except Exception:  # noqa: BLE001  no verdict is an answer too: torch runs
        return
