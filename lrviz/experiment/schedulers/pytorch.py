"""The schedulers of torch.optim, fields named as torch names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import (
    Choice,
    Column,
    Count,
    Duration,
    Durations,
    Flag,
    Formula,
    Metric,
    PerGroup,
    Real,
    arg,
)
from lrviz.experiment.expression import Expression
from lrviz.experiment.schedulers.base import Rates, SchedulerSpec, of_group

__all__ = [
    "SWALR",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "StepLR",
]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StepLR(SchedulerSpec):
    """Multiply the rate by gamma every step_size steps."""

    name = "step"
    family = "Step"
    shape = "████▄▄▄▄▂▂▂▂▁▁▁▁"
    example = {"step_size": 8, "gamma": 0.5}

    step_size: int = arg(..., Duration("steps between two decays"))
    gamma: float = arg(0.1, Real("factor of each decay", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiStepLR(SchedulerSpec):
    """Multiply the rate by gamma at each milestone."""

    name = "multistep"
    family = "Step"
    shape = "████▄▄▄▄▄▄▄▄▂▂▁▁"
    example = {"milestones": (8, 24, 28), "gamma": 0.5}

    milestones: tuple[int, ...] = arg(..., Durations("steps at which to decay", minimum=0))
    gamma: float = arg(0.1, Real("factor of each decay", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ConstantLR(SchedulerSpec):
    """Scale the rate by factor until total_iters, then leave it alone."""

    name = "constant"
    length_arg = "total_iters"
    family = "Warmup and decay"
    shape = "▄▄▄▄████████████"
    example = {"factor": 0.5, "total_iters": 8}

    factor: float = arg(1 / 3, Real("factor of the rate until total_iters", minimum=0, maximum=1))
    total_iters: int = arg(5, Duration("steps until the full rate"))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LinearLR(SchedulerSpec):
    """Scale the rate linearly from start_factor to end_factor over total_iters steps."""

    name = "linear"
    length_arg = "total_iters"
    family = "Warmup and decay"
    shape = "▁▂▃▄▅▆▇█████████"
    example = {"start_factor": 0.1, "total_iters": 16}

    start_factor: float = arg(1 / 3, Real("factor of the rate at the start", above=0, maximum=1))
    end_factor: float = arg(1.0, Real("factor of the rate at the end", minimum=0, maximum=1))
    total_iters: int = arg(5, Duration("steps from start_factor to end_factor"))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExponentialLR(SchedulerSpec):
    """Multiply the rate by gamma at every step."""

    name = "exponential"
    family = "Warmup and decay"
    shape = "█▆▅▄▃▃▂▂▁▁▁▁▁▁▁▁"
    example = {"gamma": 0.9}

    gamma: float = arg(..., Real("factor of every step", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PolynomialLR(SchedulerSpec):
    """Lower the rate to zero along a polynomial over total_iters steps."""

    name = "polynomial"
    length_arg = "total_iters"
    family = "Polynomial"
    shape = "█▆▅▄▃▂▂▁▁▁▁▁▁▁▁▁"
    example = {"total_iters": 24, "power": 2.0}

    total_iters: int = arg(5, Duration("steps until zero"))
    power: float = arg(1.0, Real("power of the polynomial", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CosineAnnealingLR(SchedulerSpec):
    """Lower the rate to eta_min along half a cosine of T_max steps (it rises again afterwards)."""

    name = "cosine"
    length_arg = "T_max"
    family = "Cosine"
    shape = "███▇▇▆▅▅▄▃▃▂▂▁▁▁"
    example = {"eta_min": 1e-4}

    T_max: int | None = arg(None, Duration("steps from the full rate to eta_min", horizon=True))
    eta_min: float = arg(0.0, Real("lowest rate", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CosineAnnealingWarmRestarts(SchedulerSpec):
    """Restart a cosine every T_0 steps, each period T_mult times the one before."""

    name = "cosine-restarts"
    family = "Cosine"
    shape = "█▆▃▁█▆▃▁█▆▃▁█▆▃▁"
    example = {"T_0": 8, "eta_min": 1e-4}

    T_0: int = arg(..., Duration("steps until the first restart"))
    T_mult: int = arg(1, Count("factor of the period after each restart"))
    eta_min: float = arg(0.0, Real("lowest rate", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CyclicLR(SchedulerSpec):
    """Cycle the rate between base_lr and max_lr, momentum inversely."""

    name = "cyclic"
    family = "Cyclic"
    shape = "▁▄▅▇█▅▄▂▁▄▅▇█▅▄▂"
    example = {"base_lr": 1e-4, "max_lr": 1e-3, "step_size_up": 8, "cycle_momentum": False}

    base_lr: Rates = arg(..., PerGroup("lowest rate of the cycle", minimum=0))
    max_lr: Rates = arg(..., PerGroup("highest rate of the cycle", above=0))
    step_size_up: int = arg(2000, Duration("steps of the rising half"))
    step_size_down: int | None = arg(None, Duration("steps of the falling half; unset: as step_size_up"))
    mode: str = arg("triangular", Choice(("triangular", "triangular2", "exp_range"), "how the amplitude shrinks"))
    gamma: float = arg(1.0, Real("factor of each step, for exp_range", minimum=0))
    scale_fn: Expression | None = arg(None, Formula("amplitude over x, instead of a mode", names=("x",)))
    scale_mode: str = arg("cycle", Choice(("cycle", "iterations"), "what x of scale_fn counts"))
    cycle_momentum: bool = arg(True, Flag("cycle momentum (or beta1) inversely to the rate"))
    base_momentum: Rates = arg(0.8, PerGroup("momentum at the highest rate", minimum=0, below=1))
    max_momentum: Rates = arg(0.9, PerGroup("momentum at the lowest rate", minimum=0, below=1))

    def moves_momentum(self) -> bool:
        return self.cycle_momentum

    def target_lr(self, base_lr: float, group: int) -> float:
        return of_group(self.max_lr, group)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OneCycleLR(SchedulerSpec):
    """Warm up to max_lr and anneal far below, once, momentum inversely."""

    name = "onecycle"
    length_arg = "total_steps"
    family = "One cycle"
    shape = "▁▂▅▇██▇▆▆▄▃▂▁▁▁▁"
    example = {"max_lr": 1e-3}

    max_lr: Rates = arg(..., PerGroup("highest rate", above=0))
    total_steps: int | None = arg(None, Duration("steps of the cycle", horizon=True))
    epochs: int | None = arg(None, Count("epochs of the cycle, with steps_per_epoch", flag=False))
    steps_per_epoch: int | None = arg(None, Count("steps in an epoch, with epochs", flag=False))
    pct_start: float = arg(0.3, Real("share of the cycle that the warmup takes", minimum=0, maximum=1))
    anneal_strategy: str = arg("cos", Choice(("cos", "linear"), "shape of the curve"))
    cycle_momentum: bool = arg(True, Flag("cycle momentum (or beta1) inversely to the rate"))
    base_momentum: Rates = arg(0.85, PerGroup("momentum at the highest rate", minimum=0, below=1))
    max_momentum: Rates = arg(0.95, PerGroup("momentum at the start and the end", minimum=0, below=1))
    div_factor: float = arg(25.0, Real("max_lr over the first rate", above=0))
    final_div_factor: float = arg(1e4, Real("first rate over the last", above=0))
    three_phase: bool = arg(False, Flag("mirror the warmup before the final descent"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.epochs is None) != (self.steps_per_epoch is None):
            missing = "epochs" if self.epochs is None else "steps_per_epoch"
            raise SpecError(
                Problem(field=missing, message="epochs and steps_per_epoch are given together or not at all")
            )
        product = (self.epochs or 0) * (self.steps_per_epoch or 0)
        if product and self.total_steps not in (None, product):
            message = f"{self.total_steps} contradicts epochs x steps_per_epoch = {product}; give one of them"
            raise SpecError(Problem(field="total_steps", message=message))

    def resolved(self, length: int) -> Self:
        return self if self.epochs else super().resolved(length)

    def moves_momentum(self) -> bool:
        return self.cycle_momentum

    def target_lr(self, base_lr: float, group: int) -> float:
        return of_group(self.max_lr, group)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReduceLROnPlateau(SchedulerSpec):
    """Multiply the rate by factor when a metric stops improving."""

    name = "plateau"
    family = "Metric"
    shape = "█████████▄▄▂▂▂▁▁"
    example = {"metric": "max(0.3, 0.9 ** step)", "patience": 4, "factor": 0.5}

    metric: Any = arg(
        None, Metric("what it watches: a list, an expression of epoch and step, or train, a toy loss", extra=True)
    )
    metric_csv: str | None = arg(None, Column("what it watches: a column of a CSV file", fills="metric", extra=True))
    mode: str = arg("min", Choice(("min", "max"), "whether a lower or a higher metric is better"))
    factor: float = arg(0.1, Real("factor of each reduction", minimum=0, below=1))
    patience: int = arg(10, Duration("steps without improvement before a reduction", minimum=0))
    threshold: float = arg(1e-4, Real("smallest change that counts as improvement", minimum=0))
    threshold_mode: str = arg("rel", Choice(("rel", "abs"), "whether threshold is a share or a difference"))
    cooldown: int = arg(0, Duration("steps to wait after a reduction", minimum=0))
    min_lr: Rates = arg(0.0, PerGroup("lowest rate", minimum=0))
    eps: float = arg(1e-8, Real("smallest reduction worth making", minimum=0))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metric is None and self.metric_csv is None:
            message = "missing: what to watch, such as metric: 'exp(-step / 4)' or metric_csv: log.csv:val_loss"
            raise SpecError(Problem(field="metric", message=message))
        if self.metric is None:
            message = (
                "missing: the numbers of metric_csv, which lrviz.load and lrviz.experiment.metrics.read_column read"
            )
            raise SpecError(Problem(field="metric", message=message))
        if self.metric_csv is not None and not isinstance(self.metric, tuple):
            message = "says where the numbers in metric are from, and there are none"
            raise SpecError(Problem(field="metric_csv", message=message))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LambdaLR(SchedulerSpec):
    """Set the rate to the base rate times a function of the step."""

    name = "lambda"
    family = "Function"
    shape = "█▆▅▄▃▃▂▂▁▁▁▁▁▁▁▁"
    example = {"lr_lambda": "0.9 ** epoch"}

    lr_lambda: Any = arg(..., Formula("factor of the base rate", per_group=True))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MultiplicativeLR(SchedulerSpec):
    """Multiply the rate by a function of the step, at every step but the first."""

    name = "multiplicative"
    family = "Function"
    shape = "█▆▅▄▃▃▂▂▂▂▂▂▂▂▂▂"
    example = {"lr_lambda": "0.9 if epoch < 16 else 1"}

    lr_lambda: Any = arg(..., Formula("factor of the last rate", per_group=True))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SWALR(SchedulerSpec):
    """Anneal from the current rate to swa_lr, for stochastic weight averaging."""

    name = "swa"
    length_arg = "anneal_epochs"
    module = "torch.optim.swa_utils"
    family = "Averaging"
    shape = "█████████▆▄▂▂▂▂▂"
    example = {"swa_lr": 2e-4, "anneal_epochs": 8, "swa_start": 16}

    swa_lr: Rates = arg(..., PerGroup("rate to anneal to", minimum=0))
    anneal_epochs: int = arg(10, Duration("steps of the annealing", minimum=0))
    anneal_strategy: str = arg("cos", Choice(("cos", "linear"), "shape of the annealing"))
    swa_start: int = arg(0, Duration("step from which it is stepped", minimum=0, extra=True))

    def target_lr(self, base_lr: float, group: int) -> float:
        return max(base_lr, of_group(self.swa_lr, group))
