"""A config's text as a tree of values with its lines, by the suffix of the file. Nothing in it is ever executed."""

from __future__ import annotations

import re
from pathlib import Path

from lrviz.experiment import yaml_reader
from lrviz.experiment.values import Value


def decode(data: bytes, name: str, key: str | None = None) -> Value:
    """Return the tree of a file's content, or of the block `key` in it; raises SpecError where it cannot be read."""
    if Path(name).suffix.lower() == ".json":  # whose tabs YAML does not take; a line of JSON never starts in a text
        data = re.sub(rb"^[\t ]+", lambda blank: blank[0].replace(b"\t", b"    "), data, flags=re.MULTILINE)
    return yaml_reader.decode(data, name, key)
