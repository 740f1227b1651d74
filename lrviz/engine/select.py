"""Which engine answers: the light one where it is bit-identical to the installed torch, else torch itself.

`replay` is the way in for the API, the CLI and the gallery.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass

from lrviz.engine.engine import Engine, TorchEngine
from lrviz.engine.record import Progress, record
from lrviz.errors import LrvizError, Problem, ReplayError, SpecError, nearest, shown
from lrviz.experiment.experiment import Experiment
from lrviz.trace import Trace

ENGINES = ("auto", "torch", "light", "upstream")


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """Which engine replays an experiment, and why."""

    name: str  # "torch", "light" or "upstream"
    reason: str
    wants_check: bool = False  # torch runs only because the engines were not compared yet, which a replay can do


def replay(
    experiment: Experiment,
    *,
    partial: bool = False,
    engine: Engine | str = "auto",
    train: bool = False,
    progress: Progress | None = None,
) -> Trace:
    """Replay an experiment on PyTorch's own scheduler and return what each step trains with.

    `engine` is "auto", "torch" or "light" (see `choose`), or an engine; or "upstream", for the installed
    class of the library that a schedule is from (see `lrviz.engine.upstream`). With `train`, and for a
    plateau whose metric is "train", the optimizer trains a toy problem (see `lrviz.engine.toy`), and
    `Trace.loss` is its loss. A run that goes on from a checkpoint is replayed on torch itself. `progress` is
    called as `lrviz.engine.record.record` says. Raises ReplayError where torch raises, with its words; with
    `partial` the trace up to there comes back instead, its `failure` set. Raises SpecError for an unknown
    engine, and for what "upstream" cannot run.
    """
    train = train or experiment.trains
    if isinstance(engine, str):
        _check_name(engine)
    if experiment.resume is not None:
        trace = _resumed(experiment, engine, train=train, progress=progress)
    elif engine == "upstream":
        from lrviz.engine.upstream import replay_upstream

        trace = replay_upstream(experiment, train=train, progress=progress)
    elif train:
        from lrviz.engine.toy import ToyEngine

        trace = record(experiment, ToyEngine(), progress)
    elif isinstance(engine, str):
        trace = _on_chosen(experiment, engine, progress)
    else:
        trace = record(experiment, engine, progress)
    if trace.failure is not None and not partial:
        raise ReplayError(trace.failure.description)
    return trace


def _resumed(experiment: Experiment, engine: Engine | str, *, train: bool, progress: Progress | None) -> Trace:
    """Replay a run that goes on from a checkpoint, on torch: its state is torch's."""
    from lrviz.engine.resume import record_resumed

    if engine == "upstream":
        raise SpecError(Problem(field="engine", message="upstream replays no checkpoint; the others do, on torch"))
    if train:
        raise SpecError(Problem(field="train", message="a checkpoint of the toy training is none that could be loaded"))
    return record_resumed(experiment, engine if isinstance(engine, TorchEngine) else TorchEngine(), progress)


def choose(experiment: Experiment | None = None, wanted: str = "auto") -> EngineChoice:
    """Return the engine that a replay takes, without importing torch; without an experiment, for a plain one.

    "auto" is "light" only where a comparison found it bit-identical to the installed torch. Whatever is
    wanted, what the light engine cannot do, or did otherwise than torch, runs on "torch". Raises SpecError
    for an unknown name, and for what "upstream" cannot run.
    """
    _check_name(wanted)
    if wanted == "upstream":
        return _upstream(experiment)
    if wanted == "torch":
        return EngineChoice(name="torch", reason="it was asked for")
    if wanted == "auto" and torch_is_loaded():
        return EngineChoice(name="torch", reason="it is already imported in this process")
    try:
        return _light_or_torch(experiment, wanted)
    except Exception as error:  # noqa: BLE001  the light engine has no errors of its own; torch has the last word
        return EngineChoice(name="torch", reason=f"the light engine is not available: {error or type(error).__name__}")


def _upstream(experiment: Experiment | None) -> EngineChoice:
    from lrviz.engine.library import makers

    if experiment is None:
        return EngineChoice(name="upstream", reason="it was asked for")
    names = makers(experiment.resolved)
    if names:
        return EngineChoice(name="upstream", reason=f"it was asked for: the installed {' and '.join(names)}")
    whose = "your" if experiment.scheduler.is_foreign else "torch's"
    return EngineChoice(name="torch", reason=f"{experiment.scheduler.label} is {whose} own")


def torch_is_loaded() -> bool:
    """Return whether torch is imported already, perhaps changed by whoever did, and costs nothing more."""
    return "torch" in sys.modules


def _check_name(wanted: str) -> None:
    if wanted not in ENGINES:
        message = f"must be one of {', '.join(ENGINES)}, not {shown(wanted)}{nearest(wanted, ENGINES)}"
        raise SpecError(Problem(field="engine", message=message))


def _light_or_torch(experiment: Experiment | None, wanted: str) -> EngineChoice:
    from lrviz.engine.certify import read
    from lrviz.engine.light import torch_folder

    torch_folder()  # raises where there is none
    because = experiment.scheduler.unsupported_reason() if experiment else None
    if experiment is not None and experiment.resume is not None:
        because = "a checkpoint holds torch's own state"
    if because is not None:
        return EngineChoice(name="torch", reason=because)
    check = read()
    if check is not None and not check.passed:
        return EngineChoice(name="torch", reason=f"the light engine differs from this torch: {check.mismatches[0]}")
    if check is not None:
        reason = f"bit-identical to torch {check.torch_version} in {check.replays} comparisons"
        return EngineChoice(name="light", reason=reason)
    if wanted == "light":
        return EngineChoice(name="light", reason="it was asked for, though it was not compared with this torch yet")
    reason = "the light engine was not compared with this torch yet; a replay on torch does that, once"
    return EngineChoice(name="torch", reason=reason, wants_check=True)


def _on_chosen(experiment: Experiment, wanted: str, progress: Progress | None) -> Trace:
    """Replay on the engine that fits; where the light one fails in any way, torch has the last word."""
    choice = choose(experiment, wanted)
    if choice.name == "light":
        trace = _on_light(experiment, progress)
        if trace is not None and trace.failure is None:
            return trace
    if choice.wants_check:
        with suppress(Exception):  # without a result torch goes on answering
            from lrviz.engine.certify import certify, is_writable

            if is_writable():
                certify()
    return record(experiment, TorchEngine(), progress)


def _on_light(experiment: Experiment, progress: Progress | None) -> Trace | None:
    from lrviz.engine.light import LightEngine

    try:
        return record(experiment, LightEngine(), progress)
    except LrvizError:  # of the experiment, not of the engine
        raise
    except Exception:  # noqa: BLE001  the light engine has no errors of its own
        return None
