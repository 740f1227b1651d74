"""Lightning CLI's YAML becomes what LightningCLI trains of it: tests/recordings/lightning-cli.json."""

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

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "lightning-cli.json").read_text())
CASES = RECORDED["cases"]
BATCHES = {0.4: 2, 0.5: 2, 3: 3, 1: 1, 4: 4, 0.7: 3}  # of an epoch's 5, by what cuts it
RUN = {"dataset_size": 1000, "world_size": 2}

CONFIG = """\
seed_everything: 0
trainer:
  devices: 2
  max_epochs: 20
  accumulate_grad_batches: 4
data:
  class_path: my.Data
  init_args:
    batch_size: 8
model:
  class_path: my.Model
  init_args:
    classes: 10
optimizer:
  class_path: torch.optim.SGD
  init_args:
    lr: 1e-1
    momentum: 0.9
    weight_decay: 0.05
lr_scheduler:
  class_path: torch.optim.lr_scheduler.CosineAnnealingLR
  init_args:
    T_max: 20
"""


def read(text: str, **given: Any) -> formats.Reading:
    root = decode(text.encode(), "config.yaml")
    form = formats.recognise(root)
    assert form == "lightning"
    return formats.read(root, "config.yaml", form, Said(given=given))


def problems(text: str, **given: Any) -> list[str]:
    with pytest.raises(SpecError) as raised:
        read(text, **given)
    return [str(problem) for problem in raised.value.problems]


def scheduled(name: str, arguments: str) -> str:
    """Return the config with another scheduler."""
    block = f"lr_scheduler:\n  class_path: {name}\n  init_args: {arguments}\n"
    return CONFIG.partition("lr_scheduler:")[0] + block


def cut(trainer: dict[str, Any]) -> float | None:
    """Return what cuts the epochs of a Trainer, None where nothing does; 1.0 is the whole."""
    limit = trainer.get("overfit_batches", trainer.get("limit_train_batches"))
    return None if repr(limit) == "1.0" else limit


def named(case: dict[str, Any]) -> str:
    scheduler = case["config"].get("lr_scheduler", {})
    return json.dumps([scheduler.get("class_path"), scheduler.get("init_args"), case["config"]["trainer"]])


@pytest.mark.parametrize("case", [case for case in CASES if "lr" in case], ids=named)
def test_trains_what_the_cli_recorded(case: dict[str, Any]) -> None:
    scheduler = case["config"].get("lr_scheduler", {}).get("class_path", "")
    metric = {"metric": "0.5 ** epoch"} if "Plateau" in scheduler else {}
    experiment = lrviz.load(case["config"], dataset_size=RECORDED["samples"], **metric)
    (group,) = lrviz.replay(experiment).groups
    assert experiment.run.clock.steps == case["steps"]
    batches = BATCHES.get(cut(case["config"]["trainer"]), 5)
    assert list(group.lr)[:: experiment.run.clock.steps_per_epoch] == pytest.approx(case["lr"][::batches], rel=1e-15)


@pytest.mark.parametrize("case", [case for case in CASES if "error" in case], ids=named)
def test_refuses_what_the_cli_refused(case: dict[str, Any]) -> None:
    assert problems(json.dumps(case["config"]), dataset_size=20, metric="")


def test_becomes_a_document() -> None:
    assert read(CONFIG, dataset_size=1000).root.plain() == {
        "run": {"framework": "lightning", "batch_size": 8, "grad_accum": 4, "world_size": 2, "epochs": 20},
        "optimizer": {"name": "SGD", "weight_decay": 0.05, "momentum": 0.9, "lr": 0.1},
        "scheduler": {"name": "cosine", "T_max": 20},
    }


def test_says_what_it_read() -> None:
    places = {each.key: (each.place, each.became) for each in read(CONFIG, dataset_size=1000).origin.read}
    assert places["trainer.max_epochs"] == ("config.yaml:4", "run.epochs")
    assert places["lr_scheduler.init_args.T_max"] == ("config.yaml:23", "scheduler.T_max")


@pytest.mark.parametrize(
    ("trainer", "run"),
    [
        ("max_epochs: 20\n  max_steps: 100", {"steps": 100}),
        ("max_epochs: 20\n  max_steps: 320", {"epochs": 20}),
        ("max_epochs: null\n  max_steps: 100", {"steps": 100}),
        ("max_epochs: -1\n  max_steps: 100", {"steps": 100}),
        ("min_epochs: 3", {"epochs": 1000}),
    ],
)
def test_ends_with_what_comes_first(trainer: str, run: dict[str, Any]) -> None:
    document = read(CONFIG.replace("max_epochs: 20", trainer), dataset_size=1000).root.plain()
    assert {name: document["run"].get(name) for name in ("steps", "epochs")} == {"steps": None, "epochs": None, **run}


