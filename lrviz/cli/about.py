"""What lrviz says of itself: its schedulers, its rules, and its two engines."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from lrviz.cli.report import COLORS, console, plain_blocks
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.render.words import one_line

Styled = tuple[str, str]
"""A text, and its style in rich's words."""

NARROWEST_TEXT = 30  # columns
_PLAIN = str.maketrans("▁▂▃▄▅▆▇█", "_.-~=+*#")


def show_schedulers() -> None:
    """Print every scheduler: its name and shape, a line on what it does, its torch class and what it must be given."""
    from lrviz.experiment.schedulers import Watching, catalogue

    plain = plain_blocks()
    blocks: dict[str, list[tuple[str, Styled, Sequence[Styled]]]] = {}  # by library, some of which have long names
    for spec in catalogue().values():
        shape = spec.shape.translate(_PLAIN) if plain else spec.shape
        needs = ", ".join(spec.required())
        call = f"{spec.__name__}({needs})" if spec.module else f"takes {needs}" * bool(needs)
        if issubclass(spec, Watching):
            call += f"{', ' * bool(call)}stepped with a metric"
        if spec.name == "custom":
            call = "package.module:Name, with --arg name=value"
        elif not spec.on_command_line:
            call += ", in YAML"
        about = [(spec.summary(), ""), (call, "dim")]
        row = spec.name, (shape, "blue"), [line for line in about if line[0]]
        blocks.setdefault(spec.library, []).append(row)
    for rows in blocks.values():
        _print_rows(rows)


def show_rules() -> None:
    """Print every rule with its severity and one line on what it finds."""
    from lrviz.rules import RULES

    _print_rows([(rule.name, (rule.severity, COLORS[rule.severity]), [(rule.summary, "")]) for rule in RULES.values()])


def explain_rule(name: str) -> None:
    """Print what there is to know of a rule; raises SpecError where there is none of the name."""
    from rich.markdown import Markdown

    from lrviz.rules import RULES
    from lrviz.rules.docs import section

    if name not in RULES:
        message = f"unknown rule {shown(name)}{nearest(name, RULES) or '; lrviz check --list shows them'}"
        raise SpecError(Problem(place="--explain", message=message))
    console().print(Markdown(section(RULES[name]), code_theme="ansi_light"))


def _print_rows(rows: Sequence[tuple[str, Styled, Sequence[Styled]]]) -> None:
    """Print rows of a name, a short word or drawing, and sentences; below the name where there is no room beside it."""
    from rich.text import Text

    screen = console()
    first, second = max(len(name) for name, _, _ in rows) + 2, max(len(word) for _, (word, _), _ in rows) + 2
    beside, stacked = screen.width - first - second >= NARROWEST_TEXT, screen.width < first + second
    indent = first + second if beside else 4
    for name, (word, color), sentences in rows:
        head = Text.assemble((name.ljust(first), "bold"), (word, color), " " * (second - len(word)))
        lines = [line for text in sentences for line in Text(*text).wrap(screen, screen.width - indent)]
        if stacked:
            head = Text(name, "bold")
            lines.insert(0, Text(word, color))
        if not beside:
            lines.insert(0, Text())
        for number, line in enumerate(lines):
            row = (Text(" " * indent) if number else head) + line
            row.rstrip()
            screen.print(row)


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
