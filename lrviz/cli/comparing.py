"""A document with an `overlay` as a target: a target for each of the experiments that it compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lrviz import overlays
from lrviz.cli.overlay import overlaid
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.values import Value
from lrviz.overlays import Entry, Overlay


@dataclass(frozen=True)
class Comparison:
    """What a document with an `overlay` comes to: what it says itself, and a target for each entry."""

    overlay: Overlay
    sources: list[Source]


def comparison(source: Source, given: Mapping[str, Any]) -> Comparison | None:
    """Return what a target compares, with the flags laid over each of its entries; None where it is no overlay."""
    from lrviz.experiment import yaml_reader
    from lrviz.readers.configs.syntax import decode

    path = source.path
    if path is None or not path.is_file() or b"overlay" not in (data := yaml_reader.content(path)):
        return None
    root = decode(data, str(path), given.get("key"))
    if not overlays.is_overlay(root):
        return None
    for flag in ("form", "beside"):
        if given.get(flag):
            place = {"form": "--from"}.get(flag, f"--{flag}")
            raise SpecError(Problem(place=place, message=f"is for a trainer's config; {path} is a document of lrviz's"))
    allowed = {name: given.get(name, []) for name in ("allow_import", "allow_files")}
    found = overlays.entries(root, path.parent, allowed["allow_files"])
    overlay = overlays.read(root, found, _laid(given), **allowed)
    pairs = zip(found, overlay.experiments, strict=True)
    return Comparison(overlay, [_source(source, entry, experiment.name) for entry, experiment in pairs])


def each_of(source: Source, given: Mapping[str, Any]) -> list[Source]:
    """Return a target for each experiment that a target compares, or the target itself, which raises what is wrong."""
    try:
        found = comparison(source, given)
    except SpecError as error:
        return [replace(source, load=_raising(error))]
    return [source] if found is None else found.sources


def _raising(error: SpecError) -> Callable[[Mapping[str, Any]], Experiment]:
    def load(given: Mapping[str, Any]) -> Experiment:
        raise error

    return load


def _laid(given: Mapping[str, Any]) -> Callable[[Value], Value]:
    """Return what lays flags over an entry; the title is that of the figure."""
    own = {**given, "title": None}
    return lambda root: replace(root, data=overlaid(root.data, own)) if isinstance(root.data, dict) else root


def _source(source: Source, entry: Entry, label: str) -> Source:
    def load(given: Mapping[str, Any]) -> Experiment:
        allowed = {name: given.get(name, []) for name in ("allow_import", "allow_files")}
        return overlays.read_one(entry, _laid(given), **allowed)

    return replace(source, name=f"{source.name}: {label}", label=label, load=load)
