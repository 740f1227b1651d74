"""`lrviz.testing`: golden files of schedules, and the pytest plugin that writes them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t

import lrviz
import pytest_lrviz
from lrviz.errors import ReplayError, SpecError
from lrviz.testing import assert_schedule
from pytest_lrviz import SESSION

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
STEP = {"name": "step", "step_size": 2, "gamma": 0.5}


def scheduler(gamma: float = 0.5, **rest: Any) -> Any:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1, **rest)
    return t.StepLR(optimizer, 2, gamma)


@pytest.fixture
def updating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SESSION, "update", True)
    monkeypatch.setattr(SESSION, "written", [])


@pytest.fixture
def golden(tmp_path: Path, updating: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the golden file of `scheduler()`, in steps of 5."""
    path = tmp_path / "golden" / "step.csv"
    assert_schedule(scheduler(), path, steps=5)
    monkeypatch.setattr(SESSION, "update", False)
    return path


def difference(target: Any, path: Path, **given: Any) -> list[str]:
    with pytest.raises(AssertionError) as raised:
        assert_schedule(target, path, **given)
    return [line.strip() for line in str(raised.value).splitlines()]


def test_a_golden_file_has_a_row_for_each_step(golden: Path) -> None:
    text = "step,group,lr\n0,,0.1\n1,,0.1\n2,,0.05\n3,,0.05\n4,,0.025\n"
    assert (golden.read_text(), SESSION.written) == (text, [golden])
    assert_schedule(scheduler(), golden, steps=5)


def test_what_is_not_another_is_not_written_again(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SESSION, "update", True)
    assert_schedule(scheduler(), golden, steps=5)
    assert SESSION.written == [golden]
    assert_schedule(scheduler(0.1), golden, steps=5)
    assert SESSION.written == [golden, golden]
    assert [each.name for each in golden.parent.iterdir()] == ["step.csv"]


def test_a_live_scheduler_is_not_touched(golden: Path) -> None:
    live = scheduler()
    assert_schedule(live, golden, steps=5)
    assert live.last_epoch == 0


@pytest.mark.parametrize(
    "target",
    [
        {"run": {"steps": 5}, "optimizer": {"lr": 0.1}, "scheduler": STEP},
        lrviz.load({"run": {"steps": 5}, "optimizer": {"lr": 0.1}, "scheduler": STEP}),
    ],
)
def test_documents_and_experiments_are_held_to_the_same_file(target: Any, golden: Path) -> None:
    assert_schedule(target, golden)


def test_a_file_and_a_name_are_targets(golden: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("optimizer: {lr: 0.1}\nscheduler: {name: step, step_size: 2, gamma: 0.5}\n")
    assert_schedule(file, golden, steps=5)
    assert_schedule(str(file), golden, steps=5)
    assert_schedule("StepLR", golden, steps=5, lr=0.1, step_size=2, gamma=0.5)


def test_a_difference_says_where_and_how_much(golden: Path) -> None:
    assert difference(scheduler(0.4), golden, steps=5) == [
        f"the schedule is not the one in {golden}:",
        "first at step 2: lr is 0.04000000000000001, was 0.05, a difference of 0.01",
        "3 steps of 5 differ",
        "pytest --lrviz-update writes it",
    ]


def test_the_greatest_difference_is_told_as_well(golden: Path) -> None:
    lines = difference(scheduler(3.0), golden, steps=5)
    assert lines[2] == "most at step 4: lr is 0.9000000000000001, was 0.025, a difference of 0.875"


def test_another_length_and_other_groups_are_told(golden: Path) -> None:
    assert (
        difference(scheduler(), golden, steps=6)[1]
        == "it has 6 rows, the last of step 5, and had 5 rows, the last of step 4"
    )
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))], "name": name} for name in ("body", "head")]
    two = t.StepLR(torch.optim.SGD(groups, lr=0.1), 2, 0.5)
    assert difference(two, golden, steps=5)[1] == "the groups are body, head, and were one without a name"


