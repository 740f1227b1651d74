"""Show what a PyTorch learning-rate schedule will really do.

    >>> import lrviz
    >>> experiment = lrviz.load({"scheduler": {"name": "onecycle", "max_lr": 1e-3}})
    >>> trace = lrviz.replay(experiment)
    >>> trace.steps
    32
    >>> figure = lrviz.figure(trace, experiment)

Importing lrviz costs next to nothing: torch comes with the first replay that needs it, matplotlib
with the first figure.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lrviz.api import figure, load, replay, resumed

if TYPE_CHECKING:
    from lrviz.errors import LrvizError, OutputError, ReplayError, SpecError
    from lrviz.experiment.clock import Run
    from lrviz.experiment.experiment import Experiment
    from lrviz.experiment.optimizers import Group, OptimizerSpec
    from lrviz.render.figure.options import FigureOptions
    from lrviz.trace import Trace

__all__ = [
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
    "figure",
    "load",
    "replay",
    "resumed",
]

__version__ = "0.1.0"

_HOMES = {
    "lrviz.errors": ("LrvizError", "OutputError", "ReplayError", "SpecError"),
    "lrviz.render.figure.options": ("FigureOptions",),
    "lrviz.trace": ("Trace",),
    "lrviz.experiment.clock": ("Run",),
    "lrviz.experiment.experiment": ("Experiment",),
    "lrviz.experiment.optimizers": ("Group", "OptimizerSpec"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of the API when it is first used."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'lrviz' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
