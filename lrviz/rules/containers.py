"""Rules about schedulers inside schedulers."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import ChainedScheduler, ReduceLROnPlateau, SequentialLR
from lrviz.experiment.schedulers.base import OVERWRITES
from lrviz.experiment.schedulers.composite import NESTED
from lrviz.experiment.schedulers.pytorch import METRIC_IN_CONTAINER
from lrviz.rules.case import Case, Part, flow
from lrviz.rules.finding import Finding
from lrviz.rules.registry import part_rule

PEAKED = 0.999  # of the base rate: a product that comes this near is as good as a sequence

_WARM = {"name": "linear", "start_factor": 0.1, "total_iters": 8}
_COSINE = {"name": "cosine"}
_SEQUENCE = {"scheduler": {"name": "sequential", "milestones": [8], "schedulers": [_WARM, _COSINE]}}


@part_rule(
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
def closed_form_in_chain(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if not isinstance(spec, ChainedScheduler) or len(spec.schedulers) < 2:
        return
    for number, child in enumerate(spec.schedulers):
        if child.is_closed_form:
            others = ", ".join(other.label for i, other in enumerate(spec.schedulers) if i != number)
            message = f"{child.label} sets the learning rate from the base rate at every step and erases {others}"
            yield case.finding(
                message, "Run them one after another (sequential), or write the product as one lambda", 0
            )


@part_rule(
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
    causes=(NESTED,),
)
def nested_container(case: Case, part: Part) -> Iterator[Finding]:
    if not isinstance(part.container, SequentialLR) or not part.spec.children():
        return
    first = part.spec is part.container.schedulers[0]
    step = case.clock.step_of(part.start)
    late = f"torch raises NotImplementedError at step {step:,}, when {part.name} takes over"
    message = f"{part.name} stands first in a SequentialLR and starts from the wrong learning rate" if first else late
    fix = "Write one sequential: its children in the outer list, their milestones counted from 0"
    yield case.finding(message, fix, step, explains_failure=not first and part.steps > 0)


@part_rule(
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
    causes=(METRIC_IN_CONTAINER,),
)
def plateau_in_container(case: Case, part: Part) -> Iterator[Finding]:
    if part.container is not None and isinstance(part.spec, ReduceLROnPlateau):
        message = f"torch refuses {part.name} when the {part.container.label} is built: its step takes a metric"
        fix = "Take it out, and step a LinearLR for the warmup and the plateau side by side in the loop"
        yield case.finding(message, fix, 0, explains_failure=True)


@part_rule(
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
    causes=(OVERWRITES,),
)
def lr_overwritten(case: Case, part: Part) -> Iterator[Finding]:
    if part.container is None or len(part.container.children()) < 2:
        return
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        rate = part.spec.new_base_lr(number)
        if rate is not None:
            message = f"{part.name} sets the base rate of the schedulers beside it to {rate:.3g}, not {group.lr:.3g}"
            fix = "Use it alone: OneCycleLR warms up by pct_start; after a warmup take cosine"
            yield case.finding(message, fix, 0)
            break


@part_rule(
    "chained-warmup",
    "warning",
    "a warmup chained with a decay: the product never reaches the base rate",
    why="ChainedScheduler multiplies: while the warmup rises the decay already falls, and by the end of the warmup it "
    "has taken its share of the peak.",
    instead="Let the decay follow the warmup in a sequential.",
    example={"scheduler": {"name": "chained", "schedulers": [_WARM, _COSINE]}},
    near_miss=_SEQUENCE,
)
def chained_warmup(case: Case, part: Part) -> Iterator[Finding]:
    spec = part.spec
    if not isinstance(spec, ChainedScheduler) or not any(child.warms_up() for child in spec.schedulers):
        return
    decay = next((child for child in spec.schedulers if child.falls_at_once), None)
    if decay is None:
        return
    message = f"the warmup is multiplied into {decay.label}, which falls from step 0 on"
    _, base, group = next(case.groups(), (0, 0.0, None))
    if group is not None and part.container is None:
        peak = max(group.lr)
        if not base or peak >= PEAKED * base:
            return
        message += f": the learning rate peaks at {peak:.3g}, {peak / base:.2g} of {base:.3g}"
    fix = "Put the two in a sequential, with the end of the warmup as its milestone"
    yield case.finding(message, fix, 0, _sequence(spec))


def _sequence(spec: ChainedScheduler) -> str:
    """Return the sequence of a chain of two, as YAML."""
    if len(spec.schedulers) != 2:
        return ""
    warmup = next(child for child in spec.schedulers if child.warms_up())
    decay = next(child for child in spec.schedulers if child is not warmup)
    ending = {decay.length_arg: None} if decay.length_arg and arg_types(decay)[decay.length_arg].horizon else {}
    mark = getattr(warmup, warmup.length_arg)
    return (
        f"scheduler:\n  name: sequential\n  milestones: [{mark}]\n"
        f"  schedulers:\n    - {flow(warmup)}\n    - {flow(decay, **ending)}"
    )
