"""Running the command line in this process, as `main` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def lrviz(lrviz_command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs lrviz in an empty folder and tells how it ended."""
    return lrviz_command
