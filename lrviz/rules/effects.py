"""Rules about what a scheduler does to the optimizer beside the schedule that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import Group, momentum_name
from lrviz.experiment.schedulers import SWALR, CyclicLR, OneCycleLR, of_group
from lrviz.rules.parts import Part, parts, rounded
from lrviz.rules.registry import Hit, rule
from lrviz.trace import Trace

MOMENTUM = {"SGD": 0.0, "RMSprop": 0.0, "Muon": 0.95}
"""torch 2.13's default momentum."""

BETA1 = 0.9
"""torch 2.13's default beta1, of every optimizer that has one."""

_TWO_RATES = {"groups": [{"name": "backbone", "lr": 0.01}, {"name": "head", "lr": 0.1}], "momentum": 0.9}


@rule(
    "optimizer-lr-ignored",
    "info",
    "OneCycleLR and CyclicLR take no notice of the optimizer's rate",
    why="The rate in the optimizer is overwritten when the scheduler is built; changing it changes nothing.",
    instead="Set max_lr (and CyclicLR's base_lr), and give the optimizer the same rate to avoid surprise.",
    example={"optimizer": {"lr": 0.5, "momentum": 0.9}, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
    near_miss={"optimizer": {"lr": 0.1, "momentum": 0.9}, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
)
def optimizer_lr_ignored(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    """Compare with the rates that the scheduler sets; the same rate surprises nobody."""
    for part in parts(experiment):
        if not isinstance(part.spec, (OneCycleLR, CyclicLR)):
            continue
        for number, group in enumerate(experiment.optimizer.resolved_groups):
            first, highest = _first_rate(part.spec, number), part.spec.target_lr(0, number)
            if group.lr not in (first, highest):
                message = f"the optimizer's rate of {group.lr:.3g} is ignored: {part.name} starts at {first:.3g} "
                fix = "Set max_lr to the rate you want; the optimizer's may be the same"
                yield Hit(f"{message}and peaks at {highest:.3g}", fix, 0)
                break


def _first_rate(spec: OneCycleLR | CyclicLR, group: int) -> float:
    if isinstance(spec, OneCycleLR):
        return spec.target_lr(0, group) / spec.div_factor
    return of_group(spec.base_lr, group)


@rule(
    "group-lr-flattened",
    "warning",
    "parameter groups with rates of their own, under a scheduler with one rate for all",
    why="A single max_lr, base_lr or swa_lr is given to every group: the backbone trains with the head's rate.",
    instead="Give a list, one rate for each group.",
    example={"optimizer": _TWO_RATES, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
    near_miss={"optimizer": _TWO_RATES, "scheduler": {"name": "onecycle", "max_lr": [0.01, 0.1]}},
)
def group_lr_flattened(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    rates = [group.lr for group in experiment.optimizer.resolved_groups]
    if len(set(rates)) < 2:
        return
    for part in parts(experiment):
        if not isinstance(part.spec, (OneCycleLR, CyclicLR, SWALR)):
            continue
        for name in ("max_lr", "base_lr", "swa_lr"):
            value = getattr(part.spec, name, None)
            if isinstance(value, float):
                own = ", ".join(f"{rate:.3g}" for rate in rates)
                message = f"{part.name} gives all {len(rates)} groups {name} = {value:.3g}; their own rates are {own}"
                spread = [rounded(value * rate / max(rates)) for rate in rates]
                yield Hit(message, f"Give {name} as a list", 0, part.snippet(**{name: spread}))
                break


@rule(
    "momentum-changed",
    "warning",
    "a cycle that turns momentum on, or moves beta1, at the first step",
    why="cycle_momentum is on by default: it gives plain SGD a momentum of 0.9 or so, which multiplies the effective "
    "rate by ten, and moves the beta1 that Adam was given.",
    instead="Set cycle_momentum: false, or give the optimizer the momentum that the cycle starts with.",
    example={"optimizer": {"name": "sgd", "lr": 0.1}, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
    near_miss={
        "optimizer": {"name": "sgd", "lr": 0.1},
        "scheduler": {"name": "onecycle", "max_lr": 0.1, "cycle_momentum": False},
    },
)
def momentum_changed(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    name = experiment.optimizer.name
    moved = momentum_name(name)
    for part in parts(experiment):
        if moved is None or not isinstance(part.spec, (OneCycleLR, CyclicLR)) or not part.spec.cycle_momentum:
            continue
        for number, group in enumerate(experiment.optimizer.resolved_groups):
            own, first = _momentum(name, moved, group), of_group(part.spec.max_momentum, number)
            if first != own and (moved == "beta1" or own == 0):
                yield _changed(part, name, moved, own, first)
                break


def _momentum(optimizer: str, moved: str, group: Group) -> float:
    if moved == "beta1":
        return group.betas[0] if group.betas else BETA1
    return MOMENTUM[optimizer] if group.momentum is None else group.momentum


def _changed(part: Part, optimizer: str, moved: str, own: float, first: float) -> Hit:
    what = (
        f"moves {moved} from {own:g} to {first:g}" if own else f"turns on {moved}, {first:g}, that {optimizer} had not"
    )
    message = f"{part.name} {what} at step 0 and cycles it from there (cycle_momentum)"
    fix = f"Set cycle_momentum: false, or give {optimizer} a {moved} of {first:g} if that is meant"
    return Hit(message, fix, snippet=part.snippet(cycle_momentum=False))
