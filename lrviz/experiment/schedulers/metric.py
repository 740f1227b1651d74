"""What schedulers that are stepped with a metric have in common, whoever steps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import CsvColumn, Duration, Metric, OneOf, PerGroup, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import Rates, SchedulerSpec, of_group
from lrviz.experiment.schedulers.notes import Annotation, View

__all__ = ["Plateau", "Watching"]


class Watching(SchedulerSpec):
    """A scheduler that is stepped with a metric."""

    metric: Any = arg(
        Metric("what it watches: a list, an expression of epoch and step, or train, a toy loss", extra=True),
        default=None,
    )
    metric_csv: str | None = arg(
        CsvColumn("what it watches: a column of a CSV file", fills="metric", extra=True), default=None
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metric is None:
            watched = "what to watch, such as metric: 'exp(-step / 4)' or metric_csv: log.csv:val_loss"
            numbers = "the numbers of metric_csv, which lrviz.load and lrviz.experiment.metrics.read_column read"
            message = f"missing: {watched if self.metric_csv is None else numbers}"
            raise SpecError(Problem(field="metric", message=message))
        if self.metric_csv is not None and not isinstance(self.metric, tuple):
            message = "says where the numbers in metric are from, and there are none"
            raise SpecError(Problem(field="metric_csv", message=message))

    def stepped_with(self) -> Any:
        return self.metric


class Plateau(Watching):
    """A ReduceLROnPlateau of torch."""

    takes_last_epoch = False

    mode: str = arg(OneOf(("min", "max"), "whether a lower or a higher metric is better"), default="min")
    factor: float = arg(Real("factor of each reduction", minimum=0, below=1), default=0.1)
    patience: int = arg(Duration("steps without improvement before a reduction", minimum=0), default=10)
    threshold: float = arg(Real("smallest change that counts as improvement", minimum=0), default=1e-4)
    threshold_mode: str = arg(OneOf(("rel", "abs"), "whether threshold is a share or a difference"), default="rel")
    cooldown: int = arg(Duration("steps to wait after a reduction", minimum=0), default=0)
    min_lr: Rates = arg(PerGroup(Real("lowest learning rate", minimum=0)), default=0.0)
    eps: float = arg(Real("smallest reduction worth making", minimum=0), default=1e-8)

    def annotations(self, view: View) -> Iterator[Annotation]:
        drop = view.first_drop()
        if drop is None:
            return
        before, after, waited = view.rate(drop - 1), view.rate(drop), self.patience * self.every
        if drop > waited:
            yield from view.span(drop - waited, drop, "patience", before)
        is_floored = after > before * self.factor * (1 + 1e-9)
        yield from view.point(drop, "min_lr" if is_floored else "lr_(t-1) * factor")
        rest = drop + self.cooldown * self.every
        if view.reaches(rest):
            yield from view.span(drop, rest, "cooldown", after)
        floor = of_group(self.min_lr, view.group)
        at_floor = view.first_at(floor)
        if floor and at_floor not in (None, drop):
            yield from view.point(at_floor, "min_lr")
