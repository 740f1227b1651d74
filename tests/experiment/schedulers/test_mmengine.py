"""MMEngine's schedules give what its real Runner trained with: tests/recordings/mmengine.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.rules import examine

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "recordings" / "mmengine.json").read_text())
CASES: list[dict[str, Any]] = RECORDED["cases"]
NAMES = {
    "ConstantLR": "mmengine-constant",
    "CosineAnnealingLR": "mmengine-cosine",
    "CosineRestartLR": "mmengine-restart",
    "ExponentialLR": "mmengine-exponential",
    "LinearLR": "mmengine-linear",
    "MultiStepLR": "mmengine-multistep",
    "OneCycleLR": "mmengine-onecycle",
    "PolyLR": "mmengine-poly",
    "StepLR": "mmengine-step",
}
GROUPS = [{"name": str(number), "lr": lr} for number, lr in enumerate(RECORDED["lrs"])]


def scheduler(param_scheduler: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scheduler as a document has it, of one as mmengine's configs have it."""
    return {"name": NAMES[param_scheduler["type"]]} | {k: v for k, v in param_scheduler.items() if k != "type"}


def rates(schedulers: list[dict[str, Any]], run: Mapping[str, Any], engine: str = "light") -> list[list[float]]:
    container = {"name": "mmengine", "schedulers": schedulers}
    document = {"run": run, "optimizer": {"groups": GROUPS}}
    specs = [container, *(schedulers if len(schedulers) == 1 else ())]
    traces = [lrviz.replay(lrviz.load({**document, "scheduler": spec}), engine=engine) for spec in specs]
    found = [[list(group.lr) for group in trace.groups] for trace in traces]
    assert found[0] == found[-1], "alone or in a list of one"
    return found[0]


@pytest.mark.parametrize("engine", ["torch", "light"])
@pytest.mark.parametrize("kind", NAMES)
def test_alone_it_trains_with_what_mmengine_recorded(kind: str, engine: str) -> None:
    cases = [case for case in CASES if [each["type"] for each in case["param_scheduler"]] == [kind]]
    assert len(cases) >= 3
    differing = [
        case for case in cases if rates([scheduler(case["param_scheduler"][0])], case["run"], engine) != case["lr"]
    ]
    assert differing == []


@pytest.mark.parametrize("engine", ["torch", "light"])
def test_composed_they_train_with_what_mmengine_recorded(engine: str) -> None:
    cases = [case for case in CASES if len(case["param_scheduler"]) > 1]
    assert len(cases) >= 8
    for case in cases:
        assert rates([scheduler(each) for each in case["param_scheduler"]], case["run"], engine) == case["lr"], case


BY_HAND = [case for case in CASES if "steps" in case["run"]]


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case["param_scheduler"][0]["type"])
def test_it_is_what_the_installed_mmengine_does(case: dict[str, Any]) -> None:
    """Step in a plain loop what `--engine upstream` makes."""
    kinds = pytest.importorskip("mmengine.optim.scheduler.lr_scheduler")
    import torch

    optimizer = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": g["lr"]} for g in GROUPS])
    resolved = lrviz.load({"run": case["run"], "scheduler": scheduler(case["param_scheduler"][0])}).resolved
    upstream = resolved.upstream()
    assert upstream is not None
    assert upstream.target.partition(":")[0] == kinds.__name__
    made = getattr(kinds, upstream.target.partition(":")[2])(optimizer, **upstream.arguments)
    found: list[list[float]] = [[] for _ in GROUPS]
    for _ in range(case["run"]["steps"]):
        for column, group in zip(found, optimizer.param_groups, strict=True):
            column.append(group["lr"])
        optimizer.step()
        made.step()
    assert found == case["lr"]


