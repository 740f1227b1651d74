"""The formats of trainers' configs: which one a file has, and how to read it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.origin import Origin
from lrviz.experiment.values import Value
from lrviz.readers.configs import is_own
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


class Format(Protocol):
    """What a format's module has."""

    LABEL: str

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


def read(
    root: Value,
    name: str,
    form: str,
    given: Mapping[str, Any],
    versions: Mapping[str, tuple[int, ...]],
    beside: Value | None = None,
) -> Reading:
    """Return the document that a config of a format comes to; raises SpecError with all that is wrong or missing.

    `beside` is the other of two configs that belong together: DeepSpeed's, and that of the trainer which fills it.
    """
    if form not in FORMATS:
        message = f"must be one of {', '.join(FORMATS)}, not {shown(form)}{nearest(form, FORMATS)}"
        raise SpecError(Problem(place="--from", message=message))
    if not isinstance(root.data, dict):
        raise SpecError(Problem(place=root.place or name, message="must be a mapping of keys"))
    if beside is not None:
        form, root, beside = _pair(form, root, beside)
    module = _module(form)
    config = Config(root, name, given, versions, beside)
    document = module.read(config)
    config.check()
    values = {key: part if isinstance(part, Value) else Value.of(part, name) for key, part in document.items()}
    return Reading(Value(values, name), config.origin(module.LABEL))


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
