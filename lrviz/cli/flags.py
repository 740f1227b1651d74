"""Flags made from the fields of a record, and read back into a tree of values."""

from __future__ import annotations

import dataclasses
import inspect
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import ArgType, Bool, Count, Invalid, ListOf, OneOf
from lrviz.experiment.record import Record, arg_types, default_words
from lrviz.experiment.scalars import scalar
from lrviz.experiment.values import Value, located
from lrviz.experiment.writer import in_flow

OptionalText = str | None
NO = "__no"  # ends the parameter of a flag that switches something off


def flag_name(field: str) -> str:
    """Return a field's flag: `T_max` is `--t-max`."""
    return "--" + field.lower().replace("_", "-")


def written(flag: str, value: Any) -> str:
    """Return a flag and its value as one types them in a shell."""
    if isinstance(value, bool):
        return flag if value else f"--no-{flag[2:]}"
    if isinstance(value, Mapping):
        value = ",".join(f"{key}:{in_flow(entry)}" for key, entry in value.items())
    elif isinstance(value, (list, tuple)):
        value = ",".join(map(in_flow, value))
    return f"{flag} {shlex.quote(value if isinstance(value, str) else in_flow(value))}"


def text(name: str, panel: str, metavar: str, help: str, *flags: str) -> inspect.Parameter:
    """Return a command's parameter for a flag that takes any text."""
    return _parameter(name, OptionalText, None, panel, *flags, metavar=metavar, help=help)


def switch(name: str, panel: str, help: str, *flags: str, hidden: bool = False) -> inspect.Parameter:
    """Return a command's parameter for a flag that takes no value."""
    return _parameter(name, bool, False, panel, *flags, help=help, hidden=hidden)


def repeated(
    name: str, panel: str, metavar: str, help: str, words: Callable[[], Any] | None = None, flag: str = ""
) -> inspect.Parameter:
    """Return a command's parameter for a flag that may be given several times; a shell completes it with `words`."""
    flags = [flag] if flag else []
    return _parameter(name, list[str], [], panel, *flags, metavar=metavar, help=help, autocompletion=words)


def choice(
    name: str, panel: str, options: Sequence[str], help: str, default: str | None = None, flag: str = ""
) -> inspect.Parameter:
    """Return a command's parameter for a flag that takes one of a few words; `flag` where it is not the name's."""
    arg_type = OneOf(tuple(options), f"{help}; default {default}" if default else help)
    return _checked(name, panel, arg_type, default, flag)


def count(name: str, panel: str, help: str) -> inspect.Parameter:
    """Return a command's parameter for a flag that takes a whole number above 0."""
    return _checked(name, panel, Count(help))


def _checked(name: str, panel: str, arg_type: ArgType, default: str | None = None, flag: str = "") -> inspect.Parameter:
    """Return a command's parameter for a flag whose text is read, and refused, as its type of argument has it."""
    flag = flag or flag_name(name)

    def read(given: OptionalText) -> Any:
        return given if given is None else read_value(arg_type, given, flag)

    settings: dict[str, Any] = {"metavar": _metavar(arg_type), "callback": read, "autocompletion": _words(arg_type)}
    return _parameter(name, OptionalText, default, panel, flag, help=arg_type.help, **settings)


def _parameter(name: str, annotation: Any, default: Any, panel: str, *flags: str, **settings: Any) -> inspect.Parameter:
    names = flags or (flag_name(name),)
    marked = Annotated[annotation, typer.Option(*names, rich_help_panel=panel, show_default=False, **settings)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=marked)


