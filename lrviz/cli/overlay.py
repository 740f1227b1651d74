"""Flags laid over a document: those of the run, the warmup and the optimizer, `--group`, and any key by `--set`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any

from lrviz.cli.flags import FlagSet, flag_name, in_yaml, repeated, written
from lrviz.errors import IDLE, UNKNOWN_KEY, Problem, SpecError, nearest, shown
from lrviz.experiment.clock import Run
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.record import arg_types
from lrviz.experiment.scalars import scalar
from lrviz.experiment.schedulers.composite import Warmup
from lrviz.experiment.values import Value

if TYPE_CHECKING:
    from lrviz.rules.changes import Change

RUN = FlagSet(Run, "run", "Run")
WARMUP = FlagSet(Warmup, "", "Run")
OPTIMIZER = FlagSet(OptimizerSpec, "optimizer", "Optimizer", {"name": "--optimizer"})

ANSWERS = {"metric": "metric", "metric_csv": "metric", "nc": "nc", "iterations": "iterations"}
"""What `--set scheduler.…` says of a config that leaves it open, and which question that answers."""

_PATH = re.compile(r"[^.\[\]\s]+(?:\.[^.\[\]\s]+|\[[0-9]+\])*")
_NO_STEPS = re.compile(r"0+(?:\.0*)? *(?:ep|%)?")


@cache
def parameters() -> Sequence[inspect.Parameter]:
    """Return the parameters of the flags that can be laid over any document."""
    return [
        *RUN.parameters(),
        *WARMUP.parameters(),
        *OPTIMIZER.parameters(),
        repeated("group", "Optimizer", "NAME=LR", "a parameter group and its learning rate; repeatable"),
        repeated(
            "set", "Document", "KEY=VALUE",
            "any key of a document, such as scheduler.eta_min=0 or scheduler.schedulers[1].T_max=10; the value is "
            "read as YAML; repeatable",
        ),
    ]  # fmt: skip


def said(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the run and the optimizer that flags give, and what readers need of the scheduler's."""
    found = {name: value.plain() for flags in (RUN, OPTIMIZER) for name, value in flags.values(given).items()}
    pairs = (text.partition("=") for text in given["set"])
    settings = {key.strip(): scalar(value) for key, _, value in pairs}
    found |= {name: settings[path] for key, name in ANSWERS.items() if (path := f"scheduler.{key}") in settings}
    line = {"line": given["line"]} if given.get("line") is not None else {}
    return found | line | ({"set": settings} if settings else {})


def without_idle(given: Mapping[str, Any], problems: Iterable[Problem]) -> dict[str, Any]:
    """Return the flags without those that change nothing of a target, as problems of reading it say."""
    idle = {each.place for each in problems if _is_idle(each)}
    left = {name: value for name, value in given.items() if flag_name(name.partition("__")[2]) not in idle}
    return left | {"set": [text for text in given["set"] if f"--set {text.partition('=')[0].strip()}" not in idle]}


def _is_idle(problem: Problem) -> bool:
    """Return whether a problem is that a flag answers what a target does not ask."""
    path = problem.place.removeprefix("--set scheduler.")
    return problem.cause == IDLE or (path in ANSWERS and path != problem.place and problem.cause == UNKNOWN_KEY)


def overlaid(document: Mapping[str, Value], given: Mapping[str, Any]) -> dict[str, Value]:
    """Return the document with the flags laid over it; raises SpecError for one that changes nothing."""
    merged = {**document, **WARMUP.values(given)}
    if _NO_STEPS.fullmatch(str(merged.get("warmup", Value(None)).data)) and given.get("__warmup") is not None:
        del merged["warmup"]
        merged = {
            key: value for key, value in merged.items() if not key.startswith("warmup_") or value.place.startswith("-")
        }
    for flags in (RUN, OPTIMIZER):
        own = merged.get(flags.section, Value({}))
        values = flags.values(given)
        if values and isinstance(own.data, (dict, NoneType)):
            merged[flags.section] = replace(own, data=(own.data or {}) | values)
    if given.get("title") is not None:
        merged["title"] = Value(given["title"], "--title")
    root = Value(merged)
    for text in given["group"]:
        root = _grouped(root, text, document)
    if given.get("resume_at") is not None:
        root = _settled(root)
    for text in given["set"]:
        root = _changed(root, text)
    assert isinstance(root.data, dict)
    _refuse_idle(root.data.get("optimizer", Value(None)))
    return root.data


