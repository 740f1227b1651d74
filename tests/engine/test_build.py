"""Schedulers of the user's own: found in the current folder, built, stepped, and shown when they fail."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lrviz
from lrviz import ReplayError, SpecError, Trace
from lrviz.engine.build import import_target
from lrviz.engine.engine import TorchEngine
from lrviz.engine.select import replay

NUMBERS = itertools.count()

CLASS = """
from torch.optim.lr_scheduler import LRScheduler

class Halving(LRScheduler):
    def __init__(self, optimizer, every=2, last_epoch=-1):
        self.every = every
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * 0.5 ** (self.last_epoch // self.every) for base in self.base_lrs]

def halving(optimizer, **arguments):
    return Halving(optimizer, **arguments)

class Families:
    Halving = Halving

answer = 42
"""

OWN = """
class Own:
    def __init__(self, optimizer):
        self.optimizer, self.count = optimizer, 0
        STATEMENT

    def step(self):
        self.count += 1
        BODY
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a module into the current folder and return its name, which no other test uses."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def module(text: str) -> str:
        name = f"lrviz_test_module_{next(NUMBERS)}"
        Path(f"{name}.py").write_text(text)
        return name

    return module


def replayed(target: str, *, args: dict[str, Any] | None = None, partial: bool = False, **rest: Any) -> Trace:
    scheduler = {"name": target} | ({} if args is None else {"args": args})
    experiment = lrviz.load({"scheduler": scheduler, **rest}, allow_import=[target.partition(":")[0]])
    return replay(experiment, engine=TorchEngine(), partial=partial)


def own(statement: str = "pass", body: str = "pass") -> str:
    return OWN.replace("STATEMENT", statement).replace("BODY", body)


@pytest.mark.parametrize("name", ["Halving", "halving", "Families.Halving"])
def test_class_and_function_of_the_current_folder_are_used(module: Callable[..., str], name: str) -> None:
    trace = replayed(f"{module(CLASS)}:{name}", args={"every": 3}, optimizer={"lr": 1.0})
    assert list(trace.groups[0].lr)[:7] == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_arguments_may_be_left_out(module: Callable[..., str]) -> None:
    trace = replayed(f"{module(CLASS)}:Halving", optimizer={"lr": 1.0})
    assert list(trace.groups[0].lr)[:3] == [1.0, 1.0, 0.5]


def test_custom_child_of_a_container_is_used(module: Callable[..., str]) -> None:
    name = module(CLASS)
    children = [{"name": "exponential", "gamma": 0.1}, {"name": f"{name}:Halving", "args": {"every": 1}}]
    document = {
        "optimizer": {"lr": 1.0},
        "scheduler": {"name": "sequential", "schedulers": children, "milestones": [2]},
    }
    trace = replay(lrviz.load(document, allow_import=[name]), engine=TorchEngine())
    assert list(trace.groups[0].lr)[:5] == [1.0, 0.1, 1.0, 0.5, 0.25]


def test_optimizer_steps_once_before_each_step_of_the_scheduler(module: Callable[..., str]) -> None:
    name = module(
        own(
            "self.trained = []; optimizer.register_step_post_hook(lambda *_: self.trained.append(1))",
            "assert len(self.trained) == self.count, (self.trained, self.count)",
        )
    )
    assert replayed(f"{name}:Own").steps == 32


def test_everything_that_it_moves_is_recorded(module: Callable[..., str]) -> None:
    body = "self.optimizer.param_groups[0].update(lr=self.count, momentum=-self.count, weight_decay=10 * self.count)"
    group = replayed(f"{module(own(body=body))}:Own").groups[0]
    assert (group.lr[3], group.momentum[3], group.weight_decay[3]) == (3.0, -3.0, 30.0)


def test_tensor_rates_are_recorded_as_numbers(module: Callable[..., str]) -> None:
    body = "import torch; self.optimizer.param_groups[0]['lr'] = torch.tensor(0.5)"
    assert replayed(f"{module(own(body=body))}:Own").groups[0].lr[1] == 0.5


def test_group_that_it_adds_while_built_is_recorded(module: Callable[..., str]) -> None:
    statement = "import torch; optimizer.add_param_group({'params': [torch.zeros(1, requires_grad=True)], 'lr': 5.0})"
    trace = replayed(f"{module(own(statement))}:Own")
    assert [(group.name, group.lr[0]) for group in trace.groups] == [("default", 1e-3), ("group 1", 5.0)]


def test_group_that_it_adds_midway_does_not_break_the_trace(module: Callable[..., str]) -> None:
    body = "import torch; self.optimizer.add_param_group({'params': [torch.zeros(1, requires_grad=True)]})"
    assert len(replayed(f"{module(own(body=body))}:Own").groups) == 1


def test_its_own_error_is_shown_with_its_place(module: Callable[..., str]) -> None:
    name = module(own(body="if self.count == 9: raise RuntimeError('mine')"))
    with pytest.raises(ReplayError, match=r"after step 8 \(epoch 1\): RuntimeError: mine"):
        replayed(f"{name}:Own")


def test_rate_that_is_no_number_ends_every_column_at_the_step_before(module: Callable[..., str]) -> None:
    name = module(own(body="if self.count == 5: self.optimizer.param_groups[1]['lr'] = 'high'"))
    trace = replayed(f"{name}:Own", partial=True, optimizer={"groups": [{"name": "a"}, {"name": "b"}]})
    assert trace.failure.kind == "TypeError"
    assert trace.steps == 5
    assert {len(column) for t in trace.groups for column in (t.lr, t.momentum, t.weight_decay)} == {5}


def test_its_warning_is_kept_with_its_step(module: Callable[..., str]) -> None:
    name = module("import warnings\n" + own(body="if self.count in (5, 6): warnings.warn('mine')"))
    found = replayed(f"{name}:Own").warnings
    assert [(warning.step, warning.epoch, warning.message) for warning in found] == [(5, 0, "mine")]


def test_its_warnings_say_where_they_came(module: Callable[..., str]) -> None:
    first, later = "warnings.warn('building')", "if self.count == 9: warnings.warn('stepping')"
    name = module("import warnings\n" + own(statement=first, body=later))
    message = {warning.message: warning.where for warning in replayed(f"{name}:Own").warnings}
    assert message == {"building": "when the scheduler was built", "stepping": "after step 8 (epoch 1)"}


def test_error_while_its_module_is_imported_is_shown(module: Callable[..., str]) -> None:
    with pytest.raises(ReplayError, match="building your Own failed: ZeroDivisionError"):
        replayed(f"{module('1 / 0')}:Own")


def test_module_that_it_wants_and_nobody_has_is_shown(module: Callable[..., str]) -> None:
    with pytest.raises(ReplayError, match="ModuleNotFoundError: No module named 'there_is_no_such'"):
        replayed(f"{module('import there_is_no_such')}:Own")


def test_module_that_it_wants_is_not_taken_for_itself_by_its_first_letters(module: Callable[..., str]) -> None:
    name = module("import lrviz_test_mod")
    with pytest.raises(ReplayError, match="ModuleNotFoundError: No module named 'lrviz_test_mod'"):
        replayed(f"{name}:Own")


def test_wrong_argument_is_shown_in_its_words(module: Callable[..., str]) -> None:
    with pytest.raises(ReplayError, match=r"TypeError: .*unexpected keyword argument 'evry'"):
        replayed(f"{module(CLASS)}:Halving", args={"evry": 3})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("lrviz_no_such_module:Name", "there is no module 'lrviz_no_such_module', here or installed"),
        ("lrviz.no_such.module:Name", "there is no module 'lrviz.no_such', here or installed"),
        ("math:no_such", "math has no 'no_such'"),
        ("math:sqr", "math has no 'sqr'; did you mean 'sqrt'?"),
        ("math:pi", "pi is not a scheduler class or a function"),
        ("math", "must be package.module:Name, not 'math'"),
        (":Name", "must be package.module:Name, not ':Name'"),
        ("math:", "must be package.module:Name, not 'math:'"),
        (".relative:Name", "must be package.module:Name, not '.relative:Name'"),
        ("math:sqrt:again", "must be package.module:Name, not 'math:sqrt:again'"),
    ],
)
def test_target_that_is_not_there_is_refused(target: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SpecError, match=message.replace("?", r"\?")):
        import_target(target)


def test_function_that_returns_no_scheduler_is_named(module: Callable[..., str]) -> None:
    name = module("def forgets(optimizer): pass")
    with pytest.raises(SpecError, match="your function forgets returned nothing, not a scheduler"):
        replayed(f"{name}:forgets")


def test_what_torch_refuses_of_it_is_its_own(module: Callable[..., str]) -> None:
    text = "from torch.optim.lr_scheduler import ChainedScheduler\nOwn = lambda optimizer: ChainedScheduler([])"
    with pytest.raises(ReplayError, match=r"^building your Own failed: ValueError"):
        replayed(f"{module(text)}:Own")


def test_optimizer_that_raises_is_named() -> None:
    experiment = lrviz.load({"scheduler": {"name": "cosine"}, "optimizer": {"name": "sparseadam"}})
    with pytest.raises(ReplayError, match=r"^SparseAdam\.step\(\) failed at step 0 \(epoch 0\): RuntimeError"):
        replay(experiment, train=True)
