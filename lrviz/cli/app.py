"""The commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import lrviz
from lrviz.cli import check, plot, table
from lrviz.cli.report import console, plain_blocks
from lrviz.cli.targets import TargetGroup, Verb

__all__ = ["app"]

app = typer.Typer(
    name="lrviz",
    help="Show what a PyTorch learning-rate schedule will really do.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
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


def _add(verb: Verb) -> None:
    group: Any = type(f"{verb.name.title()}Group", (TargetGroup,), {"verb": verb})
    sub = typer.Typer(cls=group, rich_markup_mode="rich")
    if verb.callback:
        sub.callback(invoke_without_command=True)(verb.callback)
    app.add_typer(
        sub,
        name=verb.name,
        help=verb.help,
        subcommand_metavar="TARGET [FLAGS]...",
        no_args_is_help=True,
    )


_add(plot.VERB)
_add(table.VERB)
_add(check.VERB)


@app.command("list")
def list_schedulers() -> None:
    """Show every scheduler: its shape, its torch class and what it must be given."""
    from lrviz.cli.listing import listing

    console().print(listing(ascii=plain_blocks()))


@app.command("gallery")
def draw_gallery(
    configs: Annotated[
        Path | None, typer.Option("--configs", metavar="DIR", help="Experiments to draw.", show_default="lrviz's own")
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")] = Path("gallery"),
    formats: Annotated[str, typer.Option("--formats", metavar="LIST", help="Of png, svg, pdf.")] = "png,svg",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 1 and a list of what drifted.", show_default=False)
    ] = False,
) -> None:
    """Draw every figure of a folder of experiments, with summaries and an index."""
    from lrviz.cli import gallery

    act = gallery.check if check else gallery.draw
    act(configs, output, gallery.formats_of(formats))


@app.command("engines")
def show_engines(
    certify: Annotated[
        bool, typer.Option("--certify", help="Compare the engines now, and say what was compared.", show_default=False)
    ] = False,
) -> None:
    """Say which engine would replay, and why."""
    from lrviz.cli import engines

    engines.certify() if certify else engines.show()


@app.command()
def schema() -> None:
    """Print the JSON Schema of the YAML format, for editors to complete it."""
    import json

    from lrviz.spec.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
