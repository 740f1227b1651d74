"""A copy of a live scheduler over a shadow of its optimizer: nothing that it does reaches the user's own objects.

The copy is made by pickling in memory, which asks for every object on the way: the optimizer becomes its shadow,
parameters become tiny ones, and classes, modules and code stay what they are. `copy.deepcopy` would copy the
optimizer with all its parameters and states, and share every function with all that it closes over.
"""

from __future__ import annotations

import dis
import io
import itertools
import pickle
import random
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from weakref import ref

from lrviz.errors import LrvizError, SpecError, counted

LARGEST = 64 * 1024 * 1024  # bytes of a scheduler, without parameters
LARGEST_TENSOR = 1_000_000  # numbers
SMALL = 1024 * 1024  # bytes of an object that a function closes over, and has a copy of
PLAIN = (type(None), bool, int, float, str, bytes, random.Random)
CONTAINERS = (list, tuple, set, dict, deque, defaultdict, OrderedDict, Counter)
COUNTERS = frozenset(("_global_step", "_step_count"))  # what libraries count an optimizer's steps in, on the optimizer


class Shadow(NamedTuple):
    """A scheduler and its optimizer, as copies that nobody else has."""

    scheduler: Any
    optimizer: Any


class _TooLarge(Exception):
    """Raised where a copy would take more memory than a scheduler's own state ever does."""


class _Shared(NamedTuple):
    """What a copy is to have in common with its original."""

    value: Any


def shadow_of(scheduler: Any, optimizer: Any, torch: Any) -> Shadow:
    """Return a copy of a scheduler over a shadow of its optimizer; `optimizer` is found where it is None.

    The shadow is of the same class, and has the same parameter groups with all their values, a tiny parameter for
    each of theirs, no state, and a `step` that trains nothing and calls no hook. Functions are copied with what
    they close over, and methods with their object; a module, and what is large or cannot be copied, such as a
    trainer with its data, they share with their originals.
    Raises SpecError for what cannot be copied, with its attribute, and where no optimizer is found.
    """
    copier = _Copier(torch)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what can be pickled and soon cannot, such as itertools.count
            if optimizer is None:
                optimizer = _optimizer_of(scheduler, copier)
            own, made = copier.shadowed(optimizer), copier.copied(scheduler)
            owners = [own, getattr(made, "optimizer", own)]  # mmengine's wrapper of an optimizer counts its steps, too
            vars(own)["step"] = _idle(optimizer.step, owners)
            return Shadow(made, own)
    except LrvizError:
        raise
    except Exception as error:  # whatever an object raises where it is to be pickled
        raise SpecError(_refusal(scheduler, copier, error)) from error


def _optimizer_of(scheduler: Any, copier: _Copier) -> Any:
    """Return the optimizer whose learning rates a scheduler sets."""
    own = getattr(scheduler, "optimizer", None)
    if isinstance(own, copier.torch.optim.Optimizer):
        return own
    copier.copied(scheduler)
    found = copier.optimizers
    if len(found) != 1:
        what = f"{len(found)} optimizers" if found else "no optimizer"
        raise SpecError(f"{type(scheduler).__name__} holds {what}: say which one it is for, optimizer=...")
    return found[0]


def _refusal(scheduler: Any, copier: _Copier, error: Exception) -> str:
    """Return what of a scheduler cannot be copied, and why."""
    what, why = type(scheduler).__name__, str(error)
    for attribute, value in getattr(scheduler, "__dict__", {}).items():
        try:
            copier.copied(value)
        except Exception as own:  # noqa: BLE001  as above
            what, why = f"{what}.{attribute}, of type {type(value).__name__},", str(own)
            break
    return f"a preview works on a copy, and {what} cannot be copied: {why}"


class _Sink(io.BytesIO):
    """A file in memory, of limited size."""

    def __init__(self, limit: int = LARGEST) -> None:
        super().__init__()
        self.limit = limit

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > self.limit:
            raise _TooLarge(f"it holds more than {self.limit // 1024**2} MB beside the optimizer's parameters")
        return super().write(data)


