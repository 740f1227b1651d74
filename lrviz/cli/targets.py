"""TARGET: a scheduler's name, a YAML file, `-`, or `package.module:Name`; and its flags."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from textwrap import indent
from types import NoneType
from typing import Annotated, Any

import typer

from lrviz.cli.commands import Command
from lrviz.cli.flags import FlagSet, flag_name, option
from lrviz.documents import read as read_document
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import OptimizerSpec
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CATALOGUE, ChainedScheduler, SchedulerSpec, SequentialLR, lookup
from lrviz.experiment.values import MAX_BYTES, Value
from lrviz.experiment.warmup import Warmup

__all__ = ["Source", "Target", "Verb", "command"]

DURATIONS = "A DURATION is 500 (scheduler steps), 2ep (epochs) or 5% (of the run)."

RUN = FlagSet(Run, "run", "Run")
WARMUP = FlagSet(Warmup, "", "Run")
OPTIMIZER = FlagSet(OptimizerSpec, "optimizer", "Optimizer", {"name": "--optimizer"})


@dataclass(frozen=True)
class Target:
    """An experiment with the name that files made from it take."""

    experiment: Experiment
    stem: str


@dataclass(frozen=True)
class Source:
    """One target as it was given: its name, the flags it adds, and how it becomes an experiment."""

    name: str
    options: Sequence[inspect.Parameter]
    load: Callable[[Mapping[str, Any]], Target]
    is_file: bool = False


@dataclass(frozen=True)
class Verb:
    """A command over targets: its own flags, and the function that does it; `many` files at once, where it can."""

    options: tuple[inspect.Parameter, ...]
    run: Callable[[Sequence[Source], Mapping[str, Any]], None]
    many: bool = False


def command(verb_name: str, target: str) -> Any:
    """Return the command of a verb for a target; raises SpecError where there is no such target."""
    verb: Verb = import_module(f"lrviz.cli.{verb_name}").VERB
    spec = _scheduler(target)
    file, _, attribute = target.rpartition(":")
    if file.endswith(".py"):
        raise SpecError(f"{shown(target)}: write the module's name, not its file: {Path(file).stem}:{attribute}")
    if spec is not None:
        return _command(verb, _scheduler_source(spec), f"{spec.summary()} ({spec.__name__})")
    if _is_custom(target):
        return _command(verb, _custom_source(target), f"Replay {target}, a scheduler of your own.")
    if target == "-" or _is_file(target):
        return _command(verb, _file_source(target), f"Replay the experiment in {target}.")
    raise SpecError(_no_target(target, verb_name))


def _command(verb: Verb, source: Source, help_text: str) -> Any:
    """Return the command for one target, its signature put together from the flags it takes."""
    several = verb.many and source.is_file

    def callback(**given: Any) -> None:
        more = [_file_source(name) for name in given.get("more", [])]
        verb.run([source, *more], given)

    more = [_MORE] if several else []
    parameters = [*more, *source.options, *RUN.options(), *WARMUP.options(), *OPTIMIZER.options(), *verb.options]
    callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(source.name, cls=Command, help=help_text, epilog=DURATIONS)(callback)
    return typer.main.get_command(single)


_MORE = inspect.Parameter(
    "more",
    inspect.Parameter.KEYWORD_ONLY,
    default=[],
    annotation=Annotated[list[str], typer.Argument(metavar="[FILE]...", help="more files", show_default=False)],
)


def _scheduler(name: str) -> type[SchedulerSpec] | None:
    try:
        spec = lookup(name)
    except SpecError:
        return None
    return spec if spec.on_command_line else None


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


def _no_target(name: str, verb: str) -> str:
    for spec in (SequentialLR, ChainedScheduler):
        if name.lower() in (spec.name, spec.__name__.lower()):
            return f"{name} is put together in YAML: lrviz {verb} FILE, with\n{_document_of(spec)}"
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


def _document(given: Mapping[str, Any], root: dict[str, Value]) -> dict[str, Value]:
    """Return the document with the flags for run, warmup, optimizer and title laid over it."""
    merged = root | WARMUP.values(given)
    for flags in (RUN, OPTIMIZER):
        own = merged.get(flags.section, Value({}))
        values = flags.values(given)
        if values and isinstance(own.data, (dict, NoneType)):
            merged[flags.section] = replace(own, data=(own.data or {}) | values)
    if given.get("title") is not None:
        merged["title"] = Value(given["title"], "--title")
    return merged


def _scheduler_source(spec: type[SchedulerSpec]) -> Source:
    flags = FlagSet(spec, "scheduler", f"{spec.__name__}")

    def load(given: Mapping[str, Any]) -> Target:
        values = flags.values(given)
        missing = [name for name in spec.required() if name not in values]
        if missing:
            raise SpecError(_missing(spec, missing))
        scheduler = Value({"name": Value(spec.name), **values})
        return Target(read_document(Value(_document(given, {"scheduler": scheduler}))), spec.name)

    return Source(spec.name, flags.options(), load)


def _missing(spec: type[SchedulerSpec], missing: Sequence[str]) -> Problem:
    kinds = arg_types(spec)
    needs = " and ".join(f"{flag_name(name)} ({kinds[name].help})" for name in missing)
    return Problem(message=f"{spec.name} needs {needs}\n       for example: lrviz plot {example_flags(spec)}")


def example_flags(spec: type[SchedulerSpec]) -> str:
    """Return a working command's words for a scheduler: its name and its example as flags."""
    return " ".join([spec.name, *(_example_flag(name, value) for name, value in spec.example.items())])


