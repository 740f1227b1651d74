from __future__ import annotations

from dataclasses import replace

import pytest

from lrviz.arrays import column
from lrviz.render.text.sentences import seam_line, summary_line
from lrviz.trace import GroupTrace, Seam, Trace


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


def test_a_line_says_what_both_sides_of_a_checkpoint_trained_with():
    seam = Seam(step=2, epoch=0, mode="load", unbroken=((2 / 3,),))
    resumed = replace(made("default"), seam=seam)
    assert (
        line(resumed)
        == "first 1, peak 3 at step 1 (epoch 0), resumed at step 2 (epoch 1) with 0.6667 after 3, last 0.6667"
    )


def test_a_line_on_the_seam_says_where_how_and_what_was_changed():
    seam = Seam(step=2, epoch=0, mode="restart", unbroken=((2 / 3,),))
    resumed = replace(made("default"), seam=seam)
    assert seam_line(resumed, ["run.epochs=6", "optimizer.lr=0.1"]) == (
        "resumed after step 1 (epoch 0) as restart, with run.epochs=6, optimizer.lr=0.1"
    )
    assert seam_line(resumed, []).endswith("as restart, with nothing changed")
    assert seam_line(made("default"), []) == ""
