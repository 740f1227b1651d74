"""An experiment as the Python that trains with it: optimizer, scheduler, and the loop that steps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lrviz.errors import counted
from lrviz.experiment.argtypes import TRAIN
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.schedulers.code import Script
from lrviz.render.text.code.loop import loop_lines
from lrviz.render.text.code.trainers import lightning_lines, transformers_lines

FORMS = ("torch", "lightning", "transformers")
"""What `--as` takes; without it, the classes of the schedule's own library in a plain loop."""


def code_lines(experiment: Experiment, form: str | None = None) -> list[str]:
    """Return the lines of a script that trains with what the experiment replays.

    Raises SpecError where there is no such form.
    """
    script = _script(experiment, form)
    experiment.resolved.write(script)
    writers = {"lightning": lightning_lines, "transformers": transformers_lines}
    body = writers.get(form or "", loop_lines)(experiment, script)
    head = [f"# {_printable(line)}" for line in _heading(experiment)]
    functions = [line for lines in script.functions for line in ["", "", *lines]]
    return [*head, "", *_imports(script), *functions, *[""] * bool(functions), *body]


def _script(experiment: Experiment, form: str | None) -> Script:
    clock = experiment.run.clock
    watched = experiment.resolved.stepped_with()
    return Script(
        now=clock.interval,
        calls=clock.calls,
        total=clock.scheduler_steps,
        default_lr=experiment.optimizer.lr,
        is_plain=form == "torch",
        metric="" if watched is None else "loss.item()" if watched == TRAIN else "metric",
    )


def _printable(text: str) -> str:
    """Return text for a comment, which must not end before it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _heading(experiment: Experiment) -> Iterator[str]:
    """Yield what the script is of, and where its lengths are from."""
    clock = experiment.run.clock
    length = counted(clock.steps, clock.unit.removesuffix("s"))
    if clock.epochs is not None and clock.steps_per_epoch:
        length = f"{counted(clock.epochs, 'epoch')} of {clock.steps_per_epoch:,}, {length}"
    yield f"{experiment.name}: {length}"
    yield from (f"as {name} {version} has it" for name, version in experiment.follows.items())
    if clock.calls > 1:
        yield f"accelerate steps a prepared scheduler {clock.calls} times, once for each process"
    yield from _durations(experiment)


def _durations(experiment: Experiment) -> Iterator[str]:
    """Yield what each length of the document that is no plain number comes to."""
    document = experiment.document.plain() if experiment.document else {}
    said, steps, warmup = document.get("scheduler", {}), experiment.run.clock.scheduler_steps, document.get("warmup")
    if not experiment.warmup:
        yield from _said(said, experiment.resolved, f"{steps:,} scheduler steps")
        return
    if isinstance(warmup, str):
        yield f"warmup: {warmup} of {steps:,} scheduler steps = {experiment.warmup:,}"
    of = f"{steps - experiment.warmup:,} scheduler steps after the warmup"
    for child, spec in zip(said.get("schedulers", [said]), experiment.resolved.children()[1:], strict=False):
        yield from _said(child, spec, of)


def _said(said: Mapping[str, Any], spec: SchedulerSpec, of: str) -> Iterator[str]:
    """Yield what the lengths of a scheduler, and of those inside it, come to; `of` is what it has in words."""
    if not spec.children():
        unset = [name for name, arg_type in arg_types(spec).items() if arg_type.horizon and said.get(name) is None]
        yield from (f"{name}: all {of}" for name in unset if of.startswith(f"{getattr(spec, name) or 0:,} "))
    for key, value in said.items():
        found = getattr(spec, key, None)
        is_list = isinstance(value, list) and isinstance(found, tuple)
        texts = zip(value, found or (), strict=False) if is_list else [(value, found)]
        for text, number in texts:
            if isinstance(text, str) and type(number) is int:
                yield f"{key}: {text} of {of} = {number:,}"
    for child, inner in zip(said.get("schedulers", []), spec.children(), strict=False):
        yield from _said(child, inner, of)


def _imports(script: Script) -> Iterator[str]:
    """Yield the imports, in the order of the alphabet: Python's own `math` before those of packages."""
    parts = sorted((module, names) for module, names in script.imports.items() if names)
    yield from ["import math", ""] * ("math" in script.imports)
    yield from (f"from {module} import {', '.join(sorted(names))}" for module, names in parts)
