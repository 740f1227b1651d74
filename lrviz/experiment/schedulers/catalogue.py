"""Every scheduler that lrviz knows. torch's are loaded at once, those of a library when somebody asks for them."""

from __future__ import annotations

import importlib
from typing import NamedTuple

from lrviz.errors import SpecError, nearest, shown
from lrviz.experiment.schedulers.base import LOADED, SchedulerSpec

__all__ = ["CORE", "LIBRARIES", "Family", "catalogue", "families", "lookup"]

LIBRARIES: dict[str, str] = {
    "warmup": "pretraining",
    "wsd": "pretraining",
    "inverse": "pretraining",
    "noam": "pretraining",
    "rex": "pretraining",
    "tri": "pretraining",
    "hf": "huggingface",
    "deepspeed": "deepspeed",
    "timm": "timm",
    "ultralytics": "ultralytics",
    "mmengine": "mmengine",
    "megatron": "megatron",
    "torchtitan": "torchtitan",
    "detectron2": "detectron2",
}
"""The module of each library's schedulers, by what their names begin with; in the order of `lrviz list`."""

CORE = tuple(LOADED.values())
"""The schedulers of torch, and those of lrviz that are loaded with them."""


def catalogue() -> dict[str, type[SchedulerSpec]]:
    """Return every scheduler by its lrviz name, in the order of `lrviz list`."""
    for prefix in LIBRARIES:
        _load(prefix)
    modules = [_path(prefix) for prefix in LIBRARIES]
    place = {module: number for number, module in enumerate(modules, 1)}
    return dict(sorted(LOADED.items(), key=lambda entry: place.get(entry[1].__module__, 0)))


class Family(NamedTuple):
    """Schedulers of one origin: torch's, those of a library, or those of none."""

    key: str  # what `lrviz list` is asked for it by
    title: str
    specs: list[type[SchedulerSpec]]

    @property
    def library(self) -> str:
        """The library's own name; empty for torch and for none."""
        return self.specs[0].library

    @property
    def names(self) -> list[str]:
        """The names of its schedulers."""
        return [spec.name for spec in self.specs]


def families() -> list[Family]:
    """Return torch's schedulers, those of no library, and those of each library, in the order of `lrviz list`."""
    prefixes = {_path(prefix): prefix for prefix in reversed(LIBRARIES)}
    found: dict[str, Family] = {"torch": Family("torch", "PyTorch", []), "by-hand": Family("by-hand", "no library", [])}
    for spec in catalogue().values():
        key = "torch" if spec.module is not None else "by-hand"
        title = found[key].title
        if spec.library:
            key, title = prefixes.get(spec.__module__, spec.library), spec.family
        found.setdefault(key, Family(key, title, [])).specs.append(spec)
    return list(found.values())


def find_family(name: str) -> Family | None:
    """Return the family of a key, of its title or its library's name, in any case; else None."""
    folded = name.lower().replace(" ", "")
    known = families()
    names = ((each, (each.key, each.title, each.library)) for each in known)
    return next((each for each, own in names if folded in [one.lower().replace(" ", "") for one in own]), None)


def find(name: str) -> type[SchedulerSpec] | None:
    """Return the class of an lrviz name, of torch's class name or its library's own name, in any case; else None."""
    folded = name.lower()
    found = _loaded(folded)
    if found is None and folded.partition("-")[0] in LIBRARIES:
        _load(folded.partition("-")[0])
        found = _loaded(folded)
    if found is None:
        catalogue()
        found = _loaded(folded)
    return found


def lookup(name: str) -> type[SchedulerSpec]:
    """Return the class of an lrviz name, of torch's class name or its library's own name, in any case.

    Raises SpecError, with the nearest name.
    """
    found = find(name)
    if found is None:
        raise SpecError(f"unknown scheduler {shown(name)}{nearest(name, names())}")
    return found


def names() -> list[str]:
    """Return every name that `lookup` takes."""
    known = catalogue().values()
    return [name for spec in known for name in (spec.name, spec.__name__, *spec.aliases)]


def _path(prefix: str) -> str:
    return f"{__package__}.{LIBRARIES[prefix]}"


def _load(prefix: str) -> None:
    importlib.import_module(_path(prefix))


def _loaded(folded: str) -> type[SchedulerSpec] | None:
    for name, spec in LOADED.items():
        if folded in (name, spec.__name__.lower(), *map(str.lower, spec.aliases)):
            return spec
    return None
