"""Record what the schedules of transformers give: tests/recordings/transformers.json.

    python tests/recordings/record_transformers.py [--old FOLDER ...] [--to FILE]

in an environment with torch and transformers. `--old` are folders with unpacked wheels of older versions
(`pip download --no-deps transformers==4.45.2`): of these only transformers/optimization.py and
transformers/trainer_utils.py are executed, with stand-ins for what they import of the rest, which no schedule
needs. Every schedule is made by `get_scheduler`, as the Trainer makes it, on an optimizer with two parameter
groups: one has the optimizer's own learning rate, the other one of its own. Rates are those that each step
trains with; of more than `LONGEST` steps there is their SHA-256 as little-endian doubles.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import struct
import sys
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

DEFAULT_LR = 3e-3
OTHER_LR = 0.0371
LONGEST = 16
MORE = 3  # steps past the end
TOTALS = (1, 2, 12, 100)

Arguments = dict[str, Any]


def warmups(total: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys((0, 1, 4, total, total + 8)))


# The arguments of each schedule beside num_warmup_steps and num_training_steps, for a training of so many steps.
KWARGS: dict[str, Callable[[int], list[Arguments]]] = {
    "constant": lambda total: [{}],
    "constant_with_warmup": lambda total: [{}],
    "linear": lambda total: [{}],
    "cosine": lambda total: [{}, {"num_cycles": 1.5}, {"num_cycles": 0.23}],
    "cosine_with_restarts": lambda total: [{}, {"num_cycles": 3}, {"num_cycles": 2.5}],
    "polynomial": lambda total: [{}, {"power": 2.0, "lr_end": 1e-4}, {"power": 0.5, "lr_end": 0.0}],
    "inverse_sqrt": lambda total: [{}, {"timescale": 10}, {"timescale": 3}],
    "cosine_with_min_lr": lambda total: [{"min_lr_rate": 0.1}, {"min_lr": 1e-4}, {"min_lr": 2e-4, "num_cycles": 1.5}],
    "cosine_warmup_with_min_lr": lambda total: [
        {"min_lr_rate": 0.1},
        {"min_lr": 1e-4, "warmup_lr_rate": 0.2},
        {"min_lr_rate": 0.0, "warmup_lr_rate": 0.0, "num_cycles": 1.5},
    ],
    "warmup_stable_decay": lambda total: [
        {"num_decay_steps": total // 3},
        {"num_decay_steps": total // 3, "decay_type": "linear", "min_lr_ratio": 0.1, "warmup_type": "cosine"},
        {"num_decay_steps": total // 2, "decay_type": "1-sqrt", "warmup_type": "1-sqrt", "num_stable_steps": 1},
        {"num_decay_steps": total, "num_cycles": 1.5, "min_lr_ratio": 0.3},
    ],
}
# Those that changed, in the versions in which they were different, or new.
OLD_WSD = [
    {"num_decay_steps": 5, "num_stable_steps": 2},
    {"num_decay_steps": 3, "num_stable_steps": 4, "min_lr_ratio": 0.1, "num_cycles": 1.5},
]
OLD: dict[str, list[Arguments]] = {
    **{name: [{}] for name in ("linear", "cosine", "polynomial", "constant_with_warmup", "inverse_sqrt")},
    "cosine_with_min_lr": [{"min_lr": 1e-4}],
    "cosine_warmup_with_min_lr": [{"min_lr_rate": 0.1}],
    "warmup_stable_decay": OLD_WSD,
}
REFUSED: list[tuple[str, Arguments]] = [
    ("cosine_with_min_lr", {}),
    ("cosine_with_min_lr", {"min_lr": 1e-4, "min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", {}),
    ("cosine_warmup_with_min_lr", {"min_lr": 1e-4, "min_lr_rate": 0.1}),
    ("polynomial", {"lr_end": DEFAULT_LR}),
    ("polynomial", {"lr_end": 1.0}),
    ("warmup_stable_decay", {}),
    ("warmup_stable_decay", {"num_decay_steps": 4, "decay_type": "exponential"}),
    ("warmup_stable_decay", {"num_decay_steps": 4, "warmup_type": "1 - sqrt"}),
    ("linear", {"num_cycles": 1}),
    ("cosine", {"min_lr": 1e-4}),
    ("greedy", {"factor": 1.0}),
    ("greedy", {"mode": "least"}),
    ("greedy", {"threshold_mode": "relative"}),
    ("greedy", {"min_lr": [1e-4, 1e-4, 1e-4]}),
    ("reduce_lr_on_plateau", {"factor": 1.0}),
    ("reduce_lr_on_plateau", {"timescale": 1}),
]
UP_AND_DOWN = [abs(step % 13 - 6) / 4 for step in range(60)]
FALLING = [0.93**step for step in range(40)]
FLAT = [1.0] * 40
DOWN_THEN_FLAT = [max(0.4, 1 - step / 20) for step in range(60)]
EVALUATED: list[tuple[str, Arguments, list[float], int]] = [
    ("greedy", {}, FLAT, 1),
    ("greedy", {}, FALLING, 1),
    ("greedy", {"min_lr": 1e-5, "patience": 2}, UP_AND_DOWN, 1),
    ("greedy", {"min_lr": 1e-5, "patience": 1, "factor": 0.5, "cooldown": 2, "warmup": 3}, UP_AND_DOWN, 3),
    ("greedy", {"min_lr": [1e-3, 2e-2], "patience": 1, "factor": 0.5, "reset_start": 3}, FLAT, 1),
    ("greedy", {"min_lr": 1e-3, "patience": 0, "factor": 0.7, "reset_start": 2}, FLAT, 4),
    ("greedy", {"max_lr": [0.01, 0.04], "patience": 0, "factor": 0.9, "min_lr": 1e-5}, FALLING, 1),
    ("greedy", {"mode": "max", "threshold_mode": "rel", "threshold": 0.01, "patience": 3, "min_lr": 0.0}, FALLING, 1),
    ("greedy", {"smooth": True, "window_size": 5, "patience": 2, "min_lr": 1e-6}, UP_AND_DOWN, 1),
    ("greedy", {"smooth": True, "window_size": 4, "patience": 0, "min_lr": 2e-3, "reset_start": 2}, UP_AND_DOWN, 1),
    ("greedy", {"eps": 1e-3, "patience": 0, "min_lr": 1e-6}, FLAT, 1),
    ("greedy", {"patience": 1, "min_lr": 1e-4, "threshold": 0.2}, DOWN_THEN_FLAT, 2),
    ("reduce_lr_on_plateau", {}, FLAT, 1),
    ("reduce_lr_on_plateau", {"patience": 2, "factor": 0.5}, DOWN_THEN_FLAT, 5),
    ("reduce_lr_on_plateau", {"mode": "max", "patience": 1, "cooldown": 2, "min_lr": [1e-4, 1e-3]}, FALLING, 3),
    ("reduce_lr_on_plateau", {"threshold": 0.1, "threshold_mode": "abs", "patience": 4}, UP_AND_DOWN, 1),
    ("reduce_lr_on_plateau", {"eps": 1e-3, "patience": 0, "factor": 0.6}, FLAT, 2),
]


def optimizer() -> Any:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))]} for _ in range(2)]
    groups[1]["lr"] = OTHER_LR
    return torch.optim.SGD(groups, lr=DEFAULT_LR)


def rates_of(made: Any) -> list[float]:
    return [float(group["lr"]) for group in made.param_groups]


def replayed(module: Any, name: str, arguments: Arguments, steps: int) -> Arguments:
    """Return the rates of every group in a plain loop, and the error that ended it."""
    given = dict(arguments)
    warmup, total = given.pop("num_warmup_steps", 0), given.pop("num_training_steps", None)
    made = optimizer()
    rates: list[list[float]] = []
    try:
        scheduler = module.get_scheduler(name, made, warmup, total, given)
        for _ in range(steps):
            rates.append(rates_of(made))
            made.step()
            scheduler.step()
    except Exception as error:  # noqa: BLE001  whatever upstream raises
        return {"lr": packed(rates), "error": [len(rates), type(error).__name__, str(error)]}
    return {"lr": packed(rates)}


def packed(rates: list[list[float]]) -> list[Any]:
    columns = [list(column) for column in zip(*rates, strict=True)]
    return [digest(column) if len(column) > LONGEST else column for column in columns]


def digest(column: Iterable[float]) -> str:
    return hashlib.sha256(b"".join(struct.pack("<d", rate) for rate in column)).hexdigest()


def cases(module: Any, version: str) -> Iterator[Arguments]:
    for name, kwargs in KWARGS.items():
        for total in TOTALS:
            for warmup in (0,) if name == "constant" else warmups(total):
                for own in kwargs(total):
                    yield case(module, version, name, warmup, total, own)


def old_cases(module: Any, version: str) -> Iterator[Arguments]:
    known = {entry.value for entry in module.SchedulerType}
    for name in (name for name in OLD if name in known):
        for warmup in (0, 4):
            for own in OLD[name]:
                yield case(module, version, name, warmup, 12, own)


def case(module: Any, version: str, name: str, warmup: int, total: int, own: Arguments) -> Arguments:
    arguments = {"num_warmup_steps": warmup, "num_training_steps": total, **own}
    steps = total + MORE
    found = {"version": version, "name": name, "arguments": arguments, "steps": steps}
    return found | replayed(module, name, arguments, steps)


def evaluated(module: Any) -> Iterator[Arguments]:
    """Yield the runs that are stepped at evaluations only, as the Trainer steps them: after every so many steps."""
    for name, own, metric, every in EVALUATED:
        made = optimizer()
        scheduler = module.get_scheduler(name, made, scheduler_specific_kwargs=own)
        rates: list[list[float]] = []
        for step in range(len(metric) * every):
            rates.append(rates_of(made))
            made.step()
            if (step + 1) % every == 0:
                scheduler.step(metric[step // every])
        columns = [digest(column) for column in zip(*rates, strict=True)]
        yield {
            "name": name,
            "arguments": own,
            "metric": metric,
            "eval_steps": every,
            "steps": len(rates),
            "lr": columns,
        }


def refused(module: Any) -> Iterator[Arguments]:
    for name, own in REFUSED:
        try:
            module.get_scheduler(name, optimizer(), 4, 12, own)
        except Exception as error:  # noqa: BLE001  whatever upstream raises
            yield {"name": name, "arguments": own, "error": [type(error).__name__, str(error)]}
        else:
            raise SystemExit(f"{name} takes {own}")


class _Anything(types.ModuleType):
    """A module of which an old file imports names that no schedule uses."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda *_, **__: None, "get_logger": staticmethod(lambda *_: None)})


