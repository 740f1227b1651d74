"""A config under reading: its keys with their lines, and what is noted on the way."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lrviz.errors import IDLE, Missing, Problem, SpecError, nearest, shown
from lrviz.experiment.optimizers import OPTIMIZERS
from lrviz.experiment.origin import KeyRead, Origin, Trap
from lrviz.experiment.values import Value

Entries = dict[str, Value]
UNSET = Value(None)

FLAGS = {
    "dataset_size": ("--dataset-size", "samples in the training set", "50000"),
    "world_size": ("--world-size", "devices that train together", "8"),
    "steps_per_epoch": ("--steps-per-epoch", "optimizer steps in one epoch", "1000"),
    "steps": ("--steps", "optimizer steps of the whole run", "10000"),
    "epochs": ("--epochs", "passes over the data", "3"),
    "batch_size": ("--batch-size", "samples in a batch of one device", "8"),
    "lr": ("--lr", "the learning rate", "1e-4"),
    "metric": ("--set scheduler.metric=…", "what the schedule watches, as a formula", "'0.9 ** epoch'"),
    "iterations": ("--set scheduler.iterations=…", "optimizer updates of the run", "10000"),
    "line": ("--line", "the line at which the scheduler is made", "1"),
    "nc": ("--set scheduler.nc=…", "classes of the data", "80"),
}
"""What a config may leave open: the flag, what it is, and an example in Python."""

OR_STEPS = "or --steps-per-epoch instead"


ALIKE_KEYS = 0.88  # of the letters of a key and of the one that was meant
NO_MISTAKES = ("adam_beta3", "optimize")  # of axolotl, and of Ultralytics' export
ALIKE = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}
"""The torch optimizer that those with such a name are made like."""


@dataclass
class Config:
    """One config: what its keys say, and what a reader has to say of them.

    `given` is what is said of the run and the optimizer beside the file, which need not say it then.
    """

    root: Value
    name: str
    given: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # of libraries, that flags name
    command: str = ""  # that was typed, to which an answer may be added
    deepspeed: Value | None = None  # the DeepSpeed config that is given beside a trainer's
    read: list[KeyRead] = field(default_factory=list)
    assumed: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)
    needs: dict[str, str] = field(default_factory=dict)  # of FLAGS, and why where that is not plain
    settings: list[str] = field(default_factory=list)  # keys of the document that `--set` must say
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # what is said beside the file and is in the document in another form

    def find(self, key: str) -> Value:
        """Return the value at a dotted key; UNSET where there is none, or what cannot be read where it would be."""
        value = self.root
        for part in key.split("."):
            entry = value.data.get(part) if isinstance(value.data, dict) else None
            if entry is None:
                return value if value.problems and value is not self.root else UNSET
            value = entry
        return value

    def has(self, key: str) -> bool:
        """Return whether a key is there, and not null."""
        return self.find(key).data is not None

    def keys(self, key: str = "") -> Entries:
        """Return what is in a block, by key; nothing where there is none, and a problem where it is no block."""
        value = self.find(key) if key else self.root
        if key and value.data is not None and not isinstance(value.data, dict):
            self.refuse(key, f"must be a mapping of keys, not {shown(value.plain())}")
        return value.data if isinstance(value.data, dict) else {}

    def take(self, key: str, became: str, default: Any = None) -> Value:
        """Return the value at a key that becomes a field of the experiment, else the library's default; both noted."""
        value = self.find(key)
        self.unreadable(key)
        if value.data is None:
            if default is not None and (key, shown(default)) not in self.assumed:
                self.assumed.append((key, shown(default)))
            return Value(default, self.name)
        self.reads(value, key, became)
        return value

    def reads(self, value: Value, key: str, became: str) -> None:
        """Note a value that becomes a field of the experiment."""
        text = "…" if isinstance(value.data, (dict, list)) else f"{value.data}"
        if all(key != read.key for read in self.read):
            self.read.append(KeyRead(key, text, value.place, became))

    def unreadable(self, key: str) -> None:
        """Note what at a key cannot be read, if anything, once."""
        found = [problem.within(key) for problem in _problems(self.find(key))]
        places = {(problem.place, problem.message) for problem in self.problems}
        self.problems += [problem for problem in found if (problem.place, problem.message) not in places]

    def number(self, key: str, became: str, default: float | None = None) -> float | None:
        """Return a number at a key, or the library's default; a problem where there is something else."""
        value = self.take(key, became, default)
        if value.data is None:
            return None
        if isinstance(value.data, bool) or not isinstance(value.data, (int, float)) or not math.isfinite(value.data):
            self.refuse(key, f"must be a number, not {shown(value.plain())}")
            return default
        return value.data

    def count(self, key: str, became: str, default: int | None = None) -> int | None:
        """Return a whole number above 0 at a key, or the library's default; a problem where there is something else."""
        number = self.number(key, became, default)
        if number is not None and (number < 1 or number != int(number)):
            self.refuse(key, f"must be a whole number >= 1, not {number:g}")
            return default
        return None if number is None else int(number)

    def flag(self, key: str, became: str, default: bool) -> bool:
        """Return true or false at a key, or the library's default; a problem where there is something else."""
        value = self.take(key, became, default)
        if not isinstance(value.data, bool):
            self.refuse(key, f"must be true or false, not {shown(value.plain())}")
            return default
        return value.data

    def word(self, key: str, became: str, known: Collection[str], default: str | None = None) -> str | None:
        """Return one of some words at a key, or the library's default; a problem where there is another."""
        value = self.take(key, became, default)
        if value.data is not None and value.data not in known:
            hint = nearest(str(value.data), known) or f"; known are {', '.join(known)}"
            self.refuse(key, f"unknown {shown(value.plain())}{hint}")
            return default
        return None if value.data is None else str(value.data)

    def optimizer(self, target: str) -> str:
        """Return torch's optimizer of a class's name or path; AdamW stands for those that are not torch's, noted.

        Schedules see the learning rate and the betas alone, which such optimizers have from Adam.
        """
        word = target.rpartition(".")[2]
        known = {name.lower(): name for name in OPTIMIZERS}
        found = known.get(word.lower()) or next((ours for part, ours in ALIKE.items() if part in word.lower()), None)
        if found is None:
            self.ignored.append((word, "not torch's own; AdamW stands for it, which has the same learning rate"))
        return found or "AdamW"

    def misspelt(self, known: Mapping[str, Collection[str]]) -> None:
        """Refuse a key that is all but one that is read, and is not there; `known` has those of each block."""
        for block, names in known.items():
            found = self.find(block).data if block else self.root.data
            entries = found if isinstance(found, dict) else {}
            left = [name for name in names if name not in entries]
            for key in (key for key in entries if key not in names and key not in NO_MISTAKES):
                hint = nearest(key.replace("-", "_"), left, ALIKE_KEYS)
                if hint:
                    self.refuse(f"{block}.{key}".lstrip("."), f"unknown key{hint}")

    def refuse(self, key: str, message: str, cause: str = "") -> None:
        """Note that something is wrong with the value at a key."""
        self.refuse_at(self.find(key), key, message, cause)

    def refuse_at(self, value: Value, key: str, message: str, cause: str = "") -> None:
        """Note that something is wrong with a value, such as one in a list."""
        problem = Problem(field=key, message=message, place=value.place or self.name, cause=cause)
        if problem not in self.problems:
            self.problems.append(problem)

    def need(self, name: str, why: str = "") -> None:
        """Note what the file cannot know, unless a flag says it."""
        if name not in self.given:
            self.needs.setdefault(name, why)

    def said(self, name: str) -> int | None:
        """Return the count that is said of the run beside the file; None for what is none, which others refuse."""
        value = self.given.get(name)
        return value if type(value) is int and value > 0 else None

    def idle(self, names: Collection[str], why: str) -> None:
        """Refuse what is said beside the file and changes nothing."""
        idle = ["--" + name.replace("_", "-") for name in names if name in self.given]
        self.problems += [Problem(place=flag, message=f"it changes nothing: {why}", cause=IDLE) for flag in idle]

    def ignore(self, key: str, why: str) -> None:
        """Note a key that looks like the schedule's and is not, where it is there."""
        if self.find(key) is not UNSET:
            self.ignored.append((key, why))

    def trap(self, rule: str, key: str, message: str, fix: str) -> None:
        """Note something that will not do what it seems to say."""
        self.trap_at(self.find(key), rule, message, fix)

    def trap_at(self, value: Value, rule: str, message: str, fix: str) -> None:
        """Note that a value, such as one in a list, will not do what it seems to say."""
        self.traps.append(Trap(rule=rule, message=message, fix=fix, place=value.place or self.name))

    def check(self) -> None:
        """Raise SpecError where something is wrong, or missing: all of it in one message, with a command that works."""
        problems = [*self._duplicates(), *self.problems]
        if self.needs:
            message = f"the file does not say {asked(self.needs, in_python=not self.name)}"
            message += f"\n       for example: {self._example()}"
            problems.append(Missing(place=self.name, message=message, needs=self.needs))
        if problems:
            raise SpecError(problems)

    def _duplicates(self) -> list[Problem]:
        """Return the duplicate keys among those that were read, whose last value most trainers would take."""
        names = {f"duplicate key {shown(each.key.rpartition('.')[2])}" for each in self.read}
        return [problem for problem in self.root.problems if problem.message in names]

    def _example(self) -> str:
        """Return a command that says what is missing, or a call for what is in no file."""
        settings = [f"--set {path}=…" for path in self.settings]
        if self.command:
            return " ".join([self.command, flags(self.needs), *settings])
        if self.name:
            said = [_flag(name, value) for name, value in self.given.items() if name in FLAGS]
            return " ".join(["lrviz plot", self.name, *said, flags(self.needs), *settings])
        return f"lrviz.load(…, {', '.join(f'{name}={FLAGS[name][2]}' for name in self.needs)})"

    def join(self, other: Config) -> None:
        """Take over what was noted of a config that belongs to this one."""
        self.read += other.read
        self.assumed += other.assumed
        self.ignored += other.ignored
        self.traps += other.traps
        self.needs |= other.needs
        self.problems += other.problems

    def origin(self, label: str) -> Origin:
        """Return what was read, ignored and noted."""
        return Origin(
            format=label,
            file=self.name,
            read=tuple(self.read),
            assumed=tuple(self.assumed),
            ignored=tuple(self.ignored),
            traps=tuple(self.traps),
            used=frozenset(self.used),
        )


