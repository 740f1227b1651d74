"""The fonts of a figure's text: the one asked for, and others of the machine for letters that it lacks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from lrviz.errors import Problem, SpecError, shown
from lrviz.experiment.experiment import Experiment
from lrviz.render.figure.options import FigureOptions

BASE = "DejaVu Sans"  # comes with matplotlib
LAST_RESORT = "Last Resort"  # draws a box for every letter there is
GENERIC = ("sans-serif", "serif", "monospace")


@dataclass(frozen=True, kw_only=True)
class Fonts:
    """The names of fonts, each for what those before it lack, and what is to be said of that."""

    names: Sequence[str]
    note: str = ""


def fonts_of(experiment: Experiment, options: FigureOptions) -> Fonts:
    """Return the fonts for the text of a figure; raises SpecError for one that is not installed."""
    groups = [group.name for group in experiment.optimizer.resolved_groups]
    return fonts_for([experiment.heading, *groups], options)


def fonts_for(texts: Iterable[str], options: FigureOptions) -> Fonts:
    """Return the fonts for a figure with these texts; raises SpecError for one that is not installed."""
    text = "".join([*texts, options.xlabel or "", options.ylabel or ""])
    if options.font is None and text.isascii():
        return Fonts(names=[BASE])
    return _fonts_for(frozenset(letter for letter in text if letter.isprintable() and letter != " "), options.font)


@cache
def _fonts_for(letters: frozenset[str], font: str | None) -> Fonts:
    names = list(dict.fromkeys([_known(font) if font else BASE, BASE]))
    lacking = {letter for letter in letters if ord(letter) not in _letters(names[0])}
    left, helpers = lacking, []
    for name in _helpers(names[1:], frozenset(lacking)):
        helpers.append(name)
        left = {letter for letter in left if ord(letter) not in _letters(name)}
    if not lacking:
        return Fonts(names=names)
    note = f"{names[0]} has no {_some(lacking)}"
    note += f"; drawn in {', '.join(helpers)}" if helpers else ""
    note += f"; no font here has {_some(left) if helpers else 'them'}, and boxes are drawn" if left else ""
    return Fonts(names=list(dict.fromkeys([names[0], *helpers, BASE])), note=note)


def _helpers(first: Sequence[str], lacking: frozenset[str]) -> Iterator[str]:
    """Yield fonts that have letters which others lack: those named first, then the one that has the most."""
    left = set(map(ord, lacking))
    names = [*first, *sorted(set(_installed()) - set(first))]
    while left:
        best = max(names, key=lambda name: (len(left & _letters(name)) * (1 + (name in first)), -names.index(name)))
        if not left & _letters(best):
            return
        left -= _letters(best)
        yield best


def _known(font: str) -> str:
    """Return an installed font's name as it is written; raises SpecError for one that there is not."""
    folded = {name.lower(): name for name in _installed()}
    if font.lower() in GENERIC:
        return {"sans-serif": BASE, "serif": "DejaVu Serif", "monospace": "DejaVu Sans Mono"}[font.lower()]
    if font.lower() not in folded:
        near = difflib.get_close_matches(font.lower(), sorted(folded), n=3, cutoff=0.0)
        message = f"no font {shown(font)} is installed; the nearest are {', '.join(folded[name] for name in near)}"
        raise SpecError(Problem(field="font", message=message))
    return folded[font.lower()]


@cache
def _installed() -> dict[str, str]:
    """Return the file of every font's upright and regular face, by name."""
    from matplotlib.font_manager import fontManager

    faces = [face for face in fontManager.ttflist if not face.name.startswith(LAST_RESORT)]
    faces.sort(key=lambda face: (face.style != "normal", abs(_weight(face.weight) - 400), face.fname))
    return {face.name: face.fname for face in reversed(faces)}


def _weight(weight: int | str) -> int:
    return weight if isinstance(weight, int) else 400


@cache
def _letters(name: str) -> frozenset[int]:
    """Return the code points that a font has."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(_installed()[name]).get_charmap())
    except (OSError, RuntimeError, KeyError):  # gone since matplotlib looked, or broken
        return frozenset()


def _some(letters: set[str]) -> str:
    found = sorted(letters)
    return " ".join(found[:5]) + f" and {len(found) - 5} more" * (len(found) > 5)
