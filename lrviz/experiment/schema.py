"""The JSON Schema of the YAML format, made from the same kinds that read it."""

from __future__ import annotations

from typing import Any

from lrviz.experiment.argtypes import ArgType, Column, Record, arg_types, is_required
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import CheckSettings, GalleryPlace
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.schedulers import CATALOGUE, Custom, SchedulerSpec
from lrviz.experiment.warmup import Warmup

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an experiment."""
    known = [spec for spec in CATALOGUE.values() if spec is not Custom]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lrviz experiment",
        "type": "object",
        "required": ["scheduler"],
        "additionalProperties": False,
        "properties": {
            "title": {"type": "string", "description": "title of the figure"},
            "run": _section(Run),
            "optimizer": _section(OptimizerSpec),
            "scheduler": {"$ref": "#/$defs/scheduler"},
            "gallery": _section(GalleryPlace),
            "check": _section(CheckSettings),
            **_record(Warmup)["properties"],
        },
        "$defs": {
            "group": _record(Group),
            "scheduler": {
                "type": "object",
                "required": ["name"],
                "oneOf": [*({"$ref": f"#/$defs/{spec.__name__}"} for spec in known), {"$ref": "#/$defs/custom"}],
            },
            **{spec.__name__: _scheduler(spec) for spec in known},
            "custom": _custom(),
        },
    }


def _record(record: type[Record]) -> dict[str, Any]:
    required = [entry.name for entry in record.__dataclass_fields__.values() if is_required(entry)]
    properties = {name: _argument(kind) for name, kind in arg_types(record).items()}
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": required} if required else {})


def _section(record: type[Record]) -> dict[str, Any]:
    """Return the schema of a record that a document may also leave empty."""
    return _record(record) | {"type": ["object", "null"]}


def _argument(kind: ArgType) -> dict[str, Any]:
    return {"description": kind.help, **kind.schema()}


def _scheduler(spec: type[SchedulerSpec]) -> dict[str, Any]:
    schema = _record(spec)
    names = list(dict.fromkeys([spec.name, spec.__name__, spec.__name__.lower()]))
    schema["properties"] = {"name": {"enum": names}, **schema["properties"]}
    schema["required"] = ["name", *schema.get("required", [])]
    filled = {name: kind.fills for name, kind in arg_types(spec).items() if isinstance(kind, Column)}
    for column, argument in filled.items():  # the one or the other
        schema["oneOf"] = [{"required": [argument]}, {"required": [column]}]
    return {"description": spec.summary(), **schema}


def _custom() -> dict[str, Any]:
    return {
        "description": Custom.summary(),
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string", "pattern": "^[^:]+:[^:]+$"}, "args": {"type": "object"}},
    }
