"""The shapes of lrviz's commands, before anything is known of targets: what `lrviz --help` needs and no more."""

from __future__ import annotations

from typing import Any, ClassVar

from typer.core import TyperCommand, TyperGroup

from lrviz.errors import SpecError

__all__ = ["Command", "Group", "TargetGroup"]


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
    all of lrviz's own; and what a flag of ours may be is for the kinds in `lrviz.spec` to say.
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


class TargetGroup(Group):
    """A command whose subcommands are targets; each gets its own flags and `--help` when it is asked for."""

    verb: ClassVar[str]
    heading = "Schedulers"

    def list_commands(self, ctx: Any) -> list[str]:
        from lrviz.spec.schedulers import CATALOGUE

        return [name for name, spec in CATALOGUE.items() if spec.on_command_line]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what a list of commands shows of one."""
        from lrviz.spec.schedulers import CATALOGUE

        spec = CATALOGUE[cmd_name]
        torch_name = f" ({spec.__name__})" if spec.module else ""
        return Command(cmd_name, help=f"{spec.summary()}{torch_name}", rich_markup_mode=None)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        from lrviz.cli.targets import command

        return args[0], command(self.verb, args[0]), args[1:]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        own = {"-", "-h", "--help", *(flag for parameter in self.params for flag in parameter.opts)}
        if first.startswith("-") and len(args) > 1 and first not in own:
            raise SpecError(f"{first}: the target comes first: lrviz {self.verb} TARGET {first} …")
        return list(super().parse_args(ctx, args))
