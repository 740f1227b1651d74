"""Show what a PyTorch learning-rate schedule will really do.

    >>> import lrviz
    >>> experiment = lrviz.load({"scheduler": {"name": "onecycle", "max_lr": 1e-3}})
    >>> trace = lrviz.replay(experiment)
    >>> trace.steps
    32

Importing this module imports neither torch nor matplotlib; `replay` and `figure` do, when called.
"""

from lrviz.errors import LrvizError, OutputError, ReplayError, SpecError
from lrviz.replay import Trace, replay
from lrviz.spec.clock import Run
from lrviz.spec.document import load
from lrviz.spec.experiment import Experiment
from lrviz.spec.optimizers import Group, OptimizerSpec

__all__ = [
    "Experiment",
    "Group",
    "LrvizError",
    "OptimizerSpec",
    "OutputError",
    "ReplayError",
    "Run",
    "SpecError",
    "Trace",
    "load",
    "replay",
]

__version__ = "0.1.0"
