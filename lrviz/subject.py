"""What is shown or compared: an experiment with its replay, or the log of a run, which has no experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers.composite import SequentialLR, Warmup
from lrviz.experiment.writer import as_document
from lrviz.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One of the things that a figure, a table or a comparison is of."""

    name: str  # what it is called where it stands alone: its title, or its file
    trace: Trace
    experiment: Experiment | None = None  # none of a log
    target: str = ""  # how it was given: a file, or a scheduler's name and flags
    variant: str = ""  # what was set for it alone, where its target makes several

    @property
    def steps(self) -> int:
        """How many optimizer steps its run has, trained or not; of a log, as far as it goes."""
        return self.trace.end if self.experiment is None else self.experiment.run.clock.steps

    @property
    def stride(self) -> int:
        """How many optimizer steps lie between two changes of the learning rate, at the most often."""
        return 1 if self.experiment is None else self.experiment.stride

    def settings(self, *, resolved: bool = True) -> dict[str, Any]:
        """Return every setting of the run, the optimizer and the scheduler by its path, defaults included.

        A path is written as `--set` takes it: "scheduler.schedulers[1].T_max". A log has none. Unless
        `resolved`, what the scheduler takes from the run, such as its length, is left out.
        """
        experiment = self.experiment
        if experiment is None:
            return {}
        scheduler = experiment.resolved if resolved else experiment.scheduler
        parts = {"run": experiment.run, "optimizer": experiment.optimizer, "scheduler": scheduler}
        return dict(_leaves({name: as_document(part, defaults=True) for name, part in parts.items()}))

    def folded(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with the `warmup:` that its document writes, and not the sequence that it makes."""
        experiment = self.experiment
        if experiment is None or not experiment.warmup or settings["scheduler.name"] != SequentialLR.name:
            return dict(settings)
        sequence, second = (
            ("scheduler.schedulers[0].", "scheduler.milestones", "scheduler.name"),
            "scheduler.schedulers[1].",
        )
        kept = [path for path in settings if not path.startswith(sequence)]
        own = {path.replace(second, "scheduler.", 1): settings[path] for path in kept}
        return {"warmup": experiment.warmup} | own

    def written(self) -> dict[str, Any]:
        """Return those settings that its document and its flags write, by path, as they are written; a log has none."""
        experiment = self.experiment
        if experiment is None:
            return {}
        if experiment.document is None:
            parts = {"run": experiment.run, "optimizer": experiment.optimizer, "scheduler": experiment.scheduler}
            return dict(_leaves({name: as_document(part) for name, part in parts.items()}))
        keys = ("run", "optimizer", "scheduler", *arg_types(Warmup))
        document = experiment.document.plain()
        return dict(_leaves({key: document[key] for key in keys if document.get(key) is not None}))


def _leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number and text of nested data with its path; a list of them is one."""
    if isinstance(data, Mapping):
        for key, entry in data.items():
            yield from _leaves(entry, f"{path}.{key}".lstrip("."))
    elif isinstance(data, list) and any(isinstance(entry, (Mapping, list)) for entry in data):
        for number, entry in enumerate(data):
            yield from _leaves(entry, f"{path}[{number}]")
    else:
        yield path, data
