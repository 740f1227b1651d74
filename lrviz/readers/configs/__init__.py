"""Trainers' configs, one file a format; nothing downstream knows which it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lrviz.experiment.clock import LIBRARIES
from lrviz.experiment.values import Value

SUFFIXES = (".yaml", ".yml", ".json", ".toml", ".py")
ELSEWHERE = {"lr": "optimizer", "metric": "scheduler", "metric_csv": "scheduler", "nc": "scheduler",
             "iterations": "scheduler"}  # fmt: skip
"""The sections of what may be said beside a config and is no argument of the run."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is known of a config beside its file, and how to ask for what is not."""

    given: Mapping[str, Any] = field(default_factory=dict)  # of the run, the optimizer and the scheduler
    versions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of libraries
    beside: str | os.PathLike[str] | None = None  # the file that belongs to this one
    project: Callable[[], Mapping[str, Value]] = dict  # what a project says for configs that leave it open
    command: str = ""  # that was typed, to which an answer may be added


def releases(said: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the numbers of libraries' versions, (4, 44) of "4.44"; what is none is refused with the run."""
    found = {name: str(said[name]) for name in LIBRARIES if said.get(name) is not None}
    return {name: tuple(map(int, text.split("."))) for name, text in found.items() if text.replace(".", "").isdecimal()}


def is_own(root: Value) -> bool:
    """Return whether a document is lrviz's own: it has a scheduler with a name, or overlays several."""
    if isinstance(root.data, dict) and isinstance(root.data.get("overlay", Value(None)).data, list):
        return True
    scheduler = root.data.get("scheduler", Value(None)).data if isinstance(root.data, dict) else None
    return isinstance(scheduler, dict) and "name" in scheduler


def with_said(root: Value, said: Mapping[str, Value]) -> Value:
    """Return a document with what is said of the run, the learning rate and the scheduler beside it."""
    if not isinstance(root.data, dict):
        return root
    sections = dict(root.data)
    for name, value in said.items():
        section = ELSEWHERE.get(name, "run")
        own = sections.get(section, Value({}))
        before = own.data if isinstance(own.data, dict) else {}
        sections[section] = replace(own, data=before | {name: value})
    return replace(root, data=sections)
