"""Hugging Face TrainingArguments, as people write them for transformers, TRL and the alignment handbook."""

from __future__ import annotations

from typing import Any

import pytest

import lrviz
from lrviz.errors import SpecError

SFT = """\
# Model arguments
model_name_or_path: some/model
chat_template: "{%- for message in messages -%}{{ message.content }}{%- endfor -%}"
dataset_mixture:
  datasets:
  - id: some/data
    columns: [messages]
# SFT trainer config
bf16: true
eval_strategy: 'no'
gradient_accumulation_steps: 2
learning_rate: 2.0e-05
lr_scheduler_type: cosine_with_min_lr
lr_scheduler_kwargs:
  min_lr_rate: 0.1
packing: true
max_steps: -1
num_train_epochs: 5
per_device_train_batch_size: 1
warmup_ratio: 0.03
"""
SAID = {"dataset_size": 1000, "world_size": 8}
STEPS = "max_steps: 1000\nlearning_rate: 1.0e-4\n"
RATIO = STEPS + "lr_scheduler_type: cosine\nwarmup_ratio: 0.03\n"
BOTH = RATIO + "warmup_steps: 50\n"
PLATEAU = STEPS + "lr_scheduler_type: reduce_lr_on_plateau\n"
METRIC = {"metric": "0.9 ** step"}


def scheduler(experiment: Any) -> Any:
    return experiment.document.plain()["scheduler"]


def test_a_recipe_of_the_handbook(config: Any, document: Any) -> None:
    experiment = config(SFT, **SAID)
    assert document(experiment) == {
        "run": {"framework": "transformers", "transformers": "5.14", "epochs": 5, "batch_size": 1, "grad_accum": 2}
        | SAID,
        "optimizer": {"name": "AdamW", "lr": 2e-5},
        "scheduler": {"name": "hf-cosine-with-min-lr", "num_warmup_steps": "3%", "min_lr_rate": 0.1},
    }
    assert experiment.run.clock.steps == 5 * 63
    assert experiment.scheduler.num_warmup_steps == 10  # of 315


def test_every_key_has_its_line(config: Any) -> None:
    read = {each.key: (each.text, each.place) for each in config(SFT, **SAID).origin.read}
    assert read["warmup_ratio"] == ("0.03", "args.yaml:20")
    assert read["learning_rate"] == ("2e-05", "args.yaml:12")
    assert read["lr_scheduler_kwargs"] == ("…", "args.yaml:14")


def test_what_is_not_in_the_file_is_the_default(config: Any) -> None:
    """Defaults of TrainingArguments; a key that is null is not there."""
    experiment = config("lr_scheduler_type: null\nlearning_rate: 1.0e-4\nwarmup_steps: 10\n", **SAID)
    assumed = dict(experiment.origin.assumed)
    assert {"num_train_epochs": "3", "per_device_train_batch_size": "8", "lr_scheduler_type": "'linear'"}.items() <= (
        assumed.items()
    )
    assert scheduler(experiment) == {"name": "hf-linear", "num_warmup_steps": 10}


def test_all_that_is_missing_is_asked_for_at_once(refused: Any) -> None:
    """The learning rate too: its default depends on the trainer."""
    assert refused("dataset_name: imdb\nlr_scheduler_type: cosine\nwarmup_ratio: 0.1\n") == (
        "args.yaml: the file does not say --dataset-size (samples in the training set) and --world-size (devices that "
        "train together) and --lr (the learning rate; the default depends on the trainer: 5e-5 in Trainer, 2e-5 in "
        "TRL's SFTTrainer)\n"
        "       for example: lrviz plot args.yaml --dataset-size 50000 --world-size 8 --lr 1e-4"
    )


def test_a_mapping_is_asked_for_in_python() -> None:
    with pytest.raises(SpecError, match=r"for example: lrviz\.load\(…, dataset_size=50000, world_size=8, lr=1e-4\)"):
        lrviz.load({"lr_scheduler_type": "cosine", "warmup_steps": 0.1})


def test_what_a_mapping_does_not_say_is_said_beside_it() -> None:
    experiment = lrviz.load({"lr_scheduler_type": "greedy", "max_steps": 9, "eval_strategy": "steps"}, lr=0.1, **METRIC)
    assert experiment.optimizer.lr == 0.1


