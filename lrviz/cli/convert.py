"""`lrviz convert`: a trainer's config, or a training script, as the document that lrviz replays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from lrviz.cli.targets import Source, only
from lrviz.errors import SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.origin import Origin
from lrviz.experiment.values import Value
from lrviz.experiment.writer import in_flow


def convert(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the document of a trainer's config, each line with the key that it is from."""
    source = only(sources, "convert")
    experiment = source.load(given)
    if experiment.origin is None:
        raise SpecError(f"{source.name} is no trainer's config: lrviz replays it as it is")
    typer.echo("\n".join(lines(experiment, experiment.origin)))


def lines(experiment: Experiment, origin: Origin) -> Iterator[str]:
    """Yield the lines of a document that replays as the config does."""
    assert experiment.document is not None
    yield f"# {origin.file}: {origin.format}"
    yield from (f"# ignored {key}: {why}" for key, why in origin.ignored)
    document = experiment.document.data
    assert isinstance(document, dict)
    for section, block in document.items():
        if not isinstance(block.data, dict):
            yield f"{section}: {in_flow(block.plain())}"
            continue
        yield f"{section}:"
        rows = [
            (f"  {key}: {in_flow(value.plain())}", _source(value, f"{section}.{key}", origin))
            for key, value in block.data.items()
        ]
        width = max((len(text) for text, _ in rows), default=0)
        yield from (f"{text.ljust(width)}  # {source}" for text, source in rows)


def _source(value: Value, field: str, origin: Origin) -> str:
    """Return in words where a field's value is from."""
    keys = [read.key for read in origin.read if read.place == value.place and read.became == field]
    if value.place.startswith("-"):
        return value.place
    file, _, line = value.place.rpartition(":")
    where = ""
    if line.isdecimal():
        where = f"line {line}" if file == origin.file else value.place
    if keys:
        return ", ".join(filter(None, (keys[0], where)))
    return where or f"the default of {origin.format}"
