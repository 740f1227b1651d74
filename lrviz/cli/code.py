"""`lrviz code`: a schedule as the Python that trains with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from lrviz.cli.report import print_line
from lrviz.cli.targets import Source, only
from lrviz.files import write_text
from lrviz.render.text.code.script import code_lines


def code(sources: Sequence[Source], given: Mapping[str, Any]) -> None:
    """Print the script, or write it."""
    source = only(sources, "code")
    text = "\n".join(code_lines(source.load(given), given["form_of_code"])) + "\n"
    if given["output"] in (None, "-"):
        typer.echo(text, nl=False)
        return
    write_text(text, Path(given["output"]))
    print_line(f"wrote {given['output']}")