def test_packed_rows_are_not_samples(refused: Any) -> None:
    assert "--dataset-size (samples in the training set; packing is on: packed sequences, not rows)" in refused(SFT)


def test_max_steps_decides_over_epochs(config: Any) -> None:
    experiment = config(STEPS + "num_train_epochs: 3\n")
    assert experiment.run.clock.steps == 1000
    assert ("num_train_epochs", "max_steps, 1000, decides") in experiment.origin.ignored


@pytest.mark.parametrize(
    ("text", "version", "warmup"),
    [
        (RATIO, None, 30),
        (RATIO, "4.45", 30),
        (RATIO, "5.14", 30),
        (BOTH, "4.45", 50),  # warmup_steps > 0 wins
        (BOTH, "5.0", 30),  # warmup_ratio wins where it is there
        (BOTH, "5.14", 30),
        (RATIO.replace("0.03", "0.0") + "warmup_steps: 50\n", "5.3", 0),
        (RATIO.replace("0.03", "0.0") + "warmup_steps: 50\n", "4.45", 50),
        (STEPS + "warmup_steps: 0.0301\n", "5.23", 31),  # rounded up
        (STEPS + "warmup_steps: 7.9\n", None, 7),
        (STEPS + "warmup_steps: 1.0\n", None, 1),
    ],
)
def test_the_warmup_by_version(config: Any, text: str, version: str | None, warmup: int) -> None:
    said = {"transformers": version} if version else {}
    assert config(text, **said).scheduler.num_warmup_steps == warmup


def test_the_version_of_a_removed_key(config: Any, refused: Any, traps: Any) -> None:
    assert traps(config(RATIO)) == [("warmup-key-removed", "args.yaml:4")]
    assert traps(config(RATIO, transformers="5.14")) == []
    assert refused(RATIO, transformers="5.15") == (
        "args.yaml:4: warmup_ratio: transformers 5.15 has none (removed in 5.15): write warmup_steps: the ratio"
    )
    assert (
        "args.yaml:3: warmup_steps: must be a whole number in transformers 4, not 0.1: write warmup_ratio"
        in refused(STEPS + "warmup_steps: 0.1\n", transformers="4.45")
    )


@pytest.mark.parametrize("kwargs", ["{min_lr: 1.0e-6}", "'{\"min_lr\": 1e-6}'"])
def test_the_schedulers_own_arguments(config: Any, document: Any, traps: Any, kwargs: str) -> None:
    experiment = config(f"{STEPS}lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs: {kwargs}\n")
    assert document(experiment)["scheduler"] == {"name": "hf-cosine-with-min-lr", "min_lr": 1e-6}
    assert traps(experiment) == []


@pytest.mark.parametrize("kind", ["constant", "constant_with_warmup"])
def test_arguments_that_are_dropped(config: Any, kind: str) -> None:
    experiment = config(f"{STEPS}lr_scheduler_type: {kind}\nlr_scheduler_kwargs: {{anything: 1}}\n")
    assert ("lr_scheduler_kwargs", f"{kind} takes none, and drops them without a word") in experiment.origin.ignored


def test_constant_ignores_the_warmup(config: Any, document: Any, traps: Any) -> None:
    experiment = config(STEPS + "lr_scheduler_type: constant\nwarmup_ratio: 0.03\n", transformers="4.45")
    assert document(experiment)["scheduler"] == {"name": "hf-constant"}
    assert traps(experiment) == [("warmup-ignored", "args.yaml:4")]


def test_a_warmup_of_one(config: Any, traps: Any) -> None:
    assert traps(config(STEPS + "warmup_steps: 1.0\n")) == [("ratio-of-one", "args.yaml:3")]
    assert traps(config(STEPS + "warmup_steps: 1\n")) == []


@pytest.mark.parametrize("number", ["1e-4", "5e-5", '"0.0001"', "1e4"])
def test_numbers_that_pyyaml_reads_as_text(config: Any, traps: Any, number: str) -> None:
    experiment = config(f"max_steps: 10\nlearning_rate: {number}\n")
    assert experiment.optimizer.lr == float(number.strip('"'))
    assert traps(experiment) == [("string-number", "args.yaml:2")]


