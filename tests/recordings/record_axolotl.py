"""Records into axolotl.json how axolotl counts the steps of a run and of its warmup, for test_axolotl.py.

    pip install --no-deps axolotl
    python tests/recordings/record_axolotl.py

The two functions are taken out of their files by name, because the package imports GPU kernels.
"""

import ast
import json
import math
from importlib import metadata, util
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).parent
WARMUPS = [{}, *({"warmup_steps": count} for count in (0, 1, 2, 50))]
WARMUPS += [{"warmup_ratio": ratio} for ratio in (0.0, 0.001, 0.03, 0.07, 0.1, 1.0)]
TOTALS = [1, 10, 33, 34, 66, 67, 100, 700, 1500, 3333, 3400, 10_000]
DATA = [(1000, 3, 8), (1000, 1, 16), (7, 1, 8), (1001, 2.5, 12), (2000, 0.5, 32)]


def taken(path, name):
    """Return the function of this name in a file of the package, executed alone."""
    file = Path(util.find_spec("axolotl").origin).parent / path
    found = [node for node in ast.walk(ast.parse(file.read_text())) if getattr(node, "name", None) == name]
    namespace = {"math": math, "LOG": SimpleNamespace(debug=print)}
    exec(compile(ast.Module(found, []), str(file), "exec"), namespace)
    return namespace[name]


def warmed(configure, total, given):
    """Return what axolotl gives the Trainer as its warmup_steps."""
    cfg = SimpleNamespace(**{"warmup_steps": None, "warmup_ratio": None, "logging_steps": 1, **given})
    arguments = {}
    configure(SimpleNamespace(cfg=cfg), total, arguments)
    return arguments["warmup_steps"]


def counted(calculate, samples, epochs, batch):
    """Return the steps of all epochs, without packing."""
    known = {"total_num_tokens": 1, "total_supervised_tokens": 1, "model_config_type": "llama", "sample_packing": False}
    return calculate(SimpleNamespace(**known, num_epochs=epochs, batch_size=batch), range(samples))


def main():
    configure = taken("core/builders/base.py", "_configure_warmup_and_logging")
    calculate = taken("utils/trainer.py", "calculate_total_num_steps")
    warmups = [[total, given, warmed(configure, total, given)] for total in TOTALS for given in WARMUPS]
    steps = [[*each, counted(calculate, *each)] for each in DATA]
    found = {"axolotl": metadata.version("axolotl"), "warmups": warmups, "steps": steps}
    (HERE / "axolotl.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
