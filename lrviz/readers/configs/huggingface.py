"""Hugging Face TrainingArguments as YAML or JSON: the Trainer's own, TRL's, alignment-handbook's.

Keys, defaults, precedence and rounding as in transformers 5.23.0 (training_args.py, trainer.py); what changed
between versions is picked by the version that the user names.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from lrviz.errors import Problem, SpecError, nearest, shown
from lrviz.experiment import yaml_reader
from lrviz.experiment.clock import Run
from lrviz.experiment.origin import Trap
from lrviz.experiment.record import arg_types
from lrviz.experiment.scalars import scalar
from lrviz.experiment.schedulers import lookup
from lrviz.experiment.values import Value
from lrviz.readers.configs import deepspeed, syntax
from lrviz.readers.configs.config import Config, Entries, entries

LABEL = "Hugging Face TrainingArguments"

KEYS = {
    "learning_rate",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_steps",
    "warmup_ratio",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
}
READ = {"": KEYS | {"adam_beta1", "adam_beta2", "dataloader_drop_last", "eval_steps", "eval_strategy"}}
LOG = {"log_history", "global_step"}
"""What a trainer_state.json has, which is no config."""

TYPES = (
    "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt",
    "reduce_lr_on_plateau", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay", "greedy",
)  # fmt: skip
WITHOUT_WARMUP = ("constant", "reduce_lr_on_plateau", "greedy")
DROPS_KWARGS = ("constant", "constant_with_warmup")
WITHOUT_LENGTH = (*WITHOUT_WARMUP, "constant_with_warmup", "inverse_sqrt")
GIVEN = ("num_warmup_steps", "num_training_steps")
WATCHING = ("reduce_lr_on_plateau", "greedy")
LAST_WITH_RATIO = (5, 14)
"""The last version of transformers that takes warmup_ratio."""

PARSED = ("lr_scheduler_kwargs", "learning_rate", "weight_decay", "adam_beta1", "adam_beta2", "warmup_steps",
          "warmup_ratio", "max_steps", "num_train_epochs", "per_device_train_batch_size", "gradient_accumulation_steps",
          "eval_steps")  # fmt: skip
"""Keys whose numbers go from YAML into the arguments as they are."""


class Defaults(NamedTuple):
    """What a trainer has for keys that a config leaves out; None where that depends on more than the config."""

    kind: str = "linear"
    lr: float | None = None
    batch_size: int = 8
    grad_accum: int | None = 1
    weight_decay: float | None = None
    second_beta: float = 0.999
    eval_strategy: str = "no"
    logged: str = "logging_steps"  # the key that eval_steps have their default from


TRAINER = Defaults()


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is a Trainer's."""
    return len(KEYS & keys.keys()) >= 2 and not LOG & keys.keys()


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a Trainer's arguments come to."""
    config.root = _with_numbers(config, config.root, PARSED)
    return document(config, TRAINER)


def document(config: Config, defaults: Defaults) -> dict[str, Value]:
    """Return the document of a trainer that takes TrainingArguments, with the DeepSpeed config beside it."""
    beside = deepspeed_config(config)
    has_own = beside is not None and beside.has("scheduler")
    kind = None if has_own else config.word("lr_scheduler_type", "scheduler.name", TYPES, defaults.kind)
    warmup = _warmup(config)
    found = {"run": run(config, defaults, kind), "optimizer": optimizer(config, defaults)}
    if beside is not None:
        values = _values(config, found, defaults, warmup)
        found |= deepspeed.beside(config, beside, found["optimizer"], values)
    if kind is not None:
        place = config.find("lr_scheduler_type").place or config.name
        found["scheduler"] = scheduler(config, kind, warmup, place, defaults.logged)
    return found


def run(config: Config, defaults: Defaults, kind: str | None) -> Value:
    """Return the Trainer's clock, as far as the file knows it."""
    found: dict[str, Any] = {"framework": "transformers", "transformers": _version(config)}
    if kind in WATCHING:
        found |= _evaluated_by_epoch(config, defaults, str(kind))
    steps = config.number("max_steps", "run.steps")
    if steps is not None and steps > 0:
        found["steps"] = config.find("max_steps")
        config.ignore("num_train_epochs", f"max_steps, {steps:g}, decides")
        return entries(found | (_loading(config, defaults) if "dataset_size" in config.given else {}), config.name)
    found["epochs"] = config.take("num_train_epochs", "run.epochs", 3)
    found |= _loading(config, defaults)
    if "steps_per_epoch" not in config.given and "steps" not in config.given:
        is_packed = config.find("packing").data is True
        config.need("dataset_size", "packing is on: packed sequences, not rows" if is_packed else "")
        config.need("world_size")
    return entries(found, config.name)


