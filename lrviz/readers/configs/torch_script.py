"""A training script that makes a scheduler of torch, or of transformers: read as a syntax tree, never executed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config, Entries, constant
from lrviz.readers.configs.python_calls import MADE, STARS

LABEL = "PyTorch script"
READ: Mapping[str, tuple[str, ...]] = {}
LR = 1e-3  # torch's default, where an optimizer has one of these names
WITHOUT_PART = ("momentum", "betas", "weight_decay")  # in the learning rate
WITH_LR = ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "SparseAdam", "Muon")


def fits(keys: Entries) -> bool:
    """Return whether a file with these keys makes a scheduler."""
    return MADE in keys


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a script comes to."""
    config.given = _answers(config.given.get("set", {})) | dict(config.given)
    block = _chosen(config)
    if block is None:
        return {"run": Value({}), "optimizer": Value({}), "scheduler": constant(config.name)}
    name = str(block["class"].data)
    scheduler = _known(config, block["scheduler"], "scheduler", name)
    optimizer = _optimizer(config, block["optimizer"])
    return {"run": _run(config, block["run"]), "optimizer": optimizer, "scheduler": scheduler}


def _answers(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `--set` says of the run and the learning rate, as the flags for it do."""
    run = {path.removeprefix("run."): value for path, value in settings.items() if path.startswith("run.")}
    return run | ({"lr": settings["optimizer.lr"]} if "optimizer.lr" in settings else {})


def _chosen(config: Config) -> Entries | None:
    """Return the one scheduler that the file makes, or that --line names; None where it must be said which."""
    found = config.find(MADE).data
    blocks = [each.data for each in found if isinstance(each.data, dict)] if isinstance(found, list) else []
    line = config.given.get("line")
    wanted = [block for block in blocks if line in (None, block["line"].data)]
    alone = [block for block in blocks if not _lines(block)]
    if len(wanted) == 1 or (len(blocks) > 1 and line is None and not alone):
        return None if _shares(config, wanted[0], blocks) else wanted[0]
    all_of_them = ", ".join(f"{block['class'].data} (line {block['line'].data})" for block in blocks)
    if line is None:
        example = f"--line {alone[0]['line'].data}" if alone else ""
        config.refuse_at(
            Value(None, config.name), "", f"makes {len(blocks)} schedulers: {all_of_them}; say which, such as {example}"
        )
    else:
        config.refuse_at(Value(None, "--line"), "", f"no scheduler is made at line {line}; there are {all_of_them}")
    return None


def _lines(block: Entries) -> list[Any]:
    """Return the lines of the other schedulers that change the same learning rate."""
    found = block["beside"].data
    return [each.data for each in found] if isinstance(found, list) else []


def _shares(config: Config, block: Entries, blocks: Sequence[Entries]) -> bool:
    """Return whether other schedulers change the same learning rate, which none then shows alone: refused."""
    lines = _lines(block)
    others = [f"{each['class'].data} (line {each['line'].data})" for each in blocks if each["line"].data in lines]
    if others:
        message = f"{block['class'].data} shares its optimizer with {' and '.join(others)}, and the learning rate "
        message += "comes of all of them together; write them in YAML as one scheduler, `name: chained`"
        message += " (`sequential` where one follows the other)"
        config.refuse_at(Value(None, f"{config.name}:{block['line'].data}"), "", message)
    return bool(others)


def _known(config: Config, value: Value, field: str, name: str) -> Value:
    """Return a block without what cannot be read, which must be said by --set."""
    if isinstance(value.data, list):
        entries = [_known(config, each, f"{field}[{number}]", name) for number, each in enumerate(value.data)]
        return Value([*entries], value.place)
    if not isinstance(value.data, dict):
        return value
    found: Entries = {}
    for key, entry in value.data.items():
        path = f"{field}.{key}"
        if entry.problems and path in config.given.get("set", ()):
            continue
        if entry.problems and key == "metric":
            config.need("metric", entry.problems[0].message.removesuffix(", which is not run here"))
            continue
        if entry.problems and key == "steps_per_epoch" and "len(" in entry.problems[0].message:
            config.need("steps_per_epoch")  # the run's own, which `len(loader)` is
            found[key] = Value(config.given.get("steps_per_epoch"), entry.place)
            continue
        if entry.problems and field.startswith("optimizer") and key in WITHOUT_PART:
            config.ignored.append((f"{name}.{key}", f"{entry.problems[0].message}; --set {path}=… gives it"))
            continue
        if entry.problems:
            _refuse_unread(config, entry, path)
            continue
        if not isinstance(entry.data, (dict, list)) or key in ("milestones", "betas"):
            config.reads(entry, name if key == "name" else f"{name}.{path.partition('.')[2]}", path)
        found[key] = _known(config, entry, path, name)
    return Value(found, value.place)


def _refuse_unread(config: Config, entry: Value, path: str) -> None:
    """Note what cannot be read, and how it is said beside the file."""
    way = "write its arguments out"
    if not path.endswith(f".{STARS}"):
        way = f"give it with --set {path}=…"
        config.settings.append(path)
    config.refuse_at(entry, path, f"{entry.problems[0].message}: {way}")


def _optimizer(config: Config, block: Value) -> Value:
    """Return the optimizer; a learning rate that the file does not say is asked for."""
    data = block.data if isinstance(block.data, dict) else {}
    lr, name = data.get("lr"), str(data["name"].data) if "name" in data else ""
    unread = lr is not None and lr.problems
    if unread or (lr is None and name not in WITH_LR and not _every_group_has(data, "lr")):
        config.need("lr", lr.problems[0].message.removesuffix(", which is not run here") if lr and unread else "")
    elif lr is None and name:
        config.assumed.append((f"{name}.lr", f"{LR:g}"))
    rest = {key: value for key, value in data.items() if key != "lr" or not unread}
    return _known(config, Value(rest, block.place or config.name), "optimizer", name or "optimizer")


def _every_group_has(data: Entries, name: str) -> bool:
    groups = data["groups"].data if "groups" in data else []
    return isinstance(groups, list) and bool(groups) and all(name in (each.data or ()) for each in groups)  # type: ignore[operator]


def _run(config: Config, block: Value) -> Value:
    """Return the run, as far as the loop says it; the rest is asked for."""
    data = dict(block.data) if isinstance(block.data, dict) else {}
    given, by_epoch = (
        config.given,
        config.given.get("interval", data["interval"].data if "interval" in data else "step"),
    )
    found = {key: value for key, value in data.items() if not value.problems and key not in given}
    if "steps" in given and by_epoch != "epoch":
        found.pop("epochs", None)
    if not any(key in given or key in found for key in ("epochs", "steps")):
        why = next((value.problems[0].message for value in data.values() if value.problems), "")
        config.need(
            "epochs" if "epochs" in data or by_epoch == "epoch" else "steps",
            why.removesuffix(", which is not run here"),
        )
    for key, value in found.items():
        config.reads(value, {"interval": "scheduler.step()"}.get(key, key), f"run.{key}")
    is_counted = "steps" in found or any(key in given for key in ("steps", "steps_per_epoch", "dataset_size"))
    if not is_counted and by_epoch == "epoch":
        found["steps_per_epoch"] = one = Value(1, found["interval"].place if "interval" in found else config.name)
        config.reads(one, "an epoch as a step", "run.steps_per_epoch")
    elif not is_counted and ("epochs" in given or "epochs" in data):
        config.need("steps_per_epoch")
    return Value(found, block.place or config.name)
