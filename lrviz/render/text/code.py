"""An experiment as the Python that trains with it: optimizer, scheduler, and the loop that steps it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrviz.errors import SpecError, counted
from lrviz.experiment.argtypes import TRAIN
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.optimizers import ResolvedGroup
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import SchedulerSpec, of_group
from lrviz.experiment.schedulers.code import INDENT, Items, Node, Script, call, layout, listing, literal

FORMS = ("torch", "lightning", "transformers")
"""What `--as` takes; without it, the classes of the schedule's own library in a plain loop."""


def code_lines(experiment: Experiment, form: str | None = None) -> list[str]:
    """Return the lines of a script that trains with what the experiment replays.

    Raises SpecError where there is no such form.
    """
    script = _script(experiment, form)
    experiment.resolved.write(script)
    writers: dict[str | None, Callable[[Experiment, Script], list[str]]] = {
        "lightning": _lightning,
        "transformers": _transformers,
    }
    body = writers.get(form, _loop_script)(experiment, script)
    head = [f"# {_printable(line)}" for line in _heading(experiment)]
    return [*head, "", *_imports(script), "", *_functions(script), *body]


def _script(experiment: Experiment, form: str | None) -> Script:
    clock, optimizer = experiment.run.clock, experiment.optimizer
    watched = experiment.resolved.stepped_with()
    is_prepared = experiment.run.is_prepared and form is None
    return Script(
        now="step" if clock.stride == 1 else "epoch",
        calls=1 if is_prepared else clock.calls,
        total=clock.scheduler_steps,
        base_lrs=tuple(group.lr for group in optimizer.resolved_groups),
        default_lr=optimizer.lr,
        is_plain=form == "torch",
        metric="" if watched is None else "loss.item()" if watched == TRAIN else "metric",
    )


def _printable(text: str) -> str:
    """Return text for a comment, which must not end before it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _heading(experiment: Experiment) -> Iterator[str]:
    """Yield what the script is of, and where its lengths are from."""
    clock = experiment.run.clock
    length = counted(clock.steps, clock.unit.removesuffix("s"))
    if clock.epochs is not None and clock.steps_per_epoch:
        length = f"{counted(clock.epochs, 'epoch')} of {clock.steps_per_epoch:,}, {length}"
    yield f"{experiment.name}: {length}"
    yield from (f"as {name} {version} has it" for name, version in experiment.follows.items())
    if clock.calls > 1:
        yield f"accelerate steps a prepared scheduler {clock.calls} times, once for each process"
    yield from _durations(experiment)


def _durations(experiment: Experiment) -> Iterator[str]:
    """Yield what each length of the document that is no plain number comes to."""
    document = experiment.document.plain() if experiment.document else {}
    said, spec, of = document.get("scheduler", {}), experiment.resolved, experiment.run.clock.scheduler_steps
    if experiment.warmup:
        if isinstance(document.get("warmup"), str):
            yield f"warmup: {document['warmup']} of {of:,} scheduler steps = {experiment.warmup:,}"
        of -= experiment.warmup
        inner = spec.children()[1:]
        said = {"schedulers": said.get("schedulers", [said])} if inner else said
        yield from (line for pair in zip(said.get("schedulers", []), inner, strict=False) for line in _said(*pair, of))
    else:
        yield from _said(said, spec, of)


def _said(said: Mapping[str, Any], spec: SchedulerSpec, of: int) -> Iterator[str]:
    """Yield what the lengths of a scheduler, and of those inside it, come to."""
    if not spec.children():
        unset = [name for name, arg_type in arg_types(spec).items() if arg_type.horizon and said.get(name) is None]
        yield from (
            f"{name}: {found:,}, the scheduler steps of the run"
            for name in unset
            if (found := getattr(spec, name)) == of
        )
    for key, value in said.items():
        found = getattr(spec, key, None)
        pairs = (
            zip(value, found, strict=False)
            if isinstance(value, list) and isinstance(found, tuple)
            else [(value, found)]
        )
        texts = [(text, number) for text, number in pairs if isinstance(text, str) and type(number) is int]
        yield from (f"{key}: {text} of {of:,} scheduler steps = {number:,}" for text, number in texts)
    inner = said.get("schedulers", [])
    yield from (line for pair in zip(inner, spec.children(), strict=False) for line in _said(*pair, of))


def _imports(script: Script) -> Iterator[str]:
    """Yield the imports: of Python's own library, of other packages, each in the order of the alphabet."""
    whole = [f"import {module}" for module, names in sorted(script.imports.items()) if not names]
    parts = [
        f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(script.imports.items()) if names
    ]
    own = [line for line in [*whole, *parts] if line.split()[1] in STANDARD]
    yield from own
    if own:
        yield ""
    yield from (line for line in [*whole, *parts] if line not in own)