def old_module(folder: Path) -> Any:
    """Return transformers.optimization of an unpacked wheel, with stand-ins for the rest of the package."""
    package = types.ModuleType("transformers")
    package.__path__ = [str(folder / "transformers")]
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers"]:
        del sys.modules[name]
    stubs = ("utils", "utils.logging", "utils.versions", "trainer_pt_utils")
    sys.modules |= {"transformers": package} | {f"transformers.{name}": _Anything(name) for name in stubs}
    enums = (folder / "transformers" / "trainer_utils.py").read_text()
    start = enums.index("class SchedulerType(")
    body = enums[start : enums.index("\nclass ", start)].replace("(ExplicitEnum)", "(str, Enum)")
    utils = types.ModuleType("transformers.trainer_utils")
    exec(f"from enum import Enum\n{body}", vars(utils))
    sys.modules["transformers.trainer_utils"] = utils
    return importlib.import_module("transformers.optimization")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--old", type=Path, nargs="*", default=[], help="folders called by their versions")
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("transformers.json"))
    given = options.parse_args()
    warnings.simplefilter("ignore")
    import transformers
    from transformers import optimization

    newest = transformers.__version__
    parts = {
        "refused": list(refused(optimization)),
        "evaluated": list(evaluated(optimization)),
        "cases": list(cases(optimization, newest)),
    }
    for folder in given.old:
        parts["cases"] += old_cases(old_module(folder), folder.name)
    head = {"transformers": newest, "torch": torch.__version__, "lr": [DEFAULT_LR, OTHER_LR]}
    lines = {name: ",\n".join(map(json.dumps, part)) for name, part in parts.items()}
    body = ",\n".join(f'"{name}": [\n{text}\n]' for name, text in lines.items())
    given.to.write_text(f"{json.dumps(head)[:-1]},\n{body}}}\n")


if __name__ == "__main__":
    main()
