"""A schedule in the words of a trainer: Lightning's, or that of transformers."""

from __future__ import annotations

from typing import Any

from lrviz.errors import SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers.code import Node, Script, call, layout, literal, mapping
from lrviz.render.text.code.loop import indented
from lrviz.render.text.code.optimizer import optimizer_lines


def lightning_lines(experiment: Experiment, script: Script) -> list[str]:
    """Return a module's `configure_optimizers`; raises SpecError for what Lightning's loop does not step."""
    _refuse(experiment, script, "lightning", "Lightning")
    script.use("lightning.pytorch:LightningModule")
    settings: dict[str, Node] = {"scheduler": "scheduler", "interval": literal(script.now)}
    settings["frequency"] = literal(experiment.resolved.every)
    if script.metric:
        settings["monitor"] = literal("val_loss")
        settings |= {} if experiment.resolved.is_lr_scheduler else {"reduce_on_plateau": "True"}
    body = [*optimizer_lines(experiment, script, "self"), *layout(script.made["scheduler"], "scheduler = ")]
    body += layout(mapping({"optimizer": "optimizer", "lr_scheduler": mapping(settings)}), "return ")
    methods = ["...  # your model", "", "def configure_optimizers(self):", *indented(body)]
    if not experiment.resolved.is_lr_scheduler:  # Lightning steps one of another class by this method alone
        step = script.stepping[-1].strip().replace("epoch + 1", "self.current_epoch + 1")
        methods += ["", "def lr_scheduler_step(self, scheduler, metric):"]
        methods += indented([step.replace("step + 1", "self.global_step")])
    blank = [""] if script.functions else ["", ""]
    return [*blank, "class Model(LightningModule):", *indented(methods)]


def transformers_lines(experiment: Experiment, script: Script) -> list[str]:
    """Return TrainingArguments where they say it all, else a Trainer that is given optimizer and scheduler.

    Raises SpecError for what the Trainer does not step.
    """
    own, optimizer = experiment.resolved.trainer_arguments(experiment.run.clock.scheduler_steps), _optimizer(experiment)
    arguments: dict[str, Node] = {"output_dir": literal("out"), **_run(experiment), **_evaluation(experiment, script)}
    if own is not None and optimizer is not None and script.calls == 1:
        script.imports = {"transformers": {"TrainingArguments"}}
        named = {key: literal(value) for key, value in {**optimizer, **own}.items()}
        return ["", *layout(call("TrainingArguments", **arguments, **named), "args = ")]
    if script.now == "epoch" and not script.metric:
        raise SpecError("the Trainer steps its scheduler after every optimizer step; give it --interval step")
    _refuse(experiment, script, "transformers", "the Trainer")
    script.use("transformers:Trainer")
    script.use("transformers:TrainingArguments")
    lines = ["", "model = ...  # your model", "dataset = ...  # your training set", ""]
    lines += [*optimizer_lines(experiment, script), *layout(script.made["scheduler"], "scheduler = ")]
    lines += layout(call("TrainingArguments", **arguments), "args = ")
    given = {"model": "model", "args": "args", "train_dataset": "dataset", "optimizers": "(optimizer, scheduler)"}
    return [*lines, *layout(call("Trainer", **given), "trainer = "), "trainer.train()"]


def _refuse(experiment: Experiment, script: Script, form: str, loop: str) -> None:
    """Raise SpecError for a schedule that needs more of the loop than to step one scheduler."""
    name, why = experiment.schedule, ""
    if script.calls > 1:
        why = f"the run is accelerate's, which steps its scheduler {script.calls} times an update, and {loop} once"
    elif script.before:
        why = f"{name} is set by the loop itself, and {loop} steps a scheduler"
    elif len(script.made) > 1 or script.epoch_stepping:
        why = f"{name} is several schedulers, each stepped in its own way, and {loop} steps them all alike"
    elif experiment.resolved.first_step:
        why = f"{name} is stepped only from step {experiment.resolved.first_step:,} on, and {loop} always steps it"
    elif form == "transformers" and not experiment.resolved.is_lr_scheduler:
        why = f"{name} makes no LRScheduler of torch, and {loop} takes no other"
    if why:
        raise SpecError(f"{why}; leave out --as {form}")


def _evaluation(experiment: Experiment, script: Script) -> dict[str, Node]:
    """Return when a scheduler that watches a metric gets one."""
    if not script.metric:
        return {}
    if script.now == "epoch":
        return {"eval_strategy": literal("epoch")}
    return {"eval_strategy": literal("steps"), "eval_steps": literal(experiment.resolved.every)}


def _run(experiment: Experiment) -> dict[str, Node]:
    """Return the length of the run as TrainingArguments has it."""
    run, found = experiment.run, dict[str, Node]()
    if run.dataset_size is not None and run.steps is None and run.loop.label == "transformers":
        found["num_train_epochs"] = literal(run.epochs or run.clock.epochs)
    else:
        found["max_steps"] = literal(run.clock.steps)
    if run.batch_size is not None:
        found["per_device_train_batch_size"] = literal(run.batch_size)
    if run.grad_accum > 1:
        found["gradient_accumulation_steps"] = literal(run.grad_accum)
    return found


def _optimizer(experiment: Experiment) -> dict[str, Any] | None:
    """Return the optimizer as TrainingArguments names it; None where those cannot."""
    spec = experiment.optimizer
    names = {"AdamW": "adamw_torch", "SGD": "sgd", "Adagrad": "adagrad", "RMSprop": "rmsprop"}
    if spec.groups or spec.momentum is not None or spec.name not in names:
        return None
    found: dict[str, Any] = {"optim": names[spec.name], "learning_rate": spec.lr}
    if spec.betas is not None:
        found |= {"adam_beta1": spec.betas[0], "adam_beta2": spec.betas[1]}
    return found | ({} if spec.weight_decay is None else {"weight_decay": spec.weight_decay})
