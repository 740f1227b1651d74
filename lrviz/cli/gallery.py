"""`lrviz gallery`: every figure of a folder of experiments, or the check that they are up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lrviz.cli.flags import read_value
from lrviz.cli.report import progress
from lrviz.errors import Problem, SpecError
from lrviz.experiment.argtypes import OneOf
from lrviz.render.figure.output import FORMATS
from lrviz.render.figure.standalone import import_matplotlib

if TYPE_CHECKING:
    from lrviz.gallery import OnDrawn

__all__ = ["check", "draw", "formats_of"]


def formats_of(text: str) -> list[str]:
    """Return the formats in a comma list; raises SpecError for one that is unknown."""
    one = OneOf(FORMATS, "")
    names = [part.strip().lower().lstrip(".") for part in text.split(",")]
    return list(dict.fromkeys(read_value(one, name, "--formats") for name in names))


def draw(configs: Path | None, output: Path, formats: Sequence[str], allow_import: Sequence[str]) -> None:
    """Draw the gallery and say where it is."""
    from lrviz.files import make_folder
    from lrviz.gallery import collect, own_configs, render

    import_matplotlib()
    entries = collect(configs or own_configs(), allow_import=allow_import)
    make_folder(output)
    with _progress("drawing", len(entries) + 2) as report:
        count = render(entries, output, formats, report)
    typer.echo(f"wrote {count} figures as {', '.join(formats)} to {output}/, with an index in {output / 'README.md'}")


def check(configs: Path | None, output: Path, formats: Sequence[str], allow_import: Sequence[str]) -> None:
    """Compare the gallery with its files; exit with 1 where they drifted."""
    from lrviz.drift import differences
    from lrviz.gallery import CURVES, collect, own_configs

    if not output.is_dir():
        raise SpecError(Problem(place=str(output), message="there is no such folder to check"))
    import_matplotlib()
    entries = collect(configs or own_configs(), allow_import=allow_import)
    with _progress("checking", len(entries) + 2) as report:
        found = differences(entries, output, formats, report)
    for line in found:
        typer.echo(line)
    if found:
        names = (line.partition(":")[0] for line in found)
        stale = {name if Path(name).suffix else CURVES for name in names}  # a figure's numbers stand in one file of all
        are = "1 file is" if len(stale) == 1 else f"{len(stale)} files are"
        typer.echo(f"{are} out of date; run `lrviz gallery`", err=True)
        raise typer.Exit(1)
    typer.echo(f"{output}/ is up to date: {len(entries)} figures and their summaries")


@contextmanager
def _progress(what: str, total: int) -> Iterator[OnDrawn | None]:
    with progress(what, total) as update:
        yield update and (lambda name: update(advance=1, description=f"{what} {name}"))
