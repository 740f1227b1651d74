"""The JSON Schema of the YAML format, made from the same argument types that read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.experiment.argtypes import LONGEST_TEXT, ArgType, CsvColumn
from lrviz.experiment.clock import Run
from lrviz.experiment.experiment import MOST_OVERLAID
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.record import Record, arg_types, is_required
from lrviz.experiment.schedulers import Custom, SchedulerSpec, Warmup, catalogue


def json_schema(sections: Mapping[str, type[Record]]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an experiment; `sections` are what else it may hold."""
    known = [spec for spec in catalogue().values() if spec is not Custom]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lrviz experiment",
        "type": "object",
        "anyOf": [{"required": ["scheduler"]}, {"required": ["overlay"]}],
        "additionalProperties": False,
        "patternProperties": {"^x-": {"description": "anything, such as what anchors stand for"}},
        "properties": {
            "title": {"type": "string", "maxLength": LONGEST_TEXT, "description": "title of the figure"},
            "run": _section(Run),
            "optimizer": _section(OptimizerSpec),
            "scheduler": {"$ref": "#/$defs/scheduler"},
            "overlay": _overlay(),
            **{key: _section(record) for key, record in sections.items()},
            **_record(Warmup)["properties"],
        },
        "$defs": {
            "Group": _record(Group),
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
    properties = {name: _argument(arg_type) for name, arg_type in arg_types(record).items()}
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": required} if required else {})


def _overlay() -> dict[str, Any]:
    """Return the schema of the experiments that a document compares, each laid over the rest of it."""
    laid = {
        "run": _section(Run),
        "optimizer": _section(OptimizerSpec),
        "scheduler": {
            "description": "a scheduler, or arguments for that of the document",
            "anyOf": [{"$ref": "#/$defs/scheduler"}, {"type": "object", "not": {"required": ["name"]}}],
        },
        **_record(Warmup)["properties"],
    }
    label = {"label": {"type": "string", "maxLength": LONGEST_TEXT, "description": "what the figure calls it"}}
    file = {"file": {"type": "string", "description": "a document of a single experiment, in this one's folder"}}
    entries = [
        {"type": "object", "additionalProperties": False, "properties": label | laid},
        {"type": "object", "additionalProperties": False, "properties": label | file, "required": ["file"]},
    ]
    return {
        "description": "experiments to draw in one figure, each laid over the rest of the document",
        "type": "array", "minItems": 2, "maxItems": MOST_OVERLAID, "items": {"anyOf": entries},
    }  # fmt: skip


def _section(record: type[Record]) -> dict[str, Any]:
    """Return the schema of a record that a document may also leave empty."""
    return _record(record) | {"type": ["object", "null"]}


def _argument(arg_type: ArgType) -> dict[str, Any]:
    return {"description": arg_type.help, **arg_type.schema()}


def _scheduler(spec: type[SchedulerSpec]) -> dict[str, Any]:
    schema = _record(spec)
    names = list(dict.fromkeys([spec.name, spec.__name__, spec.__name__.lower(), *spec.aliases]))
    schema["properties"] = {"name": {"enum": names}, **schema["properties"]}
    schema["required"] = ["name", *schema.get("required", [])]
    for name, arg_type in arg_types(spec).items():
        if isinstance(arg_type, CsvColumn):  # the one or the other
            schema["oneOf"] = [{"required": [arg_type.fills]}, {"required": [name]}]
    return {"description": spec.summary(), **schema}


def _custom() -> dict[str, Any]:
    return {
        "description": Custom.summary(),
        "type": "object",
        "additionalProperties": False,
        "required": ["name"],
        "properties": {"name": {"type": "string", "pattern": "^[^:]+:[^:]+$"}, "args": {"type": "object"}},
    }
