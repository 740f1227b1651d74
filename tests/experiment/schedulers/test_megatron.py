"""Megatron's schedule, held to what its own class recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.engine.engine import Engine, TorchEngine
from lrviz.engine.light import LightEngine
from lrviz.engine.record import record

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "megatron.json").read_text())
ENGINES: dict[str, Callable[[], Engine]] = {"torch": TorchEngine, "light": LightEngine}
PER_GROUP = ("max_lr", "min_lr", "start_wd", "end_wd", "wd_mult")
STEPS = 18


def experiment(case: dict[str, Any]) -> lrviz.Experiment:
    """Return a recorded case as a document says it: a list for what a group has for itself."""
    scheduler = {"name": "megatron", "increment": case["increment"], **case["arguments"]}
    for name in PER_GROUP:
        if any(name in group for group in case["groups"]):
            scheduler[name] = [group.get(name, scheduler.get(name, 1.0)) for group in case["groups"]]
    groups = [{"name": str(number)} for number in range(len(case["groups"]))]
    optimizer = {"name": "adamw", "lr": 0.3, "weight_decay": 0.1, "groups": groups}
    return lrviz.load({"run": {"steps": STEPS}, "optimizer": optimizer, "scheduler": scheduler})


def document(steps: int = 20, lr: float = 0.3, **scheduler: Any) -> dict[str, Any]:
    optimizer = {"name": "adamw", "lr": lr, "weight_decay": 0.1}
    return {"run": {"steps": steps}, "optimizer": optimizer, "scheduler": {"name": "megatron", **scheduler}}


@pytest.mark.parametrize("engine", ENGINES)
def test_every_case_recorded_the_same_to_the_bit(engine: str) -> None:
    made = ENGINES[engine]()
    for case in RECORDED["cases"]:
        groups = record(experiment(case), made).groups
        assert [list(group.lr) for group in groups] == case["lr"], case
        assert [list(group.weight_decay or ()) for group in groups] == case["weight_decay"], case


def test_what_is_left_out_comes_from_the_run_and_the_groups() -> None:
    """The lengths are the run's, in samples; max_lr and the weight decay are the group's."""
    spec = lrviz.load(document(increment=8, lr_warmup_steps=16)).resolved
    assert (spec.lr_decay_steps, spec.wd_incr_steps) == (160, 160)
    (group,) = lrviz.replay(lrviz.load(document(increment=8, lr_warmup_steps=16))).groups
    assert list(group.lr[:3]) == [0.0, 0.15, 0.3]
    assert set(group.weight_decay or ()) == {0.1}


@pytest.mark.parametrize(
    ("scheduler", "problem"),
    [
        ({"lr_warmup_steps": 20}, "lr_warmup_steps: must be below lr_decay_steps, 20, which counts the warmup, not 20"),
        ({"lr_decay_style": "WSD"}, "wsd_decay_steps: missing: lr_decay_style WSD needs it"),
        ({"min_lr": 0.4}, "min_lr: must be <= max_lr, 0.3, not 0.4"),
        ({"max_lr": 0.1, "init_lr": 0.2}, "init_lr: must be <= max_lr, 0.1, not 0.2"),
        ({"start_wd": 0.1}, "end_wd: missing: wd_incr_style constant takes start_wd and end_wd"),
        ({"wd_incr_style": "linear"}, "start_wd: missing: wd_incr_style linear takes start_wd and end_wd"),
        ({"start_wd": 0.1, "end_wd": 0.2}, "wd_incr_style: constant needs an end_wd that is start_wd"),
        ({"start_wd": 0.2, "end_wd": 0.1, "wd_incr_style": "linear"}, "end_wd: must be >= start_wd, 0.2, not 0.1"),
    ],
)
def test_what_megatron_asserts_is_refused(scheduler: dict[str, Any], problem: str) -> None:
    with pytest.raises(lrviz.SpecError) as caught:
        lrviz.load(document(**scheduler))
    assert f"scheduler.{problem}" in str(caught.value)


def test_the_package_itself_where_it_is_installed() -> None:
    module = pytest.importorskip("megatron.core.optimizer_param_scheduler")
    torch = pytest.importorskip("torch")
    arguments = RECORDED["cases"][0]["arguments"] | {"lr_decay_style": "cosine", "min_lr": 0.07}
    optimizer, rates = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.3, weight_decay=0.1), []
    scheduler = module.OptimizerParamScheduler(optimizer, **arguments)
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(increment=1)
    trace = record(experiment({"arguments": arguments, "groups": [{}], "increment": 1}), TorchEngine())
    assert list(trace.groups[0].lr) == rates
