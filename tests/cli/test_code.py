"""`lrviz code`: what goes to the terminal, into a file, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STEP = """\
# StepLR: 4 epochs of 8, 32 optimizer steps

from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR

model = ...  # your model
loader = ...  # your DataLoader: 8 batches an epoch

optimizer = SGD(model.parameters(), lr=1e-3)
scheduler = StepLR(optimizer, step_size=4)

for epoch in range(4):
    for batch in loader:
        loss = model(batch)  # your loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
"""


def test_the_script_goes_to_the_terminal_and_nothing_else(lrviz: Callable[..., Any]) -> None:
    ended = lrviz("code", "step", "--step-size", "4")
    assert (ended.code, ended.out, ended.err) == (0, STEP, "")


def test_a_file_is_written_and_named(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    ended = lrviz("code", "step", "--step-size", "4", "-o", "train.py")
    assert (ended.code, ended.out, (tmp_path / "train.py").read_text()) == (0, "wrote train.py\n", STEP)


def test_a_file_that_cannot_be_written_is_named(lrviz: Callable[..., Any]) -> None:
    ended = lrviz("code", "step", "--step-size", "4", "-o", "none/train.py")
    assert (ended.code, ended.out, ended.err) == (2, "", "error: cannot write none/train.py: there is no folder none\n")


def test_lengths_that_were_no_plain_numbers_are_explained(lrviz: Callable[..., Any]) -> None:
    ended = lrviz("code", "cosine", "--warmup", "10%", "--steps", "500")
    assert ended.out.splitlines()[:3] == [
        "# Warmup, then CosineAnnealingLR: 500 optimizer steps",
        "# warmup: 10% of 500 scheduler steps = 50",
        "# T_max: all 450 scheduler steps after the warmup",
    ]


def test_another_form_is_asked_for_by_as(lrviz: Callable[..., Any]) -> None:
    ended = lrviz("code", "hf-linear", "--as", "transformers", "--steps", "100", "--optimizer", "adamw")
    assert 'lr_scheduler_type="linear"' in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as", "lightnin"], "--as: must be one of torch, lightning, transformers, not 'lightnin'; did you mean"),
        (["--as", "torch"], "timm-step has no short form in torch alone; without --as it is timm's own class"),
    ],
)
def test_a_form_that_there_is_not_is_refused(arguments: list[str], message: str, lrviz: Callable[..., Any]) -> None:
    ended = lrviz("code", "timm-step", "--decay-t", "4", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_scheduler_of_ones_own_is_imported_in_the_script_alone(lrviz: Callable[..., Any]) -> None:
    ended = lrviz("code", "not_there.schedules:Halving", "--arg", "factor=0.5")
    assert "from not_there.schedules import Halving\n" in ended.out
    assert "scheduler = Halving(optimizer, factor=0.5)\n" in ended.out


def test_the_script_is_a_target_itself(lrviz: Callable[..., Any]) -> None:
    lrviz("code", "step", "--step-size", "4", "-o", "train.py")
    again = lrviz("code", "train.py", "--steps-per-epoch", "8")
    assert again.out == STEP


def test_what_a_script_does_not_say_is_said_by_set(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(STEP.replace("step_size=4", "step_size=args.step"))
    ended = lrviz("convert", "train.py", "--steps-per-epoch", "8")
    wanted = "scheduler.step_size: is `args.step`, which is not run here: give it with --set scheduler.step_size=…"
    assert (ended.code, ended.err) == (2, f"error: train.py:10: {wanted}\n")
    assert lrviz("code", "train.py", "--steps-per-epoch", "8", "--set", "scheduler.step_size=4").out == STEP


OPEN = """\
from torch.optim import SGD, lr_scheduler
opt = SGD(p, lr=args.lr)
s = lr_scheduler.CosineAnnealingLR(opt, T_max=args.steps)
for epoch in range(args.epochs):
    for batch in loader:
        s.step()
"""
SET = "--set scheduler.T_max=30"


def test_set_says_of_the_run_and_the_optimizer_what_flags_say(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "open.py").write_text(OPEN)
    flags = "--lr 0.1 --epochs 3 --steps-per-epoch 10"
    sets = "--set optimizer.lr=0.1 --set run.epochs=3 --set run.steps_per_epoch=10"
    by_flags, by_set = (lrviz("code", "open.py", *said.split(), *SET.split()) for said in (flags, sets))
    assert (by_set.code, by_set.out) == (0, by_flags.out)


def test_the_example_has_every_key_that_the_script_leaves_open(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "open.py").write_text(OPEN)
    example = lrviz("code", "open.py", "--epochs", "3").err.splitlines()[-1]
    assert example.endswith("open.py --epochs 3 --lr 1e-4 --steps-per-epoch 1000 --set scheduler.T_max=…")


def test_the_line_of_a_scheduler_among_several_is_named(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    other = "\nother = StepLR(optimizer, step_size=9)\n"
    (tmp_path / "train.py").write_text(STEP.replace("\nfor epoch", f"{other}\nfor epoch"))
    assert "makes 2 schedulers: StepLR (line 10), StepLR (line 12)" in lrviz("convert", "train.py").err
    ended = lrviz("convert", "train.py", "--steps-per-epoch", "8", "--line", "12")
    assert "step_size: 9  # StepLR.step_size, line 12\n" in ended.out


def test_a_line_is_refused_where_there_is_no_script(lrviz: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("scheduler: {name: step, step_size: 4}")
    ended = lrviz("table", "a.yaml", "--line", "3")
    assert (ended.code, ended.err) == (2, "error: --line: is for a training script that makes several schedulers\n")
