"""The upstream engine: the class of an installed library runs, and is held against lrviz's formula."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import lrviz
from lrviz import Experiment, SpecError, replay
from lrviz.engine.select import EngineChoice, choose
from lrviz.experiment.clock import Run
from lrviz.experiment.optimizers import Group, OptimizerSpec
from lrviz.experiment.schedulers import Family, LambdaWarmup, SchedulerSpec, SequentialLR, StepLR, families
from lrviz.trace import Trace

Halving = Callable[..., SchedulerSpec]


def trace(spec: SchedulerSpec, steps: int = 6, **optimizer: Any) -> Trace:
    experiment = Experiment(scheduler=spec, run=Run(steps=steps), optimizer=OptimizerSpec(**{"lr": 8.0, **optimizer}))
    return replay(experiment, engine="upstream", partial=True)


def rates(trace: Trace) -> list[list[float]]:
    return [list(group.lr) for group in trace.groups]


def test_the_librarys_own_class_runs_and_the_trace_says_which(halving: Halving) -> None:
    ran = trace(halving(wrong_from=0))
    assert rates(ran) == [[16, 8, 4, 2, 1, 0.5]]
    assert (ran.engine, ran.libraries) == ("upstream", {"halvings": "1.2"})


def test_where_it_agrees_with_the_formula_there_is_no_difference(halving: Halving) -> None:
    ran = trace(halving())
    assert ran.difference is None
    assert ran.side_by_side() is ran


def test_the_first_step_that_differs_is_noted_and_the_formulas_numbers_stand_beside(halving: Halving) -> None:
    ran = trace(halving(wrong_from=4))
    found = ran.difference
    assert found is not None
    assert (found.what, found.step, found.values, found.count) == ("lr", 4, (1.0, 0.5), 2)
    assert found.formula.libraries == {"halvings": "1.1"}
    both = ran.side_by_side()
    assert [group.name for group in both.groups] == ["upstream", "formula"]
    assert rates(both) == [[8, 4, 2, 1, 1, 0.5], [8, 4, 2, 1, 0.5, 0.25]]


def test_of_several_groups_the_formulas_are_named_after_them(halving: Halving) -> None:
    both = trace(halving(wrong_from=4), groups=(Group(name="a"), Group(name="b"))).side_by_side()
    assert [group.name for group in both.groups] == ["a", "b", "a (formula)", "b (formula)"]


def test_rounding_is_no_difference(halving: Halving) -> None:
    class Rounded(type(halving())):  # type: ignore[misc]
        """Round otherwise."""

        def factor(self, step: int) -> float:
            return super().factor(step) * (1 + 1e-15)

    assert trace(Rounded()).difference is None


@pytest.mark.parametrize("method", ["step_update", "step(n)"])
def test_a_class_that_is_told_the_count_is_told_it_from_one(halving: Halving, method: str) -> None:
    assert rates(trace(halving("halvings:Counted", method))) == [[8, 4, 2, 1, 0.5, 0.25]]


def test_a_class_that_is_told_the_count_is_told_the_metric_after_it(halving: Halving) -> None:
    ran = trace(halving("halvings:Counted", "step(n)", metric=(10.0, 20.0)), steps=3)
    assert rates(ran) == [[8, 14, 22]]
    assert list(ran.metric or ()) == [10, 20]


def test_a_class_finds_in_the_groups_what_it_looks_for_there(halving: Halving) -> None:
    spec = halving("halvings:Counted", "step(n)", groups={"scale": (1.0, 3.0)})
    assert rates(trace(spec, steps=2, groups=(Group(name="a"), Group(name="b")))) == [[8, 4], [8, 12]]


def test_a_package_that_lacks_what_its_schedules_do_without_is_run_and_forgotten(halving: Halving) -> None:
    ran = trace(halving("half_installed.schedules:halving"))
    assert ran.difference is None
    assert not any(name.startswith("half_installed") for name in sys.modules)


def test_what_a_class_moves_beside_the_rate_is_seen_though_the_formula_does_not(halving: Halving) -> None:
    found = trace(halving("halvings:Counted", "step_update"), momentum=0.9).difference
    assert found is not None
    assert (found.what, found.step, found.values) == ("weight decay", 1, (0.5, 0.0))


def test_where_the_class_raises_the_trace_ends_and_the_formula_goes_on_beside_it(halving: Halving) -> None:
    ran = trace(halving("halvings:refusing"))
    assert ran.failure is not None
    assert ran.failure.description == "Halving.step() failed after step 2: ValueError: three is too much"
    assert ran.difference is not None
    assert (ran.difference.what, ran.difference.step, ran.difference.formula.steps) == ("steps", 3, 6)
    assert rates(ran.side_by_side()) == [[8, 4, 2]] * 2


def test_a_sequence_takes_each_part_from_its_own_library(halving: Halving) -> None:
    ran = trace(SequentialLR(schedulers=(StepLR(step_size=1, gamma=0.1), halving()), milestones=(2,)))
    assert rates(ran) == [[8, pytest.approx(0.8), 8, 4, 2, 1]]
    assert ran.libraries == {"halvings": "1.2"}


def test_it_trains_where_the_loss_is_asked_for(halving: Halving) -> None:
    experiment = Experiment(scheduler=halving(wrong_from=2), run=Run(steps=4))
    ran = replay(experiment, engine="upstream", train=True)
    assert ran.engine == "upstream"
    assert ran.loss is not None
    assert len(ran.loss) == 4


def test_torchs_own_is_its_own_upstream() -> None:
    experiment = Experiment(scheduler=StepLR(step_size=2))
    assert replay(experiment, engine="upstream").engine == "torch"
    assert choose(experiment, "upstream") == EngineChoice(name="torch", reason="StepLR is torch's own")


def test_what_upstream_runs_is_known_without_importing_it(halving: Halving) -> None:
    choice = choose(Experiment(scheduler=halving()), "upstream")
    assert choice == EngineChoice(name="upstream", reason="it was asked for: the installed halvings")
    assert "halvings" not in sys.modules


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("not_there.schedules:Halving", "not_there itself, which is not installed here: install not_there"),
        (
            "broken_halvings:Halving",
            "broken_halvings itself, which cannot be imported: ModuleNotFoundError: No module named 'missing_one'",
        ),
        ("halvings:halvin", "halvings:halvin, which the installed halvings has not; did you mean 'halving'?"),
    ],
    ids=["not installed", "broken", "without the class"],
)
def test_a_class_that_is_not_there_is_refused(halving: Halving, target: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        trace(halving(target))
    assert str(caught.value) == f"engine: upstream runs {message}"


def test_a_formula_that_no_library_has_a_class_for_is_refused() -> None:
    with pytest.raises(SpecError, match="engine: upstream has no class to run for warmup; the other engines"):
        trace(LambdaWarmup(total_iters=4))


WITH_CLASSES = [
    family for family in families() if any(spec.upstream is not SchedulerSpec.upstream for spec in family.specs)
]


@pytest.mark.parametrize("family", WITH_CLASSES, ids=lambda each: each.key)
def test_the_installed_class_gives_the_formulas_numbers(family: Family) -> None:
    ran = []
    for spec in family.specs:
        document = {"name": spec.name, **spec.example}
        run = {"epochs": 5, "steps_per_epoch": 8}
        optimizer = {"momentum": 0.9, "groups": [{"name": "a", "lr": 0.1}, {"name": "b", "lr": 0.5}]}
        experiment = lrviz.load({"scheduler": document, "run": run, "optimizer": optimizer})
        with suppress(SpecError):  # not installed, or nothing to run
            ran.append(replay(experiment, engine="upstream"))
    if [trace for trace in ran if trace.libraries != {family.library: ".".join(map(str, family.specs[0].newest))}]:
        pytest.skip("another version is installed")
    if not ran:
        pytest.skip(f"{family.library} is not installed")
    assert [trace.difference for trace in ran] == [None] * len(ran)
