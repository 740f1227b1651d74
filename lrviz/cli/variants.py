"""`--with` and `--sweep`: targets beside those in line, and each of them as often as its arguments vary."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from lrviz.cli import overlay
from lrviz.cli.commands import read_flags, spelled
from lrviz.cli.flags import NO, FlagSet
from lrviz.cli.overlay import OPTIMIZER, RUN, WARMUP
from lrviz.cli.targets import Source, find
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.argtypes import ArgType, Bool
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.record import arg_types
from lrviz.experiment.scalars import scalar
from lrviz.experiment.schedulers.catalogue import find as find_scheduler
from lrviz.experiment.values import Value

MOST = 100  # schedules of one command
LONGEST = 24  # characters of a --with as a message quotes it
_INSTEAD = {"epochs": "steps", "steps": "epochs", "steps_per_epoch": "dataset_size", "dataset_size": "steps_per_epoch"}

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """One schedule that was asked for: a target, the values of its flags, and what a sweep sets for it alone."""

    source: Source
    given: Given
    called: str = ""  # what a problem of its is said to be of, where there are several
    variant: str = ""
    swept: Collection[str] = ()  # the flags that the variant sets
    title: str | None = None  # of the figure, where its document compares several

    def load(self) -> list[tuple[Target, Experiment]]:
        """Return its experiment, or each of a document that compares several, with what is asked for by it.

        Raises SpecError whose problems say which target they are of.
        """
        with _blamed(self.called, self.swept):
            overlay = self.source.compared(self.given) if self.source.compared else None
            if overlay is None:
                return [(self, self.source.load(self.given))]
        return [(self._entry(each.name, overlay.title), each) for each in overlay.experiments]

    def _entry(self, label: str, title: str | None) -> Target:
        return replace(self, source=replace(self.source, name=f"{self.source.name}: {label}"), title=title)


@dataclass(frozen=True)
class Setting:
    """How a target takes an argument: what it is called there, and its flag, and what a text makes of the flags."""

    name: str
    place: str
    lay: Callable[[Given, str], Given]


@dataclass(frozen=True)
class Sweep:
    """An argument and the values that it is to have, one after another."""

    name: str
    values: Sequence[str]


def targets_of(sources: Sequence[Source], given: Given, verb: str) -> list[Target]:
    """Return all that a command shows: its targets, those of --with, and of each the variants of --sweep.

    Raises SpecError for an argument that no target has, and for more than `MOST`.
    """
    beside = [_with(text, given, verb) for text in given.get("also", [])]
    is_one = len(sources) + len(beside) == 1
    every = [*(Target(source, given, "" if is_one else source.name) for source in sources), *beside]
    sweeps = _sweeps(given)
    settings = [_settings(target, sweeps) for target in every]
    for number, sweep in enumerate(sweeps):
        if not any(found[number] for found in settings):
            raise SpecError(_unknown(sweep, every))
    count = sum(prod(len(sweep.values) for sweep, own in zip(sweeps, each, strict=True) if own) for each in settings)
    if count > MOST:
        raise too_many(count, "--sweep" if sweeps else "")
    pairs = zip(every, settings, strict=True)
    found = [variant for target, found in pairs for variant in _variants(target, sweeps, found)]
    untitled = {"title": None} if len(found) > 1 and "title" in given else {}  # it is that of all of them
    return [replace(target, given={**target.given, **untitled}) for target in found]


def too_many(count: int, place: str = "") -> SpecError:
    """Return the error of more schedules than are shown at once."""
    return SpecError(Problem(place=place, message=f"{count:,} schedules are asked for; at most {MOST} at once"))


@contextmanager
def _blamed(called: str, swept: Collection[str] = ()) -> Iterator[None]:
    """Let the problems that are raised say whose they are; the place of an argument that is swept says no more."""
    try:
        yield
    except SpecError as error:
        raise SpecError([_of(each, called, swept) for each in error.problems], error.sections) from None


def _of(problem: Problem, called: str, swept: Collection[str]) -> Problem:
    names_itself = problem.place and not problem.place.startswith("-") and "-" not in called[:1]
    if not called or names_itself:
        return problem
    return replace(problem, place=": ".join([called, *([problem.place] if problem.place not in ("", *swept) else [])]))


def _with(text: str, given: Given, verb: str) -> Target:
    """Return the target of a --with: its flags over those of the run and the optimizer in the main line."""
    called = f"--with {shown(text, LONGEST)}"
    with _blamed(called):
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise SpecError(f"{str(error)[:1].lower()}{str(error)[1:]}") from None
        if not words or (words[0].startswith("-") and words[0] != "-"):
            raise SpecError("must begin with a target, such as 'onecycle --max-lr 3e-3'")
        source = find(words[0], verb)
        own = read_flags(source, words[1:])
    return Target(replace(source, name=text), _over(own, given), called)


def _over(own: Given, given: Given) -> Given:
    """Return a target's own flags over those of the main line's run and optimizer that they leave as they are."""
    lists = {name: [*given[name], *own.get(name, [])] for name in ("allow_import", "allow_files") if name in given}
    shared = {parameter.name for parameter in overlay.parameters()}
    fields = {name.partition("__")[2].removesuffix(NO) for name, value in own.items() if name in shared and value}
    fields |= {_INSTEAD[field] for field in fields & _INSTEAD.keys()}
    kept = {name for name in shared if name.partition("__")[2].removesuffix(NO) not in fields} - {"set", "group"}
    sets = [text for text in given["set"] if text.startswith(("run.", "optimizer."))]
    known = {_key(text) for text in own["set"]}
    merged = {**given, **{name: value for name, value in own.items() if name not in kept}, **lists}
    return merged | {
        "set": [*(text for text in sets if _key(text) not in known), *own["set"]],
        "group": own["group"] or given["group"],
    }


def _key(text: str) -> str:
    return text.partition("=")[0].strip()


def _sweeps(given: Given) -> list[Sweep]:
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


def _settings(target: Target, sweeps: Sequence[Sweep]) -> list[Setting | None]:
    """Return how a target takes each argument; raises SpecError where its file, which may say, cannot be read."""
    found = [_setting(target, sweep.name) for sweep in sweeps]
    if all(found) or target.source.document is None:
        return found
    given = target.given
    for sweep, setting in zip(sweeps, found, strict=True):
        if setting is not None:  # a trainer's config may ask for it
            with _blamed(f"--sweep {sweep.name}"):
                given = setting.lay(given, sweep.values[0])
    with _blamed(target.called):
        own = {spelled(name): name for name in _arguments(replace(target, given=given))}
    return [
        setting or _of_scheduler(own.get(spelled(sweep.name))) for sweep, setting in zip(sweeps, found, strict=True)
    ]


def _setting(target: Target, name: str) -> Setting | None:
    """Return how a target takes an argument by a flag, or by --set; None where it has no flag of the name."""
    for flags in filter(None, (target.source.scheduler, OPTIMIZER, RUN, WARMUP)):
        for entry, arg_type, parameter in flags.fields():
            flag = flags.flag(entry.name)
            if f"--{spelled(name)}" == flag or name == f"{flags.section}.{entry.name}":
                called = flag[2:] if entry.name == "name" else entry.name
                return Setting(called, flag, _by_flag(flag, arg_type, parameter))
    if "." in name or "[" in name:
        return Setting(name.partition(".")[2] or name, f"--set {name}", _by_set(name))
    return None


def _of_scheduler(field: str | None) -> Setting | None:
    return None if field is None else Setting(field, f"--set scheduler.{field}", _by_set(f"scheduler.{field}"))


def _by_flag(flag: str, arg_type: ArgType, parameter: str) -> Callable[[Given, str], Given]:
    def lay(given: Given, text: str) -> Given:
        if given.get(parameter) or given.get(f"{parameter}{NO}"):
            raise SpecError(f"contradicts {flag}")
        if not isinstance(arg_type, Bool):
            return {**given, parameter: text}
        if not isinstance(wanted := scalar(text), bool):
            raise SpecError(f"must be true or false, not {shown(text)}")
        return {**given, parameter if wanted else f"{parameter}{NO}": True}

    return lay


def _by_set(path: str) -> Callable[[Given, str], Given]:
    return lambda given, text: {**given, "set": [*given["set"], f"{path}={text}"]}


def _document(target: Target) -> dict[str, Value]:
    """Return what a target's file says of its scheduler; raises SpecError where it cannot be read."""
    root = target.source.document(target.given).data if target.source.document else None
    scheduler = root.get("scheduler", Value(None)).data if isinstance(root, dict) else None
    return scheduler if isinstance(scheduler, dict) else {}


