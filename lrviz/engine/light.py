"""The light engine: torch's own scheduler and optimizer files, executed without torch.

A scheduler is plain Python over a list of dicts. The files of the installed torch that define the
schedulers and the optimizers' constructors run here as they are, each in a namespace of its own whose
`import` hands out stand-ins for what they take from torch; `sys.modules` never learns of it. The
numbers are still made by PyTorch's code, in milliseconds instead of seconds, and `lrviz.engine.compare`
holds this engine to the real one.
"""

from __future__ import annotations

import builtins
import functools
import importlib.util
import math
import sys
from array import array
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from lrviz.experiment.optimizers import OptimizerSpec

OPTIM = "torch.optim"
LR_SCHEDULER = "torch.optim.lr_scheduler"
OPTIMIZER_FILES = {"SparseAdam": "sparse_adam", "Adafactor": "_adafactor", "Muon": "_muon"}  # others: in lower case


class Unavailable(Exception):
    """Raised where this torch's files cannot be found; no user ever sees it, for torch itself runs then."""


class LightEngine:
    """The schedulers' and optimizers' own code, over groups without parameters."""

    name = "light"
    upstream = False
    losses: array[float] | None = None
    draws = None

    def __init__(self) -> None:
        folder = torch_folder()
        self.library = _library(folder, fingerprint(folder))

    @property
    def version(self) -> str:
        return str(self.library["torch.version"]["__version__"])

    def scheduler(self, module: str, name: str) -> Any:
        return self.library[module][name]

    def optimizer(self, spec: OptimizerSpec) -> Any:
        """Return torch's own optimizer, as its constructor makes it, with a step that changes nothing."""
        own = self.library[f"{OPTIM}.{OPTIMIZER_FILES.get(spec.name, spec.name.lower())}"][spec.name]
        groups = [{"params": [], **group.settings()} for group in spec.resolved_groups]
        return type(spec.name, (own,), {"step": lambda _: None})(groups, lr=spec.lr)

    def train_once(self, optimizer: Any) -> None:
        optimizer.step()


def torch_folder() -> Path:
    """Return the folder of the torch that `import torch` would take, without importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise Unavailable("torch is not installed as a package")
    return Path(spec.origin).parent


def files(folder: Path) -> list[Path]:
    """Return every file of torch that this engine may execute."""
    return [folder / "version.py", *sorted((folder / "optim").glob("*.py"))]


def fingerprint(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return what tells, in less than reading them, whether torch was upgraded under a running process."""
    return tuple((status.st_mtime_ns, status.st_size) for status in map(Path.stat, files(folder)))


class _Tensor:
    """Stands for torch.Tensor: nothing here is ever one."""


class _Module:
    """Stands for torch.nn.Module, from which swa_utils derives a class that no schedule uses."""


class _Optimizer:
    """Stands for torch.optim.Optimizer: its defaults and groups, and a step without gradients."""

    def __init__(self, params: Sequence[dict[str, Any]], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups = list(params)
        for group in self.param_groups:
            for name, default in defaults.items():
                group.setdefault(name, default)

    def step(self) -> None:
        """Change nothing, as torch's optimizers do where no parameter has a gradient."""


class _Unused:
    """Stands for what only training uses: a piece of a docstring, a type, a decorator, a function.

    A module of such has the `names` that a schedule uses, too.
    """

    def __init__(self, **names: Any) -> None:
        vars(self).update(names)

    def __call__(self, *given: Any, **_: Any) -> Any:
        decorates = len(given) == 1 and callable(given[0])
        return given[0] if decorates else self

    def __getattr__(self, name: str) -> _Unused:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unused()

    def __getitem__(self, _: object) -> Self:
        return self

    def __or__(self, _: object) -> Self:
        return self

    __ror__ = __or__

    def __add__(self, other: str) -> str:
        return other

    __radd__ = __add__

    def __str__(self) -> str:
        return ""


def _same(value: Any) -> Any:
    """Stands for what changes tensors only, or nothing at all."""
    return value


_STAND_INS: dict[str, dict[str, Any]] = {
    "torch": {"inf": math.inf, "Tensor": _Tensor},
    "torch.nn": {"Module": _Module},
    "torch.optim.optimizer": {"Optimizer": _Optimizer, "_to_scalar": _same},
    "typing_extensions": {"Self": Self, "override": _same},
}


class _Library(dict[str, dict[str, Any]]):
    """The namespaces of one torch's modules, each executed when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> dict[str, Any]:
        self[name] = namespace = self.execute(name)
        return namespace

    def execute(self, name: str) -> dict[str, Any]:
        """Run a module's file; the code is the one that Python would import, from its cache where it can."""
        if not name.startswith("torch."):
            raise Unavailable(f"{name} is not torch's own")
        path = self.folder.joinpath(*name.split(".")[1:]).with_suffix(".py")
        code = SourceFileLoader(name, str(path)).get_code(name)
        if code is None:
            raise Unavailable(f"there is no {path}")
        strict = name == LR_SCHEDULER
        private = {**vars(builtins), "__import__": functools.partial(self.import_, strict=strict)}
        namespace = {"__name__": name, "__file__": str(path), "__package__": OPTIM, "__builtins__": private}
        exec(code, namespace)
        return namespace

    def import_(
        self, name: str, _globals: Any = None, _locals: Any = None, fromlist: Any = (), level: int = 0, *, strict: bool
    ) -> Any:
        """Answer an `import` in one of torch's files: the standard library, stand-ins, or another of the files.

        `strict`: what has no stand-in is an ImportError; in the files of the optimizers and of SWALR,
        where most names are for training, it is of no use instead.
        """
        full = f"{OPTIM}.{name}".rstrip(".") if level else name
        if full.partition(".")[0] in sys.stdlib_module_names:
            return builtins.__import__(name, fromlist=fromlist)
        if full in _STAND_INS or not full.startswith(f"{OPTIM}."):
            names = _STAND_INS.get(full if fromlist else "torch", {})
        else:
            names = self[full]
        return SimpleNamespace(**names) if strict else _Unused(**names)


@functools.lru_cache(maxsize=1)
def _library(folder: Path, _fingerprint: tuple[tuple[int, int], ...]) -> _Library:
    return _Library(folder)