def asked(needs: Mapping[str, str], *, in_python: bool = False) -> str:
    """Return in words what a config leaves open: the flags, what they are, and why where that is not plain."""
    parts = []
    for name, why in needs.items():
        flag, what, _ = FLAGS[name]
        parts.append(f"{name if in_python else flag} ({what}{f'; {why}' if why else ''})")
    return " and ".join(parts)


def flags(names: Iterable[str]) -> str:
    """Return the flags that say what configs leave open, with examples."""
    return " ".join(map(_flag, names))


def _flag(name: str, value: object = None) -> str:
    """Return the flag that says what a config leaves open, with a value or an example."""
    flag, _, example = FLAGS[name]
    value = example.strip("'") if value is None else value
    if not flag.startswith("--set"):
        return f"{flag} {value}"
    setting = f"scheduler.{name}={value}"
    return f"--set '{setting}'" if " " in setting else f"--set {setting}"


def constant(place: str) -> Value:
    """Return the schedule of a run that has none."""
    return entries({"name": "constant", "factor": 1.0}, place)


def entries(pairs: Mapping[str, Value | Any], place: str) -> Value:
    """Return a block of a document, without what is unset; plain data gets a place."""
    known = {key: value if isinstance(value, Value) else Value.of(value, place) for key, value in pairs.items()}
    return Value({key: value for key, value in known.items() if value.data is not None}, place)


def _problems(value: Value) -> Iterator[Problem]:
    """Yield what is wrong with a value, and with all that is in it."""
    yield from value.problems
    if isinstance(value.data, (dict, list)):
        for entry in value.data.values() if isinstance(value.data, dict) else value.data:
            yield from _problems(entry)


def walk(value: Value, key: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every value of a tree that is no mapping, with its dotted key."""
    if isinstance(value.data, dict):
        for name, entry in value.data.items():
            yield from walk(entry, f"{key}.{name}".lstrip("."))
    else:
        yield key, value
