"""The layers: imports point down only, without a circle of files, and heavy packages stay where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import lrviz

PACKAGE = Path(lrviz.__file__).parent
LONGEST = 40

BELOW: dict[str, tuple[str, ...]] = {
    "errors": (),
    "files": ("errors",),
    "experiment": ("arrays", "errors"),
    "arrays": (),
    "trace": ("arrays", "experiment"),
    "subject": ("trace", "experiment"),
    "positions": ("subject", "errors"),
    "labels": ("subject", "experiment"),
    "engine": ("arrays", "trace", "experiment", "files", "errors"),
    "rules": ("arrays", "trace", "experiment", "errors"),
    "difference": ("arrays", "rules", "subject", "trace", "experiment", "errors"),
    "following": ("arrays", "subject", "trace", "experiment", "errors"),
    "render": ("arrays", "difference", "following", "positions", "subject", "trace", "experiment", "files", "errors"),
    "workers": ("errors",),
    "staging": ("files", "errors"),
    "curves": (
        "arrays",
        "trace",
    ),
    "gallery": (
        "subject",
        "curves",
        "staging",
        "workers",
        "documents",
        "overlays",
        "rules",
        "render",
        "engine",
        "trace",
        "experiment",
        "files",
        "errors",
    ),
    "drift": ("gallery", "curves", "render"),
    "readers": ("arrays", "trace", "experiment", "errors"),
    "overlays": ("documents", "readers", "experiment", "errors"),
    "documents": ("render", "readers", "rules", "experiment", "errors"),
    "arguments": ("overlays", "documents", "readers", "experiment", "errors"),
    "comparison": ("labels", "subject", "rules", "render", "trace", "experiment", "errors"),
    "display": ("comparison", "subject", "render", "engine", "trace", "experiment", "errors"),
    "project": ("readers", "rules", "experiment", "errors"),
    "checking": ("arguments", "project", "rules", "engine", "experiment", "errors"),
    "testing": ("arrays", "checking", "arguments", "engine", "trace", "experiment", "files", "errors"),
    "watching": ("checking", "project", "api", "rules", "render", "engine", "experiment", "files", "errors"),
    "callbacks": ("watching",),
    "api": (
        "checking",
        "comparison",
        "subject",
        "arguments",
        "overlays",
        "documents",
        "readers",
        "rules",
        "render",
        "engine",
        "trace",
        "experiment",
        "errors",
    ),
    "cli": (
        "positions",
        "overlays",
        "labels",
        "difference",
        "following",
        "subject",
        "drift",
        "gallery",
        "overlays",
        "documents",
        "project",
        "readers",
        "rules",
        "render",
        "engine",
        "trace",
        "experiment",
        "files",
        "errors",
        "",
    ),
    "": ("api", "display", "render", "trace", "experiment", "errors"),  # lrviz/__init__.py
    "__main__": ("cli",),
}
"""What each part of the package may import beside itself."""

ENGINE = (
    ("engine", "library", "shadow"),
    ("build", "light", "toy", "attributes"),
    ("record",),
    ("compare", "resume", "upstream", "preview"),
    ("certify",),
    ("select",),
    ("recover",),
)
"""The files of `lrviz.engine`: each imports those before it only, and none that stands beside it."""

HOMES = {"torch": ("engine",), "matplotlib": ("render.figure",), "numpy": ("render.figure", "arrays")}


def dotted(path: Path) -> str:
    """Return a module's name within the package: `engine.build`, `engine` for its `__init__`, "" for the package's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {dotted(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


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
    return inner if inner.removeprefix("lrviz.") in TREES else module


def own_imports(tree: ast.AST) -> set[str]:
    """Return what a file imports of lrviz, by its name within the package."""
    return {name.removeprefix("lrviz").removeprefix(".") for name in imports(tree) if name.split(".")[0] == "lrviz"}


def within(name: str, part: str) -> bool:
    return name == part or (part != "" and name.startswith(f"{part}."))


def test_the_working_tree_is_what_is_tested(tmp_path: Path) -> None:
    code = "import lrviz; print(lrviz.__file__)"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [Path(run.stdout.strip()).parent, PACKAGE] == [Path(__file__).parents[1] / "lrviz"] * 2


def test_imports_point_down() -> None:
    upward = {
        (name, imported)
        for name, tree in TREES.items()
        for imported in own_imports(tree)
        if not any(within(imported, part) for part in (name.split(".")[0], *BELOW[name.split(".")[0]]))
    }
    assert upward == set()


def test_files_import_each_other_without_a_circle() -> None:
    try:
        TopologicalSorter({name: own_imports(tree) - {name} for name, tree in TREES.items()}).prepare()
    except CycleError as error:
        raise AssertionError(f"a circle of files: {' <- '.join(error.args[1])}") from None


def test_the_engines_files_import_one_way() -> None:
    rank = {f"engine.{name}": number for number, names in enumerate(ENGINE) for name in names}
    assert rank.keys() == {name for name in TREES if name.startswith("engine.")}
    wrong = {(name, used) for name in rank for used in own_imports(TREES[name]) if rank.get(used, -1) >= rank[name]}
    assert wrong == set()


def test_heavy_packages_stay_at_home() -> None:
    found = {
        (name, package)
        for name, tree in TREES.items()
        for package in {imported.split(".")[0] for imported in imports(tree, types=False)}
        if package == "click" or (package in HOMES and not any(within(name, home) for home in HOMES[package]))
    }
    assert found == set()


def test_functions_are_short() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST
    ]
    assert long == []


def test_reading_and_checking_load_nothing_heavy() -> None:
    light = ("", ".api", ".rules", ".trace", ".engine.select", ".experiment.reader", ".experiment.schema")
    modules = ", ".join(f"lrviz{name}" for name in light)
    code = f"import sys, {modules}; print(*({{{', '.join(map(repr, HOMES))}}} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


# What the tests above rest on.


def test_import_inside_a_function_is_seen() -> None:
    assert list(imports(ast.parse("def f():\n    import torch.optim"))) == ["torch.optim"]


def test_import_for_annotations_only_can_be_left_out() -> None:
    text = "if TYPE_CHECKING:\n    import torch\nimport math"
    assert list(imports(ast.parse(text), types=False)) == ["math"]


def test_module_imported_by_name_is_seen() -> None:
    assert list(imports(ast.parse("from lrviz.engine import build, nothing"))) == ["lrviz.engine.build", "lrviz.engine"]
