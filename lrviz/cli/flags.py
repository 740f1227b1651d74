"""Flags made from the fields of a record, and read back into a tree of values."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import ArgType, Bool, Invalid, OneOf
from lrviz.experiment.record import Record, arg_types, is_required
from lrviz.experiment.scalars import scalar
from lrviz.experiment.values import Value

__all__ = ["FlagSet", "choice", "flag_name", "option", "read_value"]

OptionalText = str | None
NO = "__no"  # ends the parameter of a flag that switches something off


def flag_name(field: str) -> str:
    """Return a field's flag: `T_max` is `--t-max`."""
    return "--" + field.lower().replace("_", "-")


def option(name: str, annotation: Any, default: Any, *flags: str, **settings: Any) -> inspect.Parameter:
    """Return a command's parameter for one option."""
    kind = inspect.Parameter.KEYWORD_ONLY
    marked = Annotated[annotation, typer.Option(*flags, **settings)]
    return inspect.Parameter(name, kind, default=default, annotation=marked)


def choice(name: str, options: Sequence[str], default: str | None, panel: str, message: str) -> inspect.Parameter:
    """Return the parameter for a flag that takes one of a few words; `read_value` reads it."""
    words = {"metavar": "|".join(options), "rich_help_panel": panel, "show_default": False}
    return option(name, OptionalText, default, flag_name(name), help=message, **words)


@dataclass(frozen=True)
class FlagSet:
    """The flags of one record: `section` is its place in the document, `renamed` maps field to flag."""

    record: type[Record]
    section: str
    panel: str
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def flag(self, field: str) -> str:
        return self.renamed.get(field) or flag_name(field)

    def fields(self) -> Iterable[tuple[dataclasses.Field[Any], ArgType, str]]:
        """Yield each field that has a flag, with its kind and the name of its parameter."""
        kinds = arg_types(self.record)
        for entry in dataclasses.fields(self.record):
            if kinds[entry.name].flag:
                yield entry, kinds[entry.name], f"{self.section}__{entry.name}"

    def options(self) -> list[inspect.Parameter]:
        """Return the parameters for a command's signature."""
        return [made for entry, kind, name in self.fields() for made in self._options(entry, kind, name)]

    def _options(self, entry: dataclasses.Field[Any], kind: ArgType, name: str) -> Iterator[inspect.Parameter]:
        flag = self.flag(entry.name)
        shared = {"help": _help(entry, kind), "rich_help_panel": self.panel, "show_default": False}
        if isinstance(kind, Bool):  # `--help` shows the one of the two that changes something
            shared |= {"metavar": " "}
            yield option(name, bool, False, flag, hidden=entry.default is True, **shared)
            yield option(f"{name}{NO}", bool, False, f"--no-{flag[2:]}", hidden=not entry.default, **shared)
            return
        metavar = "|".join(kind.words) if isinstance(kind, OneOf) else kind.metavar
        yield option(name, OptionalText, None, flag, metavar=metavar, **shared)

    def values(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Return the flags that were given, as values that know their flag."""
        found = {}
        for entry, kind, name in self.fields():
            flag = self.flag(entry.name)
            if isinstance(kind, Bool):
                on, off = given.get(name), given.get(f"{name}{NO}")
                if on and off:
                    raise SpecError(Problem(place=flag, message=f"contradicts --no-{flag[2:]}"))
                if on or off:
                    found[entry.name] = Value(bool(on), flag)
            elif given.get(name) is not None:
                found[entry.name] = _read(kind, given[name], flag)
        return found

    def build(self, given: Mapping[str, Any]) -> Any:
        """Return the record that the flags describe; raises SpecError with every problem."""
        values = self.values(given)
        try:
            return self.record(**{name: value.plain() for name, value in values.items()})
        except SpecError as error:
            places = {name: value.place for name, value in values.items()}
            raise SpecError(
                [Problem(place=places.get(problem.field, ""), message=problem.message) for problem in error.problems]
            ) from None


def _help(entry: dataclasses.Field[Any], kind: ArgType) -> str:
    """Return the line of `--help`: what it is, what it may be, and what it is when unset."""
    bounds = "" if isinstance(kind, (OneOf, Bool)) else kind.bounds
    default = _default(entry, kind)
    lead = "switch off: " if isinstance(kind, Bool) and entry.default else ""
    parts = [lead + kind.help, bounds, default if default in ("", "required") else f"default {default}"]
    return "; ".join(part for part in parts if part)


def _default(entry: dataclasses.Field[Any], kind: ArgType) -> str:
    if is_required(entry):
        return "required"
    if kind.horizon:
        return "the run's length"
    if entry.default is None or kind.default_text:
        return kind.default_text
    if isinstance(kind, Bool):
        return ""
    return f"{entry.default:.6g}" if isinstance(entry.default, float) else _plain(entry.default)


def _plain(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(f"{part:g}" if isinstance(part, float) else str(part) for part in default)
    return str(default)


def read_value(kind: ArgType, given: str, flag: str) -> Any:
    """Return what a flag's text stands for, as its kind has it; raises SpecError with the flag's name."""
    try:
        return kind.convert(_read(kind, given, flag).plain())
    except Invalid as error:
        raise SpecError(Problem(place=flag, message=str(error))) from None


def _read(kind: ArgType, given: str, flag: str) -> Value:
    """Return a flag's text as the value that the same text is in YAML."""
    if kind.is_raw:
        return Value(given, flag)
    text = kind.split(given)
    if text.lstrip().startswith(("[", "{")):
        from lrviz.experiment.yaml_reader import parse

        try:
            return Value.of(parse(text, flag).plain(), flag)
        except SpecError as error:
            raise SpecError([Problem(place=flag, message=problem.message) for problem in error.problems]) from None
    return Value(text if kind.is_text else scalar(text), flag)
