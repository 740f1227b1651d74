"""The catalogue of schedulers, one file a family; their order here is that of `lrviz list`."""

from lrviz.experiment.schedulers.base import CATALOGUE, ClosedForm, SchedulerSpec, Segment, lookup, of_group
from lrviz.experiment.schedulers.pytorch import (
    SWALR,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    StepLR,
)  # isort: skip

from lrviz.experiment.schedulers.by_hand import ByHand, Manual, RangeTest  # isort: skip
from lrviz.experiment.schedulers.composite import ChainedScheduler, SchedulerArg, SequentialLR  # isort: skip
from lrviz.experiment.schedulers.custom import Custom  # isort: skip

__all__ = [
    "CATALOGUE",
    "SWALR",
    "ByHand",
    "ChainedScheduler",
    "ClosedForm",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "Custom",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "Manual",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "RangeTest",
    "ReduceLROnPlateau",
    "SchedulerArg",
    "SchedulerSpec",
    "Segment",
    "SequentialLR",
    "StepLR",
    "lookup",
    "of_group",
]