def _settled(value: Value) -> Value:
    """Return a tree in which no value is a flag's: what is changed at a checkpoint contradicts none."""
    data = value.data
    if isinstance(data, dict):
        data = {key: _settled(entry) for key, entry in data.items()}
    elif isinstance(data, list):
        data = [_settled(entry) for entry in data]
    return replace(value, data=data, place="" if value.place.startswith("-") else value.place)


def _entries(value: Value | None) -> dict[str, Value]:
    return value.data if value is not None and isinstance(value.data, dict) else {}


def _groups(optimizer: Value | None) -> list[dict[str, Value]]:
    """Return the entries of each parameter group that a document names."""
    groups = _entries(optimizer).get("groups", Value(None)).data
    return [_entries(group) for group in groups] if isinstance(groups, list) else []


def _grouped(root: Value, text: str, document: Mapping[str, Value]) -> Value:
    """Return the tree with a `--group`: another group, or the rate of one that the document names."""
    name, _, rate = text.rpartition("=")
    if not name.strip() or not rate.strip():
        raise SpecError(Problem(place="--group", message=f"must be NAME=LR, such as head=1e-3, not {shown(text)}"))
    lr = Value(scalar(rate), f"--group {name}")
    optimizer = _entries(root).get("optimizer", Value({}))
    names = [str(group.get("name", Value("")).data) for group in _groups(optimizer)]
    if name in names:
        return _put(root, ["optimizer", "groups", names.index(name), "lr"], lr, "")
    known = names[: len(_groups(document.get("optimizer")))]
    if known:
        hint = nearest(name, known) or f"; the groups are {', '.join(known)}"
        raise SpecError(Problem(place=lr.place, message=f"the document has no such group{hint}"))
    groups = _entries(optimizer).get("groups", Value(None)).data
    added = Value({"name": Value(name, lr.place), "lr": lr}, lr.place)
    all_of_them = Value([*(groups if isinstance(groups, list) else []), added])
    return _put(root, ["optimizer"], replace(optimizer, data=_entries(optimizer) | {"groups": all_of_them}), "")


def _changed(root: Value, text: str) -> Value:
    """Return the tree with a `--set`."""
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not _PATH.fullmatch(path):
        message = f"must be KEY=VALUE, such as scheduler.eta_min=0, not {shown(text)}"
        raise SpecError(Problem(place="--set", message=message))
    place = f"--set {path}"
    parts = [int(part[1:-1]) if part.startswith("[") else part for part in re.findall(r"\[[0-9]+\]|[^.\[\]]+", path)]
    return _put(root, parts, in_yaml(value, place), "")


def _put(value: Value, parts: Sequence[str | int], new: Value, path: str) -> Value:
    """Return a tree with a new value put in at a path; `path` says where in the document the tree stands."""
    if not parts:
        return new
    part, *rest = parts
    data = value.data
    if isinstance(part, int):
        if not isinstance(data, list) or part >= len(data):
            message = f"{path} is not a list" if not isinstance(data, list) else f"{path} has {len(data)}, from [0] on"
            raise SpecError(Problem(place=new.place, message=message))
        changed = _put(data[part], rest, new, f"{path}[{part}]")
        return replace(value, data=[*data[:part], changed, *data[part + 1 :]])
    if isinstance(data, list):
        raise SpecError(Problem(place=new.place, message=f"{path} is a list; write {path}[0].{part}"))
    if not isinstance(data, (dict, NoneType)):
        raise SpecError(Problem(place=new.place, message=f"{path} is {shown(data)}, which has no {part}"))
    old = (data or {}).get(part)
    if old is not None and not rest and old.place.startswith("-"):
        message = "is given twice" if old.place == new.place else f"contradicts {old.place}"
        raise SpecError(Problem(place=new.place, message=message))
    inner = _put(old or Value(None, new.place), rest, new, f"{path}.{part}".lstrip("."))
    return replace(value, data=(data or {}) | {part: inner})


