from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import lrviz
from lrviz.arrays import column
from lrviz.render.figure.summary import cells, draw_summary
from lrviz.trace import GroupTrace, Trace

FAMILIES = ["Step"] * 2 + ["Warmup"] * 3 + ["Polynomial"] * 2 + ["Cosine"] * 2 + ["Cyclic"] * 3 + ["One cycle"] * 2


def entry(family, title, peak=1e-3):
    rates = column([peak * (1 - step / 32) for step in range(32)])
    trace = Trace(
        groups=(GroupTrace(name="default", lr=rates),), steps=32, steps_per_epoch=8, momentum_name=None,
        engine="none", torch_version="0",
    )  # fmt: skip
    return family, trace, lrviz.load({"title": title, "optimizer": {"lr": peak}, "scheduler": {"name": "cosine"}})


def entries(families, title="A schedule of its own ({})"):
    return [entry(family, title.format(index)) for index, family in enumerate(families)]


def test_wide_has_a_column_for_each_family():
    places = cells(FAMILIES, "wide")
    assert (max(cell.row for cell in places) + 1, max(cell.column for cell in places) + 1) == (3, 6)
    assert [cell.family for cell in places if cell.row == 0] == list(dict.fromkeys(FAMILIES))


def test_tall_has_the_article_s_eight_rows_of_two():
    places = cells(FAMILIES, "tall")
    assert (max(cell.row for cell in places) + 1, max(cell.column for cell in places) + 1) == (8, 2)
    assert [(cell.row, cell.column) for cell in places[2:6]] == [(1, 0), (1, 1), (2, 0), (3, 0)]


def test_a_family_s_members_need_not_come_together():
    places = cells(["a", "b", "a"], "wide")
    assert [(cell.row, cell.column, cell.family) for cell in places] == [(0, 0, "a"), (0, 1, "b"), (1, 0, None)]


@pytest.mark.parametrize("layout", ["wide", "tall"])
@pytest.mark.parametrize("families", [["Step"], FAMILIES, [f"Family {i % 9}" for i in range(30)], ["Step"] * 31])
def test_no_text_is_cramped_or_cut(layout, families):
    figure = draw_summary(entries(families), layout)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    assert len(figure.axes) == len(families)
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [text.get_window_extent(renderer) for text in texts]
    assert all(box.x0 >= 0 and box.y0 >= 0 for box in boxes)
    assert all(box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in boxes)
    ordered = sorted(zip(boxes, texts, strict=True), key=lambda pair: pair[0].x0)
    for index, (box, text) in enumerate(ordered):
        for other, rest in ordered[index + 1 :]:
            if other.x0 >= box.x1:
                break
            assert not box.overlaps(other), (text, rest)


def test_every_panel_shows_its_own_line_and_title():
    figure = draw_summary(entries(FAMILIES), "tall")
    assert [axes.get_title() for axes in figure.axes] == [f"A schedule of its own ({i})" for i in range(14)]
    assert all(axes.lines[0].get_xdata().size == 32 for axes in figure.axes)


def test_a_long_family_is_a_block():
    places = cells(["Step", *["Cosine"] * 12, "Cyclic"], "wide")
    assert [(cell.row, cell.column) for cell in places[1:6]] == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2)]
    assert (places[-1].row, places[-1].column) == (0, 4)


def test_families_that_have_no_room_beside_each_other_stand_below():
    places = cells([*["Step"] * 30, *["Cosine"] * 15], "wide")
    assert (places[29].row, places[29].column) == (4, 5)
    assert (places[30].row, places[30].column, places[30].family) == (5, 0, "Cosine")


@pytest.mark.parametrize("sheet", ["wide", "tall"])
@pytest.mark.parametrize("count", [26, 30, 60, 120])
def test_a_sheet_of_one_long_family_has_sides_alike(sheet, count):
    width, height = draw_summary(entries(["Step"] * count, "{}"), sheet).get_size_inches()
    assert 0.3 < width / height < 3


def test_comparable_rates_of_a_family_share_their_axis():
    peaks = [1e-3, 2e-4, 1.6e-2, 2e-3]
    figure = draw_summary([*(entry("Step", "s", peak) for peak in peaks), entry("Cosine", "c", 3e-4)])
    assert [axes.get_ylim()[1] for axes in figure.axes] == pytest.approx([1.1e-3, 1.1e-3, 1.76e-2, 1.76e-2, 3.3e-4])


def test_nothing_is_not_a_summary():
    with pytest.raises(ValueError, match="at least one"):
        draw_summary([], "wide")
