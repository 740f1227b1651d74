from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

import lrviz
from lrviz.render.figure import draw
from lrviz.render.finder import steepest, usable, valley
from lrviz.render.options import FigureOptions

SWEEP = {"run": {"steps": 100}, "scheduler": {"name": "range-test", "min_lr": 1e-4, "max_lr": 10}}


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
    (told,) = by_gid(figure, "toy")
    assert told.get_text() == "a toy problem: a line fitted to 100 points"


def test_a_loss_that_a_plateau_watches_is_drawn_once():
    figure, _ = drawn({"optimizer": {"lr": 0.3}, "scheduler": {"name": "plateau", "metric": "train"}})
    assert [axes.get_ylabel() for axes in figure.axes] == ["Learning Rate", "Loss"]


def test_momentum_goes_below_the_loss():
    figure, _ = drawn({"scheduler": {"name": "cosine"}}, show=("lr", "momentum"))
    assert [axes.get_ylabel() for axes in figure.axes] == ["Learning Rate", "Loss", "Momentum"]


def test_a_loss_that_diverges_draws_without_a_warning():
    figure, trace = drawn({"run": {"steps": 400}, "optimizer": {"lr": 50.0}, "scheduler": {"name": "cosine"}})
    assert max(trace.loss) > 1e30
    figure.canvas.draw()


def test_a_range_test_that_trained_shows_the_loss_against_the_rate():
    figure, trace = drawn(SWEEP)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xscale()) == ("Learning Rate", "Loss", "log")
    assert axes.get_xlim() == (1e-4, 10.0)
    (line,) = by_gid(figure, "line-0")
    assert isinstance(line, Line2D)
    kept = usable(trace.loss)
    assert line.get_xdata()[:kept] == trace.tracks[0].lr.tolist()[:kept]
    assert line.get_ydata()[:kept] == trace.loss.tolist()[:kept]
    assert by_gid(figure, "toy")


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize("size", [(10.0, 5.0), (4.0, 3.0)], ids=["large", "small"])
def test_the_steepest_and_the_valley_point_are_named_inside_the_frame(optimizer, size):
    figure, trace = drawn(SWEEP | {"optimizer": {"name": optimizer}}, size=size)
    figure.canvas.draw()
    rates, losses = trace.tracks[0].lr.tolist(), trace.loss.tolist()
    kept = usable(losses)
    boxes = []
    for name, find in (("steepest", steepest), ("valley", valley)):
        point = find(rates[:kept], losses[:kept])
        (label,) = by_gid(figure, f"{name}-label")
        assert float(label.get_text().split(": ")[1]) == pytest.approx(point.rate, rel=0.01)
        (marker,) = by_gid(figure, name)
        x, y = figure.axes[0].transData.transform((point.rate, point.loss))
        assert marker.get_transform().transform(marker.get_xydata())[0] == pytest.approx((x, y))
        boxes.append(label.get_window_extent())
    assert not boxes[0].overlaps(boxes[1])
    for box in boxes:
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


def test_a_sweep_whose_loss_never_falls_names_nothing():
    document = SWEEP | {"scheduler": {"name": "range-test", "min_lr": 100, "max_lr": 1000}}
    figure, _ = drawn(document)
    figure.canvas.draw()
    assert not by_gid(figure, "steepest-label")
