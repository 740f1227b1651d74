"""CSV logs: which columns, what is folded and told, how many digits, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrviz.errors import SpecError
from lrviz.readers.logs import csv_file, formats, records


@pytest.fixture
def log(tmp_path: Path):
    def log(text: str | bytes, name: str = "log.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return log


def table(header: str, rows: list[tuple[object, ...]]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def steps(trace) -> list[int]:
    return [trace.step_at(record) for record in range(trace.steps)]


def test_a_plain_csv_is_read_by_the_names_of_its_columns(log):
    trace = formats.read(log("iteration,loss,lr\n0,1.5,0.1\n10,1.4,0.09\n"))
    assert (steps(trace), list(trace.groups[0].lr), trace.log.format) == ([0, 10], [0.1, 0.09], "CSV")


def test_other_columns_are_asked_for(log):
    path = log("a,b,c\n0,0.5,0.9\n1,0.25,0.8\n")
    trace = formats.read(path, "a,b,c")
    assert (list(trace.groups[0].lr), list(trace.groups[0].momentum)) == ([0.5, 0.25], [0.9, 0.8])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("a", "must be STEP,LR or STEP,LR,MOMENTUM, not 'a'"),
        ("a,,b", "must be STEP,LR"),
        ("a,rate", r"has no 'rate'; it has a, b, loss_rate"),
        ("a,bb", r"has no 'bb'; it has a, b, loss_rate; did you mean 'b'\?"),
    ],
)
def test_columns_that_there_are_not_are_refused(columns, message, log):
    with pytest.raises(SpecError, match=message):
        formats.read(log("a,b,loss_rate\n0,1,2\n"), columns)


def test_a_csv_whose_columns_say_nothing_names_them(log):
    with pytest.raises(SpecError, match="--log-columns STEP,LR; it has alpha, beta"):
        formats.read(log("alpha,beta\n1,2\n"))


def test_a_chart_of_one_run_is_read(log):
    chart = (
        '"Step","run 1 - train/learning_rate","run 1 - train/learning_rate__MIN"\n"0","0.1","0.1"\n"5","0.05","0.05"\n'
    )
    trace = formats.read(log(chart))
    assert (steps(trace), list(trace.groups[0].lr), trace.log.format) == ([0, 5], [0.1, 0.05], "W&B export")


def test_a_chart_of_several_runs_asks_for_one(log):
    header = ",".join(f'"{run} - lr{end}"' for run in ("one", "two, too") for end in ("", "__MIN"))
    path = log(f'"Step",{header}\n"0","0.1","0.1","",""\n"1","","","0.2","0.2"\n')
    with pytest.raises(SpecError, match="holds 2 runs: one, two, too; name one: --log-columns 'Step,one - lr'"):
        formats.read(path)
    assert list(formats.read(path, 'Step,"two, too - lr"').groups[0].lr) == [0.2]


def test_a_history_of_huggingface_counts_its_steps_from_1(log):
    trace = formats.read(log("_step,train/global_step,train/learning_rate\n7,1,0.1\n8,2,0.2\n"))
    assert steps(trace) == [0, 1]


def test_a_resumed_log_is_read_as_the_run_went_on(log):
    rows = [(0, 0.5), (1, 0.4), (2, 0.3), (3, 0.2), (2, 0.7), (3, 0.6), (4, 0.5)]
    trace = formats.read(log(table("step,lr", rows)))
    assert (steps(trace), list(trace.groups[0].lr)) == ([0, 1, 2, 3, 4], [0.5, 0.4, 0.7, 0.6, 0.5])
    assert trace.log.resumed == (2,)
    assert trace.log.notes == ("goes back from step 3 to 2: a resumed run, read as it went on",)


def test_rows_in_no_order_are_sorted(log):
    trace = formats.read(log(table("step,lr", [(step, step / 10) for step in (9, 5, 7, 1, 3, 2, 8)])))
    assert (steps(trace), trace.log.resumed) == ([1, 2, 3, 5, 7, 8, 9], ())
    assert trace.log.notes == ("its records are in no order of their steps: sorted",)


def test_repeated_steps_are_folded_and_told(log):
    trace = formats.read(log(table("step,lr", [(0, 0.1), (0, 0.1), (1, 0.2), (1, 0.3)])))
    assert list(trace.groups[0].lr) == [0.1, 0.3]
    assert [note.partition(" record")[0] for note in trace.log.notes] == ["folded 1", "1"]


def test_a_gap_is_told(log):
    rows = [(step, 0.1) for step in range(0, 1000, 10) if not 300 < step < 600]
    assert formats.read(log(table("step,lr", rows))).log.notes == ("no records between step 300 and 600",)


def test_rows_without_a_learning_rate_are_no_records(log):
    trace = formats.read(log("step,loss,lr\n0,1,\n0,,0.1\n1,2,\n\n1,,0.2\n"))
    assert steps(trace) == [0, 1]


def test_rows_of_some_groups_only_are_left_out_and_told(log):
    trace = formats.read(log("step,lr-SGD/a,lr-SGD/b\n0,1,2\n1,1,\n"))
    assert (steps(trace), [group.name for group in trace.groups]) == ([0], ["a", "b"])
    assert trace.log.notes == ("left out 1 row with the learning rate of some groups only",)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([f"{0.1 * 0.99**step!r}" for step in range(40)], "double precision"),
        ([f"{0.1 * 0.99**step:.4g}" for step in range(40)], "4 digits"),
        ([f"{0.1 * 0.99**step:.6f}" for step in range(40)], "5 digits"),
        (["0.1", "0.01"], "6 digits"),
    ],
)
def test_the_digits_of_a_log_are_found(cells, words, log):
    trace = formats.read(log(table("step,lr", list(enumerate(cells)))))
    assert trace.log.precision.words == words
    exact = [0.1 * 0.99**step for step in range(len(cells))] if len(cells) > 2 else [0.1, 0.01]
    slack = trace.log.precision.slack
    assert all(abs(float(cell) - value) <= slack(value) for cell, value in zip(cells, exact, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "which of its columns"),
        ("step,lr\n", "no learning rate in it"),
        ("step,lr\n0,abc\n", r"log.csv:2: lr: not a number: 'abc'"),
        ("step,lr\nx,0.1\n", r"log.csv:2: step: not a number: 'x'"),
        ("step,lr\n0.5,0.1\n", r"log.csv:2: step is 0.5, no whole number"),
        ("step,lr\n-1,0.1\n", r"log.csv:2: step is -1, outside 0 to"),
        ("step,lr\ninf,0.1\n", r"log.csv:2: step is inf, no whole number"),
        ("step,lr\n1e300,0.1\n", r"log.csv:2: step is 1e\+300, outside 0 to"),
        (f"step,lr\n0,{'1' * 5000}\n", "not a number: '1111"),
        (b"step,lr\n0,\xff\n", "not a CSV file in UTF-8"),
        (b"\xff\xfe\x00", "not a CSV file in UTF-8"),
        ("step," * 30_000 + "lr\n", "longer than 100,000 characters"),
        ('step,lr\n0,"' + "x" * 200_000 + '"\n', "not CSV: field larger"),
    ],
)  # fmt: skip
def test_what_is_no_log_is_refused_with_its_line(text, message, log):
    with pytest.raises(SpecError, match=message):
        formats.read(log(text))


def test_a_learning_rate_that_is_nan_is_kept_for_check_to_find(log):
    (group,) = formats.read(log("step,lr\n0,0.1\n1,nan\n")).groups
    assert group.lr[1] != group.lr[1]


def test_too_large_a_file_is_not_read(log, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORDS", 2)
    with pytest.raises(SpecError, match="more than 2 learning rates"):
        formats.read(log("step,lr\n0,1\n1,1\n2,1\n"))
    monkeypatch.setattr(csv_file, "MAX_LINES", 2)
    with pytest.raises(SpecError, match="more than 2 lines"):
        formats.read(log("step,lr\n0,1\n1,1\n2,1\n"))


def test_other_delimiters_and_padding_are_read(log):
    assert steps(formats.read(log("step;lr\n0;0.1\n"))) == [0]
    padded = "     epoch,      train/box_loss,       lr/pg0\n         1,       1.0,        0.00033\n"
    assert formats.read(log(padded, "results.csv")).log.format == "Ultralytics results.csv"


def test_a_momentum_that_only_one_group_has_is_left_out(log):
    trace = formats.read(log("step,lr-SGD/a,lr-SGD/b,lr-SGD/a-momentum\n0,1,2,0.9\n"))
    assert [group.momentum for group in trace.groups] == [None, None]
