"""Training scripts: the schedulers that they make, read from their syntax and never run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

import lrviz
from lrviz import load, replay
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import CORE
from lrviz.render.text.code.script import code_lines
from tests.readers.configs.conftest import Read
from tests.readers.configs.reading import changed, document, origin

SCRIPT = """\
import argparse
import torch.optim as optim
from torch.optim import lr_scheduler

EPOCHS, LR = 90, 0.1 * 256 / 256
batch_size: int = 256

def main(args):
    model = build(args)
    optimizer = optim.SGD(model.parameters(), lr=LR, momentum=0.9)
    warmup_epochs = 5
    warmup = lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=warmup_epochs)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS - warmup_epochs)
    scheduler = lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[warmup_epochs])
    for epoch in range(EPOCHS):
        for batch in loader:
            optimizer.step()
        scheduler.step()
"""
PARTS = """\
import torch
from torch.optim.lr_scheduler import StepLR, OneCycleLR as Cycle
opt = torch.optim.AdamW(model.parameters(), 3e-4, betas=(0.9, 0.95))
first = StepLR(opt, 30, gamma=0.5)
second = Cycle(opt, max_lr=1e-3, total_steps=len(loader) * epochs)
"""


@pytest.fixture
def config(config: Read) -> Read:
    """Return a function that loads a script with a text."""
    return partial(config, name="train.py")


@pytest.fixture
def refused(config: Read) -> Callable[..., str]:
    """Return a function that reads a script which is refused, and returns the message."""

    def read(text: str, **said: Any) -> str:
        with pytest.raises(lrviz.SpecError) as error:
            config(text, **said)
        return str(error.value)

    return read


def test_a_sequence_of_names_is_read_with_constants_of_its_scope_and_the_loop(config: Read) -> None:
    assert document(config(SCRIPT)) == {
        "run": {"interval": "epoch", "epochs": 90, "steps_per_epoch": 1},
        "optimizer": {"name": "SGD", "lr": 0.1, "momentum": 0.9},
        "scheduler": {
            "name": "sequential",
            "schedulers": [
                {"name": "linear", "start_factor": 0.01, "total_iters": 5},
                {"name": "cosine", "T_max": 85},
            ],
            "milestones": [5],
        },
    }


def test_what_was_read_replays_as_the_script_trains(config: Read) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    parts = [LinearLR(optimizer, start_factor=0.01, total_iters=5), CosineAnnealingLR(optimizer, T_max=85)]
    scheduler = SequentialLR(optimizer, parts, milestones=[5])
    trained = []
    for _ in range(90):
        trained.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert list(replay(config(SCRIPT)).groups[0].lr) == trained


def test_each_value_knows_its_line(config: Read) -> None:
    places = {read.became: read.place for read in origin(config(SCRIPT)).read}
    assert places["run.epochs"] == "train.py:15"
    assert places["optimizer.lr"] == "train.py:10"
    assert places["scheduler.milestones"] == "train.py:14"
    assert places["run.steps_per_epoch"] == "train.py:18"


def test_of_several_schedulers_the_line_says_which(config: Read, refused: Callable[..., str]) -> None:
    assert (
        refused(PARTS) == "train.py: makes 2 schedulers: StepLR (line 4), Cycle (line 5); say which, such as --line 4"
    )
    assert document(config(PARTS, line=4, steps=100)) == {
        "run": {"steps": 100},
        "optimizer": {"name": "AdamW", "lr": 3e-4, "betas": [0.9, 0.95]},
        "scheduler": {"name": "step", "step_size": 30, "gamma": 0.5},
    }
    wrong = "--line: no scheduler is made at line 3; there are StepLR (line 4), Cycle (line 5)"
    assert refused(PARTS, line=3, steps=9) == wrong


TWO = """\
from torch.optim import SGD, lr_scheduler
opt = SGD(p, lr=0.1)
s1 = lr_scheduler.StepLR(opt, 30)
s2 = lr_scheduler.ExponentialLR(opt, 0.9)
for epoch in range(90):
    opt.step()
    s1.step()
    s2.step()
