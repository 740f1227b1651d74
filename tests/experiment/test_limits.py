"""What a small file can cost: every limit is stated, and every refusal comes at once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import lrviz
from lrviz import SpecError
from lrviz.experiment.scalars import scalar

COSINE = "scheduler: {name: cosine}\n"
STEPS = "run: {steps: 1000}\n"


def bomb(depth: int) -> str:
    """Return a document whose aliases hold 8 schedulers in each of 8, and so on."""
    rows = (f"  - &x{n} {{name: chained, schedulers: [{', '.join([f'*x{n - 1}'] * 8)}]}}" for n in range(1, depth + 1))
    return "\n".join(["scheduler:", "  name: chained", "  schedulers:", "  - &x0 {name: constant}", *rows])


def many(key: str, count: int, item: str) -> str:
    return f"{key}: [" + ",".join(item.replace("N", str(number)) for number in range(count)) + "]"


TOO_MUCH = {
    "digits": ("title: " + "1" * 900_000 + "\n" + COSINE, "a.yaml:1: a number of 900,000 characters; at most 300"),
    "fraction": (COSINE + "run: {steps: " + "1" * 400_000 + "." + "1" * 400_000 + "}", "a.yaml:2: a number of 800,001"),
    "digits and a letter": (COSINE + "run: {steps: " + "1" * 30_000 + "x}", "a.yaml:2: run.steps: must be a whole"),
    "devices": (
        COSINE + "run: {framework: accelerate, world_size: 1000000000}",
        "a.yaml:2: run.world_size: the run steps its scheduler 32,000,000,000 times, 32 x 1,000,000,000 (accelerate",
    ),
    "groups": (
        COSINE + "optimizer: {" + many("groups", 5_000, "{name: gN}") + "}",
        "a.yaml:2: optimizer.groups: has 5,000 groups; at most 1,000",
    ),
    "milestones": (
        "scheduler: {name: multistep, " + many("milestones", 10_000, "N") + "}",
        "a.yaml:1: scheduler.milestones: has 10,000 whole numbers; at most 1,000",
    ),
    "schedulers": (
        "scheduler: {name: chained, " + many("schedulers", 1_001, "{name: constant}") + "}",
        "a.yaml:1: scheduler: holds 1,002 schedulers; at most 1,000",
    ),
    "schedulers without a name": (
        "scheduler: {name: chained, " + many("schedulers", 5_000, "{name: cosineN}") + "}",
        "a.yaml:1: scheduler: holds 5,001 schedulers; at most 1,000",
    ),
    "schedulers by alias": (STEPS + bomb(4), "a.yaml:2: scheduler: holds 5,350 schedulers; at most 1,000"),
    "aliases": (STEPS + bomb(9), "holds more than 200,000 values, those that its aliases repeat included"),
    "values": (COSINE + many("x-", 300_000, "[]"), "a.yaml: holds more than 200,000 values"),
    "changes": (
        "run: {steps: 10000000}\nscheduler: {name: chained, schedulers: ["
        + ", ".join(["{name: constant, total_iters: 5}"] * 11)
        + "]}",
        "a.yaml:2: scheduler: changes a learning rate 110,000,000 times in 10,000,000 scheduler steps of 1 group;",
    ),
    "title": (
        "title: " + "x" * 900_000 + "\n" + COSINE,
        "a.yaml:1: title: must be text of at most 1,000 characters, not 900,000",
    ),
    "rules": (COSINE + "check: {" + many("ignore", 5_000, "ruleN") + "}", "a.yaml:2: check.ignore: has 5,000 names"),
    "module": (f"scheduler: {{name: '{'m' * 900_000}:Name'}}", "a.yaml:1: scheduler.name: must be package.module:Name"),
    "key": ("? " + "k" * 100_000 + "\n: 1\n" + COSINE, f"a.yaml:1: {'k' * 60}…: unknown key"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_much_is_refused_at_once_in_a_line(problems_of: Callable[[str], list[str]], name: str) -> None:
    text, message = TOO_MUCH[name]
    start = time.process_time()
    (problem,) = problems_of(text)
    assert message in problem
    assert len(problem) < 300
    assert time.process_time() - start < 5


MANY_PROBLEMS = {
    "keys": COSINE + "".join(f"key{number}: 1\n" for number in range(20_000)),
    "keys of a scheduler": "scheduler:\n  name: cosine\n" + "".join(f"  eta_mi{n}: 1\n" for n in range(20_000)),
    "duplicates": COSINE + "title: a\n" * 20_001,
    "values": "scheduler: {name: manual, values: {" + ",".join(f"{n}: -1" for n in range(20_000)) + "}}",
}


@pytest.mark.parametrize("name", MANY_PROBLEMS)
def test_of_many_problems_the_first_twenty_are_shown(problems_of: Callable[[str], list[str]], name: str) -> None:
    start = time.process_time()
    problems = problems_of(MANY_PROBLEMS[name])
    assert len(problems) == 21
    assert problems[-1] == "a.yaml: and 19,980 more"
    assert time.process_time() - start < 5


def test_twenty_problems_are_all_shown(problems_of: Callable[[str], list[str]]) -> None:
    problems = problems_of(COSINE + "".join(f"key{number}: 1\n" for number in range(20)))
    assert len(problems) == 20
    assert problems[-1].startswith("a.yaml:21: key19: unknown key")


@pytest.mark.parametrize(
    "text", ["1" * 900_000 + "x", "1_" * 400_000 + "x", "1." * 400_000, "1e" + "1" * 900_000 + "x"]
)
def test_a_long_word_is_looked_at_once(text: str) -> None:
    start = time.process_time()
    assert scalar(text) == text
    assert time.process_time() - start < 1


@pytest.mark.parametrize("world_size", [1, 5])
def test_the_limit_of_scheduler_steps_is_that_of_steps(world_size: int) -> None:
    run = {
        "framework": "accelerate",
        "world_size": world_size,
        "steps_per_epoch": 10_000_000 // world_size,
        "epochs": 1,
    }
    document = {"run": run, "scheduler": {"name": "cosine"}}
    assert lrviz.load(document).run.clock.scheduler_steps == 10_000_000
    with pytest.raises(SpecError, match="more than the limit of 10,000,000"):
        lrviz.load(document | {"run": run | {"steps_per_epoch": run["steps_per_epoch"] + 1}})


def test_as_many_groups_schedulers_and_milestones_as_are_allowed() -> None:
    document = {
        "optimizer": {"groups": [{"name": f"g{number}"} for number in range(1000)]},
        "scheduler": {"name": "chained", "schedulers": [{"name": "constant"}] * 999},
        "run": {"steps": 100},
    }
    assert len(lrviz.load(document).scheduler.schedulers) == 999
    scheduler = {"name": "multistep", "milestones": [*range(1000)]}
    assert len(lrviz.load({"scheduler": scheduler}).scheduler.milestones) == 1000
