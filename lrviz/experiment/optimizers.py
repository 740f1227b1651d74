"""Which optimizer the schedule drives, and its parameter groups."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import ListOf, OneOf, Rate, Real, Share, Text
from lrviz.experiment.record import Record, RecordOf, arg

OPTIMIZERS: Mapping[str, str | None] = {
    "SGD": "momentum",
    "Adam": "beta1",
    "AdamW": "beta1",
    "Adadelta": None,
    "Adafactor": None,
    "Adagrad": None,
    "Adamax": "beta1",
    "ASGD": None,
    "LBFGS": None,
    "Muon": "momentum",
    "NAdam": "beta1",
    "RAdam": "beta1",
    "RMSprop": "momentum",
    "Rprop": None,
    "SparseAdam": "beta1",
}
"""torch.optim's classes, and what in each a scheduler's momentum cycle moves."""

MOMENTUM = {"SGD": 0.0, "RMSprop": 0.0, "Muon": 0.95}
"""torch 2.13's default momentum."""

BETA1 = 0.9
"""torch 2.13's default beta1, of every optimizer that has one."""

SETTINGS = ("lr", "momentum", "betas", "weight_decay")
WITHOUT_WEIGHT_DECAY = ("LBFGS", "Rprop", "SparseAdam")


def momentum_name(optimizer: str) -> str | None:
    """Return what plays the part of momentum in a torch optimizer: "momentum", "beta1" or None."""
    return OPTIMIZERS[optimizer]


BETAS = ListOf(Real("decay rates of the moments", minimum=0, below=1), length=2, sample="[0.9, 0.999]")


class Group(Record):
    """One parameter group; what it leaves unset is the optimizer's."""

    name: str = arg(Text("name of the group in pictures and tables"))
    lr: float | Share | None = arg(
        Rate("base learning rate, or a share of the optimizer's such as 0.75x", minimum=0), default=None
    )
    momentum: float | None = arg(Real("momentum", minimum=0), default=None)
    betas: tuple[float, float] | None = arg(BETAS, default=None)
    weight_decay: float | None = arg(Real("weight decay", minimum=0), default=None)

    def settings(self) -> dict[str, Any]:
        """Return what it sets itself, as a torch optimizer takes it."""
        return {name: getattr(self, name) for name in SETTINGS if getattr(self, name) is not None}


class ResolvedGroup(Group):
    """A parameter group with what it left unset taken from the optimizer; None is torch's default."""

    lr: float = arg(Real("base learning rate", minimum=0))


class OptimizerSpec(Record):
    """A torch optimizer: its name, the arguments that schedules touch, and its parameter groups.

    Unset arguments are torch's defaults, but for `lr`, which is 1e-3. Without `groups` there is one,
    named "default". Raises SpecError for an argument the optimizer has not.
    """

    name: str = arg(OneOf(tuple(OPTIMIZERS), "torch optimizer", any_case=True), default="SGD")
    lr: float = arg(Real("base learning rate", minimum=0), default=1e-3)
    momentum: float | None = arg(Real("momentum; unset: torch's default", minimum=0), default=None)
    betas: tuple[float, float] | None = arg(BETAS, default=None)
    weight_decay: float | None = arg(Real("weight decay; unset: torch's default", minimum=0), default=None)
    groups: tuple[Group, ...] | None = arg(
        ListOf(RecordOf(Group, "parameter groups", flag=False), least=1, sample="[{name: backbone, lr: 1e-4}]"),
        default=None,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = [group.name for group in self.groups or ()]
        repeated = next((name for name in names if names.count(name) > 1), None)
        if repeated is not None:
            raise SpecError(Problem(field="groups", message=f"has two groups named {repeated!r}"))
        problems = [problem for owner in self._owners() for problem in self._foreign(*owner)]
        if self.name == "LBFGS" and self.groups is not None and len(self.groups) > 1:
            problems.append(Problem(field="groups", message="LBFGS takes one parameter group"))
        if problems:
            raise SpecError(problems)

    def _owners(self) -> list[tuple[str, OptimizerSpec | Group]]:
        return [("", self), *((f"groups[{i}]", group) for i, group in enumerate(self.groups or ()))]

    def _foreign(self, prefix: str, owner: OptimizerSpec | Group) -> list[Problem]:
        """Return a problem for every argument given that this optimizer has not."""
        moved = momentum_name(self.name)
        has = {
            "momentum": moved == "momentum",
            "betas": moved == "beta1",
            "weight_decay": self.name not in WITHOUT_WEIGHT_DECAY,
        }
        return [
            Problem(field=name, message=f"{self.name} has no {name}").within(prefix)
            for name, allowed in has.items()
            if getattr(owner, name) is not None and not allowed
        ]

    @cached_property
    def resolved_groups(self) -> tuple[ResolvedGroup, ...]:
        """The parameter groups with what they leave unset taken from the optimizer."""
        groups = self.groups or (Group(name="default"),)
        inherited = {name: getattr(self, name) for name in SETTINGS}
        settings = [inherited | group.settings() for group in groups]
        rates = [own["lr"].of(self.lr) if isinstance(own["lr"], Share) else own["lr"] for own in settings]
        found = zip(groups, settings, rates, strict=True)
        return tuple(ResolvedGroup(name=group.name, **own | {"lr": lr}) for group, own, lr in found)
