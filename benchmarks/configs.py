"""Trainers' configs as repositories have them, to time `lrviz check` on many: five of each of ten formats."""

from __future__ import annotations

from pathlib import Path

DEEPSPEED = """{{
  "fp16": {{}},
  "zero_optimization": {{"stage": 2}},
  "optimizer": {{"type": "AdamW", "params": {{"lr": 1e-4}}}},
  "scheduler": {{
    "type": "WarmupDecayLR",
    "params": {{"total_num_steps": {n}000, "warmup_num_steps": 100, "warmup_type": "linear"}}
  }}
}}
"""
FORMATS = {
    "trl.yaml": "learning_rate: 2.0e-5\nlr_scheduler_type: cosine\nwarmup_steps: 0.1\nnum_train_epochs: {n}\n"
    "per_device_train_batch_size: 8\ngradient_accumulation_steps: 2\n",
    "factory.yaml": "stage: sft\nfinetuning_type: lora\ntemplate: qwen\nlearning_rate: 1.0e-4\nnum_train_epochs: {n}\n"
    "per_device_train_batch_size: 4\nlr_scheduler_type: cosine\nwarmup_steps: 20\n",
    "axolotl.yml": "base_model: a\ndatasets: [b]\nlearning_rate: 0.0002\nlr_scheduler: cosine\nnum_epochs: {n}\n"
    "micro_batch_size: 2\ngradient_accumulation_steps: 4\nwarmup_ratio: 0.1\n",
    "ds.json": DEEPSPEED,
    "lightning.yaml": "trainer: {{max_epochs: {n}, devices: 2}}\ndata: {{batch_size: 64}}\n"
    "optimizer: {{class_path: torch.optim.SGD, init_args: {{lr: 0.1, momentum: 0.9}}}}\n"
    "lr_scheduler: {{class_path: CosineAnnealingLR, init_args: {{T_max: {n}}}}}\n",
    "timm.yaml": "sched: cosine\nopt: sgd\nlr: 0.1\nepochs: 2{n}\nwarmup_epochs: 3\nmin_lr: 1.0e-5\nbatch_size: 128\n",
    "yolo.yaml": "imgsz: 640\nepochs: 2{n}\nbatch: 16\noptimizer: SGD\nlr0: 0.01\nlrf: 0.01\nwarmup_epochs: 3.0\n",
    "tune.yaml": "optimizer: {{_component_: torch.optim.AdamW, lr: 2.0e-5}}\nepochs: {n}\nbatch_size: 4\n"
    "gradient_accumulation_steps: 4\nlr_scheduler:\n  _component_: torchtune.training.get_cosine_schedule_with_warmup\n"
    "  num_warmup_steps: 100\n",
    "titan.toml": "[job]\n[optimizer]\nlr = 3e-4\n[lr_scheduler]\nwarmup_steps = 200\n[training]\nsteps = {n}000\n",
    "gpt.py": "learning_rate = 6e-4\nmax_iters = {n}000\nlr_decay_iters = {n}000\nmin_lr = 6e-5\nwarmup_iters = 100\n",
}
PROJECT = "[tool.lrviz.run]\ndataset_size = 20000\nworld_size = 2\n"


def write(folder: Path) -> None:
    """Write a repository of fifty configs, and one with one of them."""
    for name, numbers in (("fifty", range(1, 6)), ("one", range(3, 4))):
        for number in numbers:
            place = folder / name / f"run{number}"
            place.mkdir(parents=True)
            for file, text in FORMATS.items() if name == "fifty" else [*FORMATS.items()][:1]:
                (place / file).write_text(text.format(n=number))
        (folder / name / "pyproject.toml").write_text(PROJECT)