def with_value(parameters: Iterable[inspect.Parameter]) -> dict[str, bool]:
    """Return whether each flag among a command's parameters takes a value."""
    found: dict[str, bool] = {}
    for annotation in (parameter.annotation for parameter in parameters):
        option = annotation.__metadata__[0]
        flags = (option.default, *option.param_decls)  # typer's first is `default`
        found |= dict.fromkeys(flags, annotation.__origin__ is not bool)
    return found


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
        """Yield each field that has a flag, with its type of argument and the name of its parameter."""
        types = arg_types(self.record)
        for entry in dataclasses.fields(self.record):
            if entry.name in types and types[entry.name].flag:
                yield entry, types[entry.name], f"{self.section}__{entry.name}"

    def parameters(self) -> list[inspect.Parameter]:
        """Return the parameters for a command's signature."""
        return [made for entry, arg_type, name in self.fields() for made in self._parameters(entry, arg_type, name)]

    def _parameters(self, entry: dataclasses.Field[Any], arg_type: ArgType, name: str) -> Iterator[inspect.Parameter]:
        flag, message = self.flag(entry.name), _help(entry, arg_type)
        if isinstance(arg_type, Bool):  # `--help` shows the one of the two that changes something
            yield switch(name, self.panel, message, flag, hidden=entry.default is True)
            yield switch(f"{name}{NO}", self.panel, message, f"--no-{flag[2:]}", hidden=not entry.default)
        else:
            settings: dict[str, Any] = {"metavar": _metavar(arg_type), "autocompletion": _words(arg_type)}
            yield _parameter(name, OptionalText, None, self.panel, flag, help=message, **settings)

    def values(self, given: Mapping[str, Any]) -> dict[str, Value]:
        """Return the flags that were given, as values that know their flag."""
        found = {}
        for entry, arg_type, name in self.fields():
            flag = self.flag(entry.name)
            if isinstance(arg_type, Bool):
                on, off = given.get(name), given.get(f"{name}{NO}")
                if on and off:
                    raise SpecError(Problem(place=flag, message=f"contradicts --no-{flag[2:]}"))
                if on or off:
                    found[entry.name] = Value(bool(on), flag)
            elif given.get(name) is not None:
                found[entry.name] = _read(arg_type, given[name], flag)
        return found

    def build(self, given: Mapping[str, Any]) -> Any:
        """Return the record that the flags describe; raises SpecError with every problem."""
        values = self.values(given)
        try:
            return self.record(**{name: value.plain() for name, value in values.items()})
        except SpecError as error:
            raise SpecError(located(error.problems, Value(values))) from None


def _words(arg_type: ArgType) -> Callable[[str], list[str]] | None:
    """Return what a shell completes a flag with: the words it takes, in torch's spelling after a capital letter."""
    item = arg_type.item if isinstance(arg_type, ListOf) else arg_type
    if not isinstance(item, OneOf):
        return None

    def words(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",") if isinstance(arg_type, ListOf) else ("", "", incomplete)
        options = item.options if last[:1].isupper() else item.words
        return [f"{before}{comma}{word}" for word in options if word not in before.split(",")]

    return words


def _metavar(arg_type: ArgType) -> str:
    return "|".join(arg_type.words) if isinstance(arg_type, OneOf) else arg_type.metavar


def _help(entry: dataclasses.Field[Any], arg_type: ArgType) -> str:
    """Return the line of `--help`: what it is, what it may be, and what it is when unset."""
    bounds = "" if isinstance(arg_type, (OneOf, Bool)) else arg_type.bounds
    default = default_words(entry, arg_type)
    lead = "switch off: " if isinstance(arg_type, Bool) and entry.default else ""
    parts = [lead + arg_type.help, bounds, default if default in ("", "required") else f"default {default}"]
    return "; ".join(part for part in parts if part)


def read_value(arg_type: ArgType, given: str, flag: str) -> Any:
    """Return what a flag's text stands for, as its type of argument has it; raises SpecError with the flag's name."""
    try:
        return arg_type.convert(_read(arg_type, given, flag).plain())
    except Invalid as error:
        raise SpecError(Problem(place=flag, message=str(error))) from None


def _read(arg_type: ArgType, given: str, flag: str) -> Value:
    """Return a flag's text as the value that the same text is in YAML."""
    if arg_type.is_raw:
        return Value(given, flag)
    text = arg_type.split(given)
    if text.lstrip().startswith(("[", "{")):
        return in_yaml(text, flag)
    return Value(text if arg_type.is_text else scalar(text), flag)


def in_yaml(text: str, place: str) -> Value:
    """Return a text as the YAML that it is; raises SpecError with `place` for what is none."""
    from lrviz.experiment.yaml_reader import parse

    if not text.strip():
        return Value("", place)
    try:
        tree = parse(text, place)
        if tree.problems:
            raise SpecError(tree.problems)
        return Value.of(tree.plain(), place)
    except SpecError as error:
        raise SpecError([Problem(place=place, message=problem.message) for problem in error.problems]) from None
