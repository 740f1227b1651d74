from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import statistics
import struct
from array import array
from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lrviz
from lrviz.arrays import column
from lrviz.experiment.experiment import Experiment
from lrviz.render.text.formats import Format, csv_lines, json_lines, lines, markdown_lines
from lrviz.trace import Failure, GroupTrace, TorchWarning, Trace

EXPERIMENT = lrviz.load({"scheduler": {"name": "onecycle", "max_lr": 1e-3}})


def made(*groups: Sequence[float], per_epoch: int | None = 2, **rest: Any) -> Trace:
    """Return a trace with these rates, its groups named a, b, ..."""
    momentum, weight_decay = rest.pop("momentum", None), rest.pop("weight_decay", None)
    return Trace(
        groups=tuple(
            GroupTrace(
                name=rest.get("names", "abc")[i],
                lr=column(array("d", rates)),
                momentum=momentum,
                weight_decay=weight_decay,
            )
            for i, rates in enumerate(groups)
        ),
        steps=len(groups[0]),
        steps_per_epoch=per_epoch,
        momentum_name="momentum" if momentum else None,
        engine="torch",
        torch_version="2.0",
        **{name: value for name, value in rest.items() if name != "names"},
    )


def bits(values: Sequence[float]) -> list[bytes]:
    return [struct.pack("d", value) for value in values]


def read_csv(trace: Trace, experiment: Experiment = EXPERIMENT, **rest: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(csv_lines(trace, experiment, **rest)))))


def read_json(trace: Trace, **rest: Any) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads("".join(json_lines(trace, EXPERIMENT, **rest)), parse_constant=refuse)


@pytest.fixture(scope="module")
def onecycle() -> Trace:
    return lrviz.replay(EXPERIMENT)


def test_csv_of_a_replay_has_a_row_for_every_step(onecycle: Trace) -> None:
    rows = read_csv(onecycle)
    assert [(row["step"], row["epoch"]) for row in rows] == [(str(i), str(i // 8)) for i in range(32)]


@pytest.mark.parametrize("name", ["lr", "momentum"])
def test_csv_of_a_replay_reads_back_to_the_same_bits(onecycle: Trace, name: str) -> None:
    values = [float(row[name]) for row in read_csv(onecycle)]
    assert bits(values) == bits(getattr(onecycle.groups[0], name))


def test_csv_columns_of_adam_call_it_beta1() -> None:
    trace = dataclasses.replace(made([1.0], momentum=column([0.9])), momentum_name="beta1")
    assert next(csv_lines(trace, EXPERIMENT)) == "step,epoch,lr,beta1\n"


def test_csv_columns_without_momentum() -> None:
    assert "".join(csv_lines(made([0.5, 0.25, 0.125]), EXPERIMENT)) == "step,epoch,lr\n0,0,0.5\n1,0,0.25\n2,1,0.125\n"


def test_csv_has_weight_decay_where_it_moves() -> None:
    trace = made([1.0, 1.0], weight_decay=column([0.1, 0.2]))
    assert "".join(csv_lines(trace, EXPERIMENT)) == "step,epoch,lr,weight_decay\n0,0,1.0,0.1\n1,0,1.0,0.2\n"


def test_csv_has_no_weight_decay_that_holds() -> None:
    assert next(csv_lines(made([1.0, 1.0], weight_decay=column([0.1, 0.1])), EXPERIMENT)) == "step,epoch,lr\n"


def test_csv_epoch_is_empty_where_the_run_has_none() -> None:
    assert "".join(csv_lines(made([0.5], per_epoch=None), EXPERIMENT)) == "step,epoch,lr\n0,,0.5\n"


def test_csv_of_several_groups() -> None:
    trace = made([1.0], [2.0], momentum=column([0.9]))
    assert "".join(csv_lines(trace, EXPERIMENT)) == "step,epoch,lr.a,lr.b,momentum.a,momentum.b\n0,0,1.0,2.0,0.9,0.9\n"


def test_csv_quotes_the_names_of_groups() -> None:
    names = ['a,"b"', "c\nd"]
    assert list(read_csv(made([1.0], [2.0], names=names))[0]) == ["step", "epoch", 'lr.a,"b"', "lr.c\nd"]


def test_csv_metric_stands_after_the_step_that_it_followed() -> None:
    experiment = lrviz.load(
        {"run": {"epochs": 3, "steps_per_epoch": 2, "interval": "epoch"}, "scheduler": {"name": "constant"}}
    )
    trace = made([1.0, 1.0, 1.0, 1.0, 0.5, 0.5], metric=column([7.0, 8.0]))
    assert [row["metric"] for row in read_csv(trace, experiment)] == ["", "7.0", "", "8.0", "", ""]


@pytest.mark.parametrize(("every", "steps"), [(None, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4, 5]), (5, [0, 5]), (99, [0, 5])])
def test_every_nth_step_and_the_last(every: int | None, steps: list[int]) -> None:
    trace = made([1.0] * 6)
    assert [int(row["step"]) for row in read_csv(trace, every=every)] == steps


def test_a_failed_constructor_leaves_the_header() -> None:
    trace = dataclasses.replace(made([1.0]), groups=(), steps=0)
    assert "".join(csv_lines(trace, EXPERIMENT)) == "step,epoch,lr\n"


@given(st.lists(st.floats(), min_size=1, max_size=50))
def test_csv_keeps_the_bits_of_any_rates(rates: list[float]) -> None:
    numbers = [0.0 if math.isnan(rate) else rate for rate in rates]  # a NaN's payload has no text
    assert bits([float(row["lr"]) for row in read_csv(made(numbers))]) == bits(numbers)


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0]), min_size=2, max_size=20))
def test_csv_tells_the_zeros_apart(rates: list[float]) -> None:
    assert bits([float(row["lr"]) for row in read_csv(made(rates))]) == bits(rates)


