"""ms-swift's YAML, and the args.json that it writes.

TrainingArguments with defaults of its own, as in ms-swift 3 (llm/argument/train_args.py, trainers/arguments.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lrviz.readers.configs import huggingface
from lrviz.readers.configs.config import Config, Entries

LABEL = "ms-swift"

OWN = {"train_type", "tuner_type", "tuner_backend", "split_dataset_ratio", "rlhf_type"}
READ = huggingface.READ
TYPES = ("train_type", "tuner_type")
BATCH = 16
"""What it makes of batch size, accumulation and devices together where the accumulation is left out."""


def fits(keys: Entries) -> bool:
    """Return whether a config with these keys is ms-swift's."""
    is_trainer = len(huggingface.KEYS & keys.keys()) >= 1
    return is_trainer and bool(OWN & keys.keys())


def read(config: Config) -> Mapping[str, Any]:
    """Return the document that a training comes to."""
    if config.has("warmup_ratio") and config.find("warmup_steps").data:
        config.refuse("warmup_ratio", "contradicts warmup_steps: ms-swift stops with an error; give one of the two")
    config.versions = {"transformers": huggingface.LAST_WITH_RATIO, **config.versions}
    key = next((key for key in TYPES if config.has(key)), TYPES[0])
    kind = config.take(key, "optimizer.lr", "lora").data
    defaults = huggingface.Defaults(
        kind="cosine",
        lr=1e-5 if kind == "full" else 1e-4,
        batch_size=1,
        grad_accum=_accumulated(config),
        weight_decay=0.1,
        second_beta=0.95,
        eval_strategy="steps",
        logged="save_steps",
    )
    return huggingface.document(config, defaults)


def _accumulated(config: Config) -> int | None:
    """Return the accumulation that fills a batch of 16 on all devices, None where those are not known."""
    batch, devices = config.find("per_device_train_batch_size").data or 1, config.given.get("world_size")
    if type(batch) is not int or type(devices) is not int:
        return None
    return max(1, math.ceil(BATCH / batch / devices))
