"""The formats of trainers' configs: which one a file has, and how to read it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.clock import LIBRARIES
from lrviz.experiment.origin import Origin
from lrviz.experiment.schedulers.catalogue import find
from lrviz.experiment.values import Value
from lrviz.readers.configs import Said, is_own, releases, with_said
from lrviz.readers.configs.config import Config, Entries

FORMATS = {
    "torchtune": "torchtune",
    "torchtitan": "torchtitan",
    "timm": "timm",
    "ultralytics": "ultralytics",
    "mmengine": "mmengine",
    "nanogpt": "nanogpt",
    "lightning": "lightning",
    "deepspeed": "deepspeed",
    "llamafactory": "llamafactory",
    "axolotl": "axolotl",
    "swift": "swift",
    "huggingface": "huggingface",
    "torch": "torch_script",
}
"""The module of each format by the name that `--from` takes, the more particular first."""

TAKE_DEEPSPEED = ("huggingface", "llamafactory", "axolotl", "swift")
"""The formats of trainers that take a DeepSpeed config."""

DATA = "dataset_size"
INSTEAD = ("steps_per_epoch", "steps")
"""What may be said of a run in place of its data set."""


class Format(Protocol):
    """What a format's module has."""

    LABEL: str
    READ: Mapping[str, Collection[str]]
    """The keys that say something of a schedule, by the block that they are in, "" for the top."""

    def fits(self, keys: Entries) -> bool:
        """Return whether a config with these keys at its top is of the format."""
        ...

    def read(self, config: Config) -> Mapping[str, Any]:
        """Return the document that a config comes to: mappings of Values, or of plain data for what is a default."""
        ...


class Reading(NamedTuple):
    """A document made of a config, and what was read from which key."""

    root: Value
    origin: Origin


def recognise(root: Value) -> str | None:
    """Return the name of the format that a tree has by its keys; None for lrviz's own, and for what is none."""
    if not isinstance(root.data, dict) or is_own(root):
        return None
    return next((name for name in FORMATS if _module(name).fits(root.data)), None)


def read(root: Value, name: str, form: str, said: Said, other: Value | None = None) -> Reading:
    """Return the document that a config of a format comes to; raises SpecError with all that is wrong or missing.

    `other` is the second of two configs that belong together: DeepSpeed's, and that of the trainer which fills it.
    """
    if form not in FORMATS:
        message = f"must be one of {', '.join(FORMATS)}, not {shown(form)}{nearest(form, FORMATS)}"
        raise SpecError(Problem(place="--from", message=message))
    if not isinstance(root.data, dict):
        raise SpecError(Problem(place=root.place or name, message="must be a mapping of keys"))
    if other is not None:
        form, root, other = _pair(form, root, other)
    module = _module(form)

    def with_taken(taken: Mapping[str, Value]) -> tuple[Config, Mapping[str, Any]]:
        plain = {key: value.plain() for key, value in taken.items()}
        given, versions = {**plain, **said.given}, {**releases(plain), **said.versions}
        config = Config(root, name, given, versions, said.command, other)
        config.misspelt(module.READ)
        return config, module.read(config)

    config, document, taken = _answered(with_taken, said)
    config.check()
    values = {key: part if isinstance(part, Value) else Value.of(part, name) for key, part in document.items()}
    origin = replace(config.origin(module.LABEL), said=tuple(_said(key, value) for key, value in taken.items()))
    laid = {key: value for key, value in taken.items() if key not in origin.used}
    return Reading(with_said(Value(values, name), laid), origin)


def _answered(
    read: Callable[[Mapping[str, Value]], tuple[Config, Mapping[str, Any]]], said: Said
) -> tuple[Config, Mapping[str, Any], dict[str, Value]]:
    """Return a config as it is read with what a project says of all that it leaves open, and with what of that."""
    taken: dict[str, Value] = {}
    config, document = read(taken)
    project = said.project() if config.needs or _library(document) else {}
    while more := {key: project[key] for key in config.needs if key in project.keys() - taken.keys()}:
        taken |= more
        config, document = read(taken)
    for key in (key for key in INSTEAD if key in project and DATA in config.needs):
        other, changed = read(taken | {key: project[key]})
        if DATA not in other.needs:
            config, document, taken = other, changed, taken | {key: project[key]}
    library = _library(document)
    if library in project and library not in said.versions:
        taken[library] = project[library]
        config, document = read(taken)
    return config, document, taken


def _library(document: Mapping[str, Any]) -> str:
    """Return the library whose version a document's schedule or clock follows; empty where there is none."""
    scheduler, run = (Value.of(document.get(part, {})).plain() for part in ("scheduler", "run"))
    spec = find(str(scheduler.get("name")))
    return spec.library if spec and spec.library in LIBRARIES else str(run.get("framework", ""))


def _said(name: str, value: Value) -> tuple[str, str]:
    data = value.plain()
    return f"{name} {f'{data:,}' if isinstance(data, int) else data}", value.place.rpartition(":")[0]


def _pair(form: str, root: Value, beside: Value) -> tuple[str, Value, Value]:
    """Return the format and the tree of a trainer's config, and the DeepSpeed config that belongs to it."""
    other = recognise(beside)
    if form == "deepspeed" and other in TAKE_DEEPSPEED:
        return other, beside, root
    if form in TAKE_DEEPSPEED and other == "deepspeed":
        return form, root, beside
    message = "one of the two files must be a DeepSpeed JSON, and the other the arguments of a trainer that takes it"
    raise SpecError(Problem(place="--beside", message=message))


def _module(name: str) -> Format:
    module: Any = importlib.import_module(f"{__package__}.{FORMATS[name]}")
    return module  # type: ignore[no-any-return]  # a module is its own protocol