STANDARD = ("math", "itertools")


def _functions(script: Script) -> Iterator[str]:
    for lines in script.functions:
        yield from ["", *lines, "", ""]


# The optimizer.


def _optimizer(experiment: Experiment, script: Script, model: str = "model") -> list[str]:
    """Return the lines that make the optimizer, with its parameter groups."""
    spec = experiment.optimizer
    given: dict[str, Node] = {"lr": literal(spec.lr)}
    for name in ("momentum", "betas", "weight_decay"):
        value = getattr(spec, name)
        if value is not None:
            given[name] = f"({value[0]!r}, {value[1]!r})" if name == "betas" else literal(value)
    groups = spec.resolved_groups
    parameters: Node = f"{model}.parameters()"
    if spec.groups or script.in_groups:
        parameters = listing([_group(experiment, script, number, model) for number in range(len(groups))])
    if script.use(f"torch.optim:{spec.name}"):
        return layout(call(spec.name, parameters, **given), "optimizer = ")
    return []


def _group(experiment: Experiment, script: Script, number: int, model: str) -> Node:
    spec = experiment.optimizer
    group: ResolvedGroup = spec.resolved_groups[number]
    own = spec.groups[number].settings() if spec.groups else {}
    settings = {name: getattr(group, name) for name in own}
    settings |= {name: of_group(value, number) for name, value in script.in_groups.items()}
    texts = {
        name: f"({value[0]!r}, {value[1]!r})" if name == "betas" else literal(value) for name, value in settings.items()
    }
    source = f"{model}.parameters()" if not spec.groups else f"{_part(group.name, model)}.parameters()"
    entries = {"params": source, **({"name": literal(group.name)} if spec.groups else {}), **texts}
    return Items("{", [(f'"{key}": ', text) for key, text in entries.items()], "}")


def _part(name: str, model: str) -> str:
    """Return the part of the model whose parameters a group has, as the user is to correct it."""
    parts = name.split(".")
    is_name = all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
    return f"{model}.{name}" if is_name else f"{model}.get_submodule({literal(name)})"


# A plain loop.


def _loop_script(experiment: Experiment, script: Script) -> list[str]:
    lines = ["model = ...  # your model", f"loader = ...  # {_loader(experiment)}"]
    lines += ["evaluate = ...  # your function: the metric of a model"] * (script.metric == "metric")
    is_prepared = experiment.run.is_prepared and script.calls == 1
    if is_prepared:
        lines += _accelerator(experiment, script)
    lines += ["", *_optimizer(experiment, script), *script.setup]
    for name, node in script.made.items():
        lines += layout(node, f"{name} = ")
    if is_prepared:
        names = ", ".join(["model", "optimizer", "loader", *script.made])
        lines += [f"{names} = accelerator.prepare({names})"]
    return [*lines, "", *_Loop(experiment, script, is_prepared).lines()]


def _accelerator(experiment: Experiment, script: Script) -> list[str]:
    script.use("accelerate:Accelerator")
    accum = experiment.run.grad_accum
    return ["", f"accelerator = Accelerator({f'gradient_accumulation_steps={accum}' if accum > 1 else ''})"]


def _loader(experiment: Experiment) -> str:
    clock = experiment.run.clock
    if clock.batches_per_epoch:
        return f"your DataLoader: {counted(clock.batches_per_epoch, 'batch').replace('batchs', 'batches')} an epoch"
    if clock.steps_per_epoch is None:
        return "your DataLoader, which must not end before the run"
    batches = clock.steps_per_epoch * experiment.run.loop.gathers
    return f"your DataLoader: {counted(batches, 'batch').replace('batchs', 'batches')} an epoch"


