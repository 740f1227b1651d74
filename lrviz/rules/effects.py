"""Rules about what a scheduler does to the optimizer beside the schedule that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.argtypes import PerGroup
from lrviz.experiment.optimizers import BETA1, MOMENTUM, Group, OptimizerSpec, momentum_name
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CyclicLR, OneCycleLR, of_group
from lrviz.rules.case import Case, Part, rounded
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import part_rule

_TWO_RATES = {"groups": [{"name": "backbone", "lr": 0.01}, {"name": "head", "lr": 0.1}], "momentum": 0.9}


@part_rule(
    "optimizer-lr-ignored",
    "info",
    "OneCycleLR and CyclicLR take no notice of the optimizer's rate",
    why="The rate in the optimizer is overwritten when the scheduler is built; changing it changes nothing.",
    instead="Set max_lr (and CyclicLR's base_lr), and give the optimizer the same rate to avoid surprise.",
    example={"optimizer": {"lr": 0.5, "momentum": 0.9}, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
    near_miss={"optimizer": {"lr": 0.1, "momentum": 0.9}, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
)
def optimizer_lr_ignored(case: Case, part: Part) -> Iterator[Finding]:
    """Compare with the learning rates that the scheduler sets; the same one surprises nobody."""
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        first, highest = part.spec.new_base_lr(number), part.spec.target_lr(0, number)
        if first is not None and group.lr not in (first, highest):
            message = f"the optimizer's learning rate of {group.lr:.3g} is ignored: {part.name} starts at {first:.3g} "
            fix = "Set max_lr to the learning rate you want; the optimizer's may be the same"
            yield case.finding(f"{message}and peaks at {highest:.3g}", fix, 0)
            break


@part_rule(
    "group-lr-flattened",
    "warning",
    "parameter groups with rates of their own, under a scheduler with one rate for all",
    why="A single max_lr, base_lr or swa_lr is given to every group: the backbone trains with the head's rate.",
    instead="Give a list, one rate for each group.",
    example={"optimizer": _TWO_RATES, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
    near_miss={"optimizer": _TWO_RATES, "scheduler": {"name": "onecycle", "max_lr": [0.01, 0.1]}},
)
def group_lr_flattened(case: Case, part: Part) -> Iterator[Finding]:
    rates = [group.lr for group in case.experiment.optimizer.resolved_groups]
    if len(set(rates)) < 2:
        return
    for name in ("max_lr", "base_lr", "swa_lr"):
        value = getattr(part.spec, name, None)
        if isinstance(value, float) and isinstance(arg_types(part.spec)[name], PerGroup):
            own = ", ".join(f"{rate:.3g}" for rate in rates)
            message = (
                f"{part.name} gives all {len(rates)} groups {name} = {value:.3g}; their own learning rates are {own}"
            )
            spread = [rounded(value * rate / max(rates)) for rate in rates]
            yield case.finding(message, f"Give {name} as a list", 0, part.snippet(**{name: spread}))
            break


@part_rule(
    "momentum-changed",
    "warning",
    "a cycle that turns momentum on, or moves beta1, at the first step",
    why="cycle_momentum is on by default: it gives plain SGD a momentum of 0.9 or so, which multiplies the effective "
    "rate by ten, and moves the beta1 that Adam was given. Where nothing is said of the optimizer, it is an info.",
    instead="Set cycle_momentum: false, or give the optimizer the momentum that the cycle starts with.",
    example={"optimizer": {"name": "sgd", "lr": 0.1}, "scheduler": {"name": "onecycle", "max_lr": 0.1}},
    near_miss={
        "optimizer": {"name": "sgd", "lr": 0.1},
        "scheduler": {"name": "onecycle", "max_lr": 0.1, "cycle_momentum": False},
    },
)
def momentum_changed(case: Case, part: Part) -> Iterator[Finding]:
    spec, name = part.spec, case.experiment.optimizer.name
    moved = momentum_name(name)
    if moved is None or not isinstance(spec, (OneCycleLR, CyclicLR)) or not spec.cycle_momentum:
        return
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        own, first = _momentum(name, moved, group), of_group(spec.max_momentum, number)
        if first != own and (moved == "beta1" or own == 0):
            without = f"enables {moved} {first:g}; {name} was configured without it"
            message = f"{part.name} {f'moves {moved} from {own:g} to {first:g}' if own else without} (cycle_momentum)"
            fix = f"Set cycle_momentum: false, or give {name} a {moved} of {first:g} if that is meant"
            severity: Severity | None = None
            if case.experiment.optimizer == OptimizerSpec():  # nobody has said what is trained with
                message = f"{part.name} enables {moved} {first:g}, which torch's {name} is without (cycle_momentum)"
                severity = "info"
            yield case.finding(message, fix, snippet=part.snippet(cycle_momentum=False), severity=severity)
            break


def _momentum(optimizer: str, moved: str, group: Group) -> float:
    if moved == "beta1":
        return group.betas[0] if group.betas else BETA1
    return MOMENTUM[optimizer] if group.momentum is None else group.momentum
