"""Rules about schedulers inside schedulers."""

from __future__ import annotations

from collections.abc import Iterator

from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import ChainedScheduler, Plateau, SequentialLR, Warmup
from lrviz.experiment.schedulers.base import OVERWRITES
from lrviz.experiment.schedulers.composite import NESTED
from lrviz.rules.case import Case, Part, percent
from lrviz.rules.changes import Change
from lrviz.rules.finding import Finding, Severity
from lrviz.rules.registry import part_rule, toy

PEAKED = 0.99  # of the base rate: a product that comes this near is as good as a sequence
NEARLY = 0.95  # a product that comes this near may be meant

_WARM = {"name": "linear", "start_factor": 0.1, "total_iters": 8}
_COSINE = {"name": "cosine"}
_SEQUENCE = {"scheduler": {"name": "sequential", "milestones": [8], "schedulers": [_WARM, _COSINE]}}


@part_rule(
    "closed-form-in-chain",
    "error",
    "a chain with a scheduler in it that sets the learning rate outright and erases the others",
    why="ChainedScheduler multiplies factors. LambdaLR, warm restarts, CyclicLR and OneCycleLR compute the learning "
    "rate from the base rate instead, so that whatever the others did before them is gone.",
    instead="Put them one after another in a sequential, or write the product as one lambda.",
    example=toy("chained", schedulers=[{"name": "exponential", "gamma": 0.95}, {"name": "cosine-restarts", "T_0": 8}]),
    near_miss=toy("chained", schedulers=[{"name": "exponential", "gamma": 0.95}, {"name": "step", "step_size": 8}]),
    explains=("chained-warmup", "lr-overwritten", "never-peaks", "optimizer-lr-ignored"),
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
    why="torch cannot start one at a milestone: as a later child it raises, in this version or another "
    "NotImplementedError or TypeError, mid-run, or AttributeError when it is built; as the first it starts from the "
    "wrong learning rate.",
    instead="Write one sequential with all the schedulers and milestones in it.",
    example=toy(
        "sequential",
        milestones=[8],
        schedulers=[
            _WARM,
            {"name": "chained", "schedulers": [_COSINE, {"name": "exponential", "gamma": 0.95}]},
        ],
    ),
    near_miss=_SEQUENCE,
    causes=(NESTED,),
    explains=("chained-warmup", "closed-form-in-chain"),
)
def nested_container(case: Case, part: Part) -> Iterator[Finding]:
    if part.owner is None or not isinstance(part.owner.spec, SequentialLR) or not part.is_container:
        return
    first = part.number == 0
    step = case.clock.step_of(part.start)
    wrong = f"{part.name} stands first in a SequentialLR and starts from the wrong learning rate"
    message = wrong if first else _raises(case, part, step)
    one = "Write one sequential: its children in the outer list, their milestones counted from the start of the run"
    fix = one if isinstance(part.spec, SequentialLR) else "Write the product of its children as one lambda"
    yield case.finding(message, fix, step, explains_failure=not first and part.steps > 0)


def _raises(case: Case, part: Part, step: int) -> str:
    """Return what torch does with a container at a milestone, in the words of the version that was replayed."""
    failure = case.trace.failure
    if failure and not failure.step and part.spec.label in failure.message:
        return f"torch raises {failure.kind} when the scheduler is built: it cannot start {part.name} at a milestone"
    kind = failure.kind if failure and failure.step == step else "an exception"
    return f"torch raises {kind} at step {step:,}, when {part.name} takes over"


@part_rule(
    "plateau-in-container",
    "error",
    "a ReduceLROnPlateau inside a Sequential or Chained",
    why="torch refuses it: a plateau's step takes a metric, a container's step has none to give.",
    instead="Write `warmup: N` before the plateau: in the training loop, step a LinearLR and the plateau side by side.",
    example=toy("sequential", milestones=[8], schedulers=[_WARM, {"name": "plateau", "metric": "exp(-step / 4)"}]),
    near_miss=toy("plateau", metric="exp(-step / 4)"),
    explains=("closed-form-in-chain", "chained-warmup"),
)
def plateau_in_container(case: Case, part: Part) -> Iterator[Finding]:
    if part.owner is not None and isinstance(part.spec, Plateau):
        message = f"torch refuses {part.name} when the {part.owner.spec.label} is built: its step takes a metric"
        fix = "Take it out, and write warmup: N before it, a LinearLR that the loop steps beside the plateau"
        yield case.finding(message, fix, 0, explains_failure=True)