def _loading(config: Config, defaults: Defaults) -> dict[str, Any]:
    """Return how the Trainer makes batches of the data."""
    found: dict[str, Any] = {}
    found["batch_size"] = config.take("per_device_train_batch_size", "run.batch_size", defaults.batch_size)
    found["grad_accum"] = config.take("gradient_accumulation_steps", "run.grad_accum", defaults.grad_accum)
    config.ignore("auto_find_batch_size", "the batch size is the file's; the Trainer makes it smaller if memory ends")
    if config.has("dataloader_drop_last"):
        found["drop_last"] = config.take("dataloader_drop_last", "run.drop_last")
    if config.find("accelerator_config.split_batches").data:
        found["split_batches"] = config.take("accelerator_config.split_batches", "run.split_batches")
    return found


def optimizer(config: Config, defaults: Defaults) -> Value:
    """Return the optimizer; the Trainer's two groups, with and without weight decay, have one learning rate."""
    lr = config.take("learning_rate", "optimizer.lr", defaults.lr)
    if lr.data is None:
        config.need("lr", "the default depends on the trainer: 5e-5 in Trainer, 2e-5 in TRL's SFTTrainer")
    known = config.optimizer(str(config.find("optim").data or "adamw_torch"))
    found: dict[str, Any] = {"name": known, "lr": lr}
    if config.has("weight_decay") or defaults.weight_decay:
        found["weight_decay"] = config.take("weight_decay", "optimizer.weight_decay", defaults.weight_decay)
    is_usual = defaults.second_beta == TRAINER.second_beta
    if known == "AdamW" and (config.has("adam_beta1") or config.has("adam_beta2") or not is_usual):
        first = config.take("adam_beta1", "optimizer.betas", 0.9)
        second = config.take("adam_beta2", "optimizer.betas", defaults.second_beta)
        found["betas"] = Value([first, second], first.place)
    return entries(found, config.name)


def scheduler(config: Config, kind: str, warmup: Value | None, place: str, logged: str = "logging_steps") -> Value:
    """Return the scheduler with its warmup and its own arguments.

    `logged` is the key of the steps between two evaluations where eval_steps does not say them.
    """
    found: dict[str, Any] = {"name": Value(f"hf-{kind.replace('_', '-')}", place)}
    if kind in WITHOUT_WARMUP:
        _warmup_ignored(config, kind, warmup)
    elif warmup is not None:
        found["num_warmup_steps"] = warmup
    if kind in WATCHING:
        config.need("metric")
        found |= _evaluations(config, logged)
    if kind in DROPS_KWARGS and config.has("lr_scheduler_kwargs"):
        config.ignore("lr_scheduler_kwargs", f"{kind} takes none, and drops them without a word")
    elif kind not in DROPS_KWARGS:
        found |= _kwargs(config, kind)
    return entries(found, place)


def length(config: Config, run: Value) -> int | None:
    """Return how many steps a run has with what is said of it beside the file; None where that is not known yet."""
    if config.needs or config.problems:
        return None
    said = {name: value for name, value in config.given.items() if name in arg_types(Run)}
    try:
        return Run(**run.plain() | said).clock.steps
    except SpecError:
        return None  # whoever reads the run next says why


def warmup_steps(warmup: Value | None, steps: int) -> int:
    """Return a warmup in steps: a count, or a share of the run, which the Trainer rounds up."""
    if warmup is None or isinstance(warmup.data, int):
        return int(warmup.data) if warmup is not None and isinstance(warmup.data, int) else 0
    return math.ceil(steps * float(f"{str(warmup.data).rstrip('%')}e-2"))


def _values(config: Config, found: Mapping[str, Value], defaults: Defaults, warmup: Value | None) -> dict[str, Any]:
    """Return the Trainer's arguments that it compares with a DeepSpeed config; None for what is not known."""
    own = found["optimizer"].plain()
    batch = _count(config, "per_device_train_batch_size", defaults.batch_size)
    accum = _count(config, "gradient_accumulation_steps", defaults.grad_accum)
    values: dict[str, Any] = {
        "learning_rate": config.given.get("lr", own.get("lr")),
        "weight_decay": own.get("weight_decay", 0.0),
    }
    values |= {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accum}
    betas = {"adam_beta1": 0.9, "adam_beta2": defaults.second_beta}
    values["betas"] = [config.find(key).data or default for key, default in betas.items()]
    devices = config.given.get("world_size")
    if batch and accum and type(devices) is int:
        values["train_batch_size"] = batch * accum * devices
    steps = length(config, found["run"])
    if steps is not None:
        values |= {"max_steps": steps, "warmup_steps": max(1, warmup_steps(warmup, steps))}  # it refuses 0
    return values


