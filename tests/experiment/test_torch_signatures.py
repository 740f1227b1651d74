"""The catalogue and the optimizers are torch's own: the installed torch has no others, and no other arguments."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from lrviz import SpecError
from lrviz.experiment.optimizers import BETA1, MOMENTUM, OPTIMIZERS, OptimizerSpec, momentum_name
from lrviz.experiment.record import arg_types, is_required
from lrviz.experiment.schedulers import SchedulerSpec, catalogue

MODULES = ("torch.optim.lr_scheduler", "torch.optim.swa_utils")
BASES = {"LRScheduler", "_LRScheduler"}
NOT_ARGUMENTS = ("self", "optimizer", "last_epoch", "verbose")  # torch 2.7 dropped verbose
IN_TORCH = [pytest.param(spec, id=spec.__name__) for spec in catalogue().values() if spec.module is not None]


def subclasses(cls: type) -> Iterator[type]:
    for found in cls.__subclasses__():
        yield found
        yield from subclasses(found)


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(cls.__init__)
    return {name: parameter for name, parameter in signature.parameters.items() if name not in NOT_ARGUMENTS}


def scheduler(spec: type[SchedulerSpec]) -> type:
    return getattr(importlib.import_module(spec.module), spec.__name__)


def fields(spec: type[SchedulerSpec]) -> dict[str, dataclasses.Field[Any]]:
    kinds = arg_types(spec)
    return {entry.name: entry for entry in dataclasses.fields(spec) if not kinds[entry.name].extra}


def optimizer(name: str) -> torch.optim.Optimizer:
    return getattr(torch.optim, name)(torch.nn.Linear(2, 1, bias=False).parameters(), lr=0.1)


def test_no_scheduler_of_torch_is_missing() -> None:
    for module in MODULES:
        importlib.import_module(module)
    theirs = {cls.__name__ for cls in subclasses(lr_scheduler.LRScheduler) if cls.__module__ in MODULES}
    assert {spec.__name__ for spec in catalogue().values() if spec.module is not None} == theirs - BASES


@pytest.mark.parametrize("spec", IN_TORCH)
def test_arguments_are_named_and_ordered_as_in_torch(spec: type[SchedulerSpec]) -> None:
    assert list(fields(spec)) == list(parameters(scheduler(spec)))


@pytest.mark.parametrize("spec", IN_TORCH)
def test_defaults_are_those_of_torch(spec: type[SchedulerSpec]) -> None:
    ours, kinds = fields(spec), arg_types(spec)
    for name, parameter in parameters(scheduler(spec)).items():
        if parameter.default is not inspect.Parameter.empty:
            assert ours[name].default == parameter.default, name
        elif kinds[name].horizon:
            assert ours[name].default is None, name
        else:
            assert is_required(ours[name]), name


def test_no_optimizer_of_torch_is_missing() -> None:
    theirs = {cls.__name__ for cls in vars(torch.optim).values() if inspect.isclass(cls)}
    theirs &= {cls.__name__ for cls in subclasses(torch.optim.Optimizer)}
    assert set(OPTIMIZERS) == theirs


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_momentum_cycle_moves_what_lrviz_says(name: str) -> None:
    real = optimizer(name)
    if OPTIMIZERS[name] is None:
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            lr_scheduler.OneCycleLR(real, max_lr=1.0, total_steps=10)
        return
    lr_scheduler.OneCycleLR(real, max_lr=1.0, total_steps=10, max_momentum=0.6)
    group = real.param_groups[0]
    assert (group["betas"][0] if OPTIMIZERS[name] == "beta1" else group["momentum"]) == 0.6


@pytest.mark.parametrize(("argument", "value"), [("momentum", 0.5), ("betas", (0.5, 0.6)), ("weight_decay", 0.01)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_argument_is_taken_where_torch_has_it(name: str, argument: str, value: Any) -> None:
    if argument in parameters(getattr(torch.optim, name)):
        assert getattr(OptimizerSpec(name=name, **{argument: value}), argument) == value
    else:
        with pytest.raises(SpecError, match=f"{name} has no {argument}"):
            OptimizerSpec(name=name, **{argument: value})


def test_the_momentum_that_an_optimizer_has_by_default_is_torchs() -> None:
    known = {name: getattr(torch.optim, name) for name in OPTIMIZERS if hasattr(torch.optim, name)}
    defaults = {name: inspect.signature(cls).parameters for name, cls in known.items()}
    torchs = {
        name: given["momentum"].default if momentum_name(name) == "momentum" else given["betas"].default[0]
        for name, given in defaults.items()
        if momentum_name(name) is not None
    }
    assert torchs == {name: MOMENTUM.get(name, BETA1) for name in torchs}
