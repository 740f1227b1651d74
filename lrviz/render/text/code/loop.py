"""A script that trains in a plain loop, and the loop."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lrviz.errors import SpecError
from lrviz.experiment.experiment import Experiment
from lrviz.experiment.schedulers.code import INDENT, Script, layout, literal
from lrviz.render.text.code.optimizer import optimizer_lines


def loop_lines(experiment: Experiment, script: Script) -> list[str]:
    """Return the lines of a script with a loop of its own, or accelerate's."""
    lines = ["", "model = ...  # your model", f"loader = ...  # {_loader(experiment)}"]
    lines += ["evaluate = ...  # your function: the metric of a model"] * (script.metric == "metric")
    _refuse_what_is_not_prepared(experiment, script)
    is_prepared = experiment.run.framework == "accelerate" and not script.is_plain
    if is_prepared:
        lines += _accelerator(experiment, script)
    lines += ["", *optimizer_lines(experiment, script), *script.setup]
    for name, node in script.made.items():
        lines += layout(node, f"{name} = ")
    if is_prepared:
        is_stepped = experiment.resolved.is_lr_scheduler
        names = ", ".join(["model", "optimizer", "loader", *(script.made if is_stepped else ())])
        lines += [f"{names} = accelerator.prepare({names})"]
    return [*lines, "", *_Loop(experiment, script, is_prepared).lines()]


def _refuse_what_is_not_prepared(experiment: Experiment, script: Script) -> None:
    """Raise SpecError for a library's class that accelerate does not step for each process."""
    spec = experiment.resolved
    if script.calls > 1 and script.made and spec.library and not spec.is_lr_scheduler:
        message = f"accelerate prepares torch's LRSchedulers alone, and {spec.name} makes another"
        raise SpecError(f"{message}; leave out framework accelerate, or world_size")


def _accelerator(experiment: Experiment, script: Script) -> list[str]:
    script.use("accelerate:Accelerator")
    accum = experiment.run.grad_accum
    return ["", f"accelerator = Accelerator({f'gradient_accumulation_steps={accum}' if accum > 1 else ''})"]


def _loader(experiment: Experiment) -> str:
    """Return in words what the loader must be."""
    clock = experiment.run.clock
    if clock.batches_per_epoch is None and clock.steps_per_epoch is None:
        return "your DataLoader, which must not end before the run"
    batches = clock.batches_per_epoch or (clock.steps_per_epoch or 0) * experiment.run.loop.gathers
    if batches == 1:  # an epoch stands for a step
        return "your DataLoader"
    return f"your DataLoader: {batches:,} batches an epoch"


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
        epochs, batches = clock.epochs or 0, clock.batches_per_epoch or 0
        return clock.steps != (
            epochs * clock.steps_per_epoch if clock.steps_per_epoch else epochs * batches // self.accum
        )

    def steps(self) -> list[str]:
        """Return a loop over batches that have no epochs."""
        steps = self.experiment.run.clock.steps
        if self.accum > 1:
            head = f"for batch_number, batch in zip(range(1, {literal(steps * self.accum)} + 1), loader):"
            first = ["step = 0"] if self.counts_steps else []
            return [*first, head, *indented([*self.batch("batch_number"), *self.count()])]
        head = f"for step, batch in zip(range({literal(steps)}), loader):"
        return [head, *indented(self.batch(""))]

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
        body = [*(self.script.before if by_epoch else []), head, *indented([*count, *inner, *self.count()])]
        body += self.stepping() if by_epoch else self.script.epoch_stepping
        return [*first, f"for epoch in range({clock.epochs}):", *indented(body)]

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
            return ["if accelerator.sync_gradients:", *indented(lines)]
        return indented(lines) if self.accum > 1 and not self.is_prepared else lines

    def batch(self, number: str, *, by_epoch: bool = False) -> list[str]:
        """Return what is done with a batch."""
        before, after = ([], []) if by_epoch else (self.script.before, self.stepping())
        if self.experiment.optimizer.name == "LBFGS":
            return [*CLOSURE, *before, "optimizer.step(closure)", *after]
        update = ["optimizer.step()", "optimizer.zero_grad()"]
        if self.is_prepared:
            lines = ["loss = model(batch)  # your loss", "accelerator.backward(loss)", *before, *update, *after]
            return ["with accelerator.accumulate(model):", *indented(lines)] if self.accum > 1 else lines
        if self.rests > 1:
            last = literal(self.experiment.run.clock.steps)
            update = [f"if (step + 1) % {self.rests} == 0 or step + 1 == {last}:", *indented(update)]
        share = f" / {self.accum * self.rests}" if self.accum * self.rests > 1 else ""
        lines = [f"loss = model(batch){share}  # your loss", "loss.backward()"]
        step = [*before, *update, *after]
        return [*lines, f"if {self.gathered(number)}:", *indented(step)] if number else [*lines, *step]

    def gathered(self, number: str) -> str:
        """Return when the batches for an optimizer step are gathered."""
        clock = self.experiment.run.clock
        batches, updates = clock.batches_per_epoch or 0, clock.steps_per_epoch or 0
        is_up = batches % self.accum and updates * self.accum > batches
        return f"{number} % {self.accum} == 0" + (" or batch_number == len(loader)" if is_up else "")

    def stepping(self) -> list[str]:
        """Return what steps the scheduler, and measures before what it watches."""
        *others, last = self.script.stepping or [""]
        lines = [each for line in others for each in self.repeated(line)]
        if self.script.metric == "metric":
            better = "higher" if getattr(self.experiment.resolved, "mode", "min") == "max" else "lower"
            blank = last[: len(last) - len(last.lstrip())]
            lines.append(f"{blank}metric = evaluate(model)  # what the scheduler watches: {better} is better")
        return [*lines, *self.repeated(last)] if last else lines

    def repeated(self, line: str) -> list[str]:
        """Return a line, as often as accelerate steps a scheduler where it was not given it."""
        is_prepared = self.is_prepared and self.experiment.resolved.is_lr_scheduler
        if self.script.calls == 1 or is_prepared or line.startswith("if "):
            return [line]
        blank = line[: len(line) - len(line.lstrip())]
        return [f"{blank}for _ in range({self.script.calls}):  # once for each process", INDENT + line]


CLOSURE = [
    "def closure():",
    f"{INDENT}optimizer.zero_grad()",
    f"{INDENT}loss = model(batch)  # your loss",
    f"{INDENT}loss.backward()",
    f"{INDENT}return loss",
    "",
]


def indented(lines: Sequence[str]) -> list[str]:
    return [line and INDENT + line for line in lines]
