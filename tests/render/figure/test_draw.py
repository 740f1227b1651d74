from __future__ import annotations

import io
import math
import subprocess
import sys
from array import array
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib
import numpy
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import lrviz
from lrviz.arrays import column
from lrviz.errors import SpecError
from lrviz.render.figure.draw import draw
from lrviz.render.figure.options import FigureOptions, Mark
from lrviz.render.figure.output import write
from lrviz.render.figure.theme import COLORS
from lrviz.trace import Failure, GroupTrace, Seam, Trace

SVG = "{http://www.w3.org/2000/svg}"


def experiment(scheduler=None, **rest):
    return lrviz.load({"scheduler": scheduler or {"name": "cosine"}, **rest})


def trace(*rates, steps=None, steps_per_epoch=8, momentum=None, **rest):
    steps = len(rates[0]) if steps is None and rates else steps
    return Trace(
        groups=tuple(
            GroupTrace(name=f"group {i}", lr=column(values), momentum=None if momentum is None else column(momentum))
            for i, values in enumerate(rates)
        ),
        steps=steps,
        steps_per_epoch=steps_per_epoch,
        momentum_name=None if momentum is None else "momentum",
        engine="none",
        torch_version="0",
        **rest,
    )


def falling(steps=32, start=1e-3):
    return [start * (1 - step / steps) for step in range(steps)]


def panels(figure):
    return figure.axes


def line(axes, name="line-0"):
    return next(each for each in axes.lines if each.get_gid() == name)


def texts(axes, gid):
    return [each for each in axes.texts if each.get_gid() == gid]


def extents(figure, artists):
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    return [artist.get_window_extent(renderer) for artist in artists]


def all_texts(figure):
    """Every text that is on the figure, tick labels included."""
    return [text for text in figure.findobj(matplotlib.text.Text) if text.get_visible() and text.get_text().strip()]


def test_the_article_s_axes():
    (axes,) = panels(draw(trace(falling()), experiment()))
    assert axes.get_xlim() == (0, 32)
    assert axes.get_ylim() == (0, pytest.approx(0.0011))
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("Steps", "Learning Rate", "CosineAnnealingLR")
    assert list(axes.get_xticks()) == [0, 8, 16, 24, 32]
    assert line(axes, "x-minor-ticks").get_xdata() == [step for step in range(33) if step % 8]
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "0.0010"
    assert not axes.spines["top"].get_visible()
    assert not axes.spines["right"].get_visible()


def test_the_line_holds_every_value_with_a_marker():
    rates = falling()
    (axes,) = panels(draw(trace(rates), experiment()))
    drawn = line(axes)
    assert drawn.get_xdata().tolist() == list(range(32))
    assert drawn.get_ydata().tolist() == rates
    assert (drawn.get_marker(), drawn.get_color()) == ("o", "#000000")


def test_the_axis_reaches_above_what_the_rate_is_meant_to_reach():
    meant = experiment({"name": "cyclic", "base_lr": 1e-4, "max_lr": 2e-3})
    (axes,) = panels(draw(trace(falling()), meant))
    assert axes.get_ylim()[1] == pytest.approx(0.0022)


def test_the_experiment_s_title_wins():
    (axes,) = panels(draw(trace(falling()), experiment(title="Mine $x$")))
    assert axes.get_title() == "Mine $x$"


def test_many_steps_have_no_markers():
    (axes,) = panels(
        draw(trace(falling(1000), steps_per_epoch=100), experiment(run={"epochs": 10, "steps_per_epoch": 100}))
    )
    assert line(axes).get_marker() == "None"


