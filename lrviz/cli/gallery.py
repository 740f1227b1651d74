"""`lrviz gallery`: every figure of a folder of experiments, or the check that they are up to date."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lrviz.cli.flags import read_value
from lrviz.cli.report import print_message, print_note, progress
from lrviz.errors import OutputError, Problem, SpecError, counted
from lrviz.experiment.argtypes import OneOf
from lrviz.render.figure.output import FORMATS
from lrviz.render.figure.standalone import import_matplotlib
from lrviz.render.words import one_line

if TYPE_CHECKING:
    from lrviz.drift import Drift
    from lrviz.gallery import Entry, OnDone


@dataclass(frozen=True)
class Asked:
    """The flags that say which gallery is meant, as they were given."""

    configs: str | None
    output: str
    formats: str
    allow_import: Sequence[str]
    allow_files: Sequence[str]

    @property
    def command(self) -> str:
        """The command that draws this gallery."""
        flags = ["--configs", self.configs] if self.configs else []
        flags += ["-o", self.output] if self.output != "gallery" else []
        flags += ["--formats", self.formats] if self.formats != "png,svg" else []
        flags += [part for module in self.allow_import for part in ("--allow-import", module)]
        flags += [part for folder in self.allow_files for part in ("--allow-files", folder)]
        return one_line(shlex.join(["lrviz", "gallery", *flags]))

    def collect(self) -> list[Entry]:
        """Return the experiments, replayed; a bar shows how far it is."""
        from lrviz.gallery import collect, find, own_configs

        import_matplotlib()
        folder = Path(self.configs) if self.configs else own_configs()
        with _progress("replaying", len(find(folder))) as report:
            return collect(folder, allow_import=self.allow_import, allow_files=self.allow_files, on_replayed=report)


def formats_of(text: str) -> list[str]:
    """Return the formats in a comma list; raises SpecError for one that is unknown."""
    one = OneOf(FORMATS, "")
    names = [part.strip().lower().lstrip(".") for part in text.split(",")]
    return list(dict.fromkeys(read_value(one, name, "--formats") for name in names))


def draw(asked: Asked, form: str, *, prune: bool) -> None:
    """Draw the gallery, say where it is and what is wrong with its schedules; with `prune`, remove stray figures."""
    if _form(form) == "json":
        raise SpecError(Problem(place="--format", message="json is what --check prints; give --check, too"))
    formats, output = formats_of(asked.formats), Path(asked.output)
    if prune and output.is_symlink():
        raise SpecError(Problem(place="--prune", message=f"{output} is a symbolic link; nothing is removed through it"))
    entries = asked.collect()
    old, known = _strays(entries, output)
    count = _render(entries, output, formats)
    for severity, line in _finding_lines(entries):
        print_message(severity, line)
    _print_count(entries)
    where = f"{output}/, with an index in {output / 'README.md'}"
    typer.echo(f"wrote {counted(count, 'figure')} as {', '.join(formats)} to {one_line(where)}")
    if prune and old and not known:
        message = f"{output} was no gallery before, so its other figures may not be lrviz's; nothing was removed"
        raise SpecError(Problem(place="--prune", message=message))
    for name in old:
        if prune:
            _remove(output / name)
        else:
            print_note(f"{one_line(name)}: no YAML file makes it; --prune removes it")


def _strays(entries: Sequence[Entry], output: Path) -> tuple[list[str], bool]:
    """Return the stray files of a folder before it is drawn into, and whether it is a gallery by then."""
    from lrviz.drift import strays
    from lrviz.gallery import CURVES

    return (strays(entries, output), (output / CURVES).exists()) if output.is_dir() else ([], False)


def _render(entries: Sequence[Entry], output: Path, formats: Sequence[str]) -> int:
    from lrviz.files import make_folder
    from lrviz.gallery import render

    make_folder(output)
    with _progress("drawing", len(entries) + 2) as report:
        return render(entries, output, formats, report)


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise OutputError(f"cannot remove {path}: {(error.strerror or str(error)).lower()}") from error
    typer.echo(f"removed {one_line(str(path))}")


def check(asked: Asked, form: str, *, prune: bool) -> None:
    """Compare the gallery with its files, as text or JSON; exit with 1 where they drifted."""
    from lrviz.drift import differences
    from lrviz.gallery import figure_names

    as_json = _form(form) == "json"
    if prune:
        message = "removes files, and --check changes nothing; give one of the two"
        raise SpecError(Problem(place="--prune", message=message))
    formats, output = formats_of(asked.formats), Path(asked.output)
    if not output.is_dir():
        raise SpecError(Problem(place=str(output), message="there is no such folder to check"))
    entries = asked.collect()
    with _progress("checking", len(entries) + 2) as report:
        found = differences(entries, output, formats, report)
    if as_json:
        typer.echo(json.dumps(_report(output, entries, found), indent=2))
    else:
        for drift in found:
            typer.echo(one_line(str(drift)))
    if found:
        stale = len({drift.file for drift in found})
        flag = " --prune" if any(drift.kind == "stray" for drift in found) else ""
        are = "file is" if stale == 1 else "files are"
        typer.echo(f"{stale} {are} out of date; run `{asked.command}{flag}`", err=True)
        raise typer.Exit(1)
    if not as_json:
        typer.echo(one_line(f"{output}/ is up to date: {counted(len(figure_names(entries)), 'figure')}"))


def _form(text: str) -> str:
    return str(read_value(OneOf(("text", "json"), ""), text, "--format"))


def _report(output: Path, entries: Sequence[Entry], found: Sequence[Drift]) -> dict[str, Any]:
    """Return what `--check --format json` prints."""
    kinds = ("drifted", "missing", "stray")
    return {
        "folder": str(output),
        "figures": len(entries),
        **{kind: [drift.as_dict() for drift in found if drift.kind == kind] for kind in kinds},
        "findings": [
            {
                "figure": entry.name,
                **{name: getattr(finding, name) for name in ("rule", "severity", "message", "fix", "step")},
            }
            for entry in entries
            for finding in entry.findings
        ],
    }


def _finding_lines(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        for finding in entry.findings:
            yield finding.severity, f"{one_line(entry.name)}: {finding.rule}: {finding.message}"


def _print_count(entries: Sequence[Entry]) -> None:
    """Say how many findings there are, if any."""
    severities = [finding.severity for entry in entries for finding in entry.findings]
    counts = [counted(severities.count(severity), severity) for severity in ("error", "warning")
              if severity in severities]  # fmt: skip
    if counts:
        having = sum(bool(entry.findings) for entry in entries)
        print_note(f"{' and '.join(counts)} in {having} of {counted(len(entries), 'schedule')}; see `lrviz check`")


@contextmanager
def _progress(what: str, total: int) -> Iterator[OnDone | None]:
    from rich.markup import escape

    with progress(what, total) as update:
        yield update and (lambda name: update(advance=1, description=f"{what} {escape(one_line(name))}"))
