"""The shapes of lrviz's commands: what `lrviz --help` needs and no more."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lrviz.cli.report import columns
from lrviz.errors import SpecError
from lrviz.experiment.docstrings import docstring

__all__ = ["Action", "Command", "CommandGroup", "Verb", "scheduler_lines"]

Action = tuple[Callable[..., None], list[inspect.Parameter]]
"""What a verb does with its targets and the values of all flags, and the flags that it adds to those of a target."""

TARGET = (
    "\n\nTARGET is a scheduler's name or torch's name for it, a YAML file, - for standard input, or "
    "package.module:Name, a scheduler of your own. Each has its own flags, beside those for the run, the "
    "optimizer and the output: see TARGET --help."
)
WIDEST_HELP = 80  # columns
DURATIONS = "A DURATION is 500 (scheduler steps), 2ep (epochs) or 5% (of the run)."


def _as_given(parameter: Any, ctx: Any, value: Any) -> Any:
    """Return a parameter's value as the command line has it."""
    return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


class _Light:
    """A command that takes its options as they are given, and shows them in plain text under their headings.

    typer checks values with pydantic and draws help with rich's Markdown, whose imports take longer than
    all of lrviz's own; and what a flag of ours may be is for the kinds in `lrviz.experiment` to say.
    """

    def __init__(self, *args: Any, help: str | None = None, callback: Any = None, **settings: Any) -> None:
        settings |= {"help": help or docstring(callback), "callback": callback}
        super().__init__(*args, **settings)

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter.process_value = partial(_as_given, parameter)
        return parameters

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.width = min(columns(), WIDEST_HELP) - 2
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        headings: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row:
                headings.setdefault(parameter.rich_help_panel or "Options", []).append(row)
        for heading, rows in headings.items():
            _write_rows(formatter, heading, rows)


def _write_rows(formatter: Any, heading: str, rows: Sequence[tuple[str, str]]) -> None:
    beside = 30 if formatter.width > 60 else 4  # columns of what a text stands beside, rather than under
    with formatter.section(heading):
        formatter.write_dl(rows, col_max=beside)


class Command(_Light, TyperCommand):
    """A command."""


class CommandGroup(_Light, TyperGroup):
    """A command of commands, each with the whole first line of its help."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        rows = [(name, str(command.help).partition("\n\n")[0]) for name, command in self.commands.items()]
        _write_rows(formatter, "Commands", rows)


class Verb(Command):
    """A command over targets, whose function returns its `Action`: what to do, and which flags that has.

    The first argument is a target, and the command that runs is made for it, with its flags and `--help`.
    """

    def __init__(self, *, help: str | None, **settings: Any) -> None:
        super().__init__(help=(help or docstring(settings["callback"])) + TARGET, **settings)

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Return the context of a target's command, where the arguments begin with a target."""
        if not args or (args[0].startswith("-") and args[0] != "-"):
            return super().make_context(info_name, args, parent, **extra)
        return self._of_target(args[0]).make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {flag for parameter in self.get_params(ctx) for flag in parameter.opts}
        if len(args) > 1 and args[0] not in own:
            raise SpecError(f"{args[0]}: the target comes first: lrviz {self.name} TARGET {args[0]} …")
        return super().parse_args(ctx, args)

    def _of_target(self, name: str) -> Any:
        """Return the command of this verb for a target, its signature put together from the flags it takes."""
        from lrviz.cli.targets import file_source, find

        assert self.callback is not None
        act, own = self.callback()
        source = find(name, str(self.name))

        def callback(ctx: typer.Context, **given: Any) -> None:
            act([source, *map(file_source, ctx.args)], given)

        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *source.flags(), *own]
        callback.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        callback.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(
            name, cls=Command, help=source.help, epilog=DURATIONS, options_metavar=str(self.options_metavar),
            context_settings={"allow_extra_args": True},
        )(callback)  # fmt: skip
        return typer.main.get_command(single)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS] TARGET [FLAGS]..."]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        _write_rows(formatter, "Schedulers", scheduler_lines())


def scheduler_lines() -> list[tuple[str, str]]:
    """Return the name of every scheduler that can be a target, with a line on what it does."""
    from lrviz.experiment.schedulers import CATALOGUE

    return [
        (name, f"{spec.summary()} ({spec.__name__})" if spec.module else spec.summary())
        for name, spec in CATALOGUE.items()
        if spec.on_command_line
    ]
