"""Which optimizer the schedule drives, and its parameter groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

DEFAULT_GROUP = "default"
"""The name of the only group of an optimizer that is said to have none."""

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

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.name

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
        groups = self.groups or (Group(name=DEFAULT_GROUP),)
        inherited = {name: getattr(self, name) for name in SETTINGS}
        settings = [inherited | group.settings() for group in groups]
        rates = [own["lr"].of(self.lr) if isinstance(own["lr"], Share) else own["lr"] for own in settings]
        found = zip(groups, settings, rates, strict=True)
        return tuple(ResolvedGroup(name=group.name, **own | {"lr": lr}) for group, own, lr in found)


class LiveOptimizer(OptimizerSpec):
    """What a spec can say of an optimizer that somebody has made: the torch optimizer that it is, or is most like."""

    own: str = arg(Text("the name of its class"))

    @property
    def label(self) -> str:
        return self.own


def optimizer_like(optimizer: Any) -> LiveOptimizer:
    """Return what a spec can say of a live optimizer: its parameter groups, with the learning rates they began with."""
    classes = [each.__name__ for each in type(optimizer).__mro__ if each.__module__.startswith("torch.optim.")]
    groups = optimizer.param_groups
    name = next((each for each in classes if each in OPTIMIZERS), None) or _kin(groups)
    has = {"momentum": momentum_name(name) == "momentum", "betas": momentum_name(name) == "beta1"}
    has["weight_decay"] = name not in WITHOUT_WEIGHT_DECAY
    entries = tuple(_group_like(*each, has) for each in zip(group_names(groups), groups, strict=True))
    lr, label = _rate(optimizer.defaults.get("lr", groups[0]["lr"])), type(optimizer).__name__
    if entries[0].name == DEFAULT_GROUP:
        return LiveOptimizer(name=name, own=label, **{"lr": lr, **entries[0].settings()})
    return LiveOptimizer(name=name, own=label, lr=lr, groups=entries)


def group_names(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a live optimizer calls its parameter groups, their numbers where it has no name for each."""
    own = [group.get("name") for group in groups]
    names = [name for name in own if isinstance(name, str)]
    if len(set(names)) == len(own):
        return names
    return [f"group {number}" for number in range(len(own))] if len(own) > 1 else [DEFAULT_GROUP]


def _kin(groups: Sequence[Mapping[str, Any]]) -> str:
    """Return a torch optimizer that has what all parameter groups have for a momentum."""
    if all("betas" in group for group in groups):
        return "Adam"
    return "SGD" if all("momentum" in group for group in groups) else "Adagrad"


def _group_like(name: str, group: Mapping[str, Any], has: Mapping[str, bool]) -> Group:
    given = {key: group[key] for key, allowed in has.items() if allowed and group.get(key) is not None}
    fitting = {key: value for key, value in given.items() if _fits(key, value)}
    return Group(name=name, lr=_rate(group.get("initial_lr", group["lr"])), **fitting)


def _fits(name: str, value: Any) -> bool:
    """Return whether a spec takes a live group's value; a third beta, for one, it has no place for."""
    try:
        Group(name="group", **{name: value})
    except SpecError:
        return False
    return True


def _rate(value: Any) -> float:
    """Return a learning rate as a spec has it, which takes none that torch would not take for an optimizer."""
    rate = float(value)
    return rate if math.isfinite(rate) and rate >= 0 else 0.0
