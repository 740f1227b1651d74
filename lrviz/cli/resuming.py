"""`--resume-at`: a target as it goes on from a checkpoint of itself, or of another."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lrviz.cli.flags import choice, text
from lrviz.cli.targets import Source, file_source
from lrviz.errors import Problem, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.resume import MODES, resumed

FLAGS = {"at": "--resume-at", "mode": "--resume-as", "after": "--resume-with"}


def parameters() -> list[inspect.Parameter]:
    """Return the parameters of the flags that replay a checkpoint."""
    return [
        text(
            "resume_at", "Resume", "STEPS", "write a checkpoint after so many optimizer steps, or epochs (10ep), or a "
            "share of the run (50%), and go on from it; --set then changes the run that goes on",
        ),
        choice(
            "resume_as", "Resume", MODES, "load both states into what is built anew; or load the optimizer's, and "
            "construct the scheduler as if the run began, or with last_epoch; default load",
        ),
        text("resume_with", "Resume", "FILE", "the schedule that goes on, where it is not the same"),
    ]  # fmt: skip


def loaded(source: Source, given: Mapping[str, Any]) -> Experiment:
    """Return the experiment of a target, going on from a checkpoint where flags say so.

    `--set` is laid over the document that goes on, all other flags over both.
    """
    at, other = given.get("resume_at"), given.get("resume_with")
    if at is None:
        idle = [flag_of(name) for name in ("resume_as", "resume_with") if given.get(name) is not None]
        if idle:
            raise SpecError(
                [Problem(place=flag, message="requires --resume-at, where the run goes on") for flag in idle]
            )
        return source.load(given)
    if source.name == other == "-":
        raise SpecError(Problem(place=FLAGS["after"], message="standard input is the document before the checkpoint"))
    before = source.load({**given, "set": [], "resume_at": None})
    if before.resume is not None:  # of a variant, which is loaded already
        return before
    if source.label:
        raise several()
    after = (file_source(other) if other else source).load(given)
    try:
        return resumed(before, at, given["resume_as"] or MODES[0], after)
    except SpecError as error:
        raise SpecError([_placed(problem, other) for problem in error.problems]) from None


def several() -> SpecError:
    """Return the error of a checkpoint of a document that compares several schedules."""
    return SpecError(Problem(place=FLAGS["at"], message="is for one schedule; the document compares several"))


def flag_of(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _placed(problem: Problem, other: str | None) -> Problem:
    """Return a problem with the flag that it is about; what was changed without a file was changed by `--set`."""
    if problem.field == "after" and not other:
        return replace(problem, field="", place="--set")
    return problem.at(FLAGS[problem.field]) if problem.field in FLAGS else problem
