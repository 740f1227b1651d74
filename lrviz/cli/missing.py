"""What several trainers' configs leave open, said once for all that lack the same, with how to answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lrviz.errors import Missing, Problem, listed
from lrviz.readers.configs.config import FLAGS, asked, flags

LONGEST = 200  # characters of a command line that a message repeats
OF_ALL = {"dataset_size", "world_size", "nc", "metric"}
"""What a flag may say to every config at once: none has it in the file, and is changed by it."""


def gathered(problems: Iterable[Problem], command: str) -> list[Problem]:
    """Return the problems of several targets, with one for all files that leave the same open.

    `command` is the line that was typed. The last of them says what to write in pyproject.toml.
    """
    groups: dict[tuple[str, ...], list[Missing]] = {}
    others = []
    for problem in problems:
        if isinstance(problem, Missing):
            groups.setdefault(tuple(problem.needs), []).append(problem)
        else:
            others.append(problem)
    if not groups:
        return others
    messages = ["\n       ".join(_lines(group)) for group in groups.values()]
    messages[-1] += "\n       " + "\n       ".join(_answers(list(groups), command))
    return [*others, *(Problem(message=message) for message in messages)]


def _lines(group: Sequence[Missing]) -> Iterator[str]:
    """Yield what a group leaves open, and its files: those with reasons of their own in a line each."""
    files: dict[tuple[str, ...], list[str]] = {}
    for each in group:
        files.setdefault(tuple(each.needs.values()), []).append(each.place)
    reasons = max(files, key=lambda whys: len(files[whys]))
    needs = dict(zip(group[0].needs, reasons, strict=True))
    yield f"{len(group)} {'file does' if len(group) == 1 else 'files do'} not say {asked(needs)}"
    yield f"in {listed(files.pop(reasons))}"
    for whys, names in files.items():
        others = dict(zip(needs, whys, strict=True))
        what = ", ".join(f"{name}: {why or FLAGS[name][1]}" for name, why in others.items() if why != needs[name])
        yield f"in {listed(names)} ({what})"


def _answers(groups: Sequence[Iterable[str]], command: str) -> Iterator[str]:
    """Yield the lines of a pyproject.toml that answer for all groups, and the flags that do."""
    names: Mapping[str, None] = dict.fromkeys(name for group in groups for name in group)
    yield "for example, in pyproject.toml:"
    yield "[tool.lrviz.run]"
    for name in names:
        example = FLAGS[name][2].strip("'")
        yield f"{name} = {example}" if name != "metric" else f'{name} = "{example}"'
    if len(groups) == 1 or names.keys() <= OF_ALL:
        typed = command if len(command) <= LONGEST else " ".join([*command.split()[:2], "…"])
        yield f"or: {typed} {flags(names)}"
