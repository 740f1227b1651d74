"""`lrviz list`: every scheduler at a glance, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrviz.experiment.schedulers import CATALOGUE, SchedulerSpec

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["listing"]

_PLAIN = str.maketrans("▁▂▃▄▅▆▇█", "_.-~=+*#")


def listing(*, ascii: bool) -> Table:
    """Return the catalogue as a table for 80 columns: name, shape, summary, torch class with what it needs."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, style="blue")
    table.add_column()
    for spec in CATALOGUE.values():
        shape = spec.shape.translate(_PLAIN) if ascii else spec.shape
        table.add_row(spec.name, shape, f"{spec.summary()}\n[dim]{_call(spec)}[/dim]")
    return table


def _call(spec: type[SchedulerSpec]) -> str:
    """Return the torch class with the arguments that must be given, and where it can be used."""
    if spec.name == "custom":
        return "package.module:Name, with --arg name=value"
    call = f"{spec.__name__}({', '.join(spec.required())})" if spec.module else f"takes {', '.join(spec.required())}"
    return call if spec.on_command_line else f"{call}, in YAML"
