"""`lrviz.check`: the rules on a live scheduler, an experiment or a document, in the words of Python."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.arguments import experiment_of
from lrviz.errors import CheckError, Problem, SpecError, counted, shown
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.values import located
from lrviz.experiment.writer import as_document
from lrviz.project import project_settings
from lrviz.rules import SEVERITIES, CheckSettings, Finding, ProjectSettings, examine, from_problems
from lrviz.rules.changes import Change, lookup
from lrviz.rules.examine import raised
from lrviz.rules.settings import verdict

if TYPE_CHECKING:
    from lrviz.engine.preview import Preview

IN_PYTHON = (
    (r"Step it once an epoch, or write its lengths in epochs \(\w+\)", "Step it once an epoch, or count in steps"),
    (r"Step it at every optimizer step, or write its lengths in epochs \(\w+\)", "Step it at every optimizer step"),
    (r"Write its lengths in epochs \((\w+)ep\)", r"Give it the steps of \1 epochs"),
    (r"Give it (\d+)ep if epochs are meant", r"Give it the steps of \1 epochs if those are meant"),
    (r", or leave \w+ out$", ""),
    (r"Leave the total out, or count as the loop does \(.*\)", "Count the steps as the loop does"),
    (r"cycle_momentum: false", "cycle_momentum=False"),
    (r"threshold_mode: abs", "threshold_mode='abs'"),
    (r"\(sequential\)", "(SequentialLR)"),
    (r"in a sequential,", "in a SequentialLR,"),
    (r"after a warmup take cosine", "after a warmup take CosineAnnealingLR"),
    (r", or a manual schedule", ""),
    (r"write warmup: N before it, a LinearLR that the loop steps", "warm up with a LinearLR that the loop steps"),
)
"""What a document's fix says, and what is to be said of a scheduler that a script made."""

WITH_UNIT = re.compile(r"\d+(\.\d+)?(ep|%)|rest")


def check(
    target: Any,
    *,
    steps: int | None = None,
    steps_per_epoch: int | None = None,
    interval: str | None = None,
    metric: Any = None,
    optimizer: Any = None,
    strict: bool | None = None,
    ignore: Collection[str] = (),
    **rest: Any,
) -> list[Finding]:
    """Return what the rules find, the worst first; `lrviz.check` says what the arguments are."""
    own = ProjectSettings(ignore=tuple(ignore))
    project = project_settings(_folder(target))
    run = {"steps": steps, "steps_per_epoch": steps_per_epoch, "interval": interval, "metric": metric}
    given = {name: value for name, value in {**run, "optimizer": optimizer}.items() if value is not None}
    if is_live(target):
        _refuse(rest)
        name, found = type(target).__name__, _of_live(target, given, (own, project))
    else:
        name = target.name if isinstance(target, Experiment) else str(target) if _is_text(target) else "the document"
        found = _of_document(target, given | rest, own, project)
    return settled(name, found, is_strict=project.strict if strict is None else strict)


def settled(name: str, found: list[Finding], *, is_strict: bool) -> list[Finding]:
    """Return what was found of a schedule; raises CheckError where there is an error among it."""
    bad = [each for each in found if each.severity == "error" or (is_strict and each.severity == "warning")]
    if bad:
        raise CheckError(_words(name, bad), found)
    return found


def is_live(target: Any) -> bool:
    """Return whether a target is an object that steps; raises SpecError for what is no target at all."""
    if isinstance(target, (str, os.PathLike, Mapping, Experiment)) or hasattr(target, "to_dict"):
        return False
    if not callable(getattr(target, "step", None)):
        message = "must be a live scheduler, a scheduler's name, a file, a mapping, TrainingArguments or an Experiment"
        raise SpecError(f"{message}, not {shown(target)}")
    return True


def _is_text(target: Any) -> bool:
    return isinstance(target, (str, os.PathLike))


def _folder(target: Any) -> Path:
    """Return the folder from which a target's pyproject.toml is looked for."""
    return Path(target).resolve().parent if _is_text(target) else Path.cwd()


def _refuse(given: Mapping[str, Any]) -> None:
    why = "a live scheduler takes steps, steps_per_epoch, interval, metric and optimizer"
    if given:
        raise SpecError([Problem(field=name, message=f"is not for this target: {why}") for name in given])


