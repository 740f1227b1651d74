from __future__ import annotations

import io

import pytest

import lrviz
from lrviz.errors import SpecError
from lrviz.render.figure.fonts import fonts_of
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.output import write


def experiment(title=None, groups=("default",)):
    optimizer = {"groups": [{"name": name} for name in groups]}
    titled = {} if title is None else {"title": title}
    return lrviz.load({"scheduler": {"name": "cosine"}, "optimizer": optimizer, **titled})


def figure(options, **rest):
    made = experiment(**rest)
    return lrviz.figure(lrviz.replay(made), made, options)


def svg(options, **rest):
    stream = io.BytesIO()
    write(figure(options, **rest), stream, "svg")
    return stream.getvalue().decode()


def test_plain_text_is_set_in_the_style_sheets_font():
    fonts = fonts_of(experiment("Warmup, then cosine"), FigureOptions())
    assert (fonts.names, fonts.note) == (["DejaVu Sans"], "")


def test_letters_that_the_font_has_need_no_other():
    fonts = fonts_of(experiment("η → λ, été, Ж"), FigureOptions())
    assert (fonts.names, fonts.note) == (["DejaVu Sans"], "")


def test_letters_that_it_lacks_are_drawn_in_another_and_that_is_said():
    fonts = fonts_of(experiment("𝔄 𝒜"), FigureOptions())
    assert fonts.names[0] == "DejaVu Sans"
    assert len(fonts.names) == 2
    assert fonts.note == f"DejaVu Sans has no 𝒜 𝔄; drawn in {fonts.names[1]}"
    assert f"font-family: 'DejaVu Sans', '{fonts.names[1]}'" in svg(FigureOptions(), title="𝔄 𝒜")


@pytest.mark.parametrize(
    ("options", "rest"),
    [
        ({}, {"title": "𝔄"}),
        ({}, {"groups": ("𝔄", "head")}),
        ({"xlabel": "𝔄"}, {}),
        ({"ylabel": "𝔄"}, {}),
    ],
)
def test_all_that_other_people_write_is_looked_at(options, rest):
    assert fonts_of(experiment(**rest), FigureOptions(**options)).note.startswith("DejaVu Sans has no 𝔄; drawn in ")


def test_letters_that_no_font_here_has_become_boxes_and_that_is_said(monkeypatch):
    from lrviz.render.figure import fonts

    monkeypatch.setattr(fonts, "_letters", lambda name: frozenset(range(128)))
    fonts._fonts_for.cache_clear()
    found = fonts_of(experiment("学习率"), FigureOptions())
    fonts._fonts_for.cache_clear()
    assert found.note == "DejaVu Sans has no 习 学 率; no font here has them, and boxes are drawn"


@pytest.mark.parametrize("name", ["DejaVu Serif", "dejavu serif", "serif"])
def test_a_font_is_found_by_its_name_in_any_case(name):
    assert fonts_of(experiment(), FigureOptions(font=name)).names == ["DejaVu Serif", "DejaVu Sans"]
    assert "font-family: 'DejaVu Serif', 'DejaVu Sans'" in svg(FigureOptions(font=name))


def test_a_font_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match=r"font: no font 'DejaVu Serf' is installed; the nearest are DejaVu Serif, "):
        fonts_of(experiment(), FigureOptions(font="DejaVu Serf"))


def test_the_size_of_the_font_is_that_of_the_labels():
    axes = figure(FigureOptions(font_size=17, size=(12, 8))).axes[0]
    assert (axes.xaxis.label.get_fontsize(), axes.get_yticklabels()[0].get_fontsize()) == (17, 17)


@pytest.mark.parametrize("size", [(10, 5), (3.25, 2.5), (13.33, 7.5)])
@pytest.mark.parametrize("points", [7, 12, 15])
def test_all_text_stays_on_the_figure(size, points):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    drawn = figure(FigureOptions(font_size=points, size=size))
    canvas = FigureCanvasAgg(drawn)
    canvas.draw()
    box = drawn.get_tightbbox(canvas.get_renderer())
    assert (box.x0 >= 0, box.y0 >= 0, box.x1 <= size[0], box.y1 <= size[1]) == (True, True, True, True)


def test_an_empty_title_leaves_its_room_to_the_curve():
    titled, bare = figure(FigureOptions()).axes[0], figure(FigureOptions(), title="").axes[0]
    assert bare.get_title() == ""
    assert bare.get_position().height > 1.05 * titled.get_position().height


def test_labels_are_those_that_are_asked_for():
    axes = figure(FigureOptions(xlabel="Optimizer steps", ylabel="η")).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Optimizer steps", "η")
    bare = figure(FigureOptions(xlabel="", ylabel="")).axes[0]
    assert (bare.get_xlabel(), bare.get_ylabel()) == ("", "")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_transparent_figure_has_no_background(theme):
    from matplotlib.image import imread

    stream = io.BytesIO()
    write(figure(FigureOptions(transparent=True, theme=theme, dpi=40)), stream, "png")
    stream.seek(0)
    assert imread(stream)[0, 0, 3] == 0
