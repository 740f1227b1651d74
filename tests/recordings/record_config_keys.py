"""Record which keys the configs of trainers may have into config-keys.json.

    pip install --no-deps transformers trl llamafactory ms-swift axolotl lightning ultralytics torchtune
    pip install --no-deps mmengine deepspeed pyyaml
    python tests/recordings/record_config_keys.py

For each format, and each block of its configs ("" is the top), every name that the packages' own code has there.
Nothing is imported: dataclasses, signatures and constants are read as syntax trees. `--to FILE` writes elsewhere.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterable, Iterator
from importlib.metadata import files, version
from pathlib import Path
from typing import Any

import yaml

FACTORY = ("hparams", "v1/config")
SWIFT = ("*/*argument*/*", "*argument*/*", "*/*argument*")


def found(package: str, pattern: str) -> list[Path]:
    """Return the files of an installed package that a pattern names."""
    return sorted(Path(str(file.locate())) for file in files(package) or () if file.match(pattern))


def fields(package: str, *patterns: str) -> set[str]:
    """Return the annotated names in the classes of files: those of dataclasses, and of pydantic's models."""
    trees = (ast.parse(file.read_text("utf-8")) for pattern in patterns for file in found(package, pattern))
    classes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    lines = (line for each in classes for line in each.body if isinstance(line, ast.AnnAssign))
    return {line.target.id for line in lines if isinstance(line.target, ast.Name)}


def arguments(package: str, pattern: str, name: str) -> set[str]:
    """Return the arguments that a class of a file is made with."""
    (file,) = found(package, pattern)
    (made,) = (
        line
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.name == name
        for line in node.body
        if isinstance(line, ast.FunctionDef) and line.name == "__init__"
    )
    return {argument.arg for argument in (*made.args.args, *made.args.kwonlyargs)} - {"self"}


def constants(package: str, *patterns: str) -> set[str]:
    """Return the texts that names of files stand for, where they look like keys."""
    trees = (ast.parse(file.read_text("utf-8")) for pattern in patterns for file in found(package, pattern))
    values = (line.value for tree in trees for line in tree.body if isinstance(line, ast.Assign))
    texts = (value.value for value in values if isinstance(value, ast.Constant))
    return {text for text in texts if isinstance(text, str) and text.isidentifier()}


def blocks(documents: Iterable[Any]) -> dict[str, set[str]]:
    """Return the keys of each block of documents, down to the second level."""
    keys: dict[str, set[str]] = {"": set()}
    for document in documents:
        keys[""] |= document.keys()
        for name, block in document.items():
            if isinstance(block, dict):
                keys.setdefault(name, set()).update(block)
    return keys


def yamls(package: str, pattern: str) -> Iterator[Any]:
    yield from (yaml.safe_load(file.read_text("utf-8")) for file in found(package, pattern))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("config-keys.json"))
    to = options.parse_args().to
    trainer = fields("transformers", "transformers/training_args*.py") | fields("trl", "trl/**/*_config.py")
    trainer |= fields("trl", "trl/scripts/utils.py", "trl/trainer/*_config.py", "trl/experimental/*/*_config.py")
    recipes = blocks(yamls("torchtune", "recipes/configs/*/*.yaml"))
    keys = {
        "huggingface": {"": trainer},
        "llamafactory": {"": trainer | fields("llamafactory", *(f"llamafactory/{each}/*.py" for each in FACTORY))},
        "swift": {"": trainer | fields("ms-swift", *(f"swift/{each}.py" for each in SWIFT))},
        "axolotl": {"": fields("axolotl", "axolotl/utils/schemas/*.py")},
        "lightning": {"trainer": arguments("lightning", "lightning/pytorch/trainer/trainer.py", "Trainer")},
        "ultralytics": blocks(yamls("ultralytics", "ultralytics/cfg/default.yaml")),
        "torchtune": {block: recipes[block] for block in ("", "optimizer")},
        "mmengine": {"": arguments("mmengine", "mmengine/runner/runner.py", "Runner")},
        "deepspeed": {"": constants("deepspeed", "deepspeed/runtime/constants.py", "deepspeed/runtime/zero/config.py")},
    }  # fmt: skip
    packages = ("transformers", "trl", "llamafactory", "ms-swift", "axolotl", "lightning", "ultralytics", "torchtune",
                "mmengine", "deepspeed")  # fmt: skip
    versions = {package: version(package) for package in packages}
    plain = {name: {block: sorted(names) for block, names in each.items()} for name, each in keys.items()}
    assert all(names for each in plain.values() for names in each.values())
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in plain.items())
    to.write_text(f'{{"versions": {json.dumps(versions)}, "keys": {{\n{lines}\n}}}}\n')


if __name__ == "__main__":
    main()
