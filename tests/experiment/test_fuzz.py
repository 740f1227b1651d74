"""Whatever a document holds, what comes out is an Experiment or a SpecError, and soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import lrviz
from lrviz import Experiment, SpecError
from lrviz.documents import read as build
from lrviz.errors import Problem
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import catalogue
from lrviz.experiment.values import Value
from lrviz.experiment.yaml_reader import decode

NAMES = [name for spec in catalogue().values() for name in (spec.name, spec.__name__)]
KEYS = sorted({name for spec in catalogue().values() for name in arg_types(spec)})
RUN = ["epochs", "steps_per_epoch", "steps", "interval", "dataset_size", "batch_size", "grad_accum", "world_size"]

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.integers(),
    st.floats(),
    st.sampled_from(
        [
            *NAMES,
            "adam",
            "sgd",
            "epoch",
            "step",
            "cos",
            "0.9 ** epoch",
            "1e-3",
            "5%",
            "2ep",
            "rest",
            "log.csv:a",
            "os:system",
        ]
    ),
    st.text(max_size=5),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def section(keys: list[str], **fixed: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda given, drawn: {**drawn, **given},
        st.fixed_dictionaries({}, optional=fixed),
        st.dictionaries(st.sampled_from(keys), TREES, max_size=3),
    )


SCHEDULERS = st.deferred(
    lambda: section(KEYS, name=st.sampled_from(NAMES) | SCALARS, schedulers=st.lists(SCHEDULERS, max_size=3))
)
DOCUMENTS = st.fixed_dictionaries(
    {"scheduler": SCHEDULERS | TREES},
    optional={
        "run": section(RUN) | TREES,
        "optimizer": section(["name", "lr", "momentum", "betas", "weight_decay"], groups=TREES) | TREES,
        "title": TREES,
        "warmup": TREES,
        "gallery": TREES,
        "check": TREES,
    },
)


@pytest.fixture(autouse=True, scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep paths that a document may name out of the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("fuzz"))
        yield


def problems(make: Callable[[], Experiment]) -> tuple[Problem, ...]:
    """Return what is wrong with a document; any error but SpecError is the test's to fail on."""
    try:
        make()
    except SpecError as error:
        return error.problems or (Problem(message=""),)
    return ()


def hold(data: bytes) -> None:
    for problem in problems(lambda: build(decode(data, "a.yaml"))):
        assert problem.message
        assert problem.place.startswith("a.yaml")


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    hold(data)


@given(st.text(alphabet="-?:,[]{}#&*!|>'\"%@` \n\t\\a1~.<=", max_size=60))
def test_any_punctuation(text: str) -> None:
    hold(b"scheduler: " + text.encode())


@given(DOCUMENTS)
def test_any_document_as_yaml(document: dict[str, Any]) -> None:
    hold(yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "replace"))


@given(DOCUMENTS)
def test_any_document_as_python(document: dict[str, Any]) -> None:
    assert all(problem.message for problem in problems(lambda: lrviz.load(document)))


@given(st.dictionaries(st.none() | st.integers() | st.floats() | st.binary() | st.tuples(), TREES) | TREES)
def test_any_tree_as_python(tree: Any) -> None:
    assert all(problem.message for problem in problems(lambda: build(Value.of(tree))))
