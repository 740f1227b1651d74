"""A scheduler from outside torch: its class is all that lrviz needs to know of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
import torch

from lrviz import load, replay
from lrviz.documents import SECTIONS
from lrviz.engine.certify import certify
from lrviz.experiment.argtypes import Duration, Real
from lrviz.experiment.record import arg
from lrviz.experiment.schedulers import ClosedForm, catalogue
from lrviz.experiment.schedulers.base import LOADED
from lrviz.experiment.schedulers.notes import Annotation, View
from lrviz.experiment.schema import json_schema
from lrviz.render.figure.annotation.callouts import annotate


@pytest.fixture(autouse=True)
def triangle() -> Iterator[type[ClosedForm]]:
    """Define a scheduler, which enters the catalogue by that alone."""

    class Triangle(ClosedForm):
        """Rise to the learning rate in the middle and fall back.

            lr_t = base_lr * (1 - (1 - floor) * abs(1 - 2 * t / length))

        Past its end: the learning rate stays at base_lr * floor.

        Source: this test.
        """

        name = "triangle"
        family = "Triangles"
        shape = "▁▂▃▄▅▆▇██▇▆▅▄▃▂▁"
        example = {"floor": 0.1}
        length_arg = "length_"

        length_: int | None = arg(Duration("steps from floor to floor", horizon=True), default=None)
        floor: float = arg(Real("factor at both ends", minimum=0, maximum=1), default=0.0)

        def factor(self, step: int) -> float:
            share = min(1.0, step / (self.length_ or 1))
            return 1 - (1 - self.floor) * abs(1 - 2 * share)

        def annotations(self, view: View) -> Iterator[Annotation]:
            yield from view.point((self.length_ or 0) // 2, "the middle")

    yield Triangle
    del LOADED["triangle"]


Run = Callable[..., Any]


def factors(length: int, floor: float, steps: int) -> list[float]:
    """Return the learning rates of a plain torch loop with the same function, for a base rate of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    function = lambda step: 1 - (1 - floor) * abs(1 - 2 * min(1.0, step / length))  # noqa: E731
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, function)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_list_shows_it(lrviz: Run) -> None:
    assert "triangle" in lrviz("list").out


def test_its_help_says_its_arguments_its_formula_and_its_source(lrviz: Run) -> None:
    shown = " ".join(lrviz("plot", "triangle", "--help").out.split())
    assert "--floor FLOAT" in shown
    assert "the run's length" in shown
    assert "lr_t = base_lr * (1 - (1 - floor) * abs(1 - 2 * t / length))" in shown
    assert "Source: this test." in shown


@pytest.mark.parametrize("engine", ["torch", "light"])
def test_flags_replay_it_over_the_run(lrviz: Run, engine: str) -> None:
    flags = ("--floor", "0.1", "--lr", "1", "--steps", "20", "--engine", engine, "--format", "json")
    document = json.loads(lrviz("table", "triangle", *flags).out)
    assert [row["lr"] for row in document["rows"]] == factors(20, 0.1, 20)
    assert document["scheduler"] == {"name": "triangle", "length_": 20, "floor": 0.1}


def test_plot_draws_and_check_checks_it(lrviz: Run) -> None:
    assert lrviz("plot", "triangle", "--annotate").code == 0
    ended = lrviz("check", "triangle", "--length-", "40", "--steps", "32")
    assert (ended.code, "unfinished" in ended.out) == (0, True)


def test_a_bad_argument_is_refused_by_its_flag(lrviz: Run) -> None:
    ended = lrviz("plot", "triangle", "--floor", "2")
    assert (ended.code, ended.err) == (2, "error: --floor: must be >= 0 and <= 1, not 2\n")


def test_yaml_puts_it_into_a_sequence_with_the_horizon_of_its_segment() -> None:
    document = {
        "run": {"steps": 20},
        "optimizer": {"lr": 1.0},
        "scheduler": {
            "name": "sequential",
            "milestones": [4],
            "schedulers": [{"name": "linear", "start_factor": 0.5, "total_iters": 4}, {"name": "triangle"}],
        },
    }
    jsonschema.validate(document, json_schema(SECTIONS))
    rates = list(replay(load(document)).groups[0].lr)
    assert rates[4:] == factors(16, 0.0, 16)


def test_its_annotation_stands_on_its_curve() -> None:
    experiment = load({"run": {"steps": 20}, "optimizer": {"lr": 1.0}, "scheduler": {"name": "triangle"}})
    (point,) = annotate(experiment, replay(experiment))
    assert (point.label, point.x, point.y) == ("the middle", 10, 1.0)


def test_it_does_not_stop_the_light_engine_for_the_others() -> None:
    assert certify().mismatches == ()


def test_a_scheduler_that_only_its_own_library_can_run_leaves_the_others_their_light_engine() -> None:
    class Elsewhere(catalogue()["step"]):  # type: ignore[name-defined, misc]
        """Step as another library does."""

        name = "elsewhere"
        module = "a.library.that.is.not.here"

    try:
        assert certify().mismatches == ()
    finally:
        del LOADED["elsewhere"]
    assert Elsewhere(step_size=3).unsupported_reason() == "Elsewhere is not torch's own"
