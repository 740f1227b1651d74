"""From YAML to an Experiment: what is read, and the message of each bad document, line by line."""

# ruff: noqa: E501  (the tables read best with a document and its message on one line)

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.documents import read as build
from lrviz.experiment.values import MAX_BYTES, MAX_DEPTH
from lrviz.experiment.yaml_reader import MAX_NODES, parse

STEP = "scheduler: {name: step, step_size: 3}\n"

Load = Callable[[str | bytes], Any]
Problems = Callable[..., list[str]]


@pytest.fixture
def load(write: Callable[[str | bytes], Path]) -> Load:
    return lambda text, **options: lrviz.load(write(text), **options)


# What is read.


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1e-3", 1e-3), ("1E-3", 1e-3), ("+1e-3", 1e-3), ("1.e-3", 1e-3), (".001", 1e-3), ("1_000e-6", 1e-3),
        ("0.001", 1e-3), ("5", 5.0), ("010", 10.0), ("1_000", 1000.0), ("1e5", 1e5),
    ],
)  # fmt: skip
def test_numbers_are_what_everyone_means(load: Load, written: str, meant: float) -> None:
    assert load(f"scheduler: {{name: cosine, eta_min: {written}}}").scheduler.eta_min == meant


@pytest.mark.parametrize("written", ["10", "1e1", "10.0", "1_0"])
def test_whole_floats_are_counts(load: Load, written: str) -> None:
    t_max = load(f"scheduler: {{name: cosine, T_max: {written}}}").scheduler.T_max
    assert (t_max, type(t_max)) == (10, int)


@pytest.mark.parametrize(
    ("written", "meant"), [("yes", True), ("no", False), ("on", True), ("off", False), ("True", True), ("FALSE", False)]
)
def test_booleans_are_yamls(load: Load, written: str, meant: bool) -> None:
    text = f"scheduler: {{name: onecycle, max_lr: 1, cycle_momentum: {written}}}"
    assert load(text).scheduler.cycle_momentum is meant


@pytest.mark.parametrize("name", ["onecycle", "OneCycleLR", "ONECYCLELR", "onecyclelr", "OneCycle"])
def test_scheduler_is_known_by_either_name_in_any_case(load: Load, name: str) -> None:
    assert type(load(f"scheduler: {{name: {name}, max_lr: 1}}").scheduler).__name__ == "OneCycleLR"


@pytest.mark.parametrize(
    "text", [STEP, "\ufeff" + STEP, "---\n" + STEP, "# why\n" + STEP + "...\n", STEP.replace("\n", "\r\n")]
)
def test_document_marks_comments_and_a_byte_order_mark_are_read_over(load: Load, text: str) -> None:
    assert load(text).scheduler.step_size == 3


def test_json_is_yaml(load: Load) -> None:
    assert load(json.dumps({"scheduler": {"name": "step", "step_size": 3}})).scheduler.step_size == 3


def test_sections_left_empty_are_as_left_out(load: Load) -> None:
    assert load(STEP + "run:\noptimizer:\n") == load(STEP)


def test_anchors_and_aliases_are_read(load: Load) -> None:
    text = "scheduler:\n  name: sequential\n  milestones: [4]\n  schedulers: [&a {name: step, step_size: 2}, *a]\n"
    first, second = load(text).scheduler.schedulers
    assert first == second


def test_rates_by_hand_keep_their_steps(load: Load) -> None:
    assert load("scheduler: {name: manual, values: {100: 1e-3, 0: 1e-2}}").scheduler.values == ((0, 0.01), (100, 0.001))


def test_metric_file_is_beside_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "log.csv").write_text("epoch,val_loss\n0,1.5\n1,\n2,0.5\n")
    (tmp_path / "logs" / "a.yaml").write_text(
        "scheduler: {name: plateau, metric_csv: 'log.csv:val_loss'}\nrun: {steps: 3}"
    )
    monkeypatch.chdir(tmp_path)
    scheduler = lrviz.load("logs/a.yaml").scheduler
    assert (scheduler.metric, scheduler.metric_csv) == ((1.5, 0.5), "log.csv:val_loss")


