"""The page of the schedulers, docs/schedulers.md, made from their classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from lrviz.experiment.argtypes import ArgType, Bool, OneOf
from lrviz.experiment.record import arg_types, default_words
from lrviz.experiment.schedulers import Family, SchedulerSpec, families
from lrviz.experiment.writer import in_flow

_HEAD = """# The schedulers

Every schedule that lrviz knows: what it does, its arguments, what the first step trains with, what happens past its
end, and where it is from. A name works on the command line (`lrviz plot NAME`, with the arguments as flags) and in YAML
(`scheduler: {name: NAME}`), and so do the other names that it is found by, all of them in any case. `lrviz list FAMILY`
shows those of one library, `lrviz list NAME` prints a section of this page.

A DURATION is `500` (scheduler steps), `2ep` (epochs) or `5%` (of the run); steps count from 0. The run's length, as a
default, is in a sequence the length of the scheduler's own part.

This page is made from the schedulers (`lrviz.experiment.docs.markdown`); a test holds it to them.
"""


def markdown() -> str:
    """Return the page: a table of contents, and a section for each scheduler, family by family."""
    every = families()
    contents = [f"- [{each.title}](#{_anchor(each)}): {', '.join(map(_link, each.names))}" for each in every]
    return "\n".join([_HEAD, *contents, *map(_family, every)]) + "\n"


def section(spec: type[SchedulerSpec]) -> str:
    """Return what the page says of a scheduler."""
    return "\n\n".join(_paragraphs(spec))


def _family(family: Family) -> str:
    return "\n\n".join([f"\n## Schedulers of {family.title}", *map(section, family.specs)])


def _anchor(family: Family) -> str:
    return f"schedulers-of-{family.title.lower().replace(' ', '-')}"


def _link(name: str) -> str:
    return f"[{name}](#{name})"


def _paragraphs(spec: type[SchedulerSpec]) -> Iterator[str]:
    about = spec.documentation()
    yield f"### {spec.name}"
    yield f"`{spec.shape}` {about.summary}" if spec.shape else about.summary
    yield f"```text\n{about.formula}\n```"
    if arg_types(spec):
        yield "\n".join(["| argument | what it is | may be | default |", "|---|---|---|---|", *_rows(spec)])
    if spec.presets:
        yield "\n".join(["**Presets:**", "", *_presets(spec)])
    yield f"**First step:** {about.first_step or 'trains with base_lr.'}"
    yield f"**Past its end:** {about.past_end}"
    yield f"**Source:** {about.source}{_release(spec)}"
    yield f"**Also found as** {', '.join(f'`{name}`' for name in (spec.__name__, *spec.aliases))}."
    if spec.example or not spec.required():
        yield f"```yaml\nscheduler: {in_flow({'name': spec.name, **spec.example})}\n```"


def _rows(spec: type[SchedulerSpec]) -> Iterator[str]:
    kinds = arg_types(spec)
    for entry in dataclasses.fields(spec):
        if entry.name in kinds:
            kind = kinds[entry.name]
            cells = (f"`{entry.name}`", kind.help, _allowed(kind), _default(entry, kind))
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _presets(spec: type[SchedulerSpec]) -> Iterator[str]:
    for name, values in spec.presets.items():
        yield f"- `{name}` sets {', '.join(f'`{key}: {in_flow(value)}`' for key, value in values.items())}"


def _allowed(kind: ArgType) -> str:
    if isinstance(kind, OneOf):
        return ", ".join(kind.words)
    return " ".join(filter(None, (kind.metavar, kind.bounds)))


def _default(entry: dataclasses.Field[Any], kind: ArgType) -> str:
    """Return what an argument is when it is left out; `--help` says it of a switch by its name."""
    return default_words(entry, kind) or (str(bool(entry.default)).lower() if isinstance(kind, Bool) else "unset")


def _release(spec: type[SchedulerSpec]) -> str:
    """Return which version it follows, where the run can name another."""
    if not spec.newest:
        return ""
    newest = ".".join(map(str, spec.newest))
    other = f'; `run: {{{spec.library}: "…"}}` follows another' if "release" in spec.__dataclass_fields__ else ""
    return f" It follows {spec.library} {newest}{other}."
