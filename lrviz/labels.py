"""What tells several subjects apart, in as few words as a legend has room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import chain, count
from pathlib import PurePath
from typing import Any

from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers.composite import Warmup
from lrviz.experiment.writer import in_flow
from lrviz.subject import Subject

LONGEST = 60  # characters of a title, or of what a target was given as
LONGEST_VALUE = 24
LARGE = 1e6  # from which on a whole number is written with an exponent
MOST = 3  # settings that one label names
SHORT = 24  # characters of a label that names a file's setting, where the file's name would do
_SECTIONS = ("warmup", "warmup_start", "warmup_shape", "scheduler", "optimizer", "run")  # the first says most


def labels(subjects: Sequence[Subject]) -> list[str]:
    """Return a label for each subject, no two the same: what it is called where that differs, else what else does.

    The variants of one target are told by what was set for each. Others are told by their titles or
    schedulers, those that share one by the settings that differ, up to `MOST`, and else by the parts of
    their files' paths that differ. Files are told by a setting where it is one, and short.
    """
    is_one_target = len({_target(subject) for subject in subjects}) == 1
    variants = [subject.variant for subject in subjects]
    return _numbered(variants if is_one_target and all(variants) else _told_apart(subjects))


def _target(subject: Subject) -> str:
    return subject.target or subject.name


def _told_apart(subjects: Sequence[Subject]) -> list[str]:
    """Return a label for each subject, where they are not the variants of one target.

    Where files of one title are called by their names, so are the others that have no title of their own.
    """
    titles = [_title(subject) for subject in subjects]
    shared = Counter(titles)
    found = dict(enumerate(titles))
    untold: list[int] = []
    for title in (title for title in shared if shared[title] > 1):
        places = [place for place, other in enumerate(titles) if other == title]
        before = f"{title}, " if len(shared) > 1 else ""
        same = [subjects[place] for place in places]
        by_settings = [before + setting if setting else "" for setting in _settings(same)]
        is_told = _are_unique(by_settings) and not (_are_files(same) and _is_long(same, by_settings))
        found |= zip(places, by_settings if is_told else _files(same), strict=True)
        untold += [] if is_told else places
    if untold and _are_files(subjects):
        untold += [place for place, each in enumerate(subjects) if each.experiment and not each.experiment.title]
        names = _files(subjects)
        found |= {place: names[place] for place in untold}
    return [found[place] for place in range(len(subjects))]


def _is_long(subjects: Sequence[Subject], by_settings: Sequence[str]) -> bool:
    """Return whether files are better called by their names than by a setting: revisions are, whatever it is."""
    return _are_of_revisions(subjects) or any(len(each) > SHORT for each in by_settings)


def _title(subject: Subject) -> str:
    """Return what a subject is called: its title, unless that is long, or what its scheduler is called."""
    experiment = subject.experiment
    title = subject.name if experiment is None else experiment.name
    if len(title) <= LONGEST:
        return title
    return subject.name if experiment is None or not experiment.title else experiment.schedule


def _are_files(subjects: Sequence[Subject]) -> bool:
    """Return whether they are of different files, as they stand there."""
    targets = {_target(subject) for subject in subjects}
    are_files = all(PurePath(target).suffix[1:].isalpha() for target in targets)
    return are_files and len(targets) > 1 and not any(subject.variant for subject in subjects)


def _are_of_revisions(subjects: Sequence[Subject]) -> bool:
    """Return whether one of several files is of a git revision: "HEAD:a.yaml"."""
    return any(":" in _target(subject) for subject in subjects)


def _settings(subjects: Sequence[Subject]) -> list[str]:
    """Return the settings of each that are not those of all; nothing where they are more than `MOST`.

    Of files it is one setting at most, and none of a part of a sequence, whose path says little.
    """
    settings = [_as_written(subject) for subject in subjects]
    paths = sorted(dict.fromkeys(path for each in settings for path in each), key=_rank)
    differing = [path for path in paths if len({_comparable(each.get(path)) for each in settings}) > 1]
    are_told = 0 < len(differing) <= MOST
    if _are_files(subjects):
        are_told = len(differing) == 1 and "[" not in differing[0]
    if not are_told:
        return ["" for _ in subjects]
    names = _names(differing)
    return [_said(names, each) for each in settings]


def _as_written(subject: Subject) -> dict[str, Any]:
    """Return its settings, a warmup as its document writes it: "5%"."""
    folded = subject.folded(subject.settings(resolved=False))
    if "warmup" not in folded:
        return folded
    written = subject.written()
    return folded | {name: written[name] for name in arg_types(Warmup) if name in written}


def _rank(path: str) -> int:
    return _SECTIONS.index(path.partition(".")[0])


def _comparable(value: Any) -> Hashable:
    return repr(value)


def _names(paths: Iterable[str]) -> dict[str, str]:
    """Return what each path is called: without its section, where no other is called the same then."""
    short = {path: "optimizer" if path == "optimizer.name" else path.partition(".")[2] or path for path in paths}
    counts = Counter(short.values())
    return {path: name if counts[name] == 1 else path for path, name in short.items()}


def _said(names: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """Return settings in words: "max_lr 0.003, epochs 8"; what one leaves unset is said where it says nothing else."""
    words = []
    for path in (path for path in names if path in settings):
        value = settings[path]
        whole = isinstance(value, float) and value.is_integer() and abs(value) < LARGE
        text = value if isinstance(value, str) else in_flow(int(value) if whole else value)
        text = text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
        words.append(text if path == "scheduler.name" else f"{names[path]} {text}")
    return ", ".join(words) or f"{' and '.join(names.values())} by default"


def _files(subjects: Sequence[Subject]) -> list[str]:
    """Return the path of each without the folders, the name and the suffix that all share, and its variant.

    What is of git revisions is called as it was given.
    """
    targets = list(dict.fromkeys(_target(subject) for subject in subjects))
    if _are_files(subjects) and _are_of_revisions(subjects):
        return [_target(subject)[-LONGEST:] for subject in subjects]
    parts = [PurePath(target).parts or (target,) for target in targets]
    while all(len(path) > 1 for path in parts) and len({path[0] for path in parts}) == 1:
        parts = [path[1:] for path in parts]
    has_names = True
    while all(len(path) > 1 for path in parts) and len({path[-1] for path in parts}) == 1:
        parts, has_names = [path[:-1] for path in parts], False
    plain = [(*path[:-1], _stem(path[-1])) for path in parts]
    if has_names and len(set(plain)) == len(plain):
        parts = plain
    named = {target: "/".join(path)[-LONGEST:] for target, path in zip(targets, parts, strict=True)}
    return [", ".join(filter(None, [named[_target(subject)], subject.variant])) for subject in subjects]


def _stem(name: str) -> str:
    path = PurePath(name)
    return path.stem if path.suffix[1:].isalpha() else name  # the point of a number in a line of flags is no suffix


def _are_unique(found: Sequence[str]) -> bool:
    return len(set(found)) == len(found) and all(found)


def _numbered(found: Sequence[str]) -> list[str]:
    """Return labels with a number after each that stood before: "StepLR (2)"."""
    numbered: list[str] = []
    for label in found:
        others = (f"{label} ({number})" for number in count(2))
        numbered.append(next(each for each in chain([label], others) if each not in numbered))
    return numbered
