"""A scheduler of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.experiment.argtypes import Arguments, Metric, Text
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers.base import SchedulerSpec
from lrviz.experiment.schedulers.code import Node, Script, call, literal

__all__ = ["Custom", "Live"]


class Custom(SchedulerSpec):
    """Use a scheduler class, or a function f(optimizer, **kwargs), of your own.

        lr_t = whatever it sets

    First step: as it does.

    Past its end: as it does.

    Source: package.module:Name.
    """

    name = "custom"
    module = None
    family = "Your own"
    on_command_line = False
    is_foreign = True
    loads = "its own"

    target: str = arg(Text("where it is: package.module:Name"))
    args: Mapping[str, Any] | None = arg(Arguments("its arguments, by name"), default=None)

    @property
    def label(self) -> str:
        return self.target.rpartition(":")[2]

    def code(self, script: Script) -> Node:
        given = {name: literal(value) for name, value in (self.args or {}).items()}
        return call(script.use(self.target), "optimizer", **given)

    def moves_momentum(self) -> bool:
        return True

    def moves_weight_decay(self) -> bool:
        return True

    def reachable_lr(self, base_lr: float, group: int, steps: int) -> float | None:
        return None

    def unsupported_reason(self) -> str | None:
        return "a scheduler of your own may look at anything in torch"


class Live(Custom):
    """A scheduler that somebody has made already, and that is looked at rather than replayed."""

    name = ""  # no document can name it

    metric: Any = arg(Metric("what it watches"), default=None)

    def stepped_with(self) -> Any:
        return self.metric
