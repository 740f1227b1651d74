"""Records into pretraining.json what the schedules of training libraries give, for test_pretraining.py.

    pip install --no-deps torchtune litgpt ai2-olmo nanotron axolotl fairseq speechbrain pytorch_optimizer
    python tests/recordings/record_pretraining.py FOLDER

Most of them import GPU kernels or all of a trainer, so that the one class or function is taken out of its installed
file by its name, and run with stand-ins for what it is registered with. Those that no package has are read from FOLDER:
nanogpt.py and nanogpt_2023.py (get_lr of karpathy/nanoGPT's train.py), annotated.py and noamopt.py (rate and NoamOpt of
harvardnlp/annotated-transformer), at the COMMITS below.
"""

import argparse
import ast
import dataclasses
import json
import math
import typing
from abc import ABCMeta, abstractmethod
from collections.abc import Collection
from functools import partial
from importlib import metadata, util
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

HERE = Path(__file__).parent
LR, LRS = 3e-4, (3e-4, 1e-3)
COMMITS = {
    "karpathy/nanoGPT": "e2221318e607eb5ee0669d6b7641af25a2111545",
    "karpathy/nanoGPT (nanogpt-2023)": "005475c4cfb801a872e72603140e0cc638435e64",
    "harvardnlp/annotated-transformer": "0a91a254735c07532e23733dce8a693e504f3a08",
    "harvardnlp/annotated-transformer (noamopt)": "df6e38155aa2ed2c8aabff426c0914a617ef7c80",
}
PACKAGES = (
    "torch",
    "torchtune",
    "litgpt",
    "ai2-olmo",
    "nanotron",
    "axolotl",
    "fairseq",
    "speechbrain",
    "pytorch_optimizer",
)
LENGTHS = [(4, 12), (0, 12), (12, 12), (15, 12), (1, 1), (3, 20), (0, 1), (7, 30)]


def taken(path, *names, **known):
    """Return the classes and functions of these names in a file, each executed alone."""
    tree = ast.parse(Path(path).read_text())
    found = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in names]
    assert len(found) == len(names), (path, names)
    imports = {
        name: getattr(typing, name) for name in ("Any", "Dict", "List", "Optional", "Sequence", "Tuple", "Union")
    }
    own = {name: getattr(dataclasses, name) for name in ("dataclass", "field")}
    namespace = {"math": math, "torch": torch, "LambdaLR": LambdaLR, "partial": partial, **imports, **own, **known}
    exec(compile(ast.Module(found, []), str(path), "exec"), namespace)
    return SimpleNamespace(**{name: namespace[name] for name in names})


def package(name, path):
    """Return the path of a file in a package, which is not imported."""
    return Path(util.find_spec(name).origin).parent / path


def optimizer():
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": lr} for lr in LRS], lr=LR)


def looped(steps, begin):
    """Return a loop's learning rates; `begin(optimizer)` returns what is called after each update, with its number."""
    used, seen = optimizer(), [[] for _ in LRS]
    try:
        after = begin(used)
        for step in range(steps):
            for rates, group in zip(seen, used.param_groups, strict=True):
                rates.append(float(group["lr"]))
            used.step()
            after(step + 1)
    except (ZeroDivisionError, AssertionError, ValueError) as error:
        return {"lr": seen, "error": type(error).__name__}
    return {"lr": seen}


def scheduled(make):
    """Return the beginning of a loop that steps a scheduler of torch's form."""

    def begin(used):
        scheduler = make(used)
        return lambda _: scheduler.step()

    return begin


def written(lr_at):
    """Return the beginning of a loop that writes one learning rate into every group, before each update."""

    def begin(used):
        def write(step):
            for group in used.param_groups:
                group["lr"] = lr_at(step)

        write(0)
        return write

    return begin


def torchtune():
    path = package("torchtune", "training/lr_schedulers.py")
    function = taken(path, "get_cosine_schedule_with_warmup").get_cosine_schedule_with_warmup
    for cycles in (0.5, 1.0, 0.3):
        for warmup, total in LENGTHS:
            make = partial(function, num_warmup_steps=warmup, num_training_steps=total, num_cycles=cycles)
            yield cosine("torchtune", warmup, total, num_cycles=cycles), total, scheduled(make)


def cosine(preset, warmup, total, **rest):
    return {"name": "warmup-cosine", "preset": preset, "warmup_steps": warmup, "total_steps": total, **rest}


