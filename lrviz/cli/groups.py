"""A command whose subcommands are targets."""

from __future__ import annotations

from typing import Any, ClassVar

from lrviz.cli.commands import Command, Group
from lrviz.errors import SpecError

__all__ = ["TargetGroup"]


class TargetGroup(Group):
    """A command whose subcommands are targets; each gets its own flags and `--help` when it is asked for."""

    verb: ClassVar[str]
    heading = "Schedulers"

    def list_commands(self, ctx: Any) -> list[str]:
        from lrviz.experiment.schedulers import CATALOGUE

        return [name for name, spec in CATALOGUE.items() if spec.on_command_line]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return what a list of commands shows of one."""
        from lrviz.experiment.schedulers import CATALOGUE

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
