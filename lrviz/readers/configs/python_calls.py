"""The schedulers that a training script makes, from its syntax tree: nothing in it is executed.

What is read of a call are literals, arithmetic on them, and names that are bound once in the same scope, or
once in a scope around it, to such. Everything else is noted on its value.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from lrviz.errors import Problem, shown
from lrviz.experiment.argtypes import Formula, PerGroup
from lrviz.experiment.optimizers import OPTIMIZERS, SETTINGS
from lrviz.experiment.record import arg_types
from lrviz.experiment.schedulers import SchedulerSpec
from lrviz.experiment.schedulers.catalogue import find
from lrviz.experiment.values import Value
from lrviz.readers.configs.python_syntax import SyntaxReader, dotted_name, syntax_of

MADE = "<schedulers>"
"""The key of a script's schedulers, which no name in a file can be."""

TORCH = ("torch.optim.lr_scheduler.", "torch.optim.swa_utils.", "lr_scheduler.")
TRANSFORMERS = ("transformers.", "diffusers.")
STARS = "**"  # the key of what a call takes from a mapping
IDLE = ("optimizer", "last_epoch", "verbose")
MOST = 100  # schedulers of a script
BY_NAME = ("hf-warmup-stable-decay",)  # whose positions are not lrviz's
WRAPPERS = ("enumerate", "zip", "tqdm", "reversed", "track")
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def made_in(text: str, name: str) -> list[Value]:
    """Return what each scheduler of a script comes to: a block with its line, scheduler, optimizer and run.

    Those inside another are with that one.
    """
    if not re.search(r"lr_scheduler|swa_utils|transformers|diffusers", text):
        return []
    try:
        return list(_Script(text, name).blocks())
    except RecursionError:  # an expression so deep is no training script's
        return []


