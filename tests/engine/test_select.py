"""Which engine answers, and that sabotage of the light one gets torch's answer, never a wrong one."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.engine import certify, light, select
from lrviz.engine.engine import TorchEngine
from lrviz.engine.record import record
from lrviz.engine.select import EngineChoice, choose, replay
from lrviz.errors import ReplayError, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import SchedulerSpec, SequentialLR, StepLR

pytestmark = pytest.mark.usefixtures("cache")

STEP: dict[str, Any] = {"name": "step", "step_size": 4, "gamma": 0.5}
ONE_CYCLE: dict[str, Any] = {"name": "onecycle", "max_lr": 0.1}
GAMMA = ('group["lr"] * self.gamma for group', 'group["lr"] * self.gamma * 0.999 for group')

Edit = Callable[[str, str], None]


def experiment(scheduler: dict[str, Any] | None = None) -> Experiment:
    return lrviz.load({"optimizer": {"name": "sgd", "momentum": 0.9}, "scheduler": scheduler or STEP})


@functools.cache
def truth() -> list[float]:
    return list(record(experiment(), TorchEngine()).groups[0].lr)


def test_the_first_replay_runs_on_torch_and_checks_the_engines_the_second_runs_light() -> None:
    first, second = replay(experiment()), replay(experiment())
    assert (first.engine, second.engine) == ("torch", "light")
    assert list(second.groups[0].lr) == list(first.groups[0].lr)
    assert second.torch_version == first.torch_version


def test_it_says_how_often_the_engines_were_compared() -> None:
    check = certify.certify()
    reason = f"bit-identical to torch {check.torch_version} in {check.replays} comparisons"
    assert choose() == choose(experiment()) == EngineChoice(name="light", reason=reason)


def test_torch_runs_where_it_is_imported_already(monkeypatch: pytest.MonkeyPatch) -> None:
    certify.certify()
    monkeypatch.setattr(select, "torch_is_loaded", lambda: True)
    assert choose(experiment()) == EngineChoice(name="torch", reason="it is already imported in this process")
    assert choose(experiment(), "light").name == "light"


def test_what_the_light_engine_cannot_do_is_for_torch() -> None:
    certify.certify()
    own = lrviz.load({"scheduler": {"name": "some.module:Scheduler"}}, allow_import=["some.module"])
    reason = own.scheduler.unsupported_reason()
    assert choose(own) == choose(own, "light") == EngineChoice(name="torch", reason=str(reason))


def test_a_scheduler_from_outside_torch_is_for_torch_and_the_others_stay_light(outside: type[SchedulerSpec]) -> None:
    replay(experiment())
    assert replay(experiment()).engine == "light"
    for spec in (outside(), SequentialLR(schedulers=(StepLR(step_size=3), outside()), milestones=(8,))):
        trace = replay(Experiment(scheduler=spec), partial=True)
        assert (trace.engine, trace.failure) == ("torch", None)


def test_a_changed_file_gets_torchs_numbers_and_a_result_against_it(edit: Edit) -> None:
    edit(*GAMMA)
    for _ in range(2):
        trace = replay(experiment())
        assert trace.engine == "torch"
        assert list(trace.groups[0].lr) == truth()
    check = certify.read()
    assert check is not None
    assert not check.passed
    assert choose(experiment()).reason == f"the light engine differs from this torch: {check.mismatches[0]}"
    assert choose(experiment(), "light").name == "torch"


def test_a_file_changed_after_its_check_is_checked_again(edit: Edit) -> None:
    replay(experiment())
    assert choose(experiment()).name == "light"
    edit(*GAMMA)
    assert choose(experiment()).wants_check
    assert list(replay(experiment()).groups[0].lr) == truth()


def test_a_file_that_is_not_python_gets_torchs_numbers(edit: Edit) -> None:
    edit("class StepLR", "class class StepLR")
    assert list(replay(experiment()).groups[0].lr) == truth()
    assert list(replay(experiment(), engine="light").groups[0].lr) == truth()


@pytest.mark.usefixtures("edit")
@pytest.mark.parametrize(("module", "name"), [("torch", "inf"), ("torch.optim.optimizer", "Optimizer")])
def test_a_stand_in_that_is_missing_gets_torchs_numbers(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    certify.certify()
    light._library.cache_clear()
    monkeypatch.delitem(light._STAND_INS[module], name)
    assert choose(experiment()).name == "light"
    trace = replay(experiment())
    assert trace.engine == "torch"
    assert list(trace.groups[0].lr) == truth()


@pytest.mark.usefixtures("edit")
def test_a_stand_in_that_lacks_an_attribute_gets_torchs_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    certify.certify()
    make = light._Optimizer.__init__

    def without_defaults(self: Any, *arguments: Any) -> None:
        make(self, *arguments)
        del self.defaults

    monkeypatch.setattr(light._Optimizer, "__init__", without_defaults)
    trace = replay(experiment(ONE_CYCLE))
    assert trace.engine == "torch"
    assert trace.failure is None


def test_where_torch_raises_its_own_word_is_shown() -> None:
    certify.certify()
    late = experiment({**ONE_CYCLE, "total_steps": 10})
    assert choose(late).name == "light"
    with pytest.raises(ReplayError, match="Tried to step 11 times"):
        replay(late)
    assert replay(late, partial=True).engine == "torch"


@pytest.fixture
def in_broken_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return a function that runs code under a torch of the installed files that cannot be imported."""
    installed, broken = light.torch_folder(), tmp_path / "site" / "torch"
    for path in light.files(installed):
        target = broken / path.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (broken / "__init__.py").write_text("raise ImportError('libtorch.so: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(broken.parent), os.environ["PYTHONPATH"]]))

    def run(code: str) -> str:
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return ended.stdout.strip()

    return run


REPLAY = f"""
import lrviz
experiment = lrviz.load({{"optimizer": {{"name": "sgd", "momentum": 0.9}}, "scheduler": {STEP}}})
try:
    trace = lrviz.replay(experiment)
    print(trace.engine, *trace.groups[0].lr)
except lrviz.LrvizError as error:
    print(error)
"""


def test_a_torch_that_cannot_be_imported_is_no_matter_where_it_was_compared(in_broken_torch: Any) -> None:
    said = "torch cannot be imported: ImportError: libtorch.so: cannot open shared object file"
    assert in_broken_torch(REPLAY) == said
    certify.certify()
    engine, *rates = in_broken_torch(REPLAY).split()
    assert engine == "light"
    assert [float(rate) for rate in rates] == truth()


def test_no_torch_to_be_found_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise light.Unavailable("torch is not installed as a package")

    for module in (light, certify):
        monkeypatch.setattr(module, "torch_folder", nowhere)
    choice = choose(experiment(), "light")
    assert choice.name == "torch"
    assert choice.reason == "the light engine is not available: torch is not installed as a package"
    assert replay(experiment()).engine == "torch"


def test_a_cache_that_cannot_be_written_costs_no_comparison(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    cache.write_text("a file where a folder should be")
    monkeypatch.setattr(certify, "compare", lambda: compared.append(1))
    assert choose(experiment()).wants_check
    assert replay(experiment()).engine == "torch"
    assert compared == []


def test_a_comparison_that_breaks_does_not_break_the_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certify, "compare", lambda: 1 / 0)
    assert list(replay(experiment()).groups[0].lr) == truth()


def test_an_engine_is_taken_by_name_or_as_it_is() -> None:
    assert replay(experiment(), engine="torch").engine == "torch"
    assert replay(experiment(), engine="light").engine == "light"
    assert replay(experiment(), engine=light.LightEngine()).engine == "light"


@pytest.mark.parametrize("train", [False, True])
def test_an_unknown_engine_is_refused(train: bool) -> None:
    with pytest.raises(
        SpecError, match=r"engine: must be one of auto, torch, light, upstream, not 'lihgt'; did you mean 'light'\?"
    ):
        replay(experiment(), engine="lihgt", train=train)