def _with_numbers(config: Config, block: Value, keys: Collection[str], parent: str = "") -> Value:
    """Return a block with the numbers that the Trainer gets as text; each is noted."""
    assert isinstance(block.data, dict)
    found = dict(block.data)
    for key in block.data.keys() & keys:
        value, name = found[key], f"{parent}{key}"
        if isinstance(value.data, dict):
            found[key] = _with_numbers(config, value, value.data.keys(), f"{name}.")
        elif _is_text(value, config.name) and type(number := scalar(str(value.data))) in (int, float):
            text = value.text or str(value.data)
            message = f"{name} is text for PyYAML, {text}, and HfArgumentParser leaves it so: the run stops at it"
            of_trl = "" if parent else "; TRL's parser makes a number of it itself"
            fix = f"write {_in_yaml(text)}{of_trl}"
            config.traps.append(Trap(rule="string-number", message=message, fix=fix, place=value.place or config.name))
            found[key] = replace(value, data=number)
    return replace(block, data=found)


def _is_text(value: Value, name: str) -> bool:
    """Return whether Python's parsers read a value as text; JSON's read every plain number as one."""
    if isinstance(value.data, str):
        return True
    is_plain = bool(value.text) and not name.lower().endswith(".json")
    return is_plain and isinstance(value.data, (int, float)) and yaml_reader.is_text(value.text)


def _in_yaml(text: str) -> str:
    """Return a number as PyYAML reads one: with a point, and a sign in the exponent."""
    mantissa, _, exponent = text.lower().partition("e")
    mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
    return f"{mantissa}e{exponent if exponent[:1] in '+-' else f'+{exponent}'}" if exponent else mantissa


def _count(config: Config, key: str, default: int | None) -> int | None:
    data = config.find(key).data
    return data if type(data) is int else default


def deepspeed_config(config: Config) -> Config | None:
    """Return the DeepSpeed config that is given beside the arguments, or that they name; None where there is none."""
    value = config.find("deepspeed")
    if config.deepspeed is not None:
        tree, name = config.deepspeed, config.deepspeed.place.rpartition(":")[0]
    elif isinstance(value.data, dict):
        tree, name = value, config.name
    else:
        path = _beside(config, value.data) if isinstance(value.data, str) else None
        if path is None:
            return None
        name = str(path)
        tree = syntax.decode(yaml_reader.content(path), name)
    return Config(tree, name, config.given, config.versions, problems=list(tree.problems))


def _beside(config: Config, name: str) -> Path | None:
    """Return a JSON file in the config's own folder or below; noted where there is none of that name."""
    folder = Path(config.name).parent
    try:
        path = Path(folder, name)
        is_below = path.resolve().is_relative_to(folder.resolve())
        if path.suffix.lower() == ".json" and is_below and path.is_file():
            return path
    except (OSError, ValueError):  # no path at all
        pass
    config.ignore("deepspeed", "no such JSON in the config's folder or below; --beside FILE reads it")
    return None


def _evaluated_by_epoch(config: Config, defaults: Defaults, kind: str) -> dict[str, Any]:
    """Return the interval of a schedule that is stepped after each evaluation; a problem where there are none."""
    key = _strategy_key(config)
    strategy = config.word(key, "run.interval", ("no", "steps", "epoch"), defaults.eval_strategy)
    if strategy == "no":
        config.refuse("lr_scheduler_type", f"{kind} is stepped after evaluations: write eval_strategy: epoch, or steps")
    return {"interval": Value("epoch", config.find(key).place)} if strategy == "epoch" else {}


def _strategy_key(config: Config) -> str:
    return "evaluation_strategy" if config.has("evaluation_strategy") else "eval_strategy"


def _evaluations(config: Config, logged: str) -> dict[str, Any]:
    """Return how many steps there are between two evaluations."""
    if config.find(_strategy_key(config)).data == "epoch":
        return {}
    key = "eval_steps" if config.has("eval_steps") else logged
    every = config.number(key, "scheduler.eval_steps", 500)
    if every is None or every >= 1:
        return {"eval_steps": Value(int(every or 500), config.find(key).place)}
    return {"eval_steps": _share(config, key, every)}


def _version(config: Config) -> str | None:
    """Return the version to follow: the one that the user names, or the last that takes the keys of the file."""
    named = config.versions.get("transformers")
    if named is None and config.has("warmup_ratio"):
        return ".".join(map(str, LAST_WITH_RATIO))
    return None if named is None else ".".join(map(str, named))


