"""What lrviz says of itself: its schedulers, its rules, and its two engines."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from lrviz.cli.report import COLORS, console, plain_blocks
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.render.words import one_line

__all__ = ["certify_engines", "explain_rule", "show_engine", "show_rules", "show_schedulers"]

_PLAIN = str.maketrans("▁▂▃▄▅▆▇█", "_.-~=+*#")


def show_schedulers() -> None:
    """Print every scheduler: its name and shape, a line on what it does, its torch class and what it must be given."""
    from lrviz.experiment.schedulers import CATALOGUE

    plain = plain_blocks()
    rows = []
    for spec in CATALOGUE.values():
        shape = spec.shape.translate(_PLAIN) if plain else spec.shape
        needs = ", ".join(spec.required())
        call = f"{spec.__name__}({needs})" if spec.module else f"takes {needs}"
        if spec.name == "custom":
            call = "package.module:Name, with --arg name=value"
        elif not spec.on_command_line:
            call += ", in YAML"
        rows.append((spec.name, f"[blue]{shape}[/]", f"{spec.summary()}\n[dim]{call}[/]"))
    _print_rows(rows)


def show_rules() -> None:
    """Print every rule with its severity and one line on what it finds."""
    from lrviz.rules import RULES

    _print_rows((rule.name, f"[{COLORS[rule.severity]}]{rule.severity}[/]", rule.summary) for rule in RULES.values())


def explain_rule(name: str) -> None:
    """Print what there is to know of a rule; raises SpecError where there is none of the name."""
    from rich.markdown import Markdown

    from lrviz.rules import RULES
    from lrviz.rules.docs import section

    if name not in RULES:
        message = f"unknown rule {shown(name)}{nearest(name, RULES) or '; lrviz check --list shows them'}"
        raise SpecError(Problem(place="--explain", message=message))
    console().print(Markdown(section(RULES[name]), code_theme="ansi_light"))


def _print_rows(rows: Iterable[tuple[str, str, str]]) -> None:
    """Print rows of a name, a short word or drawing, and a sentence."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column()
    for row in rows:
        table.add_row(*row)
    console().print(table)


def show_engine() -> None:
    """Print the engine that a plain replay would take."""
    from lrviz.engine.select import choose

    choice = choose()
    typer.echo(f"{choice.name}: {one_line(choice.reason)}")


def certify_engines() -> None:
    """Compare the engines and print what was compared; exit with 1 where they differ."""
    from lrviz.engine.certify import certify, read

    check = certify()
    typer.echo(
        f"compared the light engine with torch {check.torch_version}, bit by bit:\n"
        f"  {check.replays:,} replays of {check.schedulers} schedulers under {check.optimizers} optimizers, "
        "one and two groups\n"
        f"  {check.steps:,} steps (learning rates and momenta), {check.failures} failures and {check.warnings} warnings"
    )
    for mismatch in check.mismatches:
        typer.echo(f"  differs: {one_line(mismatch)}")
    if not check.passed:
        typer.echo("not identical: torch itself replays")
        raise typer.Exit(1)
    typer.echo("identical" if read() else "identical, but the result could not be kept: torch itself replays")
