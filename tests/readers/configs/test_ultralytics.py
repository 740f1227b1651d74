"""Ultralytics' args.yaml becomes what its trainer sets: tests/recordings/ultralytics.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import SpecError
from lrviz.cli.convert import lines
from lrviz.documents import load
from lrviz.readers.configs import Said, formats
from lrviz.readers.configs.syntax import decode

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "ultralytics.json").read_text())
CASES = RECORDED["cases"]

ARGS = """\
task: detect
epochs: 30
time: null
patience: 10
batch: 16
imgsz: 640
device: 0
optimizer: SGD
cos_lr: true
fraction: 1.0
lr0: 0.02
lrf: 0.1
momentum: 0.9
warmup_epochs: 2.0
warmup_momentum: 0.7
warmup_bias_lr: 0.05
nbs: 64
"""
AUTO = ARGS.replace("optimizer: SGD", "optimizer: auto")


def read(text: str, version: str = "8.4.190", **given: Any) -> formats.Reading:
    root = decode(text.encode(), "args.yaml")
    form = formats.recognise(root)
    assert form == "ultralytics"
    said = Said(given=given, versions={"ultralytics": tuple(map(int, version.split(".")))})
    return formats.read(root, "args.yaml", form, said)


def problems(text: str, **given: Any) -> list[str]:
    with pytest.raises(SpecError) as raised:
        read(text, **given)
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['version']} {json.dumps(case['arguments'])}")
def test_trains_what_the_trainer_recorded(case: dict[str, Any]) -> None:
    args = {"imgsz": 640, "lrf": 0.01, "optimizer": "SGD", **case["arguments"]}
    chooses_by = {name: args.pop(name) for name in ("iterations", "nc") if name in args}
    run = {"steps_per_epoch": args.pop("nb")}
    text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in args.items())
    document = read(text, case["version"], **run, **chooses_by).root.plain()
    document["run"] |= run | {"ultralytics": case["version"]}
    document["scheduler"] |= chooses_by
    groups = lrviz.replay(lrviz.load(document)).groups
    assert "momentum" not in case or all(list(group.momentum or ()) == case["momentum"] for group in groups)
    assert document["optimizer"]["name"] == {"MuSGD": "SGD"}.get(case["optimizer"], case["optimizer"])
    assert [list(group.lr) for group in groups] == [case["lr"][column] for column in case["columns"]]


def test_becomes_a_document() -> None:
    assert read(ARGS, dataset_size=1000).root.plain() == {
        "run": {"framework": "ultralytics", "epochs": 30, "batch_size": 16},
        "optimizer": {
            "name": "SGD",
            "lr": 0.02,
            "momentum": 0.9,
            "groups": [{"name": "weights"}, {"name": "norms"}, {"name": "biases"}],
        },
        "scheduler": {
            "name": "ultralytics",
            "lrf": 0.1,
            "warmup_epochs": 2.0,
            "warmup_momentum": 0.7,
            "warmup_bias_lr": 0.05,
            "cos_lr": True,
        },
    }


def test_says_what_it_read_and_ignored() -> None:
    origin = read(ARGS, dataset_size=1000).origin
    places = {each.key: (each.place, each.became) for each in origin.read}
    assert places["lr0"] == ("args.yaml:11", "optimizer.lr")
    assert places["warmup_epochs"] == ("args.yaml:14", "scheduler.warmup_epochs")
    assert origin.ignored == (("patience", "the run may end early; shown is the whole of it"),)


@pytest.mark.parametrize(
    ("own", "run"),
    [
        ("device: 0,1", {"batch_size": 8, "world_size": 2}),
        ("device: [0, 1, 2, 3]", {"batch_size": 4, "world_size": 4}),
        ("device: cpu", {"batch_size": 16}),
        ("device: 0\ncompile: true", {"batch_size": 16, "drop_last": True}),
    ],
)
def test_the_batch_is_that_of_all_devices(own: str, run: dict[str, Any]) -> None:
    document = read(ARGS.replace("device: 0", own), dataset_size=1000).root.plain()
    assert document["run"] == {"framework": "ultralytics", "epochs": 30, **run}


@pytest.mark.parametrize(
    ("version", "names"), [("8.3.200", ["biases", "weights", "norms"]), ("8.4.0", ["weights", "norms", "biases"])]
)
def test_the_groups_are_in_the_order_of_the_version(version: str, names: list[str]) -> None:
    groups = read(ARGS, version, dataset_size=1000).root.plain()["optimizer"]["groups"]
    assert [group["name"] for group in groups] == names


@pytest.mark.parametrize(
    ("version", "size", "name"),
    [
        ("8.4.190", 1000, "AdamW"),
        ("8.4.8", 1000, "AdamW"),
        ("8.4.7", 1000, "SGD"),
        ("8.3.200", 1000, "AdamW"),
        ("8.3.200", 100_000, "SGD"),
    ],
)
def test_auto_chooses_the_optimizer(version: str, size: int, name: str) -> None:
    assert read(AUTO, version, dataset_size=size, nc=3).root.plain()["optimizer"]["name"] == name


def test_auto_counts_updates_of_64_images_or_more() -> None:
    for batch, updates in ((16, 16), (100, 10)):
        document = read(AUTO.replace("batch: 16", f"batch: {batch}"), dataset_size=1000, nc=3).root.plain()
        assert document["scheduler"]["iterations"] == updates * 30
        assert document["scheduler"]["momentum"] == 0.9


def test_auto_counts_what_flags_say_of_the_run() -> None:
    document = read(AUTO, dataset_size=1000, nc=3, batch_size=100, epochs=5).root.plain()
    assert document["scheduler"]["iterations"] == 10 * 5
    timed = read(AUTO.replace("time: null", "time: 2"), dataset_size=1000, nc=3, epochs=5).root.plain()
    assert timed["scheduler"]["iterations"] == 16 * 30


def test_auto_leaves_lr0_unused() -> None:
    (trap,) = read(AUTO, dataset_size=1000, nc=3).origin.traps
    assert (trap.rule, trap.place) == ("lr-ignored", "args.yaml:11")
    assert trap.message == "lr0, 0.02, is not used: optimizer auto chooses the learning rate, and the optimizer"
    assert read(AUTO.replace("lr0: 0.02", "lr0: 0.01"), dataset_size=1000, nc=3).origin.traps == ()


def test_asks_for_all_that_it_does_not_say_in_one_message() -> None:
    (message,) = problems(AUTO.replace("batch: 16", "batch: 0.7").replace("time: null", "time: 2"))
    assert message == (
        "args.yaml: the file does not say --batch-size (samples in a batch of one device; batch: 0.7 leaves it to the "
        "memory of the GPU) and --dataset-size (samples in the training set; optimizer auto chooses by it) and --set "
        "scheduler.nc=… (classes of the data; optimizer auto chooses by it) and --epochs (passes over the data; time: "
        "2 hours decide, whatever epochs says)\n"
        "       for example: lrviz plot args.yaml --batch-size 8 --dataset-size 50000 --set scheduler.nc=80 --epochs 3"
    )


@pytest.mark.parametrize(
    ("text", "given", "flags"),
    [
        (ARGS, {}, "--dataset-size 50000"),
        (AUTO, {"dataset_size": 1000}, "--dataset-size 1000 --set scheduler.nc=80"),
        (
            AUTO.replace("batch: 16", "batch: -1"),
            {"dataset_size": 1000, "nc": 3},
            "--dataset-size 1000 --set scheduler.nc=3 --batch-size 8",
        ),
    ],
)
def test_asks_for_no_more_than_it_needs(text: str, given: dict[str, Any], flags: str) -> None:
    (message,) = problems(text, **given)
    assert message.endswith(f"lrviz plot args.yaml {flags}")


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (ARGS, {"steps_per_epoch": 10}),
        (ARGS.replace("batch: 16", "batch: -1"), {"steps_per_epoch": 10}),
        (AUTO, {"dataset_size": 100_000}),
        (AUTO, {"steps_per_epoch": 63, "dataset_size": 1000, "nc": 3}),
        (AUTO + "single_cls: true\n", {"dataset_size": 1000}),
    ],
)
def test_asks_for_nothing_that_it_does_not_need(text: str, given: dict[str, Any]) -> None:
    assert read(text, **given).root.plain()["run"]["epochs"] == 30


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("optimizer: SGD", "optimizer: [1]", ["args.yaml:8: optimizer: unknown [1]; known are SGD, MuSGD, Adam, "]),
        ("optimizer: SGD", "optimizer: Adan", ["args.yaml:8: optimizer: unknown 'Adan'; did you mean 'Adam'?"]),
        (
            "lrf: 0.1\nmomentum: 0.9",
            "lrf: .nan\nmomentum: high",
            [
                "args.yaml:12: lrf: must be a number, not nan",
                "args.yaml:13: momentum: must be a number, not 'high'",
            ],
        ),
        ("warmup_bias_lr", "warmup_bias", ["args.yaml:16: warmup_bias: unknown key; did you mean "]),
        (
            "cos_lr: true",
            "cos_lr: {a: [1]}",
            ["args.yaml:9: cos_lr: must be true or false, not {'a': [1]}"],
        ),
        ("device: 0", "device: 0,1,2", ["args.yaml:5: batch: must be a multiple of the 3 devices, not 16"]),
    ],
)
def test_refuses_what_the_trainer_refuses(old: str, new: str, expected: list[str]) -> None:
    found = problems(ARGS.replace(old, new), dataset_size=1000)
    assert [message[: len(start)] for message, start in zip(found, expected, strict=True)] == expected


def test_a_wrong_size_is_told_once() -> None:
    assert problems(AUTO.replace("nbs: 64", "nbs: x").replace("time: null", "time: [1]"), dataset_size=10, nc=3) == [
        "args.yaml:17: nbs: must be a number, not 'x'",
        "args.yaml:3: time: must be a number, not [1]",
    ]


def test_hyperparameters_of_yolov5_are_none_of_it() -> None:
    assert formats.recognise(decode(b"lr0: 0.01\nlrf: 0.01\nanchor_t: 4.0\nwarmup_epochs: 3.0\n", "hyp.yaml")) is None


def test_convert_replays_the_same(tmp_path: Path) -> None:
    (tmp_path / "args.yaml").write_text(ARGS)
    experiment = load(tmp_path / "args.yaml", dataset_size=1000)
    assert experiment.origin is not None
    (tmp_path / "own.yaml").write_text("\n".join(lines(experiment, experiment.origin)))
    own = lrviz.replay(load(tmp_path / "own.yaml"))
    assert [group.lr for group in own.groups] == [group.lr for group in lrviz.replay(experiment).groups]


def test_python_says_what_the_flags_say(config: Any) -> None:
    text = "imgsz: 640\nepochs: 10\nbatch: 8\noptimizer: auto\nlr0: 0.01\nlrf: 0.01\n"
    experiment = config(text, steps_per_epoch=10, nc=80, iterations=500)
    assert experiment.document.plain()["scheduler"]["iterations"] == 500
    counted = config(text, dataset_size=640, nc=80)
    assert lrviz.replay(counted).groups == lrviz.replay(config(text, dataset_size=640, nc=80, iterations=100)).groups
    with pytest.raises(SpecError, match=r"scheduler\.nc: must be a whole number >= 1, not 0"):
        config(text, dataset_size=640, nc=0)


def test_the_metric_of_a_csv_is_said_from_python(config: Any) -> None:
    Path("log.csv").write_text("top1\n1\n2\n2\n2\n2\n2\n")
    text = "sched: plateau\nopt: sgd\nlr: 0.1\nepochs: 6\nwarmup_epochs: 0\npatience_epochs: 1\nbatch_size: 8\n"
    experiment = config(text, steps_per_epoch=1, metric_csv="log.csv:top1")
    assert list(lrviz.replay(experiment).groups[0].lr) == pytest.approx([0.1] * 4 + [0.01] * 2)