def _warmup(config: Config) -> Value | None:
    """Return the warmup as a count or a share of the run, by the rules of the version."""
    named = config.versions.get("transformers")
    is_old = named is not None and named < (5,)
    has_ratio = config.has("warmup_ratio")
    steps = config.number("warmup_steps", "scheduler.num_warmup_steps", None if has_ratio else 0) or 0
    if has_ratio and _ratio_decides(config, named, steps):
        return _share(config, "warmup_ratio", config.number("warmup_ratio", "scheduler.num_warmup_steps"))
    if steps < 1 and is_old and steps:
        message = f"must be a whole number in transformers 4, not {steps:g}: write warmup_ratio"
        config.refuse("warmup_steps", message)
    if steps < 1:
        return _share(config, "warmup_steps", steps)
    value = config.find("warmup_steps")
    if steps == 1 and isinstance(value.data, float):
        message = "warmup_steps: 1.0 is one step, not the whole run"
        config.trap("ratio-of-one", "warmup_steps", message, "write a ratio below 1, or the number of steps")
    return Value(int(steps), value.place)


def _ratio_decides(config: Config, named: tuple[int, ...] | None, steps: float) -> bool:
    """Return whether warmup_ratio, which is there, is what counts; say what becomes of the other."""
    if named is not None and named > LAST_WITH_RATIO:
        version = ".".join(map(str, named))
        config.refuse(
            "warmup_ratio", f"transformers {version} has none (removed in 5.15): write warmup_steps: the ratio"
        )
        return False
    if named is not None and named < (5,) and steps:
        config.ignore("warmup_ratio", "warmup_steps overrides it in transformers 4")
        return False
    config.ignore("warmup_steps", "warmup_ratio overrides it in transformers 5.0 to 5.14")
    if named is None:
        message = "transformers 5.15 and later refuse warmup_ratio; the file is read as 5.14 and before have it"
        ratio = config.find("warmup_ratio").plain()
        fix = f"write warmup_steps: {ratio} for transformers 5, where a number below 1 is a ratio"
        config.trap("warmup-key-removed", "warmup_ratio", message, fix)
    return True


def _share(config: Config, key: str, ratio: float | None) -> Value | None:
    """Return a ratio of the run as a document writes it, digit for digit."""
    place = config.find(key).place
    if ratio is None:
        return None
    if not 0 <= ratio <= 1:
        wanted = "0 or more" if key == "warmup_steps" else "between 0 and 1"
        config.refuse(key, f"must be {wanted}, not {ratio:g}")
        return None
    percent = (Decimal(repr(ratio)) * 100).normalize()
    return Value(f"{percent:f}%", place) if ratio else None


def _warmup_ignored(config: Config, kind: str, warmup: Value | None) -> None:
    key = "warmup_ratio" if config.has("warmup_ratio") else "warmup_steps"
    config.ignore(key, f"{kind} has no warmup")
    if warmup is not None:
        message = f"lr_scheduler_type {kind} ignores {key} without a word: step 0 trains with the full learning rate"
        fix = "write lr_scheduler_type: constant_with_warmup" if kind == "constant" else f"remove {key}"
        config.trap("warmup-ignored", key, message, fix)


def _kwargs(config: Config, kind: str) -> Entries:
    """Return the scheduler's own arguments: a mapping, or JSON in a string as the command line has it."""
    value = config.take("lr_scheduler_kwargs", "scheduler")
    if isinstance(value.data, str):
        try:
            value = Value.of(json.loads(value.data), value.place)
        except (json.JSONDecodeError, RecursionError):
            wanted = """must be a mapping, or JSON such as '{"min_lr": 1e-6}'"""
            config.refuse("lr_scheduler_kwargs", f"{wanted}, not {shown(value.data)}")
            return {}
    if value.data is None:
        return {}
    if not isinstance(value.data, dict):
        config.refuse("lr_scheduler_kwargs", f"must be a mapping such as {{min_lr: 1e-6}}, not {shown(value.plain())}")
        return {}
    types = arg_types(lookup(f"hf-{kind.replace('_', '-')}"))
    known = [name for name, each in types.items() if not each.extra and name not in GIVEN]
    for name, entry in value.data.items():
        if name in GIVEN:
            message = f"the Trainer gives {name} itself: TypeError for a second one"
        elif name not in known:
            hint = nearest(name, known) or f"; it has {', '.join(known) or 'no arguments'}"
            message = f"{kind} has no {name}{hint}"
        else:
            continue
        config.problems.append(Problem(field=f"lr_scheduler_kwargs.{name}", message=message, place=entry.place))
    return dict(value.data)
