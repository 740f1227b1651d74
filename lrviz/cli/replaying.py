"""The replay as a command runs it: with progress, torch's warnings as remarks, its errors as ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lrviz.cli.flags import flag_name
from lrviz.cli.report import print_message, print_note, progress
from lrviz.errors import SpecError
from lrviz.experiment.clock import LIBRARIES
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.resume import changes
from lrviz.render.text.sentences import difference_lines, engine_line, seam_line

if TYPE_CHECKING:
    from lrviz.cli.targets import Source
    from lrviz.rules import Finding
    from lrviz.trace import Trace

SLOW = 200_000  # changes of a learning rate from which a progress bar is worth its place


def run(experiment: Experiment, given: Mapping[str, Any]) -> Trace:
    """Replay for a command, as far as torch goes; its warnings are remarks."""
    trace = replayed(experiment, given)
    if not given.get("quiet"):
        _print_warnings(experiment, trace, "")
    return trace


def replayed(experiment: Experiment, given: Mapping[str, Any]) -> Trace:
    """Replay for a command, as far as torch goes."""
    from lrviz.engine.select import replay

    total = experiment.run.clock.settings
    options = {"engine": given["engine"], "train": given.get("train", False), "partial": True}
    with progress("replaying", total) if experiment.changes >= SLOW else nullcontext() as update:
        report = update and (lambda done, _: update(completed=done))
        with redirect_stdout(sys.stderr):  # what a scheduler of the user's own prints is no part of a report
            trace = _located(lambda: replay(experiment, progress=report, **options))
    return trace


def print_remarks(
    source: Source,
    experiment: Experiment,
    trace: Trace,
    findings: Sequence[Finding],
    given: Mapping[str, Any],
    who: str = "",
) -> None:
    """Print a line for each of torch's warnings, the findings, and the flags without effect, after `who` it is of."""
    _print_warnings(experiment, trace, who)
    _print_findings(source, findings, who)
    for note in _idle_flags(experiment, given):
        print_note(_of(who, note))


def _print_warnings(experiment: Experiment, trace: Trace, who: str) -> None:
    warned = "upstream" if trace.engine == "upstream" else "torch"
    for note in trace.warnings:
        print_note(_of(who, f"{warned} warned {note.where}: {note.message}"))
    for line in difference_lines(trace, experiment):
        print_note(_of(who, line))


def _of(who: str, text: str) -> str:
    return f"{who}: {text}" if who else text


def _located(replay: Callable[[], Trace]) -> Trace:
    """Return a replay; why its engine cannot run has the name of the flag."""
    try:
        return replay()
    except SpecError as error:
        flags = {name: flag_name(name) for name in ("engine", "train")}
        raise SpecError([each.at(flags.get(each.field, each.place)) for each in error.problems]) from None


def findings_of(experiment: Experiment | None, trace: Trace, given: Mapping[str, Any]) -> list[Finding]:
    """Return the errors and warnings, in a log as well, and what is worth knowing of a flag that was given."""
    from lrviz.rules import examine, examine_log

    if experiment is None:
        return [each for each in examine_log(trace) if each.severity != "info"]
    wanted = ["optimizer-lr-ignored"] if given.get("optimizer__lr") is not None else []
    return [each for each in examine(experiment, trace) if each.severity != "info" or each.rule in wanted]


def _print_findings(source: Source, findings: Sequence[Finding], who: str) -> None:
    from lrviz.rules import REPLAY_FAILED

    for finding in findings:
        if finding.rule != REPLAY_FAILED:  # torch's own words come at the end
            is_info = finding.severity == "info"
            kind = "" if is_info else f"{finding.severity} "
            message = _of(who, f"{kind}{finding.rule}: {source.worded(finding.message)}")
            print_message("note" if is_info else "check", message, finding.severity)


def _idle_flags(experiment: Experiment, given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a remark on every flag that was given and changes nothing."""
    scheduler, clock = experiment.scheduler, experiment.run.clock
    if given.get("optimizer__lr") and scheduler.ignores_base_lr:
        yield f"--lr changes nothing: {scheduler.name} sets every learning rate itself"
    for library in LIBRARIES:
        if given.get(f"run__{library}") and library not in (*experiment.follows, experiment.run.framework):
            yield f"--{library} changes nothing: neither the schedule nor the framework is of {library}"
    for name in ("grad_accum", "world_size"):
        single: dict[str, Any] = {name: 1}
        if (
            getattr(experiment.run, name) > 1
            and given.get(f"run__{name}")
            and replace(clock, **single) == replace(experiment.run, **single).clock
        ):
            yield (
                f"{flag_name(name)} changes nothing: the run is given in optimizer steps; "
                "with --dataset-size and --batch-size they are counted"
            )


def run_lines(experiment: Experiment, trace: Trace, given: Mapping[str, Any]) -> list[str]:
    """Return in words what was read and replayed: the run's length, and whose schedule; unless nobody wants to know."""
    if given["quiet"]:
        return []
    seam = seam_line(trace, changes(experiment))
    read = [*_origin_lines(experiment), *([seam] if seam else [])]
    if given["engine"] != "upstream":
        return [*read, *experiment.lines()]
    return [*read, *experiment.run.lines(), engine_line(trace)]


def _origin_lines(experiment: Experiment) -> list[str]:
    """Return in words what was read from which key of a trainer's config, and what was not."""
    origin = experiment.origin
    if origin is None:
        return []
    parts = [f"{read.key} {read.text}" for read in origin.read]
    parts += [f"{text} from {file}" for text, file in origin.said]
    parts += [f"{key} {default}{'' if ': ' in default else ' by default'}" for key, default in origin.assumed]
    ignored = [f"     ignored {key}: {why}" for key, why in origin.ignored]
    return [f"read: {origin.format}: {', '.join(parts)}", *ignored]