class _Script:
    """One script: its tree, what its imports stand for, and who is inside whom."""

    def __init__(self, text: str, name: str) -> None:
        self.tree = syntax_of(text, name)
        self.text, self.name = text, name
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.imports = dict(_imports(self.tree))
        self.readers: dict[ast.AST, SyntaxReader] = {}
        self.calls = sorted(
            (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)), key=lambda node: node.lineno
        )

    def blocks(self) -> Iterator[Value]:
        made = [call for call in self.calls if self.spec(call) is not None]
        inner = {id(child) for call in made for child in self.children(call)}
        own = [call for call in made if id(call) not in inner][:MOST]
        stepped = {call for call in own if _Loop(self, call).steps}
        for call in own:
            place = f"{self.name}:{call.lineno}"
            run, metric = _Loop(self, call).run()
            scheduler = self.scheduler(call)
            assert isinstance(scheduler.data, dict)
            entries = {**scheduler.data, **metric}
            others = [Value(each.lineno) for each in own if self.share(call, each, stepped)]
            block = {
                "beside": Value([*others]),
                "scheduler": Value(entries, place),
                "optimizer": self.optimizer(call),
                "run": Value(run, place),
            }
            yield Value({"line": Value(call.lineno), "class": Value(_last(call)), **block}, place)

    def full_name(self, node: ast.AST) -> str:
        """Return a dotted name with what its first part was imported as."""
        first, dot, rest = (dotted_name(node) or "").partition(".")
        return self.imports.get(first, first) + dot + rest

    def spec(self, call: ast.Call) -> type[SchedulerSpec] | None:
        """Return the scheduler that a call makes; None for one that makes none."""
        full = self.full_name(call.func)
        word = full.rpartition(".")[2]
        if full.startswith(TORCH):
            found = find(word)
            return found if found is not None and found.__name__ == word else None
        if full.startswith(TRANSFORMERS) and word.startswith("get_"):
            if word == "get_scheduler":
                named = self.argument(call, "name", 0)
                value = self.value(named).data if named is not None else None
                return find(f"hf-{value.replace('_', '-')}" if isinstance(value, str) else "hf-linear")
            found = find(word)
            return found if found is not None and found.library == "transformers" else None
        return None

    def argument(self, call: ast.Call, name: str, position: int) -> ast.expr | None:
        """Return an argument by its name, or where it stands."""
        named = next((each.value for each in call.keywords if each.arg == name), None)
        return named if named is not None else call.args[position] if position < len(call.args) else None

    # What expressions stand for.

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, or the file, that a node stands in; a class is none."""
        node = self.parents[node]
        while not isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            node = self.parents[node]
        return node

    def reader(self, scope: ast.AST) -> SyntaxReader:
        """Return what reads expressions in a scope: it knows the names that are bound once."""
        if scope not in self.readers:
            reader = SyntaxReader(self.name, self.text, None)
            if scope is not self.tree:
                reader.names = dict(self.reader(self.scope(scope)).names)
            bound = [each for each in _own(scope) if isinstance(each, (ast.Name, ast.arg, ast.alias))]
            names = Counter(word for each in bound if (word := _binds(each)))
            reader.names = {name: value for name, value in reader.names.items() if name not in names}
            for target, node in sorted(_assigned(scope), key=lambda pair: pair[1].lineno):
                if names[target.id] == 1:
                    reader.names[target.id] = reader.value(node)
            self.readers[scope] = reader
        return self.readers[scope]

    def value(self, node: ast.expr) -> Value:
        """Return what an expression stands for; what that is cannot always be said without running it."""
        found = self.reader(self.scope(node)).value(node)
        return self.unread(node) if _spoiled(found) else found

    def unread(self, node: ast.AST) -> Value:
        place = f"{self.name}:{getattr(node, 'lineno', 1)}"
        source = shown(" ".join(ast.unparse(node).split()))[1:-1]
        return Value(None, place, (Problem(message=f"is `{source}`, which is not run here", place=place),))

    # A scheduler's arguments.

    def scheduler(self, call: ast.Call) -> Value:
        """Return a scheduler as a document has it."""
        spec = self.spec(call)
        assert spec is not None
        place = f"{self.name}:{call.lineno}"
        named = self.argument(call, "name", 0) if _last(call) == "get_scheduler" else None
        unread = named is not None and self.value(named).problems
        entries = {"name": self.unread(named) if named is not None and unread else Value(spec.name, place)}
        for name, node in self.arguments(call, spec):
            if name == "schedulers":
                children = [self.scheduler(child) for child in self.children(call)]
                whole = isinstance(node, (ast.List, ast.Tuple)) and len(node.elts) == len(children)
                entries[name] = Value([*children], place) if whole else self.unread(node)
            elif name not in IDLE:
                entries[name] = self.argument_value(spec, name, node)
        return Value(entries, place)

    def arguments(self, call: ast.Call, spec: type[SchedulerSpec]) -> Iterator[tuple[str, ast.expr]]:
        """Yield a call's arguments by name."""
        known = [name for name, arg_type in arg_types(spec).items() if not arg_type.extra]
        positions = known if spec.name == "chained" else ["optimizer", *known]
        if _last(call) == "get_scheduler":
            positions = ["optimizer", "optimizer", "num_warmup_steps", "num_training_steps"]
        if spec.name in BY_NAME:
            positions = positions[:2]
        for number, node in enumerate(call.args):
            yield (positions[number] if number < len(positions) else f"argument {number + 1}"), node
        for each in call.keywords:
            if each.arg == "scheduler_specific_kwargs" and isinstance(each.value, ast.Dict):
                pairs = zip(each.value.keys, each.value.values, strict=True)
                yield from ((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))
            elif each.arg != "name" or _last(call) != "get_scheduler":
                yield each.arg or STARS, each.value

    def argument_value(self, spec: type[SchedulerSpec], name: str, node: ast.expr) -> Value:
        if name == STARS or isinstance(node, ast.Starred):
            return self.unread(node)
        kind = arg_types(spec).get(name)
        kind = kind.item if isinstance(kind, PerGroup) else kind
        if not isinstance(kind, Formula):
            return self.value(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return Value([self.formula(each, kind) for each in node.elts], f"{self.name}:{node.lineno}")
        return self.formula(node, kind)

    def formula(self, node: ast.expr, kind: Formula) -> Value:
        """Return a function of one number as the expression that it computes."""
        function = self.function(node)
        if function is None:
            return self.unread(node)
        own, body = function
        known = self.reader(self.scope(body)).names
        words = {own: kind.names[0], "math": "", "np": "", "numpy": ""}

        def word(found: re.Match[str]) -> str:
            name = found[0]
            value = known[name].data if name in known and name != own else None
            return words.get(name, repr(value) if isinstance(value, (int, float)) else name)

        text = re.sub(r"\b(math|np|numpy)\.", "", ast.unparse(body))
        return Value(re.sub(r"(?<![\w.])[A-Za-z_]\w*", word, text), f"{self.name}:{node.lineno}")

    def function(self, node: ast.expr) -> tuple[str, ast.expr] | None:
        """Return the name of the one argument of a lambda, or of a function that only returns, and what it returns."""
        if isinstance(node, ast.Lambda) and len(node.args.args) == 1:
            return node.args.args[0].arg, node.body
        named = [each for each in ast.walk(self.tree) if isinstance(each, ast.FunctionDef)]
        found = [each for each in named if isinstance(node, ast.Name) and each.name == node.id]
        if len(found) == 1 and len(found[0].args.args) == 1:
            *before, last = found[0].body
            is_plain = all(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in before)
            if is_plain and isinstance(last, ast.Return) and last.value is not None:
                return found[0].args.args[0].arg, last.value
        return None

    # Who is made before whom.

    def children(self, call: ast.Call) -> list[ast.Call]:
        """Return the schedulers that a call is given."""
        spec = self.spec(call)
        listed = dict(self.arguments(call, spec)).get("schedulers") if spec is not None else None
        nodes = listed.elts if isinstance(listed, (ast.List, ast.Tuple)) else []
        found = [each if isinstance(each, ast.Call) else self.assigned(each) for each in nodes]
        return [each for each in found if each is not None and self.spec(each) is not None]

    def assigned(self, node: ast.AST) -> ast.Call | None:
        """Return the last call before a use of a name, or `self.name`, whose result has that name."""
        name, line = dotted_name(node), getattr(node, "lineno", 0)
        before = [call for call in self.calls if call.lineno <= line and name in self.targets(call)]
        own = [call for call in before if self.scope(call) is self.scope(node)]
        return next(reversed(own or before), None) if name else None

    def targets(self, call: ast.Call) -> list[str]:
        """Return the names that a call's result is assigned to."""
        parent = self.parents[call]
        if isinstance(parent, ast.Assign):
            return [name for each in parent.targets if (name := dotted_name(each))]
        if isinstance(parent, ast.AnnAssign):
            return [name] if (name := dotted_name(parent.target)) else []
        return []

    # Who changes the same learning rate.

    def share(self, call: ast.Call, other: ast.Call, stepped: Collection[ast.Call]) -> bool:
        """Return whether two schedulers of a scope are both stepped, and have the same optimizer."""
        if call is other or self.scope(call) is not self.scope(other) or self.exclude(call, other):
            return False
        are_stepped = call in stepped and other in stepped and not {*self.targets(call)} & {*self.targets(other)}
        are_listed = any(call in each and other in each for each in self.lists)
        return (are_stepped or are_listed) and bool(self.owners(call) & self.owners(other))

    def owners(self, call: ast.Call) -> set[ast.Call | str]:
        """Return what a scheduler's optimizers are made by, or called where that is not found."""
        inner = [call, *self.children(call)]
        nodes = [self.argument(each, "optimizer", 1 if _last(each) == "get_scheduler" else 0) for each in inner]
        names = [(node, name) for node in nodes if node is not None and (name := dotted_name(node))]
        return {self.assigned(node) or name for node, name in names}

    def exclude(self, call: ast.Call, other: ast.Call) -> bool:
        """Return whether two calls are in different branches of one condition."""
        first, second = self.branches(call), self.branches(other)
        return any(first[node] != branch for node, branch in second.items() if node in first)

    def branches(self, node: ast.AST) -> dict[ast.AST, int]:
        """Return the conditions around a node, and in which branch of each it is."""
        found: dict[ast.AST, int] = {}
        while (parent := self.parents.get(node)) is not None:
            if isinstance(parent, ast.If):
                found[parent] = int(node in parent.orelse)
            elif isinstance(parent, ast.Match) and isinstance(node, ast.match_case):
                found[parent] = parent.cases.index(node)
            node = parent
        return found

    @cached_property
    def lists(self) -> list[set[ast.AST | None]]:
        """The calls whose results are in a list together: `for each in (first, second): each.step()`."""
        lists = [node for node in ast.walk(self.tree) if isinstance(node, (ast.List, ast.Tuple))]
        every = [node.elts for node in lists if isinstance(node.ctx, ast.Load) and len(node.elts) > 1]
        return [{each if isinstance(each, ast.Call) else self.assigned(each) for each in elts} for elts in every]

    @cached_property
    def optimizers(self) -> list[ast.Call]:
        """The calls that make an optimizer."""
        return [call for call in self.calls if self.is_optimizer(call)]

    def is_optimizer(self, call: ast.Call) -> bool:
        full = self.full_name(call.func)
        return full.startswith(("torch.optim.", "optim.")) and full.rpartition(".")[2] in OPTIMIZERS

    def optimizer(self, call: ast.Call) -> Value:
        """Return the optimizer of a scheduler, as a document has it; without entries where that is not found."""
        inner = [call, *self.children(call)]
        nodes = [self.argument(each, "optimizer", 1 if _last(each) == "get_scheduler" else 0) for each in inner]
        made = [self.assigned(node) for node in nodes if node is not None]
        found = [each for each in made if each is not None and self.is_optimizer(each)] or self.optimizers
        if not found or (len(self.optimizers) > 1 and found is self.optimizers):
            return Value({}, f"{self.name}:{call.lineno}")
        own, place = found[0], f"{self.name}:{found[0].lineno}"
        entries = {"name": Value(_last(own), place)}
        given = {each.arg: each.value for each in own.keywords if each.arg}
        if len(own.args) > 1:
            given.setdefault("lr", own.args[1])
        entries |= {name: self.value(given[name]) for name in SETTINGS if name in given}
        groups = self.argument(own, "params", 0)
        if isinstance(groups, ast.List) and groups.elts and all(isinstance(each, ast.Dict) for each in groups.elts):
            found_groups = [self.group(number, each) for number, each in enumerate(groups.elts)]
            entries["groups"] = Value([*found_groups], place)
        return Value(entries, place)

    def group(self, number: int, node: ast.expr) -> Value:
        """Return a parameter group, called by its name or by the part of the model that it has."""
        assert isinstance(node, ast.Dict)
        given = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        name, source = given.get("name"), given.get("params")
        word = self.value(name).data if name is not None else None
        if not isinstance(word, str):
            part = dotted_name(source.func) if isinstance(source, ast.Call) else None
            word = (part or "").removesuffix(".parameters").rpartition(".")[2] or f"group {number}"
        place = f"{self.name}:{node.lineno}"
        entries = {key: self.value(given[key]) for key in SETTINGS if key in given}
        return Value({"name": Value(word, place), **entries}, place)


class _Loop:
    """The loop that steps a scheduler."""

    def __init__(self, script: _Script, call: ast.Call) -> None:
        self.script, self.call = script, call
        tails = {name.rpartition(".")[2] for name in script.targets(call)}
        stepping = [each for each in script.calls if _stepped(each)]
        self.steps = [each for each in stepping if _stepped(each)[0] in tails]
        node = script.argument(call, "optimizer", 1 if _last(call) == "get_scheduler" else 0)
        owner = _tail(node) if node is not None else ""
        self.updates = [each for each in stepping if owner and owner in _stepped(each)] + self.steps

    def run(self) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return what is known of the run, and of what the scheduler is stepped with."""
        found: dict[str, Value] = {}
        step = self.steps[0] if len(self.steps) == 1 else None
        epochs = self.epochs()
        loops = self.around(step) if step is not None else []
        if step is not None and loops:
            place = f"{self.script.name}:{step.lineno}"
            is_epoch = _counts_epochs(loops[0]) or any(isinstance(each, ast.For) for each in _inside(loops[0]))
            if not is_epoch and epochs is None and (steps := self.length(loops[0])) is not None:
                found["steps"] = steps
            found["interval"] = Value("epoch" if is_epoch else "step", place)
        if epochs is not None:
            found["epochs"] = epochs
        for each in ast.walk(self.script.tree) if step is None else ():
            if isinstance(each, ast.Dict) and (interval := self.configured(each)) is not None:
                found["interval"] = interval
        metric = {"metric": self.script.unread(step.args[0])} if step is not None and step.args else {}
        return found, metric | self.late(step)

    def configured(self, node: ast.Dict) -> Value | None:
        """Return the interval in the mapping that Lightning is given: `{"scheduler": …, "interval": "epoch"}`."""
        entries = {
            key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        }
        made = entries.get("scheduler")
        is_own = made is self.call or (made is not None and dotted_name(made) in self.script.targets(self.call))
        found = self.script.value(entries["interval"]) if is_own and "interval" in entries else None
        return found if found is not None and found.data in ("step", "epoch") else None

    def late(self, step: ast.Call | None) -> dict[str, Value]:
        """Return from when on it is stepped: `if epoch >= 10: scheduler.step()`."""
        parent = self.script.parents.get(self.script.parents.get(step, self.script.tree)) if step is not None else None
        if not isinstance(parent, ast.If) or not isinstance(parent.test, ast.Compare):
            return {}
        test = parent.test
        first = self.script.value(test.comparators[0])
        if type(first.data) is not int or not isinstance(test.ops[0], (ast.Gt, ast.GtE)):
            return {}
        return {"swa_start": Value(first.data + isinstance(test.ops[0], ast.Gt), first.place)}

    def around(self, node: ast.AST) -> list[ast.For | ast.While]:
        """Return the loops around a node in its scope, the innermost first."""
        found: list[ast.For | ast.While] = []
        while not isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)):
            node = self.script.parents[node]
            if isinstance(node, (ast.For, ast.While)):
                found.append(node)
        return found

    def epochs(self) -> Value | None:
        """Return how many epochs the one loop over epochs has; None where there is no such loop.

        Where none counts what is called an epoch, it is the one over a range with a loop in it that steps.
        """
        every = [each for each in ast.walk(self.script.tree) if isinstance(each, ast.For)]
        loops = [each for each in every if _counts_epochs(each)] or [each for each in every if self.nests(each)]
        return self.length(loops[0]) if len(loops) == 1 else None

    def nests(self, loop: ast.For) -> bool:
        """Return whether a loop over a range, after the scheduler is made, has a loop in it that steps."""
        inside = set(_inside(loop))
        is_counted = self.call not in inside and self.length(loop) is not None
        return is_counted and any(inside.intersection(self.around(each)) for each in self.updates)

    def length(self, loop: ast.AST) -> Value | None:
        """Return how often a loop over a range goes round; None for any other."""
        ranges = [each for each in _iterated(loop) if _last(each) in ("range", "trange") and 1 <= len(each.args) <= 2]
        if len(ranges) != 1:
            return None
        ends = [self.script.value(each) for each in ranges[0].args]
        numbers = [each.data for each in ends if type(each.data) is int]
        if len(numbers) < len(ends):
            return self.script.unread(ranges[0])
        return Value(numbers[-1] - (numbers[0] if len(numbers) > 1 else 0), ends[-1].place)


def _iterated(loop: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that a loop goes over, those in tqdm, enumerate and zip too."""
    waiting: list[ast.AST] = [loop.iter] if isinstance(loop, ast.For) else []
    while waiting:
        each = waiting.pop()
        if isinstance(each, ast.Call):
            yield each
            waiting.extend(each.args if _last(each) in WRAPPERS else [])


def _counts_epochs(loop: ast.AST) -> bool:
    return isinstance(loop, ast.For) and any(
        isinstance(each, ast.Name) and "epoch" in each.id.lower() for each in ast.walk(loop.target)
    )


def _tail(node: ast.AST) -> str:
    return (dotted_name(node) or "").rpartition(".")[2]


def _stepped(call: ast.Call) -> list[str]:
    """Return what a call steps, by name: `optimizer.step()`, or `scaler.step(optimizer)`; nothing for another."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "step":
        return []
    return [_tail(node) for node in (call.func.value, *call.args)]


def _inside(loop: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in the body of a loop."""
    for statement in getattr(loop, "body", []):
        yield from ast.walk(statement)


def _imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what each imported name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.asname, each.name) for each in node.names if each.asname)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((each.asname or each.name, f"{node.module}.{each.name}") for each in node.names)


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, without those of the functions and classes in it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(each))


