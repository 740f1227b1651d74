"""From a scheduler's spec to a live scheduler on a live optimizer."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from lrviz.engine.engine import Engine
from lrviz.engine.library import make
from lrviz.errors import SpecError, nearest, shown
from lrviz.experiment.expression import Expression
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import (
    ChainedScheduler,
    ClosedForm,
    Custom,
    GroupStart,
    OwnRule,
    Plateau,
    SchedulerSpec,
    SequentialLR,
)
from lrviz.experiment.schedulers.base import LR_SCHEDULER


def construct(spec: SchedulerSpec, optimizer: Any, engine: Engine, total: int) -> Any:
    """Return the scheduler of a spec whose horizons are filled in.

    `total` is the length of its run or segment, in scheduler steps. Children are constructed once,
    in order, on the same optimizer, before their container.
    """
    children = [construct(part.spec, optimizer, engine, part.length) for part in spec.segments(0, total)]
    upstream = spec.upstream() if engine.upstream else None
    if upstream is not None:
        return make(upstream, optimizer)
    match spec:
        case Custom():
            return _own(spec, optimizer)
        case OwnRule():
            return _OwnRule(spec, optimizer, engine, total)
        case ClosedForm():
            return engine.scheduler(LR_SCHEDULER, "LambdaLR")(optimizer, lr_lambda=spec.factor)
        case ChainedScheduler():
            return _class(spec, engine)(children)
        case SequentialLR():
            return _class(spec, engine)(optimizer, schedulers=children, milestones=list(spec.milestones))
        case Plateau():
            plateau = engine.scheduler(LR_SCHEDULER, "ReduceLROnPlateau")(optimizer, **_arguments(spec, total))
            return Beside(children[0], spec.segments(0, total)[0].length, plateau) if children else plateau
        case _:
            return _class(spec, engine)(optimizer, **_arguments(spec, total))


def _own(spec: Custom, optimizer: Any) -> Any:
    """Return what the user's class or function makes; raises SpecError where that is no scheduler."""
    target = import_target(spec.target)
    made = target(optimizer, **(spec.args or {}))
    if not callable(getattr(made, "step", None)):
        what = "class" if isinstance(target, type) else "function"
        hint = ": does it end in `return`?" if made is None else ""
        raise SpecError(f"your {what} {spec.label} returned {shown(made)}, not a scheduler{hint}")
    return made


def _class(spec: SchedulerSpec, engine: Engine) -> Any:
    assert spec.module is not None, f"{spec.name} has no class in torch"
    return engine.scheduler(spec.module, type(spec).__name__)


def _arguments(spec: SchedulerSpec, total: int) -> dict[str, Any]:
    """Return the arguments as torch takes them: lists for tuples, functions for expressions."""
    given = {name: getattr(spec, name) for name, arg_type in arg_types(spec).items() if not arg_type.extra}
    return {name: _for_torch(value, total) for name, value in given.items() if value is not None}


def _for_torch(value: Any, total: int) -> Any:
    if isinstance(value, tuple):
        return [_for_torch(entry, total) for entry in value]
    return _function(value, total) if isinstance(value, Expression) else value


def _function(expression: Expression, total: int) -> Callable[[float], float]:
    """Return an expression as a function of the one number that torch passes."""
    evaluate, names = expression, expression.names
    if names == ("x",):
        return lambda x: evaluate(x=x)
    return lambda epoch: evaluate(epoch=epoch, step=epoch, total=total)


class Beside(NamedTuple):
    """A plateau, and the warmup that a training loop steps as well at each of the first `length` steps."""

    warmup: Any
    length: int
    plateau: Any


