"""A document with an `overlay`, to check: a target for each of the experiments that it compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lrviz.cli.targets import Source
from lrviz.errors import SpecError
from lrviz.experiment.experiment import Experiment


def each_of(source: Source, given: Mapping[str, Any]) -> list[Source]:
    """Return a target for each experiment that a target compares, or the target itself, which raises what is wrong."""
    try:
        found = source.compared(given) if source.compared else None
    except SpecError as error:
        return [replace(source, load=_raising(error))]
    return [source] if found is None else [_entry(source, each) for each in found.experiments]


def _raising(error: SpecError) -> Callable[[Mapping[str, Any]], Experiment]:
    def load(given: Mapping[str, Any]) -> Experiment:
        raise error

    return load


def _entry(source: Source, experiment: Experiment) -> Source:
    label = experiment.name
    return replace(source, name=f"{source.name}: {label}", label=label, load=lambda given: experiment)