@part_rule(
    "lr-overwritten",
    "error",
    "a OneCycleLR or CyclicLR beside other schedulers, whose base rate it rewrites",
    why="Their constructors write initial_lr in the optimizer, the learning rate from which every other scheduler "
    "computes: the others then run at a fraction of the learning rate that was chosen.",
    instead="Use OneCycleLR alone: its warmup is pct_start. After a warmup take cosine, or restarts for cycles.",
    example=toy(
        "sequential",
        optimizer={"lr": 0.1},
        milestones=[8],
        schedulers=[_WARM, {"name": "onecycle", "max_lr": 0.1, "cycle_momentum": False}],
    ),
    near_miss=toy("onecycle", optimizer={"lr": 0.1}, max_lr=0.1, pct_start=0.25, cycle_momentum=False),
    causes=(OVERWRITES,),
    explains=("optimizer-lr-ignored", "momentum-changed", "lr-jump", "never-peaks", "unfinished"),
)
def lr_overwritten(case: Case, part: Part) -> Iterator[Finding]:
    if part.owner is None or len(part.owner.spec.children()) < 2:
        return
    for number, group in enumerate(case.experiment.optimizer.resolved_groups):
        rate = part.spec.new_base_lr(number)
        if rate is not None:
            message = (
                f"{part.name} sets the base learning rate of the schedulers beside it to {rate:.3g}, not {group.lr:.3g}"
            )
            fix = "Use it alone: OneCycleLR warms up by pct_start; after a warmup take cosine"
            alone = dict(case.written(part.place))
            alone.pop(part.spec.length_arg, None)  # it was that of a part of the run
            shorts = [name for name in arg_types(Warmup) if case.written(name) is not None]
            dropped = [Change(name, remove=True) for name in shorts if case.experiment.warmup]
            changes = [Change(part.owner.place, alone), *dropped]
            yield case.finding(message, fix, 0, [] if part.owner.owner else changes)
            break


@part_rule(
    "chained-warmup",
    "warning",
    "a warmup chained with a decay: the product never reaches the base rate",
    why="ChainedScheduler multiplies: while the warmup rises the decay already falls, and by the end of the warmup it "
    "has taken its share of the peak.",
    instead="Let the decay follow the warmup in a sequential.",
    example=toy("chained", schedulers=[_WARM, _COSINE]),
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
    severity: Severity | None = None
    if case.curves and part.owner is None:
        base, peak = case.curves[0].base, case.curves[0].summary.peak
        if not base or peak >= PEAKED * base:
            return
        message += f": the learning rate peaks at {peak:.3g}, {percent(peak, base)} of {base:.3g}"
        severity = "info" if peak >= NEARLY * base else None
    fix = "Put the two in a sequential, with the end of the warmup as its milestone"
    yield case.finding(message, fix, 0, _sequence(case, part), severity)


def _sequence(case: Case, part: Part) -> tuple[Change, ...]:
    """Return the change of a chain of two into a sequence of the two, the second as long as what is left."""
    children = [child for child in case.parts if child.owner is part]
    warmup = next(child for child in children if child.spec.warms_up())
    length = warmup.spec.length()
    if part.owner is not None or len(children) != 2 or not length or length >= part.steps:
        return ()
    decay = children[1 - warmup.number]
    own = {**case.written(decay.place)}
    argument = decay.spec.length_arg
    if argument and decay.spec.length() == part.steps:
        own[argument] = "rest"
    mark = case.written(warmup.field(warmup.spec.length_arg)) or length
    schedulers = [case.written(warmup.place), own]
    return (Change(part.place, {"name": "sequential", "milestones": [mark], "schedulers": schedulers}),)
