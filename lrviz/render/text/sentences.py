"""What a schedule does, in a line for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lrviz.errors import counted, listed, shown
from lrviz.experiment.experiment import Experiment
from lrviz.render.words import clipped, one_line
from lrviz.trace import Difference, Groups, GroupTrace, Trace

PICTURED = 4  # groups of a schedule that a report shows each by itself
LONGEST = 200  # characters of a title and a group's name


def summary_line(trace: Trace, group: GroupTrace, title: str = "") -> str:
    """Return a group's first, peak and last learning rate, four digits each, after the title and, of several, its name.

    Raises ValueError on an empty trace.
    """
    summary = group.summary
    names = [name for name in (title, group.name if len(trace.groups) > 1 else "") if name]
    who = f"{clipped(one_line(', '.join(names)), LONGEST)}: " if names else ""
    parts = [
        f"first {summary.first:.4g}",
        f"peak {summary.peak:.4g} at {_where(trace, trace.step_at(summary.peak_step))}",
    ]
    if trace.seam is not None and trace.seam.step < trace.steps:
        before, after = group.lr[trace.seam.step - 1], group.lr[trace.seam.step]
        parts.append(f"resumed at {_where(trace, trace.seam.step)} with {after:.4g} after {before:.4g}")
    return f"{who}{', '.join(parts)}, last {summary.last:.4g}"


def seam_line(trace: Trace, changed: Sequence[str]) -> str:
    """Return where and how a run went on from a checkpoint, and what was changed then; empty where it did not."""
    if trace.seam is None:
        return ""
    return f"resumed {trace.seam.where} as {trace.seam.mode}, with {listed(changed) or 'nothing changed'}"


def telling(trace: Trace) -> Trace:
    """Return a trace with a choice of its groups, as several have room for: the first `PICTURED` that differ."""
    groups: list[GroupTrace] = []
    for group in trace.groups:
        if len(groups) < PICTURED and all(group.lr.tobytes() != other.lr.tobytes() for other in groups):
            groups.append(group)
    return replace(trace, groups=Groups(groups))


def made_by(trace: Trace, experiment: Experiment | None) -> str:
    """Return what trained with a trace's learning rates, and whose they are; of a log, where they were read."""
    if experiment is not None:
        return f"{experiment.optimizer.label}, torch {trace.torch_version}"
    assert trace.log is not None
    return f"{trace.log.format}, {trace.log.precision.words}"


def log_extent(trace: Trace) -> str:
    """Return how many records a log has, and which steps, or epochs, they are of."""
    assert trace.log is not None
    return f"{counted(trace.steps, 'record')} of {span(trace.log.unit, trace.step_at(0), trace.end - 1)}"


def span(unit: str, first: int, last: int) -> str:
    """Return steps, or epochs, in words: "step 7", "steps 0 to 14"."""
    return f"{unit} {first:,}" if first == last else f"{unit}s {first:,} to {last:,}"


def engine_line(trace: Trace) -> str:
    """Return whose own class made a trace that upstream was asked for, and which version of it."""
    if trace.engine != "upstream":
        return f"engine: torch {trace.torch_version}; the schedule is of no other library"
    return f"engine: upstream, {_versions(trace)}"


def difference_lines(trace: Trace, experiment: Experiment) -> Iterator[str]:
    """Yield where a library's own class differs from lrviz's formula, and what version the run names in vain."""
    if trace.engine == "upstream":
        for name in experiment.run.releases.keys() & trace.libraries.keys():
            named, installed = getattr(experiment.run, name), trace.libraries[name]
            if not f"{installed}.".startswith(f"{named}."):
                yield f"the run names {name} {named}; upstream is what is installed, {installed}"
    if trace.difference is not None:
        yield _difference(trace, trace.difference)


def _difference(trace: Trace, found: Difference) -> str:
    formula = found.formula
    follows = f" (as {_versions(formula)} has it)" if formula.libraries else ""
    upstream, ours = _versions(trace), f"lrviz's formula{follows}"
    if found.what == "steps":
        return f"{upstream} and {ours} differ: {upstream} {_end(trace)}, the formula {_end(formula)}"
    of_group = f" of {shown(found.group)}" if len(trace.groups) > 1 else ""
    places = [f"{_where(trace, found.step)} {_pair(found.values)}"]
    if found.most != found.step:
        places.append(f"most at {_where(trace, found.most)} {_pair(found.most_values)}")
    many = f"{found.count:,} of {trace.steps:,} steps"
    return f"{upstream} and {ours} differ: {found.what}{of_group} at {', '.join(places)}; {many}"


def _pair(values: tuple[float, float]) -> str:
    return "is {} and {}".format(*distinct(values))


def distinct(values: tuple[float, float]) -> tuple[str, str]:
    """Return two numbers with as many digits as tell them apart."""
    digits = next((digits for digits in (4, 6, 9) if len({f"{value:.{digits}g}" for value in values}) > 1), 17)
    one, other = (f"{value:.{digits}g}" for value in values)
    return one, other


def _where(trace: Trace, step: int) -> str:
    if trace.log is not None and trace.log.unit == "epoch":
        return f"epoch {step:,}"
    epoch = None if trace.steps_per_epoch == 1 else trace.epoch_of(step)
    return f"step {step:,}" + ("" if epoch is None else f" (epoch {epoch:,})")


def _end(trace: Trace) -> str:
    failure = trace.failure
    return "goes on to the end" if failure is None else f"raises {failure.where}: {one_line(failure.words)}"


def _versions(trace: Trace) -> str:
    return " and ".join(f"{name} {version}" for name, version in trace.libraries.items())
