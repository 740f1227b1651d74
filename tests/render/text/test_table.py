"""The table, whole and in its parts.

The golden files are what three tables print at 80 columns without colour; after a change that is
meant, `LRVIZ_UPDATE_GOLDEN=1 pytest tests/render/text/test_table.py` writes them anew: read the diff.
"""

from __future__ import annotations

import dataclasses
import io
import math
import os
import re
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

import lrviz
from lrviz.arrays import column
from lrviz.experiment.experiment import Experiment
from lrviz.render.text.table import TraceTable, _aligned, _change
from lrviz.trace import Failure, GroupTrace, Trace

GOLDEN = Path(__file__).parent / "golden"
EXPERIMENT = lrviz.load({"scheduler": {"name": "onecycle", "max_lr": 1e-3}})

DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
    "onecycle": {"scheduler": {"name": "onecycle", "max_lr": 1e-3}},
    "multistep-groups": {
        "title": "Two groups",
        "run": {"epochs": 30, "steps_per_epoch": 1251, "interval": "epoch"},
        "optimizer": {"name": "adamw", "groups": [{"name": "backbone", "lr": 1e-4}, {"name": "head", "lr": 1e-3}]},
        "scheduler": {"name": "multistep", "milestones": [10, 20], "gamma": 0.1},
    },
    "warmup-cosine": {
        "title": "Warmup, then cosine",
        "run": {"epochs": 90, "steps_per_epoch": 100},
        "optimizer": {"lr": 0.1},
        "scheduler": {
            "name": "sequential",
            "schedulers": [{"name": "linear", "start_factor": 0.01, "total_iters": 500}, {"name": "cosine"}],
            "milestones": [500],
        },
    },
}
MORE: Mapping[str, Mapping[str, Any]] = {
    "plateau": {
        "run": {"epochs": 20, "steps_per_epoch": 100, "interval": "epoch"},
        "scheduler": {"name": "plateau", "metric": "max(0.3, 0.9 ** epoch)", "patience": 1, "factor": 0.5},
    },
    "restarts": {"run": {"epochs": 60, "steps_per_epoch": 50}, "scheduler": {"name": "cosine-restarts", "T_0": 50}},
    "failure": {"scheduler": {"name": "onecycle", "max_lr": 1e-3, "total_steps": 20}},
    "many-groups": {
        "optimizer": {"groups": [{"name": f"layer {number} of a tall model", "lr": 1e-3} for number in range(12)]},
        "scheduler": {"name": "exponential", "gamma": 0.9},
    },
    "wide-letters": {
        "title": "学習率" * 30,
        "optimizer": {"groups": [{"name": "学習率の長い名前です", "lr": 1e-3}, {"name": "é\x1b[31m\n", "lr": 1e-3}]},
        "scheduler": {"name": "exponential", "gamma": 0.5},
    },
    "trained": {
        "run": {"epochs": 3, "steps_per_epoch": 4, "interval": "epoch"},
        "optimizer": {"lr": 0.1},
        "scheduler": {"name": "exponential", "gamma": 0.5},
    },
    "long": {"run": {"epochs": 20, "steps_per_epoch": 938}, "scheduler": {"name": "cosine"}},
}
ALL = DOCUMENTS | MORE


@cache
def replayed(name: str) -> tuple[Trace, Experiment]:
    experiment = lrviz.load(ALL[name])
    trace = lrviz.replay(experiment, partial=True, train=name == "trained")
    return dataclasses.replace(trace, torch_version="VERSION"), experiment


def printed(trace: Trace, experiment: Experiment = EXPERIMENT, width: int = 80, **rest: Any) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(TraceTable(trace, experiment, **rest))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def made(*groups: Sequence[float], per_epoch: int | None = None, **rest: Any) -> Trace:
    """Return a trace with these rates, its groups named a, b, ..."""
    momenta, decay = rest.pop("momenta", [None] * len(groups)), rest.pop("weight_decay", None)
    return Trace(
        groups=tuple(
            GroupTrace(
                name="abc"[i],
                lr=column(array("d", rates)),
                momentum=None if momentum is None else column(momentum),
                weight_decay=decay,
            )
            for i, (rates, momentum) in enumerate(zip(groups, momenta, strict=True))
        ),
        steps=len(groups[0]),
        steps_per_epoch=per_epoch,
        momentum_name="momentum",
        engine="torch",
        torch_version="2.0",
        **rest,
    )