def litgpt():
    function = taken(package("litgpt", "pretrain.py"), "get_lr").get_lr
    for low in (4e-5, 0.0):
        for warmup, total in LENGTHS:
            lr_at = partial(at, function, LR, warmup, total, low)
            yield cosine("litgpt", warmup, total, **({} if low else {"min_lr": low})), total, written(lr_at)


def at(function, lr, warmup, total, low, step):
    return function(lr, step, warmup, total, low)


def nanogpt(folder):
    for warmup, total in LENGTHS:
        own = {"learning_rate": LR, "warmup_iters": warmup, "lr_decay_iters": total, "min_lr": 6e-5}
        get_lr = taken(folder / "nanogpt.py", "get_lr", **own).get_lr
        yield cosine("nanogpt", warmup, total), total, written(get_lr)
        old = taken(folder / "nanogpt_2023.py", "Trainer").Trainer.get_lr
        yield (
            cosine("nanogpt-2023", warmup, total),
            total,
            written(partial(old, SimpleNamespace(args=SimpleNamespace(**own)))),
        )


def olmo():
    names = ("Scheduler", "CosWithWarmup", "LinearWithWarmup", "InvSqrtWithWarmup")
    known = {"ABCMeta": ABCMeta, "abstractmethod": abstractmethod, "cos": math.cos, "pi": math.pi, "sqrt": math.sqrt}
    found = taken(package("olmo", "optim.py"), *names, **known)
    unused = {"grad_clip_warmup_steps": None, "grad_clip_warmup_factor": None}
    for (warmup, total), (low, start) in ((each, lows) for each in LENGTHS for lows in ((None, None), (0.0, 1e-5))):
        common = {**unused, "warmup_min_lr": start, "warmup_steps": warmup}
        given = {} if start is None else {"warmup_init_lr": start}
        least = {} if low is None else {"min_lr": low}
        alpha = {} if low is None else {"alpha_f": low}
        form = {"preset": "olmo", "warmup_steps": warmup, **given}
        for name, kind in (("warmup-cosine", found.CosWithWarmup), ("warmup-polynomial", found.LinearWithWarmup)):
            made = kind(**common, **alpha)
            document = {"name": name, **form, "total_steps": total, **least}
            yield document, total, written(partial(from_one, made, total))
        if warmup:
            made = found.InvSqrtWithWarmup(**common)
            yield {"name": "inverse-sqrt", **form}, 3 * warmup, written(partial(from_one, made, total))


def from_one(made, total, step):
    return made.get_lr(LR, step + 1, total)


def nanotron():
    settings = taken(package("nanotron", "config/config.py"), "LRSchedulerArgs").LRSchedulerArgs
    known = dict.fromkeys(("Optimizer", "LRSchedulerArgs"), object)
    builder = taken(package("nanotron", "helpers.py"), "lr_scheduler_builder", **known).lr_scheduler_builder
    names = {
        "lr_warmup_steps": "warmup_steps", "lr_warmup_style": "warmup_mode", "lr_decay_style": "decay",
        "lr_decay_steps": "decay_steps", "lr_decay_starting_step": "decay_start", "min_decay_lr": "min_lr",
    }  # fmt: skip
    options = [
        {},
        {"min_decay_lr": 1e-5},
        {"min_decay_lr": 1e-5, "lr_decay_style": "cosine"},
        {"lr_decay_starting_step": 8},
        {"lr_decay_starting_step": 8, "min_decay_lr": 0.0},
        {"lr_warmup_style": "constant"},
        {"lr_decay_steps": 3, "min_decay_lr": 2e-5},
        {"lr_decay_starting_step": 6, "lr_decay_steps": 4, "min_decay_lr": 0.0},
        {"lr_decay_starting_step": 6, "lr_decay_steps": 30, "min_decay_lr": 1e-6, "lr_decay_style": "cosine"},
    ]
    for (warmup, total), option in ((each, option) for each in LENGTHS for option in options):
        given = {"lr_warmup_steps": warmup, "lr_warmup_style": "linear", **option}
        args = settings(learning_rate=LR, **given)
        make = partial(base_built, builder, args, total)
        document = {names[name]: value for name, value in given.items()}
        yield {"name": "wsd", "preset": "nanotron", "total_steps": total, **document}, total, scheduled(make)


def base_built(builder, args, total, used):
    return builder(SimpleNamespace(get_base_optimizer=lambda: used), args, total)


