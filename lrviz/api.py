"""The three functions of the Python API. What they need is imported when they are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lrviz.documents import Arguments
    from lrviz.engine.engine import Engine
    from lrviz.experiment.experiment import Experiment
    from lrviz.render.figure.options import FigureOptions, Mark
    from lrviz.trace import Trace


def load(
    source: str | os.PathLike[str] | Mapping[str, Any] | Arguments,
    *,
    allow_import: Collection[str] = (),
    allow_files: Collection[str | os.PathLike[str]] = (),
    key: str | None = None,
    form: str | None = None,
    beside: str | os.PathLike[str] | None = None,
    **run: Any,
) -> Experiment:
    """Return the experiment in a YAML file, a mapping of the same form, a trainer's config or TrainingArguments.

    With a `key`, such as "training.schedule", it is the block that stands there, and the rest is not looked
    at. A scheduler of the form `package.module:Name` is refused unless its module is in `allow_import`, and a
    CSV file unless it lies in the document's folder (a mapping's is the current one), in one of
    `allow_files`, or below. `run` is what is to be said of the run beside, such as `dataset_size=50_000`, or
    `lr`, `metric` (`metric_csv`), `nc` and `iterations` where a trainer's config lacks them; `form` is the
    format of one whose keys do not say it, and `beside` a trainer's config for a DeepSpeed JSON, or the
    other way round.
    Raises SpecError with every problem of the document, each with its line.
    """
    from lrviz.documents import load

    return load(source, allow_import=allow_import, allow_files=allow_files, key=key, form=form, beside=beside, **run)


def replay(
    experiment: Experiment,
    *,
    partial: bool = False,
    engine: Engine | str = "auto",
    train: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Trace:
    """Replay an experiment on PyTorch's own scheduler and return what each step trains with.

    A fresh model, optimizer and scheduler are made for every call. `engine` is "auto", "torch" or
    "light": the real torch, or its scheduler files alone, which "auto" takes where it was found
    bit-identical. With "upstream" the installed class of the library that a schedule is from runs, and
    `Trace.difference` says where lrviz's own formula has other numbers; it raises SpecError where there
    is none. With `train` the optimizer trains a toy problem, and `Trace.loss` is its loss.
    `progress(done, total)` is called now and then on long runs. Raises ReplayError where torch raises,
    with its words; with `partial` the trace up to there comes back instead, its `failure` set.
    """
    from lrviz.engine.select import replay

    return replay(experiment, partial=partial, engine=engine, train=train, progress=progress)


def figure(
    trace: Trace, experiment: Experiment, options: FigureOptions | None = None, marks: Sequence[Mark] = ()
) -> Figure:
    """Draw a trace and return the matplotlib figure, which belongs to no window.

    Raises SpecError where `options.show` asks for momentum and the optimizer has none.
    """
    from lrviz.render.figure.draw import draw
    from lrviz.render.figure.options import FigureOptions

    return draw(trace, experiment, options or FigureOptions(), marks)
