"""Warmups that torch's LinearLR cannot do: from 0, and along a curve."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import Duration, OneOf, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import ClosedForm
from lrviz.experiment.schedulers.code import literal
from lrviz.experiment.schedulers.notes import BASE, Annotation, View

__all__ = ["NO_EXPONENTIAL", "WARMUP_SHAPES", "LambdaWarmup"]

WARMUP_SHAPES = ("linear", "quadratic", "exponential")
NO_EXPONENTIAL = "must be > 0 for an exponential warmup, which multiplies it at every step"


class LambdaWarmup(ClosedForm):
    """Raise the learning rate from start_factor, which may be 0, to the full one.

        lr_t = base_lr * (s + (1 - s) * p)      (linear)
        lr_t = base_lr * (s + (1 - s) * p^2)    (quadratic)
        lr_t = base_lr * s^(1 - p)              (exponential)

        s = start_factor, p = min(1, t / total_iters)

    First step: trains with base_lr * start_factor.

    Past its end: the learning rate stays at base_lr.

    Source: torch.optim.lr_scheduler.LambdaLR with this function; linear from 0 as in Vaswani et al. 2017,
    arXiv:1706.03762.
    """

    name = "warmup"
    loads = "position"
    length_arg = "total_iters"
    family = "Warmup and decay"
    shape = "▁▁▁▁▁▂▂▃▄▅▆▇████"
    example = {"total_iters": 24, "mode": "quadratic"}

    total_iters: int = arg(Duration("steps until the full learning rate"))
    start_factor: float = arg(Real("factor of the learning rate at the start", minimum=0, maximum=1), default=0.0)
    mode: str = arg(OneOf(WARMUP_SHAPES, "how the learning rate rises"), default="linear")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mode == "exponential" and not self.start_factor:
            raise SpecError(Problem(field="start_factor", message=NO_EXPONENTIAL))

    @property
    def label(self) -> str:
        return "Warmup"

    def factor(self, step: int) -> float:
        start, share = self.start_factor, step / self.total_iters
        if share >= 1:
            return 1.0
        if self.mode == "exponential":
            return float(start ** (1 - share))
        return start + (1 - start) * (share**2 if self.mode == "quadratic" else share)

    def factor_code(self) -> Iterator[str]:
        start, share = self.start_factor, f"step / {literal(self.total_iters)}"
        if self.mode == "linear" and not start:
            yield f"return min(1.0, {share})"
            return
        yield f"if step >= {literal(self.total_iters)}:"
        yield "    return 1.0"
        if self.mode == "exponential":
            yield f"return {literal(start)} ** (1 - {share})"
        else:
            rise = f"({share}) ** 2" if self.mode == "quadratic" else share
            yield f"return {literal(start)} + (1 - {literal(start)}) * ({rise})" if start else f"return {rise}"

    def warms_up(self) -> bool:
        return self.start_factor < 1

    def annotations(self, view: View) -> Iterator[Annotation]:
        yield from view.span(0, self.total_iters, "total_iters", view.rate(self.total_iters))
        yield from view.point(0, f"{BASE} * start_factor")
        yield from view.point(self.total_iters, BASE)