def test_json_reads_back_to_the_same_bits(onecycle: Trace) -> None:
    rows = read_json(onecycle)["rows"]
    assert bits([row["lr"] for row in rows]) == bits(onecycle.groups[0].lr)


def test_json_reads_back_as_the_experiment(onecycle: Trace) -> None:
    report = read_json(onecycle)
    again = lrviz.load({name: report[name] for name in ("run", "optimizer", "scheduler")})
    assert (again.run, again.optimizer, again.scheduler) == (EXPERIMENT.run, EXPERIMENT.optimizer, EXPERIMENT.resolved)


@pytest.mark.parametrize(
    "scheduler",
    [
        {"name": "manual", "values": {0: 1e-2, 10: 1e-3}},
        {"name": "lambda", "lr_lambda": "0.9 ** epoch"},
        {"name": "plateau", "metric": [3.0, 2.0] * 16},
        {"name": "chained", "schedulers": [{"name": "constant"}, {"name": "exponential", "gamma": 0.9}]},
    ],
)
def test_json_says_any_scheduler_as_a_document_does(scheduler: dict[str, Any]) -> None:
    experiment = lrviz.load({"scheduler": scheduler})
    report = json.loads("".join(json_lines(made([1.0]), experiment)))["scheduler"]
    assert lrviz.load({"scheduler": report}).scheduler == experiment.resolved


def test_json_says_what_the_table_says(onecycle: Trace) -> None:
    report = read_json(onecycle)
    assert (report["title"], report["torch"]) == ("OneCycleLR", onecycle.torch_version)
    assert report["summary"] == [
        {"group": "default", "first": onecycle.groups[0].lr[0], "peak": max(onecycle.groups[0].lr)}
        | {"peak_step": 9, "last": onecycle.groups[0].lr[-1], "mean": statistics.fmean(onecycle.groups[0].lr)}
    ]


def test_json_says_what_the_run_comes_to(onecycle: Trace) -> None:
    report = read_json(onecycle)
    assert (report["steps"], report["clock"]["steps_per_epoch"], report["clock"]["scheduler_steps"]) == (32, 8, 32)


def test_json_is_the_same_whichever_engine_ran(onecycle: Trace) -> None:
    other = dataclasses.replace(onecycle, engine="another")
    assert list(json_lines(other, EXPERIMENT)) == list(json_lines(onecycle, EXPERIMENT))


def test_json_says_warnings_and_the_failure() -> None:
    failure = Failure(step=1, epoch=0, kind="ValueError", message='no "more"')
    report = read_json(made([1.0], warnings=(TorchWarning(step=1, epoch=0, message="careful"),), failure=failure))
    assert report["warnings"] == [{"step": 1, "epoch": 0, "message": "careful"}]
    assert report["failure"] == {"step": 1, "epoch": 0, "kind": "ValueError", "message": 'no "more"', "by": "torch"}


def test_json_without_a_record_is_valid() -> None:
    trace = dataclasses.replace(made([1.0]), groups=(), steps=0)
    assert read_json(trace)["rows"] == []