def _assigned(scope: ast.AST) -> Iterator[tuple[ast.Name, ast.expr]]:
    """Yield each name that a scope assigns something to, and what, `a, b = 1, 2` too."""
    for each in _own(scope):
        targets = (
            each.targets if isinstance(each, ast.Assign) else [each.target] if isinstance(each, ast.AnnAssign) else []
        )
        value = each.value if isinstance(each, (ast.Assign, ast.AnnAssign)) else None
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                yield target, value
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
                pairs = zip(target.elts, value.elts, strict=True)
                yield from ((name, part) for name, part in pairs if isinstance(name, ast.Name))


def _binds(node: ast.AST) -> str | None:
    """Return the name that a node binds; None for one that only uses it."""
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, (ast.Store, ast.Del)) else None
    return (
        node.arg if isinstance(node, ast.arg) else (node.asname or node.name) if isinstance(node, ast.alias) else None
    )


def _last(call: ast.Call) -> str:
    return (dotted_name(call.func) or "").rpartition(".")[2]


def _spoiled(value: Value) -> bool:
    """Return whether a value, or one in it, could not be read."""
    inner = (
        value.data.values() if isinstance(value.data, Mapping) else value.data if isinstance(value.data, list) else ()
    )
    return bool(value.problems) or any(map(_spoiled, inner))
