"""Targets that are several schedules, to check: documents with an `overlay`, and what --with and --sweep make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lrviz.cli.targets import Source
from lrviz.cli.variants import Target, targets_of
from lrviz.errors import SpecError
from lrviz.experiment.experiment import Experiment


def each_of(source: Source, given: Mapping[str, Any]) -> list[Source]:
    """Return a target for each experiment that a target compares, or the target itself, which raises what is wrong."""
    try:
        found = source.compared(given) if source.compared else None
    except SpecError as error:
        return [replace(source, load=_raising(error))]
    return [source] if found is None else [_entry(source, each) for each in found.experiments]


def variants_of(sources: Sequence[Source], given: Mapping[str, Any]) -> list[Source]:
    """Return a target for each schedule that --with and --sweep make of targets; raises SpecError for wrong ones."""
    return [source for target in targets_of(sources, given, "check") for source in _loaded(target)]


def _loaded(target: Target) -> list[Source]:
    """Return a target for each experiment of a target, each with a label, which no file is fixed by."""
    try:
        loaded = target.load()
    except SpecError as error:
        return [replace(target.source, load=_raising(error))]
    return [each.source if experiment is None else _variant(each, experiment) for each, experiment in loaded]


def _variant(target: Target, experiment: Experiment) -> Source:
    source, variant = target.source, target.variant
    name = ", ".join(filter(None, [source.name, variant]))
    return replace(source, name=name, label=variant or source.name, load=lambda given: experiment)


def _raising(error: SpecError) -> Callable[[Mapping[str, Any]], Experiment]:
    def load(given: Mapping[str, Any]) -> Experiment:
        raise error

    return load


def _entry(source: Source, experiment: Experiment) -> Source:
    label = experiment.name
    return replace(source, name=f"{source.name}: {label}", label=label, load=lambda given: experiment)