@dataclass
class _Loop:
    """The training loop, its lines by what they are tied to: a batch, an optimizer step or an epoch."""

    experiment: Experiment
    script: Script
    is_prepared: bool

    def lines(self) -> list[str]:
        clock = self.experiment.run.clock
        is_nested = clock.steps_per_epoch is not None or clock.batches_per_epoch is not None
        return self.epochs() if is_nested else self.steps()

    @property
    def accum(self) -> int:
        return self.experiment.run.loop.gathers

    @property
    def rests(self) -> int:
        """Of how many steps of the loop one steps the optimizer, where the schedule counts batches."""
        return self.experiment.run.grad_accum if self.experiment.run.loop.label == "mmengine" else 1

    @property
    def counts_steps(self) -> bool:
        """Whether something in the loop needs the number of the step."""
        lines = [*self.script.before, *self.script.stepping]
        return self.rests > 1 or any(re.search(r"(?<!\.)\bstep\b(?!\()", line) for line in lines)

    @property
    def is_cut(self) -> bool:
        """Whether the run ends within an epoch."""
        clock = self.experiment.run.clock
        whole = (clock.epochs or 0) * (clock.steps_per_epoch or 0)
        return clock.steps != whole

    def steps(self) -> list[str]:
        """Return a loop over batches that have no epochs."""
        steps = self.experiment.run.clock.steps
        if self.accum > 1:
            head = f"for batch_number, batch in zip(range(1, {literal(steps * self.accum)} + 1), loader):"
            first = ["step = 0"] if self.counts_steps else []
            return [*first, head, *_indented([*self.batch("batch_number"), *self.count()])]
        head = f"for step, batch in zip(range({literal(steps)}), loader):"
        return [head, *_indented(self.batch(""))]

    def epochs(self) -> list[str]:
        """Return a loop over epochs, and the batches of each."""
        clock = self.experiment.run.clock
        by_epoch = self.script.now == "epoch"
        goes_over = clock.steps_per_epoch is None
        is_numbered = self.accum > 1 and not self.is_prepared
        inner = self.batch("batch_number" if is_numbered else "", by_epoch=by_epoch)
        numbered = is_numbered and not goes_over
        head = "for batch_number, batch in enumerate(loader, 1):" if numbered else "for batch in loader:"
        count = ["batch_number += 1"] if is_numbered and goes_over else []
        first = ["batch_number = 0"] * bool(count) + ["step = 0"] * (self.is_counting)
        body = [*(self.script.before if by_epoch else []), head, *_indented([*count, *inner, *self.count()])]
        body += self.stepping() if by_epoch else self.script.epoch_stepping
        return [*first, f"for epoch in range({clock.epochs}):", *_indented(body)]

    @property
    def is_counting(self) -> bool:
        return (self.counts_steps and self.script.now == "step") or self.is_cut

    def count(self) -> list[str]:
        """Return what counts the steps at the end of each."""
        if not self.is_counting:
            return []
        lines = ["step += 1"]
        if self.is_cut:
            lines += [f"if step == {literal(self.experiment.run.clock.steps)}:", f"{INDENT}break"]
        if self.is_prepared and self.experiment.run.grad_accum > 1:
            return ["if accelerator.sync_gradients:", *_indented(lines)]
        return _indented(lines) if self.accum > 1 and not self.is_prepared else lines

    def batch(self, number: str, *, by_epoch: bool = False) -> list[str]:
        """Return what is done with a batch."""
        before, after = ([], []) if by_epoch else (self.script.before, self.stepping())
        if self.experiment.optimizer.name == "LBFGS":
            return [*CLOSURE, *before, "optimizer.step(closure)", *after]
        update = ["optimizer.step()", "optimizer.zero_grad()"]
        if self.is_prepared:
            lines = ["loss = model(batch)  # your loss", "accelerator.backward(loss)", *before, *update, *after]
            return ["with accelerator.accumulate(model):", *_indented(lines)] if self.accum > 1 else lines
        if self.rests > 1:
            last = literal(self.experiment.run.clock.steps)
            update = [f"if (step + 1) % {self.rests} == 0 or step + 1 == {last}:", *_indented(update)]
        share = f" / {self.accum * self.rests}" if self.accum * self.rests > 1 else ""
        lines = [f"loss = model(batch){share}  # your loss", "loss.backward()"]
        step = [*before, *update, *after]
        return [*lines, f"if {self.gathered(number)}:", *_indented(step)] if number else [*lines, *step]

    def gathered(self, number: str) -> str:
        """Return when the batches for an optimizer step are gathered."""
        clock = self.experiment.run.clock
        batches, updates = clock.batches_per_epoch or 0, clock.steps_per_epoch or 0
        is_up = batches % self.accum and updates * self.accum > batches
        return f"{number} % {self.accum} == 0" + (" or batch_number == len(loader)" if is_up else "")

    def stepping(self) -> list[str]:
        """Return what steps the scheduler."""
        script = self.script
        watches = script.metric == "metric"
        stepping = script.stepping
        if script.calls > 1 and not any("step +" in line or "step_update" in line for line in stepping):
            stepping = [
                f"for _ in range({script.calls}):  # as accelerate steps a prepared scheduler, once for each process",
                *_indented(stepping),
            ]
        if not watches:
            return stepping
        better = "higher" if getattr(self.experiment.resolved, "mode", "min") == "max" else "lower"
        measure = f"metric = evaluate(model)  # what the scheduler watches: {better} is better"
        if stepping[-2:-1] and stepping[-2].startswith("if "):
            return [*stepping[:-1], INDENT + measure, stepping[-1]]
        return [*stepping[:-1], measure, stepping[-1]]


