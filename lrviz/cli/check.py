"""`lrviz check`: what is wrong with schedules, in numbers, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from lrviz.cli import logs
from lrviz.cli.comparing import each_of, variants_of
from lrviz.cli.findings import Checked, Found, Place, place_of, print_text
from lrviz.cli.folders import expanded
from lrviz.cli.replaying import run
from lrviz.cli.report import print_note
from lrviz.cli.resuming import loaded
from lrviz.cli.targets import Source, file_source
from lrviz.errors import ELSEWHERE, Problem, SpecError, listed
from lrviz.project import project_settings
from lrviz.rules import SEVERITIES, CheckSettings, Finding, ProjectSettings, examine, examine_log, from_problems
from lrviz.rules.examine import raised
from lrviz.rules.settings import verdict

FORMATS = ("text", "json", "github", "sarif")
RULE_FLAGS = ("select", "ignore", "error")


def check(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the findings on every target; exits with 1 where there is an error, 2 where one cannot be read."""
    flags = _from_flags(given)
    found, passed_over = expanded(sources, given.get("key"))
    if given["also"] or given["sweep"]:
        targets = variants_of(found, given)
    else:
        targets = [target for each in found for target in each_of(each, given)]
    logs.refuse_columns(given, has_log=any(target.read is not None for target in targets))
    fixes = given["fix"] or given["diff"]
    if fixes:
        _refuse_to_fix(targets, given)
    checked: list[Checked] = []
    named = {source.name for source in sources}
    for target in targets:
        settings = (flags, project_settings(_folder(target)))
        one = _checked(target, given, *settings)
        if target.name not in named and any(problem.cause == ELSEWHERE for problem in one.problems):
            passed_over.append(target.name)
            continue
        one = _fixed(target, one, given, settings) if fixes and one.found else one
        checked.append(_edited(target, one, given, settings) if given["format"] == "sarif" and one.found else one)
    if not checked:
        message = "what their configs leave open, other files or code say"
        raise SpecError([Problem(place=name, message=message) for name in named])
    if not given["diff"]:
        _print(checked, len(passed_over), given["format"])
    if passed_over:
        count = len(passed_over)
        files = "1 file that is no schedule" if count == 1 else f"{count:,} files that are no schedules"
        print_note(f"passed over {files}: {listed(passed_over)}")
    problems = [problem for one in checked for problem in one.problems]
    if problems:
        from lrviz.cli.missing import gathered

        raise SpecError(gathered(problems, given["command"]) if given["among_others"] else problems)
    if any(one.fails for one in checked):
        raise typer.Exit(1)


def _print(checked: Sequence[Checked], passed_over: int, form: str) -> None:
    if form == "text":
        print_text(checked)
        return
    from lrviz.cli import formats

    if form == "json":
        formats.print_json(checked, passed_over)
    elif form == "github":
        formats.print_github(checked)
    else:
        formats.print_sarif(checked)