def axolotl():
    names = (
        "RexLR",
        *(f"get_cosine_schedule_with_{name}" for name in ("quadratic_warmup", "min_lr", "warmup_decay_constant")),
    )
    lambdas = [f"_{name}_lr_lambda" for name in names[1:]]
    lambdas[1] = "_get_cosine_schedule_with_min_lr_lambda"
    known = {"LRScheduler": LRScheduler, "Tensor": torch.Tensor, "Optimizer": torch.optim.Optimizer}
    found = taken(package("axolotl", "utils/schedulers.py"), *names, *lambdas, **known)
    for warmup, total in LENGTHS:
        lengths = {"num_warmup_steps": warmup, "num_training_steps": total}
        make = partial(found.get_cosine_schedule_with_quadratic_warmup, **lengths)
        yield cosine("axolotl-quadratic", warmup, total), total, scheduled(make)
        for low in (0.1, 0.25):
            make = partial(found.get_cosine_schedule_with_min_lr, **lengths, min_lr_ratio=low)
            yield cosine("axolotl", warmup, total, min_lr=f"{low}x"), total, scheduled(make)
            for until in (0.75, 0.4):
                least = {"min_lr_ratio": low, "constant_lr_ratio": until}
                make = partial(found.get_cosine_schedule_with_warmup_decay_constant, **lengths, **least)
                document = cosine("axolotl-constant", warmup, total, min_lr=f"{low}x", decay_until=until)
                yield document, total, scheduled(make)
        for low in (0.0, 0.1):
            make = partial(found.RexLR, max_lr=LR, min_lr=LR * low, total_steps=total, num_warmup_steps=warmup)
            document = {"name": "rex", "preset": "axolotl", "warmup_steps": warmup, "total_steps": total}
            yield {**document, "min_lr": f"{low}x"}, total, scheduled(make)


def fairseq():
    folder = package("fairseq", "optim")
    base = taken(folder / "fairseq_optimizer.py", "FairseqOptimizer").FairseqOptimizer
    parent = taken(folder / "lr_scheduler/fairseq_lr_scheduler.py", "FairseqLRScheduler", FairseqOptimizer=base)
    known = {"register_lr_scheduler": lambda *_, **__: lambda kind: kind, "Collection": Collection, **vars(parent)}
    files = {
        "InverseSquareRootSchedule": "inverse_square_root_schedule", "TriStageLRSchedule": "tri_stage_lr_scheduler",
        "PolynomialDecayLRSchedule": "polynomial_decay_schedule",
    }  # fmt: skip
    for name, path in files.items():
        source = folder / "lr_scheduler" / f"{path}.py"
        config = {f"{name}Config": None, "InverseSquareRootLRScheduleConfig": None}
        known[name] = getattr(taken(source, name, **known, **config), name)

    def begin(name, settings, used):
        own = base(None)
        own._optimizer = used
        made = known[name](SimpleNamespace(lr=[LR], **settings), own)
        made.step_update(0)
        return made.step_update

    for start in (-1, 1e-5):
        for warmup in (4, 1, 7, 0):
            document = {"name": "inverse-sqrt", "preset": "fairseq", "warmup_steps": warmup}
            settings = {"warmup_updates": warmup, "warmup_init_lr": start}
            given = {} if start < 0 else {"warmup_init_lr": start}
            yield {**document, **given}, 20, partial(begin, "InverseSquareRootSchedule", settings)
    for low, power in ((0.0, 1.0), (1e-5, 2.0)):
        for warmup, total in LENGTHS:
            settings = {"warmup_updates": warmup, "total_num_update": total, "force_anneal": None}
            settings |= {"end_learning_rate": low, "power": power}
            document = {"name": "warmup-polynomial", "preset": "fairseq", "warmup_steps": warmup, "total_steps": total}
            yield (
                {**document, "min_lr": low, "power": power},
                total,
                partial(begin, "PolynomialDecayLRSchedule", settings),
            )
    for stages in ((3, 3, 6), (0, 4, 5), (4, 0, 1), (0, 0, 3), (2, 30, 4), [0.1, 0.4, 0.5], [0.25, 0.25, 0.5]):
        for scales in ({}, {"init_lr_scale": 0.1, "final_lr_scale": 0.5}):
            names = dict(zip(("warmup_steps", "hold_steps", "decay_steps"), stages, strict=True))
            own = {"phase_ratio": stages} if isinstance(stages, list) else names
            settings = {
                "phase_ratio": None,
                "max_update": 18,
                "init_lr_scale": 0.01,
                "final_lr_scale": 0.01,
                **own,
                **scales,
            }
            document = {"name": "tri-stage", "preset": "fairseq", "total_steps": 18, **own, **scales}
            yield document, 18, partial(begin, "TriStageLRSchedule", settings)


