"""What lrviz says of itself: its schedulers, its rules, and its two engines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.report import COLORS, console, plain_blocks
from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.render.words import one_line

if TYPE_CHECKING:
    from lrviz.experiment.schedulers import Family, SchedulerSpec

Styled = tuple[str, str]
"""A text, and its style in rich's words."""

Row = tuple[str, Styled, Sequence[Styled]]
"""A name, a short word or drawing, and sentences."""

NARROWEST_TEXT = 30  # columns
_PLAIN = str.maketrans("▁▂▃▄▅▆▇█", "_.-~=+*#")


def show_schedulers(asked: str | None = None) -> None:
    """Print every scheduler but those of libraries, of which it prints the names; or a family, or one scheduler.

    Raises SpecError where what is asked for is none.
    """
    from lrviz.experiment.docs import section
    from lrviz.experiment.schedulers import catalogue, families
    from lrviz.experiment.schedulers.catalogue import find, find_family

    if asked is None:
        own = [spec for spec in catalogue().values() if not spec.library]
        _print_rows([*map(_scheduler_row, own)])
        _print_rows([_family_row(each) for each in families() if each.library])
        return
    family, spec = find_family(asked), find(asked)
    specs = family.specs if family else [spec] if spec else []
    if not specs:
        known = [name for each in families() for name in (each.key, *each.names)]
        message = f"unknown family or scheduler {shown(asked)}{nearest(asked, known) or '; lrviz list shows them'}"
        raise SpecError(message)
    if len(specs) > 1:
        _print_rows([*map(_scheduler_row, specs)])
    else:
        _print_markdown(section(specs[0]))


def _scheduler_row(spec: type[SchedulerSpec]) -> Row:
    """Return a scheduler's name and shape, a line on what it does, what it is upstream and what it must be given."""
    from lrviz.experiment.schedulers import Watching

    shape = spec.shape.translate(_PLAIN) if plain_blocks() else spec.shape
    needs = ", ".join(spec.required())
    names = [name for name in spec.aliases or [spec.__name__] if spec.library and len(name) <= NARROWEST_TEXT]
    takes = [*names, *([f"takes {needs}"] if needs else [])]
    call = f"{spec.__name__}({needs})" if spec.module else "; ".join(takes)
    if issubclass(spec, Watching):
        call += f"{', ' * bool(call)}stepped with a metric"
    if spec.name == "custom":
        call = "package.module:Name, with --arg name=value"
    elif not spec.on_command_line:
        call += ", in YAML"
    return spec.name, (shape, "blue"), [(spec.summary(), ""), *([(call, "dim")] if call else [])]


def _family_row(family: Family) -> Row:
    count = f"{len(family.specs)} scheduler{'s' * (len(family.specs) > 1)}"
    return family.title, (count, "blue"), [(", ".join(family.names), ""), (f"lrviz list {family.key}", "dim")]


def show_rules() -> None:
    """Print every rule with its severity and one line on what it finds."""
    from lrviz.rules import RULES

    _print_rows([(rule.name, (rule.severity, COLORS[rule.severity]), [(rule.summary, "")]) for rule in RULES.values()])


def explain_rule(name: str) -> None:
    """Print what there is to know of a rule; raises SpecError where there is none of the name."""
    from lrviz.rules import RULES
    from lrviz.rules.docs import section

    if name not in RULES:
        message = f"unknown rule {shown(name)}{nearest(name, RULES) or '; lrviz check --list shows them'}"
        raise SpecError(Problem(place="--explain", message=message))
    _print_markdown(section(RULES[name]))


def _print_markdown(text: str) -> None:
    from rich.markdown import Markdown, TableElement

    class Folding(TableElement):
        """A table that breaks words that are too long for a column, where rich cuts them."""

        def __rich_console__(self, *arguments: Any) -> Iterator[Any]:
            for part in super().__rich_console__(*arguments):
                for column in getattr(part, "columns", ()):
                    column.overflow = "fold"
                yield part

    class Page(Markdown):
        elements = {**Markdown.elements, "table_open": Folding}

    screen = console()
    with screen.capture() as printed:  # rich fills its lines up with blanks
        screen.print(Page(text, code_theme="ansi_light"))
    typer.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))


def _print_rows(rows: Sequence[Row]) -> None:
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
