"""Previews of other libraries' schedulers are what their own loops train with, and touch nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler as t

from lrviz.engine.preview import preview
from lrviz.engine.recover import recovered
from lrviz.experiment.writer import as_document

STEPS = 20

pytestmark = pytest.mark.filterwarnings("default")


def adamw() -> Any:
    return torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))], lr=0.1)


def hold(optimizer: Any, scheduler: Any, metric: float | None = None) -> None:
    """Hold a preview to a loop on the objects themselves."""
    before = repr(optimizer.state_dict())
    shown = preview(scheduler, steps=STEPS, metric=metric)
    assert repr(optimizer.state_dict()) == before
    assert (shown.failure, shown.warnings) == (None, ())
    trained = []
    for _ in range(STEPS):
        trained.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*([] if metric is None else [metric]))
    assert list(shown.groups[0].lr) == trained


TRANSFORMERS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("linear", {}, {"name": "hf-linear"}),
    ("cosine", {}, {"name": "hf-cosine"}),
    ("cosine_with_restarts", {"num_cycles": 2}, {"name": "hf-cosine-with-restarts", "num_cycles": 2.0}),
    ("polynomial", {"power": 2.0}, {"name": "hf-polynomial", "power": 2.0}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.1}, {"name": "hf-cosine-with-min-lr", "min_lr_rate": 0.1}),
    (
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1, "warmup_lr_rate": 0.2},
        {"name": "hf-cosine-warmup-with-min-lr", "min_lr_rate": 0.1, "warmup_lr_rate": 0.2},
    ),
]


@pytest.mark.parametrize(("name", "given", "written"), TRANSFORMERS)
def test_schedules_of_transformers_are_previewed_and_read_off(name: str, given: Any, written: Any) -> None:
    transformers = pytest.importorskip("transformers")

    def made(optimizer: Any) -> Any:
        return transformers.get_scheduler(name, optimizer, 4, STEPS, scheduler_specific_kwargs=given)

    optimizer = adamw()
    hold(optimizer, made(optimizer))
    scheduler = made(adamw())
    found = recovered(scheduler, preview(scheduler, steps=STEPS))
    assert found is not None
    lengths = {"num_warmup_steps": 4, "num_training_steps": STEPS}
    assert as_document(found[0].scheduler) == written | lengths


def test_transformers_other_schedules_are_read_off() -> None:
    transformers = pytest.importorskip("transformers")
    for name, given, written in (
        ("constant", {}, {"name": "hf-constant"}),
        ("constant_with_warmup", {}, {"name": "hf-constant-with-warmup", "num_warmup_steps": 4}),
        ("inverse_sqrt", {}, {"name": "hf-inverse-sqrt", "num_warmup_steps": 4, "timescale": 4}),
    ):
        scheduler = transformers.get_scheduler(name, adamw(), 4, STEPS, scheduler_specific_kwargs=given)
        found = recovered(scheduler, preview(scheduler, steps=STEPS))
        assert found is not None
        assert as_document(found[0].scheduler) == written


def test_transformers_greedy_is_previewed() -> None:
    optimization = pytest.importorskip("transformers.optimization")
    optimizer = adamw()
    hold(optimizer, optimization.GreedyLR(optimizer, patience=2), metric=0.5)


def test_what_accelerate_has_prepared_is_previewed() -> None:
    accelerate = pytest.importorskip("accelerate")
    accelerator = accelerate.Accelerator(cpu=True)
    optimizer = adamw()
    hold(*accelerator.prepare(optimizer, t.StepLR(optimizer, 3)))


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("WarmupLR", {"warmup_max_lr": 0.1, "warmup_num_steps": 5}),
        ("WarmupDecayLR", {"total_num_steps": STEPS, "warmup_max_lr": 0.1, "warmup_num_steps": 5}),
        ("WarmupCosineLR", {"total_num_steps": STEPS, "warmup_num_steps": 5}),
        ("OneCycle", {"cycle_min_lr": 0.01, "cycle_max_lr": 0.1, "cycle_first_step_size": 5}),
    ],
)
def test_deepspeeds_schedules_are_previewed(name: str, given: dict[str, Any]) -> None:
    schedules = pytest.importorskip("deepspeed.runtime.lr_schedules")
    optimizer = adamw()
    hold(optimizer, getattr(schedules, name)(optimizer, **given))


@pytest.mark.parametrize("wraps", [False, True])
def test_mmengines_schedules_are_previewed(wraps: bool) -> None:
    optim = pytest.importorskip("mmengine.optim")
    optimizer = adamw()
    owner = optim.OptimWrapper(optimizer) if wraps else optimizer
    scheduler = optim.CosineAnnealingLR(owner, T_max=STEPS, by_epoch=False)
    shown = preview(scheduler, steps=STEPS)
    assert (shown.failure, shown.warnings, shown.position) == (None, (), 0)
    trained = []
    for _ in range(STEPS):
        trained.append(optimizer.param_groups[0]["lr"])
        owner.step()
        scheduler.step()
    assert list(shown.groups[0].lr) == trained
