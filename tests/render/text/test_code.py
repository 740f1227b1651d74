"""What `lrviz code` prints, run: each step trains with what the trace has, to the last bit."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

import lrviz
from lrviz import Experiment, SpecError, load, load_all, replay
from lrviz.engine import library
from lrviz.engine.compare import experiments
from lrviz.experiment.schedulers import SchedulerSpec, catalogue, lookup
from lrviz.render.text.code.script import code_lines
from lrviz.trace import Trace

CONFIGS = Path(lrviz.__file__).parents[1] / "configs"


class Model:
    """Stands for a model, any part of it, and its loss."""

    def __init__(self, losses: Iterator[float]) -> None:
        self.losses = losses
        self.loss = 0.0

    def __getattr__(self, name: str) -> Model:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def get_submodule(self, name: str) -> Model:
        return self

    def parameters(self) -> list[Any]:
        return [torch.nn.Parameter(torch.zeros(1, 2))]

    def __call__(self, batch: object) -> Model:
        self.loss = next(self.losses)
        return self

    def __truediv__(self, other: float) -> Model:
        return self

    def __float__(self) -> float:
        return float(self.loss)

    def backward(self, **_: Any) -> None: ...

    def item(self) -> float:
        return self.loss


Steps = list[list[tuple[Any, ...]]]


def ran(text: str, experiment: Experiment, trace: Trace) -> tuple[Steps, Exception | None]:
    """Run a script; return for each step of the optimizer what each group trained with, and what ended it."""
    steps: Steps = []

    def note(optimizer: torch.optim.Optimizer, *_: object) -> None:
        steps.append([used(group, trace.momentum_name) for group in optimizer.param_groups])

    clock = experiment.run.clock
    per_epoch = clock.batches_per_epoch or (clock.steps_per_epoch or 0) * experiment.run.loop.gathers
    names = {
        "model": Model(iter(trace.loss) if trace.loss is not None else count()),
        "loader": range(per_epoch) if per_epoch else count(),
        "evaluate": evaluating(trace),
    }
    lines = [
        f"{name} = {name}_" if (name := line.partition(" = ...")[0]) in names else line for line in text.splitlines()
    ]
    hook = register_optimizer_step_pre_hook(note)
    modules = dict(sys.modules)
    try:
        sys.modules.update(without_the_rest(text))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, of schedules that do what they do
            if "Accelerator" in text:
                let_accelerate_have(experiment.run.world_size)
            exec("\n".join(lines), {f"{name}_": value for name, value in names.items()})
    except Exception as error:  # noqa: BLE001  whatever torch raises
        return steps, error
    finally:
        hook.remove()
        for name in sys.modules.keys() - modules.keys() if "timm" not in modules else ():
            if name.partition(".")[0] == "timm":
                del sys.modules[name]
    return steps, None


def without_the_rest(text: str) -> dict[str, ModuleType]:
    """Return timm and its schedulers, where the rest of timm cannot be imported for want of torchvision."""
    if "from timm.scheduler " not in text or importlib.util.find_spec("torchvision") is not None:
        return {}
    return {"timm": ModuleType("timm"), "timm.scheduler": library._imported("timm.scheduler")}


def let_accelerate_have(processes: int) -> None:
    """Have a prepared scheduler see so many processes, though there is one."""
    scheduler = importlib.import_module("accelerate.scheduler")
    scheduler.AcceleratorState = lambda: SimpleNamespace(num_processes=processes)


def evaluating(trace: Trace) -> Any:
    metrics = iter(trace.metric or ())
    return lambda model: next(metrics, 0.0)  # the last step is followed by an evaluation that nothing trains with


def used(group: dict[str, Any], momentum: str | None) -> tuple[Any, ...]:
    moved = group["betas"][0] if momentum == "beta1" else group.get(momentum) if momentum else None
    return group["lr"], moved, group.get("weight_decay")


def wanted(trace: Trace) -> Steps:
    columns = [
        zip(*(column or [None] * trace.steps for column in (group.lr, group.momentum, group.weight_decay)), strict=True)
        for group in trace.groups
    ]
    return [list(step) for step in zip(*columns, strict=True)]


def installed(experiment: Experiment, form: str | None = None) -> None:
    """Skip a test whose library is not there, or lacks what it imports, such as timm a torchvision."""
    lines = [line for line in code_lines(experiment, form) if line.startswith("from ")]
    for name in {line.split()[1].partition(".")[0] for line in lines}:
        try:
            importlib.import_module(name)
        except ImportError as error:
            pytest.skip(f"{name} cannot be imported: {error}")


def assert_trains_alike(experiment: Experiment, form: str | None = None) -> None:
    """Hold a script to the replay; where that ends early, or at the scheduler's very last step, the script does."""
    upstream = form is None and experiment.resolved.upstream() is not None
    trace = replay(experiment, engine="upstream" if upstream else "torch", partial=True)
    text = "\n".join(code_lines(experiment, form))
    steps, error = ran(text, experiment, trace)
    if error is not None and len(steps) != trace.steps:
        raise error
    assert steps == wanted(trace), text
    assert (error is not None) >= (trace.failure is not None)


