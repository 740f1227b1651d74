"""The catalogue of schedulers, one file a family; their order here is that of `lrviz list`."""

# ruff: noqa: F403, I001  each family says in its __all__ what it adds

from lrviz.experiment.schedulers.base import *
from lrviz.experiment.schedulers.metric import *
from lrviz.experiment.schedulers.pytorch import *
from lrviz.experiment.schedulers.warmup import *
from lrviz.experiment.schedulers.by_hand import *
from lrviz.experiment.schedulers.composite import *
from lrviz.experiment.schedulers.custom import *
from lrviz.experiment.schedulers.catalogue import *
