"""A document that compares several experiments as so many targets, for what looks at each by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from lrviz.cli.targets import Source
from lrviz.errors import SpecError
from lrviz.experiment.experiment import Experiment


def each_of(source: Source, given: Mapping[str, Any]) -> list[Source]:
    """Return a target for each experiment that a target compares, or the target itself, which raises what is wrong."""
    try:
        overlay = source.compared(given) if source.compared else None
    except SpecError as error:
        return [replace(source, load=_raising(error))]
    return [source] if overlay is None else [_entry(source, experiment) for experiment in overlay.experiments]


def _entry(source: Source, experiment: Experiment) -> Source:
    label = experiment.name
    return replace(source, name=f"{source.name}: {label}", label=label, load=lambda given: experiment)


def _raising(error: SpecError) -> Callable[[Mapping[str, Any]], NoReturn]:
    def load(given: Mapping[str, Any]) -> NoReturn:
        raise error

    return load
