"""Show what a PyTorch learning-rate schedule will really do.

    >>> import lrviz
    >>> trace = lrviz.replay("onecycle", max_lr=1e-3)
    >>> trace.steps
    32
    >>> figure = lrviz.plot("onecycle", max_lr=1e-3)

Importing lrviz costs next to nothing: torch comes with the first replay that needs it, matplotlib
with the first figure.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lrviz.api import check, compare, figure, load, load_all, plot, preview, replay, resumed

if TYPE_CHECKING:
    from lrviz.errors import CheckError, LrvizError, OutputError, ReplayError, SpecError
    from lrviz.experiment.clock import Run
    from lrviz.experiment.experiment import Experiment
    from lrviz.experiment.optimizers import Group, OptimizerSpec
    from lrviz.render.figure.options import FigureOptions
    from lrviz.trace import Trace

__all__ = [
    "CheckError",
    "Experiment",
    "FigureOptions",
    "Group",
    "LrvizError",
    "OptimizerSpec",
    "OutputError",
    "ReplayError",
    "Run",
    "SpecError",
    "Trace",
    "check",
    "compare",
    "figure",
    "load",
    "load_all",
    "plot",
    "preview",
    "replay",
    "resumed",
]

__version__ = "0.1.0"

_HOMES = {
    "lrviz.errors": ("CheckError", "LrvizError", "OutputError", "ReplayError", "SpecError"),
    "lrviz.render.figure.options": ("FigureOptions",),
    "lrviz.trace": ("Trace",),
    "lrviz.experiment.clock": ("Run",),
    "lrviz.experiment.experiment": ("Experiment",),
    "lrviz.experiment.optimizers": ("Group", "OptimizerSpec"),
}
_MODULES = ("callbacks", "testing")
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of the API when it is first used."""
    if name in _MODULES:
        return import_module(f"lrviz.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'lrviz' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]


def _register() -> None:
    """Let the notebook that this runs in, if it does, show what lrviz returns."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    formatter = shell.display_formatter.formatters.get("text/html") if shell else None
    if formatter is not None:
        formatter.for_type_by_name("lrviz.comparison", "Comparison", _shown)
        formatter.for_type_by_name("lrviz.trace", "Trace", _shown)
        formatter.for_type_by_name("lrviz.experiment.experiment", "Experiment", _shown)


def _shown(value: Any) -> str | None:
    from lrviz.display import html

    return html(value)


_register()
