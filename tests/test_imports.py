"""The rooms of the house: imports point down only, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lrviz

PACKAGE = Path(lrviz.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST = 40

TYPES = "replay.trace"  # all that those who look at a trace may know of the replay
BELOW: dict[str, tuple[str, ...]] = {
    "errors": (),
    "files": ("errors",),
    "spec": ("errors",),
    "replay": ("spec", "files", "errors"),
    "check": (TYPES, "spec", "errors"),
    "render": (TYPES, "spec", "files", "errors"),
    "gallery": ("check", "render", "replay", "spec", "files", "errors"),
    "drift": ("gallery", "render", "replay", "spec", "files", "errors"),
    "api": ("check", "render", "replay", "spec", "errors"),
    "cli": ("drift", "gallery", "check", "render", "replay", "spec", "files", "errors", ""),
    "": ("api", "render", "replay", "spec", "errors"),  # lrviz/__init__.py
    "__main__": ("cli",),
}
HOMES = {"torch": "replay", "matplotlib": "render", "numpy": "render"}


def dotted(path: Path) -> str:
    """Return a module's name within the package: `spec.clock`, `spec` for its `__init__`, and "" for the package's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path) for path in MODULES}


def imports(tree: ast.AST, *, types: bool = True) -> Iterator[str]:
    """Yield the full name of every module that a file imports, at any depth; `types` as well for annotations only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (_full(str(node.module), alias.name) for alias in node.names)
        elif types or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node, types=types)


def _full(module: str, name: str) -> str:
    inner = f"{module}.{name}"
    return inner if inner.removeprefix("lrviz.") in NAMES else module


def rooms(path: Path) -> set[str]:
    """Return what a file imports of lrviz, by its name within the package."""
    found = imports(ast.parse(path.read_text(encoding="utf-8")))
    return {name.removeprefix("lrviz").removeprefix(".") for name in found if name.split(".")[0] == "lrviz"}


def within(name: str, room: str) -> bool:
    return name == room or (room != "" and name.startswith(f"{room}."))


def test_every_module_stands_in_a_room() -> None:
    assert {dotted(path).split(".")[0] for path in MODULES} <= BELOW.keys()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_down(path: Path) -> None:
    room = dotted(path).split(".")[0]
    allowed = (room, *BELOW[room])
    assert [name for name in rooms(path) if not any(within(name, place) for place in allowed)] == []


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_heavy_packages_stay_at_home(path: Path) -> None:
    room = dotted(path).split(".")[0]
    found = {name.split(".")[0] for name in imports(ast.parse(path.read_text(encoding="utf-8")), types=False)}
    assert {package for package in found & HOMES.keys() if HOMES[package] != room} == set()


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_click_is_nobodys(path: Path) -> None:
    found = imports(ast.parse(path.read_text(encoding="utf-8")))
    assert "click" not in {name.split(".")[0] for name in found}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_functions_are_short(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_trace_knows_only_the_standard_library() -> None:
    assert rooms(PACKAGE / "replay" / "trace.py") == set()


def test_reading_and_checking_load_nothing_heavy() -> None:
    light = (
        "lrviz, lrviz.api, lrviz.check, lrviz.replay.trace, lrviz.replay.loop, lrviz.spec.document, lrviz.spec.schema"
    )
    told = f"import sys, {light}; print(*({{{', '.join(map(repr, HOMES))}}} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


# What the tests above rest on.


def test_import_inside_a_function_is_seen() -> None:
    assert list(imports(ast.parse("def f():\n    import torch.optim"))) == ["torch.optim"]


def test_import_for_annotations_only_can_be_left_out() -> None:
    text = "if TYPE_CHECKING:\n    import torch\nimport math"
    assert list(imports(ast.parse(text), types=False)) == ["math"]


def test_module_imported_by_name_is_seen() -> None:
    assert list(imports(ast.parse("from lrviz.replay import trace, replay"))) == ["lrviz.replay.trace", "lrviz.replay"]


@pytest.mark.parametrize(
    ("name", "room"), [("replay.loop", "replay.trace"), ("replay", "replay.trace"), ("specs", "spec")]
)
def test_room_next_door_is_not_within(name: str, room: str) -> None:
    assert not within(name, room)
