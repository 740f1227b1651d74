"""Record what the code of Ultralytics' trainer sets at every batch, version by version, into ultralytics.json.

    pip install -c constraints.txt torch numpy
    for version in 8.2.0 8.3.200 8.4.0 8.4.2 8.4.3 8.4.102 8.4.103 8.4.182 8.4.183 8.4.190
    do pip download --no-deps --dest WHEELS ultralytics==$version; done
    python tests/recordings/record_ultralytics.py WHEELS

The schedule is no class: it is a part of `BaseTrainer._do_train`, between data loaders and a model. So the statements
are taken, with ast, from the trainer's file in each wheel, and executed: the methods `build_optimizer`,
`_setup_scheduler` and `_get_warmup_iterations`, and of the loop the assignments of nw and ni, and the `if` on both.
Around them stands a loop of this script, over epochs, with `scheduler.step()` at the start of each, and batches. The
model is a convolution, a norm and a head, without data. A case records the groups' own rates as they are built, which
of their columns are the same, the learning rate at each batch, and momentum where a group has it.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import re
import types
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn, optim

USED = {"math": math, "np": np, "nn": nn, "optim": optim, "partial": partial, "re": re, "torch": torch}
"""What the trainer's file imports, as far as those parts use it."""

METHODS = ("build_optimizer", "_setup_scheduler", "_get_warmup_iterations")
DEFAULTS = {
    "optimizer": "SGD",
    "lr0": 0.01,
    "lrf": 0.01,
    "momentum": 0.937,
    "cos_lr": False,
    "warmup_epochs": 3.0,
    "warmup_momentum": 0.8,
    "warmup_bias_lr": 0.1,
}

Arguments = dict[str, Any]

EVERY: tuple[Arguments, ...] = (
    {"epochs": 5, "nb": 9},
    {"epochs": 6, "nb": 7, "cos_lr": True, "warmup_epochs": 2.5, "optimizer": "AdamW", "lr0": 0.001},
    {"epochs": 4, "nb": 30, "warmup_epochs": 3.5, "warmup_bias_lr": 0.05},
    {"epochs": 5, "nb": 6, "optimizer": "auto", "iterations": 10000, "nc": 80},
    {"epochs": 5, "nb": 6, "optimizer": "auto", "iterations": 10001, "nc": 3},
    {"epochs": 3, "nb": 5, "warmup_epochs": 0.0},
)
NEWEST: tuple[Arguments, ...] = (
    {"epochs": 1, "nb": 12},
    {"epochs": 2, "nb": 12, "warmup_epochs": 0.3},
    {"epochs": 2, "nb": 3, "warmup_epochs": 0.1},
    {"epochs": 8, "nb": 1, "cos_lr": True, "lrf": 0.2},
    {"epochs": 7, "nb": 4, "lrf": 1.0, "warmup_epochs": 1},
    {"epochs": 7, "nb": 4, "lrf": 0.0, "warmup_epochs": 1.6, "momentum": 0.9, "warmup_momentum": 0.5},
    {"epochs": 6, "nb": 5, "optimizer": "RMSProp", "lr0": 0.003, "warmup_bias_lr": 0.0},
    {"epochs": 10, "nb": 3, "warmup_epochs": 50},
    {"epochs": 4, "nb": 11, "optimizer": "auto", "iterations": 500, "nc": 1, "cos_lr": True, "warmup_epochs": 1.25},
)


