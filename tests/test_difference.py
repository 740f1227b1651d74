"""Differences: what is compared with what, where it differs and most, and the settings that explain it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrviz import SpecError, load, replay
from lrviz.arrays import column
from lrviz.difference import BY, MOST_STRETCHES, Differences, Kind, difference, explained
from lrviz.subject import Subject
from lrviz.trace import GroupTrace, Trace

RUN = {"epochs": 4, "steps_per_epoch": 8}
COSINE = {"run": RUN, "scheduler": {"name": "cosine"}}


def subject(document: dict[str, Any], name: str = "a") -> Subject:
    experiment = load(document)
    return Subject(name=name, trace=replay(experiment, partial=True), experiment=experiment)


def curve(*rates: float, at: list[int] | None = None, per_epoch: int | None = None, group: str = "g") -> Subject:
    """Return a subject without an experiment that has one group, of learning rates alone."""
    trace = Trace(
        groups=(GroupTrace(name=group, lr=column(rates)),), steps=len(rates), steps_per_epoch=per_epoch,
        momentum_name=None, engine="log", torch_version="", at=at,
    )  # fmt: skip
    return Subject(name="log", trace=trace)


def kinds(found: Differences) -> list[tuple[str, int]]:
    return [(stretch.kind.name, stretch.points) for stretch in found.curves[0].stretches]


def paths(found: Differences, *, causes: bool = True) -> list[str]:
    return [setting.path for setting in found.settings if setting.is_written == causes]


def test_the_same_twice_is_equal() -> None:
    found = difference(subject(COSINE), subject(COSINE))
    assert found.is_equal
    assert not found.settings
    assert [(each.what, each.count) for each in found.curves] == [("lr", 0), ("momentum", 0), ("weight_decay", 0)]
    assert kinds(found) == [("EQUAL", 32)]


def test_the_first_and_the_largest_difference_have_their_values() -> None:
    found = difference(curve(1, 2, 4, 8), curve(1, 3, 8, 9)).curves[0]
    assert (found.count, found.points) == (3, 4)
    assert (found.first.steps, found.first.values) == ((1, 1), (2.0, 3.0))
    assert (found.largest.steps, found.largest.absolute, found.largest.relative) == ((2, 2), 4.0, 1.0)


def test_the_relatively_largest_is_of_the_larger_value() -> None:
    found = difference(curve(1e-6, 1.0), curve(1e-3, 1.5)).curves[0]
    assert found.largest.steps == (1, 1)
    assert found.largest_relative.steps == (0, 0)


def test_what_is_within_the_tolerance_is_not_the_relatively_largest() -> None:
    found = difference(curve(1e-6, 1.0), curve(1e-9, 1.5), tolerance=0.01).curves[0]
    assert found.largest_relative.steps == (1, 1)


def test_nothing_is_a_share_of_zero() -> None:
    assert difference(curve(0.0), curve(1.0)).curves[0].first.relative is None


def test_stretches_say_which_is_higher() -> None:
    found = difference(curve(1, 1, 5, 5, 1, 1), curve(1, 1, 3, 3, 2, 2))
    assert kinds(found) == [("EQUAL", 2), ("LOWER", 2), ("HIGHER", 2)]


def test_a_last_bit_is_a_difference_and_a_sign_of_zero_is_none() -> None:
    assert not difference(curve(1.0), curve(math.nextafter(1.0, 2))).is_equal
    assert difference(curve(0.0), curve(-0.0)).is_equal


def test_not_a_number_equals_itself_and_no_number() -> None:
    assert difference(curve(math.nan, 1, math.inf), curve(math.nan, 1, math.inf)).is_equal
    found = difference(curve(math.nan, 1.0), curve(1.0, 5.0))
    assert kinds(found) == [("MIXED", 1), ("HIGHER", 1)]
    assert found.curves[0].largest.steps == (0, 0)


def test_a_tolerance_is_a_share_of_the_curves_largest_value() -> None:
    one, other = curve(0.0, 100.0), curve(0.5, 100.0)
    assert difference(one, other, tolerance=0.005).is_equal
    assert not difference(one, other, tolerance=0.0049).is_equal


def test_runs_of_unlike_length_are_compared_over_their_common_steps() -> None:
    found = difference(curve(1, 2, 3), curve(1, 2))
    assert (found.points, found.lengths, found.has_unlike_lengths, found.is_equal) == (2, (3, 2), True, False)
    assert not found.differing


def test_a_log_is_compared_at_the_steps_it_has() -> None:
    found = difference(curve(0, 1, 2, 3, 4, 5), curve(1, 9, 5, at=[1, 3, 5]))
    assert found.points == 3
    assert [stretch.first.steps for stretch in found.curves[0].stretches] == [(1, 1), (3, 3), (5, 5)]


def test_by_epoch_the_coarser_run_has_the_points() -> None:
    fine, coarse = curve(*range(8), per_epoch=4), curve(0, 2, 4, 7, per_epoch=2)
    found = difference(fine, coarse, by="epoch")
    assert found.points == 4
    assert found.curves[0].first.steps == (6, 3)
    assert not found.has_unlike_lengths


def test_by_progress_a_run_of_twice_the_steps_is_the_same() -> None:
    assert difference(curve(0, 0, 1, 1, 2, 2), curve(0, 1, 2), by="progress").is_equal


@pytest.mark.parametrize("by", ["epoch", "progress"])
def test_a_larger_batch_is_equal_by_epoch(by: str) -> None:
    stairs = {"scheduler": {"name": "step", "step_size": 1}, "run": {**RUN, "interval": "epoch"}}
    larger = {**stairs, "run": {**stairs["run"], "steps_per_epoch": 3}}
    assert difference(subject(stairs), subject(larger), by=by).is_equal
    assert not difference(subject(stairs), subject(larger)).is_equal


def test_epochs_are_needed_to_compare_by_them() -> None:
    with pytest.raises(SpecError, match=r"^--by: epoch: long has no epochs: it is given by its steps"):
        difference(subject(COSINE), subject({**COSINE, "run": {"steps": 10}}, "long"), by="epoch")


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(SpecError, match=r"^nothing in common: 'log' has steps 0 to 1, and 'log' has steps 5 to 6$"):
        difference(curve(1, 2), curve(1, 2, at=[5, 6]))


GROUPED = {"optimizer": {"groups": [{"name": "body", "lr": 1e-4}, {"name": "head", "lr": 1e-3}]}, **COSINE}


def test_groups_belong_together_by_name() -> None:
    turned = {"optimizer": {"groups": GROUPED["optimizer"]["groups"][::-1]}, **COSINE}
    found = difference(subject(GROUPED), subject(turned))
    assert not found.differing
    assert [each.groups for each in found.curves if each.what == "lr"] == [("body", "body"), ("head", "head")]


def test_a_group_that_only_one_has_is_a_difference() -> None:
    one = {"optimizer": {"groups": GROUPED["optimizer"]["groups"][:1]}, **COSINE}
    found = difference(subject(GROUPED), subject(one))
    assert (found.groups_alone, found.is_equal) == ((("head",), ()), False)


def test_groups_without_a_common_name_belong_together_by_place() -> None:
    found = difference(curve(1.0, group="body"), curve(1.0, group="default"))
    assert found.is_by_place
    assert found.is_equal


def test_momentum_is_not_compared_with_beta1() -> None:
    adam = {**COSINE, "optimizer": {"name": "AdamW", "weight_decay": 0.0}}
    found = difference(subject(COSINE), subject(adam))
    assert found.values_alone == (("momentum",), ("beta1",))
    assert [each.what for each in found.curves] == ["lr", "weight_decay"]


def test_a_replay_that_stopped_is_compared_as_far_as_it_goes() -> None:
    one = {"run": RUN, "scheduler": {"name": "onecycle", "max_lr": 1e-3, "total_steps": 16}}
    whole = {"run": RUN, "scheduler": {"name": "onecycle", "max_lr": 1e-3, "total_steps": 32}}
    found = difference(subject(one), subject(whole))
    assert (found.points, found.is_equal) == (17, False)
    assert [failure and failure.step for failure in found.failures] == [17, None]
    assert difference(subject(one), subject(one)).is_equal


def test_what_was_written_comes_before_what_follows_from_it() -> None:
    found = difference(subject(COSINE), subject({**COSINE, "warmup": 8}))
    assert (paths(found), paths(found, causes=False)) == (["warmup"], ["scheduler.T_max"])
    warmup, t_max = found.settings
    assert [side and side.value for side in warmup.said] == [None, 8]
    assert [side.value for side in t_max.said] == [32, 24]


def test_a_default_stands_beside_what_is_written() -> None:
    found = difference(subject(COSINE), subject({**COSINE, "optimizer": {"lr": 0.5}}))
    assert paths(found) == ["optimizer.lr"]
    assert [(side.value, side.is_written) for side in found.settings[0].said] == [(0.001, False), (0.5, True)]


@pytest.mark.parametrize(
    "same",
    [
        {"run": {"steps_per_epoch": 8}, "scheduler": {"name": "cosine"}},
        {"run": RUN, "scheduler": {"name": "CosineAnnealingLR", "eta_min": 0, "T_max": "100%"}},
        {"title": "Another", "run": {"epochs": 4, "steps_per_epoch": 8}, "scheduler": {"name": "cosine"}},
    ],
)
def test_another_way_to_write_the_same_is_no_difference(same: dict[str, Any]) -> None:
    assert difference(subject(COSINE), subject(same)).settings == ()


def test_settings_without_effect_are_told_all_the_same() -> None:
    found = difference(
        subject(COSINE), subject({**COSINE, "scheduler": {"name": "hf-cosine", "num_warmup_steps": 0}}), tolerance=1e-9
    )
    assert found.is_equal
    assert "scheduler.name" in paths(found)


def test_a_trainers_key_is_told() -> None:
    document = {"learning_rate": 1e-3, "num_train_epochs": 2, "per_device_train_batch_size": 8}
    known = {"form": "huggingface", "dataset_size": 64, "world_size": 1}
    experiments = [load({**document, "num_train_epochs": epochs}, **known) for epochs in (2, 3)]
    one, other = (Subject(name="a", trace=replay(each), experiment=each) for each in experiments)
    epochs = next(setting for setting in difference(one, other).settings if setting.path == "run.epochs")
    assert [(side.value, side.key) for side in epochs.said] == [(2, "num_train_epochs"), (3, "num_train_epochs")]


def tried(*, refuses: bool = False) -> list[str]:
    """Return what is found to change nothing of three settings."""
    one = subject({**COSINE, "optimizer": {"lr": 1.0}})
    other = subject({**COSINE, "optimizer": {"lr": 2.0, "momentum": 0.0}, "warmup": 8})

    def replayed(document: Mapping[str, Any]) -> Trace | None:
        return None if refuses else replay(load(document))

    found = explained(difference(one, other), other, replayed)
    return [setting.path for setting in found.settings if setting.is_idle]


def test_a_setting_is_idle_where_taking_it_back_changes_nothing() -> None:
    assert tried() == ["optimizer.momentum"]


def test_another_optimizer_is_not_idle_where_its_momentum_is_another() -> None:
    one = subject({**COSINE, "optimizer": {"lr": 1.0, "weight_decay": 0.0}})
    other = subject({**COSINE, "optimizer": {"lr": 2.0, "name": "AdamW", "weight_decay": 0.0}})
    found = explained(difference(one, other), other, lambda document: replay(load(document)))
    assert [setting.is_idle for setting in found.settings] == [False, False]


def test_a_setting_that_cannot_be_taken_back_is_not_called_idle() -> None:
    assert tried(refuses=True) == []


@pytest.mark.parametrize(
    "scheduler",
    [
        {"name": "chained", "schedulers": [{"name": "constant", "factor": 0.5, "total_iters": 2}]},
        {"name": "exponential", "gamma": 0.5},
        {"name": "manual", "values": {0: 1.0, 9: 0.5}},
        {"name": "multistep", "milestones": [3, 5]},
    ],
)
def test_documents_of_other_shapes_are_explained(scheduler: dict[str, Any]) -> None:
    children = [{"name": "constant", "factor": 0.5, "total_iters": 2}, {"name": "exponential", "gamma": 0.9}]
    one = subject({"run": RUN, "scheduler": {"name": "chained", "schedulers": children}})
    other = subject({"run": RUN, "optimizer": {"lr": 1.0}, "scheduler": scheduler})
    for a, b in ((one, other), (other, one)):
        found = explained(difference(a, b), b, _replayed)
        assert "optimizer.lr" in paths(found)


def _replayed(document: Mapping[str, Any]) -> Trace | None:
    try:
        return replay(load(document))
    except SpecError:
        return None


def test_nothing_is_tried_for_a_single_setting_and_where_nothing_differs() -> None:
    one, other = subject(COSINE), subject({**COSINE, "optimizer": {"lr": 1.0}})
    asked: list[object] = []
    for pair in ((one, other), (one, one)):
        explained(difference(*pair), pair[1], asked.append)
    assert asked == []


rates = st.lists(st.sampled_from([0.0, 1.0, 2.0, math.nan]), min_size=1, max_size=400)


@given(one=rates, other=rates)
def test_stretches_hold_every_point_once_and_no_difference_is_lost(one: list[float], other: list[float]) -> None:
    found = difference(curve(*one), curve(*other)).curves[0]
    stretches = found.stretches
    assert len(stretches) <= MOST_STRETCHES
    ends = [(stretch.first.steps[0], stretch.last.steps[0] + 1) for stretch in stretches]
    assert [end for _, end in ends] == [*(start for start, _ in ends[1:]), found.points]
    assert ends[0][0] == 0
    apart = [step for step in range(found.points) if repr(one[step]) != repr(other[step])]
    assert found.count == sum(stretch.count for stretch in stretches) == len(apart)
    for stretch, (start, end) in zip(stretches, ends, strict=True):
        inside = [step for step in apart if start <= step < end]
        assert (stretch.points, stretch.count) == (end - start, len(inside))
        assert (stretch.kind == Kind.EQUAL) == (not inside) == (stretch.largest is None)


@given(sizes=st.tuples(st.integers(1, 40), st.integers(1, 40)), epochs=st.integers(1, 4))
def test_by_epoch_a_step_stands_beside_the_one_trained_at_that_moment(sizes: tuple[int, int], epochs: int) -> None:
    pair = [curve(*range(size * epochs), per_epoch=size) for size in sizes]
    found = difference(pair[0], pair[1], by="epoch")
    assert found.points == min(sizes) * epochs
    for point in (each for stretch in found.curves[0].stretches for each in (stretch.first, stretch.last)):
        (step, size), (beside, other) = sorted(zip(point.steps, sizes, strict=True), key=lambda each: each[1])
        assert Fraction(beside, other) <= Fraction(step, size) < Fraction(beside + 1, other)


@given(other=rates)
def test_swapped_subjects_differ_the_other_way_round(other: list[float]) -> None:
    one = [1.0] * len(other)
    there, back = difference(curve(*one), curve(*other)), difference(curve(*other), curve(*one))
    turned = {Kind.HIGHER: Kind.LOWER, Kind.LOWER: Kind.HIGHER}
    assert [turned.get(each.kind, each.kind) for each in there.curves[0].stretches] == [
        each.kind for each in back.curves[0].stretches
    ]


@pytest.mark.parametrize("by", BY)
def test_a_long_run_of_many_changes_ends_soon(by: str) -> None:
    one, other = curve(*[0.0, 1.0] * 50_000, per_epoch=10), curve(*[1.0, 0.0] * 50_000, per_epoch=10)
    found = difference(one, other, by=by).curves[0]
    assert found.count == 100_000
    assert [stretch.kind for stretch in found.stretches].count(Kind.MIXED) >= 1


def test_a_subject_of_a_record_alone_has_settings() -> None:
    one = subject(COSINE)
    bare = replace(one, experiment=replace(one.experiment, document=None))
    assert difference(bare, subject({**COSINE, "optimizer": {"lr": 0.5}})).settings[0].path == "optimizer.lr"
