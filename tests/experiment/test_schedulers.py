"""Every scheduler of the catalogue: described, with an example that works."""

from __future__ import annotations

import dataclasses

import pytest

import lrviz
from lrviz import SpecError
from lrviz.engine.engine import TorchEngine
from lrviz.engine.select import replay
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import SchedulerSpec, catalogue, lookup

SPECS = [pytest.param(spec, id=name) for name, spec in catalogue().items()]
WITH_EXAMPLES = [pytest.param(spec, id=name) for name, spec in catalogue().items() if spec.on_command_line]


@pytest.mark.parametrize("spec", SPECS)
def test_it_is_described(spec: type[SchedulerSpec]) -> None:
    assert spec.family
    assert spec.summary().endswith(".")
    assert [name for name, kind in arg_types(spec).items() if not kind.help] == []
    about = spec.documentation()
    assert about.formula, "in an indented block"
    assert about.past_end
    assert about.source
    assert max(map(len, about.formula.splitlines())) <= 76, "it fits into 80 columns of help"


@pytest.mark.parametrize("spec", SPECS)
def test_it_is_found_by_both_its_names(spec: type[SchedulerSpec]) -> None:
    assert lookup(spec.name) is lookup(spec.__name__) is lookup(spec.__name__.upper()) is spec


@pytest.mark.parametrize("spec", WITH_EXAMPLES)
def test_its_example_replays_without_a_word_from_torch(spec: type[SchedulerSpec]) -> None:
    experiment = lrviz.load({"optimizer": {"momentum": 0.9}, "scheduler": {"name": spec.name, **spec.example}})
    assert replay(experiment, engine=TorchEngine()).warnings == ()


@pytest.mark.parametrize("spec", WITH_EXAMPLES)
def test_its_example_gives_what_must_be_given(spec: type[SchedulerSpec]) -> None:
    assert set(spec.required()) <= spec.example.keys() <= arg_types(spec).keys()


@pytest.mark.parametrize("spec", WITH_EXAMPLES)
def test_it_reaches_the_rate_that_it_says_it_is_meant_to(spec: type[SchedulerSpec]) -> None:
    experiment = lrviz.load({"scheduler": {"name": spec.name, **spec.example}})
    peak = max(replay(experiment, engine=TorchEngine()).groups[0].lr)
    assert peak == pytest.approx(experiment.resolved.target_lr(1e-3, 0), rel=1e-3)


@pytest.mark.parametrize("spec", WITH_EXAMPLES)
def test_the_first_step_trains_with_the_base_rate_unless_it_says_otherwise(spec: type[SchedulerSpec]) -> None:
    experiment = lrviz.load({"scheduler": {"name": spec.name, **spec.example}})
    (group,) = replay(experiment, engine=TorchEngine()).groups
    assert spec.documentation().first_step or group.lr[0] == 1e-3


@pytest.mark.parametrize("spec", WITH_EXAMPLES)
def test_it_is_frozen(spec: type[SchedulerSpec]) -> None:
    scheduler = lrviz.load({"scheduler": {"name": spec.name, **spec.example}}).scheduler
    name = dataclasses.fields(scheduler)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(scheduler, name, 1)


def test_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match="unknown scheduler 'onecycl'; did you mean 'onecycle'"):
        lookup("onecycl")


@pytest.mark.parametrize("spec", SPECS)
def test_a_librarys_names_the_library_and_the_version_that_it_follows(spec: type[SchedulerSpec]) -> None:
    has_a_class = spec.upstream is not SchedulerSpec.upstream
    assert spec.library or not has_a_class
    assert bool(spec.newest) == bool(spec.library)
