"""The lines that make the optimizer, with its parameter groups."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from typing import Any

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import SETTINGS
from lrviz.experiment.schedulers import of_group
from lrviz.experiment.schedulers.code import Node, Script, call, layout, listing, literal, mapping


def optimizer_lines(experiment: Experiment, script: Script, model: str = "model") -> list[str]:
    """Return the lines that make the optimizer, with its parameter groups."""
    spec = experiment.optimizer
    given = {name: getattr(spec, name) for name in SETTINGS if getattr(spec, name) is not None}
    parameters: Node = f"{model}.parameters()"
    if spec.groups or script.in_groups:
        groups = range(len(spec.resolved_groups))
        parameters = listing([_group(experiment, script, number, model) for number in groups])
    return layout(call(script.use(f"torch.optim:{spec.name}"), parameters, **_texts(given)), "optimizer = ")


def _texts(settings: Mapping[str, Any]) -> dict[str, Node]:
    """Return an optimizer's arguments as text: betas are a tuple."""
    return {
        name: f"({literal(list(value))[1:-1]})" if name == "betas" else literal(value)
        for name, value in settings.items()
    }


def _group(experiment: Experiment, script: Script, number: int, model: str) -> Node:
    spec, group = experiment.optimizer, experiment.optimizer.resolved_groups[number]
    entries: dict[str, Node] = {"params": f"{model}.parameters()"}
    settings: dict[str, Any] = {}
    if spec.groups:
        entries = {"params": f"{_part(group.name, model)}.parameters()", "name": literal(group.name)}
        settings = {name: getattr(group, name) for name in spec.groups[number].settings()}
    settings |= {name: of_group(value, number) for name, value in script.in_groups.items()}
    return mapping(entries | _texts(settings))


def _part(name: str, model: str) -> str:
    """Return the part of the model whose parameters a group has, as the user is to correct it."""
    parts = name.split(".")
    is_name = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
    return f"{model}.{name}" if is_name else f"{model}.get_submodule({literal(name)})"