def speechbrain():
    hooks = {
        "register_checkpoint_hooks": lambda kind: kind,
        "mark_as_saver": lambda f: f,
        "mark_as_loader": lambda f: f,
    }
    path = package("speechbrain", "nnet/schedulers.py")
    found = taken(path, "NoamScheduler", "TriStageLRSchedule", checkpoints=SimpleNamespace(**hooks))
    for warmup, size in ((4, None), (1, None), (25, None), (6, 512)):
        document = {"name": "noam", "preset": "speechbrain", "warmup_steps": warmup}
        own = {} if size is None else {"model_size": size}
        yield {**document, **own}, 20, partial(noam_begin, partial(found.NoamScheduler, LR, warmup, **own))
    for stages in ((3, 3, 6), (2, 0, 5)):
        names = dict(zip(("warmup_steps", "hold_steps", "decay_steps"), stages, strict=True))
        make = partial(found.TriStageLRSchedule, LR, **names, total_steps=18)
        yield {"name": "tri-stage", "preset": "speechbrain", **names}, 18, partial(numbered_begin, make)


def noam_begin(make, used):
    made = make()
    return lambda _: made(used)


def numbered_begin(make, used):
    made = make()
    return lambda updates: made(used, updates)


def annotated_transformer(folder):
    rate = taken(folder / "annotated.py", "rate").rate
    for size, warmup in ((512, 4), (256, 10), (64, 400)):
        made = partial(LambdaLR, lr_lambda=partial(rate, model_size=size, factor=1.0, warmup=warmup))
        document = {"name": "noam", "preset": "annotated-transformer", "model_size": size, "warmup_steps": warmup}
        yield document, 20, scheduled(made)
        old = taken(folder / "noamopt.py", "NoamOpt").NoamOpt(size, 2, warmup, None)
        yield {**document, "preset": "noamopt"}, 20, written(lambda step, old=old: old.rate(step + 1))


def pytorch_optimizer():
    names = ("get_wsd_schedule", "get_wsd_scheduler_lambda")
    ratios = [f"get_{name}_cooldown_lr_ratio" for name in ("cosine", "1sqrt", "1square", "linear")]
    known = {"COOLDOWN_TYPE": str, "LRScheduler": LRScheduler, "Optimizer": torch.optim.Optimizer}
    function = taken(package("pytorch_optimizer", "lr_scheduler/wsd.py"), *names, *ratios, **known).get_wsd_schedule
    for kind in (None, "cosine", "1-sqrt", "1-square", "linear"):
        for warmup, stable, decay in ((4, 4, 4), (0, 5, 7), (3, 0, 1), (2, 6, 0)):
            own = {} if kind is None else {"cooldown_type": kind}
            make = partial(
                function,
                num_warmup_steps=warmup,
                num_stable_steps=stable,
                num_decay_steps=decay,
                min_lr_ratio=0.1,
                **own,
            )
            total = warmup + stable + decay
            document = {"name": "wsd", "preset": "pytorch-optimizer", "warmup_steps": warmup, "decay_steps": decay}
            given = {} if kind is None else {"decay": kind}
            yield {**document, "total_steps": total, "min_lr": "0.1x", **given}, total, scheduled(make)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    sources = (
        torchtune(), litgpt(), nanogpt(folder), olmo(), nanotron(), axolotl(), fairseq(), speechbrain(),
        annotated_transformer(folder), pytorch_optimizer(),
    )  # fmt: skip
    cases = [
        {"scheduler": document, "steps": total + 5, **looped(total + 5, begin)}
        for source in sources
        for document, total, begin in source
    ]
    for case in cases:  # a loop writes the same into both
        case["lr"] = case["lr"][:1] if case["lr"][0] == case["lr"][1] else case["lr"]
    versions = {name: metadata.version(name) for name in PACKAGES} | COMMITS
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    head = {"versions": versions, "lr": LR, "lrs": LRS}
    text = f'{json.dumps(head)[:-1]}, "cases": [\n{lines}\n]}}\n'
    (HERE / "pretraining.json").write_text(text)


if __name__ == "__main__":
    main()