def _example_flag(name: str, value: Any) -> str:
    flag = flag_name(name)
    if isinstance(value, bool):
        return flag if value else f"--no-{flag[2:]}"
    if isinstance(value, Mapping):
        return f"{flag} " + ",".join(f"{key}:{entry:g}" for key, entry in value.items())
    if isinstance(value, (list, tuple)):
        return f"{flag} " + ",".join(f"{entry:g}" for entry in value)
    return f'{flag} "{value}"' if isinstance(value, str) and not value.isidentifier() else f"{flag} {value}"


def _custom_source(name: str) -> Source:
    arg = option(
        "arg", list[str], [], "--arg", metavar="NAME=VALUE", rich_help_panel="Scheduler",
        help="an argument of it, the value read as YAML; repeatable", show_default=False,
    )  # fmt: skip

    def load(given: Mapping[str, Any]) -> Target:
        from lrviz.experiment.yaml_reader import parse

        values: dict[str, Value] = {}
        for text in given["arg"]:
            key, equals, value = text.partition("=")
            if not equals or not key.isidentifier():
                raise SpecError(Problem(place="--arg", message=f"must be NAME=VALUE, not {shown(text)}"))
            values[key] = parse(value, f"--arg {key}") if value.strip() else Value("", "--arg")
        scheduler = Value({"name": Value(name), "args": Value(values, "--arg")})
        module, _, attribute = name.partition(":")
        document = Value(_document(given, {"scheduler": scheduler}))
        return Target(read_document(document, allow_import=[module]), attribute.lower())

    return Source(name, [arg], load)


def _file_source(name: str) -> Source:
    allow = option(
        "allow_import", list[str], [], "--allow-import", metavar="MODULE", rich_help_panel="Scheduler",
        help="let the file name a scheduler of this module; it runs the module's code", show_default=False,
    )  # fmt: skip

    def load(given: Mapping[str, Any]) -> Target:
        from lrviz.experiment.yaml_reader import read

        path = Path(name)
        if name == "-":
            root, folder, stem = _standard_input(), Path(), "stdin"
        else:
            root, folder, stem = read(path), path.parent, path.stem
        if isinstance(root.data, dict):
            root = replace(root, data=_document(given, root.data))
        return Target(read_document(root, folder=folder, allow_import=given["allow_import"]), stem)

    return Source(name, [allow], load, is_file=True)


def _standard_input() -> Value:
    from lrviz.experiment.yaml_reader import decode

    return decode(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
