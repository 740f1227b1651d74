from __future__ import annotations

import pytest

GROUPS = """
optimizer: {groups: [{name: backbone, lr: 1e-2}, {name: head, lr: 1e-1}]}
scheduler:
  name: sequential
  milestones: [8]
  schedulers: [{name: constant}, {name: exponential, gamma: 0.5}]
"""
WARMED = "{warmup: 8, warmup_start: 0.5, scheduler: {name: exponential, gamma: 0.5}}"


@pytest.fixture
def first_rates(lrviz, write):
    """Return a function that replays a document with flags, and returns every group's first rate."""

    def first_rates(document: str, *flags: str) -> list[float]:
        write(document)
        ended = lrviz("table", "a.yaml", *flags, "--format", "csv")
        assert ended.code == 0, ended.err
        header, first = (line.split(",") for line in ended.out.splitlines()[:2])
        return [float(value) for name, value in zip(header, first, strict=True) if name.startswith("lr")]

    return first_rates


def test_a_group_flag_sets_the_rate_of_a_documents_group(first_rates):
    document = GROUPS.replace("{name: constant}", "{name: constant, factor: 1}")
    assert first_rates(document, "--group", "head=0.25") == [0.01, 0.25]


def test_group_flags_make_groups_where_there_are_none(table):
    rows = table("exponential", "--gamma", "0.5", "--group", "backbone=1e-4", "--group", "head=1e-3")
    assert (rows[0][2:4], rows[1][2:4]) == (["lr.backbone", "lr.head"], ["0.0001", "0.001"])


@pytest.mark.parametrize(
    ("key", "rates"),
    [
        ("optimizer.groups[1].lr=0.25", [0.01, 0.25]),
        ("optimizer.groups=[{name: one, lr: 3}]", [3.0]),
        ("scheduler.schedulers[0].factor=0.5", [0.005, 0.05]),
        ("scheduler={name: exponential, gamma: 1}", [0.01, 0.1]),
    ],
)
def test_set_changes_any_key(first_rates, key, rates):
    document = GROUPS.replace("{name: constant}", "{name: constant, factor: 1}")
    assert first_rates(document, "--set", key) == rates


def test_set_gives_a_named_scheduler_its_arguments(table):
    flags = ("--set", "scheduler.gamma=0.5", "--set", "run.epochs=1", "--set", "optimizer.lr=1")
    assert [row[2] for row in table("exponential", *flags)[1:4]] == ["1.0", "0.5", "0.25"]


@pytest.mark.parametrize("none", ["0", "0ep", "0%"])
def test_a_warmup_of_0_switches_a_documents_warmup_off(first_rates, none):
    assert first_rates(WARMED) == [0.0005]
    assert first_rates(WARMED, "--warmup", none) == [0.001]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--lr", "1"), "--lr: changes nothing: every parameter group has an lr of its own; --group backbone=1e-3 or "),
        (("--group", "haed=1"), "--group haed: the document has no such group; did you mean 'head'?"),
        (("--group", "x=1"), "--group x: the document has no such group; the groups are backbone, head"),
        (("--group", "head"), "--group: must be NAME=LR, such as head=1e-3, not 'head'"),
        (("--group", "head=1", "--group", "head=2"), "--group head: is given twice"),
        (("--group", "head=fast"), "--group head: must be a number >= 0, or a share such as 10% or 0.1x, not 'fast'"),
        (("--set", "title"), "--set: must be KEY=VALUE, such as scheduler.eta_min=0, not 'title'"),
        (("--set", "title={"), "--set title: not valid YAML: "),
        (("--set", "run={epochs: 1, epochs: 2}"), "--set run: duplicate key 'epochs'"),
        (("--set", "sheduler.name=cosine"), "--set sheduler.name: unknown key; did you mean 'scheduler'?"),
        (("--set", "scheduler.schedulers[1].gama=1"),
         "--set scheduler.schedulers[1].gama: unknown key; did you mean 'gamma'?"),
        (("--set", "scheduler.schedulers[1].gamma=x"), "--set scheduler.schedulers[1].gamma: must be a number"),
        (("--set", "scheduler.schedulers[2].gamma=1"),
         "--set scheduler.schedulers[2].gamma: scheduler.schedulers has 2, from [0] on"),
        (("--set", "scheduler.schedulers.gamma=1"),
         "--set scheduler.schedulers.gamma: scheduler.schedulers is a list; write scheduler.schedulers[0].gamma"),
        (("--set", "scheduler.name.x=1"), "--set scheduler.name.x: scheduler.name is 'sequential', which has no x"),
        (("--set", "run.epochs=1", "--epochs", "2"), "--set run.epochs: contradicts --epochs"),
    ],
)  # fmt: skip
def test_a_flag_that_cannot_be_laid_over_the_document_is_refused(lrviz, write, flags, message):
    write(GROUPS)
    ended = lrviz("table", "a.yaml", *flags)
    assert ended.code == 2
    assert ended.err.startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plateau",), "--metric: missing: what to watch, such as --metric 'exp(-step / 4)' or --metric-csv"),
        (("cosine", "--dataset-size", "9"), "--batch-size: missing: --dataset-size counts steps only with"),
        (("cosine", "--warmup-start", "0.5"), "--warmup-start: requires --warmup, its length"),
        (("cosine", "--warmup", "0.1"), "--warmup: must be a whole number >= 0, not 0.1; did you mean 10%?"),
        (("range-test", "--min-lr", "2", "--max-lr", "1"), "--max-lr: must be above --min-lr, 2, not 1"),
    ],
)
def test_who_typed_flags_reads_flags(lrviz, arguments, message):
    ended = lrviz("table", *arguments)
    assert ended.code == 2
    assert ended.err.startswith(f"error: {message}")


def test_who_typed_flags_is_told_of_the_flag_that_switches_off(lrviz):
    out = " ".join(lrviz("check", "onecycle", "--max-lr", "0.1", "--optimizer", "adamw", "--lr", "0.1").out.split())
    assert "Set --no-cycle-momentum, or give" in out


def test_who_wrote_a_document_reads_its_keys(lrviz, write):
    write("scheduler: {name: plateau}")
    assert lrviz("table", "a.yaml").err.startswith("error: a.yaml:1: scheduler.metric: missing: what to watch")


def test_what_a_message_quotes_is_left_as_it_was_typed(lrviz):
    ended = lrviz("table", "lambda", "--lr-lambda", "batch_size * 2")
    assert (ended.code, "'batch_size * 2': unknown name 'batch_size'" in ended.err) == (2, True), ended.err


@pytest.mark.parametrize(
    ("flags", "listed"),
    [
        (["lambda", "--lr-lambda", "x"], "known are epoch, step, total, start, steps_per_epoch, base_lr, pi, e"),
        (["cosine", "--set", "x=1"], "scheduler, warmup, warmup_start, warmup_shape, check, gallery"),
    ],
    ids=["of an expression", "of a document"],
)
def test_names_that_a_message_lists_are_those_to_type(lrviz, flags, listed):
    assert listed in lrviz("table", *flags).err
