"""What the tests of formats look at in a config that was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lrviz.experiment.experiment import Experiment
from lrviz.experiment.origin import Origin


def document(experiment: Experiment) -> Any:
    """Return the document that a config came to, as plain data."""
    assert experiment.document is not None
    return experiment.document.plain()


def origin(experiment: Experiment) -> Origin:
    """Return what was read of a config."""
    assert experiment.origin is not None
    return experiment.origin


def changed(text: str, lines: Mapping[str, str]) -> str:
    """Return a text in which some lines are others."""
    for line, other in lines.items():
        assert line in text
        text = text.replace(line, other)
    return text
