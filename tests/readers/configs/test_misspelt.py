"""Keys of the schedule that are misspelt, in every format; and no others, by tests/recordings/config-keys.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lrviz.experiment.values import Value
from lrviz.readers.configs.config import Config
from lrviz.readers.configs.formats import FORMATS

RECORDED = json.loads((Path(__file__).parents[2] / "recordings" / "config-keys.json").read_text())["keys"]
READ = {name: import_module(f"lrviz.readers.configs.{module}").READ for name, module in FORMATS.items()}
BLOCKS = [(name, block) for name, blocks in READ.items() for block in blocks]


def nested(block: str, entries: dict[str, Any]) -> dict[str, Any]:
    """Return a config with entries in a block, by its dotted key."""
    for part in reversed(block.split(".") if block else ()):
        entries = {part: entries}
    return entries


def refused(name: str, block: str, *keys: str) -> list[str]:
    """Return what is refused of a config of these keys alone."""
    config = Config(Value.of(nested(block, dict.fromkeys(keys, 1))), "a.yaml")
    config.misspelt(READ[name])
    return [str(problem) for problem in config.problems]


def mistakes(key: str) -> Iterator[str]:
    """Yield a key with a letter too many, one too few, two that changed places, and with hyphens."""
    middle = len(key) // 2
    yield key + "z"
    yield key[:middle] + key[middle + 1 :]
    yield key[: middle - 1] + key[middle] + key[middle - 1] + key[middle + 1 :]
    yield key.replace("_", "-")


@pytest.mark.parametrize(("name", "block"), BLOCKS)
def test_a_key_with_a_mistake_is_refused_with_the_right_one(name: str, block: str) -> None:
    for key in (key for key in READ[name][block] if len(key) >= 11 and not key.startswith("_")):
        for typed in {*mistakes(key)} - {*READ[name][block]}:
            (message,) = refused(name, block, typed)
            assert f"{typed}: unknown key; did you mean " in message


@pytest.mark.parametrize(("name", "block"), [(name, block) for name, blocks in RECORDED.items() for block in blocks])
def test_no_other_key_of_the_trainers_is_refused(name: str, block: str) -> None:
    others = [key for key in RECORDED[name][block] if key not in READ[name].get(block, ())]
    assert others
    assert [message for key in others for message in refused(name, block, key)] == []


def test_a_key_whose_like_is_there_is_not_looked_at() -> None:
    assert refused("huggingface", "", "warmup_steps", "warmup_step") == []


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "c.py",
            "max_iters = 9\nwarmup_iters = 1\nlearning_rates = 1\nmin_lr = 0\n",
            "c.py:3: learning_rates: unknown key",
        ),
        (
            "t.toml",
            "[job]\n[training]\nsteps = 9\n[lr_schedular]\nwarmup_steps = 1\n",
            "t.toml:4: lr_schedular: unknown",
        ),
        (
            "y.yaml",
            "imgsz: 1\nlrf: 0.1\noptimiser: SGD\n",
            "y.yaml:3: optimiser: unknown key; did you mean 'optimizer'?",
        ),
    ],
)
def test_it_is_refused_at_its_line(refused: Any, name: str, text: str, message: str) -> None:
    assert message in refused(text, name)
