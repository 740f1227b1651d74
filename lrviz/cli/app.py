"""The commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import lrviz
from lrviz.cli.commands import Command, Group
from lrviz.cli.groups import TargetGroup

__all__ = ["app"]

ORDER = ("plot", "table", "check", "list", "gallery", "schema", "engines")
TARGET = (
    "\n\nTARGET is a scheduler's name or torch's name for it, a YAML file, - for standard input, or "
    "package.module:Name, a scheduler of your own. Each has its own flags, beside those for the run, the "
    "optimizer and the output: see TARGET --help."
)


class _Root(Group):
    """lrviz itself: what is used most comes first."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(ORDER)


app = typer.Typer(
    name="lrviz",
    cls=_Root,
    help="Show what a PyTorch learning-rate schedule will really do.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lrviz {lrviz.__version__}")
        raise typer.Exit


@app.callback()
def lrviz_main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Show what a PyTorch learning-rate schedule will really do."""


def _add(verb: str, help_text: str) -> typer.Typer:
    """Add a command that takes a TARGET; its module is imported when it is used."""
    group: Any = type(f"{verb.title()}Group", (TargetGroup,), {"verb": verb})
    sub = typer.Typer(cls=group, rich_markup_mode=None)
    app.add_typer(sub, name=verb, help=help_text + TARGET, subcommand_metavar="TARGET [FLAGS]...", no_args_is_help=True)
    return sub


_add("plot", "Draw a schedule as PNG, SVG or PDF.")
_add("table", "Print a schedule as a table, or as CSV, JSON or Markdown.")
_check = _add("check", "Find what is wrong with schedules, before the run; exit with 1 where there is an error.")


@_check.callback(invoke_without_command=True)
def list_rules(
    rules: Annotated[
        bool, typer.Option("--list", help="Show every rule with one line on what it finds.", show_default=False)
    ] = False,
) -> None:
    if rules:
        from lrviz.cli.check import show_rules

        show_rules()
        raise typer.Exit


@app.command("list", cls=Command)
def list_schedulers() -> None:
    """Show every scheduler: its shape, its torch class and what it must be given."""
    from lrviz.cli.listing import listing
    from lrviz.cli.report import console, plain_blocks

    console().print(listing(ascii=plain_blocks()))


@app.command("gallery", cls=Command)
def draw_gallery(
    configs: Annotated[
        str | None, typer.Option("--configs", metavar="DIR", help="Experiments to draw.", show_default="lrviz's own")
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = "gallery",
    formats: Annotated[str, typer.Option("--formats", metavar="LIST", help="Of png, svg, pdf.")] = "png,svg",
    allow_import: Annotated[
        list[str],
        typer.Option("--allow-import", metavar="MODULE", help="Let files name schedulers of it.", show_default=False),
    ] = [],  # noqa: B006  typer copies it
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 and a list of what drifted.", show_default=False)
    ] = False,
) -> None:
    """Draw every figure of a folder of experiments, with summaries and an index."""
    from lrviz.cli import gallery

    act = gallery.check if check else gallery.draw
    act(Path(configs) if configs else None, Path(output), gallery.formats_of(formats), allow_import)


@app.command("engines", cls=Command)
def show_engines(
    certify: Annotated[
        bool, typer.Option("--certify", help="Compare the engines now, and say what was compared.", show_default=False)
    ] = False,
) -> None:
    """Say which engine would replay, and why."""
    from lrviz.cli import engines

    engines.certify() if certify else engines.show()


@app.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of the YAML format, for editors to complete it."""
    import json

    from lrviz.documents import SECTIONS
    from lrviz.experiment.schema import json_schema

    typer.echo(json.dumps(json_schema(SECTIONS), indent=2))