@pytest.mark.parametrize(
    ("devices", "count"),
    [("4", 4), ("[0, 1, 2]", 3), ('"0,1"', 2), ("1\n  num_nodes: 3", 3)],
)
def test_counts_the_devices(devices: str, count: int) -> None:
    document = read(CONFIG.replace("devices: 2", f"devices: {devices}"), dataset_size=1000).root.plain()
    assert document["run"]["world_size"] == count


@pytest.mark.parametrize("devices", ["auto", "-1", '"-1"'])
def test_asks_for_all_that_it_does_not_say_in_one_message(devices: str) -> None:
    text = scheduled("ReduceLROnPlateau", "{monitor: val_loss}").replace("devices: 2", f"devices: {devices}")
    (message,) = problems(text.replace("lr: 1e-1", "nesterov: true"))
    quoted = "'auto'" if devices == "auto" else devices.replace('"', "'")
    assert message == (
        "config.yaml: the file does not say --dataset-size (samples in the training set; or --steps-per-epoch instead) "
        f"and --world-size (devices that train together; trainer.devices is {quoted}) and --lr (the learning rate) and "
        "--set scheduler.metric=… (what the schedule watches, as a formula; monitor is 'val_loss')\n"
        "       for example: lrviz plot config.yaml --dataset-size 50000 --world-size 8 --lr 1e-4 "
        "--set 'scheduler.metric=0.9 ** epoch'"
    )


def test_needs_the_steps_of_an_epoch_whose_batch_it_does_not_know() -> None:
    (message,) = problems(CONFIG.replace("    batch_size: 8", "    workers: 8"))
    assert message == (
        "config.yaml: the file does not say --steps-per-epoch (optimizer steps in one epoch; nor data.batch_size to "
        "count them from)\n       for example: lrviz plot config.yaml --steps-per-epoch 1000"
    )


@pytest.mark.parametrize("cut", ["limit_train_batches: 0.5", "overfit_batches: 10"])
def test_a_part_of_an_epoch_is_counted_from_the_data(cut: str) -> None:
    (message,) = problems(CONFIG.replace("devices: 2", f"devices: 2\n  {cut}"))
    assert message.endswith("for example: lrviz plot config.yaml --dataset-size 50000")


def test_says_what_a_part_of_an_epoch_is() -> None:
    reading = read(CONFIG.replace("devices: 2", "devices: 2\n  limit_train_batches: 0.5"), dataset_size=1000)
    (cut,) = (each for each in reading.origin.read if each.key == "trainer.limit_train_batches")
    assert (cut.text, cut.place) == ("0.5, 31 of 63 batches", "config.yaml:4")
    assert reading.root.plain()["run"] == {"framework": "lightning", "epochs": 20, "steps_per_epoch": 8}


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("0", "0: nothing is trained"),
        ("true", "must be a number of batches, or a share from 0.0 to 1.0, not True"),
        ("-1", "must be a number of batches, or a share from 0.0 to 1.0, not -1"),
        ("0.001", "0.001 of 63 batches is none: Lightning stops with an error"),
    ],
)
def test_refuses_a_part_that_is_none(limit: str, message: str) -> None:
    text = CONFIG.replace("devices: 2", f"devices: 2\n  limit_train_batches: {limit}")
    assert problems(text, dataset_size=1000) == [f"config.yaml:4: trainer.limit_train_batches: {message}"]


def test_steps_per_epoch_are_enough() -> None:
    assert read(CONFIG.replace("devices: 2", "devices: auto"), steps_per_epoch=10).root.plain()["run"] == {
        "framework": "lightning",
        "epochs": 20,
    }


def test_total_steps_are_epochs() -> None:
    text = scheduled("OneCycleLR", "{max_lr: 0.1, total_steps: 5000}")
    (trap,) = read(text, dataset_size=1000).origin.traps
    assert (trap.rule, trap.place) == ("cli-interval-epoch", "config.yaml:22")
    assert trap.message == "the CLI steps a scheduler once an epoch, always: total_steps counts epochs here, not steps"