def test_per_epoch_stepping_is_held_and_then_jumps():
    run = {"epochs": 3, "steps_per_epoch": 10, "interval": "epoch"}
    (axes,) = panels(draw(trace([1e-3] * 10 + [5e-4] * 10 + [1e-4] * 10, steps_per_epoch=10), experiment(run=run)))
    drawn = line(axes)
    assert drawn.get_xdata().tolist() == [0, 10, 10, 20, 20, 30]
    assert drawn.get_ydata().tolist() == [1e-3, 1e-3, 5e-4, 5e-4, 1e-4, 1e-4]
    assert drawn.get_xdata()[drawn.get_markevery()].tolist() == [0, 10, 20]


def test_per_epoch_stepping_costs_per_change():
    rates = [1e-3] * 200_000 + [1e-4] * 300_000
    run = {"epochs": 5000, "steps_per_epoch": 100, "interval": "epoch"}
    (axes,) = panels(draw(trace(rates, steps_per_epoch=100), experiment(run=run)))
    assert len(line(axes).get_xdata()) <= 6


def test_a_long_run_is_thinned_and_keeps_its_peak():
    rates = numpy.full(1_000_000, 1e-4)
    rates[123_457] = 9e-4
    run = {"epochs": 100, "steps_per_epoch": 10_000}
    (axes,) = panels(draw(trace(array("d", rates.tobytes()), steps_per_epoch=10_000), experiment(run=run)))
    drawn = line(axes)
    assert len(drawn.get_xdata()) < 4000
    assert drawn.get_xdata()[drawn.get_ydata().argmax()] == 123_457


def test_no_settings_of_matplotlib_stay_changed():
    def settings():  # all but the backend, which reading resolves
        return {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}

    before = settings()
    draw(trace(falling()), experiment(), FigureOptions(theme="dark", annotate=True))
    assert settings() == before


def test_the_user_s_settings_change_nothing():
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.grid": True, "text.usetex": True, "font.size": 30}):
        (axes,) = panels(draw(trace(falling()), experiment()))
    assert line(axes).get_linewidth() < 3
    assert axes.xaxis.label.get_fontsize() == 12


