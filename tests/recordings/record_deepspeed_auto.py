"""Records into deepspeed-auto.json what the Trainer puts into a DeepSpeed config, for test_deepspeed.py.

    pip install transformers accelerate
    python tests/recordings/record_deepspeed_auto.py

The class that fills the config asks for DeepSpeed only when it is made, so that it is made by its parts here.
"""

import json
from importlib import metadata
from pathlib import Path

from accelerate.utils.deepspeed import HfDeepSpeedConfig
from transformers import TrainingArguments
from transformers.integrations.deepspeed import HfTrainerDeepSpeedConfig

HERE = Path(__file__).parent
AUTO = dict.fromkeys(("warmup_min_lr", "warmup_max_lr", "warmup_num_steps"), "auto")
DECAY = {**AUTO, "total_num_steps": "auto"}
COSINE = {"warmup_num_steps": "auto", "total_num_steps": "auto", "warmup_min_ratio": 0.03}
WARMUPS = (0, 0.0001, 0.03, 0.0301, 1, 1.9, 40)
OPTIMIZER = {"type": "AdamW", "params": {"lr": 1e-3, "weight_decay": 0.1}}
CASES = [({"warmup_steps": each}, {"scheduler": {"type": "WarmupDecayLR", "params": DECAY}}) for each in WARMUPS]
CASES += [({"warmup_steps": each}, {"scheduler": {"type": "WarmupLR", "params": AUTO}}) for each in WARMUPS]
CASES += [({"warmup_steps": 0.1}, {"scheduler": {"type": "WarmupCosineLR", "params": COSINE}})]
CASES += [
    ({"warmup_steps": 5}, {"scheduler": {"type": "WarmupLR", "params": {**AUTO, "warmup_num_steps": 7}}}),
    ({"warmup_steps": 5}, {"scheduler": {"type": "WarmupDecayLR", "params": {**DECAY, "total_num_steps": 9}}}),
    ({"warmup_steps": 5}, {"scheduler": {"type": "WarmupLR", "params": {**AUTO, "warmup_max_lr": 1e-3}}}),
    ({"warmup_steps": 5}, {"optimizer": OPTIMIZER}),
    ({}, {"train_micro_batch_size_per_gpu": 2, "gradient_accumulation_steps": 3, "train_batch_size": 6}),
    ({}, {"train_micro_batch_size_per_gpu": 8, "gradient_accumulation_steps": 1, "train_batch_size": 8}),
]
STEPS = 1000


def filled(arguments, config):
    """Return the parameters of the scheduler as the Trainer fills them, and the keys that it refuses."""
    args = TrainingArguments(output_dir="unused", learning_rate=2e-5, max_steps=STEPS, use_cpu=True, **arguments)
    own = HfTrainerDeepSpeedConfig.__new__(HfTrainerDeepSpeedConfig)
    HfDeepSpeedConfig.__init__(own, {"train_batch_size": "auto", **json.loads(json.dumps(config))})
    own._dtype, own.mismatches = None, []
    own.trainer_config_process(args)
    try:
        own.trainer_config_finalize(args, None, STEPS)
    except ValueError:
        return None, [line.split()[2].partition("=")[0] for line in own.mismatches]
    return own.config.get("scheduler", {}).get("params"), []


def main():
    cases = [[arguments, config, *filled(arguments, config)] for arguments, config in CASES]
    found = {"transformers": metadata.version("transformers"), "steps": STEPS, "lr": 2e-5, "cases": cases}
    (HERE / "deepspeed-auto.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
