from __future__ import annotations

import math
import random
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

import lrviz
from lrviz.render.figure.draw import draw
from lrviz.render.figure.options import FigureOptions
from lrviz.render.figure.range_test import steepest, usable, valley

RANGE_TEST = {"run": {"steps": 100}, "scheduler": {"name": "range-test", "min_lr": 1e-4, "max_lr": 10}}


def drawn(document: dict[str, object], **options: object) -> tuple[Figure, lrviz.Trace]:
    experiment = lrviz.load(document)
    trace = lrviz.replay(experiment, train=True)
    return draw(trace, experiment, FigureOptions(**options)), trace


def by_gid(figure: Figure, gid: str) -> list[object]:
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def test_the_loss_stands_below_the_rate_and_says_whose_it_is():
    figure, trace = drawn({"optimizer": {"lr": 0.1}, "scheduler": {"name": "cosine"}})
    assert [axes.get_ylabel() for axes in figure.axes] == ["Learning Rate", "Loss"]
    (line,) = [line for line in figure.axes[1].get_lines() if line.get_gid() == "line-0"]
    assert line.get_ydata().tolist() == trace.loss.tolist()
    (message,) = by_gid(figure, "toy")
    assert message.get_text() == "a toy problem: a line fitted to 100 points"


def test_a_loss_that_a_plateau_watches_is_drawn_once():
    figure, _ = drawn({"optimizer": {"lr": 0.3}, "scheduler": {"name": "plateau", "metric": "train"}})
    assert [axes.get_ylabel() for axes in figure.axes] == ["Learning Rate", "Loss"]


def test_momentum_goes_below_the_loss():
    document = {"optimizer": {"momentum": 0.9}, "scheduler": {"name": "onecycle", "max_lr": 0.1}}
    figure, _ = drawn(document, show=("lr", "momentum"))
    assert [axes.get_ylabel() for axes in figure.axes] == ["Learning Rate", "Loss", "Momentum"]


def test_a_loss_that_diverges_draws_without_a_warning():
    figure, trace = drawn({"run": {"steps": 400}, "optimizer": {"lr": 50.0}, "scheduler": {"name": "cosine"}})
    assert max(trace.loss) > 1e30
    FigureCanvasAgg(figure).draw()


def test_a_range_test_that_trained_shows_the_loss_against_the_rate():
    figure, trace = drawn(RANGE_TEST)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale()) == ("Learning Rate", "Loss", "log")
    assert axes.get_xlim() == (1e-4, 10.0)
    (line,) = by_gid(figure, "line-0")
    assert isinstance(line, Line2D)
    kept = usable(trace.loss)
    assert line.get_xdata()[:kept].tolist() == trace.groups[0].lr.tolist()[:kept]
    assert line.get_ydata()[:kept].tolist() == trace.loss.tolist()[:kept]
    assert by_gid(figure, "toy")


def inside(figure: Figure, artist: object) -> bool:
    box = artist.get_window_extent()
    return figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1 and figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("size", [(10.0, 5.0), (4.0, 3.0), (2.0, 2.0)], ids=["large", "small", "tiny"])