def test_pyplot_stays_out():
    code = """
import io, sys
from lrviz.render.figure import draw as figure, output, summary
from lrviz.trace import Trace, GroupTrace, column
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import CosineAnnealingLR

trace = Trace(groups=(GroupTrace(name="a", lr=column([1.0] * 32)),), steps=32, steps_per_epoch=8,
              momentum_name=None, engine="none", torch_version="0")
output.write(figure.draw(trace, Experiment(scheduler=CosineAnnealingLR())), io.BytesIO(), "png")
print([name for name in ("matplotlib.pyplot", "matplotlib.style", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_options_need_no_matplotlib():
    code = "import sys, lrviz.render.figure.options; print('matplotlib' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_epoch_axis_counts_epochs():
    (axes,) = panels(draw(trace(falling()), experiment()))
    assert [text.get_text() for text in texts(axes, "epoch")] == ["0", "1", "2", "3", "4"]


def test_the_epoch_axis_can_be_left_out():
    (axes,) = panels(draw(trace(falling()), experiment(), FigureOptions(epoch_axis=False)))
    assert not texts(axes, "epoch")
    (axes,) = panels(draw(trace(falling(), steps_per_epoch=None), experiment()))
    assert not texts(axes, "epoch")


def test_groups_are_told_apart_and_named():
    figure = draw(trace(falling(), falling(start=5e-4)), experiment())
    (axes,) = panels(figure)
    first, second = line(axes, "line-0"), line(axes, "line-1")
    assert first.get_color() != second.get_color()
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_marker() != second.get_marker()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["group 0", "group 1"]


def test_a_group_s_name_may_begin_with_an_underscore():
    made = trace(falling(), falling(start=5e-4))
    figure = draw(
        replace(made, groups=tuple(replace(group, name=f"_{group.name}") for group in made.groups)), experiment()
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["_group 0", "_group 1"]


def test_one_group_has_no_legend():
    assert not draw(trace(falling()), experiment()).legends


def test_the_legend_of_many_groups_says_how_many_it_leaves_out():
    figure = draw(trace(*[falling()] * 80), experiment())
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert line(panels(figure)[0], "line-79")
    assert f"(and {80 - len(shown)} more)" in shown[-1]


def test_momentum_is_a_panel_below():
    moving = falling(start=0.9)
    figure = draw(trace(falling(), momentum=moving), experiment(), FigureOptions(show=("lr", "momentum")))
    top, bottom = panels(figure)
    assert (top.get_ylabel(), bottom.get_ylabel()) == ("Learning Rate", "Momentum")
    assert line(bottom).get_ydata().tolist() == moving
    assert top.get_xlim() == bottom.get_xlim()
    assert bottom.get_position().y1 < top.get_position().y0


@pytest.mark.parametrize("epoch_axis", [True, False])
@pytest.mark.parametrize("size", [(10, 5), (4, 3), (2, 2)])
def test_momentum_that_stays_is_said_and_not_drawn(size, epoch_axis):
    options = FigureOptions(show=("lr", "momentum"), size=size, epoch_axis=epoch_axis)
    figure = draw(trace(falling(), momentum=[0.9] * 32), experiment(), options)
    (axes,) = panels(figure)
    (note,) = texts(axes, "note")
    assert note.get_text() == "momentum stays at 0.9"
    (mine,) = extents(figure, [note])
    others = [text for text in all_texts(figure) if text is not note]
    assert [text for text, box in zip(others, extents(figure, others), strict=True) if box.overlaps(mine)] == []
    assert figure.bbox.x0 <= mine.x0
    assert mine.y1 <= figure.bbox.y1


def test_momentum_that_moves_is_drawn_and_not_said():
    figure = draw(trace(falling(), momentum=falling()), experiment(), FigureOptions(show=("lr", "momentum")))
    assert texts(panels(figure)[0], "note") == []


def test_momentum_alone_is_drawn_though_it_stays():
    figure = draw(trace(falling(), momentum=[0.9] * 32), experiment(), FigureOptions(show=("momentum",)))
    assert [axes.get_ylabel() for axes in panels(figure)] == ["Momentum"]


def test_momentum_that_is_not_there_is_refused():
    with pytest.raises(SpecError, match="show: momentum cannot be drawn: Adagrad has neither momentum nor betas"):
        draw(trace(falling()), experiment(optimizer={"name": "adagrad"}), FigureOptions(show=("lr", "momentum")))


def test_a_plateau_shows_its_metric_after_the_step_that_gave_it():
    metric = column([3.0, 2.0, 1.0])
    run = {"epochs": 4, "steps_per_epoch": 5, "interval": "epoch"}
    figure = draw(trace(numpy.repeat(falling(4), 5), steps_per_epoch=5, metric=metric), experiment(run=run))
    _, below = panels(figure)
    assert below.get_ylabel() == "Metric"
    assert line(below).get_xdata().tolist() == [4, 9, 14]
    assert line(below).get_ydata().tolist() == [3, 2, 1]


def test_a_failure_is_marked_in_torch_s_words():
    failure = Failure(step=20, epoch=2, kind="ValueError", message="Tried to step 21 times")
    (axes,) = panels(draw(trace(falling(20), failure=failure), experiment()))
    assert axes.get_xlim() == (0, 32)
    (words,) = texts(axes, "mark")
    assert "ValueError: Tried" in words.get_text().replace("\n", " ")
    assert "after step 19 (epoch 2)" in words.get_text()
    (lost,) = [patch for patch in axes.patches if patch.get_gid() == "lost"]
    assert (lost.get_x(), lost.get_x() + lost.get_width()) == (20, 32)


def test_a_failure_before_the_first_step_is_drawn():
    failure = Failure(step=0, epoch=None, kind="ZeroDivisionError", message="float division by zero")
    (axes,) = panels(draw(trace(steps=0, failure=failure), experiment()))
    assert "ZeroDivisionError" in texts(axes, "mark")[0].get_text()


def test_marks_are_lines_with_words():
    marks = [Mark(step=9, label="cosine-rebound", severity="error"), Mark(step=20, label="lr-dead", severity="warning")]
    (axes,) = panels(draw(trace(falling()), experiment(), marks=marks))
    lines = [each for each in axes.artists + axes.lines if each.get_gid() == "mark-line"]
    assert [each.get_xdata()[0] for each in lines] == [9, 20]
    assert {text.get_text() for text in texts(axes, "mark")} == {"cosine-rebound", "lr-dead"}
    assert lines[0].get_color() != lines[1].get_color()
    assert [each.is_dashed() for each in lines] == [False, True]
    markers = [each for each in axes.artists + axes.lines if each.get_gid() == "mark-marker"]
    assert [each.get_xdata()[0] for each in markers] == [9, 20]
    assert [each.get_markerfacecolor() for each in markers] == [lines[0].get_color(), "none"]


def test_crowded_marks_never_have_words_on_words():
    marks = [Mark(step=step, label=f"finding number {step}", severity="warning") for step in range(32)]
    figure = draw(trace(falling()), experiment(), marks=marks)
    (axes,) = panels(figure)
    boxes = extents(figure, texts(axes, "mark"))
    assert boxes
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_findings_of_one_step_share_a_label():
    marks = [Mark(step=9, label="a", severity="warning"), Mark(step=9, label="b", severity="error")]
    (axes,) = panels(draw(trace(falling()), experiment(), marks=marks))
    assert [text.get_text() for text in texts(axes, "mark")] == ["b\na"]


@pytest.mark.parametrize(("value", "word"), [(math.nan, "NaN"), (math.inf, "infinite"), (1e305, "beyond 1e300")])
def test_what_cannot_be_drawn_is_said(value, word):
    rates = falling()
    rates[12] = value
    (axes,) = panels(draw(trace(rates), experiment()))
    assert [text.get_text() for text in texts(axes, "mark")] == [f"{word} at step 12"]
    assert numpy.isnan(line(axes).get_ydata()[12])


def test_a_log_axis_shows_zeros_on_its_floor():
    rates = [1e-3, 1e-4, 0.0, 0.0]
    run = {"epochs": 2, "steps_per_epoch": 2}
    (axes,) = panels(draw(trace(rates, steps_per_epoch=2), experiment(run=run), FigureOptions(log_y=True)))
    floor = axes.get_ylim()[0]
    assert axes.get_yscale() == "log"
    assert line(axes).get_ydata().tolist() == [1e-3, 1e-4, floor, floor]
    labels = dict(zip(axes.get_yticks(), [label.get_text() for label in axes.get_yticklabels()], strict=True))
    assert labels[floor] == "0"


def test_a_log_axis_without_zeros_is_just_logarithmic():
    (axes,) = panels(draw(trace([1e-3 * 0.5**step for step in range(32)]), experiment(), FigureOptions(log_y=True)))
    assert "0" not in [label.get_text() for label in axes.get_yticklabels()]
    assert axes.get_ylim()[0] < 1e-3 * 0.5**31


ODD = {
    "zeros": [0.0] * 32,
    "negative": [1e-3 - 1e-4 * step for step in range(32)],
    "all negative": [-1.0] * 32,
    "tiny": [1e-30] * 32,
    "denormal": [5e-324] * 32,
    "underflow": [1e-300 * 0.5**step for step in range(32)],
    "huge": [1e299 * step for step in range(32)],
    "huge both ways": [1.7e308 * (-1) ** step for step in range(32)],
    "infinite": [math.inf, -math.inf] * 16,
    "nan": [math.nan] * 32,
    "nan first": [math.nan, *falling(31)],
    "one step": [1e-3],
    "large": [12345.678] * 32,
    "wide": [10.0 ** (step - 20) for step in range(32)],
}


@pytest.mark.parametrize("log_y", [False, True])
@pytest.mark.parametrize("rates", ODD.values(), ids=ODD.keys())
def test_odd_values_draw_without_a_warning(rates, log_y):
    options = FigureOptions(log_y=log_y, annotate=True, show=("lr", "momentum"))
    run = {"epochs": 1, "steps_per_epoch": len(rates)}
    made = trace(rates, momentum=rates, steps_per_epoch=len(rates))
    figure = draw(made, experiment(run=run, optimizer={"lr": 0}), options)
    FigureCanvasAgg(figure).draw()
    for axes in panels(figure):
        low, high = axes.get_ylim()
        assert math.isfinite(low)
        assert low < high
        assert axes.get_yticks().size > 1


def test_words_of_any_script_are_in_the_figure_without_what_xml_cannot_hold():
    made = trace(falling(), falling(start=5e-4), failure=Failure(step=20, epoch=2, kind="错误", message="学习率"))
    marks = [Mark(step=3, label="Σφάλμα \x00", severity="error")]
    figure = draw(made, experiment(title="заголовок 学习率"), FigureOptions(annotate=True), marks)
    write(figure, io.BytesIO(), "png")
    written = io.BytesIO()
    write(figure, written, "svg")
    texts = {element.text for element in ElementTree.fromstring(written.getvalue()).iter(f"{SVG}text")}
    assert {"заголовок 学习率", "Σφάλμα \N{REPLACEMENT CHARACTER}", "错误: 学习率"} <= texts


SIZES = ["10x5", "5x2.5", "4x3", "20x4", "6x10", "3x2.5"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("title", ["OneCycleLR", "A title with many words that has to be wrapped " * 3])
def test_no_text_leaves_the_figure_or_covers_another(size, title):
    run = {"epochs": 30, "steps_per_epoch": 1000}
    made = trace(falling(30_000), falling(30_000, 5e-4), momentum=falling(30_000, 0.95), steps_per_epoch=1000)
    figure = draw(made, experiment(run=run, title=title), FigureOptions(size=size, show=("lr", "momentum")))
    artists = all_texts(figure)
    boxes = extents(figure, artists)
    for artist, box in zip(artists, boxes, strict=True):
        assert figure.bbox.x0 - 1 <= box.x0, artist
        assert box.x1 <= figure.bbox.x1 + 1, artist
        assert figure.bbox.y0 - 1 <= box.y0, artist
        assert box.y1 <= figure.bbox.y1 + 1, artist
    clashes = [
        (one.get_text(), other.get_text())
        for i, (one, box) in enumerate(zip(artists, boxes, strict=True))
        for other, rest in zip(artists[:i], boxes[:i], strict=True)
        if box.overlaps(rest)
    ]
    assert not clashes


def test_the_legend_covers_no_line():
    figure = draw(trace(*[falling(start=1e-4 * k) for k in range(1, 8)]), experiment())
    (axes,) = panels(figure)
    (legend,) = extents(figure, figure.legends)
    assert legend.y1 < axes.get_window_extent().y0


def test_panels_share_their_left_edge():
    figure = draw(
        trace(falling(), momentum=falling(), metric=column(falling(31))),
        experiment(),
        FigureOptions(show=("lr", "momentum")),
    )
    assert [axes.get_ylabel() for axes in panels(figure)] == ["Learning Rate", "Metric", "Momentum"]
    assert len({axes.get_position().x0 for axes in panels(figure)}) == 1
    assert all(one.get_position().y0 > other.get_position().y1 for one, other in pairwise(panels(figure)))


def test_dark_is_light_on_dark():
    figure = draw(trace(falling()), experiment(), FigureOptions(theme="dark"))
    assert sum(figure.get_facecolor()[:3]) < 0.5
    assert line(panels(figure)[0]).get_color() == "#FFFFFF"


SEAM = Seam(step=16, epoch=1, mode="restart", unbroken=((0.0,),))


def test_a_checkpoint_is_a_thin_line_with_a_few_words():
    (axes,) = panels(draw(trace(falling(), seam=SEAM), experiment()))
    (mark,) = (each for each in axes.artists + axes.lines if each.get_gid() == "mark-line")
    assert (mark.get_xdata()[0], mark.is_dashed(), mark.get_color()) == (16, False, COLORS["light"].quiet)
    assert [text.get_text() for text in texts(axes, "mark")] == ["resumed, restart"]
    assert not [each for each in axes.artists + axes.lines if each.get_gid() == "mark-marker"]


def test_a_finding_at_a_checkpoint_has_its_colour_and_comes_first():
    marks = [Mark(step=16, label="resume-jump", severity="warning")]
    (axes,) = panels(draw(trace(falling(), seam=SEAM), experiment(), marks=marks))
    (label,) = texts(axes, "mark")
    assert (label.get_text(), label.get_color()) == ("resume-jump\nresumed, restart", COLORS["light"].warning)
    assert len([each for each in axes.artists + axes.lines if each.get_gid() == "mark-marker"]) == 1


def test_a_checkpoint_within_an_epoch_changes_the_curve_there():
    by_epoch = experiment(run={"epochs": 4, "steps_per_epoch": 8, "interval": "epoch"})
    rates = [*[1e-3] * 8, *[8e-4] * 5, *[1e-3] * 11, *[5e-4] * 8]
    (axes,) = panels(draw(trace(rates, seam=replace(SEAM, step=13)), lrviz.resumed(by_epoch, 13, "restart")))
    assert line(axes).get_ydata()[12:14].tolist() == [8e-4, 1e-3]


def test_annotations_of_two_schedules_are_refused():
    resumed = lrviz.resumed(experiment(), 16)
    with pytest.raises(SpecError, match="points at one schedule"):
        draw(trace(falling(), seam=SEAM), resumed, FigureOptions(annotate=True))


@pytest.mark.parametrize(
    ("unit", "label", "places"),
    [
        ("epoch", "Epochs", {"0": 0, "1": 13, "2": 26, "3": 39}),
        ("progress", "Progress (%)", {"0": 0, "20": 7.8, "100": 39}),
        ("samples", "Samples", {"0": 0, "50": 6.25, "100": 13, "300": 39}),
    ],
)
def test_the_x_axis_of_one_schedule_counts_what_is_asked_for(unit, label, places):
    loaded = experiment(run={"dataset_size": 100, "batch_size": 8, "epochs": 3})
    (axes,) = panels(draw(lrviz.replay(loaded), loaded, FigureOptions(x=unit)))
    found = {tick.get_text(): place for tick, place in zip(axes.get_xticklabels(), axes.get_xticks(), strict=True)}
    assert {name: found[name] for name in places} == pytest.approx(places)
    assert (axes.get_xlabel(), axes.get_xlim()) == (label, (0, 39))
    assert texts(axes, "epoch") == []


def test_many_samples_are_counted_in_millions():
    loaded = experiment(run={"steps": 100, "batch_size": 400_000})
    (axes,) = panels(draw(lrviz.replay(loaded), loaded, FigureOptions(x="samples")))
    assert axes.get_xlabel() == "Samples (millions)"
    assert [tick.get_text() for tick in axes.get_xticklabels()][-1] == "40"


def test_an_option_that_one_schedule_cannot_follow_is_refused():
    with pytest.raises(SpecError, match="facets: a single schedule has no facets"):
        draw(trace(falling()), experiment(), FigureOptions(facets=True))
    test = experiment({"name": "range-test", "min_lr": 1e-5, "max_lr": 1.0})
    with pytest.raises(SpecError, match="x: progress cannot be shown: a range test is drawn over its learning rate"):
        draw(lrviz.replay(test, train=True), test, FigureOptions(x="progress"))
