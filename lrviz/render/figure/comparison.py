"""How far two renderings of one figure are apart, as a person would see it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import ndarray

WINDOW = 5  # pixels; a stroke that antialiasing shifts stays inside it
TOLERANCE = 0.3  # of full contrast, averaged over the window: a glyph's edge gives 0.2, a moved marker 0.4
POINTS = 0.5  # how far a number in an SVG may move
_NUMBER = re.compile(r"-?\d+\.\d+")


def png_differs(old: Path, new: Path) -> str | None:
    """Return what is different between two PNG files beyond a font's antialiasing, or None."""
    import numpy as np

    before, after = _grey(old), _grey(new)
    if before.shape != after.shape:
        return f"is {after.shape[1]} x {after.shape[0]} pixels, was {before.shape[1]} x {before.shape[0]}"
    apart = np.abs(_smooth(after - before))
    if float(apart.max()) <= TOLERANCE:
        return None
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    return f"looks different, most around pixel ({column + WINDOW // 2}, {row + WINDOW // 2})"


def _grey(path: Path) -> ndarray:
    from matplotlib.image import imread

    image = imread(path)
    return image[..., :3].mean(axis=2) if image.ndim == 3 else image


def _smooth(image: ndarray) -> ndarray:
    """Return the mean of every WINDOW x WINDOW block of pixels."""
    import numpy as np

    sums = np.pad(image.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    size = WINDOW
    blocks = sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    return np.asarray(blocks / size**2)


def svg_differs(old: Path, new: Path) -> str | None:
    """Return what is different between two SVG files beyond numbers that barely moved, or None."""
    before, after = old.read_text(encoding="utf-8"), new.read_text(encoding="utf-8")
    if before == after:
        return None
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return "has other elements or text"
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    furthest = max(abs(float(was) - float(now)) for was, now in pairs)
    return f"has a point that moved by {furthest:.2g}" if furthest > POINTS else None