def _refuse_idle(optimizer: Value) -> None:
    """Raise SpecError for a flag of the optimizer where every parameter group has a value of its own."""
    groups = _groups(optimizer)
    problems = []
    for name in arg_types(Group):
        value = _entries(optimizer).get(name, Value(None))
        own = [group for group in groups if not isinstance(group.get(name, Value(None)).data, (str, NoneType))]
        if groups and len(own) == len(groups) and value.place.startswith("-"):
            one = groups[0].get("name", Value("head")).data
            by_flag = f"--group {one}=1e-3 or " if name == "lr" else ""
            message = f"changes nothing: every parameter group has {'an' if name == 'lr' else 'a'} {name} of its own"
            way = f"{message}; {by_flag}--set optimizer.groups[0].{name}=… sets one"
            problems.append(Problem(place=value.place, message=way, cause=IDLE))
    if problems:
        raise SpecError(problems)


def in_flags(text: str, scheduler: FlagSet) -> str:
    """Return a message for somebody who typed flags: an argument of theirs is called by its flag.

    What a message quotes is left as it was typed, and names that it lists as they are to be typed.
    """
    flags = _flags(scheduler)
    names = {field.rpartition(".")[2]: flag for field, flag in flags.items()}
    odd = [name for name in names if "_" in name or name != name.lower()]  # no words of plain English
    known, unmistakable = "|".join(names), "|".join(odd)
    quoted = r"(?<!\w)(?:'[^'\n]*'|\"[^\"\n]*\")(?!\w)|known are (?:[\w-]+, )*[\w-]+"
    named = rf"`({known})`|(?<=such as )({known}): |(?<= or )({known}): "
    pattern = rf"{quoted}|{named}|(?<![\w.-])({unmistakable})\b(?: = (?=[-.\d])|: false\b)?"

    def flag(found: re.Match[str]) -> str:
        name = next(filter(None, found.groups()), None)
        if name is None:
            return found[0]
        if found[0].endswith(": false"):
            return f"--no-{names[name][2:]}"
        return names[name] + " " * found[0].endswith(" ")

    return re.sub(pattern, flag, text)


def as_flags(changes: Iterable[Change], scheduler: FlagSet) -> str:
    """Return the flags that make changes of what other flags say; nothing where one has no flag."""
    flags = _flags(scheduler)
    changes = list(changes)
    if any(each.remove or each.field not in flags for each in changes):
        return ""
    return " ".join(written(flags[each.field], each.value) for each in changes)


def located(problems: Sequence[Problem], scheduler: FlagSet | None) -> list[Problem]:
    """Return problems with the flag's name for what stands in no file; `scheduler` has its flags, where it has any."""
    flags = _flags(scheduler)
    found = [each.at(flags[each.field]) if not each.place and each.field in flags else each for each in problems]
    return [replace(each, message=in_flags(each.message, scheduler)) for each in found] if scheduler else found


def _flags(scheduler: FlagSet | None) -> dict[str, str]:
    """Return the flag of each field of an experiment, by its path."""
    sets = [each for each in (WARMUP, OPTIMIZER, RUN, scheduler) if each]
    return {
        f"{each.section}.{entry.name}".lstrip("."): each.flag(entry.name)
        for each in sets
        for entry, _, _ in each.fields()
    }
