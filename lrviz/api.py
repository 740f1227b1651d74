"""The functions of the Python API. What they need is imported when they are called."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrviz.errors import ReplayError, SpecError, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrviz.comparison import Comparison
    from lrviz.documents import Arguments
    from lrviz.engine.engine import Engine
    from lrviz.engine.preview import Preview
    from lrviz.experiment.experiment import Experiment
    from lrviz.render.figure.options import FigureOptions, Mark
    from lrviz.rules import Finding
    from lrviz.trace import Trace

    Target = str | os.PathLike[str] | Mapping[str, Any] | Arguments | Experiment


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | Arguments,
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    key: str | None = None,
    form: str | None = None,
    beside: str | os.PathLike[str] | None = None,
    line: int | None = None,
    **run: Any,
) -> Experiment:
    """Return the experiment in a YAML file, a mapping of the same form, a trainer's config or TrainingArguments.

    With a `key`, such as "training.schedule", it is the block that stands there, and the rest is not looked
    at. A scheduler of the form `package.module:Name` is refused unless its module is in `allow_import`, and a
    CSV file unless it lies in the document's folder (a mapping's is the current one), in one of
    `allow_files`, or below. `run` is what is to be said of the run beside, such as `dataset_size=50_000`, or
    `lr`, `metric` (`metric_csv`), `nc` and `iterations` where a trainer's config lacks them; `form` is the
    format of one whose keys do not say it, `beside` a trainer's config for a DeepSpeed JSON, or the other way
    round, and `line` where a training script makes the scheduler, if it makes several.
    Raises SpecError with every problem of the document, each with its line.
    """
    from lrviz.documents import load

    options: dict[str, Any] = {"key": key, "form": form, "beside": beside, "line": line}
    return load(source, allow_import=allow_import, allow_files=allow_files, **options, **run)


def resumed(experiment: Experiment, at: int | str, mode: str = "load", after: Experiment | None = None) -> Experiment:
    """Return the run that goes on from a checkpoint of an experiment, under the schedule of `after`, or the same.

    The checkpoint is written after `at` optimizer steps, or epochs such as "10ep", or a share such as "50%".
    `mode` is what a training script does with it: "load" the optimizer's and the scheduler's state, as torch's
    documentation has it; "restart", load the optimizer's state and construct the scheduler as if the run began;
    or "last-epoch", construct it with torch's last_epoch. The replay of what comes back has the steps before the
    checkpoint and those after it, and `Trace.seam` says where that is. Raises SpecError where the two do not fit
    together, and for a scheduler or a framework of which it is not known what it loads.
    """
    from lrviz.experiment.resume import resumed

    return resumed(experiment, at, mode, after)


def load_all(
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    key: str | None = None,
    **run: Any,
) -> list[Experiment]:
    """Return the experiments that a document's `overlay` compares, each with its label as its title; else its one.

    The arguments are those of `load`, as is what it raises; `run` is said of each.
    """
    from lrviz.overlays import Overlay, load

    found = load(source, allow_import=allow_import, allow_files=allow_files, key=key, **run)
    return list(found.experiments) if isinstance(found, Overlay) else [found]


def replay(
    target: Target,
    *,
    partial: bool = False,
    engine: Engine | str = "auto",
    train: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **arguments: Any,
) -> Trace:
    """Replay a schedule on PyTorch's own scheduler and return what each step trains with.

    `target` is a scheduler's name, a file, a mapping, TrainingArguments or an `Experiment`, and `arguments`
    are what the command line has flags for: `lrviz.replay("onecycle", max_lr=1e-3, epochs=10)`. A fresh
    model, optimizer and scheduler are made for every call. `engine` is "auto", "torch" or "light": the real
    torch, or its scheduler files alone, which "auto" takes where it was found bit-identical. With "upstream"
    the installed class of the library that a schedule is from runs, and `Trace.difference` says where
    lrviz's own formula has other numbers; it raises SpecError where there is none. With `train` the
    optimizer trains a toy problem, and `Trace.loss` is its loss. `progress(done, total)` is called now and
    then on long runs. Raises SpecError for bad input, and ReplayError where torch raises, with its words;
    with `partial` the trace up to there comes back instead, its `failure` set.
    """
    from lrviz.arguments import experiment_of
    from lrviz.engine.select import replay

    experiment = experiment_of(target, arguments)
    trace = replay(experiment, partial=partial, engine=engine, train=train, progress=progress)
    return dataclasses.replace(trace, experiment=experiment)


def plot(*targets: Target | Trace, output: str | os.PathLike[str] | None = None, **arguments: Any) -> Figure:
    """Draw a schedule, or several over each other, and return the matplotlib figure, which a notebook shows.

    Targets and `arguments` are those of `compare`, and the options of `FigureOptions` stand beside them. What
    `lrviz check` finds is marked. `output` is a file to write, .png, .svg or .pdf. Raises SpecError for bad
    input, ReplayError where torch raises.
    """
    from lrviz.experiment.record import arg_types
    from lrviz.render.figure.options import FigureOptions
    from lrviz.render.figure.output import format_of, write

    shown = {name: arguments.pop(name) for name in arg_types(FigureOptions) if name in arguments}
    options = FigureOptions(**shown)
    file_format = None if output is None else format_of(Path(output))
    drawn = _drawn(compare(*targets, **arguments), options, arguments.get("title"))
    if output is not None and file_format is not None:
        write(drawn, Path(output), file_format, options.dpi)
    return drawn


def preview(
    scheduler: Any,
    *,
    steps: int,
    steps_per_epoch: int | None = None,
    interval: str | None = None,
    metric: Any = None,
    optimizer: Any = None,
    partial: bool = False,
) -> Preview:
    """Return what a live scheduler will do in its next `steps` optimizer steps, and touch nothing of it.

    A copy of the scheduler is stepped, over a shadow of its optimizer: torch's schedulers, your own, and those of
    libraries whose `step` takes nothing. It is stepped after every optimizer step, or with `interval="epoch"`
    after every `steps_per_epoch` of them, the first of which is the next one. One that watches a metric needs
    `metric`: a number, a list, an expression of epoch and step, or a function that is called with epoch= and step=.
    `optimizer` is for schedulers that do not hold the one they are for. Raises SpecError for what cannot be copied,
    and ReplayError where the scheduler raises, with its words; with `partial` the trace up to there comes back
    instead, its `failure` set.
    """
    from lrviz.engine.preview import preview

    trace = preview(
        scheduler,
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        interval=interval,
        metric=metric,
        optimizer=optimizer,
    )
    if trace.failure is not None and not partial:
        raise ReplayError(trace.failure.description)
    return trace


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
    """Raise CheckError where a schedule has an error; return what the rules find otherwise, the worst first.

    `target` is a live scheduler, with `steps` the optimizer steps that the run has from here on and the other
    arguments of `lrviz.preview`; it is not touched. torch's schedulers, and those that transformers makes, are
    read off the object and looked at by every rule, from the run's first step on, and any other by those of the
    curve. Or it is a scheduler's name, a file, a mapping, TrainingArguments or an `Experiment`, with the arguments
    that `lrviz.replay` takes. With `strict` a warning is an error, too; `ignore` are rules to leave out. Where
    neither says more, the project's `[tool.lrviz.check]` does.
    """
    from lrviz.checking import check

    own = {"steps": steps, "steps_per_epoch": steps_per_epoch, "interval": interval, "metric": metric}
    return check(target, **own, optimizer=optimizer, strict=strict, ignore=ignore, **rest)


def _drawn(found: Comparison, options: FigureOptions, title: str | None) -> Figure:
    """Draw a schedule with all there is to say of it, or several over each other."""
    from lrviz.render.figure.options import marks_of

    (one, *others) = found.subjects
    if others or one.experiment is None:
        return found.figure(options)
    experiment = one.experiment if title is None else dataclasses.replace(one.experiment, title=title)
    return figure(one.trace, experiment, options, marks_of(found.findings()[0]))


def compare(*targets: Target | Trace, title: str = "", labels: Sequence[str] = (), **arguments: Any) -> Comparison:
    """Replay several schedules, to be looked at beside each other; a notebook shows them in one figure.

    Targets and `arguments`, which are of all of them, are those of `replay`; a trace is one as well, and so are
    a document with an `overlay:` and the log of a run, a file or its folder. Without `labels` they are called by
    what differs. Raises SpecError for bad input, ReplayError where torch raises.
    """
    from lrviz.comparison import Comparison
    from lrviz.subject import Subject

    subjects: list[Subject] = []
    titles = [title]
    for number, target in enumerate(targets):
        given = str(target) if isinstance(target, (str, os.PathLike)) else f"{number}"
        traces, of_document = _traces(target, arguments)
        titles.append(of_document)
        for trace in traces:
            name = trace.experiment.name if trace.experiment else Path(given).name or given
            of = f"{given}, {len(subjects)}"
            subjects.append(Subject(name=name, trace=trace, experiment=trace.experiment, target=of))
    return Comparison(subjects=subjects, title=next(filter(None, titles), ""), labels=labels)


def _traces(target: Target | Trace, arguments: Mapping[str, Any]) -> tuple[list[Trace], str]:
    """Return what a target of a comparison replays to, several of a document with an `overlay:`, and its title."""
    from lrviz.arguments import experiments_of, is_log
    from lrviz.trace import Trace

    if isinstance(target, Trace):
        return [target], ""
    if isinstance(target, (str, os.PathLike)) and is_log(target):
        from lrviz.readers.logs import formats

        if arguments:
            raise SpecError(f"{os.fspath(target)}: the log of a run takes no arguments: {', '.join(arguments)}")
        return [formats.read(Path(target))], ""
    experiments, title = experiments_of(target, arguments)
    return [replay(experiment) for experiment in experiments], title


def figure(
    trace: Trace,
    experiment: Experiment | None = None,
    options: FigureOptions | None = None,
    marks: Sequence[Mark] = (),
) -> Figure:
    """Draw a trace and return the matplotlib figure, which belongs to no window; a notebook shows it.

    The experiment is the trace's own, where `lrviz.replay` or `lrviz.preview` made it. Raises SpecError where
    there is none, for what is no trace, and where `options.show` asks for momentum and the optimizer has none.
    """
    from lrviz.render.figure.draw import draw
    from lrviz.render.figure.options import FigureOptions
    from lrviz.trace import Trace

    if not isinstance(trace, Trace):
        message = "must be a trace, such as lrviz.replay returns, and of a live scheduler lrviz.preview"
        raise SpecError(f"{message}(scheduler, steps=...), not {shown(trace)}")
    experiment = experiment or trace.experiment
    if experiment is None:
        raise SpecError("the trace does not know its experiment: lrviz.figure(trace, experiment)")
    return draw(trace, experiment, options or FigureOptions(), marks)