def test_json_of_several_groups_nests_by_group() -> None:
    trace = made([1.0], [2.0], momentum=column([0.9]), names=['100 % "a"', "b"])
    row = {"step": 0, "epoch": 0, "lr": {'100 % "a"': 1.0, "b": 2.0}, "momentum": {'100 % "a"': 0.9, "b": 0.9}}
    assert read_json(trace)["rows"] == [row]


def test_json_words_for_what_is_no_number() -> None:
    report = read_json(made([math.nan, math.inf, -math.inf]))
    assert [row["lr"] for row in report["rows"]] == ["NaN", "Infinity", "-Infinity"]
    assert report["summary"][0]["first"] == "NaN"


def test_json_has_null_where_there_is_none() -> None:
    report = read_json(made([1.0], per_epoch=None, metric=column([])))
    assert report["rows"] == [{"step": 0, "epoch": None, "lr": 1.0, "metric": None}]


def test_json_has_one_row_to_a_line(onecycle: Trace) -> None:
    text = "".join(json_lines(onecycle, EXPERIMENT)).splitlines()
    assert sum(line.startswith('    {"step": ') for line in text) == 32


def test_markdown_is_a_pipe_table() -> None:
    trace = made([0.5, 0.25], [1.0, 1.0], names=["a|b", "c\\d"])
    table = "".join(markdown_lines(trace, EXPERIMENT)).splitlines()[2:]
    assert table == [
        "| step | epoch | lr.a\\|b | lr.c\\\\d |",
        "| ---: | ---: | ---: | ---: |",
        "| 0 | 0 | 0.5 | 1.0 |",
        "| 1 | 0 | 0.25 | 1.0 |",
    ]


def test_markdown_states_the_torch_version() -> None:
    assert next(markdown_lines(made([1.0]), EXPERIMENT)) == "OneCycleLR: 1 step, SGD, torch 2.0\n\n"


def test_markdown_says_where_it_stopped() -> None:
    failure = Failure(step=1, epoch=0, kind="ValueError", message="a | b\nc")
    text = "".join(markdown_lines(made([1.0], failure=failure), EXPERIMENT))
    assert text.endswith("|\n\nStopped after step 0 (epoch 0): ValueError: a \\| b c\n")


@pytest.mark.parametrize("format", Format)
def test_every_format_is_written(format: Format, onecycle: Trace) -> None:
    text = "".join(lines(format, onecycle, EXPERIMENT))
    assert text.endswith("\n")
    assert "0.95" in text


def test_formats_are_what_the_flag_takes() -> None:
    assert {member.value for member in Format} == {"table", "csv", "json", "markdown"}


@pytest.mark.parametrize("format", [Format.CSV, Format.JSON, Format.MARKDOWN])
def test_a_reader_who_stops_early_is_not_made_to_wait(format: Format) -> None:
    trace = made(array("d", [1.0]) * 2_000_000)
    first = "".join(islice(lines(format, trace, EXPERIMENT), 20))
    assert 0 < first.count("\n") < 20_000


@pytest.fixture(scope="module")
def trained() -> tuple[Experiment, Trace]:
    run = {"epochs": 3, "steps_per_epoch": 4, "interval": "epoch"}
    experiment = lrviz.load({"run": run, "optimizer": {"lr": 0.1}, "scheduler": {"name": "exponential", "gamma": 0.5}})
    return experiment, lrviz.replay(experiment, train=True)


def test_csv_and_json_hold_the_loss_of_every_step(trained: tuple[Experiment, Trace]) -> None:
    experiment, trace = trained
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(trace, experiment)))))
    assert [float(row["loss"]) for row in rows] == trace.loss.tolist()
    report = json.loads("".join(json_lines(trace, experiment)))
    assert [row["loss"] for row in report["rows"]] == trace.loss.tolist()


def test_markdown_has_a_column_for_the_loss(trained: tuple[Experiment, Trace]) -> None:
    experiment, trace = trained
    lines = "".join(markdown_lines(trace, experiment)).splitlines()
    (head,) = [line for line in lines if line.startswith("| step")]
    assert head.rstrip(" |").endswith("loss")


def test_a_plateau_on_the_loss_has_both() -> None:
    experiment = lrviz.load({"optimizer": {"lr": 0.3}, "scheduler": {"name": "plateau", "metric": "train"}})
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(lrviz.replay(experiment), experiment)))))
    assert [row["metric"] for row in rows[:-1]] == [row["loss"] for row in rows[:-1]]
    assert rows[-1]["metric"] == ""
