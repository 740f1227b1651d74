"""`--sweep NAME=A,B,…`: an argument of a target, and the values that it is to have, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrviz.cli.commands import spelled
from lrviz.cli.flags import NO, FlagSet
from lrviz.cli.overlay import OPTIMIZER, RUN, WARMUP
from lrviz.cli.targets import Source
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.argtypes import ArgType, Bool
from lrviz.experiment.record import arg_types
from lrviz.experiment.scalars import scalar
from lrviz.experiment.schedulers.catalogue import find as find_scheduler
from lrviz.experiment.values import Value

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """An argument and the values that it is to have."""

    name: str
    values: Sequence[str]


@dataclass(frozen=True)
class Setting:
    """How a target takes an argument: its name, its flag, whether flags say it, and what a text makes of them."""

    name: str
    place: str
    is_said: Callable[[Given], bool]
    lay: Callable[[Given, str], Given]


def sweeps_of(given: Given) -> list[Sweep]:
    """Return the sweeps that are asked for; raises SpecError for what is none."""
    found: dict[str, Sweep] = {}
    for text in given.get("sweep", []):
        name, equals, values = text.partition("=")
        name = name.strip().lstrip("-")
        if not equals or not name or not values.strip():
            message = f"must be NAME=VALUE,VALUE,…, such as max_lr=1e-3,3e-3, not {shown(text)}"
            raise SpecError(Problem(place="--sweep", message=message))
        if spelled(name) in found:
            raise SpecError(Problem(place=f"--sweep {name}", message="is given twice; write all values in one"))
        sweep = Sweep(name, _items(values))
        twice = next((value for value in sweep.values if sweep.values.count(value) > 1), None)
        if twice is not None or "" in sweep.values:
            message = f"has the value {twice} twice" if twice else "has a comma with no value beside it"
            raise SpecError(Problem(place=f"--sweep {name}", message=message))
        found[spelled(name)] = sweep
    return list(found.values())


def _items(text: str) -> list[str]:
    """Return the parts of a text between its commas, but for those in brackets and quotes."""
    items, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0 and not quote:
            items.append("")
        else:
            items[-1] += letter
    return [item.strip() for item in items]


def settings_of(source: Source, given: Given, sweeps: Sequence[Sweep]) -> list[Setting | None]:
    """Return how a target takes each argument, None where it has none of the name.

    Raises SpecError where its file, which may say which scheduler it is, cannot be read.
    """
    found = [_by_name(source, sweep.name) for sweep in sweeps]
    if all(found) or source.document is None:
        return found
    for sweep, setting in zip(sweeps, found, strict=True):
        if setting is not None and not setting.is_said(given):  # a trainer's config may ask for it
            given = setting.lay(given, sweep.values[0])
    own = {spelled(name): name for name in _arguments(source, given)}
    pairs = zip(sweeps, found, strict=True)
    return [setting or _of_scheduler(own.get(spelled(sweep.name))) for sweep, setting in pairs]


def unknown(sweep: Sweep, sources: Sequence[Source], given: Given) -> Problem:
    """Return the problem of an argument that no target has, with the nearest name."""
    named = [source.scheduler for source in sources if source.scheduler]
    flags: list[FlagSet] = [*named, OPTIMIZER, RUN, WARMUP]
    known = [entry.name for each in flags for entry, _, _ in each.fields()]
    known += [argument for source in sources for argument in _arguments(source, given)]
    paths = [path for source in sources for path in _paths(_scheduler(source, given))]
    inner = next((path for path in paths if path.endswith(f".{sweep.name}")), None)
    is_custom = any(source.scheduler is None and source.document is None for source in sources)
    path = inner or (f"scheduler.args.{sweep.name}" if is_custom else "")
    hint = f"; write {path}" if path else nearest(sweep.name, known)
    who = f"{sources[0].name} has no such argument" if len(sources) == 1 else "no target has such an argument"
    return Problem(place=f"--sweep {sweep.name}", message=who + hint)


def _by_name(source: Source, name: str) -> Setting | None:
    """Return how a target takes an argument by a flag, or by --set; None where it has no flag of the name."""
    for flags in filter(None, (source.scheduler, OPTIMIZER, RUN, WARMUP)):
        for entry, arg_type, parameter in flags.fields():
            flag = flags.flag(entry.name)
            if f"--{spelled(name)}" == flag or name == f"{flags.section}.{entry.name}":
                called = flag[2:] if entry.name == "name" else entry.name
                return _by_flag(called, flag, arg_type, parameter)
    return _by_path(name, name.partition(".")[2] or name) if "." in name or "[" in name else None


def _of_scheduler(field: str | None) -> Setting | None:
    return None if field is None else _by_path(f"scheduler.{field}", field)


def _by_flag(name: str, flag: str, arg_type: ArgType, parameter: str) -> Setting:
    def is_said(given: Given) -> bool:
        return bool(given.get(parameter) or given.get(f"{parameter}{NO}"))

    def lay(given: Given, text: str) -> Given:
        if is_said(given):
            raise SpecError(f"contradicts {flag}")
        if not isinstance(arg_type, Bool):
            return {**given, parameter: text}
        if not isinstance(wanted := scalar(text), bool):
            raise SpecError(f"must be true or false, not {shown(text)}")
        return {**given, parameter if wanted else f"{parameter}{NO}": True}

    return Setting(name, flag, is_said, lay)


def _by_path(path: str, name: str) -> Setting:
    def is_said(given: Given) -> bool:
        return any(text.partition("=")[0].strip() == path for text in given["set"])

    def lay(given: Given, text: str) -> Given:
        return {**given, "set": [*given["set"], f"{path}={text}"]}

    return Setting(name, f"--set {path}", is_said, lay)


def _scheduler(source: Source, given: Given) -> dict[str, Value]:
    """Return what a target's file says of its scheduler; raises SpecError where it cannot be read."""
    root = source.document(given).data if source.document else None
    scheduler = root.get("scheduler", Value(None)).data if isinstance(root, dict) else None
    return scheduler if isinstance(scheduler, dict) else {}


def _arguments(source: Source, given: Given) -> list[str]:
    """Return the arguments of the scheduler that a file names, if it is known."""
    name = _scheduler(source, given).get("name", Value(None)).data
    spec = find_scheduler(name) if isinstance(name, str) else None
    return list(arg_types(spec)) if spec else []


def _paths(data: Any, path: str = "scheduler") -> Iterator[str]:
    """Yield the path of every key of a scheduler and of those inside it."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield f"{path}.{key}"
            yield from _paths(value.data, f"{path}.{key}")
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _paths(value.data, f"{path}[{number}]")