def _arguments(target: Target) -> list[str]:
    """Return the arguments of the scheduler that a file names, if it is known."""
    name = _document(target).get("name", Value(None)).data
    spec = find_scheduler(name) if isinstance(name, str) else None
    return list(arg_types(spec)) if spec else []


def _unknown(sweep: Sweep, targets: Sequence[Target]) -> Problem:
    """Return the problem of an argument that no target has, with the nearest name."""
    named = [target.source.scheduler for target in targets if target.source.scheduler]
    flags: list[FlagSet] = [*named, OPTIMIZER, RUN, WARMUP]
    known = [entry.name for each in flags for entry, _, _ in each.fields()]
    paths = [path for target in targets for path in _paths(_document(target))]
    known += [argument for target in targets for argument in _arguments(target)]
    inner = next((path for path in paths if path.endswith(f".{sweep.name}")), None)
    is_custom = any(target.source.scheduler is None and target.source.document is None for target in targets)
    path = inner or (f"scheduler.args.{sweep.name}" if is_custom else "")
    hint = f"; write {path}" if path else nearest(sweep.name, known)
    who = f"{targets[0].source.name} has no such argument" if len(targets) == 1 else "no target has such an argument"
    return Problem(place=f"--sweep {sweep.name}", message=who + hint)


def _paths(data: Any, path: str = "scheduler") -> Iterator[str]:
    """Yield the path of every key of a scheduler and of those inside it."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield f"{path}.{key}"
            yield from _paths(value.data, f"{path}.{key}")
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _paths(value.data, f"{path}[{number}]")


def _variants(target: Target, sweeps: Sequence[Sweep], settings: Sequence[Setting | None]) -> Iterator[Target]:
    """Yield a target with each combination of the values that it can take; raises SpecError for a wrong one."""
    pairs = [(sweep, setting) for sweep, setting in zip(sweeps, settings, strict=True) if setting]
    for values in product(*(sweep.values for sweep, _ in pairs)):
        given, called, said = target.given, [target.called], []
        for (sweep, setting), value in zip(pairs, values, strict=True):
            called.append(f"--sweep {sweep.name}={value}")
            said.append(f"{setting.name} {value}")
            with _blamed(": ".join(filter(None, called))):
                given = setting.lay(given, value)
        swept = frozenset(setting.place for _, setting in pairs)
        variant = Target(target.source, given, ": ".join(filter(None, called)), ", ".join(said), swept)
        yield variant
