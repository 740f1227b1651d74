"""From a live scheduler back to the experiment that it is of, held to what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lrviz.engine.preview import Preview, quiet, undrawn
from lrviz.engine.select import replay
from lrviz.engine.shadow import Shadow, shadow_of
from lrviz.errors import SpecError
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import Live, SchedulerSpec, catalogue
from lrviz.experiment.schedulers.catalogue import find
from lrviz.trace import GroupTrace, Trace

TORCH = ("torch.optim.lr_scheduler", "torch.optim.swa_utils")
DIGITS = 12  # that somebody wrote of a number which torch keeps a quotient of
FLOORED = "get_cosine_with_min_lr_schedule_with_warmup_lr_rate"
LAMBDAS = {  # of transformers, whose names do not follow from their function's
    "_get_constant_lambda": "get_constant_schedule",
    "_get_wsd_scheduler_lambda": "get_wsd_schedule",
    f"_{FLOORED}_lambda": FLOORED,
}


def recovered(scheduler: Any, shown: Preview, optimizer: Any = None) -> tuple[Experiment, Trace] | None:
    """Return the experiment that a live scheduler is of, from the run's first step on, and its replay.

    The arguments are read off the object: those of torch's classes, and of the functions of transformers. None
    where one cannot be read, and where the replay's last steps are not what was previewed, to the bit: a class
    that was changed, a learning rate that somebody set.
    """
    own = shown.experiment.scheduler
    assert isinstance(own, Live)
    watched = own.stepped_with()
    if shown.position is None or (watched is not None and shown.position):
        return None
    import torch

    shadow = shadow_of(scheduler, optimizer, torch)
    try:
        spec = _spec_of(shadow, watched)
        experiment = None if spec is None else _experiment(spec, shadow.optimizer, shown)
        if experiment is None:
            return None
        with undrawn(torch), quiet():
            trace = replay(experiment, engine="torch", partial=True)
    except (SpecError, AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None  # an attribute that another version of torch does not have, or that somebody changed
    return (experiment, trace) if _ends_as(trace, shown) else None


def _experiment(spec: SchedulerSpec, optimizer: Any, shown: Preview) -> Experiment:
    """Return the whole run: the steps that were, and those that were previewed."""
    run, before = shown.experiment.run, shown.position or 0
    whole = Run(
        steps=before * run.clock.stride + run.clock.steps, steps_per_epoch=run.steps_per_epoch, interval=run.interval
    )
    return Experiment(scheduler=spec, run=whole, optimizer=_as_configured(shown.experiment.optimizer, spec, optimizer))


def _as_configured(own: OptimizerSpec, spec: SchedulerSpec, optimizer: Any) -> OptimizerSpec:
    """Return the optimizer with the momentum that it was made with, where the scheduler has set another."""
    if not spec.moves_momentum():
        return own
    groups = None if own.groups is None else tuple(replace(group, momentum=None, betas=None) for group in own.groups)
    given = {name: optimizer.defaults.get(name) for name in ("momentum", "betas") if getattr(own, name) is not None}
    return replace(own, groups=groups, **given)


def _ends_as(trace: Trace, shown: Preview) -> bool:
    """Return whether the last steps of a replay are what was previewed, to the bit."""
    before = trace.steps - shown.steps
    is_same = before >= 0 and len(trace.groups) == len(shown.groups)
    is_same = is_same and (trace.failure is None) == (shown.failure is None)
    pairs = zip(trace.groups, shown.groups, strict=False)
    return is_same and all(_bits(one, before) == _bits(other, 0) for one, other in pairs)


def _bits(group: GroupTrace, start: int) -> list[bytes]:
    columns = (group.lr, group.momentum)
    return [b"" if column is None else column[start:].tobytes() for column in columns]


def _spec_of(shadow: Shadow, metric: Any) -> SchedulerSpec | None:
    """Return the spec of a scheduler, None where it is of no class that lrviz knows."""
    scheduler, groups = shadow.scheduler, shadow.optimizer.param_groups
    if type(scheduler).__name__ == "AcceleratedScheduler":  # which on one device steps what it holds
        return _spec_of(Shadow(scheduler.scheduler, shadow.optimizer), metric)
    cls = type(scheduler)
    spec = find(cls.__name__) if cls.__module__ in TORCH else None
    if spec is None:
        return None
    if hasattr(scheduler, "_schedulers"):
        children = [_spec_of(Shadow(each, shadow.optimizer), None) for each in scheduler._schedulers]
        marks = {"milestones": tuple(scheduler._milestones)} if hasattr(scheduler, "_milestones") else {}
        return None if None in children else spec(schedulers=tuple(children), **marks)  # type: ignore[call-arg]
    library = _library_spec(scheduler)
    if library is not None:
        return library
    wanted = [name for name, arg_type in arg_types(spec).items() if not arg_type.extra]
    given = {name: getattr(scheduler, name) for name in wanted if hasattr(scheduler, name)}
    special = SPECIAL.get(cls.__name__)
    given |= special(scheduler, groups) if special else {}
    return spec(**given, **({} if metric is None else {"metric": metric}))


def _library_spec(scheduler: Any) -> SchedulerSpec | None:
    """Return the spec of what a function of transformers makes: a LambdaLR of its own function, with its arguments."""
    made = getattr(scheduler, "lr_lambdas", [None])[0]
    function = made.func if isinstance(made, partial) else made
    if not str(getattr(function, "__module__", "")).startswith("transformers."):
        return None
    name = LAMBDAS.get(function.__name__, function.__name__.removeprefix("_").removesuffix("_lr_lambda"))
    given = dict(made.keywords) if isinstance(made, partial) else {}
    if name == "get_cosine_schedule_with_warmup" and "min_lr_rate" in given:
        name = "get_cosine_with_min_lr_schedule_with_warmup"
    own = (spec for spec in catalogue().values() if spec.library == "transformers")
    spec = next((each for each in own if getattr(each, "function", "") == name), None)
    if spec is None:
        return None
    known = {key: value for key, value in given.items() if key in arg_types(spec) and value is not None}
    return spec(**known)


def _each(values: Iterable[Any]) -> Any:
    """Return the values of the parameter groups as an argument: one where all have the same."""
    found = tuple(values)
    return found[0] if all(value == found[0] for value in found) else found


def _written(value: float, is_it: Callable[[float], bool]) -> float:
    """Return the number of few digits that a computed one is from, the number itself where there is none."""
    found = (float(f"{value:.{digits}g}") for digits in range(1, DIGITS))
    return next((each for each in found if is_it(each)), value)


Groups = Sequence[Mapping[str, Any]]


def _multi_step(scheduler: Any, groups: Groups) -> dict[str, Any]:
    return {"milestones": tuple(sorted(scheduler.milestones.elements()))}


def _functions(scheduler: Any, groups: Groups) -> dict[str, Any]:
    return {"lr_lambda": _each(scheduler.lr_lambdas)}


def _plateau(scheduler: Any, groups: Groups) -> dict[str, Any]:
    return {"min_lr": _each(scheduler.min_lrs)}


def _swa(scheduler: Any, groups: Groups) -> dict[str, Any]:
    cosine = scheduler.anneal_func is scheduler._cosine_anneal
    return {"swa_lr": _each(group["swa_lr"] for group in groups), "anneal_strategy": "cos" if cosine else "linear"}


def _cyclic(scheduler: Any, groups: Groups) -> dict[str, Any]:
    up = round(scheduler.total_size * scheduler.step_ratio)
    down = round(scheduler.total_size) - up
    given = {"base_lr": _each(scheduler.base_lrs), "max_lr": _each(scheduler.max_lrs), "step_size_up": up}
    given |= {"step_size_down": None if down == up else down, "scale_fn": scheduler._scale_fn_custom}
    if scheduler.cycle_momentum:
        given |= {name: _each(getattr(scheduler, f"{name}s")) for name in ("base_momentum", "max_momentum")}
    return given


def _one_cycle(scheduler: Any, groups: Groups) -> dict[str, Any]:
    first, phases, total = groups[0], scheduler._schedule_phases, scheduler.total_steps
    ends = phases[0]["end_step"]
    given = {
        "max_lr": _each(group["max_lr"] for group in groups),
        "pct_start": _written((ends + 1) / total, lambda share: float(share * total) - 1 == ends),
        "div_factor": _written(
            first["max_lr"] / first["initial_lr"], lambda factor: first["max_lr"] / factor == first["initial_lr"]
        ),
        "final_div_factor": _written(
            first["initial_lr"] / first["min_lr"], lambda factor: first["initial_lr"] / factor == first["min_lr"]
        ),
        "anneal_strategy": scheduler._anneal_func_type,
        "three_phase": len(phases) == 3,
    }
    if scheduler.cycle_momentum:
        given |= {name: _each(group[name] for group in groups) for name in ("base_momentum", "max_momentum")}
    return given


SPECIAL: Mapping[str, Callable[[Any, Groups], dict[str, Any]]] = {
    "MultiStepLR": _multi_step,
    "LambdaLR": _functions,
    "MultiplicativeLR": _functions,
    "ReduceLROnPlateau": _plateau,
    "SWALR": _swa,
    "CyclicLR": _cyclic,
    "OneCycleLR": _one_cycle,
}
"""What is not kept under its argument's name, by the class."""
