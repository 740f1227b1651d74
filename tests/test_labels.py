"""Labels: what tells subjects apart, never the same twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrviz import load
from lrviz.labels import LONGEST, labels
from lrviz.subject import Subject
from lrviz.trace import Trace

NOTHING = Trace(
    groups=(), steps=0, steps_per_epoch=None, momentum_name=None, engine="torch", torch_version="2.13.0"
)  # fmt: skip


def subject(document: dict[str, Any], target: str = "", variant: str = "") -> Subject:
    experiment = load(document)
    return Subject(
        name=experiment.title or target, trace=NOTHING, experiment=experiment, target=target, variant=variant
    )


def onecycle(target: str = "", variant: str = "", **scheduler: Any) -> Subject:
    return subject({"scheduler": {"name": "onecycle", "max_lr": 1e-3, **scheduler}}, target, variant)


def warmed(target: str, warmup: str) -> Subject:
    run = {"epochs": 20, "steps_per_epoch": 100}
    return subject({"warmup": warmup, "scheduler": {"name": "cosine"}, "run": run}, target)


def test_one_is_called_by_its_title() -> None:
    assert labels([subject({"title": "Mine", "scheduler": {"name": "cosine"}}, "a.yaml")]) == ["Mine"]


def test_titles_that_differ_are_labels() -> None:
    titled = [subject({"title": title, "scheduler": {"name": "cosine"}}, title) for title in ("Short", "Long")]
    assert labels(titled) == ["Short", "Long"]


def test_different_schedulers_are_called_by_their_names() -> None:
    both = [subject({"scheduler": {"name": name}}, name) for name in ("cosine", "hf-cosine")]
    assert labels(both) == ["CosineAnnealingLR", "hf-cosine"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([{"max_lr": 3e-3}, {"max_lr": 1e-5}], ["max_lr 0.003", "max_lr 1e-5"]),
        ([{"pct_start": 0.1}, {}], ["pct_start 0.1", "pct_start 0.3"]),
        ([{"three_phase": True}, {}], ["three_phase true", "three_phase false"]),
        ([{"total_steps": 40}, {}], ["total_steps 40", "total_steps by default"]),
    ],
)
def test_files_of_one_scheduler_are_told_by_the_settings_that_differ(settings, expected) -> None:
    assert labels([onecycle(f"{place}.yaml", **each) for place, each in enumerate(settings)]) == expected


def test_files_that_differ_in_two_settings_are_called_by_their_names_and_others_by_both() -> None:
    def both(*targets: str) -> list[str]:
        return labels([onecycle(targets[0], max_lr=1, pct_start=0.1), onecycle(targets[1], max_lr=2)])

    assert both("a.yaml", "b.yaml") == ["a", "b"]
    assert both("onecycle -a", "onecycle -b") == ["max_lr 1, pct_start 0.1", "max_lr 2, pct_start 0.3"]


def test_a_warmup_is_named_as_it_is_written() -> None:
    assert labels([warmed("a.yaml", "5%"), warmed("b.yaml", "10%")]) == ["warmup 5%", "warmup 10%"]


def test_files_of_a_sequence_that_differ_in_a_part_are_called_by_their_names() -> None:
    def sequence(target: str, steps: int) -> Subject:
        parts = [{"name": "linear", "total_iters": steps}, {"name": "cosine"}]
        return subject({"scheduler": {"name": "sequential", "schedulers": parts, "milestones": [9]}}, target)

    assert labels([sequence("a.yaml", 5), sequence("b.yaml", 6)]) == ["a", "b"]


def test_where_a_setting_would_be_long_beside_others_all_files_are_called_by_their_names() -> None:
    others = [onecycle("c.yaml"), subject({"title": "Mine", "scheduler": {"name": "cosine"}}, "d.yaml")]
    assert labels([warmed("a.yaml", "5%"), warmed("b.yaml", "10%"), *others]) == ["a", "b", "c", "Mine"]


@pytest.mark.parametrize("path", ["a.yaml", "exps/a.yaml"])
def test_a_file_of_a_revision_is_called_as_it_was_given(path) -> None:
    assert labels([onecycle(f"HEAD:{path}", max_lr=1), onecycle(path, max_lr=2)]) == [f"HEAD:{path}", path]


def test_the_run_and_the_optimizer_are_named_and_what_follows_from_them_is_not() -> None:
    def cosine(target: str, **parts: Any) -> Subject:
        return subject({"scheduler": {"name": "cosine"}, **parts}, target)

    assert labels([cosine("a", run={"epochs": 3}), cosine("b", run={"epochs": 5})]) == ["epochs 3", "epochs 5"]
    optimizers = [cosine("a", optimizer={"name": "sgd"}), cosine("b", optimizer={"name": "rprop"})]
    assert labels(optimizers) == ["optimizer SGD", "optimizer Rprop"]


def test_those_who_share_a_name_are_told_apart_beside_others() -> None:
    several = [onecycle("a", max_lr=1), onecycle("b", max_lr=2), subject({"scheduler": {"name": "cosine"}}, "c")]
    assert labels(several) == ["OneCycleLR, max_lr 1", "OneCycleLR, max_lr 2", "CosineAnnealingLR"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["runs/a/args.yaml", "runs/b/args.yaml"], ["a", "b"]),
        (["runs/a/args.yaml", "runs/b/other.yaml"], ["a/args", "b/other"]),
        (["exps/one.yaml", "exps/two.yaml"], ["one", "two"]),
        (["exps/one.yaml", "exps/one.json"], ["one.yaml", "one.json"]),
        (["args.yaml", "old/args.yaml"], ["args", "old/args"]),
    ],
)
def test_equal_files_are_told_by_the_part_of_the_path_that_differs(paths, expected) -> None:
    assert labels([onecycle(path) for path in paths]) == expected


def test_files_that_differ_in_many_settings_are_called_by_their_names() -> None:
    other = {"max_lr": 2, "pct_start": 0.1, "div_factor": 3, "three_phase": True}
    assert labels([onecycle("exps/one.yaml"), onecycle("exps/two.yaml", **other)]) == ["one", "two"]


def test_variants_of_one_target_are_called_by_what_was_set() -> None:
    swept = [onecycle("a.yaml", f"max_lr {rate}", max_lr=rate) for rate in (1, 2)]
    assert labels(swept) == ["max_lr 1", "max_lr 2"]
    assert labels([*swept, subject({"scheduler": {"name": "cosine"}}, "cosine")]) == [
        "OneCycleLR, max_lr 1",
        "OneCycleLR, max_lr 2",
        "CosineAnnealingLR",
    ]


def test_variants_that_differ_in_much_are_called_by_their_file_and_what_was_set() -> None:
    other = {"div_factor": 3, "three_phase": True, "anneal_strategy": "linear"}
    swept = [onecycle("x/a.yaml", f"max_lr {rate}", max_lr=rate) for rate in (1, 2)]
    swept += [onecycle("x/b.yaml", f"max_lr {rate}", max_lr=rate, **other) for rate in (1, 2)]
    assert labels(swept) == ["a, max_lr 1", "a, max_lr 2", "b, max_lr 1", "b, max_lr 2"]


def test_what_is_given_twice_is_numbered() -> None:
    assert labels([onecycle("a.yaml"), onecycle("a.yaml"), onecycle("a.yaml")]) == ["a", "a (2)", "a (3)"]


def test_a_log_is_called_by_its_name() -> None:
    log = Subject(name="runs/a/trainer_state.json", trace=NOTHING)
    assert labels([onecycle("a.yaml"), log]) == ["OneCycleLR", "runs/a/trainer_state.json"]


def test_a_long_title_gives_way_to_the_scheduler() -> None:
    long = "A title " * 10
    titled = [subject({"title": long, "scheduler": {"name": name}}, name) for name in ("cosine", "step-size")[:1]]
    assert labels([*titled, onecycle("a.yaml")]) == ["CosineAnnealingLR", "OneCycleLR"]
    assert all(len(label) <= LONGEST for label in labels([*titled, onecycle("a.yaml")]))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.yaml", "b/a.yaml", "c.yaml", "OneCycleLR"]),
            st.sampled_from([0.1, 0.2]),
            st.sampled_from(["", "lr 1", "OneCycleLR (2)"]),
        ),
        max_size=8,
    )
)
def test_labels_are_never_the_same_nor_empty(subjects) -> None:
    found = labels([onecycle(target, variant, pct_start=share) for target, share, variant in subjects])
    assert len(set(found)) == len(subjects)
    assert all(found)