class _Pickler(pickle.Pickler):
    """Pickles what is to be copied, and puts the rest, or what stands for it, into a table."""

    def __init__(self, sink: _Sink, copier: _Copier) -> None:
        super().__init__(sink, protocol=5)
        self.copier = copier
        self.table: list[Any] = []

    def persistent_id(self, obj: Any) -> int | None:
        found = self.copier.stand_in(obj)
        if found is None:
            return None
        self.table.append(found.value)
        return len(self.table) - 1

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, FunctionType):
            own = (obj.__defaults__, obj.__closure__)
            named = {"__qualname__": obj.__qualname__, "__kwdefaults__": obj.__kwdefaults__, "__dict__": vars(obj)}
            return FunctionType, (obj.__code__, _Shared(obj.__globals__), obj.__name__, *own), (None, named)
        if isinstance(obj, ref):
            return ref, (obj(),)
        if isinstance(obj, CellType):
            try:
                content = obj.cell_contents
            except ValueError:  # empty
                return CellType, ()
            follows = self.copier.follows(content)
            return CellType, (), content if follows else _Shared(content), None, None, _fill
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, sink: _Sink, table: list[Any]) -> None:
        super().__init__(io.BytesIO(sink.getbuffer()))
        self.table = table

    def persistent_load(self, pid: Any) -> Any:
        return self.table[pid]


def _fill(cell: CellType, content: Any) -> None:
    cell.cell_contents = content


class _Copier:
    """Copies objects; an optimizer, its parameter groups and its tensors have the same copy ever after."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.optimizers: list[Any] = []  # that were met
        self.known: dict[int, Any] = {}  # copies by the id of their original
        self.kept: list[Any] = []  # originals, whose ids are in use
        self.tried: set[int] = set()  # the ids of what follows into a copy

    def copied(self, value: Any) -> Any:
        sink = _Sink()
        pickler = _Pickler(sink, self)
        pickler.dump(value)
        return _Unpickler(sink, pickler.table).load()

    def stand_in(self, value: Any) -> _Shared | None:
        """Return what an object is in a copy: itself to share it, or what stands for it; None to copy its parts."""
        if id(value) in self.known:
            return _Shared(self.known[id(value)])
        match value:
            case _Shared():
                return value
            case type() | ModuleType() | CodeType():
                return _Shared(value)
            case FunctionType():
                _refuse_globals(value)
                own = value.__closure__ or value.__defaults__ or value.__kwdefaults__ or vars(value)
                return None if own else _Shared(value)
            case BuiltinFunctionType():
                return None if not isinstance(value.__self__, ModuleType | None) else _Shared(value)
            case MethodType():
                return None if self.follows(value.__self__) else _Shared(value)
            case ref():
                return None if hasattr(value(), "step") else _Shared(value)
        return self.torch_stand_in(value)

    def torch_stand_in(self, value: Any) -> _Shared | None:
        torch = self.torch
        match value:
            case torch.optim.Optimizer():
                return _Shared(self.shadowed(value))
            case torch.Generator():
                return _Shared(self.remember(value, torch.Generator(value.device).set_state(value.get_state())))
            case torch.Tensor():
                return _Shared(self.tensor(value))
        is_state = type(value).__name__ == "GradientState" and type(value).__module__.startswith("accelerate.")
        return _Shared(SimpleNamespace(sync_gradients=True, adjust_scheduler=False)) if is_state else None

    def follows(self, content: Any) -> bool:
        """Return whether a function's copy is to have a copy of what it closes over, and a method one of its object.

        An iterator, an optimizer and a scheduler must be copied, for a step moves them on; anything else where it
        is small enough. A module is shared: it may hold a trainer, and that all of the training.
        """
        optim = self.torch.optim
        own = (optim.Optimizer, optim.lr_scheduler.LRScheduler, optim.lr_scheduler.ReduceLROnPlateau)
        if isinstance(content, (*PLAIN, Iterator, ref, *own)) or id(content) in self.tried:
            return True
        if isinstance(content, self.torch.nn.Module):
            return False
        self.tried.add(id(content))
        try:
            _Pickler(_Sink(SMALL), self).dump(content)
        except LrvizError:
            raise
        except Exception:  # noqa: BLE001  whatever an object raises where it is to be pickled
            self.tried.discard(id(content))
            return False
        self.kept.append(content)
        return True

    def remember(self, value: Any, copy: Any) -> Any:
        self.kept.append(value)
        self.known[id(value)] = copy
        return copy

    def tensor(self, value: Any) -> Any:
        """Return a tiny parameter for a parameter, and a copy of any other tensor."""
        if isinstance(value, self.torch.nn.Parameter):
            return self.parameter(value)
        if value.numel() > LARGEST_TENSOR:
            raise _TooLarge(f"it holds a tensor of {counted(value.numel(), 'number')} that is no parameter")
        return self.remember(value, value.detach().clone())

    def parameter(self, value: Any) -> Any:
        zero = self.torch.zeros((1,) * value.dim(), device="cpu")
        return self.remember(value, self.torch.nn.Parameter(zero, requires_grad=value.requires_grad))

    def grouped(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return a parameter group with tiny parameters; what cannot be copied in it, such as a lock, is shared."""
        try:
            copy: dict[str, Any] = self.copied({**group})
        except LrvizError:
            raise
        except Exception:  # noqa: BLE001  as above
            return {name: self.copied(value) if self.follows(value) else value for name, value in group.items()}
        return copy

    def shadowed(self, optimizer: Any) -> Any:
        """Return the shadow of an optimizer; that of one that wraps another, as accelerate's does, is the other's."""
        if id(optimizer) in self.known:
            return self.known[id(optimizer)]
        inner = vars(optimizer).get("optimizer")
        if isinstance(inner, self.torch.optim.Optimizer):
            return self.remember(optimizer, self.shadowed(inner))
        self.optimizers.append(optimizer)
        shadow = self.remember(optimizer, object.__new__(type(optimizer)))
        groups: list[Any] = self.remember(optimizer.param_groups, [])
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                self.parameter(parameter)
            groups.append(self.remember(group, self.grouped(group)))
        own = self.copied({name: value for name, value in vars(optimizer).items() if _is_data(value)})
        own |= {"state": defaultdict(dict), "param_groups": groups, "defaults": self.copied(optimizer.defaults)}
        vars(shadow).update(own, step_was_skipped=False, step=_idle(optimizer.step, [shadow]))
        return shadow