def test_the_fix_of_such_a_number_is_one(config: Any) -> None:
    (trap,) = config("max_steps: 10\nlearning_rate: 1e4\n").origin.traps
    assert trap.fix.startswith("write 1.0e+4;")


@pytest.mark.parametrize("number", ["1.0e-4", "0.0001", "1.e-4", ".5", "1_0"])
def test_numbers_that_pyyaml_reads_as_numbers(config: Any, traps: Any, number: str) -> None:
    assert traps(config(f"max_steps: 10\nlearning_rate: {number}\n")) == []


def test_a_number_of_the_arguments_that_is_text(config: Any, traps: Any) -> None:
    kwargs = "lr_scheduler_type: cosine_with_min_lr\nlr_scheduler_kwargs:\n  min_lr: 1e-6\n"
    experiment = config(STEPS + kwargs)
    assert traps(experiment) == [("string-number", "args.yaml:5")]
    assert experiment.scheduler.min_lr == 1e-6


def test_json_has_no_such_numbers(config: Any, document: Any, traps: Any) -> None:
    text = '{\n\t"max_steps": 10,\n\t"learning_rate": 5e-5,\n\t"lr_scheduler_type": "cosine"\n}'
    experiment = config(text, "args.json")
    assert document(experiment)["optimizer"] == {"name": "AdamW", "lr": 5e-5}
    assert traps(experiment) == []


@pytest.mark.parametrize(
    ("more", "run", "own"),
    [
        ("eval_strategy: epoch\n", {"interval": "epoch"}, {}),
        ("eval_strategy: steps\neval_steps: 20\n", {}, {"eval_steps": 20}),
        ("evaluation_strategy: steps\neval_steps: 0.25\n", {}, {"eval_steps": "25%"}),
        ("eval_strategy: steps\nlogging_steps: 50\n", {}, {"eval_steps": 50}),
        ("eval_strategy: steps\n", {}, {"eval_steps": 500}),
    ],
)
@pytest.mark.parametrize("kind", ["reduce_lr_on_plateau", "greedy"])
def test_schedules_that_watch_a_metric(config: Any, kind: str, more: str, run: Any, own: Any) -> None:
    text = f"num_train_epochs: 3\nlearning_rate: 1.0e-4\nlr_scheduler_type: {kind}\n{more}"
    found = config(text, steps_per_epoch=1000, **METRIC).document.plain()
    name = {"name": f"hf-{kind.replace('_', '-')}"}
    assert found["scheduler"] == {**name, **own, **METRIC}
    assert {key: value for key, value in found["run"].items() if key == "interval"} == run


