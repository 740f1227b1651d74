"""A config's text as a tree of values with its lines, by the suffix of the file. Nothing in it is ever executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lrviz.errors import Problem, SpecError
from lrviz.experiment import yaml_reader
from lrviz.experiment.values import Value


def decode(data: bytes, name: str, key: str | None = None) -> Value:
    """Return the tree of a file's content, or of the block `key` in it; raises SpecError where it cannot be read."""
    suffix = Path(name).suffix.lower()
    if suffix == ".toml":
        from lrviz.readers.configs import toml_syntax

        return _block(toml_syntax.parse(yaml_reader.text_of(data, name), name), key)
    if suffix == ".py":
        from lrviz.readers.configs import python_bases

        text = yaml_reader.text_of(data, name)
        return _block(_with_schedulers(python_bases.read(text, name), text, name), key)
    if suffix == ".json":  # whose tabs YAML does not take; a line of JSON never starts in a text
        data = re.sub(rb"^[\t ]+", lambda blank: blank[0].replace(b"\t", b"    "), data, flags=re.MULTILINE)
    return yaml_reader.decode(data, name, key)


def named_files(data: bytes, name: str, key: str | None = None) -> list[Value]:
    """Return what a file's content names of other files that are read with it; raises SpecError as `decode` does."""
    if name.lower().endswith(".py"):
        from lrviz.readers.configs.python_syntax import BASE, parse

        entries = parse(yaml_reader.text_of(data, name), name).data
        return [entries[BASE]] if isinstance(entries, dict) and BASE in entries else []
    return list(_named_in(decode(data, name, key)))


def _named_in(value: Value, key: str = "") -> Iterator[Value]:
    """Yield every path of another file in a tree: an experiment to compare, a DeepSpeed config, a column of metrics."""
    if isinstance(value.data, list):
        for each in value.data:
            yield from _named_in(each, key)
    elif isinstance(value.data, dict):
        for name, each in value.data.items():
            yield from _named_in(each, f"{key}.{name}".lstrip("."))
    elif isinstance(value.data, str):
        is_json = key.endswith("deepspeed") and ".json" in value.data
        if key == "overlay.file" or key.endswith("metric_csv") or is_json:
            yield value


def _with_schedulers(root: Value, text: str, name: str) -> Value:
    """Return a Python file's tree, with the schedulers that it makes."""
    from lrviz.readers.configs.python_calls import MADE, made_in

    made = made_in(text, name)
    return (
        Value({**root.data, MADE: Value([*made], name)}, root.place) if made and isinstance(root.data, dict) else root
    )


def _block(root: Value, key: str | None) -> Value:
    """Return what stands at a dotted key; raises SpecError where there is nothing."""
    value = root
    for part in key.split(".") if key else ():
        found = value.data.get(part) if isinstance(value.data, dict) else None
        if found is None:
            raise SpecError(Problem(place=value.place, message=f"there is no {part!r} of the key {key!r}"))
        value = found
    return value
