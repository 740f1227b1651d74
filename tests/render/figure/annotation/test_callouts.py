"""Labels on the drawn figure: never on one another, on the curve or outside the frame."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy
import pytest
from matplotlib.backends.backend_agg import RendererAgg

import lrviz
from lrviz.experiment.schedulers import catalogue
from lrviz.render.figure.annotation.callouts import annotate
from lrviz.render.figure.draw import draw
from lrviz.render.figure.options import FigureOptions

CYCLIC = {"name": "cyclic", "base_lr": 1e-4, "max_lr": 1e-3, "step_size_up": 4, "cycle_momentum": False}
ONECYCLE = {"name": "onecycle", "max_lr": 1e-3, "steps_per_epoch": 8, "epochs": 4}
LINEAR = {"name": "linear", "start_factor": 0.1, "total_iters": 8}

ARTICLE = {
    "article-step": {"name": "step", "step_size": 4, "gamma": 0.5},
    "article-multistep": {"name": "multistep", "milestones": [8, 24, 28], "gamma": 0.5},
    "article-constant": {"name": "constant", "factor": 0.5, "total_iters": 8},
    "article-linear": {"name": "linear", "start_factor": 0.5, "total_iters": 8},
    "article-exponential": {"name": "exponential", "gamma": 0.5},
    "article-polynomial-1": {"name": "polynomial", "total_iters": 8, "power": 1},
    "article-polynomial-2": {"name": "polynomial", "total_iters": 8, "power": 2},
    "article-cosine": {"name": "cosine", "T_max": 32, "eta_min": 1e-4},
    "article-restarts": {"name": "cosine-restarts", "T_0": 8, "T_mult": 1, "eta_min": 1e-4},
    "article-triangular": CYCLIC,
    "article-triangular2": CYCLIC | {"mode": "triangular2"},
    "article-exp-range": CYCLIC | {"mode": "exp_range", "gamma": 0.9},
    "article-onecycle": ONECYCLE | {"anneal_strategy": "cos"},
    "article-onecycle-linear": ONECYCLE | {"anneal_strategy": "linear"},
}
CONTAINERS = {
    "three-in-sequence": {
        "name": "sequential",
        "schedulers": [LINEAR, {"name": "constant", "factor": 1.0}, {"name": "cosine"}],
        "milestones": [8, 24],
    },
    "restarts-after-warmup": {
        "name": "sequential",
        "schedulers": [LINEAR, {"name": "cosine-restarts", "T_0": 6}],
        "milestones": [8],
    },
    "chained-three": {
        "name": "chained",
        "schedulers": [LINEAR, {"name": "step", "step_size": 12}, {"name": "exponential", "gamma": 0.95}],
    },
}
EXAMPLES = {f"example-{name}": {"name": name, **spec.example} for name, spec in catalogue().items() if spec.example}
CASES = ARTICLE | CONTAINERS | EXAMPLES


@cache
def replayed(name):
    experiment = lrviz.load({"scheduler": CASES[name]})
    return lrviz.replay(experiment), experiment


class Drawn:
    """A figure with annotations, measured in pixels."""

    def __init__(self, name, **options):
        trace, experiment = replayed(name)
        self.figure = draw(trace, experiment, FigureOptions(annotate=True, **options))
        self.axes = self.figure.axes[0]
        renderer = RendererAgg(8, 8, self.figure.dpi)
        self.frame = self.axes.get_window_extent(renderer)
        self.labels = [text for text in self.axes.texts if text.get_gid() == "annotation"]
        self.boxes = [text.get_window_extent(renderer) for text in self.labels]
        self.wanted = annotate(experiment, trace)

    def curve(self):
        """Points along every line, closer than a pixel, and its markers."""
        for line in (line for line in self.axes.lines if line.get_gid().startswith("line-")):
            vertices = self.axes.transData.transform(line.get_xydata())
            yield _along(vertices)

    def arrows(self):
        for text in self.axes.texts:
            if text.get_gid() == "arrow":
                yield _along(self.axes.transAxes.transform([text.xyann, text.xy]))


@cache
def at_ease(name):
    """Return a figure as it is drawn unless anything else is asked for."""
    return Drawn(name)


def _along(vertices):
    pieces = [
        numpy.linspace(start, stop, 2 + int(numpy.hypot(*(stop - start)) * 2)) for start, stop in pairwise(vertices)
    ]
    return numpy.concatenate(pieces) if pieces else vertices


def inside(points, box, air=0.0):
    x, y = points[:, 0], points[:, 1]
    return bool(((x > box.x0 - air) & (x < box.x1 + air) & (y > box.y0 - air) & (y < box.y1 + air)).any())


@pytest.mark.parametrize("name", sorted(CASES))
def test_labels_keep_off_everything(name):
    drawn = at_ease(name)
    assert {label.get_text() for label in drawn.labels} == {note.label for note in drawn.wanted}
    for label, box in zip(drawn.labels, drawn.boxes, strict=True):
        assert drawn.frame.x0 < box.x0 < box.x1 < drawn.frame.x1, label
        assert drawn.frame.y0 < box.y0 < box.y1 < drawn.frame.y1, label
        assert not any(inside(points, box, air=2.0) for points in drawn.curve()), label
        assert not any(inside(points, box) for points in drawn.arrows()), label
        assert not any(box.overlaps(other) for other in drawn.boxes if other is not box), label


def test_the_article_s_frames_stay_as_they_were():
    limits = {name: at_ease(name).axes.get_ylim() for name in ARTICLE}
    assert limits == dict.fromkeys(ARTICLE, (0, pytest.approx(0.0011)))


@pytest.mark.parametrize("name", sorted(ARTICLE))
def test_the_article_s_lengths_are_not_drawn_over_the_curve(name):
    drawn = at_ease(name)
    curves = numpy.concatenate(list(drawn.curve()))
    for arrow in drawn.arrows():
        if abs(arrow[0, 1] - arrow[-1, 1]) > 0.5:  # a pointer: meets the curve at its tip
            continue
        middle = arrow[len(arrow) // 20 : -len(arrow) // 20]
        assert min(numpy.hypot(*(curves - point).T).min() for point in middle[::4]) > 3


@pytest.mark.parametrize("size", ["5x2.5", "16x4"])
@pytest.mark.parametrize("name", sorted(ARTICLE)[::2])
def test_what_finds_no_room_is_left_out_rather_than_drawn_over(name, size):
    drawn = Drawn(name, size=size, show=("lr",))
    for box in drawn.boxes:
        assert not any(inside(points, box) for points in drawn.curve())
        assert not any(box.overlaps(other) for other in drawn.boxes if other is not box)


@pytest.mark.parametrize("name", ["article-constant", "article-restarts", "article-onecycle"])
def test_labels_keep_their_places_at_every_resolution_and_in_every_theme(name):
    looks = ({"dpi": 50}, {"dpi": 300}, {"theme": "dark"})
    first, *others = [
        [tuple(numpy.round(label.get_position(), 6)) for label in Drawn(name, **look).labels] for look in looks
    ]
    assert others == [first, first]


def test_momentum_below_leaves_the_labels_room():
    drawn = Drawn("article-onecycle", show=("lr", "momentum"))
    assert {label.get_text() for label in drawn.labels} == {note.label for note in drawn.wanted}
