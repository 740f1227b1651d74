"""timm's args.yaml: what its train.py writes beside a run, or is given by --config.

Keys as in timm 1.0.31 (scheduler/scheduler_factory.py), defaults as in its train.py, which has a key for each of
them: a file without one is older, or written by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lrviz.errors import shown
from lrviz.experiment.optimizers import momentum_name
from lrviz.experiment.values import Value
from lrviz.readers.configs.config import OR_STEPS, Config, Entries, entries

LABEL = "timm args.yaml"

KEYS = {"opt", "epochs", "lr", "lr_base", "warmup_epochs", "warmup_lr", "min_lr", "decay_epochs", "batch_size"}
SCHEDULES = ("cosine", "tanh", "poly", "step", "multistep", "wsd", "rsqrt", "constant", "plateau", "none")
CYCLIC = ("cosine", "tanh", "poly")
FALLING = ("wsd", "rsqrt")
NUMBERS = {
    "lr": None, "lr_base": 0.1, "lr_base_size": 256, "lr_base_scale": None, "lr_noise": None, "lr_noise_pct": 0.67,
    "lr_noise_std": 1.0, "lr_cycle_mul": 1.0, "lr_cycle_decay": 0.5, "lr_cycle_limit": 1, "lr_k_decay": 1.0,
    "lr_decay_fn": None, "lr_stable_timescale": None, "warmup_lr": 1e-5, "warmup_epochs": 5, "warmup_prefix": False,
    "decay_milestones": [90, 180, 270], "decay_epochs": 90, "decay_rate": 0.1, "min_lr": 0.0, "epochs": 300,
    "cooldown_epochs": 0, "patience_epochs": 10, "sched_on_updates": False,
}  # fmt: skip
"""The keys of the schedule, and train.py's defaults."""