def test_groups_and_what_moves_have_columns(tmp_path: Path, updating: None) -> None:
    groups = [{"params": [torch.nn.Parameter(torch.ones(2))], "name": name} for name in ("body", "head")]
    cycle = t.OneCycleLR(torch.optim.AdamW(groups), [0.1, 0.2], 4)
    assert_schedule(cycle, tmp_path / "a.csv", steps=3, every=2)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "step,group,lr,beta1"
    assert [line.split(",")[:2] for line in lines[1:]] == [["0", "body"], ["0", "head"], ["2", "body"], ["2", "head"]]
    assert [float(line.split(",")[2]) for line in lines[1:3]] == pytest.approx([0.004, 0.008])


def test_the_last_bits_count_only_where_that_is_asked_for(golden: Path) -> None:
    golden.write_text(golden.read_text().replace("4,,0.025", "4,,0.025000000000000005"))
    assert_schedule(scheduler(), golden, steps=5)
    assert len(difference(scheduler(), golden, steps=5, rtol=0)) == 4


def test_a_golden_file_that_is_missing_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    assert difference(scheduler(), path, steps=5) == [
        f"there is no golden file {path}; pytest --lrviz-update writes it"
    ]


def test_a_scheduler_that_raises_is_no_schedule(tmp_path: Path, updating: None) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1, momentum=0.9)
    with pytest.raises(ReplayError, match=r"failed after step 4: ValueError: Tried to step 5"):
        assert_schedule(t.OneCycleLR(optimizer, 0.1, 4), tmp_path / "a.csv", steps=9)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["step,lr\n0,0.1\n", "", "step,group,lr\n0,,high\n", "step,group,lr\n0,,0.1,7\n"])
def test_a_file_of_another_form_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(SpecError, match=f"^{path}: .*golden file"):
        assert_schedule(scheduler(), path, steps=5)


@pytest.mark.parametrize(
    ("target", "given", "message"),
    [
        (scheduler, {}, "steps: missing: how many steps of the scheduler to look at"),
        (lambda: "cosin", {}, "unknown scheduler 'cosin'; did you mean 'cosine'?"),
        (lambda: "none.yaml", {}, "none.yaml: cannot be read: No such file or directory"),
        (lambda: lrviz.load({"scheduler": STEP}), {"steps": 5}, "an experiment takes no arguments: steps"),
        (lambda: "cosine", {"every": 0}, "every: must be a whole number >= 1, not 0"),
        (lambda: 7, {}, "must be a live scheduler"),
    ],
)
def test_what_is_no_schedule_says_why(target: Any, given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as raised:
        assert_schedule(target(), tmp_path / "a.csv", **given)
    assert message in str(raised.value)


TEST = """
from lrviz.testing import assert_schedule

def test_it():
    assert_schedule("step", "golden/step.csv", step_size={size}, epochs=1)
"""


def pytest_run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    is_installed = metadata.entry_points(group="pytest11", name="lrviz")
    plugins = [] if is_installed else [pytest_lrviz]
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", *arguments, plugins=plugins)


def test_the_plugin_writes_what_a_later_run_is_held_to(pytester: pytest.Pytester, updating: None) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    file = pytester.mkdir("tests") / "test_one.py"
    file.write_text(TEST.format(size=2))
    missing = pytest_run(pytester)
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(["*there is no golden file *step.csv; pytest --lrviz-update writes it"])
    written = pytest_run(pytester, "--lrviz-update")
    written.assert_outcomes(passed=1)
    written.stdout.fnmatch_lines(["lrviz: wrote tests/golden/step.csv"])
    pytest_run(pytester).assert_outcomes(passed=1)
    file.write_text(TEST.format(size=3))
    other = pytest_run(pytester)
    other.assert_outcomes(failed=1)
    other.stdout.fnmatch_lines(["*first at step 2: lr is 0.001, was 0.0001, a difference of 0.0009"])


def test_the_plugin_is_found_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["pytest11"] == {"lrviz": "pytest_lrviz"}
    assert "pytest_lrviz" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_neither_the_plugin_nor_a_document_brings_torch() -> None:
    code = (
        "import sys, pytest_lrviz; print('lrviz' in sys.modules); import lrviz; print('lrviz.testing' in sys.modules)"
    )
    code += "; lrviz.testing, lrviz.callbacks; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"] * 3