def _of_document(
    source: Any, given: Mapping[str, Any], own: ProjectSettings, project: ProjectSettings
) -> list[Finding]:
    try:
        experiment = experiment_of(source, given)
    except SpecError as error:
        found, left = from_problems(error.problems)
        if left:
            raise
        said = error.sections.get(CheckSettings)
        layers = (own, said, project) if isinstance(said, CheckSettings) else (own, project)
        verdicts = [(each, verdict(each.rule, layers)) for each in found]
        return [raised(each, said) for each, said in verdicts if said != "silent"]
    return _of_experiment(experiment, own, project)


def _of_experiment(experiment: Experiment, own: ProjectSettings, project: ProjectSettings) -> list[Finding]:
    from lrviz.engine.select import replay

    return [
        replace(finding, place=_place(finding, experiment))
        for finding in examine(experiment, replay(experiment, partial=True), own, project)
    ]


def _place(finding: Finding, experiment: Experiment) -> str:
    """Return the line of a file that a finding is about, where it is of one."""
    document = experiment.document
    if finding.place or document is None or not isinstance(document.data, dict):
        return finding.place
    fields = [*(change.field for change in finding.changes), finding.field]
    places = [located([Problem(field=each, message="")], document)[0].place for each in fields]
    return next(filter(None, places), document.place)


def _of_live(scheduler: Any, given: Mapping[str, Any], settings: Sequence[ProjectSettings]) -> list[Finding]:
    from lrviz.engine.preview import preview

    if "steps" not in given:
        message = "missing: how many optimizer steps the run has from here on"
        raise SpecError(Problem(field="steps", message=message))
    return examined(scheduler, preview(scheduler, **given), given.get("optimizer"), settings)


def examined(scheduler: Any, shown: Preview, optimizer: Any, settings: Sequence[ProjectSettings]) -> list[Finding]:
    """Return what the rules find of a live scheduler: all of them where it is known, else those of the curve."""
    from lrviz.engine.recover import recovered

    experiment, trace = recovered(scheduler, shown, optimizer) or (shown.experiment, shown)
    return [_in_python(finding, experiment) for finding in examine(experiment, trace, *settings)]


def _in_python(finding: Finding, experiment: Experiment) -> Finding:
    """Return a finding with its fix as a script writes it."""
    fix = finding.fix
    for pattern, words in IN_PYTHON:
        fix = re.sub(pattern, words, fix)
    lines = [_line(change, experiment) for change in finding.changes]
    return replace(finding, fix=fix, snippet="\n".join(lines) if None not in lines else "")  # type: ignore[arg-type]


def _line(change: Change, experiment: Experiment) -> str | None:
    """Return a change as Python: `CosineAnnealingLR(..., T_max=900)`; None for what a script does not write so."""
    owner, _, name = change.field.rpartition(".")
    if change.field == "run.interval":
        return "scheduler.step()  # " + ("once an epoch" if change.value == "epoch" else "after every optimizer step")
    is_text = isinstance(change.value, str) and (WITH_UNIT.fullmatch(change.value) or name != "threshold_mode")
    if change.remove or is_text or isinstance(change.value, Mapping) or "[" in name:
        return None
    if owner == "optimizer":
        return f"{experiment.optimizer.label}(..., {name}={change.value!r})"
    return f"{_called(owner, experiment)}(..., {name}={change.value!r})" if owner else None


def _called(owner: str, experiment: Experiment) -> str:
    """Return the class of the scheduler at a path."""
    document = {"scheduler": as_document(experiment.scheduler)}
    found = lookup(document, owner)
    name = str(found.get("name")) if isinstance(found, Mapping) else ""
    return next((type(each).__name__ for each in _all(experiment.scheduler) if each.name == name), name)


def _all(spec: SchedulerSpec) -> list[SchedulerSpec]:
    return [spec, *(inner for child in spec.children() for inner in _all(child))]


def _words(name: str, findings: Sequence[Finding]) -> str:
    """Return findings as an error has them: one to a paragraph, and how many of what there are."""
    counts = ((sum(each.severity == severity for each in findings), severity) for severity in SEVERITIES)
    many = " and ".join(counted(count, severity) for count, severity in counts if count)
    return "\n".join([f"{name}: {many}", *(line for each in findings for line in _paragraph(each))])


def _paragraph(finding: Finding) -> list[str]:
    place = f"{finding.place}: " if finding.place else ""
    lines = [f"{place}{finding.severity} {finding.rule}: {finding.message}", f"  instead: {finding.fix}"]
    return lines + [f"  {line}" for line in finding.snippet.splitlines()]