def _idle(step: Callable[..., Any], owners: Sequence[Any]) -> Callable[..., None]:
    """Return a shadow's `step`, which tells a scheduler that it was called and does nothing else."""
    owned = {id(owner): vars(owner) for owner in owners}.values()

    def idle(closure: Any = None) -> None:
        for own in owned:
            own["_opt_called"] = True
            for name in COUNTERS & own.keys():
                own[name] += 1

    marks = {name: value for name, value in getattr(step, "__dict__", {}).items() if _is_data(value)}
    vars(idle).update(marks)
    return idle


def _is_data(value: Any) -> bool:
    """Return whether a value is made of numbers and texts only."""
    if type(value) in CONTAINERS:
        entries = itertools.chain(value, value.values()) if isinstance(value, dict) else value
        return all(map(_is_data, entries))
    return isinstance(value, PLAIN)


def _refuse_globals(function: FunctionType) -> None:
    """Raise SpecError for a function that assigns a global variable, which is not the function's own to copy."""
    name = next(_assigned(function.__code__), None)
    if name is not None:
        where = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
        message = f"{function.__qualname__} assigns the global variable {name} ({where}), and a preview would, too"
        raise SpecError(f"a preview changes nothing: {message}; let it close over a variable, or be a class")


def _assigned(code: CodeType) -> Iterator[str]:
    """Yield the global variables that a function's code assigns, that of functions inside it included."""
    yield from (each.argval for each in dis.get_instructions(code) if each.opname == "STORE_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _assigned(constant)