def test_what_the_module_builds_may_step_at_every_step() -> None:
    block = CONFIG[CONFIG.index("optimizer:") :].replace("lr: 1e-1", "nesterov: true")
    inner = "".join(f"    {line}\n" for line in block.splitlines())
    text = CONFIG[: CONFIG.index("optimizer:")] + f"    lr: 0.3\n{inner}"
    reading = read(text, dataset_size=1000)
    assert reading.root.plain()["optimizer"]["lr"] == 0.3
    assert reading.root.plain()["scheduler"] == {"name": "cosine", "T_max": 20}
    assert dict(reading.origin.assumed)["interval"].endswith("--interval step")


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        (
            "CosineAnealingLR",
            "{T_max: 3}",
            "config.yaml:21: lr_scheduler.class_path: unknown 'CosineAnealingLR'; did you mean 'CosineAnnealingLR'?",
        ),
        (
            "my.CosineAnnealingLR",
            "{T_max: 3}",
            (
                "config.yaml:21: lr_scheduler.class_path: 'my.CosineAnnealingLR' is not torch's; "
                "lrviz plot MODULE:CLASS replays a scheduler of your own"
            ),
        ),
        (
            "[StepLR]",
            "{}",
            "config.yaml:21: lr_scheduler.class_path: must be the name of a class, not ['StepLR']",
        ),
        (
            "StepLR",
            "{step_siz: 3}",
            (
                "config.yaml:22: lr_scheduler.init_args.step_siz: StepLR has no argument 'step_siz'; did you mean "
                "'step_size'?"
            ),
        ),
        (
            "LambdaLR",
            "{lr_lambda: os.system}",
            "config.yaml:21: lr_scheduler.class_path: LambdaLR takes a function, which no file holds",
        ),
        (
            "SequentialLR",
            "{milestones: [1]}",
            (
                "config.yaml:21: lr_scheduler.class_path: LightningCLI cannot build a SequentialLR from a file: "
                "what is in it needs the optimizer"
            ),
        ),
        (
            "torch.optim.lr_scheduler.ReduceLROnPlateau",
            "{monitor: val_loss}",
            (
                "config.yaml:21: lr_scheduler.class_path: torch's own has no monitor, without which Lightning stops: "
                "write class_path: ReduceLROnPlateau"
            ),
        ),
        (
            "OneCycleLR",
            "{max_lr: 0.1}",
            "config.yaml:20: lr_scheduler: OneCycleLR needs total_steps: torch has no default for it",
        ),
    ],
)
def test_refuses_schedulers_that_the_cli_cannot_build(name: str, arguments: str, expected: str) -> None:
    assert problems(scheduled(name, arguments), dataset_size=1000) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("max_epochs: 20", "max_epochs: many", "config.yaml:4: trainer.max_epochs: must be a number, not 'many'"),
        (
            "max_epochs: 20",
            "max_epochs: -1",
            "config.yaml:4: trainer.max_epochs: -1 has no end; give max_epochs or max_steps",
        ),
        ("lr: 1e-1", "lr: {a: 1}", "config.yaml:17: optimizer.init_args.lr: must be a number, not {'a': 1}"),
        (
            "  class_path: torch.optim.SGD\n",
            "  class_path: {a: 1}\n",
            "config.yaml:15: optimizer.class_path: must be the name of a class, not {'a': 1}",
        ),
        (
            CONFIG[CONFIG.index("lr_scheduler") :],
            "lr_scheduler:\n  T_max: 20\n",
            (
                "config.yaml:20: lr_scheduler: has no class_path: the program fixes the class; write it, such as "
                "CosineAnnealingLR"
            ),
        ),
        (
            CONFIG[CONFIG.index("optimizer") :],
            "",
            "config.yaml:10: model: the file has no lr_scheduler and no optimizer: the module's code makes them",
        ),
    ],
)
def test_refuses_what_is_broken(old: str, new: str, expected: str) -> None:
    assert problems(CONFIG.replace(old, new), dataset_size=1000, lr=0.1) == [expected]


def test_convert_replays_the_same(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    experiment = load(tmp_path / "config.yaml", dataset_size=1000)
    assert experiment.origin is not None
    (tmp_path / "own.yaml").write_text("\n".join(lines(experiment, experiment.origin)))
    own = lrviz.replay(load(tmp_path / "own.yaml"))
    assert own.groups[0].lr == lrviz.replay(experiment).groups[0].lr
