"""Which engine answers, and that sabotage of the light one gets torch's answer, never a wrong one."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.engine import certify as certificate
from lrviz.engine import compare as proof
from lrviz.engine import engine as engines
from lrviz.engine import light
from lrviz.engine.engine import Choice, TorchEngine, choose
from lrviz.engine.record import replay
from lrviz.errors import ReplayError, SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers import LambdaLR, ReduceLROnPlateau, SequentialLR, StepLR

STEP: dict[str, Any] = {"name": "step", "step_size": 4, "gamma": 0.5}
ONE_CYCLE: dict[str, Any] = {"name": "onecycle", "max_lr": 0.1}

Edit = Callable[[str, str], None]


def experiment(scheduler: dict[str, Any] | None = None) -> Experiment:
    return lrviz.load({"optimizer": {"name": "sgd", "momentum": 0.9}, "scheduler": scheduler or STEP})


@functools.cache
def truth() -> list[float]:
    return list(replay(experiment(), engine=TorchEngine()).groups[0].lr)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in what passes for a fresh process."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("LRVIZ_CACHE_DIR", str(folder))
    monkeypatch.setattr(engines, "torch_is_loaded", lambda: False)
    return folder


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """Put a copy of torch's files in the light engine's way, and return what edits its lr_scheduler.py."""
    installed, copy = light.torch_folder(), tmp_path / "torch"
    for path in light.files(installed):
        target = copy / path.relative_to(installed)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for module in (light, certificate):
        monkeypatch.setattr(module, "torch_folder", lambda: copy)

    def edit(old: str, new: str) -> None:
        path = copy / "optim" / "lr_scheduler.py"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def verdict() -> Path:
    return certificate._path()


def test_the_first_replay_runs_on_torch_and_certifies_the_second_runs_light() -> None:
    first, second = replay(experiment()), replay(experiment())
    assert (first.engine, second.engine) == ("torch", "light")
    assert list(second.groups[0].lr) == list(first.groups[0].lr)
    assert second.torch_version == first.torch_version


def test_torch_runs_where_it_is_imported_already(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate.certify()
    monkeypatch.undo()
    assert choose(experiment()) == Choice(name="torch", reason="torch is already imported in this process")


@pytest.mark.parametrize(
    "scheduler",
    [
        LambdaLR(lr_lambda=lambda epoch: 0.9**epoch),
        SequentialLR(schedulers=(StepLR(step_size=3), LambdaLR(lr_lambda=(lambda epoch: 0.5,))), milestones=(8,)),
        ReduceLROnPlateau(metric=lambda epoch, step: 1.0),
        SequentialLR(schedulers=(StepLR(step_size=3), lrviz.load({"scheduler": STEP}).scheduler), milestones=(8,)),
    ],
    ids=["function", "function-inside", "metric-function", "plain"],
)
def test_python_functions_are_for_torch(scheduler: Any, request: pytest.FixtureRequest) -> None:
    certificate.certify()
    plain = request.node.callspec.id == "plain"
    assert choose(Experiment(scheduler=scheduler)).name == ("light" if plain else "torch")


def test_a_scheduler_of_the_users_own_is_for_torch() -> None:
    certificate.certify()
    own = lrviz.load({"scheduler": {"name": "some.module:Scheduler"}}, allow_import=["some.module"])
    assert choose(own).name == "torch"


def test_a_changed_file_gets_torchs_numbers_and_a_verdict_against_it(edit: Edit) -> None:
    edit('group["lr"] * self.gamma for group', 'group["lr"] * self.gamma * 0.999 for group')
    for _ in range(2):
        trace = replay(experiment())
        assert trace.engine == "torch"
        assert list(trace.groups[0].lr) == truth()
    report = certificate.read()
    assert report is not None
    assert not report.certified
    assert any("StepLR" in message for message in report.mismatches)
    assert "differs" in choose(experiment()).reason
    assert choose(experiment(), "light").name == "torch"


def test_a_file_changed_after_its_certificate_has_none(edit: Edit) -> None:
    replay(experiment())
    assert choose(experiment()).name == "light"
    edit('group["lr"] * self.gamma for group', 'group["lr"] * self.gamma * 0.999 for group')
    assert choose(experiment()).wants_certificate
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
    certificate.certify()
    light._library.cache_clear()
    monkeypatch.delitem(light._STAND_INS[module], name)
    assert choose(experiment()).name == "light"
    trace = replay(experiment())
    assert trace.engine == "torch"
    assert list(trace.groups[0].lr) == truth()


@pytest.mark.usefixtures("edit")
def test_a_stand_in_that_lacks_an_attribute_gets_torchs_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate.certify()
    make = light._Optimizer.__init__

    def without_defaults(self: Any, *arguments: Any) -> None:
        make(self, *arguments)
        del self.defaults

    monkeypatch.setattr(light._Optimizer, "__init__", without_defaults)
    trace = replay(experiment(ONE_CYCLE))
    assert trace.engine == "torch"
    assert trace.failure is None


@pytest.mark.usefixtures("edit")
def test_a_stand_in_that_lacks_an_attribute_is_not_certified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(light._Optimizer, "step")
    monkeypatch.setattr(light._Library, "optimizer", lambda *_: light._Optimizer)
    assert not certificate.certify().certified


def test_where_torch_raises_its_own_word_is_shown() -> None:
    certificate.certify()
    late = experiment({**ONE_CYCLE, "total_steps": 10})
    assert choose(late).name == "light"
    with pytest.raises(ReplayError, match="Tried to step 11 times"):
        replay(late)
    assert replay(late, partial=True).engine == "torch"


def test_no_torch_to_be_found_is_left_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise light.Unavailable("torch is not installed as a package")

    for module in (light, certificate):
        monkeypatch.setattr(module, "torch_folder", nowhere)
    assert choose(experiment(), "light").name == "torch"
    assert replay(experiment()).engine == "torch"


def test_a_cache_that_cannot_be_written_costs_no_comparison(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_text("a file where a folder should be")
    monkeypatch.setattr(proof, "compare", lambda: pytest.fail("compared for nothing"))
    assert replay(experiment()).engine == "torch"


def test_a_comparison_that_breaks_does_not_break_the_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "compare", lambda: 1 / 0)
    assert list(replay(experiment()).groups[0].lr) == truth()


def test_an_engine_is_taken_by_name_or_as_it_is() -> None:
    assert replay(experiment(), engine="torch").engine == "torch"
    assert replay(experiment(), engine="light").engine == "light"
    assert replay(experiment(), engine=light.LightEngine()).engine == "light"


@pytest.mark.parametrize("train", [False, True])
def test_an_unknown_engine_is_refused(train: bool) -> None:
    with pytest.raises(
        SpecError, match=r"engine: must be one of auto, torch, light, not 'lihgt'; did you mean 'light'\?"
    ):
        replay(experiment(), engine="lihgt", train=train)


def test_what_was_compared_is_read_back() -> None:
    assert certificate.read() is None
    report = certificate.certify()
    assert report.certified
    assert certificate.read() == report


def _entries() -> dict[str, Any]:
    return json.loads(verdict().read_text())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entries: b"",
        lambda entries: b"{",
        lambda entries: b"\x80\x04}\x94.",
        lambda entries: b"[" * 60_000,
        lambda entries: b"[]",
        lambda entries: json.dumps(entries).encode() + b" " * certificate.LARGEST,
        lambda entries: {**entries, "key": "0" * 32},
        lambda entries: {**entries, "traces": True},
        lambda entries: {**entries, "traces": -1},
        lambda entries: {**entries, "torch_version": ["2.13"]},
        lambda entries: {**entries, "torch_version": "\x1b[31mred"},
        lambda entries: {**entries, "mismatches": "none"},
        lambda entries: {**entries, "mismatches": [None]},
        lambda entries: {**entries, "more": 1},
        lambda entries: {name: entry for name, entry in entries.items() if name != "failures"},
    ],
)
def test_a_spoilt_verdict_is_no_verdict(spoil: Callable[[dict[str, Any]], Any]) -> None:
    certificate.certify()
    spoilt = spoil(_entries())
    verdict().write_bytes(spoilt if isinstance(spoilt, bytes) else json.dumps(spoilt).encode())
    assert certificate.read() is None


def test_a_verdict_over_nothing_certifies_nothing() -> None:
    certificate.certify()
    verdict().write_text(json.dumps({**_entries(), "traces": 0}))
    assert choose(experiment()).name == "torch"


def test_a_folder_in_the_verdicts_place_is_no_verdict() -> None:
    verdict().mkdir(parents=True)
    assert certificate.read() is None
    assert replay(experiment()).engine == "torch"


def test_nothing_but_the_verdict_is_left_in_the_cache(cache: Path) -> None:
    replay(experiment())
    assert list(cache.iterdir()) == [verdict()]


@pytest.mark.parametrize("name", ["experiment/schedulers/pytorch.py", "engine/light.py", "errors.py", "__init__.py"])
def test_a_change_of_lrvizs_own_code_has_another_key(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before, read = certificate.key(), Path.read_bytes
    certificate._key.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", lambda path: read(path) + b"#" * path.as_posix().endswith(f"lrviz/{name}"))
    assert certificate.key() != before
    certificate._key.cache_clear()


@pytest.mark.usefixtures("edit")
def test_an_upgrade_while_the_process_runs_has_another_key(edit: Edit) -> None:
    before = certificate.key()
    edit("class StepLR", "# upgraded\nclass StepLR")
    assert certificate.key() != before


@pytest.mark.parametrize(
    ("platform", "variables", "folder"),
    [
        ("linux", {"XDG_CACHE_HOME": "/there"}, "/there/lrviz"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute", "HOME": "/home/a"}, "/home/a/.cache/lrviz"),
        ("linux", {"HOME": "/home/a"}, "/home/a/.cache/lrviz"),
        ("darwin", {"HOME": "/Users/a"}, "/Users/a/Library/Caches/lrviz"),
        ("win32", {"LOCALAPPDATA": "/there"}, "/there/lrviz"),
        ("linux", {"LRVIZ_CACHE_DIR": "/mine", "XDG_CACHE_HOME": "/there"}, "/mine"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], folder: str
) -> None:
    for name in ("LRVIZ_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert certificate.folder() == Path(folder)


def test_the_light_engine_imports_nothing_of_torchs() -> None:
    script = """
import sys, lrviz
experiment = lrviz.load({"optimizer": {"name": "adamw"}, "scheduler": {"name": "swa", "swa_lr": 0.1}})
import lrviz.engine.record
before = set(sys.modules)
assert lrviz.replay(experiment, engine="light").engine == "light"
added = {name for name in set(sys.modules) - before if not name.startswith("lrviz.")}
print(*sorted(name for name in added if name.partition(".")[0] not in sys.stdlib_module_names))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == ""