def line_of(text: str, start: str) -> str:
    """Return the one line of a table whose text begins so."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith(start))
    return line


@pytest.mark.parametrize("name", DOCUMENTS)
def test_prints_as_the_golden_file(name: str) -> None:
    text, path = printed(*replayed(name)), GOLDEN / f"{name}.txt"
    if os.environ.get("LRVIZ_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ALL)
def test_a_table_fits_the_width(name: str) -> None:
    for width, every in product((40, 80, 200), (None, 7)):
        text = printed(*replayed(name), width=width, every=every)
        assert max(map(cell_len, text.splitlines())) <= min(width, 100)


@pytest.mark.parametrize("name", ALL)
def test_a_table_is_clean_text_that_ends_with_what_ran(name: str) -> None:
    trace, experiment = replayed(name)
    text = printed(trace, experiment)
    assert text.replace("\n", "").isprintable()
    assert not re.search(r" $", text, re.MULTILINE)
    assert text.splitlines()[-1] == f"{experiment.optimizer.name}, torch VERSION"
    assert printed(trace, experiment, ascii=True).isascii()


def test_the_heading_says_torchs_class_or_the_warmup() -> None:
    trace, experiment = replayed("warmup-cosine")
    assert "(SequentialLR): 9,000 steps" in printed(trace, experiment)
    warmed_up = lrviz.load({"title": "Mine", "warmup": 8, "scheduler": {"name": "cosine"}})
    assert printed(trace, warmed_up).startswith("Mine (Warmup, then CosineAnnealingLR): 9,000 steps")


def test_wide_letters_wrap_at_the_width() -> None:
    trace, experiment = replayed("onecycle")
    heading = printed(trace, dataclasses.replace(experiment, title="学習率")).splitlines()[0]
    assert heading == "学習率 (OneCycleLR): 32 steps, 8 to an epoch"
    lines = printed(trace, dataclasses.replace(experiment, title="学" * 50)).splitlines()[:2]
    assert lines == ["学" * 40, "学" * 10 + " (OneCycleLR): 32 steps, 8 to an epoch"]


def test_a_long_run_says_by_what_rule_rows_were_left_out() -> None:
    text = printed(*replayed("long"))
    assert line_of(text, "21 rows of") == "21 rows of 18,760 steps: every epoch, peak, last (--every 1: all)"


def test_groups_that_are_not_drawn_on_one_scale_say_so() -> None:
    message = "each group's curve and bars have a scale of their own"
    assert message in printed(made([1.0, 0.5], [3.0, 0.5]))
    assert message not in printed(made([1.0, 0.5], [1.0, 0.1]))


def test_every_nth_step_has_a_row_of_its_own() -> None:
    text = printed(made([1.0] * 10), every=4)
    assert [line.split()[0] for line in text.splitlines()[5:9]] == ["0", "4", "8", "9"]
    assert "4 rows of 10 steps: every 4 steps, and the last (--every 1: all)" in text


def test_every_step_leaves_nothing_to_be_said() -> None:
    assert "--every" not in printed(made([1.0] * 10), every=1)


def test_what_is_between_rows_is_told_where_the_rows_do_not_show_it() -> None:
    rates = [1.0, 0.5] * 50
    assert "0.5 to 1" in line_of(printed(made(rates), every=20), "20 ")


def test_a_smooth_run_has_nothing_between_its_rows() -> None:
    assert "between rows" not in printed(*replayed("long"))


def test_epoch_stands_where_it_changes() -> None:
    text = printed(made([4.0, 3.0, 2.0, 2.0, 2.0, 1.0], per_epoch=2))
    cells = [line[:13].split() for line in text.splitlines()[5:9]]
    assert cells == [["0", "0"], ["1"], ["1–2", "2–4"], ["5"]]


def test_a_rate_that_never_changes_has_no_column_of_changes() -> None:
    assert "change" not in printed(made([1.0, 1.0]))


def test_momentum_that_holds_has_no_column() -> None:
    assert "momentum" not in printed(made([1.0, 2.0], momenta=[[0.9, 0.9]]))


def test_momentum_that_moves_has_a_column() -> None:
    assert line_of(printed(made([1.0, 2.0], momenta=[[0.9, 0.85]])), "1 ").split()[3] == "0.85"


def test_weight_decay_that_moves_has_a_column() -> None:
    text = printed(made([0.5, 0.5], weight_decay=column([0.1, 0.2])))
    assert [line.split()[2] for line in text.splitlines()[5:7]] == ["0.1", "0.2"]


def test_groups_that_share_a_momentum_have_one_column() -> None:
    text = printed(made([1.0, 2.0], [3.0, 4.0], momenta=[[0.9, 0.8]] * 2))
    assert line_of(text, "step ").split() == ["step", "lr.a", "lr.b", "momentum"]


def test_groups_of_different_momentum_have_a_column_each() -> None:
    text = printed(made([1.0, 2.0], [3.0, 4.0], momenta=[[0.9, 0.8], [0.7, 0.6]]))
    assert line_of(text, "step ").split() == ["step", "lr.a", "lr.b", "momentum.a", "momentum.b"]


def test_columns_that_do_not_fit_are_counted() -> None:
    assert "more columns would not fit; --format csv has all" in printed(*replayed("many-groups"))


def test_a_narrow_terminal_keeps_the_rate() -> None:
    text = printed(*replayed("onecycle"), width=24)
    assert line_of(text, "epoch ").split() == ["epoch", "step", "lr"]


def test_plateau_shows_the_metric_from_the_first_to_the_last_of_a_stretch() -> None:
    assert "1 to 0.3" in line_of(printed(*replayed("plateau")), "0–14")


def test_a_metric_shows_after_the_step_that_it_followed() -> None:
    run = {"epochs": 2, "steps_per_epoch": 2, "interval": "epoch"}
    experiment = lrviz.load({"run": run, "scheduler": {"name": "constant"}})
    text = printed(made([2.0, 2.0, 1.0, 1.0], metric=column([7.0])), experiment, every=1)
    assert [line.split()[2:-1] for line in text.splitlines()[5:9]] == [[], ["7"], ["-50.0%"], []]


def test_a_failure_is_the_last_row() -> None:
    text = printed(*replayed("failure"))
    rest = text[text.index("stopped") :].partition("\n\n")[0].replace("\n", " ")
    message = "Tried to step 21 times. The specified number of total steps is 20"
    assert rest == f"stopped after step 20 (epoch 2): ValueError: {message}"


def test_a_constructor_that_failed_leaves_the_reason() -> None:
    failure = Failure(step=0, epoch=None, kind="ZeroDivisionError", message="division by zero")
    trace = dataclasses.replace(made([1.0]), groups=(), steps=0, failure=failure)
    assert "stopped when the scheduler was built: ZeroDivisionError: division by zero\n" in printed(trace)


def test_footer_says_first_peak_and_last_of_each_group() -> None:
    text = printed(made([1.0, 3.0, 2.0], [5.0, 4.0, 0.0], per_epoch=2))
    assert "\na: first 1, peak 3 at step 1 (epoch 0), last 2\nb: first 5, peak 5 at step 0 (epoch 0), last 0\n" in text


@pytest.mark.parametrize("rate", [0.0, 1e-30, -1.0, math.nan, math.inf, -math.inf, 1e300, 5e-324])
def test_odd_rates_print(rate: float) -> None:
    text = printed(made([rate, 1.0, rate]))
    assert float(line_of(text, "2").split()[1]) == pytest.approx(rate, nan_ok=True)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([1e-3, 5e-4, 2.5e-4], ["0.00100", "0.00050", "0.00025"]),
        ([0.1, 0.0], ["0.1", "0  "]),
        ([1e-3, 4e-9], ["1e-03", "4e-09"]),
        ([1e-3, 1.0000001e-3], ["0.0010000000", "0.0010000001"]),
        ([1.0, 20.0], ["1", "20"]),
        ([0.0, 0.0], ["0", "0"]),
        ([math.nan, 0.5], ["nan", "0.5"]),
        ([-0.5, 0.25], ["-0.50", "0.25"]),
    ],
)
def test_numbers_of_a_column_have_one_form(values: list[float], texts: list[str]) -> None:
    assert _aligned(values) == texts


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (1.0, 0.5, "-50.0%"),
        (1.0, 1.25, "+25.0%"),
        (1.0, 1.0, ""),
        (1.0, 0.99999, "-0.001%"),
        (1.0, 0.01, "x0.01"),
        (1e-1, 1e-1 * 0.1, "x0.1"),
        (1e-3, 1e-3 * 0.1 * (1 + 2e-16), "x0.1"),
        (0.3, 0.3 * 0.1, "x0.1"),
        (0.03, 0.3, "x10"),
        (1.0, 0.11, "-89.0%"),
        (1e-3, 1.0, "x1e+03"),
        (0.0, 1.0, ""),
        (1.0, 0.0, ""),
        (1.0, -1.0, ""),
        (math.nan, 1.0, ""),
        (1e-300, 1e300, ""),
    ],
)
def test_change(before: float, after: float, text: str) -> None:
    assert _change(before, after) == text


def test_the_loss_of_a_toy_training_is_said_to_be_one() -> None:
    trace, experiment = replayed("trained")
    head, first = printed(trace, experiment).splitlines()[4:6]
    assert trace.loss is not None
    assert head.split()[-2:] == ["toy", "loss"]
    assert f"{trace.loss[0]:.4g}" in first.split()


def test_a_title_of_wide_letters_is_as_wide_as_it_is_drawn() -> None:
    head, first = printed(*replayed("wide-letters")).splitlines()[7:9]
    ends = [cell_len(line[: line.index(text) + len(text)]) for line, text in ((head, "名前"), (first, "1.000e-03"))]
    assert ends == [len("epoch  step  lr.") + 16] * 2


def test_a_long_name_is_cut_at_sixteen_cells() -> None:
    assert printed(*replayed("wide-letters")).splitlines()[3].startswith("学習率の長い名前  █")


def test_wide_terminal_shows_colours() -> None:
    console = Console(width=120, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(TraceTable(made([1.0, 2.0]), EXPERIMENT))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[36m█" in console.file.getvalue()
