"""What the tests of trainers' configs share: a config in a folder of its own, read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import documents
from lrviz.cli.convert import lines
from lrviz.errors import SpecError
from lrviz.experiment import yaml_reader
from lrviz.experiment.experiment import Experiment

Read = Callable[..., Experiment]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """Return a function that writes a config into an empty folder, and reads it with what is said beside it."""
    monkeypatch.chdir(tmp_path)

    def read(text: str, name: str = "args.yaml", **said: Any) -> Experiment:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
        return lrviz.load(name, **said)

    return read


@pytest.fixture
def refused(config: Read) -> Callable[..., str]:
    """Return a function that reads a config which is refused, and returns the message."""

    def read(text: str, name: str = "args.yaml", **said: Any) -> str:
        with pytest.raises(SpecError) as error:
            config(text, name, **said)
        return str(error.value)

    return read


@pytest.fixture
def document() -> Callable[[Experiment], Any]:
    """Return a function that gives the document of an experiment, once it has replayed as its conversion does."""

    def plain(experiment: Experiment) -> Any:
        assert experiment.origin is not None
        assert experiment.document is not None
        converted = documents.read(yaml_reader.parse("\n".join(lines(experiment, experiment.origin)), "converted.yaml"))
        assert lrviz.replay(converted).groups == lrviz.replay(experiment).groups
        return experiment.document.plain()

    return plain


@pytest.fixture
def traps() -> Callable[[Experiment], list[tuple[str, str]]]:
    """Return a function that gives the rule and the place of each trap in a config."""

    def found(experiment: Experiment) -> list[tuple[str, str]]:
        assert experiment.origin is not None
        return [(trap.rule, trap.place) for trap in experiment.origin.traps]

    return found
