"""What `lrviz code` prints, run: each step trains with what the trace has, to the last bit."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

import lrviz
from lrviz import Experiment, load, replay
from lrviz.engine import library
from lrviz.experiment.schedulers import SchedulerSpec, catalogue
from lrviz.render.text.code import code_lines
from lrviz.trace import Trace

CONFIGS = Path(lrviz.__file__).parents[1] / "configs"


class Model:
    """Stands for a model, any part of it, and its loss."""

    def __init__(self, losses: Iterator[float]) -> None:
        self.losses = losses
        self.loss = 0.0

    def __getattr__(self, name: str) -> Model:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def get_submodule(self, name: str) -> Model:
        return self

    def parameters(self) -> list[Any]:
        return [torch.nn.Parameter(torch.zeros(1, 2))]

    def __call__(self, batch: object) -> Model:
        self.loss = next(self.losses)
        return self

    def __truediv__(self, other: float) -> Model:
        return self

    def backward(self, **_: Any) -> None: ...

    def item(self) -> float:
        return self.loss


def ran(text: str, experiment: Experiment, trace: Trace) -> list[list[tuple[Any, ...]]]:
    """Run a script, and return for each step of the optimizer what each group trained with."""
    steps: list[list[tuple[Any, ...]]] = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        steps.append([used(group, trace.momentum_name) for group in optimizer.param_groups])

    clock = experiment.run.clock
    per_epoch = clock.batches_per_epoch or (clock.steps_per_epoch or 0) * experiment.run.loop.gathers
    names = {
        "model": Model(iter(trace.loss) if trace.loss is not None else count()),
        "loader": range(per_epoch) if per_epoch else count(),
        "evaluate": evaluating(trace),
    }
    lines = [
        f"{name} = {name}_" if (name := line.partition(" = ...")[0]) in names else line for line in text.splitlines()
    ]
    hook = register_optimizer_step_pre_hook(note)
    modules = dict(sys.modules)
    try:
        sys.modules.update(without_the_rest(text))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, of schedules that do what they do
            exec("\n".join(lines), {f"{name}_": value for name, value in names.items()})
    finally:
        hook.remove()
        for name in sys.modules.keys() - modules.keys() if "timm" not in modules else ():
            if name.partition(".")[0] == "timm":
                del sys.modules[name]
    return steps


def without_the_rest(text: str) -> dict[str, ModuleType]:
    """Return timm and its schedulers, where the rest of timm cannot be imported for want of torchvision."""
    if "from timm.scheduler " not in text or importlib.util.find_spec("torchvision") is not None:
        return {}
    return {"timm": ModuleType("timm"), "timm.scheduler": library._imported("timm.scheduler")}


def evaluating(trace: Trace) -> Any:
    metrics = iter(trace.metric or ())
    return lambda model: next(metrics, 0.0)  # the last step is followed by an evaluation that nothing trains with


def used(group: dict[str, Any], momentum: str | None) -> tuple[Any, ...]:
    moved = group["betas"][0] if momentum == "beta1" else group.get(momentum) if momentum else None
    return group["lr"], moved, group.get("weight_decay")


def wanted(trace: Trace) -> list[list[tuple[Any, ...]]]:
    columns = [
        zip(*(column or [None] * trace.steps for column in (group.lr, group.momentum, group.weight_decay)), strict=True)
        for group in trace.groups
    ]
    return [list(step) for step in zip(*columns, strict=True)]


def installed(experiment: Experiment, form: str | None = None) -> None:
    """Skip a test whose library is not there."""
    for name in {
        line.split()[1].partition(".")[0] for line in code_lines(experiment, form) if line.startswith("from ")
    }:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")


def assert_trains_alike(experiment: Experiment, form: str | None = None) -> None:
    upstream = form is None and experiment.resolved.upstream() is not None
    trace = replay(experiment, engine="upstream" if upstream else "torch", partial=True)
    text = "\n".join(code_lines(experiment, form))
    steps = ran(text, experiment, trace)
    assert len(steps) == trace.steps
    assert steps == wanted(trace), text


def examples(*, library: bool) -> list[Any]:
    specs = [spec for spec in catalogue().values() if spec.example or not spec.required()]
    return [pytest.param(spec, id=name) for spec in specs if (name := spec.name) and bool(spec.library) is library]


def example(spec: type[SchedulerSpec], **run: Any) -> Experiment:
    scheduler = {"name": spec.name, **spec.example}
    return load({"optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9}, "scheduler": scheduler, "run": run})


FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_script_of_a_committed_config_trains_as_it_replays(path: Path) -> None:
    experiment = load(path)
    installed(experiment)
    assert_trains_alike(experiment)


@pytest.mark.parametrize("spec", [*examples(library=False), *examples(library=True)])
def test_the_script_of_a_schedulers_example_trains_as_it_replays(spec: type[SchedulerSpec]) -> None:
    experiment = example(spec)
    installed(experiment)
    assert_trains_alike(experiment)
