"""The schedules of other libraries as those make them: by the class or function that is installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.schedulers import SchedulerSpec, Upstream, of_group

_DISTRIBUTIONS = {"megatron": "megatron-core"}  # what is installed under another name than it is imported by


def makers(spec: SchedulerSpec) -> dict[str, Upstream]:
    """Return how other libraries make what is in a spec, by the library; empty where all of it is torch's or one's own.

    Raises SpecError for what no library makes, and for a library that is not installed.
    """
    found = {_distribution(upstream): upstream for upstream in _makers(spec)}
    for name, upstream in found.items():
        if not _is_installed(upstream):
            raise _refused(f"upstream runs {name} itself, which is not installed here: install {name}")
    return found


def _makers(spec: SchedulerSpec) -> Iterator[Upstream]:
    upstream = spec.upstream()
    if upstream is not None:
        yield upstream
    elif spec.module is None and not spec.is_foreign:
        raise _refused(f"upstream has no class to run for {spec.name}; the other engines have its formula")
    for child in spec.children():
        yield from _makers(child)


def _package(upstream: Upstream) -> str:
    return upstream.target.partition(":")[0].partition(".")[0]


def _distribution(upstream: Upstream) -> str:
    return _DISTRIBUTIONS.get(_package(upstream), _package(upstream))


def _is_installed(upstream: Upstream) -> bool:
    try:
        return importlib.util.find_spec(_package(upstream)) is not None
    except ValueError:  # a module that somebody made by hand
        return True


def _refused(message: str) -> SpecError:
    return SpecError(Problem(field="engine", message=message))


def version(upstream: Upstream) -> str:
    """Import what makes a schedule and return its library's version; raises SpecError where it cannot be imported."""
    _find(upstream)
    from importlib import metadata  # which brings mail and sockets along

    with suppress(metadata.PackageNotFoundError):
        return metadata.version(_distribution(upstream))
    return str(getattr(sys.modules.get(_package(upstream)), "__version__", "of unknown version"))


def make(upstream: Upstream, optimizer: Any) -> Any:
    """Return a library's own scheduler of an optimizer, with a `step` that takes nothing, or a metric."""
    for name, value in upstream.in_groups.items():
        for number, group in enumerate(optimizer.param_groups):
            group[name] = of_group(value, number)
    made = _find(upstream)(optimizer, **upstream.arguments)
    method = upstream.stepped_by.removesuffix("(n)")
    return made if upstream.stepped_by == "step" else _Counted(getattr(made, method))


class _Counted:
    """Steps a scheduler that is told how many steps there were."""

    def __init__(self, step: Any) -> None:
        self.told, self.count = step, 0

    def step(self, *metric: float) -> None:
        self.count += 1
        self.told(self.count, *metric)


def _find(upstream: Upstream) -> Any:
    """Return a library's class or function; what its import warns of is no matter of the schedule."""
    name = _distribution(upstream)
    module_name, _, attribute = upstream.target.partition(":")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = _imported(module_name)
    except Exception as error:
        raise _refused(f"upstream runs {name} itself, which cannot be imported: {_words(error)}") from error
    found = getattr(module, attribute, None)
    if found is None:
        near = nearest(attribute, vars(module))
        raise _refused(f"upstream runs {upstream.target}, which the installed {name} has not{near}")
    return found


def _imported(name: str) -> ModuleType:
    """Return a module; where its package lacks something, such as timm a torchvision, without the package's own file.

    What is imported that way is forgotten again, so that nobody else finds half a package.
    """
    try:
        return importlib.import_module(name)
    except Exception:  # a torchvision made for another torch raises RuntimeError
        package = name.partition(".")[0]
        found = importlib.util.find_spec(package)
        if found is None or found.submodule_search_locations is None:
            raise
        known = {*sys.modules}
        sys.modules[package] = bare = ModuleType(package)
        bare.__path__ = [*found.submodule_search_locations]
        try:
            return importlib.import_module(name)
        finally:
            for each in sys.modules.keys() - known:
                if each == package or each.startswith(f"{package}."):
                    del sys.modules[each]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {shown(str(error), 200)[1:-1]}"
