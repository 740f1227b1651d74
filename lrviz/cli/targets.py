"""TARGET: a scheduler's name, a YAML file, `-`, or `package.module:Name`; and its flags."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import indent
from types import NoneType
from typing import Any

from lrviz import documents
from lrviz.cli.flags import FlagSet, flag_name, repeated
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CATALOGUE, SchedulerSpec, Warmup
from lrviz.experiment.values import MAX_BYTES, Value

__all__ = ["Source", "file_source", "find", "only"]

RUN = FlagSet(Run, "run", "Run")
WARMUP = FlagSet(Warmup, "", "Run")
OPTIMIZER = FlagSet(OptimizerSpec, "optimizer", "Optimizer", {"name": "--optimizer"})


@dataclass(frozen=True)
class Source:
    """One target as it was given: its name, what files made from it are called, its own flags, and its experiment."""

    name: str
    stem: str
    help: str
    own: Sequence[inspect.Parameter]
    load: Callable[[Mapping[str, Any]], Experiment]

    def flags(self) -> list[inspect.Parameter]:
        """Return the parameters of every flag that says what to replay."""
        return [*self.own, *RUN.parameters(), *WARMUP.parameters(), *OPTIMIZER.parameters()]


def only(sources: Sequence[Source], verb: str) -> Source:
    """Return the target of a verb that takes one; raises SpecError that names the next."""
    first, *more = sources
    if more:
        message = f"unexpected argument {shown(more[0].name)}: lrviz {verb} takes one target, and has {first.name}"
        raise SpecError(message)
    return first


def find(name: str, verb: str) -> Source:
    """Return the target of a name; raises SpecError where there is none."""
    named = [spec for spec in CATALOGUE.values() if name.lower() in (spec.name, spec.__name__.lower())]
    file, _, attribute = name.rpartition(":")
    if file.endswith(".py"):
        raise SpecError(f"{shown(name)}: write the module's name, not its file: {Path(file).stem}:{attribute}")
    if named and named[0].on_command_line:
        return _scheduler_source(named[0])
    if _is_custom(name):
        return _custom_source(name)
    if name == "-" or _is_file(name):
        return file_source(name)
    if named and named[0].example:
        raise SpecError(f"{name} is put together in YAML: lrviz {verb} FILE, with\n{_document_of(named[0])}")
    raise SpecError(_unknown(name))


def _is_custom(name: str) -> bool:
    module, colon, attribute = name.partition(":")
    parts = [*module.split("."), *attribute.split(".")]
    return bool(colon) and all(part.isidentifier() for part in parts) and not _exists(name)


def _is_file(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in (".yaml", ".yml", ".json") or _exists(name) or len(path.parts) > 1


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # longer than a path can be, or with a null character
        return False


def _unknown(name: str) -> str:
    known = [spec.name for spec in CATALOGUE.values() if spec.on_command_line]
    names = [*known, *(spec.__name__ for spec in CATALOGUE.values())]
    return (
        f"unknown target {shown(name)}{nearest(name, names)}\n"
        f"       a target is a scheduler ({', '.join(known)}),\n"
        "       a YAML file, - for standard input, or package.module:Name of your own; `lrviz list` shows them all"
    )


def _document_of(spec: type[SchedulerSpec]) -> str:
    """Return a document that works for a scheduler that has no flags."""
    import yaml

    document = {"scheduler": {"name": spec.name, **spec.example}}
    return indent(yaml.safe_dump(document, sort_keys=False, default_flow_style=None).rstrip(), "       ")


def _overlaid(document: dict[str, Value], given: Mapping[str, Any]) -> dict[str, Value]:
    """Return the document with the flags for run, warmup, optimizer and title laid over it."""
    merged = document | WARMUP.values(given)
    for flags in (RUN, OPTIMIZER):
        own = merged.get(flags.section, Value({}))
        values = flags.values(given)
        if values and isinstance(own.data, (dict, NoneType)):
            merged[flags.section] = replace(own, data=(own.data or {}) | values)
    if given.get("title") is not None:
        merged["title"] = Value(given["title"], "--title")
    return merged


def _scheduler_source(spec: type[SchedulerSpec]) -> Source:
    flags = FlagSet(spec, "scheduler", spec.__name__)

    def load(given: Mapping[str, Any]) -> Experiment:
        values = flags.values(given)
        missing = [name for name in spec.required() if name not in values]
        if missing:
            raise SpecError(_missing(spec, missing))
        scheduler = Value({"name": Value(spec.name), **values})
        return documents.read(Value(_overlaid({"scheduler": scheduler}, given)))

    return Source(spec.name, spec.name, _help(spec), flags.parameters(), load)


def _help(spec: type[SchedulerSpec]) -> str:
    """Return what the help of a scheduler says: what it does, its formula, its end and its source."""
    about = spec.documentation()
    return (
        f"{about.summary} ({spec.__name__})\n\n\b\n{indent(about.formula, '  ')}\n\n"
        f"Past its end: {about.past_end}\n\nSource: {about.source}"
    )


def _missing(spec: type[SchedulerSpec], missing: Sequence[str]) -> str:
    kinds = arg_types(spec)
    needs = " and ".join(f"{flag_name(name)} ({kinds[name].help})" for name in missing)
    example = " ".join([spec.name, *(_example_flag(name, value) for name, value in spec.example.items())])
    return f"{spec.name} needs {needs}\n       for example: lrviz plot {example}"


def _example_flag(name: str, value: Any) -> str:
    flag = flag_name(name)
    if isinstance(value, bool):
        return flag if value else f"--no-{flag[2:]}"
    if isinstance(value, Mapping):
        value = ",".join(f"{key}:{entry:g}" for key, entry in value.items())
    elif isinstance(value, tuple):
        value = ",".join(f"{entry:g}" for entry in value)
    elif isinstance(value, str):
        value = f'"{value}"'
    return f"{flag} {value}"


def _custom_source(name: str) -> Source:
    module, _, attribute = name.partition(":")
    arg = repeated("arg", "Scheduler", "NAME=VALUE", "an argument of it, the value read as YAML; repeatable")

    def load(given: Mapping[str, Any]) -> Experiment:
        arguments = dict(map(_argument, given["arg"]))
        scheduler = Value({"name": Value(name), "args": Value(arguments, "--arg")})
        return documents.read(Value(_overlaid({"scheduler": scheduler}, given)), allow_import=[module])

    return Source(name, attribute.lower(), f"Replay {name}, a scheduler of your own.", [arg], load)


def _argument(text: str) -> tuple[str, Value]:
    """Return the name and the value of a NAME=VALUE; raises SpecError."""
    from lrviz.experiment.yaml_reader import parse

    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise SpecError(Problem(place="--arg", message=f"must be NAME=VALUE, not {shown(text)}"))
    return key, parse(value, f"--arg {key}") if value.strip() else Value("", "--arg")


def file_source(name: str) -> Source:
    """Return a YAML file as a target, - for standard input, whether or not there is one."""
    path = Path("stdin" if name == "-" else name)
    allow = repeated(
        "allow_import", "Scheduler", "MODULE",
        "let the file name a scheduler of this module; it runs the module's code",
    )  # fmt: skip

    def load(given: Mapping[str, Any]) -> Experiment:
        from lrviz.experiment.yaml_reader import decode, read

        root = decode(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>") if name == "-" else read(path)
        if isinstance(root.data, dict):
            root = replace(root, data=_overlaid(root.data, given))
        return documents.read(root, folder=path.parent, allow_import=given.get("allow_import", []))

    return Source(name, path.stem, f"Replay the experiment in {name}.", [allow], load)
