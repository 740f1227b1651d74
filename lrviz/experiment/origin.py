"""Where an experiment comes from, if not from a document of lrviz's own: which keys of a trainer's config said what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class KeyRead(NamedTuple):
    """A key of a config that says something of the schedule, and what."""

    key: str  # dotted: "trainer.max_epochs"
    text: str  # its value, as a message may show it
    place: str
    became: str  # the field of the experiment: "run.epochs"


@dataclass(frozen=True, kw_only=True)
class Trap:
    """Something in a config that will not do what it seems to say."""

    rule: str  # the name of the rule that tells it
    message: str
    fix: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A config as it was read: the keys that were used, those that only look like the schedule's, and its traps."""

    format: str  # in words: "Hugging Face TrainingArguments"
    file: str
    read: tuple[KeyRead, ...] = ()
    assumed: tuple[tuple[str, str], ...] = ()  # keys that are not in the file, and the library's default for each
    said: tuple[tuple[str, str], ...] = ()  # what a project says in the file's place: "lr 1e-4", and in which file
    ignored: tuple[tuple[str, str], ...] = ()  # keys that look like the schedule's, and why they are not
    traps: tuple[Trap, ...] = ()
    used: frozenset[str] = frozenset()  # what was said beside the file, and is in the document in another form
