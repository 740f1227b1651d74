from __future__ import annotations

import pytest

from lrviz.errors import SpecError
from lrviz.experiment.record import arg_types
from lrviz.render.figure.options import FigureOptions


def test_defaults_are_the_article_s():
    options = FigureOptions()
    assert (options.size, options.dpi, options.show, options.theme) == ((10.0, 5.0), 100, ("lr",), "light")


@pytest.mark.parametrize("given", ["10x5", "10X5", " 10 x 5.0 ", (10, 5), [10.0, 5.0]])
def test_size_is_read_from_text_and_pairs(given):
    assert FigureOptions(size=given).size == (10.0, 5.0)


@pytest.mark.parametrize(
    "given", ["10", "10x", "x5", "10x5x2", "axb", "1x5", "10x61", "nanx5", "infx5", (10,), 10, None]
)
def test_wrong_sizes_are_refused(given):
    with pytest.raises(SpecError, match="size: must be"):
        FigureOptions(size=given)


@pytest.mark.parametrize("given", [("lr", "momentum"), ["momentum", "lr"]])
def test_panels_come_in_the_order_of_the_figure(given):
    assert FigureOptions(show=given).show == ("lr", "momentum")


def test_an_unknown_panel_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match="did you mean 'momentum'"):
        FigureOptions(show=("lr", "momentun"))


@pytest.mark.parametrize("given", ["lr,momentum", ("lr", "lr"), (), 3, ([],)])
def test_wrong_panels_are_refused(given):
    with pytest.raises(SpecError, match="show: "):
        FigureOptions(show=given)


@pytest.mark.parametrize("given", [0, 19, 1201, 72.5, "100"])
def test_wrong_resolutions_are_refused(given):
    with pytest.raises(SpecError, match="dpi: must be"):
        FigureOptions(dpi=given)


def test_an_image_too_large_for_memory_is_refused():
    with pytest.raises(SpecError, match="24000 x 24000 pixels"):
        FigureOptions(size="20x20", dpi=1200)


def test_every_option_can_be_a_flag():
    for kind in arg_types(FigureOptions).values():
        assert kind.help
        assert kind.schema()
    kinds = arg_types(FigureOptions)
    assert kinds["show"].split("lr,momentum") == "[lr,momentum]"
    assert kinds["size"].split("10x5") == "10x5"


@pytest.mark.parametrize(("points", "size"), [(3, (10, 5)), (73, (60, 60)), (12, (2, 2)), (40, (10, 3))])
def test_a_font_too_large_or_small_is_refused(points, size):
    with pytest.raises(SpecError, match="font_size: "):
        FigureOptions(font_size=points, size=size)