CLOSURE = [
    "def closure():",
    f"{INDENT}optimizer.zero_grad()",
    f"{INDENT}loss = model(batch)  # your loss",
    f"{INDENT}loss.backward()",
    f"{INDENT}return loss",
]


def _indented(lines: Sequence[str]) -> list[str]:
    return [INDENT + line for line in lines]


# Lightning.


def _lightning(experiment: Experiment, script: Script) -> list[str]:
    """Return a module's `configure_optimizers`."""
    _refuse_loops(script, "lightning", "Lightning's own loop steps a scheduler")
    script.use("lightning.pytorch:LightningModule")
    watched = script.metric
    interval = "epoch" if script.now == "epoch" else "step"
    every = getattr(experiment.resolved, "every", 1)
    settings = {"interval": literal(interval), "frequency": str(every)}
    settings |= {"monitor": '"val_loss"'} if watched else {}
    config = Items(
        "{", [('"scheduler": ', "scheduler"), *((f'"{name}": ', text) for name, text in settings.items())], "}"
    )
    both = Items("{", [('"optimizer": ', "optimizer"), ('"lr_scheduler": ', config)], "}")
    body = [*_optimizer(experiment, script, "self"), *layout(script.made["scheduler"], "scheduler = ")]
    body += layout(both, "return ")
    return [
        "",
        "class Model(LightningModule):",
        f"{INDENT}...  # your model",
        "",
        f"{INDENT}def configure_optimizers(self):",
        *_indented(_indented(body)),
    ]


def _refuse_loops(script: Script, form: str, loop: str) -> None:
    """Raise SpecError for a schedule that needs more of the loop than to step one scheduler."""
    hint = f"; leave out --as {form} for a loop of one's own"
    if script.before:
        raise SpecError(f"the loop itself sets the learning rate, and {loop}: there is no scheduler for it{hint}")
    if len(script.made) > 1 or script.epoch_stepping:
        raise SpecError(f"two schedulers are stepped side by side, each its own way, and {loop}{hint}")
    name = "step" if not script.metric else f"step({script.metric})"
    line = script.stepping[-1].strip()
    if line != f"scheduler.{name if script.metric else 'step()'}":
        raise SpecError(f"it is stepped by `{line}`, and {loop} with step(){hint}")
    if len(script.stepping) > 1 and not script.metric:
        raise SpecError(f"it is stepped {script.stepping[0].removesuffix(':')}, and {loop} always{hint}")


# The Trainer of transformers.


def _transformers(experiment: Experiment, script: Script) -> list[str]:
    """Return TrainingArguments where they can say it all, else a Trainer that is given optimizer and scheduler."""
    script.use("transformers:TrainingArguments")
    own = experiment.resolved.trainer_arguments(experiment.run.clock.scheduler_steps)
    optim = _trainer_optimizer(experiment)
    arguments: dict[str, Node] = {"output_dir": '"out"', **_trainer_run(experiment)}
    if own is not None and optim is not None:
        script.imports = {"transformers": {"TrainingArguments"}}
        script.functions.clear()
        named = {key: literal(value) for key, value in {**optim, **own}.items()}
        return layout(call("TrainingArguments", **arguments, **named), "args = ")
    if script.now == "epoch" and not script.metric:
        raise SpecError("the Trainer steps its scheduler after every optimizer step; give it --interval step")
    _refuse_loops(script, "transformers", "the Trainer steps a scheduler")
    script.use("transformers:Trainer")
    lines = ["model = ...  # your model", "dataset = ...  # your training set", "", *_optimizer(experiment, script)]
    lines += layout(script.made["scheduler"], "scheduler = ")
    lines += layout(call("TrainingArguments", **arguments), "args = ")
    given = {"model": "model", "args": "args", "train_dataset": "dataset", "optimizers": "(optimizer, scheduler)"}
    return [*lines, *layout(call("Trainer", **given), "trainer = "), "trainer.train()"]


def _trainer_run(experiment: Experiment) -> dict[str, Node]:
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


def _trainer_optimizer(experiment: Experiment) -> dict[str, Any] | None:
    """Return the optimizer as TrainingArguments names it; None where those cannot."""
    spec = experiment.optimizer
    names = {"AdamW": "adamw_torch", "SGD": "sgd", "Adagrad": "adagrad", "RMSprop": "rmsprop"}
    if spec.groups or spec.momentum is not None or spec.name not in names:
        return None
    found: dict[str, Any] = {"optim": names[spec.name], "learning_rate": spec.lr}
    if spec.betas is not None:
        found |= {"adam_beta1": spec.betas[0], "adam_beta2": spec.betas[1]}
    return found | ({} if spec.weight_decay is None else {"weight_decay": spec.weight_decay})
