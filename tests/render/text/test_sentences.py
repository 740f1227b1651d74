from __future__ import annotations

import pytest

from lrviz.render.text.sentences import summary_line
from lrviz.trace import GroupTrace, Trace, column


def made(*names: str, steps_per_epoch: int | None = 2) -> Trace:
    return Trace(
        groups=tuple(GroupTrace(name=name, lr=column([1.0, 3.0, 2 / 3])) for name in names),
        steps=3,
        steps_per_epoch=steps_per_epoch,
        momentum_name=None,
        engine="none",
        torch_version="0",
    )


def line(trace: Trace, title: str = "") -> str:
    return summary_line(trace, trace.groups[-1], title)


def test_a_line_says_first_peak_and_last():
    assert line(made("default")) == "first 1, peak 3 at step 1 (epoch 0), last 0.6667"


@pytest.mark.parametrize("steps_per_epoch", [None, 1])
def test_an_epoch_that_says_nothing_new_is_left_out(steps_per_epoch):
    assert line(made("default", steps_per_epoch=steps_per_epoch)) == "first 1, peak 3 at step 1, last 0.6667"


@pytest.mark.parametrize(
    ("names", "title", "who"),
    [
        (["a"], "Cosine", "Cosine: "),
        (["a", "head"], "", "head: "),
        (["a", "head"], "Cosine", "Cosine, head: "),
        (["a", "he\x1b[2Jad"], "Co\nsine\a", "Co sine?, he?[2Jad: "),
    ],
)
def test_a_line_says_whose_it_is_without_what_a_terminal_obeys(names, title, who):
    assert line(made(*names), title).startswith(f"{who}first 1")