"""
STEPS = "    s1.step()\n    s2.step()"
SHARED = {
    "in one loop": {},
    "in a list": {STEPS: "    for each in (s1, s2): each.step()"},
    "one under a condition": {STEPS: "    if epoch < 5: s1.step()\n    else: s2.step()"},
    "of an optimizer from elsewhere": {"opt = SGD(p, lr=0.1)": "opt = build(p)"},
}


@pytest.mark.parametrize("changes", SHARED.values(), ids=SHARED)
@pytest.mark.parametrize(
    ("line", "own", "other"), [(3, "StepLR", "ExponentialLR (line 4)"), (4, "ExponentialLR", "StepLR (line 3)")]
)
def test_a_scheduler_that_shares_its_optimizer_is_not_shown_alone(
    line: int, own: str, other: str, changes: dict[str, str], refused: Callable[..., str]
) -> None:
    message = refused(changed(TWO, changes), line=line, lr=0.1)
    assert f"train.py:{line}: {own} shares its optimizer with {other}, and" in message
    assert "`name: chained`" in message


def test_no_line_is_asked_for_where_none_would_do(refused: Callable[..., str]) -> None:
    assert "train.py:3: StepLR shares its optimizer with ExponentialLR (line 4)" in refused(TWO)


APART = {
    "another optimizer": {"s2 = lr_scheduler.ExponentialLR(opt": "s2 = lr_scheduler.ExponentialLR(SGD(q, lr=0.1)"},
    "a new optimizer": {"s2 = lr": "opt = SGD(q, lr=0.1)\ns2 = lr"},
    "another branch": {"s1 = lr": "if short: s1 = lr", "s2 = lr": "else: s2 = lr"},
    "the same name": {"s2 = lr": "s1 = lr", "    s2.step()\n": ""},
    "one that is not stepped": {"    s2.step()\n": ""},
}


@pytest.mark.parametrize("changes", APART.values(), ids=APART)
def test_a_scheduler_that_has_its_optimizer_alone_is_shown(changes: dict[str, str], config: Read) -> None:
    found = document(config(changed(TWO, changes), line=3, epochs=90, steps_per_epoch=1, interval="epoch"))
    assert found["scheduler"] == {"name": "step", "step_size": 30}


def test_what_is_no_literal_is_named_with_its_line(refused: Callable[..., str]) -> None:
    message = "is `len(loader) * epochs`, which is not run here: give it with --set scheduler.total_steps=…"
    assert refused(PARTS, line=5, steps=100) == f"train.py:5: scheduler.total_steps: {message}"


NAMES = {
    "twice": ("warmup_epochs = 5", "warmup_epochs = 5\n    warmup_epochs = 6"),
    "in a loop": ("warmup_epochs = 5", "for warmup_epochs in (5, 6): pass"),
    "by another function": ("warmup_epochs = 5", "warmup_epochs = ask()"),
    "as a parameter": ("def main(args):", "def main(args, warmup_epochs=4):"),
}


@pytest.mark.parametrize("line", NAMES.values(), ids=NAMES)
def test_a_name_that_may_be_bound_otherwise_is_not_trusted(line: tuple[str, str], refused: Callable[..., str]) -> None:
    assert "total_iters: is `warmup_epochs`, which is not run here" in refused(changed(SCRIPT, dict([line])))


def test_a_name_in_the_scope_around_is_hidden_by_one_of_the_function(refused: Callable[..., str]) -> None:
    assert "T_max: is `EPOCHS - warmup_epochs`" in refused(
        changed(SCRIPT, {"def main(args):": "def main(args, EPOCHS):"})
    )


def test_nothing_is_executed(config: Read) -> None:
    config(f"raise SystemExit\n{SCRIPT}")


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("lr=LR", "--lr (the learning rate; is `args.lr`)"),
        ("range(EPOCHS)", "--epochs (passes over the data; is `range(args.lr)`)"),
    ],
)
def test_what_the_script_leaves_open_is_asked_for(line: str, missing: str, refused: Callable[..., str]) -> None:
    other = line.replace("LR", "args.lr").replace("EPOCHS", "args.lr")
    assert f"the file does not say {missing}" in refused(changed(SCRIPT, {line: other}))


def test_what_has_no_part_in_the_learning_rate_is_left_out_and_said(config: Read) -> None:
    experiment = config(changed(SCRIPT, {"momentum=0.9": "momentum=args.momentum"}))
    assert document(experiment)["optimizer"] == {"name": "SGD", "lr": 0.1}
    why = "is `args.momentum`, which is not run here; --set optimizer.momentum=… gives it"
    assert origin(experiment).ignored == (("SGD.momentum", why),)


def test_a_loop_in_which_another_optimizer_is_stepped_is_no_epoch(refused: Callable[..., str]) -> None:
    text = "from torch.optim import SGD, lr_scheduler\no = SGD(p, lr=1)\ns = lr_scheduler.ExponentialLR(o, 0.9)\n"
    loop = "for i in range(500):\n    for _ in range(5): critic.step()\n    o.step()\n    s.step()"
    assert "does not say --epochs" in refused(text + loop)


def test_the_length_of_a_loader_is_the_runs_steps_per_epoch(config: Read, refused: Callable[..., str]) -> None:
    text = PARTS.replace("total_steps=len(loader) * epochs", "steps_per_epoch=len(loader), epochs=3")
    assert "does not say --steps-per-epoch" in refused(text, line=5, epochs=3)
    found = document(config(text, line=5, epochs=3, steps_per_epoch=40))["scheduler"]
    assert found == {"name": "onecycle", "max_lr": 1e-3, "steps_per_epoch": 40, "epochs": 3}


LOOPS = {
    "a batch": (
        "for epoch in range(3):\n    for batch in loader:\n        s.step()",
        {"interval": "step", "epochs": 3},
    ),
    "tqdm": (
        "for epoch in tqdm(range(1, 4)):\n    for i, batch in enumerate(loader):\n        s.step()",
        {"interval": "step", "epochs": 3},
    ),
    "steps": ("for step, batch in zip(range(1000), loader):\n    s.step()", {"interval": "step", "steps": 1000}),
    "a function": (
        "def train(s):\n    for batch in loader:\n        s.step()\nfor epoch in range(3):\n    train(s)",
        {"interval": "step", "epochs": 3},
    ),
    "a loop by its structure": (
        "N = 10\nfor e in range(N):\n    for b in loader:\n        o.step()\n        s.step()",
        {"interval": "step", "epochs": 10},
    ),
    "a structure with a scaler": (
        "for e in range(10):\n    for b in loader:\n        scaler.step(o)\n    s.step()",
        {"interval": "epoch", "epochs": 10},
    ),
    "Lightning": (
        "config = {'scheduler': s, 'interval': 'epoch'}\nfor epoch in range(3): pass",
        {"interval": "epoch", "epochs": 3},
    ),
}


@pytest.mark.parametrize(("loop", "run"), LOOPS.values(), ids=LOOPS)
def test_the_loop_says_what_the_scheduler_is_stepped_at(loop: str, run: dict[str, Any], config: Read) -> None:
    text = "from torch.optim import SGD, lr_scheduler\no = SGD(p, lr=1)\ns = lr_scheduler.ExponentialLR(o, 0.9)\n"
    given = {} if "steps" in run or run["interval"] == "epoch" else {"steps_per_epoch": 7}
    more = {"steps_per_epoch": 1} if run["interval"] == "epoch" else given
    assert document(config(text + loop, **given))["run"] == run | more


FUNCTIONS = {
    "LambdaLR(o, lambda epoch: 0.95 ** epoch)": "0.95 ** epoch",
    "LambdaLR(o, lr_lambda=lambda s: min(1.0, s / WARM))": "min(1.0, epoch / 10)",
    "LambdaLR(o, decay)": "sqrt(1 / (epoch + 1))",
    "MultiplicativeLR(o, lambda e: 0.9 if e < 3 else 1)": "0.9 if epoch < 3 else 1",
}


@pytest.mark.parametrize(("call", "expression"), FUNCTIONS.items())
def test_a_function_of_one_number_is_read_as_an_expression(call: str, expression: str, config: Read) -> None:
    before = "import math\nWARM = 10\ndef decay(t):\n    'Falls.'\n    return math.sqrt(1 / (t + 1))\n"
    text = f"{before}from torch.optim import SGD, lr_scheduler\no = SGD(p, lr=1)\nlr_scheduler.{call}\n"
    assert document(config(text, steps=20))["scheduler"]["lr_lambda"] == expression


def test_a_function_of_several_lines_is_no_expression(refused: Callable[..., str]) -> None:
    text = "from torch.optim import SGD, lr_scheduler\ndef f(t):\n    x = t\n    return x\n"
    assert "lr_lambda: is `f`, which is not run here" in refused(
        f"{text}lr_scheduler.LambdaLR(SGD(p, lr=1), f)", steps=9
    )


GROUPS = """\
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR
optimizer = AdamW([
    {"params": model.backbone.parameters(), "lr": 1e-4},
    {"params": head, "weight_decay": 0.0, "name": "head"},
    {"params": [p for p in model.parameters()]},
], lr=1e-3)
CosineAnnealingLR(optimizer, 100)
"""


def test_parameter_groups_are_called_by_their_name_or_their_part_of_the_model(config: Read) -> None:
    found = document(config(GROUPS, steps=100))["optimizer"]["groups"]
    assert found == [{"name": "backbone", "lr": 1e-4}, {"name": "head", "weight_decay": 0.0}, {"name": "group 2"}]


TRANSFORMERS = {
    "get_wsd_schedule(opt, 100, num_decay_steps=9)": {
        "name": "hf-warmup-stable-decay", "num_warmup_steps": 100, "num_decay_steps": 9},
    "get_scheduler('linear', opt, 5, 9)": {"name": "hf-linear", "num_warmup_steps": 5, "num_training_steps": 9},
    "get_scheduler(name='cosine_with_min_lr', optimizer=opt, num_warmup_steps=100, num_training_steps=1000, "
    "scheduler_specific_kwargs={'min_lr': 1e-6})": {
        "name": "hf-cosine-with-min-lr", "num_warmup_steps": 100, "num_training_steps": 1000, "min_lr": 1e-6},
}  # fmt: skip


@pytest.mark.parametrize(("call", "scheduler"), TRANSFORMERS.items())
def test_schedules_of_transformers_are_read(call: str, scheduler: dict[str, Any], config: Read) -> None:
    names = "get_wsd_schedule, get_scheduler"
    text = f"from transformers import {names}\nfrom torch.optim import AdamW\nopt = AdamW(p, lr=1e-3)\ns = {call}\n"
    assert document(config(text, steps=1000))["scheduler"] == scheduler


def test_arguments_from_a_mapping_are_to_be_written_out(refused: Callable[..., str]) -> None:
    text = "from torch.optim import SGD, lr_scheduler\nlr_scheduler.StepLR(SGD(p, 1), **{'step_size': 3})"
    assert "scheduler.**: is `{'step_size': 3}`, which is not run here: write its arguments out" in refused(
        text, steps=9
    )


def test_a_schedule_whose_name_is_not_said_is_named(refused: Callable[..., str]) -> None:
    text = (
        "from transformers import get_scheduler\nfrom torch.optim import SGD\nget_scheduler(kind, SGD(p, lr=1), 5, 9)"
    )
    assert "train.py:3: scheduler.name: is `kind`, which is not run here" in refused(text, steps=9)


def test_a_metric_is_asked_for(config: Read, refused: Callable[..., str]) -> None:
    text = SCRIPT.replace("lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[warmup_epochs])", "")
    text = changed(SCRIPT, {"scheduler.step()": "plateau.step(validate(model))"})
    text = text.replace(
        "    for epoch", "    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)\n    for epoch"
    )
    asked = "--set scheduler.metric=… (what the schedule watches, as a formula; is `validate(model)`)"
    assert asked in refused(text, line=15)
    assert document(config(text, line=15, metric="0.9 ** epoch"))["scheduler"]["metric"] == "0.9 ** epoch"


def test_a_start_that_a_condition_says_is_read(config: Read) -> None:
    text = changed(SCRIPT, {"        scheduler.step()": "        if epoch > 74:\n            swa.step()"})
    text = text.replace("    for epoch", "    swa = optim.swa_utils.SWALR(optimizer, swa_lr=0.05)\n    for epoch")
    assert document(config(text, line=15))["scheduler"] == {"name": "swa", "swa_lr": 0.05, "swa_start": 75}


def test_a_script_without_a_scheduler_is_no_config(refused: Callable[..., str]) -> None:
    assert "is no config that lrviz reads" in refused("from torch.optim import lr_scheduler\nx.lr_scheduler.step()\n")


def test_a_line_is_for_scripts_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("scheduler: {name: step, step_size: 4}")
    with pytest.raises(lrviz.SpecError, match="--line: is for a training script"):
        load(path, line=3)


OWN = [spec for spec in CORE if spec.module is not None and spec.name not in ("sequential", "chained")]


@pytest.mark.parametrize("spec", OWN, ids=[spec.name for spec in OWN])
def test_arguments_without_a_name_are_in_torchs_order(spec: Any) -> None:
    module = torch.optim.swa_utils if spec.name == "swa" else torch.optim.lr_scheduler
    theirs = [name for name in inspect.signature(getattr(module, spec.__name__)).parameters if name != "optimizer"]
    ours = [name for name, arg_type in arg_types(spec).items() if not arg_type.extra]
    assert ours == [name for name in theirs if name not in ("last_epoch", "verbose")]


PRINTED: dict[str, dict[str, Any]] = {
    **{spec.name: {"scheduler": {"name": spec.name, **spec.example}} for spec in CORE if spec.module is not None},
    "a warmup": {"scheduler": {"name": "cosine", "eta_min": "10%"}, "warmup": "20%", "warmup_start": 0},
    "by epoch": {"scheduler": {"name": "multistep", "milestones": [1, 3]}, "run": {"interval": "epoch", "epochs": 5}},
    "steps": {"scheduler": {"name": "cosine"}, "run": {"steps": 50}},
    "groups": {"scheduler": {"name": "lambda", "lr_lambda": ["0.9 ** epoch", "1 / sqrt(epoch + 1)"]},
               "optimizer": {"name": "adamw", "groups": [{"name": "a", "lr": 0.1}, {"name": "no decay", "lr": 0.2}]}},
    "in torch alone": {"scheduler": {"name": "hf-constant"}, "optimizer": {"name": "Muon"}},
    "transformers": {"scheduler": {"name": "hf-cosine", "num_warmup_steps": 5}},
}  # fmt: skip


@pytest.mark.parametrize("said", PRINTED.values(), ids=PRINTED)
def test_printed_code_is_read_back_to_the_same_curve(said: dict[str, Any], config: Read) -> None:
    experiment = load({"optimizer": {"lr": 0.01, "momentum": 0.9}} | said)
    clock = experiment.run.clock
    given: dict[str, Any] = {} if clock.steps_per_epoch is None else {"steps_per_epoch": clock.steps_per_epoch}
    if experiment.scheduler.stepped_with() is not None:
        given["metric"] = said["scheduler"]["metric"]
    again = config("\n".join(code_lines(experiment)), **given)
    assert [list(group.lr) for group in replay(again).groups] == [list(group.lr) for group in replay(experiment).groups]
    assert again.run.clock == clock
