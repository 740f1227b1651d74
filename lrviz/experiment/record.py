"""Records: frozen dataclasses whose fields know the type of argument they hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field
from typing import Any, ClassVar, dataclass_transform

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.argtypes import ArgType, Invalid
from lrviz.experiment.scalars import unboxed


def arg(arg_type: ArgType, *, default: Any = MISSING) -> Any:
    """Return a dataclass field for an argument of this type, which must be given where it has no default."""
    return field(default=default, metadata={"arg_type": arg_type})


def arg_types(record: type[Record] | Record) -> dict[str, ArgType]:
    """Return the type of every argument, by name, in the order they were written.

    A field without one is no argument: no document and no flag sets it.
    """
    fields = dataclasses.fields(record)
    return {entry.name: entry.metadata["arg_type"] for entry in fields if "arg_type" in entry.metadata}


def is_required(entry: Field[Any]) -> bool:
    """Return whether an argument must be given."""
    return entry.default is MISSING and entry.default_factory is MISSING


def default_words(entry: Field[Any], arg_type: ArgType) -> str:
    """Return what an argument is when it is left out, in words; empty where that says nothing."""
    if is_required(entry):
        return "required"
    if arg_type.horizon:
        return "the run's length"
    if entry.default is None or arg_type.default_text:
        return arg_type.default_text
    if isinstance(entry.default, bool):
        return ""
    parts = entry.default if isinstance(entry.default, tuple) else (entry.default,)
    return ",".join(f"{part:.6g}" if isinstance(part, float) else str(part) for part in parts)


@dataclass_transform(frozen_default=True, kw_only_default=True, eq_default=False, field_specifiers=(arg,))
class Record:
    """A frozen dataclass whose fields are made with `arg`; refuses values their type does not take.

    Its subclasses are dataclasses by that alone, without dataclass's eq and repr: to compile them for each
    of some fifty classes, beside these, would be a good part of what it takes to start.
    """

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), *self._values()))

    def __repr__(self) -> str:
        pairs = zip((entry.name for entry in dataclasses.fields(self)), self._values(), strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, entry.name) for entry in dataclasses.fields(self))

    def __post_init__(self) -> None:
        problems = list(self._normalise())
        if problems:
            raise SpecError(problems)

    def _normalise(self) -> Iterator[Problem]:
        defaults = {entry.name: entry.default for entry in dataclasses.fields(self)}
        for name, arg_type in arg_types(self).items():
            value = unboxed(getattr(self, name))
            if value is None and defaults[name] is None:
                continue
            try:
                object.__setattr__(self, name, arg_type.convert(value))
            except Invalid as error:
                yield Problem(field=name, message=str(error), cause=error.cause)


@dataclass(frozen=True, eq=False, repr=False)
class RecordOf(ArgType):
    """A record, which a document writes as a mapping."""

    record: type[Record] = Record

    def __init__(self, record: type[Record], help: str, **rest: Any) -> None:
        super().__init__(help, **rest)
        object.__setattr__(self, "record", record)

    @property
    def plural(self) -> str:  # type: ignore[override]  # made from the record's name
        return f"{self.record.__name__.lower()}s"

    def convert(self, value: Any) -> Any:
        if not isinstance(value, self.record):
            raise Invalid(f"must be a {self.record.__name__}, not {shown(value)}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"$ref": f"#/$defs/{self.record.__name__}"}