def test_a_schedule_that_watches_a_metric_asks_for_it(refused: Any) -> None:
    assert refused(PLATEAU + "eval_strategy: steps\n") == (
        "args.yaml: the file does not say --set scheduler.metric=… (what the schedule watches, as a formula)\n"
        "       for example: lrviz plot args.yaml --set 'scheduler.metric=0.9 ** epoch'"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            STEPS + "lr_scheduler_type: consine\n",
            "args.yaml:3: lr_scheduler_type: unknown 'consine'; did you mean 'cosine'?",
        ),
        (STEPS + "warmup_steps: -5\n", "args.yaml:3: warmup_steps: must be 0 or more, not -5"),
        (STEPS + "warmup_ratio: 3\n", "args.yaml:3: warmup_ratio: must be between 0 and 1, not 3"),
        (STEPS + "warmup_steps: [1]\n", "args.yaml:3: warmup_steps: must be a number, not [1]"),
        (STEPS + "warmup_steps: .nan\n", "args.yaml:3: warmup_steps: must be a number, not nan"),
        (
            STEPS + "lr_scheduler_type: cosine\nlr_scheduler_kwargs: {num_cycle: 1}\n",
            "args.yaml:4: lr_scheduler_kwargs.num_cycle: cosine has no num_cycle; did you mean 'num_cycles'?",
        ),
        (
            STEPS + "lr_scheduler_type: cosine\nlr_scheduler_kwargs:\n  num_warmup_steps: 1\n",
            (
                "args.yaml:5: lr_scheduler_kwargs.num_warmup_steps: the Trainer gives num_warmup_steps itself: "
                "TypeError "
                "for a second one"
            ),
        ),
        (
            STEPS + "lr_scheduler_kwargs: '{min_lr: 1}'\n",
            (
                "args.yaml:3: lr_scheduler_kwargs: must be a mapping, or JSON such as '{\"min_lr\": 1e-6}', not "
                "'{min_lr: 1}'"
            ),
        ),
        (
            STEPS + "lr_scheduler_kwargs: 3\n",
            "args.yaml:3: lr_scheduler_kwargs: must be a mapping such as {min_lr: 1e-6}, not 3",
        ),
        (
            PLATEAU,
            (
                "args.yaml:3: lr_scheduler_type: reduce_lr_on_plateau is stepped after evaluations: write "
                "eval_strategy: "
                "epoch, or steps"
            ),
        ),
        (STEPS + "learning_rate: 1.0e-5\n", "args.yaml:3: duplicate key 'learning_rate'"),
        ("max_steps: 10\nlearning_rate: fast\n", "args.yaml:2: learning_rate: must be a number >= 0, not 'fast'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(refused: Any, text: str, message: str) -> None:
    assert message in refused(text, **METRIC if "plateau" in text else {}).splitlines()


def test_other_keys_may_be_there_twice(config: Any) -> None:
    assert config(STEPS + "seed: 1\nseed: 2\n").run.clock.steps == 1000


def test_a_deep_text_of_json_is_refused(refused: Any) -> None:
    text = f"{STEPS}lr_scheduler_kwargs: '{'[' * 5000}{']' * 5000}'\n"
    assert refused(text).startswith("args.yaml:3: ")


class SFTConfig:
    """An object like TrainingArguments, which no test can have without transformers."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "learning_rate": 2e-5,
            "lr_scheduler_type": "cosine",
            "lr_scheduler_kwargs": None,
            "max_steps": -1,
            "num_train_epochs": 3,
            "per_device_train_batch_size": 8,
            "gradient_accumulation_steps": 1,
            "warmup_steps": 0.1,
            "accelerator_config": {"split_batches": False},
        }


def test_an_object_is_read_by_its_to_dict() -> None:
    experiment = lrviz.load(SFTConfig(), dataset_size=1000, world_size=2)
    assert experiment.run.clock.steps == 3 * 63
    assert experiment.scheduler.num_warmup_steps == 19


def test_an_object_asks_for_what_it_does_not_know() -> None:
    with pytest.raises(SpecError, match=r"lrviz\.load\(…, dataset_size=50000, world_size=8\)"):
        lrviz.load(SFTConfig())


def test_its_version_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """4.x has a warmup_ratio of 0 in every object: there it is warmup_steps that count."""

    class Package:
        __version__ = "4.45.0.dev0"

    class Old(SFTConfig):
        def to_dict(self) -> dict[str, Any]:
            return super().to_dict() | {"warmup_steps": 50, "warmup_ratio": 0.0}

    monkeypatch.setitem(__import__("sys").modules, "transformers", Package)
    experiment = lrviz.load(Old(), dataset_size=1000, world_size=2)
    assert (experiment.run.transformers, experiment.scheduler.num_warmup_steps) == ("4.45.0", 50)


def test_a_misspelt_key_of_the_schedule_is_refused_at_its_line(refused: Any) -> None:
    text = "learning_rate: 1.0e-4\nmax_steps: 10\nwarmup_stepz: 3\neval_steps: 5\n"
    assert refused(text) == "args.yaml:3: warmup_stepz: unknown key; did you mean 'warmup_steps'?"


def test_the_data_say_where_an_epoch_ends_though_max_steps_decides(config: Any, document: Any) -> None:
    text = "max_steps: 100\nlearning_rate: 2.0e-5\nper_device_train_batch_size: 10\n"
    run = document(config(text, dataset_size=1000, world_size=2))["run"]
    assert (run["steps"], run["batch_size"], run["dataset_size"]) == (100, 10, 1000)
    assert config(text, dataset_size=1000, world_size=2).run.clock.steps_per_epoch == 50


def test_the_state_of_a_trainer_is_no_config(config: Any) -> None:
    with pytest.raises(SpecError, match="neither a document of lrviz's, which has a scheduler, nor a trainer's config"):
        config('{"max_steps": 10, "num_train_epochs": 3, "global_step": 10, "log_history": []}', "trainer_state.json")