def examples(*, library: bool) -> list[Any]:
    specs = [spec for spec in catalogue().values() if spec.example or not spec.required()]
    return [pytest.param(spec, id=name) for spec in specs if (name := spec.name) and bool(spec.library) is library]


def example(spec: type[SchedulerSpec], **run: Any) -> Experiment:
    scheduler = {"name": spec.name, **spec.example}
    return load({"optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9}, "scheduler": scheduler, "run": run})


FILES = [
    pytest.param(path, number, id=f"{path.stem}-{number}")
    for path in sorted(CONFIGS.rglob("*.yaml"))
    for number in range(len(load_all(path)))
]


@pytest.mark.parametrize(("path", "number"), FILES)
def test_the_script_of_a_committed_config_trains_as_it_replays(path: Path, number: int) -> None:
    experiment = load_all(path)[number]
    installed(experiment)
    assert_trains_alike(experiment)


@pytest.mark.parametrize("spec", [*examples(library=False), *examples(library=True)])
def test_the_script_of_a_schedulers_example_trains_as_it_replays(spec: type[SchedulerSpec]) -> None:
    experiment = example(spec)
    installed(experiment)
    assert_trains_alike(experiment)


def test_what_the_engines_are_compared_on_trains_alike_in_a_script() -> None:
    compared = [each for each in experiments(["SGD", "AdamW", "LBFGS", "Muon"]) if not is_divided_by_zero(each)]
    for experiment in compared:
        assert_trains_alike(experiment)
    assert len(compared) > 230


def is_divided_by_zero(experiment: Experiment) -> bool:
    """Return whether it is the metric that raises, which a script leaves to the user."""
    return "/ (step" in str(experiment.scheduler.stepped_with())


TWO = {
    "name": "adamw",
    "lr": 6e-4,
    "weight_decay": 0.1,
    "groups": [{"name": "backbone", "lr": 1e-4}, {"name": "no decay", "lr": 3e-3, "weight_decay": 0.0}],
}
BIASES = {"name": "SGD", "lr": 0.01, "momentum": 0.9, "groups": [{"name": name} for name in ("a", "b", "c")]}
DATA = {"dataset_size": 400, "batch_size": 8, "world_size": 2}


def document(name: str, run: dict[str, Any] | None = None, drives: Any = TWO, **arguments: Any) -> dict[str, Any]:
    warmup = {key: arguments.pop(key) for key in list(arguments) if key.startswith("warmup") and key in WARMUP}
    return {"scheduler": {"name": name, **arguments}, "run": run or {}, "optimizer": drives, **warmup}


WARMUP = ("warmup", "warmup_start", "warmup_shape")
FORMS = ("warmup-cosine", "warmup-polynomial", "rex", "wsd")
VARIANTS = {
    **{
        f"{name} {preset} {run}": document(name, run, **spec.example, preset=preset)
        for name, spec in catalogue().items()
        for preset in spec.presets
        for run in ({}, {"steps": 100}, {"epochs": 20, "interval": "epoch"})
    },
    **{
        f"{name} {one} {low} {peak}": document(name, one_lr=one, min_lr=low, warmup_steps=4, **peak)
        for name in FORMS
        for one in (True, False)
        for low in (0, 1e-5, "10%")
        for peak in ({}, {"warmup_progress": "(t+1)/W"}, {"warmup_mode": "quadratic", "warmup_init_lr": 1e-5})
    },
    **{
        f"wsd {decay} {preset}": document("wsd", decay=decay, min_lr="10%", decay_steps=10, preset=preset)
        for decay in ("linear", "cosine", "1-sqrt", "1-square", "exponential")
        for preset in ("nanotron", "pytorch-optimizer")
    },
    **{
        f"wsd {progress} {first}": document("wsd", decay_start=first, warmup_steps=8, warmup_progress=progress)
        for progress in ("t/W", "(t+1)/W", "(t+1)/(W+1)")
        for first in (0, 8, 9)
    },
    **{
        f"noam {count} {more}": document("noam", count=count, warmup_steps=8, **more)
        for count in ("t+1", "max(1,t)", "t")
        for more in ({}, {"factor": 2.0}, {"model_size": 512}, {"one_lr": True})
    },
    **{
        f"megatron {style}": document(
            "megatron", lr_decay_style=style, lr_warmup_steps=5, min_lr=1e-5, wd_mult=[1, 0.5]
        )
        for style in ("constant", "linear", "cosine", "inverse-square-root")
    },
    **{
        f"megatron WSD {style}": document(
            "megatron",
            lr_decay_style="WSD",
            lr_wsd_decay_style=style,
            wsd_decay_steps=100,
            init_lr=1e-6,
            lr_warmup_steps=50,
            increment=10,
            max_lr=[1e-3, 1e-2],
            min_lr=[1e-5, 1e-4],
            start_wd=0.01,
            end_wd=[0.1, 0.2],
            wd_incr_style="cosine",
        )
        for style in ("linear", "cosine", "exponential", "minus_sqrt")
    },
    **{
        f"ultralytics {version} {more}": document(
            "ultralytics", {"epochs": 10, "steps_per_epoch": 12, "ultralytics": version}, BIASES, **more
        )
        for version in ("8.2.0", "8.4.110", "8.4.190")
        for more in ({}, {"cos_lr": True}, {"warmup_epochs": 0}, {"optimizer": "auto", "iterations": 1000, "nc": 80})
    },
    **{
        f"detectron2 {method} {fits}": document(
            "detectron2-warmup-multistep",
            warmup_iters=8,
            warmup_method=method,
            rescale_interval=fits,
            milestones=[12, 20],
        )
        for method in ("linear", "constant")
        for fits in (True, False)
    },
    **{
        f"{name} in {framework}": document(name, {"framework": framework, **DATA, **run}, **spec.example)
        for framework, run in {
            "accelerate": {},
            "lightning": {"grad_accum": 4},
            "deepspeed": {"grad_accum": 4},
            "plain": {"grad_accum": 4},
            "timm": {},
            "transformers": {"grad_accum": 4, "epochs": 2.5},
        }.items()
        for name in ("onecycle", "plateau", "swa", "manual", "warmup-cosine")
        for spec in [catalogue()[name]]
    },
    "a metric once an epoch": document("plateau", {"interval": "epoch"}, metric=[1, 2, 3], patience=0),
    "a loss": document("plateau", drives={"lr": 0.1}, metric="train", patience=1),
    "a warmup before a plateau": document("plateau", metric="exp(-step / 4)", warmup=5, warmup_shape="quadratic"),
    "a share for each group": document("cosine", eta_min="10%", warmup="10%", warmup_start=0),
    "functions": document(
        "lambda",
        lr_lambda=[
            "0.9**epoch",
            "sqrt(1/(step+1)) * max(0.1, epoch / total) if epoch // steps_per_epoch < 2 else base_lr*e",
        ],
    ),
    "a function with a remark": document("lambda", lr_lambda="0.9 ** epoch # falls"),
    "lists": document("cyclic", base_lr=[1e-4, 1e-3], max_lr=[1e-3, 1e-2], step_size_up=5, scale_fn="1 / 2 ** (x - 1)"),
    "many values": document("manual", values={3 * number + 1: 0.1 / (number + 1) for number in range(10)}),
    "phases": document("tri-stage", {"steps": 100}, phase_ratio=[0.2, 0.5, 0.3]),
    "a sequence": document(
        "sequential",
        milestones=["25%"],
        schedulers=[
            {"name": "warmup", "total_iters": "25%", "mode": "exponential", "start_factor": 0.1},
            {"name": "torchtitan"},
        ],
    ),
    "side by side": document(
        "mmengine",
        schedulers=[
            {"name": "mmengine-linear", "by_epoch": False, "end": 6},
            {"name": "mmengine-cosine", "begin": 1, "end": 4, "convert_to_iter_based": True},
            {"name": "mmengine-step", "step_size": 1, "gamma": 0.5},
        ],
    ),
    "layer decay": document("timm-cosine", {"epochs": 10, "interval": "epoch"}, warmup_t=3, lr_scale=[0.5, 1.0]),
    "a title that would be code": document("step", step_size=4) | {"title": "x\nraise SystemExit"},
}


@pytest.mark.parametrize("said", VARIANTS.values(), ids=VARIANTS)
def test_the_script_of_a_variant_trains_as_it_replays(said: dict[str, Any]) -> None:
    experiment = load(said)
    installed(experiment)
    assert_trains_alike(experiment)


def test_the_script_of_a_scheduler_of_ones_own_trains_as_it_replays() -> None:
    said = document("torch.optim.lr_scheduler:StepLR", args={"step_size": 4, "gamma": 0.5})
    assert_trains_alike(load(said, allow_import=["torch.optim.lr_scheduler"]))


WSD = [
    {"num_warmup_steps": 5, "num_decay_steps": 8, "warmup_type": rise, "decay_type": fall, "min_lr_ratio": 0.1}
    for rise in ("linear", "cosine", "1-sqrt")
    for fall in ("linear", "cosine", "1-sqrt")
]
HUGGING_FACE = [
    *[(name, spec.example, {}) for name, spec in catalogue().items() if name.startswith("hf-") and name != "hf-greedy"],
    *[("hf-warmup-stable-decay", said, {}) for said in WSD],
    (
        "hf-warmup-stable-decay",
        {"num_warmup_steps": 5, "num_decay_steps": 8, "num_stable_steps": 9},
        {"transformers": "4.44"},
    ),
    ("hf-cosine-with-min-lr", {"min_lr": 1e-5, "num_warmup_steps": 5, "num_cycles": 1.5}, {}),
    ("hf-cosine-warmup-with-min-lr", {"min_lr": 1e-5, "num_warmup_steps": 5}, {}),
    ("hf-polynomial", {"lr_end": 1e-6, "power": 2.0, "num_training_steps": 20}, {}),
]


@pytest.mark.parametrize(("name", "arguments", "run"), HUGGING_FACE)
def test_in_torch_alone_a_function_of_transformers_has_the_same_bits(name: str, arguments: Any, run: Any) -> None:
    experiment = load(document(name, run, **arguments))
    assert "transformers." not in "\n".join(code_lines(experiment, "torch"))
    assert_trains_alike(experiment, "torch")


IN_TURN = {
    "each step": document("step", {"framework": "accelerate", **DATA}, step_size=30),
    "each epoch": document("step", {"framework": "accelerate", "interval": "epoch", **DATA}, step_size=3),
    "a metric": document("plateau", {"framework": "accelerate", **DATA}, metric="0.9 ** step", patience=1),
    "some steps": document("hf-reduce-lr-on-plateau", {"framework": "accelerate", **DATA}, metric="1", eval_steps=3),
    "two schedulers": document("plateau", {"framework": "accelerate", **DATA}, metric="1", patience=1, warmup=9),
}


@pytest.mark.parametrize("said", IN_TURN.values(), ids=IN_TURN)
def test_in_torch_alone_the_loop_steps_as_often_as_accelerate_would(said: dict[str, Any]) -> None:
    assert_trains_alike(load(said), "torch")


# Lightning's configure_optimizers, and the Trainer of transformers.


def configured(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict[str, Any]]:
    """Return the optimizer and the scheduler's configuration that a printed module gives Lightning."""
    module = ModuleType("lightning.pytorch")
    module.LightningModule = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lightning", ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", module)
    names: dict[str, Any] = {}
    exec("\n".join(code_lines(experiment, "lightning")), names)
    found = names["Model"].configure_optimizers(Model(count()))
    return found["optimizer"], found["lr_scheduler"]


LIGHTNING = {
    "onecycle": document("onecycle", drives={"lr": 0.1, "momentum": 0.9}, max_lr=0.1),
    "by epoch": document("cosine", {"interval": "epoch", "framework": "lightning", "epochs": 6}),
    "groups": document("cosine", warmup=5),
    "a metric": document("plateau", {"interval": "epoch"}, metric=[1, 1, 1, 1], patience=0),
    "a factor": document("wsd", warmup_steps=3),
}


@pytest.mark.parametrize("said", LIGHTNING.values(), ids=LIGHTNING)
def test_what_lightning_is_given_trains_as_it_replays(said: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = load(said)
    trace = replay(experiment, engine="torch")
    optimizer, config = configured(experiment, monkeypatch)
    every = experiment.run.clock.stride if config["interval"] == "epoch" else 1
    steps = []
    metrics = iter(trace.metric or ())
    for step in range(trace.steps):
        steps.append([used(group, trace.momentum_name) for group in optimizer.param_groups])
        optimizer.step()
        if (step + 1) % (every * config["frequency"]) == 0:
            config["scheduler"].step(*([next(metrics, 0.0)] if "monitor" in config else []))
    assert steps == wanted(trace)


def arguments_of(text: str, **names: Any) -> dict[str, Any]:
    """Run a script of TrainingArguments, and return what they are given, and the trainer."""
    module = ModuleType("transformers")
    module.TrainingArguments = dict  # type: ignore[attr-defined]
    module.Trainer = lambda **given: SimpleNamespace(**given, train=lambda: None)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "transformers", module)
        exec(text.replace("model = ...", "").replace("dataset = ...", "dataset = None"), names)
    return names


ADAMW = {"name": "adamw", "lr": 6e-4, "betas": [0.9, 0.95], "weight_decay": 0.01}
TRAINERS = [
    (name, run)
    for name, spec in catalogue().items()
    if name.startswith("hf-") and not spec.example.get("metric")
    for run in ({"steps": 60}, {"dataset_size": 200, "batch_size": 4, "grad_accum": 2, "epochs": 2.5})
]


@pytest.mark.parametrize(("name", "run"), TRAINERS)
def test_training_arguments_are_read_back_to_the_same_training(name: str, run: dict[str, Any]) -> None:
    said = document(name, {"framework": "transformers", **run}, ADAMW, **catalogue()[name].example)
    given = arguments_of("\n".join(code_lines(load(said), "transformers")))["args"]
    known = {"dataset_size": run["dataset_size"], "world_size": 1} if "dataset_size" in run else {}
    assert wanted(replay(load(given, form="huggingface", **known))) == wanted(replay(load(said)))


@pytest.mark.parametrize("said", [document("cosine", {"steps": 40}, warmup=4), document("wsd", {"steps": 40})])
def test_a_trainer_is_given_the_optimizer_and_the_scheduler_of_others(said: dict[str, Any]) -> None:
    experiment = load(said)
    text = "\n".join(code_lines(experiment, "transformers"))
    names = arguments_of(text, model=Model(count()))
    optimizer, scheduler = names["trainer"].optimizers
    steps = []
    for _ in range(names["args"]["max_steps"]):
        steps.append([used(group, "beta1") for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
    assert steps == wanted(replay(experiment, engine="torch"))


REFUSED = [
    (
        "torch",
        document("timm-cosine"),
        "timm-cosine has no short form in torch alone; without --as it is timm's own class",
    ),
    (
        "lightning",
        document("manual", values={0: 1.0}),
        "Manual is set by the loop itself, and Lightning steps a scheduler",
    ),
    (
        "transformers",
        document("swa", swa_lr=0.1, swa_start=3),
        "stepped only from step 3 on, and the Trainer always steps it",
    ),
    ("transformers", document("timm-cosine"), "makes no LRScheduler of torch, and the Trainer takes no other"),
    ("lightning", document("plateau", metric="train", warmup=4), "is several schedulers, each stepped in its own way"),
    (
        "lightning",
        document("step", {"framework": "accelerate", **DATA}, step_size=4),
        "accelerate's, which steps its scheduler 2",
    ),
    (
        "transformers",
        document("step", {"interval": "epoch"}, step_size=4),
        "the Trainer steps its scheduler after every",
    ),
    (
        None,
        document("timm-cosine", {"framework": "accelerate", **DATA}),
        "accelerate prepares torch's LRSchedulers alone",
    ),
    (None, document("chained", schedulers=[{"name": "manual", "values": {0: 1.0}}]), "manual is no scheduler of torch"),
]


@pytest.mark.parametrize(("form", "said", "message"), REFUSED)
def test_a_form_that_a_schedule_does_not_have_is_refused(form: str | None, said: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        code_lines(load(said), form)
    assert message in str(caught.value)


def test_a_function_of_python_has_no_text() -> None:
    with pytest.raises(SpecError, match="is a function of Python, which has no text"):
        code_lines(Experiment(scheduler=lookup("lambda")(lr_lambda=lambda step: 1.0)))
