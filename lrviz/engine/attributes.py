"""From a live scheduler's attributes to the spec with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from lrviz.engine.shadow import Shadow
from lrviz.errors import SpecError
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import SchedulerSpec, catalogue
from lrviz.experiment.schedulers.catalogue import find

TORCH = ("torch.optim.lr_scheduler", "torch.optim.swa_utils")
DIGITS = 12  # that somebody wrote of a number which torch keeps a quotient of
FLOORED = "get_cosine_with_min_lr_schedule_with_warmup_lr_rate"
LAMBDAS = {  # of transformers, whose names do not follow from their function's
    "_get_constant_lambda": "get_constant_schedule",
    "_get_wsd_scheduler_lambda": "get_wsd_schedule",
    f"_{FLOORED}_lambda": FLOORED,
}


def spec_of(shadow: Shadow, metric: Any = None) -> SchedulerSpec | None:
    """Return the spec of a scheduler with the arguments that it was made with.

    None for a class that is none of torch's and none that transformers makes, and where an argument cannot be read:
    another version of torch may keep it elsewhere, and somebody may have changed it.
    """
    try:
        return _spec_of(shadow, metric)
    except (SpecError, AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


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
