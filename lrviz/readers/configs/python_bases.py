"""The `_base_` files of a Python config, which mmengine reads first: as syntax trees, too, and never executed.

A base file is a relative path to a .py file in the same repository: below the nearest folder above the config
with a `.git`, or below the folder above the config's own where there is none.
"""

from __future__ import annotations

import os
from pathlib import Path

from lrviz.errors import Problem, SpecError, counted, shown
from lrviz.experiment import yaml_reader
from lrviz.experiment.values import Value
from lrviz.readers.configs.python_syntax import BASE, parse

MOST_FILES = 20
DELETE = "_delete_"


def read(text: str, name: str) -> Value:
    """Return a Python file's tree merged into those of its base files.

    What is wrong with a base file is a problem of the key `_base_`.
    """
    return _Files(Path(name)).merged(text, Path(name), ())


class _Files:
    """The files of one config, of which there are only so many."""

    def __init__(self, first: Path) -> None:
        self.left = MOST_FILES
        folder = Path(os.path.realpath(first.parent))
        above = (each for each in (folder, *folder.parents) if (each / ".git").exists())
        self.root = next(above, folder.parent)

    def merged(self, text: str, path: Path, chain: tuple[Path, ...]) -> Value:
        tree = parse(text, str(path))
        own = tree.data if isinstance(tree.data, dict) else {}
        named = own.get(BASE)
        if named is None or named.problems:
            return tree
        try:
            base = self.bases(named, path, (*chain, Path(os.path.realpath(path))))
            again = parse(text, str(path), base).data
            assert isinstance(again, dict)
            del again[BASE]
            return _merged(base, Value(again, tree.place))
        except SpecError as error:
            if chain:
                raise
            return Value({**own, BASE: Value(None, named.place, error.problems)}, tree.place)

    def bases(self, named: Value, path: Path, chain: tuple[Path, ...]) -> Value:
        """Return what the base files of a file say together, of which no two may have the same key."""
        found: dict[str, Value] = {}
        for each in named.data if isinstance(named.data, list) else [named]:
            file = self.file(each, path, chain)
            tree = self.merged(yaml_reader.text_of(yaml_reader.content(file), str(file)), file, chain)
            entries = tree.data if isinstance(tree.data, dict) else {}
            for key in found.keys() & entries.keys():
                message = f"{key} is in two base files, at {found[key].place} too, which mmengine refuses"
                raise SpecError(Problem(place=entries[key].place, message=message))
            found |= entries
        return Value(found, str(path))

    def file(self, named: Value, path: Path, chain: tuple[Path, ...]) -> Path:
        """Return the path of a base file; raises SpecError for one that is not read."""
        word = named.data
        if not isinstance(word, str) or not word.endswith(".py") or ":" in word or Path(word).is_absolute():
            message = f"a base file is a relative path to a .py file, not {shown(named.plain())}"
            raise SpecError(Problem(place=named.place, message=message))
        file = Path(os.path.normpath(path.parent / word))
        real = Path(os.path.realpath(file))
        if not real.is_relative_to(self.root):
            message = f"{shown(word)} is outside of the config's repository, and not read"
            raise SpecError(Problem(place=named.place, message=message))
        if real in chain:
            raise SpecError(Problem(place=named.place, message=f"{shown(word)} has this file as its base"))
        self.left -= 1
        if self.left < 0:
            raise SpecError(Problem(place=named.place, message=f"more than {counted(MOST_FILES, 'base file')}"))
        return file


def _merged(base: Value, own: Value) -> Value:
    """Return a mapping laid over another, at every depth, as mmengine does: `_delete_` takes away what was there."""
    below, above = base.data, own.data
    assert isinstance(below, dict)
    assert isinstance(above, dict)
    found = dict(below)
    for key, value in above.items():
        if not isinstance(value.data, dict):
            found[key] = value
            continue
        before, rest = found.get(key), {name: each for name, each in value.data.items() if name != DELETE}
        deletes = DELETE in value.data and value.data[DELETE].data is not False
        if before is None or deletes:
            found[key] = Value(rest if before is not None else value.data, value.place)
        elif not isinstance(before.data, dict):
            message = f"{key} is a mapping here and none at {before.place}: mmengine needs _delete_=True"
            raise SpecError(Problem(place=value.place, message=message))
        else:
            found[key] = _merged(before, Value(rest, value.place))
    return Value(found, own.place)