def test_absolute_metric_file_stays_where_it_is(load: Load, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("loss\n1\n")
    assert load(
        f"scheduler: {{name: plateau, metric_csv: '{tmp_path / 'log.csv'}:loss'}}\nrun: {{steps: 2}}"
    ).scheduler.metric == (1.0,)


def test_mapping_and_file_are_the_same_experiment(load: Load) -> None:
    document = {
        "title": "A", "run": {"epochs": 2}, "optimizer": {"name": "Adam", "groups": [{"name": "a"}, {"name": "b", "lr": 1}]},
        "scheduler": {"name": "onecycle", "max_lr": (1, 2)},
    }  # fmt: skip
    assert lrviz.load(document) == load(json.dumps(document))


# What is refused.

SINGLE = [
    # The document itself.
    ("", "a.yaml: empty"),
    ("# nothing\n", "a.yaml: empty"),
    ("---\n", "a.yaml:2: must be a mapping with a scheduler, not nothing"),
    ("hello", "a.yaml:1: must be a mapping with a scheduler, not 'hello'"),
    ("- 1\n", "a.yaml:1: must be a mapping with a scheduler, not a list"),
    (STEP + "---\n" + STEP, "a.yaml: holds 2 documents; one experiment to a file"),
    ("a: [", "a.yaml:2: not valid YAML: did not find expected node content"),
    ("a:\n\tb: 1", "a.yaml:2: not valid YAML: found character that cannot start any token; indent with blanks, not tabs, and quote what begins with @, ` or %"),
    ("scheduler:\n name: step\n  step_size: 3", "a.yaml:3: not valid YAML: mapping values are not allowed in this context; is the indentation right? Quote a text that holds a colon"),
    ("a: *b", "a.yaml:1: not valid YAML: found undefined alias"),
    ("\0", "a.yaml: not valid YAML: control characters are not allowed"),
    (b"\x89PNG\r\n\x1a\n", "a.yaml:1: not a text file in UTF-8 (byte 0x89)"),
    (b"title: a\nscheduler: caf\xe9\n", "a.yaml:2: not a text file in UTF-8 (byte 0xe9)"),
    ("title: a".encode("utf-16"), "a.yaml:1: not a text file in UTF-8 (byte 0xff)"),
    ("#" * (MAX_BYTES + 1), "a.yaml: larger than 1,000,000 bytes"),
    (STEP + "#" * MAX_BYTES, "a.yaml: larger than 1,000,000 bytes"),
    (b"\xef\xbb\xbf" + STEP.encode() + b"#" * MAX_BYTES, "a.yaml: larger than 1,000,000 bytes"),
    (b"#" * (MAX_BYTES - 1) + "é".encode() + STEP.encode(), "a.yaml: larger than 1,000,000 bytes"),
    ("[" * 5000, f"a.yaml:1: nested deeper than {MAX_DEPTH} levels"),
    ("{a: " * 5000, f"a.yaml:1: nested deeper than {MAX_DEPTH} levels"),
    ("- " * 5000, f"a.yaml:1: nested deeper than {MAX_DEPTH} levels"),
    ("scheduler: !!python/object/apply:os.system ['true']", "a.yaml:1: the tag '!!python/object/apply:os.system' is not allowed"),
    ("title: !!str 5\n" + STEP, "a.yaml:1: the tag '!!str' is not allowed"),
    ("scheduler: !step {}\n", "a.yaml:1: the tag '!step' is not allowed"),
    (STEP + "? [a, b]\n: 3\n", "a.yaml:2: a key must be a plain word"),
    (STEP + STEP, "a.yaml:2: duplicate key 'scheduler'"),
    ("scheduler: &a {name: *a}", f"a.yaml:1: its aliases nest without end, or over {MAX_DEPTH} levels"),
    ("a: &a [1, *a]\n" + STEP, f"a.yaml:1: its aliases nest without end, or over {MAX_DEPTH} levels"),
    # Its sections.
    ("run: {epochs: 1}\n", "a.yaml:1: scheduler: missing; for example scheduler: {name: onecycle, max_lr: 1e-3}"),
    ("scheduler:\n", "a.yaml:1: scheduler: must be a mapping such as {name: cosine}, not nothing"),
    ("scheduler: cosine\n", "a.yaml:1: scheduler: must be a mapping such as {name: cosine}, not 'cosine'"),
    ("scheduler: [cosine]\n", "a.yaml:1: scheduler: must be a mapping such as {name: cosine}, not a list"),
    (STEP + "run: 3\n", "a.yaml:2: run: must be a mapping such as {epochs: …}, not 3"),
    (STEP + "optimizer: adam\n", "a.yaml:2: optimizer: must be a mapping such as {name: …}, not 'adam'"),
    (STEP + "optimiser: {}\n", "a.yaml:2: optimiser: unknown key; did you mean 'optimizer'?"),
    (STEP + "title:\n", "a.yaml:2: title: has no value"),
    # Names.
    ("scheduler: {}\n", "a.yaml:1: scheduler.name: missing; for example scheduler: {name: onecycle, max_lr: 1e-3}"),
    ("scheduler: {name: 0}\n", "a.yaml:1: scheduler.name: must be a scheduler's name, not 0"),
    ("scheduler: {name: [a]}\n", "a.yaml:1: scheduler.name: must be a scheduler's name, not a list"),
    ("scheduler: {name: cosin}\n", "a.yaml:1: scheduler.name: unknown scheduler 'cosin'; did you mean 'cosine'?"),
    ("scheduler: {name: onecycleRL}\n", "a.yaml:1: scheduler.name: unknown scheduler 'onecycleRL'; did you mean 'OneCycleLR'?"),
    ("scheduler: {name: zzz}\n", "a.yaml:1: scheduler.name: unknown scheduler 'zzz'"),
    ("scheduler:\n  name: cosine\n  t_max: 3\n", "a.yaml:3: scheduler.t_max: unknown key; did you mean 'T_max'?"),
    ("scheduler:\n  name: cosine\n  t.max: 3\n", "a.yaml:3: scheduler.t.max: unknown key; did you mean 'T_max'?"),
    ("scheduler:\n  name: cosine\n  5: 3\n", "a.yaml:3: scheduler.5: unknown key; known are T_max, eta_min"),
    (STEP + "optimizer: {name: adamm}\n", "a.yaml:2: optimizer.name: must be one of sgd, adam, adamw,"),
    (STEP + "run: {interval: epochs}\n", "a.yaml:2: run.interval: must be one of step, epoch, not 'epochs'; did you mean 'epoch'?"),
    # Values.
    ("scheduler: {name: step}\n", "a.yaml:1: scheduler.step_size: missing: steps between two decays; for example scheduler: {name: step, step_size: 8, gamma: 0.5}"),
    ("scheduler: {name: cosine, eta_min: high}\n", "a.yaml:1: scheduler.eta_min: must be a number >= 0, or a share such as 10% or 0.1x, not 'high'"),
    ("scheduler: {name: cosine, eta_min: '0.1'}\n", "a.yaml:1: scheduler.eta_min: must be a number >= 0, or a share such as 10% or 0.1x, not '0.1'"),
    ("scheduler: {name: cosine, eta_min: 1:30}\n", "a.yaml:1: scheduler.eta_min: must be a number >= 0, or a share such as 10% or 0.1x, not '1:30'"),
    ("scheduler: {name: cosine, eta_min: -1}\n", "a.yaml:1: scheduler.eta_min: must be >= 0, not -1"),
    ("scheduler: {name: cosine, eta_min: yes}\n", "a.yaml:1: scheduler.eta_min: must be a number >= 0, not True"),
    ("scheduler: {name: cosine, eta_min: [[1]]}\n", "a.yaml:1: scheduler.eta_min[0]: must be a number >= 0, not [1]"),
    ("scheduler: {name: cosine, eta_min: }\n", "a.yaml:1: scheduler.eta_min: has no value: lowest learning rate"),
    *(
        (f"scheduler: {{name: cosine, eta_min: {word}}}\n", f"a.yaml:1: scheduler.eta_min: must be a finite number, not {shown}")
        for word, shown in [
            (".nan", "nan"), (".NaN", "nan"), (".NAN", "nan"), ("nan", "nan"), ("NaN", "nan"), (".inf", "inf"), (".Inf", "inf"),
            ("-.INF", "-inf"), ("inf", "inf"), ("Infinity", "inf"), ("1e999", "inf"),
        ]
    ),
    *(
        (f"scheduler: {{name: step, step_size: {word}}}\n", f"a.yaml:1: scheduler.step_size: must be a whole number >= 1, not {shown}")
        for word, shown in [("0", "0"), ("-3", "-3"), ("2.5", "2.5"), (".nan", "nan"), ("true", "True"), ("{}", "{}")]
    ),
    ("scheduler: {name: onecycle, max_lr: 0}\n", "a.yaml:1: scheduler.max_lr: must be > 0, not 0"),
    ("scheduler: {name: onecycle, max_lr: []}\n", "a.yaml:1: scheduler.max_lr: must be one value, or one for each parameter group, not an empty list"),
    ("scheduler: {name: onecycle, max_lr: 1, pct_start: 30}\n", "a.yaml:1: scheduler.pct_start: must be >= 0 and <= 1, not 30"),
    ("scheduler: {name: onecycle, max_lr: 1, three_phase: 1}\n", "a.yaml:1: scheduler.three_phase: must be true or false, not 1"),
    ("scheduler: {name: onecycle, max_lr: 1, epochs: 3}\n", "a.yaml:1: scheduler.steps_per_epoch: epochs and steps_per_epoch are given together or not at all"),
    ("scheduler: {name: onecycle, max_lr: 1, epochs: 3, steps_per_epoch: 4, total_steps: 11}\n", "a.yaml:1: scheduler.total_steps: 11 contradicts epochs x steps_per_epoch = 12; give one of them"),
    ("scheduler: {name: multistep, milestones: 8}\n", "a.yaml:1: scheduler.milestones: must be a list of whole numbers >= 0, such as [8, 24], not 8"),
    ("scheduler: {name: multistep, milestones: [8, 2.5]}\n", "a.yaml:1: scheduler.milestones[1]: must be a whole number >= 0, not 2.5"),
    ("scheduler: {name: manual, values: 3}\n", "a.yaml:1: scheduler.values: must map steps to learning rates, such as 0:1e-2,100:1e-3, not 3"),
    ("scheduler: {name: manual, values: {0: 1, 0.0: 2}}\n", "a.yaml:1: scheduler.values[0.0]: 0.0 is step 0, at which a learning rate is set already"),
    ("scheduler: {name: manual, values: {0: 1, -3: 2}}\n", "a.yaml:1: scheduler.values[-3]: must be a whole number >= 0, not -3"),
    ("scheduler: {name: manual, values: {0: 1, 2ep: x}}\n", "a.yaml:1: scheduler.values[2ep]: must be a number >= 0, not 'x'"),
    ("scheduler: {name: lambda, lr_lambda: 'epohc * 2'}\n", "a.yaml:1: scheduler.lr_lambda: 'epohc * 2': unknown name 'epohc'; known are epoch, step, total, start, steps_per_epoch, base_lr, pi, e; did you mean 'epoch'?"),
    ("scheduler: {name: lambda, lr_lambda: yes}\n", "a.yaml:1: scheduler.lr_lambda: must be an expression over epoch, step, total, start, steps_per_epoch, base_lr, pi, e, such as '0.95 ** epoch', not True"),
    ("scheduler: {name: lambda, lr_lambda: '9**9**9**9'}\n", "a.yaml:1: scheduler.lr_lambda: '9**9**9**9': 9 ** 3.8742e+08 is too large"),
    ("scheduler: {name: plateau}\n", "a.yaml:1: scheduler.metric: missing: what to watch, such as metric: 'exp(-step / 4)' or metric_csv: log.csv:val_loss"),
    ("scheduler: {name: plateau, metric: 1, metric_csv: 'a:b'}\n", "a.yaml:1: scheduler.metric_csv: metric and metric_csv exclude each other"),
    ("scheduler: {name: range-test, min_lr: 1, max_lr: 1}\n", "a.yaml:1: scheduler.max_lr: must be above min_lr, 1, not 1: the learning rate is to rise"),
    ("scheduler:\n  name: plateau\n  metric: [1, 2]\n", "a.yaml:3: scheduler.metric: has 2 values; the run steps its scheduler 31 times"),
    ("scheduler: {name: plateau, metric: []}\n", "a.yaml:1: scheduler.metric: must be a list of numbers, at least one, not []"),
    ("scheduler: {name: plateau, metric: [1, .nan]}\n", "a.yaml:1: scheduler.metric[1]: must be a finite number, not nan"),
    ("scheduler: {name: plateau, metric_csv: log.csv}\n", "a.yaml:1: scheduler.metric_csv: must be FILE:COLUMN, such as log.csv:val_loss, not 'log.csv'"),
    ("scheduler: {name: plateau, metric_csv: 'log.csv:x'}\n", "a.yaml:1: scheduler.metric_csv: cannot read 'log.csv': No such file or directory"),
    ('scheduler: {name: plateau, metric_csv: "a\\0b:x"}\n', "a.yaml:1: scheduler.metric_csv: cannot read 'a\\x00b': embedded null byte"),
    (STEP + "run: {epochs: 0}\n", "a.yaml:2: run.epochs: must be a whole number >= 1, not 0"),
    # Groups.
    (STEP + "optimizer: {groups: 3}\n", "a.yaml:2: optimizer.groups: must be a list of groups, at least one, such as [{name: backbone, lr: 1e-4}], not 3"),
    (STEP + "optimizer: {groups: []}\n", "a.yaml:2: optimizer.groups: must be a list of groups, at least one, such as [{name: backbone, lr: 1e-4}], not []"),
    (STEP + "optimizer:\n  groups:\n    - {lr: 1}\n", "a.yaml:4: optimizer.groups[0].name: missing: name of the group in pictures and tables"),
    (STEP + "optimizer:\n  groups:\n    - {name: a}\n    - {name: a}\n", "a.yaml:3: optimizer.groups: has two groups named 'a'"),
    (STEP + "optimizer: {name: adam, momentum: 0.9}\n", "a.yaml:2: optimizer.momentum: Adam has no momentum"),
    (STEP + "optimizer:\n  groups:\n    - {name: a}\n    - {name: b, betas: [0.9, 0.99]}\n", "a.yaml:5: optimizer.groups[1].betas: SGD has no betas"),
    (STEP + "optimizer: {name: adam, betas: [0.9]}\n", "a.yaml:2: optimizer.betas: must be a list of 2 numbers >= 0 and < 1, such as [0.9, 0.999], not [0.9]"),
    (STEP + "optimizer: {name: lbfgs, groups: [{name: a}, {name: b}]}\n", "a.yaml:2: optimizer.groups: LBFGS takes one parameter group"),
    ("scheduler:\n  name: onecycle\n  max_lr: [1, 2]\n", "a.yaml:3: scheduler.max_lr: has 2 values for 1 parameter group"),
    ("optimizer: {groups: [{name: a}, {name: b}]}\nscheduler: {name: lambda, lr_lambda: [1, 1, 1]}\n", "a.yaml:2: scheduler.lr_lambda: has 3 values for 2 parameter groups"),
    # Containers.
    ("scheduler: {name: sequential, schedulers: 3, milestones: [1]}\n", "a.yaml:1: scheduler.schedulers: must be a list of schedulers, at least one, not 3"),
    ("scheduler: {name: chained, schedulers: []}\n", "a.yaml:1: scheduler.schedulers: must be a list of schedulers, at least one, not []"),
    ("scheduler: {name: sequential, schedulers: [{name: cosine}], milestones: [1]}\n", "a.yaml:1: scheduler.milestones: must be one fewer than the schedulers: 0, not 1"),
    ("scheduler:\n  name: chained\n  schedulers:\n    - cosine\n", "a.yaml:4: scheduler.schedulers[0]: must be a mapping such as {name: cosine}, not 'cosine'"),
    ("scheduler:\n  name: chained\n  schedulers:\n    - name: cosine\n      T_max: 0\n", "a.yaml:5: scheduler.schedulers[0].T_max: must be a whole number >= 1, not 0"),
    ("scheduler:\n  name: chained\n  schedulers:\n    - {name: cosine}\n    - name: onecycle\n      max_lr: [1, 2]\n", "a.yaml:6: scheduler.schedulers[1].max_lr: has 2 values for 1 parameter group"),
    ("scheduler:\n  name: chained\n  schedulers:\n    - name: swa\n      swa_lr: 1\n      swa_start: 3\n", "a.yaml:6: scheduler.schedulers[0].swa_start: a container steps its children itself"),
    ("scheduler:\n  name: sequential\n  milestones: [3]\n  schedulers:\n    - {name: cosine}\n    - {name: manual, values: {0: 1}}\n", "a.yaml:6: scheduler.schedulers[1].name: torch's SequentialLR cannot switch to or from manual"),
    # Code of others.
    ("scheduler: {name: 'os:system'}\n", "a.yaml:1: scheduler.name: 'os:system' would run code; allow it with --allow-import os"),
    ("scheduler: {name: 'a b:c'}\n", "a.yaml:1: scheduler.name: must be package.module:Name, not 'a b:c'"),
    ("scheduler: {name: custom, target: 'os:system'}\n", "a.yaml:1: scheduler.name: unknown scheduler 'custom'; one of your own is package.module:Name"),
    ("scheduler: {name: Custom, target: 'os:system'}\n", "a.yaml:1: scheduler.name: unknown scheduler 'Custom'; one of your own is package.module:Name"),
    ("scheduler: {name: chained, schedulers: [{name: 'os:system'}]}\n", "a.yaml:1: scheduler.schedulers[0].name: 'os:system' would run code; allow it with --allow-import os"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"), SINGLE, ids=[f"{i}-{message[:50]}" for i, (_, message) in enumerate(SINGLE)]
)
def test_one_problem_is_reported_with_its_line(problems_of: Problems, text: str | bytes, message: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(message)


SEVERAL = """\
titel: a
run:
  epochs: 0
  epochs: 3
  intervall: epoch
optimizer:
  name: adam
  momentum: 0.9
  groups:
    - {name: a, lr: -1}
    - {name: 7}
scheduler:
  name: sequential
  milestones: [3]
  schedulers:
    - name: linear
      start_factor: 0
      total_iters: 2.5
    - {name: cosin}
    - name: step
"""


def test_all_problems_come_together_in_the_order_of_their_lines(problems_of: Problems) -> None:
    assert problems_of(SEVERAL) == [
        "a.yaml:1: titel: unknown key; did you mean 'title'?",
        "a.yaml:3: run.epochs: must be a whole number >= 1, not 0",
        "a.yaml:4: duplicate key 'epochs'",
        "a.yaml:5: run.intervall: unknown key; did you mean 'interval'?",
        "a.yaml:10: optimizer.groups[0].lr: must be >= 0, not -1",
        "a.yaml:11: optimizer.groups[1].name: must be text, not 7; write it in quotes",
        "a.yaml:17: scheduler.schedulers[0].start_factor: must be > 0 and <= 1, not 0",
        "a.yaml:18: scheduler.schedulers[0].total_iters: must be a whole number >= 1, not 2.5",
        "a.yaml:19: scheduler.schedulers[1].name: unknown scheduler 'cosin'; did you mean 'cosine'?",
        "a.yaml:20: scheduler.schedulers[2].step_size: missing: steps between two decays; for example scheduler: {name: step, step_size: 8, gamma: 0.5}",
    ]


def test_unknown_key_does_not_hide_what_the_rest_comes_to(problems_of: Problems) -> None:
    text = "scheduler:\n  name: onecycle\n  max_lr: [1, 2]\n  max_rl: 3\n  epochs: 3\n"
    assert problems_of(text) == [
        "a.yaml:1: scheduler.steps_per_epoch: epochs and steps_per_epoch are given together or not at all",
        "a.yaml:4: scheduler.max_rl: unknown key; did you mean 'max_lr'?",
    ]


def test_misfit_with_the_groups_is_told_beside_an_unknown_key(problems_of: Problems) -> None:
    assert problems_of("foo: 1\nscheduler: {name: onecycle, max_lr: [1, 2]}\n") == [
        "a.yaml:1: foo: unknown key; known are title, run, optimizer, scheduler, warmup, warmup_start, warmup_shape, check, gallery",
        "a.yaml:2: scheduler.max_lr: has 2 values for 1 parameter group",
    ]


def test_alias_bomb_is_refused_at_once(problems_of: Problems) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 10)]
    (problem,) = problems_of("\n".join(rows) + "\n" + STEP)
    assert problem.endswith(f"holds more than {MAX_NODES:,} values, those that its aliases repeat included")


def test_as_large_as_allowed_is_read(load: Load) -> None:
    assert load(STEP + "#" * (MAX_BYTES - len(STEP))).scheduler.step_size == 3


def test_as_deep_as_allowed_is_read(load: Load) -> None:
    depth = MAX_DEPTH - 3  # the document, the scheduler and its arguments
    text = "scheduler: {name: 'math:sqrt', args: {deep: " + "[" * depth + "]" * depth + "}}"
    assert load(text, allow_import=["math"]).scheduler.args.keys() == {"deep"}


@pytest.mark.parametrize("name", ["no_such.yaml", ".", "a\0b"])
def test_what_cannot_be_opened_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        lrviz.load(name)
    assert str(caught.value).startswith(f"{name}: cannot be read: ")


IGNORING = STEP + "check:\n  ignore:\n    - lr-dead\n    - lr-ded\n    - nope\n"


def test_rules_that_there_are_not_are_told_where_they_stand() -> None:
    with pytest.raises(SpecError) as caught:
        build(parse("titel: a\n" + IGNORING, "a.yaml"))
    assert [str(problem) for problem in caught.value.problems] == [
        "a.yaml:1: titel: unknown key; did you mean 'title'?",
        "a.yaml:6: check.ignore[1]: unknown rule 'lr-ded'; did you mean 'lr-dead'?",
        "a.yaml:7: check.ignore[2]: unknown rule 'nope'; lrviz check --list shows them",
    ]


def test_items_of_lists_and_mappings_are_refused_each_at_its_own_place(problems_of: Problems) -> None:
    text = """\
optimizer:
  groups: [{name: a}, {name: b}]
scheduler:
  name: chained
  schedulers:
    - name: multistep
      milestones:
        - 8
        - eight
        - 2.5
    - name: onecycle
      max_lr:
        - 0
        - 1
        - high
    - name: manual
      values:
        0: 1e-3
        5%: -1
        soon: 1
"""
    assert problems_of(text) == [
        "a.yaml:9: scheduler.schedulers[0].milestones[1]: must be a whole number >= 0, or a duration such as 2ep, 5% or rest, not 'eight'",
        "a.yaml:10: scheduler.schedulers[0].milestones[2]: must be a whole number >= 0, not 2.5",
        "a.yaml:13: scheduler.schedulers[1].max_lr[0]: must be > 0, not 0",
        "a.yaml:15: scheduler.schedulers[1].max_lr[2]: must be a number > 0, not 'high'",
        "a.yaml:19: scheduler.schedulers[2].values[5%]: must be >= 0, not -1",
        "a.yaml:20: scheduler.schedulers[2].values[soon]: must be a whole number >= 0, or a duration such as 2ep, 5% or rest, not 'soon'",
    ]


def test_too_few_metrics_come_with_the_other_problems(problems_of: Problems, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("loss\n1\n")
    assert problems_of("scheduler:\n  name: plateau\n  metric_csv: log.csv:loss\nfoo: 1\n") == [
        "a.yaml:3: scheduler.metric_csv: has 1 values; the run steps its scheduler 31 times",
        "a.yaml:4: foo: unknown key; known are title, run, optimizer, scheduler, warmup, warmup_start, warmup_shape, check, gallery",
    ]


# Code of others runs only where it is allowed.


@pytest.mark.parametrize("allowed", [[], ["lrviz"], ["math.x"], ["mat"], [""]])
def test_import_is_refused_unless_its_module_is_allowed(problems_of: Problems, allowed: list[str]) -> None:
    (problem,) = problems_of("scheduler: {name: 'math:sqrt'}", allow_import=allowed)
    assert problem == "a.yaml:1: scheduler.name: 'math:sqrt' would run code; allow it with --allow-import math"


def test_import_is_allowed_by_its_module(load: Load) -> None:
    scheduler = load("scheduler: {name: 'math:sqrt', args: {x: [1e-3]}}", allow_import=["math"]).scheduler
    assert (scheduler.target, scheduler.args) == ("math:sqrt", {"x": [1e-3]})


def test_allowed_name_does_not_open_the_door_to_another_target(problems_of: Problems) -> None:
    text = "scheduler:\n  name: 'math:sqrt'\n  target: 'os:system'\n"
    (problem,) = problems_of(text, allow_import=["math"])
    assert problem.startswith("a.yaml:3: scheduler.target: unknown key")


def test_reading_a_document_imports_nothing(load: Load, tmp_path: Path) -> None:
    (tmp_path / "lrviz_test_trap.py").write_text("raise SystemExit('ran')")
    assert load("scheduler: {name: 'lrviz_test_trap:Name'}", allow_import=["lrviz_test_trap"]).scheduler.target


# Python data in place of a file.


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (nested(500), f"nested deeper than {MAX_DEPTH} levels"),
        ({"scheduler": {"name": "step", "step_size": 3, 5: 1}}, "scheduler.5: unknown key; known are step_size, gamma"),
        ({"scheduler": {"name": "step", "step_size": 3}, None: 1}, "None: unknown key"),
        ({"scheduler": {"name": "step", "step_size": 3}, (1, 2): 1}, "(1, 2): unknown key"),
        ({"scheduler": {"name": "step", "step_size": 3}, 10**5000: 1}, "a value of type int too large to show: unknown key"),
        ({"scheduler": {"name": "manual", "values": {0: 1, "0": 2}}}, "duplicate key '0'"),
        ({"scheduler": {"name": "step", "step_size": object}}, "scheduler.step_size: must be a whole number >= 1, not <class 'object'>"),
        ({"scheduler": {"name": "cosine", "eta_min": 10**5000}}, "scheduler.eta_min: must be a finite number, not inf"),
        ({"scheduler": {"name": "cosine", "T_max": -(10**5000)}}, "scheduler.T_max: must be a whole number >= 1, not -inf"),
        ({"scheduler": {"name": "cosine"}, "run": {"epochs": 10**5000}}, "run.epochs: must be a whole number >= 1, not inf"),
        ({"scheduler": {"name": "cosine", "T_max": None}}, "scheduler.T_max: has no value"),
        ({"scheduler": {"name": b"cosine"}}, "scheduler.name: must be a scheduler's name, not b'cosine'"),
        ({"scheduler": {"name": "cosine", "eta_min": float("nan")}}, "scheduler.eta_min: must be a finite number, not nan"),
        ({"scheduler": {"name": "cosine", "eta_min": 1j}}, "scheduler.eta_min: must be a number >= 0, not 1j"),
        ({"scheduler": {"name": "step", "step_size": 3}, "title": "\n"}, "title: must be text, not '\\n'"),
    ],
)  # fmt: skip
def test_bad_python_data_is_refused(document: dict[Any, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        lrviz.load(document)
    (problem,) = caught.value.problems
    assert str(problem).startswith(message)


def test_data_that_holds_itself_is_refused() -> None:
    document: dict[str, Any] = {"scheduler": {"name": "step"}}
    document["scheduler"]["step_size"] = document
    with pytest.raises(SpecError, match="nested deeper"):
        lrviz.load(document)


def test_functions_of_python_are_taken_where_an_expression_is() -> None:
    halve = lambda epoch: 0.5  # noqa: E731
    assert lrviz.load({"scheduler": {"name": "lambda", "lr_lambda": halve}}).scheduler.lr_lambda is halve


@pytest.mark.parametrize("name", ["a,b", "a.b", "[0]", "ä", '"', "a b", "=1", "{}", "x" * 500])
def test_group_names_may_be_odd(load: Load, name: str) -> None:
    text = STEP + f"optimizer: {{groups: [{{name: {json.dumps(name)}, lr: 1}}]}}"
    assert load(text).optimizer.groups[0].name == name


def test_a_bad_number_in_a_list_of_metrics_has_its_own_line(problems_of: Problems) -> None:
    assert problems_of("scheduler:\n  name: plateau\n  metric:\n    - 1\n    - low\n    - 0.5\n    -\n") == [
        "a.yaml:5: scheduler.metric[1]: must be a number, not 'low'",
        "a.yaml:7: scheduler.metric[3]: has no value",
    ]


@pytest.mark.parametrize("text", ["null", "{null: 1}", "[]"])
def test_a_message_calls_nothing_by_its_name(problems_of: Problems, text: str) -> None:
    for name, field in (("manual", "values"), ("plateau", "metric"), ("onecycle", "max_lr")):
        assert "None" not in " ".join(problems_of(f"scheduler: {{name: {name}, {field}: {text}}}"))
