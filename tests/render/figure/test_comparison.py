"""What counts as a difference between two renderings of one figure, and what antialiasing may do."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from matplotlib.image import imsave

from lrviz.render.figure.comparison import png_differs, svg_differs


def png(path: Path, black: numpy.ndarray) -> Path:
    """Write a picture that is black where an array says so, white elsewhere."""
    imsave(path, numpy.where(black, 0.0, 1.0), cmap="gray", vmin=0, vmax=1)
    return path


@pytest.fixture
def compared(tmp_path):
    """Compare a white picture of 40 x 30 pixels with one that has some black ones."""

    def compared(*black: tuple[slice | int, slice | int], before: tuple[slice | int, slice | int] | None = None):
        old, new = numpy.zeros((30, 40), dtype=bool), numpy.zeros((30, 40), dtype=bool)
        if before is not None:
            old[before] = True
        for place in black:
            new[place] = True
        return png_differs(png(tmp_path / "old.png", old), png(tmp_path / "new.png", new))

    return compared


def test_seven_pixels_of_five_by_five_may_differ(compared):
    assert compared((10, slice(20, 25)), (11, slice(20, 22))) is None


def test_eight_pixels_of_five_by_five_look_different(compared):
    assert compared((10, slice(20, 25)), (12, slice(20, 23))) == "looks different, most around pixel (22, 10)"


def test_a_stroke_may_shift_by_a_pixel_and_not_by_six(compared):
    stroke = slice(10, 12), slice(0, 40)
    assert compared((slice(11, 13), slice(0, 40)), before=stroke) is None
    assert compared((slice(16, 18), slice(0, 40)), before=stroke).startswith("looks different")


def test_a_colour_is_as_good_as_its_brightness(tmp_path):
    grey, red = numpy.full((30, 40, 3), 1 / 3), numpy.zeros((30, 40, 3))
    red[..., 0] = 1.0
    imsave(tmp_path / "old.png", grey)
    imsave(tmp_path / "new.png", red)
    assert png_differs(tmp_path / "old.png", tmp_path / "new.png") is None


def test_pictures_of_different_sizes_differ(tmp_path):
    old = png(tmp_path / "old.png", numpy.zeros((30, 40), dtype=bool))
    new = png(tmp_path / "new.png", numpy.zeros((31, 40), dtype=bool))
    assert png_differs(old, new) == "is 40 x 31 pixels, was 40 x 30"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ('<path d="M 1.00 2.00"/>', None),
        ('<path d="M 1.00 2.49"/>', None),
        ('<path d="M 1.51 2.00"/>', "has a point that moved by 0.51"),
        ('<path d="M 1.00 -2.00"/>', "has a point that moved by 4"),
        ('<path d="M 1.00 2.00 3.00"/>', "has other elements or text"),
        ('<line d="M 1.00 2.00"/>', "has other elements or text"),
    ],
)
def test_numbers_of_an_svg_may_move_by_half_a_point(tmp_path, new, message):
    (tmp_path / "old.svg").write_text('<path d="M 1.00 2.00"/>')
    (tmp_path / "new.svg").write_text(new)
    assert svg_differs(tmp_path / "old.svg", tmp_path / "new.svg") == message
