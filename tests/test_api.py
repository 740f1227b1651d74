"""The Python API: what the command line takes, in Python's words."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch

import lrviz
from lrviz.render.figure.notebook import NotebookFigure

LOG = Path(__file__).parent / "recordings/logs/ultralytics/results.csv"
TWO = {
    "optimizer": {"groups": [{"name": "body", "lr": 0.1}, {"name": "head", "lr": 0.5}]},
    "scheduler": {"name": "step", "step_size": 8},
}


def test_replay_takes_a_name_a_file_a_mapping_and_an_experiment(tmp_path: Path) -> None:
    document = {"scheduler": {"name": "onecycle", "max_lr": 1e-3}}
    file = tmp_path / "run.yaml"
    file.write_text("scheduler: {name: onecycle, max_lr: 1e-3}")
    traces = [lrviz.replay(each) for each in (document, file, str(file), lrviz.load(document))]
    traces.append(lrviz.replay("onecycle", max_lr=1e-3))
    assert len({trace.groups[0].lr.tobytes() for trace in traces}) == 1


def test_arguments_go_where_they_belong() -> None:
    trace = lrviz.replay(
        "cosine", T_max=50, epochs=10, steps_per_epoch=10, lr=0.5, optimizer="AdamW", warmup=10, warmup_start=0.1
    )
    experiment = trace.experiment
    assert experiment is not None
    assert (trace.steps, experiment.optimizer.name, experiment.warmup) == (100, "AdamW", 10)
    assert trace.lr[0] == 0.05
    assert trace.lr[10] == 0.5


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        ("onecycle", {"max_lrr": 1}, "'max_lrr' is no argument of onecycle; did you mean 'max_lr'?"),
        ("onecycl", {"max_lr": 1}, "unknown scheduler 'onecycl'; did you mean 'onecycle'?"),
        ("step", {}, "scheduler.step_size: missing"),
        ({"scheduler": {"name": "cosine"}}, {"epoch": 3}, "'epoch' is no argument of a mapping; did you mean"),
        ("nosuch/run.yaml", {"epoch": 3}, "'epoch' is no argument of nosuch/run.yaml; did you mean 'epochs'?"),
        ("", {}, "must be a file, or a scheduler's name, and is empty"),
        (LOG, {}, "results.csv: is the log of a run, which has no schedule; lrviz.plot and lrviz.compare draw it"),
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused_with_the_nearest_name(target, arguments, message: str) -> None:
    with pytest.raises(lrviz.SpecError) as error:
        lrviz.replay(target, **arguments)
    assert message in str(error.value)


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    plain = lrviz.replay("onecycle", steps=10, max_lr=0.5, pct_start=0.25)
    given = {"steps": numpy.int64(10), "max_lr": numpy.float32(0.5), "pct_start": torch.tensor(0.25)}
    assert lrviz.replay("onecycle", **given).lr.tolist() == plain.lr.tolist()
    document = {"scheduler": {"name": "onecycle", "max_lr": numpy.float32(0.5), "pct_start": 0.25}}
    assert lrviz.replay(document, steps=numpy.int64(10)).lr.tolist() == plain.lr.tolist()
    assert lrviz.replay("step", step_size=numpy.int32(2), steps=torch.tensor(3)).steps == 3
    milestones: list[object] = [numpy.int64(1), 2]
    assert lrviz.replay("multistep", milestones=milestones, steps=3).lr[2] == pytest.approx(1e-5)


def test_an_experiment_takes_no_arguments() -> None:
    experiment = lrviz.load({"scheduler": {"name": "cosine"}})
    with pytest.raises(lrviz.SpecError, match="an experiment takes no arguments: epochs"):
        lrviz.replay(experiment, epochs=3)


def test_the_learning_rates_are_a_numpy_array_that_copies_nothing() -> None:
    trace = lrviz.replay("onecycle", max_lr=1e-3)
    assert isinstance(trace.lr, numpy.ndarray)
    assert numpy.shares_memory(trace.lr, numpy.asarray(trace.groups[0].lr))
    assert trace.lr.max() == trace.groups[0].summary.peak


def test_groups_have_names() -> None:
    trace = lrviz.replay(TWO)
    assert trace.groups["head"] is trace.groups[1]
    assert trace.lr.shape == (32, 2)
    assert (trace.lr[:, 1] == numpy.asarray(trace.groups["head"].lr)).all()
    with pytest.raises(KeyError, match="'heads'; the groups are 'body', 'head'"):
        trace.groups["heads"]


def test_a_column_can_be_given_to_matplotlib() -> None:
    from matplotlib.figure import Figure

    trace = lrviz.replay(TWO)
    axes = Figure().add_subplot()
    for values in (trace.lr, trace.groups["head"].lr, trace.groups[1].lr):
        (*_, line) = axes.plot(values)
        assert list(line.get_ydata()) == list(trace.groups["head"].lr)


def test_a_frame_has_the_columns_of_the_table() -> None:
    pytest.importorskip("pandas")
    frame = lrviz.replay(TWO).to_frame()
    assert list(frame) == ["step", "epoch", "lr.body", "lr.head", "momentum.body", "momentum.head"]
    assert (list(frame["epoch"][[0, 8, 31]]), frame["lr.head"][8]) == ([0, 1, 3], 0.05)
    assert list(lrviz.replay("cosine", steps=5).to_frame()) == ["step", "lr", "momentum"]


def test_a_repr_says_what_it_does() -> None:
    trace = lrviz.replay("onecycle", max_lr=1e-3)
    said = "32 steps: first 4e-05, peak 0.0009992 at 9, last 4e-09"
    assert repr(trace) == f"Trace(OneCycleLR, 32 steps: GroupTrace('default', {said}))"
    assert repr(trace.experiment).startswith("Experiment('OneCycleLR', 32 steps, OneCycleLR(")
    assert "<memory" not in repr(trace)


def test_plot_returns_a_figure_that_shows_itself_and_writes_it(tmp_path: Path) -> None:
    figure = lrviz.plot("onecycle", max_lr=1e-3, size="6x3", title="Mine", output=tmp_path / "a.png")
    assert isinstance(figure, NotebookFigure)
    assert figure.axes[0].get_title() == "Mine"
    assert figure._repr_png_() == (tmp_path / "a.png").read_bytes()
    assert figure._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"


def test_plot_marks_what_is_wrong() -> None:
    figure = lrviz.plot("cosine", T_max=8)
    marks = [text.get_text() for text in figure.axes[0].texts]
    assert any("cosine-rebound" in text for text in marks)


def test_plot_refuses_a_file_of_no_format_before_it_replays(tmp_path: Path) -> None:
    with pytest.raises(lrviz.SpecError, match="ends in"):
        lrviz.plot("onecycle", max_lr=1e-3, output=tmp_path / "a.jpeg")


def test_a_figure_needs_an_experiment() -> None:
    from dataclasses import replace

    trace = replace(lrviz.replay("cosine"), experiment=None)
    with pytest.raises(lrviz.SpecError, match="does not know its experiment"):
        lrviz.figure(trace)


def test_compare_names_what_differs_and_plot_draws_several(tmp_path: Path) -> None:
    targets = ["onecycle", lrviz.replay("cosine", epochs=2)]
    found = lrviz.compare(lrviz.replay("onecycle", max_lr=1e-3), targets[1])
    assert list(found.labels) == ["OneCycleLR", "CosineAnnealingLR"]
    assert repr(found).startswith("Comparison(OneCycleLR: Trace(OneCycleLR, 32 steps: ")
    figure = lrviz.plot(*[each.trace for each in found.subjects], x="progress", output=tmp_path / "a.svg")
    assert figure.axes[0].get_xlabel() == "Progress (%)"
    assert (tmp_path / "a.svg").exists()


def test_compare_takes_an_overlay(tmp_path: Path) -> None:
    entries = [{"label": name, "scheduler": {"name": name}} for name in ("cosine", "hf-cosine")]
    document = {"overlay": entries, "title": "Two"}
    assert lrviz.plot(document).axes[0].get_title() == "Two"
    assert list(lrviz.compare(document, labels=["a", "b"]).labels) == ["a", "b"]
    assert list(lrviz.compare(document).labels) == ["cosine", "hf-cosine"]


def test_plot_and_compare_take_the_log_of_a_run() -> None:
    found = lrviz.compare("cosine", LOG)
    assert [subject.experiment is None for subject in found.subjects] == [False, True]
    assert list(found.labels) == ["CosineAnnealingLR", "results.csv"]
    assert len(lrviz.plot(LOG).axes[0].lines) == len(lrviz.plot(LOG.parent).axes[0].lines) > 0
    with pytest.raises(lrviz.SpecError, match=r"results.csv: the log of a run takes no arguments: epochs"):
        lrviz.plot(LOG, epochs=3)


def test_load_all_takes_what_load_does_of_the_run() -> None:
    (one,) = lrviz.load_all({"scheduler": {"name": "cosine"}}, epochs=3, steps_per_epoch=5)
    assert one.run.clock.steps == 15
    entries = [{"label": "a", "scheduler": {"name": "cosine"}}, {"label": "b", "scheduler": {"name": "hf-cosine"}}]
    several = lrviz.load_all({"overlay": entries}, steps=7)
    assert [each.run.clock.steps for each in several] == [7, 7]


@pytest.mark.parametrize(
    ("targets", "labels", "message"),
    [((), (), "there is nothing to compare"), (("cosine",), ("a", "b"), "there are 2 labels for 1 schedules")],
)
def test_compare_refuses_what_is_none(targets, labels, message: str) -> None:
    with pytest.raises(lrviz.SpecError, match=message):
        lrviz.compare(*targets, labels=labels)
