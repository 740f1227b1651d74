from __future__ import annotations

from pathlib import Path


def test_nothing_is_written_by_a_table(lrviz):
    lrviz("table", "cosine")
    assert not any(Path().iterdir())


def test_the_clock_is_shown_with_its_rounding(lrviz):
    clock = ("--dataset-size", "50000", "--batch-size", "128", "--grad-accum", "4", "--epochs", "90")
    message = lrviz("table", "cosine", *clock, "--world-size", "8").out
    assert "run: 90 epochs of 12 = 1,080 optimizer steps, 1,080 scheduler steps, 4,500,000 samples" in message
    assert "the last, partial one is kept (drop_last=false)" in message