class _OwnRule:
    """Sets the values of every parameter group, as a training loop does: `group["lr"] = lr`.

    Its state is its position, as that of DeepSpeed's schedulers is, or all that it was made of, as timm's is.
    """

    def __init__(self, spec: OwnRule, optimizer: Any, engine: Engine, total: int) -> None:
        default = optimizer.defaults["lr"]
        groups = list(enumerate(optimizer.param_groups))
        starts = [GroupStart(number, group["lr"], default, group, total, engine.draws) for number, group in groups]
        self.optimizer, self.spec, self.starts, self.steps = optimizer, spec, starts, 0
        self.rules = [spec.settings(start) for start in starts]
        for group, rule in zip(optimizer.param_groups, self.rules, strict=True):
            _set(group, next(rule))

    def step(self, metric: float | None = None) -> None:
        self.steps += 1
        for group, rule in zip(self.optimizer.param_groups, self.rules, strict=True):
            _set(group, rule.send(metric))

    def state_dict(self) -> dict[str, Any]:
        made_of = {"spec": self.spec, "lrs": [start.lr for start in self.starts]}
        return {"steps": self.steps, **(made_of if self.spec.loads == "arguments" else {})}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on at a position; what the state was made of counts, where it says it."""
        self.steps, spec = state["steps"], state.get("spec", self.spec)
        lrs = state.get("lrs", [start.lr for start in self.starts])
        self.rules = [spec.settings(start._replace(lr=lr)) for start, lr in zip(self.starts, lrs, strict=True)]
        for rule in self.rules:
            next(rule)
            for _ in range(self.steps):
                rule.send(None)


def _set(group: dict[str, Any], values: Mapping[str, float]) -> None:
    for name, value in values.items():
        if name == "beta1":
            if "betas" in group:
                group["betas"] = (value, *group["betas"][1:])
        elif name in group:
            group[name] = value


def import_target(target: str) -> Callable[..., Any]:
    """Return what `package.module:Name` names, looked for in the current folder first.

    Only what the module itself defines, or lists in `__all__`, is opened, and of a package without that
    list what it has from its own submodules: a document that may name one module must not get at those
    which that module imports. Raises SpecError for anything else, and where there is no such module or
    name. An error inside the module is its own.
    """
    module_name, _, attribute = target.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *attribute.split("."))):
        raise SpecError(f"must be package.module:Name, not {shown(target)}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise SpecError(f"{target}: there is no module {error.name!r}, here or installed") from None
    found: Callable[..., Any] = _open(module, attribute, target)
    return found


def _open(module: ModuleType, attribute: str, target: str) -> Any:
    """Return a module's own attribute, or one of a class of its own: `Name` or `Class.Name`."""
    home = module.__name__
    owner: Any = module
    for name in attribute.split("."):
        found = None if name.startswith("__") else getattr(owner, name, None)
        if found is None:
            known = [name for name, value in vars(module).items() if _opens(module, name, value)]
            raise SpecError(f"{target}: {module.__name__} has no {attribute!r}{nearest(attribute, known)}")
        if not callable(found) and not isinstance(found, ModuleType):
            raise SpecError(f"{target}: {attribute} is not a scheduler class or a function")
        is_module, origin = isinstance(found, ModuleType), _origin(found)
        is_own = _opens(module, name, found) if owner is module else isinstance(owner, type) and origin == home
        if is_module or not is_own:
            what = "is a module" if is_module else f"is from {origin or 'another module'}"
            message = f"{name} {what}; only what {module.__name__} itself defines, or lists in __all__, can be named"
            raise SpecError(f"{target}: {message}")
        home, owner = origin or home, found
    return owner


def _opens(module: ModuleType, name: str, value: Any) -> bool:
    """Return whether a name of a module is its own: defined or listed there, or, without a list, in a submodule."""
    listed, origin = getattr(module, "__all__", None), _origin(value) or ""
    if listed is None and origin.startswith(f"{module.__name__}."):
        return True
    return origin == module.__name__ or name in (listed or ())


def _origin(found: Any) -> str | None:
    """Return the module in which something was defined; a partial function is what it calls."""
    while isinstance(found, partial):
        found = found.func
    return getattr(found, "__module__", None)
