"""timm's args.yaml becomes what create_scheduler_v2 makes of it: tests/recordings/timm-args.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.cli.convert import lines
from lrviz.readers.configs import Said, formats
from lrviz.readers.configs.syntax import decode

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "timm-args.json").read_text())
RUN = {"dataset_size": 1000, "world_size": 2}

ARGS = """\
batch_size: 64
cooldown_epochs: 10
decay_rate: 0.1
epochs: 40
lr: 0.002
lr_cycle_limit: 1
lr_cycle_mul: 1.0
min_lr: 1.0e-05
opt: sgd
sched: cosine
start_epoch: null
warmup_epochs: 3
warmup_lr: 0.0001
weight_decay: 2.0e-05
"""


def read(text: str, **given: Any) -> formats.Reading:
    root = decode(text.encode(), "args.yaml")
    form = formats.recognise(root)
    assert form == "timm"
    return formats.read(root, "args.yaml", form, Said(given=given))


def problems(text: str, **given: Any) -> list[str]:
    with pytest.raises(SpecError) as raised:
        read(text, **given)
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize("is_whole", [True, False], ids=["all-keys", "own-keys"])
@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: json.dumps(case["arguments"]))
def test_trains_what_timm_recorded(case: dict[str, Any], is_whole: bool) -> None:
    args = {"opt": "sgd", "lr": RECORDED["lr"], **(RECORDED["defaults"] if is_whole else {}), **case["arguments"]}
    experiment = lrviz.load(args, steps_per_epoch=RECORDED["updates"])
    (group,) = lrviz.replay(experiment).groups
    stride = 1 if args.get("sched_on_updates") else RECORDED["updates"]
    assert experiment.run.clock.epochs == case["epochs"]
    assert list(group.lr)[::stride] == case["lr"]


def test_becomes_a_document() -> None:
    assert read(ARGS, **RUN).root.plain() == {
        "run": {"framework": "timm", "epochs": 50, "interval": "epoch", "batch_size": 64, "grad_accum": 1},
        "optimizer": {"name": "SGD", "lr": 0.002, "momentum": 0.9, "weight_decay": 2e-5},
        "scheduler": {
            "name": "timm-cosine",
            "warmup_t": 3,
            "warmup_lr_init": 1e-4,
            "warmup_prefix": False,
            "t_initial": 40,
            "lr_min": 1e-5,
        },
    }


def test_durations_are_epochs_of_a_run_that_is_stepped_on_updates() -> None:
    document = read(ARGS + "sched_on_updates: true\n", **RUN).root.plain()
    assert document["run"]["interval"] == "step"
    assert (document["scheduler"]["warmup_t"], document["scheduler"]["t_initial"]) == ("3ep", "40ep")


def test_says_what_it_read_and_assumed() -> None:
    origin = read(ARGS, **RUN).origin
    places = {each.key: (each.place, each.became) for each in origin.read}
    assert places["warmup_epochs"] == ("args.yaml:12", "scheduler.warmup_t")
    assert ("grad_accum_steps", "1") in origin.assumed
    assert dict(origin.ignored) == {"lr_cycle_mul": "lr_cycle_limit 1: there is one cycle"}


@pytest.mark.parametrize(
    ("own", "lr"),
    [
        ("lr_base: 0.1", 0.1 * 512 / 256),
        ("lr_base: 0.1\ngrad_accum_steps: 2", 0.1 * 1024 / 256),
        ("lr_base: 0.1\nlr_base_size: 1024", 0.1 * 512 / 1024),
        ("lr_base: 1e-3\nlr_base_scale: sqrt", 1e-3 * 2**0.5),
        ("lr_base: 1e-3\nopt: adamw", 1e-3 * 2**0.5),
        ("lr_base: 1e-3\nopt: lamb", 1e-3 * 2**0.5),
        ("lr_base: 1e-3\nopt: adamw\nlr_base_scale: linear", 2e-3),
        ("", 0.2),
    ],
)
def test_scales_lr_base_by_the_batch_of_all_devices(own: str, lr: float) -> None:
    text = f"sched: cosine\nepochs: 10\nlr: null\nbatch_size: 64\n{own}\n"
    assert read(text, dataset_size=1000, world_size=8).root.plain()["optimizer"]["lr"] == pytest.approx(lr)


def test_asks_for_all_that_it_does_not_say_in_one_message() -> None:
    (message,) = problems(ARGS)
    assert message == (
        "args.yaml: the file does not say --dataset-size (samples in the training set; or --steps-per-epoch instead) "
        "and --world-size (devices that train together)\n"
        "       for example: lrviz plot args.yaml --dataset-size 50000 --world-size 8"
    )


def test_needs_the_devices_to_scale_lr_base_by() -> None:
    (message,) = problems(ARGS.replace("lr: 0.002", "lr: null"), steps_per_epoch=10)
    assert "--world-size (devices that train together; lr is null: it is scaled from lr_base by" in message


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ("sched_on_updates: true\nlr_noise: 0.4", "lr_noise is counted in updates"),
        ("epoch_repeats: 2.0", "epoch_repeats repeats samples within an epoch"),
        ("aug_repeats: 3", "aug_repeats repeats samples within an epoch"),
    ],
)
def test_needs_the_updates_of_an_epoch(own: str, why: str) -> None:
    (message,) = problems(f"{ARGS}{own}\n")
    assert f"does not say --steps-per-epoch (optimizer steps in one epoch; {why})\n" in message


@pytest.mark.parametrize(("metric", "mode"), [("top1", "max"), ("loss", "min")])
def test_plateau_watches_the_metric_of_an_evaluation(metric: str, mode: str) -> None:
    text = f"{ARGS.replace('cosine', 'plateau')}patience_epochs: 4\neval_metric: {metric}\n"
    document = read(text, metric="0.9 ** epoch", **RUN).root.plain()
    assert document["run"]["epochs"] == 40
    assert document["scheduler"] == {
        "name": "timm-plateau",
        "warmup_t": 3,
        "warmup_lr_init": 1e-4,
        "mode": mode,
        "decay_rate": 0.1,
        "patience_t": 4,
        "lr_min": 1e-5,
    }
    (message,) = problems(text, **RUN)
    assert f"--set scheduler.metric=… (what the schedule watches, as a formula; eval_metric is {metric})" in message


@pytest.mark.parametrize(
    ("own", "ignored"),
    [
        ("start_epoch: 5", ("start_epoch", "the run went on from there; shown is the whole schedule")),
        ("layer_decay: 0.75", ("layer_decay", "it multiplies what each layer's group has; shown is the last layer's")),
        ("lr_base: 0.1", ("lr_base", "lr is given")),
    ],
)
def test_says_what_it_leaves_out(own: str, ignored: tuple[str, str]) -> None:
    text = ARGS.replace("start_epoch: null\n", "")
    assert ignored in read(f"{text}{own}\n", **RUN).origin.ignored


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "sched: cosinee\nopt: [1]\nlr: 0.1\n",
            [
                "args.yaml:1: sched: unknown 'cosinee'; did you mean 'cosine'?",
                "args.yaml:2: opt: must be the name of an optimizer, not [1]",
            ],
        ),
        (
            "sched: cosine\nopt: sgd\nlr: x\nepochs: .inf\nwarmup_epoch: 5\n",
            [
                "args.yaml:5: warmup_epoch: unknown key; did you mean 'warmup_epochs'?",
                "args.yaml:4: epochs: must be a number, not inf",
                "args.yaml:3: lr: must be a number, not 'x'",
            ],
        ),
        (
            "sched: multistep\nopt: sgd\nlr: 0.1\ndecay_milestones: 3\nlr_noise: [1, 2, 3]\nwarmup_prefix: 1\n",
            [
                "args.yaml:6: warmup_prefix: must be true or false, not 1",
                "args.yaml:4: decay_milestones: must be a list of epochs, such as [90, 180, 270]",
                "args.yaml:5: lr_noise: must be one or two shares of the schedule, such as [0.4, 0.9]",
            ],
        ),
        (
            "sched: wsd\nopt: sgd\nlr_base_size: 0\nepochs: 10\nwarmup_epochs: 8\ndecay_epochs: 4\n",
            [
                "args.yaml:6: decay_epochs: must be > 0 and at most 2, what the warmup leaves, not 4",
                "args.yaml:3: lr_base_size: must be above 0, not 0",
            ],
        ),
        (
            "sched: multistep\nopt: sgd\nlr: [1]\ndecay_milestones: [.inf]\nepochs: true\nsched_on_updates: true\n",
            [
                "args.yaml:5: epochs: must be a number, not True",
                "args.yaml:3: lr: must be a number, not [1]",
            ],
        ),
        (
            "sched: plateau\nopt: sgd\nlr: 0.1\nsched_on_updates: true\n",
            ["args.yaml:4: sched_on_updates: plateau steps once an epoch only: AssertionError"],
        ),
    ],
)
def test_refuses_what_timm_refuses(text: str, expected: list[str]) -> None:
    assert problems(text, **RUN, steps_per_epoch=10, metric="1 / (1 + epoch)") == expected


@pytest.mark.parametrize(
    "own", ["lr_cycle_limit: 9999999\nlr_cycle_mul: 2.5", "lr_cycle_limit: 9999\nlr_cycle_mul: -3"]
)
def test_cycles_without_end_are_refused(tmp_path: Path, own: str) -> None:
    text = ARGS.replace("lr_cycle_limit: 1\nlr_cycle_mul: 1.0", own)
    (tmp_path / "args.yaml").write_text(text)
    with pytest.raises(SpecError):
        lrviz.load(tmp_path / "args.yaml", **RUN)


def test_convert_replays_the_same(tmp_path: Path) -> None:
    (tmp_path / "args.yaml").write_text(ARGS)
    experiment = lrviz.load(tmp_path / "args.yaml", **RUN)
    assert experiment.origin is not None
    (tmp_path / "own.yaml").write_text("\n".join(lines(experiment, experiment.origin)))
    own = lrviz.load(tmp_path / "own.yaml")
    assert own.origin is None
    assert lrviz.replay(own).groups[0].lr == lrviz.replay(experiment).groups[0].lr


def test_a_warmup_that_leaves_nothing_to_decay_is_refused_itself() -> None:
    text = "sched: wsd\nopt: sgd\nlr: 0.1\nepochs: 20\nwarmup_epochs: 30\nbatch_size: 8\n"
    message = "args.yaml:5: warmup_epochs: takes all of the 20 epochs: nothing is left for the decay"
    assert problems(text, **RUN) == [message]
