"""What a project says to `lrviz check`: `[tool.lrviz.check]` in its pyproject.toml."""

from __future__ import annotations

from pathlib import Path

from lrviz.errors import Problem, SpecError
from lrviz.experiment.reader import read_record
from lrviz.experiment.values import Value
from lrviz.rules.settings import ProjectSettings, ToolSettings

NAME = "pyproject.toml"


def project_settings(folder: Path) -> ProjectSettings:
    """Return the settings of the nearest pyproject.toml in or above a folder that has any.

    Raises SpecError where it cannot be read, or says what there is not.
    """
    for parent in (folder, *folder.parents):
        table = _table(parent / NAME)
        if table is not None:
            return read_record(ToolSettings, table, "tool.lrviz").check
    return ProjectSettings()


def _table(file: Path) -> Value | None:
    """Return the table `[tool.lrviz]` of a file, None where there is none."""
    here = Path.cwd()
    place = str(file.relative_to(here) if file.is_relative_to(here) else file)
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file in UTF-8"
        raise SpecError(Problem(place=place, message=f"cannot be read: {reason}")) from None
    if "lrviz" not in text:
        return None
    import tomllib

    try:
        tool = tomllib.loads(text).get("tool")
    except tomllib.TOMLDecodeError as error:
        raise SpecError(Problem(place=place, message=f"not valid TOML: {error}")) from None
    table = tool.get("lrviz") if isinstance(tool, dict) else None
    return None if table is None else Value.of(table, place)
