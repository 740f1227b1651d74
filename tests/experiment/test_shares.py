"""Shares of a learning rate, and the numbers that expressions take from the run: how they are read and refused."""

from __future__ import annotations

import pickle
from typing import Any

import jsonschema
import pytest

import lrviz
from lrviz import SpecError
from lrviz.documents import SECTIONS
from lrviz.experiment.argtypes import Invalid, Rate, Share
from lrviz.experiment.expression import Expression
from lrviz.experiment.schema import json_schema
from lrviz.experiment.writer import as_document, in_flow

RATE = Rate("a learning rate", minimum=0)
GROUPS = {"lr": 0.3, "groups": [{"name": "a", "lr": 0.05}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("10%", 0.1), ("7%", 0.07), ("0.1%", 0.001), ("100 %", 1.0), ("0%", 0.0), (" .5% ", 0.005), ("150%", 1.5),
        ("0.75x", 0.75), (".1x", 0.1), ("0.75 x", 0.75), ("1e-3x", 1e-3), ("0.75**3x", 0.75**3),
        ("(1/3)x", 1 / 3), ("0x", 0.0),
    ],
)  # fmt: skip
def test_a_share_is_its_factor_exactly(text: str, factor: float) -> None:
    share = RATE.convert(text)
    assert (share.factor, str(share)) == (factor, text.strip())
    jsonschema.validate(text, RATE.schema())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "must be a number >= 0, or a share such as 10% or 0.1x, not 'x'"),
        ("max", "must be a number >= 0, or a share such as 10% or 0.1x, not 'max'"),
        ("-10%", "must be a number >= 0, or a share such as 10% or 0.1x, not '-10%'"),
        ("10 percent", "must be a number >= 0, or a share such as 10% or 0.1x, not '10 percent'"),
        ("0.1", "must be a number >= 0, or a share such as 10% or 0.1x, not '0.1'"),
        ("0-1x", "must be >= 0, not -1.0"),
        ("(0.1 x", "'(0.1 ' is not an expression: '(' was never closed"),
        ("1/0x", "'1/0': float division by zero"),
        ("9" * 400 + "%", "must be a finite number, not inf"),
    ],
)
def test_what_is_no_share_is_refused(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        RATE.convert(text)
    assert str(caught.value) == message


def test_a_share_is_written_as_it_was() -> None:
    optimizer, scheduler = {"groups": [{"name": "a", "lr": "0.75x"}]}, {"name": "cosine", "eta_min": "10%"}
    experiment = lrviz.load({"optimizer": optimizer, "scheduler": scheduler})
    assert (as_document(experiment.optimizer), as_document(experiment.scheduler)) == (optimizer, scheduler)
    assert in_flow(scheduler) == "{name: cosine, eta_min: 10%}"
    again = lrviz.load({"optimizer": optimizer, "scheduler": as_document(experiment.resolved)})
    assert again.resolved == experiment.resolved


FROZEN = [{"name": "a", "lr": 0}, {"name": "b"}]
BY_EPOCH = {"name": "lambda", "lr_lambda": ["1", "step / steps_per_epoch"]}
NO_EPOCHS = "takes steps_per_epoch, and the run has no epochs: it is given by its steps; add steps_per_epoch"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"optimizer": {"lr": "10%"}}, "optimizer.lr: must be a number >= 0, not '10%'"),
        (
            {"scheduler": {"name": "cosine", "eta_min": [0] * 3}},
            "scheduler.eta_min: has 3 values for 2 parameter groups",
        ),
        (
            {"optimizer": {"groups": FROZEN}, "scheduler": {"name": "cosine", "eta_min": [0.1, 0.2]}},
            "scheduler.eta_min: differs between the groups, and 0.1 is no factor of the learning rate of 'a', 0",
        ),
        ({"run": {"steps": 9}, "scheduler": BY_EPOCH}, f"scheduler.lr_lambda: {NO_EPOCHS}"),
        (
            {"run": {"steps": 9}, "scheduler": {"name": "chained", "schedulers": [BY_EPOCH]}},
            f"scheduler.schedulers[0].lr_lambda: {NO_EPOCHS}",
        ),
    ],
)
def test_what_the_run_and_the_groups_do_not_have_is_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        lrviz.load({"optimizer": GROUPS, "scheduler": {"name": "cosine"}, **document})
    assert str(caught.value) == message


def test_a_group_of_no_rate_may_go_down_to_nothing() -> None:
    scheduler = {"name": "cosine", "eta_min": [0, "10%"]}
    trace = lrviz.replay(lrviz.load({"optimizer": {"groups": FROZEN}, "scheduler": scheduler}))
    assert set(trace.groups[0].lr) == {0.0}


def test_the_schema_takes_shares() -> None:
    document = {
        "optimizer": {"groups": [{"name": "a", "lr": "0.75**2 x"}]},
        "scheduler": {"name": "cosine", "eta_min": ["10%"]},
    }
    jsonschema.validate(document, json_schema(SECTIONS))
    for bad in ("ten", "10%%", "%"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"scheduler": {"name": "cosine", "eta_min": bad}}, json_schema(SECTIONS))


def test_an_expression_with_its_numbers_is_pickled_and_compared_with_them() -> None:
    expression = Expression("step / base_lr", ("step", "base_lr"))
    known = expression.given(base_lr=0.5)
    assert (expression.used, known(step=3.0)) == ({"step", "base_lr"}, 6.0)
    assert pickle.loads(pickle.dumps(known)) == known != expression


def test_an_unused_number_leaves_an_expression_as_it_was() -> None:
    experiment = lrviz.load({"optimizer": GROUPS, "scheduler": {"name": "lambda", "lr_lambda": "0.9 ** epoch"}})
    assert experiment.resolved == experiment.scheduler


def test_a_share_equals_a_share() -> None:
    assert RATE.convert("10%") == Share("10%", 0.1) == RATE.convert(Share("10%", 0.1))
