"""Several subjects in one figure, by its artists: lines, colours, dashes, what names them, and the axes."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib
import numpy
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

import lrviz
from lrviz.arrays import column
from lrviz.errors import SpecError
from lrviz.render.figure.facets import facets_size
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.output import write
from lrviz.render.figure.overlay import draw_overlay
from lrviz.subject import Subject
from lrviz.trace import Failure, GroupTrace, Trace


def subject(scheduler: dict[str, Any] | None = None, *, partial: bool = False, **rest: Any) -> Subject:
    experiment = lrviz.load({"scheduler": scheduler or {"name": "cosine"}, "run": {"steps": 40}, **rest})
    return Subject(name=experiment.name, trace=lrviz.replay(experiment, partial=partial), experiment=experiment)


def rates(values: Sequence[float], at: Sequence[int] | None = None, **rest: Any) -> Subject:
    """A log: a learning rate at some of the steps."""
    group = GroupTrace(name="default", lr=column(list(values)))
    named = {"steps_per_epoch": None, "momentum_name": None, "engine": "log", "torch_version": ""}
    return Subject(name="log", trace=Trace(groups=(group,), steps=len(values), at=at, **{**named, **rest}))


def falling(count: int, end: float = 0.0) -> list[Subject]:
    """So many lines, each higher than the one before, that end together or apart."""
    ends = [0.1 * (number + 1) * end for number in range(count)]
    return [subject({"name": "cosine", "eta_min": low}, optimizer={"lr": 0.1 * (n + 1)}) for n, low in enumerate(ends)]


def names(count: int) -> list[str]:
    return [f"{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(count)]


def lines(axes: Axes, gid: str = "line") -> list[Line2D]:
    return [line for line in axes.lines if line.get_gid() == gid]


def dash(line: Line2D) -> Any:
    """The dashes that are drawn, for which matplotlib has no getter."""
    return line._dash_pattern


def colors(axes: Axes) -> list[Any]:
    return [line.get_color() for line in lines(axes)]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def texts(figure: Figure, gid: str) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_gid() == gid]


def test_each_subject_has_its_line_in_its_place() -> None:
    pair = [subject(), subject({"name": "linear"})]
    (axes,) = draw_overlay(pair, ["a", "b"], title="Two").axes
    assert [line.get_label() for line in lines(axes)] == ["a", "b"]
    assert list(lines(axes)[0].get_ydata()) == list(pair[0].trace.groups[0].lr)
    assert (axes.get_title(), axes.get_xlim(), axes.get_xlabel()) == ("Two", (0, 40), "Steps")


def test_the_axis_shows_what_every_subject_is_meant_to_reach() -> None:
    (axes,) = draw_overlay(falling(3), names(3)).axes
    assert axes.get_ylim() == (0, pytest.approx(0.33))


def test_few_differ_in_color_and_in_dash() -> None:
    (axes,) = draw_overlay(falling(6), names(6)).axes
    assert len(set(colors(axes))) == 6
    assert len({str(dash(line)) for line in lines(axes)}) == 6


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_many_are_a_gradient_in_the_order_given(theme: str) -> None:
    (axes,) = draw_overlay(falling(20), names(20), FigureOptions(theme=theme)).axes
    lightness = [numpy.dot(to_rgb(color), (0.3, 0.59, 0.11)) for color in colors(axes)]
    assert lightness == sorted(lightness)
    assert len(set(colors(axes))) == 20
    ground = numpy.dot(to_rgb(axes.get_facecolor()), (0.3, 0.59, 0.11))
    assert min(abs(each - ground) for each in lightness) > 0.15


def test_a_sweep_of_numbers_is_a_gradient_under_its_name() -> None:
    figure = draw_overlay(falling(5), [f"max_lr {value}" for value in (1, 2, 3, 4, 5)])
    assert legend_texts(figure) == ["1", "2", "3", "4", "5"]
    assert figure.legends[0].get_title().get_text() == "max_lr"
    assert {line.get_linestyle() for line in lines(figure.axes[0])} == {"-"}


def test_a_grid_has_colors_for_one_argument_and_dashes_for_the_other() -> None:
    labels = [f"lr {lr}, T_max {length}" for length in (10, 20) for lr in (1, 2, 3)]
    figure = draw_overlay(falling(6), labels)
    assert legend_texts(figure) == ["T_max 10", "T_max 20", "lr 1", "lr 2", "lr 3"]
    found = lines(figure.axes[0])
    assert [found[0].get_color() == other.get_color() for other in found] == [True, False, False] * 2
    patterns = [dash(line) for line in found]
    assert patterns[:3] == [patterns[0]] * 3
    assert patterns[0] != patterns[3]


def test_names_stand_at_the_lines_ends_where_they_have_room() -> None:
    figure = draw_overlay(falling(3, end=0.5), ["a", "b", "c"])
    assert texts(figure, "end-label") == ["a", "b", "c"]
    assert figure.legends == []
    (axes,) = figure.axes
    labels = [text for text in axes.texts if text.get_gid() == "end-label"]
    assert [text.get_color() for text in labels] == colors(axes)
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in labels]
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))
    assert all(box.x1 < figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize(
    "shown",
    [
        falling(3),
        [subject(run={"steps": 40}), subject({"name": "constant"}, run={"steps": 20})],
        [rates([1.0, 2.0]), rates([2.0, 3.0])],
    ],
    ids=["they end together", "they end apart", "logs"],
)
def test_names_stand_below_where_ends_do_not_tell(shown: list[Subject]) -> None:
    figure = draw_overlay(shown, names(len(shown)))
    assert texts(figure, "end-label") == []
    assert legend_texts(figure) == names(len(shown))


def test_many_names_stand_beside_and_none_is_lost() -> None:
    figure = draw_overlay(falling(30), names(30))
    assert legend_texts(figure) == names(30)
    renderer = FigureCanvasAgg(figure).get_renderer()
    box = figure.legends[0].get_window_extent(renderer)
    assert box.x0 > figure.axes[0].get_window_extent(renderer).x1
    assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


def test_names_for_which_there_is_no_room_are_counted() -> None:
    figure = draw_overlay(falling(60), names(60), FigureOptions(size=(5, 3)))
    shown = legend_texts(figure)
    assert shown[-1] == f"and {60 - len(shown) + 1} more"
    assert shown[:-1] == names(60)[: len(shown) - 1]


def test_a_long_scale_says_how_many_it_stands_for_and_lies_on_no_axis() -> None:
    swept = [subject(run={"epochs": number, "steps_per_epoch": 500}) for number in range(1, 61)]
    figure = draw_overlay(swept, [f"epochs {number}" for number in range(1, 61)])
    shown = legend_texts(figure)
    assert (shown[0], shown[-2], shown[-1]) == ("1", "60", "… (60 in all)")
    assert texts(figure, "epoch-label") == []
    FigureCanvasAgg(figure).draw()
    renderer = FigureCanvasAgg(figure).get_renderer()
    numbers = [label.get_window_extent(renderer) for label in figure.axes[0].get_xticklabels()]
    box = figure.legends[0].get_window_extent(renderer)
    assert box.y0 < max(number.y1 for number in numbers), "it reaches down to the axis"
    assert box.x0 > max(number.x1 for number in numbers) + 3


def test_a_crowd_is_told_of_facets_and_a_sweep_is_none() -> None:
    hint = "30 curves: --facets draws each by itself"
    assert texts(draw_overlay(falling(30), names(30)), "note") == [hint]
    assert texts(draw_overlay(falling(30), [f"lr {n}" for n in range(30)]), "note") == []
    assert texts(draw_overlay(falling(12), names(12)), "note") == []


@pytest.mark.parametrize("facets", [False, True])
def test_peaks_too_far_apart_for_one_axis_are_told(facets: bool) -> None:
    shown = [subject(optimizer={"lr": lr}) for lr in (1.0, 1e-3)]
    options = FigureOptions(facets=facets)
    assert texts(draw_overlay(shown, ["a", "b"], options), "note") == ["peaks from 0.001 to 1: --log-y shows them all"]
    assert texts(draw_overlay(shown, ["a", "b"], replace(options, log_y=True)), "note") == []
    assert texts(draw_overlay(falling(3), names(3), options), "note") == []


def test_equal_curves_are_drawn_once_and_told() -> None:
    figure = draw_overlay([subject(), subject({"name": "linear"}), subject()], ["a", "b", "c"])
    assert [line.get_label() for line in lines(figure.axes[0])] == ["a", "b"]
    assert legend_texts(figure) == ["a", "b", "c = a"]
    handles = figure.legends[0].get_lines()
    assert handles[0].get_color() == handles[2].get_color()


def test_curves_that_differ_in_the_last_bit_or_in_momentum_are_not_equal() -> None:
    values = [0.1, 0.2]
    near = [0.1, math.nextafter(0.2, 1)]
    assert "b" in legend_texts(draw_overlay([rates(values), rates(near)], ["a", "b"]))
    slow, fast = (subject(optimizer={"name": "sgd", "momentum": momentum}) for momentum in (0.5, 0.9))
    assert "b = a" in legend_texts(draw_overlay([slow, fast], ["a", "b"]))
    both = FigureOptions(show=("lr", "momentum"))
    assert "b" in legend_texts(draw_overlay([slow, fast], ["a", "b"], both))


def test_groups_have_dashes_of_their_own_and_are_named() -> None:
    groups = {"groups": [{"name": "body", "lr": 0.1}, {"name": "head", "lr": 1.0}]}
    figure = draw_overlay([subject(optimizer=groups), subject({"name": "linear"}, optimizer=groups)], ["a", "b"])
    assert legend_texts(figure) == ["group body", "group head", "a", "b"]
    found = lines(figure.axes[0])
    assert [line.get_label() for line in found] == ["a, body", "a, head", "b, body", "b, head"]
    assert [line.get_color() == found[0].get_color() for line in found] == [True, True, False, False]
    patterns = [dash(line) for line in found]
    assert patterns[0] == patterns[2] != patterns[1] == patterns[3]
    one, other = (numpy.dot(to_rgb(found[number].get_color()), (0.3, 0.59, 0.11)) for number in (0, 2))
    assert other - one > 0.3  # in grey print


def test_a_log_lies_in_dots_on_a_pale_plan() -> None:
    (axes,) = draw_overlay([subject(), rates([0.1, 0.2, 0.3], at=[5, 10, 30])], ["plan", "run"]).axes
    plan, run = lines(axes)
    (dots,) = lines(axes, "dots")
    assert (list(dots.get_xdata()), list(dots.get_ydata())) == ([5, 10, 30], [0.1, 0.2, 0.3])
    assert plan.get_linewidth() > 4 * run.get_linewidth()
    assert plan.get_alpha() is not None
    assert plan.get_alpha() < 0.5
    assert dots.get_zorder() > plan.get_zorder()


def test_a_long_log_has_dots_apart() -> None:
    (axes,) = draw_overlay([subject(run={"steps": 5000}), rates([0.1] * 5000)], ["plan", "run"]).axes
    (dots,) = lines(axes, "dots")
    assert 50 < len(dots.get_xdata()) < 120


@pytest.mark.parametrize(
    ("unit", "ends", "label"),
    [
        ("step", [40, 80], "Steps"),
        ("epoch", [5, 20], "Epochs"),
        ("progress", [100, 100], "Progress (%)"),
        ("samples", [40 * 4, 80 * 2], "Samples"),
    ],
)
def test_the_x_axis_counts_what_is_asked_for(unit: str, ends: list[float], label: str) -> None:
    runs = [
        {"steps": 40, "steps_per_epoch": 8, "batch_size": 4},
        {"steps": 80, "steps_per_epoch": 4, "batch_size": 2},
    ]
    shown = [subject({"name": "constant", "total_iters": 7}, run=run) for run in runs]
    (axes,) = draw_overlay(shown, ["a", "b"], FigureOptions(x=unit)).axes
    assert [line.get_xdata()[-1] for line in lines(axes)] == [
        pytest.approx(end * (steps - 1) / steps) for end, steps in zip(ends, (40, 80), strict=True)
    ]
    assert (axes.get_xlim(), axes.get_xlabel()) == ((0, max(ends)), label)


def test_a_subject_without_epochs_is_named() -> None:
    shown = [subject(run={"epochs": 2}), subject()]
    with pytest.raises(SpecError, match="x: b has no epochs"):
        draw_overlay(shown, ["a", "b"], FigureOptions(x="epoch"))


def test_epochs_stand_above_where_all_have_the_same() -> None:
    same = [subject(run={"epochs": 2, "steps_per_epoch": 8}), subject({"name": "linear"}, run={"epochs": 3})]
    assert texts(draw_overlay(same, ["a", "b"]), "epoch") == ["0", "1", "2", "3"]
    assert texts(draw_overlay(same, ["a", "b"], FigureOptions(epoch_axis=False)), "epoch") == []
    assert texts(draw_overlay([*same, subject()], ["a", "b", "c"]), "epoch") == []


def test_momentum_stands_below_on_demand() -> None:
    shown = [subject({"name": "onecycle", "max_lr": 0.1}), subject(optimizer={"name": "adam"})]
    both = FigureOptions(show=("lr", "momentum"))
    top, bottom = draw_overlay(shown, ["a", "b"], both).axes
    assert (top.get_xlabel(), bottom.get_ylabel()) == ("", "Momentum, beta1")
    assert [line.get_label() for line in lines(bottom)] == ["a", "b"]
    assert colors(top) == colors(bottom)


def test_a_momentum_that_stays_is_told_in_words() -> None:
    same = [subject(optimizer={"name": "adam"}), subject({"name": "linear"}, optimizer={"name": "adam"})]
    figure = draw_overlay(same, ["a", "b"], FigureOptions(show=("lr", "momentum")))
    assert len(figure.axes) == 1
    assert texts(figure, "note") == ["beta1 stays at 0.9"]


def test_a_momentum_that_nothing_has_is_refused() -> None:
    shown = [subject(optimizer={"name": "adagrad"})]
    with pytest.raises(SpecError, match="show: momentum cannot be drawn: no optimizer here has momentum or betas"):
        draw_overlay(shown, ["a"], FigureOptions(show=("lr", "momentum")))


@pytest.mark.parametrize("facets", [False, True])
def test_momentum_alone_shows_those_that_have_it(facets: bool) -> None:
    shown = [subject({"name": "onecycle", "max_lr": 0.1}), subject(optimizer={"name": "adagrad"})]
    figure = draw_overlay(shown, ["a", "b"], FigureOptions(show=("momentum",), facets=facets))
    assert [line.get_label() for axes in figure.axes for line in lines(axes)] == ["a"]


def test_a_replay_that_stopped_has_a_cross_and_a_word() -> None:
    failure = Failure(step=3, epoch=None, kind="ValueError", message="no")
    broken = replace(rates([0.1, 0.2, 0.3]), name="b")
    broken = replace(broken, trace=replace(broken.trace, failure=failure))
    figure = draw_overlay([subject(), broken], ["a", "b"])
    (cross,) = lines(figure.axes[0], "stopped")
    assert (list(cross.get_xdata()), list(cross.get_ydata())) == ([2], [0.3])
    assert legend_texts(figure) == ["a", "b (stopped after step 2)"]


@pytest.mark.parametrize("log_y", [False, True])
def test_what_cannot_be_drawn_leaves_the_rest(log_y: bool) -> None:
    odd = [rates([]), rates([math.nan, 0.1]), rates([math.inf]), rates([-0.1, 0.1])]
    (axes,) = draw_overlay([subject(), *odd], names(5), FigureOptions(log_y=log_y)).axes
    assert all(map(math.isfinite, axes.get_ylim()))


def test_few_marks_are_told_by_label_where_they_lie_and_many_are_not() -> None:
    mark = Mark(step=20, label="never-moves", severity="warning")
    half = FigureOptions(x="progress")
    figure = draw_overlay(falling(2), ["a", "b"], half, marks=[[], [mark]])
    assert texts(figure, "mark") == ["b: never-moves"]
    (line,) = lines(figure.axes[0], "mark-line")
    assert list(line.get_xdata()) == [50.0, 50.0]
    many = draw_overlay(falling(4), names(4), half, marks=[[mark]] * 4)
    assert texts(many, "mark") == []


@pytest.mark.parametrize("size", [(10.0, 5.0), (4.0, 3.0), (3.0, 2.5)])
@pytest.mark.parametrize("count", [2, 5, 12])
def test_no_text_leaves_the_figure(size: tuple[float, float], count: int) -> None:
    labels = [f"schedule {name}" for name in names(count)]
    figure = draw_overlay(falling(count, end=0.4), labels, FigureOptions(size=size), "A title")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [text.get_window_extent(renderer) for text in shown]
    outside = [
        text.get_text()
        for text, box in zip(shown, boxes, strict=True)
        if box.x0 < -1 or box.y0 < -1 or box.x1 > figure.bbox.x1 + 1 or box.y1 > figure.bbox.y1 + 1
    ]
    assert outside == []


def test_the_same_subjects_give_the_same_bytes() -> None:
    def drawn(options: FigureOptions) -> bytes:
        file = io.BytesIO()
        write(draw_overlay(falling(4), names(4), options, "T"), file, "svg")
        return file.getvalue()

    for options in (FigureOptions(), FigureOptions(facets=True)):
        assert drawn(options) == drawn(options)


def test_nothing_of_matplotlib_s_settings_stays_changed() -> None:
    before = dict(matplotlib.rcParams)
    draw_overlay(falling(2), names(2), FigureOptions(theme="dark"))
    assert dict(matplotlib.rcParams) == before


def test_no_subject_is_no_figure() -> None:
    with pytest.raises(ValueError, match="at least one"):
        draw_overlay([], [])


def facets(count: int, **options: Any) -> Figure:
    asked = FigureOptions(facets=True, **({"size": facets_size(count, 1)} | options))
    return draw_overlay(falling(count), names(count), asked, "All")


def test_each_has_a_facet_under_its_label() -> None:
    figure = facets(7)
    assert [axes.get_title(loc="left") for axes in figure.axes] == names(7)
    assert [[line.get_label() for line in lines(axes)] for axes in figure.axes] == [[name] for name in names(7)]
    assert texts(figure, "title") == ["All"]


def test_facets_share_their_axes_and_label_the_outer_ones() -> None:
    figure = facets(7)
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 40)}
    assert [axes.get_ylim() for axes in figure.axes] == [(0, pytest.approx(0.77))] * 7
    numbered = [any(label.get_visible() for label in axes.get_xticklabels()) for axes in figure.axes]
    valued = [any(label.get_visible() for label in axes.get_yticklabels()) for axes in figure.axes]
    assert numbered == [False, False, False, True, True, True, True]
    assert valued == [True, False, False, False, True, False, False]
    assert (texts(figure, "xlabel"), texts(figure, "ylabel")) == (["Steps"], ["Learning Rate"])


def test_facets_do_not_touch() -> None:
    figure = facets(30)
    boxes = [axes.get_position() for axes in figure.axes]
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[number + 1 :])
    assert min(box.height * figure.get_size_inches()[1] for box in boxes) > 0.8


def test_too_many_facets_for_a_figure_say_what_would_do() -> None:
    with pytest.raises(SpecError, match=r"size: 10x5 leaves no room for 30 facets; 10x\d") as refused:
        facets(30, size=(10, 5))
    size = str(refused.value).rpartition("; ")[2].removesuffix(" does")
    assert len(facets(30, size=size).axes) == 30


def test_facets_have_momentum_below_each() -> None:
    shown = [subject({"name": "onecycle", "max_lr": high}) for high in (0.1, 0.2)]
    options = FigureOptions(facets=True, show=("lr", "momentum"), x="progress")
    figure = draw_overlay(shown, ["a", "b"], options)
    assert [axes.get_label() for axes in figure.axes] == ["lr 0", "lr 1", "momentum 0", "momentum 1"]
    assert texts(figure, "ylabel") == ["Learning Rate", "Momentum"]
    assert texts(figure, "xlabel") == ["Progress (%)"]


def test_facets_name_their_groups_and_marks() -> None:
    groups = {"groups": [{"name": "body", "lr": 0.1}, {"name": "head", "lr": 1.0}]}
    shown = [subject(optimizer=groups), subject({"name": "linear"}, optimizer=groups)]
    mark = Mark(step=20, label="never-moves", severity="warning")
    figure = draw_overlay(shown, ["a", "b"], FigureOptions(facets=True), marks=[[mark], []])
    assert legend_texts(figure) == ["group body", "group head"]
    assert [len(lines(axes, "mark-line")) for axes in figure.axes] == [1, 0]
