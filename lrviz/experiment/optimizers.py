"""Which optimizer the schedule drives, and its parameter groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.argtypes import ArgType, Invalid, Real, Record, Text, arg

__all__ = ["OPTIMIZERS", "Group", "OptimizerSpec", "ResolvedGroup", "momentum_name"]

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

WITHOUT_WEIGHT_DECAY = ("LBFGS", "Rprop", "SparseAdam")
_BY_NAME = {name.lower(): name for name in OPTIMIZERS}


def momentum_name(optimizer: str) -> str | None:
    """Return what plays the part of momentum in a torch optimizer: "momentum", "beta1" or None."""
    return OPTIMIZERS[optimizer]


@dataclass(frozen=True, eq=False, repr=False)
class OptimizerName(ArgType):
    """The name of a torch optimizer, in any case."""

    @property
    def bounds(self) -> str:
        return " | ".join(_BY_NAME)

    def convert(self, value: Any) -> str:
        found = _BY_NAME.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            hint = nearest(value, _BY_NAME) if isinstance(value, str) else ""
            raise Invalid(f"unknown optimizer {shown(value)}; known are {', '.join(_BY_NAME)}{hint}")
        return found

    def schema(self) -> dict[str, Any]:
        return {"enum": [*_BY_NAME, *OPTIMIZERS]}


@dataclass(frozen=True, eq=False, repr=False)
class Betas(ArgType):
    """A pair of decay rates."""

    metavar: ClassVar[str] = "FLOAT,FLOAT"

    def convert(self, value: Any) -> tuple[float, float]:
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            raise Invalid(f"must be two numbers, such as [0.9, 0.999], not {shown(value)}")
        beta = Real("", minimum=0, below=1)
        return beta.convert(value[0]), beta.convert(value[1])

    def schema(self) -> dict[str, Any]:
        beta = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
        return {"type": "array", "items": beta, "minItems": 2, "maxItems": 2}

    def split(self, text: str) -> str:
        return f"[{text}]"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Group(Record):
    """One parameter group; what it leaves unset is the optimizer's."""

    name: str = arg(..., Text("name of the group in pictures and tables"))
    lr: float | None = arg(None, Real("base learning rate", minimum=0))
    momentum: float | None = arg(None, Real("momentum", minimum=0))
    betas: tuple[float, float] | None = arg(None, Betas("decay rates of the moments"))
    weight_decay: float | None = arg(None, Real("weight decay", minimum=0))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ResolvedGroup(Group):
    """A parameter group with what it left unset taken from the optimizer; None is torch's default."""

    lr: float = arg(..., Real("base learning rate", minimum=0))


@dataclass(frozen=True, eq=False, repr=False)
class Groups(ArgType):
    """The parameter groups of an optimizer."""

    def convert(self, value: Any) -> tuple[Group, ...]:
        if not isinstance(value, (list, tuple)) or not value:
            raise Invalid(f"must be a list of groups, such as [{{name: backbone, lr: 1e-4}}], not {shown(value)}")
        if not all(isinstance(group, Group) for group in value):
            raise Invalid(f"must hold groups, not {shown(value)}")
        names = [group.name for group in value]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise Invalid(f"has two groups named {twice[0]!r}")
        return tuple(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"$ref": "#/$defs/group"}, "minItems": 1}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OptimizerSpec(Record):
    """A torch optimizer: its name, the arguments that schedules touch, and its parameter groups.

    Unset arguments are torch's defaults, but for `lr`, which is 1e-3. Without `groups` there is one,
    named "default". Raises SpecError for an argument the optimizer has not.
    """

    name: str = arg("SGD", OptimizerName("torch optimizer, in any case"))
    lr: float = arg(1e-3, Real("base learning rate", minimum=0))
    momentum: float | None = arg(None, Real("momentum; unset: torch's default", minimum=0))
    betas: tuple[float, float] | None = arg(None, Betas("decay rates of the moments; unset: torch's default"))
    weight_decay: float | None = arg(None, Real("weight decay; unset: torch's default", minimum=0))
    groups: tuple[Group, ...] | None = arg(None, Groups("parameter groups", flag=False))

    def __post_init__(self) -> None:
        super().__post_init__()
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

    @property
    def resolved_groups(self) -> tuple[ResolvedGroup, ...]:
        """The parameter groups with what they leave unset taken from the optimizer."""
        groups = self.groups or (Group(name="default"),)
        names = ("lr", "momentum", "betas", "weight_decay")
        return tuple(
            ResolvedGroup(name=group.name, **{name: _own(group, name, getattr(self, name)) for name in names})
            for group in groups
        )


def _own(group: Group, name: str, inherited: Any) -> Any:
    own = getattr(group, name)
    return inherited if own is None else own