READ = {"": (*NUMBERS, "sched", "opt", "opt_betas", "momentum", "batch_size", "grad_accum_steps", "epoch_repeats")}
ALIKE = {"momentum": "sgd", "nesterov": "sgd"}
ROOTED = ("ada", "lamb")  # optimizers whose learning rate grows with the root of the batch


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is timm's."""
    return "sched" in keys and len(KEYS & keys.keys()) >= 2


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a run of train.py comes to."""
    schedule = _Schedule(config)
    scheduler = schedule.read()
    return {"run": _run(config, schedule), "optimizer": _optimizer(config), "scheduler": scheduler}


class _Schedule:
    """The schedule under reading, in the unit that train.py steps it in."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.name = config.word("sched", "scheduler.name", SCHEDULES, "cosine") or "cosine"
        self.on_updates = config.flag("sched_on_updates", "run.interval", False)
        self.epochs = self.number("epochs", "scheduler.t_initial")
        self.warmup = self.number("warmup_epochs", "scheduler.warmup_t")
        self.is_prefixed = config.flag("warmup_prefix", "scheduler.warmup_prefix", False)
        self.cycles, self.growth = 1.0, 1.0

    def number(self, key: str, became: str, default: float | None = None) -> float:
        default = NUMBERS[key] if default is None else default  # type: ignore[assignment]  # of numbers
        return self.config.number(key, became, default) or 0

    def at(self, key: str, data: Any) -> Value:
        """Return what a key came to, at its place."""
        return Value.of(data, self.config.find(key).place or self.config.name)

    def time(self, key: str, epochs: float) -> Value:
        """Return epochs as steps of the schedule: a duration, where those are updates."""
        if self.on_updates and epochs and float(epochs).is_integer():
            return self.at(key, f"{epochs:.15g}ep")
        return self.at(key, _whole(epochs * self.unit(key) if epochs else epochs))

    def unit(self, what: str) -> float:
        """Return how many steps of the schedule an epoch has; what is no duration needs the number."""
        if not self.on_updates:
            return 1
        self.config.need("steps_per_epoch", f"{what} is counted in updates")
        return self.config.said("steps_per_epoch") or 1

    @property
    def trained(self) -> Value:
        """How many epochs train.py trains: with cycles, a warmup before them, and the cooldown after them."""
        total = self.epochs
        if self.name in (*CYCLIC, *FALLING):
            total = _grown(total, max(1.0, self.cycles), self.growth) + self.number("cooldown_epochs", "run.epochs")
        elif self.config.has("cooldown_epochs"):
            self.config.ignore("cooldown_epochs", f"{self.name} has no cooldown")
        return self.at("epochs", _whole(total + self.warmup * self.is_prefixed))

    def read(self) -> Value:
        """Return the scheduler that create_scheduler_v2 makes."""
        config = self.config
        if self.name == "none":
            config.ignore("warmup_epochs", "sched none has no schedule, and no warmup")
            return entries({"name": "constant", "factor": 1.0}, config.name)
        kinds = {"rsqrt": "wsd", "constant": "step"}
        found: dict[str, Any] = {"name": self.at("sched", f"timm-{kinds.get(self.name, self.name)}")}
        if self.warmup:
            found["warmup_t"] = self.time("warmup_epochs", self.warmup)
            found["warmup_lr_init"] = config.take("warmup_lr", "scheduler.warmup_lr_init", NUMBERS["warmup_lr"])
        if self.name not in (*FALLING, "plateau"):
            found["warmup_prefix"] = self.at("warmup_prefix", self.is_prefixed)
        own = {"plateau": self.plateau, "multistep": self.steps, "step": self.steps, "constant": self.steps}
        own |= dict.fromkeys(CYCLIC, self.cyclic) | dict.fromkeys(FALLING, self.falling)
        found |= own[self.name]()
        return entries(found | self.noise(), config.find("sched").place or config.name)

    def cyclic(self) -> dict[str, Any]:
        """Return the arguments of cosine, tanh and poly."""
        config = self.config
        found: dict[str, Any] = {"t_initial": self.time("epochs", self.epochs)}
        found["lr_min"] = config.take("min_lr", "scheduler.lr_min", NUMBERS["min_lr"])
        self.cycles = self.number("lr_cycle_limit", "scheduler.cycle_limit")
        if self.cycles == 1:
            for key in ("lr_cycle_mul", "lr_cycle_decay"):
                config.ignore(key, "lr_cycle_limit 1: there is one cycle")
        else:
            self.growth = self.number("lr_cycle_mul", "scheduler.cycle_mul")
            found["cycle_limit"] = self.at("lr_cycle_limit", _whole(self.cycles))
            found["cycle_mul"] = self.at("lr_cycle_mul", self.growth)
            found["cycle_decay"] = config.take("lr_cycle_decay", "scheduler.cycle_decay", NUMBERS["lr_cycle_decay"])
        if self.name == "poly":
            found["power"] = config.take("decay_rate", "scheduler.power", NUMBERS["decay_rate"])
        if self.name != "tanh" and config.has("lr_k_decay"):
            found["k_decay"] = config.take("lr_k_decay", "scheduler.k_decay")
        return found

    def steps(self) -> dict[str, Any]:
        """Return the arguments of step, of multistep, and of constant, which is a step that changes nothing."""
        config = self.config
        if self.name == "constant":
            return {"decay_t": 1, "decay_rate": 1.0}
        rate = config.take("decay_rate", "scheduler.decay_rate", NUMBERS["decay_rate"])
        if self.name == "step":
            return {"decay_t": self.time("decay_epochs", self.number("decay_epochs", "scheduler.decay_t")),
                    "decay_rate": rate}  # fmt: skip
        milestones = config.take("decay_milestones", "scheduler.decay_t", NUMBERS["decay_milestones"])
        epochs = milestones.plain()
        if not isinstance(epochs, list) or not all(type(epoch) in (int, float) for epoch in epochs):
            config.refuse("decay_milestones", "must be a list of epochs, such as [90, 180, 270]")
            return {}
        times = [self.time("decay_milestones", epoch) for epoch in epochs]
        return {"decay_t": Value(times, milestones.place), "decay_rate": rate}

    def falling(self) -> dict[str, Any]:
        """Return the arguments of wsd and rsqrt, whose warmup is before what they decay in, always."""
        config = self.config
        left = self.epochs if self.is_prefixed else self.epochs - self.warmup
        given = self.number("decay_epochs", "scheduler.decay_t", 0.2)
        if left <= 0:
            config.refuse("warmup_epochs", f"takes all of the {self.epochs:g} epochs: nothing is left for the decay")
        elif not 0 < given <= left:
            config.refuse("decay_epochs", f"must be > 0 and at most {left:g}, what the warmup leaves, not {given:g}")
        decay = self.time("decay_epochs", given * left if given < 1 else given)  # below 1 it is a share
        decay = decay if isinstance(decay.data, str) else self.at("decay_epochs", round(decay.data))  # type: ignore[arg-type]
        read: dict[str, Any] = {"t_initial": self.time("epochs", left), "decay_t": decay}
        read["lr_min"] = config.take("min_lr", "scheduler.lr_min", NUMBERS["min_lr"])
        shape = config.find("lr_decay_fn").data
        read["decay_fn"] = config.take("lr_decay_fn", "scheduler.decay_fn") if shape else None
        if self.name == "rsqrt":
            read |= {"stable_fn": "rsqrt"} | ({} if shape else {"decay_fn": "linear"})
            if config.has("lr_stable_timescale"):
                scale = self.number("lr_stable_timescale", "scheduler.stable_timescale", 0)
                read["stable_timescale"] = self.at("lr_stable_timescale", scale * self.unit("lr_stable_timescale"))
        return read

    def plateau(self) -> dict[str, Any]:
        """Return the arguments of plateau, which train.py steps with the metric of each epoch."""
        config = self.config
        if self.on_updates:
            config.refuse("sched_on_updates", "plateau steps once an epoch only: AssertionError")
        watched = str(config.take("eval_metric", "scheduler.mode", "top1").data)
        config.need("metric", f"eval_metric is {watched}")
        return {
            "mode": self.at("eval_metric", "min" if "loss" in watched else "max"),
            "decay_rate": config.take("decay_rate", "scheduler.decay_rate", NUMBERS["decay_rate"]),
            "patience_t": config.take("patience_epochs", "scheduler.patience_t", NUMBERS["patience_epochs"]),
            "lr_min": config.take("min_lr", "scheduler.lr_min", NUMBERS["min_lr"]),
        }

    def noise(self) -> dict[str, Any]:
        """Return the noise, from a share of the schedule on, or between two."""
        config, shares = self.config, self.config.find("lr_noise").plain()
        if shares is None:
            return {}
        shares = shares if isinstance(shares, list) else [shares]
        if not all(type(share) in (int, float) for share in shares) or len(shares) not in (1, 2):
            config.refuse("lr_noise", "must be one or two shares of the schedule, such as [0.4, 0.9]")
            return {}
        config.take("lr_noise", "scheduler.noise_range_t")
        ends = [share * self.epochs * self.unit("lr_noise") for share in shares]
        found: dict[str, Any] = {"noise_range_t": self.at("lr_noise", ends if len(ends) > 1 else ends[0])}
        for key in ("noise_pct", "noise_std"):
            found[key] = config.take(f"lr_{key}", f"scheduler.{key}", NUMBERS[f"lr_{key}"])
        return found | {"noise_seed": config.take("seed", "scheduler.noise_seed", 42)}