class Head(nn.Module):
    """A head whose cv3 MuSGD trains with three times the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.cv2, self.cv3 = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), Head())


def names_of(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


class Wheel:
    """The trainer of one version, as far as it says what is trained with."""

    def __init__(self, path: Path) -> None:
        self.version = path.name.split("-")[1]
        with zipfile.ZipFile(path) as wheel:
            files = {name: wheel.read(name).decode() for name in wheel.namelist() if name.endswith(".py")}
        self.space: Arguments = {**USED, "__name__": "trainer", "TORCH_2_0": True}
        self.space |= {"LOGGER": types.SimpleNamespace(info=lambda *_: None), "colorstr": lambda *text: text[-1]}
        self.space |= {"unwrap_model": lambda model: model}
        if "ultralytics/optim/muon.py" in files:
            exec(files["ultralytics/optim/muon.py"], self.space)
        self.run(self.named(ast.parse(files["ultralytics/utils/torch_utils.py"]).body, "one_cycle"))
        tree = ast.parse(files["ultralytics/engine/trainer.py"])
        trainer = self.named(tree.body, "BaseTrainer")
        loop = list(ast.walk(self.named(trainer.body, "_do_train")))
        assigned = [node for node in loop if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
        self.nw, self.ni = (
            next(node for node in assigned if node.targets[0].id == name)  # type: ignore[attr-defined]
            for name in ("nw", "ni")
        )
        self.warmup = next(node for node in loop if isinstance(node, ast.If) and names_of(node.test) == {"ni", "nw"})
        trainer.body = [node for node in trainer.body if getattr(node, "name", None) in METHODS]
        self.run(trainer)

    @staticmethod
    def named(body: list[ast.stmt], name: str) -> Any:
        return next(node for node in body if getattr(node, "name", None) == name)

    def run(self, *statements: ast.stmt) -> None:
        module = ast.fix_missing_locations(ast.Module(list(statements), []))
        exec(compile(module, self.version, "exec"), self.space)

    def recorded(self, given: Arguments) -> Arguments:
        """Return a case of this version."""
        args = types.SimpleNamespace(**{**DEFAULTS, **given}, nbs=64)
        trainer = self.space["BaseTrainer"]()
        trainer.args, trainer.epochs, trainer.batch_size, trainer.accumulate = args, args.epochs, 16, 4
        trainer.data, model = {"nc": given.get("nc", 10)}, Model()
        model.nc = given.get("nc", 10)  # type: ignore[assignment]  # where older ones look
        iterations = given.get("iterations", 1)
        made = trainer.build_optimizer(model, args.optimizer, args.lr0, args.momentum, 5e-4, iterations)
        trainer.optimizer = made
        trainer._setup_scheduler()
        trainer.scheduler.last_epoch = -1
        groups = made.param_groups
        bases = [group["initial_lr"] for group in groups]
        rates: list[list[float]] = [[] for _ in groups]
        momenta: list[list[float]] = [[] for _ in groups]
        self.space |= {"self": trainer, "nb": args.nb, "acc0": 4}
        self.run(self.nw)
        for epoch in range(args.epochs):
            trainer.scheduler.step()
            for i in range(args.nb):
                self.space |= {"epoch": epoch, "i": i}
                self.run(self.ni, self.warmup)
                for group, lr, momentum in zip(groups, rates, momenta, strict=True):
                    lr.append(float(group["lr"]))
                    momentum.append(float(group.get("momentum", math.nan)))
        assert all(str(column) == str(momenta[0]) for column in momenta)
        unique = list(map(list, dict.fromkeys(map(tuple, rates))))
        case = {"version": self.version, "arguments": given, "optimizer": type(made).__name__, "bases": bases}
        case |= {"lr": unique, "columns": [unique.index(column) for column in rates]}
        return case | ({} if math.isnan(momenta[0][0]) else {"momentum": momenta[0]})


def matrix(version: str, *, newest: bool) -> Iterator[Arguments]:
    yield from EVERY
    if newest:
        yield from NEWEST
    if version.startswith("8.4."):
        yield {"epochs": 4, "nb": 9, "optimizer": "MuSGD", "lr0": 0.02, "warmup_epochs": 1.5}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("wheels", type=Path)
    options.add_argument("--to", type=Path, default=Path(__file__).with_name("ultralytics.json"))
    given = options.parse_args()
    warnings.simplefilter("ignore")
    wheels = [Wheel(path) for path in given.wheels.glob("ultralytics-*.whl")]
    wheels.sort(key=lambda wheel: [int(part) for part in wheel.version.split(".")])
    cases = [
        wheel.recorded(arguments) for wheel in wheels for arguments in matrix(wheel.version, newest=wheel is wheels[-1])
    ]
    head = f'"torch": "{torch.__version__}", "numpy": "{np.__version__}"'
    lines = ",\n".join(json.dumps(case) for case in cases)
    given.to.write_text(f'{{{head}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
