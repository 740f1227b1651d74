"""Rules about what a scheduler does to the optimizer beside the schedule that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.argtypes import PerGroup
from lrviz.experiment.optimizers import BETA1, MOMENTUM, Group, OptimizerSpec, momentum_name
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CyclicLR, OneCycleLR, of_group
from lrviz.rules.case import Case, Part, rounded
from lrviz.rules.changes import Change
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import part_rule, toy

_TWO_RATES = {"groups": [{"name": "backbone", "lr": 0.01}, {"name": "head", "lr": 0.1}], "momentum": 0.9}


@part_rule(
    "optimizer-lr-ignored",
    "info",
    "OneCycleLR and CyclicLR take no notice of the optimizer's learning rate",
    why="The learning rate in the optimizer is overwritten when the scheduler is built; changing it changes nothing.",
    instead="Set max_lr (and CyclicLR's base_lr), and give the optimizer the same learning rate to avoid surprise.",
    example=toy("onecycle", optimizer={"lr": 0.5, "momentum": 0.9}, max_lr=0.1),
    near_miss=toy("onecycle", optimizer={"lr": 0.1, "momentum": 0.9}, max_lr=0.1),
)
def optimizer_lr_ignored(case: Case, part: Part) -> Iterator[Finding]:
    """Compare with the learning rates that the scheduler sets; the same one surprises nobody."""
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        first, highest = part.spec.new_base_lr(number), part.spec.target_lr(0, number)
        if first is not None and group.lr not in (first, highest):
            message = f"the optimizer's learning rate of {group.lr:.3g} is ignored: {part.name} starts at {first:.3g} "
            fix = "Set max_lr to the learning rate you want; the optimizer's may be the same"
            changes = () if case.experiment.optimizer.groups else [Change("optimizer.lr", highest)]
            yield case.finding(f"{message}and peaks at {highest:.3g}", fix, 0, changes)
            break


@part_rule(
    "group-lr-flattened",
    "warning",
    "parameter groups with learning rates of their own, under a scheduler with one learning rate for all",
    why="A single max_lr, base_lr or swa_lr is given to every group: the backbone trains with the head's learning "
    "rate.",
    instead="Give a list, one learning rate for each group.",
    example=toy("onecycle", optimizer=_TWO_RATES, max_lr=0.1),
    near_miss=toy("onecycle", optimizer=_TWO_RATES, max_lr=[0.01, 0.1]),
)
def group_lr_flattened(case: Case, part: Part) -> Iterator[Finding]:
    rates = [group.lr for group in case.experiment.optimizer.resolved_groups]
    if len(set(rates)) < 2:
        return
    kinds = arg_types(part.spec)
    known = [name for name in ("max_lr", "base_lr", "swa_lr") if isinstance(kinds.get(name), PerGroup)]
    shared = {name: value for name in known if isinstance(value := getattr(part.spec, name), float)}
    if shared:
        own = ", ".join(f"{rate:.3g}" for rate in rates)
        given = " and ".join(f"{name} = {value:.3g}" for name, value in shared.items())
        message = f"{part.name} gives all {len(rates)} groups {given}; their own learning rates are {own}"
        spread = {name: [rounded(value * rate / max(rates)) for rate in rates] for name, value in shared.items()}
        yield case.finding(message, f"Give {' and '.join(shared)} as a list", 0, part.change(**spread))


@part_rule(
    "momentum-changed",
    "warning",
    "a cycle that turns momentum on, or moves beta1, without having been asked to",
    why="cycle_momentum is on by default: it gives plain SGD a momentum of 0.9 or so, which multiplies the effective "
    "learning rate by ten, and moves Adam's beta1, which is an info. Where nothing is said of the optimizer, it is an "
    "info.",
    instead="Set cycle_momentum: false, or give the optimizer the momentum that the cycle starts with.",
    example=toy("onecycle", optimizer={"name": "sgd", "lr": 0.1}, max_lr=0.1),
    near_miss=toy("onecycle", optimizer={"name": "sgd", "lr": 0.1}, max_lr=0.1, cycle_momentum=False),
)
def momentum_changed(case: Case, part: Part) -> Iterator[Finding]:
    spec, name = part.spec, case.experiment.optimizer.name
    moved = momentum_name(name)
    if moved is None or not isinstance(spec, (OneCycleLR, CyclicLR)) or not spec.cycle_momentum:
        return
    if any(case.written(part.field(argument)) is not None for argument in ("base_momentum", "max_momentum")):
        return
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        own, first = _momentum(name, moved, group), of_group(spec.max_momentum, number)
        by_default = moved == "beta1" and group.betas is None
        if not by_default and (first == own or (moved == "momentum" and own)):
            continue  # as somebody asked for
        down = of_group(spec.base_momentum, number)
        what = f"enables {moved} {first:g}; {name} was configured without it"
        if own:
            what = f"cycles {moved} between {first:g} and {down:g}; {name} was configured with {own:g}"
        elif case.experiment.optimizer == OptimizerSpec():  # nobody has said what is trained with
            what = f"enables {moved} {first:g}, which torch's {name} is without"
        message = f"{part.name} {what} (cycle_momentum, on by default)"
        fix = f"Set cycle_momentum: false, or give {name} a {moved} of {first:g} if that is meant"
        is_info = moved == "beta1" or case.experiment.optimizer == OptimizerSpec()
        severity: Severity | None = "info" if is_info else None
        yield case.finding(message, fix, None, part.change(cycle_momentum=False), severity)
        break


def _momentum(optimizer: str, moved: str, group: Group) -> float:
    if moved == "beta1":
        return group.betas[0] if group.betas else BETA1
    return MOMENTUM[optimizer] if group.momentum is None else group.momentum