def _grown(length: float, cycles: float, mul: float) -> float:
    """Return how long so many cycles are together, each `mul` times as long as that before it."""
    if mul == 1 or mul <= 0:
        return length * cycles
    try:
        return float(math.floor(-length * (mul**cycles - 1) / (1 - mul)))
    except OverflowError:
        return math.inf


def _whole(number: float) -> float:
    """Return a number as an int where it is whole: 5 of 5.0."""
    return int(number) if float(number).is_integer() else number


def _run(config: Config, schedule: _Schedule) -> Value:
    """Return train.py's clock, whose epochs are the schedule's."""
    interval = schedule.at("sched_on_updates", "step" if schedule.on_updates else "epoch")
    found: dict[str, Any] = {"framework": "timm", "epochs": schedule.trained, "interval": interval}
    for key in ("start_epoch", "resume"):
        if config.find(key).data:
            config.ignore(key, "the run went on from there; shown is the whole schedule")
    if "steps_per_epoch" in config.given:
        return entries(found, config.name)
    repeats = next((key for key in ("epoch_repeats", "aug_repeats") if config.find(key).data), "")
    if repeats or "steps_per_epoch" in config.needs:
        config.need("steps_per_epoch", f"{repeats} repeats samples within an epoch")
        return entries(found, config.name)
    found["batch_size"] = config.take("batch_size", "run.batch_size", 128)
    found["grad_accum"] = config.take("grad_accum_steps", "run.grad_accum", 1)
    config.need("dataset_size", OR_STEPS)
    config.need("world_size")
    return entries(found, config.name)


def _optimizer(config: Config) -> Value:
    """Return the optimizer, with the learning rate that train.py scales where the file has none."""
    opt = config.take("opt", "optimizer.name", "sgd")
    word = str(opt.data).lower() if isinstance(opt.data, str) else ""
    if not word:
        config.refuse("opt", f"must be the name of an optimizer, not {shown(opt.plain())}")
    name = config.optimizer(ALIKE.get(word, word)) if word else "SGD"
    found: dict[str, Any] = {"name": Value(name, opt.place), "lr": _lr(config, word)}
    if momentum_name(name) == "momentum":
        found["momentum"] = config.take("momentum", "optimizer.momentum", 0.9)
    elif momentum_name(name) == "beta1" and config.has("opt_betas"):
        found["betas"] = config.take("opt_betas", "optimizer.betas")
    if config.has("weight_decay"):
        found["weight_decay"] = config.take("weight_decay", "optimizer.weight_decay")
    if config.has("layer_decay"):
        config.ignore("layer_decay", "it multiplies what each layer's group has; shown is the last layer's")
    return entries(found, config.name)


def _lr(config: Config, opt: str) -> Value:
    if config.find("lr").data:
        for key in ("lr_base", "lr_base_size", "lr_base_scale"):
            config.ignore(key, "lr is given")
        config.number("lr", "optimizer.lr")
        return config.find("lr")
    if "lr" in config.given:
        return Value(None)
    config.need("world_size", "lr is null: it is scaled from lr_base by the batch of all devices")
    base = config.number("lr_base", "optimizer.lr", 0.1) or 0
    batch = config.number("batch_size", "run.batch_size", 128) or 0
    accum = config.number("grad_accum_steps", "run.grad_accum", 1) or 0
    size = config.number("lr_base_size", "optimizer.lr", 256) or 0
    if size <= 0:
        config.refuse("lr_base_size", f"must be above 0, not {size:g}")
        return Value(None)
    scale = "sqrt" if any(part in opt for part in ROOTED) else "linear"
    scale = config.word("lr_base_scale", "optimizer.lr", ("linear", "sqrt"), scale) or scale
    ratio = batch * (config.said("world_size") or 1) * accum / size
    return Value(base * (max(ratio, 0.0) ** 0.5 if scale == "sqrt" else ratio), config.find("lr_base").place)
