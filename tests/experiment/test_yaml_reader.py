"""What YAML has to say a thing once: anchors in x- keys, merge keys, and a block in a larger file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError

Write = Callable[[str], Path]
Problems = Callable[..., list[str]]

COSINE = "scheduler: {name: cosine}\n"
TRAINER = """
model: !model {layers: 12, layers: 13}
data: !include data.yaml
defaults: &defaults {epochs: 3, steps_per_epoch: 5}
training:
  shared: &shared
    schedule:
      run: *defaults
      scheduler: {name: step, step_size: 2}
  callbacks: [!callback a]
  schedule:
    run:
      <<: *defaults
      epochs: 7
    scheduler: {name: cosine}
other:
  <<: *shared
  name: 'of no interest'
"""


def run_of(write: Write, text: str, **options: Any) -> tuple[int | None, int | None]:
    run = lrviz.load(write(text), **options).run
    return run.epochs, run.steps_per_epoch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x-a: &a {epochs: 2, steps_per_epoch: 3}\nrun: *a\n", (2, 3)),
        ("x-a: &a {epochs: 2, steps_per_epoch: 3}\nrun: {<<: *a}\n", (2, 3)),
        ("x-a: &a {epochs: 2, steps_per_epoch: 3}\nrun: {<<: *a, epochs: 9}\n", (9, 3)),
        ("x-a: &a {epochs: 2, steps_per_epoch: 3}\nrun: {epochs: 9, <<: *a}\n", (9, 3)),
        ("x-a: [&a {epochs: 2}, &b {epochs: 8, steps_per_epoch: 4}]\nrun: {<<: [*a, *b]}\n", (2, 4)),
        ("x-a: &a {epochs: 2}\nx-b: &b {<<: *a, steps_per_epoch: 4}\nrun: {<<: *b}\n", (2, 4)),
        ("run: {<<: {epochs: 5}}\n", (5, None)),
        ("run: {<<: [], epochs: 5}\n", (5, None)),
    ],
)
def test_a_mapping_is_merged_and_its_own_keys_win(write: Write, text: str, expected: tuple[int, int]) -> None:
    assert run_of(write, COSINE + text) == expected


def test_keys_that_begin_with_x_hold_anything(write: Write) -> None:
    text = "x-notes: [1, two, {three: 3}]\nx-: 1\nx-unknown: {name: no_such}\n"
    assert lrviz.load(write(COSINE + text)).scheduler.name == "cosine"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x_a: 1\n", "a.yaml:2: x_a: unknown key"),
        ("run: {x-a: 1}\n", "a.yaml:2: run.x-a: unknown key"),
        ("run: {<<: 1}\n", "a.yaml:2: << merges mappings, such as *name"),
        ("run: {<<: [1, {epochs: 2}]}\n", "a.yaml:2: << merges mappings, such as *name"),
        ("run: {'<<': {epochs: 2}}\n", "a.yaml:2: run.<<: unknown key"),
        ("x-a: &a {epoch: 2}\nrun: {<<: *a}\n", "a.yaml:2: run.epoch: unknown key; did you mean 'epochs'?"),
        ("x-a: &a {epochs: 2, epochs: 3}\nrun: {<<: *a}\n", "a.yaml:2: duplicate key 'epochs'"),
        ("x-a: !tag 1\n", "a.yaml:2: the tag '!tag' is not allowed"),
        ("!tag x-a: 1\n", "a.yaml:2: the tag '!tag' is not allowed"),
        ("x-a: &a {<<: *a}\n", "a.yaml:2: its aliases nest without end, or over 20 levels"),
    ],
)
def test_what_is_wrong_has_the_line_of_what_is_merged(problems_of: Problems, text: str, expected: str) -> None:
    (problem,) = problems_of(COSINE + text)
    assert problem.startswith(expected)


def test_merges_of_merges_end(problems_of: Problems) -> None:
    rows = ["x-0: &x0 {}"] + [f"x-{n}: &x{n} {{<<: [{','.join([f'*x{n - 1}'] * 50)}]}}" for n in range(1, 9)]
    (problem,) = problems_of("\n".join([*rows, COSINE]))
    assert "holds more than 200,000 values" in problem


@pytest.mark.parametrize(
    ("key", "expected"),
    [("training.schedule", (7, 5)), ("training.shared.schedule", (3, 5)), ("other.schedule", (3, 5))],
)
def test_a_block_is_read_and_the_rest_is_nobodys_business(write: Write, key: str, expected: Any) -> None:
    assert run_of(write, TRAINER, key=key) == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("training.shedule", "a.yaml:6: there is no 'shedule' of the key 'training.shedule'; did you mean 'schedule'?"),
        (
            "nothing",
            "a.yaml:2: there is no 'nothing' of the key 'nothing'; there are model, data, defaults, training, other",
        ),
        ("training.schedule.run.epochs.x", "a.yaml:14: there is no 'x' of the key"),
        ("training.", "a.yaml:6: there is no '' of the key 'training.'; there are shared, callbacks, schedule"),
        ("model", "a.yaml:2: the tag '!model' is not allowed"),
        ("defaults", "a.yaml:4: neither a document of lrviz's, which has a scheduler, nor a trainer's config"),
    ],
)
def test_a_key_that_is_not_there_is_refused(problems_of: Problems, key: str, message: str) -> None:
    assert problems_of(TRAINER, key=key)[0].startswith(message)


def test_without_a_key_it_is_the_whole_document(problems_of: Problems) -> None:
    assert problems_of(TRAINER)[0] == "a.yaml:2: the tag '!model' is not allowed"


def test_a_block_of_a_mapping_is_read() -> None:
    block = {"scheduler": {"name": "cosine"}}
    trainer = {"model": object(), "training": {"schedule": block}}
    assert lrviz.load(trainer, key="training.schedule").scheduler == lrviz.load(block).scheduler
    for key in ("training.shedule", "model.x", "training.schedule.scheduler.name.x"):
        with pytest.raises(SpecError, match=r"there is no '.*' of the key"):
            lrviz.load(trainer, key=key)