def test_the_end_left_out_is_the_runs() -> None:
    spec = {"name": "mmengine-linear"}
    by_epoch = lrviz.load({"run": {"epochs": 5, "steps_per_epoch": 3}, "scheduler": spec}).resolved
    by_step = lrviz.load({"run": {"steps": 15}, "scheduler": spec}).resolved
    assert (getattr(by_epoch, "end", 0), by_epoch.length()) == (5, 15)
    assert (getattr(by_step, "end", 0), by_step.length()) == (15, 15)


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ({"name": "mmengine-linear", "begin": 4, "end": 4}, "scheduler.end: must be larger than begin, 4, not 4"),
        ({"name": "mmengine-linear", "end": 1.5}, "scheduler.end: must be a whole number, or convert_to_iter_based"),
        ({"name": "mmengine-linear", "start_factor": 1.5}, "scheduler.start_factor: must be > 0 and <= 1, not 1.5"),
        (
            {"name": "mmengine-poly", "by_epoch": False, "convert_to_iter_based": True},
            "scheduler.convert_to_iter_based: converts epochs, and by_epoch is false",
        ),
        (
            {"name": "mmengine-cosine", "eta_min": 0.1, "eta_min_ratio": 0.1},
            "scheduler.eta_min_ratio: eta_min and eta_min_ratio exclude each other",
        ),
        ({"name": "mmengine-restart", "periods": [4]}, "scheduler.eta_min: missing: mmengine requires eta_min or"),
        (
            {"name": "mmengine-restart", "periods": [4, 4], "eta_min": 0},
            "scheduler.restart_weights: must be as many as the periods: 2, not 1",
        ),
        (
            {"name": "mmengine", "schedulers": [{"name": "mmengine-linear"}, {"name": "cosine"}]},
            r"scheduler.schedulers\[1\].name: must be one of mmengine's, such as mmengine-linear, not cosine",
        ),
    ],
)
def test_what_mmengine_refuses_is_refused(scheduler: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        lrviz.load({"scheduler": scheduler})


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ({"name": "mmengine-linear", "convert_to_iter_based": True}, "the run has none"),
        ({"name": "mmengine-linear", "begin": 40}, "scheduler.end: must be larger than begin, 40, not 16"),
        (
            {"name": "mmengine", "schedulers": [{"name": "mmengine-step", "step_size": 2, "begin": 40}]},
            r"scheduler.schedulers\[0\].end: must be larger than begin, 40, not 16",
        ),
    ],
)
def test_what_does_not_fit_the_run_is_refused(scheduler: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        lrviz.load({"run": {"steps": 16}, "scheduler": scheduler})


def test_a_cycle_raises_where_mmengine_does() -> None:
    cycle = {"name": "mmengine-onecycle", "eta_max": 0.1, "total_steps": 6}
    trace = lrviz.replay(lrviz.load({"run": {"steps": 16}, "scheduler": cycle}), partial=True)
    assert trace.failure is not None
    assert (trace.failure.step, trace.failure.kind) == (7, "ValueError")


USUAL = [
    [
        {"name": "mmengine-linear", "start_factor": 0.001, "by_epoch": False, "end": 50},
        {"name": "mmengine-multistep", "milestones": [8, 11]},
    ],
    [
        {"name": "mmengine-linear", "start_factor": 1e-3, "end": 2, "convert_to_iter_based": True},
        {"name": "mmengine-cosine", "eta_min": 1e-5, "begin": 2, "convert_to_iter_based": True},
    ],
    [{"name": "mmengine-poly", "eta_min": 1e-4, "power": 0.9, "by_epoch": False}],
]


@pytest.mark.parametrize("schedulers", USUAL)
def test_no_rule_finds_anything_in_what_is_usual(schedulers: list[dict[str, Any]]) -> None:
    run = {"epochs": 12, "steps_per_epoch": 20}
    scheduler = {"name": "mmengine", "schedulers": schedulers} if len(schedulers) > 1 else schedulers[0]
    experiment = lrviz.load({"run": run, "optimizer": {"lr": 0.02}, "scheduler": scheduler})
    assert [found for found in examine(experiment, lrviz.replay(experiment)) if found.severity != "info"] == []
