"""From a spec back to a document, and documents on one line: what is written reads back the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lrviz
from lrviz.experiment.record import Record
from lrviz.experiment.schedulers import Custom, LambdaLR, ReduceLROnPlateau, SchedulerSpec, catalogue
from lrviz.experiment.writer import as_document, in_flow
from lrviz.experiment.yaml_reader import parse

EXAMPLES = [name for name, spec in catalogue().items() if spec is not Custom]
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def example(name: str) -> SchedulerSpec:
    return lrviz.load({"scheduler": {"name": name, **catalogue()[name].example}}).scheduler


@given(DATA)
def test_what_is_written_reads_back(data: Any) -> None:
    assert parse(in_flow([data]), "a.yaml").plain() == [data]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.123456789, "0.123456789"),
        (1e-5, "1e-5"),
        (1e22, "1e22"),
        (1.5e-300, "1.5e-300"),
        (1.0, "1.0"),
        (float("nan"), ".nan"),
        (float("-inf"), "-.inf"),
        (True, "true"),
        (None, "null"),
        ("cos", "cos"),
        ("5%", "5%"),
        ("no", '"no"'),
        ("null", '"null"'),
        ("1e3", '"1e3"'),
        ("2024-01-01", '"2024-01-01"'),
        ('a "b"', r'"a \"b\""'),
        ("log.csv:val_loss", '"log.csv:val_loss"'),
        ({0: 1e-3, "a b": [1, 2]}, '{0: 0.001, "a b": [1, 2]}'),
    ],
)
def test_flow(value: Any, written: str) -> None:
    assert in_flow(value) == written


@pytest.mark.parametrize("defaults", [False, True])
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_scheduler_reads_back_from_its_document(name: str, defaults: bool) -> None:
    spec = example(name)
    text = f"scheduler: {in_flow(as_document(spec, defaults=defaults))}"
    assert lrviz.load(parse(text, "a.yaml").plain()).scheduler == spec


def test_what_is_default_is_left_out() -> None:
    assert as_document(example("onecycle")) == {"name": "onecycle", "max_lr": 1e-3}


def test_with_defaults_only_what_is_unset_is_left_out() -> None:
    document = as_document(example("cosine"), defaults=True)
    assert document == {"name": "cosine", "eta_min": 1e-4}


def test_a_scheduler_of_ones_own_is_named_by_its_target() -> None:
    spec = Custom(target="mine:Noisy", args={"seed": 1, "scale": [0.1]})
    assert in_flow(as_document(spec)) == '{name: "mine:Noisy", args: {seed: 1, scale: [0.1]}}'


def test_numbers_of_a_column_are_left_to_it() -> None:
    spec = ReduceLROnPlateau(metric=[1.0] * 100, metric_csv="log.csv:loss")
    assert as_document(spec) == {"name": "plateau", "metric_csv": "log.csv:loss"}


def test_a_function_of_python_is_its_name() -> None:
    assert as_document(LambdaLR(lr_lambda=abs))["lr_lambda"] == "abs"


CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_parts_of_a_config_read_back(path: Path) -> None:
    experiment = lrviz.load(path)
    parts: dict[str, Record] = {
        "run": experiment.run, "optimizer": experiment.optimizer, "scheduler": experiment.scheduler
    }  # fmt: skip
    again = lrviz.load({name: as_document(part) for name, part in parts.items()})
    assert {name: getattr(again, name) for name in parts} == parts
