"""The shapes of lrviz's commands, before anything is known of targets: what `lrviz --help` needs and no more."""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperCommand, TyperGroup

__all__ = ["Command", "Group"]


class _Given:
    """Takes a parameter's value as the command line has it."""

    def __init__(self, parameter: Any) -> None:
        self.parameter = parameter

    def __call__(self, ctx: Any, value: Any) -> Any:
        parameter = self.parameter
        if value is None and (parameter.multiple or parameter.nargs == -1):
            value = []
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


class _Light:
    """A command that takes its options as they are given, and shows them in plain text under their headings.

    typer checks values with pydantic and draws help with rich's Markdown, whose imports take longer than
    all of lrviz's own; and what a flag of ours may be is for the kinds in `lrviz.experiment` to say.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter.process_value = _Given(parameter)
        return parameters

    def format_options(self, ctx: Any, formatter: Any) -> None:
        headings: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row:
                headings.setdefault(parameter.rich_help_panel or "Options", []).append(row)
        for heading, rows in headings.items():
            with formatter.section(heading):
                formatter.write_dl(rows)


class Command(_Light, TyperCommand):
    """A command."""


class Group(_Light, TyperGroup):
    """A command of commands, each with its whole first line."""

    heading: ClassVar[str] = "Commands"

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section(self.heading):
            formatter.write_dl(
                [(name, str(command.help).partition("\n\n")[0]) for name, command in commands if command]
            )
