"""Previews: nothing of the user's is touched, and what they show is what a plain loop then trains with, to the bit.

Run this file to print how much is compared.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from functools import partial
from threading import Lock
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch
from torch.optim import lr_scheduler as t
from torch.optim.swa_utils import SWALR

import lrviz
from lrviz.engine.preview import Preview, preview
from lrviz.errors import SpecError

TOTAL, AHEAD = 9, 6
POSITIONS = {"fresh": 0, "mid-run": 4, "after the end": TOTAL - 1}
METRIC = [1.0, 0.9, 0.9, 0.9, 0.95, 0.8]


class Halving:
    """A factor that counts its own calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, step: int) -> float:
        self.calls += 1
        return 0.5 ** (self.calls // 4)


class Own(t.LRScheduler):
    """A scheduler that keeps its own state, draws random numbers, and sets weight decay too."""

    def __init__(self, optimizer: Any) -> None:
        self.noise: list[float] = []
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        self.noise.append(random.Random(len(self.noise)).random())
        for group in self.optimizer.param_groups:
            if "weight_decay" in group:
                group["weight_decay"] = 0.01 * len(self.noise)
        return [base * self.noise[-1] for base in self.base_lrs]


class Bare:
    """No LRScheduler: it holds the groups alone, as a training script's own class may."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.groups, self.count = optimizer, optimizer.param_groups, 0

    def step(self) -> None:
        self.count += 1
        for group in self.groups:
            group["lr"] = 0.1 / (1 + self.count)

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count}


def warmup(step: int, *, length: int) -> float:
    return min(1.0, (step + 1) / length)


def sequential(optimizer: Any) -> Any:
    parts = [t.LinearLR(optimizer, 0.1, total_iters=5), t.ExponentialLR(optimizer, 0.9)]
    return t.SequentialLR(optimizer, [*parts, t.CosineAnnealingLR(optimizer, 8)], milestones=[5, 12])


def chained(optimizer: Any) -> Any:
    return t.ChainedScheduler([t.ConstantLR(optimizer, 0.5, 4), t.ExponentialLR(optimizer, 0.9)], optimizer)


def counting(optimizer: Any) -> Any:
    count = 0

    def factor(step: int) -> float:
        nonlocal count
        count += 1
        return 0.9**count

    return t.LambdaLR(optimizer, factor)


def cyclic(optimizer: Any, **rest: Any) -> Any:
    has = {"momentum", "betas"} & optimizer.defaults.keys()
    return t.CyclicLR(optimizer, 0.01, 0.1, step_size_up=4, cycle_momentum=bool(has), **rest)


def one_cycle(optimizer: Any) -> Any:
    has = {"momentum", "betas"} & optimizer.defaults.keys()
    return t.OneCycleLR(optimizer, 0.1, TOTAL + AHEAD, cycle_momentum=bool(has))


SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: t.StepLR(o, 3),
    "MultiStepLR": lambda o: t.MultiStepLR(o, [2, 9, 9, 22]),
    "ConstantLR": lambda o: t.ConstantLR(o, 0.5, 10),
    "LinearLR": lambda o: t.LinearLR(o, 0.1, total_iters=10),
    "ExponentialLR": lambda o: t.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: t.PolynomialLR(o, TOTAL, 2.0),
    "CosineAnnealingLR": lambda o: t.CosineAnnealingLR(o, TOTAL, 1e-4),
    "CosineAnnealingWarmRestarts": lambda o: t.CosineAnnealingWarmRestarts(o, 5, 2),
    "CyclicLR": cyclic,
    "CyclicLR exp_range": partial(cyclic, mode="exp_range", gamma=0.9),
    "CyclicLR scale_fn": partial(cyclic, scale_fn=lambda x: 0.8**x),
    "OneCycleLR": one_cycle,
    "LambdaLR": lambda o: t.LambdaLR(o, lambda step: 0.9**step),
    "LambdaLR of an object": lambda o: t.LambdaLR(o, Halving()),
    "LambdaLR of a partial": lambda o: t.LambdaLR(o, partial(warmup, length=9)),
    "LambdaLR that counts": counting,
    "MultiplicativeLR": lambda o: t.MultiplicativeLR(o, lambda step: 0.9),
    "SWALR": lambda o: SWALR(o, 0.01, 6),
    "ReduceLROnPlateau": lambda o: t.ReduceLROnPlateau(o, patience=1, cooldown=1),
    "SequentialLR": sequential,
    "ChainedScheduler": chained,
    "a subclass of LRScheduler": Own,
    "a class of no library": Bare,
}
OPTIMIZERS = {
    name: cls
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer
}


def made(name: str) -> Any:
    count = 1 if name == "LBFGS" else 2
    groups = [{"params": [torch.nn.Parameter(torch.ones(2, 3))], "lr": 0.1 / (1 + each)} for each in range(count)]
    return OPTIMIZERS[name](groups, **({"ns_steps": 1} if name == "Muon" else {}))


def train(optimizer: Any, scheduler: Any, metrics: Iterator[float]) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None if isinstance(optimizer, torch.optim.SparseAdam) else torch.ones_like(parameter)
    optimizer.step(*[lambda: torch.tensor(1.0)] * isinstance(optimizer, torch.optim.LBFGS))
    scheduler.step(*[next(metrics)] * isinstance(scheduler, t.ReduceLROnPlateau))


def settings(optimizer: Any) -> list[tuple[float, ...]]:
    return [
        (group["lr"], group["betas"][0] if "betas" in group else group.get("momentum"), group.get("weight_decay"))
        for group in optimizer.param_groups
    ]


def frozen(value: Any) -> Any:
    """Return a state in a form that compares by value, and functions and objects by identity."""
    if isinstance(value, dict):
        return {key if isinstance(key, (str, int)) else id(key): frozen(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen(entry) for entry in value]
    if isinstance(value, torch.Tensor):
        return value.tolist()
    return value if isinstance(value, (str, int, float, type(None))) else id(value)


def random_states() -> tuple[Any, ...]:
    kind, keys, *rest = numpy.random.get_state()  # noqa: NPY002  the one that is shared
    return random.getstate(), bytes(torch.get_rng_state().numpy()), kind, bytes(keys), *rest


def everything(scheduler: Any, optimizer: Any) -> dict[str, Any]:
    """Return all of the user's that a preview could touch."""
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    return {
        "scheduler": frozen(scheduler.state_dict()),
        "attributes": frozen(vars(scheduler)),
        "optimizer": frozen(optimizer.state_dict()),
        "optimizer's attributes": {name: id(value) for name, value in vars(optimizer).items()},
        "defaults": frozen(optimizer.defaults),
        "groups": [id(group) for group in optimizer.param_groups],
        "parameters": [(id(each), each.tolist(), id(each.grad)) for each in parameters],
        "random states": random_states(),
    }


def previewed(trace: Preview) -> list[list[tuple[float, ...]]]:
    columns = [(group.lr, group.momentum, group.weight_decay) for group in trace.groups]
    return [
        [tuple(None if column is None else column[step] for column in group) for group in columns]
        for step in range(trace.steps)
    ]


def compare(scheduler_name: str, optimizer_name: str, position: int) -> None:
    """Preview, hold that nothing is another, and then train on with the user's own objects."""
    optimizer = made(optimizer_name)
    scheduler = SCHEDULERS[scheduler_name](optimizer)
    metrics = iter([*METRIC * 3])
    for _ in range(position):
        train(optimizer, scheduler, metrics)
    ahead = [next(metrics) for _ in range(AHEAD)]
    metric = ahead if isinstance(scheduler, t.ReduceLROnPlateau) else None
    before = everything(scheduler, optimizer)
    shown = preview(scheduler, steps=AHEAD, metric=metric)
    assert everything(scheduler, optimizer) == before
    assert (shown.steps, shown.failure, shown.warnings) == (AHEAD, None, ())
    trained = []
    for value in ahead:
        trained.append(settings(optimizer))
        train(optimizer, scheduler, iter([value]))
    assert previewed(shown) == trained


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_preview_touches_nothing_and_shows_what_is_then_trained_with(scheduler: str) -> None:
    for optimizer, (name, position) in itertools.product(OPTIMIZERS, POSITIONS.items()):
        try:
            compare(scheduler, optimizer, position)
        except AssertionError as error:
            raise AssertionError(f"{scheduler} with {optimizer}, {name}") from error


def count() -> str:
    previews = len(SCHEDULERS) * len(OPTIMIZERS) * len(POSITIONS)
    each = f"{len(SCHEDULERS)} schedulers x {len(OPTIMIZERS)} optimizers x {len(POSITIONS)} positions"
    return f"{each} = {previews:,} previews of {AHEAD} steps"


def test_all_of_torchs_schedulers_are_among_those_that_are_compared() -> None:
    own = {name for name in t.__all__ if name != "LRScheduler"}
    assert own - set(SCHEDULERS) == set()
    assert len(OPTIMIZERS) >= 14


def sgd(*groups: Any, **rest: Any) -> Any:
    given = groups or ({"params": [torch.nn.Parameter(torch.ones(2))]},)
    return torch.optim.SGD(list(given), lr=0.1, **rest)


def lrs(trace: Preview) -> list[float]:
    return list(trace.groups[0].lr)


def test_a_model_is_not_copied_however_large() -> None:
    class Large(torch.nn.Parameter):
        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError("copied")

        __reduce_ex__ = __deepcopy__

    weight = Large(torch.ones(4, 4))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.ones(4, 4)
    optimizer.step()
    scheduler = t.StepLR(optimizer, 2)
    scheduler.model = torch.nn.ParameterList([weight])  # type: ignore[attr-defined]  # as a class of one's own may
    assert preview(scheduler, steps=3).steps == 3


def test_memory_does_not_grow_with_the_model() -> None:
    weight = torch.nn.Parameter(torch.empty(1, device="meta").expand(10**12))  # 4 TB, if anybody touched it
    assert preview(t.StepLR(torch.optim.SGD([weight], lr=0.1), 2), steps=3).steps == 3


def test_the_next_step_is_the_first_of_a_preview_and_the_position_is_known() -> None:
    optimizer = sgd()
    scheduler = t.StepLR(optimizer, 2)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    shown = preview(scheduler, steps=3)
    assert shown.experiment.heading == "StepLR, from step 3 on"
    assert (shown.position, lrs(shown)) == (3, [0.1 * 0.1, 0.1 * 0.1 * 0.1, 0.1 * 0.1 * 0.1])


def test_a_scheduler_may_be_stepped_once_an_epoch() -> None:
    shown = preview(t.StepLR(sgd(), 1), steps=5, steps_per_epoch=2, interval="epoch")
    assert lrs(shown) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    assert shown.epoch_of(4) == 2


def test_what_is_raised_on_the_way_ends_a_preview() -> None:
    shown = preview(t.OneCycleLR(sgd(momentum=0.9), 0.1, 4), steps=9)
    assert shown.failure is not None
    assert (shown.steps, shown.failure.kind, shown.failure.by) == (5, "ValueError", "torch")


def test_the_apis_preview_raises_unless_a_part_is_asked_for() -> None:
    scheduler = t.OneCycleLR(sgd(momentum=0.9), 0.1, 4)
    with pytest.raises(lrviz.ReplayError, match="failed after step 4: ValueError"):
        lrviz.preview(scheduler, steps=9)
    assert lrviz.preview(scheduler, steps=9, partial=True).steps == 5


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    scheduler = t.ReduceLROnPlateau(sgd(), patience=0)
    metric = [numpy.float32(1.0), torch.tensor(1.0), 1.0]
    shown = lrviz.preview(scheduler, steps=numpy.int64(3), metric=metric)  # type: ignore[arg-type]
    assert lrs(shown) == pytest.approx([0.1, 0.1, 0.01])
    assert lrviz.preview(scheduler, steps=3, metric=numpy.float32(1.0)).metric is not None


def test_a_function_is_called_with_the_epoch_and_the_step() -> None:
    scheduler = t.ReduceLROnPlateau(sgd(), patience=0)
    assert lrs(lrviz.preview(scheduler, steps=3, metric=lambda epoch, step: 1.0))[2] == pytest.approx(0.01)
    with pytest.raises(SpecError, match=r"^metric: a function is called with epoch= and step=") as error:
        lrviz.preview(scheduler, steps=3, metric=lambda e: 1.0)
    assert error.value.problems[0].field == "metric"


def test_what_draws_a_trace_names_the_preview_of_a_scheduler() -> None:
    scheduler: Any = t.StepLR(sgd(), 2)
    for draw in (lrviz.figure, lrviz.plot):
        with pytest.raises(SpecError, match=r"lrviz\.preview\(scheduler, steps=\.\.\.\)"):
            draw(scheduler)


def test_what_a_scheduler_of_ones_own_raises_has_its_name() -> None:
    def factor(step: int) -> float:
        return 1 / (3 - step)

    shown = preview(t.LambdaLR(sgd(), factor), steps=9)
    assert shown.failure is not None
    assert (shown.steps, shown.failure.description[:40]) == (3, "your LambdaLR.step() failed after step 2")


@pytest.mark.parametrize("content", [[0], {"n": 0}, SimpleNamespace(n=0), {-1}])
def test_a_function_has_a_copy_of_the_data_that_it_closes_over(content: Any) -> None:
    before = repr(content)

    def factor(step: int) -> float:
        match content:
            case list():
                content.append(step)
            case dict():
                content["n"] += 1
            case set():
                content.add(step)
            case _:
                content.n += 1
        return 1.0

    scheduler = t.LambdaLR(sgd(), factor)
    now = repr(content)
    preview(scheduler, steps=5)
    assert (repr(content), now != before) == (now, True)


def test_a_function_has_a_copy_of_an_iterator_that_it_closes_over() -> None:
    factors = iter([1.0, 0.5, 0.25, 0.125])
    scheduler = t.LambdaLR(sgd(), lambda step: next(factors))
    assert lrs(preview(scheduler, steps=3)) == [0.1, 0.05, 0.025]
    assert next(factors) == 0.5


def test_a_functions_default_arguments_are_copied_as_well() -> None:
    def factor(step: int, seen: list[int] = []) -> float:  # noqa: B006  what is tested
        seen.append(step)
        return 0.5 ** len(seen)

    scheduler = t.LambdaLR(sgd(), factor)
    assert lrs(preview(scheduler, steps=3)) == lrs(preview(scheduler, steps=3)) == [0.05, 0.025, 0.0125]


def test_two_functions_share_the_copy_of_what_they_both_close_over() -> None:
    count = 0

    def up() -> None:
        nonlocal count
        count += 1

    def factor(step: int) -> float:
        up()
        return float(count)

    scheduler = t.LambdaLR(sgd(), factor)
    assert lrs(preview(scheduler, steps=3)) == pytest.approx([0.1, 0.2, 0.3])
    assert count == 1


def test_a_function_that_calls_itself_is_copied_once() -> None:
    def factor(step: int) -> float:
        return 1.0 if step <= 0 else 0.5 * factor(step - 1)

    assert lrs(preview(t.LambdaLR(sgd(), factor), steps=3)) == [0.1, 0.05, 0.025]


def test_a_function_sees_the_shadow_of_the_optimizer_and_the_copy_of_its_scheduler() -> None:
    optimizer = sgd()

    def factor(step: int) -> float:
        optimizer.param_groups[0]["seen"] = step
        return 1.0 if step == 0 else 1.0 / (1 + scheduler.last_epoch)

    scheduler = t.LambdaLR(optimizer, factor)
    assert lrs(preview(scheduler, steps=3)) == pytest.approx([0.1, 0.05, 0.1 / 3])
    assert (optimizer.param_groups[0]["seen"], scheduler.last_epoch) == (0, 0)


def test_schedulers_that_a_function_steps_are_copied() -> None:
    optimizer = sgd()
    first, second = t.ExponentialLR(optimizer, 0.5), t.ExponentialLR(optimizer, 0.5)

    def step() -> None:
        for each in parts:
            each.step()

    parts = [first, second]
    shown = preview(SimpleNamespace(step=step, optimizer=optimizer), steps=3)
    assert lrs(shown) == pytest.approx([0.1, 0.025, 0.00625])
    assert (first.last_epoch, optimizer.param_groups[0]["lr"]) == (0, 0.1)


class Counter:
    """An object whose method counts its calls."""

    def __init__(self, share: float = 0.5) -> None:
        self.calls, self.share = 0, share
        self.data: Any = None

    def factor(self, step: int) -> float:
        self.calls += 1
        return self.share**self.calls


def through(counter: Counter) -> Callable[[int], float]:
    def factor(step: int) -> float:
        return counter.factor(step)

    return factor


@pytest.mark.parametrize("close_over", [lambda it: it.factor, through])
def test_a_small_object_is_copied_with_its_method_and_with_what_closes_over_it(close_over: Any) -> None:
    counter = Counter()
    scheduler = t.LambdaLR(sgd(), close_over(counter))
    assert lrs(preview(scheduler, steps=3)) == [0.05, 0.025, 0.0125]
    assert counter.calls == 1


@pytest.mark.parametrize("close_over", [lambda it: it.factor, through])
def test_a_large_object_is_shared(close_over: Any) -> None:
    counter = Counter(share=1.0)
    counter.data = b"0" * 2_000_000
    scheduler = t.LambdaLR(sgd(), close_over(counter))
    assert lrs(preview(scheduler, steps=3)) == [0.1, 0.1, 0.1]
    assert counter.calls == 3


def test_a_scheduler_of_no_library_may_close_over_itself() -> None:
    class Closing(Bare):
        def __init__(self, optimizer: Any) -> None:
            super().__init__(optimizer)
            self.step = lambda: Bare.step(self)  # type: ignore[method-assign]

    optimizer = sgd()
    scheduler = Closing(optimizer)
    assert lrs(preview(scheduler, steps=3)) == [0.1, 0.05, 0.1 / 3]
    assert (scheduler.count, optimizer.param_groups[0]["lr"]) == (0, 0.1)


def test_what_a_function_closes_over_and_cannot_be_copied_is_shared() -> None:
    class Trainer:
        def __reduce_ex__(self, protocol: Any) -> Any:
            raise AssertionError("copied")

        share = 0.5

    trainer = Trainer()
    assert lrs(preview(t.LambdaLR(sgd(), lambda step: trainer.share), steps=2)) == [0.05, 0.05]


def test_a_method_of_a_module_is_called_on_the_module_itself() -> None:
    class Model(torch.nn.Linear):
        def factor(self, step: int) -> float:
            return 1.0 / (1 + step)

        def __reduce_ex__(self, protocol: Any) -> Any:
            raise AssertionError("copied")

    model = Model(1, 1)
    scheduler = t.LambdaLR(torch.optim.SGD(model.parameters(), lr=0.1), model.factor)
    assert lrs(preview(scheduler, steps=2)) == [0.1, 0.05]


def test_a_function_that_assigns_a_global_variable_is_refused() -> None:
    space: dict[str, Any] = {"count": 0}
    exec("def factor(step):\n    global count\n    count += 1\n    return 1.0", space)
    scheduler = t.LambdaLR(sgd(), space["factor"])
    with pytest.raises(
        SpecError, match=r"factor assigns the global variable count \(<string>:1\), and a preview would"
    ):
        preview(scheduler, steps=5)
    assert space["count"] == 1


def test_random_numbers_are_drawn_and_given_back() -> None:
    def factor(step: int) -> float:
        return random.random() + float(numpy.random.rand()) + torch.rand(1).item()  # noqa: NPY002

    scheduler = t.LambdaLR(sgd(), factor)
    before = random_states()
    first, second = preview(scheduler, steps=5), preview(scheduler, steps=5)
    assert random_states() == before
    assert lrs(first) == lrs(second)
    assert len(set(lrs(first))) == 5


def test_a_generator_of_its_own_is_copied() -> None:
    generator = torch.Generator().manual_seed(1)
    scheduler = t.LambdaLR(sgd(), lambda step: torch.rand(1, generator=generator).item())
    before = generator.get_state()
    preview(scheduler, steps=5)
    assert torch.equal(generator.get_state(), before)


def test_no_hook_of_the_optimizer_is_called() -> None:
    optimizer = sgd()
    calls: list[Any] = []
    optimizer.register_step_pre_hook(lambda *rest: calls.append(rest))
    preview(t.StepLR(optimizer, 2), steps=3)
    assert calls == []


def test_a_learning_rate_that_is_a_tensor_stays_as_it_is() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([parameter], lr=torch.tensor(0.5), capturable=False)
    shown = preview(t.ExponentialLR(optimizer, 0.5), steps=3)
    assert (lrs(shown), optimizer.param_groups[0]["lr"].item()) == ([0.5, 0.25, 0.125], 0.5)


def test_what_cannot_be_copied_of_a_parameter_group_is_shared() -> None:
    lock = Lock()
    optimizer = sgd({"params": [torch.nn.Parameter(torch.ones(2))], "lock": lock, "seen": []})
    optimizer.param_groups[0]["seen"].append(1)

    def factor(step: int) -> float:
        optimizer.param_groups[0]["seen"].append(step)
        return 1.0

    scheduler = t.LambdaLR(optimizer, factor)
    assert preview(scheduler, steps=3).failure is None
    assert optimizer.param_groups[0]["seen"] == [1, 0]


def test_an_optimizer_that_torch_does_not_have_keeps_its_name() -> None:
    class Lion(torch.optim.Optimizer):
        def __init__(self, params: Any) -> None:
            super().__init__(params, {"lr": 0.1, "betas": (0.95, 0.98)})

    shown = preview(t.StepLR(Lion([torch.nn.Parameter(torch.ones(2))]), 2), steps=3)
    assert (shown.experiment.optimizer.label, shown.momentum_name) == ("Lion", "beta1")
    assert list(shown.groups[0].momentum or ()) == [0.95] * 3


def test_groups_have_the_names_that_the_optimizer_gives_them() -> None:
    def group(**rest: Any) -> dict[str, Any]:
        return {"params": [torch.nn.Parameter(torch.ones(2))], **rest}

    named = preview(t.StepLR(sgd(group(name="body"), group(name="head", lr=1.0)), 2), steps=2)
    assert [(each.name, each.lr[0]) for each in named.groups] == [("body", 0.1), ("head", 1.0)]
    assert [each.name for each in preview(t.StepLR(sgd(group(), group()), 2), steps=2).groups] == ["group 0", "group 1"]


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def factor(step: int) -> float:
        print("stepped")  # noqa: T201
        return 1.0

    scheduler = t.LambdaLR(sgd(), factor)
    capsys.readouterr()
    preview(scheduler, steps=3)
    assert capsys.readouterr().out == ""


class Groups:
    """A scheduler that keeps the parameter groups, and not the optimizer."""

    def __init__(self, optimizer: Any) -> None:
        self.groups = optimizer.param_groups

    def step(self) -> None:
        self.groups[0]["lr"] *= 0.5


def test_the_optimizer_may_be_said() -> None:
    optimizer = sgd()
    assert lrs(preview(Groups(optimizer), steps=3, optimizer=optimizer)) == [0.1, 0.05, 0.025]
    assert optimizer.param_groups[0]["lr"] == 0.1


class Writing(t.StepLR):
    def __init__(self, optimizer: Any) -> None:
        super().__init__(optimizer, 2)
        self.lines = (line for line in ())


def that_generates(optimizer: Any) -> Any:
    factors = (1.0 / each for each in range(1, 99))
    return t.LambdaLR(optimizer, lambda step: next(factors))


class Told(t.StepLR):
    def step(self, epoch: int) -> None:  # type: ignore[override]
        super().step()


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (Groups, {}, "Groups holds no optimizer: say which one it is for, optimizer=..."),
        (Writing, {}, "Writing.lines, of type generator, cannot be copied: cannot pickle 'generator' object"),
        (that_generates, {}, "LambdaLR.lr_lambdas, of type list, cannot be copied: cannot pickle 'generator' object"),
        (lambda o: Told.__new__(Told), {}, "Told.step() takes epoch, which a preview cannot know"),
        (lambda o: o, {}, "must be a scheduler that was made, with a step() of its own, not SGD"),
        (lambda o: t.StepLR, {}, "must be a scheduler that was made"),
        (lambda o: t.StepLR(o, 2), {"metric": 1.0}, "metric: StepLR watches none: its step() takes no metric"),
        (t.ReduceLROnPlateau, {}, "metric: missing: ReduceLROnPlateau watches a metric"),
        (t.ReduceLROnPlateau, {"metric": "train"}, "metric: train, a toy loss, is for an experiment's replay"),
        (t.ReduceLROnPlateau, {"metric": [1.0]}, "metric: has 1 values; the run steps its scheduler 4 times"),
        (t.ReduceLROnPlateau, {"metric": "los"}, "metric: "),
        (lambda o: t.StepLR(o, 2), {"interval": "epoch"}, "interval: epoch needs epochs"),
        (lambda o: t.StepLR(o, 2), {"steps": 0}, "steps: must be a whole number >= 1, not 0"),
    ],
)
def test_what_cannot_be_previewed_says_why(make: Any, given: Any, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        preview(make(sgd()), **{"steps": 5, **given})
    assert message in str(raised.value)


def test_a_preview_is_drawn_as_a_trace_is() -> None:
    shown = lrviz.preview(t.StepLR(sgd(), 2), steps=8)
    assert lrviz.figure(shown).axes[0].get_title() == "StepLR"


if __name__ == "__main__":
    print(count())  # noqa: T201
