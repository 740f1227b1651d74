"""What a notebook shows: picture, summary and findings, and the whole of it in a real one."""

from __future__ import annotations

from dataclasses import replace

import pytest

import lrviz
from lrviz.display import MOST, html

CELLS = [
    "import lrviz",
    "lrviz.plot('onecycle', max_lr=1e-3)",
    "trace = lrviz.replay('cosine', T_max=8); trace",
    "lrviz.load({'scheduler': {'name': 'step', 'step_size': 10}})",
    "trace.lr[:3]",
    "print(lrviz.replay('cosine').groups[0])",
    "lrviz.compare('cosine', lrviz.replay('onecycle', max_lr=1e-3))",
]


@pytest.mark.parametrize("kind", ["trace", "experiment"])
def test_it_has_a_picture_a_line_and_what_is_wrong(kind: str) -> None:
    trace = lrviz.replay("cosine", T_max=8)
    shown = html(trace if kind == "trace" else trace.experiment)
    assert shown is not None
    assert 'src="data:image/png;base64,' in shown
    assert "first 0.001, peak 0.001" in shown
    assert "error cosine-rebound</b>: CosineAnnealingLR" in shown


def test_a_comparison_has_a_line_for_each_and_their_findings_by_label() -> None:
    shown = html(lrviz.compare("cosine", lrviz.replay("cosine", T_max=8)))
    assert shown is not None
    assert shown.count("data:image/png") == 1
    assert shown.count("first 0.001, peak 0.001") == 2
    assert "error cosine-rebound</b>: T_max 8: CosineAnnealingLR" in shown


def test_a_title_is_escaped() -> None:
    shown = html(lrviz.load({"title": "<script>", "scheduler": {"name": "cosine"}}))
    assert shown is not None
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown


def test_what_is_too_long_or_without_an_experiment_has_its_repr() -> None:
    assert html(lrviz.load({"run": {"steps": MOST + 1}, "scheduler": {"name": "cosine"}})) is None
    assert html(replace(lrviz.replay("cosine"), experiment=None)) is None


def test_a_failed_replay_is_shown_with_torchs_words() -> None:
    experiment = lrviz.load({"scheduler": {"name": "onecycle", "max_lr": 1e-3, "total_steps": 16}})
    shown = html(experiment)
    assert shown is not None
    assert "Tried to step 17 times" in shown


def test_a_notebook_shows_all_of_it_without_magic() -> None:
    nbformat = pytest.importorskip("nbformat")
    execute = pytest.importorskip("nbconvert.preprocessors").ExecutePreprocessor
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    execute(timeout=120).preprocess(notebook)
    _, figure, trace, experiment, array, printed, comparison = (cell.outputs for cell in notebook.cells)
    assert "image/png" in figure[0].data
    for shown in (trace, experiment, comparison):
        assert "data:image/png" in shown[0].data["text/html"]
    assert "cosine-rebound" in trace[0].data["text/html"]
    assert array[0].data["text/plain"].startswith("array([")
    assert printed[0].text.startswith("GroupTrace(")
