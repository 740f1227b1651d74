"""`--with` and `--sweep`: targets beside those in line, and each of them as often as its arguments vary."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Any

from lrviz.cli import overlay
from lrviz.cli.commands import read_flags
from lrviz.cli.flags import NO
from lrviz.cli.resuming import loaded, several
from lrviz.cli.sweeps import Setting, Sweep, settings_of, sweeps_of, unknown
from lrviz.cli.targets import Source, find
from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.experiment import Experiment

MOST = 100  # schedules of one command
LONGEST = 24  # characters of a --with as a message quotes it
_INSTEAD = {"epochs": "steps", "steps": "epochs", "steps_per_epoch": "dataset_size", "dataset_size": "steps_per_epoch"}

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Target:
    """One schedule that was asked for: a target, the values of its flags, and what a sweep sets for it alone."""

    source: Source
    given: Given
    called: str = ""  # what a problem of its is said to be of, where there are several
    variant: str = ""
    swept: Collection[str] = ()  # the flags that the variant sets
    own: Given = field(default_factory=dict)  # of a --with, what it says itself
    title: str | None = None  # of the figure, where its document compares several

    def load(self) -> list[tuple[Target, Experiment | None]]:
        """Return its experiment, or each of a document that compares several, with what is asked for by it.

        The log of a run has none. Raises SpecError whose problems say which target they are of.
        """
        if self.source.read is not None:
            return [(self, None)]
        with _blamed(self.called, self.swept):
            overlay = self.source.compared(self.given) if self.source.compared else None
            if overlay is None:
                return [(self, loaded(self.source, self.given))]
            if self.given.get("resume_at") is not None:
                raise several()
        return [(self._entry(each.name, overlay.title), each) for each in overlay.experiments]

    def _entry(self, label: str, title: str | None) -> Target:
        return replace(self, source=replace(self.source, name=f"{self.source.name}: {label}"), title=title)


def targets_of(sources: Sequence[Source], given: Given, verb: str) -> list[Target]:
    """Return all that a command shows: its targets, those of --with, and of each the variants of --sweep.

    Raises SpecError for an argument that no target has, and for more than `MOST`.
    """
    beside = [_with(text, given, verb) for text in given.get("also", [])]
    is_one = len(sources) + len(beside) == 1
    inline = [
        _with(source.name, given, verb, shown(source.name, LONGEST))
        if source.is_quoted
        else Target(source, given, "" if is_one else source.name)
        for source in sources
    ]
    every = [*inline, *beside]
    sweeps = sweeps_of(given)
    settings = _settings(every, sweeps, given)
    count = sum(prod(len(sweep.values) for sweep, own in zip(sweeps, each, strict=True) if own) for each in settings)
    if count > MOST:
        raise too_many(count, "--sweep" if sweeps else "")
    pairs = zip(every, settings, strict=True)
    found = [variant for target, found in pairs for variant in _variants(target, sweeps, found)]
    untitled = {"title": None} if len(found) > 1 and "title" in given else {}  # it is that of all of them
    return [replace(target, given={**target.given, **untitled}) for target in found]


def too_many(count: int, place: str = "") -> SpecError:
    """Return the error of more schedules than are shown at once."""
    return SpecError(Problem(place=place, message=f"{count:,} schedules are asked for; at most {MOST} at once"))


@contextmanager
def _blamed(called: str, swept: Collection[str] = ()) -> Iterator[None]:
    """Let the problems that are raised say whose they are; the place of an argument that is swept says no more."""
    try:
        yield
    except SpecError as error:
        raise SpecError([_of(each, called, swept) for each in error.problems], error.sections) from None


def _of(problem: Problem, called: str, swept: Collection[str]) -> Problem:
    is_in_file = problem.place and not problem.place.startswith("-")
    if not called or (is_in_file and not swept and not called.startswith("--")):
        return problem
    return replace(problem, place=": ".join([called, *([problem.place] if problem.place not in ("", *swept) else [])]))


def _with(text: str, given: Given, verb: str, called: str = "") -> Target:
    """Return the target of a --with: its flags over those of the run and the optimizer in the main line."""
    called = called or f"--with {shown(text, LONGEST)}"
    with _blamed(called):
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise SpecError(f"{str(error)[:1].lower()}{str(error)[1:]}") from None
        if not words or (words[0].startswith("-") and words[0] != "-"):
            raise SpecError("must begin with a target, such as 'onecycle --max-lr 3e-3'")
        source = find(words[0], verb)
        own = _own_flags(source, words[1:])
    return Target(replace(source, name=text), _over(own, given), called, own=own)


def _own_flags(source: Source, words: Sequence[str]) -> dict[str, Any]:
    """Return what a quoted target says itself; raises SpecError, which tells of flags that are not of one alone."""
    try:
        return read_flags(source, words)
    except SpecError as error:
        message = "is no flag of a target in quotes; beside the targets it lies over all of them"
        beside = ("--resume-at", "--resume-as", "--resume-with")
        raise SpecError(
            [replace(each, message=message) if each.place in beside else each for each in error.problems]
        ) from None


def _over(own: Given, given: Given) -> Given:
    """Return a target's own flags over those of the main line's run and optimizer that they leave as they are."""
    lists = {name: [*given[name], *own.get(name, [])] for name in ("allow_import", "allow_files") if name in given}
    shared = {parameter.name for parameter in overlay.parameters()}
    fields = {name.partition("__")[2].removesuffix(NO) for name, value in own.items() if name in shared and value}
    fields |= {_INSTEAD[field] for field in fields & _INSTEAD.keys()}
    kept = {name for name in shared if name.partition("__")[2].removesuffix(NO) not in fields} - {"set", "group"}
    sets = [text for text in given["set"] if text.startswith(("run.", "optimizer."))]
    known = {_key(text) for text in own["set"]}
    merged = {**given, **{name: value for name, value in own.items() if name not in kept}, **lists}
    return merged | {
        "set": [*(text for text in sets if _key(text) not in known), *own["set"]],
        "group": own["group"] or given["group"],
    }


def _key(text: str) -> str:
    return text.partition("=")[0].strip()


def _settings(targets: Sequence[Target], sweeps: Sequence[Sweep], given: Given) -> list[list[Setting | None]]:
    """Return how each target takes each argument, None where it has none or, being a --with, says it itself.

    Raises SpecError for an argument that no target takes.
    """
    found: list[list[Setting | None]] = []
    for target in targets:
        with _blamed(target.called):
            is_log = target.source.read is not None
            found.append([None] * len(sweeps) if is_log else settings_of(target.source, target.given, sweeps))
    for number, sweep in enumerate(sweeps):
        if not any(settings[number] for settings in found):
            raise SpecError(unknown(sweep, [target.source for target in targets], given))
        for target, settings in zip(targets, found, strict=True):
            setting = settings[number]
            settings[number] = None if setting and target.own and setting.is_said(target.own) else setting
        if not any(settings[number] for settings in found):
            message = "changes nothing: whoever has it says it in --with"
            raise SpecError(Problem(place=f"--sweep {sweep.name}", message=message))
    return found


def _variants(target: Target, sweeps: Sequence[Sweep], settings: Sequence[Setting | None]) -> Iterator[Target]:
    """Yield a target with each combination of the values that it can take; raises SpecError for a wrong one."""
    pairs = [(sweep, setting) for sweep, setting in zip(sweeps, settings, strict=True) if setting]
    swept = frozenset(setting.place for _, setting in pairs)
    for values in product(*(sweep.values for sweep, _ in pairs)):
        given, called, said = target.given, target.called, []
        for (sweep, setting), value in zip(pairs, values, strict=True):
            called = ": ".join(filter(None, [called, f"--sweep {sweep.name}={value}"]))
            said.append(f"{setting.name} {value}")
            with _blamed(called):
                given = setting.lay(given, value)
        yield replace(target, given=given, called=called, variant=", ".join(said), swept=swept)
