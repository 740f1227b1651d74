"""`lrviz engines`: which engine would replay, and why; and the comparison of the two."""

from __future__ import annotations

import typer

__all__ = ["certify", "show"]


def show() -> None:
    """Print the engine that a plain replay would take."""
    from lrviz.engine.engine import choose

    choice = choose()
    typer.echo(f"{choice.name}, because {choice.reason}")


def certify() -> None:
    """Compare the engines and print what was compared; exit with 1 where they differ."""
    from lrviz.engine.certify import certify, read

    report = certify()
    typer.echo(
        f"compared the light engine with torch {report.torch_version}, to the bit:\n"
        f"  {report.traces:,} replays of {report.schedulers} schedulers under {report.optimizers} optimizers, "
        "one and two groups\n"
        f"  {report.settings:,} settings (rates and momenta), {report.failures} failures and "
        f"{report.remarks} warnings of torch"
    )
    for mismatch in report.mismatches:
        typer.echo(f"  differs: {mismatch}")
    if not report.certified:
        typer.echo("not certified: torch itself replays")
        raise typer.Exit(1)
    kept = "" if read() else ", though the verdict could not be kept: torch itself replays"
    typer.echo(f"certified{kept}")
