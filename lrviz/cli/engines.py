"""`lrviz engines`: which engine would replay, and why; and the comparison of the two."""

from __future__ import annotations

import typer

from lrviz.render.words import one_line

__all__ = ["certify", "show"]


def show() -> None:
    """Print the engine that a plain replay would take."""
    from lrviz.engine.select import choose

    choice = choose()
    typer.echo(f"{choice.name}: {one_line(choice.reason)}")


def certify() -> None:
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
