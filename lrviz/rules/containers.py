"""Rules about schedulers inside schedulers."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.argtypes import ArgType, arg_types
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import (
    ChainedScheduler,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SchedulerSpec,
    SequentialLR,
    of_group,
)
from lrviz.rules.parts import flow, groups_of, is_rising, parts
from lrviz.rules.registry import Hit, rule
from lrviz.trace import Trace

CLOSED = (LambdaLR, CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR)
PEAKED = 0.999  # of the base rate: a product that comes this near is as good as a sequence

_WARM = {"name": "linear", "start_factor": 0.1, "total_iters": 8}
_COSINE = {"name": "cosine"}
_SEQUENCE = {"scheduler": {"name": "sequential", "milestones": [8], "schedulers": [_WARM, _COSINE]}}


@rule(
    "closed-form-in-chain",
    "error",
    "a chain with a scheduler in it that sets the rate outright and erases the others",
    why="ChainedScheduler multiplies factors. LambdaLR, warm restarts, CyclicLR and OneCycleLR compute the rate from "
    "the base rate instead, so that whatever the others did before them is gone.",
    instead="Put them one after another in a sequential, or write the product as one lambda.",
    example={
        "scheduler": {
            "name": "chained",
            "schedulers": [{"name": "exponential", "gamma": 0.95}, {"name": "cosine-restarts", "T_0": 8}],
        }
    },
    near_miss={
        "scheduler": {
            "name": "chained",
            "schedulers": [{"name": "exponential", "gamma": 0.95}, {"name": "step", "step_size": 8}],
        }
    },
)
def closed_form_in_chain(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for part in parts(experiment):
        spec = part.spec
        if not isinstance(spec, ChainedScheduler) or len(spec.schedulers) < 2:
            continue
        for number, child in enumerate(spec.schedulers):
            if isinstance(child, CLOSED):
                others = ", ".join(type(other).__name__ for i, other in enumerate(spec.schedulers) if i != number)
                message = f"{type(child).__name__} sets the rate from the base rate at every step and erases {others}"
                yield Hit(message, "Run them one after another (sequential), or write the product as one lambda", 0)


@rule(
    "nested-container",
    "error",
    "a Sequential or Chained inside a Sequential",
    why="As a later child torch raises NotImplementedError at its milestone, mid-run; as the first it starts from the "
    "wrong rate.",
    instead="Write one sequential with all the schedulers and milestones in it.",
    example={
        "scheduler": {
            "name": "sequential",
            "milestones": [8],
            "schedulers": [
                _WARM,
                {"name": "chained", "schedulers": [_COSINE, {"name": "exponential", "gamma": 0.95}]},
            ],
        }
    },
    near_miss=_SEQUENCE,
)
def nested_container(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for part in parts(experiment):
        if not isinstance(part.container, SequentialLR) or not isinstance(part.spec, (SequentialLR, ChainedScheduler)):
            continue
        first = part.spec is part.container.schedulers[0]
        step = experiment.run.clock.step_of(part.start)
        message = f"{part.name} stands first in a SequentialLR and starts from the wrong rate" if first else (
            f"torch raises NotImplementedError at step {step:,}, when {part.name} takes over"
        )  # fmt: skip
        fix = "Write one sequential: its children in the outer list, their milestones counted from 0"
        yield Hit(message, fix, step, explains_failure=not first and part.steps > 0)


@rule(
    "plateau-in-container",
    "error",
    "a ReduceLROnPlateau inside a Sequential or Chained",
    why="torch refuses it: a plateau's step takes a metric, a container's step has none to give.",
    instead="Step a LinearLR and the plateau side by side in the training loop.",
    example={
        "scheduler": {
            "name": "sequential",
            "milestones": [8],
            "schedulers": [_WARM, {"name": "plateau", "metric": "exp(-step / 4)"}],
        }
    },
    near_miss={"scheduler": {"name": "plateau", "metric": "exp(-step / 4)"}},
)
def plateau_in_container(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for part in parts(experiment):
        if part.container is not None and isinstance(part.spec, ReduceLROnPlateau):
            message = (
                f"torch refuses {part.name} when the {type(part.container).__name__} is built: its step takes a metric"
            )
            fix = "Take it out, and step a LinearLR for the warmup and the plateau side by side in the loop"
            yield Hit(message, fix, 0, explains_failure=True)


@rule(
    "lr-overwritten",
    "error",
    "a OneCycleLR or CyclicLR beside other schedulers, whose base rate it rewrites",
    why="Their constructors write initial_lr in the optimizer, the rate from which every other scheduler computes: "
    "the others then run at a fraction of the rate that was chosen.",
    instead="Use OneCycleLR alone: its warmup is pct_start. After a warmup take cosine, or restarts for cycles.",
    example={
        "optimizer": {"lr": 0.1},
        "scheduler": {
            "name": "sequential",
            "milestones": [8],
            "schedulers": [_WARM, {"name": "onecycle", "max_lr": 0.1, "cycle_momentum": False}],
        },
    },
    near_miss={
        "optimizer": {"lr": 0.1},
        "scheduler": {"name": "onecycle", "max_lr": 0.1, "pct_start": 0.25, "cycle_momentum": False},
    },
)
def lr_overwritten(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for part in parts(experiment):
        if part.container is None or len(part.container.children()) < 2:
            continue
        for number, group in enumerate(experiment.optimizer.resolved_groups):
            rate = _written(part.spec, number)
            if rate is not None:
                message = (
                    f"{part.name} sets the base rate of the schedulers beside it to {rate:.3g}, not {group.lr:.3g}"
                )
                yield Hit(
                    message, "Let it stand alone: OneCycleLR warms up by pct_start; after a warmup take cosine", 0
                )
                break


def _written(spec: SchedulerSpec, group: int) -> float | None:
    """Return what a constructor writes into `initial_lr`, where it does."""
    match spec:
        case OneCycleLR():
            return spec.target_lr(0, group) / spec.div_factor
        case CyclicLR():
            return of_group(spec.base_lr, group)
        case _:
            return None


@rule(
    "chained-warmup",
    "warning",
    "a warmup chained with a decay: the product never reaches the base rate",
    why="ChainedScheduler multiplies: while the warmup rises the decay already falls, and by the end of the warmup it "
    "has taken its share of the peak.",
    instead="Let the decay follow the warmup in a sequential.",
    example={"scheduler": {"name": "chained", "schedulers": [_WARM, _COSINE]}},
    near_miss=_SEQUENCE,
)
def chained_warmup(experiment: Experiment, trace: Trace | None) -> Iterator[Hit]:
    for part in parts(experiment):
        spec = part.spec
        if not isinstance(spec, ChainedScheduler) or not any(is_rising(child) for child in spec.schedulers):
            continue
        decay = next((child for child in spec.schedulers if _falls_at_once(child)), None)
        if decay is None:
            continue
        message = f"the warmup is multiplied into {type(decay).__name__}, which falls from step 0 on"
        if trace is not None and trace.groups and part.container is None:
            _, base, group = next(groups_of(experiment, trace))
            peak = max(group.lr)
            if not base or peak >= PEAKED * base:
                continue
            message += f": the rate peaks at {peak:.3g}, {peak / base:.2g} of {base:.3g}"
        yield Hit(
            message, "Put the two in a sequential, with the end of the warmup as its milestone", 0, _sequence(spec)
        )


def _falls_at_once(spec: SchedulerSpec) -> bool:
    match spec:
        case LinearLR():
            return spec.end_factor < spec.start_factor
        case ExponentialLR():
            return spec.gamma < 1
        case _:
            return isinstance(spec, (CosineAnnealingLR, PolynomialLR))


def _sequence(spec: ChainedScheduler) -> str:
    """Return the sequence of a chain of two, as YAML."""
    if len(spec.schedulers) != 2:
        return ""
    warmup = next(child for child in spec.schedulers if is_rising(child))
    decay = next(child for child in spec.schedulers if child is not warmup)
    ending = {decay.length_arg: None} if arg_types(decay).get(decay.length_arg, ArgType("")).horizon else {}
    mark = getattr(warmup, warmup.length_arg)
    return (
        f"scheduler:\n  name: sequential\n  milestones: [{mark}]\n"
        f"  schedulers:\n    - {flow(warmup)}\n    - {flow(decay, **ending)}"
    )
