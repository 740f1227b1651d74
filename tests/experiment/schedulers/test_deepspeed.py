"""DeepSpeed's schedulers, held to what its own classes of many versions recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz.engine.engine import Engine, TorchEngine
from lrviz.engine.light import LightEngine
from lrviz.engine.record import record
from lrviz.experiment.schedulers import lookup
from lrviz.trace import Trace

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "deepspeed.json").read_text())
NEWEST = RECORDED["deepspeed"][-1]
CLASSES = {
    "deepspeed-warmup": "WarmupLR",
    "deepspeed-warmup-decay": "WarmupDecayLR",
    "deepspeed-warmup-cosine": "WarmupCosineLR",
    "deepspeed-lr-range-test": "LRRangeTest",
    "deepspeed-one-cycle": "OneCycle",
}
ENGINES: dict[str, Callable[[], Engine]] = {"torch": TorchEngine, "light": LightEngine}
LISTED = "must be one number: DeepSpeed takes a list since 0.19.6"


def cases(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Yield every recorded run of a scheduler, what it gave, and the version."""
    for case in RECORDED["cases"]:
        if case["class"] == CLASSES[name]:
            for result in case["results"]:
                yield from ((case, result, version) for version in result["versions"])


def experiment(name: str, case: dict[str, Any], steps: int, version: str | None = None) -> lrviz.Experiment:
    run = {"steps": steps} | ({} if version is None else {"deepspeed": version})
    scheduler = {"name": name, **case["arguments"]}
    return lrviz.load({"run": run, "optimizer": case["optimizer"], "scheduler": scheduler})


def columns(trace: Trace) -> tuple[list[list[float]], list[Any]]:
    return [list(group.lr) for group in trace.groups], [list(group.momentum or ()) for group in trace.groups]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CLASSES)
def test_every_version_recorded_the_same_to_the_bit(name: str, engine: str) -> None:
    made, compared = ENGINES[engine](), 0
    for case, result, version in cases(name):
        error = result.get("error")
        if error and (error[0] == 0 or error[1] == "TypeError"):
            continue  # refused before anything trains
        steps = 26 if error is None else error[0] + 1
        trace = record(experiment(name, case, steps, version), made)
        rates, momenta = columns(trace)
        assert rates == result["lr"], (case, version)
        assert "beta1" not in result or momenta == result["beta1"], (case, version)
        assert (trace.failure is None) == (error is None), (case, version)
        compared += 1
    assert compared >= 10 * len(RECORDED["deepspeed"])


def test_what_upstream_raises_in_the_middle_is_raised_after_the_same_step() -> None:
    recorded = cases("deepspeed-warmup-cosine")
    case, result, version = next(each for each in recorded if each[1].get("error", [0])[0] > 1)
    failure = record(experiment("deepspeed-warmup-cosine", case, 20, version), TorchEngine()).failure
    assert failure is not None
    assert [failure.step, failure.kind, failure.by] == [*result["error"][:2], "WarmupCosineLR"]


def test_what_upstream_refuses_to_build_is_refused() -> None:
    """A list in OneCycle raised at its first use, before 0.19.6."""
    refused = [each for name in CLASSES for each in cases(name) if "error" in each[1] and each[1]["error"][0] < 2]
    names = {target: name for name, target in CLASSES.items()}
    assert len(refused) > 20
    for case, result, version in refused:
        with pytest.raises(lrviz.SpecError) as caught:
            experiment(names[case["class"]], case, 20, version)
        message = str(caught.value)
        assert LISTED in message if result["error"][1] == "TypeError" else "must be >= 1, not 0" in message


@pytest.mark.parametrize("name", CLASSES)
def test_without_a_version_it_is_the_newest(name: str) -> None:
    newest = [(case, result) for case, result, version in cases(name) if version == NEWEST and "error" not in result]
    for case, result in newest:
        assert columns(record(experiment(name, case, 26), LightEngine()))[0] == result["lr"]


def test_a_refusal_names_the_argument_and_the_version(problems_of: Callable[..., list[str]]) -> None:
    text = "run: {steps: 9}\nscheduler:\n  name: deepspeed-warmup\n  warmup_num_steps: 0\n"
    (problem,) = problems_of(text)
    assert problem == (
        "a.yaml:4: scheduler.warmup_num_steps: must be >= 1, not 0: DeepSpeed refuses it since 0.19.3; "
        "before, it counted as 2"
    )


@pytest.mark.parametrize("name", ["deepspeed-warmup-decay", "deepspeed-warmup-cosine"])
def test_a_length_left_out_is_the_runs(name: str) -> None:
    optimizer = {"lr": 0.1}
    left_out = lrviz.load({"run": {"steps": 17}, "optimizer": optimizer, "scheduler": {"name": name}})
    given = lrviz.load(
        {"run": {"steps": 17}, "optimizer": optimizer, "scheduler": {"name": name, "total_num_steps": 17}}
    )
    assert left_out.resolved == given.resolved


@pytest.mark.parametrize(("name", "target"), CLASSES.items())
def test_it_is_found_by_its_class_and_says_how_deepspeed_makes_it(name: str, target: str) -> None:
    spec = lookup(name)(**lookup(name).example)
    assert spec.label == target
    assert target == "OneCycle" or lookup(target) is type(spec)  # onecycle is torch's
    upstream = spec.upstream()
    assert upstream is not None
    assert upstream.target == f"deepspeed.runtime.lr_schedules:{target}"
    assert spec.example.items() <= upstream.arguments.items()


def test_the_package_itself_where_it_is_installed() -> None:
    module = pytest.importorskip("deepspeed.runtime.lr_schedules")
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, rates = module.WarmupLR(optimizer, warmup_num_steps=9), []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    case = {"optimizer": {"lr": 0.1}, "arguments": {"warmup_num_steps": 9}}
    trace = record(experiment("deepspeed-warmup", case, 20), TorchEngine())
    assert list(trace.groups[0].lr) == rates