def _refuse_to_fix(targets: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Raise SpecError where there is no file to fix, or flags contradict each other."""
    flag = "--fix" if given["fix"] else "--diff"
    messages = ["does not go with --resume-at, which checks what is in no file"] * (given["resume_at"] is not None)
    messages += [f"{target.name} is not a file" for target in targets if target.path is None]
    compared = dict.fromkeys(f"{target.path} compares several schedules" for target in targets if target.label)
    messages += [f"{each}; fix it by hand" for each in compared]
    messages += [f"{target.name} is the log of a run, which is over" for target in targets if target.read is not None]
    if given["fix"] and given["diff"]:
        messages.append("contradicts --diff")
    if given["diff"] and given["format"] != "text":
        messages.append(f"contradicts --format {given['format']}")
    if messages:
        raise SpecError([Problem(place=flag, message=message) for message in messages])


def _fixed(
    source: Source, one: Checked, given: Mapping[str, Any], settings: tuple[ProjectSettings, ProjectSettings]
) -> Checked:
    """Fix a target's file, or show what that would change; return what check is to say of it."""
    from lrviz.cli.fixing import fix

    assert source.path is not None
    fixed = fix(source.path, one, _recheck(source, given, settings), given.get("key"))
    if given["diff"]:
        typer.echo(fixed.diff(), nl=False)
        return one
    fixed.write()
    for found in fixed.done:
        line = f"fixed {found.place}: {found.finding.rule}: {found.finding.fix}"
        typer.echo(line, err=given["format"] != "text")
    return fixed.checked


def _edited(
    source: Source, one: Checked, given: Mapping[str, Any], settings: tuple[ProjectSettings, ProjectSettings]
) -> Checked:
    """Return what was found with the fixes as edits of the target's file, where it is one."""
    from lrviz.cli.fixing import with_edits

    if source.path is None or source.label or source.read is not None:
        return one
    return with_edits(source.path, one, _recheck(source, given, settings), given.get("key"))


def _recheck(
    source: Source, given: Mapping[str, Any], settings: tuple[ProjectSettings, ProjectSettings]
) -> Callable[[bytes], Checked]:
    """Return what checks a target's file as if it had another content."""
    quiet = {**given, "quiet": True}  # torch's warnings are told once
    return lambda content: _checked(file_source(source.name, content), quiet, *settings)


def _from_flags(given: Mapping[str, Any]) -> ProjectSettings:
    """Return what the flags say of rules; raises SpecError for a rule that there is not."""
    names = {flag: tuple(name.strip() for text in given[flag] for name in text.split(",")) for flag in RULE_FLAGS}
    try:
        return ProjectSettings(**names, strict=given["strict"])
    except SpecError as error:
        raise SpecError([problem.at(f"--{problem.field}") for problem in error.problems]) from None


def _folder(source: Source) -> Path:
    """Return the folder from which a target's pyproject.toml is looked for."""
    return source.path.resolve().parent if source.path else Path.cwd()


def _checked(source: Source, given: Mapping[str, Any], flags: ProjectSettings, project: ProjectSettings) -> Checked:
    is_strict = flags.strict or (project.strict and not given["no_strict"])
    if source.read is not None:
        return _checked_log(source, given, (flags, project), is_strict=is_strict)
    try:
        experiment = loaded(source, given)
    except SpecError as error:
        own = error.sections.get(CheckSettings)
        layers = (flags, own, project) if isinstance(own, CheckSettings) else (flags, project)
        found, problems = _explained(error.problems, layers)
        return Checked(source.name, found, problems=problems, is_strict=is_strict)
    findings = examine(experiment, run(experiment, given), flags, project)
    found = [Found(_worded(finding, source), place_of(finding, experiment.document)) for finding in findings]
    return Checked(source.name, found, experiment.run, is_strict=is_strict)


def _checked_log(
    source: Source, given: Mapping[str, Any], settings: tuple[ProjectSettings, ProjectSettings], *, is_strict: bool
) -> Checked:
    """Return what is wrong with the learning rates that a run's log has."""
    assert source.read is not None
    try:
        logs.refuse_idle(given, source.name)
        log = source.read(given)
    except SpecError as error:
        return Checked(source.name, problems=error.problems, is_strict=is_strict)
    logs.print_remarks(log)
    findings = examine_log(log, *settings)
    found = [Found(finding, Place(source.name)) for finding in findings]
    return Checked(source.name, found, is_strict=is_strict, is_log=True)


def _worded(finding: Finding, source: Source) -> Finding:
    """Return a finding in the words that the target was given in."""
    message, fix = source.named(source.worded(finding.message)), source.worded(finding.fix)
    return replace(finding, message=message, fix=fix, snippet=source.snippet(finding))


def _explained(problems: Sequence[Problem], layers: Sequence[CheckSettings]) -> tuple[list[Found], Sequence[Problem]]:
    """Return the problems of a refused document as findings, or all as they are where no rule explains one."""
    _, left = from_problems(problems)
    if left:
        return [], problems
    found = []
    for problem in problems:
        (finding,), _ = from_problems([replace(problem, place="")])
        said = verdict(finding.rule, layers)
        if said != "silent":
            found.append(Found(raised(finding, said), Place.of(problem.place)))
    return sorted(found, key=lambda each: SEVERITIES.index(each.finding.severity)), []