def test_the_steepest_and_the_valley_point_are_marked_and_named(optimizer, size):
    figure, trace = drawn(RANGE_TEST | {"optimizer": {"name": optimizer}}, size=size)
    FigureCanvasAgg(figure).draw()
    rates, losses = trace.groups[0].lr.tolist(), trace.loss.tolist()
    kept = usable(losses)
    words = [label.get_text().replace("\n", " ") for label in by_gid(figure, "annotation")]
    for name, find in (("steepest", steepest), ("valley", valley)):
        point = find(rates[:kept], losses[:kept])
        (marker,) = by_gid(figure, name)
        assert marker.get_xydata().tolist() == [[point.rate, point.loss]]
        (label,) = [text for text in words if name in text]
        assert float(label.split(": ")[1]) == pytest.approx(point.rate, rel=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("title", ["RangeTest", "A title with many words that has to be wrapped " * 3])
@pytest.mark.parametrize("size", [(10.0, 5.0), (4.0, 3.0), (2.0, 2.0), (2.0, 10.0)])
def test_no_text_of_a_range_test_leaves_the_figure_or_covers_another(size, title, theme):
    figure, _ = drawn(RANGE_TEST | {"title": title}, size=size, theme=theme)
    FigureCanvasAgg(figure).draw()
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    assert [text.get_text() for text in texts if not inside(figure, text)] == []
    boxes = [text.get_window_extent().padded(-1) for text in texts]  # with the air that belongs to a letter
    clashes = [
        (one.get_text(), other.get_text())
        for (one, box), (other, rest) in combinations(zip(texts, boxes, strict=True), 2)
        if box.overlaps(rest)
    ]
    assert clashes == []


def test_points_at_one_rate_share_a_label():
    figure, _ = drawn(RANGE_TEST)
    assert [label.get_text() for label in by_gid(figure, "annotation")] == ["steepest, valley: 0.0266"]


def test_a_diverging_loss_ends_at_the_frames_top_and_the_first_markers_are_whole():
    figure, trace = drawn(RANGE_TEST)
    (axes,) = figure.axes
    (line,) = by_gid(figure, "line-0")
    calm = max(trace.loss[: usable(trace.loss)])
    assert calm < axes.get_ylim()[1] < max(trace.loss)
    box, frame = line.get_clip_box(), axes.get_window_extent()
    assert box.y1 == pytest.approx(frame.y1)
    assert (box.x0, box.y0) < (frame.x0, frame.y0)
    assert frame.x1 < box.x1


@pytest.mark.parametrize("steps", [1, 2])
def test_a_short_range_test_shows_its_points(steps):
    figure, _ = drawn(RANGE_TEST | {"run": {"steps": steps}})
    FigureCanvasAgg(figure).draw()
    (line,) = by_gid(figure, "line-0")
    low, high = figure.axes[0].get_xlim()
    assert line.get_marker() == "o"
    assert len(line.get_xdata()) == steps
    assert all(low <= rate <= high for rate in line.get_xdata())


def test_a_long_range_test_is_thinned():
    figure, trace = drawn(RANGE_TEST | {"run": {"steps": 20_000}})
    (line,) = by_gid(figure, "line-0")
    assert len(line.get_xdata()) < 5_000 < len(trace.loss)


def test_a_range_test_that_cannot_train_shows_how_far_it_came_and_why():
    experiment = lrviz.load(RANGE_TEST | {"optimizer": {"name": "sparseadam"}})
    trace = lrviz.replay(experiment, train=True, partial=True)
    figure = draw(trace, experiment)
    FigureCanvasAgg(figure).draw()
    assert [axes.get_ylabel() for axes in figure.axes] == ["Learning Rate"]
    (message,) = by_gid(figure, "mark")
    assert "does not support dense gradients" in message.get_text().replace("\n", " ")


def test_a_range_test_whose_loss_never_falls_names_nothing():
    document = RANGE_TEST | {"scheduler": {"name": "range-test", "min_lr": 100, "max_lr": 1000}}
    figure, _ = drawn(document)
    FigureCanvasAgg(figure).draw()
    assert not by_gid(figure, "steepest")
    assert not by_gid(figure, "annotation")


RATES = [10.0 ** (index / 10 - 5) for index in range(60)]


def by_definition(losses: list[float]) -> int:
    """Return the end of the longest decreasing subsequence, by the quadratic definition."""
    lengths = [1] * len(losses)
    for i, loss in enumerate(losses):
        lengths[i] = 1 + max((lengths[j] for j in range(i) if losses[j] > loss), default=0)
    return lengths.index(max(lengths)), max(lengths)


def test_the_steepest_point_is_where_the_loss_falls_fastest_on_a_log_axis():
    losses = [1 / (1 + math.exp(index - 30)) for index in range(60)]
    point = steepest(RATES, losses)
    assert point is not None
    assert point.index in (29, 30)
    assert (point.rate, point.loss) == (RATES[point.index], losses[point.index])


def test_the_valley_is_the_middle_of_the_longest_descent():
    losses = [5.0] * 20 + [5.0 - index / 10 for index in range(30)] + [9.0] * 10
    point = valley(RATES, losses)
    assert point is not None
    assert point.index == pytest.approx(20 + 15, abs=2)


@pytest.mark.parametrize("seed", range(20))
def test_the_longest_descent_is_found_through_noise(seed):
    numbers = random.Random(seed)
    losses = [10 - index / 6 + numbers.uniform(-2, 2) for index in range(60)]
    end, length = by_definition(losses)
    third = (end - max(0, end - length)) / 3
    point = valley(RATES, losses)
    assert point is not None
    assert point.index == max(0, end - length) + int(third) + int(third / 2)


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]])
def test_a_loss_that_never_falls_has_neither(losses):
    assert steepest(RATES, losses) is None
    assert valley(RATES, losses) is None


def test_what_comes_after_the_loss_diverges_is_left_out():
    assert usable([1.0, 0.5, 1.9, 2.1, 0.1]) == 3
    assert usable([1.0, math.inf, 1.0]) == 1
    assert usable([1.0, math.nan]) == 1
    assert usable([1.0, 0.9]) == 2
